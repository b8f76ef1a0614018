package changeset

import (
	"bytes"
	"fmt"
	"testing"
)

// manyResources is a template of n resources of which each group of five
// refers to each other, as real ones do. In another version, every resource
// differs.
func manyResources(n, version int) string {
	var b bytes.Buffer
	b.WriteString(`{"Resources": {`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		switch group := i / 5; i % 5 {
		case 0:
			fmt.Fprintf(&b, `"Topic%d": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic-%d-%d", "DisplayName": {"Fn::Sub": "${AWS::StackName} %d"}}}`, group, group, version, i)
		case 1:
			fmt.Fprintf(&b, `"Queue%d": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": %d, "Tags": [{"Key": "a", "Value": "b"}]}}`, group, 300+version)
		case 2:
			fmt.Fprintf(&b, `"Subscription%d": {"Type": "AWS::SNS::Subscription", "Properties": {"Protocol": "sqs", "TopicArn": {"Ref": "Topic%d"}, "Endpoint": {"Fn::GetAtt": ["Queue%d", "Arn"]}}}`, group, group, group)
		case 3:
			fmt.Fprintf(&b, `"Bucket%d": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "version", "Value": "%d"}], "VersioningConfiguration": {"Status": "Enabled"}}}`, group, version)
		case 4:
			fmt.Fprintf(&b, `"Parameter%d": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Description": "version %d", "Value": {"Fn::Join": ["/", [{"Ref": "Bucket%d"}, {"Ref": "Queue%d"}]]}}}`, group, version, group, group)
		}
	}
	b.WriteString(`}}`)
	return b.String()
}

// BenchmarkChangeSet measures both answers over resources that all change.
func BenchmarkChangeSet(b *testing.B) {
	for _, n := range []int{500, 5000} {
		u := update(b, manyResources(n, 1), manyResources(n, 2), nil, nil)
		for _, mode := range []struct {
			name    string
			compute func() (Set, error)
		}{{"structural", u.Changes}, {"values", u.ChangesWithValues}} {
			b.Run(fmt.Sprintf("%s/%d", mode.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					s, err := mode.compute()
					if err != nil || len(s.Changes) != n {
						b.Fatal(len(s.Changes), err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("plan/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if p, err := u.Plan(); err != nil || len(p.Steps) != n {
					b.Fatal(len(p.Steps), err)
				}
			}
		})
	}
}

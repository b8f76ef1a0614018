package stack_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"larder/internal/cfn/stack"
	"larder/internal/cfn/template"
	"larder/internal/db"
	"larder/internal/seal"
	"larder/internal/workflow"
)

// manyResources is a template of n resources of which each group of five
// refers to each other, as real ones do.
func manyResources(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"AWSTemplateFormatVersion": "2010-09-09", "Resources": {`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		switch group := i / 5; i % 5 {
		case 0:
			fmt.Fprintf(&b, `"Topic%d": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::Sub": "${AWS::StackName} %d"}}}`, group, i)
		case 1:
			fmt.Fprintf(&b, `"Queue%d": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 300}}`, group)
		case 2:
			fmt.Fprintf(&b, `"Subscription%d": {"Type": "AWS::SNS::Subscription", "Properties": {"Protocol": "sqs", "TopicArn": {"Ref": "Topic%d"}, "Endpoint": {"Fn::GetAtt": ["Queue%d", "Arn"]}}}`, group, group, group)
		case 3:
			fmt.Fprintf(&b, `"Bucket%d": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "group", "Value": "%d"}]}}`, group, group)
		case 4:
			fmt.Fprintf(&b, `"Parameter%d": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Fn::Join": ["/", [{"Ref": "Bucket%d"}, {"Ref": "Queue%d"}]]}}}`, group, group, group)
		}
	}
	b.WriteString(`}}`)
	return b.Bytes()
}

// BenchmarkCreate measures a stack from the request to CREATE_COMPLETE, with
// every event durably kept, at one connection.
func BenchmarkCreate(b *testing.B) {
	for _, n := range []int{1, 50, 500, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d, err := db.Open(b.Context(), db.Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			runner := workflow.New(d, workflow.Options{})
			stacks := stack.New(stack.Options{DB: d, Runner: runner, Keys: seal.Ephemeral(), Template: wide()})
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() { defer close(ended); _ = runner.Run(ctx) }()
			defer func() { stop(); <-ended; _ = d.Close() }()
			text := manyResources(n)
			b.ResetTimer()
			for i := 0; b.Loop(); i++ {
				st, err := stacks.Create(ctx, stack.CreateInput{
					Account: account, Region: region, Name: fmt.Sprintf("stack-%d", i), Template: text,
				})
				if err != nil {
					b.Fatal(err)
				}
				if err := runner.Wait(ctx, st.Journal.Run); err != nil {
					b.Fatal(err)
				}
				if st, err = stacks.Describe(ctx, account, region, st.ID); err != nil || st.Status != stack.CreateComplete {
					b.Fatalf("%v: %s %s", err, st.Status, st.Reason)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/resource")
		})
	}
}

// wide admits templates of more resources than AWS does.
func wide() template.Limits {
	l := template.DefaultLimits()
	l.Bytes, l.Resources = 16<<20, 10_000
	return l
}

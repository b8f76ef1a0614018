package awsquery

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// BenchmarkServe reads and checks a CreateStack of 20 parameters with a
// template of 20 KB.
func BenchmarkServe(b *testing.B) {
	form := url.Values{"Action": {"CreateStack"}, "Version": {"2010-05-15"}, "StackName": {"bench"}}
	form.Set("TemplateBody", strings.Repeat("Resources: {A: {Type: AWS::SNS::Topic}}\n", 500))
	for i := range 20 {
		form.Set(fmt.Sprintf("Parameters.member.%d.ParameterKey", i+1), fmt.Sprint("Key", i))
		form.Set(fmt.Sprintf("Parameters.member.%d.ParameterValue", i+1), fmt.Sprint("Value", i))
	}
	body := []byte(form.Encode())
	h := &CloudFormationHandlers{CreateStack: func(context.Context, *CreateStackInput) (*CreateStackOutput, error) {
		return &CreateStackOutput{}, nil
	}}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		r, err := Parse(body)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := Serve(b.Context(), h, r, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendAnswer writes a page of 100 events.
func BenchmarkAppendAnswer(b *testing.B) {
	out := &DescribeStackEventsOutput{}
	for i := range 100 {
		out.StackEvents = append(out.StackEvents, StackEvent{
			StackId: "arn:aws:cloudformation:us-east-1:000000000000:stack/bench/11111111-2222-3333-4444-555555555555",
			EventId: fmt.Sprint("Topic-CREATE_COMPLETE-", i), StackName: "bench", LogicalResourceId: "Topic",
			PhysicalResourceId: new("arn:aws:sns:us-east-1:000000000000:bench-Topic-AAAAAAAAAAAA"),
			ResourceType:       "AWS::SNS::Topic", Timestamp: time.Unix(1_700_000_000, 0), ResourceStatus: ResourceStatusCreateComplete,
			ResourceProperties: `{"TopicName":"a","Tags":[{"Key":"k","Value":"v"}]}`,
		})
	}
	op := Op{CloudFormation, "DescribeStackEvents"}
	var doc []byte
	b.ReportAllocs()
	for b.Loop() {
		doc = AppendAnswer(doc[:0], op, out, "11111111-2222-3333-4444-555555555555")
	}
	b.SetBytes(int64(len(doc)))
}

package stack_test

import (
	"bytes"
	"context"
	"errors"
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

// bench is a store on disk with full durability.
type bench struct {
	*stack.Stacks
	runner *workflow.Runner
	text   []byte
}

func newBench(b *testing.B, resources int) bench {
	d, err := db.Open(b.Context(), db.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	runner := workflow.New(d, workflow.Options{})
	stacks := stack.New(stack.Options{DB: d, Runner: runner, Keys: seal.Ephemeral(), Template: wide()})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, d.Close()); err != nil && !errors.Is(err, context.Canceled) {
			b.Error(err)
		}
	})
	return bench{stacks, runner, manyResources(resources)}
}

func (h bench) create(b *testing.B, name string) stack.Stack {
	st, err := h.Create(b.Context(), stack.CreateInput{Account: account, Region: region, Name: name, Template: h.text})
	if err != nil {
		b.Fatal(err)
	}
	return h.wait(b, st, stack.CreateComplete)
}

func (h bench) delete(b *testing.B, st stack.Stack) {
	if err := h.Delete(b.Context(), stack.DeleteInput{Account: account, Region: region, Stack: st.ID}); err != nil {
		b.Fatal(err)
	}
	st, err := h.Describe(b.Context(), account, region, st.ID)
	if err != nil {
		b.Fatal(err)
	}
	h.wait(b, st, stack.DeleteComplete)
}

func (h bench) wait(b *testing.B, st stack.Stack, want stack.Status) stack.Stack {
	if run := st.Journal.Run; run != "" {
		if err := h.runner.Wait(b.Context(), run); err != nil {
			b.Fatal(err)
		}
	}
	st, err := h.Describe(b.Context(), account, region, st.ID)
	if err != nil || st.Status != want {
		b.Fatalf("%v: %s %s", err, st.Status, st.Reason)
	}
	return st
}

func perResource(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/resource")
}

// BenchmarkCreate measures a stack from the request to CREATE_COMPLETE, with
// every event durably kept, at one connection.
func BenchmarkCreate(b *testing.B) {
	for _, n := range []int{1, 50, 500, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newBench(b, n)
			i := 0
			for b.Loop() {
				i++
				h.create(b, fmt.Sprintf("stack-%d", i))
			}
			perResource(b, n)
		})
	}
}

// BenchmarkDelete measures a deletion from the request to DELETE_COMPLETE.
func BenchmarkDelete(b *testing.B) {
	for _, n := range []int{500, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newBench(b, n)
			i := 0
			for b.Loop() {
				b.StopTimer()
				i++
				st := h.create(b, fmt.Sprintf("stack-%d", i))
				b.StartTimer()
				h.delete(b, st)
			}
			perResource(b, n)
		})
	}
}

// BenchmarkEvents measures a page of events of a large stack.
func BenchmarkEvents(b *testing.B) {
	h := newBench(b, 5000)
	st := h.create(b, "stack-a")
	for b.Loop() {
		_, page, _, err := h.Events(b.Context(), stack.EventsInput{Account: account, Region: region, Stack: st.ID})
		if err != nil || len(page) != 100 {
			b.Fatal(len(page), err)
		}
	}
}

// wide admits templates of more resources than AWS does.
func wide() template.Limits {
	l := template.DefaultLimits()
	l.Bytes, l.Resources = 16<<20, 10_000
	return l
}

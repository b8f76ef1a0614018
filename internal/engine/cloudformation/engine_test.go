package cloudformation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/cfn/stackset"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/engine"
	"larder/internal/engine/cloudformation"
	"larder/internal/engine/enginetest"
	"larder/internal/seal"
	"larder/internal/workflow"
)

// open makes an engine whose stacks are carried until the test ends.
func open(t *testing.T, d *db.DB) (*cloudformation.Engine, *workflow.Runner) {
	t.Helper()
	rules, err := resource.ParseRules([]byte(`rules:
- {match: {logicalId: Unlucky}, fail: out of luck}
- {match: {logicalId: Endless}, hang: true}
- {match: {logicalId: Slow}, delay: 300ms}`))
	if err != nil {
		t.Fatal(err)
	}
	runner, keys := workflow.New(d, workflow.Options{}), seal.Ephemeral()
	stacks := stack.New(stack.Options{DB: d, Runner: runner, Keys: keys, Rules: rules})
	sets := stackset.New(stackset.Options{DB: d, Runner: runner, Keys: keys, Stacks: stacks})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("runner: %v", err)
		}
	})
	return &cloudformation.Engine{Stacks: stacks, Sets: sets}, runner
}

func artifact(text string) engine.Artifact {
	return engine.Artifact{ID: "pa-1", Type: "CLOUD_FORMATION_TEMPLATE", Body: []byte(text)}
}

const sound = `
AWSTemplateFormatVersion: "2010-09-09"
Description: a queue
Metadata: {Owner: us}
Parameters:
  Delay: {Type: Number, Default: 5, MinValue: 0, MaxValue: 900, Description: seconds}
  Password: {Type: String, NoEcho: true, Default: open sesame}
Rules:
  Short: {Assertions: [{Assert: !Not [!Equals [!Ref Delay, 900]], AssertDescription: too long}]}
Resources:
  Queue: {Type: "AWS::SQS::Queue", Properties: {DelaySeconds: !Ref Delay}}
Outputs:
  URL: {Value: !Ref Queue, Description: where to send}
  Word: {Value: !Ref Password}
`

func TestExercise(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		e, runner := open(t, d)
		enginetest.Exercise(t, enginetest.Subject{
			Engine:  e,
			Sound:   artifact(sound),
			Given:   []engine.Given{{Key: "Delay", Value: "7"}},
			Failing: artifact("Parameters: {Delay: {Type: String}}\nResources: {Unlucky: {Type: 'AWS::SNS::Topic'}}"),
			Broken:  artifact("Resources: {A: {Type: 'AWS::Nothing::Here'}}"),
			Hanging: artifact("Parameters: {Delay: {Type: String}}\nResources: {Endless: {Type: 'AWS::SNS::Topic'}}"),
			Settle:  runner.Idle,
		})
	})
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	e, _ := open(t, dbtest.New(t))
	got, err := e.Describe(t.Context(), artifact(sound))
	if err != nil {
		t.Fatal(err)
	}
	five, sesame := "5", "open sesame"
	want := engine.Template{
		Description: "a queue", Version: "2010-09-09",
		Parameters: []engine.Parameter{
			{Key: "Delay", Type: "Number", Default: &five, Description: "seconds", MinValue: "0", MaxValue: "900"},
			{Key: "Password", Type: "String", Default: &sesame, NoEcho: true},
		},
		Outputs:  []engine.Output{{Key: "URL", Description: "where to send"}, {Key: "Word"}},
		Rules:    `{"Short":{"Assertions":[{"Assert":{"Fn::Not":[{"Fn::Equals":[{"Ref":"Delay"},900]}]},"AssertDescription":"too long"}]}}`,
		Metadata: `{"Owner":"us"}`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// run carries a change to its end.
func run(t *testing.T, e *cloudformation.Engine, runner *workflow.Runner, c engine.Change) engine.Progress {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < 30*time.Second; {
		p, err := e.Advance(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if p.State == engine.Done {
			return p
		}
		if err := runner.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the change does not end")
	return engine.Progress{}
}

func TestAdvance(t *testing.T) {
	t.Parallel()
	e, runner := open(t, dbtest.New(t))
	launch := func(product, text string, given ...engine.Given) engine.Change {
		return engine.Change{
			Kind: engine.Create, Operation: "rec-" + product, Account: "111111111111", Region: "eu-west-1", Product: product,
			Artifact: artifact(text), Given: given,
		}
	}
	t.Run("a launch", func(t *testing.T) {
		p := run(t, e, runner, launch("pp-abc", sound, engine.Given{Key: "Password", Value: "hunter2"}))
		if !strings.HasPrefix(p.Physical, "arn:aws:cloudformation:eu-west-1:111111111111:stack/SC-111111111111-pp-abc/") {
			t.Errorf("the stack is %s", p.Physical)
		}
		if len(p.Outputs) != 2 || !strings.HasPrefix(p.Outputs[0].Value, "https://sqs.eu-west-1.amazonaws.com/111111111111/") {
			t.Errorf("outputs %+v", p.Outputs)
		}
		want := engine.Output{Key: "Word", Value: "hunter2", NoEcho: true}
		if d := cmp.Diff(want, p.Outputs[1]); d != "" {
			t.Error(d)
		}
		st, err := e.Stacks.Describe(t.Context(), "111111111111", "eu-west-1", p.Physical)
		if err != nil || st.Outputs[1].Value != "****" || st.Parameters[1].Value != "****" {
			t.Errorf("secrets are shown: %+v, %v", st, err)
		}
	})
	t.Run("a resource fails", func(t *testing.T) {
		p := run(t, e, runner, launch("pp-bad", "Resources: {Unlucky: {Type: 'AWS::SNS::Topic'}}"))
		want := &engine.Failure{
			Reason: `Errors from CloudFormation: [{LogicalResourceId : SC-111111111111-pp-bad, ResourceType : AWS::CloudFormation::Stack, StatusReason : The following resource(s) failed to create: [Unlucky]. Rollback requested by user.}, ` +
				`{LogicalResourceId : Unlucky, ResourceType : AWS::SNS::Topic, StatusReason : out of luck}, ` +
				`{LogicalResourceId : SC-111111111111-pp-bad, ResourceType : AWS::CloudFormation::Stack, StatusReason : User Initiated}]`,
			Causes: []engine.Cause{{Resource: "Unlucky", Type: "AWS::SNS::Topic", Reason: "out of luck"}},
		}
		if d := cmp.Diff(want, p.Failure); d != "" {
			t.Error(d)
		}
	})
	refusals := []struct {
		name, text string
		change     func(*engine.Change)
		code, want string
	}{
		{"a missing value", "Parameters: {Size: {Type: String}}\nResources: {A: {Type: 'AWS::SNS::Topic'}}", nil,
			"AmazonCloudFormationException", "Parameters: [Size] must have values"},
		{"a rule of a constraint", sound, func(c *engine.Change) {
			c.Rules = []string{`{"One": {"Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "Delay"}, "1"]}, "AssertDescription": "one second it is"}]}}`}
		}, "AmazonCloudFormationException", "one second it is"},
		{"an update of nothing", sound, func(c *engine.Change) { c.Kind = engine.Update }, "", "no stack to update"},
	}
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			c := launch("pp-refused", test.text)
			if test.change != nil {
				test.change(&c)
			}
			p := run(t, e, runner, c)
			if p.Failure == nil || p.Failure.Code != test.code || !strings.Contains(p.Failure.Reason, test.want) || p.Physical != "" {
				t.Errorf("%+v: %v", p, p.Failure)
			}
		})
	}
	t.Run("rolling back is seen", func(t *testing.T) {
		c := launch("pp-slow", "Resources: {Endless: {Type: 'AWS::SNS::Topic'}}")
		p, err := e.Advance(t.Context(), c)
		if err != nil || p.State != engine.Waiting || p.Signal != stack.Signal(c.Operation) || p.RollingBack {
			t.Fatalf("%+v, %v", p, err)
		}
		c.Overdue = true
		if p = run(t, e, runner, c); p.Failure == nil || !strings.Contains(p.Note, "ROLLBACK_COMPLETE") {
			t.Errorf("%+v: %v", p, p.Failure)
		}
	})
}

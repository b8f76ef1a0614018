package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/engine"
	"larder/internal/engine/cloudformation"
	"larder/internal/workflow"
)

// the update of what a launch made
func updated(c engine.Change, p engine.Progress, operation, text string, given ...engine.Given) engine.Change {
	c.Kind, c.Operation, c.Physical, c.Artifact, c.Given, c.Plan = engine.Update, operation, p.Physical, artifact(text), given, ""
	return c
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		e, runner := open(t, d)
		launch := engine.Change{
			Kind: engine.Create, Operation: "rec-1", Account: "111111111111", Region: "eu-west-1", Product: "pp-abc", Artifact: artifact(sound),
			Given: []engine.Given{{Key: "Password", Value: "hunter2"}},
		}
		made := run(t, e, runner, launch)

		same := run(t, e, runner, updated(launch, made, "rec-2", sound, launch.Given...))
		if same.Failure != nil || len(same.Outputs) != 2 || same.Physical != made.Physical {
			t.Errorf("nothing to do: %+v", same)
		}

		c := updated(launch, made, "rec-3", sound, engine.Given{Key: "Delay", Value: "9"}, engine.Given{Key: "Password", Value: "hunter3"})
		for range 2 {
			p := run(t, e, runner, c)
			if p.Failure != nil || p.Physical != made.Physical || len(p.Outputs) != 2 || p.Outputs[1].Value != "hunter3" {
				t.Errorf("an update: %+v", p)
			}
		}

		bad := strings.Replace(sound, "Resources:", "Resources:\n  Unlucky: {Type: 'AWS::SNS::Topic'}", 1)
		p := run(t, e, runner, updated(launch, made, "rec-4", bad, c.Given...))
		want := &engine.Failure{
			Reason: `Errors from CloudFormation: [{LogicalResourceId : SC-111111111111-pp-abc, ResourceType : AWS::CloudFormation::Stack, StatusReason : The following resource(s) failed to create: [Unlucky]. }, ` +
				`{LogicalResourceId : Unlucky, ResourceType : AWS::SNS::Topic, StatusReason : out of luck}, ` +
				`{LogicalResourceId : SC-111111111111-pp-abc, ResourceType : AWS::CloudFormation::Stack, StatusReason : User Initiated}]`,
			Causes: []engine.Cause{{Resource: "Unlucky", Type: "AWS::SNS::Topic", Reason: "out of luck"}},
		}
		if d := cmp.Diff(want, p.Failure); d != "" || p.Physical != made.Physical || !strings.Contains(p.Note, "UPDATE_ROLLBACK_COMPLETE") {
			t.Errorf("%+v\n%s", p, d)
		}

		slow := updated(launch, made, "rec-5", strings.Replace(sound, "Resources:", "Resources:\n  Endless: {Type: 'AWS::SNS::Topic'}", 1), c.Given...)
		if p, err := e.Advance(t.Context(), slow); err != nil || p.State != engine.Waiting || p.Signal != stack.Signal("rec-5") {
			t.Fatalf("%+v, %v", p, err)
		}
		for range 2 {
			if err := e.Cancel(t.Context(), slow); err != nil {
				t.Fatal(err)
			}
		}
		if p := run(t, e, runner, slow); p.Failure == nil || !strings.Contains(p.Failure.Reason, "StatusReason : User Initiated}") {
			t.Errorf("canceled: %+v", p)
		}

		p = run(t, e, runner, updated(launch, made, "rec-6", sound, engine.Given{Key: "Nothing", Value: "9"}))
		if p.Failure == nil || p.Failure.Code != "AmazonCloudFormationException" || p.Physical != made.Physical {
			t.Errorf("a refusal: %+v", p)
		}
	})
}

func TestPlan(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		e, runner := open(t, d)
		plan := func(c engine.Change) (engine.Preview, engine.Progress) {
			t.Helper()
			p, progress, err := e.Plan(t.Context(), c)
			if err != nil || progress.State != engine.Done {
				t.Fatalf("%+v, %v", progress, err)
			}
			again, _, err := e.Plan(t.Context(), c)
			if d := cmp.Diff(p, again); d != "" || err != nil {
				t.Errorf("asked again: %v\n%s", err, d)
			}
			return p, progress
		}
		c := engine.Change{
			Kind: engine.Create, Operation: "plan-1", Account: "111111111111", Region: "eu-west-1", Product: "pp-abc", Artifact: artifact(sound),
		}
		p, _ := plan(c)
		want := []engine.ResourceChange{{Action: "ADD", LogicalID: "Queue", Type: "AWS::SQS::Queue", Scope: []string{}}}
		if d := cmp.Diff(want, p.Changes); d != "" {
			t.Error(d)
		}
		c.Plan, c.Operation = p.Plan, "rec-1"
		made := run(t, e, runner, c)
		if made.Failure != nil || len(made.Outputs) != 2 {
			t.Fatalf("%+v", made)
		}

		if _, progress := plan(updated(c, made, "plan-2", sound)); progress.Failure == nil ||
			progress.Failure.Reason != "The submitted information didn't contain changes. Submit different information to create a change set." {
			t.Errorf("%+v", progress)
		}

		nine := updated(c, made, "plan-3", sound, engine.Given{Key: "Delay", Value: "9"})
		p, _ = plan(nine)
		target := engine.ResourceChangeDetail{Attribute: "PROPERTIES", Name: "DelaySeconds", RequiresRecreation: "NEVER"}
		reference, direct := target, target
		reference.Evaluation, reference.ChangeSource, reference.CausedBy = "STATIC", "ParameterReference", "Delay"
		direct.Evaluation, direct.ChangeSource = "DYNAMIC", "DirectModification"
		want = []engine.ResourceChange{{
			Action: "MODIFY", LogicalID: "Queue", PhysicalID: made.Outputs[0].Value, Type: "AWS::SQS::Queue", Replacement: "FALSE",
			Scope: []string{"PROPERTIES"}, Details: []engine.ResourceChangeDetail{reference, direct},
		}}
		if d := cmp.Diff(want, p.Changes); d != "" {
			t.Error(d)
		}
		late := nine
		late.Operation = "plan-4"
		stale, _ := plan(late)
		nine.Plan, nine.Operation = p.Plan, "rec-3"
		for range 2 {
			if done := run(t, e, runner, nine); done.Failure != nil || len(done.Outputs) != 2 {
				t.Errorf("%+v", done)
			}
		}
		late.Plan, late.Operation = stale.Plan, "rec-4"
		if done := run(t, e, runner, late); done.Failure == nil || done.Physical != made.Physical {
			t.Errorf("a plan whose base has moved: %+v", done)
		}
	})
}

// The change set of a plan that is not executed goes, and the stack that was
// made for it; one that was launched stays.
func TestDiscardedPlan(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*cloudformation.Engine, *workflow.Runner, engine.Change){
		"terminated": func(e *cloudformation.Engine, runner *workflow.Runner, c engine.Change) {
			c.Kind, c.Operation = engine.Delete, "rec-1"
			if p := run(t, e, runner, c); p.Failure != nil {
				t.Errorf("%+v", p)
			}
		},
		"discarded": func(e *cloudformation.Engine, _ *workflow.Runner, c engine.Change) {
			for range 2 {
				if err := e.Discard(t.Context(), c); err != nil {
					t.Error(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, runner := open(t, dbtest.New(t))
			c := engine.Change{Kind: engine.Create, Operation: "plan-1", Account: "111111111111", Region: "eu-west-1", Product: "pp-abc", Artifact: artifact(sound)}
			if _, _, err := e.Plan(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			forget(e, runner, c)
			if err := runner.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := e.Stacks.Describe(t.Context(), c.Account, c.Region, "SC-111111111111-pp-abc"); err == nil {
				t.Error("the stack in review is still there")
			}
			if name == "terminated" {
				return
			}
			launched := c
			launched.Operation, launched.Product = "rec-2", "pp-def"
			made := run(t, e, runner, launched)
			nine := updated(launched, made, "plan-2", sound, engine.Given{Key: "Delay", Value: "9"})
			if _, _, err := e.Plan(t.Context(), nine); err != nil {
				t.Fatal(err)
			}
			if err := e.Discard(t.Context(), nine); err != nil {
				t.Error(err)
			}
			left, _, err := e.Stacks.ChangeSets(t.Context(), c.Account, c.Region, made.Physical, "", 0)
			if err != nil || len(left) != 0 {
				t.Errorf("change sets %+v, %v", left, err)
			}
			if st, err := e.Stacks.Describe(t.Context(), c.Account, c.Region, made.Physical); err != nil || st.Status != stack.CreateComplete {
				t.Errorf("the stack is %s, %v", st.Status, err)
			}
		})
	}
}

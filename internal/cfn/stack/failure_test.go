package stack_test

import (
	"strings"
	"testing"
	"time"

	"larder/internal/cfn/stack"
	"larder/internal/cfn/template"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/seal"
	"larder/internal/workflow"
)

const chain = `
Resources:
  A: {Type: "AWS::SNS::Topic"}
  B: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !Ref A}}
  C: {Type: "AWS::SQS::Queue"}
`

func TestFailedCreation(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		rules    string
		template string
		in       stack.CreateInput
		status   stack.Status
		left     int
		told     string // after "User Initiated"
	}{
		{
			name:  "a resource fails and its siblings are canceled",
			rules: `rules: [{match: {logicalId: B}, fail: out of luck}, {match: {type: "AWS::SQS::*"}, delay: 1h}]`,
			told: `
A CREATE_IN_PROGRESS early
C CREATE_IN_PROGRESS early
A CREATE_IN_PROGRESS: Resource creation Initiated
C CREATE_IN_PROGRESS: Resource creation Initiated
A CREATE_COMPLETE
B CREATE_IN_PROGRESS early
B CREATE_IN_PROGRESS: Resource creation Initiated
B CREATE_FAILED: out of luck
C CREATE_FAILED: (canceled)
- ROLLBACK_IN_PROGRESS: The following resource(s) failed to create: [B, C]. Rollback requested by user.
C DELETE_IN_PROGRESS
B DELETE_IN_PROGRESS
C DELETE_COMPLETE
B DELETE_COMPLETE
A DELETE_IN_PROGRESS
A DELETE_COMPLETE
- ROLLBACK_COMPLETE`,
			status: stack.RollbackComplete,
		},
		{
			name: "properties that do not fit",
			template: `
Resources:
  Name: {Type: "AWS::SSM::Parameter", Properties: {Value: x}}
  Other: {Type: "AWS::SNS::Topic"}
`,
			told: `
Name CREATE_IN_PROGRESS early
Other CREATE_IN_PROGRESS early
Name CREATE_FAILED early: Property validation failure: [The property {/Type} is required]
Other CREATE_FAILED early: (canceled)
- ROLLBACK_IN_PROGRESS: The following resource(s) failed to create: [Name, Other]. Rollback requested by user.
Other DELETE_COMPLETE early
Name DELETE_COMPLETE early
- ROLLBACK_COMPLETE`,
			status: stack.RollbackComplete,
		},
		{
			name:  "OnFailure DELETE",
			rules: `rules: [{match: {logicalId: B}, fail: no}]`,
			in:    stack.CreateInput{OnFailure: stack.Delete},
			template: `
Resources:
  A: {Type: "AWS::SNS::Topic"}
  B: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !Ref A}}
`,
			told: `
A CREATE_IN_PROGRESS early
A CREATE_IN_PROGRESS: Resource creation Initiated
A CREATE_COMPLETE
B CREATE_IN_PROGRESS early
B CREATE_IN_PROGRESS: Resource creation Initiated
B CREATE_FAILED: no
- DELETE_IN_PROGRESS: The following resource(s) failed to create: [B]. Delete requested by user.
B DELETE_IN_PROGRESS
B DELETE_COMPLETE
A DELETE_IN_PROGRESS
A DELETE_COMPLETE
- DELETE_COMPLETE`,
			status: stack.DeleteComplete,
		},
		{
			name:  "OnFailure DO_NOTHING",
			rules: `rules: [{match: {logicalId: B}, fail: no}]`,
			in:    stack.CreateInput{OnFailure: stack.DoNothing},
			template: `
Resources:
  A: {Type: "AWS::SNS::Topic"}
  B: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !Ref A}}
`,
			told: `
A CREATE_IN_PROGRESS early
A CREATE_IN_PROGRESS: Resource creation Initiated
A CREATE_COMPLETE
B CREATE_IN_PROGRESS early
B CREATE_IN_PROGRESS: Resource creation Initiated
B CREATE_FAILED: no
- CREATE_FAILED: The following resource(s) failed to create: [B]. `,
			status: stack.CreateFailed,
			left:   2,
		},
		{
			name:  "what cannot be deleted stops the rollback",
			rules: `rules: [{match: {logicalId: B}, fail: no}, {match: {logicalId: B}, action: DELETE, fail: still no}]`,
			template: `
Resources:
  A: {Type: "AWS::SNS::Topic"}
  B: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !Ref A}}
`,
			told: `
A CREATE_IN_PROGRESS early
A CREATE_IN_PROGRESS: Resource creation Initiated
A CREATE_COMPLETE
B CREATE_IN_PROGRESS early
B CREATE_IN_PROGRESS: Resource creation Initiated
B CREATE_FAILED: no
- ROLLBACK_IN_PROGRESS: The following resource(s) failed to create: [B]. Rollback requested by user.
B DELETE_IN_PROGRESS
B DELETE_FAILED: still no
- ROLLBACK_FAILED: The following resource(s) failed to delete: [B]. `,
			status: stack.RollbackFailed,
			left:   2,
		},
		{
			name:  "Retain outlives a rollback, RetainExceptOnCreate does not",
			rules: `rules: [{match: {logicalId: C}, fail: no}]`,
			template: `
Resources:
  A: {Type: "AWS::SNS::Topic", DeletionPolicy: Retain}
  B: {Type: "AWS::SNS::Topic", DeletionPolicy: RetainExceptOnCreate, DependsOn: A}
  C: {Type: "AWS::SNS::Topic", DeletionPolicy: Retain, DependsOn: B}
`,
			told: `
A CREATE_IN_PROGRESS early
A CREATE_IN_PROGRESS: Resource creation Initiated
A CREATE_COMPLETE
B CREATE_IN_PROGRESS early
B CREATE_IN_PROGRESS: Resource creation Initiated
B CREATE_COMPLETE
C CREATE_IN_PROGRESS early
C CREATE_IN_PROGRESS: Resource creation Initiated
C CREATE_FAILED: no
- ROLLBACK_IN_PROGRESS: The following resource(s) failed to create: [C]. Rollback requested by user.
C DELETE_IN_PROGRESS
C DELETE_COMPLETE
B DELETE_IN_PROGRESS
B DELETE_COMPLETE
A DELETE_SKIPPED
- ROLLBACK_COMPLETE`,
			status: stack.RollbackComplete,
			left:   1,
		},
		{
			name:     "an export that nobody has",
			template: `Resources: {A: {Type: "AWS::SNS::Topic", Properties: {DisplayName: !ImportValue nowhere}}}`,
			told: `
- ROLLBACK_IN_PROGRESS: No export named nowhere found. Rollback requested by user.
- ROLLBACK_COMPLETE`,
			status: stack.RollbackComplete,
		},
		{
			name: "a type that is ours",
			template: `Resources: {A: {Type: "AWS::CloudFormation::StackSet", Properties: {StackSetName: a, PermissionModel: SELF_MANAGED}}}
`,
			told: `
A CREATE_IN_PROGRESS early
A CREATE_FAILED early: AWS::CloudFormation::StackSet is not built yet
- ROLLBACK_IN_PROGRESS: The following resource(s) failed to create: [A]. Rollback requested by user.
A DELETE_COMPLETE early
- ROLLBACK_COMPLETE`,
			status: stack.RollbackComplete,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, dbtest.New(t), rules(t, test.rules))
			in := test.in
			in.Template = []byte(test.template)
			if test.template == "" {
				in.Template = []byte(chain)
			}
			st := h.create(in)
			_, told, _ := strings.Cut(h.told(st), "User Initiated\n")
			diff(t, "events", strings.TrimSpace(told), strings.TrimSpace(test.told))
			if st.Status != test.status {
				t.Errorf("status %s, want %s", st.Status, test.status)
			}
			if n := h.left(st); n != test.left {
				t.Errorf("%d resources are left, want %d", n, test.left)
			}
			op, _, ok, err := h.Operation(t.Context(), account, region, stack.KindCreate, st.Journal.Operation)
			if err != nil || !ok || !op.Ended || op.Outcome != test.status || op.Failure == nil {
				t.Errorf("operation %+v, %v, %v", op, ok, err)
			}
		})
	}
}

func TestDeleteWhatFails(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, rules(t, `rules: [{match: {logicalId: C}, action: DELETE, fail: in use, count: 2}]`))
		st := h.create(stack.CreateInput{Template: []byte(chain)})
		early := stack.DeleteInput{Account: account, Region: region, Stack: st.Name, Retain: []string{"C"}}
		if err := h.Delete(t.Context(), early); err == nil || !strings.Contains(err.Error(), "DELETE_FAILED") {
			t.Errorf("retain before anything has failed: %v", err)
		}
		for range 2 {
			st = h.delete(st)
			if st.Status != stack.DeleteFailed || st.Reason != "The following resource(s) failed to delete: [C]. " {
				t.Fatalf("%s: %s", st.Status, st.Reason)
			}
			if n := h.left(st); n != 1 {
				t.Errorf("%d resources are left, want 1", n)
			}
		}
		gone := early
		gone.Retain = []string{"A"}
		if err := h.Delete(t.Context(), gone); err == nil || !strings.Contains(err.Error(), "valid state") {
			t.Errorf("retain what is gone: %v", err)
		}
		if st = h.delete(st, "C"); st.Status != stack.DeleteComplete {
			t.Fatalf("%s: %s", st.Status, st.Reason)
		}
		if n := h.left(st); n != 1 {
			t.Errorf("%d resources are left, want the retained one", n)
		}
		if told := h.told(st); !strings.HasSuffix(told, "C DELETE_SKIPPED\n- DELETE_COMPLETE") {
			t.Errorf("events end otherwise:\n%s", told)
		}
	})
}

func TestDeleteWhileCreating(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, rules(t, `rules: [{match: {logicalId: B}, hang: true}]`))
		st := h.start(stack.CreateInput{Template: []byte(chain), Operation: "op-1"})
		if err := h.runner.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if now := h.describe(st.ID); now.Status != stack.CreateInProgress {
			t.Fatalf("%s: %s", now.Status, now.Reason)
		}
		gone := h.delete(st)
		if gone.Status != stack.DeleteComplete || h.left(st) != 0 {
			t.Errorf("%s: %s", gone.Status, gone.Reason)
		}
		if err := h.runner.Wait(t.Context(), st.Journal.Run); err != nil {
			t.Error(err)
		}
		op, _, _, err := h.Operation(t.Context(), account, region, stack.KindCreate, "op-1")
		if err != nil || !op.Ended || op.Outcome != "" || op.Failure == nil {
			t.Errorf("the operation that was taken over: %+v, %v", op, err)
		}
		if told := h.told(st); !strings.Contains(told, "B CREATE_FAILED: (canceled)\n") {
			t.Errorf("B was not canceled:\n%s", told)
		}
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), rules(t, `rules:
- {match: {logicalId: B}, hang: true}
- {match: {logicalId: B}, action: DELETE, hang: true, count: 1}`))
	st := h.start(stack.CreateInput{Template: []byte(chain), Operation: "op-1"})
	cancel := stack.CancelInput{Account: account, Region: region, Operation: "op-1", Kind: stack.KindCreate}
	for range 2 { // the creation, then the rollback
		if err := h.runner.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.Cancel(t.Context(), cancel); err != nil {
			t.Fatal(err)
		}
	}
	h.wait(st)
	now := h.describe(st.ID)
	if now.Status != stack.RollbackFailed {
		t.Errorf("%s: %s", now.Status, now.Reason)
	}
	if now = h.delete(st); now.Status != stack.DeleteComplete || h.left(st) != 0 {
		t.Errorf("%s: %s", now.Status, now.Reason)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), rules(t, `rules: [{match: {logicalId: C}, hang: true}]`))
	st := h.create(stack.CreateInput{Template: []byte(chain), Timeout: 20 * time.Millisecond})
	if st.Status != stack.RollbackComplete || h.left(st) != 0 {
		t.Errorf("%s: %s", st.Status, st.Reason)
	}
	if told := h.told(st); !strings.Contains(told, "exceeded the specified timeout. Rollback requested by user.") {
		t.Errorf("events:\n%s", told)
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), rules(t, `rules:
- {match: {stack: "stack-*", logicalId: A}, delay: 20ms}
- {match: {logicalId: C}, delay: 10ms}
- {match: {logicalId: C}, action: DELETE, delay: 10ms}`))
	begun := time.Now()
	st := h.create(stack.CreateInput{Template: []byte(chain)})
	if st.Status != stack.CreateComplete || time.Since(begun) < 20*time.Millisecond {
		t.Errorf("%s after %s", st.Status, time.Since(begun))
	}
	if st = h.delete(st); st.Status != stack.DeleteComplete {
		t.Errorf("%s: %s", st.Status, st.Reason)
	}
}

func TestAttributeThatTheTypeDoesNotHave(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), nil)
	for name, text := range map[string]string{
		"property": `
Resources:
  A: {Type: "AWS::SNS::Topic"}
  B: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !GetAtt A.Nothing}}`,
		"output": `
Resources:
  A: {Type: "AWS::SNS::Topic"}
Outputs:
  Value: {Value: !Sub "${A.Nothing}"}`,
	} {
		st := h.create(stack.CreateInput{Name: name, Template: []byte(text)})
		diff(t, name, h.told(st), `
- CREATE_IN_PROGRESS: User Initiated
- ROLLBACK_IN_PROGRESS: Requested attribute Nothing does not exist in schema for AWS::SNS::Topic. Rollback requested by user.
- ROLLBACK_COMPLETE`)
	}
}

func TestTemplateThatIsRefusedLater(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	idle := stack.New(stack.Options{DB: d, Runner: workflow.New(d, workflow.Options{}), Keys: seal.Ephemeral()})
	st, err := idle.Create(t.Context(), stack.CreateInput{Account: account, Region: region, Name: "stack-a", Template: []byte(chain)})
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, d, func(o *stack.Options) { o.Template = template.DefaultLimits(); o.Template.Resources = 1 })
	h.wait(st)
	if st = h.describe(st.ID); st.Status != stack.RollbackComplete {
		t.Errorf("%s: %s", st.Status, st.Reason)
	}
	if told := h.told(st); !strings.Contains(told, "ROLLBACK_IN_PROGRESS: Template format error") {
		t.Errorf("events:\n%s", told)
	}
}

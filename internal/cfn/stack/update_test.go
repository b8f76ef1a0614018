package stack_test

import (
	"strings"
	"testing"

	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
)

// update updates a stack and waits until that has ended.
func (h *house) update(st stack.Stack, in stack.UpdateInput) stack.Stack {
	h.t.Helper()
	in.Account, in.Region, in.Stack = account, region, st.ID
	now, err := h.Update(h.t.Context(), in)
	if err != nil {
		h.t.Fatal(err)
	}
	h.wait(now)
	return h.describe(st.ID)
}

// toldSince returns the events after those that were told before.
func (h *house) toldSince(st stack.Stack, before string) string {
	h.t.Helper()
	return strings.TrimPrefix(strings.TrimPrefix(h.told(st), before), "\n")
}

const parametersV1 = `
Parameters:
  Value: {Type: String, Default: a}
Resources:
  One: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /one, Value: !Ref Value}}
  Two: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt One.Type}}
  Gone: {Type: AWS::SNS::Topic, DependsOn: Two}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: first}}
  Name: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Topic}}
Outputs:
  Arn: {Value: !Ref Topic}
`

const parametersV2 = `
Parameters:
  Value: {Type: String, Default: a}
Resources:
  One: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /one, Value: !Ref Value}}
  Two: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt One.Type}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: second}}
  Name: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Topic}}
  New: {Type: AWS::SNS::Topic}
Outputs:
  Arn: {Value: !Ref Topic}
  New: {Value: !Ref New}
`

func TestUpdate(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, nil)
		st := h.create(stack.CreateInput{Template: []byte(parametersV1)})
		before := h.told(st)
		st = h.update(st, stack.UpdateInput{Template: []byte(parametersV2), Parameters: []stack.Given{{Key: "Value", Value: "b"}}})
		diff(t, "events", h.toldSince(st, before), `
- UPDATE_IN_PROGRESS: User Initiated
One UPDATE_IN_PROGRESS
Topic UPDATE_IN_PROGRESS: Requested update requires the creation of a new physical resource; hence creating one.
New CREATE_IN_PROGRESS early
Topic UPDATE_IN_PROGRESS: Resource creation Initiated
New CREATE_IN_PROGRESS: Resource creation Initiated
One UPDATE_COMPLETE
Topic UPDATE_COMPLETE
New CREATE_COMPLETE
Name UPDATE_IN_PROGRESS
Name UPDATE_COMPLETE
- UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
Topic DELETE_IN_PROGRESS
Gone DELETE_IN_PROGRESS
Topic DELETE_COMPLETE
Gone DELETE_COMPLETE
- UPDATE_COMPLETE`)
		if n := h.left(st); n != 5 {
			t.Errorf("%d resources exist, want 5", n)
		}
		if len(st.Outputs) != 2 || !strings.HasSuffix(st.Outputs[0].Value, ":second") || st.Transition != nil || st.Updated.IsZero() {
			t.Errorf("%+v", st)
		}
		_, err := h.Update(t.Context(), stack.UpdateInput{
			Account: account, Region: region, Stack: st.Name, Parameters: []stack.Given{{Key: "Value", Previous: true}},
		})
		if !stack.IsUnchanged(err) {
			t.Errorf("the same again: %v", err)
		}
		if gone := h.delete(st); gone.Status != stack.DeleteComplete || h.left(st) != 0 {
			t.Errorf("%s, %d left", gone.Status, h.left(st))
		}
	})
}

func TestUpdateRollback(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, rules(t, `rules: [{match: {logicalId: Name}, action: UPDATE, fail: no luck}]`))
		st := h.create(stack.CreateInput{Template: []byte(parametersV1)})
		before, was := h.told(st), h.world(st)
		st = h.update(st, stack.UpdateInput{Template: []byte(parametersV2), Parameters: []stack.Given{{Key: "Value", Value: "b"}}})
		diff(t, "events", h.toldSince(st, before), `
- UPDATE_IN_PROGRESS: User Initiated
One UPDATE_IN_PROGRESS
Topic UPDATE_IN_PROGRESS: Requested update requires the creation of a new physical resource; hence creating one.
New CREATE_IN_PROGRESS early
Topic UPDATE_IN_PROGRESS: Resource creation Initiated
New CREATE_IN_PROGRESS: Resource creation Initiated
One UPDATE_COMPLETE
Topic UPDATE_COMPLETE
New CREATE_COMPLETE
Name UPDATE_IN_PROGRESS
Name UPDATE_FAILED: no luck
- UPDATE_ROLLBACK_IN_PROGRESS: The following resource(s) failed to update: [Name]. 
One UPDATE_IN_PROGRESS
Topic UPDATE_COMPLETE
One UPDATE_COMPLETE
Name UPDATE_IN_PROGRESS
Name UPDATE_COMPLETE
- UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
New DELETE_IN_PROGRESS
Topic DELETE_IN_PROGRESS
New DELETE_COMPLETE
Topic DELETE_COMPLETE
- UPDATE_ROLLBACK_COMPLETE`)
		diff(t, "the world", h.world(st), was)
		if st.Parameters[0].Value != "a" || len(st.Outputs) != 1 || st.Transition != nil {
			t.Errorf("%+v", st)
		}
	})
}

func TestContinueUpdateRollback(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, rules(t, `rules:
- {match: {logicalId: Name}, action: UPDATE, fail: no luck, delay: 200ms}
- {match: {logicalId: One}, action: UPDATE, delay: 1ms, count: 1}
- {match: {logicalId: One}, action: UPDATE, fail: nor back, count: 2}`))
		st := h.create(stack.CreateInput{Template: []byte(parametersV1)})
		was := h.world(st)
		st = h.update(st, stack.UpdateInput{Template: []byte(parametersV2), Parameters: []stack.Given{{Key: "Value", Value: "b"}}})
		if st.Status != stack.UpdateRollbackFailed || st.Reason != "The following resource(s) failed to update: [One]. " {
			t.Fatalf("%s %s\n%s", st.Status, st.Reason, h.told(st))
		}
		if _, err := h.Update(t.Context(), stack.UpdateInput{Account: account, Region: region, Stack: st.ID}); err == nil ||
			err.Error() != "Stack:"+st.ID+" is in UPDATE_ROLLBACK_FAILED state and can not be updated." {
			t.Errorf("update: %v", err)
		}
		again := func(skip ...string) {
			if err := h.ContinueRollback(t.Context(), stack.ContinueInput{Account: account, Region: region, Stack: st.ID, Skip: skip}); err != nil {
				t.Fatal(err)
			}
			h.wait(h.describe(st.ID))
			st = h.describe(st.ID)
		}
		again()
		if st.Status != stack.UpdateRollbackFailed {
			t.Fatalf("%s %s\n%s", st.Status, st.Reason, h.told(st))
		}
		again()
		if st.Status != stack.UpdateRollbackComplete {
			t.Fatalf("%s %s\n%s", st.Status, st.Reason, h.told(st))
		}
		diff(t, "the world", h.world(st), was)
	})
}

func TestSkippedResource(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), rules(t, `rules:
- {match: {logicalId: Name}, action: UPDATE, fail: no luck, delay: 200ms}
- {match: {logicalId: One}, action: UPDATE, delay: 1ms, count: 1}
- {match: {logicalId: One}, action: UPDATE, fail: nor back}`))
	st := h.create(stack.CreateInput{Template: []byte(parametersV1)})
	st = h.update(st, stack.UpdateInput{Template: []byte(parametersV2), Parameters: []stack.Given{{Key: "Value", Value: "b"}}})
	in := stack.ContinueInput{Account: account, Region: region, Stack: st.ID, Skip: []string{"Topic"}}
	if err := h.ContinueRollback(t.Context(), in); err == nil {
		t.Error("what did not fail was skipped")
	}
	in.Skip = []string{"One"}
	if err := h.ContinueRollback(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	h.wait(h.describe(st.ID))
	if st = h.describe(st.ID); st.Status != stack.UpdateRollbackComplete {
		t.Fatalf("%s %s\n%s", st.Status, st.Reason, h.told(st))
	}
}

func TestCancelUpdate(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, rules(t, `rules: [{match: {logicalId: Name}, action: UPDATE, hang: true}]`))
		st := h.create(stack.CreateInput{Template: []byte(parametersV1)})
		before, was := h.told(st), h.world(st)
		if err := h.CancelUpdate(t.Context(), account, region, st.Name); err == nil || err.Error() != "CancelUpdateStack cannot be called from current stack status" {
			t.Errorf("cancel of nothing: %v", err)
		}
		now, err := h.Update(t.Context(), stack.UpdateInput{Account: account, Region: region, Stack: st.ID, Template: []byte(parametersV2)})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.runner.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.Delete(t.Context(), stack.DeleteInput{Account: account, Region: region, Stack: st.ID}); err == nil ||
			err.Error() != "Stack ["+st.ID+"] cannot be deleted while in status UPDATE_IN_PROGRESS" {
			t.Errorf("delete: %v", err)
		}
		if err := h.CancelUpdate(t.Context(), account, region, st.Name); err != nil {
			t.Fatal(err)
		}
		h.wait(now)
		st = h.describe(st.ID)
		diff(t, "the world", h.world(st), was)
		_, events, _ := strings.Cut(h.toldSince(st, before), "Name UPDATE_IN_PROGRESS\n")
		diff(t, "events", events, `
Name UPDATE_FAILED: (canceled)
- UPDATE_ROLLBACK_IN_PROGRESS: User Initiated
Topic UPDATE_COMPLETE
Name UPDATE_IN_PROGRESS
Name UPDATE_COMPLETE
- UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
New DELETE_IN_PROGRESS
Topic DELETE_IN_PROGRESS
New DELETE_COMPLETE
Topic DELETE_COMPLETE
- UPDATE_ROLLBACK_COMPLETE`)
	})
}

// What failed and was left as it is can be updated to something that works,
// or back.
func TestDisableRollback(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, rules(t, `rules: [{match: {logicalId: Name}, action: UPDATE, fail: no luck, count: 1}]`))
		st := h.create(stack.CreateInput{Template: []byte(parametersV1)})
		was := h.world(st)
		st = h.update(st, stack.UpdateInput{Template: []byte(parametersV2), DisableRollback: true})
		if st.Status != stack.UpdateFailed || st.Transition == nil || h.left(st) != 7 {
			t.Fatalf("%s, %d resources", st.Status, h.left(st))
		}
		forth := h.update(st, stack.UpdateInput{Template: []byte(parametersV1)})
		if forth.Status != stack.UpdateRollbackComplete && forth.Status != stack.UpdateComplete {
			t.Fatalf("%s %s\n%s", forth.Status, forth.Reason, h.told(st))
		}
		if n := h.left(st); n != 5 {
			t.Errorf("%d resources exist, want 5\n%s", n, h.told(st))
		}
		diff(t, "the world", h.world(st), was)
	})
}

package stack_test

import (
	"strings"
	"testing"

	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
)

// What failed and was left as it was goes back when it is told to.
func TestRollback(t *testing.T) {
	t.Parallel()
	const pairOf = `
Resources:
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}
  New: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}
  B: {Type: AWS::SNS::Topic, DependsOn: [A, New], Properties: {DisplayName: one}}
`
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, rules(t, `rules: [{match: {logicalId: B}, fail: no}]`))
		back := func(st stack.Stack, retain bool) (stack.Stack, string) {
			t.Helper()
			was := h.told(st)
			in := stack.RollbackInput{Account: account, Region: region, Stack: st.ID, Token: "back", RetainExceptOnCreate: retain}
			for range 2 {
				if _, err := h.Rollback(t.Context(), in); err != nil {
					t.Fatal(err)
				}
				h.wait(h.describe(st.ID))
			}
			return h.describe(st.ID), strings.TrimPrefix(h.told(st), was+"\n")
		}

		st := h.create(stack.CreateInput{Name: "fails", Template: []byte(pairOf), OnFailure: stack.DoNothing})
		if st.Status != stack.CreateFailed {
			t.Fatal(h.told(st))
		}
		now, told := back(st, true)
		diff(t, "a creation", told, `
- ROLLBACK_IN_PROGRESS: User Initiated
B DELETE_IN_PROGRESS
B DELETE_COMPLETE
New DELETE_IN_PROGRESS
A DELETE_IN_PROGRESS
New DELETE_COMPLETE
A DELETE_COMPLETE
- ROLLBACK_COMPLETE`)
		if now.Status != stack.RollbackComplete || h.left(st) != 0 {
			t.Errorf("%s, %d are left", now.Status, h.left(st))
		}
	})
}

func TestRollbackOfUpdate(t *testing.T) {
	t.Parallel()
	const before = `
Resources:
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}
  B: {Type: AWS::SNS::Topic, DependsOn: A, Properties: {DisplayName: one}}
`
	h := open(t, dbtest.New(t), rules(t, `rules: [{match: {logicalId: B}, action: UPDATE, fail: no}]`))
	st := h.create(stack.CreateInput{Template: []byte(before)})
	if _, err := h.Rollback(t.Context(), stack.RollbackInput{Account: account, Region: region, Stack: "stack-a"}); err == nil ||
		err.Error() != "Stack:"+st.ID+" is in CREATE_COMPLETE state and can not be rolled back." {
		t.Error(err)
	}
	next, err := h.Update(t.Context(), stack.UpdateInput{
		Account: account, Region: region, Stack: st.ID, DisableRollback: true,
		Template: []byte(strings.ReplaceAll(before, "one", "two") + "  New: {Type: AWS::SQS::Queue}\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.wait(next)
	if now := h.describe(st.ID); now.Status != stack.UpdateFailed {
		t.Fatal(h.told(st))
	}
	was := h.told(st)
	next, err = h.Rollback(t.Context(), stack.RollbackInput{Account: account, Region: region, Stack: st.ID})
	if err != nil {
		t.Fatal(err)
	}
	h.wait(next)
	diff(t, "an update", strings.TrimPrefix(h.told(st), was+"\n"), `
- UPDATE_ROLLBACK_IN_PROGRESS: User Initiated
A UPDATE_IN_PROGRESS
A UPDATE_COMPLETE
B UPDATE_IN_PROGRESS
B UPDATE_COMPLETE
- UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
New DELETE_IN_PROGRESS
New DELETE_COMPLETE
- UPDATE_ROLLBACK_COMPLETE`)
	if now := h.describe(st.ID); now.Status != stack.UpdateRollbackComplete || now.Digest != st.Digest || h.left(st) != 2 {
		t.Errorf("%+v", now)
	}
}

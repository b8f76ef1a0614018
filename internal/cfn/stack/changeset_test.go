package stack_test

import (
	"fmt"
	"testing"

	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
)

func TestChangeSetName(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, nil)
		topic := func(display string) []byte {
			return fmt.Appendf(nil, "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: %s\n", display)
		}
		create := func(creates bool, display, token string) (stack.ChangeSet, error) {
			return h.CreateChangeSet(t.Context(), stack.ChangeSetInput{
				UpdateInput: stack.UpdateInput{Account: account, Region: region, Stack: "stack-a", Template: topic(display), Token: token},
				Name:        "release", Creates: creates,
			})
		}
		made := func(creates bool, display, token string) stack.ChangeSet {
			t.Helper()
			cs, err := create(creates, display, token)
			if err != nil {
				t.Fatal(err)
			}
			return cs
		}
		execute := func() {
			t.Helper()
			st, _, err := h.Execute(t.Context(), stack.ExecuteInput{Account: account, Region: region, Stack: "stack-a", Name: "release"})
			if err != nil {
				t.Fatal(err)
			}
			h.wait(st)
		}
		named := func(want stack.ChangeSet, execution stack.ExecutionStatus) {
			t.Helper()
			got, err := h.ChangeSet(t.Context(), account, region, "stack-a", "release")
			if err != nil || got.ID != want.ID || got.Execution != execution {
				t.Errorf("release is %s, %s, %v; want %s, %s", got.ID, got.Execution, err, want.ID, execution)
			}
		}

		first := made(true, "one", "first")
		if again := made(true, "one", "first"); again.ID != first.ID {
			t.Errorf("the repeated request made %s, not %s", again.ID, first.ID)
		}
		if _, err := create(true, "one", "second"); err == nil || err.Error() != "ChangeSet [release] already exists" {
			t.Errorf("a second change set of the name: %v", err)
		}
		named(first, stack.Available)
		execute()
		named(first, stack.ExecuteComplete)

		if again := made(false, "one", "first"); again.ID != first.ID {
			t.Errorf("the request repeated after the execution made %s, not %s", again.ID, first.ID)
		}
		second := made(false, "two", "second")
		named(second, stack.Available)
		execute()
		named(second, stack.ExecuteComplete)
		if got, err := h.ChangeSet(t.Context(), account, region, "", first.ID); err != nil || got.Execution != stack.ExecuteComplete {
			t.Errorf("the first change set by its id: %s, %v", got.Execution, err)
		}
	})
}

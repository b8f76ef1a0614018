package stack_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/seal"
	"larder/internal/workflow"
	"larder/internal/workflow/workflowtest"
)

// TestEveryStep repeats, fails and kills every beat of a creation that
// succeeds, one that is rolled back, one that hangs until it is deleted, and
// of deletions.
func TestEveryStep(t *testing.T) {
	t.Parallel()
	workflowtest.EveryStep(t, func(t testing.TB, e workflowtest.Env) workflowtest.World {
		keys := seal.Ephemeral()
		var stacks *stack.Stacks
		list, err := resource.ParseRules([]byte(`rules:
- {match: {stack: bad, logicalId: B}, fail: no}
- {match: {stack: good, logicalId: C}, delay: 1m}
- {match: {stack: good, logicalId: C}, action: DELETE, fail: not at first, count: 1}
- {match: {stack: slow, logicalId: A}, hang: true}`))
		if err != nil {
			t.Fatal(err)
		}
		return workflowtest.World{
			Boot: func(r *workflow.Runner) {
				stacks = stack.New(stack.Options{
					DB: e.DB, Runner: r, Keys: keys, Rules: list, Now: e.Now, Limits: stack.Limits{Beat: 2, Packs: 3},
				})
			},
			Start: func(ctx context.Context, _ *workflow.Runner) error {
				for _, name := range []string{"good", "bad", "slow"} {
					_, err := stacks.Create(ctx, stack.CreateInput{
						Account: account, Region: region, Name: name, Operation: "create " + name, Template: []byte(chain),
					})
					if err != nil {
						return err
					}
				}
				return nil
			},
			Stir: func(ctx context.Context, _ *workflow.Runner) (bool, error) {
				good, err := stacks.Describe(ctx, account, region, "good")
				if _, gone := stack.AsError(err); gone {
					slow, err := stacks.Describe(ctx, account, region, "slow")
					if _, gone := stack.AsError(err); gone {
						return false, nil
					}
					if err != nil || slow.Journal.Kind == stack.KindDelete {
						return false, err
					}
					return true, stacks.Delete(ctx, stack.DeleteInput{
						Account: account, Region: region, Operation: "delete slow", Stack: "slow",
					})
				}
				if err != nil || good.Journal.Run != "" {
					return false, err
				}
				return true, stacks.Delete(ctx, stack.DeleteInput{
					Account: account, Region: region, Operation: "delete good in " + string(good.Status), Stack: "good",
				})
			},
			Dump: func(ctx context.Context) (string, error) { return dump(ctx, e.DB, stacks) },
		}
	})
}

// dump tells all stacks without what differs from run to run.
func dump(ctx context.Context, d *db.DB, stacks *stack.Stacks) (string, error) {
	all, _, err := stacks.List(ctx, stack.ListInput{Account: account, Region: region})
	if err != nil {
		return "", err
	}
	slices.SortFunc(all, func(a, b stack.Stack) int { return cmp.Compare(a.Name, b.Name) })
	var out strings.Builder
	for _, st := range all {
		fmt.Fprintf(&out, "%s %s %s\n", st.Name, st.Status, st.Reason)
		err := d.View(ctx, func(tx *db.Tx) error {
			rows, err := resource.OfStack(tx, st.ID)
			for _, r := range rows {
				fmt.Fprintf(&out, "  %s %s exists\n", r.LogicalID, r.Type)
			}
			return err
		})
		if err != nil {
			return "", err
		}
		_, events, _, err := stacks.Events(ctx, stack.EventsInput{Account: account, Region: region, Stack: st.ID})
		if err != nil {
			return "", err
		}
		for _, e := range events {
			fmt.Fprintf(&out, "  %s %s %s\n", e.LogicalID, e.Status, e.Reason)
		}
	}
	return out.String(), nil
}

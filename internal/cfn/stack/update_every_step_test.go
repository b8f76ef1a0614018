package stack_test

import (
	"context"
	"testing"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/seal"
	"larder/internal/workflow"
	"larder/internal/workflow/workflowtest"
)

// TestEveryStepOfUpdates repeats, fails and kills every beat of an update that
// succeeds, one that is rolled back, and one whose rollback fails and is
// continued.
func TestEveryStepOfUpdates(t *testing.T) {
	t.Parallel()
	workflowtest.EveryStep(t, func(t testing.TB, e workflowtest.Env) workflowtest.World {
		keys := seal.Ephemeral()
		var stacks *stack.Stacks
		list, err := resource.ParseRules([]byte(`rules:
- {match: {stack: slow}, hang: true}
- {match: {stack: good, logicalId: Name}, action: UPDATE, delay: 1m}
- {match: {stack: bad, logicalId: Name}, action: UPDATE, fail: no, delay: 1m}
- {match: {stack: worse, logicalId: Name}, action: UPDATE, fail: no, delay: 1m}
- {match: {stack: worse, logicalId: One}, action: UPDATE, delay: 1s, count: 1}
- {match: {stack: worse, logicalId: One}, action: UPDATE, fail: nor back, count: 1}`))
		if err != nil {
			t.Fatal(err)
		}
		names := []string{"good", "bad", "worse"}
		ended := map[stack.Status]bool{stack.UpdateComplete: true, stack.UpdateRollbackComplete: true}
		return workflowtest.World{
			Boot: func(r *workflow.Runner) {
				stacks = stack.New(stack.Options{
					DB: e.DB, Runner: r, Keys: keys, Rules: list, Now: e.Now, Limits: stack.Limits{Beat: 2, Packs: 3},
				})
			},
			Start: func(ctx context.Context, _ *workflow.Runner) error {
				for _, name := range names {
					text := []byte(`Resources: {One: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: a}},
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: ` + name + `1}}, Gone: {Type: AWS::SNS::Topic},
  Name: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Topic}}}`)
					_, err := stacks.Create(ctx, stack.CreateInput{Account: account, Region: region, Name: name, Operation: "create " + name, Template: text})
					if err != nil {
						return err
					}
				}
				// What hangs keeps the world moving until all else has ended.
				_, err := stacks.Create(ctx, stack.CreateInput{
					Account: account, Region: region, Name: "slow", Operation: "create slow", Template: []byte(`Resources: {A: {Type: AWS::SNS::Topic}}`),
				})
				return err
			},
			Stir: func(ctx context.Context, _ *workflow.Runner) (bool, error) {
				for _, name := range names {
					st, err := stacks.Describe(ctx, account, region, name)
					switch {
					case err != nil:
						return false, err
					case st.Journal.Run != "":
						return false, nil // let time pass
					case ended[st.Status]:
						continue
					case st.Status == stack.UpdateRollbackFailed:
						return true, stacks.ContinueRollback(ctx, stack.ContinueInput{Account: account, Region: region, Stack: name, Operation: "continue " + name})
					}
					_, err = stacks.Update(ctx, stack.UpdateInput{
						Account: account, Region: region, Stack: name, Operation: "update " + name,
						Template: []byte(`Resources: {One: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: b}},
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: ` + name + `2}}, New: {Type: AWS::SNS::Topic},
  Name: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Topic}}}`),
					})
					return true, err
				}
				slow, err := stacks.Describe(ctx, account, region, "slow")
				if _, gone := stack.AsError(err); gone {
					return false, nil
				}
				if err != nil || slow.Journal.Kind == stack.KindDelete {
					return false, err
				}
				return true, stacks.Delete(ctx, stack.DeleteInput{Account: account, Region: region, Operation: "delete slow", Stack: "slow"})
			},
			Dump: func(ctx context.Context) (string, error) { return dump(ctx, e.DB, stacks) },
		}
	})
}

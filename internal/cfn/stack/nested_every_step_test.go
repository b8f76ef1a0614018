package stack_test

import (
	"context"
	"fmt"
	"regexp"
	"testing"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/fetch"
	"larder/internal/seal"
	"larder/internal/workflow"
	"larder/internal/workflow/workflowtest"
)

// middle nests a stack in a nested stack.
const middle = `
Parameters: {Value: {Type: String}}
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: %s/inner, Parameters: {Value: !Ref Value}}
  Beside: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Inner.Outputs.Topic}}
Outputs:
  Said: {Value: !GetAtt Inner.Outputs.Topic}
`

// minted is what differs from run to run.
var minted = regexp.MustCompile(`-[A-Z0-9]{12}\b|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// TestEveryStepOfNestedStacks repeats, fails and kills every beat of a root
// whose update succeeds, one whose update fails below, whose undoing fails
// deeper still and is continued, and of their deletion.
func TestEveryStepOfNestedStacks(t *testing.T) {
	t.Parallel()
	shelf := newShelf(t)
	shelf.put("child", fmt.Sprintf(middle, shelf.url))
	shelf.put("inner", changed("Same"))
	client, err := fetch.New(fetch.Policy{HTTP: true, Loopback: true, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	list, err := resource.ParseRules([]byte(`rules:
- {match: {stack: slow}, hang: true}
- {match: {stack: "good-*-Inner-*", logicalId: Text}, action: UPDATE, delay: 1m}
- {match: {stack: "worse-*-Inner-*", logicalId: Topic}, action: CREATE, delay: 1s, count: 1}
- {match: {stack: "worse-*", logicalId: Beside}, action: UPDATE, fail: no}
- {match: {stack: "worse-*-Inner-*", logicalId: Text}, action: UPDATE, delay: 1s, count: 1}
- {match: {stack: "worse-*-Inner-*", logicalId: Text}, action: UPDATE, fail: nor back, count: 1}`))
	if err != nil {
		t.Fatal(err)
	}
	roots := []string{"good", "worse"}
	workflowtest.EveryStep(t, func(t testing.TB, e workflowtest.Env) workflowtest.World {
		keys := seal.Ephemeral()
		var stacks *stack.Stacks
		text := func(value string) []byte { return fmt.Appendf(nil, root, shelf.url, value) }
		return workflowtest.World{
			Boot: func(r *workflow.Runner) {
				stacks = stack.New(stack.Options{
					DB: e.DB, Runner: r, Keys: keys, Rules: list, Now: e.Now, Fetch: client, Limits: stack.Limits{Calls: 1},
				})
			},
			Start: func(ctx context.Context, _ *workflow.Runner) error {
				for _, name := range append([]string{"slow"}, roots...) {
					in := stack.CreateInput{Account: account, Region: region, Name: name, Operation: "create " + name, Template: text("a")}
					if name == "slow" { // what hangs keeps the world moving until all else has ended
						in.Template = []byte(`Resources: {A: {Type: AWS::SNS::Topic}}`)
					}
					if _, err := stacks.Create(ctx, in); err != nil {
						return err
					}
				}
				return nil
			},
			Stir: func(ctx context.Context, _ *workflow.Runner) (bool, error) {
				for _, name := range roots {
					st, err := stacks.Describe(ctx, account, region, name)
					if _, gone := stack.AsError(err); gone {
						continue
					}
					switch {
					case err != nil:
						return false, err
					case st.Journal.Run != "":
						return false, nil // let time pass
					case st.Status == stack.UpdateRollbackFailed:
						return true, stacks.ContinueRollback(ctx, stack.ContinueInput{Account: account, Region: region, Stack: name, Operation: "continue " + name})
					case st.Status == stack.CreateComplete:
						_, err = stacks.Update(ctx, stack.UpdateInput{Account: account, Region: region, Stack: name, Operation: "update " + name, Template: text("b")})
						return true, err
					}
					return true, stacks.Delete(ctx, stack.DeleteInput{Account: account, Region: region, Operation: "delete " + name, Stack: name})
				}
				slow, err := stacks.Describe(ctx, account, region, "slow")
				if _, gone := stack.AsError(err); gone || err == nil && slow.Journal.Kind == stack.KindDelete {
					return false, nil
				}
				return true, stacks.Delete(ctx, stack.DeleteInput{Account: account, Region: region, Operation: "delete slow", Stack: "slow"})
			},
			Dump: func(ctx context.Context) (string, error) {
				text, err := dump(ctx, e.DB, stacks)
				return minted.ReplaceAllString(text, "*"), err
			},
		}
	})
}

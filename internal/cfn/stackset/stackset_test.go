package stackset_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/cfn/stackset"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/seal"
	"larder/internal/workflow"
)

const (
	admin  = "999999999999"
	home   = "us-east-1"
	first  = "111111111111"
	second = "222222222222"
	third  = "333333333333"
	east   = "us-east-1"
	west   = "us-west-2"
)

// house is a store of sets with a runner that carries their operations.
type house struct {
	*stackset.Sets
	t      testing.TB
	db     *db.DB
	runner *workflow.Runner
	stacks *stack.Stacks
}

func open(t testing.TB, d *db.DB, rules string, refuses func(context.Context, string, stackset.Place) (string, error)) *house {
	t.Helper()
	list, err := resource.ParseRules([]byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	runner, keys := workflow.New(d, workflow.Options{}), seal.Ephemeral()
	stacks := stack.New(stack.Options{DB: d, Runner: runner, Keys: keys, Rules: list})
	h := &house{
		Sets: stackset.New(stackset.Options{DB: d, Runner: runner, Keys: keys, Stacks: stacks, Refuses: refuses}),
		t:    t, db: d, runner: runner, stacks: stacks,
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && ctx.Err() == nil {
			t.Errorf("runner: %v", err)
		}
	})
	return h
}

// fated is a template whose stack fails, or cannot be deleted, where a
// mapping says so.
func fated(fails, sticks map[string]bool) []byte {
	var b strings.Builder
	b.WriteString("Parameters:\n  Note: {Type: String, Default: none}\n  Secret: {Type: String, NoEcho: true, Default: hush}\nMappings:\n  Fate:\n")
	for _, region := range []string{east, west, "eu-west-1"} {
		fmt.Fprintf(&b, "    %s:\n", region)
		for _, account := range []string{first, second, third} {
			fate := "fine"
			switch {
			case fails[account+"/"+region]:
				fate = "fails"
			case sticks[account+"/"+region]:
				fate = "sticks"
			}
			fmt.Fprintf(&b, "      '%s': %s\n", account, fate)
		}
	}
	b.WriteString(`Conditions:
  Fails: !Equals [!FindInMap [Fate, !Ref 'AWS::Region', !Ref 'AWS::AccountId'], fails]
  Sticks: !Equals [!FindInMap [Fate, !Ref 'AWS::Region', !Ref 'AWS::AccountId'], sticks]
Resources:
  Topic: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !Ref Note}}
  Failing: {Type: 'AWS::SQS::Queue', Condition: Fails}
  Sticky: {Type: 'AWS::SQS::Queue', Condition: Sticks}
Outputs:
  Note: {Value: !Ref Note}
`)
	return []byte(b.String())
}

const fates = `rules:
- {match: {logicalId: Failing}, fail: by rule}
- {match: {logicalId: Sticky}, action: DELETE, fail: by rule}
`

func (h *house) set(text []byte) stackset.Set {
	h.t.Helper()
	set, err := h.CreateSet(h.t.Context(), stackset.SetInput{Account: admin, Region: home, Content: stackset.Content{Name: "set-a", Template: text}})
	if err != nil {
		h.t.Fatal(err)
	}
	return set
}

// do asks for work on instances and waits for its end.
func (h *house) do(ask func(context.Context, stackset.InstancesInput) (string, error), in stackset.InstancesInput) stackset.Operation {
	h.t.Helper()
	in.Account, in.Region, in.Set = admin, home, "set-a"
	id, err := ask(h.t.Context(), in)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.ended(id)
}

func (h *house) ended(id string) stackset.Operation {
	h.t.Helper()
	if err := h.runner.Idle(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	op, err := h.Operation(h.t.Context(), admin, home, "set-a", id)
	if err != nil || op.Ended.IsZero() {
		h.t.Fatalf("%+v, %v", op, err)
	}
	return op
}

// told returns the instances of the set, one a line.
func (h *house) told() string {
	h.t.Helper()
	_, page, _, err := h.Instances(h.t.Context(), stackset.InstancesList{Account: admin, Region: home, Set: "set-a"})
	if err != nil {
		h.t.Fatal(err)
	}
	var lines []string
	for _, i := range page {
		line := fmt.Sprintf("%s %s %s %s", i.Account[:3], i.Region, i.Status, i.Detailed())
		if i.Reason != "" {
			line += ": " + i.Reason
		}
		lines = append(lines, plain.Replace(line))
	}
	return strings.Join(lines, "\n")
}

// plain says in our spelling what AWS spells otherwise.
var plain = strings.NewReplacer(
	string(stackset.Canceled)+": "+stackset.Tolerated, "(not begun: failures)",
	string(stackset.Canceled)+": "+stackset.WasStopped, "(not begun: stopped)",
)

func diff(t *testing.T, what, got, want string) {
	t.Helper()
	if d := cmp.Diff(strings.TrimSpace(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestLifeOfASet(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, fates, nil)
		h.set(fated(map[string]bool{second + "/" + east: true}, map[string]bool{first + "/" + west: true}))
		both := stackset.Targets{Accounts: []string{second, first}, Regions: []string{west, east}}

		op := h.do(h.CreateInstances, stackset.InstancesInput{Targets: both, Overrides: []stackset.Given{{Key: "Note", Value: "mine"}}})
		if op.Status != stackset.Failed || op.Failed != 1 {
			t.Errorf("%+v", op)
		}
		diff(t, "created", h.told(), `
111 us-east-1 CURRENT SUCCEEDED
111 us-west-2 CURRENT SUCCEEDED
222 us-east-1 OUTDATED FAILED: ResourceLogicalId:Failing, ResourceType:AWS::SQS::Queue, ResourceStatusReason:by rule.
222 us-west-2 CURRENT SUCCEEDED`)
		_, i, err := h.Instance(t.Context(), admin, home, "set-a", stackset.Place{Account: first, Region: west})
		if err != nil {
			t.Fatal(err)
		}
		st, err := h.stacks.Describe(t.Context(), first, west, i.Stack)
		if err != nil || st.Outputs[0].Value != "mine" || !strings.HasPrefix(st.Name, "StackSet-set-a-") {
			t.Errorf("%+v, %v", st, err)
		}

		op = h.do(h.DeleteInstances, stackset.InstancesInput{Targets: both})
		if op.Status != stackset.Failed {
			t.Errorf("%+v", op)
		}
		diff(t, "deleted", h.told(), `
111 us-east-1 CURRENT (not begun: failures)
111 us-west-2 INOPERABLE INOPERABLE: ResourceLogicalId:Sticky, ResourceType:AWS::SQS::Queue, ResourceStatusReason:by rule.
222 us-east-1 OUTDATED (not begun: failures)
222 us-west-2 CURRENT (not begun: failures)`)

		if err := h.DeleteSet(t.Context(), admin, home, "set-a"); err == nil || err.Error() != "StackSet is not empty" {
			t.Errorf("a set with instances: %v", err)
		}
		op = h.do(h.DeleteInstances, stackset.InstancesInput{Targets: both, Retain: true})
		if op.Status != stackset.Succeeded || h.told() != "" {
			t.Errorf("%+v\n%s", op, h.told())
		}
		if _, err := h.stacks.Describe(t.Context(), first, west, i.Stack); err != nil {
			t.Errorf("the retained stack: %v", err)
		}
		for range 2 {
			if err := h.DeleteSet(t.Context(), admin, home, "set-a"); err != nil {
				t.Error(err)
			}
		}
	})
}

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
	fourth = "444444444444"
	fifth  = "555555555555"
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
		for _, account := range []string{first, second, third, fourth, fifth} {
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

func TestUpdates(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, fates, nil)
		h.set(fated(map[string]bool{second + "/" + west: true}, nil))
		all := stackset.Targets{Accounts: []string{first, second}, Regions: []string{east, west}}
		h.do(h.CreateInstances, stackset.InstancesInput{Targets: all})

		update := func(in stackset.SetUpdate) stackset.Operation {
			t.Helper()
			in.Account, in.Region, in.Set = admin, home, "set-a"
			id, err := h.UpdateSet(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			return h.ended(id)
		}
		// A change outdates everything; one region is brought up to date, also
		// where a stack had failed and has to go first.
		op := update(stackset.SetUpdate{
			Content: stackset.Content{Template: fated(nil, nil), Parameters: []stackset.Given{{Key: "Note", Value: "new"}}},
			Targets: &stackset.Targets{Accounts: all.Accounts, Regions: []string{west}},
		})
		if op.Status != stackset.Succeeded {
			t.Errorf("%+v", op)
		}
		diff(t, "one region", h.told(), `
111 us-east-1 OUTDATED SUCCEEDED
111 us-west-2 CURRENT SUCCEEDED
222 us-east-1 OUTDATED SUCCEEDED
222 us-west-2 CURRENT SUCCEEDED`)
		// Nothing changes: the outdated ones are brought up to date.
		update(stackset.SetUpdate{Content: stackset.Content{Parameters: []stackset.Given{{Key: "Note", Previous: true}}}})
		diff(t, "all", h.told(), `
111 us-east-1 CURRENT SUCCEEDED
111 us-west-2 CURRENT SUCCEEDED
222 us-east-1 CURRENT SUCCEEDED
222 us-west-2 CURRENT SUCCEEDED`)
		// Overrides are the instances' own, and outlive changes of the set.
		h.do(h.UpdateInstances, stackset.InstancesInput{
			Targets:   stackset.Targets{Accounts: []string{second}, Regions: all.Regions},
			Overrides: []stackset.Given{{Key: "Note", Value: "mine"}, {Key: "Secret", Value: "quiet"}},
		})
		h.do(h.UpdateInstances, stackset.InstancesInput{
			Targets:   stackset.Targets{Accounts: []string{second}, Regions: []string{east}},
			Overrides: []stackset.Given{{Key: "Note", Previous: true}},
		})
		update(stackset.SetUpdate{Content: stackset.Content{Parameters: []stackset.Given{{Key: "Note", Value: "newer"}}}})
		for _, want := range []struct {
			at   stackset.Place
			note string
			own  int
		}{
			{stackset.Place{Account: first, Region: east}, "newer", 0},
			{stackset.Place{Account: second, Region: east}, "mine", 1},
			{stackset.Place{Account: second, Region: west}, "mine", 2},
		} {
			_, i, err := h.Instance(t.Context(), admin, home, "set-a", want.at)
			if err != nil {
				t.Fatal(err)
			}
			st, err := h.stacks.Describe(t.Context(), want.at.Account, want.at.Region, i.Stack)
			if err != nil || i.Status != stackset.Current || st.Outputs[0].Value != want.note || len(i.Overrides) != want.own {
				t.Errorf("%v: %+v\n%+v, %v", want.at, i, st, err)
			}
			if strings.Contains(fmt.Sprintf("%+v %+v", i, st), "quiet") {
				t.Errorf("%v tells a secret", want.at)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), fates+"- {match: {logicalId: Topic}, delay: 1h, count: 1}\n", func(_ context.Context, administrator string, at stackset.Place) (string, error) {
		if at.Account == third {
			return "not of " + administrator, nil
		}
		return "", nil
	})
	h.set(fated(nil, nil))
	one := stackset.Targets{Accounts: []string{first}, Regions: []string{east}}
	in := stackset.InstancesInput{Account: admin, Region: home, Set: "set-a", Targets: one, Operation: "op-1"}
	refused := func(err error, code, message string) {
		t.Helper()
		if e, ok := stack.AsError(err); !ok || e.Code != code || !strings.Contains(e.Message, message) {
			t.Errorf("%v, want %s: %s", err, code, message)
		}
	}
	with := func(change func(*stackset.InstancesInput)) stackset.InstancesInput {
		other := in
		change(&other)
		return other
	}
	ctx := t.Context()
	_, err := h.UpdateInstances(ctx, in)
	refused(err, "StackInstanceNotFoundException", "region us-east-1")
	for _, c := range []struct {
		change        func(*stackset.InstancesInput)
		code, message string
	}{
		{func(in *stackset.InstancesInput) { in.Set = "set-b" }, "StackSetNotFoundException", "StackSet set-b not found"},
		{func(in *stackset.InstancesInput) { in.Region = west }, "StackSetNotFoundException", "StackSet set-a not found"},
		{func(in *stackset.InstancesInput) { in.Operation = "-" }, "ValidationError", "operationId"},
		{func(in *stackset.InstancesInput) { in.Targets.Accounts = nil }, "ValidationError", "Accounts must not be empty"},
		{func(in *stackset.InstancesInput) { in.Targets.Regions = []string{"moon"} }, "ValidationError", "'moon' is not a valid region"},
		{func(in *stackset.InstancesInput) { in.Targets.Accounts = []string{first, first} }, "ValidationError", "given twice"},
		{func(in *stackset.InstancesInput) { in.Overrides = []stackset.Given{{Key: "X"}} }, "ValidationError", "[X] do not exist in the template"},
		{func(in *stackset.InstancesInput) {
			in.Preferences = stackset.Preferences{ToleranceCount: new(1), TolerancePercentage: new(1)}
		}, "ValidationError", "Only one of"},
	} {
		_, err := h.CreateInstances(ctx, with(c.change))
		refused(err, c.code, c.message)
	}

	for range 2 { // the id makes it the same request
		if id, err := h.CreateInstances(ctx, in); err != nil || id != "op-1" {
			t.Fatal(id, err)
		}
	}
	_, err = h.CreateInstances(ctx, with(func(in *stackset.InstancesInput) { in.Targets.Regions = []string{west} }))
	refused(err, "OperationIdAlreadyExistsException", "op-1")
	_, err = h.DeleteInstances(ctx, with(func(in *stackset.InstancesInput) { in.Operation = "op-2" }))
	refused(err, "OperationInProgressException", "is in progress: op-1")
	refused(h.DeleteSet(ctx, admin, home, "set-a"), "OperationInProgressException", "is in progress: op-1")
	refused(h.Stop(ctx, admin, home, "set-a", "op-2"), "OperationNotFoundException", "op-2")
	for range 2 {
		if err := h.Stop(ctx, admin, home, "set-a", "op-1"); err != nil {
			t.Error(err)
		}
	}
	op, err := h.Operation(ctx, admin, home, "set-a", "op-1")
	if err != nil || op.Status != stackset.Stopping {
		t.Errorf("%+v, %v", op, err)
	}
	_, err = h.CreateSet(ctx, stackset.SetInput{Account: admin, Region: home, Content: stackset.Content{Name: "set-a", Template: fated(nil, nil)}})
	refused(err, "NameAlreadyExistsException", "set-a")
	_, err = h.CreateSet(ctx, stackset.SetInput{Account: admin, Region: home, Content: stackset.Content{
		Name: "set-b", Template: []byte("Parameters: {A: {Type: String}}\nResources: {T: {Type: 'AWS::SNS::Topic'}}"),
	}})
	refused(err, "ValidationError", "Parameters: [A] must have values")
}

// An account that may not be a target fails its instance, not the call, and
// its instance can only be forgotten.
func TestForeignAccount(t *testing.T) {
	t.Parallel()
	allowed := true
	h := open(t, dbtest.New(t), fates, func(_ context.Context, _ string, at stackset.Place) (string, error) {
		if at.Account == second && !allowed {
			return "no", nil
		}
		return "", nil
	})
	h.set(fated(nil, nil))
	all := stackset.Targets{Accounts: []string{first, second}, Regions: []string{east}}
	h.do(h.CreateInstances, stackset.InstancesInput{Targets: all})
	allowed = false
	op := h.do(h.DeleteInstances, stackset.InstancesInput{Targets: all})
	if op.Status != stackset.Failed || op.Failed != 1 {
		t.Errorf("%+v", op)
	}
	diff(t, "left", h.told(), `222 us-east-1 CURRENT FAILED: no`)
	p, err := h.Progress(t.Context(), admin, home, "set-a", op.ID)
	if err != nil || p.First == nil || p.First.Reason != "no" || p.Counts[0] != (stackset.Count{Region: east, Total: 2, Succeeded: 1, Failed: 1}) {
		t.Errorf("%+v, %v", p, err)
	}
}

package stack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/schema"
	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/fetch"
	"larder/internal/seal"
	"larder/internal/workflow"
)

// The property: whatever resources a stack has, whatever of them fails, is
// slow or hangs, and wherever the process is killed, the operations end, no
// resource is unaccounted for, none is doubled, nothing is left after a
// finished rollback or deletion, and the events tell a possible story.
func TestAnyGraphAnyFailureAnyKill(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt)
		defer w.stop()
		st, err := w.stacks.Create(context.Background(), w.input)
		if err != nil {
			rt.Fatalf("create: %v", err)
		}
		w.settle(st.ID)
		st = w.check(st.ID)
		if st.Status == stack.DeleteComplete {
			return
		}
		if rapid.Bool().Draw(rt, "repeat the request") {
			if again, err := w.stacks.Create(context.Background(), w.input); err != nil || again.ID != st.ID {
				rt.Fatalf("the repeated request made %s, %v", again.ID, err)
			}
		}
		for range 2 {
			if err := w.stacks.Delete(context.Background(), stack.DeleteInput{Account: account, Region: region, Stack: st.ID}); err != nil {
				rt.Fatalf("delete: %v", err)
			}
			w.settle(st.ID)
			st = w.check(st.ID)
		}
	})
}

// world is a store of stacks whose process is killed now and then.
type world struct {
	t       *testing.T
	rt      *rapid.T
	d       *db.DB
	keys    *seal.Keys
	rules   resource.Rules
	input   stack.CreateInput
	depends map[string][]string
	outside *outside
	fetch   *fetch.Client // nil if nothing is nested

	mu     sync.Mutex
	clock  time.Time
	kills  []int // faults to pass before the next kill
	killed bool

	runner *workflow.Runner
	stacks *stack.Stacks
	ended  chan struct{}
	fate   error // of the runner, once ended
	end    context.CancelFunc
}

func newWorld(t *testing.T, rt *rapid.T) *world {
	w := &world{
		t: t, rt: rt, keys: seal.Ephemeral(), clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		depends: map[string][]string{}, outside: &outside{made: map[string]string{}, plan: map[string]behavior{}},
	}
	n := rapid.IntRange(1, 10).Draw(rt, "resources")
	resources := map[string]any{}
	var list []resource.Rule
	for i := range n {
		id := fmt.Sprintf("R%d", i)
		for j := range i {
			if rapid.IntRange(0, 3).Draw(rt, "edge") == 0 {
				w.depends[id] = append(w.depends[id], fmt.Sprintf("R%d", j))
			}
		}
		declared := map[string]any{"Type": "AWS::SNS::Topic"}
		if on := w.depends[id]; on != nil {
			declared["DependsOn"] = on
		}
		switch rapid.IntRange(0, 4).Draw(rt, "kind") {
		case 0: // a name that may collide
			declared["Properties"] = map[string]any{"TopicName": fmt.Sprintf("name-%d", rapid.IntRange(0, 20).Draw(rt, "name"))}
		case 1, 2:
			declared["Type"] = "AWS::SQS::Queue"
			w.outside.plan[id] = behavior{
				again: rapid.IntRange(0, 2).Draw(rt, "again"), fault: rapid.IntRange(0, 3).Draw(rt, "fault") == 0,
				fail: rapid.IntRange(0, 9).Draw(rt, "outside fails") == 0, stuck: rapid.IntRange(0, 9).Draw(rt, "outside keeps") == 0,
			}
		}
		if rapid.IntRange(0, 9).Draw(rt, "retained") == 0 {
			declared["DeletionPolicy"] = "Retain"
		}
		resources[id] = declared
		for _, action := range []resource.Action{resource.Create, resource.Delete} {
			r := resource.Rule{Match: resource.Match{LogicalID: id}, Action: action, Count: rapid.IntRange(0, 2).Draw(rt, "count")}
			if drawFault(rt, &r, 12) {
				list = append(list, r)
			}
		}
	}
	text, err := json.Marshal(map[string]any{"Resources": resources})
	if err != nil {
		rt.Fatal(err)
	}
	if w.rules, err = resource.NewRules(list); err != nil {
		rt.Fatal(err)
	}
	w.input = stack.CreateInput{
		Account: account, Region: region, Name: "stack-a", Operation: "op-1", Template: text,
		OnFailure: rapid.SampledFrom([]stack.OnFailure{stack.Rollback, stack.Rollback, stack.Delete, stack.DoNothing}).Draw(rt, "on failure"),
	}
	w.kills = rapid.SliceOfN(rapid.IntRange(0, 12), 0, 4).Draw(rt, "kills")
	w.d = dbtest.Open(t, dbtest.Dir(t))
	w.start(rapid.IntRange(1, 12).Draw(rt, "beat"))
	return w
}

// start begins a life of the process.
func (w *world) start(beat int) {
	dead := false
	w.runner = workflow.New(w.d, workflow.Options{Now: w.now, Fault: func(workflow.Point, workflow.Beat) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case dead:
			return workflow.ErrCrash // a beat beside the one in which it was killed
		case len(w.kills) == 0:
			return nil
		}
		if w.kills[0]--; w.kills[0] >= 0 {
			return nil
		}
		w.kills, w.killed, dead = w.kills[1:], true, true
		return workflow.ErrCrash
	}})
	handlers := &resource.Handlers{}
	handlers.Register("AWS::SQS::*", w.outside)
	w.stacks = stack.New(stack.Options{
		DB: w.d, Runner: w.runner, Keys: w.keys, Handlers: handlers, Rules: w.rules, Now: w.now, Fetch: w.fetch, Limits: stack.Limits{Beat: beat, Calls: 2, Packs: 1 + beat%4},
	})
	ctx, end := context.WithCancel(context.Background())
	w.ended, w.end = make(chan struct{}), end
	runner, ended := w.runner, w.ended
	go func() { w.fate = runner.Run(ctx); close(ended) }()
}

func (w *world) stop() {
	w.end()
	<-w.ended
	if err := w.d.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

// settle carries a stack's operation to its end: it revives the process when
// it is killed, lets time pass, and cancels what hangs.
func (w *world) settle(id string) {
	for round := range 200 {
		if err := w.runner.Idle(context.Background()); err != nil {
			w.rt.Fatal(err)
		}
		w.mu.Lock()
		killed := w.killed
		w.killed = false
		w.mu.Unlock()
		if killed {
			if <-w.ended; !errors.Is(w.fate, workflow.ErrCrash) {
				w.rt.Fatalf("runner: %v", w.fate)
			}
			w.start(1 + round%7)
			continue
		}
		st := w.describe(id)
		if len(w.runs()) == 0 {
			return
		}
		w.mu.Lock()
		w.clock = w.clock.Add(2 * time.Minute)
		w.mu.Unlock()
		w.runner.Recheck()
		if round%20 == 19 && st.Journal.Run != "" {
			err := w.stacks.Cancel(context.Background(), stack.CancelInput{
				Account: account, Region: region, Operation: st.Journal.Operation, Kind: st.Journal.Kind,
			})
			if err != nil {
				w.rt.Fatal(err)
			}
		}
	}
	for _, run := range w.runs() {
		w.rt.Logf("%s %q %q\n%+v\n%s", run.Definition, run.Awaits, run.LastError, w.describe(run.Subject).Journal, w.story(run.Subject))
	}
	w.rt.Fatalf("the operation does not end")
}

// runs returns those that have not ended: of the stack, and of those nested
// in it.
func (w *world) runs() (left []workflow.Info) {
	err := w.d.View(context.Background(), func(tx *db.Tx) (err error) {
		left, err = workflow.List(tx, workflow.Filter{})
		return err
	})
	if err != nil {
		w.rt.Fatal(err)
	}
	return left
}

func (w *world) describe(id string) stack.Stack {
	st, err := w.stacks.Describe(context.Background(), account, region, id)
	if err != nil {
		w.rt.Fatal(err)
	}
	return st
}

// check holds a stack that is not in operation to the property.
func (w *world) check(id string) stack.Stack {
	st, resources, err := w.stacks.Resources(context.Background(), account, region, id)
	if err != nil {
		w.rt.Fatal(err)
	}
	rows := map[string]resource.Row{}
	err = w.d.View(context.Background(), func(tx *db.Tx) error {
		clear(rows)
		found, err := resource.OfStack(tx, id)
		for _, r := range found {
			if _, twice := rows[r.LogicalID]; twice {
				return fmt.Errorf("%s exists twice", r.LogicalID)
			}
			rows[r.LogicalID] = r
		}
		return err
	})
	if err != nil {
		w.rt.Fatal(err)
	}
	failed := 0
	for _, r := range resources {
		row, exists := rows[r.LogicalID]
		delete(rows, r.LogicalID)
		switch r.Status {
		case stack.CreateComplete, stack.DeleteSkipped:
			if !exists && r.Physical != "" {
				w.rt.Errorf("%s is %s and does not exist", r.LogicalID, r.Status)
			}
		case stack.CreateFailed, stack.DeleteFailed:
			failed++
		case stack.DeleteComplete:
			if exists {
				w.rt.Errorf("%s is deleted and exists", r.LogicalID)
			}
		default:
			w.rt.Errorf("%s is left %s", r.LogicalID, r.Status)
		}
		if exists && row.Physical != r.Physical {
			w.rt.Errorf("%s is %q in the stack and %q in the world", r.LogicalID, r.Physical, row.Physical)
		}
		if finished := st.Status == stack.RollbackComplete || st.Status == stack.DeleteComplete; finished && exists && r.Status != stack.DeleteSkipped {
			w.rt.Errorf("%s is left after %s", r.LogicalID, st.Status)
		}
	}
	for logicalID := range rows {
		w.rt.Errorf("nobody accounts for %s", logicalID)
	}
	switch st.Status {
	case stack.CreateComplete:
		if failed > 0 || len(resources) != len(w.depends)+w.roots() {
			w.rt.Errorf("complete with %d failures and %d resources", failed, len(resources))
		}
	case stack.RollbackComplete, stack.DeleteComplete:
		if failed > 0 {
			w.rt.Errorf("%s with %d failures", st.Status, failed)
		}
	case stack.RollbackFailed, stack.DeleteFailed, stack.CreateFailed:
		if failed == 0 && !strings.Contains(st.Reason, "cancel") {
			w.rt.Errorf("%s without any failure: %s", st.Status, st.Reason)
		}
	default:
		w.rt.Errorf("the stack is left %s", st.Status)
	}
	for token, physical := range w.outside.alive() {
		logicalID := strings.Split(strings.TrimPrefix(token, id+"/"), "/")[0]
		i := slices.IndexFunc(resources, func(r stack.Resource) bool { return r.LogicalID == logicalID })
		if i < 0 || resources[i].Status == stack.DeleteComplete || resources[i].Physical != "" && resources[i].Physical != physical {
			w.rt.Errorf("nobody accounts for %s outside", physical)
		}
	}
	w.checkEvents(id)
	return st
}

func (w *world) roots() int {
	var template struct{ Resources map[string]any }
	if err := json.Unmarshal(w.input.Template, &template); err != nil {
		w.rt.Fatal(err)
	}
	return len(template.Resources) - len(w.depends)
}

// after says which statuses of a resource may follow which.
var after = map[stack.Status][]stack.Status{
	"":                     {stack.CreateInProgress},
	stack.CreateInProgress: {stack.CreateInProgress, stack.CreateComplete, stack.CreateFailed},
	stack.CreateComplete:   {stack.DeleteInProgress, stack.DeleteSkipped},
	stack.CreateFailed:     {stack.DeleteInProgress, stack.DeleteComplete},
	stack.DeleteInProgress: {stack.DeleteComplete, stack.DeleteFailed},
	stack.DeleteFailed:     {stack.DeleteInProgress, stack.DeleteSkipped},
}

// checkEvents holds the events to a possible story.
func (w *world) checkEvents(id string) {
	var events []stack.Event
	for before := int64(0); ; {
		_, page, next, err := w.stacks.Events(context.Background(), stack.EventsInput{Account: account, Region: region, Stack: id, Before: before, Limit: 7})
		if err != nil {
			w.rt.Fatal(err)
		}
		events = append(events, page...)
		if before = next; next == 0 {
			break
		}
	}
	slices.Reverse(events)
	now := map[string]stack.Status{}
	seen := map[string]bool{}
	for i, e := range events {
		if seen[e.ID] {
			w.rt.Errorf("event %s is told twice", e.ID)
		}
		seen[e.ID] = true
		if i > 0 && !e.Time.After(events[i-1].Time) {
			w.rt.Errorf("event %s is not later than the one before", e.ID)
		}
		if e.Type == "AWS::CloudFormation::Stack" {
			continue
		}
		if !slices.Contains(after[now[e.LogicalID]], e.Status) {
			w.rt.Errorf("%s goes from %q to %s", e.LogicalID, now[e.LogicalID], e.Status)
		}
		first := now[e.LogicalID] == ""
		now[e.LogicalID] = e.Status
		for _, on := range w.depends[e.LogicalID] {
			if first && now[on] != stack.CreateComplete {
				w.rt.Errorf("%s begins while %s, which it depends on, is %q", e.LogicalID, on, now[on])
			}
		}
		if e.Status == stack.DeleteInProgress || e.Status == stack.DeleteComplete {
			for other, on := range w.depends {
				status := now[other]
				if slices.Contains(on, e.LogicalID) && status != "" && status != stack.DeleteComplete && status != stack.DeleteSkipped {
					w.rt.Errorf("%s goes while %s, which depends on it, is %s", e.LogicalID, other, status)
				}
			}
		}
	}
}

// outside is a handler whose resources are not rows: what it has done stays
// done when the process is killed.
type outside struct {
	mu   sync.Mutex
	made map[string]string // physical ids by token
	next int
	plan map[string]behavior
}

type behavior struct {
	again int  // how often a creation is not done yet
	fault bool // errors once before it has had an effect, once after
	fail  bool // creations fail, with what they made left behind
	stuck bool // the first deletion fails
}

func (o *outside) alive() map[string]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	alive := map[string]string{}
	for token, physical := range o.made {
		alive[token] = physical
	}
	return alive
}

func (o *outside) Advance(_ context.Context, r resource.Request) (resource.Progress, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.plan[r.Seed.LogicalID]
	defer func() { o.plan[r.Seed.LogicalID] = b }()
	if r.Action == resource.Delete {
		if b.stuck {
			b.stuck = false
			return resource.Progress{Failure: &resource.Failure{Message: "not yet"}}, nil
		}
		delete(o.made, r.Token)
		return resource.Progress{}, nil
	}
	if r.Action == resource.Update {
		p := resource.Progress{Model: schema.Model{Physical: r.Model.Physical, Identifier: r.Model.Identifier, Properties: r.Properties}}
		switch {
		case b.fault:
			b.fault = false
			return resource.Progress{}, errors.New("the answer was lost")
		case b.again > 0:
			b.again--
			p.State, p.After = resource.Again, time.Second
		case b.fail:
			b.fail = false
			p.Failure = &resource.Failure{Message: "no change outside"}
		}
		return p, nil
	}
	physical, exists := o.made[r.Token]
	if !exists {
		o.next++
		physical = fmt.Sprintf("queue-%d", o.next)
		o.made[r.Token] = physical
		if b.fault {
			b.fault = false
			return resource.Progress{}, errors.New("the answer was lost")
		}
	}
	p := resource.Progress{Model: schema.Model{Physical: physical, Identifier: physical, Properties: r.Properties}}
	switch {
	case b.again > 0:
		b.again--
		p.State, p.After = resource.Again, time.Second
	case b.fail:
		p.Failure = &resource.Failure{Message: "no room outside"}
	}
	return p, nil
}

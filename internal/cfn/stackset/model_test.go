package stackset_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/cfn/stackset"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/seal"
	"larder/internal/workflow"
	"larder/internal/workflow/workflowtest"
)

// The model: a small specification of what sets do, which watches them after
// every beat. Whatever is asked for, whatever fails, is stopped or killed,
// each step must be one that the specification allows, and each operation
// must come to what it foresees.

// A script is what is asked of a set, one act after another.
type script struct {
	Acts    []act
	Refused string         // an account that may not be a target; "" for none
	Kills   map[int]string // beats at which the process is killed: before, between, after
	Stops   map[int]bool   // beats before which the operation under way is stopped
	Fates   []map[Key]fate // of each revision of the template
}

// An act is one operation.
type act struct {
	Action      stackset.Action
	Set         bool // UPDATE: the set, to its next revision; else instances
	All         bool // with Set, or DELETE: no targets
	Retain      bool
	Targets     stackset.Targets
	Preferences stackset.Preferences
}

// Key is a place in the model.
type Key = stackset.Place

type fate string

const (
	fine   fate = ""
	fails  fate = "fails"
	sticks fate = "sticks"
)

var (
	modelAccounts = []string{first, second, third, fourth, fifth}
	modelRegions  = []string{"eu-west-1", east, west}
)

func scripts() *rapid.Generator[script] {
	return rapid.Custom(func(t *rapid.T) script {
		s := script{Kills: map[int]string{}, Stops: map[int]bool{}}
		if rapid.IntRange(0, 4).Draw(t, "refuses") == 0 {
			s.Refused = rapid.SampledFrom(modelAccounts).Draw(t, "refused")
		}
		s.Fates = append(s.Fates, drawFates(t))
		n := rapid.IntRange(1, 5).Draw(t, "acts")
		for i := range n {
			a := act{Action: stackset.Create, Targets: drawTargets(t), Preferences: drawPreferences(t)}
			if i > 0 {
				a.Action = rapid.SampledFrom([]stackset.Action{stackset.Create, stackset.Update, stackset.Update, stackset.Delete}).Draw(t, "action")
				a.Set = a.Action == stackset.Update && rapid.Bool().Draw(t, "set")
				a.All = (a.Set || a.Action == stackset.Delete) && rapid.Bool().Draw(t, "all")
				a.Retain = a.Action == stackset.Delete && rapid.IntRange(0, 3).Draw(t, "retain") == 0
				a.Targets.Present = a.Action == stackset.Update && !a.All && rapid.Bool().Draw(t, "present")
			}
			if a.Set {
				s.Fates = append(s.Fates, drawFates(t))
			}
			s.Acts = append(s.Acts, a)
		}
		for range rapid.IntRange(0, 4).Draw(t, "kills") {
			s.Kills[rapid.IntRange(0, 200).Draw(t, "kill")] = rapid.SampledFrom([]string{"begun", "decided", "recorded"}).Draw(t, "at")
		}
		for range rapid.IntRange(0, 2).Draw(t, "stops") {
			s.Stops[rapid.IntRange(0, 200).Draw(t, "stop")] = true
		}
		return s
	})
}

func drawFates(t *rapid.T) map[Key]fate {
	all := map[Key]fate{}
	for _, account := range modelAccounts {
		for _, region := range modelRegions {
			f := rapid.SampledFrom([]fate{fine, fine, fine, fine, fails, sticks}).Draw(t, "fate")
			all[Key{Account: account, Region: region}] = f
		}
	}
	return all
}

func drawTargets(t *rapid.T) stackset.Targets {
	some := func(of []string) []string {
		return rapid.Permutation(of).Draw(t, "targets")[:rapid.IntRange(1, len(of)).Draw(t, "number")]
	}
	return stackset.Targets{Accounts: some(modelAccounts), Regions: some(modelRegions)}
}

func drawPreferences(t *rapid.T) stackset.Preferences {
	var p stackset.Preferences
	switch rapid.IntRange(0, 2).Draw(t, "tolerance") {
	case 1:
		p.ToleranceCount = new(rapid.IntRange(0, 3).Draw(t, "count"))
	case 2:
		p.TolerancePercentage = new(rapid.SampledFrom([]int{0, 33, 34, 66, 67, 99, 100}).Draw(t, "percentage"))
	}
	switch rapid.IntRange(0, 2).Draw(t, "concurrency") {
	case 1:
		p.ConcurrencyCount = new(rapid.IntRange(1, 4).Draw(t, "count"))
		p.Soft = rapid.Bool().Draw(t, "soft")
	case 2:
		p.ConcurrencyPercentage = new(rapid.SampledFrom([]int{1, 33, 34, 66, 67, 100}).Draw(t, "percentage"))
	}
	if rapid.Bool().Draw(t, "ordered") {
		p.RegionOrder = rapid.Permutation(modelRegions).Draw(t, "order")
	}
	return p
}

// template is the text of a revision.
func (s *script) template(revision int) []byte {
	failing, sticky := map[string]bool{}, map[string]bool{}
	for at, f := range s.Fates[revision] {
		failing[at.Account+"/"+at.Region] = f == fails
		sticky[at.Account+"/"+at.Region] = f == sticks
	}
	return bytes.Replace(fated(failing, sticky), []byte("Default: none"), fmt.Appendf(nil, "Default: revision %d", revision), 1)
}

// TestAnyScript plays any script on the embedded database.
func TestAnyScript(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := scripts().Draw(rt, "script")
		if err := s.play(t, d); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestSomeScripts plays some, always the same ones, on the other database.
func TestSomeScripts(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	n := 12
	if testing.Short() {
		n = 3
	}
	for seed := range n {
		s := scripts().Example(seed)
		if err := s.play(t, d); err != nil {
			t.Fatalf("script %d %+v: %v", seed, s, err)
		}
	}
}

// play carries a script out and compares every step with the model.
func (s *script) play(t *testing.T, d *db.DB) error {
	m := &model{script: s, db: d, instances: map[Key]*modeled{}}
	list, err := resource.ParseRules([]byte(fates))
	if err != nil {
		return err
	}
	keys := seal.Ephemeral()
	_, _, err = workflowtest.Carry(t, d, func(_ testing.TB, e workflowtest.Env) workflowtest.World { return m.world(e, keys, list) }, m.point)
	return errors.Join(m.fault, err)
}

// world is what the script is played in.
func (m *model) world(e workflowtest.Env, keys *seal.Keys, list resource.Rules) workflowtest.World {
	d, s := e.DB, m.script
	return workflowtest.World{
		Boot: func(r *workflow.Runner) {
			m.stacks = stack.New(stack.Options{DB: d, Runner: r, Keys: keys, Rules: list, Now: e.Now})
			m.sets = stackset.New(stackset.Options{
				DB: d, Runner: r, Keys: keys, Stacks: m.stacks, Now: e.Now, Refuses: s.refuses,
				Limits: stackset.Limits{Claim: 2, Settle: 2},
			})
			r.Register(workflow.Definition{Name: "script", Steps: []workflow.Step{{Name: "act", Beat: m.act}}})
		},
		Start: func(ctx context.Context, r *workflow.Runner) error {
			_, err := m.sets.CreateSet(ctx, stackset.SetInput{Account: admin, Region: home, Content: stackset.Content{
				Name: "set-a", Template: s.template(0),
			}})
			if err != nil {
				return err
			}
			return d.Update(ctx, func(tx *db.Tx) error {
				return r.Start(tx, workflow.Begin{ID: "script", Definition: "script", Input: json.RawMessage(`{}`)})
			})
		},
		Dump: func(ctx context.Context) (string, error) { return "", m.watch(ctx) },
	}
}

// told tells what has become of every operation and instance.
func (m *model) told(ctx context.Context) (string, error) {
	var out strings.Builder
	for i := range m.script.Acts {
		op, err := m.sets.Operation(ctx, admin, home, "set-a", operationID(i))
		if _, absent := stack.AsError(err); !absent && err != nil {
			return "", err
		}
		fmt.Fprintln(&out, operationID(i), op.Action, op.Status, op.Failed)
	}
	_, page, _, err := m.sets.Instances(ctx, stackset.InstancesList{Account: admin, Region: home, Set: "set-a"})
	for _, i := range page {
		fmt.Fprintln(&out, i.Account, i.Region, i.Status, i.Detailed(), i.Stack != "")
	}
	return out.String(), err
}

// TestEveryStep repeats, fails and kills every beat of a life: a creation of
// which one instance fails, an update that makes up for it, a deletion that
// one resists, and one that lets that go.
func TestEveryStep(t *testing.T) {
	t.Parallel()
	at := func(account string, f fate) map[Key]fate { return map[Key]fate{{Account: account, Region: west}: f} }
	both := stackset.Targets{Accounts: []string{first, second}, Regions: []string{west}}
	s := script{
		Fates: []map[Key]fate{at(second, fails), at(first, sticks)},
		Acts: []act{
			{Action: stackset.Create, Targets: both, Preferences: stackset.Preferences{ToleranceCount: new(1), ConcurrencyCount: new(2)}},
			{Action: stackset.Update, Set: true, All: true},
			{Action: stackset.Delete, All: true},
			{Action: stackset.Delete, All: true, Retain: true},
		},
	}
	list, err := resource.ParseRules([]byte(fates))
	if err != nil {
		t.Fatal(err)
	}
	keys := seal.Ephemeral()
	workflowtest.EveryStep(t, func(_ testing.TB, e workflowtest.Env) workflowtest.World {
		m := &model{script: &s, db: e.DB, instances: map[Key]*modeled{}}
		w := m.world(e, keys, list)
		w.Dump = m.told
		return w
	})
}

func (s *script) refuses(_ context.Context, _ string, at stackset.Place) (string, error) {
	if at.Account == s.Refused {
		return "refused", nil
	}
	return "", nil
}

// A model is what the specification knows of the set.
type model struct {
	script *script
	db     *db.DB
	sets   *stackset.Sets
	stacks *stack.Stacks

	revision  int
	instances map[Key]*modeled
	now       *foreseen // the operation under way
	ended     int       // acts that are over
	fault     error     // the first step that the specification does not allow
}

// modeled is an instance.
type modeled struct {
	status stackset.InstanceStatus
	result stackset.Result
	stack  state
	sticky bool // its stack has had what cannot be deleted, and tries that again when it goes
	made   int  // the revision that its stack has
}

type state int

const (
	nothing state = iota
	whole         // a stack that stands
	dead          // one whose creation was rolled back
	stuck         // one that could not be deleted
)

// foreseen is an operation as the specification sees it.
type foreseen struct {
	act     act
	id      string
	regions []string
	last    map[Key]stackset.Result
	stopped bool
}

func operationID(i int) string { return fmt.Sprintf("op-%d", i) }

// act carries the script out, one operation after another.
func (m *model) act(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
	i := 0
	if b.State != nil {
		if err := json.Unmarshal(b.State, &i); err != nil {
			return workflow.Verdict{}, err
		}
	}
	next := workflow.Again(0).Keep(fmt.Append(nil, i+1))
	if i == len(m.script.Acts) {
		return workflow.End(), nil
	}
	op, err := m.sets.Operation(ctx, admin, home, "set-a", operationID(i))
	if _, absent := stack.AsError(err); absent {
		err = m.begin(ctx, i)
		if e, refused := stack.AsError(err); refused && e.Code == "StackInstanceNotFoundException" {
			if t := m.script.Acts[i].Targets; t.Present || m.exist(t) {
				m.forbid("operation %d was refused: %s", i, e.Message)
			}
			m.ended = i + 1
			return next, nil
		}
		return workflow.Again(0), err
	}
	if err != nil {
		return workflow.Verdict{}, err
	}
	if op.Ended.IsZero() {
		return workflow.Await(stackset.Signal(op.ID), patient), nil
	}
	return next, nil
}

const patient = 24 * 60 * 60 * 1e9 // the signal comes before

func (m *model) exist(t stackset.Targets) bool {
	for _, account := range t.Accounts {
		for _, region := range t.Regions {
			if m.instances[Key{Account: account, Region: region}] == nil {
				return false
			}
		}
	}
	return true
}

// begin asks for an operation.
func (m *model) begin(ctx context.Context, i int) (err error) {
	a := m.script.Acts[i]
	if a.Set {
		update := stackset.SetUpdate{
			Account: admin, Region: home, Set: "set-a", Operation: operationID(i), Report: stackset.Signal(operationID(i)),
			Preferences: a.Preferences, Content: stackset.Content{Template: m.script.template(m.revisionOf(i))},
		}
		if !a.All {
			update.Targets = &a.Targets
		}
		_, err = m.sets.UpdateSet(ctx, update)
		return err
	}
	in := stackset.InstancesInput{
		Account: admin, Region: home, Set: "set-a", Operation: operationID(i), Report: stackset.Signal(operationID(i)),
		Targets: a.Targets, All: a.All, Preferences: a.Preferences, Retain: a.Retain,
	}
	switch a.Action {
	case stackset.Create:
		_, err = m.sets.CreateInstances(ctx, in)
	case stackset.Update:
		_, err = m.sets.UpdateInstances(ctx, in)
	case stackset.Delete:
		_, err = m.sets.DeleteInstances(ctx, in)
	}
	return err
}

// revisionOf is the revision that an act leads to.
func (m *model) revisionOf(i int) (revision int) {
	for _, a := range m.script.Acts[:i+1] {
		if a.Set {
			revision++
		}
	}
	return revision
}

// point watches after every beat, and kills and stops where the script says.
func (m *model) point(n int, p workflow.Point, _ workflow.Beat) error {
	ctx := context.Background()
	if p == workflow.Begun && m.script.Stops[n] && m.now != nil {
		err := m.sets.Stop(ctx, admin, home, "set-a", m.now.id)
		if e, ok := stack.AsError(err); err != nil && (!ok || e.Code != "InvalidOperationException") {
			m.forbid("stop: %v", err)
		}
	}
	if p == workflow.Recorded || m.script.Stops[n] {
		if err := m.watch(ctx); err != nil {
			m.forbid("%v", err)
		}
	}
	if m.script.Kills[n] == p.String() {
		delete(m.script.Kills, n)
		return workflow.ErrCrash
	}
	return nil
}

func (m *model) forbid(format string, args ...any) {
	if m.fault == nil {
		m.fault = fmt.Errorf(format, args...)
	}
}

// watch looks at the set and takes the steps it has made in the model.
func (m *model) watch(ctx context.Context) error {
	if m.fault != nil {
		return m.fault
	}
	for m.ended < len(m.script.Acts) {
		id := operationID(m.ended)
		op, err := m.sets.Operation(ctx, admin, home, "set-a", id)
		if _, absent := stack.AsError(err); absent {
			return nil
		}
		if err != nil {
			return err
		}
		results, _, err := m.sets.Results(ctx, stackset.ResultsInput{Account: admin, Region: home, Set: "set-a", Operation: id})
		if err != nil {
			return err
		}
		if m.now == nil {
			if err := m.foresee(m.ended, results); err != nil {
				return fmt.Errorf("%s begins: %w", id, err)
			}
		}
		if err := m.step(op, results); err != nil {
			return fmt.Errorf("%s: %w\n%+v", id, err, results)
		}
		if op.Ended.IsZero() {
			return nil
		}
		if err := m.conclude(ctx, op); err != nil {
			return fmt.Errorf("%s ends %s: %w\n%+v", id, op.Status, err, results)
		}
		m.ended, m.now = m.ended+1, nil
	}
	return nil
}

// foresee says what an operation begins with.
func (m *model) foresee(i int, results []stackset.Outcome) error {
	a := m.script.Acts[i]
	f := &foreseen{act: a, id: operationID(i), last: map[Key]stackset.Result{}}
	if a.Set {
		m.revision = m.revisionOf(i)
		for _, in := range m.instances {
			if in.status == stackset.Current {
				in.status = stackset.Outdated
			}
		}
	}
	regions := a.Targets.Regions
	if a.All {
		regions = slices.DeleteFunc(slices.Clone(modelRegions), func(region string) bool { // they are sorted
			return !slices.ContainsFunc(slices.Collect(maps.Keys(m.instances)), func(at Key) bool { return at.Region == region })
		})
	}
	for _, list := range [][]string{a.Preferences.RegionOrder, regions} {
		for _, region := range list {
			if slices.Contains(regions, region) && !slices.Contains(f.regions, region) {
				f.regions = append(f.regions, region)
			}
		}
	}
	var want, got []string
	for _, account := range modelAccounts {
		for _, region := range modelRegions {
			at := Key{Account: account, Region: region}
			in := m.instances[at]
			named := slices.Contains(a.Targets.Accounts, account) && slices.Contains(a.Targets.Regions, region)
			switch {
			case a.All && (in == nil || in.status == stackset.Inoperable && a.Action == stackset.Update), !a.All && !named:
				continue
			case in == nil && a.Action == stackset.Create:
				m.instances[at] = &modeled{status: stackset.Outdated}
			case in == nil, a.Targets.Present && in.status == stackset.Inoperable:
				continue // passed over
			}
			m.instances[at].result = stackset.Pending
			f.last[at] = stackset.Pending
			want = append(want, account+"/"+region)
		}
	}
	for _, r := range results {
		got = append(got, r.Account+"/"+r.Region)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		return fmt.Errorf("it concerns %v, want %v", got, want)
	}
	m.now = f
	return nil
}

// tally is how far the instances of a region are.
type tally struct{ total, pending, running, failed int }

func (f *foreseen) tally(of map[Key]stackset.Result, region string) (t tally) {
	for at, r := range of {
		if at.Region != region {
			continue
		}
		t.total++
		switch r {
		case stackset.Pending:
			t.pending++
		case stackset.Running:
			t.running++
		case stackset.Broken:
			t.failed++
		}
	}
	return t
}

// tolerance and bound are the rules for the numbers, said once more.
func tolerance(p stackset.Preferences, total int) int {
	if p.TolerancePercentage != nil {
		return *p.TolerancePercentage * total / 100
	}
	if p.ToleranceCount != nil {
		return *p.ToleranceCount
	}
	return 0
}

func bound(p stackset.Preferences, total, failed int) int {
	if p.ConcurrencyPercentage != nil {
		return max(*p.ConcurrencyPercentage*total/100, 1)
	}
	if p.ConcurrencyCount != nil && p.Soft {
		return *p.ConcurrencyCount
	}
	if p.ConcurrencyCount != nil {
		return min(*p.ConcurrencyCount, tolerance(p, total)+1-failed)
	}
	return 1
}

// step checks what has happened since the last look.
func (m *model) step(op stackset.Operation, results []stackset.Outcome) error {
	f := m.now
	next := map[Key]stackset.Result{}
	for _, r := range results {
		next[r.Place] = r.Status
	}
	exceeded := false
	for _, region := range f.regions {
		t := f.tally(next, region)
		exceeded = exceeded || t.failed > tolerance(f.act.Preferences, t.total)
	}
	for _, at := range slices.SortedFunc(maps.Keys(next), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Account, b.Account))
	}) {
		was, is := f.last[at], next[at]
		switch {
		case was == is:
			continue
		case was == stackset.Pending && is == stackset.Running:
			if err := f.mayBegin(at, next); err != nil {
				return fmt.Errorf("%v is begun: %w", at, err)
			}
		case was == stackset.Pending && is == stackset.Canceled:
			if !exceeded && op.Status != stackset.Stopping && op.Status != stackset.Stopped {
				return fmt.Errorf("%v is canceled for nothing", at)
			}
		case was == stackset.Running && (is == stackset.Done || is == stackset.Broken):
			if want := m.come(at); is != want {
				return fmt.Errorf("%v comes to %s, want %s", at, is, want)
			}
		default:
			return fmt.Errorf("%v goes from %s to %s", at, was, is)
		}
		if in := m.instances[at]; in != nil {
			in.result = is
		}
	}
	f.last = next
	f.stopped = f.stopped || op.Status == stackset.Stopping
	return nil
}

// mayBegin says why an instance must not be begun.
func (f *foreseen) mayBegin(at Key, next map[Key]stackset.Result) error {
	if f.stopped {
		return errors.New("the operation was stopped")
	}
	for _, region := range f.regions {
		t := f.tally(next, region)
		if t.failed > tolerance(f.act.Preferences, t.total) {
			return fmt.Errorf("too much has failed in %s", region)
		}
		if region == at.Region {
			if most := bound(f.act.Preferences, t.total, t.failed); t.running > most {
				return fmt.Errorf("%d are running, %d may", t.running, most)
			}
			break
		}
		if t.pending+t.running > 0 {
			return fmt.Errorf("%s has its turn", region)
		}
	}
	for other, r := range next {
		if other.Region == at.Region && other.Account < at.Account && r == stackset.Pending {
			return fmt.Errorf("%s comes before it", other.Account)
		}
	}
	return nil
}

// come says what a running instance comes to, and what is left of it.
func (m *model) come(at Key) stackset.Result {
	in, a := m.instances[at], m.now.act
	if a.Action == stackset.Delete {
		switch {
		case a.Retain || in.stack == nothing:
		case at.Account == m.script.Refused:
			return stackset.Broken
		case in.stack == stuck, in.stack == whole && in.sticky:
			in.status, in.stack = stackset.Inoperable, stuck
			return stackset.Broken
		}
		delete(m.instances, at)
		return stackset.Done
	}
	switch {
	case in.status == stackset.Current:
		return stackset.Done
	case in.status == stackset.Inoperable, at.Account == m.script.Refused:
		return stackset.Broken
	case m.script.Fates[m.revision][at] == fails:
		if in.stack != whole {
			in.stack = dead
		}
		return stackset.Broken
	}
	in.sticky = in.stack == whole && in.sticky || m.script.Fates[m.revision][at] == sticks
	in.status, in.stack, in.made = stackset.Current, whole, m.revision
	return stackset.Done
}

// conclude checks what an operation leaves.
func (m *model) conclude(ctx context.Context, op stackset.Operation) error {
	f := m.now
	want, failed := stackset.Succeeded, 0
	for _, region := range f.regions {
		t := f.tally(f.last, region)
		failed += t.failed
		if t.pending+t.running > 0 {
			return fmt.Errorf("%d are left in %s", t.pending+t.running, region)
		}
		if t.failed > tolerance(f.act.Preferences, t.total) {
			want = stackset.Failed
		}
	}
	if f.stopped {
		want = stackset.Stopped
	}
	if op.Status != want || op.Failed != failed {
		return fmt.Errorf("%d have failed; want %s and %d", op.Failed, want, failed)
	}
	p, err := m.sets.Progress(ctx, admin, home, "set-a", op.ID)
	if err != nil {
		return err
	}
	for i, c := range p.Counts {
		t := f.tally(f.last, c.Region)
		if c.Region != f.regions[i] || c.Total != t.total || c.Failed != t.failed || c.Running != 0 || c.Pending() != 0 {
			return fmt.Errorf("counted %+v, want %+v", c, t)
		}
	}
	return m.compare(ctx)
}

func told(st *stack.Stack) string {
	if st == nil {
		return "that is gone"
	}
	return fmt.Sprintf("%s of %s", st.Status, st.Parameters[0].Value)
}

// compare holds the instances and their stacks against the model.
func (m *model) compare(ctx context.Context) error {
	_, page, _, err := m.sets.Instances(ctx, stackset.InstancesList{Account: admin, Region: home, Set: "set-a"})
	if err != nil {
		return err
	}
	if len(page) != len(m.instances) {
		return fmt.Errorf("%d instances, want %d", len(page), len(m.instances))
	}
	for _, i := range page {
		in := m.instances[i.Place]
		if in == nil || i.Status != in.status || i.Result != in.result {
			return fmt.Errorf("instance %+v, want %+v", i, in)
		}
		found, _, err := m.stacks.List(ctx, stack.ListInput{Account: i.Account, Region: i.Region, Active: true})
		if err != nil {
			return err
		}
		var at *stack.Stack
		for k := range found {
			if found[k].ID == i.Stack {
				at = &found[k]
			}
		}
		ok := false
		switch in.stack {
		case nothing:
			ok = i.Stack == ""
		case whole:
			ok = at != nil && strings.HasSuffix(string(at.Status), "_COMPLETE") && at.Parameters[0].Value == fmt.Sprintf("revision %d", in.made)
		case dead:
			ok = at != nil && at.Status == stack.RollbackComplete
		case stuck:
			ok = at != nil && at.Status == stack.DeleteFailed
		}
		if !ok {
			return fmt.Errorf("instance %+v has a stack %s, want %+v", i, told(at), in)
		}
	}
	return nil
}

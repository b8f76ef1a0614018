package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/workflow"
)

// carry has r carry runs until the returned function is called or the test
// ends.
func carry(t testing.TB, r *workflow.Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- r.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-over; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func start(t testing.TB, d *db.DB, r *workflow.Runner, b workflow.Begin) {
	t.Helper()
	if err := d.Update(t.Context(), func(tx *db.Tx) error { return r.Start(tx, b) }); err != nil {
		t.Fatal(err)
	}
}

func signal(t testing.TB, d *db.DB, r *workflow.Runner, key string) {
	t.Helper()
	if err := d.Update(t.Context(), func(tx *db.Tx) error { return r.Signal(tx, key) }); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, d *db.DB, id string) workflow.Info {
	t.Helper()
	var info workflow.Info
	err := d.View(t.Context(), func(tx *db.Tx) (err error) {
		info, err = workflow.Get(tx, id)
		return err
	})
	if err != nil {
		t.Fatalf("run %s: %v", id, err)
	}
	return info
}

func list(t testing.TB, d *db.DB, f workflow.Filter) (ids []string) {
	t.Helper()
	err := d.View(t.Context(), func(tx *db.Tx) error {
		all, err := workflow.List(tx, f)
		for _, i := range all {
			ids = append(ids, i.ID)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// one is a definition of a single step.
func one(name string, beat func(context.Context, workflow.Beat) (workflow.Verdict, error)) workflow.Definition {
	return workflow.Definition{Name: name, Steps: []workflow.Step{{Name: "only", Beat: beat}}}
}

func idle(t testing.TB, r *workflow.Runner) {
	t.Helper()
	if err := r.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func wait(t testing.TB, r *workflow.Runner, id string) {
	t.Helper()
	if err := r.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

// A hand is a clock moved by hand.
type hand struct{ at atomic.Int64 }

func newHand() *hand {
	h := &hand{}
	h.at.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro())
	return h
}

func (h *hand) now() time.Time       { return db.Time(h.at.Load()) }
func (h *hand) move(d time.Duration) { h.at.Add(d.Microseconds()) }

func TestSteps(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := workflow.New(d, workflow.Options{RetryMin: time.Millisecond})
		var trace []string
		step := func(name string, f func(workflow.Beat) (workflow.Verdict, error)) workflow.Step {
			return workflow.Step{Name: name, Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
				trace = append(trace, fmt.Sprintf("%s %d %s %s %s/%s/%s", b.Step, b.Attempt, b.Input, b.State, b.Account, b.Region, b.Subject))
				return f(b)
			}}
		}
		r.Register(workflow.Definition{Name: "make/v1", Steps: []workflow.Step{
			step("first", func(workflow.Beat) (workflow.Verdict, error) {
				return workflow.Next().Keep(json.RawMessage(`1`)), nil
			}),
			step("fails twice", func(b workflow.Beat) (workflow.Verdict, error) {
				switch b.Attempt {
				case 0:
					return workflow.Verdict{}, errors.New("not yet")
				case 1:
					panic("oh")
				}
				return workflow.Next(), nil // keeps the state
			}),
			step("loops", func(b workflow.Beat) (workflow.Verdict, error) {
				if string(b.State) == "2" {
					return workflow.Next().Keep(nil), nil
				}
				return workflow.Again(0).Keep(json.RawMessage(`2`)), nil
			}),
			step("ends", func(workflow.Beat) (workflow.Verdict, error) { return workflow.End(), nil }),
			step("is never reached", func(workflow.Beat) (workflow.Verdict, error) { return workflow.End(), nil }),
		}})
		start(t, d, r, workflow.Begin{ID: "r1", Definition: "make/v1", Subject: "rec-1", Account: "000000000000", Region: "eu-west-1", Input: json.RawMessage(`{"a":1}`)})
		carry(t, r)
		wait(t, r, "r1")
		want := []string{
			`first 0 {"a":1}  000000000000/eu-west-1/rec-1`,
			`fails twice 0 {"a":1} 1 000000000000/eu-west-1/rec-1`,
			`fails twice 1 {"a":1} 1 000000000000/eu-west-1/rec-1`,
			`fails twice 2 {"a":1} 1 000000000000/eu-west-1/rec-1`,
			`loops 0 {"a":1} 1 000000000000/eu-west-1/rec-1`,
			`loops 0 {"a":1} 2 000000000000/eu-west-1/rec-1`,
			`ends 0 {"a":1}  000000000000/eu-west-1/rec-1`,
		}
		if diff := cmp.Diff(want, trace); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStartTwice(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := workflow.New(d, workflow.Options{})
		var beats atomic.Int32
		r.Register(one("wait/v1", func(context.Context, workflow.Beat) (workflow.Verdict, error) {
			beats.Add(1)
			return workflow.Await("never", time.Hour), nil
		}))
		carry(t, r)
		for range 3 {
			start(t, d, r, workflow.Begin{ID: "r1", Definition: "wait/v1"})
			idle(t, r)
		}
		if n := beats.Load(); n != 1 {
			t.Errorf("%d beats", n)
		}
		err := d.Update(t.Context(), func(tx *db.Tx) error { return r.Start(tx, workflow.Begin{ID: "r2", Definition: "unknown"}) })
		if err == nil {
			t.Error("a run without a definition was started")
		}
		// A start that is not committed is none.
		_ = d.Update(t.Context(), func(tx *db.Tx) error {
			if err := r.Start(tx, workflow.Begin{ID: "r3", Definition: "wait/v1"}); err != nil {
				return err
			}
			return errors.New("no")
		})
		idle(t, r)
		if got := list(t, d, workflow.Filter{}); !cmp.Equal(got, []string{"r1"}) || beats.Load() != 1 {
			t.Errorf("runs %q, %d beats", got, beats.Load())
		}
	})
}

// A signal is not lost, whether it comes before the wait, during it, or in
// the very beat that decides to wait.
func TestSignal(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := workflow.New(d, workflow.Options{})
		var beats sync.Map
		deciding, decide := make(chan struct{}), make(chan struct{})
		r.Register(one("wait/v1", func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
			if _, again := beats.LoadOrStore(b.Run, true); again {
				return workflow.End(), nil
			}
			if b.Run == "during" {
				close(deciding)
				<-decide
			}
			return workflow.Await(b.Run+"/go", time.Hour), nil
		}))
		carry(t, r)

		signal(t, d, r, "before/go")
		signal(t, d, r, "before/go")
		start(t, d, r, workflow.Begin{ID: "before", Definition: "wait/v1"})
		wait(t, r, "before")

		start(t, d, r, workflow.Begin{ID: "during", Definition: "wait/v1"})
		<-deciding
		signal(t, d, r, "during/go")
		close(decide)
		wait(t, r, "during")

		start(t, d, r, workflow.Begin{ID: "after", Definition: "wait/v1"})
		idle(t, r)
		if info := get(t, d, "after"); info.Awaits != "after/go" || info.Node != "" {
			t.Errorf("waiting run: %+v", info)
		}
		signal(t, d, r, "after/other")
		signal(t, d, r, "after/go")
		wait(t, r, "after")

		// What was kept for the runs went with them.
		signal(t, d, r, "nobody/go")
		err := d.View(t.Context(), func(tx *db.Tx) error {
			keys, err := db.Collect(tx, func(rows *db.Rows) (s string, err error) {
				err = rows.Scan(&s)
				return s, err
			}, `SELECT key FROM latch ORDER BY key`)
			if diff := cmp.Diff([]string{"nobody/go"}, keys); diff != "" {
				t.Error(diff)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Update(t.Context(), func(tx *db.Tx) error { return r.Signal(tx, "") }); err == nil {
			t.Error("a signal without a key")
		}
	})
}

func TestWaits(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		clock := newHand()
		r := workflow.New(d, workflow.Options{Now: clock.now})
		var trace []string
		r.Register(workflow.Definition{Name: "wait/v1", Steps: []workflow.Step{
			{Name: "short", Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
				trace = append(trace, "short "+b.Now.Format("15:04"))
				if len(trace) == 1 {
					return workflow.Again(10 * time.Second), nil
				}
				return workflow.Next(), nil
			}},
			{Name: "long", Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
				trace = append(trace, "long "+b.Now.Format("15:04"))
				if len(trace) == 3 {
					return workflow.Again(time.Hour), nil
				}
				return workflow.Next(), nil
			}},
			{Name: "patient", Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
				trace = append(trace, "patient "+b.Now.Format("15:04"))
				if len(trace) == 5 {
					return workflow.Await("never", 2*time.Hour), nil
				}
				return workflow.Next(), nil
			}},
		}})
		carry(t, r)
		start(t, d, r, workflow.Begin{ID: "r1", Definition: "wait/v1", After: 30 * time.Minute})
		for _, want := range []struct {
			move  time.Duration
			beats int
			held  bool
			step  string
		}{
			{0, 0, false, "short"},
			{29 * time.Minute, 0, false, "short"},
			{time.Minute, 1, true, "short"},          // a short wait is held
			{10 * time.Second, 3, false, "long"},     // a long one is not
			{59 * time.Minute, 3, false, "long"},     // not yet
			{time.Minute, 5, false, "patient"},       // waits for a signal
			{119 * time.Minute, 5, false, "patient"}, // not yet
		} {
			clock.move(want.move)
			r.Recheck()
			idle(t, r)
			info := get(t, d, "r1")
			if len(trace) != want.beats || info.Step != want.step || (info.Node != "") != want.held {
				t.Errorf("after %v: %d beats, %+v", want.move, len(trace), info)
			}
		}
		clock.move(time.Minute)
		r.Recheck()
		wait(t, r, "r1")
		want := []string{"short 00:30", "short 00:30", "long 00:30", "long 01:30", "patient 01:30", "patient 03:30"}
		if diff := cmp.Diff(want, trace); diff != "" {
			t.Error(diff)
		}
	})
}

// A deadline cuts waits short and is then told to every beat.
func TestOverdue(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		clock := newHand()
		r := workflow.New(d, workflow.Options{Now: clock.now})
		var trace []string
		r.Register(one("wait/v1", func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
			trace = append(trace, fmt.Sprint(b.Overdue))
			switch len(trace) {
			case 1:
				return workflow.Await("never", 24*time.Hour), nil
			case 2:
				return workflow.Again(time.Hour), nil // takes its time
			}
			return workflow.End(), nil
		}))
		carry(t, r)
		start(t, d, r, workflow.Begin{ID: "r1", Definition: "wait/v1", Deadline: clock.now().Add(3 * time.Hour)})
		idle(t, r)
		if info := get(t, d, "r1"); !info.Due.Equal(info.Deadline) {
			t.Errorf("due %v, deadline %v", info.Due, info.Deadline)
		}
		clock.move(3 * time.Hour)
		r.Recheck()
		idle(t, r)
		clock.move(time.Hour)
		r.Recheck()
		wait(t, r, "r1")
		if diff := cmp.Diff([]string{"false", "true", "true"}, trace); diff != "" {
			t.Error(diff)
		}
	})
}

// A beat that begins before the deadline and ends after it does not wait on:
// the next one is told.
func TestOverdueMeanwhile(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		clock := newHand()
		r := workflow.New(d, workflow.Options{Now: clock.now})
		r.Register(one("slow/v1", func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
			if b.Overdue {
				return workflow.End(), nil
			}
			clock.move(2 * time.Hour)
			return workflow.Await("never", 24*time.Hour), nil
		}))
		carry(t, r)
		start(t, d, r, workflow.Begin{ID: "r1", Definition: "slow/v1", Deadline: clock.now().Add(time.Hour)})
		wait(t, r, "r1")
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		clock := newHand()
		r := workflow.New(d, workflow.Options{Now: clock.now, RetryMin: time.Minute, RetryMax: time.Hour})
		mended := atomic.Bool{}
		r.Register(one("fail/v1", func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
			if mended.Load() {
				return workflow.End(), nil
			}
			switch b.Subject {
			case "error":
				return workflow.Verdict{}, errors.New("no\x00 way\xff")
			case "long error":
				return workflow.Verdict{}, errors.New(strings.Repeat("é", 5000))
			case "panic":
				panic("oh")
			case "zero":
				return workflow.Verdict{}, nil
			case "no signal":
				return workflow.Await("", time.Hour), nil
			case "write":
				return workflow.End().Write(func(tx *db.Tx) error {
					if err := db.PutSetting(tx, "written", ""); err != nil {
						return err
					}
					return errors.New("cannot write")
				}), nil
			case "write panic":
				return workflow.End().Write(func(*db.Tx) error { panic("in the write") }), nil
			}
			return workflow.End(), nil
		}))
		subjects := map[string]string{
			"error": "no way", "long error": "é…", "panic": "panic: oh", "zero": "zero Verdict", "no signal": "zero Verdict",
			"write": "cannot write", "write panic": "in the write",
		}
		carry(t, r)
		for subject := range subjects {
			start(t, d, r, workflow.Begin{ID: subject, Definition: "fail/v1", Subject: subject})
		}
		idle(t, r)
		for subject, want := range subjects {
			info := get(t, d, subject)
			if info.Attempt != 1 || !strings.Contains(info.LastError, want) || len(info.LastError) > 2100 {
				t.Errorf("%s: %+v", subject, info)
			}
		}
		// The delay doubles, and ends at its bound.
		var delays []time.Duration
		for range 9 {
			info := get(t, d, "error")
			delays = append(delays, info.Due.Sub(info.Updated))
			clock.move(time.Hour)
			r.Recheck()
			idle(t, r)
		}
		for i, got := range delays {
			most := min(time.Minute<<i, time.Hour)
			if got > most || got < most*3/4 {
				t.Errorf("delay %d is %v, want about %v", i, got, most)
			}
		}
		if info := get(t, d, "error"); info.Attempt != 10 {
			t.Errorf("%d attempts", info.Attempt)
		}
		mended.Store(true)
		clock.move(time.Hour)
		r.Recheck()
		for subject := range subjects {
			wait(t, r, subject)
		}
		err := d.View(t.Context(), func(tx *db.Tx) error {
			if _, err := db.GetSetting(tx, "written"); !errors.Is(err, db.ErrNoRows) {
				t.Errorf("a failed write stayed: %v", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// A run whose definition is of another release is left to a node that has it.
func TestUnknownDefinition(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		clock := newHand()
		newer := workflow.New(d, workflow.Options{Now: clock.now})
		newer.Register(one("new/v2", func(context.Context, workflow.Beat) (workflow.Verdict, error) { return workflow.End(), nil }))
		start(t, d, newer, workflow.Begin{ID: "r1", Definition: "new/v2", After: time.Minute})

		older := workflow.New(d, workflow.Options{Now: clock.now})
		stop := carry(t, older)
		clock.move(time.Minute)
		older.Recheck()
		idle(t, older)
		if info := get(t, d, "r1"); info.Node != "" || !strings.Contains(info.LastError, "does not know") {
			t.Errorf("%+v", info)
		}
		stop()
		carry(t, newer)
		clock.move(time.Minute)
		newer.Recheck()
		wait(t, newer, "r1")
	})
}

// Of one run there is never more than one beat at a time, and of many runs
// as many as there are workers.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		const workers = 4
		r := workflow.New(d, workflow.Options{Workers: workers})
		var mu sync.Mutex
		now, most, total := map[string]int{}, 0, 0
		full, proceed := make(chan struct{}), make(chan struct{})
		r.Register(one("loop/v1", func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
			mu.Lock()
			now[b.Run]++
			if now[b.Run] > 1 {
				t.Errorf("two beats of %s at once", b.Run)
			}
			total++
			most = max(most, len(now))
			if total == workers {
				close(full)
			}
			mu.Unlock()
			<-proceed
			mu.Lock()
			delete(now, b.Run)
			mu.Unlock()
			if len(b.State) == 10 {
				return workflow.End(), nil
			}
			return workflow.Again(0).Keep(append(append(json.RawMessage{}, b.State...), '1')), nil
		}))
		carry(t, r)
		for i := range 10 {
			start(t, d, r, workflow.Begin{ID: fmt.Sprint("r", i), Definition: "loop/v1"})
		}
		<-full
		close(proceed)
		for i := range 10 {
			wait(t, r, fmt.Sprint("r", i))
		}
		if most != workers || total != 110 {
			t.Errorf("%d beats, %d at once", total, most)
		}
	})
}

// More runs than a node holds are carried all the same.
func TestManyRuns(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("carries thousands of runs")
	}
	d := dbtest.New(t)
	r := workflow.New(d, workflow.Options{})
	var ended atomic.Int64
	r.Register(one("quick/v1", func(context.Context, workflow.Beat) (workflow.Verdict, error) {
		return workflow.End().Write(func(tx *db.Tx) error {
			tx.OnCommit(func() { ended.Add(1) })
			return nil
		}), nil
	}))
	const runs = 6_000
	for batch := range runs / 500 {
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			for i := range 500 {
				if err := r.Start(tx, workflow.Begin{ID: fmt.Sprintf("r%d/%d", batch, i), Definition: "quick/v1"}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	carry(t, r)
	for len(list(t, d, workflow.Filter{Limit: 1})) > 0 {
		idle(t, r)
	}
	if n := ended.Load(); n != runs {
		t.Errorf("%d runs ended", n)
	}
}

// Stopping waits for the beat in flight, carries no other, and hands back
// what is held, so that the next node need not wait for a lease to run out.
func TestStop(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		beating, finish := make(chan struct{}), make(chan struct{})
		var beats atomic.Int32
		def := workflow.Definition{Name: "two/v1", Steps: []workflow.Step{
			{Name: "slow", Beat: func(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
				close(beating)
				<-finish
				return workflow.Next(), ctx.Err()
			}},
			{Name: "next", Beat: func(context.Context, workflow.Beat) (workflow.Verdict, error) {
				beats.Add(1)
				return workflow.End(), nil
			}},
		}}
		first := workflow.New(d, workflow.Options{Node: "first"})
		first.Register(def)
		ctx, cancel := context.WithCancel(context.Background())
		over := make(chan error, 1)
		go func() { over <- first.Run(ctx) }()
		start(t, d, first, workflow.Begin{ID: "r1", Definition: "two/v1"})
		<-beating
		if info := get(t, d, "r1"); !strings.HasPrefix(info.Node, "first/") {
			t.Errorf("%+v", info)
		}
		cancel()
		for !first.Ended() {
			runtime.Gosched()
		}
		close(finish)
		if err := <-over; err != nil {
			t.Fatal(err)
		}
		info := get(t, d, "r1")
		if info.Node != "" || info.Step != "next" || info.Attempt != 0 || beats.Load() != 0 {
			t.Errorf("after the stop: %+v, %d beats", info, beats.Load())
		}
		// A run that is started while the server drains is left to the next.
		start(t, d, first, workflow.Begin{ID: "r2", Definition: "two/v1"})
		if info := get(t, d, "r2"); info.Node != "" {
			t.Errorf("started by a stopped node: %+v", info)
		}
		second := workflow.New(d, workflow.Options{Node: "second"})
		ends := func(context.Context, workflow.Beat) (workflow.Verdict, error) { return workflow.End(), nil }
		second.Register(workflow.Definition{Name: "two/v1", Steps: []workflow.Step{{Name: "slow", Beat: ends}, {Name: "next", Beat: ends}}})
		carry(t, second)
		wait(t, second, "r1")
		wait(t, second, "r2")
	})
}

// A beat that does not end is given up after the grace, and what it decides
// later is void.
func TestStopWithoutPatience(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		beating, finish, returned := make(chan struct{}), make(chan struct{}), make(chan struct{})
		r := workflow.New(d, workflow.Options{Grace: time.Millisecond, LeaseTTL: time.Minute})
		r.Register(one("stuck/v1", func(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
			defer close(returned)
			close(beating)
			<-ctx.Done() // told, but
			<-finish     // goes on
			return workflow.End().Write(func(*db.Tx) error {
				t.Error("a beat wrote after its node was gone")
				return nil
			}), nil
		}))
		stop := carry(t, r)
		start(t, d, r, workflow.Begin{ID: "r1", Definition: "stuck/v1"})
		<-beating
		stop()
		if info := get(t, d, "r1"); info.Node != "" || info.Attempt != 0 {
			t.Errorf("%+v", info)
		}
		close(finish)
		<-returned
		if got := list(t, d, workflow.Filter{}); !cmp.Equal(got, []string{"r1"}) {
			t.Errorf("runs %q", got)
		}
	})
}

// The embedded database has one user: what an earlier process held is free
// at once.
func TestRestart(t *testing.T) {
	t.Parallel()
	dir := dbtest.Dir(t)
	d := dbtest.Open(t, dir)
	def := one("once/v1", func(context.Context, workflow.Beat) (workflow.Verdict, error) { return workflow.End(), nil })
	killed := workflow.New(d, workflow.Options{LeaseTTL: time.Hour})
	killed.Register(def)
	for i := range 100 {
		start(t, d, killed, workflow.Begin{ID: fmt.Sprint("r", i), Definition: "once/v1"})
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = dbtest.Open(t, dir)
	r := workflow.New(d, workflow.Options{LeaseTTL: time.Hour})
	r.Register(def)
	carry(t, r)
	for i := range 100 {
		wait(t, r, fmt.Sprint("r", i))
	}
}

func TestViews(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		clock := newHand()
		r := workflow.New(d, workflow.Options{Now: clock.now})
		r.Register(one("wait/v1", func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
			return workflow.Await(b.Run+"/go", time.Hour).Noted("waiting for word"), nil
		}))
		carry(t, r)
		for i := range 5 {
			start(t, d, r, workflow.Begin{ID: fmt.Sprint("r", i), Definition: "wait/v1", Subject: fmt.Sprint("s", i%2), Account: fmt.Sprint("a", i%3), Region: "r"})
		}
		idle(t, r)
		want := workflow.Info{
			ID: "r3", Definition: "wait/v1", Subject: "s1", Account: "a0", Region: "r", Step: "only", Note: "waiting for word",
			Awaits: "r3/go", Due: clock.now().Add(time.Hour), Started: clock.now(), Updated: clock.now(),
		}
		if diff := cmp.Diff(want, get(t, d, "r3")); diff != "" {
			t.Error(diff)
		}
		for _, test := range []struct {
			filter workflow.Filter
			want   []string
		}{
			{workflow.Filter{}, []string{"r0", "r1", "r2", "r3", "r4"}},
			{workflow.Filter{Limit: 2}, []string{"r0", "r1"}},
			{workflow.Filter{Limit: 2, After: "r1"}, []string{"r2", "r3"}},
			{workflow.Filter{Account: "a0"}, []string{"r0", "r3"}},
			{workflow.Filter{Subject: "s1", Account: "a0", Region: "r"}, []string{"r3"}},
			{workflow.Filter{Region: "elsewhere"}, nil},
		} {
			if diff := cmp.Diff(test.want, list(t, d, test.filter)); diff != "" {
				t.Errorf("%+v: %s", test.filter, diff)
			}
		}
		err := d.View(t.Context(), func(tx *db.Tx) error {
			_, err := workflow.Get(tx, "unknown")
			return err
		})
		if !errors.Is(err, db.ErrNoRows) {
			t.Errorf("an unknown run: %v", err)
		}
	})
}

func TestRegister(t *testing.T) {
	t.Parallel()
	beat := func(context.Context, workflow.Beat) (workflow.Verdict, error) { return workflow.End(), nil }
	for name, defs := range map[string][]workflow.Definition{
		"nameless":   {one("", beat)},
		"empty":      {{Name: "x"}},
		"twice":      {one("x", beat), one("x", beat)},
		"no beat":    {one("x", nil)},
		"step twice": {{Name: "x", Steps: []workflow.Step{{Name: "a", Beat: beat}, {Name: "a", Beat: beat}}}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", name)
				}
			}()
			r := workflow.New(dbtest.New(t), workflow.Options{})
			for _, d := range defs {
				r.Register(d)
			}
		}()
	}
}

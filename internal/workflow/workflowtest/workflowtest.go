// Package workflowtest carries runs under every fault that a beat can meet
// and compares what becomes of the world.
//
// A room that defines runs describes a [World] once, and [EveryStep] does the
// rest: it carries the runs undisturbed to learn their beats, and then once
// more for each beat and each kind of fault. Whatever happens, the world must
// come out as it did without.
package workflowtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/workflow"
)

// A World is what runs work on: a fresh database and whatever lies outside
// of it, such as a fake engine, kept by the functions.
type World struct {
	// Boot registers the definitions with the Runner of a new process. It is
	// called again after each crash: what it builds is new, what lies outside
	// of the process has stayed.
	Boot func(r *workflow.Runner)
	// Start does what a user does to start the runs. It is called once.
	Start func(ctx context.Context, r *workflow.Runner) error
	// Stir, which may be nil, is called whenever nothing moves although runs
	// are left, and may do what somebody outside does: send a signal, report.
	// It reports whether it did anything; if not, the clock is moved to the
	// time that the next run waits for.
	Stir func(ctx context.Context, r *workflow.Runner) (bool, error)
	// Dump describes what must be the same in the end: rows, effects, events.
	// It leaves out times, minted ids and numbers of attempts.
	Dump func(ctx context.Context) (string, error)
}

// An Env is what a World is built on.
type Env struct {
	DB  *db.DB
	Now func() time.Time // the product's clock, which jumps over waits
}

// EveryStep builds the world anew for each beat and each kind of fault, on
// every database there is. With -short it takes a third of them.
func EveryStep(t *testing.T, build func(t testing.TB, e Env) World) {
	t.Helper()
	dbtest.Run(t, func(t *testing.T, d *db.DB) { everyStep(t, d, build) })
}

func everyStep(t *testing.T, d *db.DB, build func(testing.TB, Env) World) {
	clean, beats, err := Carry(t, d, build, func(int, workflow.Point, workflow.Beat) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if len(beats) == 0 {
		t.Fatal("the world started no run")
	}
	t.Logf("%d beats:\n%s\nleave\n%s", len(beats), strings.Join(beats, "\n"), clean)
	check := func(name string, f Fault) {
		t.Helper()
		got, after, err := Carry(t, d, build, f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(clean, got); diff != "" {
			// One difference at a time.
			t.Fatalf("%s: the world differs from the undisturbed one:\n%s\nbeats:\n%s", name, diff, strings.Join(after, "\n"))
		}
	}
	for k, kind := range kinds {
		for i, beat := range beats {
			if testing.Short() && (i+k)%3 != 0 {
				continue
			}
			check(fmt.Sprintf("beat %d (%s) %s", i, beat, kind.name), func(n int, p workflow.Point, _ workflow.Beat) error {
				if n == i && p == kind.at {
					return kind.err
				}
				return nil
			})
		}
	}
	check("every other beat lost", func(n int, p workflow.Point, _ workflow.Beat) error {
		if p == workflow.Decided && n%2 == 0 {
			return workflow.ErrCrash
		}
		return nil
	})
}

// A Fault decides what happens at a point of the nth beat of a trial, counted
// from 0. It returns nil, [workflow.ErrCrash], [ErrStolen], [ErrTakenOver],
// or an error that is the beat's.
type Fault func(n int, p workflow.Point, b workflow.Beat) error

var (
	// ErrStolen is a Fault: another node takes the run meanwhile, as if the
	// lease had run out, and hands it back.
	ErrStolen = errors.New("workflowtest: the run is stolen")
	// ErrTakenOver is a Fault: another node carries all runs meanwhile, as
	// far as they go.
	ErrTakenOver = errors.New("workflowtest: the runs are taken over")

	errFails = errors.New("workflowtest: this beat fails")
)

var kinds = []struct {
	name string
	at   workflow.Point
	err  error
}{
	{"killed before", workflow.Begun, workflow.ErrCrash},
	{"failed before", workflow.Begun, errFails},
	{"killed between effect and record", workflow.Decided, workflow.ErrCrash},
	{"failed between effect and record", workflow.Decided, errFails},
	{"killed after", workflow.Recorded, workflow.ErrCrash},
	{"stolen and handed back", workflow.Decided, ErrStolen},
	{"stolen and carried on", workflow.Decided, ErrTakenOver},
}

// A clock is real time and the jumps made so far.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

// jump moves the clock on to at, if that lies ahead.
func (c *clock) jump(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := time.Until(at) - c.offset; d > 0 {
		c.offset += d
	}
}

// A trial carries the runs of one world to their end.
type trial struct {
	db    *db.DB
	world World
	clock clock
	fault Fault

	mu    sync.Mutex
	beats []string
	now   map[string]int // the number of each run's beat in flight
}

// patience bounds a trial; processes bounds how often it is restarted.
const (
	patience  = time.Minute
	processes = 1000
)

// Carry empties the database, builds a world on it and carries its runs to
// their end under faults of the caller's making. It returns what the world
// has become and which beats it took.
func Carry(t testing.TB, d *db.DB, build func(testing.TB, Env) World, f Fault) (dump string, beats []string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dbtest.Empty(t, d)
	tr := &trial{db: d, fault: f, now: map[string]int{}}
	tr.world = build(t, Env{DB: d, Now: tr.clock.now})
	start := tr.world.Start
	for range processes {
		crashed, err := tr.process(ctx, start)
		if err != nil {
			return "", tr.beats, fmt.Errorf("%w\nbeats:\n%s\nleft: %+v", err, strings.Join(tr.beats, "\n"), tr.left(context.Background()))
		}
		if !crashed {
			dump, err := tr.world.Dump(ctx)
			return dump, tr.beats, err
		}
		start = nil
		if err := expire(ctx, d); err != nil {
			return "", tr.beats, err
		}
	}
	return "", tr.beats, fmt.Errorf("not done after %d processes", processes)
}

// process is the life of one Runner; it reports whether that crashed.
func (tr *trial) process(ctx context.Context, start func(context.Context, *workflow.Runner) error) (crashed bool, err error) {
	r := workflow.New(tr.db, workflow.Options{
		Workers:  1, // one order of beats
		RetryMin: time.Millisecond,
		RetryMax: time.Millisecond,
		Now:      tr.clock.now,
		Fault:    tr.point,
	})
	tr.world.Boot(r)
	if start != nil {
		if err := start(ctx, r); err != nil {
			return false, fmt.Errorf("start: %w", err)
		}
	}
	life, stop := context.WithCancel(ctx)
	over := make(chan error, 1)
	go func() { over <- r.Run(life) }()
	err = tr.drive(ctx, r)
	stop()
	ended := <-over
	if errors.Is(ended, workflow.ErrCrash) {
		return true, nil
	}
	return false, errors.Join(err, ended)
}

// drive sees the runs to their end, or to a crash.
func (tr *trial) drive(ctx context.Context, r *workflow.Runner) error {
	for {
		if err := r.Idle(ctx); err != nil {
			return err
		}
		left := tr.left(ctx)
		if len(left) == 0 || r.Crashed() {
			return nil
		}
		if tr.world.Stir != nil {
			did, err := tr.world.Stir(ctx, r)
			if err != nil {
				return fmt.Errorf("stir: %w", err)
			}
			if did {
				continue
			}
		}
		next := left[0].Due
		for _, run := range left {
			if run.Due.Before(next) {
				next = run.Due
			}
		}
		tr.clock.jump(next)
		r.Recheck()
	}
}

// left are the runs that have not ended.
func (tr *trial) left(ctx context.Context) (left []workflow.Info) {
	err := tr.db.View(ctx, func(tx *db.Tx) (err error) {
		left, err = workflow.List(tx, workflow.Filter{Limit: 10_000})
		return err
	})
	if err != nil {
		return []workflow.Info{{LastError: err.Error()}}
	}
	return left
}

// point is the Runner's Fault.
func (tr *trial) point(p workflow.Point, b workflow.Beat) error {
	tr.mu.Lock()
	if p == workflow.Begun {
		tr.now[b.Run] = len(tr.beats)
		tr.beats = append(tr.beats, b.Run+" "+b.Step)
	}
	n := tr.now[b.Run]
	tr.mu.Unlock()
	switch err := tr.fault(n, p, b); {
	case errors.Is(err, ErrStolen):
		return tr.steal(b)
	case errors.Is(err, ErrTakenOver):
		return tr.takeOver()
	default:
		return err
	}
}

// steal does what another node does that takes a run whose lease has run
// out, and hands it back.
func (tr *trial) steal(b workflow.Beat) error {
	return tr.db.Update(context.Background(), func(tx *db.Tx) error {
		return tx.Exec(`UPDATE run SET epoch = epoch + 1, lease_owner = '', lease_until = 0 WHERE id = ?`, b.Run)
	})
}

// takeOver has another node carry all runs as far as they go meanwhile.
func (tr *trial) takeOver() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := expire(ctx, tr.db); err != nil {
		return err
	}
	other := workflow.New(tr.db, workflow.Options{Node: "other", Workers: 1, Now: tr.clock.now})
	tr.world.Boot(other)
	life, stop := context.WithCancel(ctx)
	over := make(chan error, 1)
	go func() { over <- other.Run(life) }()
	err := other.Idle(ctx)
	stop()
	return errors.Join(err, <-over)
}

// expire does what time does to the leases of a dead process.
func expire(ctx context.Context, d *db.DB) error {
	return d.Update(ctx, func(tx *db.Tx) error {
		return tx.Exec(`UPDATE run SET lease_until = 1 WHERE lease_until > 0`)
	})
}

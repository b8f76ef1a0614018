package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"larder/internal/db"
)

var (
	errLost     = errors.New("workflow: another node has taken the run")
	errStopping = errors.New("workflow: the node is stopping")
	errUnknown  = errors.New("workflow: this release does not know the run's definition or step")
	errMove     = errors.New("workflow: the beat returned the zero Verdict")
)

// work carries one beat after another.
func (r *Runner) work(base context.Context) {
	for {
		r.mu.Lock()
		for len(r.queue) == 0 && !r.ended {
			r.ready.Wait()
		}
		if r.ended {
			r.mu.Unlock()
			return
		}
		h := r.queue[0]
		r.queue[0] = nil
		r.queue = r.queue[1:]
		if r.held[h.id] != h {
			r.mu.Unlock()
			continue
		}
		ctx, cancel := context.WithCancelCause(base)
		h.cancel = cancel
		r.beating++
		r.mu.Unlock()

		next, outcome := r.beat(base, ctx, h.run)
		cancel(nil)

		r.mu.Lock()
		r.beating--
		h.cancel = nil
		r.settle(h, next, outcome)
		if r.full && r.room() >= r.o.Workers {
			r.wake()
		}
		r.mu.Unlock()
	}
}

// An outcome is what became of a run in a beat.
type outcome int

const (
	heldOn   outcome = iota // it is ours and goes on at its due time
	released                // it lies in the database
	finished                // it is gone
	void                    // it was not ours, or we are no more
)

// settle takes note of a beat's outcome. Needs mu.
func (r *Runner) settle(h *held, next run, o outcome) {
	if r.held[h.id] != h || o != heldOn || r.crashed {
		r.drop(h, nil)
		if o == released && r.sooner(next.due) {
			r.wake()
		}
		return
	}
	h.run = next
	r.schedule(h, r.o.Now())
}

// beat carries one beat of a run and records it. base outlives the run's
// lease; ctx does not.
func (r *Runner) beat(base, ctx context.Context, now run) (run, outcome) {
	began := time.Now()
	b := Beat{
		Run:     now.id,
		Subject: now.subject,
		Account: now.account,
		Region:  now.region,
		Step:    now.step,
		Attempt: now.attempt,
		Input:   now.input,
		State:   now.state,
		Started: now.started,
		Now:     r.o.Now(),
	}
	b.Overdue = !now.deadline.IsZero() && !b.Now.Before(now.deadline)
	now.overdue = b.Overdue
	v, err := r.decide(ctx, now, b)
	var next run
	var o outcome
	switch {
	case r.Crashed():
		return now, void
	case err == nil:
		next, o, err = r.record(base, now, v)
		if errors.Is(err, errLost) {
			o, err = void, nil
		}
	case context.Cause(ctx) != nil:
		// The node stops, or the run is another's: no verdict, no attempt.
		return now, void
	}
	if err != nil {
		next, o = r.fail(base, now, err)
	}
	r.log(now, next, o, err, time.Since(began))
	if o != void {
		if crash := r.fault(Recorded, b); crash != nil {
			r.crash()
		}
	}
	return next, o
}

// decide calls the step's function.
func (r *Runner) decide(ctx context.Context, now run, b Beat) (v Verdict, err error) {
	defer caught(&err)
	i, err := r.step(now)
	if err != nil {
		return Verdict{}, err
	}
	if err := r.fault(Begun, b); err != nil {
		return Verdict{}, err
	}
	v, err = r.defs[now.definition].Steps[i].Beat(ctx, b)
	if err != nil {
		return Verdict{}, err
	}
	if v.move == moveNone || v.move == moveAwait && v.signal == "" {
		return Verdict{}, errMove
	}
	return v, r.fault(Decided, b)
}

// caught makes a panic of the beat its error.
func caught(err *error) {
	switch p := recover().(type) {
	case nil:
	case *db.Panic: // in the verdict's write; it brings its stack
		*err = fmt.Errorf("panic: %w", p)
	default:
		*err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	}
}

// step finds the run's step in its definition.
func (r *Runner) step(now run) (int, error) {
	d, known := r.defs[now.definition]
	if !known {
		return 0, fmt.Errorf("%w: %s", errUnknown, now.definition)
	}
	i := slices.IndexFunc(d.Steps, func(s Step) bool { return s.Name == now.step })
	if i < 0 {
		return 0, fmt.Errorf("%w: %s, %s", errUnknown, now.definition, now.step)
	}
	return i, nil
}

// record writes a verdict: the domain's writes and the run's next state in
// one transaction, or nothing.
func (r *Runner) record(ctx context.Context, now run, v Verdict) (next run, o outcome, err error) {
	defer caught(&err)
	next = now
	next.epoch++
	next.updated = r.o.Now()
	next.attempt, next.lastError, next.awaits = 0, "", ""
	if v.keeps {
		next.state = v.state
	}
	if v.noted {
		next.note = v.note
	}
	ends := v.move == moveEnd
	switch v.move {
	case moveNext:
		i, err := r.step(now)
		if err != nil {
			return now, void, err
		}
		steps := r.defs[now.definition].Steps
		if i+1 == len(steps) {
			ends = true
		} else {
			next.step = steps[i+1].Name
		}
		next.due = next.updated
	case moveAgain, moveAwait:
		next.wait(next.updated, v.after)
	}
	if ends {
		err = r.db.Update(ctx, func(tx *db.Tx) error {
			ours, err := endRun(tx, now.id, r.owner, now.epoch)
			return fenced(tx, v, ours, err)
		})
		return next, finished, err
	}

	var written run
	var release bool
	err = r.db.Update(ctx, func(tx *db.Tx) error {
		written, release = next, r.releases(next)
		if v.move == moveAwait {
			arrived, err := takeLatch(tx, v.signal)
			if err != nil {
				return err
			}
			if arrived {
				written.due, release = next.updated, false
			} else {
				written.awaits, release = v.signal, true
			}
		}
		ours, err := advanceRun(tx, written, r.owner, now.epoch, release, r.o.LeaseTTL)
		return fenced(tx, v, ours, err)
	})
	if release {
		return written, released, err
	}
	return written, heldOn, err
}

// fenced runs the domain's writes if the run is still ours.
func fenced(tx *db.Tx, v Verdict, ours bool, err error) error {
	switch {
	case err != nil:
		return err
	case !ours:
		return errLost
	case v.write != nil:
		return v.write(tx)
	}
	return nil
}

// releases reports whether a run waits too long to be held meanwhile.
func (r *Runner) releases(next run) bool {
	return next.due.Sub(next.updated) > r.o.LeaseTTL
}

// fail records that a beat brought no verdict.
func (r *Runner) fail(ctx context.Context, now run, cause error) (run, outcome) {
	next := now
	next.epoch++
	next.updated = r.o.Now()
	next.attempt++
	next.lastError = sentence(cause)
	next.wait(next.updated, r.delay(next.attempt))
	// Another node may be of a release that knows the run.
	release := r.releases(next) || errors.Is(cause, errUnknown)
	err := r.db.Update(ctx, func(tx *db.Tx) error {
		ours, err := advanceRun(tx, next, r.owner, now.epoch, release, r.o.LeaseTTL)
		return fenced(tx, Verdict{}, ours, err)
	})
	switch {
	case errors.Is(err, errLost):
		return now, void
	case err != nil:
		// The database does not take it: hold on and try the beat again.
		r.o.Logger.Error("beat not recorded", "run", now.id, "error", err)
		now.due = next.due
		return now, heldOn
	case release:
		return next, released
	}
	return next, heldOn
}

// delay is how long to wait after the nth failure in a row, with a spread so
// that what failed together does not come back together.
func (r *Runner) delay(n int) time.Duration {
	d := r.o.RetryMin
	for ; n > 1 && d < r.o.RetryMax; n-- {
		d *= 2
	}
	d = min(d, r.o.RetryMax)
	return d - time.Duration(rand.Int64N(int64(d)/4+1))
}

// sentence is an error as it is kept with the run: text, and not too much.
func sentence(err error) string {
	const most = 2048
	text := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\x00", ""), "")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// log writes the beat's line.
func (r *Runner) log(now, next run, o outcome, err error, took time.Duration) {
	level := slog.LevelDebug
	if err != nil {
		level = slog.LevelWarn
	}
	if !r.o.Logger.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("run", now.id), slog.String("definition", now.definition), slog.String("subject", now.subject),
		slog.String("step", now.step), slog.Int("attempt", now.attempt), slog.Duration("took", took),
		slog.Bool("ended", o == finished), slog.Bool("void", o == void),
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()), slog.Time("again", next.due))
	}
	r.o.Logger.LogAttrs(context.Background(), level, "beat", attrs...)
}

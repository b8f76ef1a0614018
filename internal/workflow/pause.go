package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"larder/internal/db"
)

var (
	errPaused = errors.New("workflow: the node is paused")
	errBusy   = errors.New("workflow: the node is paused already")
)

// Pause ends the beats in flight, which count as not having happened, calls fn
// while none can begin, and then carries whatever runs it finds: fn may put
// other rows in the place of all there are. If the beats do not end before ctx
// does, fn is not called.
func (r *Runner) Pause(ctx context.Context, fn func(context.Context) error) (err error) {
	if err := r.halt(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.proceed(context.WithoutCancel(ctx))) }()
	err = r.until(ctx, func() (bool, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.beating == 0, nil
	})
	if err != nil {
		return fmt.Errorf("workflow: beats in flight did not end: %w", err)
	}
	return fn(ctx)
}

// halt lets go of all runs.
func (r *Runner) halt() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.paused {
		return errBusy
	}
	r.paused = true
	for _, h := range r.held {
		r.drop(h, errPaused)
	}
	r.queue = nil
	return nil
}

// proceed has the sweeper take up what there is. Leases that rows bear of what
// was let go, or of the time that they were copied at, mean nothing. They go
// after new ones may be taken again, so that none is both kept and forgotten.
func (r *Runner) proceed(ctx context.Context) error {
	ctx, done := context.WithTimeout(ctx, r.o.Grace)
	defer done()
	r.mu.Lock()
	r.paused = false
	r.mu.Unlock()
	err := r.db.Update(ctx, func(tx *db.Tx) error {
		if r.db.Embedded() {
			return voidLeases(tx, "")
		}
		return releaseLeases(tx, r.owner)
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wake()
	return err
}

// NudgeAll has all runs of a definition beat now, as [Runner.Nudge] does one.
func (r *Runner) NudgeAll(tx *db.Tx, definition string) error {
	now := r.o.Now()
	if err := freeAll(tx, definition, now); err != nil {
		return err
	}
	tx.OnCommit(func() { r.lies(now) })
	return nil
}

// freeAll makes all runs of a definition due, held by nobody.
func freeAll(tx *db.Tx, definition string, now time.Time) error {
	return tx.Exec(`UPDATE run SET lease_owner = '', lease_until = 0, awaits = '', due = ?, epoch = epoch + 1 WHERE definition = ?`,
		db.Micros(now), definition)
}

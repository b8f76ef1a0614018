package workflow

import (
	"context"
	"errors"

	"larder/internal/db"
)

// Wait returns when the run has ended, whichever node ended it. It waits
// without polling for the beats of this node, so it serves tests and
// commands that run in the same process.
func (r *Runner) Wait(ctx context.Context, id string) error {
	return r.until(ctx, func() (bool, error) {
		gone := false
		err := r.db.View(ctx, func(tx *db.Tx) error {
			_, err := Get(tx, id)
			gone = errors.Is(err, db.ErrNoRows)
			if gone {
				return nil
			}
			return err
		})
		return gone, err
	})
}

// Idle returns when this node has nothing to do: no beat is carried or due,
// and whatever runs there are wait for a time or a signal.
func (r *Runner) Idle(ctx context.Context) error {
	return r.until(ctx, func() (bool, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		idle := r.beating == 0 && len(r.queue) == 0 && !r.stale && !r.next.IsZero()
		return idle || r.crashed, nil
	})
}

// until waits for a condition that the node's own doings bring about.
func (r *Runner) until(ctx context.Context, met func() (bool, error)) error {
	for {
		// The channel first: a change after it was taken is not missed.
		r.mu.Lock()
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed := r.changed
		r.mu.Unlock()
		if done, err := met(); done || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// notify tells those who wait that something changed. Needs mu.
func (r *Runner) notify() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

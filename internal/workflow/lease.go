package workflow

import (
	"context"
	"maps"
	"slices"
	"time"

	"larder/internal/db"
)

// claimAtOnce bounds the runs taken in one transaction.
const claimAtOnce = 256

// sweep takes runs that are due and held by nobody, until ctx ends.
func (r *Runner) sweep(ctx context.Context) {
	forgotten := time.Time{}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.kick:
		case <-timer.C:
		}
		pause, err := r.claim(ctx)
		if err == nil && time.Since(forgotten) > time.Hour {
			forgotten = time.Now()
			err = r.db.Update(ctx, func(tx *db.Tx) error { return dropLatches(tx, latchAge) })
		}
		if err != nil && ctx.Err() == nil {
			r.o.Logger.Error("runs not claimed", "error", err)
		}
		timer.Reset(pause)
	}
}

// claim takes what is due, as far as there is room, and returns when to look
// again.
func (r *Runner) claim(ctx context.Context) (time.Duration, error) {
	for {
		now := r.o.Now()
		r.mu.Lock()
		room := min(r.room(), claimAtOnce)
		// Until the new time is known every run that comes to lie here counts
		// as sooner, and wakes.
		r.next, r.stale, r.full = time.Time{}, false, room <= 0
		r.mu.Unlock()
		if room <= 0 {
			return r.o.Sweep, nil
		}
		var due time.Time
		expired := false
		err := r.db.View(ctx, func(tx *db.Tx) (err error) {
			if due, err = earliestDue(tx); err != nil || r.db.Embedded() {
				return err
			}
			expired, err = anyExpired(tx)
			return err
		})
		if err != nil {
			return r.o.Sweep, err
		}
		ripe := !due.IsZero() && !due.After(now)
		if !ripe && !expired {
			return r.pause(now, due), nil
		}
		var taken []run
		err = r.db.Update(ctx, func(tx *db.Tx) error {
			taken = taken[:0]
			tx.OnCommit(func() { r.take(taken...) })
			if ripe {
				claimed, err := claimDue(tx, r.owner, r.o.LeaseTTL, now, room)
				if err != nil {
					return err
				}
				taken = append(taken, claimed...)
			}
			if expired && len(taken) < room {
				claimed, err := claimExpired(tx, r.owner, r.o.LeaseTTL, room-len(taken))
				if err != nil {
					return err
				}
				taken = append(taken, claimed...)
			}
			return nil
		})
		if err != nil {
			return r.o.Sweep, err
		}
	}
}

// room is how many more runs this node may take. Where other nodes could
// carry them it takes no more than its workers have at hand soon. Needs mu.
func (r *Runner) room() int {
	if r.paused {
		return 0
	}
	room := maxHeld - len(r.held)
	if !r.db.Embedded() {
		room = min(room, 2*r.o.Workers-len(r.queue))
	}
	return room
}

// pause is how long the sweeper may sleep when the next run is due at due.
func (r *Runner) pause(now, due time.Time) time.Duration {
	next := now.Add(r.o.Sweep)
	if r.db.Embedded() {
		// Nobody else leaves runs behind.
		next = now.Add(time.Hour)
	}
	if !due.IsZero() && due.Before(next) {
		next = due
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = next
	r.notify()
	return max(next.Sub(now), 0)
}

// heartbeat prolongs this node's leases and ends the beats of those that are
// lost, until ctx ends.
func (r *Runner) heartbeat(ctx context.Context) {
	tick := time.NewTicker(r.o.LeaseTTL / 3)
	defer tick.Stop()
	sure := time.Now() // until TTL after this, our leases hold
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked := time.Now()
		r.mu.Lock()
		mine := make(map[string]*held, len(r.held))
		for id, h := range r.held {
			mine[id] = h
		}
		r.mu.Unlock()
		bounded, done := context.WithTimeout(ctx, r.o.LeaseTTL/3)
		lost, err := r.prolong(bounded, mine)
		done()
		switch {
		case err == nil:
			sure = asked
		case time.Since(sure) < r.o.LeaseTTL:
			r.o.Logger.Error("leases not prolonged", "error", err)
			continue
		default:
			lost = mine // or may be
		}
		r.mu.Lock()
		for id, h := range lost {
			if r.held[id] == h {
				r.drop(h, errLost)
			}
		}
		r.mu.Unlock()
	}
}

// extendAtOnce bounds the leases prolonged in one transaction.
const extendAtOnce = 64

// prolong prolongs the leases of the runs in mine and returns those that are
// another's now. Each beat prolongs its run's lease by itself, so only those
// are left that have not moved for a while: a transaction that touched all
// runs of a busy node would hardly ever get between their beats.
//
// A lease that is ours and not in mine is left to run out. The commit that
// took it was never heard of, or the run was let go; it is carried again when
// a sweep, maybe our own, finds it.
func (r *Runner) prolong(ctx context.Context, mine map[string]*held) (lost map[string]*held, err error) {
	var ours []lease
	err = r.db.View(ctx, func(tx *db.Tx) (err error) {
		ours, err = leasesOf(tx, r.owner)
		return err
	})
	if err != nil {
		return nil, err
	}
	lost = maps.Clone(mine)
	var old []string
	for _, l := range ours {
		if lost[l.id] != nil && l.left < r.o.LeaseTTL*2/3 {
			old = append(old, l.id)
		}
		delete(lost, l.id)
	}
	for ids := range slices.Chunk(old, extendAtOnce) {
		err := r.db.Update(ctx, func(tx *db.Tx) error { return extendLeases(tx, ids, r.owner, r.o.LeaseTTL) })
		if err != nil {
			return nil, err
		}
	}
	return lost, nil
}

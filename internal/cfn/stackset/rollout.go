package stackset

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"larder/internal/db"
	"larder/internal/workflow"
)

// Why an instance was not begun.
const (
	tolerated  = "Cancelled since failure tolerance has exceeded" //nolint:misspell // AWS writes it so
	wasStopped = "Cancelled since the operation was stopped"      //nolint:misspell // as above
)

// patience is the longest wait of a run without looking.
const patience = time.Hour

// rollOut carries one beat of an operation: it counts what has settled in the
// region whose turn it is, and begins as many instances as its preferences
// allow. It alone changes the counters and begins instances, so both are
// right whenever it looks.
func (s *Sets) rollOut(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
	var op Operation
	var regions []numbered
	var r *numbered // whose turn it is
	var news, next []Outcome
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if op, err = operationByRun(tx, b.Run); err != nil {
			return err
		}
		if regions, err = counts(tx, b.Run); err != nil {
			return err
		}
		if r = inTurn(regions); r == nil {
			return nil
		}
		if news, err = outcomesAt(tx, b.Run, settled, r.place, s.limits.Settle); err != nil {
			return err
		}
		r.count(news)
		if n := r.room(&op, s.limits.Claim); n > 0 {
			next, err = outcomesAt(tx, b.Run, waiting, r.place, n)
			r.Running += len(next)
		}
		return err
	})
	if err != nil {
		return workflow.Verdict{}, err
	}
	if r == nil {
		return s.conclude(&op, regions, b.Now), nil
	}
	begins, err := s.begins(b, next)
	if err != nil {
		return workflow.Verdict{}, err
	}
	reason := r.endsEarly(&op)
	v := workflow.Await(turn(b.Run), patience)
	switch {
	case len(news) == s.limits.Settle, r.left() == 0, reason != "" && r.Running == 0, r.room(&op, s.limits.Claim) > 0:
		v = workflow.Again(0)
	}
	return v.Noted(r.Region).Write(func(tx *db.Tx) error {
		// Whoever stopped the operation since has it looked at again.
		if status, err := statusOf(tx, b.Run); err != nil || status != op.Status {
			return moved(err)
		}
		if len(news) > 0 {
			if err := advance(tx, b.Run, news, counted); err != nil {
				return err
			}
		}
		if len(next) > 0 {
			// So does whatever failed since and leaves no room for them.
			if fits, err := r.fits(tx, &op); err != nil || !fits {
				return moved(err)
			}
			if err := advance(tx, b.Run, next, underWay); err != nil {
				return err
			}
		}
		if err := updateCount(tx, b.Run, *r); err != nil {
			return err
		}
		if reason != "" {
			if err := cancelWaiting(tx, b.Run, reason, b.Now); err != nil {
				return err
			}
		}
		for _, begin := range begins {
			if err := s.runner.Start(tx, begin); err != nil {
				return err
			}
		}
		return nil
	}), nil
}

func moved(err error) error {
	if err == nil {
		err = errMoved
	}
	return err
}

// inTurn is the first region that is not done; nil if all are.
func inTurn(regions []numbered) *numbered {
	for i := range regions {
		if regions[i].left() > 0 {
			return &regions[i]
		}
	}
	return nil
}

// count takes note of instances that have settled.
func (c *Count) count(news []Outcome) {
	for _, o := range news {
		c.Running--
		if o.Status == Done {
			c.Succeeded++
		} else {
			c.Failed++
		}
	}
}

// exceeded reports whether more has failed in a region than may.
func (c *Count) exceeded(p Preferences) bool { return c.Failed > p.Tolerance(c.Total) }

// endsEarly says why nothing more is begun, "" if something may be.
func (c *Count) endsEarly(op *Operation) string {
	switch {
	case op.Status == Stopping:
		return wasStopped
	case c.exceeded(op.Preferences):
		return tolerated
	}
	return ""
}

// room is how many instances of a region may be begun now, at most limit.
func (c *Count) room(op *Operation, limit int) int {
	if c.endsEarly(op) != "" {
		return 0
	}
	return max(0, min(c.Pending(), op.Preferences.Concurrency(c.Total, c.Failed)-c.Running, limit))
}

// fits reports whether as many may be under way as it counts, although more has
// settled since.
func (n *numbered) fits(tx *db.Tx, op *Operation) (bool, error) {
	settled, failed, err := uncounted(tx, op.run, n.place)
	c := n.Count
	c.Running, c.Failed = c.Running-settled, c.Failed+failed
	return c.endsEarly(op) == "" && c.Running <= op.Preferences.Concurrency(c.Total, c.Failed), err
}

// begins describes the runs of instances.
func (s *Sets) begins(b workflow.Beat, next []Outcome) ([]workflow.Begin, error) {
	begins := make([]workflow.Begin, len(next))
	for i, o := range next {
		input, err := json.Marshal(task{Operation: b.Run, Place: o.place, Account: o.Account})
		if err != nil {
			return nil, err
		}
		begins[i] = workflow.Begin{
			ID: b.Run + "." + strconv.Itoa(o.place) + "." + o.Account, Definition: instanceRun, Subject: b.Subject,
			Account: o.Account, Region: o.Region, Input: input,
		}
	}
	return begins, nil
}

// conclude ends an operation whose regions are all done.
func (s *Sets) conclude(op *Operation, regions []numbered, now time.Time) workflow.Verdict {
	status := Succeeded
	for _, r := range regions {
		if r.exceeded(op.Preferences) {
			status = Failed
		}
	}
	if op.Status == Stopping {
		status = Stopped
	}
	return workflow.End().Write(func(tx *db.Tx) error {
		if err := setStatus(tx, op.run, op.Status, status, now); err != nil || op.report == "" {
			return err
		}
		return s.runner.Signal(tx, op.report)
	})
}

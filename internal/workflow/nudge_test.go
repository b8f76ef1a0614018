package workflow_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/workflow"
)

func nudge(t testing.TB, d *db.DB, r *workflow.Runner, id string) (there bool) {
	t.Helper()
	err := d.Update(t.Context(), func(tx *db.Tx) (err error) {
		there, err = r.Nudge(tx, id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return there
}

// A run beats at once when it is nudged, whatever it waits for.
func TestNudge(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		first := map[string]func() (workflow.Verdict, error){
			"signal":  func() (workflow.Verdict, error) { return workflow.Await("never", time.Hour), nil },
			"time":    func() (workflow.Verdict, error) { return workflow.Again(time.Hour), nil },
			"soon":    func() (workflow.Verdict, error) { return workflow.Again(10 * time.Second), nil }, // held meanwhile
			"failing": func() (workflow.Verdict, error) { return workflow.Verdict{}, errors.New("fails") },
		}
		var nudged atomic.Bool
		r := workflow.New(d, workflow.Options{RetryMin: time.Hour, RetryMax: time.Hour})
		r.Register(one("nudge/v1", func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
			if nudged.Load() {
				return workflow.End(), nil
			}
			return first[b.Subject]()
		}))
		carry(t, r)
		for subject := range first {
			start(t, d, r, workflow.Begin{ID: subject, Definition: "nudge/v1", Subject: subject})
		}
		for begun := false; !begun; { // each has had its first beat
			idleOrHeld := true
			for subject := range first {
				info := get(t, d, subject)
				idleOrHeld = idleOrHeld && (info.Due.After(info.Started) || info.Awaits != "")
			}
			begun = idleOrHeld
		}
		nudged.Store(true)
		for subject := range first {
			if !nudge(t, d, r, subject) {
				t.Errorf("%s: there is no such run", subject)
			}
			wait(t, r, subject)
		}
		if nudge(t, d, r, "none") {
			t.Error("a run that does not exist was nudged")
		}
	})
}

// A beat that is in flight when its run is nudged writes nothing.
func TestNudgeVoidsTheBeat(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		begun, proceed := make(chan struct{}), make(chan struct{})
		var beats atomic.Int64
		r := workflow.New(d, workflow.Options{})
		r.Register(one("nudge/v1", func(context.Context, workflow.Beat) (workflow.Verdict, error) {
			if beats.Add(1) == 1 {
				close(begun)
				<-proceed
				return workflow.Again(time.Hour).Write(func(tx *db.Tx) error { return db.PutSetting(tx, "stale", "") }), nil
			}
			return workflow.End(), nil
		}))
		carry(t, r)
		start(t, d, r, workflow.Begin{ID: "run", Definition: "nudge/v1"})
		<-begun
		nudge(t, d, r, "run")
		close(proceed)
		wait(t, r, "run")
		if got, err := journals(t.Context(), d); got != "" || err != nil {
			t.Errorf("the void beat wrote %q, %v", got, err)
		}
	})
}

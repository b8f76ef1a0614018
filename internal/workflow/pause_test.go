package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/workflow"
)

// While a node is paused no beat is in flight, and what was in flight counts as
// not having happened; afterwards every run goes on, whatever state it was in.
func TestPause(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		const runs = 20
		var beating atomic.Int32
		var begun, free = make(chan struct{}), make(chan struct{})
		var done [runs]atomic.Int32
		r := workflow.New(d, workflow.Options{})
		r.Register(one("busy/v1", func(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
			beating.Add(1)
			defer beating.Add(-1)
			select {
			case begun <- struct{}{}:
			case <-free:
			}
			select {
			case <-free:
			case <-ctx.Done():
				return workflow.Verdict{}, ctx.Err()
			}
			var n int
			if _, err := fmt.Sscan(b.Subject, &n); err != nil {
				return workflow.Verdict{}, err
			}
			done[n].Add(1)
			if b.Attempt != 0 {
				t.Errorf("run %d is tried for the %dth time", n, b.Attempt)
			}
			return workflow.End(), nil
		}))
		carry(t, r)
		for n := range runs {
			start(t, d, r, workflow.Begin{ID: fmt.Sprint("run-", n), Definition: "busy/v1", Subject: fmt.Sprint(n)})
		}
		for range runs {
			<-begun
		}
		err := r.Pause(t.Context(), func(context.Context) error {
			if n := beating.Load(); n != 0 {
				t.Errorf("%d beats in flight", n)
			}
			close(free)
			// What is started meanwhile lies in the database until the end.
			start(t, d, r, workflow.Begin{ID: "late", Definition: "busy/v1", Subject: "0"})
			if err := r.Pause(t.Context(), nil); err == nil {
				t.Error("paused twice")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for n := range runs {
			wait(t, r, fmt.Sprint("run-", n))
		}
		wait(t, r, "late")
		for n := range runs {
			if got, want := done[n].Load(), int32(1); n > 0 && got != want {
				t.Errorf("run %d was carried %d times", n, got)
			}
		}
	})
}

// Rows that are put in the place of others are carried, whoever held them when
// they were copied; what the node held of the others is no more.
func TestPauseReplaces(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		var open atomic.Bool
		r := workflow.New(d, workflow.Options{})
		r.Register(one("slow/v1", func(context.Context, workflow.Beat) (workflow.Verdict, error) {
			if open.Load() {
				return workflow.End(), nil
			}
			return workflow.Again(time.Second), nil
		}))
		carry(t, r)
		start(t, d, r, workflow.Begin{ID: "kept", Definition: "slow/v1"})
		var image *db.Image
		err := d.View(t.Context(), func(tx *db.Tx) (err error) {
			image, err = db.TakeImage(tx, 1<<20)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		start(t, d, r, workflow.Begin{ID: "gone", Definition: "slow/v1"})
		open.Store(true)
		err = r.Pause(t.Context(), func(ctx context.Context) error { return d.Update(ctx, image.Restore) })
		if err != nil {
			t.Fatal(err)
		}
		wait(t, r, "kept")
		if d := cmp.Diff([]string(nil), list(t, d, workflow.Filter{})); d != "" {
			t.Error(d)
		}
	})
}

// A beat that does not heed its end keeps the node from being paused, and
// nothing else.
func TestPauseRefused(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		begun, free := make(chan struct{}), make(chan struct{})
		r := workflow.New(d, workflow.Options{})
		r.Register(one("deaf/v1", func(context.Context, workflow.Beat) (workflow.Verdict, error) {
			select {
			case begun <- struct{}{}:
			case <-free:
			}
			<-free
			return workflow.End(), nil
		}))
		carry(t, r)
		start(t, d, r, workflow.Begin{ID: "deaf", Definition: "deaf/v1"})
		<-begun
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := r.Pause(ctx, func(context.Context) error {
			t.Error("called beside a beat")
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		close(free)
		wait(t, r, "deaf")
	})
}

func TestNudgeAll(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		var open atomic.Bool
		r := workflow.New(d, workflow.Options{})
		beat := func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
			switch {
			case open.Load():
				return workflow.End(), nil
			case b.Subject == "awaits":
				return workflow.Await("never", time.Hour), nil
			case b.Subject == "lies":
				return workflow.Again(time.Hour), nil
			default:
				return workflow.Again(10 * time.Second), nil // held meanwhile
			}
		}
		r.Register(one("these/v1", beat))
		r.Register(one("others/v1", beat))
		carry(t, r)
		ids := []string{"awaits", "lies", "held"}
		for _, id := range ids {
			start(t, d, r, workflow.Begin{ID: id, Definition: "these/v1", Subject: id})
		}
		start(t, d, r, workflow.Begin{ID: "other", Definition: "others/v1"})
		idle(t, r)
		open.Store(true)
		if err := d.Update(t.Context(), func(tx *db.Tx) error { return r.NudgeAll(tx, "these/v1") }); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			wait(t, r, id)
		}
		idle(t, r)
		if d := cmp.Diff([]string{"other"}, list(t, d, workflow.Filter{})); d != "" {
			t.Error(d)
		}
	})
}

package provisioning

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/engine/enginetest"
	"larder/internal/workflow"
)

// threeBeats has every change take three beats: begun, waiting for a report,
// done. The report arrives before the wait begins.
func threeBeats(w *world) func(context.Context, *enginetest.Fake, engine.Change) (engine.Progress, error) {
	beats := map[string]int{}
	return func(ctx context.Context, f *enginetest.Fake, c engine.Change) (engine.Progress, error) {
		w.mu.Lock()
		beats[c.Operation]++
		n := beats[c.Operation]
		w.mu.Unlock()
		switch n {
		case 1:
			return engine.Progress{State: engine.Again, Note: "begun"}, nil
		case 2:
			if err := w.db.Update(ctx, func(tx *db.Tx) error { return w.runner.Signal(tx, "report/"+c.Operation) }); err != nil {
				return engine.Progress{}, err
			}
			return engine.Progress{State: engine.Waiting, Signal: "report/" + c.Operation}, nil
		default:
			return f.Complete(c), nil
		}
	}
}

// TestEveryBeat launches and terminates, and in each world one beat is hit: it
// fails, or the server is killed before, within or after it. In the end every
// world is the same as the one that nothing happened to.
func TestEveryBeat(t *testing.T) {
	t.Parallel()
	broken := errors.New("hit")
	for _, hit := range []struct {
		name  string
		point workflow.Point
		err   error
	}{
		{"fails before", workflow.Begun, broken},
		{"fails after the effect", workflow.Decided, broken},
		{"killed before", workflow.Begun, workflow.ErrCrash},
		{"killed after the effect", workflow.Decided, workflow.ErrCrash},
		{"killed after the commit", workflow.Recorded, workflow.ErrCrash},
	} {
		for beat := range 6 {
			t.Run(fmt.Sprintf("%s, beat %d", hit.name, beat), func(t *testing.T) {
				t.Parallel()
				run(t, func(t *testing.T, w *world) {
					w.engine.OnAdvance = threeBeats(w)
					var (
						seen  atomic.Int64
						fired atomic.Bool
					)
					w.setFault(func(p workflow.Point, _ workflow.Beat) error {
						if p != hit.point || seen.Add(1)-1 != int64(beat) || fired.Swap(true) {
							return nil
						}
						return hit.err
					})
					rec := w.provision(admin, "mine")
					w.survive(rec.RecordId, hit.err)
					done := w.ended(rec.RecordId)
					if done.RecordDetail.Status != api.RecordStatusSucceeded || len(done.RecordOutputs) != 1 {
						t.Fatalf("launch ended %+v", done)
					}
					if s := w.describe("mine").Status; s != api.ProvisionedProductStatusAvailable {
						t.Errorf("product is %s", s)
					}
					out, err := w.client.TerminateProvisionedProduct(as(admin), &api.TerminateProvisionedProductInput{ProvisionedProductName: new("mine"), TerminateToken: "bye"})
					if err != nil {
						t.Fatal(err)
					}
					w.survive(out.RecordDetail.RecordId, hit.err)
					if s := w.ended(out.RecordDetail.RecordId).RecordDetail.Status; s != api.RecordStatusSucceeded {
						t.Errorf("termination ended %s", s)
					}
					_, err = w.client.DescribeProvisionedProduct(as(admin), &api.DescribeProvisionedProductInput{Name: new("mine")})
					wantError(t, err, "ResourceNotFoundException", "mine")
					if left := w.engine.Living(); len(left) != 0 {
						t.Errorf("left behind: %v", left)
					}
					if !fired.Load() {
						t.Errorf("there is no beat %d to hit; the test proves nothing", beat)
					}
				})
			})
		}
	}
}

// survive starts the server again if the fault kills it before the record's
// operation ends.
func (w *world) survive(recordID string, fault error) {
	w.t.Helper()
	if !errors.Is(fault, workflow.ErrCrash) {
		return
	}
	for {
		select {
		case <-w.dead:
			w.open()
			return
		default:
		}
		out, err := w.client.DescribeRecord(as(admin), &api.DescribeRecordInput{Id: recordID})
		if err != nil {
			w.t.Fatal(err)
		}
		switch out.RecordDetail.Status {
		case api.RecordStatusSucceeded, api.RecordStatusFailed:
			return
		}
	}
}

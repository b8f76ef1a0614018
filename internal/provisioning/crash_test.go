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
	for ; ; breathe() {
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

// TestEveryBeatOfChanges is TestEveryBeat for all that is done to a product
// after its launch, one after the other: an update, a plan and its execution,
// a service action and a termination, and an import of what it had made.
func TestEveryBeatOfChanges(t *testing.T) {
	t.Parallel()
	const beats = 15
	for _, hit := range []struct {
		name  string
		point workflow.Point
		err   error
	}{
		{"fails after the effect", workflow.Decided, errors.New("hit")},
		{"killed before", workflow.Begun, workflow.ErrCrash},
		{"killed after the effect", workflow.Decided, workflow.ErrCrash},
		{"killed after the commit", workflow.Recorded, workflow.ErrCrash},
	} {
		for beat := range beats {
			t.Run(fmt.Sprintf("%s, beat %d", hit.name, beat), func(t *testing.T) {
				t.Parallel()
				run(t, func(t *testing.T, w *world) {
					w.ended(w.provision(admin, "mine").RecordId)
					w.engine.OnAdvance = threeBeats(w)
					d := newDriver(w)
					steps := &stepwise{able: able{Fake: w.engine, progress: engine.Progress{State: engine.Done}}, beats: threeBeats(w)}
					w.serve = func(string) engine.Engine { return steps }
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
					good := func(record string, err error) {
						t.Helper()
						if err != nil {
							t.Fatal(err)
						}
						w.survive(record, hit.err)
						if r := w.ended(record).RecordDetail; r.Status != api.RecordStatusSucceeded {
							t.Fatalf("%s ended %+v", r.RecordType, r)
						}
					}
					good(d.call(updated, "mine"))
					in := w.plan("mine", w.artifact)
					made, err := w.client.CreateProvisionedProductPlan(as(admin), in)
					if err != nil {
						t.Fatal(err)
					}
					w.survivePlan(made.PlanId, hit.err)
					out, err := w.client.ExecuteProvisionedProductPlan(as(admin), &api.ExecuteProvisionedProductPlanInput{PlanId: made.PlanId, IdempotencyToken: "x"})
					if err != nil {
						t.Fatal(err)
					}
					good(out.RecordDetail.RecordId, nil)
					if s := w.settledPlan(made.PlanId).ProvisionedProductPlanDetails.Status; s != api.ProvisionedProductPlanStatusExecuteSuccess {
						t.Errorf("plan is %s", s)
					}
					good(d.call(acted, "mine"))
					good(d.call(terminated, "mine"))
					good(d.call(imported, "mine"))
					if s := w.describe("mine").Status; s != api.ProvisionedProductStatusAvailable {
						t.Errorf("product is %s", s)
					}
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

// stepwise is an able engine that plans, acts and imports in several beats.
type stepwise struct {
	able
	beats func(context.Context, *enginetest.Fake, engine.Change) (engine.Progress, error)
}

func (s *stepwise) Plan(ctx context.Context, c engine.Change) (engine.Preview, engine.Progress, error) {
	p, err := s.beats(ctx, &enginetest.Fake{}, c)
	return s.Preview(c), p, err
}

func (s *stepwise) Act(ctx context.Context, c engine.Change, _ engine.Action) (engine.Progress, error) {
	return s.beats(ctx, &enginetest.Fake{}, c)
}

// survivePlan is survive for the making of a plan.
func (w *world) survivePlan(planID string, fault error) {
	w.t.Helper()
	for ; ; breathe() {
		select {
		case <-w.dead:
			if !errors.Is(fault, workflow.ErrCrash) {
				w.t.Fatal("the server died")
			}
			w.open()
		default:
		}
		out, err := w.client.DescribeProvisionedProductPlan(as(admin), &api.DescribeProvisionedProductPlanInput{PlanId: planID})
		if err != nil {
			w.t.Fatal(err)
		}
		if s := out.ProvisionedProductPlanDetails.Status; s != api.ProvisionedProductPlanStatusCreateInProgress {
			if s != api.ProvisionedProductPlanStatusCreateSuccess {
				w.t.Fatalf("plan is %s", s)
			}
			return
		}
	}
}

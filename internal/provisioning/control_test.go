package provisioning

import (
	"context"
	"sync"
	"testing"
	"time"

	"larder/internal/api"
	"larder/internal/engine"
	"larder/internal/engine/enginetest"
)

// stoppable is an engine whose changes hang until they are canceled.
type stoppable struct {
	*enginetest.Fake
	mu      sync.Mutex
	stopped map[string]bool
}

func (s *stoppable) Cancel(_ context.Context, c engine.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped[c.Operation] = true
	return nil
}

// operation returns the run that works on a subject.
func (w *world) operation(subject string) api.OperationDetail {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(as(admin), patienceOfTests)
	defer cancel()
	for ; ; breathe() {
		list, err := w.client.ListOperations(ctx, &api.ListOperationsInput{})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, o := range list.Operations {
			if o.Subject == subject {
				return o
			}
		}
	}
}

// hanging has every change wait for a report that never comes.
func hanging(_ context.Context, _ *enginetest.Fake, c engine.Change) (engine.Progress, error) {
	return engine.Progress{State: engine.Waiting, Signal: "never/" + c.Operation, After: time.Hour, Note: "waiting for nothing", Physical: "arn:stack/" + c.Product}, nil
}

func TestCancel(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		w.engine.OnAdvance = hanging
		rec := w.provision(admin, "mine")
		w.until(rec.RecordId, api.RecordStatusInProgress)
		o := w.operation(rec.RecordId)
		if o.Note != "waiting for nothing" || o.Deadline.Before(rec.CreatedTime.Add(DefaultDeadline-time.Minute)) {
			t.Errorf("operation %+v", o)
		}
		_, err := w.client.CancelOperation(as(admin), &api.CancelOperationInput{Id: o.Id})
		wantError(t, err, "OperationNotSupportedException", "can't cancel")
		foreign := admin
		foreign.Account = "210987654321"
		_, err = w.client.CancelOperation(as(foreign), &api.CancelOperationInput{Id: o.Id})
		wantError(t, err, "ResourceNotFoundException", o.Id)

		s := &stoppable{Fake: w.engine, stopped: map[string]bool{}}
		w.serve = func(string) engine.Engine { return s }
		w.engine.OnAdvance = func(ctx context.Context, f *enginetest.Fake, c engine.Change) (engine.Progress, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.stopped[c.Operation] {
				return engine.Progress{State: engine.Done, Failure: &engine.Failure{Reason: "Canceled by the user"}}, nil
			}
			return hanging(ctx, f, c)
		}
		if _, err := w.client.CancelOperation(as(admin), &api.CancelOperationInput{Id: o.Id}); err != nil {
			t.Fatal(err)
		}
		if r := w.ended(rec.RecordId).RecordDetail; r.Status != api.RecordStatusFailed || len(r.RecordErrors) != 3 ||
			r.RecordErrors[1] != (api.RecordError{Code: codeCanceled, Description: "The operation was canceled by " + admin.ARN}) {
			t.Errorf("record %+v", r)
		}
		if pp := w.describe("mine"); pp.Status != api.ProvisionedProductStatusError || pp.StatusMessage != "Canceled by the user" {
			t.Errorf("product %+v", pp)
		}
		_, err = w.client.CancelOperation(as(admin), &api.CancelOperationInput{Id: o.Id})
		wantError(t, err, "ResourceNotFoundException", o.Id)
	})
}

func TestFail(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		w.ended(w.provision(admin, "mine").RecordId)
		w.engine.OnAdvance = hanging
		for _, tt := range []struct {
			name  string
			begin func() string
			want  api.ProvisionedProductStatus
		}{
			{"update", func() string {
				out, err := w.client.UpdateProvisionedProduct(as(admin), &api.UpdateProvisionedProductInput{ProvisionedProductName: new("mine"), UpdateToken: "u"})
				if err != nil {
					t.Fatal(err)
				}
				return out.RecordDetail.RecordId
			}, api.ProvisionedProductStatusTainted},
			{"termination", func() string {
				out, err := w.client.TerminateProvisionedProduct(as(admin), &api.TerminateProvisionedProductInput{
					ProvisionedProductName: new("mine"), TerminateToken: "t", IgnoreErrors: new(true),
				})
				if err != nil {
					t.Fatal(err)
				}
				return out.RecordDetail.RecordId
			}, api.ProvisionedProductStatusTainted},
		} {
			rec := tt.begin()
			if _, err := w.client.FailOperation(as(admin), &api.FailOperationInput{Id: w.operation(rec).Id, Reason: new("enough")}); err != nil {
				t.Fatal(err)
			}
			done := w.ended(rec).RecordDetail
			const words = "The operation was failed by arn:aws:iam::123456789012:user/admin: enough"
			if pp := w.describe("mine"); done.Status != api.RecordStatusFailed || pp.Status != tt.want || pp.StatusMessage != words {
				t.Errorf("%s: product %+v, record %+v", tt.name, pp, done)
			}
		}
		w.engine.OnPlan = func(_ context.Context, _ *enginetest.Fake, c engine.Change) (engine.Preview, engine.Progress, error) {
			p, err := hanging(context.Background(), nil, c)
			return engine.Preview{}, p, err
		}
		made, err := w.client.CreateProvisionedProductPlan(as(admin), w.plan("planned", w.artifact))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.client.CancelOperation(as(admin), &api.CancelOperationInput{Id: w.operation(made.PlanId).Id}); err != nil {
			t.Fatal(err)
		}
		if d := w.settledPlan(made.PlanId).ProvisionedProductPlanDetails; d.Status != api.ProvisionedProductPlanStatusCreateFailed || d.StatusMessage != "The plan was canceled by "+admin.ARN {
			t.Errorf("plan %+v", d)
		}
	})
}

// TestRetry has an operation wait for hours, and go on when it is told to.
func TestRetry(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		w.engine.OnAdvance = hanging
		rec := w.provision(admin, "mine")
		w.until(rec.RecordId, api.RecordStatusInProgress)
		o := w.operation(rec.RecordId)
		w.engine.OnAdvance = nil
		if _, err := w.client.RetryOperation(as(admin), &api.RetryOperationInput{Id: o.Id}); err != nil {
			t.Fatal(err)
		}
		if s := w.ended(rec.RecordId).RecordDetail.Status; s != api.RecordStatusSucceeded {
			t.Errorf("record ended %s", s)
		}
	})
}

// TestGivenUp has an engine that heeds no deadline.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		w.deadlines = map[string]time.Duration{"CFN_STACK": 20 * time.Millisecond}
		w.grace = 30 * time.Millisecond
		w.open()
		w.engine.OnAdvance = func(context.Context, *enginetest.Fake, engine.Change) (engine.Progress, error) {
			return engine.Progress{State: engine.Again, After: time.Millisecond}, nil
		}
		w.ended(w.provision(admin, "mine").RecordId)
		if pp := w.describe("mine"); pp.Status != api.ProvisionedProductStatusError || pp.StatusMessage != "The operation was given up: it had not stopped 30ms after its deadline" {
			t.Errorf("product %+v", pp)
		}
	})
}

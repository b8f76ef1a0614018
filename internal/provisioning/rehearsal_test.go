package provisioning

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
)

func TestRehearsalProgress(t *testing.T) {
	t.Parallel()
	begun := time.Unix(1000, 0)
	for name, test := range map[string]struct {
		r        *Rehearsal
		after    time.Duration
		canceled string
		overdue  bool
		held     bool
		want     engine.Progress // but for the note
	}{
		"none":                    {},
		"delayed":                 {r: &Rehearsal{Delay: 3 * time.Second}, after: time.Second, held: true, want: engine.Progress{State: engine.Again, After: 2 * time.Second}},
		"after the delay":         {r: &Rehearsal{Delay: 3 * time.Second}, after: 3 * time.Second},
		"fails after the delay":   {r: &Rehearsal{Delay: 3 * time.Second, Fail: "so"}, after: 4 * time.Second, held: true, want: engine.Progress{Failure: &engine.Failure{Reason: "so"}}},
		"fails":                   {r: &Rehearsal{Fail: "so"}, held: true, want: engine.Progress{Failure: &engine.Failure{Reason: "so"}}},
		"hangs":                   {r: &Rehearsal{Hang: true}, after: time.Hour, held: true, want: engine.Progress{State: engine.Again, After: holdback}},
		"hangs and is canceled":   {r: &Rehearsal{Hang: true}, canceled: "me", held: true, want: engine.Progress{Failure: &engine.Failure{Reason: "The operation was canceled by me"}}},
		"hangs past its time":     {r: &Rehearsal{Hang: true}, overdue: true, held: true, want: engine.Progress{Failure: &engine.Failure{Reason: "The rehearsed operation did not end before its deadline"}}},
		"none, and is canceled":   {canceled: "me"},
		"none, and past its time": {overdue: true},
	} {
		got, held := test.r.progress(begun, begun.Add(test.after), test.canceled, test.overdue)
		same := got.State == test.want.State && got.After == test.want.After && (got.Failure == nil) == (test.want.Failure == nil) &&
			(got.Failure == nil || got.Failure.Reason == test.want.Failure.Reason)
		if held != test.held || !same {
			t.Errorf("%s: %t %+v, want %t %+v", name, held, got, test.held, test.want)
		}
	}
}

// TestRehearsals has each operation hang before its engine hears of it, be
// retried, canceled, and fail.
func TestRehearsals(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		asked := map[string]string{} // operation of a product → product
		w.rehearse = func(_ *db.Tx, operation, product, name string) (*Rehearsal, error) {
			asked[operation+" "+name] = product
			switch {
			case strings.HasPrefix(name, "hang"):
				return &Rehearsal{Hang: true}, nil
			case strings.HasPrefix(name, "fail"):
				return &Rehearsal{Fail: "as rehearsed"}, nil
			}
			return nil, nil
		}
		w.open()

		record := w.provision(admin, "hang").RecordId
		w.until(record, api.RecordStatusInProgress)
		if _, err := w.client.RetryOperation(as(admin), &api.RetryOperationInput{Id: w.operation(record).Id}); err != nil {
			t.Fatal(err)
		}
		if out := w.ended(record); out.RecordDetail.Status != api.RecordStatusSucceeded {
			t.Errorf("retried: %+v", out.RecordDetail)
		}
		record = w.provision(admin, "hang-2").RecordId
		w.until(record, api.RecordStatusInProgress)
		if _, err := w.client.CancelOperation(as(admin), &api.CancelOperationInput{Id: w.operation(record).Id}); err != nil {
			t.Fatal(err)
		}
		out := w.ended(record)
		if e := out.RecordDetail.RecordErrors; len(e) != 2 || e[1].Code != codeRemedy || !strings.Contains(e[0].Description, "canceled by "+admin.ARN) {
			t.Errorf("canceled: %+v", out.RecordDetail)
		}
		out = w.ended(w.provision(admin, "fail").RecordId)
		if e := out.RecordDetail.RecordErrors; len(e) != 2 || e[1].Code != codeRemedy || e[0].Description != "as rehearsed" {
			t.Errorf("failed: %+v", out.RecordDetail)
		}
		if s := w.describe("fail"); s.Status != api.ProvisionedProductStatusError || s.StatusMessage != "as rehearsed" {
			t.Errorf("failed: %+v", s)
		}
		// A plan hangs and goes on like everything else.
		made, err := w.client.CreateProvisionedProductPlan(as(admin), w.plan("hang-plan", w.artifact))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.client.RetryOperation(as(admin), &api.RetryOperationInput{Id: w.operation(made.PlanId).Id}); err != nil {
			t.Fatal(err)
		}
		if d := w.settledPlan(made.PlanId).ProvisionedProductPlanDetails; d.Status != api.ProvisionedProductPlanStatusCreateSuccess {
			t.Errorf("planned: %+v", d)
		}
		for _, operation := range []string{"ProvisionProduct hang", "CreateProvisionedProductPlan hang-plan"} {
			if asked[operation] != w.product {
				t.Errorf("%s was asked about for %q", operation, asked[operation])
			}
		}
		for _, a := range acts() {
			if !slices.Contains(RehearsedOperations(), a.operation) {
				t.Errorf("%s is not rehearsed", a.operation)
			}
		}
	})
}

// An operation that a rule holds up goes on once the rule is no longer in
// force; whether it fails stays as it was decided.
func TestReconsider(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		var gone sync.Map
		w.inForce = func(rule string) bool { _, ok := gone.Load(rule); return !ok }
		w.rehearse = func(_ *db.Tx, _, _, name string) (*Rehearsal, error) {
			switch name {
			case "hangs", "stays":
				return &Rehearsal{Hang: true, Rule: name}, nil
			case "fails":
				return &Rehearsal{Delay: time.Hour, Fail: "as rehearsed", Rule: name}, nil
			}
			return nil, nil
		}
		w.open()
		hangs, stays, fails := w.provision(admin, "hangs").RecordId, w.provision(admin, "stays").RecordId, w.provision(admin, "fails").RecordId
		for _, record := range []string{hangs, stays, fails} {
			w.until(record, api.RecordStatusInProgress)
		}
		gone.Store("hangs", true)
		gone.Store("fails", true)
		if err := w.db.Update(t.Context(), w.reconsider); err != nil {
			t.Fatal(err)
		}
		if out := w.ended(hangs); out.RecordDetail.Status != api.RecordStatusSucceeded {
			t.Errorf("released: %+v", out.RecordDetail)
		}
		if out := w.ended(fails); len(out.RecordDetail.RecordErrors) != 2 || out.RecordDetail.RecordErrors[0].Description != "as rehearsed" {
			t.Errorf("failed: %+v", out.RecordDetail)
		}
		w.until(stays, api.RecordStatusInProgress)
	})
}

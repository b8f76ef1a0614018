package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/workflow"
)

// carry runs r until the test ends.
func carry(t *testing.T, r *workflow.Runner) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func start(t *testing.T, d *db.DB, r *workflow.Runner, b workflow.Begin) {
	t.Helper()
	if err := d.Update(t.Context(), func(tx *db.Tx) error { return r.Start(tx, b) }); err != nil {
		t.Fatal(err)
	}
}

func TestRun(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := workflow.New(d, workflow.Options{RetryMin: time.Millisecond})
		var trace []string
		r.Register(workflow.Definition{Name: "make/v1", Steps: []workflow.Step{
			{Name: "one", Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
				trace = append(trace, "one "+string(b.Input))
				return workflow.Next().Keep(json.RawMessage(`7`)), nil
			}},
			{Name: "two", Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
				trace = append(trace, "two "+string(b.State))
				if b.Attempt == 0 {
					return workflow.Verdict{}, errors.New("not yet")
				}
				return workflow.Await("go", time.Hour).Keep(json.RawMessage(`8`)), nil
			}},
		}})
		_ = trace
		carry(t, r)
		start(t, d, r, workflow.Begin{ID: "r1", Definition: "make/v1", Input: json.RawMessage(`{}`)})
		if err := r.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

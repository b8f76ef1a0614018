package cloudformation_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/engine"
	"larder/internal/engine/cloudformation"
	"larder/internal/seal"
	"larder/internal/workflow"
)

// TestRollbackIsHeard has somebody wait for a stack who looks only when he is
// told to: he sees that it is being undone while it is, not when that is over.
func TestRollbackIsHeard(t *testing.T) {
	t.Parallel()
	rules, err := resource.ParseRules([]byte(`rules:
- {match: {logicalId: Unlucky}, fail: out of luck}
- {match: {logicalId: Lingers}, action: DELETE, hang: true}`))
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		runner := workflow.New(d, workflow.Options{})
		e := &cloudformation.Engine{Stacks: stack.New(stack.Options{DB: d, Runner: runner, Keys: seal.Ephemeral(), Rules: rules})}
		c := engine.Change{
			Kind: engine.Create, Operation: "rec-1", Account: "111111111111", Region: "eu-west-1", Product: "pp-abc",
			Artifact: artifact("Resources:\n  Lingers: {Type: 'AWS::SNS::Topic'}\n  Unlucky: {Type: 'AWS::SNS::Topic', DependsOn: Lingers}"),
		}
		seen := make(chan engine.Progress, 10)
		runner.Register(workflow.Definition{Name: "wait/v1", Steps: []workflow.Step{{Name: "look", Beat: func(ctx context.Context, _ workflow.Beat) (workflow.Verdict, error) {
			p, err := e.Advance(ctx, c)
			if err == nil {
				seen <- p
			}
			return workflow.Await(p.Signal, time.Hour), err
		}}}})
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- runner.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("runner: %v", err)
			}
		})
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			return runner.Start(tx, workflow.Begin{ID: "waiting", Definition: "wait/v1", Subject: "rec-1", Account: c.Account, Region: c.Region})
		})
		if err != nil {
			t.Fatal(err)
		}
		for late := time.After(time.Minute); ; {
			select {
			case p := <-seen:
				if p.State != engine.Waiting {
					t.Fatalf("it has ended: %+v", p)
				}
				if p.RollingBack {
					if p.Failure == nil || len(p.Failure.Causes) != 1 || p.Failure.Causes[0].Reason != "out of luck" {
						t.Errorf("it is being undone because of %+v", p.Failure)
					}
					return
				}
			case <-late:
				t.Fatal("nobody said that it is being undone")
			}
		}
	})
}

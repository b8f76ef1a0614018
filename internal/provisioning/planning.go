package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/id"
	"larder/internal/workflow"
)

// planRun is the run that works out a plan.
const planRun = "plan/v1"

// noChanges is what a change set says that would change nothing.
const noChanges = "The submitted information didn't contain changes. Submit different information to create a change set."

// refusedPlan is what AWS says of a plan that CloudFormation refused.
const refusedPlan = "Error calling API cloudformation:CreateChangeSet. ErrorCode: ValidationError, Message: "

// beginPlan is a run that works out a plan, or, when the plan has been deleted,
// removes what the engine made for it.
func (p *Provisioning) beginPlan(run string, n *plan, at time.Time) workflow.Begin {
	change := n.Record.Change
	change.Operation = string(n.ID)
	return workflow.Begin{
		ID: run, Definition: planRun, Subject: string(n.ID), Input: json.RawMessage(stored(change)),
		Account: n.Account, Region: n.Region, Deadline: at.Add(p.deadlineOf(n.Record.ProductType)),
	}
}

// planBeat asks the engine once more what the plan would change.
func (p *Provisioning) planBeat(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
	var n plan
	err := p.db.View(ctx, func(tx *db.Tx) (err error) {
		n, err = planByID(tx, id.Plan(b.Subject))
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return p.discard(ctx, b)
	}
	if err == nil && n.Status != api.ProvisionedProductPlanStatusCreateInProgress {
		return workflow.End(), nil // it has ended already
	}
	if err != nil {
		return workflow.Verdict{}, err
	}
	var preview engine.Preview
	progress, held := p.relieved(n.Rehearsal).progress(b.Started, b.Now, "", b.Overdue)
	if !held {
		preview, progress, err = p.preview(ctx, &n, b.Overdue)
	}
	if err != nil {
		return workflow.Verdict{}, err
	}
	switch progress.State {
	case engine.Again:
		return workflow.Again(progress.After).Noted(progress.Note), nil
	case engine.Waiting:
		return workflow.Await(progress.Signal, wait(progress.After)).Noted(progress.Note), nil
	}
	n.conclude(preview, progress.Failure, b.Now.UTC().Truncate(time.Millisecond))
	return workflow.End().Write(func(tx *db.Tx) error {
		if _, err := planByID(tx, n.ID); err != nil {
			return err // deleted meanwhile: the next beat removes what this one made
		}
		return p.updatePlan(tx, &n)
	}), nil
}

// discard has the engine forget a plan that is deleted. What it can't remove
// before the deadline stays.
func (p *Provisioning) discard(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
	var change engine.Change
	if err := json.Unmarshal(b.Input, &change); err != nil {
		return workflow.Verdict{}, err
	}
	if e, ok := p.engine(change.Artifact.Type).(engine.Discarder); ok {
		if err := e.Discard(ctx, change); err != nil && !b.Overdue {
			return workflow.Verdict{}, err
		}
	}
	return workflow.End(), nil
}

// preview asks the engine, unless the answer is known.
func (p *Provisioning) preview(ctx context.Context, n *plan, overdue bool) (engine.Preview, engine.Progress, error) {
	ended := func(f *engine.Failure) (engine.Preview, engine.Progress, error) {
		return engine.Preview{}, engine.Progress{State: engine.Done, Failure: f}, nil
	}
	given, refusal, err := p.given(string(n.ID), n.Provisioned, n.given, n.previous)
	switch e := p.engine(n.Record.Change.Artifact.Type); {
	case err != nil:
		return engine.Preview{}, engine.Progress{}, err
	case n.Refusal != "":
		return ended(&engine.Failure{Code: cloudFormation, Reason: n.Refusal})
	case refusal != nil:
		return ended(refusal)
	case e == nil:
		return ended(noEngine(n.Record.Change.Artifact.Type))
	case overdue:
		return ended(&engine.Failure{Reason: "The plan was not ready by its deadline"})
	default:
		change := n.Record.Change
		change.Given, change.Operation = given, string(n.ID)
		if change.Artifact.Body, err = p.catalog.ArtifactBody(ctx, change.Artifact.Digest); err != nil {
			return engine.Preview{}, engine.Progress{}, err
		}
		preview, progress, err := e.Plan(ctx, change)
		if failure, ok := engine.AsFailure(err); ok {
			return ended(failure)
		}
		return preview, progress, err
	}
}

// conclude ends the making of a plan.
func (n *plan) conclude(preview engine.Preview, failure *engine.Failure, now time.Time) {
	switch {
	case failure != nil && failure.Code == cloudFormation:
		n.Message = refusedPlan + failure.Reason
	case failure != nil:
		n.Message = message(failure)
	case n.act().kind == engine.Update && len(preview.Changes) == 0:
		n.Message = noChanges
	default:
		n.changes, n.Reference = preview.Changes, preview.Plan
		n.move(api.ProvisionedProductPlanStatusCreateSuccess, now)
		return
	}
	n.move(api.ProvisionedProductPlanStatusCreateFailed, now)
}

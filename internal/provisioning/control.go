package provisioning

import (
	"context"
	"fmt"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/identity"
	"larder/internal/workflow"
)

// CancelOperation stops an operation cleanly: the engine undoes what it has
// done, and the operation ends as failed. An engine that cannot do that is
// left alone; its operations can only be failed.
func (p *Provisioning) CancelOperation(ctx context.Context, in *api.CancelOperationInput) (*api.CancelOperationOutput, error) {
	detail, err := p.control(ctx, in.Id, func(tx *db.Tx, c identity.Caller, run workflow.Info) error {
		if run.Definition == planRun {
			return p.abandonPlan(tx, c, run, "The plan was canceled by "+c.ARN)
		}
		rec, err := operated(tx, c, run)
		if err != nil {
			return err
		}
		if _, ok := p.engine(rec.Change.Artifact.Type).(engine.Canceler); !ok && rec.Rehearsal == nil {
			return api.OperationNotSupported("The engine of products of type %s can't cancel an operation. FailOperation ends it without the engine.", rec.Change.Artifact.Type)
		}
		return tx.Exec(`UPDATE record SET control = ? WHERE id = ?`, c.ARN, rec.ID)
	})
	return &api.CancelOperationOutput{OperationDetail: detail}, err
}

// RetryOperation has an operation go on now, whatever it waits for, and if a
// rehearsal holds it.
func (p *Provisioning) RetryOperation(ctx context.Context, in *api.RetryOperationInput) (*api.RetryOperationOutput, error) {
	detail, err := p.control(ctx, in.Id, release)
	return &api.RetryOperationOutput{OperationDetail: detail}, err
}

// release ends what a rehearsal does to an operation.
func release(tx *db.Tx, c identity.Caller, run workflow.Info) error {
	if run.Definition == planRun {
		n, _, err := findPlan(tx, granted(c), run.Subject)
		if err != nil || n.Rehearsal == nil {
			return err
		}
		n.Rehearsal = nil
		return n.update(tx)
	}
	rec, err := operated(tx, c, run)
	switch {
	case api.Code(err) == api.CodeOperationNotSupported: // a run of another kind
		return nil
	case err != nil || rec.Rehearsal == nil:
		return err
	}
	rec.Rehearsal = nil
	return rec.update(tx)
}

// FailOperation ends an operation as failed without asking the engine: the
// last resort. What the engine has made stays until the product is updated or
// terminated.
func (p *Provisioning) FailOperation(ctx context.Context, in *api.FailOperationInput) (*api.FailOperationOutput, error) {
	now := p.now().UTC().Truncate(time.Millisecond)
	detail, err := p.control(ctx, in.Id, func(tx *db.Tx, c identity.Caller, run workflow.Info) error {
		reason := fmt.Sprintf("The operation was failed by %s", c.ARN)
		if given := api.Or(in.Reason, ""); given != "" {
			reason += ": " + given
		}
		if run.Definition == planRun {
			return p.abandonPlan(tx, c, run, reason)
		}
		rec, err := operated(tx, c, run)
		if err != nil {
			return err
		}
		pp, err := provisionedByID(tx, rec.Provisioned)
		if err != nil {
			return err
		}
		rec.IgnoreErrors = false // of the engine's, not of ours
		settle(&pp, &rec, "", engine.Progress{Failure: &engine.Failure{Reason: reason}}, now)
		return p.writeSettled(tx, &pp, &rec)
	})
	return &api.FailOperationOutput{OperationDetail: detail}, err
}

// control does something about a run, and has it beat at once.
func (p *Provisioning) control(ctx context.Context, runID string, do func(*db.Tx, identity.Caller, workflow.Info) error) (*api.OperationDetail, error) {
	caller := identity.CallerFrom(ctx)
	var run workflow.Info
	err := p.db.Update(ctx, func(tx *db.Tx) (err error) {
		if run, err = ownRun(tx, caller, runID); err != nil {
			return err
		}
		if err := do(tx, caller, run); err != nil {
			return err
		}
		_, err = p.runner.Nudge(tx, runID)
		return err
	})
	if err != nil {
		return nil, err
	}
	now := p.now()
	run.Awaits, run.Due = "", now
	detail := operationDetail(run, now)
	return &detail, nil
}

// operated reads the record that a run carries out, if the caller sees it and
// it has not ended.
func operated(tx *db.Tx, c identity.Caller, run workflow.Info) (record, error) {
	if !carriesRecord(run) {
		return record{}, api.OperationNotSupported("Operations of kind %s can't be ended from outside", run.Definition)
	}
	rec, err := recordForOwner(tx, granted(c), run.Subject)
	if err == nil && !rec.open() {
		err = api.ResourceNotFound("Operation %s has ended; record %s tells how", run.ID, rec.ID)
	}
	return rec, err
}

// abandonPlan ends the making of a plan.
func (p *Provisioning) abandonPlan(tx *db.Tx, c identity.Caller, run workflow.Info, reason string) error {
	n, _, err := findPlan(tx, granted(c), run.Subject)
	if err != nil {
		return err
	}
	n.conclude(engine.Preview{}, &engine.Failure{Reason: reason}, run.Updated)
	return p.updatePlan(tx, &n)
}

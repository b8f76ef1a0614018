package provisioning

import (
	"context"
	"encoding/base64"
	"errors"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/id"
	"larder/internal/identity"
)

// An engineReport is what an engine reports of a record, whichever operation it
// uses.
type engineReport struct {
	operation, idempotency string
	act                    act
	record                 string
	token                  string
	status                 api.EngineWorkflowStatus
	reason                 *string
	outputs                []api.RecordOutput
	identifier             *api.EngineWorkflowResourceIdentifier
}

// NotifyProvisionProductEngineWorkflowResult takes an engine's report of a
// launch.
func (p *Provisioning) NotifyProvisionProductEngineWorkflowResult(ctx context.Context, in *api.NotifyProvisionProductEngineWorkflowResultInput) (*api.NotifyProvisionProductEngineWorkflowResultOutput, error) {
	return &api.NotifyProvisionProductEngineWorkflowResultOutput{}, p.notify(ctx, in, engineReport{
		"NotifyProvisionProductEngineWorkflowResult", in.IdempotencyToken, launchAct,
		in.RecordId, in.WorkflowToken, in.Status, in.FailureReason, in.Outputs, in.ResourceIdentifier,
	})
}

// NotifyUpdateProvisionedProductEngineWorkflowResult takes an engine's report
// of an update.
func (p *Provisioning) NotifyUpdateProvisionedProductEngineWorkflowResult(ctx context.Context, in *api.NotifyUpdateProvisionedProductEngineWorkflowResultInput) (*api.NotifyUpdateProvisionedProductEngineWorkflowResultOutput, error) {
	return &api.NotifyUpdateProvisionedProductEngineWorkflowResultOutput{}, p.notify(ctx, in, engineReport{
		"NotifyUpdateProvisionedProductEngineWorkflowResult", in.IdempotencyToken, updateAct,
		in.RecordId, in.WorkflowToken, in.Status, in.FailureReason, in.Outputs, nil,
	})
}

// NotifyTerminateProvisionedProductEngineWorkflowResult takes an engine's
// report of a termination.
func (p *Provisioning) NotifyTerminateProvisionedProductEngineWorkflowResult(ctx context.Context, in *api.NotifyTerminateProvisionedProductEngineWorkflowResultInput) (*api.NotifyTerminateProvisionedProductEngineWorkflowResultOutput, error) {
	return &api.NotifyTerminateProvisionedProductEngineWorkflowResultOutput{}, p.notify(ctx, in, engineReport{
		"NotifyTerminateProvisionedProductEngineWorkflowResult", in.IdempotencyToken, terminateAct,
		in.RecordId, in.WorkflowToken, in.Status, in.FailureReason, nil, nil,
	})
}

// notify keeps a report with its record and wakes the record's run. A report
// may come before the run waits for it, and even before the message that
// asked for it counts as delivered; it may not come twice, nor after the
// operation has ended.
func (p *Provisioning) notify(ctx context.Context, in any, n engineReport) error {
	once, err := p.catalog.Once(ctx, n.operation, n.idempotency, in)
	if err != nil {
		return err
	}
	caller := identity.CallerFrom(ctx)
	digest, err := base64.StdEncoding.DecodeString(n.token)
	known := err == nil && p.keys.Matches(string(digest), []byte(n.record), tokenContext)
	report := stored(n.report(p))
	return p.db.Update(ctx, func(tx *db.Tx) error {
		var done struct{}
		if seen, err := once.Answer(tx, &done); seen || err != nil {
			return err
		}
		rec, err := reported(tx, caller, n.record)
		switch {
		case err != nil:
			return err
		case !known:
			return api.InvalidParameters("The workflow token is not that of record %s", rec.ID)
		case rec.Act != n.act.run:
			return api.InvalidParameters("Record %s is of type %s; its result is not reported by %s", rec.ID, rec.Type, n.operation)
		case !rec.open():
			return api.InvalidParameters("Record %s has ended already: %s", rec.ID, rec.Status)
		case rec.report != "":
			return api.InvalidParameters("The result of record %s has been reported already", rec.ID)
		}
		if err := tx.Exec(`UPDATE record SET report = ? WHERE id = ?`, report, rec.ID); err != nil {
			return err
		}
		if err := p.runner.Signal(tx, engine.ReportSignal(string(rec.ID))); err != nil {
			return err
		}
		return once.Keep(tx, &done)
	})
}

// report is the engineReport as engines are given it.
func (n engineReport) report(p *Provisioning) engine.Report {
	r := engine.Report{Failed: n.status == api.EngineWorkflowStatusFailed, Received: p.now().UTC()}
	if r.Failed {
		r.Reason = api.Or(n.reason, "The engine reported a failure without a reason")
	}
	for _, o := range n.outputs {
		r.Outputs = append(r.Outputs, engine.Output{Key: api.Or(o.OutputKey, ""), Value: api.Or(o.OutputValue, ""), Description: api.Or(o.Description, "")})
	}
	if n.identifier != nil && n.identifier.UniqueTag != nil {
		r.Tag = &engine.Tag{Key: api.Or(n.identifier.UniqueTag.Key, ""), Value: api.Or(n.identifier.UniqueTag.Value, "")}
	}
	return r
}

// reported reads a record for whoever may report about it: the caller sees
// its product, or is of the account that owns the product in the catalog,
// where AWS's queues stand.
func reported(tx *db.Tx, c identity.Caller, recordID string) (record, error) {
	rec, err := recordForOwner(tx, granted(c), recordID)
	if api.Code(err) != api.CodeResourceNotFound || c.Level != identity.LevelAccount {
		return rec, err
	}
	refusal := err
	rec, err = recordByID(tx, id.Record(recordID))
	if errors.Is(err, db.ErrNoRows) || err == nil && (rec.Hub != c.Account || rec.Region != c.Region) {
		return record{}, refusal
	}
	return rec, err
}

package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"larder/internal/api"
	"larder/internal/catalog"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/id"
	"larder/internal/workflow"
)

// patience is how long an operation waits for its engine's report before it
// looks by itself. The report wakes it; this is for a report that never comes.
const patience = time.Minute

// outputStack is the first output of every record that made a stack.
const outputStack = "CloudformationStackARN"

// beat carries an operation one step further: it asks the engine, and records
// what the engine answered in the transaction that moves the run on.
func (p *Provisioning) beat(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
	var (
		rec record
		pp  provisionedProduct
	)
	err := p.db.View(ctx, func(tx *db.Tx) (err error) {
		if rec, err = recordByID(tx, id.Record(b.Subject)); err != nil {
			return err
		}
		pp, err = provisionedByID(tx, rec.Provisioned)
		return err
	})
	if errors.Is(err, db.ErrNoRows) || err == nil && !rec.open() {
		// Settling ends the run in the same transaction, so there is nothing left to do.
		return workflow.End(), nil
	}
	if err != nil {
		return workflow.Verdict{}, err
	}
	progress, err := p.advance(ctx, &rec, b.Overdue)
	if err != nil {
		return workflow.Verdict{}, err
	}
	now := b.Now.UTC().Truncate(time.Millisecond)
	if progress.State == engine.Done {
		settle(&pp, &rec, progress, now)
		return workflow.End().Write(func(tx *db.Tx) error { return p.writeSettled(tx, &pp, &rec) }), nil
	}
	verdict := workflow.Again(progress.After)
	if progress.State == engine.Waiting {
		verdict = workflow.Await(progress.Signal, wait(progress.After))
	}
	return verdict.Noted(progress.Note).Write(inProgress(&pp, &rec, progress, now)), nil
}

func wait(d time.Duration) time.Duration {
	if d == 0 {
		return patience
	}
	return d
}

// advance asks the engine for one beat of the record's change.
func (p *Provisioning) advance(ctx context.Context, rec *record, overdue bool) (engine.Progress, error) {
	e := p.engine(rec.Change.Artifact.Type)
	if e == nil {
		return engine.Progress{Failure: &engine.Failure{
			Reason: fmt.Sprintf("No engine is configured for products of type %s", rec.Change.Artifact.Type),
		}}, nil
	}
	change := rec.Change
	change.Overdue = overdue
	var err error
	if change.Given, err = p.openGiven(rec.Provisioned, rec.given); err != nil {
		return engine.Progress{}, err
	}
	if change.Artifact.Body, err = p.catalog.ArtifactBody(ctx, change.Artifact.Digest); err != nil {
		return engine.Progress{}, err
	}
	progress, err := e.Advance(ctx, change)
	if failure, ok := engine.AsFailure(err); ok {
		return engine.Progress{State: engine.Done, Failure: failure}, nil
	}
	return progress, err
}

// inProgress returns the writes of a beat that did not end the operation; nil
// when nothing changed.
func inProgress(pp *provisionedProduct, rec *record, progress engine.Progress, now time.Time) func(*db.Tx) error {
	status := api.RecordStatusInProgress
	if progress.RollingBack && rec.Change.Kind != engine.Delete {
		status = api.RecordStatusInProgressInError
	}
	movesRecord := rec.Status != status
	if movesRecord {
		rec.move(status, now)
	}
	if progress.Failure != nil && len(rec.Errors) == 0 {
		rec.Errors = recordErrors(progress.Failure)
		movesRecord = true
	}
	movesProduct := progress.Physical != "" && progress.Physical != pp.Physical
	if movesProduct {
		pp.Physical = progress.Physical
	}
	if !movesRecord && !movesProduct {
		return nil
	}
	return func(tx *db.Tx) error {
		if movesProduct {
			if err := pp.update(tx); err != nil {
				return err
			}
		}
		return rec.update(tx)
	}
}

// settle brings the product and its record to the end that the engine
// reported.
func settle(pp *provisionedProduct, rec *record, progress engine.Progress, now time.Time) {
	if progress.Physical != "" {
		pp.Physical = progress.Physical
	}
	failed := progress.Failure != nil
	if failed {
		rec.Errors = recordErrors(progress.Failure)
	}
	if rec.Change.Kind == engine.Delete {
		if failed && !rec.IgnoreErrors {
			pp.StatusMessage = message(progress.Failure)
			pp.move(terminationFailed)
			rec.move(api.RecordStatusFailed, now)
			return
		}
		pp.move(terminationSucceeded)
		rec.move(api.RecordStatusSucceeded, now)
		return
	}
	rec.Outputs = outputs(pp, progress)
	if failed {
		pp.StatusMessage = message(progress.Failure)
		pp.move(launchFailed)
		rec.move(api.RecordStatusFailed, now)
		return
	}
	pp.StatusMessage = ""
	pp.LastSuccessful = rec.ID
	pp.Product, pp.Artifact, pp.Path, pp.LaunchRole = rec.Product, rec.Artifact, rec.Path, rec.LaunchRole
	pp.Change, pp.given = rec.Change, rec.given
	pp.move(launchSucceeded)
	rec.move(api.RecordStatusSucceeded, now)
}

// writeSettled writes what settle decided.
func (p *Provisioning) writeSettled(tx *db.Tx, pp *provisionedProduct, rec *record) error {
	if rec.Token != "" {
		if err := catalog.Forget(tx, rec.Account, rec.Region, "TerminateProvisionedProduct", rec.Token); err != nil {
			return err
		}
	}
	if err := rec.update(tx); err != nil {
		return err
	}
	if pp.Status == gone {
		return pp.remove(tx)
	}
	return pp.update(tx)
}

// outputs are what the record of a launch shows: the stack first, then the
// template's outputs. Values that come from NoEcho parameters are masked.
func outputs(pp *provisionedProduct, progress engine.Progress) []engine.Output {
	var all []engine.Output
	if pp.Physical != "" && pp.Type == typeStack {
		all = append(all, engine.Output{Key: outputStack, Value: pp.Physical, Description: "The ARN of the launched Cloudformation Stack"})
	}
	for _, o := range progress.Outputs {
		if o.NoEcho {
			o.Value = masked
		}
		all = append(all, o)
	}
	return all
}

// masked stands for a secret's value wherever it is shown.
const masked = "****"

// message is the StatusMessage of a failed operation: the engine's exception,
// two spaces and its words, as AWS writes it.
func message(f *engine.Failure) string {
	if f.Code == "" {
		return f.Reason
	}
	return f.Code + "  " + f.Reason
}

// recordErrors is the chain of causes of a failure, the failure itself first.
func recordErrors(f *engine.Failure) []api.RecordError {
	code := f.Code
	if code == "" {
		code = "InternalFailure"
	}
	list := []api.RecordError{{Code: code, Description: message(f)}}
	for _, c := range f.Causes {
		text := fmt.Sprintf("%s (%s): %s", c.Resource, c.Type, c.Reason)
		if c.Remedy != "" {
			text += " " + c.Remedy
		}
		list = append(list, api.RecordError{Code: code, Description: text})
	}
	return list
}

// sealGiven seals parameter values. A launch's values move from its record to
// the provisioned product, so they are bound to the product.
func (p *Provisioning) sealGiven(pp id.ProvisionedProduct, values []engine.Given) string {
	if len(values) == 0 {
		return ""
	}
	return p.keys.Seal([]byte(stored(values)), givenContext(pp))
}

// openGiven reads what sealGiven sealed.
func (p *Provisioning) openGiven(pp id.ProvisionedProduct, sealed string) ([]engine.Given, error) {
	if sealed == "" {
		return nil, nil
	}
	text, err := p.keys.Open(sealed, givenContext(pp))
	if err != nil {
		return nil, err
	}
	var values []engine.Given
	return values, json.Unmarshal(text, &values)
}

func givenContext(pp id.ProvisionedProduct) string { return "parameters of " + string(pp) }

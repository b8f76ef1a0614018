package provisioning

import (
	"context"
	"encoding/base64"
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

// An act is one thing that is done to a provisioned product: a record, carried
// out by a run of its own, that moves the product by three events.
type act struct {
	operation                string // of the API
	run                      string // the run's definition
	record                   string // the record's type
	kind                     engine.Kind
	begun, succeeded, failed event
	makes                    bool // when it succeeds, it says what the product is
}

// The acts.
var (
	launchAct    = act{opLaunch, "provision/v1", typeProvision, engine.Create, launched, launchSucceeded, launchFailed, true}
	importAct    = act{opImport, "import/v1", typeProvision, engine.Create, imported, importSucceeded, importFailed, true}
	updateAct    = act{opUpdate, "update/v1", typeUpdate, engine.Update, updated, updateSucceeded, updateFailed, true}
	actionAct    = act{opAction, "action/v1", typeAction, engine.Update, acted, actionEnded, actionEnded, false}
	terminateAct = act{opTerminate, "terminate/v1", typeTerminate, engine.Delete, terminated, terminationSucceeded, terminationFailed, false}
)

func acts() []act { return []act{launchAct, importAct, updateAct, actionAct, terminateAct} }

// actOf is what a record does.
func actOf(r *record) act {
	for _, a := range acts() {
		if a.run == r.Act {
			return a
		}
	}
	return act{}
}

// begin is the run of an act that has just been recorded.
func (p *Provisioning) begin(run string, a act, rec *record) workflow.Begin {
	return workflow.Begin{
		ID: run, Definition: a.run, Subject: string(rec.ID),
		Account: rec.Account, Region: rec.Region, Deadline: rec.Created.Add(p.deadlineOf(rec.ProductType)),
	}
}

// deadlineOf is how long an operation on a product of the type may take.
func (p *Provisioning) deadlineOf(productType string) time.Duration {
	if d, ok := p.deadlines[productType]; ok {
		return d
	}
	return p.deadline
}

// patience is how long an operation waits for its engine's report before it
// looks by itself. The report wakes it; this is for a report that never comes.
const patience = time.Minute

// stopPatience is how long an operation that was canceled waits before it is
// canceled again: the engine may have begun it only after the first time.
const stopPatience = 5 * time.Second

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
	given, refusal, err := p.given(rec.valuesOf(), rec.Provisioned, rec.given, rec.previous)
	if err != nil {
		return workflow.Verdict{}, err
	}
	if rec.Refusal != nil {
		refusal = rec.Refusal
	}
	if late := b.Now.Sub(b.Started) - p.deadlineOf(rec.ProductType); late > p.grace {
		refusal = &engine.Failure{Reason: fmt.Sprintf("The operation was given up: it had not stopped %s after its deadline", p.grace)}
	}
	progress, held := p.relieved(rec.Rehearsal).progress(b.Started, b.Now, rec.control, b.Overdue)
	if refusal != nil {
		progress = engine.Progress{State: engine.Done, Failure: refusal}
	} else if held {
		progress.Physical = pp.Physical
	} else if progress, given, err = p.advance(ctx, &rec, given, b.Overdue); err != nil {
		return workflow.Verdict{}, err
	}
	now := b.Now.UTC().Truncate(time.Millisecond)
	if progress.State == engine.Done {
		kept := p.sealValues(string(pp.ID), left(given, rec.Defaults))
		settle(&pp, &rec, kept, progress, now)
		if p.post != nil {
			rec.Errors = append(rec.Errors, p.unmapped(rec.Change.Topics)...)
		}
		return workflow.End().Write(func(tx *db.Tx) error { return p.writeSettled(tx, &pp, &rec) }), nil
	}
	verdict := workflow.Again(progress.After)
	if progress.State == engine.Waiting {
		verdict = workflow.Await(progress.Signal, wait(progress.After))
	}
	return verdict.Noted(progress.Note).Write(p.inProgress(&pp, &rec, progress, now)), nil
}

func wait(d time.Duration) time.Duration {
	if d == 0 {
		return patience
	}
	return d
}

// advance asks the engine for one beat of the record's change, and returns
// with its answer the parameter values that the change was made with.
func (p *Provisioning) advance(ctx context.Context, rec *record, given []engine.Given, overdue bool) (engine.Progress, []engine.Given, error) {
	e := p.engine(rec.Change.Artifact.Type)
	if e == nil {
		return engine.Progress{Failure: noEngine(rec.Change.Artifact.Type)}, nil, nil
	}
	change := rec.Change
	change.Given, change.Overdue, change.Token = given, overdue, p.workflowToken(rec.ID)
	if rec.report != "" {
		if err := json.Unmarshal([]byte(rec.report), &change.Report); err != nil {
			return engine.Progress{}, nil, err
		}
	}
	var err error
	if change.Artifact.Body, err = p.catalog.ArtifactBody(ctx, change.Artifact.Digest); err != nil {
		return engine.Progress{}, nil, err
	}
	if rec.control != "" {
		if canceler, ok := e.(engine.Canceler); ok {
			if err := canceler.Cancel(ctx, change); err != nil {
				return engine.Progress{}, nil, err
			}
		}
	}
	var progress engine.Progress
	switch rec.Act {
	case importAct.run:
		progress, given, err = takeOver(ctx, e, change)
	case actionAct.run:
		progress, err = perform(ctx, e, change, *rec.Action)
	default:
		progress, err = e.Advance(ctx, change)
	}
	if failure, ok := engine.AsFailure(err); ok {
		return engine.Progress{State: engine.Done, Failure: failure}, given, nil
	}
	if rec.control != "" && progress.State == engine.Waiting {
		progress.After = stopPatience
	}
	return progress, given, err
}

func noEngine(artifactType string) *engine.Failure {
	return &engine.Failure{Reason: fmt.Sprintf("No engine is configured for products of type %s", artifactType)}
}

// tokenContext is what workflow tokens are made for.
const tokenContext = "engine workflow token"

// workflowToken proves that whoever reports about a record has been told of
// it. It is derived, so that it is kept nowhere and the same in every beat.
func (p *Provisioning) workflowToken(rec id.Record) string {
	return base64.StdEncoding.EncodeToString([]byte(p.keys.Digest([]byte(rec), tokenContext)))
}

// inProgress returns the writes of a beat that did not end the operation; nil
// when nothing changed.
func (p *Provisioning) inProgress(pp *provisionedProduct, rec *record, progress engine.Progress, now time.Time) func(*db.Tx) error {
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
		if err := rec.update(tx); err != nil {
			return err
		}
		return p.tell(tx, pp, rec)
	}
}

// settle brings the product and its record to the end that the engine
// reported. kept are the sealed parameter values that a good change leaves.
func settle(pp *provisionedProduct, rec *record, kept string, progress engine.Progress, now time.Time) {
	a := actOf(rec)
	if progress.Physical != "" {
		pp.Physical = progress.Physical
	}
	e, status := a.succeeded, api.RecordStatusSucceeded
	if progress.Failure != nil {
		rec.Errors = recordErrors(progress.Failure)
	}
	switch failed := progress.Failure != nil && !rec.IgnoreErrors; {
	case failed:
		e, status = a.failed, api.RecordStatusFailed
		if a != actionAct { // which leaves the product as it was
			pp.StatusMessage = message(progress.Failure)
		}
		if a.makes && progress.Stands {
			become(pp, rec, kept)
			if a == launchAct {
				e = launchFellShort
			}
		}
	case a.makes:
		adopt(pp, rec, kept)
	}
	if a == actionAct && rec.Tainted {
		e = actionEndedTainted
	}
	if a.makes || a == actionAct {
		rec.Outputs = outputs(pp, progress)
	}
	if status == api.RecordStatusFailed {
		if rec.control != "" && progress.Failure.Reason != canceledBy(rec.control) {
			rec.Errors = append(rec.Errors, api.RecordError{Code: codeCanceled, Description: canceledBy(rec.control)})
		}
		rec.Errors = append(rec.Errors, remedy(e)...)
	}
	pp.move(e)
	rec.move(status, now)
}

// adopt makes the product what a successful record says.
func adopt(pp *provisionedProduct, rec *record, kept string) {
	pp.StatusMessage = ""
	pp.LastSuccessful = rec.ID
	become(pp, rec, kept)
}

// become makes the product what a record says, whether all of it succeeded or
// a part.
func become(pp *provisionedProduct, rec *record, kept string) {
	describe(pp, rec)
	if !rec.Keeps {
		pp.given = kept
	}
}

// describe has the product show what a record is about.
func describe(pp *provisionedProduct, rec *record) {
	pp.Type, pp.Product, pp.Artifact, pp.Path, pp.LaunchRole = rec.ProductType, rec.Product, rec.Artifact, rec.Path, rec.LaunchRole
	pp.ProductName, pp.ArtifactName, pp.Hub = rec.ProductName, rec.ArtifactName, rec.Hub
	pp.UserTags, pp.RecordTags = rec.UserTags, rec.Tags
	pp.Change = rec.Change
	pp.Change.Plan = ""
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
	if rec.Plan != "" && pp.Status != gone {
		if err := p.executed(tx, rec, pp.StatusMessage); err != nil {
			return err
		}
	}
	if err := p.tell(tx, pp, rec); err != nil {
		return err
	}
	return pp.write(tx)
}

// outputs are what the record of a launch shows: the stack first, then the
// template's outputs. Values that come from NoEcho parameters are masked.
func outputs(pp *provisionedProduct, progress engine.Progress) []engine.Output {
	var all []engine.Output
	switch {
	case pp.Physical == "":
	case pp.Type == typeStack:
		all = append(all, engine.Output{Key: outputStack, Value: pp.Physical, Description: "The ARN of the launched Cloudformation Stack"})
	case pp.Type == typeStackSet:
		all = append(all, engine.Output{Key: outputStackSet, Value: pp.Physical, Description: "The ARN of the launched Cloudformation StackSet"})
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

package provisioning

import (
	"time"

	"larder/internal/db"
	"larder/internal/engine"
)

// A Rehearsal is what happens to an operation before its engine is asked, so
// that people can rehearse what goes wrong. It is decided in the transaction
// that records the operation, and so is the same in every beat, also of
// another process.
type Rehearsal struct {
	Delay time.Duration `json:",omitempty"` // before it goes on, or fails
	Fail  string        `json:",omitempty"` // the reason to fail with
	Hang  bool          `json:",omitempty"` // until the operation is canceled or retried
	Rule  string        `json:",omitempty"` // what decided so, as Options.InForce knows it
}

// Operations that can be rehearsed: those that take time.
const (
	opLaunch    = "ProvisionProduct"
	opPlan      = "CreateProvisionedProductPlan"
	opUpdate    = "UpdateProvisionedProduct"
	opImport    = "ImportAsProvisionedProduct"
	opAction    = "ExecuteProvisionedProductServiceAction"
	opTerminate = "TerminateProvisionedProduct"
)

// RehearsedOperations are the operations that Options.Rehearse is asked about.
// An executed plan counts as the launch or the update that it is.
func RehearsedOperations() []string {
	return []string{opLaunch, opPlan, opUpdate, opImport, opAction, opTerminate}
}

// rehearse decides whether an operation that is about to be recorded is
// rehearsed; nil if it is not.
func (p *Provisioning) rehearse(tx *db.Tx, operation string, pp *provisionedProduct) (*Rehearsal, error) {
	if p.rehearsal == nil {
		return nil, nil
	}
	return p.rehearsal(tx, operation, string(pp.Product), pp.Name)
}

// relieved is what is left of a rehearsal: what held up an operation by a rule
// that is no longer in force does so no more. A failure stays as it was decided.
func (p *Provisioning) relieved(r *Rehearsal) *Rehearsal {
	if r == nil || r.Rule == "" || p.inForce == nil || p.inForce(r.Rule) {
		return r
	}
	return &Rehearsal{Fail: r.Fail}
}

// Reconsider has operations under way look, once tx is committed, at whether
// the rules that they were rehearsed by are still in force.
func (p *Provisioning) Reconsider(tx *db.Tx) error {
	for _, a := range acts() {
		if err := p.runner.NudgeAll(tx, a.run); err != nil {
			return err
		}
	}
	return p.runner.NudgeAll(tx, planRun)
}

// holdback is how long an operation that hangs sleeps between two looks.
// Whoever ends or retries it wakes it.
const holdback = time.Hour

// progress is what the rehearsal has an operation do that began when started;
// false once it goes on. Whoever stopped it by then, or its deadline, ends it
// before its engine has heard of it.
func (r *Rehearsal) progress(started, now time.Time, by string, overdue bool) (engine.Progress, bool) {
	left := time.Duration(0)
	if r != nil {
		left = started.Add(r.Delay).Sub(now)
	}
	switch {
	case r == nil:
		return engine.Progress{}, false
	case by != "":
		return engine.Progress{Failure: &engine.Failure{Reason: canceledBy(by)}}, true
	case overdue:
		return engine.Progress{Failure: &engine.Failure{Reason: "The rehearsed operation did not end before its deadline"}}, true
	case r.Hang:
		return engine.Progress{State: engine.Again, After: holdback, Note: "hangs by a rule, until it is canceled or retried"}, true
	case left > 0:
		return engine.Progress{State: engine.Again, After: left, Note: "is delayed by a rule"}, true
	case r.Fail != "":
		return engine.Progress{Failure: &engine.Failure{Reason: r.Fail}}, true
	default:
		return engine.Progress{}, false
	}
}

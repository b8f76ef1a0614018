package stackset

import (
	"context"
	"encoding/json"
	"fmt"

	"larder/internal/db"
	"larder/internal/workflow"
)

// A task is what the run of an instance is started with.
type task struct {
	Operation string `json:"operation"` // its run
	Place     int    `json:"place"`     // of the region
	Account   string `json:"account"`
}

// A deployment is one instance in one operation.
type deployment struct {
	set      Set
	op       Operation
	instance Instance
	outcome  Outcome
	report   string // the signal that its stack's operations are to give
}

// deploy carries one beat of an instance: it looks how its stack stands, does
// the next thing about it, and waits for that or writes down what came of it.
func (s *Sets) deploy(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
	var t task
	if err := json.Unmarshal(b.Input, &t); err != nil {
		return workflow.Verdict{}, fmt.Errorf("stack instance run: %w", err)
	}
	d := deployment{report: b.Run + "/stack"}
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if d.outcome, _, err = resultOf(tx, t.Operation, t.Place, t.Account); err != nil {
			return err
		}
		if d.op, err = operationByRun(tx, t.Operation); err != nil {
			return err
		}
		if d.set, err = setByID(tx, d.op.Set); err != nil {
			return err
		}
		d.instance, err = instanceAt(tx, d.set.ID, d.outcome.Place)
		return err
	})
	if err != nil {
		return workflow.Verdict{}, err
	}
	var p progress
	if d.op.Action == Delete {
		p, err = s.remove(ctx, &d)
	} else {
		p, err = s.bring(ctx, &d)
	}
	switch {
	case err != nil:
		return workflow.Verdict{}, err
	case p.again:
		return workflow.Again(0), nil
	case p.waits:
		return workflow.Await(d.report, patience), nil
	}
	d.outcome.Status, d.outcome.Reason = p.result, p.reason
	return workflow.End().Write(func(tx *db.Tx) error {
		if err := settle(tx, d.op.run, d.outcome, b.Now); err != nil {
			return err
		}
		write := updateInstance
		if p.gone {
			write = dropInstance
		}
		if err := write(tx, &d.instance); err != nil {
			return err
		}
		return s.runner.Signal(tx, turn(d.op.run))
	}), nil
}

// progress is what a beat has come to: the instance waits for its stack, or
// is to be looked at again, or it is done.
type progress struct {
	waits, again bool

	result Result
	reason string
	gone   bool // and the instance with it
}

func done() progress                { return progress{result: Done} }
func failed(reason string) progress { return progress{result: Broken, reason: reason} }
func gone() progress                { return progress{result: Done, gone: true} }

// allowed looks whether the instance may be worked on where it is.
func (s *Sets) allowed(ctx context.Context, d *deployment) (refusal string, err error) {
	return s.refuses(ctx, d.set.Account, d.instance.Place)
}

// bring brings an instance up to date with its set.
func (s *Sets) bring(ctx context.Context, d *deployment) (progress, error) {
	switch d.instance.Status {
	case Current:
		return done(), nil
	case Inoperable:
		return failed("Stack instance is in INOPERABLE state: delete it with RetainStacks first"), nil
	}
	if refusal, err := s.allowed(ctx, d); err != nil || refusal != "" {
		return failed(refusal), err
	}
	found, err := s.look(ctx, d)
	if err != nil {
		return progress{}, err
	}
	switch found.now {
	case atWork:
		return progress{waits: true}, nil
	case broken:
		d.instance.Stack = found.stack
		return failed(found.reason), nil
	case deployed:
		d.instance.Stack, d.instance.Status = found.stack, Current
		return done(), nil
	case unusable:
		return begun(progress{again: true}, s.clear(ctx, d))
	case absent:
		return begun(progress{waits: true}, s.create(ctx, d))
	}
	same, err := s.update(ctx, d)
	if same {
		d.instance.Status = Current
		return done(), nil
	}
	return begun(progress{waits: true}, err)
}

// remove deletes an instance.
func (s *Sets) remove(ctx context.Context, d *deployment) (progress, error) {
	if d.op.Retain || d.instance.Stack == "" {
		return gone(), nil
	}
	if refusal, err := s.allowed(ctx, d); err != nil || refusal != "" {
		return failed(refusal), err
	}
	found, err := s.lookRemoved(ctx, d)
	if err != nil {
		return progress{}, err
	}
	switch found.now {
	case atWork:
		return progress{waits: true}, nil
	case broken:
		d.instance.Status = Inoperable
		return failed(found.reason), nil
	case absent:
		return gone(), nil
	}
	return begun(progress{again: true}, s.delete(ctx, d))
}

// begun is the progress of something that was begun or refused. A deletion is
// looked at again: of what is gone meanwhile there is nothing to wait for.
func begun(p progress, err error) (progress, error) {
	if err == nil {
		return p, nil
	}
	if reason, ok := refusal(err); ok {
		return failed(reason), nil
	}
	return progress{}, err
}

package cloudformation

import (
	"context"
	"strings"

	"larder/internal/cfn/changeset"
	"larder/internal/cfn/stack"
	"larder/internal/engine"
)

// Plan makes a change set of a launch or an update. The reference of the
// preview is the change set's ARN.
func (e *Engine) Plan(ctx context.Context, c engine.Change) (engine.Preview, engine.Progress, error) {
	if c.Kind == engine.Delete {
		return engine.Preview{}, still(c, refused("The end of a stack is not planned")), nil
	}
	if c.Targets != nil {
		return engine.Preview{}, still(c, refused("Changes of a stack set are not planned")), nil
	}
	in := stack.ChangeSetInput{UpdateInput: e.updateOf(c), Name: changeSetName(c.Operation), Creates: c.Kind == engine.Create}
	in.Token = c.Operation
	if in.Creates {
		in.Stack = StackName(c)
	}
	cs, err := e.Stacks.CreateChangeSet(ctx, in)
	if _, ok := stack.AsError(err); ok {
		return engine.Preview{}, still(c, engine.Progress{State: engine.Done, Failure: failure(err)}), nil
	}
	if err != nil {
		return engine.Preview{}, engine.Progress{}, err
	}
	if cs.Status == stack.ChangeSetFailed {
		return engine.Preview{}, still(c, refused(cs.Reason)), nil
	}
	changes, err := e.Stacks.Changes(ctx, &cs, false)
	if err != nil {
		return engine.Preview{}, engine.Progress{}, err
	}
	p := engine.Preview{Plan: cs.ID, Changes: make([]engine.ResourceChange, len(changes))}
	for i := range changes {
		p.Changes[i] = planned(&changes[i])
	}
	return p, still(c, engine.Progress{State: engine.Done}), nil
}

// changeSetName makes a name of an operation's id.
func changeSetName(operation string) string {
	return "SC-" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, operation)
}

// planned is a change in Service Catalog's spelling, whose list of attributes
// is older than UpdateReplacePolicy.
func planned(ch *changeset.Change) engine.ResourceChange {
	scope := make([]string, 0, len(ch.Scope))
	for _, attribute := range ch.Scope {
		if attribute != changeset.AttributeUpdateReplacePolicy {
			scope = append(scope, strings.ToUpper(attribute))
		}
	}
	r := engine.ResourceChange{
		Action: strings.ToUpper(string(ch.Action)), LogicalID: ch.LogicalID, PhysicalID: ch.PhysicalID, Type: ch.Type,
		Replacement: strings.ToUpper(string(ch.Replacement)), Scope: scope,
	}
	for _, d := range ch.Details {
		if d.Target.Attribute == changeset.AttributeUpdateReplacePolicy {
			continue
		}
		r.Details = append(r.Details, engine.ResourceChangeDetail{
			Attribute: strings.ToUpper(d.Target.Attribute), Name: d.Target.Name,
			RequiresRecreation: strings.ToUpper(d.Target.RequiresRecreation),
			Evaluation:         strings.ToUpper(string(d.Evaluation)), CausedBy: d.CausingEntity,
			ChangeSource: string(d.ChangeSource),
		})
	}
	return r
}

// execute starts what a preview showed. A stack that has moved since then is
// left alone.
func (e *Engine) execute(ctx context.Context, c engine.Change) (engine.Progress, error) {
	st, _, err := e.Stacks.Execute(ctx, stack.ExecuteInput{
		Account: c.Account, Region: c.Region, Operation: c.Operation, Report: stack.Signal(c.Operation), Name: c.Plan,
	})
	if _, ok := stack.AsError(err); ok {
		return still(c, engine.Progress{State: engine.Done, Failure: failure(err)}), nil
	}
	if err != nil {
		return engine.Progress{}, err
	}
	return waiting(c, st), nil
}

// Discard deletes a change set, and the stack that was made for nothing else.
func (e *Engine) Discard(ctx context.Context, c engine.Change) error {
	if c.Targets != nil {
		return nil // nothing is planned there
	}
	of := c.Physical
	if c.Kind == engine.Create {
		of = StackName(c)
	}
	err := e.Stacks.DeleteChangeSet(ctx, c.Account, c.Region, of, changeSetName(c.Operation))
	if _, refused := stack.AsError(err); err != nil && !refused { // as when there is no such stack
		return err
	}
	if c.Kind == engine.Create {
		return e.discard(ctx, c)
	}
	return nil
}

var _ engine.Discarder = (*Engine)(nil)

// discard ends a stack that was only planned.
func (e *Engine) discard(ctx context.Context, c engine.Change) error {
	st, err := e.Stacks.Describe(ctx, c.Account, c.Region, StackName(c))
	if _, none := stack.AsError(err); none {
		return nil
	}
	if err != nil || st.Status != stack.ReviewInProgress {
		return err
	}
	return e.Stacks.Delete(ctx, stack.DeleteInput{Account: c.Account, Region: c.Region, Operation: c.Operation, Stack: st.ID})
}

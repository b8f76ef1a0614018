package cloudformation

import (
	"context"

	"larder/internal/cfn/stack"
	"larder/internal/engine"
)

// update does one beat of updating a stack. What is the same already is done
// well at once: Service Catalog updates a product also when only what
// CloudFormation does not know of it changes.
func (e *Engine) update(ctx context.Context, c engine.Change) (engine.Progress, error) {
	op, st, ok, err := e.Stacks.Operation(ctx, c.Account, c.Region, stack.KindUpdate, c.Operation)
	switch {
	case err != nil:
		return engine.Progress{}, err
	case ok:
		return e.progress(ctx, c, op, st)
	case c.Overdue:
		return still(c, refused(timeOver)), nil
	case c.Plan != "":
		return e.execute(ctx, c)
	case c.Physical == "":
		return refused("There is no stack to update"), nil
	}
	in := e.updateOf(c)
	in.Operation, in.Report = c.Operation, stack.Signal(c.Operation)
	st, err = e.Stacks.Update(ctx, in)
	if stack.IsUnchanged(err) {
		return e.unchanged(ctx, c)
	}
	if _, ok := stack.AsError(err); ok {
		return still(c, engine.Progress{State: engine.Done, Failure: failure(err)}), nil
	}
	if err != nil {
		return engine.Progress{}, err
	}
	return waiting(c, st), nil
}

// still says that what there was is there.
func still(c engine.Change, p engine.Progress) engine.Progress {
	p.Physical = c.Physical
	return p
}

// updateOf is the update that a change asks for: the whole of it, since the
// catalog knows all that the stack is to have.
func (e *Engine) updateOf(c engine.Change) stack.UpdateInput {
	all := tags(c)
	return stack.UpdateInput{
		Account: c.Account, Region: c.Region, Stack: c.Physical, Template: c.Artifact.Body, AllCapabilities: true,
		Parameters: given(c), Tags: &all, Topics: append([]string{}, c.Topics...), Role: c.Role, Rules: append([]string{}, c.Rules...),
	}
}

// unchanged answers for a stack that is as it is to be.
func (e *Engine) unchanged(ctx context.Context, c engine.Change) (engine.Progress, error) {
	st, err := e.Stacks.Describe(ctx, c.Account, c.Region, c.Physical)
	if err != nil {
		return engine.Progress{}, err
	}
	outputs, err := e.outputs(st)
	return engine.Progress{State: engine.Done, Physical: st.ID, Outputs: outputs, Note: note(st)}, err
}

// Cancel has a change stop and roll back; that of a stack set only stops.
func (e *Engine) Cancel(ctx context.Context, c engine.Change) error {
	if c.Targets != nil {
		return e.stopSpread(ctx, c)
	}
	kind := stack.KindUpdate
	switch c.Kind {
	case engine.Create:
		kind = stack.KindCreate
	case engine.Delete:
		kind = stack.KindDelete
	}
	return e.Stacks.Cancel(ctx, stack.CancelInput{Account: c.Account, Region: c.Region, Operation: c.Operation, Kind: kind})
}

package stackset

import (
	"context"
	"fmt"

	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/id"
)

// What sets do with the stacks of their instances is all in this file: the
// stacks of the embedded engine, under each instance's account and region. A
// set in real accounts would do the same through its Roles.

// standing is how the stack of an instance stands to an operation.
type standing int

const (
	absent   standing = iota // there is none
	present                  // it can be updated
	unusable                 // its creation failed: it has to go first
	atWork                   // the operation is at it
	deployed                 // the operation has succeeded
	broken                   // the operation has failed
)

// A finding is what a look at a stack has found.
type finding struct {
	now    standing
	stack  string // ARN, of what the operation did
	reason string // why it failed
}

// removed reads a finding about a deletion: where that has succeeded there is
// no stack.
func (f finding) removed() finding {
	if f.now == deployed {
		f.now = absent
	}
	return f
}

// clearing is what the operation is called that removes what stands in the
// way of a creation.
func clearing(d *deployment) string { return d.op.run + "/clear" }

// look finds how the stack stands that is to be brought up to date. An
// operation's id makes every step repeatable: what was begun is found again.
func (s *Sets) look(ctx context.Context, d *deployment) (finding, error) {
	for _, kind := range []stack.Kind{stack.KindCreate, stack.KindUpdate} {
		f, ok, err := s.ran(ctx, d, kind, d.op.run)
		if err != nil || ok {
			return f, err
		}
	}
	status, err := s.statusOf(ctx, d)
	if err != nil {
		return finding{}, err
	}
	switch status {
	case "", stack.DeleteComplete:
		return finding{now: absent}, nil
	case stack.CreateFailed, stack.RollbackComplete, stack.RollbackFailed, stack.DeleteFailed, stack.DeleteInProgress:
		if f, ok, err := s.ran(ctx, d, stack.KindDelete, clearing(d)); err != nil || ok {
			return f.removed(), err
		}
		return finding{now: unusable}, nil
	}
	return finding{now: present}, nil
}

// lookRemoved finds how the stack stands that is to be deleted.
func (s *Sets) lookRemoved(ctx context.Context, d *deployment) (finding, error) {
	if f, ok, err := s.ran(ctx, d, stack.KindDelete, d.op.run); err != nil || ok {
		return f.removed(), err
	}
	status, err := s.statusOf(ctx, d)
	if err != nil || status == "" || status == stack.DeleteComplete {
		return finding{now: absent}, err
	}
	return finding{now: present}, nil
}

// ran finds what an operation on the stack has come to; ok is false if there
// was none.
func (s *Sets) ran(ctx context.Context, d *deployment, kind stack.Kind, id string) (f finding, ok bool, err error) {
	op, _, ok, err := s.stacks.Operation(ctx, d.instance.Account, d.instance.Region, kind, id)
	f = finding{now: broken, stack: op.Stack}
	switch {
	case err != nil || !ok:
		return finding{}, false, err
	case !op.Ended:
		f.now = atWork
	case op.Failure != nil:
		f.reason = words(op.Failure)
	case op.Outcome == successOf[kind]:
		f.now = deployed
	case op.Outcome == "":
		f.reason = fmt.Sprintf("Another operation on stack %s took over", op.Stack)
	default:
		f.reason = fmt.Sprintf("Stack %s is in %s state", op.Stack, op.Outcome)
	}
	return f, true, nil
}

// successOf is the status in which an operation that succeeded leaves a stack.
var successOf = map[stack.Kind]stack.Status{
	stack.KindCreate: stack.CreateComplete, stack.KindUpdate: stack.UpdateComplete, stack.KindDelete: stack.DeleteComplete,
}

// words says why a stack failed as StackSets does: by its first cause.
func words(f *stack.Failure) string {
	if len(f.Causes) == 0 {
		return f.Reason
	}
	c := f.Causes[0]
	return fmt.Sprintf("ResourceLogicalId:%s, ResourceType:%s, ResourceStatusReason:%s.", c.LogicalID, c.Type, c.Reason)
}

// refusal returns why a stack refused something.
func refusal(err error) (string, bool) {
	e, ok := stack.AsError(err)
	if !ok {
		return "", false
	}
	return e.Message, true
}

// statusOf is the status of the instance's stack; "" if there is none.
func (s *Sets) statusOf(ctx context.Context, d *deployment) (stack.Status, error) {
	if d.instance.Stack == "" {
		return "", nil
	}
	st, err := s.stacks.Describe(ctx, d.instance.Account, d.instance.Region, d.instance.Stack)
	if _, ok := refusal(err); ok {
		return "", nil
	}
	return st.Status, err
}

// create begins the creation of the instance's stack.
func (s *Sets) create(ctx context.Context, d *deployment) error {
	text, given, err := s.source(ctx, d)
	if err != nil {
		return err
	}
	_, err = s.stacks.Create(ctx, stack.CreateInput{
		Account: d.instance.Account, Region: d.instance.Region, Operation: d.op.run, Report: d.report,
		Name: stackName(&d.set), Template: text, Parameters: given, Tags: d.set.Tags, Topics: d.set.Topics, Rules: d.set.Rules,
		Capabilities: d.set.Capabilities, AllCapabilities: d.set.AllCapabilities,
	})
	return err
}

// update begins the update of the instance's stack; same is true if there is
// nothing to update.
func (s *Sets) update(ctx context.Context, d *deployment) (same bool, err error) {
	text, given, err := s.source(ctx, d)
	if err != nil {
		return false, err
	}
	_, err = s.stacks.Update(ctx, stack.UpdateInput{
		Account: d.instance.Account, Region: d.instance.Region, Operation: d.op.run, Report: d.report,
		Stack: d.instance.Stack, Template: text, Parameters: given, Tags: &d.set.Tags, Topics: append([]string{}, d.set.Topics...),
		Rules: d.set.Rules, Capabilities: d.set.Capabilities, AllCapabilities: d.set.AllCapabilities,
	})
	if stack.IsUnchanged(err) {
		return true, nil
	}
	return false, err
}

// delete begins the deletion of the instance's stack.
func (s *Sets) delete(ctx context.Context, d *deployment) error {
	return s.stacks.Delete(ctx, stack.DeleteInput{
		Account: d.instance.Account, Region: d.instance.Region, Operation: d.op.run, Report: d.report, Stack: d.instance.Stack,
	})
}

// clear begins the deletion of a stack whose creation failed.
func (s *Sets) clear(ctx context.Context, d *deployment) error {
	return s.stacks.Delete(ctx, stack.DeleteInput{
		Account: d.instance.Account, Region: d.instance.Region, Operation: clearing(d), Report: d.report, Stack: d.instance.Stack,
	})
}

// source is the template of an instance's stack and the values for it.
func (s *Sets) source(ctx context.Context, d *deployment) (text []byte, given []stack.Given, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		text, err = db.Blob(tx, d.set.Digest)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	t, err := s.stacks.Read(text)
	if err != nil {
		return nil, nil, err
	}
	given, err = s.values(&d.set, t, d.instance.Overrides)
	return text, given, err
}

// stackName is a new name for the stack of an instance, as AWS gives it. A
// stack keeps the one that its creation was begun with.
func stackName(set *Set) string {
	const most = 128 - len("StackSet--") - 36
	return "StackSet-" + set.Name[:min(len(set.Name), most)] + "-" + id.UUID()
}

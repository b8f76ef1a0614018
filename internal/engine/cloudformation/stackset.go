package cloudformation

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"larder/internal/cfn/stack"
	"larder/internal/cfn/stackset"
	"larder/internal/engine"
	"larder/internal/id"
)

// setOf names the stack set of a change: it bears the name that the product's
// stack would have, so that one is found whose ARN was never recorded.
func setOf(c engine.Change) string { return cmp.Or(c.Physical, StackName(c)) }

// spread does one beat of creating, updating or deleting a stack set. The
// change's operation is the set's: what was begun is found under its id.
func (e *Engine) spread(ctx context.Context, c engine.Change) (engine.Progress, error) {
	op, err := e.Sets.Operation(ctx, c.Account, c.Region, setOf(c), c.Operation)
	if _, ok := stack.AsError(err); ok {
		return e.beginSpread(ctx, c)
	}
	if err != nil {
		return engine.Progress{}, err
	}
	p := engine.Progress{Physical: arnOf(c, op.Set), Note: "stack set operation " + string(op.Status)}
	if op.Ended.IsZero() {
		return e.spreading(ctx, c, p)
	}
	if p.Failure, p.Stands, err = e.shortfall(ctx, c, op); err != nil {
		return engine.Progress{}, err
	}
	if c.Kind == engine.Delete && p.Failure == nil {
		err = e.Sets.DeleteSet(ctx, c.Account, c.Region, setOf(c))
		return ended(p, err)
	}
	return p, nil
}

// spreading says that a set's operation is under way.
func (e *Engine) spreading(ctx context.Context, c engine.Change, p engine.Progress) (engine.Progress, error) {
	p.State, p.Signal, p.After = engine.Waiting, stackset.Signal(c.Operation), patience
	if c.Overdue {
		p.After = overduePatience
		return p, e.stopSpread(ctx, c)
	}
	return p, nil
}

// ended is a change that is over, as CloudFormation has done or refused it.
func ended(p engine.Progress, err error) (engine.Progress, error) {
	p.State = engine.Done
	if _, ok := stack.AsError(err); ok {
		p.Failure = failure(err)
		return p, nil
	}
	return p, err
}

// arnOf is the ARN of a set by its id.
func arnOf(c engine.Change, set string) string {
	name, uuid, _ := strings.Cut(set, ":")
	return id.StackSetARN(c.Region, c.Account, name, uuid).String()
}

// beginSpread begins a set's operation.
func (e *Engine) beginSpread(ctx context.Context, c engine.Change) (p engine.Progress, err error) {
	p.Physical = c.Physical
	switch {
	case c.Kind == engine.Delete:
		if c.Retain { // AWS leaves the set behind, too
			return p, nil
		}
		err = e.removeSpread(ctx, c)
		if refusal, ok := stack.AsError(err); ok && refusal.Code == noStackSet {
			return p, nil
		}
	case c.Overdue:
		p.Failure = &engine.Failure{Reason: timeOver}
		return p, nil
	case c.Kind == engine.Create:
		var set stackset.Set
		if set, err = e.createSet(ctx, c); err == nil {
			p.Physical = set.ARN
			_, err = e.Sets.CreateInstances(ctx, instancesOf(c))
		}
	case c.Targets.Only == engine.Create:
		_, err = e.Sets.CreateInstances(ctx, instancesOf(c))
	case c.Targets.Only == engine.Delete:
		_, err = e.Sets.DeleteInstances(ctx, instancesOf(c))
	default:
		err = e.updateSet(ctx, c)
	}
	if err != nil {
		return ended(p, err)
	}
	return e.spreading(ctx, c, p)
}

const noStackSet = "StackSetNotFoundException"

// createSet makes the set of a launch. The operation is its token: repeating
// it finds the same set.
func (e *Engine) createSet(ctx context.Context, c engine.Change) (stackset.Set, error) {
	content := contentOf(c)
	content.Name = StackName(c)
	return e.Sets.CreateSet(ctx, stackset.SetInput{Account: c.Account, Region: c.Region, Token: c.Operation, Content: content})
}

// updateSet begins to bring a set and what it has in its places up to the
// change.
func (e *Engine) updateSet(ctx context.Context, c engine.Change) error {
	in := instancesOf(c)
	in.Targets.Present = !c.Targets.Chosen
	_, err := e.Sets.UpdateSet(ctx, stackset.SetUpdate{
		Account: in.Account, Region: in.Region, Set: in.Set, Operation: in.Operation, Report: in.Report,
		Targets: &in.Targets, Preferences: in.Preferences, Content: contentOf(c),
	})
	return err
}

// removeSpread begins to remove all that a set has anywhere. What fails in one
// place keeps nothing from going elsewhere, as many at a time as can be.
func (e *Engine) removeSpread(ctx context.Context, c engine.Change) error {
	in := instancesOf(c)
	in.All, in.Targets = true, stackset.Targets{}
	in.Preferences = stackset.Preferences{TolerancePercentage: new(100), ConcurrencyPercentage: new(100)}
	_, err := e.Sets.DeleteInstances(ctx, in)
	return err
}

// instancesOf is what a change asks of a set's instances.
func instancesOf(c engine.Change) stackset.InstancesInput {
	t := c.Targets
	return stackset.InstancesInput{
		Account: c.Account, Region: c.Region, Set: setOf(c), Operation: c.Operation, Report: stackset.Signal(c.Operation),
		Targets: stackset.Targets{Accounts: t.Accounts, Regions: t.Regions},
		Preferences: stackset.Preferences{
			RegionOrder:    t.Regions,
			ToleranceCount: t.ToleranceCount, TolerancePercentage: t.TolerancePercentage,
			ConcurrencyCount: t.ConcurrencyCount, ConcurrencyPercentage: t.ConcurrencyPercentage,
		},
	}
}

// contentOf is what a change has a set roll out: the whole of it, since the
// catalog knows all that the set is to have.
func contentOf(c engine.Change) stackset.Content {
	content := stackset.Content{
		Template: c.Artifact.Body, Tags: tags(c), AllCapabilities: true, Rules: c.Rules, Topics: c.Topics,
		Roles: stackset.Roles{Administration: c.Targets.AdminRole, Execution: c.Targets.ExecutionRole},
	}
	for _, g := range c.Given {
		content.Parameters = append(content.Parameters, stackset.Given{Key: g.Key, Value: g.Value})
	}
	return content
}

// mostCauses bounds the instances that a failure names one by one.
const mostCauses = 20

// shortfall says what an operation that has ended did not do, nil if it did
// all of it, and whether what it did stands: a launch does where it reached
// any place, an update wherever the set itself was changed.
func (e *Engine) shortfall(ctx context.Context, c engine.Change, op stackset.Operation) (*engine.Failure, bool, error) {
	reach, err := e.Sets.Progress(ctx, c.Account, c.Region, setOf(c), op.ID)
	if err != nil {
		return nil, false, err
	}
	var all stackset.Count
	for _, r := range reach.Counts {
		all.Total, all.Succeeded, all.Failed, all.Canceled = all.Total+r.Total, all.Succeeded+r.Succeeded, all.Failed+r.Failed, all.Canceled+r.Canceled
	}
	if all.Succeeded == all.Total {
		return nil, true, nil
	}
	f := &engine.Failure{Reason: fmt.Sprintf("StackSet operation %s is %s: of %d stack instances %d failed and %d were not begun.",
		op.ID, op.Status, all.Total, all.Failed, all.Canceled)}
	if first := reach.First; first != nil {
		f.Reason += fmt.Sprintf(" The first to fail was %s: %s", placeOf(first.Place), first.Reason)
	}
	broken, _, err := e.Sets.Results(ctx, stackset.ResultsInput{
		Account: c.Account, Region: c.Region, Set: setOf(c), Operation: op.ID, Status: stackset.Broken, Limit: mostCauses,
	})
	for _, o := range broken {
		f.Causes = append(f.Causes, causeOf(o))
	}
	return f, c.Kind == engine.Update && c.Targets.Only == "" || c.Kind == engine.Create && all.Succeeded > 0, err
}

func placeOf(at stackset.Place) string { return at.Account + "/" + at.Region }

func causeOf(o stackset.Outcome) engine.Cause {
	return engine.Cause{Resource: placeOf(o.Place), Type: "stack instance", Reason: o.Reason}
}

// stopSpread has a set's operation begin nothing more. What has ended, or was
// never begun, is left alone.
func (e *Engine) stopSpread(ctx context.Context, c engine.Change) error {
	err := e.Sets.Stop(ctx, c.Account, c.Region, setOf(c), c.Operation)
	if _, ok := stack.AsError(err); ok {
		return nil
	}
	return err
}

// Instances returns the stack instances of a product.
func (e *Engine) Instances(ctx context.Context, c engine.Change, after engine.Instance, limit int) (page []engine.Instance, more bool, err error) {
	_, found, next, err := e.Sets.Instances(ctx, stackset.InstancesList{
		Account: c.Account, Region: c.Region, Set: setOf(c), Limit: limit,
		After: stackset.Place{Account: after.Account, Region: after.Region},
	})
	if _, none := stack.AsError(err); none {
		return nil, false, nil
	}
	for _, i := range found {
		page = append(page, engine.Instance{Account: i.Account, Region: i.Region, Status: string(i.Status)})
	}
	return page, next != stackset.Place{}, err
}

// Reached tells how far a set's operation has come.
func (e *Engine) Reached(ctx context.Context, c engine.Change) (*engine.Reach, error) {
	p, err := e.Sets.Progress(ctx, c.Account, c.Region, setOf(c), c.Operation)
	if _, none := stack.AsError(err); none {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	reach := &engine.Reach{Rate: p.Rate}
	for _, r := range p.Counts {
		reach.Regions = append(reach.Regions, engine.RegionReach{
			Region: r.Region, Pending: r.Pending(), Running: r.Running, Succeeded: r.Succeeded, Failed: r.Failed, Canceled: r.Canceled,
		})
	}
	if p.First != nil {
		first := causeOf(*p.First)
		reach.Failed = &first
	}
	return reach, nil
}

var _ engine.Targeter = (*Engine)(nil)

// Package enginetest serves tests of those who stand on engines, and of
// engines themselves: [Fake] is an engine that works without anything behind
// it, [Exercise] holds an engine to its contract.
package enginetest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"larder/internal/engine"
)

// Fake is an engine whose zero value works: every artifact is sound and has
// no parameters, and every change is done at once. Set a field to have it
// misbehave. It is safe for concurrent use.
type Fake struct {
	// OnDescribe, OnPlan and OnAdvance replace what the engine does; they may
	// call the method of the same name without On for the usual answer.
	OnDescribe func(ctx context.Context, f *Fake, a engine.Artifact) (engine.Template, error)
	OnPlan     func(ctx context.Context, f *Fake, c engine.Change) (engine.Preview, engine.Progress, error)
	OnAdvance  func(ctx context.Context, f *Fake, c engine.Change) (engine.Progress, error)

	mu      sync.Mutex
	changes []engine.Change
	living  map[string]engine.Change // by physical id: the change that made it last
}

// Describe implements [engine.Engine].
func (f *Fake) Describe(ctx context.Context, a engine.Artifact) (engine.Template, error) {
	if f.OnDescribe != nil {
		return f.OnDescribe(ctx, f, a)
	}
	return engine.Template{Version: "2010-09-09"}, nil
}

// Plan implements [engine.Engine].
func (f *Fake) Plan(ctx context.Context, c engine.Change) (engine.Preview, engine.Progress, error) {
	if f.OnPlan != nil {
		return f.OnPlan(ctx, f, c)
	}
	return f.Preview(c), engine.Progress{State: engine.Done, Physical: c.Physical}, nil
}

// Preview is the usual answer of Plan: the one resource that the fake makes.
func (*Fake) Preview(c engine.Change) engine.Preview {
	action := "ADD"
	switch {
	case c.Kind == engine.Delete:
		action = "REMOVE"
	case c.Physical != "":
		action = "MODIFY"
	}
	return engine.Preview{
		Plan:    "plan-" + c.Operation,
		Changes: []engine.ResourceChange{{Action: action, LogicalID: "Thing", PhysicalID: c.Physical, Type: "Fake::Thing"}},
	}
}

// Advance implements [engine.Engine].
func (f *Fake) Advance(ctx context.Context, c engine.Change) (engine.Progress, error) {
	f.mu.Lock()
	f.changes = append(f.changes, c)
	f.mu.Unlock()
	if f.OnAdvance != nil {
		return f.OnAdvance(ctx, f, c)
	}
	return f.Complete(c), nil
}

// Complete does a change at once: the usual answer of Advance. Its outputs are
// the values given for the parameters, by their keys.
func (f *Fake) Complete(c engine.Change) engine.Progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	physical := c.Physical
	if physical == "" {
		physical = fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/SC-%s-%s/fake", c.Region, c.Account, c.Account, c.Product)
	}
	if f.living == nil {
		f.living = map[string]engine.Change{}
	}
	if c.Kind == engine.Delete {
		if !c.Retain {
			delete(f.living, physical)
		}
		return engine.Progress{State: engine.Done, Physical: physical}
	}
	f.living[physical] = c
	p := engine.Progress{State: engine.Done, Physical: physical, Note: "the fake engine has made it"}
	for _, g := range c.Given {
		p.Outputs = append(p.Outputs, engine.Output{Key: g.Key, Value: g.Value, NoEcho: g.NoEcho})
	}
	return p
}

// Changes returns every change that Advance was asked for, in order.
func (f *Fake) Changes() []engine.Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.changes)
}

// Living returns the physical ids of what has been made and not deleted,
// sorted.
func (f *Fake) Living() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids := make([]string, 0, len(f.living))
	for physical := range f.living {
		ids = append(ids, physical)
	}
	slices.Sort(ids)
	return ids
}

// Failing is an OnAdvance that fails every change of a kind with a reason and
// does the others.
func Failing(kind engine.Kind, reason string) func(context.Context, *Fake, engine.Change) (engine.Progress, error) {
	return func(_ context.Context, f *Fake, c engine.Change) (engine.Progress, error) {
		if c.Kind != kind {
			return f.Complete(c), nil
		}
		return engine.Progress{State: engine.Done, Physical: c.Physical, Failure: &engine.Failure{Code: "Fake", Reason: reason}}, nil
	}
}

var _ engine.Engine = (*Fake)(nil)

// Package cloudformation is the engine of CLOUD_FORMATION_TEMPLATE products:
// it launches their artifacts as stacks of the embedded CloudFormation, or,
// where a change has many targets, as stack sets.
//
// It keeps nothing of its own. The journal of stack operations, asked by the
// change's operation id, says what became of an earlier beat.
package cloudformation

import (
	"context"
	"encoding/json"
	"time"

	"larder/internal/cfn/stack"
	"larder/internal/cfn/stackset"
	"larder/internal/cfn/template"
	"larder/internal/engine"
)

// Engine launches CloudFormation templates.
type Engine struct {
	// Stacks is where they are launched.
	Stacks *stack.Stacks
	// Sets is where those are launched that have many targets.
	Sets *stackset.Sets
}

// patience is the longest wait for a stack without looking at it.
const patience = 10 * time.Minute

// overduePatience is how long a stack that was told to stop may take before
// it is told again: what it does instead may wait for something too.
const overduePatience = 5 * time.Second

// Describe reads a template: its parameters, outputs, rules and metadata.
func (e *Engine) Describe(_ context.Context, a engine.Artifact) (engine.Template, error) {
	t, err := e.Stacks.Read(a.Body)
	if err != nil {
		return engine.Template{}, failure(err)
	}
	described := engine.Template{Description: t.Description, Version: t.Format}
	for _, p := range t.Parameters {
		described.Parameters = append(described.Parameters, engine.Parameter{
			Key: p.Name, Type: p.Type, Default: p.Default, Description: p.Description, NoEcho: p.NoEcho,
			AllowedValues: p.AllowedValues, AllowedPattern: p.AllowedPattern, ConstraintDescription: p.ConstraintDescription,
			MinLength: p.MinLength, MaxLength: p.MaxLength, MinValue: p.MinValue, MaxValue: p.MaxValue,
		})
	}
	for _, o := range t.Outputs {
		described.Outputs = append(described.Outputs, engine.Output{Key: o.Key, Description: o.Description})
	}
	if described.Rules, err = rules(t); err != nil {
		return engine.Template{}, err
	}
	if t.Metadata != nil {
		text, err := t.Metadata.MarshalJSON()
		if err != nil {
			return engine.Template{}, err
		}
		described.Metadata = string(text)
	}
	return described, nil
}

// rules returns the template's rules as a JSON object.
func rules(t *template.Template) (string, error) {
	if len(t.Rules) == 0 {
		return "", nil
	}
	all := make(map[string]*template.Node, len(t.Rules))
	for _, r := range t.Rules {
		all[r.Name] = r.Node()
	}
	text, err := json.Marshal(all)
	return string(text), err
}

// Advance does one beat of creating, updating or deleting a stack or a stack
// set.
func (e *Engine) Advance(ctx context.Context, c engine.Change) (engine.Progress, error) {
	switch {
	case c.Targets != nil:
		return e.spread(ctx, c)
	case c.Kind == engine.Create:
		return e.create(ctx, c)
	case c.Kind == engine.Delete:
		return e.delete(ctx, c)
	default:
		return e.update(ctx, c)
	}
}

// StackName is how Service Catalog names the stack, or the stack set, of a
// provisioned product.
func StackName(c engine.Change) string { return "SC-" + c.Account + "-" + c.Product }

func (e *Engine) create(ctx context.Context, c engine.Change) (engine.Progress, error) {
	op, st, ok, err := e.Stacks.Operation(ctx, c.Account, c.Region, stack.KindCreate, c.Operation)
	if err != nil {
		return engine.Progress{}, err
	}
	if !ok {
		return e.launch(ctx, c)
	}
	return e.progress(ctx, c, op, st)
}

func (e *Engine) launch(ctx context.Context, c engine.Change) (engine.Progress, error) {
	if c.Overdue {
		return refused(timeOver), nil
	}
	if c.Plan != "" {
		return e.execute(ctx, c)
	}
	in := stack.CreateInput{
		Account: c.Account, Region: c.Region, Operation: c.Operation, Report: stack.Signal(c.Operation),
		Name: StackName(c), Template: c.Artifact.Body, AllCapabilities: true, Topics: c.Topics, Role: c.Role, Rules: c.Rules,
	}
	in.Parameters, in.Tags = given(c), tags(c)
	st, err := e.Stacks.Create(ctx, in)
	if _, ok := stack.AsError(err); ok {
		return engine.Progress{State: engine.Done, Failure: failure(err)}, nil
	}
	if err != nil {
		return engine.Progress{}, err
	}
	return waiting(c, st), nil
}

func (e *Engine) delete(ctx context.Context, c engine.Change) (engine.Progress, error) {
	if c.Physical == "" {
		return engine.Progress{State: engine.Done}, e.discard(ctx, c)
	}
	if c.Retain {
		return engine.Progress{State: engine.Done, Physical: c.Physical}, nil
	}
	op, st, ok, err := e.Stacks.Operation(ctx, c.Account, c.Region, stack.KindDelete, c.Operation)
	if err != nil {
		return engine.Progress{}, err
	}
	if ok {
		return e.progress(ctx, c, op, st)
	}
	err = e.Stacks.Delete(ctx, stack.DeleteInput{
		Account: c.Account, Region: c.Region, Operation: c.Operation, Report: stack.Signal(c.Operation), Stack: c.Physical, Role: c.Role,
	})
	if _, ok := stack.AsError(err); ok {
		return engine.Progress{State: engine.Done, Physical: c.Physical, Failure: failure(err)}, nil
	}
	if err != nil {
		return engine.Progress{}, err
	}
	op, st, ok, err = e.Stacks.Operation(ctx, c.Account, c.Region, stack.KindDelete, c.Operation)
	switch {
	case err != nil:
		return engine.Progress{}, err
	case !ok: // there never was such a stack
		return engine.Progress{State: engine.Done, Physical: c.Physical}, nil
	}
	return e.progress(ctx, c, op, st)
}

// progress says how far an operation is.
func (e *Engine) progress(ctx context.Context, c engine.Change, op stack.Operation, st stack.Stack) (engine.Progress, error) {
	if !op.Ended {
		if c.Overdue {
			err := e.Stacks.Cancel(ctx, stack.CancelInput{Account: c.Account, Region: c.Region, Operation: op.ID, Kind: op.Kind})
			if err != nil {
				return engine.Progress{}, err
			}
		}
		return waiting(c, st), nil
	}
	p := engine.Progress{State: engine.Done, Physical: st.ID, Note: note(st)}
	switch {
	case op.Outcome == stack.CreateComplete, op.Outcome == stack.UpdateComplete:
		var err error
		if p.Outputs, err = e.outputs(st); err != nil {
			return engine.Progress{}, err
		}
	case op.Kind == stack.KindDelete && op.Outcome == stack.DeleteComplete:
	default:
		p.Failure = why(st, op.Failure)
	}
	return p, nil
}

// outputs returns a stack's outputs with their secrets.
func (e *Engine) outputs(st stack.Stack) ([]engine.Output, error) {
	revealed, err := e.Stacks.Reveal(&st)
	outputs := make([]engine.Output, len(revealed))
	for i, o := range revealed {
		outputs[i] = engine.Output{Key: o.Key, Value: o.Value, Description: o.Description, NoEcho: o.NoEcho}
	}
	return outputs, err
}

// waiting says that a stack is in operation.
func waiting(c engine.Change, st stack.Stack) engine.Progress {
	p := engine.Progress{
		State: engine.Waiting, After: patience, Signal: stack.Signal(c.Operation), Physical: st.ID, Note: note(st),
	}
	if c.Overdue {
		p.After = overduePatience
	}
	if f := st.Journal.Failure; f != nil && c.Kind != engine.Delete {
		p.RollingBack, p.Failure = true, why(st, f)
	}
	return p
}

func note(st stack.Stack) string {
	if st.Reason == "" {
		return string(st.Status)
	}
	return string(st.Status) + ": " + st.Reason
}

// exception is how Service Catalog names a refusal by CloudFormation.
const exception = "AmazonCloudFormationException"

// failure turns a refusal into the engine's terms.
func failure(err error) *engine.Failure {
	if refusal, ok := stack.AsError(err); ok {
		return &engine.Failure{Code: exception, Reason: refusal.Message}
	}
	return &engine.Failure{Reason: err.Error()}
}

func refused(reason string) engine.Progress {
	return engine.Progress{State: engine.Done, Failure: &engine.Failure{Reason: reason}}
}

const timeOver = "The time for this operation is over"

func given(c engine.Change) []stack.Given {
	all := make([]stack.Given, len(c.Given))
	for i, g := range c.Given {
		all[i] = stack.Given{Key: g.Key, Value: g.Value}
	}
	return all
}

func tags(c engine.Change) []stack.Tag {
	all := make([]stack.Tag, len(c.Tags))
	for i, t := range c.Tags {
		all[i] = stack.Tag(t)
	}
	return all
}

var (
	_ engine.Engine   = (*Engine)(nil)
	_ engine.Canceler = (*Engine)(nil)
)

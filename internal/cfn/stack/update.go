package stack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"larder/internal/cfn/changeset"
	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/workflow"
)

// UpdateInput asks for a stack to become what a template says.
type UpdateInput struct {
	Account, Region string
	Operation       string // idempotency key, as in CreateInput
	Token           string
	Report          string

	Stack           string   // name or ARN
	Template        []byte   // nil: the one it has
	Parameters      []Given  // those not given have their default
	Tags            *[]Tag   // nil: those it has
	Topics          []string // nil: those it has
	Role            string   // "": the one it has
	Capabilities    []string
	AllCapabilities bool
	Rules           []string

	DisableRollback      bool
	RetainExceptOnCreate bool
	Policy               string // the stack policy after the update; "": the one it has
	PolicyDuringUpdate   string // in place of the stack policy

	changeSet string // that is executed
	review    bool   // nothing but a change set is asked for
	request   request
	led       bool // by the parent of a nested stack
	fence     fence
	planned   planned
}

// Update starts the update of a stack. A refusal is an [Error] (or a
// template's); nothing has changed then. [IsUnchanged] tells the one that says
// that there is nothing to do.
func (s *Stacks) Update(ctx context.Context, in UpdateInput) (st Stack, err error) {
	key := operationKey(in.Operation, in.Stack, in.Token)
	if in.request, err = requestOf(in.Operation, in.Stack, in.Token, in); err != nil {
		return Stack{}, err
	}
	err = s.insist(func() (err error) {
		var ok bool
		if st, _, ok, err = s.repeated(ctx, in.Account, in.Region, key, in.request, KindUpdate); ok || err != nil {
			return err
		}
		st, err = s.tryUpdate(ctx, in, key)
		return err
	})
	return st, err
}

// insist does again what was overtaken by another change of the stack.
func (s *Stacks) insist(try func() error) error {
	for {
		if err := try(); !errors.Is(err, errMoved) {
			return err
		}
	}
}

// IsUnchanged reports whether an update was refused because it would change
// nothing.
func IsUnchanged(err error) bool {
	e, ok := AsError(err)
	return ok && e.Message == changeset.NoUpdates
}

func (s *Stacks) tryUpdate(ctx context.Context, in UpdateInput, key string) (Stack, error) {
	st, err := s.lookup(ctx, in.Account, in.Region, in.Stack, "Stack [%s] does not exist")
	if err != nil {
		return Stack{}, err
	}
	if err := mayUpdate(&st); err != nil {
		if free, lost := s.unheld(ctx, &st, in.led); !free || lost != nil {
			return Stack{}, cmp.Or(lost, err)
		}
	}
	for _, text := range []string{in.Policy, in.PolicyDuringUpdate} {
		if text == "" {
			continue
		}
		if _, err := parsePolicy(text); err != nil {
			return Stack{}, err
		}
	}
	p, err := s.propose(ctx, st, in)
	if err != nil {
		return Stack{}, err
	}
	var set changeset.Set
	if p.refusal == "" {
		if set, err = p.Changes(); err != nil {
			return Stack{}, err
		}
		if set.Empty() && st.Status != UpdateFailed {
			return Stack{}, invalid(changeset.NoUpdates)
		}
	}
	next := p.next
	if len(next.Capabilities) == 0 {
		next.Capabilities = p.st.Capabilities // they stay (recorded: test_no_echo_parameter)
	}
	s.transit(&next, &p.st, in, forced(set))
	next.RetainExceptOnCreate = in.RetainExceptOnCreate
	executed, err := s.executed(ctx, in.planned, key)
	if err != nil {
		return Stack{}, err
	}
	in.changeSet = in.planned.cs.ID
	return s.beginUpdate(ctx, &next, p, in, key, func(tx *db.Tx) error {
		if err := in.fence.hold(tx); err != nil {
			return err
		}
		return executed(tx)
	})
}

// mayUpdate refuses to update a stack that is not in a state for it.
func mayUpdate(st *Stack) error {
	switch st.Status {
	case CreateComplete, UpdateComplete, UpdateRollbackComplete, UpdateFailed:
		return nil
	}
	return invalid("Stack:%s is in %s state and can not be updated.", st.ID, st.Status)
}

// A proposal is a stack and what it is to become.
type proposal struct {
	changeset.Update
	st, next Stack
	text     []byte // of the new template
	warnings []string
	refusal  string // what transforms made of it is none, so there is nothing to compare
}

// propose evaluates what a stack is to become, without changing anything.
func (s *Stacks) propose(ctx context.Context, st Stack, in UpdateInput) (*proposal, error) {
	l, former, err := s.standing(ctx, st, true)
	if err != nil {
		return nil, err
	}
	p := &proposal{st: st, next: st, text: in.Template}
	if p.text == nil {
		p.text = former
	} else {
		p.next.Rules = nil
	}
	t, err := s.Read(p.text)
	if err != nil {
		return nil, err
	}
	next := &p.next
	next.Digest, next.Description, next.Parameters = db.Digest(p.text), t.Description, nil
	if in.Rules != nil {
		next.Rules = in.Rules
	}
	if in.Tags != nil {
		next.Tags = *in.Tags
	}
	if in.Topics != nil {
		next.Topics = in.Topics
	}
	if in.Role != "" {
		next.Role = in.Role
	}
	needed := t.Capabilities()
	next.AllCapabilities = in.AllCapabilities
	if next.Capabilities = in.Capabilities; in.AllCapabilities {
		next.Capabilities = needed.Names
	} else if err := in.acknowledges(needed.Names); err != nil {
		return nil, err
	}
	given, err := s.previous(&st, in.Parameters)
	if err != nil {
		return nil, err
	}
	p.New, p.warnings, err = s.bind(ctx, next, t, given)
	if p.refusal, err = made(err); err != nil || p.refusal != "" {
		return p, err
	}
	standing, err := s.templates.Parse(st.Digest, former)
	if err != nil {
		return nil, err
	}
	if err := s.evaluate(ctx, l, standing); err != nil {
		return nil, err
	}
	p.Old, p.Live = l.eval, l
	p.OldTags, p.NewTags = tagsOf(&st), tagsOf(next)
	return p, nil
}

// acknowledges refuses what a template needs and nobody has acknowledged. Who
// asks for a change set sees what transforms make, so that needs nothing.
func (in *UpdateInput) acknowledges(needed []string) error {
	if in.review {
		needed = slices.DeleteFunc(slices.Clone(needed), func(name string) bool { return name == "CAPABILITY_AUTO_EXPAND" })
	}
	return acknowledged(needed, in.Capabilities)
}

func tagsOf(st *Stack) []schema.Tag {
	tags := make([]schema.Tag, len(st.Tags))
	for i, tag := range st.Tags {
		tags[i] = schema.Tag(tag)
	}
	return tags
}

// previous gives the parameters that are to keep their value that value.
func (s *Stacks) previous(st *Stack, given []Given) ([]Given, error) {
	values := make([]Given, 0, len(given))
	for _, g := range given {
		if g.Previous {
			i := slices.IndexFunc(st.Parameters, func(p Parameter) bool { return p.Key == g.Key })
			if i < 0 {
				return nil, invalid("Invalid input for parameter key %s. Cannot specify usePreviousValue as true for a parameter key not in the previous template", g.Key)
			}
			var err error
			if g.Value, err = s.value(st, st.Parameters[i]); err != nil {
				return nil, err
			}
			g.Secret = st.Parameters[i].Handed
		}
		values = append(values, Given{Key: g.Key, Value: g.Value, Secret: g.Secret})
	}
	return values, nil
}

// transit notes in the next state how the way back to the former one goes. An
// update that failed and was left as it was goes back to where it came from.
func (s *Stacks) transit(next, st *Stack, in UpdateInput, forced []string) {
	next.Generation = st.Generation + 1
	tr := Transition{Base: st.Generation, Former: st.settings(), Policy: in.PolicyDuringUpdate, NextPolicy: in.Policy, KeepFailed: in.DisableRollback, Forced: forced}
	if st.Transition != nil {
		tr.Base, tr.Former, tr.Imports = st.Transition.Base, st.Transition.Former, st.Transition.Imports
		tr.Held, tr.Outputs = st.Transition.Held, st.Transition.Outputs
	}
	next.Transition = &tr
}

// beginUpdate records an update and starts its run, if the stack is still the
// one that the update was made for. What is also to be written is in the same
// transaction.
func (s *Stacks) beginUpdate(ctx context.Context, next *Stack, p *proposal, in UpdateInput, key string, also func(*db.Tx) error) (Stack, error) {
	now := s.now().UTC()
	st := &p.st
	next.Journal = Journal{
		Operation: key, Kind: KindUpdate, Run: "stk-" + id.UUID(), Token: in.Token, Request: s.digest(in.request), Phase: updating, ChangeSet: in.changeSet, Refusal: p.refusal, Led: in.led,
		Clock: max(st.Journal.Clock+1, now.UnixMilli()), Packs: st.Journal.Packs + 1, First: st.Journal.Packs + 1,
	}
	next.Status, next.Reason, next.Updated = UpdateInProgress, userInitiated, now
	first := pack{Token: in.Token, Events: []happening{{
		Item: stackItem, ID: id.UUID(), Status: UpdateInProgress, Reason: userInitiated, At: next.Journal.Clock,
	}}}
	if p.refusal != "" {
		p.warnings = append(p.warnings, p.refusal)
	}
	for _, warning := range p.warnings {
		next.Journal.Clock++
		first.Events = append(first.Events, happening{
			Item: stackItem, ID: id.UUID(), Status: UpdateInProgress, Reason: warning, At: next.Journal.Clock,
		})
	}
	packed, err := first.encode()
	if err != nil {
		return Stack{}, err
	}
	if st.Transition == nil {
		err = s.db.View(ctx, func(tx *db.Tx) (err error) {
			next.Transition.Imports, err = importsOf(tx, st.ID)
			return err
		})
		if err != nil {
			return Stack{}, err
		}
	}
	body, err := next.encode()
	if err != nil {
		return Stack{}, err
	}
	mark := id.UUID()
	err = s.db.Update(ctx, func(tx *db.Tx) error {
		if err := updateStack(tx, next, mark, body); err != nil {
			return err
		}
		if err := putTexts(tx, next, p.text); err != nil {
			return err
		}
		if err := insertPack(tx, next.ID, next.Journal.Packs, packed); err != nil {
			return err
		}
		if err := also(tx); err != nil {
			return err
		}
		return s.startOperation(tx, next, updateRun, in.Report)
	})
	if err != nil {
		return Stack{}, err
	}
	next.mark = mark
	return *next, nil
}

// startOperation records the operation in charge of a stack and starts its run.
func (s *Stacks) startOperation(tx *db.Tx, st *Stack, definition, report string) error {
	j := &st.Journal
	if err := insertOperation(tx, st, j.Kind, j.Operation, report, false, ""); err != nil {
		return err
	}
	return s.runner.Start(tx, workflow.Begin{
		ID: j.Run, Definition: definition, Subject: st.ID, Account: st.Account, Region: st.Region, Input: json.RawMessage(`{}`),
	})
}

// reseal gives outputs whose secret has not changed the seal that they had,
// so that they are seen to be the same.
func (s *Stacks) reseal(st *Stack, outputs []Output) error {
	for i := range outputs {
		o := &outputs[i]
		if !o.NoEcho {
			continue
		}
		n := slices.IndexFunc(st.Outputs, func(was Output) bool { return was.Key == o.Key && was.NoEcho })
		if n < 0 {
			continue
		}
		was, err := s.keys.Open(st.Outputs[n].Sealed, outputOf(st.ID, o.Key))
		if err != nil {
			return err
		}
		now, err := s.keys.Open(o.Sealed, outputOf(st.ID, o.Key))
		if err != nil {
			return err
		}
		if string(was) == string(now) {
			o.Sealed = st.Outputs[n].Sealed
		}
	}
	return nil
}

// replace writes a stack's row as it is to be, unless it has changed since it
// was read.
func (s *Stacks) replace(ctx context.Context, st *Stack) error {
	body, err := st.encode()
	if err != nil {
		return err
	}
	mark := id.UUID()
	return s.db.Update(ctx, func(tx *db.Tx) error { return updateStack(tx, st, mark, body) })
}

// CancelUpdate has an update that is under way undone.
func (s *Stacks) CancelUpdate(ctx context.Context, account, region, stack string) error {
	return s.insist(func() error {
		st, err := s.lookup(ctx, account, region, stack, "Stack [%s] does not exist")
		if err != nil {
			return err
		}
		switch {
		case st.Journal.Led:
			return invalid("CancelUpdateStack cannot be invoked on child stacks")
		case st.Status != UpdateInProgress:
			return invalid("CancelUpdateStack cannot be called from current stack status")
		case st.Journal.Canceled:
			return nil
		}
		return s.cancel(ctx, &st)
	})
}

// ContinueInput asks to go on with undoing an update.
type ContinueInput struct {
	Account, Region string
	Operation       string // idempotency key, as in CreateInput
	Token           string
	Report          string
	Stack           string   // name or ARN
	Skip            []string // logical ids of resources to be taken as undone
	Role            string

	request request
}

// ContinueRollback goes on with undoing an update where it has failed.
func (s *Stacks) ContinueRollback(ctx context.Context, in ContinueInput) error {
	key := operationKey(in.Operation, in.Stack, in.Token)
	asked, err := requestOf(in.Operation, in.Stack, in.Token, in)
	if err != nil {
		return err
	}
	in.request = asked
	return s.insist(func() error {
		if _, _, ok, err := s.repeated(ctx, in.Account, in.Region, key, in.request, KindContinue); ok || err != nil {
			return err
		}
		return s.tryContinue(ctx, in, key)
	})
}

func (s *Stacks) tryContinue(ctx context.Context, in ContinueInput, key string) error {
	st, err := s.lookup(ctx, in.Account, in.Region, in.Stack, "Stack [%s] does not exist")
	if err != nil {
		return err
	}
	if st.Parent != "" {
		return invalid("RollbackUpdatedStack cannot be invoked on child stacks")
	}
	if st.Status != UpdateRollbackFailed {
		return invalid("Stack:%s is in %s state and can not continue rolling back.", st.ID, st.Status)
	}
	if err := s.maySkip(ctx, &st, in.Skip); err != nil {
		return err
	}
	now := s.now().UTC()
	st.Journal = Journal{
		Operation: key, Kind: KindContinue, Run: "stk-" + id.UUID(), Token: in.Token, Request: s.digest(in.request), Phase: undoing, Skip: in.Skip,
		Clock: max(st.Journal.Clock+1, now.UnixMilli()), Packs: st.Journal.Packs + 1, First: st.Journal.Packs + 1,
	}
	st.Status, st.Reason = UpdateRollbackInProgress, userInitiated
	if in.Role != "" {
		st.Role = in.Role
	}
	first := pack{Token: in.Token, Events: []happening{{
		Item: stackItem, ID: id.UUID(), Status: UpdateRollbackInProgress, Reason: userInitiated, At: st.Journal.Clock,
	}}}
	return s.proceed(ctx, &st, first, updateRun, in.Report, fence{})
}

// maySkip refuses to skip what did not fail. A resource of a nested stack is
// named with the name of its stack: Name.LogicalId.
func (s *Stacks) maySkip(ctx context.Context, st *Stack, skip []string) error {
	for _, name := range skip {
		owner, logicalID, dotted := strings.Cut(name, ".")
		if !dotted {
			owner, logicalID = st.ID, name
		}
		child, err := s.lookup(ctx, st.Account, st.Region, owner, "Stack [%s] does not exist")
		if err != nil {
			return err
		}
		if child.ID != st.ID && child.Root != st.ID {
			return invalid("Stack [%s] does not exist", owner)
		}
		resources, err := s.resourcesOf(ctx, &child)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(resources, func(r Resource) bool { return r.LogicalID == logicalID })
		if i < 0 {
			return invalid("Resource [%s] does not belong to stack %s", logicalID, child.Name)
		}
		r := &resources[i]
		if r.Type == stackType {
			nested, err := s.lookup(ctx, st.Account, st.Region, r.Physical, "Stack [%s] does not exist")
			_, gone := AsError(err)
			if err != nil && !gone {
				return err
			}
			if !gone && nested.Status != DeleteInProgress && nested.Status != DeleteComplete && nested.Status != DeleteFailed {
				return invalid("Nested stacks could not be skipped")
			}
		}
		if r.Status != UpdateFailed {
			return invalid("Only the resources failed during UpdateRollback are allowed to be skipped")
		}
	}
	return nil
}

// exporter answers what a stack imports; it keeps the first error, and the
// first name that nobody exports.
func (s *Stacks) exporter(ctx context.Context, st *Stack, failure *error, missing *string) func(string) (schema.Value, bool) {
	exports := map[string]schema.Value{}
	return func(name string) (schema.Value, bool) {
		if value, ok := exports[name]; ok {
			return value, true
		}
		value, ok, err := s.export(ctx, st, name)
		switch {
		case err != nil:
			*failure = fmt.Errorf("import of %s: %w", name, err)
		case ok:
			exports[name] = value
		case *missing == "":
			*missing = name
		}
		return value, ok
	}
}

var _ template.Live = (*live)(nil)

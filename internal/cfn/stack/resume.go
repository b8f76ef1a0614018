package stack

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/template"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/workflow"
)

// firstPack is the pack that Create writes.
const firstPack = 1

// resume returns the state that a run's beat goes on from, nil if the run has
// nothing more to do.
func (s *Stacks) resume(ctx context.Context, b workflow.Beat) (*live, error) {
	var st Stack
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		st, err = stackByID(tx, b.Subject)
		return err
	})
	if err != nil {
		return nil, err
	}
	if st.Journal.Run != b.Run {
		return nil, nil
	}
	if l := s.residents.take(st.ID, st.mark); l != nil {
		return l, nil
	}
	return s.load(ctx, st)
}

// load makes a stack's state anew from its rows.
func (s *Stacks) load(ctx context.Context, st Stack) (*live, error) {
	var (
		packs []numbered
		rows  []resource.Row
		text  []byte
	)
	isCreating := st.Journal.Phase == creating
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if packs, err = allPacks(tx, st.ID); err != nil {
			return err
		}
		if rows, err = resource.OfStack(tx, st.ID); err != nil {
			return err
		}
		if isCreating {
			text, err = db.Blob(tx, st.Digest)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	l := &live{stack: st, items: map[string]*item{}, loaded: true}
	entries, last, err := fold(packs)
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		if err := s.restore(l, e, last[i]); err != nil {
			return nil, err
		}
	}
	for _, row := range rows {
		it, ok := l.items[row.LogicalID]
		if !ok || it.Generation != row.Generation {
			return nil, fmt.Errorf("stack %s: a resource %s that the stack does not know", st.ID, row.LogicalID)
		}
		it.made = true
		if isCreating || it.kind.Outside {
			if it.model, err = row.Model(s.keys); err != nil {
				return nil, err
			}
		}
	}
	if !isCreating {
		slices.SortFunc(l.order, func(a, b *item) int { return cmp.Compare(a.Place, b.Place) })
		l.planRemoval()
		return l, nil
	}
	err = s.interpret(ctx, l, text)
	if refusal, ok := AsError(err); ok {
		// It was accepted once: limits or rules have changed since. Nobody is
		// helped by trying again.
		l.refusal = refusal.Message
		return l, nil
	}
	return l, err
}

// interpret makes the plan of a creation from the template.
func (s *Stacks) interpret(ctx context.Context, l *live, text []byte) error {
	t, err := s.parse(l.stack.Digest, text)
	if err != nil {
		return err
	}
	if err := s.evaluate(ctx, l, t); err != nil {
		return err
	}
	if err := l.expect(s.handlers); err != nil {
		return err
	}
	return l.planCreation()
}

// fold returns a stack's resources as they stand, in the order in which they
// first came to be, and the number of the pack that says so of each.
func fold(packs []numbered) (entries []entry, last []int64, err error) {
	index := map[string]int{}
	for _, n := range packs {
		p, err := decodePack(n.body)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range p.Items {
			if i, ok := index[e.LogicalID]; ok {
				entries[i], last[i] = e, n.number
				continue
			}
			index[e.LogicalID] = len(entries)
			entries, last = append(entries, e), append(last, n.number)
		}
	}
	return entries, last, nil
}

// restore adds what is known of a resource to the state.
func (s *Stacks) restore(l *live, e entry, pack int64) error {
	kind, ok := s.handlers.Find(e.Type)
	if !ok {
		return fmt.Errorf("stack %s: nobody handles %s", l.stack.ID, e.Type)
	}
	it := &item{entry: e, kind: kind}
	it.tried = e.Status == DeleteFailed && pack >= l.stack.Journal.First
	if kind.Outside && len(e.Properties) > 0 {
		props, err := resource.DecodeProperties(e.Properties)
		if err != nil {
			return err
		}
		if err := resource.OpenSecrets(s.keys, propertiesOf(l.stack.ID, e.LogicalID), props, e.Secrets); err != nil {
			return err
		}
		it.given = props
	}
	l.items[e.LogicalID] = it
	l.order = append(l.order, it)
	return nil
}

// expect adds the resources that the template has and that are not there yet,
// and puts all in the template's order.
func (l *live) expect(handlers *resource.Handlers) error {
	resources := l.eval.Resources()
	l.order = make([]*item, 0, len(resources))
	for place, r := range resources {
		it, ok := l.items[r.LogicalID]
		if !ok {
			kind, known := handlers.Find(r.Type)
			if !known {
				return fmt.Errorf("stack %s: nobody handles %s", l.stack.ID, r.Type)
			}
			it = &item{kind: kind, entry: entry{
				LogicalID: r.LogicalID, Place: place, Type: r.Type, Policy: r.DeletionPolicy,
				Depends: slices.Clone(l.eval.Dependencies(r.LogicalID)),
			}}
			l.items[r.LogicalID] = it
		}
		l.order = append(l.order, it)
	}
	return nil
}

// export looks an export up; ok is false if there is none.
func (s *Stacks) export(ctx context.Context, st *Stack, name string) (value string, ok bool, err error) {
	var e exportRow
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		e, err = exportByName(tx, st.Account, st.Region, name)
		return err
	})
	if none(err) {
		return "", false, nil
	}
	if err != nil || e.sealed == "" {
		return e.Value, err == nil, err
	}
	plain, err := s.keys.Open(e.sealed, outputOf(e.Stack, e.output))
	return string(plain), err == nil, err
}

// parse reads a template, or returns what reading it gave before.
func (s *Stacks) parse(digest string, text []byte) (*template.Template, error) {
	if t, ok := s.templates.get(digest); ok {
		return t, nil
	}
	t, err := template.Parse(text, s.reading)
	if err != nil {
		return nil, err
	}
	s.templates.put(digest, t)
	return t, nil
}

// evaluate binds a stack's template to the values that were settled when the
// stack was made. What it imports is locked by the first beat, so that it has
// the same values in every other one.
func (s *Stacks) evaluate(ctx context.Context, l *live, t *template.Template) error {
	st := &l.stack
	given := make(map[string]string, len(st.Parameters))
	stored := map[string]string{}
	for _, p := range st.Parameters {
		value := p.Value
		if p.NoEcho {
			plain, err := s.keys.Open(p.Sealed, parameterOf(st.ID, p.Key))
			if err != nil {
				return err
			}
			value = string(plain)
		}
		given[p.Key] = value
		if p.Stored {
			stored[value] = p.Resolved
		}
	}
	env := s.env(st)
	env.Stored = func(name string) (string, error) {
		value, ok := stored[name]
		if !ok {
			return "", fmt.Errorf("stack %s: no value was settled for the stored parameter %s", st.ID, name)
		}
		return value, nil
	}
	exports := map[string]string{}
	var failure error
	env.Export = func(name string) (string, bool) {
		if value, ok := exports[name]; ok {
			return value, true
		}
		value, ok, err := s.export(ctx, st, name)
		switch {
		case err != nil:
			failure = err
		case ok:
			exports[name] = value
		case l.missing == "":
			l.missing = name
		}
		return value, ok
	}
	var err error
	if l.eval, err = t.Evaluate(env, given); failure != nil {
		return failure
	}
	return err
}

func (s *Stacks) env(st *Stack) template.Env {
	return template.Env{
		Account: st.Account, Region: st.Region, Partition: id.Partition(st.Region), URLSuffix: urlSuffix(st.Region),
		StackName: st.Name, StackID: st.ID, NotificationARNs: st.Topics, Zones: zones, Rules: st.Rules,
	}
}

func urlSuffix(region string) string {
	if id.Partition(region) == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// zones gives every region three.
func zones(region string) []string { return []string{region + "a", region + "b", region + "c"} }

// What secrets of a stack are sealed for.
func parameterOf(stack, key string) string        { return "stack " + stack + " parameter " + key }
func outputOf(stack, key string) string           { return "stack " + stack + " output " + key }
func propertiesOf(stack, logicalID string) string { return "stack " + stack + " resource " + logicalID }

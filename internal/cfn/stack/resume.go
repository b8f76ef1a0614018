package stack

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/schema"
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
	j := &st.Journal
	l, text, err := s.standing(ctx, st, j.Phase == creating || j.Phase == updating)
	if err != nil {
		return nil, err
	}
	l.loaded = true
	removes := j.Phase == deleting || j.Phase == rollingBack
	for _, it := range l.order {
		if removes && !it.kind.Outside {
			continue
		}
		if err := l.know(it); err != nil {
			return nil, err
		}
	}
	if l.refusal = j.Refusal; l.refusal != "" && (j.Phase == creating || j.Phase == updating) {
		return l, nil
	}
	switch j.Phase {
	case creating:
		err = s.interpret(ctx, l, text, l.planCreation)
	case updating:
		err = s.interpret(ctx, l, text, l.planUpdate)
	case undoing:
		l.planUndoing()
	case tidying, clearing:
		l.planRemovalOf((*item).doomed)
	default:
		l.planRemoval()
	}
	if refusal, ok := AsError(err); ok {
		// It was accepted once: limits or rules have changed since. Nobody is
		// helped by trying again.
		l.refusal = refusal.Message
		return l, nil
	}
	return l, err
}

// standing returns a stack's resources as they stand and, if it is asked for,
// the text of the template.
func (s *Stacks) standing(ctx context.Context, st Stack, withText bool) (l *live, text []byte, err error) {
	var (
		packs []numbered
		rows  []resource.Row
	)
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		if packs, err = allPacks(tx, st.ID); err != nil {
			return err
		}
		if rows, err = resource.OfStack(tx, st.ID); err != nil {
			return err
		}
		if withText {
			text, err = db.Blob(tx, st.Digest)
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	entries, last, err := fold(packs)
	if err != nil {
		return nil, nil, err
	}
	l = &live{stack: st, keys: s.keys, items: make(map[string]*item, len(entries))}
	for i, e := range entries {
		if err := s.restore(l, e, last[i]); err != nil {
			return nil, nil, err
		}
	}
	for i := range rows {
		row := &rows[i]
		// A row of no item is of a resource that an update left behind.
		it, ok := l.item(row.LogicalID, row.Generation)
		if !ok {
			continue
		}
		it.made, it.row = true, row
		it.model.Physical, it.model.Identifier = row.Physical, row.Identifier
	}
	l.arrange()
	return l, text, nil
}

// know opens the model of an item that was read from its row.
func (l *live) know(it *item) (err error) {
	if it.row != nil {
		it.model, err = it.row.Model(l.keys)
		it.row = nil
	}
	return err
}

// item returns the item of a logical id that an update of that generation made.
func (l *live) item(logicalID string, generation int) (*item, bool) {
	if it, ok := l.items[logicalID]; ok && it.Generation == generation {
		return it, true
	}
	for _, it := range l.olds {
		if it.LogicalID == logicalID && it.Generation == generation {
			return it, true
		}
	}
	return nil, false
}

// arrange puts all that the stack has in order.
func (l *live) arrange() {
	l.order = slices.Clone(l.olds)
	for _, it := range l.items {
		if it.Status != "" {
			l.order = append(l.order, it)
		}
	}
	slices.SortFunc(l.order, func(a, b *item) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.LogicalID, b.LogicalID), cmp.Compare(a.Generation, b.Generation))
	})
}

// interpret makes the plan of a creation or an update from the template.
func (s *Stacks) interpret(ctx context.Context, l *live, text []byte, plan func() error) error {
	t, err := s.templates.Parse(l.stack.Digest, text)
	if err != nil {
		return err
	}
	if err := s.evaluate(ctx, l, t); err != nil {
		return err
	}
	if err := l.expect(s.handlers); err != nil {
		return err
	}
	return plan()
}

// fold returns a stack's resources as they stand, in the order in which they
// first came to be, and the number of the pack that says so of each. What an
// update made superfluous is left out once it is gone.
func fold(packs []numbered) (entries []entry, last []int64, err error) {
	type physical struct {
		logicalID  string
		generation int
	}
	index := map[physical]int{}
	for _, n := range packs {
		p, err := decodePack(n.body)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range p.Items {
			key := physical{e.LogicalID, e.Generation}
			if i, ok := index[key]; ok {
				entries[i], last[i] = e, n.number
				continue
			}
			index[key] = len(entries)
			entries, last = append(entries, e), append(last, n.number)
		}
	}
	kept := 0
	for i, e := range entries {
		if e.Superseded != "" && (e.Status == DeleteComplete || e.Status == DeleteSkipped) {
			continue
		}
		entries[kept], last[kept] = e, last[i]
		kept++
	}
	return entries[:kept], last[:kept], nil
}

// restore adds what is known of a resource to the state.
func (s *Stacks) restore(l *live, e entry, pack int64) error {
	kind, ok := s.handlers.Find(e.Type)
	if !ok {
		return fmt.Errorf("stack %s: nobody handles %s", l.stack.ID, e.Type)
	}
	it := &item{entry: e, kind: kind}
	it.tried = pack >= l.stack.Journal.First && (e.Status == DeleteFailed || e.Balked == l.stack.Journal.First)
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
	if it.superseded() {
		l.olds = append(l.olds, it)
		return nil
	}
	l.items[e.LogicalID] = it
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
				LogicalID: r.LogicalID, Place: place, Type: r.Type, Policy: r.DeletionPolicy, Generation: l.stack.Generation,
				Depends: slices.Clone(l.eval.Dependencies(r.LogicalID)),
			}}
			l.items[r.LogicalID] = it
		}
		l.order = append(l.order, it)
	}
	return nil
}

// export looks an export up; ok is false if there is none.
func (s *Stacks) export(ctx context.Context, st *Stack, name string) (value schema.Value, ok bool, err error) {
	var e exportRow
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		e, err = exportByName(tx, st.Account, st.Region, name)
		return err
	})
	if none(err) {
		return nil, false, nil
	}
	if err != nil || e.sealed == "" {
		return e.Value, err == nil, err
	}
	plain, err := s.keys.Open(e.sealed, outputOf(e.Stack, e.output))
	return schema.Secret(plain), err == nil, err
}

// evaluate binds a stack's template to the values that were settled when the
// stack was made. What it imports is locked by the first beat, so that it has
// the same values in every other one.
func (s *Stacks) evaluate(ctx context.Context, l *live, t *template.Template) error {
	st := &l.stack
	given := make(map[string]string, len(st.Parameters))
	stored, secret := map[string]string{}, map[string]bool{}
	for _, p := range st.Parameters {
		value, err := s.value(st, p)
		if err != nil {
			return err
		}
		given[p.Key] = value
		if p.Stored {
			stored[value] = p.Resolved
		}
		if p.Handed {
			secret[p.Key] = true
		}
	}
	env := s.env(st)
	env.Secret = secret
	env.Stored = func(name string) (string, error) {
		value, ok := stored[name]
		if !ok {
			return "", fmt.Errorf("stack %s: no value was settled for the stored parameter %s", st.ID, name)
		}
		return value, nil
	}
	var failure error
	env.Export = s.exporter(ctx, st, &failure, &l.missing)
	env.Include = s.keptIncludes(ctx, st, &failure)
	var err error
	if l.eval, err = t.Evaluate(env, given); failure != nil {
		return failure
	}
	return err
}

func (s *Stacks) env(st *Stack) template.Env {
	return template.Env{
		Account: st.Account, Region: st.Region, Partition: id.Partition(st.Region), URLSuffix: urlSuffix(st.Region),
		StackName: st.Name, StackID: st.ID, NotificationARNs: st.Topics, Rules: st.Rules,
	}
}

func urlSuffix(region string) string {
	if id.Partition(region) == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// What secrets of a stack are sealed for.
func parameterOf(stack, key string) string        { return "stack " + stack + " parameter " + key }
func outputOf(stack, key string) string           { return "stack " + stack + " output " + key }
func propertiesOf(stack, logicalID string) string { return "stack " + stack + " resource " + logicalID }

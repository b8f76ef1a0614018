package stack

import (
	"context"
	"errors"

	"larder/internal/cfn/resource"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/workflow"
)

// A record is what a beat has written: all of it in one transaction, or
// nothing. It is encoded beforehand, so that write does SQL only.
type record struct {
	stack  Stack // as it was read, but for what the beat changed of it
	mark   string
	body   string
	number int64 // of the pack
	pack   string
	fold   string // what all packs come to with this one; "" if it is not to be kept

	effects          []resource.Effect
	usesBefore, uses resource.Uses
	imports          []string // to be locked
	exports          []Output // to be made known
	unheard          []string // sources of signals to be dropped
	letGo            bool     // of all imports, exports and signals
	holds            bool     // only those imports and exports

	over    bool
	warns   bool // that the operation has failed and is being undone
	outcome string
	runner  *workflow.Runner

	forces  bool           // the imports and exports, whoever has come to need others
	cancels []cancellation // of what nested stacks do
}

// record encodes what the turn came to and gives the state the mark under
// which it will be true.
func (t *turn) record(ctx context.Context) (*record, error) {
	st := &t.l.stack
	st.Journal.Packs++
	r := &record{
		mark: id.UUID(), number: st.Journal.Packs, effects: t.effects, usesBefore: t.usesBefore, uses: t.uses,
		imports: t.imports, exports: t.exports, letGo: t.letGo, holds: t.holds, unheard: t.unheard, over: t.over, runner: t.s.runner,
	}
	r.forces, r.cancels = t.forces, t.cancels
	p := pack{Token: st.Journal.Token, Events: t.events, Items: make([]entry, len(t.changed))}
	for i, it := range t.changed {
		p.Items[i] = it.entry
	}
	var err error
	if r.pack, err = p.encode(); err != nil {
		return nil, err
	}
	if j := &st.Journal; !t.over && j.Failure != nil && !j.Warned {
		j.Warned, r.warns = true, true
	}
	if t.over {
		if r.fold, err = t.fold(ctx, r.number, r.pack); err != nil {
			return nil, err
		}
		if r.outcome, err = (Operation{Outcome: st.Status, Failure: st.Journal.Failure}).encode(); err != nil {
			return nil, err
		}
		j := st.Journal
		st.Journal = Journal{Operation: j.Operation, Kind: j.Kind, Token: j.Token, Clock: j.Clock, Packs: j.Packs}
	}
	if r.body, err = st.encode(); err != nil {
		return nil, err
	}
	r.stack = *st
	st.mark = r.mark
	return r, nil
}

// fold returns what the stack's packs come to with the last one, if so many
// have come since they were last folded that it is worth it: what an operation
// has to read must not grow with those before it.
func (t *turn) fold(ctx context.Context, number int64, last string) (string, error) {
	st := &t.l.stack
	if number-st.Folded < int64(t.s.limits.Packs) {
		return "", nil
	}
	var packs []numbered
	err := t.s.db.View(ctx, func(tx *db.Tx) (err error) {
		packs, err = allPacks(tx, st.ID)
		return err
	})
	if err != nil {
		return "", err
	}
	entries, _, err := fold(append(packs, numbered{number, last}))
	if err != nil {
		return "", err
	}
	st.Folded = number
	return pack{Items: entries}.encode()
}

func (r *record) write(tx *db.Tx) error {
	if err := updateStack(tx, &r.stack, r.mark, r.body); err != nil {
		return err
	}
	if err := insertPack(tx, r.stack.ID, r.number, r.pack); err != nil {
		return err
	}
	if r.fold != "" {
		if err := putFold(tx, r.stack.ID, r.number, r.fold); err != nil {
			return err
		}
	}
	if err := resource.Apply(tx, r.effects); err != nil {
		return err
	}
	if err := resource.SaveUses(tx, r.usesBefore, r.uses); err != nil {
		return err
	}
	for _, source := range r.unheard {
		if err := dropSignals(tx, r.stack.ID, source); err != nil {
			return err
		}
	}
	if r.letGo {
		if err := dropAllSignals(tx, r.stack.ID); err != nil {
			return err
		}
	}
	if r.holds && !r.forces {
		// Between the beat's look and now, somebody may have come to need one.
		if _, _, err := neededOf(tx, r.stack.ID, r.exports); !none(err) {
			return errors.Join(errMoved, err)
		}
	}
	if r.letGo || r.holds {
		if err := dropImports(tx, r.stack.ID); err != nil {
			return err
		}
		if err := dropExports(tx, r.stack.ID); err != nil {
			return err
		}
	}
	for _, name := range r.imports {
		if _, err := exportByName(tx, r.stack.Account, r.stack.Region, name); err != nil {
			return err // gone since it was read: the next beat says so
		}
		if err := insertImport(tx, &r.stack, name); err != nil {
			return err
		}
	}
	for _, o := range r.exports {
		if err := insertExport(tx, &r.stack, o, r.forces); err != nil {
			return err
		}
	}
	for _, c := range r.cancels {
		if err := c.write(tx, r.runner, &r.stack); err != nil {
			return err
		}
	}
	if r.warns {
		return warn(tx, r.runner, r.stack.ID)
	}
	if !r.over {
		return nil
	}
	return endOperations(tx, r.runner, r.stack.ID, r.outcome)
}

package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
	"larder/internal/db"
)

// create does what can be done now for a stack in creation: settle what was
// under way, start what nothing waits for any more, end when all is there or
// something has failed.
func (t *turn) create(ctx context.Context) error {
	l := t.l
	if l.refusal != "" {
		t.giveUp(l.refusal)
		return nil
	}
	if l.stack.Journal.Packs == l.stack.Journal.First && !t.did && len(t.changed) == 0 {
		if l.missing != "" {
			t.giveUp(fmt.Sprintf("No export named %s found", l.missing))
			return nil
		}
		if fault := l.checkAttributes(); fault != "" {
			t.giveUp(fault)
			return nil
		}
		t.imports = l.eval.Imports()
	}
	if err := t.settleCreations(ctx); err != nil {
		return err
	}
	switch {
	case t.failed():
		t.giveUp("")
	case l.stack.Journal.Canceled:
		t.giveUp("Stack creation was canceled")
	case t.overdue():
		t.giveUp("Stack creation time exceeded the specified timeout")
	case len(l.ready) > 0:
		if err := t.startCreations(ctx); err != nil {
			return err
		}
		if t.failed() {
			t.giveUp("") // in the same beat, so that no failure waits in the rows
		}
	case len(l.open) == 0 && l.left == 0:
		return t.complete(ctx)
	case len(l.open) == 0:
		return fmt.Errorf("stack %s: %d resources can never be created", l.stack.ID, l.left)
	}
	return nil
}

func (t *turn) overdue() bool {
	d := t.l.stack.Journal.Deadline
	return d > 0 && t.now.UnixMilli() >= d
}

// failed reports whether a creation or an update has failed.
func (t *turn) failed() bool {
	for _, it := range t.l.open {
		if it.Status == CreateFailed || it.Status == UpdateFailed {
			return true
		}
	}
	return false
}

// settleCreations ends what was started earlier and is due.
func (t *turn) settleCreations(ctx context.Context) error {
	l := t.l
	if err := t.hear(ctx); err != nil {
		return err
	}
	for _, it := range l.open {
		if t.budget == 0 {
			break
		}
		if it.Status != CreateInProgress || it.Hang || it.Due > t.now.UnixMilli() || it.listening() {
			continue
		}
		if _, now := t.touched[it]; now {
			continue // it was started by this very beat: journal it first
		}
		if t.leads(it) {
			if err := t.lead(ctx, it); err != nil {
				return err
			}
			continue
		}
		t.budget--
		switch {
		case it.Fail != "":
			t.end(it, CreateFailed, it.Fail)
		case it.kind.Outside:
			if err := t.askToCreate(ctx, it); err != nil {
				return err
			}
		default:
			t.accomplish(it)
		}
	}
	t.releaseCreated()
	return nil
}

// releaseCreated lets those start who waited for what is complete, and keeps
// failures open for giveUp to see.
func (t *turn) releaseCreated() {
	for _, it := range t.l.open {
		if it.Status == CreateComplete {
			t.l.release(it)
		}
	}
	t.l.open = slices.DeleteFunc(t.l.open, func(it *item) bool { return it.Status == CreateComplete })
}

// startCreations starts a wave of items: first all are in progress, then all
// are initiated, then all are complete, as AWS creates side by side what does
// not depend on each other. If one of them fails, the others are left in
// progress: giveUp cancels them.
func (t *turn) startCreations(ctx context.Context) error {
	wave := t.l.take(t.budget)
	t.budget -= len(wave)
	t.did = true
	for _, it := range wave {
		it.Status = CreateInProgress
		t.tell(it, "", true)
	}
	failed := false
	for _, it := range wave {
		reason, err := t.prepare(ctx, it)
		if err != nil {
			return err
		}
		if reason != "" {
			t.end(it, CreateFailed, reason)
			failed = true
		}
	}
	taken, err := t.claim(ctx, wave)
	if err != nil {
		return err
	}
	if failed || taken {
		return nil
	}
	for _, it := range wave {
		if it.kind.Outside {
			continue // its handler is asked once the request is journaled
		}
		if err := t.initiate(it); err != nil {
			return err
		}
	}
	for _, it := range wave {
		if it.kind.Outside || it.Hang || it.Due > 0 {
			continue
		}
		if it.Fail != "" {
			t.end(it, CreateFailed, it.Fail)
			failed = true
		}
	}
	if failed {
		return nil
	}
	for _, it := range wave {
		if it.Status == CreateInProgress && !it.kind.Outside && !it.Hang && it.Due == 0 {
			t.accomplish(it)
		}
	}
	t.releaseCreated()
	return nil
}

// prepare evaluates an item's properties and, if its handler has no effect
// outside, makes its model. A reason says that it cannot be created.
func (t *turn) prepare(ctx context.Context, it *item) (reason string, err error) {
	props, err := t.l.eval.Properties(it.LogicalID, t.l)
	if refusal, ok := AsError(err); ok {
		return refusal.Message, nil
	}
	if err != nil {
		return "", err
	}
	it.given = props
	if it.Properties, err = resource.EncodeProperties(props); err != nil {
		return "", err
	}
	it.Secrets = resource.SealSecrets(t.s.keys, propertiesOf(t.l.stack.ID, it.LogicalID), props)
	if !it.kind.Outside {
		p, err := it.kind.Handler.Advance(ctx, t.request(resource.Create, it))
		if err != nil {
			return "", err
		}
		if p.Failure != nil {
			if p.Failure.Lasting {
				it.Stuck, it.Physical = p.Failure.Message, p.Model.Physical
				t.tell(it, creationInitiated, false)
			}
			return p.Failure.Message, nil
		}
		if !isText(p.Model.Physical) || !isText(p.Model.Identifier) {
			return badPhysical, nil
		}
		it.model, it.Warn = p.Model, p.Warning
	}
	it.Asked = it.kind.Outside
	if it.Wait, reason, err = t.waitOf(it); reason != "" || err != nil {
		return reason, err
	}
	t.rehearse(resource.Create, it)
	return "", nil
}

const creationInitiated = "Resource creation Initiated"

const badPhysical = "The physical ID of the resource is not valid text"

// claim makes sure that the names of a wave are free, and fails those items
// whose name is taken.
func (t *turn) claim(ctx context.Context, wave []*item) (taken bool, err error) {
	var wanted []string
	for _, it := range wave {
		if it.inProgress() && !it.kind.Outside {
			if key, _ := resource.Claim(it.kind.Schema, t.l.seed(it), it.model); key != "" {
				wanted = append(wanted, key)
			}
		}
	}
	if len(wanted) == 0 {
		return false, nil
	}
	var holders map[string]string
	err = t.s.db.View(ctx, func(tx *db.Tx) error {
		holders, err = resource.Holders(tx, wanted)
		return err
	})
	if err != nil {
		return false, err
	}
	maps.Copy(holders, t.claimed)
	for _, it := range wave {
		if !it.inProgress() || it.kind.Outside {
			continue
		}
		key, name := resource.Claim(it.kind.Schema, t.l.seed(it), it.model)
		if key == "" {
			continue
		}
		if holder, held := holders[key]; held {
			reason := schema.AlreadyExists(name, t.visible(holder))
			if it.Status == UpdateInProgress && holder == t.l.stack.ID {
				reason = fmt.Sprintf(customNamed, name)
			}
			t.end(it, it.failure(), reason)
			taken = true
			continue
		}
		holders[key], t.claimed[key] = t.l.stack.ID, t.l.stack.ID
	}
	return taken, nil
}

// customNamed is CloudFormation's advice when the old resource still has the
// name that the new one in its place is to bear.
const customNamed = "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename %s and update the stack again."

// visible returns a stack's id if the account of the stack in operation may
// know of it.
func (t *turn) visible(stack string) string {
	if sameOwner(stack, &t.l.stack) {
		return stack
	}
	return ""
}

// initiate makes an item's resource exist.
func (t *turn) initiate(it *item) error {
	if err := t.keepRow(it); err != nil {
		return err
	}
	it.Physical = it.model.Physical
	t.tell(it, creationInitiated, false)
	return nil
}

// keepRow has the row of an item's resource written, in place of the one that
// there may be.
func (t *turn) keepRow(it *item) error {
	seed := t.l.seed(it)
	claim := ""
	if !it.kind.Outside { // whose handlers know themselves which names are free
		claim, _ = resource.Claim(it.kind.Schema, seed, it.model)
	}
	row, err := resource.NewRow(t.s.keys, it.Type, seed, it.model, claim)
	if err != nil {
		return err
	}
	if it.made {
		t.effects = append(t.effects, resource.Effect{Row: row, Remove: true})
	}
	t.effects = append(t.effects, resource.Effect{Row: row})
	it.made = true
	return nil
}

// askToCreate asks a handler outside the database.
func (t *turn) askToCreate(ctx context.Context, it *item) error {
	if t.calls == 0 {
		return nil
	}
	t.calls--
	p, err := it.kind.Handler.Advance(ctx, t.request(resource.Create, it))
	if err != nil {
		return t.retry(ctx, it, err)
	}
	t.touch(it)
	it.Kept, it.Faults = p.Kept, 0
	if p.Warning != "" {
		it.Warn = p.Warning
	}
	if p.Model.Physical != "" {
		if !isText(p.Model.Physical) || !isText(p.Model.Identifier) {
			t.end(it, CreateFailed, badPhysical)
			return nil
		}
		it.model = p.Model
		if it.made {
			err = t.keepRow(it)
		} else {
			err = t.initiate(it)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case p.Failure != nil:
		t.end(it, CreateFailed, p.Failure.Message)
	case p.State != resource.Done:
		it.Due = t.now.Add(max(p.After, time.Millisecond)).UnixMilli()
	case !it.made:
		t.end(it, CreateFailed, "The handler of "+it.Type+" answered without a physical ID")
	default:
		t.accomplish(it)
	}
	return nil
}

// Bounds of the delay after a handler's error, which doubles each time.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = time.Minute
)

// retry has a handler asked again that did not answer. The others' work is
// not held up by that.
func (t *turn) retry(ctx context.Context, it *item, err error) error {
	if ctx.Err() != nil {
		return err // it is the beat that ends, not the handler that fails
	}
	t.touch(it)
	wait := min(firstRetry<<min(it.Faults, 16), lastRetry)
	it.Faults++
	it.Due = t.now.Add(wait).UnixMilli()
	t.note = it.LogicalID + ": " + err.Error()
	return nil
}

// complete ends a creation whose resources are all there.
func (t *turn) complete(ctx context.Context) error {
	outputs, err := t.l.eval.Outputs(t.l)
	if err != nil {
		refused, ok := AsError(err)
		if !ok {
			return err
		}
		t.giveUp(refused.Message)
		return nil
	}
	kept, err := t.s.keep(&t.l.stack, outputs)
	if err != nil {
		return err
	}
	exports := exported(kept)
	conflict, err := t.s.exportConflict(ctx, &t.l.stack, exports)
	if err != nil {
		return err
	}
	if conflict != "" {
		t.giveUp(conflict)
		return nil
	}
	if j := &t.l.stack.Journal; j.ChangeSet != "" {
		t.l.stack.ChangeSet = j.ChangeSet
	}
	t.exports = exports
	t.l.stack.Outputs = kept
	t.turnTo(CreateComplete, "")
	t.over = true
	return nil
}

// exported returns the outputs that other stacks may import.
func exported(outputs []Output) (exports []Output) {
	for _, o := range outputs {
		if o.Export != "" {
			exports = append(exports, o)
		}
	}
	return exports
}

// exportConflict says why a stack may not have those exports from now on; ""
// if it may: another stack has one of the names, or imports what would change.
func (s *Stacks) exportConflict(ctx context.Context, st *Stack, exports []Output) (conflict string, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		conflict = ""
		for _, o := range exports {
			e, err := exportByName(tx, st.Account, st.Region, o.Export)
			if none(err) || err == nil && e.Stack == st.ID {
				continue
			}
			if err != nil {
				return err
			}
			other, err := stackByID(tx, e.Stack)
			if err != nil {
				return err
			}
			conflict = fmt.Sprintf("Export with name %s is already exported by stack %s", o.Export, other.Name)
			return nil
		}
		needed, importer, err := neededOf(tx, st.ID, exports)
		if err != nil {
			if none(err) {
				return nil
			}
			return err
		}
		verb := "deleted"
		if slices.ContainsFunc(exports, func(o Output) bool { return o.Export == needed }) {
			verb = "updated"
		}
		conflict = fmt.Sprintf("Export %s cannot be %s as it is in use by %s", needed, verb, importer)
		return nil
	})
	return conflict, err
}

// keep makes outputs ready to be kept: secrets sealed and masked.
func (s *Stacks) keep(st *Stack, outputs []template.Output) ([]Output, error) {
	kept := make([]Output, len(outputs))
	for i, o := range outputs {
		k := Output{Key: o.Key, Description: o.Description, Export: o.Export}
		switch v := o.Value.(type) {
		case string:
			k.Value = v
		case schema.Secret:
			k.Value, k.NoEcho = schema.Mask, true
			k.Sealed = s.keys.Seal([]byte(v.Reveal()), outputOf(st.ID, o.Key))
		default:
			return nil, errors.New("an output is neither text nor a secret")
		}
		kept[i] = k
	}
	return kept, nil
}

// giveUp ends a creation that has failed: what is in progress is canceled,
// and the stack goes the way it was told to.
func (t *turn) giveUp(cause string) {
	l := t.l
	var causes []Cause
	slices.SortStableFunc(l.open, func(a, b *item) int { return cmp.Compare(a.At, b.At) })
	for _, it := range l.open {
		if it.Status == CreateFailed {
			causes = append(causes, Cause{LogicalID: it.LogicalID, Type: it.Type, Reason: it.Reason})
		}
	}
	t.abandon(l.open)
	t.cancelCreations(l.open)
	if cause == "" {
		slices.SortStableFunc(l.open, func(a, b *item) int { return cmp.Compare(a.At, b.At) })
		cause = fmt.Sprintf("The following resource(s) failed to create: [%s]", names(l.open))
	}
	l.open = nil
	st := &l.stack
	t.did = true
	j := &st.Journal
	j.Canceled, j.Deadline = false, 0
	switch {
	case st.OnFailure == DoNothing, j.Led: // a nested stack's parent says what becomes of it
		t.turnTo(CreateFailed, cause+". ")
		t.over = true
	case st.OnFailure == Delete:
		t.turnTo(DeleteInProgress, cause+". Delete requested by user.")
		j.Phase, st.Deleted = deleting, t.now.UTC()
	default:
		t.turnTo(RollbackInProgress, cause+". Rollback requested by user.")
		j.Phase, st.Deleted = rollingBack, t.now.UTC()
	}
	j.Failure = &Failure{Reason: st.Reason, Causes: causes}
	if !t.over {
		l.planRemoval()
	}
}

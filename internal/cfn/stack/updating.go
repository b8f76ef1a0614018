package stack

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"larder/internal/cfn/changeset"
	"larder/internal/cfn/resource"
	"larder/internal/cfn/schema"
	"larder/internal/db"
)

// An update goes through the resources of the new template, each behind those
// it depends on. What turns out equal is left alone; the rest is updated in
// place or made anew. Nothing is removed before all of that is done: until
// then the update can be undone.

// planUpdate sets the frontier for bringing the stack to its template.
func (l *live) planUpdate() error {
	l.ready, l.open, l.left, l.sorted = nil, nil, 0, false
	wanted := make([]*item, 0, len(l.items))
	for rank, r := range l.eval.Resources() {
		it := l.items[r.LogicalID]
		it.waits, it.heirs, it.rank = 0, nil, rank
		it.done = it.Turn == l.stack.Generation && it.Status != "" && !it.inProgress()
		wanted = append(wanted, it)
	}
	for _, it := range wanted {
		if it.done || it.inProgress() {
			continue // it waits for nothing any more
		}
		for _, id := range l.eval.Dependencies(it.LogicalID) {
			on, ok := l.items[id]
			if !ok {
				return fmt.Errorf("stack %s: %s depends on %s, which is not there", l.stack.ID, it.LogicalID, id)
			}
			if !on.done {
				it.waits++
				on.heirs = append(on.heirs, it)
			}
		}
	}
	for _, it := range wanted {
		switch {
		case it.done:
		case it.inProgress():
			l.open = append(l.open, it)
		default:
			l.left++
			if it.waits == 0 {
				l.ready = append(l.ready, it)
			}
		}
	}
	l.arrange() // also what the template has no more
	return nil
}

// update does what can be done now for a stack in update.
func (t *turn) update(ctx context.Context) error {
	l := t.l
	if l.refusal != "" {
		t.fail(l.refusal)
		return nil
	}
	if j := &l.stack.Journal; j.Packs == j.First && !t.did && len(t.changed) == 0 {
		if l.missing != "" {
			t.fail(fmt.Sprintf("No export named %s found", l.missing))
			return nil
		}
		if fault := l.checkAttributes(); fault != "" {
			t.fail(fault)
			return nil
		}
		t.imports = l.eval.Imports()
		if t.forbidRemovals(); t.failed() {
			t.fail("")
			return nil
		}
	}
	if err := t.settleUpdates(ctx); err != nil {
		return err
	}
	switch {
	case t.failed():
		t.fail("")
	case l.stack.Journal.Canceled && l.stack.Journal.Led:
		t.fail(initiatedByParent)
	case l.stack.Journal.Canceled:
		t.fail(userInitiated)
	case len(l.ready) > 0:
		if err := t.startUpdates(ctx); err != nil {
			return err
		}
		if t.failed() {
			t.fail("") // in the same beat, so that no failure waits in the rows
		}
	case len(l.open) == 0 && l.left == 0:
		return t.updated(ctx)
	case len(l.open) == 0:
		return fmt.Errorf("stack %s: %d resources can never be updated", l.stack.ID, l.left)
	}
	return nil
}

// settleUpdates ends what was started earlier and is due.
func (t *turn) settleUpdates(ctx context.Context) error {
	if err := t.hear(ctx); err != nil {
		return err
	}
	for _, it := range slices.Clone(t.l.open) {
		if t.budget == 0 {
			break
		}
		if !it.inProgress() || it.Hang || it.Due > t.now.UnixMilli() || it.listening() {
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
		var err error
		switch {
		case it.Fail != "":
			t.end(it, it.failure(), it.Fail)
		case !it.kind.Outside:
			t.accomplish(it)
		case it.inPlace():
			err = t.askToUpdate(ctx, it)
		default:
			err = t.askToCreate(ctx, it)
		}
		if err != nil {
			return err
		}
	}
	t.releaseUpdated()
	return nil
}

// inPlace reports whether an update under way changes what exists.
func (it *item) inPlace() bool { return it.Status == UpdateInProgress && it.Former != nil }

// failure is the status in which what is in progress ends badly.
func (it *item) failure() Status {
	if it.Status == UpdateInProgress {
		return UpdateFailed
	}
	return CreateFailed
}

// accomplish ends well what is in progress, unless it is to await signals.
func (t *turn) accomplish(it *item) {
	if !t.listens(it) {
		t.achieve(it)
	}
}

// achieve ends well what is in progress and awaits nothing any more.
func (t *turn) achieve(it *item) {
	status := CreateComplete
	if it.Status == UpdateInProgress {
		status = UpdateComplete
	}
	it.Complete = true
	if t.l.stack.Journal.Phase == undoing {
		it.Former = nil
	}
	t.end(it, status, it.Warn)
}

// releaseUpdated lets those start who waited for what is done, and keeps
// failures open for fail to see.
func (t *turn) releaseUpdated() {
	isDone := func(it *item) bool { return it.Status == CreateComplete || it.Status == UpdateComplete }
	for _, it := range t.l.open {
		if isDone(it) {
			it.done = true
			t.l.release(it)
		}
	}
	t.l.open = slices.DeleteFunc(t.l.open, isDone)
}

// startUpdates starts a wave: what turns out equal is passed over without an
// event, the rest is begun, then made or changed, then complete.
func (t *turn) startUpdates(ctx context.Context) error {
	l := t.l
	taken := l.take(t.budget)
	t.budget -= len(taken)
	t.did = true
	var wave []*item
	for _, it := range taken {
		begun, err := t.begin(it)
		if err != nil {
			return err
		}
		if begun == nil {
			it.done = true
			l.release(it)
			l.open = slices.DeleteFunc(l.open, func(other *item) bool { return other == it })
			continue
		}
		if begun != it { // it is made anew, and those who wait for it wait for what is made
			l.open[slices.Index(l.open, it)] = begun
		}
		wave = append(wave, begun)
	}
	return t.carryOut(ctx, wave)
}

// begin decides what becomes of a resource and tells it; nil if nothing.
func (t *turn) begin(it *item) (*item, error) {
	l := t.l
	if it.Status == "" {
		it.Turn, it.Status = l.stack.Generation, CreateInProgress
		t.tell(it, "", true)
		return it, nil
	}
	if !it.Complete { // its creation failed earlier
		fresh := l.succeed(it, deleted)
		t.touch(it)
		fresh.Status = CreateInProgress
		t.tell(fresh, "", true)
		return fresh, nil
	}
	props, err := l.eval.Properties(it.LogicalID, l)
	_, refused := AsError(err)
	if err != nil && !refused {
		return nil, err
	}
	before, err := t.s.given(l, it.Properties, it.Secrets, it.LogicalID)
	if err != nil {
		return nil, err
	}
	verdict := changeset.InPlace
	if !refused {
		verdict = changeset.Decide(it.kind.Schema, before, props)
	}
	if verdict == changeset.Unchanged && (it.Status == UpdateFailed || it.nested()) {
		verdict = changeset.InPlace // it may be neither what it was nor what it was to be
	}
	if _, forced := slices.BinarySearch(l.stack.Transition.Forced, it.LogicalID); forced && verdict == changeset.Unchanged {
		verdict = changeset.InPlace
	}
	switch verdict {
	case changeset.Unchanged:
		return nil, nil
	case changeset.Anew:
		was := it.Physical
		fresh := l.succeed(it, t.replacementPolicy(it))
		t.touch(it)
		fresh.Status = UpdateInProgress
		t.tell(fresh, replacing, false)
		t.events[len(t.events)-1].Physical = was
		if reason := t.forbidden(updateReplace, fresh); reason != "" {
			fresh.Fail = reason
		}
		return fresh, nil
	}
	it.Turn = l.stack.Generation
	if it.Former == nil {
		it.Former = &former{Properties: it.Properties, Secrets: it.Secrets}
	}
	it.settle(UpdateInProgress, "")
	t.tell(it, "", false)
	if reason := t.forbidden(updateModify, it); reason != "" {
		it.Fail = reason
	}
	return it, nil
}

// CloudFormation's words.
const (
	replacing        = "Requested update requires the creation of a new physical resource; hence creating one."
	updateCancelled  = "Resource update cancelled" //nolint:misspell // AWS writes it so
	notAllRemoved    = "Update successful. One or more resources could not be deleted."
	notAllRolledBack = "Update rollback successful. One or more resources could not be deleted."
)

// How what is superseded goes.
const (
	deleted  = "Delete"
	retained = "Retain"
)

func (it *item) superseded() bool { return it.Superseded != "" }

// doomed reports whether the update under way is to remove the item. What an
// earlier one could not remove is left to the end of the stack.
func (it *item) doomed() bool { return it.superseded() && !it.Lost }

// succeed puts a new item in the place of one that is superseded by it.
func (l *live) succeed(it *item, policy string) *item {
	fresh := &item{
		kind: it.kind, rank: it.rank, waits: it.waits, heirs: it.heirs,
		entry: entry{LogicalID: it.LogicalID, Place: it.rank, Type: it.Type, Generation: l.stack.Generation, Turn: l.stack.Generation},
	}
	if r, ok := l.eval.Resource(it.LogicalID); ok {
		fresh.Policy, fresh.Depends = r.DeletionPolicy, slices.Clone(l.eval.Dependencies(it.LogicalID))
	}
	it.heirs = nil
	l.supersede(it, policy)
	l.items[it.LogicalID] = fresh
	return fresh
}

func (l *live) supersede(it *item, policy string) {
	if policy == "" || policy == "RetainExceptOnCreate" && !it.Complete {
		policy = deleted
	}
	if policy == "RetainExceptOnCreate" {
		policy = retained
	}
	it.Superseded = policy
	if l.items[it.LogicalID] == it {
		delete(l.items, it.LogicalID)
	}
	l.olds = append(l.olds, it)
}

// replacementPolicy is what becomes of the old physical resource of an item.
func (t *turn) replacementPolicy(it *item) string {
	if r, ok := t.l.eval.Resource(it.LogicalID); ok && changeset.Replaced(r) == changeset.PolicyReplaceAndRetain {
		return retained
	}
	return deleted
}

// given opens properties at rest.
func (s *Stacks) given(l *live, properties []byte, secrets map[string]string, logicalID string) (map[string]schema.Value, error) {
	if len(properties) == 0 {
		return map[string]schema.Value{}, nil
	}
	props, err := resource.DecodeProperties(properties)
	if err != nil {
		return nil, err
	}
	return props, resource.OpenSecrets(s.keys, propertiesOf(l.stack.ID, logicalID), props, secrets)
}

// carryOut makes or changes the items of a wave, which have begun.
func (t *turn) carryOut(ctx context.Context, wave []*item) error {
	var making, changing []*item
	for _, it := range wave {
		if it.Fail != "" { // the stack's policy forbids it
			t.end(it, it.failure(), it.Fail)
			continue
		}
		props, err := t.l.eval.Properties(it.LogicalID, t.l)
		if refusal, ok := AsError(err); ok {
			t.end(it, it.failure(), refusal.Message)
			continue
		}
		if err != nil {
			return err
		}
		action := resource.Create
		if it.inPlace() {
			action = resource.Update
		}
		reason, err := t.shape(ctx, action, it, props)
		if err == nil && reason == "" {
			reason, err = t.expect(it)
		}
		if err != nil {
			return err
		}
		switch {
		case reason != "":
			t.end(it, it.failure(), reason)
		case it.inPlace():
			changing = append(changing, it)
		default:
			making = append(making, it)
		}
	}
	for _, it := range wave {
		if it.inProgress() {
			rehearsed := resource.Create
			if it.Status == UpdateInProgress {
				rehearsed = resource.Update
			}
			t.rehearse(rehearsed, it)
		}
	}
	if t.failed() {
		return nil
	}
	if taken, err := t.claim(ctx, making); err != nil || taken {
		return err
	}
	if taken, err := t.rename(ctx, changing); err != nil || taken {
		return err
	}
	return t.conclude(wave)
}

// conclude has the effects of a wave and ends what takes no time.
func (t *turn) conclude(wave []*item) error {
	for _, it := range wave {
		if it.kind.Outside || !it.inProgress() {
			continue // its handler is asked once the request is journaled
		}
		var err error
		if it.inPlace() {
			err = t.keepRow(it)
		} else {
			err = t.initiate(it)
		}
		if err != nil {
			return err
		}
	}
	failed := false
	for _, it := range wave {
		if it.inProgress() && !it.kind.Outside && !it.Hang && it.Due == 0 && it.Fail != "" {
			t.end(it, it.failure(), it.Fail)
			failed = true
		}
	}
	if failed {
		return nil
	}
	for _, it := range wave {
		if it.inProgress() && !it.kind.Outside && !it.Hang && it.Due == 0 {
			t.accomplish(it)
		}
	}
	t.releaseUpdated()
	return nil
}

// shape gives an item its properties and, if its handler has no effect
// outside, the model that they make. A reason says that it cannot be.
func (t *turn) shape(ctx context.Context, action resource.Action, it *item, props map[string]schema.Value) (reason string, err error) {
	it.given = props
	if it.Properties, err = resource.EncodeProperties(props); err != nil {
		return "", err
	}
	it.Secrets = resource.SealSecrets(t.s.keys, propertiesOf(t.l.stack.ID, it.LogicalID), props)
	if it.Asked = it.kind.Outside; it.Asked {
		return "", nil
	}
	p, err := it.kind.Handler.Advance(ctx, t.request(action, it))
	switch {
	case err != nil:
		return "", err
	case p.Failure != nil:
		if p.Failure.Lasting && action == resource.Create {
			it.Stuck, it.Physical = p.Failure.Message, p.Model.Physical
		}
		return p.Failure.Message, nil
	case !isText(p.Model.Physical) || !isText(p.Model.Identifier):
		return badPhysical, nil
	}
	it.model, it.Warn = p.Model, p.Warning
	if action == resource.Update {
		it.Physical = p.Model.Physical
	}
	return "", nil
}

// rename makes sure that items updated in place may bear the names that they
// are given, if those are other ones.
func (t *turn) rename(ctx context.Context, changing []*item) (taken bool, err error) {
	var renamed []*item
	for _, it := range changing {
		if it.kind.Outside || it.kind.Schema == nil {
			continue
		}
		key, _ := resource.Claim(it.kind.Schema, t.l.seed(it), it.model)
		if key == "" {
			continue
		}
		held := ""
		err := t.s.db.View(ctx, func(tx *db.Tx) (err error) {
			held, err = resource.ClaimOf(tx, t.l.stack.ID, it.LogicalID, it.Generation)
			return err
		})
		if err != nil {
			return false, err
		}
		if held != key {
			renamed = append(renamed, it)
		}
	}
	return t.claim(ctx, renamed)
}

// askToUpdate asks a handler outside the database to change what exists, be
// it to what is wanted or back to what was.
func (t *turn) askToUpdate(ctx context.Context, it *item) error {
	if t.calls == 0 {
		return nil
	}
	t.calls--
	p, err := it.kind.Handler.Advance(ctx, t.request(resource.Update, it))
	if err != nil {
		return t.retry(ctx, it, err)
	}
	t.touch(it)
	it.Kept, it.Faults = p.Kept, 0
	if p.Warning != "" {
		it.Warn = p.Warning
	}
	switch {
	case p.Failure != nil:
		t.end(it, UpdateFailed, p.Failure.Message)
	case p.State != resource.Done:
		it.Due = t.now.Add(max(p.After, time.Millisecond)).UnixMilli()
	case p.Model.Physical == "":
		t.end(it, UpdateFailed, "The handler of "+it.Type+" answered without a physical ID")
	case !isText(p.Model.Physical) || !isText(p.Model.Identifier):
		t.end(it, UpdateFailed, badPhysical)
	case p.Model.Physical != it.Physical && t.l.stack.Journal.Phase == updating:
		return t.replaced(it, p)
	default:
		it.model, it.Physical = p.Model, p.Model.Physical
		if err := t.keepRow(it); err != nil {
			return err
		}
		t.accomplish(it)
	}
	return nil
}

// replaced notes that a handler, asked to change a resource, has made another
// one, as custom resources may.
func (t *turn) replaced(it *item, p resource.Progress) error {
	if it.Generation == t.l.stack.Generation {
		t.end(it, UpdateFailed, "The handler of "+it.Type+" answered with another physical ID")
		return nil
	}
	fresh := t.l.succeed(it, t.replacementPolicy(it))
	fresh.given, fresh.Properties, fresh.Secrets, fresh.Asked, fresh.model = it.given, it.Properties, it.Secrets, true, p.Model
	fresh.Status, fresh.Physical, fresh.Warn = UpdateInProgress, p.Model.Physical, it.Warn
	it.Properties, it.Secrets, it.Former = it.Former.Properties, it.Former.Secrets, nil
	it.settle(UpdateComplete, "")
	t.l.open[slices.Index(t.l.open, it)] = fresh
	if err := t.keepRow(fresh); err != nil {
		return err
	}
	t.accomplish(fresh)
	return nil
}

// fail ends an update that has failed: what is in progress is canceled, and
// the update undone, or left as it is if that was asked for.
func (t *turn) fail(cause string) {
	l := t.l
	var causes []Cause
	slices.SortStableFunc(l.open, func(a, b *item) int { return cmp.Compare(a.At, b.At) })
	for _, it := range l.open {
		if it.Status == CreateFailed || it.Status == UpdateFailed {
			causes = append(causes, Cause{LogicalID: it.LogicalID, Type: it.Type, Reason: it.Reason})
		}
	}
	t.abandon(l.open)
	var uncreated, unchanged []*item
	for _, it := range l.open {
		switch it.Status {
		case CreateInProgress:
			t.end(it, CreateFailed, creationCancelled)
		case UpdateInProgress:
			t.end(it, UpdateFailed, updateCancelled)
		}
		if it.Status == CreateFailed {
			uncreated = append(uncreated, it)
		} else {
			unchanged = append(unchanged, it)
		}
	}
	if cause == "" {
		var failures strings.Builder
		if len(uncreated) > 0 {
			fmt.Fprintf(&failures, "The following resource(s) failed to create: [%s]. ", names(uncreated))
		}
		if len(unchanged) > 0 {
			fmt.Fprintf(&failures, "The following resource(s) failed to update: [%s]. ", names(unchanged))
		}
		cause = failures.String()
	}
	l.open = nil
	l.arrange()
	t.did = true
	st := &l.stack
	j := &st.Journal
	j.Canceled, j.Failure = false, &Failure{Reason: cause, Causes: causes}
	if st.Transition.KeepFailed {
		t.turnTo(UpdateFailed, cause)
		t.over = true
		return
	}
	t.turnTo(UpdateRollbackInProgress, cause)
	st.assume(st.Transition.Former)
	if j.Led {
		t.over = true // its parent fails too, and has it undone
		return
	}
	j.Phase = undoing
	l.planUndoing()
}

// updated ends an update whose resources are all as they are wanted. What is
// left is to remove what is not wanted any more; there is no way back.
func (t *turn) updated(ctx context.Context) error {
	l := t.l
	st := &l.stack
	outputs, err := l.eval.Outputs(l)
	if err != nil {
		refused, ok := AsError(err)
		if !ok {
			return err
		}
		t.fail(refused.Message)
		return nil
	}
	kept, err := t.s.keep(st, outputs)
	if err != nil {
		return err
	}
	if err := t.s.reseal(st, kept); err != nil {
		return err
	}
	exports := exported(kept)
	conflict, err := t.s.exportConflict(ctx, st, exports)
	if err != nil {
		return err
	}
	if conflict != "" {
		t.fail(conflict)
		return nil
	}
	t.exports, t.imports, t.holds = exports, l.eval.Imports(), true
	if tr := st.Transition; !tr.Held {
		tr.Outputs = st.Outputs
	}
	st.Outputs = kept
	t.foresee()
	if st.Journal.ChangeSet != "" {
		st.ChangeSet = st.Journal.ChangeSet
	}
	st.Journal.Canceled = false
	t.turnTo(UpdateCompleteCleanupInProgress, "")
	t.did = true
	if st.Journal.Led {
		st.Transition.Held, t.over = true, true // its parent says whether it is settled or undone
		return nil
	}
	st.Journal.Phase = tidying
	t.commit()
	return nil
}

// foresee notes what becomes of each item when the update is settled.
func (t *turn) foresee() {
	l := t.l
	for _, it := range l.items {
		before := it.Next
		it.Next = nil
		r, wanted := l.eval.Resource(it.LogicalID)
		switch depends := l.eval.Dependencies(it.LogicalID); {
		case !wanted:
			it.Next = &next{Leaves: removalPolicy(it)}
		case it.Former != nil, it.Place != it.rank, it.Policy != r.DeletionPolicy, !slices.Equal(it.Depends, depends):
			it.Next = &next{Place: it.rank, Policy: r.DeletionPolicy, Depends: slices.Clone(depends)}
		}
		if before != nil || it.Next != nil {
			t.touch(it)
		}
	}
}

// commit settles an update: from now on there is no way back, and what it left
// over is to be removed.
func (t *turn) commit() {
	l := t.l
	st := &l.stack
	for _, it := range l.items {
		n := it.Next
		if n == nil {
			continue
		}
		t.touch(it)
		if it.Next = nil; n.Leaves != "" {
			l.supersede(it, n.Leaves)
			continue
		}
		it.Former, it.Place, it.Policy, it.Depends = nil, n.Place, n.Policy, n.Depends
	}
	if tr := st.Transition; tr.NextPolicy != "" {
		st.Policy = tr.NextPolicy
	}
	st.Transition = nil
	t.did = true
	l.arrange()
	l.planRemovalOf((*item).doomed)
}

// removalPolicy is what becomes of an item that leaves the stack.
func removalPolicy(it *item) string {
	if it.Complete && (it.Policy == retained || it.Policy == "RetainExceptOnCreate") {
		return retained
	}
	return deleted
}

// settled ends an update, or the undoing of one, after what it left over has
// been removed as far as that can be.
func (t *turn) settled() {
	l := t.l
	reason := ""
	for _, it := range l.olds {
		if it.Status == DeleteFailed {
			reason = notAllRemoved
			if !it.Lost {
				it.Lost = true
				t.touch(it)
			}
		}
	}
	t.over = true
	if l.stack.Journal.Phase == tidying {
		t.turnTo(UpdateComplete, reason)
		return
	}
	if reason != "" {
		reason = notAllRolledBack
	}
	t.turnTo(UpdateRollbackComplete, reason)
}

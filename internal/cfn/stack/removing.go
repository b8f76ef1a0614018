package stack

import (
	"context"
	"fmt"
	"slices"
	"time"

	"larder/internal/cfn/resource"
)

// remove does what can be done now for a stack that is deleted or rolled
// back: settle what was under way, remove what nothing depends on any more,
// end when nothing is left that could go.
func (t *turn) remove(ctx context.Context) error {
	l := t.l
	if l.loaded {
		t.cancelCreations(l.order)
		l.loaded = false
	}
	if l.stack.Journal.Phase == tidying && l.stack.Transition != nil {
		t.commit() // its parent has settled it
	}
	if err := t.settleRemovals(ctx); err != nil {
		return err
	}
	if l.stack.Journal.Canceled {
		t.stopRemovals()
	}
	unsettled := false
	if l.relentless() {
		var err error
		if unsettled, err = t.settleNested(ctx); err != nil {
			return err
		}
	}
	switch {
	case len(l.ready) > 0:
		return t.startRemovals(ctx)
	case len(l.open) > 0 || unsettled:
	case l.stack.Journal.Phase == tidying, l.stack.Journal.Phase == clearing:
		t.settled()
	default:
		t.finish()
	}
	return nil
}

// stopRemovals ends a removal that was canceled with what it has come to.
func (t *turn) stopRemovals() {
	l := t.l
	t.abandon(l.order)
	for _, it := range l.open {
		if it.Status == DeleteInProgress {
			t.end(it, DeleteFailed, deletionCancelled)
		}
	}
	l.stack.Journal.Canceled = false
	if l.relentless() {
		t.releaseRemoved() // the rest waits for nothing yet
		return
	}
	l.open, l.ready = nil, nil
}

// CloudFormation's words, in its spelling.
const (
	creationCancelled = "Resource creation cancelled" //nolint:misspell // AWS writes it so
	deletionCancelled = "Resource deletion cancelled" //nolint:misspell // as above
)

// cancelCreations ends creations in progress: of siblings of one that failed,
// or of a stack that is deleted meanwhile.
func (t *turn) cancelCreations(items []*item) {
	for _, it := range items {
		if it.Status == CreateInProgress {
			t.end(it, CreateFailed, creationCancelled)
		}
	}
}

// settleRemovals ends what was started earlier and is due.
func (t *turn) settleRemovals(ctx context.Context) error {
	for _, it := range t.l.open {
		if t.budget == 0 {
			break
		}
		if it.Status != DeleteInProgress || it.Hang || it.Due > t.now.UnixMilli() {
			continue
		}
		if _, now := t.touched[it]; now {
			continue
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
			t.end(it, DeleteFailed, it.Fail)
		case it.kind.Outside:
			if err := t.askToDelete(ctx, it); err != nil {
				return err
			}
		default:
			t.removeRow(it)
		}
	}
	t.releaseRemoved()
	return nil
}

func (t *turn) releaseRemoved() {
	for _, it := range t.l.open {
		if it.gone() || it.Status == DeleteFailed && t.l.relentless() {
			t.l.release(it)
		}
	}
	t.l.close()
}

// startRemovals starts a wave of removals.
func (t *turn) startRemovals(ctx context.Context) error {
	wave := t.l.take(t.budget)
	t.budget -= len(wave)
	t.did = true
	for _, it := range wave {
		switch {
		case t.keeps(it):
			t.end(it, DeleteSkipped, "")
		case it.Physical == "" && !it.made && !it.Asked:
			// It failed before anything of it existed.
			t.end(it, DeleteComplete, "")
		default:
			it.settle(DeleteInProgress, "")
			t.tell(it, "", false)
			if t.rehearse(resource.Delete, it); it.Fail == "" {
				it.Fail = it.Stuck
			}
		}
	}
	for _, it := range wave {
		if it.Status != DeleteInProgress || it.kind.Outside || it.Hang || it.Due > 0 {
			continue
		}
		if it.Fail != "" {
			t.end(it, DeleteFailed, it.Fail)
			continue
		}
		t.removeRow(it)
	}
	t.releaseRemoved()
	return nil
}

// removeRow makes an item's resource cease to exist.
func (t *turn) removeRow(it *item) {
	row := resource.Row{Stack: t.l.stack.ID, LogicalID: it.LogicalID, Generation: it.Generation}
	t.effects = append(t.effects, resource.Effect{Row: row, Remove: true})
	it.made = false
	t.end(it, DeleteComplete, "")
}

// askToDelete asks a handler outside the database.
func (t *turn) askToDelete(ctx context.Context, it *item) error {
	if t.calls == 0 {
		return nil
	}
	t.calls--
	p, err := it.kind.Handler.Advance(ctx, t.request(resource.Delete, it))
	if err != nil {
		return t.retry(ctx, it, err)
	}
	t.touch(it)
	it.Kept, it.Faults = p.Kept, 0
	switch {
	case p.Failure != nil:
		t.end(it, DeleteFailed, p.Failure.Message)
	case p.State != resource.Done:
		it.Due = t.now.Add(max(p.After, time.Millisecond)).UnixMilli()
	default:
		t.removeRow(it)
	}
	return nil
}

// keeps reports whether an item is left behind when its stack lets go of it.
func (t *turn) keeps(it *item) bool {
	st := &t.l.stack
	if slices.Contains(st.Journal.Retain, it.LogicalID) {
		return true
	}
	if !it.Complete {
		return false // a policy is for what has come to be
	}
	if it.superseded() {
		return it.Superseded == retained
	}
	undone := st.Journal.Kind == KindCreate || st.Journal.Undoes // the operation that created it is being undone
	switch it.Policy {
	case "Retain":
		return !undone || !st.RetainExceptOnCreate
	case "RetainExceptOnCreate":
		return !undone
	}
	return false
}

// finish ends a removal: well, if the stack has let go of everything.
func (t *turn) finish() {
	l := t.l
	var failed []*item
	left := 0
	for _, it := range l.order {
		if it.Status == DeleteFailed {
			failed = append(failed, it)
		}
		if !it.gone() {
			left++
		}
	}
	complete, incomplete := DeleteComplete, DeleteFailed
	if l.stack.Journal.Phase == rollingBack {
		complete, incomplete = RollbackComplete, RollbackFailed
	}
	t.over = true
	if left == 0 {
		t.letGo = true
		t.turnTo(complete, "")
		return
	}
	reason := fmt.Sprintf("The following resource(s) failed to delete: [%s]. ", names(failed))
	if len(failed) == 0 {
		reason = "The operation was canceled"
	}
	t.turnTo(incomplete, reason)
	if l.stack.Journal.Failure == nil {
		l.stack.Journal.Failure = &Failure{Reason: reason, Causes: causesOf(failed)}
	}
}

// causesOf tells why items failed.
func causesOf(failed []*item) (causes []Cause) {
	for _, it := range failed {
		causes = append(causes, Cause{LogicalID: it.LogicalID, Type: it.Type, Reason: it.Reason})
	}
	return causes
}

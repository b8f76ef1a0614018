package stack

import (
	"context"
	"fmt"
	"slices"

	"larder/internal/cfn/resource"
)

// Undoing an update brings back what it superseded and changes back what it
// changed in place; what it made is removed when that is done.

// Transition is what an unsettled update can be undone by.
type Transition struct {
	Base       int      `json:"base"`    // the generation of the last settled update
	Former     Settings `json:"former"`  // the stack's, before
	Imports    []string `json:"imports"` // of the former template
	Forced     []string `json:"forced,omitempty"`
	Policy     string   `json:"policy,omitempty"` // in place of the stack's own during this update
	NextPolicy string   `json:"nextPolicy,omitempty"`
	KeepFailed bool     `json:"keepFailed,omitempty"`
	Held       bool     `json:"held,omitempty"`    // it was complete once, and waited for the parent
	Outputs    []Output `json:"outputs,omitempty"` // the stack's, before it was held
}

// Settings are what an update gives to a stack beside its resources.
type Settings struct {
	Description  string            `json:"description,omitempty"`
	Digest       string            `json:"digest"`
	Includes     map[string]string `json:"includes,omitempty"`
	Parameters   []Parameter       `json:"parameters,omitempty"`
	Tags         []Tag             `json:"tags,omitempty"`
	Capabilities []string          `json:"capabilities,omitempty"`
	Topics       []string          `json:"topics,omitempty"`
	Role         string            `json:"role,omitempty"`
	Rules        []string          `json:"rules,omitempty"`

	AllCapabilities bool `json:"allCapabilities,omitempty"`
}

func (st *Stack) settings() Settings {
	return Settings{
		Description: st.Description, Digest: st.Digest, Includes: st.Includes, Parameters: st.Parameters, Tags: st.Tags,
		Capabilities: st.Capabilities, Topics: st.Topics, Role: st.Role, Rules: st.Rules,
		AllCapabilities: st.AllCapabilities,
	}
}

func (st *Stack) assume(s Settings) {
	st.Description, st.Digest, st.Includes, st.Parameters, st.Tags = s.Description, s.Digest, s.Includes, s.Parameters, s.Tags
	st.Capabilities, st.Topics, st.Role, st.Rules = s.Capabilities, s.Topics, s.Role, s.Rules
	st.AllCapabilities = s.AllCapabilities
}

// planUndoing sets the frontier for undoing an update.
func (l *live) planUndoing() {
	l.ready, l.open, l.left, l.sorted = nil, nil, 0, false
	undone := map[string]*item{}
	for _, it := range l.order {
		it.waits, it.heirs, it.rank = 0, nil, it.Place
		if l.toUndo(it) {
			undone[it.LogicalID] = it
		}
	}
	for _, it := range undone {
		for _, id := range it.Depends {
			if on, ok := undone[id]; ok {
				it.waits++
				on.heirs = append(on.heirs, it)
			}
		}
	}
	for _, it := range l.order {
		switch {
		case undone[it.LogicalID] != it, it.tried:
		case it.Status == UpdateInProgress:
			l.open = append(l.open, it)
		default:
			l.left++
			if it.waits == 0 {
				l.ready = append(l.ready, it)
			}
		}
	}
}

// toUndo reports whether an item was part of the stack before the update and
// is not as it was.
func (l *live) toUndo(it *item) bool {
	if it.Generation > l.stack.Transition.Base || it.Lost || it.gone() {
		return false
	}
	return it.superseded() || it.Former != nil
}

// undo does what can be done now for an update that is undone.
func (t *turn) undo(ctx context.Context) error {
	l := t.l
	if err := t.settleUpdates(ctx); err != nil {
		return err
	}
	t.closeUndone()
	if l.stack.Journal.Canceled {
		t.abandon(l.open)
		for _, it := range l.open {
			t.end(it, UpdateFailed, updateCancelled)
		}
		l.stack.Journal.Canceled = false
		t.closeUndone()
	}
	switch {
	case len(l.ready) > 0:
		return t.startUndoing(ctx)
	case len(l.open) == 0:
		t.undone()
	}
	return nil
}

// closeUndone notes what is as it was, and what cannot be brought there.
func (t *turn) closeUndone() {
	t.releaseUpdated()
	for _, it := range t.l.open {
		if it.Status == UpdateFailed {
			it.tried, it.Balked = true, t.l.stack.Journal.First
			t.touch(it)
		}
	}
	t.l.close()
}

// startUndoing starts a wave. What was superseded is there again at once.
func (t *turn) startUndoing(ctx context.Context) error {
	l := t.l
	taken := l.take(t.budget)
	t.budget -= len(taken)
	t.did = true
	var wave []*item
	for _, it := range taken {
		if it.superseded() {
			if fresh := l.restore(it); fresh != nil {
				t.touch(fresh)
			}
			t.touch(it)
		}
		rehearsed := it.Status == UpdateComplete || it.Balked != 0
		switch {
		case it.Former == nil:
			t.end(it, UpdateComplete, "")
		case slices.Contains(l.stack.Journal.Skip, it.LogicalID):
			it.Properties, it.Secrets, it.Former = it.Former.Properties, it.Former.Secrets, nil
			t.end(it, UpdateComplete, "")
		default:
			it.settle(UpdateInProgress, "")
			t.tell(it, "", false)
			// What has failed by rule has had no effect that its rule could
			// keep from being undone.
			if rehearsed {
				t.rehearse(resource.Update, it)
			}
			wave = append(wave, it)
		}
	}
	for _, it := range wave {
		props, err := t.s.given(l, it.Former.Properties, it.Former.Secrets, it.LogicalID)
		if err != nil {
			return err
		}
		reason, err := t.shape(ctx, resource.Update, it, props)
		if err != nil {
			return err
		}
		if reason != "" {
			t.end(it, UpdateFailed, reason)
		}
	}
	changing := slices.DeleteFunc(slices.Clone(wave), func(it *item) bool { return !it.inProgress() })
	if _, err := t.rename(ctx, changing); err != nil {
		return err
	}
	for _, it := range wave {
		if !it.inProgress() || it.kind.Outside {
			continue
		}
		if it.Fail == "" {
			if err := t.keepRow(it); err != nil {
				return err
			}
		}
		if !it.Hang && it.Due == 0 {
			if it.Fail != "" {
				t.end(it, UpdateFailed, it.Fail)
			} else {
				t.accomplish(it)
			}
		}
	}
	t.closeUndone()
	return nil
}

// restore gives a superseded item its place back, and returns what had taken
// it, which is to go.
func (l *live) restore(it *item) (fresh *item) {
	if fresh = l.items[it.LogicalID]; fresh != nil {
		l.supersede(fresh, deleted)
	}
	l.olds = slices.DeleteFunc(l.olds, func(other *item) bool { return other == it })
	it.Superseded = ""
	l.items[it.LogicalID] = it
	return fresh
}

// undone ends the undoing, well if all is as it was. What the update made is
// left to be removed.
func (t *turn) undone() {
	l := t.l
	st := &l.stack
	var failed []*item
	for _, it := range l.order {
		if it.tried && l.toUndo(it) {
			failed = append(failed, it)
		}
	}
	if len(failed) > 0 {
		t.turnTo(UpdateRollbackFailed, fmt.Sprintf("The following resource(s) failed to update: [%s]. ", names(failed)))
		if t.over = true; st.Journal.Failure == nil {
			st.Journal.Failure = &Failure{Reason: st.Reason, Causes: causesOf(failed)}
		}
		return
	}
	for _, it := range l.items {
		if it.Generation > st.Transition.Base && it.Status != "" {
			l.supersede(it, l.undonePolicy(it))
		} else if it.Status == "" {
			delete(l.items, it.LogicalID) // it was never begun
		}
	}
	for _, it := range l.olds {
		// What an earlier try made may have been superseded by a later one.
		if it.Generation > st.Transition.Base && !it.Lost {
			t.touch(it)
		}
	}
	t.imports, t.exports, t.holds, t.forces = st.Transition.Imports, exported(st.Outputs), true, st.Transition.Held
	for _, it := range l.items {
		if it.Next != nil {
			it.Next = nil
			t.touch(it)
		}
	}
	st.Transition = nil
	t.turnTo(UpdateRollbackCompleteCleanupInProgress, "")
	t.did = true
	if st.Journal.Led {
		t.over = true // its parent says when to go on
		return
	}
	st.Journal.Phase = clearing
	l.arrange()
	l.planRemovalOf((*item).doomed)
}

// undonePolicy is what becomes of a resource that an undone update created.
func (l *live) undonePolicy(it *item) string {
	if it.Complete && it.Policy == retained && !l.stack.RetainExceptOnCreate {
		return retained
	}
	return deleted
}

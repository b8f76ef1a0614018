package stack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/schema"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/workflow"
)

// beat carries one beat of an operation: it looks where the stack stands,
// works on it in memory, and has the result written in one transaction that
// holds only if nobody else has changed the stack.
func (s *Stacks) beat(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
	l, err := s.resume(ctx, b)
	if err != nil {
		return workflow.Verdict{}, err
	}
	if l == nil {
		return workflow.End(), nil // another operation is in charge, or this one has ended
	}
	t := &turn{s: s, l: l, rules: s.Rules(), now: b.Now, budget: s.limits.Beat, calls: s.limits.Calls, touched: map[*item]int{}, claimed: map[string]string{}}
	if err := t.run(ctx); err != nil {
		return workflow.Verdict{}, err
	}
	if !t.over && len(t.events) == 0 && len(t.changed) == 0 && len(t.cancels) == 0 {
		s.residents.put(l) // there was nothing to do yet
		return t.next(), nil
	}
	r, err := t.record(ctx)
	if err != nil {
		return workflow.Verdict{}, err
	}
	if t.over {
		return workflow.End().Write(r.write), nil
	}
	s.residents.put(l)
	note := t.note
	if note == "" {
		note = string(l.stack.Status)
	}
	return t.next().Write(r.write).Noted(note), nil
}

// turn is the work of one beat.
type turn struct {
	s   *Stacks
	l   *live
	now time.Time

	budget int // items that may still be started or settled
	calls  int // handlers outside that may still be asked

	touched map[*item]int // index into changed
	changed []*item
	events  []happening

	effects []resource.Effect
	claimed map[string]string // by this very beat: claim to stack

	rules            resource.Rules // in force during this beat
	uses, usesBefore resource.Uses

	imports []string
	exports []Output
	letGo   bool // of imports and exports
	holds   bool // only the imports and exports above, from now on
	forces  bool // whoever has come to need others
	cancels []cancellation

	unsettled []*item // nested stacks that have not settled yet

	policy *policy // the stack's, once it was asked for

	unheard []string // sources of signals that nobody awaits any more

	note string // for operators
	over bool
	did  bool // something was done that may have made more possible
}

// run works until nothing more can be done now or the budget is spent.
func (t *turn) run(ctx context.Context) error {
	t.relieve()
	if err := t.loadUses(ctx); err != nil {
		return err
	}
	for !t.over && t.budget > 0 {
		t.did = false
		var err error
		switch t.l.stack.Journal.Phase {
		case creating:
			err = t.create(ctx)
		case updating:
			err = t.update(ctx)
		case undoing:
			err = t.undo(ctx)
		case rollingBack, deleting, tidying, clearing:
			err = t.remove(ctx)
		default:
			return fmt.Errorf("stack %s: phase %q with an operation in charge", t.l.stack.ID, t.l.stack.Journal.Phase)
		}
		if err != nil {
			return err
		}
		if !t.did {
			break
		}
	}
	return nil
}

func (t *turn) loadUses(ctx context.Context) error {
	t.uses, t.usesBefore = resource.Uses{}, resource.Uses{}
	if !t.rules.Counts() {
		return nil
	}
	return t.s.db.View(ctx, func(tx *db.Tx) (err error) {
		if t.usesBefore, err = t.rules.LoadUses(tx); err == nil {
			t.uses = maps.Clone(t.usesBefore)
		}
		return err
	})
}

// next says when the operation goes on.
func (t *turn) next() workflow.Verdict {
	l := t.l
	if t.did || t.budget == 0 {
		return workflow.Again(0)
	}
	wait := t.s.limits.Patience
	for _, it := range slices.Concat(l.open, t.unsettled) {
		if !it.Hang && !it.awaited {
			wait = min(wait, time.UnixMilli(it.Due).Sub(t.now))
		}
		if it.listening() && it.Wait.Handle != nil && it.Wait.Handle.Stack != l.stack.ID {
			wait = min(wait, foreignLook) // nobody wakes this stack for the signals of another
		}
	}
	if d := l.stack.Journal.Deadline; d > 0 {
		wait = min(wait, time.UnixMilli(d).Sub(t.now))
	}
	if wait <= 0 {
		return workflow.Again(0)
	}
	return workflow.Await(wake(l.stack.Journal.Run), wait)
}

// wake is the signal by which a waiting operation is told to look again.
func wake(run string) string { return run + "/wake" }

// touch notes that an item is changed by this beat.
func (t *turn) touch(it *item) int {
	n, ok := t.touched[it]
	if !ok {
		n = len(t.changed)
		t.touched[it] = n
		t.changed = append(t.changed, it)
	}
	return n
}

// tick returns the time of the next event: times increase strictly, so that
// sorting by time tells the order.
func (t *turn) tick() int64 {
	j := &t.l.stack.Journal
	j.Clock = max(j.Clock+1, t.now.UnixMilli())
	return j.Clock
}

// tell records an event of an item, which has its new status already.
func (t *turn) tell(it *item, reason string, early bool) {
	it.At = t.tick()
	t.events = append(t.events, happening{Item: t.touch(it), Status: it.Status, Reason: reason, Early: early, At: it.At})
}

// turnTo gives the stack itself a status and records the event.
func (t *turn) turnTo(status Status, reason string) {
	st := &t.l.stack
	st.Status, st.Reason = status, reason
	t.events = append(t.events, happening{Item: stackItem, ID: id.UUID(), Status: status, Reason: reason, At: t.tick()})
}

// end settles an item for good and records the event.
func (t *turn) end(it *item, status Status, reason string) {
	t.forget(it)
	it.settle(status, reason)
	t.tell(it, reason, it.Physical == "")
	t.did = true
}

// product returns the product that a stack was launched from, by the tag that
// Service Catalog puts on it.
func product(st *Stack) string {
	for _, tag := range st.Tags {
		if tag.Key == "aws:servicecatalog:productArn" {
			return tag.Value[strings.LastIndexByte(tag.Value, '/')+1:]
		}
	}
	return ""
}

// token identifies an item among all that was ever made.
func (t *turn) token(it *item) string {
	return fmt.Sprintf("%s/%s/%d", t.l.stack.ID, it.LogicalID, it.Generation)
}

// request describes an item to its handler.
func (t *turn) request(action resource.Action, it *item) resource.Request {
	tags := make([]schema.Tag, len(t.l.stack.Tags))
	for i, tag := range t.l.stack.Tags {
		tags[i] = schema.Tag(tag)
	}
	token := t.token(it)
	if action == resource.Update {
		// A resource is made and removed once, but updated many times.
		token += fmt.Sprintf("/%s/%d", strings.ToLower(string(t.l.stack.Journal.Phase)), t.l.stack.Journal.First)
	}
	return resource.Request{
		Action: action, Token: token,
		Wake: wake(t.l.stack.Journal.Run), Type: it.kind.Schema, Name: it.Type, Seed: t.l.seed(it), Tags: tags,
		Properties: it.given, Model: it.model, State: it.Kept,
	}
}

// names lists logical ids as CloudFormation does in its reasons.
func names(items []*item) string {
	ids := make([]string, len(items))
	for i, it := range items {
		ids[i] = it.LogicalID
	}
	return strings.Join(ids, ", ")
}

// isText reports whether a string can be kept as a column.
func isText(s string) bool { return len(s) <= maxName && !strings.ContainsRune(s, 0) }

// maxName bounds physical ids and identifiers.
const maxName = 4096

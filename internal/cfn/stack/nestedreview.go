package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"larder/internal/cfn/changeset"
	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
	"larder/internal/db"
	"larder/internal/id"
)

// A change set that includes nested stacks is a tree of change sets, each of a
// stack that is there or one that is in review. Only the root can be executed
// or deleted; executing it, each stack finds the change sets of those nested
// in it.

// reviewing is a change set with what is to be written of it.
type reviewing struct {
	cs            ChangeSet
	st            Stack
	found         bool      // the stack is there already
	p             *proposal // nil if there is none
	without, with changeset.Set
}

// onlyByRoot is the reason of a nested change set (public recordings).
const onlyByRoot = "Only executable from the root change set."

// fail makes a change set one that cannot be executed.
func (cs *ChangeSet) fail(reason string) {
	cs.Status, cs.Reason, cs.Execution = ChangeSetFailed, reason, Unavailable
}

// reviewNested makes the change sets of the stacks nested in that of r, and
// tells the proposal of them.
func (s *Stacks) reviewNested(ctx context.Context, r *reviewing, in ChangeSetInput) (all []*reviewing, err error) {
	set, err := r.p.Changes()
	if err != nil {
		return nil, err
	}
	// What others take from what is made anew is not known yet.
	open := prospect{live: r.p.Live, anew: map[string]bool{}}
	for i := range set.Changes {
		ch := &set.Changes[i]
		open.anew[ch.LogicalID] = ch.Action == changeset.Add || ch.Replacement != changeset.ReplacementFalse
	}
	r.cs.Nested, r.p.Nested, r.p.Same = map[string]string{}, map[string]string{}, map[string]bool{}
	for _, res := range r.p.New.Resources() {
		if res.Type != stackType {
			continue
		}
		nested, err := s.reviewEmbedded(ctx, r, in, res.LogicalID, open)
		if err != nil {
			return nil, err
		}
		own := &nested[0].cs
		switch {
		case own.Status == ChangeSetComplete:
			own.Execution, own.Reason = Unavailable, onlyByRoot
		case own.Reason == changeset.NoChanges:
			r.p.Same[res.LogicalID] = true
			continue
		default:
			r.cs.fail(fmt.Sprintf("Nested change set %s was not successfully created: Currently in FAILED.", own.ID))
		}
		r.cs.Nested[res.LogicalID], r.p.Nested[res.LogicalID] = own.ID, own.ID
		all = append(all, nested...)
	}
	return all, nil
}

// reviewEmbedded makes the change set of one nested stack, and of those nested
// in it. What is refused of it makes it fail.
func (s *Stacks) reviewEmbedded(ctx context.Context, r *reviewing, in ChangeSetInput, logicalID string, live template.Live) ([]*reviewing, error) {
	st, found, err := s.nestedSubject(ctx, r, logicalID)
	if err != nil {
		return nil, err
	}
	in = ChangeSetInput{
		UpdateInput: UpdateInput{
			Account: in.Account, Region: in.Region, Stack: st.ID, Role: r.p.next.Role, Capabilities: in.Capabilities, AllCapabilities: in.AllCapabilities,
		},
		Name: nestedName(in.Name, logicalID, r.cs.ID), Creates: !found || st.Status == ReviewInProgress, OnFailure: in.OnFailure, Nested: true, parent: &r.cs,
	}
	all, err := s.embeddedReview(ctx, r, in, st, found, logicalID, live)
	if refusal, ok := AsError(err); ok {
		failed := &reviewing{cs: s.newChangeSet(in, &st), st: st, found: found}
		failed.cs.fail(refusal.Message)
		return []*reviewing{failed}, nil
	}
	return all, err
}

func (s *Stacks) embeddedReview(ctx context.Context, r *reviewing, in ChangeSetInput, st Stack, found bool, logicalID string, live template.Live) ([]*reviewing, error) {
	if !in.Creates {
		if err := mayUpdate(&st); err != nil {
			return nil, err
		}
	}
	props, err := r.p.New.Properties(logicalID, live)
	if err != nil {
		return nil, err
	}
	kind, _ := s.handlers.Find(stackType)
	e, err := embeddingOf(kind.Schema, &r.p.next, logicalID, asFarAsKnown(props).(map[string]any))
	if err != nil {
		return nil, err
	}
	in.Parameters, in.Tags, in.Topics = e.parameters, &e.tags, e.topics
	if in.Template, err = FetchTemplate(ctx, s.fetch, e.url, s.reading.Bytes); err != nil {
		return nil, err
	}
	return s.review(ctx, st, found, in)
}

// nestedSubject returns the nested stack that a resource is, or one in review
// that it is to be.
func (s *Stacks) nestedSubject(ctx context.Context, r *reviewing, logicalID string) (st Stack, found bool, err error) {
	parent := &r.st
	if r.p.Live != nil {
		if physical, ok := r.p.Live.Physical(logicalID); ok {
			st, err = s.lookup(ctx, parent.Account, parent.Region, physical, "Stack [%s] does not exist")
			return st, true, err
		}
	}
	generation := parent.Generation
	if !r.cs.Creates {
		generation++ // that of the update, see transit
	}
	name := nestedName(parent.Name, logicalID, fmt.Sprintf("%s/%s/%d", parent.ID, logicalID, generation))
	st, found, err = s.subject(ctx, ChangeSetInput{UpdateInput: UpdateInput{Account: parent.Account, Region: parent.Region, Stack: name}, Creates: true})
	if err != nil {
		return Stack{}, false, err
	}
	err = s.nest(&st, parent)
	st.Journal.Led = false
	return st, found, err
}

// prospect answers with what resources are, as far as they stay.
type prospect struct {
	live changeset.Live
	anew map[string]bool
}

func (p prospect) Ref(logicalID string) (schema.Value, bool) {
	if p.live != nil && !p.anew[logicalID] {
		if v, ok := p.live.Ref(logicalID); ok {
			return v, true
		}
	}
	return template.Undecided{}.Ref(logicalID)
}

func (p prospect) GetAtt(logicalID, attribute string) (schema.Value, error) {
	if p.live != nil && !p.anew[logicalID] {
		if _, ok := p.live.Ref(logicalID); ok {
			return p.live.GetAtt(logicalID, attribute)
		}
	}
	return template.Undecided{}.GetAtt(logicalID, attribute)
}

// asFarAsKnown puts the text of what is unknown in its place.
func asFarAsKnown(value schema.Value) schema.Value {
	switch v := value.(type) {
	case template.Unknown:
		return v.Text
	case map[string]any:
		known := make(map[string]any, len(v))
		for key, inner := range v {
			known[key] = asFarAsKnown(inner)
		}
		return known
	case []any:
		known := make([]any, len(v))
		for i, inner := range v {
			known[i] = asFarAsKnown(inner)
		}
		return known
	}
	return value
}

// writeReviews records change sets and the stacks that are to be in review,
// all or none.
func (s *Stacks) writeReviews(ctx context.Context, all []*reviewing) error {
	writes := make([]func(*db.Tx) error, len(all))
	for i, r := range all {
		var err error
		if writes[i], err = s.writeChangeSet(r); err != nil {
			return err
		}
	}
	err := s.db.Update(ctx, func(tx *db.Tx) error {
		for _, write := range writes {
			if err := write(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, db.ErrUnique) {
		return errMoved // somebody else made one of that name
	}
	return err
}

// dropReviews returns what deletes change sets with those nested in them, and
// the stacks in review that no other is about.
func (s *Stacks) dropReviews(ctx context.Context, sets ...ChangeSet) (func(*db.Tx) error, error) {
	var ids []string
	var gone []func(*db.Tx) error
	err := s.db.View(ctx, func(tx *db.Tx) error {
		ids, gone = nil, nil
		var subjects []string
		for i := range sets {
			ids = append(ids, sets[i].ID)
			err := eachNested(tx, &sets[i], func(nested *ChangeSet) {
				ids = append(ids, nested.ID)
				if !slices.Contains(subjects, nested.Stack) {
					subjects = append(subjects, nested.Stack)
				}
			})
			if err != nil {
				return err
			}
		}
		for _, subject := range subjects {
			drop, err := s.dropReview(tx, subject, ids)
			if err != nil {
				return err
			}
			gone = append(gone, drop)
		}
		return nil
	})
	return func(tx *db.Tx) error {
		for _, id := range ids {
			if err := tx.Exec(`DELETE FROM stack_change_set WHERE id = ?`, id); err != nil {
				return err
			}
		}
		for _, drop := range gone {
			if err := drop(tx); err != nil {
				return err
			}
		}
		return nil
	}, err
}

// dropReview returns what ends a stack in review of which no change set but
// those is left.
func (s *Stacks) dropReview(tx *db.Tx, subject string, dropped []string) (func(*db.Tx) error, error) {
	nothing := func(*db.Tx) error { return nil }
	st, err := stackByID(tx, subject)
	if none(err) || err == nil && st.Status != ReviewInProgress {
		return nothing, nil
	}
	if err != nil {
		return nil, err
	}
	left, err := db.Collect(tx, scanChangeSet, selectChangeSet+` WHERE stack = ?`, subject)
	if err != nil {
		return nil, err
	}
	for i := range left {
		if !slices.Contains(dropped, left[i].ID) {
			return nothing, nil
		}
	}
	return s.leaveReview(st)
}

// abandonReviews returns what deletes the change sets of a stack in review,
// which is deleted itself.
func (s *Stacks) abandonReviews(ctx context.Context, st *Stack) (func(*db.Tx) error, error) {
	var sets []ChangeSet
	if st.Status != ReviewInProgress {
		return func(*db.Tx) error { return nil }, nil
	}
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		sets, err = db.Collect(tx, scanChangeSet, selectChangeSet+` WHERE stack = ?`, st.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.dropReviews(ctx, sets...)
}

// leaveReview ends a stack that never was more than in review.
func (s *Stacks) leaveReview(st Stack) (func(*db.Tx) error, error) {
	now := s.now().UTC()
	st.Status, st.Reason, st.Deleted = DeleteComplete, "", now
	st.Journal.Packs++
	st.Journal.Clock = max(st.Journal.Clock+1, now.UnixMilli())
	packed, err := pack{Events: []happening{{Item: stackItem, ID: id.UUID(), Status: DeleteComplete, At: st.Journal.Clock}}}.encode()
	if err != nil {
		return nil, err
	}
	body, err := st.encode()
	mark := id.UUID()
	return func(tx *db.Tx) error {
		if err := updateStack(tx, &st, mark, body); err != nil {
			return err
		}
		return insertPack(tx, st.ID, st.Journal.Packs, packed)
	}, err
}

// eachNested calls yield for each change set nested in one, the deepest first.
func eachNested(tx *db.Tx, cs *ChangeSet, yield func(*ChangeSet)) error {
	for _, logicalID := range slices.Sorted(maps.Keys(cs.Nested)) {
		nested, err := changeSetByID(tx, cs.Nested[logicalID])
		if none(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err := eachNested(tx, &nested, yield); err != nil {
			return err
		}
		yield(&nested)
	}
	return nil
}

// executing returns what marks a change set as executed by an operation. The
// others of its stack go: they were made for a stack that is no more.
func (s *Stacks) executing(ctx context.Context, cs ChangeSet, operation string) (func(*db.Tx) error, error) {
	cs.Operation = operation
	body, err := json.Marshal(&cs)
	if err != nil {
		return nil, err
	}
	var others []ChangeSet
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		others, err = db.Collect(tx, scanChangeSet, selectChangeSet+` WHERE stack = ? AND executed = 0 AND id <> ?`, cs.Stack, cs.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	drop, err := s.dropReviews(ctx, others...)
	return func(tx *db.Tx) error {
		if err := drop(tx); err != nil {
			return err
		}
		return tx.Exec(`UPDATE stack_change_set SET executed = 1, body = ? WHERE id = ?`, string(body), cs.ID)
	}, err
}

// planned is what the change set that the parent executes says of a nested
// stack.
type planned struct {
	same bool      // nothing changes in it
	cs   ChangeSet // its own; zero if nothing is said
	text []byte    // its template
}

func (t *turn) planned(ctx context.Context, it *item) (p planned, err error) {
	executed := t.l.stack.Journal.ChangeSet
	if executed == "" {
		return p, nil
	}
	err = t.s.db.View(ctx, func(tx *db.Tx) error {
		p = planned{}
		cs, err := changeSetByID(tx, executed)
		if err != nil || !cs.IncludesNested {
			return err
		}
		nested, ok := cs.Nested[it.LogicalID]
		if p.same = !ok; p.same {
			return nil
		}
		if p.cs, err = changeSetByID(tx, nested); err != nil {
			return err
		}
		p.text, err = db.Blob(tx, p.cs.Settings.Digest)
		return err
	})
	return p, err
}

// executed returns what marks the change set of a plan, if there is one, as
// executed.
func (s *Stacks) executed(ctx context.Context, p planned, operation string) (func(*db.Tx) error, error) {
	if p.cs.ID == "" {
		return func(*db.Tx) error { return nil }, nil
	}
	return s.executing(ctx, p.cs, operation)
}

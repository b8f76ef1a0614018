package stack

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/workflow"
)

// led is how far a nested stack is with what its parent wants of it.
type led struct {
	child   Stack // zero if there is none
	waits   bool  // it reports when it is done
	later   bool  // this beat has asked enough of others
	failure string
}

// leads reports whether an item in progress is carried by its nested stack,
// and not by a rule.
func (t *turn) leads(it *item) bool { return it.nested() && it.Fail == "" }

// lead has the nested stack of an item in progress do what the item is in
// progress for, or looks how far it is. Looking changes nothing, so that each
// beat can look at all of them.
func (t *turn) lead(ctx context.Context, it *item) error {
	var p led
	var err error
	switch {
	case it.Status == DeleteInProgress:
		p, err = t.leadRemoval(ctx, it)
	case !it.inPlace():
		p, err = t.leadCreation(ctx, it)
	case t.l.stack.Journal.Phase == undoing:
		p, err = t.leadUndoing(ctx, it)
	default:
		p, err = t.leadUpdate(ctx, it)
	}
	it.awaited = err == nil && p.waits
	switch {
	case errors.Is(err, errOvertaken):
		return err
	case err != nil:
		return t.retry(ctx, it, err)
	}
	if p.child.ID == "" && p.failure != "" && it.Status == CreateInProgress {
		it.Asked = false // it was refused: nothing of it exists
	}
	if p.child.ID != "" && (it.Physical == "" || it.Status != DeleteInProgress && !p.waits) {
		if it.model, err = t.s.embedded(it, &p.child); err != nil {
			return err
		}
		switch {
		case it.Physical == "" && it.Status == DeleteInProgress: // it is known only now what is deleted
			it.Physical = p.child.ID
			t.touch(it)
			err = t.keepRow(it)
		case it.Physical == "":
			err = t.initiate(it)
		default:
			err = t.keepRow(it)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case p.waits, p.later:
	case p.failure != "" && it.Status == DeleteInProgress:
		t.end(it, DeleteFailed, p.failure)
	case p.failure != "":
		t.end(it, it.failure(), p.failure)
	case it.Status == DeleteInProgress:
		t.removeRow(it)
	default:
		it.Unsettled = it.Unsettled || it.inPlace()
		t.accomplish(it)
	}
	return nil
}

// A fence keeps a beat that others have overtaken from beginning anything: a
// nested stack's operation begins only while its parent's row is the one that
// the beat has read. Its zero value holds nobody back.
type fence struct{ stack, mark string }

func (t *turn) fence() fence { return fence{t.l.stack.ID, t.l.stack.mark} }

var errOvertaken = errors.New("the parent stack has changed meanwhile")

func (f fence) hold(tx *db.Tx) error {
	if f.stack == "" {
		return nil
	}
	var mark string
	err := tx.Row(`SELECT mark FROM stack WHERE id = ?`, f.stack).Scan(&mark)
	if err == nil && mark != f.mark {
		err = errOvertaken
	}
	return err
}

// refused is what comes of a nested stack that was refused.
func refused(err error) (led, error) {
	if refusal, ok := AsError(err); ok {
		return led{failure: refusal.Message}, nil
	}
	return led{}, err
}

// operation is the key of what the operation in charge wants of a nested
// stack for the n-th time, n being the operation's number.
func (t *turn) operation(it *item) string {
	j := &t.l.stack.Journal
	return t.token(it) + "/" + string(j.Phase) + "/" + strconv.FormatInt(j.First, 10)
}

// calls reports whether the beat may still ask something of others.
func (t *turn) mayCall() bool {
	if t.calls == 0 {
		return false
	}
	t.calls--
	return true
}

// asked looks how far the operation is that key stands for; false if it was
// not begun. Of one that has ended, verdict says what it failed with, "" if it
// did not.
func (t *turn) asked(ctx context.Context, kind Kind, key string, verdict func(*Stack, Operation) string) (led, bool, error) {
	op, child, begun, err := t.s.Operation(ctx, t.l.stack.Account, t.l.stack.Region, kind, key)
	if err != nil || !begun {
		return led{}, false, err
	}
	if !op.Ended {
		return led{child: child, waits: true}, true, nil
	}
	return led{child: child, failure: verdict(&child, op)}, true, nil
}

// fell is a verdict's sentence about an operation that had to end in good.
func fell(verb string, good Status) func(*Stack, Operation) string {
	return func(child *Stack, op Operation) string {
		if op.Outcome == good {
			return ""
		}
		return fmt.Sprintf("Embedded stack %s was not successfully %s: %s", child.ID, verb, op.reason())
	}
}

// leadCreation has the nested stack made. Its template is kept with it in the
// same transaction, so that a repetition does not fetch it again.
func (t *turn) leadCreation(ctx context.Context, it *item) (led, error) {
	st := &t.l.stack
	if p, begun, err := t.asked(ctx, KindCreate, t.token(it), fell("created", CreateComplete)); begun || err != nil {
		return p, err
	}
	if !t.mayCall() {
		return led{later: true}, nil
	}
	plan, err := t.planned(ctx, it)
	if err != nil {
		return led{}, err
	}
	e, text, err := t.embed(ctx, it, plan)
	if err != nil {
		return refused(err)
	}
	child, err := t.s.Create(ctx, CreateInput{
		Account: st.Account, Region: st.Region, Operation: t.token(it), Token: st.Journal.Token, Report: wake(st.Journal.Run), parent: st, fence: t.fence(), planned: plan,
		Name: nestedName(st.Name, it.LogicalID, t.token(it)), Template: text, Parameters: e.parameters, Tags: e.tags, Topics: e.topics,
		Capabilities: st.Capabilities, AllCapabilities: st.AllCapabilities, Role: st.Role, Timeout: e.timeout,
		OnFailure: st.OnFailure, RetainExceptOnCreate: st.RetainExceptOnCreate,
	})
	if err != nil {
		return refused(err)
	}
	return led{child: child, waits: true}, nil
}

// embed reads what an item says of its nested stack and fetches the template,
// unless a change set has.
func (t *turn) embed(ctx context.Context, it *item, plan planned) (e embedding, text []byte, err error) {
	if e, err = embeddingOf(it.kind.Schema, &t.l.stack, it.LogicalID, it.given); err != nil {
		return e, nil, err
	}
	if plan.text != nil {
		return e, plan.text, nil
	}
	text, err = FetchTemplate(ctx, t.s.fetch, e.url, t.s.reading.Bytes)
	return e, text, err
}

// leadUpdate has the nested stack updated, or learns that there is nothing to
// do: what its template has become, only fetching it tells.
func (t *turn) leadUpdate(ctx context.Context, it *item) (led, error) {
	st := &t.l.stack
	p, begun, err := t.asked(ctx, KindUpdate, t.operation(it), func(child *Stack, op Operation) string {
		if op.Outcome == UpdateCompleteCleanupInProgress || op.Outcome == UpdateComplete {
			return ""
		}
		return notUpdated(child, op)
	})
	if begun || err != nil {
		return p, err
	}
	child, err := t.child(ctx, it)
	if err != nil {
		return refused(err)
	}
	if child.Journal.Run != "" && child.Journal.Led {
		return t.attend(ctx, child) // what an earlier operation canceled has not ended yet
	}
	plan, err := t.planned(ctx, it)
	switch {
	case err != nil:
		return led{}, err
	case plan.same:
		return led{child: child}, nil
	case !t.mayCall():
		return led{later: true}, nil
	}
	e, text, err := t.embed(ctx, it, plan)
	if err != nil {
		return refused(err)
	}
	_, err = t.s.Update(ctx, UpdateInput{
		Account: st.Account, Region: st.Region, Operation: t.operation(it), Token: st.Journal.Token, Report: wake(st.Journal.Run), led: true, fence: t.fence(), planned: plan,
		Stack: child.ID, Template: text, Parameters: e.parameters, Tags: &e.tags, Topics: e.topics,
		Capabilities: st.Capabilities, AllCapabilities: st.AllCapabilities, Role: st.Role,
		DisableRollback: st.Transition.KeepFailed, RetainExceptOnCreate: st.RetainExceptOnCreate,
	})
	if IsUnchanged(err) {
		return led{child: child}, nil
	}
	if err != nil {
		return refused(err)
	}
	return led{child: child, waits: true}, nil
}

// leadUndoing has the update of the nested stack undone, if there was one.
func (t *turn) leadUndoing(ctx context.Context, it *item) (led, error) {
	st := &t.l.stack
	p, begun, err := t.asked(ctx, kindUndo, t.operation(it), func(child *Stack, op Operation) string {
		if op.Outcome != UpdateRollbackFailed {
			return ""
		}
		return notUpdated(child, op)
	})
	if begun || err != nil {
		return p, err
	}
	child, err := t.child(ctx, it)
	switch _, gone := AsError(err); {
	case gone:
		return led{}, nil
	case err != nil:
		return led{}, err
	case child.Journal.Run != "":
		return t.attend(ctx, child)
	case child.Transition == nil || child.Status == DeleteComplete:
		return led{child: child}, nil
	}
	err = t.s.direct(ctx, child, direction{
		kind: kindUndo, key: t.operation(it), token: st.Journal.Token, report: wake(st.Journal.Run), fence: t.fence(),
		skip: skipsFor(&child, st.Journal.Skip),
	})
	return led{child: child, waits: true}, err
}

// leadRemoval has the nested stack deleted.
func (t *turn) leadRemoval(ctx context.Context, it *item) (led, error) {
	st := &t.l.stack
	if p, begun, err := t.asked(ctx, KindDelete, t.operation(it), fell("deleted", DeleteComplete)); begun || err != nil {
		return p, err
	}
	child, err := t.child(ctx, it)
	switch _, gone := AsError(err); {
	case gone, err == nil && child.Status == DeleteComplete:
		return led{}, nil
	case err != nil:
		return led{}, err
	case child.Journal.Run != "" && child.Journal.Led && child.Journal.Kind != KindCreate && child.Journal.Kind != KindDelete:
		return t.attend(ctx, child)
	}
	undoes := st.Journal.Undoes || st.Journal.Kind == KindCreate || st.Journal.Phase == clearing
	err = t.s.Delete(ctx, DeleteInput{
		Account: st.Account, Region: st.Region, Operation: t.operation(it), Token: st.Journal.Token, Report: wake(st.Journal.Run),
		Stack: child.ID, Role: st.Role, led: true, undoes: undoes, fence: t.fence(),
	})
	if err != nil {
		return refused(err)
	}
	// It may have been gone by then, and nothing reports.
	return led{child: child, later: true}, nil
}

// settleNested tells nested stacks that the update they were part of, or its
// undoing, is settled: they remove what it left over (AWS shows them as
// UPDATE_COMPLETE once more, also those in which nothing has changed). It
// reports whether some are not done yet.
func (t *turn) settleNested(ctx context.Context) (left bool, err error) {
	t.unsettled = nil
	for _, it := range t.l.order {
		if !it.Unsettled || it.superseded() || it.gone() {
			continue
		}
		if it.Due <= t.now.UnixMilli() {
			p, err := t.leadSettling(ctx, it)
			it.awaited = err == nil && p.waits
			switch {
			case errors.Is(err, errOvertaken):
				return false, err
			case err != nil:
				if err := t.retry(ctx, it, err); err != nil {
					return false, err
				}
			case !p.waits:
				it.Unsettled = false
				t.end(it, UpdateComplete, "")
				continue
			}
		}
		t.unsettled = append(t.unsettled, it)
	}
	return len(t.unsettled) > 0, nil
}

func (t *turn) leadSettling(ctx context.Context, it *item) (led, error) {
	st := &t.l.stack
	// How it ended is the nested stack's own affair.
	if p, begun, err := t.asked(ctx, kindSettle, t.operation(it), func(*Stack, Operation) string { return "" }); begun || err != nil {
		return p, err
	}
	child, err := t.child(ctx, it)
	switch _, gone := AsError(err); {
	case gone:
		return led{}, nil
	case err != nil:
		return led{}, err
	case child.Journal.Run != "" && child.Journal.Led:
		return t.attend(ctx, child)
	case !child.held():
		return led{child: child}, nil
	}
	err = t.s.direct(ctx, child, direction{
		kind: kindSettle, key: t.operation(it), token: st.Journal.Token, report: wake(st.Journal.Run), fence: t.fence(),
	})
	return led{child: child, waits: true}, err
}

// child returns the nested stack of an item; a refusal says that there is
// none.
func (t *turn) child(ctx context.Context, it *item) (Stack, error) {
	st := &t.l.stack
	if it.Physical != "" {
		return t.s.lookup(ctx, st.Account, st.Region, it.Physical, "Stack [%s] does not exist")
	}
	// It may have been made by a beat of which nothing else is known.
	child, made, err := t.s.begun(ctx, st.Account, st.Region, KindCreate, t.token(it))
	if err == nil && !made {
		err = invalid("Stack [%s] does not exist", it.LogicalID)
	}
	return child, err
}

// reason says why an operation failed.
func (op *Operation) reason() string {
	if op.Failure == nil {
		return string(op.Outcome)
	}
	return op.Failure.Reason
}

func notUpdated(child *Stack, op Operation) string {
	return fmt.Sprintf("Embedded stack %s was not successfully updated. Currently in %s with reason: %s", child.ID, op.Outcome, op.reason())
}

// attend waits for the end of the operation in charge of a nested stack.
func (t *turn) attend(ctx context.Context, child Stack) (led, error) {
	j := &t.l.stack.Journal
	key := j.Run + "/" + child.Journal.Run
	err := t.s.db.Update(ctx, func(tx *db.Tx) error {
		now, err := stackByID(tx, child.ID)
		if err != nil {
			return err
		}
		if now.Journal.Run != child.Journal.Run {
			return t.s.runner.Signal(tx, wake(j.Run)) // it has ended meanwhile
		}
		if _, err := findOperation(tx, child.Account, child.Region, kindAwait, key); !none(err) {
			return err
		}
		return insertOperation(tx, &child, kindAwait, key, wake(j.Run), false, "")
	})
	return led{child: child, waits: true}, err
}

// A direction is what a parent has a held nested stack go on with.
type direction struct {
	kind               Kind // kindUndo or kindSettle
	key, token, report string
	skip               []string
	fence              fence
}

const initiatedByParent = "Initiated by parent"

// direct begins what a parent has a nested stack go on with, if that is still
// as it was read.
func (s *Stacks) direct(ctx context.Context, st Stack, d direction) error {
	j := Journal{
		Operation: d.key, Kind: d.kind, Run: "stk-" + id.UUID(), Token: d.token, Led: true, Skip: d.skip,
		Clock: st.Journal.Clock, Packs: st.Journal.Packs + 1, First: st.Journal.Packs + 1,
	}
	first := pack{Token: d.token}
	definition := settleRun
	switch {
	case d.kind == kindUndo:
		definition, j.Phase = updateRun, undoing
		st.assume(st.Transition.Former)
		if st.Transition.Held {
			st.Outputs = st.Transition.Outputs
		}
		if st.Status != UpdateRollbackInProgress { // it has not failed itself
			j.Clock = max(j.Clock+1, s.now().UnixMilli())
			st.Status, st.Reason = UpdateRollbackInProgress, initiatedByParent
			first.Events = []happening{{Item: stackItem, ID: id.UUID(), Status: st.Status, Reason: st.Reason, At: j.Clock}}
		}
	case st.Status == UpdateRollbackCompleteCleanupInProgress:
		j.Phase = clearing
	default:
		j.Phase = tidying
	}
	st.Journal = j
	return s.proceed(ctx, &st, first, definition, d.report, d.fence)
}

// proceed records the operation that a stack's journal tells of, with its
// first pack, and starts its run, unless the stack has changed since it was
// read.
func (s *Stacks) proceed(ctx context.Context, st *Stack, first pack, definition, report string, f fence) error {
	packed, err := first.encode()
	if err != nil {
		return err
	}
	body, err := st.encode()
	if err != nil {
		return err
	}
	mark := id.UUID()
	return s.db.Update(ctx, func(tx *db.Tx) error {
		if err := f.hold(tx); err != nil {
			return err
		}
		if err := updateStack(tx, st, mark, body); err != nil {
			return err
		}
		if err := insertPack(tx, st.ID, st.Journal.Packs, packed); err != nil {
			return err
		}
		return s.startOperation(tx, st, definition, report)
	})
}

// abandon cancels what the nested stacks of items are doing, together with
// what the beat records.
func (t *turn) abandon(items []*item) {
	for _, it := range items {
		if it.nested() && (it.inProgress() || it.Unsettled && t.l.relentless()) {
			t.cancels = append(t.cancels, cancellation{physical: it.Physical, token: t.token(it), mark: id.UUID()})
		}
	}
}

// A cancellation stops what a nested stack does at its parent's word.
type cancellation struct {
	physical string // "" if it is not known
	token    string // of its creation
	mark     string // for its row
}

func (c cancellation) write(tx *db.Tx, runner *workflow.Runner, parent *Stack) error {
	if c.physical == "" {
		op, err := findOperation(tx, parent.Account, parent.Region, KindCreate, c.token)
		if none(err) {
			return nil
		}
		if err != nil {
			return err
		}
		c.physical = op.Stack
	}
	st, err := stackByID(tx, c.physical)
	if none(err) {
		return nil
	}
	if j := &st.Journal; err != nil || j.Run == "" || !j.Led || j.Canceled {
		return err
	}
	st.Journal.Canceled = true
	body, err := st.encode()
	if err != nil {
		return err
	}
	if err := updateStack(tx, &st, c.mark, body); err != nil {
		return err
	}
	return runner.Signal(tx, wake(st.Journal.Run))
}

package stack

import (
	"context"

	"larder/internal/id"
)

// RollbackInput asks for the way back from a creation or an update that failed
// and was left as it was.
type RollbackInput struct {
	Account, Region string
	Operation       string // idempotency key, as in CreateInput
	Token           string
	Report          string
	Stack           string // name or ARN
	Role            string

	RetainExceptOnCreate bool

	request request
}

// Rollback takes a stack back to where it was before: after a failed update
// to its last stable state, after a failed creation to nothing.
func (s *Stacks) Rollback(ctx context.Context, in RollbackInput) (st Stack, err error) {
	key := operationKey(in.Operation, in.Stack, in.Token)
	if in.request, err = requestOf(in.Operation, in.Stack, in.Token, in); err != nil {
		return Stack{}, err
	}
	err = s.insist(func() (err error) {
		var ok bool
		if st, _, ok, err = s.repeated(ctx, in.Account, in.Region, key, in.request, KindRollback); ok || err != nil {
			return err
		}
		st, err = s.tryRollback(ctx, in, key)
		return err
	})
	return st, err
}

func (s *Stacks) tryRollback(ctx context.Context, in RollbackInput, key string) (Stack, error) {
	st, err := s.lookup(ctx, in.Account, in.Region, in.Stack, "Stack [%s] does not exist")
	if err != nil {
		return Stack{}, err
	}
	if st.Parent != "" {
		return Stack{}, invalid("RollbackStack cannot be invoked on child stacks")
	}
	now := s.now().UTC()
	j := Journal{
		Operation: key, Kind: KindRollback, Run: "stk-" + id.UUID(), Token: in.Token, Request: s.digest(in.request),
		Clock: max(st.Journal.Clock+1, now.UnixMilli()), Packs: st.Journal.Packs + 1, First: st.Journal.Packs + 1,
	}
	run := updateRun
	switch st.Status {
	case UpdateFailed:
		j.Phase, st.Status = undoing, UpdateRollbackInProgress
		st.assume(st.Transition.Former)
	case CreateFailed:
		j.Phase, st.Status = rollingBack, RollbackInProgress
		j.Undoes, run, st.Deleted = true, deleteRun, now
	default:
		return Stack{}, invalid("Stack:%s is in %s state and can not be rolled back.", st.ID, st.Status)
	}
	st.Journal, st.Reason, st.RetainExceptOnCreate = j, userInitiated, in.RetainExceptOnCreate
	if in.Role != "" {
		st.Role = in.Role
	}
	return st, s.proceed(ctx, &st, pack{Token: in.Token, Events: []happening{{
		Item: stackItem, ID: id.UUID(), Status: st.Status, Reason: userInitiated, At: j.Clock,
	}}}, run, in.Report, fence{})
}

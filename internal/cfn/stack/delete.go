package stack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/workflow"
)

// DeleteInput asks for the end of a stack.
type DeleteInput struct {
	Account, Region string
	Operation       string // idempotency key, as in CreateInput
	Token           string
	Report          string
	Stack           string   // name or ARN
	Retain          []string // logical ids to leave behind; only in DELETE_FAILED
	Role            string

	led    bool // by the parent of a nested stack
	undoes bool // the creation
	fence  fence

	request request
}

// Delete starts the deletion of a stack. As on AWS, deleting what is gone or
// never was is no error, and a stack in creation stops being created.
func (s *Stacks) Delete(ctx context.Context, in DeleteInput) error {
	key := operationKey(in.Operation, in.Stack, in.Token)
	asked, err := requestOf(in.Operation, in.Stack, in.Token, in)
	if err != nil {
		return err
	}
	in.request = asked
	for {
		err := s.tryDelete(ctx, in, key)
		if !errors.Is(err, errMoved) {
			return err
		}
	}
}

// tryDelete deletes the stack as it was read, errMoved if it has changed since.
func (s *Stacks) tryDelete(ctx context.Context, in DeleteInput, key string) error {
	if _, _, ok, err := s.repeated(ctx, in.Account, in.Region, key, in.request, KindDelete); ok || err != nil {
		return err
	}
	var (
		st               Stack
		export, importer string
	)
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if st, err = find(tx, in.Account, in.Region, in.Stack); err != nil {
			return err
		}
		export, importer, err = importedFrom(tx, st.ID)
		if none(err) {
			return nil
		}
		return err
	})
	if none(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Status == DeleteComplete || st.Status == DeleteInProgress && st.Journal.Kind == KindDelete {
		return s.joinDeletion(ctx, &st, in, key)
	}
	if !in.led || st.Journal.Run != "" {
		if err := s.mayDelete(ctx, &st, in.Retain); err != nil {
			return err
		}
	}
	if export != "" {
		return invalid("Export %s cannot be deleted as it is in use by %s", export, importer)
	}
	drop, err := s.abandonReviews(ctx, &st)
	if err != nil {
		return err
	}
	now := s.now().UTC()
	before := st
	st.Journal = Journal{
		Operation: key, Kind: KindDelete, Run: "stk-" + id.UUID(), Token: in.Token, Request: s.digest(in.request), Phase: deleting,
		Led: in.led, Undoes: in.undoes, Retain: in.Retain, Clock: max(before.Journal.Clock+1, now.UnixMilli()), Packs: before.Journal.Packs + 1,
		First: before.Journal.Packs + 1,
	}
	st.Status, st.Reason, st.Deleted = DeleteInProgress, userInitiated, now
	if in.Role != "" {
		st.Role = in.Role
	}
	packed, err := pack{Token: in.Token, Events: []happening{{
		Item: stackItem, ID: id.UUID(), Status: DeleteInProgress, Reason: userInitiated, At: st.Journal.Clock,
	}}}.encode()
	if err != nil {
		return err
	}
	body, err := st.encode()
	if err != nil {
		return err
	}
	takenOver, err := Operation{Failure: &Failure{Reason: "The stack is being deleted"}}.encode()
	if err != nil {
		return err
	}
	mark := id.UUID()
	return s.db.Update(ctx, func(tx *db.Tx) error {
		if err := in.fence.hold(tx); err != nil {
			return err
		}
		if err := updateStack(tx, &st, mark, body); err != nil {
			return err
		}
		if err := drop(tx); err != nil {
			return err
		}
		if _, _, err := importedFrom(tx, st.ID); !none(err) {
			return errors.Join(errMoved, err)
		}
		if err := insertPack(tx, st.ID, st.Journal.Packs, packed); err != nil {
			return err
		}
		if before.Journal.Run != "" {
			// Its run finds at its next beat that it is not in charge any more.
			if err := endOperations(tx, s.runner, st.ID, takenOver); err != nil {
				return err
			}
			if err := s.runner.Signal(tx, wake(before.Journal.Run)); err != nil {
				return err
			}
		}
		if err := insertOperation(tx, &st, KindDelete, key, in.Report, false, ""); err != nil {
			return err
		}
		return s.runner.Start(tx, workflow.Begin{
			ID: st.Journal.Run, Definition: deleteRun, Subject: st.ID, Account: st.Account, Region: st.Region,
			Input: json.RawMessage(`{}`),
		})
	})
}

// joinDeletion answers a request to delete what is deleted already, or is
// being deleted: it ends together with that deletion.
func (s *Stacks) joinDeletion(ctx context.Context, st *Stack, in DeleteInput, key string) error {
	if in.Operation == "" {
		return nil
	}
	outcome, err := Operation{Outcome: DeleteComplete}.encode()
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *db.Tx) error {
		if _, err := findOperation(tx, st.Account, st.Region, KindDelete, key); !none(err) {
			return err
		}
		now, err := stackByID(tx, st.ID)
		if err != nil {
			return err
		}
		switch {
		case now.Status == DeleteComplete:
			return insertOperation(tx, st, KindDelete, key, "", true, outcome)
		case now.mark != st.mark && now.Journal.Run == "":
			return errMoved // it ended otherwise
		}
		return insertOperation(tx, st, KindDelete, key, in.Report, false, "")
	})
}

// mayDelete refuses what CloudFormation refuses at once.
func (s *Stacks) mayDelete(ctx context.Context, st *Stack, retain []string) error {
	switch st.Status {
	case UpdateInProgress, UpdateCompleteCleanupInProgress, UpdateRollbackInProgress, UpdateRollbackCompleteCleanupInProgress:
		if free, err := s.unheld(ctx, st, false); !free || err != nil {
			return cmp.Or(err, error(invalid("Stack [%s] cannot be deleted while in status %s", st.ID, st.Status)))
		}
	}
	protected := st.TerminationProtection
	if st.Root != "" {
		root, err := s.lookup(ctx, st.Account, st.Region, st.Root, "Stack [%s] does not exist")
		if _, gone := AsError(err); err != nil && !gone {
			return err
		}
		protected = protected || root.TerminationProtection
	}
	if protected {
		return invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", st.Name)
	}
	if len(retain) == 0 {
		return nil
	}
	if st.Status != DeleteFailed {
		return invalid("Invalid operation on stack [%s]. Specify which resources to retain only when the stack is in the DELETE_FAILED state.", st.ID)
	}
	resources, err := s.resourcesOf(ctx, st)
	if err != nil {
		return err
	}
	for _, logicalID := range retain {
		i := slices.IndexFunc(resources, func(r Resource) bool { return r.LogicalID == logicalID })
		if i < 0 {
			return invalid("Resource %s does not exist for stack %s", logicalID, st.Name)
		}
		if resources[i].Status == DeleteComplete {
			return invalid("The specified resources to retain must be in a valid state. Do not specify resources that are in the DELETE_COMPLETE state.")
		}
	}
	return nil
}

// CancelInput asks to stop an operation.
type CancelInput struct {
	Account, Region string
	Operation       string
	Kind            Kind
}

// Cancel stops a creation, which then rolls back, or lets a removal that
// waits for something end with what it has. An operation that has ended, or
// that nobody knows, is left alone.
func (s *Stacks) Cancel(ctx context.Context, in CancelInput) error {
	for {
		err := s.tryCancel(ctx, in)
		if !errors.Is(err, errMoved) {
			return err
		}
	}
}

func (s *Stacks) tryCancel(ctx context.Context, in CancelInput) error {
	st, ok, err := s.begun(ctx, in.Account, in.Region, in.Kind, in.Operation)
	if err != nil || !ok || st.Journal.Run == "" || st.Journal.Operation != in.Operation || st.Journal.Canceled {
		return err
	}
	return s.cancel(ctx, &st)
}

// cancel tells the operation in charge of a stack to stop.
func (s *Stacks) cancel(ctx context.Context, st *Stack) error {
	st.Journal.Canceled = true
	body, err := st.encode()
	if err != nil {
		return err
	}
	mark := id.UUID()
	return s.db.Update(ctx, func(tx *db.Tx) error {
		if err := updateStack(tx, st, mark, body); err != nil {
			return err
		}
		return s.runner.Signal(tx, wake(st.Journal.Run))
	})
}

// find returns a stack by its name (the active one) or ARN. A stack of
// another account or region is not found.
func find(tx *db.Tx, account, region, stack string) (Stack, error) {
	if !isARN(stack) {
		return stackByName(tx, account, region, stack)
	}
	st, err := stackByID(tx, stack)
	if err == nil && (st.Account != account || st.Region != region) {
		return Stack{}, db.ErrNoRows
	}
	return st, err
}

func isARN(s string) bool { return len(s) > 4 && s[:4] == "arn:" }

// sameOwner reports whether the stack of an ARN belongs to the account of st.
func sameOwner(arn string, st *Stack) bool {
	a, err := id.ParseARN(arn)
	return err == nil && a.Account == st.Account
}

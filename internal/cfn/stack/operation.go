package stack

import (
	"context"

	"larder/internal/db"
)

// Signal names the workflow signal for the end of an operation, to be given
// as Report.
func Signal(operation string) string { return "stack:" + operation }

// Kind is what an operation does to a stack.
type Kind string

// The kinds of operation.
const (
	KindCreate   Kind = "CREATE"
	KindDelete   Kind = "DELETE"
	KindUpdate   Kind = "UPDATE"
	KindContinue Kind = "CONTINUE_UPDATE_ROLLBACK"
	KindRollback Kind = "ROLLBACK"

	// What only the parent of a nested stack asks of it.
	kindUndo   Kind = "UNDO"   // an update
	kindSettle Kind = "SETTLE" // an update, or the undoing of one: remove what is left over
	kindAwait  Kind = "AWAIT"  // the end of whatever is going on
)

// Operation is what the journal knows of an operation.
type Operation struct {
	ID      string   `json:"-"`
	Kind    Kind     `json:"-"`
	Stack   string   `json:"-"` // ARN
	Ended   bool     `json:"-"`
	Outcome Status   `json:"outcome,omitempty"` // the stack's status when the operation ended; "" if another operation took over
	Failure *Failure `json:"failure,omitempty"`

	request string // digest of what was asked for under a client's token
}

// Failure says why an operation failed: the stack's own reason, and the
// resources that caused it, first cause first.
type Failure struct {
	Reason string  `json:"reason"`
	Causes []Cause `json:"causes,omitempty"`
}

// Cause is one resource's part in a failure.
type Cause struct {
	LogicalID string `json:"logicalId"`
	Type      string `json:"type"`
	Reason    string `json:"reason"`
}

// Operation returns an operation and its stack as they stand; ok is false if
// there is none of that id.
func (s *Stacks) Operation(ctx context.Context, account, region string, kind Kind, id string) (op Operation, st Stack, ok bool, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		if op, err = findOperation(tx, account, region, kind, id); err != nil {
			return err
		}
		st, err = stackByID(tx, op.Stack)
		return err
	})
	if none(err) {
		return Operation{}, Stack{}, false, nil
	}
	return op, st, err == nil, err
}

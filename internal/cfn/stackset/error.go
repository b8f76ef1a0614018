package stackset

import (
	"errors"
	"fmt"

	"larder/internal/cfn/stack"
	"larder/internal/db"
)

// Refusals are [stack.Error]s under the codes of CloudFormation's model.

func refuse(code, format string, args ...any) *stack.Error {
	return &stack.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *stack.Error {
	return refuse("ValidationError", format, args...)
}

func noSet(name string) *stack.Error {
	return refuse("StackSetNotFoundException", "StackSet %s not found", name)
}

func noOperation(id string) *stack.Error {
	return refuse("OperationNotFoundException", "Operation %s not found", id)
}

func busy(set *Set, operation string) *stack.Error {
	return refuse("OperationInProgressException", "Another Operation on StackSet %s is in progress: %s", set.ARN, operation)
}

// errMoved means that a set has changed since it was read; whoever wanted to
// change it looks again.
var errMoved = errors.New("the stack set has changed meanwhile")

func none(err error) bool { return errors.Is(err, db.ErrNoRows) }

package stack

import (
	"errors"
	"fmt"

	"larder/internal/cfn/template"
)

// Error is a refusal in CloudFormation's words. Nothing has been changed when
// an operation returns one.
type Error struct {
	Code    string // ValidationError, AlreadyExistsException …
	Message string
}

func (e *Error) Error() string { return e.Message }

// AsError returns the refusal in err's chain, if there is one. Faults of a
// template are refusals too.
func AsError(err error) (*Error, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e, true
	}
	if e, ok := errors.AsType[*template.Error](err); ok {
		return &Error{Code: e.Code, Message: e.Message}, true
	}
	return nil, false
}

func invalid(format string, args ...any) *Error {
	return &Error{Code: "ValidationError", Message: fmt.Sprintf(format, args...)}
}

package awsquery

import (
	"fmt"
	"net/http"
)

// Error is what an operation answers instead of a result. It carries the code
// that goes on the wire. Like the API's own error it keeps code and message
// when it is wrapped with %w; an error of any other type reaches the client
// as InternalFailure without text.
type Error struct {
	Code    string // such as ValidationError
	Message string // AWS's words where they are known
	Status  int    // HTTP status, as the service's model gives it
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Codes that any operation may answer. The modeled ones are generated, each
// with a constructor.
const (
	CodeAccessDenied         = "AccessDenied"
	CodeInternalFailure      = "InternalFailure"
	CodeInvalidAction        = "InvalidAction"
	CodeMalformedInput       = "MalformedInput"
	CodeMissingAction        = "MissingAction"
	CodeUnsupportedOperation = "UnsupportedOperationException"
	CodeValidation           = "ValidationError"
)

// Errorf returns an error with the given code and HTTP status 400. Prefer the
// constructors named after AWS's exceptions.
func Errorf(code, format string, args ...any) *Error {
	return errorf(code, http.StatusBadRequest, format, args...)
}

func errorf(code string, status int, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Status: status}
}

// ValidationError is CloudFormation's answer to nearly every fault of a
// request, also to names of things that do not exist.
func ValidationError(format string, args ...any) *Error {
	return Errorf(CodeValidation, format, args...)
}

// AccessDenied says that the caller may not do this.
func AccessDenied(format string, args ...any) *Error {
	return errorf(CodeAccessDenied, http.StatusForbidden, format, args...)
}

// Unsupported is the answer of an operation that is not built yet.
func Unsupported(action string) *Error {
	return Errorf(CodeUnsupportedOperation, "%s is not built yet", action)
}

// malformed says that the form cannot be read as the operation's input at
// all, as opposed to holding values that are out of bounds.
func malformed(format string, args ...any) *Error {
	return Errorf(CodeMalformedInput, format, args...)
}

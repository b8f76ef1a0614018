package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// Error is the one error type of the API. It carries the code that goes on
// the wire; the server alone renders it.
//
// The contract: wrapping an *Error with fmt.Errorf and %w keeps its code and
// message (the client sees the innermost *Error found by errors.As). Any
// other error reaches the client as InternalFailure without text and is
// logged beside the request id.
type Error struct {
	Code    string // the __type on the wire, such as ResourceNotFoundException
	Message string // AWS's words where they are known
	Status  int    // HTTP status; AWS Service Catalog answers 400 for every fault
	Err     error  // the cause, for the log only; never rendered
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Code returns the wire code of err, "" if err is nil and InternalFailure if
// err is not an [*Error].
func Code(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternalFailure
}

// Codes of the common errors, which any operation may answer. The modeled
// ones are generated.
const (
	CodeAccessDenied          = "AccessDeniedException"
	CodeInternalFailure       = "InternalFailure"
	CodeRequestTooLarge       = "RequestEntityTooLargeException"
	CodeSerialization         = "SerializationException"
	CodeThrottling            = "ThrottlingException"
	CodeUnknownOperation      = "UnknownOperationException"
	CodeUnsupportedOperation  = "UnsupportedOperationException"
	CodeValidation            = "ValidationException"
	CodeMissingAuthentication = "MissingAuthenticationTokenException"
	CodeIncompleteSignature   = "IncompleteSignatureException"
	CodeInvalidSignature      = "InvalidSignatureException"
	CodeUnrecognizedClient    = "UnrecognizedClientException"
	CodeExpiredToken          = "ExpiredTokenException"
)

// Errorf returns an error with the given wire code and HTTP status 400.
// Prefer the constructors named after AWS's exceptions.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Status: http.StatusBadRequest}
}

// AccessDenied returns an AccessDeniedException.
func AccessDenied(format string, args ...any) *Error {
	return Errorf(CodeAccessDenied, format, args...)
}

// InvalidInput returns a ValidationException, which every operation may answer.
func InvalidInput(format string, args ...any) *Error { return Errorf(CodeValidation, format, args...) }

// Unsupported returns the UnsupportedOperationException of an operation that
// is not built yet.
func Unsupported(op Op) *Error {
	return Errorf(CodeUnsupportedOperation, "%s is not built yet", op)
}

// answerable brings err to one that the operation may answer. Every operation
// may answer the common errors. A modeled error that this operation's model
// does not list becomes a ValidationException with the same message, as on
// AWS (ListRecordHistory answers ValidationException to a bad filter); the
// cause stays in the chain for the log. So a rule shared by many operations
// can name its error once.
func (op Op) answerable(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || op.Models(e.Code) || !slices.Contains(exceptionCodes[:], e.Code) {
		return err
	}
	return &Error{Code: CodeValidation, Message: e.Message, Status: e.Status, Err: err}
}

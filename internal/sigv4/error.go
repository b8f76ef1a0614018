package sigv4

// An Error is a refusal in AWS's own code and words.
type Error struct {
	Code    string // the __type on the wire
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// The codes of this package's errors, as services of the JSON protocol spell
// them.
const (
	CodeMissing    = "MissingAuthenticationTokenException"
	CodeIncomplete = "IncompleteSignatureException"
	CodeInvalid    = "InvalidSignatureException"
)

func incomplete(message string) *Error { return &Error{CodeIncomplete, message} }

func invalid(message string) *Error { return &Error{CodeInvalid, message} }

const mismatch = "The request signature we calculated does not match the signature you provided. " +
	"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

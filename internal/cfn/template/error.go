package template

import "fmt"

// ValidationError is the code of nearly every fault in a template.
const ValidationError = "ValidationError"

// Error is a fault in a template or in the values given for it. Message is in
// AWS's words; the position helps people and is not part of it.
type Error struct {
	Code         string // ValidationError unless AWS says otherwise
	Message      string
	Path         string // such as Resources/Bucket/Properties/BucketName
	Line, Column int    // 1-based; 0 if unknown
	// Made says that the fault lies in what a transform has made of the
	// template, or in making it: AWS begins the operation and tells of it then.
	Made bool
}

func (e *Error) Error() string { return e.Message }

// fault makes a ValidationError without a position.
func fault(format string, args ...any) *Error {
	return &Error{Code: ValidationError, Message: fmt.Sprintf(format, args...)}
}

// at returns the error with the position of n, unless it has one already.
func (e *Error) at(n *Node) *Error {
	if e.Line == 0 && n != nil {
		e.Line, e.Column = n.Line(), n.Column()
	}
	return e
}

// atKey is at for the i-th key of a map.
func (e *Error) atKey(n *Node, i int) *Error {
	if e.Line == 0 {
		e.Line, e.Column = int(n.keys[i].line), int(n.keys[i].column)
	}
	return e
}

// under puts the error below a path.
func (e *Error) under(parent string) *Error {
	switch {
	case parent == "":
	case e.Path == "":
		e.Path = parent
	case e.Path[0] == '[':
		e.Path = parent + e.Path
	default:
		e.Path = parent + "/" + e.Path
	}
	return e
}

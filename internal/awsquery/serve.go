package awsquery

import (
	"context"
)

// Handlers serve the operations of one service: a *[CloudFormationHandlers]
// or a *[STSHandlers].
type Handlers interface {
	// Service returns the service whose operations these are.
	Service() Service
	// Unbuilt returns the operations that answer [Unsupported], sorted: those
	// whose function is nil, and those of AWS's model that have no shapes here.
	Unbuilt() []string
	// Built returns the others, sorted.
	Built() []string

	lookup(action string) (call, bool)
}

// An Authorizer decides whether the caller in ctx may do this. It sees only
// inputs that are valid.
type Authorizer func(ctx context.Context, op Op, in any) error

// An Answer is what an operation answered.
type Answer interface{ appendXML(b []byte) []byte }

// Serve answers a request: it reads and checks the operation's input, asks
// authorize (unless nil) and calls the operation's function. The returned Op is valid
// whenever the operation is known, also beside an error.
func Serve(ctx context.Context, h Handlers, r *Request, authorize Authorizer) (Op, Answer, error) {
	op := Op{Service: h.Service(), Action: r.Action}
	if r.Action == "" {
		return Op{}, nil, Errorf(CodeMissingAction, "The request is missing an action or a required parameter")
	}
	c, known := h.lookup(r.Action)
	if version := op.Service.version(); !known || r.Version != version {
		version = r.Version
		if version == "" {
			version = "NO_VERSION_SPECIFIED"
		}
		return Op{}, nil, Errorf(CodeInvalidAction, "Could not find operation %s for version %s", r.Action, version)
	}
	var in any
	if c.decode != nil {
		var d decoder
		in = c.decode(&d, r.form)
		if err := d.err(); err != nil {
			return op, nil, err
		}
	}
	if c.invoke == nil {
		return op, nil, Unsupported(r.Action)
	}
	if authorize != nil {
		if err := authorize(ctx, op, in); err != nil {
			return op, nil, err
		}
	}
	out, err := c.invoke(ctx, in)
	return op, out, err
}

// A call is an operation bound to the function that serves it. An operation
// without shapes has no decode, one that is not built has no invoke.
type call struct {
	decode func(*decoder, fields) any
	invoke func(ctx context.Context, in any) (Answer, error)
}

type input[T any] interface {
	*T
	read(*decoder, fields)
}

type output[T any] interface {
	*T
	Answer
}

func bind[I, O any, PI input[I], PO output[O]](fn func(context.Context, *I) (*O, error)) call {
	c := call{decode: func(d *decoder, f fields) any {
		in := new(I)
		PI(in).read(d, f)
		return in
	}}
	if fn != nil {
		c.invoke = func(ctx context.Context, in any) (Answer, error) {
			out, err := fn(ctx, in.(*I))
			if err != nil {
				return nil, err
			}
			return PO(out), nil
		}
	}
	return c
}

// list collects the operations that are built, or those that are not.
func list(each func(yield func(action string, built bool)), built bool) []string {
	var ops []string
	each(func(action string, is bool) {
		if is == built {
			ops = append(ops, action)
		}
	})
	return ops
}

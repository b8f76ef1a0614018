package api

//go:generate go run ./gen

import (
	"context"
)

// An Invoker carries one call of one operation to whoever serves it. In is
// always the operation's pointer-to-input type and the answer is always its
// pointer-to-output type, so a caller that goes through [Client] never sees
// either as any.
type Invoker func(ctx context.Context, op Op, in any) (out any, err error)

// A Middleware wraps an Invoker. Authorization, audit, metrics and the
// canonical log line are middleware, so that console and CLI can do nothing
// that the wire cannot.
type Middleware func(Invoker) Invoker

// Local returns the Invoker that serves calls with s. The observers run
// outermost, in the order given (log line, metrics, audit); then the input is
// validated, authorize decides, and the operation is dispatched. An error that
// the operation's model does not list is brought to one that it may answer
// (see [Error]).
func Local(s Service, authorize Middleware, observers ...Middleware) Invoker {
	dispatching := func(ctx context.Context, op Op, in any) (any, error) {
		out, err := dispatch(ctx, s, op, in)
		if err != nil {
			return nil, op.answerable(err)
		}
		return out, nil
	}
	authorized := authorize(dispatching)
	invoke := Invoker(func(ctx context.Context, op Op, in any) (any, error) {
		if err := Validate(op, in); err != nil {
			return nil, err
		}
		return authorized(ctx, op, in)
	})
	for i := len(observers) - 1; i >= 0; i-- {
		invoke = observers[i](invoke)
	}
	return invoke
}

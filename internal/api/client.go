package api

import (
	"context"
	"fmt"
)

// Client calls the API through an Invoker: in this process ([Local]) or over
// the wire. Its methods are generated; a nil input stands for an empty one.
type Client struct{ Invoke Invoker }

// call gives an untyped invocation its types back.
func call[I, O any](ctx context.Context, invoke Invoker, op Op, in *I) (*O, error) {
	if in == nil {
		in = new(I)
	}
	out, err := invoke(ctx, op, in)
	if err != nil {
		return nil, err
	}
	typed, ok := out.(*O)
	if !ok {
		return nil, fmt.Errorf("api: %s answers %T, not %T", op, typed, out)
	}
	return typed, nil
}

// Or returns what p points to, or otherwise if p is nil. (The reverse, a
// pointer to a value, is new(value).)
func Or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

package api

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every operation's input with every member set is read, found valid, written
// alike, and reaches the service.
func TestInputs(t *testing.T) {
	t.Parallel()
	m := readModels(t)
	eachOperation(t, m, func(t *testing.T, op Op) {
		want := m.maximal(t, m.Operations[op.String()].Input.Shape, 0)
		in, err := DecodeInput(op, mustJSON(t, want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, parse(t, AppendInput(nil, op, in))); diff != "" {
			t.Errorf("written otherwise than read (-read +written):\n%s", diff)
		}
		allow := func(next Invoker) Invoker { return next }
		_, err = Local(Unimplemented{}, allow)(context.Background(), op, in)
		if diff := cmp.Diff(Unsupported(op), err); diff != "" {
			t.Error(diff)
		}
	})
}

// Every operation's output with every member set, and with none, is read and
// written alike.
func TestOutputs(t *testing.T) {
	t.Parallel()
	m := readModels(t)
	eachOperation(t, m, func(t *testing.T, op Op) {
		for salt := range 2 {
			want := m.maximal(t, m.Operations[op.String()].Output.Shape, salt)
			out, err := DecodeOutput(op, mustJSON(t, want))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, parse(t, AppendOutput(nil, op, out))); diff != "" {
				t.Errorf("written otherwise than read (-read +written):\n%s", diff)
			}
		}
		empty, err := DecodeOutput(op, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(NewOutput(op), empty); diff != "" {
			t.Error(diff)
		}
	})
}

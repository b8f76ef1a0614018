package apitest_test

import (
	"testing"

	"larder/internal/api"
	"larder/internal/api/apitest"
)

// Every operation has an input that survives the wire.
func TestInput(t *testing.T) {
	t.Parallel()
	for _, op := range api.Ops() {
		body := api.AppendInput(nil, op, apitest.Input(t, op))
		in, err := api.DecodeInput(op, body)
		if err == nil {
			err = api.Validate(op, in)
		}
		if err != nil {
			t.Errorf("%s %s: %v", op, body, err)
		}
	}
}

package server

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
)

// Who answers a request has told before that it was made: whoever has the
// answer finds the call counted.
func TestCalled(t *testing.T) {
	t.Parallel()
	c := testConfig()
	var mu sync.Mutex
	var calls []Call
	entered := 0
	c.Called = func(call Call) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, call)
	}
	c.Enter = func() func() {
		mu.Lock()
		defer mu.Unlock()
		entered++
		return func() {
			mu.Lock()
			defer mu.Unlock()
			entered--
		}
	}
	h := start(t, c)
	for name, tt := range map[string]struct {
		call call
		want []Call
	}{
		"an answer": {jsonCall("DescribePortfolio", `{"Id":"port-abcdefghijklm"}`).with(func(c *call) { c.as, c.service = "anna", scopeCatalog }),
			[]Call{{"servicecatalog", "DescribePortfolio", "arn:anna", ""}}},
		"an error":       {jsonCall("DescribePortfolio", `{}`), []Call{{"servicecatalog", "DescribePortfolio", "anonymous", api.CodeValidation}}},
		"a panic":        {jsonCall("DescribeRecord", `{"Id":"rec-abcdefghijklm"}`), []Call{{"servicecatalog", "DescribeRecord", "anonymous", api.CodeInternalFailure}}},
		"Larder's own":   {larderCall, []Call{{"larder", "ListUsers", "anonymous", api.CodeUnsupportedOperation}}},
		"CloudFormation": {formCall("Action=DescribeStacks&Version=2010-05-15&StackName=a"), []Call{{"cloudformation", "DescribeStacks", "anonymous", ""}}},
		"its errors":     {formCall("Action=ListStacks&Version=2010-05-15"), []Call{{"cloudformation", "ListStacks", "anonymous", api.CodeInternalFailure}}},
		"unknown":        {jsonCall("Nothing", `{}`), nil},
		"a probe":        {call{method: "GET", path: "/healthz"}, nil},
	} {
		mu.Lock()
		calls = nil
		mu.Unlock()
		got := h.send(tt.call)
		mu.Lock()
		if d := cmp.Diff(tt.want, calls); d != "" {
			t.Errorf("%s: %d %s\n%s", name, got.status, got.body, d)
		}
		if entered != 0 {
			t.Errorf("%s: %d operations have not left", name, entered)
		}
		mu.Unlock()
	}
}

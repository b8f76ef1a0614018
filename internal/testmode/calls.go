package testmode

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"

	"larder/internal/server"
)

// calls counts the operations that were called. What callers are called is
// theirs to choose, so there is a bound to what is told apart.
type calls struct {
	mu      sync.Mutex
	counts  map[server.Call]int
	omitted int // calls that were not told apart any more
}

// maxCalls is how many combinations of operation, caller and outcome are told
// apart.
const maxCalls = 20_000

// success is the outcome of a call that was not refused.
const success = "Success"

// Called counts a call; it is a server's Config.Called.
func (m *Mode) Called(call server.Call) {
	c := &m.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.counts[call]; !known && len(c.counts) >= maxCalls {
		c.omitted++
		return
	}
	c.counts[call]++
}

// callAnswer is how often an operation was called by somebody with an outcome.
type callAnswer struct {
	Service   string `json:"service"`
	Operation string `json:"operation"`
	Caller    string `json:"caller"`
	Outcome   string `json:"outcome"`
	Count     int    `json:"count"`
}

func (m *Mode) getCalls(context.Context, *http.Request, []byte) (any, error) {
	c := &m.calls
	c.mu.Lock()
	all := make([]callAnswer, 0, len(c.counts))
	for call, n := range c.counts {
		all = append(all, callAnswer{call.Service, call.Operation, call.Caller, cmp.Or(call.Code, success), n})
	}
	omitted := c.omitted
	c.mu.Unlock()
	slices.SortFunc(all, func(a, b callAnswer) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Operation, b.Operation),
			cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Outcome, b.Outcome))
	})
	return struct {
		Calls   []callAnswer `json:"calls"`
		Omitted int          `json:"omitted"` // calls beyond what is told apart
	}{all, omitted}, nil
}

func (m *Mode) dropCalls(context.Context, *http.Request, []byte) (any, error) {
	c := &m.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.counts)
	c.omitted = 0
	return done, nil
}

package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// A Check is one condition of readiness, such as that the database answers.
type Check struct {
	Name string
	Do   func(ctx context.Context) error
}

// patience is how long the checks of one probe may take together.
const patience = 2 * time.Second

// health says that the process serves requests at all.
func (x *exchange) health() { x.probe(http.StatusOK, "ok", nil) }

// readiness says whether it makes sense to send requests here: not while the
// server drains, nor while a check fails. What exactly is wrong stands in the
// log; probes are answered to everybody.
func (x *exchange) readiness() {
	ctx, cancel := context.WithTimeout(x.r.Context(), patience)
	defer cancel()
	status, word := http.StatusOK, "ready"
	results := make(map[string]string, len(x.s.config.Checks))
	for _, c := range x.s.config.Checks {
		results[c.Name] = "ok"
		if err := c.Do(ctx); err != nil {
			results[c.Name] = "failed"
			status, word = http.StatusServiceUnavailable, "not ready"
			x.s.config.Log.WarnContext(ctx, "not ready", "check", c.Name, "error", err)
		}
	}
	if x.s.draining.Load() {
		status, word = http.StatusServiceUnavailable, "draining"
	}
	if !x.r.URL.Query().Has("verbose") {
		results = nil
	}
	x.probe(status, word, results)
}

func (x *exchange) probe(status int, word string, checks map[string]string) {
	body, err := json.Marshal(struct {
		Status string            `json:"status"`
		Checks map[string]string `json:"checks,omitempty"`
	}{word, checks})
	if err != nil {
		panic(err) // strings alone cannot fail
	}
	x.write(status, "application/json", append(body, '\n'))
}

func (x *exchange) scrape() {
	x.status = http.StatusOK
	x.s.metrics.handler.ServeHTTP(x.w, x.r)
}

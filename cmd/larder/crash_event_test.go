package main

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"larder/internal/api"
)

// An event is what the crash test's webhook is told, as far as it is looked at.
type event struct {
	ID, Type, Subject, Sequence string
	Data                        struct {
		ProvisionedProductID         string
		PreviousStatus, Status, Name string
	}
}

// A listener takes events, but for some that it refuses the first time.
type listener struct {
	*httptest.Server
	mu    sync.Mutex
	heard map[string][]event // first deliveries, by provisioned product
	tries map[string]int     // by the event's id
}

// stumble is how many events there are for each that is refused at first.
const stumble = 100

func listen(t *testing.T) *listener {
	t.Helper()
	l := &listener{heard: map[string][]event{}, tries: map[string]int{}}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return // the sender was killed
		}
		var e event
		if err := json.Unmarshal(text, &e); err != nil || e.ID == "" {
			t.Errorf("an event of %q: %v", text, err)
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		of := e.Data.ProvisionedProductID
		switch l.tries[e.ID]++; {
		case len(l.tries)%stumble == 0 && l.tries[e.ID] == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case !slices.ContainsFunc(l.heard[of], func(known event) bool { return known.ID == e.ID }):
			l.heard[of] = append(l.heard[of], e)
		}
	}))
	t.Cleanup(l.Close)
	return l
}

// told checks that every change of what has a status was told, in order for
// each product, from the first to what it is now.
func (l *listener) told(t *testing.T, products map[string]api.ProvisionedProductStatus, records map[string]api.RecordStatus) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	last := map[string]string{} // status by subject
	for product, events := range l.heard {
		if !slices.IsSortedFunc(events, func(a, b event) int { return cmp.Compare(a.Sequence, b.Sequence) }) {
			t.Errorf("the events of product %s came out of order: %+v", product, events)
		}
		for _, e := range events {
			if e.Data.PreviousStatus != last[e.Subject] {
				t.Errorf("%s of %s: %q to %q was told after %q", e.Type, e.Subject, e.Data.PreviousStatus, e.Data.Status, last[e.Subject])
			}
			last[e.Subject] = e.Data.Status
		}
	}
	for id, status := range products {
		if last[id] != string(status) {
			t.Errorf("product %s is %q, and was told of as %q", id, status, last[id])
		}
	}
	for id, status := range records {
		if last[id] != string(status) {
			t.Errorf("record %s is %s, and was told of as %q", id, status, last[id])
		}
	}
}

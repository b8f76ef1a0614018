package fetch

import (
	"testing"
	"time"
)

// TestLine is the life of one endpoint: it answers, hangs, and answers again.
func TestLine(t *testing.T) {
	t.Parallel()
	l := &line{}
	now := time.Unix(1_000_000, 0)
	enter := func(want time.Duration) {
		t.Helper()
		if got := l.enter(now); got != want {
			t.Fatalf("told to wait %s, want %s", got, want)
		}
	}
	down := &Error{Reason: TimedOut}
	enter(0)
	l.leave(now, 40*time.Millisecond, nil)
	for range lineWidth {
		enter(0)
	}
	// Those who come now get a turn each, as fast as posts are done.
	enter(10 * time.Millisecond)
	enter(20 * time.Millisecond)
	now = now.Add(15 * time.Millisecond)
	enter(15 * time.Millisecond)
	for range lineWidth {
		l.leave(now, 40*time.Millisecond, nil)
	}
	// A refusal of what was sent is no fault of the endpoint's.
	enter(0)
	l.leave(now, time.Second, &Error{Reason: Status, Status: 400})
	enter(0)
	l.leave(now, 10*time.Second, down)
	now = now.Add(time.Second)
	if wait := l.enter(now); wait < lineMost/2 || wait > lineMost {
		t.Fatalf("told to wait %s for what hangs", wait)
	}
	now = now.Add(39 * time.Second)
	enter(0) // one tries
	for range 100 {
		if wait := l.enter(now); wait < lineMost/2 || wait > lineMost {
			t.Fatalf("told to wait %s while it is tried", wait)
		}
	}
	l.leave(now, time.Millisecond, nil)
	for range lineWidth {
		enter(0)
	}
}

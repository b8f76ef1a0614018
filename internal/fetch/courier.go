package fetch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// A Courier posts for many to endpoints of which any may be slow or down. Who
// posts works on other things, too, so an endpoint that keeps one waiting must
// not take all hands: only a few post to it at once, and after a failure one at
// a time, with pauses in proportion to what the failure took. Whoever comes
// meanwhile is turned away, see [Turned].
type Courier struct {
	client *Client
	mu     sync.Mutex
	lines  map[string]*line // by URL
}

// NewCourier returns a Courier that posts through c.
func NewCourier(c *Client) *Courier { return &Courier{client: c, lines: map[string]*line{}} }

// Turned is the error of a post that was not tried.
type Turned struct {
	URL   string // without what may be secret
	After time.Duration
}

func (t *Turned) Error() string {
	return fmt.Sprintf("%s: it is busy or does not answer, and was not tried", t.URL)
}

// Again is when it should be tried.
func (t *Turned) Again() time.Duration { return t.After }

// Post posts body to a URL, unless it is another's turn; then the error is a
// *[Turned].
func (c *Courier) Post(ctx context.Context, url string, header http.Header, body []byte) error {
	l := c.line(url)
	if wait := l.enter(time.Now()); wait > 0 {
		return &Turned{Shown(url), wait}
	}
	began := time.Now()
	_, err := c.client.Post(ctx, url, header, body)
	now := time.Now()
	l.leave(now, now.Sub(began), err)
	return err
}

// line returns the line before a URL. There are as many as are configured.
func (c *Courier) line(url string) *line {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lines[url]
	if l == nil {
		l = &line{}
		c.lines[url] = l
	}
	return l
}

const (
	lineWidth = 4           // posts at once to an endpoint that answers
	linePause = 4           // times what a failed post took, before the next
	lineMost  = time.Minute // that anybody is told to wait
)

// A line is what is known of one endpoint.
type line struct {
	mu      sync.Mutex
	busy    int           // posts under way
	took    time.Duration // the last one
	failing bool          // the last one failed, by the endpoint's fault
	free    time.Time     // nobody tries before
	last    time.Time     // the turn that was given out last
}

// enter lets the caller post now, or says how long to wait: each who waits
// gets a turn of its own, so that they come back one after another.
func (l *line) enter(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	width, pace := lineWidth, l.took/lineWidth
	if l.failing {
		width, pace = 1, (1+linePause)*l.took
	}
	if l.busy < width && !now.Before(l.free) {
		l.busy++
		return 0
	}
	for _, t := range []time.Time{now, l.free} {
		if l.last.Before(t) {
			l.last = t
		}
	}
	l.last = l.last.Add(max(pace, time.Millisecond))
	wait := l.last.Sub(now)
	if wait > lineMost {
		l.last = now.Add(lineMost)
		wait = lineMost/2 + rand.N(lineMost/2) // not all at the same time
	}
	return wait
}

// leave takes note of a post that took so long.
func (l *line) leave(now time.Time, took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	failed, known := errors.AsType[*Error](err)
	l.busy--
	l.took, l.failing = took, known && failed.Temporary()
	l.free = time.Time{}
	if l.failing {
		l.free = now.Add(min(linePause*took, lineMost))
	}
}

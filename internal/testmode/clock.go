package testmode

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"larder/internal/api"
	"larder/internal/db"
)

// A Clock is the product's clock: it goes as the system's does, but can be set
// to another time.
type Clock struct{ offset atomic.Int64 }

// Now is the time by the clock.
func (c *Clock) Now() time.Time { return time.Now().Add(c.ahead()) }

// ahead is by how much the clock is ahead of the system's.
func (c *Clock) ahead() time.Duration { return time.Duration(c.offset.Load()) }

func (c *Clock) set(ahead time.Duration) { c.offset.Store(int64(ahead)) }

// The times that a clock can be set to: times are microseconds and durations
// nanoseconds in 64 bits, and deadlines lie ahead of them.
var (
	firstTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// settingClock is the setting that holds by how much the clock is ahead.
const settingClock = "test-clock"

// clockAnswer is what the clock's routes answer.
type clockAnswer struct {
	Now   time.Time `json:"now"`
	Ahead string    `json:"ahead"` // of the system's clock
}

func (m *Mode) clockAnswer() clockAnswer {
	return clockAnswer{Now: m.clock.Now().UTC(), Ahead: m.clock.ahead().String()}
}

func (m *Mode) getClock(context.Context, *http.Request, []byte) (any, error) {
	return m.clockAnswer(), nil
}

// advanceClock moves the clock by what the body says.
func (m *Mode) advanceClock(ctx context.Context, _ *http.Request, body []byte) (any, error) {
	var in struct {
		Advance string `json:"advance"`
	}
	if err := read(body, &in); err != nil {
		return nil, err
	}
	by, err := time.ParseDuration(in.Advance)
	if err != nil {
		return nil, api.InvalidInput(`advance: %q is not a duration such as "90s" or "24h"`, shown(in.Advance))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.Now()
	return m.moveClock(ctx, now.Add(by), m.clock.ahead()+by)
}

// setClock sets the clock to what the body says.
func (m *Mode) setClock(ctx context.Context, _ *http.Request, body []byte) (any, error) {
	var in struct {
		Now string `json:"now"`
	}
	if err := read(body, &in); err != nil {
		return nil, err
	}
	to, err := time.Parse(time.RFC3339Nano, in.Now)
	if err != nil {
		return nil, api.InvalidInput(`now: %q is not a time such as "2030-01-31T12:00:00Z"`, shown(in.Now))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.moveClock(ctx, to, time.Until(to))
}

// resetClock sets the clock to the system's time.
func (m *Mode) resetClock(ctx context.Context, _ *http.Request, _ []byte) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.moveClock(ctx, time.Now(), 0)
}

// moveClock moves the clock, and has what is due by then done. Needs mu.
func (m *Mode) moveClock(ctx context.Context, to time.Time, ahead time.Duration) (any, error) {
	if to.Before(firstTime) || to.After(lastTime) {
		return nil, api.InvalidInput("The clock can be set to times between %s and %s", firstTime.Format(time.DateOnly), lastTime.Format(time.DateOnly))
	}
	err := m.db.Update(ctx, func(tx *db.Tx) error {
		tx.OnCommit(func() { m.clock.set(ahead) })
		return db.PutSetting(tx, settingClock, ahead.String())
	})
	if err != nil {
		return nil, err
	}
	m.runner.Recheck()
	return m.clockAnswer(), nil
}

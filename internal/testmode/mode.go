package testmode

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"larder/internal/api"
	"larder/internal/cfn/resource"
	"larder/internal/db"
	"larder/internal/server"
	"larder/internal/workflow"
)

// Options are what a Mode stands on.
type Options struct {
	DB     *db.DB
	Runner *workflow.Runner
	Clock  *Clock
	// Rules are in force at the start and after a reset. nil leaves those in
	// force that the database has, and none after a reset.
	Rules *resource.Rules
	// CheckRules refuses rules that could never apply.
	CheckRules func(resource.Rules) error
	// SetRules puts rules in force once tx is committed, for what is under way
	// too; TakeRules puts those in force that it goes by already.
	SetRules  func(tx *db.Tx, rules resource.Rules) error
	TakeRules func(rules resource.Rules)
}

// A Mode is a server's test mode.
type Mode struct {
	o      Options
	db     *db.DB
	runner *workflow.Runner
	clock  *Clock
	calls  calls
	// patience bounds how long operations in flight are waited for.
	patience time.Duration

	gate sync.RWMutex // held for writing while rows are replaced, for reading by operations

	mu        sync.Mutex // of whatever changes the following, from first to last
	rules     resource.Rules
	snapshots map[string]*snapshot
	held      int64 // bytes of all snapshots
}

// settings are what the mode keeps in the database beside everybody's rows.
type settings struct {
	rules resource.Rules
	ahead time.Duration // the clock
}

// New opens the test mode: rules and clock are as the database has them.
func New(ctx context.Context, o Options) (*Mode, error) {
	m := &Mode{
		o: o, db: o.DB, runner: o.Runner, clock: o.Clock,
		calls: calls{counts: map[server.Call]int{}}, snapshots: map[string]*snapshot{}, patience: patience,
	}
	var now settings
	err := m.db.View(ctx, func(tx *db.Tx) (err error) {
		now, err = getSettings(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	if o.Rules != nil {
		same, err := equal(now.rules, *o.Rules)
		now.rules = *o.Rules
		if err != nil || !same {
			return m, errors.Join(err, m.write(ctx, now, func(*db.Tx) error { return nil }))
		}
	}
	// What is under way need not look, least of all on other servers.
	m.clock.set(now.ahead)
	m.o.TakeRules(now.rules)
	m.rules = now.rules
	return m, nil
}

// equal reports whether two lists of rules are the same.
func equal(a, b resource.Rules) (bool, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	other, err := json.Marshal(b)
	return bytes.Equal(text, other), err
}

// write writes what fn does, and puts settings in force with it. Needs mu.
func (m *Mode) write(ctx context.Context, s settings, fn func(*db.Tx) error) error {
	text, err := json.Marshal(s.rules)
	if err != nil {
		return err
	}
	// The clock first: what is to go on at once is due by it.
	before := m.clock.ahead()
	m.clock.set(s.ahead)
	err = m.db.Update(ctx, func(tx *db.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if err := db.PutSetting(tx, settingClock, s.ahead.String()); err != nil {
			return err
		}
		if err := db.PutSetting(tx, settingRules, string(text)); err != nil {
			return err
		}
		return m.o.SetRules(tx, s.rules)
	})
	if err != nil {
		m.clock.set(before)
		return err
	}
	m.rules = s.rules
	return nil
}

func getSettings(tx *db.Tx) (s settings, err error) {
	read := func(key string, parse func(string) error) error {
		text, err := db.GetSetting(tx, key)
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		if err == nil {
			err = parse(text)
		}
		if err != nil {
			return fmt.Errorf("setting %s: %w", key, err)
		}
		return nil
	}
	err = read(settingRules, func(text string) (err error) {
		s.rules, err = resource.ParseRules([]byte(text))
		return err
	})
	if err != nil {
		return s, err
	}
	return s, read(settingClock, func(text string) (err error) {
		s.ahead, err = time.ParseDuration(text)
		return err
	})
}

// Enter holds up an operation while rows are replaced, and those while an
// operation is carried out; it is a server's Config.Enter.
func (m *Mode) Enter() (leave func()) {
	m.gate.RLock()
	return m.gate.RUnlock
}

// Routes are the mode's part of the server.
func (m *Mode) Routes() map[string]server.Route {
	return map[string]server.Route{
		"GET /_larder/rules":         m.getRules,
		"PUT /_larder/rules":         m.replaceRules,
		"POST /_larder/rules":        m.appendRules,
		"DELETE /_larder/rules":      m.deleteRules,
		"DELETE /_larder/rules/{id}": m.deleteRule,

		"GET /_larder/clock":    m.getClock,
		"PUT /_larder/clock":    m.setClock,
		"POST /_larder/clock":   m.advanceClock,
		"DELETE /_larder/clock": m.resetClock,

		"POST /_larder/reset":                    m.reset,
		"GET /_larder/snapshots":                 m.getSnapshots,
		"PUT /_larder/snapshots/{name}":          m.takeSnapshot,
		"DELETE /_larder/snapshots/{name}":       m.dropSnapshot,
		"POST /_larder/snapshots/{name}/restore": m.restoreSnapshot,

		"GET /_larder/calls":    m.getCalls,
		"DELETE /_larder/calls": m.dropCalls,

		"GET /_larder/idle": m.idle,
	}
}

// done is the answer where there is nothing to say.
var done = struct{}{}

// patience is a Mode's default.
const patience = 10 * time.Second

// idle answers when nothing more can be done now: what is left waits for a
// time, a report or a rule.
func (m *Mode) idle(ctx context.Context, _ *http.Request, _ []byte) (any, error) {
	bounded, cancel := context.WithTimeout(ctx, m.patience)
	defer cancel()
	err := m.runner.Idle(bounded)
	if err != nil && bounded.Err() == nil {
		return nil, err
	}
	return struct {
		Idle bool `json:"idle"`
	}{err == nil}, nil
}

// read reads a body of JSON. What is not known in it is an error: a test that
// spells a member wrong must not pass for that.
func read(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return api.InvalidInput("The body cannot be read: %s", shown(err.Error()))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return api.InvalidInput("The body goes on after its JSON value")
	}
	return nil
}

// shown bounds what an answer repeats of a request.
func shown(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

package testmode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/cfn/resource"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/identity"
	"larder/internal/server"
	"larder/internal/workflow"
)

// world is a server in test mode whose only operation is a run that waits a day
// and then ends; while hold is set, a beat of it lasts.
type world struct {
	*Mode
	t       testing.TB
	url     string
	inForce atomic.Pointer[resource.Rules]
	hold    atomic.Pointer[chan struct{}]
	begun   chan struct{}
	deaf    atomic.Bool // a beat that is held does not heed its end
	woken   atomic.Int64
}

func open(t testing.TB, d *db.DB, rules *resource.Rules) *world {
	t.Helper()
	w := &world{t: t, begun: make(chan struct{}, 100)}
	clock := &Clock{}
	runner := workflow.New(d, workflow.Options{Now: clock.Now})
	runner.Register(workflow.Definition{Name: "day/v1", Steps: []workflow.Step{
		{Name: "wait", Beat: func(ctx context.Context, _ workflow.Beat) (workflow.Verdict, error) {
			if hold := w.hold.Load(); hold != nil {
				w.begun <- struct{}{}
				select {
				case <-*hold:
				case <-ctx.Done():
					if w.deaf.Load() {
						<-*hold
						break
					}
					return workflow.Verdict{}, ctx.Err()
				}
			}
			return workflow.Next(), nil
		}},
		{Name: "day", Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
			if left := b.Started.Add(24 * time.Hour).Sub(b.Now); left > 0 {
				return workflow.Again(left), nil
			}
			return workflow.End(), nil
		}},
	}})
	mode, err := New(t.Context(), Options{
		DB: d, Runner: runner, Clock: clock, Rules: rules,
		CheckRules: func(rules resource.Rules) error { return rules.CheckOperations([]string{"ProvisionProduct"}) },
		SetRules: func(tx *db.Tx, rules resource.Rules) error {
			tx.OnCommit(func() { w.inForce.Store(&rules); w.woken.Add(1) })
			return runner.NudgeAll(tx, "day/v1")
		},
		TakeRules: func(rules resource.Rules) { w.inForce.Store(&rules) },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Mode = mode
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	s := httptest.NewServer(server.New(server.Config{
		Routes: mode.Routes(),
		Authenticate: func(*http.Request, []byte) (identity.Caller, error) {
			return identity.Caller{}, nil
		},
	}))
	t.Cleanup(s.Close)
	w.url = s.URL
	return w
}

// ask sends a request such as "PUT rules", and returns the answer or, if it is
// refused, its code and message.
func (w *world) ask(request, body string) string {
	w.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+"/_larder/"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if res.StatusCode == http.StatusOK {
		return strings.TrimSpace(string(text))
	}
	var e struct {
		Type    string `json:"__type"`
		Message string
	}
	if err := json.Unmarshal(text, &e); err != nil || e.Type == "" || res.StatusCode/100 != 4 {
		w.t.Errorf("%s: %d %s", request, res.StatusCode, text)
	}
	return e.Type + ": " + e.Message
}

// must is ask of a request that is not refused.
func (w *world) must(request, body string) string {
	w.t.Helper()
	got := w.ask(request, body)
	if !strings.HasPrefix(got, "{") {
		w.t.Fatalf("%s %s: %s", request, body, got)
	}
	return got
}

func (w *world) start(ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		err := w.db.Update(w.t.Context(), func(tx *db.Tx) error {
			return w.runner.Start(tx, workflow.Begin{ID: id, Definition: "day/v1"})
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// runs are the runs there are and their steps.
func (w *world) runs() (all []string) {
	w.t.Helper()
	err := w.db.View(w.t.Context(), func(tx *db.Tx) error {
		runs, err := workflow.List(tx, workflow.Filter{})
		for _, run := range runs {
			all = append(all, run.ID+" "+run.Step)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) wants(runs ...string) {
	w.t.Helper()
	if got := w.must("GET idle", ""); got != `{"idle":true}` {
		w.t.Error(got)
	}
	if d := cmp.Diff(runs, w.runs()); d != "" {
		w.t.Error(d)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := open(t, d, nil)
		var at struct {
			Now   time.Time
			Ahead string
		}
		tell := func(request, body string) {
			t.Helper()
			if err := json.Unmarshal([]byte(w.must(request, body)), &at); err != nil {
				t.Fatal(err)
			}
		}
		near := func(want time.Time) {
			t.Helper()
			if off := at.Now.Sub(want).Abs(); off > time.Minute {
				t.Errorf("the clock shows %s, want %s", at.Now, want)
			}
		}
		w.start("a")
		w.wants("a day")
		tell("POST clock", `{"advance":"23h"}`)
		near(time.Now().Add(23 * time.Hour))
		w.wants("a day")
		tell("POST clock", `{"advance":"61m"}`)
		w.wants()
		if at.Ahead != "24h1m0s" {
			t.Errorf("ahead by %s", at.Ahead)
		}
		tell("PUT clock", `{"now":"2035-01-01T00:00:00+02:00"}`)
		near(time.Date(2034, 12, 31, 22, 0, 0, 0, time.UTC))
		// It is the same for who opens the database next.
		w = open(t, d, nil)
		tell("GET clock", "")
		near(time.Date(2034, 12, 31, 22, 0, 0, 0, time.UTC))
		tell("POST clock", `{"advance":"-24h"}`)
		near(time.Date(2034, 12, 30, 22, 0, 0, 0, time.UTC))
		tell("DELETE clock", "")
		near(time.Now())
		if at.Ahead != "0s" {
			t.Errorf("ahead by %s", at.Ahead)
		}
	})
}

func TestRules(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := open(t, d, nil)
		type shown struct {
			ID    string
			Match map[string]string
			Fail  string
			Delay string
			Count int
			Uses  int
		}
		tell := func(request, body string) (rules []shown) {
			t.Helper()
			var out struct{ Rules []shown }
			if err := json.Unmarshal([]byte(w.must(request, body)), &out); err != nil {
				t.Fatal(err)
			}
			if got := len(w.inForce.Load().List()); got != len(out.Rules) {
				t.Errorf("%s: %d rules are in force, %d shown", request, got, len(out.Rules))
			}
			return out.Rules
		}
		use := func(kind string) {
			t.Helper()
			err := d.Update(t.Context(), func(tx *db.Tx) error {
				_, ok, err := w.inForce.Load().Use(tx, resource.Subject{Action: resource.Create, Type: kind})
				if !ok {
					t.Errorf("no rule for %s", kind)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		uses := func(rules []shown) string {
			var all []string
			for _, rule := range rules {
				all = append(all, fmt.Sprintf("%s %d", rule.Match["type"], rule.Uses))
			}
			return strings.Join(all, ", ")
		}
		wants := func(want string, got []shown) {
			t.Helper()
			if got := uses(got); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		const two = `{"rules":[{"match":{"type":"A"},"fail":"no","count":2},{"match":{"type":"B"},"delay":"90s","count":1}]}`
		wants("", tell("GET rules", ""))
		rules := tell("PUT rules", two)
		wants("A 0, B 0", rules)
		if r := rules[1]; r.Delay != "1m30s" || r.Count != 1 || r.ID == "" || r.ID == rules[0].ID {
			t.Errorf("%+v", r)
		}
		use("A")
		use("B")
		// What stays in force goes on counting; what is put in force begins.
		wants("A 1, B 1, C 0", tell("POST rules", `{"rules":[{"match":{"type":"C"},"fail":"no","count":2}]}`))
		wants("A 1, C 0", tell("DELETE rules/"+rules[1].ID, ""))
		wants("A 1, C 0, B 0", tell("POST rules", `{"rules":[{"match":{"type":"B"},"delay":"90s","count":1}]}`))
		wants("A 0, B 0", tell("PUT rules", two))
		// They are the same for who opens the database next, unless it brings its own.
		use("A")
		w = open(t, d, nil)
		wants("A 1, B 0", tell("GET rules", ""))
		own, err := resource.ParseRules([]byte(`rules: [{match: {type: D}, hang: true}]`))
		if err != nil {
			t.Fatal(err)
		}
		w = open(t, d, &own)
		wants("D 0", tell("GET rules", ""))
		wants("", tell("DELETE rules", ""))
		w.must("POST reset", "")
		wants("D 0", tell("GET rules", ""))
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := open(t, dbtest.New(t), nil)
	for _, tt := range []struct{ request, body, want string }{
		{"PUT rules", ``, "The body cannot be read: EOF"},
		{"PUT rules", `{"rules":[{"match":{"typ":"A"},"fail":"x"}]}`, `unknown field "typ"`},
		{"PUT rules", `{"rules":[]} {}`, "The body goes on after its JSON value"},
		{"PUT rules", `{"rules":[{"match":{"type":"A"}}]}`, "rule 1 does nothing"},
		{"PUT rules", `{"rules":[{"match":{"operation":"ListPortfolios"},"fail":"x"}]}`, `"ListPortfolios" is no operation that takes time`},
		{"PUT rules", `{"rules":[{"match":{"type":"A"},"delay":"25h"}]}`, "between 0 and 24h"},
		{"POST rules", `{"rules":[` + strings.Repeat(`{"fail":"x"},`, 1000) + `{"fail":"x"}]}`, "more than 1000 rules"},
		{"DELETE rules/none", ``, "There is no rule none"},
		{"POST clock", `{"advance":"tomorrow"}`, `"tomorrow" is not a duration`},
		{"POST clock", `{}`, `"" is not a duration`},
		{"POST clock", `{"advance":"2562047h"}`, "between 2000-01-01 and 2200-01-01"},
		{"POST clock", `{"advance":"-2562047h"}`, "between 2000-01-01 and 2200-01-01"},
		{"PUT clock", `{"now":"2030-01-01"}`, `"2030-01-01" is not a time`},
		{"PUT clock", `{"now":"1999-12-31T00:00:00Z"}`, "between 2000-01-01 and 2200-01-01"},
		{"PUT snapshots/a%20b", ``, "A snapshot's name has 1 to 128 letters"},
		{"PUT snapshots/" + strings.Repeat("a", 129), ``, "A snapshot's name has 1 to 128 letters"},
		{"POST snapshots/none/restore", ``, "There is no snapshot none"},
		{"DELETE snapshots/none", ``, "There is no snapshot none"},
	} {
		if got := w.ask(tt.request, tt.body); !strings.Contains(got, tt.want) || strings.HasPrefix(got, "{") {
			t.Errorf("%s %.100s: %s, want %q", tt.request, tt.body, got, tt.want)
		}
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := open(t, d, nil)
		if err := d.Update(t.Context(), func(tx *db.Tx) error { return db.PutSetting(tx, "mode", "dev") }); err != nil {
			t.Fatal(err)
		}
		w.must("PUT rules", `{"rules":[{"match":{"type":"A"},"hang":true}]}`)
		w.must("POST clock", `{"advance":"1h"}`)
		hold := make(chan struct{})
		w.hold.Store(&hold)
		w.start("held") // its beat is in flight
		<-w.begun
		w.must("POST reset", "")
		w.hold.Store(nil)
		w.wants()
		if got := w.must("GET rules", ""); got != `{"rules":[]}` || len(w.inForce.Load().List()) != 0 {
			t.Errorf("rules are left: %s", got)
		}
		if got := w.must("GET clock", ""); !strings.Contains(got, `"ahead":"0s"`) {
			t.Errorf("the clock: %s", got)
		}
		err := d.View(t.Context(), func(tx *db.Tx) error {
			_, err := db.GetSetting(tx, "mode")
			return err
		})
		if err != nil {
			t.Errorf("the store is nobody's any more: %v", err)
		}
		w.start("next")
		w.wants("next day")
	})
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := open(t, d, nil)
		hold := make(chan struct{})
		w.start("done", "waits")
		w.wants("done day", "waits day")
		w.must("POST clock", `{"advance":"25h"}`)
		w.wants()
		w.start("waits")
		w.wants("waits day")
		w.hold.Store(&hold)
		w.start("held")
		<-w.begun
		w.must("PUT rules", `{"rules":[{"match":{"type":"A"},"hang":true}]}`)
		w.must("PUT snapshots/a.b-c_1", "") // with a beat in flight
		close(hold)
		w.hold.Store(nil)
		w.wants("held day", "waits day")
		w.must("DELETE rules", "")
		w.must("DELETE clock", "")
		w.start("later")
		w.wants("held day", "later day", "waits day")
		for range 2 {
			w.must("POST snapshots/a.b-c_1/restore", "")
			w.wants("held day", "waits day") // it went on from where it was
			if n := len(w.inForce.Load().List()); n != 1 {
				t.Errorf("%d rules", n)
			}
			if got := w.must("GET clock", ""); !strings.Contains(got, `"ahead":"25h0m0s"`) {
				t.Errorf("the clock: %s", got)
			}
			w.must("POST clock", `{"advance":"24h"}`)
			w.wants()
		}
		w.must("POST reset", "")
		w.must("PUT snapshots/empty", "")
		w.must("POST snapshots/a.b-c_1/restore", "")
		w.wants("held day", "waits day")
		w.must("PUT snapshots/empty", "") // in the place of the other
		var list struct {
			Snapshots []struct {
				Name  string
				Bytes int64
			}
		}
		if err := json.Unmarshal([]byte(w.must("GET snapshots", "")), &list); err != nil {
			t.Fatal(err)
		}
		if s := list.Snapshots; len(s) != 2 || s[0].Name != "a.b-c_1" || s[1].Name != "empty" || s[0].Bytes == 0 || w.held != s[0].Bytes+s[1].Bytes {
			t.Errorf("%+v, %d held", s, w.held)
		}
		for _, s := range list.Snapshots {
			w.must("DELETE snapshots/"+s.Name, "")
		}
		if w.held != 0 || w.must("GET snapshots", "") != `{"snapshots":[]}` {
			t.Errorf("%d held", w.held)
		}
		for i := range maxSnapshots {
			w.must(fmt.Sprintf("PUT snapshots/%d", i), "")
		}
		if got := w.ask("PUT snapshots/more", ""); !strings.Contains(got, "There are 64 snapshots") {
			t.Error(got)
		}
	})
}

// What does not stop is not replaced.
func TestResetRefused(t *testing.T) {
	t.Parallel()
	w := open(t, dbtest.New(t), nil)
	w.patience = time.Millisecond
	hold := make(chan struct{})
	w.deaf.Store(true)
	w.hold.Store(&hold)
	w.start("deaf")
	<-w.begun
	if got := w.ask("POST reset", ""); !strings.HasPrefix(got, api.CodeInvalidState+": What is under way did not stop within 1ms") {
		t.Error(got)
	}
	w.hold.Store(nil)
	close(hold)
	w.patience = patience
	w.wants("deaf day")
	w.must("POST reset", "")
	w.wants()
}

// Rows are replaced between operations of the API, not in their midst.
func TestEnter(t *testing.T) {
	t.Parallel()
	w := open(t, dbtest.New(t), nil)
	leave := w.Enter()
	reset := make(chan string)
	go func() { reset <- w.ask("POST reset", "") }()
	for w.gate.TryRLock() { // until somebody waits for it
		w.gate.RUnlock()
	}
	w.start("midst")
	leave()
	if got := <-reset; got != "{}" {
		t.Error(got)
	}
	w.wants()
	w.Enter()()
}

func TestCalls(t *testing.T) {
	t.Parallel()
	w := open(t, dbtest.New(t), nil)
	const none = `{"calls":[],"omitted":0}`
	if got := w.must("GET calls", ""); got != none {
		t.Error(got)
	}
	for _, call := range []server.Call{
		{Service: "servicecatalog", Operation: "ProvisionProduct", Caller: "b"},
		{Service: "servicecatalog", Operation: "ProvisionProduct", Caller: "a", Code: "ValidationException"},
		{Service: "servicecatalog", Operation: "ProvisionProduct", Caller: "b"},
		{Service: "cloudformation", Operation: "ListStacks", Caller: "b"},
	} {
		w.Called(call)
	}
	want := `{"calls":[` +
		`{"service":"cloudformation","operation":"ListStacks","caller":"b","outcome":"Success","count":1},` +
		`{"service":"servicecatalog","operation":"ProvisionProduct","caller":"a","outcome":"ValidationException","count":1},` +
		`{"service":"servicecatalog","operation":"ProvisionProduct","caller":"b","outcome":"Success","count":2}],"omitted":0}`
	if d := cmp.Diff(want, w.must("GET calls", "")); d != "" {
		t.Error(d)
	}
	w.must("POST reset", "") // tests share the count
	if d := cmp.Diff(want, w.must("GET calls", "")); d != "" {
		t.Error(d)
	}
	for i := range maxCalls {
		w.Called(server.Call{Operation: fmt.Sprint(i)})
	}
	w.Called(server.Call{Operation: "0"})
	if got := w.must("GET calls", ""); !strings.HasSuffix(got, `"omitted":3}`) {
		t.Errorf("…%s", got[len(got)-100:])
	}
	w.must("DELETE calls", "")
	if got := w.must("GET calls", ""); got != none {
		t.Error(got)
	}
}

// A server that starts with the rules that are in force already leaves alone
// what is under way, on other servers too.
func TestSameRules(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	rules, err := resource.ParseRules([]byte("rules: [{match: {type: 'AWS::SQS::Queue'}, delay: 30ms}]"))
	if err != nil {
		t.Fatal(err)
	}
	for i, start := range []struct {
		rules *resource.Rules
		woken int64
	}{{&rules, 1}, {&rules, 0}, {nil, 0}} {
		w := open(t, d, start.rules)
		same, err := equal(*w.inForce.Load(), rules)
		if w.woken.Load() != start.woken || !same || err != nil {
			t.Errorf("start %d woke %d times, with %+v, %v", i, w.woken.Load(), w.inForce.Load(), err)
		}
	}
}

// A setting that cannot be read is told by name.
func TestBrokenSetting(t *testing.T) {
	t.Parallel()
	for _, key := range []string{settingRules, settingClock} {
		d := dbtest.New(t)
		if err := d.Update(t.Context(), func(tx *db.Tx) error { return db.PutSetting(tx, key, "]") }); err != nil {
			t.Fatal(err)
		}
		_, err := New(t.Context(), Options{DB: d, Clock: &Clock{}})
		if err == nil || errors.Is(err, db.ErrNoRows) || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

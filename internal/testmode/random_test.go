package testmode

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/seal"
	"larder/internal/workflow"
)

const (
	account = "111111111111"
	region  = "us-east-1"
)

// house is a Mode over real stacks.
type house struct {
	*Mode
	t      *testing.T
	stacks *stack.Stacks
}

func build(t *testing.T, d *db.DB) *house {
	clock := &Clock{}
	runner := workflow.New(d, workflow.Options{Now: clock.Now})
	stacks := stack.New(stack.Options{DB: d, Runner: runner, Keys: seal.Ephemeral(), Dev: true, Now: clock.Now})
	mode, err := New(t.Context(), Options{
		DB: d, Runner: runner, Clock: clock,
		CheckRules: func(resource.Rules) error { return nil }, SetRules: stacks.SetRules, TakeRules: stacks.TakeRules,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &house{mode, t, stacks}
}

func (h *house) create(name string) {
	defer h.Enter()()
	_, err := h.stacks.Create(h.t.Context(), stack.CreateInput{Account: account, Region: region, Name: name, Template: []byte(ladder)})
	if err != nil {
		h.t.Errorf("create %s: %v", name, err)
	}
}

// remove deletes a stack, if it is still there.
func (h *house) remove(name string) {
	defer h.Enter()()
	err := h.stacks.Delete(h.t.Context(), stack.DeleteInput{Account: account, Region: region, Stack: name})
	if err != nil && !strings.Contains(err.Error(), "changed meanwhile") {
		h.t.Errorf("delete %s: %v", name, err)
	}
}

// ladder is a template of which each resource waits for the one before.
const ladder = `
Resources:
  A: {Type: "AWS::SNS::Topic"}
  B: {Type: "AWS::SNS::Topic", DependsOn: A}
  C: {Type: "AWS::SNS::Topic", DependsOn: B}
  D: {Type: "AWS::SNS::Topic", DependsOn: C}
`

// stands is how each stack there is stands when nothing more can be done, as
// "name status" with its resources.
func (h *house) stands() string {
	h.t.Helper()
	if err := h.runner.Idle(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	var all []string
	err := h.db.View(h.t.Context(), func(tx *db.Tx) (err error) {
		all, err = db.Collect(tx, func(rows *db.Rows) (string, error) {
			var name, body string
			var made int
			err := rows.Scan(&name, &body, &made)
			status := "?"
			for _, s := range []stack.Status{stack.CreateInProgress, stack.CreateComplete} {
				if strings.Contains(body, fmt.Sprintf(`"status":%q`, s)) {
					status = string(s)
				}
			}
			return fmt.Sprintf("%s %s %d", name, status, made), err
		}, `SELECT name, body, (SELECT COUNT(*) FROM resource WHERE resource.stack = stack.id) FROM stack WHERE active = 1 ORDER BY name`)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(all, ", ")
}

// must carries out what cannot be refused.
func (h *house) must(_ any, err error) {
	h.t.Helper()
	if err != nil {
		h.t.Error(err)
	}
}

// Whatever is going on when everything is put back, then there is what was
// kept, all of it goes on to its end, and there is nothing else.
func TestRandom(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		ctx := t.Context()
		for round := range 8 {
			h.must(h.reset(ctx, nil, nil))
			if got := h.stands(); got != "" {
				t.Fatalf("after a reset: %s", got)
			}
			h.must(h.replaceRules(ctx, nil, []byte(`{"rules":[{"match":{"stack":"held","logicalId":"C"},"hang":true}]}`)))
			h.create("held")
			h.create("quick")
			kept := named(fmt.Sprint("round-", round))
			h.must(h.takeSnapshot(ctx, kept, nil))
			var churn sync.WaitGroup
			for k := range 3 {
				churn.Go(func() {
					for i := range 6 {
						name := fmt.Sprintf("churn-%d-%d", k, i)
						h.create(name)
						if i%2 == 0 {
							h.remove(name)
						}
					}
				})
			}
			for range 1 + rand.N(4) {
				switch rand.N(5) {
				case 0:
					h.must(h.reset(ctx, nil, nil))
				case 1:
					h.must(h.deleteRules(ctx, nil, nil))
				case 2:
					h.must(h.advanceClock(ctx, nil, []byte(`{"advance":"1h"}`)))
				case 3:
					h.must(h.restoreSnapshot(ctx, kept, nil))
				case 4:
					h.must(h.takeSnapshot(ctx, named("other"), nil))
				}
			}
			churn.Wait()
			h.must(h.restoreSnapshot(ctx, kept, nil))
			if got, want := h.stands(), "held CREATE_IN_PROGRESS 3, quick CREATE_COMPLETE 4"; got != want {
				t.Fatalf("restored: %s, want %s", got, want)
			}
			h.must(h.deleteRules(ctx, nil, nil))
			if got, want := h.stands(), "held CREATE_COMPLETE 4, quick CREATE_COMPLETE 4"; got != want {
				t.Fatalf("let go: %s, want %s", got, want)
			}
		}
	})
}

// named is a request that names a snapshot.
func named(name string) *http.Request {
	r := &http.Request{}
	r.SetPathValue("name", name)
	return r
}

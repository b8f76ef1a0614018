package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/catalog"
	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/engine"
	"larder/internal/engine/cloudformation"
	"larder/internal/fetch"
	"larder/internal/seal"
	"larder/internal/workflow"
	"larder/internal/workflow/workflowtest"
)

// TestEveryBeatOfStackSets lives a life in which each of the room's own beats
// is hit in turn: a launch that fails in one of two places, an update that
// brings that up, one that adds a place, and a termination. What is hit within
// stack sets and stacks is their own rooms' test.
func TestEveryBeatOfStackSets(t *testing.T) {
	t.Parallel()
	templates := httptest.NewServer(http.HandlerFunc(spreadHandler))
	t.Cleanup(templates.Close)
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		build := func(_ testing.TB, e workflowtest.Env) workflowtest.World {
			life := &spreadLife{}
			life.play = life.beat
			return spreadWorld(t, e, templates, life, fmt.Sprintf(spreadConstraint, "ALLOWED"))
		}
		clean, beats, err := workflowtest.Carry(t, d, build, func(int, workflow.Point, workflow.Beat) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("it leaves\n%s", clean)
		for i, beat := range beats {
			if !strings.HasSuffix(beat, " engine") {
				continue
			}
			for _, hit := range []struct {
				at  workflow.Point
				err error
			}{
				{workflow.Begun, workflow.ErrCrash},
				{workflow.Decided, workflow.ErrCrash},
				{workflow.Decided, errors.New("it fails")},
				{workflow.Recorded, workflow.ErrCrash},
				{workflow.Decided, workflowtest.ErrTakenOver},
			} {
				got, _, err := workflowtest.Carry(t, d, build, func(n int, p workflow.Point, _ workflow.Beat) error {
					if n == i && p == hit.at {
						return hit.err
					}
					return nil
				})
				if err != nil {
					t.Fatalf("beat %d, %s, %v: %v", i, hit.at, hit.err, err)
				}
				if diff := cmp.Diff(clean, got); diff != "" {
					t.Fatalf("beat %d, %s, %v: the world differs from the undisturbed one:\n%s", i, hit.at, hit.err, diff)
				}
			}
		}
	})
}

// spreadWorld is the room over everything that a stack set needs, in which a
// life goes on.
func spreadWorld(t *testing.T, e workflowtest.Env, templates *httptest.Server, life *spreadLife, constraint string) workflowtest.World {
	tokens, err := seal.NewTokens(seal.NewTokenSecret())
	if err != nil {
		t.Fatal(err)
	}
	client, err := fetch.New(fetch.Policy{HTTP: true, Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: e.DB, keys: seal.Ephemeral(), now: e.Now, templates: templates}
	life.world = w
	return workflowtest.World{
		Boot: func(r *workflow.Runner) {
			w.runner = r
			life.engine = newSpread(w)
			engines := func(string) engine.Engine { return life.engine }
			c := catalog.New(catalog.Options{DB: e.DB, Runner: r, Engine: engines, Keys: w.keys, Tokens: tokens, Now: e.Now, Fetch: client})
			p := New(Options{DB: e.DB, Runner: r, Catalog: c, Engine: engines, Keys: w.keys, Tokens: tokens, Now: e.Now})
			allow := func(next api.Invoker) api.Invoker { return next }
			w.client = api.Client{Invoke: api.Local(service{Catalog: c, Provisioning: p}, allow)}
			r.Register(workflow.Definition{Name: "script", Steps: []workflow.Step{{Name: "ask", Beat: life.play}}})
		},
		Start: func(ctx context.Context, r *workflow.Runner) error {
			w.publish()
			w.constrain("STACKSET", constraint)
			return w.db.Update(ctx, func(tx *db.Tx) error {
				return r.Start(tx, workflow.Begin{ID: "script", Definition: "script", Input: json.RawMessage(`{}`)})
			})
		},
		Dump: life.dump,
	}
}

// A spreadLife is a user who asks for one thing after the other, also if they
// have to ask again because the server has died.
type spreadLife struct {
	*world
	engine *cloudformation.Engine
	play   func(context.Context, workflow.Beat) (workflow.Verdict, error)
}

// acts are what is asked for, as often as need be.
func (l *spreadLife) acts() []func() (*api.RecordDetail, error) {
	ctx, name := as(admin), "fleet"
	update := func(in *api.UpdateProvisionedProductInput) func() (*api.RecordDetail, error) {
		in.ProvisionedProductName = &name
		return func() (*api.RecordDetail, error) {
			out, err := l.client.UpdateProvisionedProduct(ctx, in)
			if err != nil {
				return nil, err
			}
			return out.RecordDetail, nil
		}
	}
	return []func() (*api.RecordDetail, error){
		func() (*api.RecordDetail, error) {
			in := l.launch(name)
			in.ProvisioningParameters = luck("bad")
			in.ProvisioningPreferences = &api.ProvisioningPreferences{
				StackSetRegions: []string{west}, StackSetFailureToleranceCount: new(1), StackSetMaxConcurrencyCount: new(2),
			}
			out, err := l.client.ProvisionProduct(ctx, in)
			if err != nil {
				return nil, err
			}
			return out.RecordDetail, nil
		},
		update(&api.UpdateProvisionedProductInput{UpdateToken: "u1", ProvisioningParameters: newLuck("good")}),
		update(&api.UpdateProvisionedProductInput{UpdateToken: "u2", ProvisioningPreferences: &api.UpdateProvisioningPreferences{
			StackSetRegions: []string{east}, StackSetAccounts: []string{first}, StackSetOperationType: new(api.StackSetOperationTypeCreate),
		}}),
		func() (*api.RecordDetail, error) {
			out, err := l.client.TerminateProvisionedProduct(ctx, &api.TerminateProvisionedProductInput{ProvisionedProductName: &name, TerminateToken: "t"})
			if err != nil {
				return nil, err
			}
			return out.RecordDetail, nil
		},
	}
}

// A stage is how far the script has come: which act, and its record once it
// has been asked for.
type stage struct {
	Act    int
	Record string
}

func (l *spreadLife) beat(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
	var s stage
	if b.State != nil {
		if err := json.Unmarshal(b.State, &s); err != nil {
			return workflow.Verdict{}, err
		}
	}
	acts := l.acts()
	if s.Act == len(acts) {
		return workflow.End(), nil
	}
	if s.Record == "" {
		r, err := acts[s.Act]()
		if api.Code(err) == "ResourceNotFoundException" && s.Act == len(acts)-1 {
			return workflow.End(), nil // the termination is over, and its token forgotten
		}
		if err != nil {
			return workflow.Verdict{}, err
		}
		s.Record = r.RecordId
		return workflow.Again(time.Minute).Keep([]byte(stored(s))), nil
	}
	r, err := l.client.DescribeRecord(as(admin), &api.DescribeRecordInput{Id: s.Record})
	if err != nil {
		return workflow.Verdict{}, err
	}
	switch r.RecordDetail.Status {
	case api.RecordStatusSucceeded, api.RecordStatusFailed:
		s = stage{Act: s.Act + 1}
	}
	return workflow.Again(time.Minute).Keep([]byte(stored(s))), nil
}

// dump tells what every record has come to, and what is left.
func (l *spreadLife) dump(ctx context.Context) (string, error) {
	var b strings.Builder
	history, err := l.client.ListRecordHistory(as(admin), &api.ListRecordHistoryInput{})
	if err != nil {
		return "", err
	}
	for _, r := range history.RecordDetails {
		fmt.Fprintln(&b, r.RecordType, r.Status, len(r.RecordErrors))
	}
	_, err = l.client.DescribeProvisionedProduct(as(admin), &api.DescribeProvisionedProductInput{Name: new("fleet")})
	fmt.Fprintln(&b, "product:", api.Code(err))
	var instances int
	err = l.db.View(ctx, func(tx *db.Tx) error { return tx.Row(`SELECT COUNT(*) FROM stackset_instance`).Scan(&instances) })
	if err != nil {
		return "", err
	}
	fmt.Fprintln(&b, "instances:", instances)
	for _, account := range []string{first, second} {
		for _, region := range []string{east, west} {
			all, _, err := l.engine.Stacks.List(ctx, stack.ListInput{Account: account, Region: region})
			if err != nil {
				return "", err
			}
			for _, st := range all {
				fmt.Fprintln(&b, account, region, st.Status)
			}
		}
	}
	return b.String(), nil
}

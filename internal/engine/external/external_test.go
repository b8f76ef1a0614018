package external

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/engine"
	"larder/internal/fetch"
	"larder/internal/seal"
	"larder/internal/workflow"
)

func change(kind engine.Kind) engine.Change {
	return engine.Change{
		Kind: kind, Operation: "rec-1", Account: "123456789012", Region: "us-east-1", Product: "pp-1", Source: "prod-1", Name: "mine",
		Artifact: engine.Artifact{ID: "pa-1", Type: "EXTERNAL", URL: "s3://bucket/key.tar.gz"},
		Given:    []engine.Given{{Key: "size", Value: "3"}},
		Tags:     []engine.Tag{{Key: "team", Value: "a"}, {Key: "aws:servicecatalog:productArn", Value: "x"}},
		Role:     "arn:aws:iam::123456789012:role/launch", Principal: "arn:aws:iam::123456789012:user/me", Token: "dG9rZW4=",
	}
}

// newEngine opens an engine whose runs are carried until the test ends.
func newEngine(t *testing.T, d *db.DB, endpoints map[string]Endpoint) *Engine {
	t.Helper()
	client, err := fetch.New(fetch.Policy{HTTP: true, Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	runner := workflow.New(d, workflow.Options{RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond})
	e := New(Options{
		DB: d, Runner: runner, Fetch: client, Keys: seal.Ephemeral(), Endpoints: endpoints,
		Organization: func(context.Context, string) (string, error) { return "o-1", nil },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = runner.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return e
}

func TestMessages(t *testing.T) {
	t.Parallel()
	for kind, want := range map[engine.Kind]string{
		engine.Create: `{"token":"dG9rZW4=","operation":"PROVISION_PRODUCT","provisionedProductId":"pp-1","provisionedProductName":"mine","recordId":"rec-1","launchRoleArn":"arn:aws:iam::123456789012:role/launch","identity":{"principal":"arn:aws:iam::123456789012:user/me","awsAccountId":"123456789012","organizationId":"o-1"},"productId":"prod-1","provisioningArtifactId":"pa-1","artifact":{"path":"s3://bucket/key.tar.gz","type":"AWS_S3"},"parameters":[{"key":"size","value":"3"}],"tags":[{"key":"team","value":"a"}],"tracerTag":{"key":"SERVICE_CATALOG_TERRAFORM_INTEGRATION-DO_NOT_DELETE","value":"pp-1"}}`,
		engine.Delete: `{"token":"dG9rZW4=","operation":"TERMINATE_PROVISIONED_PRODUCT","provisionedProductId":"pp-1","provisionedProductName":"mine","recordId":"rec-1","launchRoleArn":"arn:aws:iam::123456789012:role/launch","identity":{"principal":"arn:aws:iam::123456789012:user/me","awsAccountId":"123456789012","organizationId":"o-1"}}`,
	} {
		got, err := compose(change(kind), "o-1")
		if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", kind, err, diff)
		}
	}
	bare := change(engine.Update)
	bare.Given, bare.Tags = nil, nil
	got, err := compose(bare, "")
	if err != nil || !strings.Contains(string(got), `"parameters":[],"tags":[]`) || !strings.Contains(string(got), "UPDATE_PROVISIONED_PRODUCT") {
		t.Errorf("%s, %v", got, err)
	}
}

// TestDelivery has the engine refuse the message twice before it takes it.
func TestDelivery(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		var tries atomic.Int64
		bodies := make(chan string, 1)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("X-Larder-Signature") != seal.Signature("hush", body) {
				t.Errorf("%v, %v", r.Header, err)
			}
			if tries.Add(1) < 3 {
				http.Error(w, "not now", http.StatusServiceUnavailable)
				return
			}
			bodies <- string(body)
		}))
		t.Cleanup(server.Close)
		e := newEngine(t, d, map[string]Endpoint{"EXTERNAL": {URL: server.URL + "?key=hidden", Secret: "hush"}})
		c := change(engine.Create)
		for range 2 { // a repeated beat tells nobody anything new
			p, err := e.Advance(t.Context(), c)
			if err != nil || p.State != engine.Waiting || p.Signal != engine.ReportSignal("rec-1") || !strings.HasSuffix(p.Note, server.URL) {
				t.Fatalf("%+v, %v", p, err)
			}
		}
		want, err := compose(c, "o-1")
		if err != nil {
			t.Fatal(err)
		}
		if got := <-bodies; got != string(want) {
			t.Errorf("posted %s", got)
		}
		for range 200 { // until the delivery is recorded
			all, err := e.Messages(t.Context())
			if err != nil || len(all) != 1 || !json.Valid(all[0].Body) || string(all[0].Body) != string(want) || all[0].Type != "EXTERNAL" {
				t.Fatalf("%+v, %v", all, err)
			}
			if !all[0].Delivered.IsZero() {
				break
			}
			if err := e.o.Runner.Wait(t.Context(), "message-rec-1"); err != nil {
				t.Fatal(err)
			}
		}
		c.Report = &engine.Report{Outputs: []engine.Output{{Key: "url", Value: "x"}}}
		p, err := e.Advance(t.Context(), c)
		if err != nil || p.State != engine.Done || p.Failure != nil || len(p.Outputs) != 1 {
			t.Errorf("%+v, %v", p, err)
		}
		if all, err := e.Messages(t.Context()); err != nil || len(all) != 0 {
			t.Errorf("left: %+v, %v", all, err)
		}
		if n := tries.Load(); n != 3 {
			t.Errorf("posted %d times", n)
		}
	})
}

func TestWithoutEngine(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		e := newEngine(t, d, nil)
		c := change(engine.Create)
		p, err := e.Advance(t.Context(), c)
		if err != nil || p.State != engine.Waiting || !strings.Contains(p.Note, "no engine URL is configured for products of type EXTERNAL") {
			t.Fatalf("%+v, %v", p, err)
		}
		if all, err := e.Messages(t.Context()); err != nil || len(all) != 1 || !all[0].Delivered.IsZero() {
			t.Errorf("%+v, %v", all, err)
		}
		c.Overdue = true
		p, err = e.Advance(t.Context(), c)
		if err != nil || p.State != engine.Done || p.Failure == nil ||
			p.Failure.Reason != "No engine reported the result of rec-1 before its deadline; no engine URL is configured for products of type EXTERNAL" {
			t.Errorf("%+v, %v", p, err)
		}
		roleless := change(engine.Create)
		roleless.Role = ""
		if p, err := e.Advance(t.Context(), roleless); err != nil || p.Failure == nil || p.Failure.Reason != "LaunchRoleArn is required and must be non empty" {
			t.Errorf("%+v, %v", p, err)
		}
		kept := change(engine.Delete)
		kept.Retain = true
		if p, err := e.Advance(t.Context(), kept); err != nil || p.State != engine.Done || p.Failure != nil {
			t.Errorf("%+v, %v", p, err)
		}
		if _, p, err := e.Plan(t.Context(), c); err != nil || p.Failure == nil {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestParser(t *testing.T) {
	t.Parallel()
	answer := `{"parameters":[{"key":"size","defaultValue":"3","type":"number","description":"how big","isNoEcho":false},{"key":"secret","type":"string","isNoEcho":true}]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != `{"artifact":{"path":"s3://bucket/key.tar.gz","type":"AWS_S3"}}` {
			t.Errorf("asked %s, %v", body, err)
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	e := newEngine(t, dbtest.New(t), map[string]Endpoint{"EXTERNAL": {Parser: server.URL}})
	got, err := e.Describe(t.Context(), change(engine.Create).Artifact)
	want := []engine.Parameter{{Key: "size", Type: "number", Default: new("3"), Description: "how big"}, {Key: "secret", Type: "string", NoEcho: true}}
	if diff := cmp.Diff(want, got.Parameters); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for said, words := range map[string]string{
		`{"errorMessage":"No .tf files found"}`: "No .tf files found", `nonsense`: "not what it should be",
	} {
		answer = said
		_, err := e.Describe(t.Context(), change(engine.Create).Artifact)
		if f, ok := engine.AsFailure(err); !ok || !strings.Contains(f.Reason, words) {
			t.Errorf("%s: %v", said, err)
		}
	}
	_, err = e.Describe(t.Context(), engine.Artifact{Type: "TERRAFORM_CLOUD"})
	if f, ok := engine.AsFailure(err); !ok || !strings.Contains(f.Reason, "TERRAFORM_CLOUD") {
		t.Errorf("%v", err)
	}
}

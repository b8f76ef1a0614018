// Package external is the engine of products that an engine outside Larder
// provisions, such as AWS's Terraform reference engine. What AWS puts on that
// engine's queue is posted to its URL as the same JSON, and the engine reports
// through the Notify…EngineWorkflowResult operations.
//
// A message is a row before it is sent, in the transaction that starts the
// run which sends it, and stays until the operation has ended. Without a URL
// it waits to be read.
package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/fetch"
	"larder/internal/seal"
	"larder/internal/workflow"
)

// Options are what an Engine stands on.
type Options struct {
	DB     *db.DB
	Runner *workflow.Runner
	Fetch  *fetch.Client
	// Courier brings messages; nil for one of the engine's own.
	Courier *fetch.Courier
	Keys    *seal.Keys // messages carry parameter values
	// Endpoints are where engines are found, by product type: EXTERNAL,
	// TERRAFORM_CLOUD, TERRAFORM_OPEN_SOURCE.
	Endpoints map[string]Endpoint
	// Organization is the id of the organization of an account; nil means
	// that there is none.
	Organization func(ctx context.Context, account string) (string, error)
	Now          func() time.Time
}

// An Endpoint is where the engine of a product type listens.
type Endpoint struct {
	URL    string // gets the messages; "" if they wait to be read
	Parser string // tells the parameters of an archive; "" for none
	Secret string // signs what is posted to either; "" for nothing
}

// shown is where the engine is, for people.
func (t Endpoint) shown() string { return fetch.Shown(t.URL) }

// Engine implements [engine.Engine] by telling others what to do.
type Engine struct{ o Options }

// header is that of a request with body, signed if there is a secret to sign
// with.
func (t Endpoint) header(body []byte) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	if t.Secret != "" {
		h.Set(seal.SignatureHeader, seal.Signature(t.Secret, body))
	}
	return h
}

// deliveryRun is the run that sends one message.
const deliveryRun = "engine-message/v1"

// patience is how long an operation waits for its report before it looks
// whether anything has changed.
const patience = 10 * time.Minute

// New returns an Engine and registers its run with o.Runner.
func New(o Options) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Courier == nil {
		o.Courier = fetch.NewCourier(o.Fetch)
	}
	e := &Engine{o}
	o.Runner.Register(workflow.Definition{
		Name:  deliveryRun,
		Steps: []workflow.Step{{Name: "deliver", Beat: e.deliver}},
	})
	return e
}

// Describe asks the parser of the product type for the parameters of an
// archive.
func (e *Engine) Describe(ctx context.Context, a engine.Artifact) (engine.Template, error) {
	endpoint := e.o.Endpoints[a.Type]
	if endpoint.Parser == "" {
		return engine.Template{}, &engine.Failure{Reason: "No parameter parser is configured for products of type " + a.Type}
	}
	question, err := json.Marshal(struct {
		Artifact artifact `json:"artifact"`
	}{artifact{a.URL, artifactType}})
	if err != nil {
		return engine.Template{}, err
	}
	answer, err := e.o.Fetch.Post(ctx, endpoint.Parser, endpoint.header(question), question)
	if failed, ok := errors.AsType[*fetch.Error](err); ok {
		return engine.Template{}, &engine.Failure{Reason: failed.Error()}
	}
	if err != nil {
		return engine.Template{}, err
	}
	return readParameters(answer.Body)
}

// readParameters reads a parser's answer.
func readParameters(body []byte) (engine.Template, error) {
	var answer struct {
		Parameters []struct {
			Key          string  `json:"key"`
			DefaultValue *string `json:"defaultValue"`
			Type         string  `json:"type"`
			Description  string  `json:"description"`
			IsNoEcho     bool    `json:"isNoEcho"`
		} `json:"parameters"`
		ErrorMessage string `json:"errorMessage"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return engine.Template{}, &engine.Failure{Reason: "The parameter parser's answer is not what it should be: " + err.Error()}
	}
	if answer.ErrorMessage != "" {
		return engine.Template{}, &engine.Failure{Reason: answer.ErrorMessage}
	}
	var t engine.Template
	for _, p := range answer.Parameters {
		t.Parameters = append(t.Parameters, engine.Parameter{
			Key: p.Key, Type: p.Type, Default: p.DefaultValue, Description: p.Description, NoEcho: p.IsNoEcho,
		})
	}
	return t, nil
}

// Plan is for products that are CloudFormation templates.
func (*Engine) Plan(_ context.Context, c engine.Change) (engine.Preview, engine.Progress, error) {
	return engine.Preview{}, ended(c, "Plans are not supported for products of type "+c.Artifact.Type), nil
}

// Advance tells the engine of c, once, and waits for what it reports.
func (e *Engine) Advance(ctx context.Context, c engine.Change) (engine.Progress, error) {
	endpoint := e.o.Endpoints[c.Artifact.Type]
	switch {
	case c.Report != nil:
		return e.report(ctx, c)
	case c.Kind == engine.Delete && c.Retain:
		return engine.Progress{State: engine.Done, Physical: c.Physical}, nil
	case c.Kind != engine.Delete && c.Role == "":
		return ended(c, "LaunchRoleArn is required and must be non empty"), nil // the reference engine's words
	case c.Overdue:
		if err := e.forget(ctx, c); err != nil {
			return engine.Progress{}, err
		}
		return ended(c, overdue(c, endpoint)), nil
	}
	if err := e.tell(ctx, c, endpoint); err != nil {
		return engine.Progress{}, err
	}
	p := engine.Progress{
		State: engine.Waiting, After: patience, Signal: engine.ReportSignal(c.Operation), Physical: c.Physical,
		Note: "waiting for the report of the engine at " + endpoint.shown(),
	}
	if endpoint.URL == "" {
		p.Note = fmt.Sprintf("waiting for a report; no engine URL is configured for products of type %s", c.Artifact.Type)
	}
	return p, nil
}

// overdue names what did not happen.
func overdue(c engine.Change, endpoint Endpoint) string {
	if endpoint.URL == "" {
		return fmt.Sprintf("No engine reported the result of %s before its deadline; no engine URL is configured for products of type %s", c.Operation, c.Artifact.Type)
	}
	return fmt.Sprintf("The engine at %s did not report the result of %s before its deadline", endpoint.shown(), c.Operation)
}

func ended(c engine.Change, reason string) engine.Progress {
	return engine.Progress{State: engine.Done, Physical: c.Physical, Failure: &engine.Failure{Reason: reason}}
}

// report ends an operation as the engine says.
func (e *Engine) report(ctx context.Context, c engine.Change) (engine.Progress, error) {
	if err := e.forget(ctx, c); err != nil {
		return engine.Progress{}, err
	}
	p := engine.Progress{State: engine.Done, Physical: c.Physical, Outputs: c.Report.Outputs, Note: "reported by the engine"}
	if c.Report.Failed {
		p.Failure = &engine.Failure{Reason: c.Report.Reason}
	}
	return p, nil
}

var _ engine.Engine = (*Engine)(nil)

package external

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/fetch"
	"larder/internal/workflow"
)

// artifactType is the only one there is.
const artifactType = "AWS_S3"

// tracerKey is the key of the tag by which AWS finds what an engine made.
const tracerKey = "SERVICE_CATALOG_TERRAFORM_INTEGRATION-DO_NOT_DELETE"

// operations are what AWS calls the kinds of change.
var operations = map[engine.Kind]string{
	engine.Create: "PROVISION_PRODUCT",
	engine.Update: "UPDATE_PROVISIONED_PRODUCT",
	engine.Delete: "TERMINATE_PROVISIONED_PRODUCT",
}

// A termination is the message about a termination, with the members that
// the others have too.
type termination struct {
	Token       string   `json:"token"`
	Operation   string   `json:"operation"`
	Provisioned string   `json:"provisionedProductId"`
	Name        string   `json:"provisionedProductName"`
	Record      string   `json:"recordId"`
	Role        string   `json:"launchRoleArn"`
	Identity    identity `json:"identity"`
}

// A provisioning is the message about a launch or an update. The reference
// engine demands every member, empty lists included.
type provisioning struct {
	termination
	Product    string      `json:"productId"`
	Version    string      `json:"provisioningArtifactId"`
	Artifact   artifact    `json:"artifact"`
	Parameters []parameter `json:"parameters"`
	Tags       []tag       `json:"tags"`
	Tracer     tag         `json:"tracerTag"`
}

type (
	artifact struct {
		Path string `json:"path"`
		Type string `json:"type"`
	}
	identity struct {
		Principal    string `json:"principal"`
		Account      string `json:"awsAccountId"`
		Organization string `json:"organizationId"`
	}
	parameter struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	tag struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
)

// compose writes the message about c. Tags that only AWS may set are left
// out: whoever makes resources could not set them.
func compose(c engine.Change, organization string) ([]byte, error) {
	short := termination{
		Token: c.Token, Operation: operations[c.Kind], Provisioned: c.Product, Name: c.Name, Record: c.Operation, Role: c.Role,
		Identity: identity{c.Principal, c.Account, organization},
	}
	if c.Kind == engine.Delete {
		return json.Marshal(short)
	}
	long := provisioning{
		termination: short, Product: c.Source, Version: c.Artifact.ID, Artifact: artifact{c.Artifact.URL, artifactType},
		Parameters: []parameter{}, Tags: []tag{}, Tracer: tag{tracerKey, c.Product},
	}
	for _, g := range c.Given {
		long.Parameters = append(long.Parameters, parameter{g.Key, g.Value})
	}
	for _, t := range c.Tags {
		if !strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			long.Tags = append(long.Tags, tag(t))
		}
	}
	return json.Marshal(long)
}

// A Message is one that an engine has been, or is to be, told.
type Message struct {
	Type      string // of the product
	Account   string
	Region    string
	Created   time.Time
	Delivered time.Time       // zero: not yet
	Body      json.RawMessage // what is posted
}

// maxMessages bounds what Messages answers.
const maxMessages = 1000

// Messages returns the messages of operations under way, the oldest first.
func (e *Engine) Messages(ctx context.Context) ([]Message, error) {
	type row struct {
		Message
		operation, sealed string
	}
	var rows []row
	err := e.o.DB.View(ctx, func(tx *db.Tx) (err error) {
		rows, err = db.Collect(tx, func(r *db.Rows) (row, error) {
			var one row
			var created, delivered int64
			err := r.Scan(&one.operation, &one.Type, &one.Account, &one.Region, &created, &delivered, &one.sealed)
			one.Created, one.Delivered = db.Time(created), db.Time(delivered)
			return one, err
		}, `SELECT operation, type, account, region, created, delivered, body FROM engine_message ORDER BY created, operation LIMIT ?`, maxMessages)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := make([]Message, len(rows))
	for i, r := range rows {
		body, err := e.o.Keys.Open(r.sealed, sealContext(r.operation))
		if err != nil {
			return nil, err
		}
		all[i], all[i].Body = r.Message, body
	}
	return all, nil
}

func sealContext(operation string) string { return "engine message of " + operation }

// tell records the message about c, unless it is, and has it sent where
// there is somebody to send it to.
func (e *Engine) tell(ctx context.Context, c engine.Change, to Endpoint) error {
	_, delivered, err := e.read(ctx, c.Operation)
	if err == nil && (delivered || to.URL == "") {
		return nil
	}
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return err
	}
	organization := ""
	if e.o.Organization != nil {
		if organization, err = e.o.Organization(ctx, c.Account); err != nil {
			return err
		}
	}
	body, err := compose(c, organization)
	if err != nil {
		return err
	}
	sealed := e.o.Keys.Seal(body, sealContext(c.Operation))
	now := e.o.Now()
	return e.o.DB.Update(ctx, func(tx *db.Tx) error {
		if err := tx.Exec(`INSERT INTO engine_message (operation, type, account, region, created, delivered, body)
			VALUES (?, ?, ?, ?, ?, 0, ?) ON CONFLICT (operation) DO NOTHING`,
			c.Operation, c.Artifact.Type, c.Account, c.Region, db.Micros(now), sealed); err != nil {
			return err
		}
		if to.URL == "" {
			return nil
		}
		return e.o.Runner.Start(tx, workflow.Begin{ // a run that exists goes on
			ID: "message-" + c.Operation, Definition: deliveryRun, Subject: c.Operation, Account: c.Account, Region: c.Region,
		})
	})
}

// deliver is the beat of a delivery: it tries until the message is taken or
// nobody needs it any more.
func (e *Engine) deliver(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
	m, delivered, err := e.read(ctx, b.Subject)
	if errors.Is(err, db.ErrNoRows) || err == nil && delivered {
		return workflow.End(), nil
	}
	if err != nil {
		return workflow.Verdict{}, err
	}
	to := e.o.Endpoints[m.Type]
	if to.URL == "" {
		return workflow.End(), nil // it is not configured any more: the message waits to be read
	}
	body, err := e.o.Keys.Open(string(m.Body), sealContext(b.Subject))
	if err != nil {
		return workflow.Verdict{}, err
	}
	err = e.o.Courier.Post(ctx, to.URL, to.header(body), body)
	if turned, ok := errors.AsType[*fetch.Turned](err); ok {
		return workflow.Again(turned.After).Noted(turned.Error()), nil
	}
	if err != nil {
		return workflow.Verdict{}, err
	}
	return workflow.End().Write(func(tx *db.Tx) error {
		return tx.Exec(`UPDATE engine_message SET delivered = ? WHERE operation = ?`, db.Micros(b.Now), b.Subject)
	}), nil
}

// read returns a message, still sealed, and whether it is delivered.
func (e *Engine) read(ctx context.Context, operation string) (m Message, delivered bool, err error) {
	var at int64
	var sealed string
	err = e.o.DB.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT type, delivered, body FROM engine_message WHERE operation = ?`, operation).Scan(&m.Type, &at, &sealed)
	})
	m.Delivered, m.Body = db.Time(at), json.RawMessage(sealed)
	return m, at != 0, err
}

// forget drops the message of an operation that has ended.
func (e *Engine) forget(ctx context.Context, c engine.Change) error {
	return e.o.DB.Update(ctx, func(tx *db.Tx) error {
		return tx.Exec(`DELETE FROM engine_message WHERE operation = ?`, c.Operation)
	})
}

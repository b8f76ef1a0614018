package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"larder/internal/api"
	"larder/internal/engine/external"
	"larder/internal/fetch"
	httpserver "larder/internal/server"
)

// engineFlags are where engines outside Larder are found, and how long
// operations may take. Types are those of products; the deadlines' are those
// of provisioned products.
type engineFlags struct {
	Engine          map[string]location      `help:"Where the engine of products of a type is told what to provision: EXTERNAL, TERRAFORM_CLOUD or TERRAFORM_OPEN_SOURCE. Without one its messages wait to be read." placeholder:"TYPE=URL;…"`
	EngineParser    map[string]location      `help:"Where the parameters of such products are asked for." placeholder:"TYPE=URL;…"`
	EngineSecret    secrets                  `help:"What signs requests to the engine of a type and its parser." placeholder:"TYPE=SECRET;…"`
	Deadline        time.Duration            `help:"How long an operation may take." default:"${deadline}" placeholder:"DURATION"`
	ProductDeadline map[string]time.Duration `help:"How long an operation on provisioned products of a type may take (CFN_STACK, EXTERNAL, …)." placeholder:"TYPE=DURATION;…"`
	Grace           time.Duration            `help:"How long an engine may go on to stop and undo an operation after its deadline." default:"${grace}" placeholder:"DURATION"`
}

// externalTypes are the types of products that engines outside Larder
// provision.
var externalTypes = []string{
	string(api.ProductTypeExternal), string(api.ProductTypeTerraformCloud), string(api.ProductTypeTerraformOpenSource),
}

// deadlineTypes are the types that provisioned products have.
var deadlineTypes = append([]string{"CFN_STACK", "CFN_STACKSET"}, externalTypes...)

// endpoints are the engines by type. A setting that can be seen to lead
// nowhere is an error.
func (f *engineFlags) endpoints(client *fetch.Client) (map[string]external.Endpoint, error) {
	var errs []error
	all := map[string]external.Endpoint{}
	place := func(setting string, of map[string]location, put func(*external.Endpoint, string)) {
		for _, name := range slices.Sorted(maps.Keys(of)) {
			if !slices.Contains(externalTypes, name) {
				errs = append(errs, fmt.Errorf("--%s: %s is no type of products that an engine can be configured for", setting, name))
			}
			if err := client.Check(string(of[name])); err != nil {
				errs = append(errs, fmt.Errorf("--%s: %w", setting, err))
			}
			e := all[name]
			put(&e, string(of[name]))
			all[name] = e
		}
	}
	place("engine", f.Engine, func(e *external.Endpoint, url string) { e.URL = url })
	place("engine-parser", f.EngineParser, func(e *external.Endpoint, url string) { e.Parser = url })
	errs = append(errs, f.EngineSecret.check("engine-secret", func(name string) bool { _, ok := all[name]; return ok }))
	for name, e := range all {
		e.Secret = string(f.EngineSecret[name])
		all[name] = e
	}
	return all, errors.Join(errs...)
}

// checkDeadlines refuses times that nothing can be done in.
func (f *engineFlags) checkDeadlines() error {
	var errs []error
	if f.Deadline < 0 || f.Grace < 0 {
		errs = append(errs, errors.New("--deadline and --grace may not be negative"))
	}
	for _, name := range slices.Sorted(maps.Keys(f.ProductDeadline)) {
		if !slices.Contains(deadlineTypes, name) {
			errs = append(errs, fmt.Errorf("--product-deadline: %s is no type of provisioned products", name))
		}
		if f.ProductDeadline[name] <= 0 {
			errs = append(errs, fmt.Errorf("--product-deadline: that of %s must be positive", name))
		}
	}
	return errors.Join(errs...)
}

// An engineMessage is one message as tests read it. Body is what AWS puts on
// an engine's queue.
type engineMessage struct {
	Type      string          `json:"productType"`
	Account   string          `json:"accountId"`
	Region    string          `json:"region"`
	Created   time.Time       `json:"createdTime"`
	Delivered *time.Time      `json:"deliveredTime"` // null: it was not posted
	Body      json.RawMessage `json:"body"`
}

// engineRoutes let a test play the engine: it reads what the engine is told
// and reports by the Notify…EngineWorkflowResult operations.
func engineRoutes(e *external.Engine) map[string]httpserver.Route {
	return map[string]httpserver.Route{
		"GET /_larder/engine/messages": func(ctx context.Context, _ *http.Request, _ []byte) (any, error) {
			waiting, err := e.Messages(ctx)
			if err != nil {
				return nil, err
			}
			messages := make([]engineMessage, len(waiting))
			for i, m := range waiting {
				messages[i] = engineMessage{Type: m.Type, Account: m.Account, Region: m.Region, Created: m.Created, Body: m.Body}
				if !m.Delivered.IsZero() {
					messages[i].Delivered = &m.Delivered
				}
			}
			return struct {
				Messages []engineMessage `json:"messages"`
			}{messages}, nil
		},
	}
}

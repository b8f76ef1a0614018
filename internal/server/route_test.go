package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"larder/internal/api"
	"larder/internal/identity"
)

func TestRoutes(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Routes = map[string]Route{
		"GET /_larder/things/{name}": func(ctx context.Context, r *http.Request, _ []byte) (any, error) {
			switch name := r.PathValue("name"); name {
			case "none":
				return nil, api.ResourceNotFound("Thing %s not found", name)
			case "broken":
				return nil, errors.New("the disk is on fire")
			default:
				return map[string]string{"name": name, "account": identity.CallerFrom(ctx).Account}, nil
			}
		},
		"POST /_larder/things": func(_ context.Context, _ *http.Request, body []byte) (any, error) {
			return map[string]int{"bytes": len(body)}, nil
		},
	}
	const asJSON = "application/json"
	typed := func(t string) map[string]string { return map[string]string{"Content-Type": t} }
	for name, tt := range map[string]struct {
		call
		status     int
		body, code string
	}{
		"an answer":       {call{method: "GET", path: "/_larder/things/x"}, 200, `{"account":"000000000000","name":"x"}`, ""},
		"a caller":        {call{method: "GET", path: "/_larder/things/x", as: "123456789012", service: "servicecatalog"}, 200, `{"account":"123456789012","name":"x"}`, ""},
		"a caller denied": {call{method: "GET", path: "/_larder/things/x", as: "mallory", service: "servicecatalog"}, 400, "", api.CodeUnrecognizedClient},
		"a body":          {call{path: "/_larder/things", body: "{}", header: typed(asJSON + "; charset=utf-8")}, 200, `{"bytes":2}`, ""},
		"no type":         {call{path: "/_larder/things", header: typed("")}, 400, "", api.CodeSerialization},
		"a form":          {call{path: "/_larder/things", body: "{}", header: typed("application/x-www-form-urlencoded")}, 400, "", api.CodeSerialization},
		"too large":       {call{path: "/_larder/things", body: strings.Repeat(" ", maxForm+1), header: typed(asJSON)}, 400, "", api.CodeRequestTooLarge},
		"a refusal":       {call{method: "GET", path: "/_larder/things/none"}, 400, "", api.CodeResourceNotFound},
		"a fault":         {call{method: "GET", path: "/_larder/things/broken"}, 500, "", api.CodeInternalFailure},
		"unknown":         {call{method: "GET", path: "/_larder/nothing"}, 404, "", api.CodeUnknownOperation},
		"another method":  {call{method: "DELETE", path: "/_larder/things"}, 404, "", api.CodeUnknownOperation},
		"a foreign page":  {call{path: "/_larder/things", body: "{}", header: map[string]string{"Content-Type": asJSON, "Origin": "https://evil.example"}}, 403, "", api.CodeAccessDenied},
		"a foreign host":  {call{method: "GET", path: "/_larder/things/x", host: "evil.example"}, 403, "", api.CodeAccessDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := start(t, c).send(tt.call)
			if got.status != tt.status || got.code != tt.code || tt.body != "" && got.body != tt.body+"\n" || strings.Contains(got.body, "fire") {
				t.Errorf("%d %s %s", got.status, got.code, got.body)
			}
		})
	}
	if got := start(t, testConfig()).send(call{method: "GET", path: "/_larder/things/x"}); got.status != http.StatusNotFound {
		t.Errorf("without routes: %d %s", got.status, got.body)
	}
}

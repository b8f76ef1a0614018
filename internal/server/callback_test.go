package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"larder/internal/awsquery"
)

func TestCallbacks(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Callbacks = map[string]Callback{
		"PUT /reports/{of}/{part}": func(_ context.Context, r *http.Request, body []byte) error {
			switch {
			case r.URL.Query().Get("Signature") != "right":
				return awsquery.AccessDenied("The signature of this URL is not valid")
			case r.PathValue("of") != "arn:aws:x/y":
				return errors.New("the disk is on fire")
			case string(body) != "done":
				return awsquery.Errorf("Odd", "%s", body)
			}
			return nil
		},
	}
	const at = "/reports/arn:aws:x%2Fy/part?Signature=right"
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"} // as curl has it
	for name, tt := range map[string]struct {
		call
		status int
		code   string
	}{
		"a report":         {call{method: "PUT", path: at, body: "done", header: form}, 200, ""},
		"without a type":   {call{method: "PUT", path: at, body: "done"}, 200, ""},
		"a forged URL":     {call{method: "PUT", path: strings.Replace(at, "right", "left", 1), body: "done"}, 403, "AccessDenied"},
		"a refusal":        {call{method: "PUT", path: at, body: "what"}, 400, "Odd"},
		"a fault":          {call{method: "PUT", path: strings.Replace(at, "%2Fy", "", 1), body: "done"}, 500, "InternalFailure"},
		"too large":        {call{method: "PUT", path: at, body: strings.Repeat("x", maxBody+1)}, 400, "RequestEntityTooLargeException"},
		"another method":   {call{method: "GET", path: at}, 404, "UnknownOperationException"},
		"a foreign page":   {call{method: "PUT", path: at, body: "done", header: map[string]string{"Origin": "https://evil.example"}}, 403, "AccessDeniedException"},
		"a foreign host":   {call{method: "PUT", path: at, body: "done", host: "evil.example"}, 403, "AccessDeniedException"},
		"of another shape": {call{method: "PUT", path: "/reports/x", body: "done"}, 404, "UnknownOperationException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := start(t, c).send(tt.call)
			if got.status != tt.status || got.code != tt.code || strings.Contains(got.body, "fire") || tt.status == http.StatusOK && got.body != "" {
				t.Errorf("%d %s %s", got.status, got.code, got.body)
			}
		})
	}
}

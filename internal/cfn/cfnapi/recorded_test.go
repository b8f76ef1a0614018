package cfnapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"larder/internal/evidencetest"
)

// TestRecordedErrors gives CreateStack every template that AWS refused when a
// stack or its change set was created: the same words are wanted.
func TestRecordedErrors(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	r := &replay{house: h, client: h.client(account, region), results: map[int]any{}}
	compared := 0
	for _, e := range evidencetest.Lines[struct {
		Test, Operation, Code, Message, Template string
		Request                                  struct{ Parameters json.RawMessage }
	}](t, "errors.jsonl") {
		switch {
		case e.Template == "", strings.Contains(e.Template, "${tests."):
			continue
		case strings.Contains(e.Message, "already exists"): // the transcript has what was there before
			continue
		}
		verb := "create_stack"
		switch strings.TrimPrefix(e.Operation, "cloudformation.") {
		case "create_stack", "CreateStack", "create_change_set", "CreateChangeSet", "deploy_cfn_template":
		case "get_template_summary":
			verb = "get_template_summary"
		default:
			continue
		}
		request := map[string]any{"TemplateBody": e.Template}
		if verb == "create_stack" {
			request["StackName"] = "refused"
			if strings.HasPrefix(string(e.Request.Parameters), "[") {
				request["Parameters"] = e.Request.Parameters
			}
			if e.Code != "InsufficientCapabilitiesException" {
				request["Capabilities"] = []string{"CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"}
			}
		}
		kwargs, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		compared++
		r.results[0] = r.call(t.Context(), verb, kwargs)
		got, _ := r.lookup("call0.error.value.response.Error")
		want := map[string]any{"Code": e.Code, "Message": e.Message, "Type": "Sender"}
		if err := match(want, got, map[string]string{}, ""); err != nil {
			t.Errorf("%s: %v", e.Test, err)
		}
	}
	t.Logf("%d recorded refusals compared", compared)
	if compared < 15 {
		t.Errorf("only %d refusals were compared", compared)
	}
}

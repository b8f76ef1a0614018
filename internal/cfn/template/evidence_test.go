package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"larder/internal/evidencetest"
)

type recordedError struct {
	Test, Operation, Code, Message string
	Template                       *string
	Request                        struct{ Parameters any }
}

// given returns the parameters of a request, which the recordings have in two forms.
func (r recordedError) given() map[string]string {
	given := map[string]string{}
	switch p := r.Request.Parameters.(type) {
	case map[string]any:
		for k, v := range p {
			given[k], _ = v.(string)
		}
	case []any:
		for _, one := range p {
			if one, ok := one.(map[string]any); ok {
				k, _ := one["ParameterKey"].(string)
				given[k], _ = one["ParameterValue"].(string)
			}
		}
	}
	return given
}

// elsewhere says of a recorded error why no template can cause it.
func elsewhere(r recordedError) string {
	switch {
	case strings.Contains(r.Message, "already exists"), strings.Contains(r.Message, "No updates are to be performed"):
		return "the state of the stack"
	case strings.Contains(r.Message, "at 'templateBody' failed to satisfy constraint"):
		return "the API's bound for an inline body, not the template's"
	}
	return ""
}

// TestRecordedErrors holds Parse and Evaluate against what AWS answered for
// the same templates.
func TestRecordedErrors(t *testing.T) {
	t.Parallel()
	compared, matched := 0, 0
	for _, r := range evidencetest.Lines[recordedError](t, "errors.jsonl") {
		if r.Template == nil || strings.HasPrefix(*r.Template, "$") {
			continue
		}
		if why := elsewhere(r); why != "" {
			t.Logf("not compared: %s: %s", r.Test, why)
			continue
		}
		compared++
		tpl, err := Parse([]byte(*r.Template), DefaultLimits())
		if r.Code == "InsufficientCapabilitiesException" {
			if err != nil {
				t.Errorf("%s: %v", r.Test, err)
				continue
			}
			if c := tpl.Capabilities(); r.Message != "Requires capabilities : "+bracketed(c.Names) {
				t.Errorf("%s: needs %v, AWS says %q", r.Test, c.Names, r.Message)
				continue
			}
			matched++
			continue
		}
		if err == nil {
			_, err = tpl.Evaluate(testEnv(), r.given())
		}
		var fault *Error
		if !errors.As(err, &fault) {
			t.Errorf("%s: %v, AWS says %q", r.Test, err, r.Message)
			continue
		}
		if fault.Code != r.Code || fault.Message != r.Message {
			t.Errorf("%s:\n got %s %q\nwant %s %q", r.Test, fault.Code, fault.Message, r.Code, r.Message)
			continue
		}
		matched++
	}
	t.Logf("evidence: CloudFormation's refusals of templates and parameter values: %d of %d", matched, compared)
	if compared < 15 {
		t.Errorf("only %d recorded errors concern templates", compared)
	}
}

// TestRecordedTemplates parses every template that AWS took.
func TestRecordedTemplates(t *testing.T) {
	t.Parallel()
	refused := map[string]bool{}
	for _, r := range evidencetest.Lines[recordedError](t, "errors.jsonl") {
		if r.Template != nil {
			refused[*r.Template] = true
		}
	}
	parsed, byBlocks := 0, 0
	for _, transcript := range evidencetest.Lines[map[string]any](t, "transcripts.jsonl") {
		for _, src := range bodies(transcript) {
			if refused[src] || !strings.Contains(src, "Resources") {
				continue
			}
			parsed++
			if fast, err := readBlocks(src, DefaultLimits()); err == nil && src[0] != '{' {
				byBlocks++
				if slow, _, err := readAnyYAML([]byte(src), DefaultLimits()); err != nil || identical(&slow, &fast) != "" {
					t.Errorf("%s: the readers differ: %v %s\n%s", transcript["name"], err, identical(&slow, &fast), src)
				}
			}
			if _, err := Parse([]byte(src), DefaultLimits()); err != nil {
				t.Errorf("%s: %v\n%s", transcript["name"], err, src)
			}
		}
	}
	t.Logf("%d templates, %d by the fast YAML reader", parsed, byBlocks)
	if parsed < 100 || byBlocks < 100 {
		t.Errorf("only %d templates were found, %d read by the fast YAML reader", parsed, byBlocks)
	}
}

// bodies finds the templates anywhere in a recording.
func bodies(v any) []string {
	var found []string
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if name == "TemplateBody" {
				switch body := inner.(type) {
				case string:
					found = append(found, body)
				case map[string]any:
					if src, err := json.Marshal(body); err == nil {
						found = append(found, string(src))
					}
				}
			}
			found = append(found, bodies(inner)...)
		}
	case []any:
		for _, inner := range v {
			found = append(found, bodies(inner)...)
		}
	}
	return found
}

type changeSetCase struct {
	Name                         string
	Template1, Template2         json.RawMessage
	Template1Text, Template2Text *string
	Params1, Params2             map[string]any
	Needs                        []string
}

// TestRecordedChangeSets binds the templates of the change-set recordings to
// the parameters they were given.
func TestRecordedChangeSets(t *testing.T) {
	t.Parallel()
	files := evidencetest.Files(t, "changesets")
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c changeSetCase
		if err := json.Unmarshal(src, &c); err != nil {
			t.Fatal(err)
		}
		if len(c.Needs) > 0 {
			t.Logf("not evaluated: %s needs %v", c.Name, c.Needs)
			continue
		}
		for i, one := range []struct {
			src    json.RawMessage
			params map[string]any
		}{{c.Template1, c.Params1}, {c.Template2, c.Params2}} {
			tpl, err := Parse(one.src, DefaultLimits())
			if err != nil {
				t.Errorf("%s template %d: %v", c.Name, i+1, err)
				continue
			}
			given := map[string]string{}
			for k, v := range one.params {
				given[k], _ = v.(string)
			}
			if _, err := tpl.Evaluate(testEnv(), given); err != nil {
				t.Errorf("%s template %d: %v", c.Name, i+1, err)
			}
		}
	}
}

// TestRecordedSummaries holds what is told of a template against
// GetTemplateSummary's recorded answers.
func TestRecordedSummaries(t *testing.T) {
	t.Parallel()
	type summary struct {
		Capabilities, ResourceTypes []string
		CapabilitiesReason, Version string
		Parameters                  []struct{ ParameterKey, ParameterType string }
		ResourceIdentifierSummaries []struct {
			ResourceType       string
			LogicalResourceIds []string
		}
	}
	type transcript struct {
		Name            string
		Transcript      []map[string]any
		RecordedContent map[string]json.RawMessage `json:"recorded_content"`
	}
	compared := 0
	for _, one := range evidencetest.Lines[transcript](t, "transcripts.jsonl") {
		src, ok := one.RecordedContent["get_template_summary_by_body"]
		if !ok {
			continue
		}
		var want summary
		if err := json.Unmarshal(src, &want); err != nil {
			t.Fatal(err)
		}
		for _, call := range one.Transcript {
			if call["op"] != "cloudformation.get_template_summary" || len(bodies(call)) == 0 {
				continue
			}
			compared++
			tpl, err := Parse([]byte(bodies(call)[0]), DefaultLimits())
			if err != nil {
				t.Errorf("%s: %v", one.Name, err)
				continue
			}
			s := tpl.Summary()
			got := summary{Capabilities: s.Capabilities.Names, CapabilitiesReason: s.Capabilities.Reason, Version: s.Format, ResourceTypes: s.ResourceTypes}
			for _, p := range tpl.Parameters {
				got.Parameters = append(got.Parameters, struct{ ParameterKey, ParameterType string }{p.Name, p.Type})
			}
			for _, i := range s.Identifiers {
				got.ResourceIdentifierSummaries = append(got.ResourceIdentifierSummaries, struct {
					ResourceType       string
					LogicalResourceIds []string
				}{i.Type, i.LogicalIDs})
			}
			// AWS's order is no order.
			unordered := cmpopts.SortSlices(func(a, b any) bool { return fmt.Sprint(a) < fmt.Sprint(b) })
			if diff := cmp.Diff(want, got, unordered); diff != "" {
				t.Errorf("%s (-recorded +got):\n%s", one.Name, diff)
			}
		}
	}
	if compared == 0 {
		t.Error("no recorded summary was found")
	}
}

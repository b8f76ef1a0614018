package changeset

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
	"larder/internal/evidencetest"
)

// transcript is a change set recorded outside the cases, with the calls that
// led to it.
type transcript struct {
	Test, Key, Date string
	StepsBefore     []struct {
		Op     string
		Kwargs struct {
			StackName, TemplateBody, ChangeSetType string
			Parameters                             any
			Tags                                   []struct{ Key, Value string }
		}
	} `json:"steps_before"`
	Recorded struct {
		shownHead
		Changes []any
	}
}

// apart says of a transcript why it is not compared.
func (r transcript) apart() string {
	switch {
	case r.Date[6:10] == "2022" && r.Key == "describe_change_set":
		return "AWS has since then named the parameter whose default changed"
	case strings.Contains(r.Test, "macro"):
		return "needs a macro"
	case r.Recorded.Status == "FAILED" && strings.HasPrefix(r.Recorded.StatusReason, "Transform"):
		return "a transform that fails"
	}
	for _, step := range r.StepsBefore {
		if strings.HasPrefix(step.Kwargs.TemplateBody, "$") {
			return "its template is not recorded"
		}
	}
	return ""
}

// deployment is a stack's template and parameters.
type deployment struct {
	template string
	params   map[string]string
}

func given(v any) map[string]string {
	all := map[string]string{}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			all[key], _ = value.(string)
		}
	case []any:
		for _, one := range v {
			p, _ := one.(map[string]any)
			key, _ := p["ParameterKey"].(string)
			all[key], _ = p["ParameterValue"].(string)
		}
	}
	return all
}

// TestRecordedTranscripts replays the calls before each recorded change set.
func TestRecordedTranscripts(t *testing.T) {
	t.Parallel()
	var all []transcript
	if err := json.Unmarshal(recordedText(t, evidencetest.Path(t, "changesets_other.json")), &all); err != nil {
		t.Fatal(err)
	}
	matched, compared := 0, 0
	for _, r := range all {
		if why := r.apart(); why != "" {
			t.Logf("not compared: %s %s: %s", r.Test, r.Key, why)
			continue
		}
		compared++
		var standing, asked deployment
		exports := map[string]string{}
		for _, step := range r.StepsBefore {
			d := deployment{step.Kwargs.TemplateBody, given(step.Kwargs.Parameters)}
			switch step.Op {
			case "deploy_cfn_template", "cloudformation.update_stack":
				standing = d
				if name, ok := d.params["BucketExportName"]; ok { // another stack, which exports
					standing, exports[name] = deployment{}, "<value:1>"
				}
			case "cloudformation.create_change_set":
				asked = d
			case "cloudformation.execute_change_set":
				standing = asked
			}
		}
		env := testEnv()
		env.Stored = func(string) (string, error) { return "stored", nil }
		env.Export = func(name string) (schema.Value, bool) { value, ok := exports[name]; return value, ok }
		u := Update{New: evaluate(t, asked.template, asked.params, env)}
		if standing.template != "" {
			u = launched(t, evaluate(t, standing.template, standing.params, env), u.New)
		}
		without, with := both(t, u)
		set := without
		if strings.HasSuffix(r.Key, "with_values") {
			set = with
		}
		if diff := cmp.Diff(recorded(r.Recorded.Changes), computed(t, set, r.Recorded.Changes)); diff != "" {
			t.Errorf("%s %s: (-AWS +got)\n%s", r.Test, r.Key, diff)
			continue
		}
		if reason := strings.ReplaceAll(r.Recorded.StatusReason, "<export-name>", "b-0001cafe"); reason != reasonOf(set) {
			t.Errorf("%s %s: reason %q, AWS says %q", r.Test, r.Key, reasonOf(set), reason)
			continue
		}
		if shown := r.Recorded.Parameters; shown != nil && shown[0].Value != "<bucket-name>" && !strings.Contains(r.Test, "cdk") {
			if diff := cmp.Diff(shown, Parameters(u.New), byKey); diff != "" && !strings.Contains(diff, "-2-name>") {
				t.Errorf("%s %s: parameters (-AWS +got)\n%s", r.Test, r.Key, diff)
				continue
			}
		}
		matched++
	}
	t.Logf("evidence: change sets in transcripts: %d of %d (%d more are not compared)", matched, compared, len(all)-compared)
}

func reasonOf(s Set) string {
	if s.Empty() {
		return NoChanges
	}
	return s.Incomplete
}

var _ template.Live = world{}

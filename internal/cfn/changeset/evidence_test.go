package changeset

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"larder/internal/cfn/template"
	"larder/internal/evidencetest"
)

// recordedText reads a recording with the placeholders that stand for what
// these tests fix.
func recordedText(t *testing.T, path string) []byte {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.NewReplacer("<partition>", "aws", "<region>", testRegion, "url_suffix", "amazonaws.com").Replace(string(src)))
}

type answer struct {
	Changes    []any
	WithValues []any     `json:"changes_with_values"`
	ChangeSet  shownHead `json:"change_set"`
}

// shownHead is what a change set says beside its changes.
type shownHead struct {
	Status, StatusReason string
	Parameters           []Parameter
}

// stored answers with what the recording says that SSM parameters came to.
func (a answer) stored(name string) (string, error) {
	for _, p := range a.ChangeSet.Parameters {
		if p.Value == name && p.ResolvedValue != "" {
			return p.ResolvedValue, nil
		}
	}
	return "", errors.New("no such parameter")
}

type recordedCase struct {
	Name                 string
	Template1, Template2 json.RawMessage
	Params1, Params2     map[string]string
	Needs                []string
	Expect               struct{ Create, Update answer }
}

// included is the file that a case includes. It was not recorded, but what AWS
// answered tells what is in it.
func (c recordedCase) included(t *testing.T) []byte {
	t.Helper()
	resources := map[string]any{}
	for _, change := range c.Expect.Update.WithValues {
		r := change.(map[string]any)["ResourceChange"].(map[string]any)
		resources[r["LogicalResourceId"].(string)] = map[string]any{
			"Type": r["ResourceType"], "Properties": r["AfterContext"].(map[string]any)["Properties"],
		}
	}
	if len(resources) == 0 {
		return []byte("Outputs: {ParameterRef: {Value: {Ref: Parameter}}}")
	}
	text, err := json.Marshal(resources)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestRecordedChangeSets holds both answers against what AWS answered, for the
// launch and for the update.
func TestRecordedChangeSets(t *testing.T) {
	t.Parallel()
	files := evidencetest.Files(t, "changesets")
	matched, compared, outside := 0, 0, 0
	for _, file := range files {
		var c recordedCase
		if err := json.Unmarshal(recordedText(t, file), &c); err != nil {
			t.Fatal(err)
		}
		if len(c.Needs) > 0 && !strings.HasPrefix(c.Needs[0], "external ssm parameter") && !strings.HasPrefix(c.Needs[0], "aws-include") {
			outside++
			t.Logf("not compared: %s needs %s", c.Name, strings.Join(c.Needs, ", "))
			continue
		}
		compared++
		after := storedEnv(c.Expect.Update)
		after.Include = func(string) ([]byte, error) { return c.included(t), nil }
		u := launched(t, evaluate(t, string(c.Template1), c.Params1, storedEnv(c.Expect.Create)),
			evaluate(t, string(c.Template2), c.Params2, after))
		ok := true
		for _, phase := range []struct {
			name string
			u    Update
			want answer
		}{{"create", Update{New: u.Old}, c.Expect.Create}, {"update", u, c.Expect.Update}} {
			without, with := both(t, phase.u)
			if diff := cmp.Diff(recorded(phase.want.Changes), computed(t, without, phase.want.Changes)); diff != "" {
				t.Errorf("%s, %s: (-AWS +got)\n%s", c.Name, phase.name, diff)
				ok = false
			}
			if diff := cmp.Diff(recorded(phase.want.WithValues), computed(t, with, phase.want.WithValues)); diff != "" {
				t.Errorf("%s, %s with values: (-AWS +got)\n%s", c.Name, phase.name, diff)
				ok = false
			}
			if diff := cmp.Diff(phase.want.ChangeSet.Parameters, Parameters(phase.u.New), cmpopts.EquateEmpty(), byKey); diff != "" {
				t.Errorf("%s, %s: parameters (-AWS +got)\n%s", c.Name, phase.name, diff)
				ok = false
			}
			if failed := phase.want.ChangeSet.Status == "FAILED"; failed != without.Empty() {
				t.Errorf("%s, %s: empty is %v, AWS says %s", c.Name, phase.name, without.Empty(), phase.want.ChangeSet.Status)
				ok = false
			}
		}
		if ok {
			matched++
		}
	}
	t.Logf("evidence: change-set cases, in both modes: %d of %d (%d more need something outside: macros, SAM)", matched, compared, outside)
}

var byKey = cmpopts.SortSlices(func(a, b Parameter) bool { return a.Key < b.Key })

func storedEnv(a answer) template.Env {
	env := testEnv()
	env.Stored = a.stored
	return env
}

// recorded brings a recorded answer to the form in which it is compared: in
// order, details as sets, without the Replacement that Add once had.
func recorded(changes []any) map[string]any {
	all := map[string]any{}
	for _, one := range changes {
		ch := one.(map[string]any)["ResourceChange"].(map[string]any)
		if ch["Action"] == "Add" {
			delete(ch, "Replacement")
		}
		slices.SortFunc(ch["Details"].([]any), func(a, b any) int { return strings.Compare(jsonText(a), jsonText(b)) })
		all[ch["LogicalResourceId"].(string)] = ch
	}
	return all
}

// computed brings an answer of ours to the same form. Physical ids that
// differ from run to run are those of the recording if they look like them.
func computed(t *testing.T, s Set, like []any) map[string]any {
	t.Helper()
	var changes []any
	for _, ch := range s.Changes {
		var one map[string]any
		if err := json.Unmarshal([]byte(jsonText(ch)), &one); err != nil {
			t.Fatal(err)
		}
		open(one, "BeforeContext", "AfterContext")
		for _, d := range one["Details"].([]any) {
			open(d.(map[string]any)["Target"].(map[string]any), "BeforeValue", "AfterValue")
		}
		changes = append(changes, map[string]any{"ResourceChange": one})
	}
	all := recorded(changes)
	for id, want := range recorded(like) {
		wanted, _ := want.(map[string]any)["PhysicalResourceId"].(string)
		got, ok := all[id].(map[string]any)
		if physical, _ := got["PhysicalResourceId"].(string); ok && wanted != "" && looksLike(physical, wanted) {
			got["PhysicalResourceId"] = wanted
		}
	}
	return all
}

// open reads the JSON text in members of a map, as the recordings have it.
func open(m map[string]any, names ...string) {
	for _, name := range names {
		src, ok := m[name].(string)
		if !ok || !strings.HasPrefix(src, "{") && !strings.HasPrefix(src, "[") {
			continue
		}
		var v any
		if json.Unmarshal([]byte(src), &v) == nil {
			m[name] = v
		}
	}
}

var random = regexp.MustCompile(`<[^>]*>|-[A-Za-z0-9]{12}\b`)

// looksLike reports whether a physical id has the form of a recorded one.
func looksLike(physical, recorded string) bool {
	var pattern strings.Builder
	rest := recorded
	for _, at := range random.FindAllStringIndex(recorded, -1) {
		begin := at[0] - (len(recorded) - len(rest))
		pattern.WriteString(regexp.QuoteMeta(rest[:begin]) + ".+")
		rest = recorded[at[1]:]
	}
	pattern.WriteString(regexp.QuoteMeta(rest))
	return regexp.MustCompile("^" + pattern.String() + "$").MatchString(physical)
}

func jsonText(v any) string {
	src, err := json.Marshal(v)
	if err != nil {
		panic(err) // tests give what marshals
	}
	return string(src)
}

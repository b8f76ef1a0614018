package changeset

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"larder/internal/cfn/schema"
)

// existing is a [Live] in which everything exists.
type existing struct{}

func (existing) Physical(id string) (string, bool)                 { return id, true }
func (existing) Ref(id string) (schema.Value, bool)                { return id, true }
func (existing) GetAtt(id, attribute string) (schema.Value, error) { return id + "." + attribute, nil }

// TestEveryType changes every property of every type that has a schema, and
// holds what is said of it against the schema (D1, D2, D5).
func TestEveryType(t *testing.T) {
	t.Parallel()
	f, err := os.Open("../schema/data/resource-schemas.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	types, changes := 0, 0
	for dec := json.NewDecoder(bufio.NewReader(z)); dec.More(); types++ {
		var name string
		var s struct {
			Properties                                            map[string]json.RawMessage
			CreateOnlyProperties, ConditionalCreateOnlyProperties []string
		}
		if err := dec.Decode(&[]any{&name, &s}); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for property := range s.Properties {
			want[property] = "Never"
		}
		for _, path := range s.ConditionalCreateOnlyProperties {
			want[path] = "Conditionally"
		}
		for _, path := range s.CreateOnlyProperties {
			want[path] = "Always"
		}
		if changes += len(want); len(want) == 0 {
			continue
		}
		checkType(t, name, want)
	}
	t.Logf("%d changes of %d types", changes, types)
	if types < 1500 {
		t.Error("types are missing")
	}
}

// checkType changes each of the properties at the given paths in a resource of
// its own.
func checkType(t *testing.T, name string, want map[string]string) {
	t.Helper()
	versions := [2]map[string]any{{}, {}}
	paths := map[string]string{}
	for path := range want {
		id := fmt.Sprintf("R%d", len(paths))
		paths[id] = path
		for i, v := range []any{"a", "b"} {
			steps := strings.Split(path, "/")
			for _, step := range slices.Backward(steps) {
				if step == "*" {
					v = []any{v}
				} else {
					v = map[string]any{step: v}
				}
			}
			versions[i][id] = map[string]any{"Type": name, "Properties": v}
		}
	}
	sources := [2]string{jsonText(map[string]any{"Resources": versions[0]}), jsonText(map[string]any{"Resources": versions[1]})}
	u := Update{Old: evaluate(t, sources[0], nil, testEnv()), New: evaluate(t, sources[1], nil, testEnv()), Live: existing{}}
	set, err := u.Changes()
	if err != nil || len(set.Changes) != len(want) {
		t.Fatalf("%s: %d changes of %d, %v", name, len(set.Changes), len(want), err)
	}
	for _, ch := range set.Changes {
		path := paths[ch.LogicalID]
		requires := ch.Details[0].Target.RequiresRecreation
		if requires != want[path] && !overridden(name, path, want) {
			t.Errorf("%s %s requires %s, its schema says %s", name, path, requires, want[path])
		}
		replacement, policy := ReplacementFalse, PolicyAction("")
		switch requires {
		case "Always":
			replacement, policy = ReplacementTrue, PolicyReplaceAndDelete
		case "Conditionally":
			replacement = ReplacementConditional
		}
		if ch.Replacement != replacement || ch.PolicyAction != policy {
			t.Errorf("%s %s", name, ch)
		}
	}
}

// overridden reports whether what a schema says of a property is not all:
// where something within it needs a new resource, or where AWS is known to
// differ (schema/data/hints.json and shapes.txt).
func overridden(name, path string, want map[string]string) bool {
	for other := range want {
		if strings.HasPrefix(other, path+"/") {
			return true
		}
	}
	typ, _ := schema.Lookup(name)
	top, _, _ := strings.Cut(path, "/")
	return want[path] != "Always" && typ.Recreation(top) > schema.Never
}

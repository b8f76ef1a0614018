package changeset

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/jsontext/jsontexttest"
)

func TestText(t *testing.T) {
	t.Parallel()
	var full []Change
	jsontexttest.Fill(t, &full)
	for _, changes := range [][]Change{full, {}, {{Scope: []string{}, Details: []Detail{}}}, {{Scope: []string{}, Details: []Detail{{}}}}} {
		text := Encode(changes)
		got, err := Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(changes, got); d != "" {
			t.Errorf("%s came back otherwise:\n%s", text, d)
		}
		var standard []Change
		if err := json.Unmarshal([]byte(text), &standard); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(changes, standard); d != "" {
			t.Errorf("encoding/json reads %s otherwise:\n%s", text, d)
		}
	}
	if _, err := Decode(`[{"Action": `); err == nil {
		t.Error("half a change was read")
	}
}

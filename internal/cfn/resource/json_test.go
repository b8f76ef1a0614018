package resource_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/schema"
)

func TestEncodeProperties(t *testing.T) {
	t.Parallel()
	got, err := resource.EncodeProperties(map[string]any{
		"b": []any{nil, true, false, json.Number("1.50"), 3, "<x> \"q\" \\ \n \x01 ü 😀 \xff"},
		"a": map[string]any{}, "c": schema.Secret("word"), "": []any{},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"":[],"a":{},"b":[null,true,false,1.50,3,"<x> \"q\" \\ \n \u0001 ü 😀 ` + "\ufffd" + `"],"c":"****"}`
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
}

func FuzzProperties(f *testing.F) {
	f.Add([]byte(`{"a": ["b\u0000\ud800", 1e400, {"c": null}], "d": true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		properties, err := resource.DecodeProperties(text)
		if err != nil {
			return
		}
		encoded, err := resource.EncodeProperties(properties)
		if err != nil {
			t.Fatal(err)
		}
		again, err := resource.DecodeProperties(encoded)
		if err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
		if d := cmp.Diff(properties, again); d != "" && properties != nil {
			t.Errorf("%s came back otherwise:\n%s", text, d)
		}
	})
}

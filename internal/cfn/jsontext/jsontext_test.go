package jsontext_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/jsontext"
)

// standard reads a value by encoding/json.
func standard(text string) (value any, err error) {
	if !json.Valid([]byte(text)) {
		return nil, errors.New("invalid")
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	err = d.Decode(&value)
	return value, err
}

func FuzzReader(f *testing.F) {
	for _, text := range []string{
		`{"a": ["b\u0000\ud800", 1e400, {"c": null}], "d": true}`, ` [ -0.5E+2 , "\ud83d\ude00\/\n" , {} , [ ] , false ] `, `"\ud800\u0041"`,
		`{"a":1,"a":2}`, `nul`, `[1,]`, `{"a"}`, `01`, `-`, `1.`, `"`, `"\x"`, "\"\n\"", `[[[`, `{} {}`, `"\"`, `[{"a":[1,2,{"b":{}}]},null]`, "\"\u2028\x7f\"",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, wrong := standard(text)
		r := jsontext.NewReader(text)
		got := r.Value()
		switch err := r.End(); {
		case strings.Count(text, "[")+strings.Count(text, "{") > 900: // how deep is our own affair
		case (err == nil) != (wrong == nil):
			t.Fatalf("%q: %v, encoding/json says %v", text, err, wrong)
		case err == nil && strings.ToValidUTF8(text, "") == text:
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%q:\n%s", text, d)
			}
		}
		skip := jsontext.NewReader(text)
		raw := skip.Raw()
		if err := skip.End(); err == nil && raw != nil && string(raw) != strings.Trim(text, " \t\r\n") {
			t.Errorf("%q is raw %q", text, raw)
		}
	})
}

func FuzzAppendString(f *testing.F) {
	f.Add("<x> \"q\" \\ \n\r\t\b\f \x01\x7f ü 😀 \xff \u2028\u2029 \ufffd")
	f.Fuzz(func(t *testing.T, s string) {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		got := jsontext.AppendString(nil, s)
		if d := cmp.Diff(strings.TrimSuffix(strings.ReplaceAll(want.String(), `\ufffd`, "\ufffd"), "\n"), string(got)); d != "" {
			t.Errorf("%q:\n%s", s, d)
		}
		r := jsontext.NewReader(string(got))
		if back := r.String(); back != strings.ToValidUTF8(s, "\ufffd") && r.End() == nil && !strings.Contains(back, "\ufffd") {
			t.Errorf("%q came back as %q", s, back)
		}
	})
}

func TestReader(t *testing.T) {
	t.Parallel()
	type row struct {
		Name  string
		Count int64
		Size  int
		On    bool
		Tags  []string
		Words map[string]string
		Raw   json.RawMessage
		Empty []string
	}
	read := func(text string) (x row, err error) {
		r := jsontext.NewReader(text)
		for name := range r.Members() {
			switch name {
			case "name":
				x.Name = r.String()
			case "count":
				x.Count = r.Int64()
			case "size":
				x.Size = r.Int()
			case "on":
				x.On = r.Bool()
			case "tags":
				x.Tags = r.Strings()
			case "words":
				x.Words = r.StringMap()
			case "raw":
				x.Raw = r.Raw()
			default:
				r.Skip()
			}
		}
		return x, r.End()
	}
	got, err := read(`{"name": "a", "count": -9007199254740993, "size": 3, "on": true, "other": [1, {"x": "]"}], "tags": ["b", "c"], "words": {"d": "e"}, "raw": {"f" : [ ]}}`)
	if err != nil {
		t.Fatal(err)
	}
	want := row{Name: "a", Count: -9007199254740993, Size: 3, On: true, Tags: []string{"b", "c"}, Words: map[string]string{"d": "e"}, Raw: json.RawMessage(`{"f" : [ ]}`)}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got, err = read(`{"name": null, "count": null, "size": null, "on": null, "tags": null, "words": null, "raw": null}`); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff(row{}, got); d != "" {
		t.Error(d)
	}
	for _, text := range []string{
		``, `{`, `{"name": 1}`, `{"count": "1"}`, `{"count": 1.5}`, `{"size": 99999999999999999999}`, `{"on": "true"}`, `{"tags": {}}`, `{"words": []}`, `{"raw": }`,
		`[]`, `{} x`, `{"name": "a" "b"}`, strings.Repeat("[", 2000),
	} {
		if _, err := read(text); err == nil {
			t.Errorf("%s was read", text)
		}
	}
	deep := jsontext.NewReader(strings.Repeat("[", 1001) + strings.Repeat("]", 1001))
	if deep.Value(); deep.End() == nil {
		t.Error("a value may nest without bounds")
	}
}

package changeset

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
)

// context writes a resource's declaration as AWS shows it: JSON in which every
// scalar is a string (A5) and secrets are masked.
func (c *comparison) context(s state) (string, error) {
	b := append(make([]byte, 0, 256), `{"Properties":`...)
	b = append(b, '{')
	for i, p := range s.properties {
		b = appendMember(b, i, p)
	}
	b = append(b, '}')
	for _, a := range s.attributes {
		b = appendMember(b, 1, a)
	}
	b = append(b, '}')
	return string(b), c.spend(len(b))
}

func appendMember(b []byte, i int, m member) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	b = appendString(b, m.name)
	b = append(b, ':')
	return appendValue(b, m.value)
}

// shown writes a value as AWS shows one: a scalar as it is, anything else as
// JSON.
func shown(v schema.Value) *string {
	s, ok := shownText(v)
	if !ok {
		s = string(appendValue(nil, v))
	}
	return &s
}

// shownText returns the text by which a scalar is shown.
func shownText(v schema.Value) (string, bool) {
	switch v := v.(type) {
	case schema.Secret:
		return schema.Mask, true
	case template.Unknown:
		return v.Text, true
	}
	return text(v)
}

func appendValue(b []byte, v schema.Value) []byte {
	if s, ok := shownText(v); ok {
		return appendString(b, s)
	}
	switch v := v.(type) {
	case []any:
		b = append(b, '[')
		for i, item := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, item)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			b = appendMember(b, i, member{name: name, value: v[name]})
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// appendString writes a JSON string, as AWS does without escapes for HTML.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return appendEscaped(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func appendEscaped(b []byte, s string) []byte {
	w := bytes.NewBuffer(b)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil { // cannot be: a string always encodes
		return append(b, `""`...)
	}
	return bytes.TrimSuffix(w.Bytes(), []byte("\n"))
}

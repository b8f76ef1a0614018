package provisioning

import (
	"strings"
	"time"

	"larder/internal/api"
	"larder/internal/id"
)

// The bounds of a search.
const (
	maxQuery   = 4096 // bytes of all its texts
	maxMatches = 64   // conditions of all its texts
)

// A shape says how a match compares its text.
type shape int

// The shapes: x, x*, *x, *x*, * alone, and a range of times.
const (
	equals shape = iota
	begins
	ends
	contains
	anything
	within
)

// A match is one condition of a search.
type match struct {
	field    field // "" is every field
	shape    shape
	text     string // folded
	from, to int64  // of a range: microseconds, from included, to not
}

// A query is what a search asks for: one of the groups must hold, and of a
// group every match. No groups hold everything. docs/search.md has the grammar.
type query [][]match

// parseQuery reads the texts of a search.
func parseQuery(texts []string) (query, error) {
	var q query
	size, count := 0, 0
	for _, text := range texts {
		if size += len(text); size > maxQuery {
			return nil, api.InvalidParameters("A search query is at most %d bytes long", maxQuery)
		}
		group, err := parseGroup(text)
		if err != nil {
			return nil, err
		}
		if count += len(group); count > maxMatches {
			return nil, api.InvalidParameters("A search query has at most %d terms", maxMatches)
		}
		if len(group) == 0 {
			return nil, nil // a text without a term holds for everything
		}
		q = append(q, group)
	}
	return q, nil
}

func parseGroup(text string) ([]match, error) {
	var group []match
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		var (
			w   word
			err error
		)
		if w, rest, err = nextWord(rest); err != nil {
			return nil, err
		}
		more, err := w.matches()
		if err != nil {
			return nil, err
		}
		group = append(group, more...)
	}
	return group, nil
}

// A word is one term of a text, taken apart.
type word struct {
	field       string // "" if none is named
	value       string
	front, back bool // a * before, a * behind the value
	ranged      bool // [value]
}

// nextWord cuts the first word off a text that begins with one. Quotes keep
// spaces and take everything between them by the letter; a backslash inside
// them takes the next character so.
func nextWord(text string) (word, string, error) {
	var w word
	if name, rest, ok := strings.Cut(text, ":"); ok && isFieldName(name) && !strings.HasPrefix(text, "arn:aws") {
		w.field, text = name, rest
	}
	if strings.HasPrefix(text, "[") && w.field != "" {
		value, rest, ok := strings.Cut(text[1:], "]")
		if !ok {
			return w, "", api.InvalidParameters("Invalid search query: a range lacks its ]")
		}
		w.ranged, w.value = true, value
		return w, rest, nil
	}
	if w.front = strings.HasPrefix(text, "*"); w.front {
		text = text[1:]
	}
	if strings.HasPrefix(text, `"`) {
		value, rest, ok := unquote(text[1:])
		if !ok {
			return w, "", api.InvalidParameters("Invalid search query: a quotation has no end")
		}
		w.value = value
		if w.back = strings.HasPrefix(rest, "*"); w.back {
			rest = rest[1:]
		}
		return w, rest, nil
	}
	end := strings.IndexAny(text, " \t\r\n")
	if end < 0 {
		end = len(text)
	}
	w.value = text[:end]
	if w.back = strings.HasSuffix(w.value, "*"); w.back {
		w.value = strings.TrimSuffix(w.value, "*")
	}
	return w, text[end:], nil
}

func unquote(text string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), text[i+1:], true
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// isFieldName reports whether s could name a field: letters only.
func isFieldName(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return s != ""
}

// matches are what a word asks for.
func (w word) matches() ([]match, error) {
	var f field
	if w.field != "" {
		var ok bool
		if f, ok = fieldNamed(w.field); !ok {
			return nil, api.InvalidParameters("Invalid search field: %s", w.field)
		}
	}
	if f == createdField {
		m, err := w.times()
		return []match{m}, err
	}
	if w.ranged {
		return nil, api.InvalidParameters("Invalid search query: %s is not searched by range", w.field)
	}
	m := match{field: f, text: fold(w.value)}
	switch {
	case w.value == "" && (w.front || w.back):
		m.shape = anything
	case w.front && w.back:
		m.shape = contains
	case w.front:
		m.shape = ends
	case w.back:
		m.shape = begins
	}
	if m.shape == equals && (f == arnField || f == "") {
		if pp, ok := ownARN(w.value); ok {
			return []match{{field: idField, text: fold(pp)}, {field: arnField, text: m.text}}, nil
		}
	}
	if f == tagsField && m.shape != ends && m.shape != contains && !strings.Contains(m.text, "=") && !strings.HasPrefix(m.text, "arn:") {
		m.text = strings.Replace(m.text, ":", "=", 1) // tags:key:value
	}
	return []match{m}, nil
}

// ownARN returns the id in the ARN of a provisioned product.
func ownARN(s string) (string, bool) {
	arn, err := id.ParseARN(s)
	if err != nil {
		return "", false
	}
	_, pp, ok := arn.ProvisionedProduct()
	return string(pp), ok
}

// times reads a time, a date or a range of them.
func (w word) times() (match, error) {
	m := match{field: createdField, shape: within, from: 0, to: 1<<63 - 1}
	first, last, ranged := w.value, w.value, w.ranged
	if ranged {
		var ok bool
		if first, last, ok = strings.Cut(w.value, " TO "); !ok {
			return m, api.InvalidParameters("Invalid search query: a range is written [from TO to]")
		}
	} else if w.front || w.back {
		if w.value != "" {
			return m, api.InvalidParameters("Invalid search query: createdTime takes no wildcard but in a range")
		}
		return m, nil
	}
	if first = strings.TrimSpace(first); first != "*" {
		from, _, err := instant(first)
		if err != nil {
			return m, err
		}
		m.from = from.UnixMicro()
	}
	if last = strings.TrimSpace(last); last != "*" {
		to, length, err := instant(last)
		if err != nil {
			return m, err
		}
		m.to = to.Add(length).UnixMicro()
	}
	return m, nil
}

// instant reads a time or a date, and how long it lasts.
func instant(s string) (time.Time, time.Duration, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, 24 * time.Hour, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, 0, api.InvalidParameters("Invalid search query: %q is neither a time, as 2026-01-31T12:00:00Z, nor a date", s)
	}
	if t.Nanosecond() == 0 {
		return t, time.Second, nil
	}
	return t, time.Millisecond, nil
}

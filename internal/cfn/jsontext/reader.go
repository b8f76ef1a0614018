// Package jsontext reads and writes the JSON in the house's own rows. What a
// stack operation reads and writes is mostly that, and encoding/json, which
// finds its way by reflection and reads everything twice, was two fifths of
// what a change set costs. It knows nothing of what the texts mean.
package jsontext

import (
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A Reader reads one JSON text once, from left to right: the caller asks for
// what should come next. The first fault stops it: every later read answers a
// zero value and every loop ends, so that only [Reader.End] needs a look.
//
// A null is the zero value of whatever is asked for, and no members or items.
// Strings without escapes are parts of the text, not copies.
type Reader struct {
	text  string
	at    int // next byte
	depth int
	err   error
}

// maxDepth bounds how deep values nest; a row never comes near.
const maxDepth = 1000

// NewReader returns a reader of a text.
func NewReader(text string) *Reader { return &Reader{text: text} }

// End returns the first fault, which may be that something follows.
func (r *Reader) End() error {
	if r.peek(); r.err == nil && r.at < len(r.text) {
		r.malformed()
	}
	return r.err
}

func (r *Reader) malformed() {
	if r.err == nil {
		r.err = fmt.Errorf("malformed JSON at byte %d", r.at)
	}
	r.at = len(r.text)
}

// peek skips white space and returns the next byte, 0 at the end.
func (r *Reader) peek() byte {
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// word reads a literal that comes next.
func (r *Reader) word(w string) bool {
	if !strings.HasPrefix(r.text[r.at:], w) {
		return false
	}
	r.at += len(w)
	return true
}

// null reads a null that comes next.
func (r *Reader) null() bool { return r.peek() == 'n' && r.word("null") }

// enter begins an object or list; false if it is null, or something else.
func (r *Reader) enter(bracket byte) bool {
	if r.null() {
		return false
	}
	if r.peek() != bracket || r.depth == maxDepth {
		r.malformed()
		return false
	}
	r.at++
	r.depth++
	return true
}

// more moves to what comes next in an object or list, or behind its end.
func (r *Reader) more(end byte, first bool) bool {
	c := r.peek()
	switch {
	case r.err != nil:
		return false
	case c == end:
		r.at++
		r.depth--
		return false
	case first:
		return true
	case c != ',':
		r.malformed()
		return false
	}
	r.at++
	return true
}

// Members reads an object: the body of the loop must read the value of each
// member that it is given the name of, or skip it.
func (r *Reader) Members() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !r.enter('{') {
			return
		}
		for first := true; r.more('}', first); first = false {
			if r.peek() != '"' {
				r.malformed()
				return
			}
			name := r.String()
			if r.peek() != ':' {
				r.malformed()
				return
			}
			r.at++
			if !yield(name) {
				return
			}
		}
	}
}

// Items reads a list: the body of the loop must read each item, or skip it.
func (r *Reader) Items() iter.Seq[int] {
	return func(yield func(int) bool) {
		if !r.enter('[') {
			return
		}
		for i := 0; r.more(']', i == 0); i++ {
			if !yield(i) {
				return
			}
		}
	}
}

// String reads a string.
func (r *Reader) String() string {
	if r.null() {
		return ""
	}
	if r.peek() != '"' {
		r.malformed()
		return ""
	}
	start := r.at + 1
	i := start
	for i < len(r.text) && !stops[r.text[i]] {
		i++
	}
	r.at = i
	switch {
	case i == len(r.text) || r.text[i] < ' ':
		r.malformed()
		return ""
	case r.text[i] == '\\':
		return r.escaped(start)
	}
	r.at++
	return r.text[start:i]
}

// stops marks the bytes at which a string ends or is not what it stands for.
var stops = func() (t [256]bool) {
	for c := range ' ' {
		t[c] = true
	}
	t['"'], t['\\'] = true, true
	return t
}()

// escaped reads the rest of a string that began at start and has its first
// escape at r.at.
func (r *Reader) escaped(start int) string {
	end := r.at // no byte of the string lies behind
	for end < len(r.text) && r.text[end] != '"' {
		if r.text[end] == '\\' {
			end++
		}
		end++
	}
	out := make([]byte, 0, min(end, len(r.text))-start)
	for r.at < len(r.text) {
		out = append(out, r.text[start:r.at]...)
		switch c := r.text[r.at]; {
		case c == '"':
			r.at++
			return string(out)
		case c < ' ':
			r.malformed()
			return ""
		}
		char, ok := r.escape()
		if !ok {
			break
		}
		out = utf8.AppendRune(out, char)
		for start = r.at; r.at < len(r.text) && !stops[r.text[r.at]]; r.at++ {
		}
	}
	r.malformed()
	return ""
}

// escape reads an escape, or two that make one character.
func (r *Reader) escape() (rune, bool) {
	if r.at+1 >= len(r.text) {
		return 0, false
	}
	c := r.text[r.at+1]
	if c == 'u' {
		high, ok := r.unit(r.at)
		if !ok {
			return 0, false
		}
		r.at += 6
		if !utf16.IsSurrogate(high) {
			return high, true
		}
		low, _ := r.unit(r.at)
		char := utf16.DecodeRune(high, low) // half a pair is U+FFFD
		if char != utf8.RuneError {
			r.at += 6
		}
		return char, true
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 {
		return 0, false
	}
	r.at += 2
	return rune("\"\\/\b\f\n\r\t"[i]), true
}

// unit reads \uXXXX at i.
func (r *Reader) unit(i int) (rune, bool) {
	if i+6 > len(r.text) || r.text[i:i+2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(r.text[i+2:i+6], 16, 16)
	return rune(n), err == nil
}

// Number reads a number as it is written.
func (r *Reader) Number() json.Number {
	if r.null() {
		return ""
	}
	r.peek()
	start := r.at
	r.sign("-")
	if r.at < len(r.text) && r.text[r.at] == '0' {
		r.at++
	} else {
		r.digits()
	}
	if r.at < len(r.text) && r.text[r.at] == '.' {
		r.at++
		r.digits()
	}
	if r.at < len(r.text) && r.text[r.at]|0x20 == 'e' {
		r.at++
		r.sign("+-")
		r.digits()
	}
	if r.err != nil {
		return ""
	}
	return json.Number(r.text[start:r.at])
}

func (r *Reader) sign(signs string) {
	if r.at < len(r.text) && strings.IndexByte(signs, r.text[r.at]) >= 0 {
		r.at++
	}
}

// digits reads at least one digit.
func (r *Reader) digits() {
	start := r.at
	for r.at < len(r.text) && r.text[r.at]-'0' <= 9 {
		r.at++
	}
	if r.at == start {
		r.malformed()
	}
}

// Int64 reads a whole number.
func (r *Reader) Int64() int64 { return r.integer(64) }

// Int reads a whole number.
func (r *Reader) Int() int { return int(r.integer(strconv.IntSize)) }

func (r *Reader) integer(bits int) int64 {
	text := r.Number()
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(string(text), 10, bits)
	if err != nil {
		r.malformed()
	}
	return n
}

// Bool reads a truth value.
func (r *Reader) Bool() bool {
	switch c := r.peek(); {
	case c == 't' && r.word("true"):
		return true
	case c == 'f' && r.word("false"), r.null():
	default:
		r.malformed()
	}
	return false
}

// Strings reads a list of strings.
func (r *Reader) Strings() []string {
	var list []string
	for range r.Items() {
		list = append(list, r.String())
	}
	return list
}

// StringMap reads an object whose members are strings; nil if it has none.
func (r *Reader) StringMap() map[string]string {
	var m map[string]string
	for name := range r.Members() {
		if m == nil {
			m = map[string]string{}
		}
		m[name] = r.String()
	}
	return m
}

// Raw reads any value as it is written; nil if it is null.
func (r *Reader) Raw() json.RawMessage {
	if r.null() {
		return nil
	}
	r.peek()
	start := r.at
	r.Skip()
	if r.err != nil {
		return nil
	}
	return json.RawMessage(r.text[start:r.at])
}

// Skip passes over a value of any form.
func (r *Reader) Skip() {
	switch r.peek() {
	case '{':
		for range r.Members() {
			r.Skip()
		}
	case '[':
		for range r.Items() {
			r.Skip()
		}
	case '"':
		_ = r.String()
	case 't', 'f':
		r.Bool()
	default:
		r.Number()
	}
}

// Value reads a value of any form: nil, string, bool, [json.Number], []any or
// map[string]any.
func (r *Reader) Value() any {
	switch c := r.peek(); {
	case c == '{':
		return r.Object()
	case c == '[':
		list := []any{}
		for range r.Items() {
			list = append(list, r.Value())
		}
		return list
	case c == '"':
		return r.String()
	case c == 't', c == 'f':
		return r.Bool()
	case r.null():
		return nil
	default:
		return r.Number()
	}
}

// Object reads an object; nil if it is null.
func (r *Reader) Object() map[string]any {
	if r.null() {
		return nil
	}
	object := make(map[string]any, r.members())
	for name := range r.Members() {
		object[name] = r.Value()
	}
	return object
}

// members is how many members the object that comes next seems to have, by
// the commas before the first bracket.
func (r *Reader) members() int {
	const look = 256
	n := 1
	for i := r.at + 1; i < min(len(r.text), r.at+look); i++ {
		switch r.text[i] {
		case ',':
			n++
		case '{', '[', '}':
			return n
		}
	}
	return n
}

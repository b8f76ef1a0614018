package api

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// A decoder reads one JSON text once, from left to right. The generated
// decode methods pull from it what their shape has and skip the rest.
//
// The first fault stops it: err is set, every later read answers a zero value
// and every loop ends, so that generated code need not check for errors.
// Strings without escapes are parts of the text, not copies.
type decoder struct {
	text   string
	at     int    // next byte
	name   string // of the member or entry whose value comes next
	err    *Error
	absent []string // paths of required members that were not there
	nul    error    // refuses U+0000, which no member has use for and no database keeps; nil if there is none
	depth  int
	places [maxDepth]place
}

// seen is the set of a structure's members that were read.
type seen uint64

// fail stops the decoder with a SerializationException.
func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = Errorf(CodeSerialization, format, args...)
	}
}

// malformed fails at a byte that no JSON text has there.
func (d *decoder) malformed() {
	if d.at >= len(d.text) {
		d.fail("Unexpected end of the request body")
		return
	}
	r, _ := utf8.DecodeRuneInString(d.text[d.at:])
	d.fail("Unexpected character %q at byte %d of the request body", r, d.at)
}

// mismatch fails at a value that is not what the member is, in AWS's words
// and with the member's path.
func (d *decoder) mismatch(want string) {
	var got string
	switch c := d.peek(); {
	case c == '{':
		d.fail("Start of structure or map found where not expected%s", d.where())
		return
	case c == '[':
		d.fail("Start of list found where not expected%s", d.where())
		return
	case c == '"':
		got = "STRING_VALUE"
	case c == '-' || c >= '0' && c <= '9':
		got = "NUMBER_VALUE"
	case strings.HasPrefix(d.text[d.at:], "true"):
		got = "TRUE_VALUE"
	case strings.HasPrefix(d.text[d.at:], "false"):
		got = "FALSE_VALUE"
	case strings.HasPrefix(d.text[d.at:], "null"):
		got = "NULL_VALUE"
	default:
		d.malformed()
		return
	}
	d.fail("%s can not be converted to %s%s", got, want, d.where())
}

// where says where the value is that comes next, nothing of the body itself.
func (d *decoder) where() string {
	if d.depth == 0 {
		return ""
	}
	return " at '" + pathOf(d.places[:d.depth]) + "'"
}

// peek skips white space and answers the next byte, 0 at the end.
func (d *decoder) peek() byte {
	for ; d.at < len(d.text); d.at++ {
		switch c := d.text[d.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// literal reads the word if it comes next.
func (d *decoder) literal(word string) bool {
	if !strings.HasPrefix(d.text[d.at:], word) {
		return false
	}
	d.at += len(word)
	return true
}

// enter begins a structure, list or map.
func (d *decoder) enter(bracket byte, kind placeKind, want string) {
	if d.err != nil {
		return
	}
	if d.peek() != bracket {
		d.mismatch(want)
		return
	}
	if d.depth == maxDepth {
		d.fail("The request body nests deeper than %d levels", maxDepth)
		return
	}
	d.at++
	d.places[d.depth] = place{kind: kind}
	d.depth++
}

func (d *decoder) structure() { d.enter('{', inStructure, "a Structure") }
func (d *decoder) mapping()   { d.enter('{', inMap, "a Map") }
func (d *decoder) list()      { d.enter('[', inList, "a List") }

// more moves to what comes next in the structure, list or map that was entered
// last, and leaves it if that is its end.
func (d *decoder) more(end byte) bool {
	if d.err != nil {
		return false
	}
	c := d.peek()
	if c == end {
		d.at++
		d.depth--
		return false
	}
	p := &d.places[d.depth-1]
	if p.index > 0 {
		if c != ',' {
			d.malformed()
			return false
		}
		d.at++
	}
	p.index++
	return true
}

// next moves to the next member of a structure or entry of a map and sets
// d.name. A null stands for an absent member and is passed over.
func (d *decoder) next() bool {
	for d.more('}') {
		if d.peek() != '"' {
			d.malformed()
			return false
		}
		name := d.str()
		if d.peek() != ':' {
			d.malformed()
			return false
		}
		d.at++
		if d.err != nil {
			return false
		}
		d.places[d.depth-1].name = name
		if d.peek() == 'n' && d.literal("null") {
			continue
		}
		d.name = name
		return true
	}
	return false
}

// element moves to the next element of a list.
func (d *decoder) element() bool { return d.more(']') }

// once notes that a member is read, and refuses to read it twice: which of the
// two the caller meant is anybody's guess.
func (d *decoder) once(s *seen, bit int) {
	if *s&(1<<bit) != 0 {
		d.twice()
	}
	*s |= 1 << bit
}

func (d *decoder) twice() { d.fail("Duplicate member%s", d.where()) }

// require notes a required member that was not there. It is asked after the
// structure was left, so the way ends at the structure.
func (d *decoder) require(s seen, bit int, name string) {
	if s&(1<<bit) != 0 || d.err != nil || len(d.absent) == maxViolations {
		return
	}
	way := append(d.places[:d.depth:d.depth], place{name: name})
	d.absent = append(d.absent, pathOf(way))
}

// skip passes over a value of any form, checking that it is well formed.
func (d *decoder) skip() {
	switch c := d.peek(); {
	case d.err != nil:
	case c == '{':
		for d.structure(); d.next(); {
			d.skip()
		}
	case c == '[':
		for d.list(); d.element(); {
			d.skip()
		}
	case c == '"':
		d.str()
	case c == '-' || c >= '0' && c <= '9':
		d.number()
	case c == 't' && d.literal("true"), c == 'f' && d.literal("false"), c == 'n' && d.literal("null"):
	default:
		d.malformed()
	}
}

// end checks that nothing follows.
func (d *decoder) end() {
	if d.peek(); d.err == nil && d.at < len(d.text) {
		d.malformed()
	}
}

// str reads a string.
func (d *decoder) str() string {
	if d.err != nil {
		return ""
	}
	if d.peek() != '"' {
		d.mismatch("a String")
		return ""
	}
	start := d.at + 1
	text := d.text
	i := start
	for i < len(text) && !stops[text[i]] {
		i++
	}
	d.at = i
	switch {
	case i == len(text) || text[i] < ' ':
		d.malformed()
		return ""
	case text[i] == '\\':
		return d.escaped(start)
	}
	d.at++
	return text[start:i]
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
// escape at d.at.
func (d *decoder) escaped(start int) string {
	out := append(make([]byte, 0, 2*(d.at-start)+32), d.text[start:d.at]...)
	for d.at < len(d.text) {
		switch c := d.text[d.at]; {
		case c == '"':
			d.at++
			return string(out)
		case c < ' ':
			d.malformed()
			return ""
		case c != '\\':
			out = append(out, c)
			d.at++
		default:
			r, ok := d.escape()
			if !ok {
				d.malformed()
				return ""
			}
			out = utf8.AppendRune(out, r)
		}
	}
	d.malformed()
	return ""
}

// escape reads one escape, or two that make a surrogate pair. Half a pair is
// no character: it is refused, as invalid UTF-8 is.
func (d *decoder) escape() (rune, bool) {
	if d.at+1 >= len(d.text) {
		return 0, false
	}
	c := d.text[d.at+1]
	if c == 'u' {
		r, ok := d.hex(d.at)
		if !ok {
			return 0, false
		}
		if !utf16.IsSurrogate(r) {
			if r == 0 && d.nul == nil {
				d.nul = InvalidInput("1 validation error detected: The text at byte %d of the request body failed to satisfy constraint: Member must satisfy regular expression pattern: [^\\u0000]*", d.at)
			}
			d.at += 6
			return r, true
		}
		low, ok := d.hex(d.at + 6)
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return 0, false
		}
		d.at += 12
		return r, true
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 {
		return 0, false
	}
	d.at += 2
	return rune("\"\\/\b\f\n\r\t"[i]), true
}

// hex reads \uXXXX at i.
func (d *decoder) hex(i int) (rune, bool) {
	if i+6 > len(d.text) || d.text[i:i+2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(d.text[i+2:i+6], 16, 16)
	return rune(n), err == nil
}

// number reads a number's text.
func (d *decoder) number() string {
	start := d.at
	if d.text[d.at] == '-' {
		d.at++
	}
	if d.at < len(d.text) && d.text[d.at] == '0' {
		d.at++
	} else if !d.digits() {
		return ""
	}
	if d.at < len(d.text) && d.text[d.at] == '.' {
		d.at++
		if !d.digits() {
			return ""
		}
	}
	if d.at < len(d.text) && d.text[d.at]|0x20 == 'e' {
		d.at++
		if d.at < len(d.text) && (d.text[d.at] == '+' || d.text[d.at] == '-') {
			d.at++
		}
		if !d.digits() {
			return ""
		}
	}
	return d.text[start:d.at]
}

// digits reads at least one digit.
func (d *decoder) digits() bool {
	start := d.at
	for d.at < len(d.text) && d.text[d.at] >= '0' && d.text[d.at] <= '9' {
		d.at++
	}
	if d.at == start {
		d.malformed()
		return false
	}
	return true
}

func (d *decoder) integer() int { return int(d.integral(32, "an Integer")) }
func (d *decoder) long() int64  { return d.integral(64, "a Long") }

// integral reads a whole number that fits into bits.
func (d *decoder) integral(bits int, want string) int64 {
	if d.err != nil {
		return 0
	}
	if c := d.peek(); c != '-' && (c < '0' || c > '9') {
		d.mismatch(want)
		return 0
	}
	text := d.number()
	if d.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		d.fail("NUMBER_VALUE can not be converted to %s%s", want, d.where())
	}
	return n
}

func (d *decoder) boolean() bool {
	switch c := d.peek(); {
	case d.err != nil:
	case c == 't' && d.literal("true"):
		return true
	case c == 'f' && d.literal("false"):
	default:
		d.mismatch("a Boolean")
	}
	return false
}

// The first and the last second of the years 1 to 9999.
const (
	firstSecond = -62135596800
	lastSecond  = 253402300799
)

// timestamp reads seconds of the epoch, as a number or in a string, or a time
// of RFC 3339 in a string. The wire carries milliseconds, so does the result.
func (d *decoder) timestamp() time.Time {
	if d.err != nil {
		return time.Time{}
	}
	text := ""
	switch c := d.peek(); {
	case c == '"':
		text = d.str()
	case c == '-' || c >= '0' && c <= '9':
		text = d.number()
	default:
		d.mismatch("a Timestamp")
	}
	if d.err != nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = parseEpoch(text)
	}
	if s := t.Unix(); err != nil || s < firstSecond || s > lastSecond {
		d.fail("%q can not be converted to a Timestamp%s", clip(text), d.where())
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

// parseEpoch reads seconds of the epoch to the millisecond. What lies outside
// the years 1 to 9999 comes out just outside of them.
func parseEpoch(text string) (time.Time, error) {
	if strings.Trim(text, "0123456789.+-eE") != "" {
		return time.Time{}, strconv.ErrSyntax // ParseFloat knows NaN, Inf and hexadecimal
	}
	seconds, err := strconv.ParseFloat(text, 64)
	seconds = min(max(seconds, firstSecond-1), lastSecond+1)
	return time.UnixMilli(int64(math.Round(seconds * 1000))), err
}

// decodes is what generated structures do.
type decodes interface{ decode(*decoder) }

// read decodes body, which is one JSON object; an empty body stands for an
// empty one. The decoder that it answers tells what else is to be said of it.
func read(body []byte, into decodes) (*decoder, error) {
	d := &decoder{text: string(body)}
	if !utf8.ValidString(d.text) {
		return nil, Errorf(CodeSerialization, "The request body is not valid UTF-8")
	}
	if d.peek() == 0 && d.at == len(d.text) {
		d.text, d.at = "{}", 0
	}
	into.decode(d)
	d.end()
	if d.err != nil {
		return nil, d.err
	}
	return d, nil
}

// DecodeInput reads the body of a request for op and answers a pointer to its
// input. A body that is no JSON object, or holds a value of another type than
// the model's, is a SerializationException that names the member; a body
// without a required member is the ValidationException that names it, beside
// all else that [Validate] would say of it. Names are case-sensitive, unknown
// members are passed over, null stands for absent, and a member given twice is
// refused. The body's size is the caller's to bound; time and memory are
// linear in it.
func DecodeInput(op Op, body []byte) (any, error) {
	if !op.known() {
		return nil, unknownOperation(op)
	}
	in, d, err := operations[op].decodeInput(body)
	if err != nil {
		return nil, err
	}
	if len(d.absent) > 0 || d.nul != nil {
		// What the constraints say is better than what can be said of every text.
		return nil, cmp.Or(operations[op].check(in, d.absent), d.nul)
	}
	return in, nil
}

// DecodeOutput reads the body of an answer to op and answers a pointer to its
// output. It asks for no required members: what a server answers is so.
func DecodeOutput(op Op, body []byte) (any, error) {
	if !op.known() {
		return nil, unknownOperation(op)
	}
	return operations[op].decodeOutput(body)
}

func unknownOperation(op Op) error {
	return Errorf(CodeUnknownOperation, "There is no operation %s", op)
}

// clip shortens what is shown of foreign text in a message.
func clip(s string) string {
	if len(s) <= maxShown {
		return s
	}
	cut := maxShown
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:cut], len(s))
}

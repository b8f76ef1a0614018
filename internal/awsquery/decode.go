package awsquery

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxFaults is how many violated constraints one answer lists.
const maxFaults = 50

// A decoder reads an input and checks it in the same pass, because only the
// form knows an empty value from an absent one. It collects what it finds, as
// AWS answers all faults of a request at once.
type decoder struct {
	faults []string
	broken *Error // the first thing that could not be read at all
}

// err returns what AWS answers to the input that was read.
func (d *decoder) err() error {
	if d.broken != nil {
		return d.broken
	}
	switch n := len(d.faults); n {
	case 0:
		return nil
	case 1:
		return ValidationError("1 validation error detected: %s", d.faults[0])
	default:
		return ValidationError("%d validation errors detected: %s", n, strings.Join(d.faults, "; "))
	}
}

func (d *decoder) breaks(err error) {
	if e, ok := err.(*Error); ok && d.broken == nil { //nolint:errorlint // the readers below return it bare
		d.broken = e
	}
}

// A rule is what a model says of a scalar member or of a list's length.
type rule struct {
	required  bool
	sensitive bool // the value is not repeated in an answer
	min, max  int  // of length or value; 0 means none
	bounded   bool // min and max hold although 0
	pattern   string
	oneOf     string // enum values, joined by ", "
}

func (d *decoder) fault(f fields, name, value, constraint string) {
	if len(d.faults) < maxFaults {
		d.faults = append(d.faults, fmt.Sprintf("Value %sat '%s' failed to satisfy constraint: %s", value, memberPath(f.prefix+name), constraint))
	}
}

func (d *decoder) absent(f fields, name string, r rule) {
	if r.required {
		d.fault(f, name, "null ", "Member must not be null")
	}
}

func quoted(s string, r rule) string {
	if r.sensitive {
		return ""
	}
	return "'" + s + "' "
}

// memberPath turns a form's key into the path that AWS's validation messages
// show: Tags.member.1.Key is tags.1.member.key.
func memberPath(key string) string {
	segments := strings.Split(key, ".")
	for i := 0; i < len(segments); i++ {
		s := segments[i]
		if (s == "member" || s == "entry") && i+1 < len(segments) {
			segments[i], segments[i+1] = segments[i+1], "member"
			i++
			continue
		}
		if s != "" {
			segments[i] = strings.ToLower(s[:1]) + s[1:]
		}
	}
	return strings.Join(segments, ".")
}

// violations returns the constraints that a string violates, in AWS's words.
func (r rule) violations(value string) []string {
	var broken []string
	if n := utf8.RuneCountInString(value); r.max > 0 && n > r.max {
		broken = append(broken, longer+strconv.Itoa(r.max))
	} else if n < r.min {
		broken = append(broken, shorter+strconv.Itoa(r.min))
	}
	if r.pattern != "" && !pattern(r.pattern).MatchString(value) {
		broken = append(broken, unlike+r.pattern)
	}
	if r.oneOf != "" && !among(r.oneOf, value) {
		broken = append(broken, "Member must satisfy enum value set: ["+r.oneOf+"]")
	}
	return broken
}

// sentences lists all constraints of a list's element, as AWS does when an
// element violates one of them.
func (r rule) sentences() string {
	var all []string
	if r.max > 0 {
		all = append(all, longer+strconv.Itoa(r.max))
	}
	if r.min > 0 {
		all = append(all, shorter+strconv.Itoa(r.min))
	}
	if r.pattern != "" {
		all = append(all, unlike+r.pattern)
	}
	if r.oneOf != "" {
		all = append(all, "Member must satisfy enum value set: ["+r.oneOf+"]")
	}
	return strings.Join(all, ", ")
}

const (
	longer  = "Member must have length less than or equal to "
	shorter = "Member must have length greater than or equal to "
	unlike  = "Member must satisfy regular expression pattern: "
)

func among(values, value string) bool {
	for v := range strings.SplitSeq(values, ", ") {
		if v == value {
			return true
		}
	}
	return false
}

var patterns sync.Map // of a model's pattern to its *regexp.Regexp

var javaEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// pattern compiles one of the models' patterns, which are Java's and hold for
// whole values. The tests' tour of all inputs compiles every one.
func pattern(p string) *regexp.Regexp {
	if re, ok := patterns.Load(p); ok {
		return re.(*regexp.Regexp)
	}
	re := regexp.MustCompile(`\A(?:` + javaEscape.ReplaceAllString(p, `\x{$1}`) + `)\z`)
	patterns.Store(p, re)
	return re
}

// str reads a string.
func str[T ~string](d *decoder, f fields, name string, r rule) T {
	value, ok := f.get(name)
	if !ok {
		d.absent(f, name, r)
		return ""
	}
	for _, constraint := range r.violations(value) {
		d.fault(f, name, quoted(value, r), constraint)
	}
	return T(value)
}

// strPtr reads a string whose absence means something else than "".
func strPtr[T ~string](d *decoder, f fields, name string, r rule) *T {
	if _, ok := f.get(name); !ok {
		d.absent(f, name, r)
		return nil
	}
	return new(str[T](d, f, name, r))
}

// flag reads a boolean.
func flag(d *decoder, f fields, name string, r rule) bool {
	p := flagPtr(d, f, name, r)
	return p != nil && *p
}

// flagPtr reads a boolean whose absence means something else than false.
func flagPtr(d *decoder, f fields, name string, r rule) *bool {
	value, ok := f.get(name)
	if !ok {
		d.absent(f, name, r)
		return nil
	}
	switch strings.ToLower(value) {
	case "true":
		return new(true)
	case "false":
		return new(false)
	}
	d.breaks(malformed("Value '%s' at '%s' is not a boolean", value, memberPath(f.prefix+name)))
	return nil
}

// number reads an integer; 0 if there is none.
func number(d *decoder, f fields, name string, r rule) int {
	if p := numberPtr(d, f, name, r); p != nil {
		return *p
	}
	return 0
}

// numberPtr reads an integer whose absence means something else than 0.
func numberPtr(d *decoder, f fields, name string, r rule) *int {
	value, ok := f.get(name)
	if !ok {
		d.absent(f, name, r)
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil {
		d.breaks(malformed("Value '%s' at '%s' is not an integer", value, memberPath(f.prefix+name)))
		return nil
	}
	if r.bounded && int(n) < r.min {
		d.fault(f, name, quoted(value, r), "Member must have value greater than or equal to "+strconv.Itoa(r.min))
	}
	if r.bounded && r.max > 0 && int(n) > r.max {
		d.fault(f, name, quoted(value, r), "Member must have value less than or equal to "+strconv.Itoa(r.max))
	}
	return new(int(n))
}

// strs reads a list of strings: nil if there is none, empty if the client
// sent an empty one. AWS names a list's wrong members in one fault.
func strs[T ~string](d *decoder, f fields, name string, length, each rule) []T {
	members, ok := d.members(f, name, length)
	if !ok {
		return nil
	}
	inside := f.below(name + ".member")
	list := make([]T, 0, len(members))
	broken := false
	for _, m := range members {
		value, ok := inside.get(m.name)
		if !ok {
			d.breaks(malformed("Member %s of '%s' is not a string", m.name, memberPath(f.prefix+name)))
			return nil
		}
		broken = broken || each.violations(value) != nil
		list = append(list, T(value))
	}
	shown := func() string { return quoted(listText(list), each) }
	if broken {
		d.fault(f, name, shown(), "Member must satisfy constraint: ["+each.sentences()+"]")
	}
	d.length(f, name, len(list), length, shown)
	return list
}

// items reads a list of structures.
func items[T any, P input[T]](d *decoder, f fields, name string, length rule) []T {
	members, ok := d.members(f, name, length)
	if !ok {
		return nil
	}
	inside := f.below(name + ".member")
	list := make([]T, len(members))
	for i, m := range members {
		P(&list[i]).read(d, inside.below(m.name))
	}
	d.length(f, name, len(list), length, func() string { return quoted(fmt.Sprintf("%d members", len(list)), length) })
	return list
}

// strMap reads a map of strings to strings.
func strMap(d *decoder, f fields, name string, length, key, value rule) map[string]string {
	inside := f.below(name + ".entry")
	entries, err := inside.elements()
	if err != nil {
		d.breaks(err)
		return nil
	}
	if len(entries) == 0 && !f.given(name) {
		d.absent(f, name, length)
		return nil
	}
	m := make(map[string]string, len(entries))
	for _, e := range entries {
		entry := inside.below(e.name)
		key.required, value.required = true, true
		m[str[string](d, entry, "key", key)] = str[string](d, entry, "value", value)
	}
	d.length(f, name, len(m), length, func() string { return quoted(fmt.Sprint(m), length) })
	return m
}

// structure reads a structure that may be absent.
func structure[T any, P input[T]](d *decoder, f fields, name string, r rule) *T {
	if !f.given(name) {
		d.absent(f, name, r)
		return nil
	}
	v := new(T)
	P(v).read(d, f.below(name))
	return v
}

func (d *decoder) members(f fields, name string, length rule) ([]element, bool) {
	if !f.given(name) {
		d.absent(f, name, length)
		return nil, false
	}
	members, err := f.below(name + ".member").elements()
	if err != nil {
		d.breaks(err)
		return nil, false
	}
	return members, true
}

func (d *decoder) length(f fields, name string, n int, length rule, shown func() string) {
	switch {
	case length.max > 0 && n > length.max:
		d.fault(f, name, shown(), longer+strconv.Itoa(length.max))
	case n < length.min:
		d.fault(f, name, shown(), shorter+strconv.Itoa(length.min))
	}
}

func listText[T ~string](list []T) string {
	b := []byte{'['}
	for i, v := range list {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, v...)
	}
	return string(append(b, ']'))
}

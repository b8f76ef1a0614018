package schema

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Violation is one way in which properties do not fit their type.
type Violation struct {
	Path    string // JSON pointer into the properties, such as /Tags/0/Key
	Message string // AWS's words, such as "The property {/Type} is required"
}

// Bounds on the work that one validation does. The schemas refer to
// themselves and nest alternatives, so values made for it could ask for work
// without end; what lies beyond the bounds is taken as it is.
const (
	maxVisits     = 1 << 17
	maxViolations = 100
	maxDepth      = 128
)

// Validate checks evaluated properties against the type and returns every
// violation, in a stable order.
//
// It is as loose about scalars as CloudFormation: "80" serves as a number,
// "true" as a boolean, numbers and booleans as strings. Formats that name a
// resource (a VPC's id) are not judged, for only the service knows those.
func (t *Type) Validate(props map[string]Value) []Violation {
	v := validation{t: t, voice: t.voice()}
	v.readOnly(props)
	if props == nil {
		props = map[string]Value{}
	}
	v.check(t.root(), props)
	if len(v.found) > maxViolations {
		v.found = v.found[:maxViolations]
	}
	return v.found
}

// A validation is one walk over properties.
type validation struct {
	t      *Type
	voice  voice
	path   []string
	found  []Violation
	visits int
	depth  int
}

func (v *validation) add(m message) {
	v.found = append(v.found, Violation{Path: pointer(v.path), Message: v.voice.say(m, v.path)})
}

func (v *validation) at(step string, n *node, value Value) {
	v.path = append(v.path, step)
	v.check(n, value)
	v.path = v.path[:len(v.path)-1]
}

// readOnly reports settings of what only the resource itself sets. AWS takes
// them for unknown properties.
func (v *validation) readOnly(props map[string]Value) {
	for _, listed := range v.t.readOnly {
		top, _, _ := strings.Cut(listed, "/")
		if _, set := props[top]; !set || strings.Contains(listed, "*") {
			continue
		}
		steps := split(listed)
		var value Value = props
		for i, step := range steps {
			m, ok := value.(map[string]any)
			if !ok {
				break
			}
			if value, ok = m[step]; !ok {
				break
			}
			if i == len(steps)-1 {
				v.path = append(v.path, steps[:i]...)
				v.add(message{kind: extraneous, name: step})
				v.path = v.path[:0]
			}
		}
	}
}

// check reports how value does not fit n.
//
// The parts of a schema (its type, enum, oneOf and so on) are judged each for
// itself; if there are several, AWS's validator wraps them in an allOf, whose
// complaint stands before theirs.
func (v *validation) check(n *node, value Value) {
	if v.visits++; v.visits > maxVisits || v.depth >= maxDepth || len(v.found) > maxViolations {
		return
	}
	v.depth++
	defer func() { v.depth-- }()
	if s, ok := scalar(value); ok && strings.Contains(s, "{{") {
		if HoldsPlaceholder(s) {
			return
		}
		if strings.Contains(s, "{{resolve:") {
			v.unresolved(n, value)
			return
		}
	}

	start, parts, failed := len(v.found), 0, 0
	part := func(judge func()) {
		parts++
		before := len(v.found)
		judge()
		if len(v.found) > before {
			failed++
		}
	}
	if n.ref != none {
		part(func() { v.check(v.t.definition(int(n.ref)), value) })
	}
	if n.types != 0 || n.says() {
		part(func() { v.body(n, value) })
	}
	if n.enum != nil || n.isConst {
		part(func() { v.enum(n, value) })
	}
	if n.oneRequired != nil || n.anyRequired != nil {
		v.choice(n, value)
	}
	for _, c := range []struct {
		subs []*node
		kind kind
	}{{n.oneOf, oneOf}, {n.anyOf, anyOf}, {n.allOf, allOf}} {
		if c.subs != nil {
			part(func() { v.combination(c.kind, c.subs, value) })
		}
	}
	if failed > 0 && parts > 1 {
		v.sum(message{kind: allOf, matched: parts - failed, of: parts}, start)
	}
}

// unresolved judges a text with a dynamic reference, whose value is known to
// SSM or Secrets Manager alone: it may be any scalar.
func (v *validation) unresolved(n *node, value Value) {
	const scalars = isString | isInteger | isNumber | isBoolean
	if n = v.t.resolve(n); n.types != 0 && n.types&scalars == 0 {
		v.add(message{kind: wrongType, types: n.types, items: v.itemTypes(n), value: value})
	}
}

// sum puts a complaint about several others before them. Only the registry's
// validator speaks so; the older ones are content with the others.
func (v *validation) sum(m message, start int) {
	if v.voice != registry && len(v.found) > start {
		return
	}
	v.add(m)
	others := v.found[start:]
	last := others[len(others)-1]
	copy(others[1:], others)
	others[0] = last
}

// says reports whether n judges values by keywords of its own.
func (n *node) says() bool {
	return n.properties != nil || n.patterns != nil || n.closed || n.required != nil || n.items != nil || n.unique ||
		n.pattern != "" || n.format != "" || n.minimum != nil || n.maximum != nil ||
		n.minLength != none || n.maxLength != none || n.minItems != none || n.maxItems != none
}

// body checks type and what the type's keywords say.
func (v *validation) body(n *node, value Value) {
	if n.types != 0 && !n.types.takes(value) {
		v.add(message{kind: wrongType, types: n.types, items: v.itemTypes(n), value: value})
		return
	}
	switch value := value.(type) {
	case map[string]any:
		v.object(n, value)
	case []any:
		v.array(n, value)
	default:
		if s, ok := scalar(value); ok {
			v.text(n, s, value)
		}
	}
}

func (v *validation) itemTypes(n *node) typeSet {
	if n.items == nil {
		return 0
	}
	return v.t.resolve(n.items).types
}

func (ts typeSet) takes(value Value) bool {
	switch value.(type) {
	case nil:
		return ts&isNull != 0
	case map[string]any:
		return ts&isObject != 0
	case []any:
		return ts&isArray != 0
	}
	s, ok := scalar(value)
	return ok && (ts&isString != 0 ||
		ts&isBoolean != 0 && isTruth(s) ||
		ts&isInteger != 0 && isWhole(s) ||
		ts&isNumber != 0 && isNumeric(s))
}

func isNumeric(s string) bool {
	_, ok := number(s)
	return ok
}

func (v *validation) object(n *node, value map[string]any) {
	for _, name := range n.required {
		if _, ok := value[name]; !ok {
			v.add(message{kind: required, name: name})
		}
	}
	var few [16]string
	names := few[:0]
	for name := range value {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		known := false
		if p, ok := n.property(name); ok {
			known = true
			v.at(name, p, value[name])
		}
		for _, p := range n.patterns {
			if compiled(p.name).match(name) {
				known = true
				v.at(name, p.node, value[name])
			}
		}
		if !known && n.closed && !v.settled(name) {
			v.add(message{kind: extraneous, name: name})
		}
	}
}

// settled reports whether the property was reported as read-only already.
func (v *validation) settled(name string) bool {
	return len(v.path) == 0 && slices.Contains(v.t.readOnly, name)
}

func (v *validation) array(n *node, value []any) {
	if n.minItems != none && len(value) < int(n.minItems) {
		v.add(message{kind: minItems, limit: int(n.minItems), actual: len(value)})
	}
	if n.maxItems != none && len(value) > int(n.maxItems) {
		v.add(message{kind: maxItems, limit: int(n.maxItems), actual: len(value)})
	}
	if n.unique && v.repeats(value) {
		v.add(message{kind: uniqueItems})
	}
	if n.items == nil {
		return
	}
	for i, item := range value {
		v.at(strconv.Itoa(i), n.items, item)
	}
}

// repeats reports whether two items are equal. Scalars are compared by a set,
// so that long lists of them stay linear.
func (v *validation) repeats(items []any) bool {
	seen := make(map[string]struct{}, len(items))
	var others []any
	for _, item := range items {
		if s, ok := scalar(item); ok {
			if _, twice := seen[s]; twice {
				return true
			}
			seen[s] = struct{}{}
			continue
		}
		for _, o := range others {
			if v.visits++; v.visits > maxVisits {
				return false
			}
			if equal(o, item) {
				return true
			}
		}
		others = append(others, item)
	}
	return false
}

// text checks a scalar by its text.
func (v *validation) text(n *node, s string, value Value) {
	if n.types == 0 || n.types&isString != 0 {
		if length := utf8.RuneCountInString(s); n.minLength != none && length < int(n.minLength) {
			v.add(message{kind: minLength, limit: int(n.minLength), actual: length})
		} else if n.maxLength != none && length > int(n.maxLength) {
			v.add(message{kind: maxLength, limit: int(n.maxLength), actual: length})
		}
		if n.pattern != "" && !compiled(n.pattern).match(s) {
			v.add(message{kind: keyword, name: "pattern", pattern: n.pattern})
		}
		if n.format != "" && !formatted(n.format, s) {
			v.add(message{kind: keyword, name: "format", value: value})
		}
	}
	if n.minimum == nil && n.maximum == nil {
		return
	}
	f, ok := number(s)
	if ok && n.minimum != nil && f < *n.minimum {
		v.add(message{kind: keyword, name: "minimum"})
	}
	if ok && n.maximum != nil && f > *n.maximum {
		v.add(message{kind: keyword, name: "maximum"})
	}
}

// formatted judges the formats that mean something without asking a service.
// It is lenient where services differ: some take an address for the network
// of one, and times without a zone.
func formatted(format, s string) bool {
	switch format {
	case "ipv4-network", "ipv6-network":
		address, _, _ := strings.Cut(s, "/")
		a, err := netip.ParseAddr(address)
		if err == nil && address != s {
			_, err = netip.ParsePrefix(s)
		}
		return err == nil && a.Is4() == (format == "ipv4-network")
	case "date-time":
		_, err := time.Parse(time.RFC3339, s)
		if err != nil {
			_, err = time.Parse("2006-01-02T15:04:05", s)
		}
		return err == nil
	case "json":
		return json.Valid([]byte(s))
	}
	return true
}

func (v *validation) enum(n *node, value Value) {
	s, ok := scalar(value)
	listed := slices.Contains(n.enum, s) || n.types&isBoolean != 0 && slices.Contains(n.enum, strings.ToLower(s))
	if n.enum != nil && (!ok || !listed) {
		v.add(message{kind: keyword, name: "enum"})
	}
	if n.isConst && (!ok || s != n.constant) {
		v.add(message{kind: keyword, name: "const"})
	}
}

// choice checks that exactly one, or at least one, of some properties is set.
func (v *validation) choice(n *node, value Value) {
	m, ok := value.(map[string]any)
	if !ok {
		return
	}
	count := func(names []string) (set int) {
		for _, name := range names {
			if _, ok := m[name]; ok {
				set++
			}
		}
		return set
	}
	if n.oneRequired != nil && count(n.oneRequired) != 1 {
		v.add(message{kind: exactlyOne, names: n.oneRequired})
	}
	if n.anyRequired != nil && count(n.anyRequired) == 0 {
		v.add(message{kind: atLeastOne, names: n.anyRequired})
	}
}

// combination checks oneOf, anyOf and allOf. What the alternatives complain
// of follows the combination's own complaint.
func (v *validation) combination(k kind, subs []*node, value Value) {
	start, matched := len(v.found), 0
	for _, sub := range subs {
		before := len(v.found)
		v.check(sub, value)
		if len(v.found) == before {
			matched++
		}
	}
	fits := matched == len(subs)
	switch k {
	case oneOf:
		fits = matched == 1
	case anyOf:
		fits = matched > 0
	}
	if fits {
		v.found = v.found[:start]
		return
	}
	if names := eachRequired(subs); v.voice != registry && k == anyOf && names != nil {
		v.found = v.found[:start]
		v.add(message{kind: atLeastOne, names: names})
		return
	}
	v.sum(message{kind: k, matched: matched, of: len(subs)}, start)
}

// eachRequired returns, sorted, the properties of alternatives that require
// one each and say nothing else, or nil.
func eachRequired(subs []*node) []string {
	names := make([]string, len(subs))
	for i, sub := range subs {
		if len(sub.required) != 1 || sub.ref != none || sub.types != 0 || sub.properties != nil {
			return nil
		}
		names[i] = sub.required[0]
	}
	slices.Sort(names)
	return names
}

package schema

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Seed is what physical ids and attributes are derived from: the same seed and properties always give
// the same Model.
type Seed struct {
	Partition, Account, Region string
	StackName, StackID         string
	LogicalID                  string
	// Generation tells a replacement from what it replaces; 0 for the first.
	Generation int
}

// A Model is a resource as it exists.
type Model struct {
	Physical   string           // what Ref gives
	Identifier string           // the primary identifier, parts joined by "|"
	Properties map[string]Value // as given, plus read-only attributes and generated names
}

// Simulate makes the model that creating (or, with the same seed, updating) a resource with valid properties gives.
//
// Names that were not given are generated as CloudFormation forms them,
// attributes are shaped by what is known of the type (shapes.txt), and where
// nothing is, by their schema and their name. The given map is not changed,
// but the model shares values with it.
func (t *Type) Simulate(seed Seed, props map[string]Value) Model {
	m := t.making.of(t)
	s := simulation{
		t:     t,
		seed:  &seed,
		dice:  newDice(seed.Partition, seed.Account, seed.Region, seed.StackID, seed.StackName, seed.LogicalID, t.Name, strconv.Itoa(seed.Generation)),
		props: make(map[string]Value, len(props)+len(m.steps)),
	}
	maps.Copy(s.props, props)
	for _, step := range m.steps {
		s.take(step)
	}
	model := Model{Identifier: s.joined(t.primary), Properties: s.props}
	switch {
	case m.ref != nil:
		model.Physical = m.ref.fill(&s, s.dice.dice("Ref"))
	case t.ref != nil:
		model.Physical = s.joined(t.ref)
	default:
		model.Physical = model.Identifier
	}
	if model.Physical == "" {
		model.Physical = s.generatedName(mixedName, 0)
	}
	if model.Identifier == "" {
		model.Identifier = model.Physical
	}
	return model
}

// A simulation is the making of one model.
type simulation struct {
	t     *Type
	seed  *Seed
	dice  dice
	props map[string]Value
}

// joined returns the texts of properties, joined as identifiers are.
func (s *simulation) joined(paths []string) string {
	if len(paths) == 1 {
		return s.property(paths[0])
	}
	parts := make([]string, 0, len(paths))
	for _, p := range paths {
		if part := s.property(p); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "|")
}

// property returns the text of a scalar property, or "".
func (s *simulation) property(path string) string {
	value, ok := s.props[path]
	if !ok && strings.Contains(path, "/") {
		value, _ = dig(s.props, split(path))
	}
	text, _ := scalar(value)
	return text
}

// dig follows a path of names (and of indexes into lists) into a value.
func dig(value Value, path []string) (Value, bool) {
	for _, step := range path {
		switch v := value.(type) {
		case map[string]any:
			next, ok := v[step]
			if !ok {
				return nil, false
			}
			value = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, false
		}
	}
	return value, true
}

// take sets the property of a step unless it was given.
func (s *simulation) take(st *step) {
	if len(st.path) == 1 {
		if _, given := s.props[st.path[0]]; !given {
			if value := st.value(s); value != nil {
				s.props[st.path[0]] = value
			}
		}
		return
	}
	if _, given := dig(s.props, st.path); given {
		return
	}
	if value := st.value(s); value != nil {
		s.props = plant(s.props, st.path, value)
	}
}

// plant sets a nested property, copying the maps on the way, for they may be
// the caller's. It leaves props alone if something else is in the way.
func plant(props map[string]Value, path []string, value Value) map[string]Value {
	if len(path) > 1 {
		inner, ok := props[path[0]].(map[string]any)
		if !ok && props[path[0]] != nil {
			return props
		}
		value = plant(maps.Clone(inner), path[1:], value)
	}
	if props == nil {
		props = map[string]Value{}
	}
	props[path[0]] = value
	return props
}

// making is what simulating a type takes, prepared when it is first asked for.
type making struct {
	once  sync.Once
	steps []*step
	ref   form
}

// A step makes one property.
type step struct {
	path  []string
	value func(*simulation) Value
}

func (m *making) of(t *Type) *making {
	m.once.Do(func() { m.prepare(t) })
	return m
}

// prepare lists the steps: generated names first, since most else is made of
// them; then the shapes, in the order they are written; then what is left of
// the read-only properties, identifiers before ARNs before others.
func (m *making) prepare(t *Type) {
	done := map[string]bool{}
	add := func(path string, value func(*simulation) Value) {
		if !done[path] && !strings.Contains(path, "*") {
			done[path] = true
			m.steps = append(m.steps, &step{path: split(path), value: value})
		}
	}
	if len(t.name) > 0 {
		style, most := nameStyles[t.name[1]], 0
		if len(t.name) > 2 {
			most, _ = strconv.Atoi(t.name[2])
		}
		add(t.name[0], func(s *simulation) Value { return s.generatedName(style, most) })
	}
	shaped := map[string]bool{}
	for _, sh := range t.shapes {
		shaped[sh.attribute] = true
	}
	for _, p := range t.primary {
		n, ok := t.lookup(split(p)...)
		if !ok || slices.Contains(t.readOnly, p) || shaped[p] || n.types&isString == 0 {
			continue
		}
		switch name := strings.ToLower(p); {
		case strings.HasSuffix(name, "accountid"):
			add(p, t.attributeFor(p, n))
		case len(t.primary) == 1 || strings.HasSuffix(name, "name"):
			// Of several parts, those that are not names refer to something else.
			add(p, t.nameFor(n))
		}
	}
	for _, sh := range t.shapes {
		f, kind := parseForm(sh.form), isString
		if n, ok := t.lookup(split(sh.attribute)...); ok {
			kind = n.types
		}
		purpose := sh.attribute
		add(sh.attribute, func(s *simulation) Value { return typed(f.fill(s, s.dice.dice(purpose)), kind) })
	}
	if t.refShape != "" {
		m.ref = parseForm(t.refShape)
	}
	rest := slices.Clone(t.readOnly)
	slices.SortStableFunc(rest, func(a, b string) int { return t.rank(a) - t.rank(b) })
	for _, p := range rest {
		if n, ok := t.lookup(split(p)...); ok && t.plantable(split(p)) {
			value := t.attributeFor(p, n)
			if steps := split(p); len(steps) > 1 && !t.owned(steps[0]) {
				value = withParent(steps[:len(steps)-1], value)
			}
			add(p, value)
		}
	}
}

// plantable reports whether only objects lie above the end of a path.
func (t *Type) plantable(path []string) bool {
	for i := range path {
		if n, ok := t.lookup(path[:i]...); !ok || n.items != nil {
			return false
		}
	}
	return true
}

// owned reports whether an object is the resource's own, so that it is there
// whatever the template says: most of what is in it is read-only.
func (t *Type) owned(name string) bool {
	n, ok := t.lookup(name)
	if !ok || slices.Contains(t.readOnly, name) {
		return ok
	}
	own := 0
	for _, p := range n.properties {
		path := name + "/" + p.name
		if slices.ContainsFunc(t.readOnly, func(r string) bool { return r == path || strings.HasPrefix(r, path+"/") }) {
			own++
		}
	}
	return 2*own > len(n.properties)
}

// withParent makes a property only in an object that the template set.
func withParent(parent []string, value func(*simulation) Value) func(*simulation) Value {
	return func(s *simulation) Value {
		if _, ok := dig(s.props, parent); !ok {
			return nil
		}
		return value(s)
	}
}

// rank orders read-only properties by what is made of them.
func (t *Type) rank(path string) int {
	switch {
	case strings.HasSuffix(strings.ToLower(path), "arn"):
		return 1
	case slices.Contains(t.primary, path) || strings.HasSuffix(path, "Id"):
		return 0
	}
	return 2
}

// typed gives the text of a form the type that the schema wants: a list is
// written [a,b].
func typed(text string, types typeSet) Value {
	switch {
	case types == 0 || types&isString != 0:
		return text
	case types&(isInteger|isNumber) != 0:
		return json.Number(text)
	case types&isBoolean != 0:
		return text == "true"
	case types&isArray != 0:
		inner := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
		list := []any{}
		if inner == "" {
			return list
		}
		for _, item := range strings.Split(inner, ",") {
			list = append(list, item)
		}
		return list
	}
	return nil
}

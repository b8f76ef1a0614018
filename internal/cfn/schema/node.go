package schema

import (
	"sort"
	"strings"
)

// A node is one schema: what a value must be. The zero node takes anything.
type node struct {
	types                                    typeSet
	closed                                   bool // no properties but those named
	unique                                   bool // items differ
	isConst                                  bool
	ref                                      int32 // a definition of the type
	minLength, maxLength, minItems, maxItems int32
	minimum, maximum                         *float64
	format, pattern, constant                string
	enum, required                           []string
	oneRequired, anyRequired                 []string // exactly one, at least one of these
	properties, patterns                     []property
	items                                    *node
	oneOf, anyOf, allOf                      []*node
}

// none stands for an absent bound or reference.
const none = -1

// A property is a named (or, by pattern, a kind of) member of an object.
type property struct {
	name string
	node *node
}

// property returns the schema of a property that is declared by name.
func (n *node) property(name string) (*node, bool) {
	i := sort.Search(len(n.properties), func(i int) bool { return n.properties[i].name >= name })
	if i < len(n.properties) && n.properties[i].name == name {
		return n.properties[i].node, true
	}
	return nil, false
}

// A typeSet is a set of JSON Schema types; the empty one allows all.
type typeSet uint8

const (
	isString typeSet = 1 << iota
	isInteger
	isNumber
	isBoolean
	isObject
	isArray
	isNull
)

// resolve follows references from n to a schema that says something itself.
func (t *Type) resolve(n *node) *node {
	for range 16 {
		if n.ref == none || len(n.properties)+len(n.patterns) > 0 || n.items != nil {
			return n
		}
		n = t.definition(int(n.ref))
	}
	return n
}

// lookup returns the schema at a path below the properties. A path steps
// through lists without saying so, or by "*".
func (t *Type) lookup(path ...string) (*node, bool) {
	n := t.resolve(t.root())
	for _, step := range path {
		if n.items != nil {
			n = t.resolve(n.items)
			if step == "*" {
				continue
			}
		}
		next, ok := t.member(n, step)
		if !ok {
			return nil, false
		}
		n = t.resolve(next)
	}
	return n, true
}

// member finds a property of an object schema, also where alternatives
// declare it.
func (t *Type) member(n *node, name string) (*node, bool) {
	if p, ok := n.property(name); ok {
		return p, true
	}
	for _, subs := range [][]*node{n.oneOf, n.anyOf, n.allOf} {
		for _, sub := range subs {
			if p, ok := t.resolve(sub).property(name); ok {
				return p, true
			}
		}
	}
	return nil, false
}

// split takes a path of types.bin apart.
func split(path string) []string { return strings.Split(path, "/") }

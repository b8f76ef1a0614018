package schema

import (
	"slices"
	"strings"
)

// HasAttribute reports whether Fn::GetAtt accepts the attribute (dotted for
// nested ones): read-only properties and what lies in them, and for the types
// that AWS treats so, plain properties too.
func (t *Type) HasAttribute(name string) bool {
	path := strings.Split(name, ".")
	if _, ok := t.lookup(path...); !ok {
		return false
	}
	for _, p := range t.readOnly {
		if meet(p, path) == within {
			return true
		}
	}
	return slices.Contains(t.getAtt, "*") || slices.Contains(t.getAtt, path[0])
}

// Attribute returns what Fn::GetAtt gives for a model.
func (t *Type) Attribute(m Model, name string) (Value, bool) {
	if !t.HasAttribute(name) {
		return nil, false
	}
	return dig(m.Properties, strings.Split(name, "."))
}

// Attributes returns the names of the attributes that the type's read-only
// properties give, sorted.
func (t *Type) Attributes() []string {
	names := make([]string, 0, len(t.readOnly))
	for _, p := range t.readOnly {
		if !strings.Contains(p, "*") {
			names = append(names, strings.ReplaceAll(p, "/", "."))
		}
	}
	slices.Sort(names)
	return names
}

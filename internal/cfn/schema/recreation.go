package schema

import "strings"

// Recreation says whether changing a property needs a new physical resource.
type Recreation int

// The answers of [Type.Recreation].
const (
	Never Recreation = iota
	Conditionally
	Always
)

// Recreation returns what changing the property at the given path (names
// without indexes) requires. Of a path that ends above properties of which
// only some need a new resource, it says Conditionally.
func (t *Type) Recreation(path ...string) Recreation {
	answer := Never
	for _, p := range t.createOnly {
		switch meet(p, path) {
		case within:
			return Always
		case above:
			answer = Conditionally
		}
	}
	for _, p := range t.maybe {
		if meet(p, path) != apart {
			answer = Conditionally
		}
	}
	return answer
}

// How a path stands to a listed one.
type relation int

const (
	apart relation = iota
	above
	within
)

// meet says how path stands to a listed path; "*" in the list (any item) has
// no step of its own in a path.
func meet(listed string, path []string) relation {
	i := 0
	for more := true; more; {
		var step string
		step, listed, more = strings.Cut(listed, "/")
		switch {
		case i == len(path):
			return above
		case step == "*" && path[i] != "*":
			continue
		case step != path[i]:
			return apart
		}
		i++
	}
	return within
}

// Package schema knows the resource types of CloudFormation: what properties
// they take, what of them cannot change in place, what Ref and Fn::GetAtt
// give, and how their identifiers look. It is pure: embedded data and
// functions of it. It imports nothing of the house, does no I/O, and knows
// neither stacks nor templates.
//
// Three sources are packed into types.bin by gen: the registry's public
// schemas and the hints beside them, as they were given (data/*.gz,
// data/hints.json), and shapes.txt, written by hand, which says what those do
// not: how identifiers and generated names look, what must be unique, where
// AWS is known to differ from its schemas. To teach the package something
// about a type, write it there and run go generate.
package schema

import "slices"

//go:generate go run ./gen -data data -out types.bin

// Lookup returns the type of that name, such as AWS::S3::Bucket. A name that
// is not found is what AWS calls an unrecognized resource type. The same type
// is the same pointer, and may be used by many goroutines.
func Lookup(name string) (*Type, bool) {
	i, ok := find(name)
	if !ok {
		return nil, false
	}
	if t := loaded[i].Load(); t != nil {
		return t, true
	}
	t := load(i)
	if !loaded[i].CompareAndSwap(nil, t) {
		t = loaded[i].Load()
	}
	return t, true
}

// Names returns all type names, sorted.
func Names() []string {
	names := make([]string, layout.count)
	for i := range names {
		names[i] = typeName(i)
	}
	return names
}

// A Type is one resource type.
type Type struct {
	Name string

	primary, readOnly, writeOnly []string
	createOnly, maybe            []string // what needs, or may need, a new resource
	ref                          []string // what Ref gives, where it is not the primary identifier
	refShape                     string
	getAtt                       []string // plain properties that Fn::GetAtt accepts besides
	name, unique                 []string
	shapes                       []shape
	arn                          string
	legacy, stateful             bool
	tags                         string
	tagFlags                     int
	bodies                       []body // the definitions, and last the properties

	making making
}

// Identifiers returns the properties that together identify a resource of the
// type, in order; a nested one's as a path, such as Schedule/ScheduleId.
func (t *Type) Identifiers() []string { return slices.Clone(t.primary) }

// WriteOnly returns the properties that reading a resource back does not show,
// such as passwords; nested ones as paths.
func (t *Type) WriteOnly() []string { return slices.Clone(t.writeOnly) }

// Stateful reports whether the type keeps data that is lost with it.
func (t *Type) Stateful() bool { return t.stateful }

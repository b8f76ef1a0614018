// Package schema knows the resource types of CloudFormation: what properties
// they take, what of them cannot change in place, what Ref and Fn::GetAtt
// give, and how their identifiers look. It is pure: embedded data and
// functions of it.
package schema

// Lookup returns the type of that name, such as AWS::S3::Bucket.
func Lookup(name string) (*Type, bool) { panic("being built") }

// Names returns all type names, sorted.
func Names() []string { panic("being built") }

// A Type is one resource type.
type Type struct {
	Name string
}

// A Violation is one way in which properties do not fit their type.
type Violation struct {
	Path    string // JSON pointer into the properties, such as /Tags/0/Key
	Message string // AWS's words, such as "The property {/Type} is required"
}

// Validate checks evaluated properties against the type and returns every
// violation, in a stable order.
func (t *Type) Validate(props map[string]Value) []Violation { panic("being built") }

// Recreation says whether changing a property needs a new physical resource.
type Recreation int

// The answers of [Type.Recreation].
const (
	Never Recreation = iota
	Conditionally
	Always
)

// Recreation returns what changing the property at the given path (names
// without indexes) requires.
func (t *Type) Recreation(path ...string) Recreation { panic("being built") }

// HasAttribute reports whether Fn::GetAtt accepts the attribute (dotted for
// nested ones).
func (t *Type) HasAttribute(name string) bool { panic("being built") }

// Taggable reports whether stack tags are propagated to the type, and by which property.
func (t *Type) Taggable() (property string, ok bool) { panic("being built") }

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
func (t *Type) Simulate(seed Seed, props map[string]Value) Model { panic("being built") }

// Attribute returns what Fn::GetAtt gives for a model.
func (t *Type) Attribute(m Model, name string) (Value, bool) { panic("being built") }

// Unique returns the name under which at most one such resource may exist, and the scope of
// that: "region" (account and region), "account" or "global". ok is false if the type has no such name.
func (t *Type) Unique(m Model) (name, scope string, ok bool) { panic("being built") }

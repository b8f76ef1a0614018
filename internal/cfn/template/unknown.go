package template

import "larder/internal/cfn/schema"

// KnownAfterApply stands in a change set for what only the change itself
// will tell.
const KnownAfterApply = "{{changeSet:KNOWN_AFTER_APPLY}}"

// Unknown is a [schema.Value] that cannot be known yet. Functions over one
// give another: all of it unknown, except that the string form of Fn::Sub
// keeps its text (reference/cloudformation.md, A3).
type Unknown struct {
	Text string   // what is known, with KnownAfterApply for the rest
	From []Source // why it is unknown, in the template's order
}

// A Source is what an Unknown waits for: a resource, or an attribute of one,
// or (without a LogicalID) an export.
type Source struct {
	LogicalID string
	Attribute string
}

// Undecided is a [Live] to which every resource is yet to come.
type Undecided struct{}

// Ref returns an [Unknown].
func (Undecided) Ref(logicalID string) (schema.Value, bool) {
	return unknownFrom(Source{LogicalID: logicalID}), true
}

// GetAtt returns an [Unknown].
func (Undecided) GetAtt(logicalID, attribute string) (schema.Value, error) {
	return unknownFrom(Source{logicalID, attribute}), nil
}

func unknownFrom(from ...Source) Unknown { return Unknown{Text: KnownAfterApply, From: from} }

// unknowns gathers what the parts of a value wait for.
type unknowns struct {
	found bool
	from  []Source
}

// add notes v if it is unknown, or holds what is.
func (u *unknowns) add(v schema.Value) {
	switch v := v.(type) {
	case Unknown:
		u.found = true
		u.from = append(u.from, v.From...)
	case []any:
		for _, item := range v {
			u.add(item)
		}
	case map[string]any:
		for _, item := range v {
			u.add(item)
		}
	}
}

func (u *unknowns) value() Unknown { return unknownFrom(u.from...) }

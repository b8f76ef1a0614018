package schema

import "slices"

// Identifiers returns the properties that together identify a resource of the
// type, in order; a nested one's as a path, such as Schedule/ScheduleId.
func (t *Type) Identifiers() []string { return slices.Clone(t.primary) }

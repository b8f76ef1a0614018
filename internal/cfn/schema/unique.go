package schema

import (
	"slices"
	"strings"
)

// Unique returns the name under which at most one such resource may exist, and the scope of
// that: "region" (account and region), "account" or "global". ok is false if the type has no such name.
//
// A resource whose primary identifier consists of properties that the
// template chooses is unique by it; others by the name property that AWS
// derives their identifier from, where shapes.txt knows one.
func (t *Type) Unique(m Model) (name, scope string, ok bool) {
	properties := t.primary
	scope = "region"
	if len(t.unique) > 0 {
		scope = t.unique[0]
		if scope == "none" {
			return "", "", false
		}
		if len(t.unique) > 1 {
			properties = t.unique[1:]
		}
	} else if slices.Contains(accountWide, t.service()) {
		scope = "account"
	}
	if len(properties) == 0 {
		return "", "", false
	}
	parts := make([]string, 0, len(properties))
	for i, p := range properties {
		chosen := len(t.unique) > 1 // by shapes.txt, which knows what may be absent
		if !chosen && slices.Contains(t.readOnly, p) {
			return "", "", false
		}
		value, _ := dig(m.Properties, split(p))
		part, set := scalar(value)
		if !set && (!chosen || i == len(properties)-1) {
			return "", "", false
		}
		if set {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "|"), scope, true
}

// accountWide are the services whose names hold for an account, not for one
// of its regions.
var accountWide = []string{"IAM", "CloudFront", "Route53", "Organizations", "Budgets"}

// AlreadyExists is the reason AWS gives when a name is taken: by a resource
// of the given stack, or, if that is empty, by one outside every stack that
// the account can see.
func AlreadyExists(name, stackID string) string {
	if stackID == "" {
		return name + " already exists"
	}
	return name + " already exists in stack " + stackID
}

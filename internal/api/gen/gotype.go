package main

import (
	"slices"
	"strings"
)

// Operations that change nothing are known by how their names begin.
var readingVerbs = []string{"Describe", "Explain", "Get", "List", "Scan", "Search"}

func readOnly(operation string) bool {
	return slices.ContainsFunc(readingVerbs, func(verb string) bool { return strings.HasPrefix(operation, verb) })
}

// emptyIsSent names members of output-only structures whose empty string AWS
// Service Catalog does answer, as the recorded answers of the AWS CLI's
// examples show (describe-product, search-products,
// describe-provisioning-parameters).
var emptyIsSent = map[string][]string{
	"ProductViewSummary":         {"Distributor", "ShortDescription", "SupportDescription", "SupportEmail", "SupportUrl"},
	"ProvisioningArtifactOutput": {"Description"},
}

// absenceMeans names members of output-only structures where "" and absent
// are two different answers.
var absenceMeans = map[string][]string{
	"ProvisioningArtifactParameter": {"DefaultValue"}, // absent: a value must be given
}

// presence says when a member is written.
type presence int

const (
	always  presence = iota
	notNil           // nil pointers, slices and maps are left out
	notZero          // "" and the zero time are left out
)

// presenceOf decides how member m of s is kept in Go, and thereby when it is
// written. Structures reachable from an input must tell absent from empty;
// answers are only ever written by us, so there plain values do.
func (a *api) presenceOf(s *shape, m *member) presence {
	switch a.shapes[m.Shape].Type {
	case "list", "map":
		return notNil
	case "structure":
		if m.required {
			return always
		}
		return notNil
	}
	switch {
	case m.required:
		return always
	case s.input || slices.Contains(absenceMeans[s.name], m.name):
		return notNil
	case slices.Contains(emptyIsSent[s.name], m.name):
		return always
	}
	switch a.shapes[m.Shape].Type {
	case "string", "timestamp":
		return notZero
	}
	return always
}

// pointer reports whether member m of s is kept as a pointer.
func (a *api) pointer(s *shape, m *member) bool {
	switch a.shapes[m.Shape].Type {
	case "list", "map":
		return false
	}
	return a.presenceOf(s, m) == notNil
}

// fieldType is the Go type of member m of s.
func (a *api) fieldType(s *shape, m *member) string {
	if a.pointer(s, m) {
		return "*" + a.goType(m.Shape)
	}
	return a.goType(m.Shape)
}

// goType is the Go type that holds a value of the shape.
func (a *api) goType(name string) string {
	s := a.shapes[name]
	switch s.Type {
	case "structure":
		return name
	case "list":
		return "[]" + a.goType(s.Member.Shape)
	case "map":
		return "map[" + a.goType(s.Key.Shape) + "]" + a.goType(s.Value.Shape)
	case "string":
		if s.Enum != nil {
			return name
		}
		return "string"
	case "boolean":
		return "bool"
	case "integer":
		return "int"
	case "long":
		return "int64"
	case "double":
		return "float64"
	case "timestamp":
		return "time.Time"
	}
	panic("complete lets no shape of type " + s.Type + " through")
}

// words spells the parts of enum values that are not simply capitalized.
var words = map[string]string{
	"AMI": "AMI", "AWS": "AWS", "CAR": "CAR", "IAM": "IAM", "SSM": "SSM", "SQLITE": "SQLite", "POSTGRESQL": "PostgreSQL",
	"CLOUDFORMATION": "CloudFormation", "CODESTAR": "CodeStar", "SERVICECATALOG": "ServiceCatalog",
	"CREATIONPOLICY": "CreationPolicy", "DELETIONPOLICY": "DeletionPolicy", "UPDATEPOLICY": "UpdatePolicy",
}

// constant names an enum value: type and value in one word.
func constant(enum, value string) string {
	if strings.ToUpper(value) != value {
		return enum + value // already written the Go way
	}
	name := enum
	for _, part := range strings.Split(value, "_") {
		word, ok := words[part]
		if !ok {
			word = part[:1] + strings.ToLower(part[1:])
		}
		name += word
	}
	return name
}

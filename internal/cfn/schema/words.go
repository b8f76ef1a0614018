package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A message is a violation before it is put into words.
type message struct {
	kind          kind
	name          string   // the property, or the keyword of a keyword message
	names         []string // of choices
	types, items  typeSet  // what was expected
	value         Value    // what was found; its text is never shown, for it may be secret
	pattern       string
	limit, actual int
	matched, of   int // alternatives
}

type kind int

const (
	required kind = iota
	extraneous
	wrongType
	minLength
	maxLength
	minItems
	maxItems
	uniqueItems
	keyword // a constraint that AWS names without saying more
	exactlyOne
	atLeastOne
	oneOf
	anyOf
	allOf
)

// A voice is one of the three ways in which AWS speaks of invalid properties,
// by the age of the type's implementation:
//
//   - registry types: the registry's JSON Schema validator, with the values
//     scrubbed from its texts: "#/Name: expected maxLength: 32, actual: 33";
//   - types of the framework before it: "The property {/Type} is required",
//     "Value of property {/Tags} does not match type {Array}";
//   - the first types: "Encountered unsupported property Foo".
//
// The texts are those of failed stacks reported in public; which type speaks
// how is not documented, so the second and third are told from the first by
// what the schema itself shows (see the packer) and from each other by the
// services that came first.
type voice int

const (
	registry voice = iota
	framework
	native
)

// nativeServices are the services whose legacy types speak in the oldest voice.
var nativeServices = []string{
	"CloudFormation", "Config", "EC2", "ElastiCache", "ElasticLoadBalancing", "ElasticLoadBalancingV2", "EMR", "IAM",
	"OpsWorks", "RDS", "Redshift", "Route53", "SDB",
}

func (t *Type) voice() voice {
	if !t.legacy {
		return registry
	}
	if slices.Contains(nativeServices, t.service()) {
		return native
	}
	return framework
}

// service returns the middle part of the name.
func (t *Type) service() string {
	_, rest, _ := strings.Cut(t.Name, "::")
	service, _, _ := strings.Cut(rest, "::")
	return service
}

// Reason joins violations to the reason that AWS gives when it fails to
// create or update the resource of that logical id.
func (t *Type) Reason(logicalID string, violations []Violation) string {
	if len(violations) == 0 {
		return ""
	}
	texts := make([]string, len(violations))
	for i, v := range violations {
		texts[i] = v.Message
	}
	switch t.voice() {
	case native:
		return texts[0] // it stops at the first
	case framework:
		return "Property validation failure: [" + strings.Join(texts, ", ") + "]"
	default:
		return "Properties validation failed for resource " + logicalID + " with message:\n" + strings.Join(texts, "\n")
	}
}

// NoAttribute says that Fn::GetAtt asks for what the type does not give:
// types that the registry runs are judged by their schemas, as failed stacks
// in public show, the others as ever.
func (t *Type) NoAttribute(logicalID, attribute string) string {
	if t.voice() == registry {
		return "Requested attribute " + attribute + " does not exist in schema for " + t.Name
	}
	return "Template error: resource " + logicalID + " does not support attribute type " + attribute + " in Fn::GetAtt"
}

func (v voice) say(m message, path []string) string {
	switch v {
	case native:
		return sayNative(m, path)
	case framework:
		return sayFramework(m, path)
	default:
		return "#" + pointer(path) + ": " + sayRegistry(m)
	}
}

func sayRegistry(m message) string {
	switch m.kind {
	case required:
		return "required key [" + m.name + "] not found"
	case extraneous:
		return "extraneous key [" + m.name + "] is not permitted"
	case wrongType:
		return wrongTypes(m)
	case minLength:
		return fmt.Sprintf("expected minLength: %d, actual: %d", m.limit, m.actual)
	case maxLength:
		return fmt.Sprintf("expected maxLength: %d, actual: %d", m.limit, m.actual)
	case minItems:
		return fmt.Sprintf("expected minimum item count: %d, found: %d", m.limit, m.actual)
	case maxItems:
		return fmt.Sprintf("expected maximum item count: %d, found: %d", m.limit, m.actual)
	case uniqueItems:
		return "array items are not unique"
	case oneOf:
		return fmt.Sprintf("#: %d subschemas matched instead of one", m.matched)
	case anyOf:
		return fmt.Sprintf("#: no subschema matched out of the total %d subschemas", m.of)
	case allOf:
		return fmt.Sprintf("#: only %d subschema matches out of %d", m.matched, m.of)
	case exactlyOne:
		return "exactly one of the keys [" + strings.Join(m.names, ", ") + "] is required"
	case atLeastOne:
		return "at least one of the keys [" + strings.Join(m.names, ", ") + "] is required"
	default:
		return "failed validation constraint for keyword [" + m.name + "]"
	}
}

func sayFramework(m message, path []string) string {
	at := pointer(path)
	switch m.kind {
	case required:
		return "The property {" + at + "/" + m.name + "} is required"
	case extraneous:
		if at == "" {
			at = "/"
		}
		return "Encountered unsupported properties in {" + at + "}: [" + m.name + "]"
	case wrongType:
		return "Value of property {" + at + "} does not match type {" + m.types.expected("Object", "Array") + "}"
	case exactlyOne:
		return sayRegistry(m)
	case atLeastOne:
		return sayNonEmpty(m)
	case keyword:
		if m.pattern != "" {
			return "Value for property {" + at + "} does not match pattern {" + m.pattern + "}"
		}
	}
	return "Value for property {" + at + "} is invalid"
}

func sayNative(m message, path []string) string {
	name := ""
	if len(path) > 0 {
		name = path[len(path)-1]
	}
	switch m.kind {
	case required:
		return "Property " + m.name + " cannot be empty."
	case extraneous:
		return "Encountered unsupported property " + m.name
	case wrongType:
		switch {
		case m.types&isArray != 0 && m.items&isString != 0:
			return "Value of property " + name + " must be of type List of String"
		case m.types&isArray != 0:
			return "Value of property " + name + " must be of type List"
		case m.types&isObject != 0:
			return "Value of property " + name + " must be an object"
		}
		return "Value of property " + name + " must be of type " + m.types.expected("Object", "List")
	case exactlyOne:
		return sayRegistry(m)
	case atLeastOne:
		return sayNonEmpty(m)
	}
	return "Value of property " + name + " is invalid"
}

func sayNonEmpty(m message) string {
	return "At least one of [" + strings.Join(m.names, ",") + "] must be non-empty."
}

// wrongTypes is what the validator says of a value of the wrong type; one
// that may have several types has an alternative for each.
func wrongTypes(m message) string {
	if m.types&(m.types-1) == 0 {
		return "expected type: " + m.types.expected("JSONObject", "JSONArray") + ", found: " + found(m.value)
	}
	n := 0
	for ts := m.types; ts != 0; ts &= ts - 1 {
		n++
	}
	return fmt.Sprintf("#: no subschema matched out of the total %d subschemas", n)
}

// expected names the first type of a set.
func (ts typeSet) expected(object, array string) string {
	switch {
	case ts&isString != 0:
		return "String"
	case ts&isInteger != 0:
		return "Integer"
	case ts&isNumber != 0:
		return "Number"
	case ts&isBoolean != 0:
		return "Boolean"
	case ts&isObject != 0:
		return object
	case ts&isArray != 0:
		return array
	}
	return "Null"
}

func found(v Value) string {
	switch v := v.(type) {
	case nil:
		return "Null"
	case map[string]any:
		return "JSONObject"
	case []any:
		return "JSONArray"
	case bool:
		return "Boolean"
	case json.Number:
		if isWhole(v.String()) {
			return "Integer"
		}
		return "BigDecimal"
	default:
		return "String"
	}
}

var escaper = strings.NewReplacer("~", "~0", "/", "~1")

// pointer returns path as a JSON pointer.
func pointer(path []string) string {
	var b strings.Builder
	for _, step := range path {
		b.WriteByte('/')
		b.WriteString(escaper.Replace(step))
	}
	return b.String()
}

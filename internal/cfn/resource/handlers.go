package resource

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"

	"larder/internal/cfn/schema"
)

// Handlers says who handles which type. The zero value simulates whatever
// may be simulated and refuses the rest, as serve does.
type Handlers struct {
	// Dev lets a custom resource whose service token nobody serves succeed
	// with a warning.
	Dev bool

	outside map[string]Handler
	inside  map[string]Handler
}

// A Kind is how a type is handled.
type Kind struct {
	Handler Handler
	// Outside says that the handler has effects outside the database, so that
	// every request is journaled before it is made.
	Outside bool
	// Schema of the type; nil for types without one.
	Schema *schema.Type
}

// Register has a handler with effects outside the database serve a type. A
// name that ends in "*" stands for all types that begin so. It must be called
// before the first operation.
func (h *Handlers) Register(name string, handler Handler) {
	if h.outside == nil {
		h.outside = map[string]Handler{}
	}
	h.outside[name] = handler
}

// Embed has a handler without effects of its own serve a type, whose behavior
// is then that handler's: what it answers becomes real when it is written. It
// must be called before the first operation.
func (h *Handlers) Embed(name string, handler Handler) {
	if h.inside == nil {
		h.inside = map[string]Handler{}
	}
	h.inside[name] = handler
}

// Find returns how a type is handled; ok is false if there is no such type.
func (h *Handlers) Find(name string) (k Kind, ok bool) {
	t, known := schema.Lookup(name)
	if handler, ok := h.registered(name); ok {
		return Kind{Handler: handler, Outside: true, Schema: t}, true
	}
	if handler, ok := h.inside[name]; ok {
		return Kind{Handler: handler, Schema: t}, true
	}
	switch {
	case custom(name):
		if h.Dev {
			return Kind{Handler: unserved{}}, true
		}
		return Kind{Handler: unbuilt{message: unservedMessage}}, true
	case !known:
		return Kind{}, false
	case name == "AWS::CloudFormation::Stack":
		return Kind{Handler: unbuilt{message: name + " is carried by the executor of stacks alone"}, Outside: true, Schema: t}, true
	case ours(name):
		return Kind{Handler: unbuilt{message: name + " is not built yet"}, Schema: t}, true
	}
	return Kind{Handler: Simulated{}, Schema: t}, true
}

func (h *Handlers) registered(name string) (Handler, bool) {
	if len(h.outside) == 0 {
		return nil, false
	}
	if handler, ok := h.outside[name]; ok {
		return handler, true
	}
	for i := len(name); i > 0; i-- {
		if handler, ok := h.outside[name[:i]+"*"]; ok {
			return handler, true
		}
	}
	return nil, false
}

// ours reports whether the behavior of a type belongs to this program: such
// types are real or fail by name, but are never simulated.
func ours(name string) bool {
	switch name {
	case "AWS::CloudFormation::StackSet", "AWS::CloudFormation::Macro",
		"AWS::CloudFormation::WaitCondition", "AWS::CloudFormation::WaitConditionHandle":
		return true
	}
	return strings.HasPrefix(name, "AWS::ServiceCatalog::")
}

func custom(name string) bool {
	return name == "AWS::CloudFormation::CustomResource" || strings.HasPrefix(name, "Custom::") && len(name) > len("Custom::")
}

// unbuilt refuses to make a resource, by name.
type unbuilt struct{ message string }

func (u unbuilt) Advance(_ context.Context, r Request) (Progress, error) {
	if r.Action == Create || r.Action == Update {
		return Progress{Failure: &Failure{Code: "InvalidRequest", Message: u.message}}, nil
	}
	return Progress{Model: r.Model}, nil
}

const unservedMessage = "Nobody serves this custom resource: no handler is registered for its ServiceToken"

// unserved answers for custom resources in dev, where the function behind a
// service token seldom exists: it succeeds, and says so.
type unserved struct{}

func (unserved) Advance(_ context.Context, r Request) (Progress, error) {
	if r.Action != Create && r.Action != Update {
		return Progress{Model: r.Model}, nil
	}
	token, _ := r.Properties["ServiceToken"].(string)
	if _, secret := r.Properties["ServiceToken"].(schema.Secret); token == "" && !secret {
		return Progress{Failure: &Failure{
			Code: "InvalidRequest", Message: "Property validation failure: [The property {/ServiceToken} is required]",
		}}, nil
	}
	sum := sha256.Sum256([]byte(r.Seed.StackID + "\x00" + r.Seed.LogicalID + fmt.Sprint("\x00", r.Seed.Generation)))
	physical := r.Seed.StackName + "-" + r.Seed.LogicalID + "-" + base32.StdEncoding.EncodeToString(sum[:])[:12]
	return Progress{
		Model:   schema.Model{Physical: physical, Identifier: physical, Properties: r.Properties},
		Warning: "WARNING: nobody serves " + token + ", so this custom resource was not really made and its attributes are placeholders",
	}, nil
}

// Attribute returns what Fn::GetAtt gives for a model.
func (k Kind) Attribute(m schema.Model, logicalID, name string) (schema.Value, bool) {
	if k.Schema != nil {
		return k.Schema.Attribute(m, name)
	}
	if v, ok := m.Properties[name]; ok && k.Outside {
		return v, true
	}
	if _, ok := k.Handler.(unserved); ok {
		return schema.Placeholder(logicalID, name), true
	}
	return nil, false
}

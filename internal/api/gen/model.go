package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
)

// A model is a service description in the form botocore keeps it, as far as
// the generator reads it.
type model struct {
	Metadata struct {
		TargetPrefix string
		Protocol     string
	}
	Operations map[string]*operation
	Pagination map[string]*page
	Shapes     map[string]*shape
}

// An operation of a model. The generator adds what follows from it.
type operation struct {
	Name   string
	Input  ref
	Output ref
	Errors []ref

	target   string // the whole X-Amz-Target
	readOnly bool
	page     *page
}

// A page says how an operation's answer is cut into pages.
type page struct {
	Token  string `json:"input_token"`
	Size   string `json:"limit_key"`
	Next   string `json:"output_token"`
	Result string `json:"result_key"`
}

// A shape is a type of the model.
type shape struct {
	Type      string
	Members   members
	Required  []string
	Member    ref // of a list
	Key       ref // of a map
	Value     ref
	Enum      []string
	Pattern   string
	Min, Max  *int
	Exception bool
	Sensitive bool

	name    string
	input   bool // reachable from an operation's input
	output  bool // reachable from an operation's output
	checked bool // a value of it can break a constraint
}

type ref struct{ Shape string }

// A member of a structure.
type member struct {
	Shape             string
	IdempotencyToken  bool
	DeprecatedMessage string

	name     string
	required bool
}

// members keeps the order of the file, so that what is generated does too.
type members []*member

func (m *members) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		one := &member{name: name.(string)}
		if err := d.Decode(one); err != nil {
			return err
		}
		*m = append(*m, one)
	}
	return nil
}

// An api is what the generator writes: the operations and shapes of several
// models in one name space.
type api struct {
	operations []*operation // each model's in order of name
	shapes     map[string]*shape
	names      []string // of the shapes, sorted
	exceptions []string // names of the modeled errors, sorted
}

// read joins the models in the given files. Two models may share a shape only
// by defining it alike.
func read(files ...string) (*api, error) {
	a := &api{shapes: map[string]*shape{}}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var m model
		if err := json.Unmarshal(text, &m); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if err := a.join(&m); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	for name := range a.shapes {
		a.names = append(a.names, name)
		if a.shapes[name].Exception {
			a.exceptions = append(a.exceptions, name)
		}
	}
	slices.Sort(a.names)
	slices.Sort(a.exceptions)
	for _, op := range a.operations {
		a.reach(op.Input.Shape, func(s *shape) *bool { return &s.input })
		a.reach(op.Output.Shape, func(s *shape) *bool { return &s.output })
	}
	a.settleChecks()
	return a, nil
}

func (a *api) join(m *model) error {
	if m.Metadata.Protocol != "json" {
		return fmt.Errorf("protocol %q is not one this generator writes", m.Metadata.Protocol)
	}
	for name, s := range m.Shapes {
		if there, ok := a.shapes[name]; ok {
			s.name = name
			if !reflect.DeepEqual(there, s) {
				return fmt.Errorf("shape %s is defined differently by another model", name)
			}
			continue
		}
		s.name = name
		a.shapes[name] = s
	}
	for name, s := range m.Shapes {
		if err := a.complete(name, s); err != nil {
			return err
		}
	}
	return a.addOperations(m)
}

// complete checks what the shape refers to and marks its required members.
func (a *api) complete(name string, s *shape) error {
	refs := []string{}
	switch s.Type {
	case "structure":
		for _, m := range s.Members {
			refs = append(refs, m.Shape)
		}
		for _, required := range s.Required {
			i := slices.IndexFunc(s.Members, func(m *member) bool { return m.name == required })
			if i < 0 {
				return fmt.Errorf("shape %s requires %s, which it has not", name, required)
			}
			s.Members[i].required = true
		}
		if len(s.Members) > 64 {
			return fmt.Errorf("shape %s has %d members; a decoder tells 64 apart", name, len(s.Members))
		}
	case "list":
		refs = append(refs, s.Member.Shape)
	case "map":
		refs = append(refs, s.Key.Shape, s.Value.Shape)
		if key := a.shapes[s.Key.Shape]; key != nil && key.Type != "string" {
			return fmt.Errorf("map %s has keys of type %s", name, key.Type)
		}
	case "string", "boolean", "integer", "long", "double", "timestamp":
	default:
		return fmt.Errorf("shape %s has type %q, which this generator does not write", name, s.Type)
	}
	for _, to := range refs {
		if a.shapes[to] == nil {
			return fmt.Errorf("shape %s refers to %s, which is not there", name, to)
		}
	}
	return nil
}

func (a *api) addOperations(m *model) error {
	names := make([]string, 0, len(m.Operations))
	for name := range m.Operations {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		op := m.Operations[name]
		if slices.ContainsFunc(a.operations, func(o *operation) bool { return o.Name == name }) {
			return fmt.Errorf("operation %s stands in two models", name)
		}
		for _, r := range append([]ref{op.Input, op.Output}, op.Errors...) {
			if s := a.shapes[r.Shape]; s == nil || s.Type != "structure" {
				return fmt.Errorf("operation %s refers to %q, which is no structure", name, r.Shape)
			}
		}
		op.target = m.Metadata.TargetPrefix + "." + name
		op.readOnly = readOnly(name)
		op.page = a.pageOf(op, m.Pagination[name])
		a.operations = append(a.operations, op)
	}
	return nil
}

// pageOf answers how op is paged, nil if it is not. The models name the page
// members of the operations that botocore has paginators for; the others keep
// the same names.
func (a *api) pageOf(op *operation, given *page) *page {
	p := page{Token: "PageToken", Size: "PageSize"}
	in, out := a.shapes[op.Input.Shape], a.shapes[op.Output.Shape]
	for _, m := range out.Members {
		if m.name == "NextPageToken" || m.name == "PageToken" {
			p.Next = m.name
		}
		if a.shapes[m.Shape].Type == "list" && p.Result == "" {
			p.Result = m.name
		}
	}
	if given != nil {
		p = *given
	}
	if !in.has(p.Token) || !in.has(p.Size) || p.Next == "" || p.Result == "" {
		return nil
	}
	return &p
}

func (s *shape) has(name string) bool {
	return slices.ContainsFunc(s.Members, func(m *member) bool { return m.name == name })
}

// reach sets a mark on every shape reachable from the one named.
func (a *api) reach(name string, mark func(*shape) *bool) {
	s := a.shapes[name]
	if *mark(s) {
		return
	}
	*mark(s) = true
	for _, m := range s.Members {
		a.reach(m.Shape, mark)
	}
	for _, r := range []ref{s.Member, s.Key, s.Value} {
		if r.Shape != "" {
			a.reach(r.Shape, mark)
		}
	}
}

// settleChecks finds the shapes whose values can break a constraint, by going
// over them until nothing changes: shapes may refer to each other in circles.
func (a *api) settleChecks() {
	for changed := true; changed; {
		changed = false
		for _, name := range a.names {
			s := a.shapes[name]
			if !s.checked && a.constrains(s) {
				s.checked, changed = true, true
			}
		}
	}
}

func (a *api) constrains(s *shape) bool {
	if s.Min != nil || s.Max != nil || s.Pattern != "" || s.Enum != nil || len(s.Required) > 0 {
		return true
	}
	for _, m := range s.Members {
		if a.shapes[m.Shape].checked {
			return true
		}
	}
	for _, r := range []ref{s.Member, s.Key, s.Value} {
		if r.Shape != "" && a.shapes[r.Shape].checked {
			return true
		}
	}
	return false
}

package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// A typeSchema is one resource type as the registry describes it; what stands
// beside properties is about the type, the rest is JSON Schema.
type typeSchema struct {
	schema

	Definitions           map[string]*schema `json:"definitions"`
	PrimaryIdentifier     []string           `json:"primaryIdentifier"`
	ReadOnly              []string           `json:"readOnlyProperties"`
	CreateOnly            []string           `json:"createOnlyProperties"`
	ConditionalCreateOnly []string           `json:"conditionalCreateOnlyProperties"`
	WriteOnly             []string           `json:"writeOnlyProperties"`
	Deprecated            []string           `json:"deprecatedProperties"`
	AdditionalIdentifiers json.RawMessage    `json:"additionalIdentifiers"`
	ReplacementStrategy   string             `json:"replacementStrategy"`
	Taggable              *bool              `json:"taggable"`
	Tagging               *struct {
		Taggable    bool   `json:"taggable"`
		TagProperty string `json:"tagProperty"`
		TagOnCreate bool   `json:"tagOnCreate"`
		TagUpdate   bool   `json:"tagUpdatable"`
		SystemTags  bool   `json:"cloudFormationSystemTags"`
		Permissions any    `json:"permissions"`
	} `json:"tagging"`
}

// A schema is a JSON Schema with the keywords that occur in the data. Reading
// refuses any other, so that new data cannot lose a rule in silence.
type schema struct {
	Ref                  string              `json:"$ref"`
	Type                 typeNames           `json:"type"`
	Properties           map[string]*schema  `json:"properties"`
	PatternProperties    map[string]*schema  `json:"patternProperties"`
	AdditionalProperties *bool               `json:"additionalProperties"`
	Required             []string            `json:"required"`
	RequiredXor          []string            `json:"requiredXor"`
	RequiredOr           []string            `json:"requiredOr"`
	DependentRequired    map[string][]string `json:"dependentRequired"`
	DependentExcluded    map[string][]string `json:"dependentExcluded"`
	Items                *schema             `json:"items"`
	UniqueItems          bool                `json:"uniqueItems"`
	InsertionOrder       *bool               `json:"insertionOrder"` // about reads, not about what may be written
	MinItems             *json.Number        `json:"minItems"`
	MaxItems             *json.Number        `json:"maxItems"`
	MinLength            *json.Number        `json:"minLength"`
	MaxLength            *json.Number        `json:"maxLength"`
	Minimum              *json.Number        `json:"minimum"`
	Maximum              *json.Number        `json:"maximum"`
	Pattern              string              `json:"pattern"`
	Format               string              `json:"format"`
	Enum                 []any               `json:"enum"`
	Const                any                 `json:"const"`
	OneOf                []*schema           `json:"oneOf"`
	AnyOf                []*schema           `json:"anyOf"`
	AllOf                []*schema           `json:"allOf"`
}

// typeNames is a type or a list of types.
type typeNames []string

func (t *typeNames) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(t))
	}
	*t = make(typeNames, 1)
	return json.Unmarshal(b, &(*t)[0])
}

func readTypes(path string) (map[string]*typeSchema, error) {
	f, err := os.Open(path) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	types := map[string]*typeSchema{}
	lines := bufio.NewReader(z)
	dec := json.NewDecoder(lines)
	dec.UseNumber()
	dec.DisallowUnknownFields()
	for dec.More() {
		name, t := "", &typeSchema{}
		if err := dec.Decode(&[]any{&name, t}); err != nil {
			return nil, fmt.Errorf("%s after %d types: %s: %w", path, len(types), name, err)
		}
		types[name] = t
	}
	return types, nil
}

// hints is what the schemas do not say.
type hints struct {
	RefOverrides map[string]struct {
		PrimaryIdentifier []string `json:"primaryIdentifier"`
		Ref               []string `json:"ref"`
	} `json:"ref_overrides"`
	ARNTemplate           map[string]string     `json:"arnTemplate"`
	MaybeReplacement      [][]string            `json:"maybe_replacement"`
	AdditionalReplacement map[string][][]string `json:"additionalReplacementProperties"`
	Stateful              []string              `json:"stateful"`
	RecordedPhysicalIDs   map[string][]string   `json:"recordedPhysicalIds"` // what the tests compare with
}

func readHints(path string) (*hints, error) {
	b, err := os.ReadFile(path) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, err
	}
	h := &hints{}
	return h, json.Unmarshal(b, h)
}

// shapes are the hand-written facts about one type: directives, which begin
// with "@", and the forms of attributes, in the order written.
type shapes []shape

type shape struct{ key, value string }

// readShapes reads shapes.txt, whose head describes its form.
func readShapes(path string) (map[string]shapes, error) {
	b, err := os.ReadFile(path) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, err
	}
	all := map[string]shapes{}
	var current []string
	fresh := false
	for i, line := range strings.Split(string(b), "\n") {
		text, _, _ := strings.Cut(line, "#")
		fields := strings.Fields(text)
		switch {
		case len(fields) == 0:
		case text[0] != ' ' && text[0] != '\t':
			if !fresh {
				current = nil
			}
			fresh = true
			for _, name := range fields {
				current = append(current, name)
				if _, twice := all[name]; twice {
					return nil, fmt.Errorf("%s:%d: %s stands twice", path, i+1, name)
				}
				all[name] = shapes{}
			}
		case len(current) == 0:
			return nil, fmt.Errorf("%s:%d: a shape without a type", path, i+1)
		default:
			fresh = false
			key := fields[0]
			value := strings.TrimSpace(strings.TrimSpace(text)[len(key):])
			for _, name := range current {
				if slices.ContainsFunc(all[name], func(s shape) bool { return s.key == key }) {
					return nil, fmt.Errorf("%s:%d: %s of %s stands twice", path, i+1, key, name)
				}
				all[name] = append(all[name], shape{key, value})
			}
		}
	}
	return all, nil
}

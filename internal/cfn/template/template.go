package template

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// Template is a parsed template. It is immutable and safe for concurrent use.
type Template struct {
	Description string
	Format      string               // AWSTemplateFormatVersion
	Transforms  []string             // the Transform section, and what Fn::Transform names elsewhere
	Metadata    *Node                // nil if there is none
	Parameters  []*Parameter         // in the template's order, as are the rest
	Mappings    []*Mapping           //
	Conditions  []*Condition         //
	Rules       []*Rule              //
	Resources   []*Resource          //
	Outputs     []*OutputDeclaration //

	parameters map[string]*Parameter
	mappings   map[string]*Mapping
	conditions map[string]*Condition
	resources  map[string]*Resource

	extended  bool   // AWS::LanguageExtensions is on
	including bool   // AWS::Include must make another template of it
	pending   string // the first macro that must run before the template can be evaluated
	source    *Node  // the template as read, if includes or loops must make another of it
	looping   *Node  // the same, if there are loops
	root      *Node  // the template
	limits    Limits // for those that are made of it
}

// languageExtensions is the one transform that is a part of the language.
const languageExtensions = "AWS::LanguageExtensions"

// Parameter returns the parameter of that name, or nil.
func (t *Template) Parameter(name string) *Parameter { return t.parameters[name] }

// Mapping returns the mapping of that name, or nil.
func (t *Template) Mapping(name string) *Mapping { return t.mappings[name] }

// Condition returns the condition of that name, or nil.
func (t *Template) Condition(name string) *Condition { return t.conditions[name] }

// Resource returns the resource of that logical id, or nil.
func (t *Template) Resource(logicalID string) *Resource { return t.resources[logicalID] }

// Pending returns the first transform that must run before the template can
// be evaluated, or "". Until then its resource types and references are not
// final.
func (t *Template) Pending() string {
	if t.pending == "" && t.including {
		return includeTransform
	}
	return t.pending
}

// Parse reads a YAML or JSON template and refuses what CloudFormation refuses
// before it creates anything. The error is an [*Error].
//
// A template that names a macro is read as far as it goes: what the macro may
// turn into something else (references, names of sections and attributes) is
// not judged, and Evaluate refuses it by the macro's name. One with Fn::ForEach
// is judged by Evaluate, when the loops have run.
func Parse(src []byte, lim Limits) (*Template, error) {
	root, err := read(src, lim)
	if err != nil {
		return nil, err
	}
	t, fault := build(root, lim)
	if fault != nil {
		return nil, fault
	}
	return t, nil
}

// read reads the text into a tree that is a map without nulls.
func read(src []byte, lim Limits) (*Node, error) {
	if len(src) > lim.Bytes {
		return nil, fault("Template may not exceed %d bytes in size.", lim.Bytes)
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	// As on AWS, a text that begins like a JSON object is held to be one.
	isJSON := bytes.HasPrefix(bytes.TrimLeft(src, " \t\r\n"), []byte("{"))
	var root Node
	var nulls bool
	var err error
	switch {
	case !utf8.Valid(src) && isJSON:
		err = fault("Template format error: JSON not well-formed.")
	case !utf8.Valid(src):
		err = yamlMalformed(nil)
	case isJSON:
		root, nulls, err = readJSON(src, lim)
	default:
		root, nulls, err = readYAML(src, lim)
	}
	if err != nil {
		return nil, err
	}
	if root.kind != KindMap {
		return nil, fault("Template format error: unsupported structure.").at(&root)
	}
	if nulls {
		path, null := firstNull(&root, "")
		e := fault("[%s] 'null' values are not allowed in templates", path).at(null)
		e.Path = path[1:]
		return nil, e
	}
	return &root, nil
}

// build makes a template of a tree, which it takes over.
func build(root *Node, lim Limits) (*Template, *Error) {
	t := &Template{limits: lim, root: root}
	if err := t.sections(root, lim); err != nil {
		return nil, err
	}
	c := &compiler{t: t, lim: lim, blank: t.Pending() != "" || t.looping != nil}
	for _, section := range []struct {
		name string
		read func(*compiler, *Node) *Error
	}{
		// Each refers only to those before it, and to itself.
		{"Parameters", (*compiler).parameterSection},
		{"Mappings", (*compiler).mappingSection},
		{"Conditions", (*compiler).conditionSection},
		{"Rules", (*compiler).ruleSection},
		{"Resources", (*compiler).resourceSection},
		{"Outputs", (*compiler).outputSection},
	} {
		n := root.Get(section.name)
		switch {
		case n == nil && section.name == "Resources":
			return nil, noResources().at(root)
		case n == nil:
			continue
		case n.kind != KindMap:
			return nil, anObject(section.name).at(n).under(section.name)
		}
		if err := section.read(c, n); err != nil {
			return nil, err.at(n).under(section.name)
		}
	}
	if err := t.definiteCycle(); err != nil && !c.blank {
		return nil, err
	}
	return t, nil
}

func noResources() *Error {
	return fault("Template format error: At least one Resources member must be defined.")
}

func anObject(section string) *Error {
	return fault("Template format error: Any %s member must be an object.", section)
}

// sections checks the names of the sections and reads those that are single
// values.
func (t *Template) sections(root *Node, lim Limits) *Error {
	if n := root.Get("Transform"); n != nil {
		if err := t.transformSection(n); err != nil {
			return err.at(n).under("Transform")
		}
	}
	loops := t.embedded(root)
	if loops || t.including {
		t.source = root.clone()
	}
	if loops {
		t.looping = t.source
	}
	t.Transforms = slices.Clip(t.Transforms)

	var invalid []string
	first := -1
	for i := range root.keys {
		switch root.keys[i].name {
		case "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions", "Rules",
			"Transform", "Resources", "Outputs":
		case "Hooks":
			t.waitFor("AWS::CodeDeployBlueGreen")
		default:
			if first < 0 {
				first = i
			}
			invalid = append(invalid, root.keys[i].name)
		}
	}
	if invalid != nil && t.Pending() == "" { // a macro may have sections of its own
		return fault("Invalid template property or properties %s", bracketed(invalid)).atKey(root, first)
	}
	if n := root.Get("AWSTemplateFormatVersion"); n != nil {
		if t.Format = n.text; t.Format != "2010-09-09" {
			return fault("Template format error: %s is not a supported value for AWSTemplateFormatVersion.", n.text).
				at(n).under("AWSTemplateFormatVersion")
		}
	}
	if n := root.Get("Description"); n != nil {
		if t.Description = n.text; !n.kind.isScalar() {
			return fault("Template format error: Every Description member must be a string.").at(n).under("Description")
		}
		if len(t.Description) > lim.Description {
			return fault("Template format error: 'Description' length is greater than %d.", lim.Description).at(n).under("Description")
		}
	}
	if t.Metadata = root.Get("Metadata"); t.Metadata != nil && t.Metadata.kind != KindMap {
		return fault("Template format error: Metadata must be an object.").at(t.Metadata).under("Metadata")
	}
	return nil
}

// transformSection reads the Transform section: a name, an object with a
// Name, or a list of these.
func (t *Template) transformSection(n *Node) *Error {
	one := []Node{*n}
	if n.kind == KindList {
		one = n.items
	}
	for i := range one {
		name := &one[i]
		if name.kind == KindMap {
			if name = name.Get("Name"); name == nil {
				return misuse(KindTransform)
			}
		}
		if name.kind != KindString || name.text == "" {
			return fault("Template format error: Every Transform member must be a string or an object with a Name.")
		}
		t.Transforms = append(t.Transforms, name.text)
		switch name.text {
		case languageExtensions:
			t.extended = true
		case includeTransform:
			t.including = true
		default:
			t.waitFor(name.text)
		}
	}
	return nil
}

// embedded finds the macros that Fn::Transform calls anywhere, and whether
// there is what must be expanded first.
func (t *Template) embedded(n *Node) (loops bool) {
	for i := range n.items {
		if n.kind == KindMap && t.extended && expands(n.keys[i].name, &n.items[i]) {
			loops = true
		}
		if n.kind == KindMap && n.keys[i].name == "Fn::Transform" {
			t.call(&n.items[i])
		}
		loops = t.embedded(&n.items[i]) || loops
	}
	return loops
}

// call notes the macros that an Fn::Transform calls: one by its name alone,
// one with parameters, or a list of these (evidence, TestChangeSetFnTransform).
func (t *Template) call(n *Node) {
	calls := []Node{*n}
	if n.kind == KindList {
		calls = n.items
	}
	for i := range calls {
		name := &calls[i]
		if name.kind == KindMap {
			name = name.Get("Name")
		}
		if name == nil || name.kind != KindString {
			continue
		}
		if !slices.Contains(t.Transforms, name.text) && len(t.Transforms) < 64 {
			t.Transforms = append(t.Transforms, name.text)
		}
		if name.text == includeTransform {
			t.including = true
			continue
		}
		t.waitFor(name.text)
	}
}

func (t *Template) waitFor(transform string) {
	if t.pending == "" {
		t.pending = transform
	}
}

// bracketed writes a list as AWS's messages have it.
func bracketed(names []string) string { return "[" + strings.Join(names, ", ") + "]" }

// members reads the members of a section: names are checked, and every member
// must be an object.
func (c *compiler) members(n *Node, noun string, most int, each func(name string, m *Node) *Error) *Error {
	if len(n.items) > most {
		return fault("Template format error: Number of %s, %d, is greater than maximum allowed, %d", plural(noun), len(n.items), most)
	}
	for i := range n.items {
		name, m := n.keys[i].name, &n.items[i]
		if c.blank && strings.HasPrefix(name, "Fn::") {
			continue
		}
		// Of conditions AWS takes any name (evidence,
		// test_using_pseudoparameters_in_places).
		if !alphanumeric(name) && noun != "Condition" {
			return fault("Template format error: %s name %s is non alphanumeric.", noun, name).atKey(n, i).under(name)
		}
		if len(name) > c.lim.Name {
			return fault("Template format error: %s name %s is longer than %d characters.", noun, name, c.lim.Name).atKey(n, i).under(name)
		}
		if err := each(name, m); err != nil {
			return err.at(m).under(name)
		}
	}
	return nil
}

// plural gives the word of AWS's quota messages: resources, parameters.
func plural(noun string) string { return strings.ToLower(noun) + "s" }

// text reads an optional member that must be a scalar.
func text(n *Node, member string) (string, *Error) {
	m := n.Get(member)
	if m == nil {
		return "", nil
	}
	if !m.kind.isScalar() {
		return "", fault("Template format error: Every %s member must be a string.", member).at(m).under(member)
	}
	return m.text, nil
}

package template

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v4"
)

// yamlReader turns the nodes of the YAML package into ours. It refuses what
// the package lets pass: repeated keys, aliases that multiply, and tags that
// CloudFormation does not know. Short forms of functions become the maps that
// the long forms are.
type yamlReader struct {
	lim     Limits
	depth   int
	aliased int // nodes that came from aliases so far
	within  int // how many aliases are being expanded
	nulls   bool
	slab
}

// readYAML reads src, and reports whether there is a null in it.
func readYAML(src []byte, lim Limits) (root Node, nulls bool, err error) {
	if root, err = readBlocks(string(src), lim); err == nil {
		return root, false, nil
	}
	return readAnyYAML(src, lim)
}

// readAnyYAML is readYAML through the YAML package.
func readAnyYAML(src []byte, lim Limits) (root Node, nulls bool, err error) {
	var doc yaml.Node
	if err := yaml.Load(src, &doc); err != nil {
		return Node{}, false, yamlMalformed(err)
	}
	r := yamlReader{lim: lim}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return Node{}, false, fault("Template format error: unsupported structure.")
	}
	root, err = r.value(doc.Content[0])
	return root, r.nulls, err
}

// yamlMalformed words a syntax error. AWS has given it with and without the
// place; the latest recording is without (evidence/errors.jsonl,
// test_create_stack_invalid_yaml_template_should_fail).
func yamlMalformed(err error) *Error {
	e := fault("Template format error: YAML not well-formed.")
	var where *yaml.LoadError
	if errors.As(err, &where) {
		e.Line, e.Column = where.Mark.Line, where.Mark.Column
	}
	return e
}

func (r *yamlReader) value(y *yaml.Node) (Node, error) {
	n := Node{line: int32(y.Line), column: int32(y.Column)}
	if r.within > 0 {
		if r.aliased++; r.aliased > r.lim.Expansion {
			return n, fault("Template format error: YAML aliases expand to more than %d values.", r.lim.Expansion).at(&n)
		}
	}
	if y.Kind == yaml.AliasNode {
		// An alias within its own anchor ends at the depth limit.
		r.within++
		out, err := r.value(y.Alias)
		r.within--
		return out, err
	}
	if y.Kind != yaml.ScalarNode {
		if r.depth++; r.depth > r.lim.Depth {
			return n, tooDeep(r.lim.Depth).at(&n)
		}
		defer func() { r.depth-- }()
	}

	tag := ""
	if y.Style&yaml.TaggedStyle != 0 {
		tag = y.Tag
	}
	function, isFunction := shortForm(tag)
	if isFunction && r.lim.untagged {
		return n, yamlMalformed(nil).at(&n)
	}
	if !isFunction && tag != "" && !plainTag(tag) {
		return n, yamlMalformed(nil).at(&n)
	}
	err := r.untagged(&n, y, tag, isFunction)
	if err != nil || !isFunction {
		return n, err
	}
	call := Node{kind: KindMap, line: n.line, column: n.column}
	call.items = r.copyNodes([]Node{n})
	call.keys = r.copyKeys([]key{{function, n.line, n.column}})
	return call, nil
}

// untagged reads y as the value that it is without the tag of a function.
func (r *yamlReader) untagged(n *Node, y *yaml.Node, tag string, isFunction bool) error {
	switch y.Kind {
	case yaml.ScalarNode:
		n.kind, n.text = KindString, y.Value
		quoted := y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
		if !quoted && !isFunction && tag != "!" && tag != "!!str" || tag == "!!null" {
			n.kind, n.text = plainScalar(y.Value)
		}
		r.nulls = r.nulls || n.kind == KindNull
		return nil
	case yaml.SequenceNode:
		n.kind = KindList
		items := make([]Node, 0, len(y.Content))
		for _, c := range y.Content {
			item, err := r.value(c)
			if err != nil {
				return err
			}
			items = append(items, item)
		}
		n.items = items
		return nil
	case yaml.MappingNode:
		return r.mapping(n, y)
	}
	return yamlMalformed(nil).at(n)
}

func (r *yamlReader) mapping(n *Node, y *yaml.Node) error {
	n.kind = KindMap
	items := make([]Node, 0, len(y.Content)/2)
	keys := make([]key, 0, len(y.Content)/2)
	var seen names
	for i := 0; i+1 < len(y.Content); i += 2 {
		name := y.Content[i]
		k := key{line: int32(name.Line), column: int32(name.Column)}
		if name.Kind == yaml.AliasNode {
			name = name.Alias
		}
		if name.Kind != yaml.ScalarNode {
			e := yamlMalformed(nil)
			e.Line, e.Column = int(k.line), int(k.column)
			return e
		}
		k.name = name.Value
		if name.Style == 0 {
			// As on AWS, where !Ref of a parameter with the default yes finds
			// the mapping key Yes: both are true.
			if kind, text := plainScalar(name.Value); kind == KindBool {
				k.name = text
			}
		}
		if seen.has(keys, k.name) {
			return duplicateKey(k)
		}
		item, err := r.value(y.Content[i+1])
		if err != nil {
			return err
		}
		keys = append(keys, k)
		items = append(items, item)
	}
	n.items, n.keys = items, keys
	return nil
}

// shortForm returns the function that a tag such as !GetAtt stands for. Any
// tag of that form is one; which functions there are is not the reader's
// business.
func shortForm(tag string) (function string, ok bool) {
	name, local := strings.CutPrefix(tag, "!")
	switch {
	case !local || name == "" || strings.HasPrefix(name, "!"):
		return "", false
	case name == "Ref" || name == "Condition":
		return name, true
	}
	return "Fn::" + name, true
}

// plainTag reports whether the tag is one of YAML's own that CloudFormation
// takes. It documents binary, omap, pairs, set and timestamp as unsupported.
func plainTag(tag string) bool {
	switch tag {
	case "!", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!seq", "!!map":
		return true
	}
	return false
}

// plainScalar resolves a scalar without quotes as YAML 1.1 does for nulls and
// booleans. Numbers keep their text, and what is no JSON number (012, 1_000,
// 2010-09-09, 12:30) is the string that was written.
func plainScalar(text string) (Kind, string) {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return KindNull, ""
	case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON":
		return KindBool, "true"
	case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF":
		return KindBool, "false"
	}
	if number, ok := jsonNumber(text); ok && number == text {
		return KindNumber, text
	}
	return KindString, text
}

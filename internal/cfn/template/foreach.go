package template

import (
	"maps"
	"strings"
)

// loopPrefix begins the key of a Fn::ForEach, which ends with its name.
const loopPrefix = "Fn::ForEach::"

// expands reports whether a member of a template is one that
// AWS::LanguageExtensions replaces before anything else: a loop, or a Ref or
// Fn::GetAtt whose names are computed.
func expands(name string, n *Node) bool {
	switch name {
	case "Ref":
		return n.kind == KindMap
	case "Fn::GetAtt":
		return n.kind == KindList && len(n.items) == 2 && (n.items[0].kind == KindMap || isCall(&n.items[1]) && n.items[1].keys[0].name != "Ref")
	}
	return strings.HasPrefix(name, loopPrefix)
}

// isCall reports whether a node that is not compiled calls a function.
func isCall(n *Node) bool {
	if n.kind != KindMap || len(n.keys) != 1 {
		return false
	}
	_, ok := callee(n.keys[0].name)
	return ok
}

// expand makes the template that a template with loops stands for, now that
// parameters have values. It is built like any other.
func (e *Evaluation) expand() *Error {
	t := e.Template
	if t.looping == nil || t.pending != "" {
		return nil
	}
	x := expander{ev: e.evaluator(nil), c: &compiler{t: t, lim: t.limits}, left: t.limits.Expansion}
	root, err := x.copy(t.looping, nil)
	if err != nil {
		return err
	}
	expanded, err := build(&root, t.limits)
	if err != nil {
		return err
	}
	if expanded.looping != nil { // such as a value that is itself a name
		return layout("Fn::ForEach")
	}
	e.Template, e.transformed = expanded, true
	return nil
}

// expander copies a tree as it was read, unrolls the loops in it and computes
// the names in it. Parameters, pseudo parameters, mappings and loop variables
// decide both.
type expander struct {
	ev   *evaluator
	c    *compiler
	left int // nodes that may still be made
}

// scope holds the value of each loop variable.
type scope map[string]string

// layout refuses a function of AWS::LanguageExtensions in the words that
// transform has for it.
func layout(function string) *Error {
	return fault("Transform %s failed with: %s layout is incorrect", languageExtensions, function)
}

func (x *expander) copy(n *Node, in scope) (Node, *Error) {
	out := *n
	if x.left--; x.left < 0 {
		return out, fault("Transform %s failed with: Fn::ForEach makes the template too large", languageExtensions).at(n)
	}
	switch n.kind {
	case KindString:
		if out.text = in.replace(n.text); len(in) > 0 {
			return out, x.ev.spend(len(out.text))
		}
	case KindList:
		out.items = make([]Node, len(n.items))
		for i := range n.items {
			var err *Error
			if out.items[i], err = x.copy(&n.items[i], in); err != nil {
				return out, err.under(index(i))
			}
		}
	case KindMap:
		if len(n.keys) == 1 && n.keys[0].name == "Ref" && n.items[0].kind == KindString {
			if value, ok := in[n.items[0].text]; ok {
				return Node{kind: KindString, text: value, line: n.line, column: n.column}, nil
			}
		}
		out.items, out.keys = nil, nil
		if err := x.members(&out, n, in); err != nil {
			return out, err
		}
		var seen names
		for i := range out.keys {
			if seen.has(out.keys[:i], out.keys[i].name) {
				return out, duplicateKey(out.keys[i])
			}
		}
		if len(out.keys) == 1 && expands(out.keys[0].name, &out.items[0]) {
			return out, x.names(&out)
		}
	}
	return out, nil
}

// names computes the names that a Ref or Fn::GetAtt is given.
func (x *expander) names(call *Node) *Error {
	arg := &call.items[0]
	if arg.kind == KindMap {
		return x.name(arg, "Ref")
	}
	for i := range arg.items {
		// Ref as the attribute needs no help.
		if part := &arg.items[i]; i == 0 && part.kind == KindMap || isCall(part) && part.keys[0].name != "Ref" {
			if err := x.name(part, "Fn::GetAtt"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *expander) name(n *Node, owner string) *Error {
	if err := x.c.compile(n, mapKeyExtended|1<<KindBase64, KindNull); err != nil || x.c.unresolved != nil {
		return layout(owner).at(n)
	}
	v, err := x.ev.value(n)
	if err != nil {
		return err
	}
	text, _, ok := textOf(v)
	if !ok {
		return layout(owner).at(n)
	}
	*n = Node{kind: KindString, text: text, line: n.line, column: n.column}
	return nil
}

// members copies the members of a map to out, and those that its loops make.
func (x *expander) members(out, n *Node, in scope) *Error {
	for i := range n.keys {
		if strings.HasPrefix(n.keys[i].name, loopPrefix) {
			if err := x.loop(out, &n.items[i], in); err != nil {
				return err.at(&n.items[i]).under(n.keys[i].name)
			}
			continue
		}
		k := n.keys[i]
		k.name = in.replace(k.name)
		item, err := x.copy(&n.items[i], in)
		if err != nil {
			return err.under(k.name)
		}
		out.keys, out.items = append(out.keys, k), append(out.items, item)
	}
	return nil
}

// loop adds to out what a loop makes. It has its identifier, or a list of
// them, its collection, and the members to make for each value.
func (x *expander) loop(out, n *Node, in scope) *Error {
	if n.kind != KindList || len(n.items) != 3 || n.items[2].kind != KindMap {
		return layout("Fn::ForEach")
	}
	identifiers, err := x.identifiers(&n.items[0], in)
	if err != nil {
		return err
	}
	rounds, err := x.collection(&n.items[1], in, len(identifiers))
	if err != nil {
		return err
	}
	inner := maps.Clone(in)
	if inner == nil {
		inner = scope{}
	}
	for _, values := range rounds {
		for i, identifier := range identifiers {
			inner[identifier] = values[i]
		}
		if err := x.members(out, &n.items[2], inner); err != nil {
			return err
		}
	}
	return nil
}

func (x *expander) identifiers(n *Node, in scope) ([]string, *Error) {
	one := []Node{*n}
	if n.kind == KindList {
		one = n.items
	}
	var all []string
	for i := range one {
		texts, err := x.texts(&one[i], in)
		if err != nil {
			return nil, err
		}
		name := strings.Join(texts, "")
		if _, taken := in[name]; taken || len(texts) != 1 || !alphanumeric(name) || x.c.t.Parameter(name) != nil {
			return nil, layout("Fn::ForEach")
		}
		all = append(all, name)
	}
	if len(all) == 0 {
		return nil, layout("Fn::ForEach")
	}
	return all, nil
}

// collection returns the values of each round: of a list one each, of a list
// of lists as many as there are identifiers, of a map key and value.
func (x *expander) collection(n *Node, in scope, width int) ([][]string, *Error) {
	var rounds [][]string
	switch {
	case width == 1:
		texts, err := x.texts(n, in)
		if err != nil {
			return nil, err
		}
		for _, text := range texts {
			rounds = append(rounds, []string{text})
		}
	case n.kind == KindList:
		for i := range n.items {
			values, err := x.texts(&n.items[i], in)
			if err != nil {
				return nil, err.under(index(i))
			}
			rounds = append(rounds, values)
		}
	case n.kind == KindMap && !isCall(n):
		for name, value := range n.All() {
			values, err := x.texts(value, in)
			if err != nil {
				return nil, err.under(name)
			}
			rounds = append(rounds, append([]string{in.replace(name)}, values...))
		}
	}
	for _, values := range rounds {
		if len(values) != width {
			return nil, layout("Fn::ForEach")
		}
	}
	return rounds, nil
}

// texts evaluates what comes to a text or a list of them.
func (x *expander) texts(n *Node, in scope) ([]string, *Error) {
	node, err := x.copy(n, in)
	if err != nil {
		return nil, err
	}
	const decidable = mapKeyExtended | 1<<KindList
	if !decidable.has(node.kind) && node.kind != KindMap || node.kind == KindMap && len(node.keys) != 1 {
		return nil, layout("Fn::ForEach")
	}
	if err := x.c.compile(&node, decidable, KindNull); err != nil {
		return nil, err
	}
	if x.c.unresolved != nil {
		return nil, x.c.unresolvedIn("Resources", &node)
	}
	v, err := x.ev.value(&node)
	if err != nil {
		return nil, err
	}
	texts, ok := comparableTexts(v)
	if !ok {
		return nil, layout("Fn::ForEach")
	}
	return texts, nil
}

// replace puts the values of loop variables for ${Name}, and without the
// characters that a logical id cannot have for &{Name}.
func (in scope) replace(s string) string {
	if len(in) == 0 || !strings.Contains(s, "{") {
		return s
	}
	var b strings.Builder
	for {
		at := strings.IndexByte(s, '{')
		end := strings.IndexByte(s[max(at, 0):], '}')
		if at < 0 || end < 0 {
			b.WriteString(s)
			return b.String()
		}
		value, ok := in[s[at+1:at+end]]
		switch {
		case at == 0 || !ok:
			b.WriteString(s[:at+1])
			s = s[at+1:]
			continue
		case s[at-1] == '$':
			b.WriteString(s[:at-1] + value)
		case s[at-1] == '&':
			b.WriteString(s[:at-1])
			for _, r := range value {
				if isAlphanumeric(r) {
					b.WriteRune(r)
				}
			}
		default:
			b.WriteString(s[:at+end+1])
		}
		s = s[at+end+1:]
	}
}

// clone copies a tree that compiling would change.
func (n *Node) clone() *Node {
	out := *n
	out.items = make([]Node, len(n.items))
	for i := range n.items {
		out.items[i] = *n.items[i].clone()
	}
	return &out
}

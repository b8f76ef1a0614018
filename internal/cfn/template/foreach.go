package template

import (
	"maps"
	"strings"
)

// loopPrefix begins the key of a Fn::ForEach, which ends with its name.
const loopPrefix = "Fn::ForEach::"

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
	expanded, failure := build(&root, t.limits)
	if failure != nil {
		return failure
	}
	e.Template = expanded
	return nil
}

// expander copies a tree as it was read and unrolls the loops in it.
type expander struct {
	ev   *evaluator
	c    *compiler
	left int // nodes that may still be made
}

// loops holds the value of each loop variable in scope.
type loops map[string]string

func (x *expander) copy(n *Node, scope loops) (Node, *Error) {
	out := *n
	if x.left--; x.left < 0 {
		return out, fault("Transform %s failed with: Fn::ForEach makes the template too large", languageExtensions).at(n)
	}
	switch n.kind {
	case KindString:
		out.text = scope.replace(n.text)
	case KindList:
		out.items = make([]Node, len(n.items))
		for i := range n.items {
			var err *Error
			if out.items[i], err = x.copy(&n.items[i], scope); err != nil {
				return out, err.under(index(i))
			}
		}
	case KindMap:
		if len(n.keys) == 1 && n.keys[0].name == "Ref" && n.items[0].kind == KindString {
			if value, ok := scope[n.items[0].text]; ok {
				return Node{kind: KindString, text: value, line: n.line, column: n.column}, nil
			}
		}
		out.items, out.keys = nil, nil
		return out, x.members(&out, n, scope)
	}
	return out, nil
}

// members copies the members of a map to out, and those that its loops make.
func (x *expander) members(out, n *Node, scope loops) *Error {
	for i := range n.keys {
		if strings.HasPrefix(n.keys[i].name, loopPrefix) {
			if err := x.loop(out, &n.items[i], scope); err != nil {
				return err.at(&n.items[i]).under(n.keys[i].name)
			}
			continue
		}
		k := n.keys[i]
		k.name = scope.replace(k.name)
		item, err := x.copy(&n.items[i], scope)
		if err != nil {
			return err.under(k.name)
		}
		out.keys, out.items = append(out.keys, k), append(out.items, item)
	}
	var seen names
	for i := range out.keys {
		if seen.has(out.keys[:i], out.keys[i].name) {
			return duplicateKey(out.keys[i])
		}
	}
	return nil
}

// loop adds to out what a loop makes: its identifier, its collection and the
// members to make for each value.
func (x *expander) loop(out, n *Node, scope loops) *Error {
	if n.kind != KindList || len(n.items) != 3 || n.items[0].kind != KindString || n.items[2].kind != KindMap {
		return badLoop()
	}
	identifier := n.items[0].text
	if !alphanumeric(identifier) || scope[identifier] != "" || x.c.t.Parameter(identifier) != nil {
		return badLoop()
	}
	values, err := x.collection(&n.items[1], scope)
	if err != nil {
		return err
	}
	inner := maps.Clone(scope)
	if inner == nil {
		inner = loops{}
	}
	for _, value := range values {
		inner[identifier] = value
		if err := x.members(out, &n.items[2], inner); err != nil {
			return err
		}
	}
	return nil
}

func badLoop() *Error {
	return fault("Transform %s failed with: Fn::ForEach layout is incorrect", languageExtensions)
}

// collection evaluates what a loop runs over, which parameters and mappings
// decide.
func (x *expander) collection(n *Node, scope loops) ([]string, *Error) {
	list, err := x.copy(n, scope)
	if err != nil {
		return nil, err
	}
	if err := x.c.list(&list, mapKeyExtended, KindNull); err != nil {
		return nil, err
	}
	if x.c.unresolved != nil {
		return nil, x.c.unresolvedIn("Resources")
	}
	v, err := x.ev.value(&list)
	if err != nil {
		return nil, err
	}
	items, ok := v.([]any)
	if !ok {
		return nil, badLoop()
	}
	values := make([]string, len(items))
	for i, item := range items {
		if values[i], _, ok = textOf(item); !ok {
			return nil, badLoop()
		}
	}
	return values, nil
}

// replace puts the values of loop variables for ${Name}, and without the
// characters that a logical id cannot have for &{Name}.
func (scope loops) replace(s string) string {
	if len(scope) == 0 || !strings.Contains(s, "{") {
		return s
	}
	for name, value := range scope {
		s = strings.ReplaceAll(s, "${"+name+"}", value)
		if strings.Contains(s, "&{"+name+"}") {
			s = strings.ReplaceAll(s, "&{"+name+"}", strings.Map(func(r rune) rune {
				if isAlphanumeric(r) {
					return r
				}
				return -1
			}, value))
		}
	}
	return s
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

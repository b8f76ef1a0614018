package changeset

import (
	"encoding/json"
	"strconv"

	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
)

// symbols is the view without values: what comes from resources stays
// symbolic (A1), everything else is evaluated, so that the same value by
// another expression is no change (B3). Beside schema's values it gives
// [symbol], [joined] and [call].
type symbols struct {
	*template.Evaluation
	fates map[string]fate // nil for what is
}

// A symbol stands for what Ref or Fn::GetAtt gives for a resource.
type symbol struct {
	logicalID, attribute string // no attribute: Ref
	moves                bool   // whether it will, or may, give something else
}

// joined is a text with unknown parts: strings, secrets and symbols.
type joined []schema.Value

// call is a function of arguments that are not all known.
type call struct {
	kind template.Kind
	text string
	args []schema.Value
}

func (s symbols) state(r *template.Resource) (state, error) { return stateOf(s.Evaluation, r, s.of) }

// of evaluates a node.
func (s symbols) of(n *template.Node) (schema.Value, bool, error) {
	switch n.Kind() {
	case template.KindString:
		return n.Text(), true, nil
	case template.KindNumber:
		return json.Number(n.Text()), true, nil
	case template.KindBool:
		return n.Text() == "true", true, nil
	case template.KindList:
		list, err := s.list(n)
		return list, true, err
	case template.KindMap:
		object := make(map[string]any, n.Len())
		for name, item := range n.All() {
			v, ok, err := s.of(item)
			if err != nil {
				return nil, false, err
			}
			if ok {
				object[name] = v
			}
		}
		return object, true, nil
	}
	if !s.open(n) {
		return s.Value(n, template.Undecided{})
	}
	switch n.Kind() {
	case template.KindRef:
		return symbol{logicalID: n.Text(), moves: s.moves(n.Text(), false)}, true, nil
	case template.KindGetAtt:
		attribute, err := attributeOf(s.Evaluation, n)
		return symbol{logicalID: n.Text(), attribute: attribute, moves: s.moves(n.Text(), true)}, true, err
	case template.KindIf:
		return s.of(taken(s.Evaluation, n))
	case template.KindSub:
		return s.sub(n)
	case template.KindJoin:
		return s.join(n)
	}
	args, err := s.list(n)
	return call{kind: n.Kind(), text: n.Text(), args: args}, true, err
}

// open reports whether a node may depend on a resource.
func (s symbols) open(n *template.Node) bool {
	switch n.Kind() {
	case template.KindString, template.KindNumber, template.KindBool:
		return false
	case template.KindRef:
		_, ok := s.Resource(n.Text())
		return ok && s.Template.Parameter(n.Text()) == nil
	case template.KindGetAtt:
		return true
	}
	for i := range n.Len() {
		if s.open(n.At(i)) {
			return true
		}
	}
	return false
}

// moves reports whether what a resource gives will, or may, be another after
// the update: Ref's if it is made anew (C4, C9), not in place (C7); an
// attribute also in place, whatever property changes (C5, C6).
func (s symbols) moves(logicalID string, attribute bool) bool {
	f := s.fates[logicalID]
	return f >= conditional || attribute && f == modified
}

func (s symbols) list(n *template.Node) ([]any, error) {
	list := make([]any, 0, n.Len())
	for i := range n.Len() {
		v, ok, err := s.of(n.At(i))
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, v)
		}
	}
	return list, nil
}

// sub evaluates the Fn::Sub of which a part is open.
func (s symbols) sub(n *template.Node) (schema.Value, bool, error) {
	parts := n.At(0)
	texts := make([]schema.Value, 0, parts.Len())
	for i := range parts.Len() {
		part := parts.At(i)
		if part.Kind() == template.KindVariable {
			part = n.At(1).Get(part.Text())
		}
		v, _, err := s.of(part)
		if err != nil {
			return nil, false, err
		}
		texts = append(texts, v)
	}
	return concatenation(texts), true, nil
}

// join evaluates the Fn::Join of which an item is open.
func (s symbols) join(n *template.Node) (schema.Value, bool, error) {
	args, err := s.list(n)
	if err != nil {
		return nil, false, err
	}
	items, ok := args[len(args)-1].([]any)
	if !ok {
		return call{kind: n.Kind(), args: args}, true, nil
	}
	delimiter := n.At(0).Text()
	texts := make([]schema.Value, 0, 2*len(items))
	for i, item := range items {
		if i > 0 && delimiter != "" {
			texts = append(texts, delimiter)
		}
		texts = append(texts, item)
	}
	return concatenation(texts), true, nil
}

// concatenation puts texts together in the one form that all expressions of
// the same text come to.
func concatenation(texts []schema.Value) schema.Value {
	var out joined
	add := func(v schema.Value) {
		if t, ok := text(v); ok {
			_, secret := v.(schema.Secret)
			if len(out) > 0 && !secret {
				if last, ok := out[len(out)-1].(string); ok {
					out[len(out)-1] = last + t
					return
				}
			}
			if !secret {
				v = t
			}
		}
		out = append(out, v)
	}
	for _, v := range texts {
		if inner, ok := v.(joined); ok {
			for _, part := range inner {
				add(part)
			}
			continue
		}
		add(v)
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}

// attributeOf returns the attribute that a Fn::GetAtt asks for.
func attributeOf(e *template.Evaluation, n *template.Node) (string, error) {
	v, _, err := e.Value(n.At(0), template.Undecided{})
	if err != nil {
		return "", err
	}
	name, _ := text(v)
	return name, nil
}

// text returns the text of a scalar.
func text(v schema.Value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case schema.Secret:
		return v.Reveal(), true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

package template

import "larder/internal/cfn/schema"

// Processed returns the template as its transforms have made it, as JSON; nil
// if it has none. What AWS::LanguageExtensions brings is resolved as far as it
// needs no resource.
func (e *Evaluation) Processed() []byte {
	if len(e.Template.Transforms) == 0 && !e.transformed {
		return nil
	}
	root := Node{kind: KindMap}
	ev := e.evaluator(Undecided{})
	ev.budget = rehearsalBudget
	for i := range e.Template.root.keys {
		if k := e.Template.root.keys[i]; k.name != "Transform" {
			root.put(k, ev.resolved(&e.Template.root.items[i]))
		}
	}
	return root.appendJSON(nil)
}

// resolved copies a tree with the values of the functions that
// AWS::LanguageExtensions brings in their place.
func (ev *evaluator) resolved(n *Node) Node {
	out := *n
	extension := n.kind == KindLength || n.kind == KindToJSONString || n.kind == KindFindInMap && len(n.items) == 4
	if extension {
		if v, err := ev.value(n); err == nil {
			if node, ok := plainNode(v); ok {
				return node
			}
		}
	}
	out.items = make([]Node, len(n.items))
	for i := range n.items {
		out.items[i] = ev.resolved(&n.items[i])
	}
	return out
}

// plainNode is a value as a template has it; ok is false if it is not known
// yet, or secret.
func plainNode(v schema.Value) (n Node, ok bool) {
	switch v := v.(type) {
	case string:
		return Node{kind: KindString, text: v}, true
	case bool:
		n = Node{kind: KindBool, text: "false"}
		if v {
			n.text = "true"
		}
		return n, true
	case []any:
		n = Node{kind: KindList, items: make([]Node, len(v))}
		for i := range v {
			if n.items[i], ok = plainNode(v[i]); !ok {
				return n, false
			}
		}
		return n, true
	}
	if text, secret, ok := textOf(v); ok && !secret {
		return Node{kind: KindNumber, text: text}, true
	}
	return n, false
}

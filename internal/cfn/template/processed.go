package template

import "larder/internal/cfn/schema"

// Processed returns the template as its transforms have made it, as JSON; nil
// if it has none. AWS::LanguageExtensions resolves functions as far as they
// need no resource, but for Ref and conditions (recorded:
// test_transform_foreach_use_case, test_transform_to_json_string).
func (e *Evaluation) Processed() []byte {
	if len(e.Template.Transforms) == 0 && !e.transformed {
		return nil
	}
	root := Node{kind: KindMap}
	ev := e.evaluator(Undecided{})
	ev.budget = rehearsalBudget
	for i := range e.Template.root.keys {
		switch k, item := e.Template.root.keys[i], e.Template.root.items[i]; {
		case k.name == "Transform":
		case e.Template.extended && (k.name == "Resources" || k.name == "Outputs"):
			root.put(k, ev.resolved(&item))
		default:
			root.put(k, item)
		}
	}
	return root.appendJSON(nil)
}

// resolved copies a tree with the values of functions in their place.
func (ev *evaluator) resolved(n *Node) Node {
	switch n.kind {
	case KindSub, KindJoin, KindSelect, KindSplit, KindFindInMap, KindBase64, KindLength, KindToJSONString:
		if v, err := ev.value(n); err == nil {
			if node, ok := plainNode(v); ok {
				return node
			}
		}
	}
	out := *n
	out.items = make([]Node, len(n.items))
	for i := range n.items {
		out.items[i] = ev.resolved(&n.items[i])
		if n.kind == KindMap && n.keys[i].name == "DependsOn" && n.items[i].kind == KindList && len(n.items[i].items) == 1 {
			out.items[i] = n.items[i].items[0] // as recorded
		}
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

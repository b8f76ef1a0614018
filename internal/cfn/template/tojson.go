package template

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"larder/internal/cfn/schema"
)

// toJSONString evaluates Fn::ToJsonString. Members keep the template's order.
func (ev *evaluator) toJSONString(n *Node) (schema.Value, *Error) {
	w := jsonWriter{ev: ev}
	if err := w.node(&n.items[0]); err != nil {
		return nil, err
	}
	if w.unknown.found {
		return w.unknown.value(), nil
	}
	return plainOrSecret(string(w.b), w.secret), nil
}

// jsonWriter writes evaluated nodes as JSON text.
type jsonWriter struct {
	ev      *evaluator
	b       []byte
	secret  bool
	unknown unknowns
}

func (w *jsonWriter) node(n *Node) *Error {
	before := len(w.b)
	var err *Error
	switch n.kind {
	case KindMap:
		err = w.members(n)
	case KindList:
		err = w.items(n)
	default:
		var v schema.Value
		if v, err = w.ev.value(n); err == nil {
			w.value(v)
			err = w.ev.spend(len(w.b) - before)
		}
	}
	return err
}

func (w *jsonWriter) members(n *Node) *Error {
	w.b = append(w.b, '{')
	for i := range n.items {
		mark := len(w.b)
		if w.b[mark-1] != '{' {
			w.b = append(w.b, ',')
		}
		w.b = appendJSONString(w.b, n.keys[i].name)
		w.b = append(w.b, ':')
		begin := len(w.b)
		if err := w.node(&n.items[i]); err != nil {
			return err.under(n.keys[i].name)
		}
		if len(w.b) == begin { // AWS::NoValue
			w.b = w.b[:mark]
		}
	}
	w.b = append(w.b, '}')
	return nil
}

func (w *jsonWriter) items(n *Node) *Error {
	w.b = append(w.b, '[')
	for i := range n.items {
		mark := len(w.b)
		if w.b[mark-1] != '[' {
			w.b = append(w.b, ',')
		}
		begin := len(w.b)
		if err := w.node(&n.items[i]); err != nil {
			return err.under(index(i))
		}
		if len(w.b) == begin {
			w.b = w.b[:mark]
		}
	}
	w.b = append(w.b, ']')
	return nil
}

// value writes a value; AWS::NoValue writes nothing.
func (w *jsonWriter) value(v schema.Value) {
	switch v := v.(type) {
	case nil:
		w.b = append(w.b, "null"...)
	case string:
		w.b = appendJSONString(w.b, v)
	case schema.Secret:
		w.secret = true
		w.b = appendJSONString(w.b, v.Reveal())
	case json.Number:
		w.b = append(w.b, v...)
	case bool:
		w.b = strconv.AppendBool(w.b, v)
	case Unknown:
		w.unknown.add(v)
		w.b = append(w.b, "null"...)
	case []any:
		w.b = append(w.b, '[')
		for i, item := range v {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.value(item)
		}
		w.b = append(w.b, ']')
	case map[string]any:
		w.b = append(w.b, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.b = appendJSONString(w.b, name)
			w.b = append(w.b, ':')
			w.value(v[name])
		}
		w.b = append(w.b, '}')
	}
}

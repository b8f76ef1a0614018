package template

import (
	"bytes"
	"unicode/utf8"
)

// includeTransform is the transform that puts files into a template.
const includeTransform = "AWS::Include"

// maxIncludes is how many files a template may include.
const maxIncludes = 100

// include makes the template that a template with includes stands for, now
// that parameters have values: a location may be made of them. It is built
// like any other.
func (e *Evaluation) include() *Error {
	t := e.Template
	if !t.including {
		return nil
	}
	x := includer{expander: expander{ev: e.evaluator(nil), c: &compiler{t: t, lim: t.limits}, left: t.limits.Expansion}, read: e.env.Include}
	root, err := x.template(t.source)
	if err != nil {
		return err
	}
	made, err := build(&root, t.limits)
	if err != nil {
		return err
	}
	if made.including {
		return unincluded("a file that is included may not include others")
	}
	e.Template, e.transformed = made, true
	return nil
}

// unincluded refuses in the words of the transform.
func unincluded(why string) *Error {
	return fault("Transform %s failed with: %s", includeTransform, why)
}

func malformedSnippet() *Error {
	return unincluded("The specified S3 object's content should be valid Yaml/JSON")
}

// includer copies a tree as it was read, with the contents of files in place
// of the calls that name them.
type includer struct {
	expander
	read func(location string) ([]byte, error)
	n    int // files so far
}

// template copies a whole template: first what is included within, then what
// its Transform section includes, in order.
func (x *includer) template(root *Node) (Node, *Error) {
	out := Node{kind: KindMap, line: root.line, column: root.column}
	var calls []Node
	for i := range root.keys {
		k, item := root.keys[i], &root.items[i]
		switch k.name {
		case "Parameters", "AWSTemplateFormatVersion": // which AWS leaves as they are
			out.put(k, *item.clone())
		case "Transform", "Fn::Transform":
			var left []Node
			for _, call := range listed(item) {
				if isInclude(&call) {
					calls = append(calls, call)
				} else {
					left = append(left, call)
				}
			}
			if len(left) > 0 {
				out.put(k, Node{kind: KindList, line: item.line, column: item.column, items: left})
			}
		default:
			copied, err := x.place(item)
			if err != nil {
				return out, err.under(k.name)
			}
			out.put(k, copied)
		}
	}
	for i := range calls {
		section, err := x.file(&calls[i])
		if err != nil {
			return out, err.at(&calls[i]).under("Transform")
		}
		if section.kind != KindMap || section.Get("Parameters") != nil {
			return out, unincluded("what is included in a template must be sections other than Parameters")
		}
		for i := range section.keys {
			k, item := section.keys[i], section.items[i]
			if there := out.Get(k.name); there != nil && there.kind == KindMap && item.kind == KindMap {
				for j := range item.keys {
					there.put(item.keys[j], item.items[j])
				}
				continue
			}
			out.put(k, item)
		}
	}
	return out, nil
}

// place copies a tree. A map that is nothing but a call becomes what the call
// includes; of another one the call's members become members, in place of
// those that it has of their names (recorded:
// test_embedded_fn_transform_include).
func (x *includer) place(n *Node) (Node, *Error) {
	out := *n
	if x.left--; x.left < 0 {
		return out, unincluded("the template becomes too large").at(n)
	}
	out.items, out.keys = nil, nil
	if n.kind == KindList {
		out.items = make([]Node, len(n.items))
		for i := range n.items {
			var err *Error
			if out.items[i], err = x.place(&n.items[i]); err != nil {
				return out, err.under(index(i))
			}
		}
	}
	if n.kind != KindMap {
		return out, nil
	}
	for i := range n.keys {
		if n.keys[i].name == "Fn::Transform" {
			continue
		}
		item, err := x.place(&n.items[i])
		if err != nil {
			return out, err.under(n.keys[i].name)
		}
		out.put(n.keys[i], item)
	}
	call := n.Get("Fn::Transform")
	if call == nil {
		return out, nil
	}
	for _, one := range listed(call) {
		content, err := x.file(&one)
		switch {
		case err != nil:
			return out, err.at(call).under("Fn::Transform")
		case len(n.keys) == 1 && call.kind != KindList:
			return content, nil
		case content.kind != KindMap:
			return out, unincluded("what is included beside other members must be an object").at(call)
		}
		for i := range content.keys {
			out.put(content.keys[i], content.items[i])
		}
	}
	return out, nil
}

// put gives a map a member, in place of one of that name.
func (n *Node) put(k key, item Node) {
	if there := n.Get(k.name); there != nil {
		*there = item
		return
	}
	n.keys, n.items = append(n.keys, k), append(n.items, item)
}

// listed returns the items of a list, or the one node that is none.
func listed(n *Node) []Node {
	if n.kind == KindList {
		return n.items
	}
	return []Node{*n}
}

// isInclude reports whether a call of a transform is one of AWS::Include.
func isInclude(call *Node) bool {
	name := call
	if call.kind == KindMap {
		name = call.Get("Name")
	}
	return name != nil && name.kind == KindString && name.text == includeTransform
}

// file reads the file that a call names.
func (x *includer) file(call *Node) (Node, *Error) {
	if x.n++; x.n > maxIncludes {
		return Node{}, unincluded("the template includes too many files")
	}
	var at *Node
	if parameters := call.Get("Parameters"); parameters != nil {
		at = parameters.Get("Location")
	}
	if at == nil {
		return Node{}, unincluded("The location parameter is missing")
	}
	location := *at.clone()
	if location.kind != KindString {
		if err := x.name(&location, "Fn::Transform"); err != nil {
			return Node{}, unincluded("The location parameter is not valid")
		}
	}
	if x.read == nil {
		return Node{}, unincluded("nothing can be included here")
	}
	text, err := x.read(location.text)
	if err != nil {
		return Node{}, unincluded(err.Error())
	}
	content, fault := readSnippet(text, x.c.lim)
	if fault == nil {
		content.stand(call)
		x.left -= content.count()
	}
	return content, fault
}

// readSnippet reads the text of a file to be included. Of YAML, AWS does not
// take the short forms of functions there.
func readSnippet(text []byte, lim Limits) (Node, *Error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if len(text) > lim.Bytes || !utf8.Valid(text) || len(bytes.TrimSpace(text)) == 0 {
		return Node{}, malformedSnippet()
	}
	lim.untagged = true
	read := readYAML
	if first := bytes.TrimLeft(text, " \t\r\n")[0]; first == '{' || first == '[' {
		read = readJSON
	}
	root, nulls, err := read(text, lim)
	if err != nil || nulls {
		return Node{}, malformedSnippet()
	}
	return root, nil
}

// stand gives a tree the place of the node that it stands for.
func (n *Node) stand(at *Node) {
	n.line, n.column = at.line, at.column
	for i := range n.items {
		n.items[i].stand(at)
	}
	for i := range n.keys {
		n.keys[i].line, n.keys[i].column = at.line, at.column
	}
}

func (n *Node) count() int {
	all := 1
	for i := range n.items {
		all += n.items[i].count()
	}
	return all
}

package template

import (
	"iter"
	"slices"
	"strconv"
)

// Kind says what a [Node] is: a value, or the call of a function.
type Kind uint8

// The kinds of nodes. The comment of a function's kind says what its node
// holds; "text" is [Node.Text], the rest are its items in order.
const (
	KindNull   Kind = iota // never in a parsed template
	KindBool               // text true or false
	KindNumber             // text, a JSON number as written
	KindString             // text
	KindList               // items
	KindMap                // items, each with a key

	KindRef          // text: a parameter, resource or pseudo parameter
	KindGetAtt       // text: the logical id; the attribute (a string or Ref)
	KindSub          // text: as written; a list of parts, and in the long form a map of variables
	KindVariable     // text: in the parts of a Sub, a name its map defines
	KindJoin         // delimiter, list
	KindSelect       // index, list
	KindSplit        // delimiter, source
	KindFindInMap    // map, key, attribute, and maybe a default
	KindIf           // text: the condition; then, else
	KindBase64       // value
	KindCidr         // block, count, and maybe bits
	KindGetAZs       // region
	KindImportValue  // export name
	KindLength       // list
	KindToJSONString // value
	KindTransform    // what the macro is given

	KindCondition // text: the condition's name
	KindAnd       // conditions
	KindOr        // conditions
	KindNot       // condition
	KindEquals    // left, right

	KindContains         // list, value
	KindEachMemberEquals // list, value
	KindEachMemberIn     // list, list
	KindRefAll           // text: a parameter type
	KindValueOf          // text: the parameter; attribute
	KindValueOfAll       // text: the parameter type; attribute

	kinds // how many there are
)

// String returns the name by which templates call a function, or the kind of
// value in lower case.
func (k Kind) String() string {
	names := [kinds]string{
		KindNull: "null", KindBool: "boolean", KindNumber: "number", KindString: "string", KindList: "list", KindMap: "map",
		KindRef: "Ref", KindGetAtt: "Fn::GetAtt", KindSub: "Fn::Sub", KindVariable: "variable", KindJoin: "Fn::Join",
		KindSelect: "Fn::Select", KindSplit: "Fn::Split", KindFindInMap: "Fn::FindInMap", KindIf: "Fn::If",
		KindBase64: "Fn::Base64", KindCidr: "Fn::Cidr", KindGetAZs: "Fn::GetAZs", KindImportValue: "Fn::ImportValue",
		KindLength: "Fn::Length", KindToJSONString: "Fn::ToJsonString", KindTransform: "Fn::Transform",
		KindCondition: "Condition", KindAnd: "Fn::And", KindOr: "Fn::Or", KindNot: "Fn::Not", KindEquals: "Fn::Equals",
		KindContains: "Fn::Contains", KindEachMemberEquals: "Fn::EachMemberEquals", KindEachMemberIn: "Fn::EachMemberIn",
		KindRefAll: "Fn::RefAll", KindValueOf: "Fn::ValueOf", KindValueOfAll: "Fn::ValueOfAll",
	}
	if k < kinds {
		return names[k]
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// IsFunction reports whether nodes of the kind are calls.
func (k Kind) IsFunction() bool { return k >= KindRef }

// isScalar reports whether nodes of the kind have a text that is their value.
func (k Kind) isScalar() bool { return k == KindString || k == KindNumber || k == KindBool }

// A Node is one value or function call of a template. It is immutable once
// Parse has returned.
type Node struct {
	kind         Kind
	line, column int32
	text         string
	items        []Node
	keys         []key // of a map, parallel to items
}

type key struct {
	name         string
	line, column int32
}

// Kind returns what the node is.
func (n *Node) Kind() Kind { return n.kind }

// Text returns the text of a scalar, or the name a function is given.
func (n *Node) Text() string { return n.text }

// Line returns the 1-based line at which the node begins.
func (n *Node) Line() int { return int(n.line) }

// Column returns the 1-based column at which the node begins.
func (n *Node) Column() int { return int(n.column) }

// Len returns how many items the node has.
func (n *Node) Len() int { return len(n.items) }

// At returns the i-th item.
func (n *Node) At(i int) *Node { return &n.items[i] }

// Key returns the key of the i-th item of a map.
func (n *Node) Key(i int) string { return n.keys[i].name }

// Get returns the item of a map with that key, or nil.
func (n *Node) Get(name string) *Node {
	for i := range n.keys {
		if n.keys[i].name == name {
			return &n.items[i]
		}
	}
	return nil
}

// All iterates over a map's keys and items in the template's order.
func (n *Node) All() iter.Seq2[string, *Node] {
	return func(yield func(string, *Node) bool) {
		for i := range n.keys {
			if !yield(n.keys[i].name, &n.items[i]) {
				return
			}
		}
	}
}

// MarshalJSON writes the node as a JSON template has it, functions in their
// long form.
func (n *Node) MarshalJSON() ([]byte, error) { return n.appendJSON(nil), nil }

func (n *Node) appendJSON(b []byte) []byte {
	switch n.kind {
	case KindNull:
		return append(b, "null"...)
	case KindBool, KindNumber:
		return append(b, n.text...)
	case KindString:
		return appendJSONString(b, n.text)
	case KindList:
		return n.appendJSONItems(b)
	case KindMap:
		b = append(b, '{')
		for i := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSONString(b, n.keys[i].name)
			b = append(b, ':')
			b = n.items[i].appendJSON(b)
		}
		return append(b, '}')
	}
	b = append(b, '{')
	b = appendJSONString(b, n.kind.String())
	b = append(b, ':')
	switch n.kind {
	case KindRef, KindCondition, KindRefAll:
		b = appendJSONString(b, n.text)
	case KindSub:
		if len(n.items) == 1 {
			b = appendJSONString(b, n.text)
			break
		}
		b = append(b, '[')
		b = appendJSONString(b, n.text)
		b = append(b, ',')
		b = n.items[1].appendJSON(b)
		b = append(b, ']')
	case KindGetAtt, KindIf, KindValueOf, KindValueOfAll:
		b = append(b, '[')
		b = appendJSONString(b, n.text)
		for i := range n.items {
			b = append(b, ',')
			b = n.items[i].appendJSON(b)
		}
		b = append(b, ']')
	case KindBase64, KindGetAZs, KindImportValue, KindLength, KindToJSONString, KindTransform:
		b = n.items[0].appendJSON(b)
	case KindFindInMap:
		if len(n.items) < 4 {
			b = n.appendJSONItems(b)
			break
		}
		b = append(b, '[')
		for i := range 3 {
			b = n.items[i].appendJSON(b)
			b = append(b, ',')
		}
		b = append(b, `{"DefaultValue":`...)
		b = n.items[3].appendJSON(b)
		b = append(b, "}]"...)
	default:
		b = n.appendJSONItems(b)
	}
	return append(b, '}')
}

func (n *Node) appendJSONItems(b []byte) []byte {
	b = append(b, '[')
	for i := range n.items {
		if i > 0 {
			b = append(b, ',')
		}
		b = n.items[i].appendJSON(b)
	}
	return append(b, ']')
}

// appendJSONString quotes s, escaping no more than JSON asks for.
func appendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

// locate returns the steps from n to the value in which target stands. What a
// function is given counts as the function.
func locate(n, target *Node) (steps []string, ok bool) {
	if n.line == target.line && n.column == target.column && n.kind == target.kind && n.text == target.text {
		return nil, true
	}
	for i := range n.items {
		inner, ok := locate(&n.items[i], target)
		switch {
		case !ok:
			continue
		case n.kind == KindMap:
			return append([]string{n.keys[i].name}, inner...), true
		case n.kind == KindList:
			return append([]string{index(i)}, inner...), true
		}
		return nil, true
	}
	return nil, false
}

// in gives the error the path, below section, at which n stands.
func (e *Error) in(section string, tree, n *Node) *Error {
	e = e.at(n)
	if steps, ok := locate(tree, n); ok {
		for _, step := range slices.Backward(steps) {
			e = e.under(step)
		}
	}
	return e.under(section)
}

// firstNull returns the JSON pointer of the first null below n.
func firstNull(n *Node, path string) (string, *Node) {
	if n.kind == KindNull {
		return path, n
	}
	for i := range n.items {
		step := strconv.Itoa(i)
		if n.kind == KindMap {
			step = n.keys[i].name
		}
		if at, null := firstNull(&n.items[i], path+"/"+step); null != nil {
			return at, null
		}
	}
	return "", nil
}

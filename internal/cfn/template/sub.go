package template

import (
	"slices"
	"strconv"
	"strings"
)

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// sub compiles Fn::Sub: its text becomes a list of literal parts and
// references.
func (c *compiler) sub(n, arg *Node) *Error {
	text := arg
	var variables *Node
	if arg.kind == KindList {
		if len(arg.items) != 2 || arg.items[1].kind != KindMap {
			return misuse(KindSub)
		}
		text, variables = &arg.items[0], &arg.items[1]
		for i := range variables.items {
			if err := c.compile(&variables.items[i], oneString|1<<KindGetAZs|1<<KindSplit, KindSub); err != nil {
				return err.under(variables.keys[i].name).under("[1]")
			}
		}
	}
	if !text.kind.isScalar() {
		return misuse(KindSub)
	}
	n.text = text.text
	parts, err := c.parts(text, variables)
	if err != nil {
		return err
	}
	n.items = []Node{{kind: KindList, line: text.line, column: text.column, items: parts}}
	if variables != nil {
		n.items = append(n.items, *variables)
	}
	return nil
}

// parts cuts the text of Fn::Sub at its ${Name}, which are references, and
// its ${!Name}, which stand for ${Name} itself.
func (c *compiler) parts(text, variables *Node) ([]Node, *Error) {
	defined := map[string]bool{}
	if variables != nil {
		for i := range variables.keys {
			defined[variables.keys[i].name] = true
		}
	}
	var parts []Node
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			parts = append(parts, Node{kind: KindString, text: literal.String(), line: text.line, column: text.column})
			literal.Reset()
		}
	}
	rest := text.text
	for {
		begin := strings.Index(rest, "${")
		if begin < 0 {
			break
		}
		length := strings.IndexByte(rest[begin:], '}')
		if length < 0 {
			break
		}
		name := rest[begin+2 : begin+length]
		literal.WriteString(rest[:begin])
		rest = rest[begin+length+1:]
		if escaped, ok := strings.CutPrefix(name, "!"); ok {
			literal.WriteString("${" + escaped + "}")
			continue
		}
		flush()
		part, err := c.variable(strings.TrimSpace(name), text, defined)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	literal.WriteString(rest)
	flush()
	return slices.Clip(parts), nil
}

func (c *compiler) variable(name string, text *Node, defined map[string]bool) (Node, *Error) {
	part := Node{kind: KindRef, text: name, line: text.line, column: text.column}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return !isAlphanumeric(r) && r != '_' && r != '.' && r != ':'
	}) {
		return part, fault("Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, and colons")
	}
	if defined[name] {
		part.kind = KindVariable
		return part, nil
	}
	id, attribute, dotted := strings.Cut(name, ".")
	if !dotted {
		c.reference(&part)
		return part, nil
	}
	if !c.resources || c.t.Resource(id) == nil || attribute == "" {
		return part, fault("Template error: instance of Fn::Sub references invalid resource attribute %s", name)
	}
	part.kind, part.text = KindGetAtt, id
	part.items = []Node{{kind: KindString, text: attribute, line: text.line, column: text.column}}
	return part, nil
}

func isAlphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// alphanumeric reports whether s is a logical id.
func alphanumeric(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isAlphanumeric(r) })
}

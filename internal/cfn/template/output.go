package template

import "strings"

// OutputDeclaration is an output as the template declares it.
type OutputDeclaration struct {
	Key, Description string
	Condition        string
	Value            *Node
	Export           *Node // the name under which the value is exported, or nil
}

func (c *compiler) outputSection(n *Node) *Error {
	err := c.members(n, "Output", c.lim.Outputs, func(name string, m *Node) *Error {
		o := &OutputDeclaration{Key: name}
		c.t.Outputs = append(c.t.Outputs, o)
		return c.output(o, m)
	})
	if err != nil {
		return err
	}
	return c.unresolvedIn("Outputs", n)
}

func (c *compiler) output(o *OutputDeclaration, n *Node) *Error {
	if n.kind != KindMap {
		return anObject("Outputs")
	}
	if n.Get("Value") == nil && !c.blank {
		return fault("Template format error: Every Outputs member must contain a Value object")
	}
	for i := range n.keys {
		var err *Error
		m, member := &n.items[i], n.keys[i].name
		switch member {
		case "Description":
			o.Description, err = text(n, member)
		case "Condition":
			if o.Condition, err = text(n, member); err == nil && !c.blank && c.t.Condition(o.Condition) == nil {
				err = fault("Template format error: Unresolved condition dependency %s in the Outputs block of the template", o.Condition)
			}
		case "Value":
			const oneValue = oneString | 1<<KindSplit | 1<<KindGetAZs
			if err = c.compile(m, anyValue, KindNull); err == nil && !(oneValue).has(m.kind) && !c.blank {
				err = outputNotString()
			}
			o.Value = m
		case "Export":
			err = c.export(o, m)
		default:
			if !c.blank {
				err = fault("Invalid template output property '%s'", member)
			}
		}
		if err != nil {
			return err.atKey(n, i).under(member)
		}
	}
	return nil
}

func outputNotString() *Error {
	return fault("Template format error: The Value field of every Outputs member must evaluate to a String.")
}

func (c *compiler) export(o *OutputDeclaration, n *Node) *Error {
	if n.kind != KindMap {
		return fault("Template format error: Output %s is malformed. The Export field of every Outputs member must be a Map.", o.Key)
	}
	name := n.Get("Name")
	if name == nil || len(n.items) != 1 {
		return malformedExport(o.Key)
	}
	if err := c.compile(name, anyValue, KindNull); err != nil {
		return err.under("Name")
	}
	if name.kind.isScalar() {
		if err := checkExportName(o.Key, name.text); err != nil {
			return err.at(name).under("Name")
		}
	}
	if !c.blank && c.depends(name) {
		return fault("Template format error: Output %s is malformed.  The Name field of Export must not depend on any resources, imported values, or Fn::GetAZs.", o.Key).at(name)
	}
	o.Export = name
	return nil
}

func malformedExport(key string) *Error {
	return fault("Template format error: Output %s is malformed. The Name field of every Export member must be specified and consist only of alphanumeric characters, colons, or hyphens.", key)
}

// checkExportName holds an export's name against the characters AWS takes.
func checkExportName(key, name string) *Error {
	if name == "" || len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool {
		return !isAlphanumeric(r) && r != ':' && r != '-'
	}) {
		return malformedExport(key)
	}
	return nil
}

package template

// Rule holds assertions about parameter values.
type Rule struct {
	Name       string
	condition  *Node // nil: the rule always applies
	assertions []assertion
	node       *Node
}

type assertion struct {
	assert      *Node
	description string
}

// Node returns the rule as the template has it.
func (r *Rule) Node() *Node { return r.node }

func (c *compiler) ruleSection(n *Node) *Error {
	c.rules = true
	err := c.members(n, "Rule", len(n.items), func(name string, n *Node) *Error {
		r, err := c.rule(name, n)
		c.t.Rules = append(c.t.Rules, r)
		return err
	})
	c.rules = false
	if err != nil {
		return err
	}
	return c.unresolvedIn("Rules", n)
}

func (c *compiler) rule(name string, n *Node) (*Rule, *Error) {
	r := &Rule{Name: name, node: n}
	if n.kind != KindMap {
		return r, anObject("Rules")
	}
	for i := range n.keys {
		m := &n.items[i]
		switch member := n.keys[i].name; member {
		case "RuleCondition":
			if err := c.compile(m, ruleCalls, KindNull); err != nil {
				return r, notBoolean(m, err).under(member)
			}
			r.condition = m
		case "Assertions":
			if m.kind != KindList {
				return r, fault("Template format error: Every Assertions member must be a list.").at(m).under(member)
			}
			for j := range m.items {
				a, err := c.assertion(&m.items[j])
				if err != nil {
					return r, err.at(&m.items[j]).under(index(j)).under(member)
				}
				r.assertions = append(r.assertions, a)
			}
		default:
			return r, fault("Invalid template rule property '%s'", member).atKey(n, i).under(member)
		}
	}
	if r.assertions == nil {
		return r, fault("Template format error: Every Rules object must contain an Assertions member.")
	}
	return r, nil
}

func (c *compiler) assertion(n *Node) (a assertion, err *Error) {
	if n.kind != KindMap || n.Get("Assert") == nil {
		return a, fault("Template format error: Every Assertions object must contain an Assert member.")
	}
	a.assert = n.Get("Assert")
	if err := c.compile(a.assert, ruleCalls, KindNull); err != nil {
		return a, notBoolean(a.assert, err).under("Assert")
	}
	a.description, err = text(n, "AssertDescription")
	return a, err
}

// notBoolean words the refusal of a value where a rule function belongs.
func notBoolean(n *Node, err *Error) *Error {
	if n.kind.IsFunction() || n.kind == KindMap {
		return err
	}
	return fault("Template format error: Rules can only be boolean operations on parameters").at(n)
}

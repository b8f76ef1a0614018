package template

import "slices"

// Condition is a named condition.
type Condition struct {
	Name string
	node *Node
}

// Node returns what decides the condition.
func (c *Condition) Node() *Node { return c.node }

func (c *compiler) conditionSection(n *Node) *Error {
	c.t.conditions = make(map[string]*Condition, len(n.items))
	err := c.members(n, "Condition", len(n.items), func(name string, n *Node) *Error {
		condition := &Condition{Name: name, node: n}
		c.t.Conditions = append(c.t.Conditions, condition)
		c.t.conditions[name] = condition
		return nil
	})
	if err != nil {
		return err
	}
	for _, condition := range c.t.Conditions {
		if err := c.condition(condition.node); err != nil {
			return err.under(condition.Name)
		}
	}
	if err := c.unresolvedIn("Conditions", n); err != nil {
		return err
	}
	if c.blank {
		return nil
	}
	return c.t.conditionCycle()
}

func (c *compiler) condition(n *Node) *Error {
	if c.blank {
		return nil
	}
	if n.kind == KindMap && len(n.keys) == 1 {
		if k, ok := callee(n.keys[0].name); ok && (conditionCalls.has(k) || k == KindNull) {
			return c.compile(n, conditionCalls, KindNull)
		}
	}
	return fault("Template format error: Conditions can only be boolean operations on parameters and other conditions").at(n)
}

// conditionCycle checks that every condition that is named exists and that
// none decides itself.
func (t *Template) conditionCycle() *Error {
	const (
		fresh = iota
		open
		done
	)
	state := make(map[string]int, len(t.Conditions))
	var path []string // the conditions that are open, outermost first
	var visit func(n *Node) *Error
	enter := func(c *Condition) *Error {
		state[c.Name], path = open, append(path, c.Name)
		if err := visit(c.node); err != nil {
			return err
		}
		state[c.Name], path = done, path[:len(path)-1]
		return nil
	}
	visit = func(n *Node) *Error {
		if n.kind != KindCondition {
			for i := range n.items {
				if err := visit(&n.items[i]); err != nil {
					return err
				}
			}
			return nil
		}
		next := t.conditions[n.text]
		if next == nil {
			return fault("Template format error: Unresolved condition dependency %s in the Conditions block of the template", n.text).at(n)
		}
		switch state[n.text] {
		case open:
			cycle := slices.Sorted(slices.Values(path[slices.Index(path, n.text):]))
			return fault("Circular dependency between conditions: %s", bracketed(cycle)).at(n)
		case fresh:
			return enter(next)
		}
		return nil
	}
	for _, c := range t.Conditions {
		if state[c.Name] == fresh {
			if err := enter(c); err != nil {
				return err
			}
		}
	}
	return nil
}

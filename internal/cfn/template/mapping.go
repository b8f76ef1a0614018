package template

import "strings"

// Mapping is a table of the template: attributes by key.
type Mapping struct {
	Name string
	keys map[string]map[string]*Node
	node *Node
}

// Find returns the value of a key's attribute, a scalar or a list of scalars.
func (m *Mapping) Find(key, attribute string) (*Node, bool) {
	n, ok := m.keys[key][attribute]
	return n, ok
}

// Node returns the mapping as the template has it.
func (m *Mapping) Node() *Node { return m.node }

func (c *compiler) mappingSection(n *Node) *Error {
	c.t.mappings = make(map[string]*Mapping, len(n.items))
	return c.members(n, "Mapping", c.lim.Mappings, func(name string, n *Node) *Error {
		if n.kind != KindMap {
			return fault("Template format error: Every Mappings member %s must be a map", name)
		}
		m := &Mapping{Name: name, node: n, keys: make(map[string]map[string]*Node, len(n.items))}
		if len(n.items) > c.lim.Attributes {
			return fault("Template format error: Number of attributes for mapping %s, %d, is greater than maximum allowed, %d", name, len(n.items), c.lim.Attributes)
		}
		for i := range n.items {
			if err := c.mappingKey(m, n.keys[i].name, &n.items[i]); err != nil {
				return err.at(&n.items[i]).under(n.keys[i].name)
			}
		}
		c.t.Mappings = append(c.t.Mappings, m)
		c.t.mappings[name] = m
		return nil
	})
}

func (c *compiler) mappingKey(m *Mapping, key string, n *Node) *Error {
	if c.blank && strings.HasPrefix(key, "Fn::") {
		return nil
	}
	if n.kind != KindMap {
		return fault("Template format error: Every Mappings attribute must be a map")
	}
	if len(n.items) > c.lim.Attributes {
		return fault("Template format error: Number of attributes for mapping key %s, %d, is greater than maximum allowed, %d", key, len(n.items), c.lim.Attributes)
	}
	attributes := make(map[string]*Node, len(n.items))
	for i := range n.items {
		attribute, value := n.keys[i].name, &n.items[i]
		if !alphanumeric(attribute) && !c.blank {
			return fault("Template format error: Mappings attribute name '%s' must contain only alphanumeric characters.", attribute).atKey(n, i)
		}
		if value.kind != KindList && !value.kind.isScalar() && !c.blank {
			return fault("Template format error: Every Mappings attribute must be a String or a List.").at(value).under(attribute)
		}
		if value.kind == KindList {
			for j := range value.items {
				if !value.items[j].kind.isScalar() && !c.blank {
					return fault("Template format error: Every Mappings attribute must be a String or a List.").at(value).under(attribute)
				}
			}
		}
		attributes[attribute] = value
	}
	m.keys[key] = attributes
	return nil
}

package schema

import (
	"slices"
	"strings"
	"testing"
)

// minimal returns the least properties that are valid for the type.
func minimal(typ *Type) map[string]Value {
	s := simulation{t: typ, seed: probeSeed, dice: newDice(typ.Name)}
	d := s.dice
	root := typ.root()
	props := map[string]Value{}
	set := func(names ...string) {
		for _, name := range names {
			if n, ok := typ.member(root, name); ok {
				if v := s.least(n, name, &d, 0); v != nil {
					props[name] = v
				}
			}
		}
	}
	set(root.required...)
	if root.oneRequired != nil {
		set(root.oneRequired[0])
	}
	if root.anyRequired != nil {
		set(root.anyRequired[0])
	}
	for _, subs := range [][]*node{root.oneOf, root.anyOf, root.allOf} {
		if len(subs) > 0 && len(typ.Validate(props)) > 0 {
			set(subs[0].required...)
			for _, p := range subs[0].properties { // an alternative may ask more of a property
				both := *typ.resolve(p.node)
				if whole, ok := root.property(p.name); ok {
					both.properties, both.types = typ.resolve(whole).properties, isObject
				}
				if v := s.least(&both, p.name, &d, 0); v != nil {
					props[p.name] = v
				}
			}
			for _, inner := range slices.Concat(subs[0].oneOf, subs[0].anyOf, subs[0].allOf) {
				if len(typ.Validate(props)) > 0 {
					set(inner.required...)
				}
			}
		}
	}
	return props
}

// least is a value with nothing in it that could be left out.
func (s *simulation) least(n *node, path string, d *dice, depth int) Value {
	n = s.t.resolve(n)
	if n.types&isObject == 0 && n.properties == nil || n.types&isString != 0 || depth > 12 {
		if n.types&isArray != 0 && n.items != nil && depth < 12 {
			list := []any{}
			for range max(0, n.minItems) {
				list = append(list, s.least(n.items, path, d, depth+1))
			}
			if !s.fits(n, list) {
				return s.sample(n, path, d, 0) // items must differ
			}
			return list
		}
		return s.sample(n, path, d, 0)
	}
	tries := [][]string{nil}
	var alternatives func(n *node, depth int) [][]string
	alternatives = func(n *node, depth int) (out [][]string) {
		n = s.t.resolve(n)
		if depth > 3 {
			return nil
		}
		for _, subs := range [][]*node{n.oneOf, n.anyOf, n.allOf} {
			for _, sub := range subs {
				sub = s.t.resolve(sub)
				out = append(out, sub.required)
				out = append(out, alternatives(sub, depth+1)...)
				for _, p := range sub.properties {
					out = append(out, append(slices.Clone(sub.required), p.name))
				}
			}
		}
		for _, name := range slices.Concat(n.oneRequired, n.anyRequired) {
			out = append(out, []string{name})
		}
		return out
	}
	tries = append(tries, alternatives(n, 0)...)
	var object map[string]any
	for _, try := range tries {
		object = map[string]any{}
		for _, name := range slices.Concat(n.required, try) {
			if p, ok := s.t.member(n, name); ok {
				if v := s.least(p, name, d, depth+1); v != nil {
					object[name] = v
				}
			} else if n.properties == nil {
				object[name] = "x"
			}
		}
		if s.fits(n, object) {
			return object
		}
	}
	return object
}

func TestEveryTypeTakesALeastSetOfProperties(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		typ, _ := Lookup(name)
		props := minimal(typ)
		if name == "AWS::MSK::Replicator" { // wants two clusters that differ, yet requires nothing of a cluster
			cluster := map[string]any{"AmazonMskCluster": map[string]any{"MskClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/a/b"}}
			props["KafkaClusters"] = []any{map[string]any{}, cluster}
		}
		if vs := typ.Validate(props); len(vs) > 0 {
			t.Errorf("%s: %v: %s", name, props, typ.Reason("X", vs))
		}
	}
}

func TestEveryTypeSimulates(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		typ, _ := Lookup(name)
		props := minimal(typ)
		m := typ.Simulate(*probeSeed, props)
		if m.Physical == "" || m.Identifier == "" {
			t.Errorf("%s: no identifier: %+v", name, m)
		}
		for _, path := range typ.readOnly {
			steps := split(path)
			value, ok := dig(m.Properties, steps)
			n, known := typ.lookup(steps...)
			if !known || strings.Contains(path, "*") {
				continue
			}
			if !ok {
				if _, parent := dig(m.Properties, steps[:len(steps)-1]); parent && typ.plantable(steps) {
					t.Errorf("%s: no %s", name, path)
				}
				continue
			}
			v := validation{t: typ, path: steps}
			v.check(n, value)
			for _, f := range v.found {
				t.Errorf("%s: %s = %v: %s", name, path, value, f.Message)
			}
		}
	}
}

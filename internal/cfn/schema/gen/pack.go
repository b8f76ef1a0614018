package main

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A packer writes records that name strings by number. Packing runs twice:
// once to count the strings, then with the frequent ones numbered low.
type packer struct {
	number map[string]int
	count  map[string]int
	out    []byte
}

// pack returns the file that package schema embeds: see its pack.go.
func pack(types map[string]*typeSchema, h *hints, sh map[string]shapes) ([]byte, error) {
	names := slices.Sorted(maps.Keys(types))
	p := &packer{number: map[string]int{}, count: map[string]int{}}
	for _, name := range names {
		if err := p.typeRecord(name, types[name], h, sh[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p.str(name)
	}
	strs := slices.SortedFunc(maps.Keys(p.count), func(a, b string) int {
		return cmp.Or(p.count[b]-p.count[a], strings.Compare(a, b))
	})
	for i, s := range strs {
		p.number[s] = i
	}

	var index, records []byte
	for _, name := range names {
		p.out = nil
		if err := p.typeRecord(name, types[name], h, sh[name]); err != nil {
			return nil, err
		}
		index = binary.LittleEndian.AppendUint32(index, uint32(p.number[name]))
		index = binary.LittleEndian.AppendUint32(index, uint32(len(records)))
		records = append(records, p.out...)
	}
	var offsets, text []byte
	for _, s := range strs {
		offsets = binary.LittleEndian.AppendUint32(offsets, uint32(len(text)))
		text = append(text, s...)
	}
	offsets = binary.LittleEndian.AppendUint32(offsets, uint32(len(text)))

	var file []byte
	for _, n := range []int{len(strs), len(text), len(names)} {
		file = binary.LittleEndian.AppendUint32(file, uint32(n))
	}
	return slices.Concat(file, offsets, text, index, records), nil
}

func (p *packer) op(c byte)    { p.out = append(p.out, c) }
func (p *packer) uint(n int)   { p.out = binary.AppendUvarint(p.out, uint64(n)) }
func (p *packer) str(s string) { p.count[s]++; p.uint(p.number[s]) }

func (p *packer) list(c byte, ss []string) {
	if len(ss) == 0 {
		return
	}
	p.op(c)
	p.uint(len(ss))
	for _, s := range ss {
		p.str(s)
	}
}

func (p *packer) typeRecord(name string, t *typeSchema, h *hints, sh shapes) error {
	// A legacy type is one that the registry describes but does not run:
	// its schema was converted from the older specification, which shows in
	// an invented read-only Id as identifier and no word about tagging.
	legacy := t.Tagging == nil && slices.Equal(t.PrimaryIdentifier, []string{"Id"}) && slices.Contains(t.ReadOnly, "Id")

	p.list('i', t.PrimaryIdentifier)
	p.list('o', t.ReadOnly)
	p.list('w', t.WriteOnly)
	p.list('f', h.RefOverrides[name].Ref)

	createOnly, maybe := t.CreateOnly, t.ConditionalCreateOnly
	for _, path := range h.AdditionalReplacement[name] {
		if s := strings.Join(path, "/"); !slices.Contains(createOnly, s) {
			createOnly = append(slices.Clip(createOnly), s)
		}
	}
	for _, m := range h.MaybeReplacement {
		if m[0] == name && !slices.Contains(createOnly, m[1]) && !slices.Contains(maybe, m[1]) {
			maybe = append(slices.Clip(maybe), m[1])
		}
	}

	var forms shapes
	for _, s := range sh {
		switch s.key {
		case "@always":
			paths := strings.Fields(s.value)
			createOnly = append(slices.Clip(createOnly), paths...)
			maybe = slices.DeleteFunc(slices.Clone(maybe), func(m string) bool { return slices.Contains(paths, m) })
		case "@maybe":
			maybe = append(slices.Clip(maybe), strings.Fields(s.value)...)
		case "@getatt":
			p.list('x', strings.Fields(s.value))
		case "@name":
			p.list('n', strings.Fields(s.value))
		case "@unique":
			p.list('u', strings.Fields(s.value))
		case "@ref":
			p.op('r')
			p.str(s.value)
		case "@legacy":
			legacy = true
		default:
			if strings.HasPrefix(s.key, "@") {
				return fmt.Errorf("unknown directive %s", s.key)
			}
			top, _, _ := strings.Cut(s.key, "/")
			if _, ok := t.Properties[top]; !ok {
				return fmt.Errorf("no property %s to give a shape", top)
			}
			forms = append(forms, s)
		}
	}
	p.list('c', createOnly)
	p.list('m', maybe)
	if len(forms) > 0 {
		p.op('s')
		p.uint(len(forms))
		for _, f := range forms {
			p.str(f.key)
			p.str(f.value)
		}
	}
	if a := h.ARNTemplate[name]; a != "" {
		p.op('a')
		p.str(a)
	}
	if legacy {
		p.op('l')
	}
	if slices.Contains(h.Stateful, name) {
		p.op('S')
	}
	p.tagging(t)

	definitions := slices.Sorted(maps.Keys(t.Definitions))
	refs := map[string]int{}
	bodies := []*schema{}
	for _, d := range definitions {
		refs["#/definitions/"+d] = len(bodies)
		bodies = append(bodies, t.Definitions[d])
	}
	for _, name := range slices.Sorted(maps.Keys(t.Properties)) {
		// A few references point at a property; it serves as a definition too.
		if uses(t, "#/properties/"+name) {
			refs["#/properties/"+name] = len(bodies)
			bodies = append(bodies, t.Properties[name])
		}
	}
	p.op('D')
	p.uint(len(bodies))
	root := t.schema
	if root.Properties != nil && root.AdditionalProperties == nil {
		closed := name == "AWS::CloudFormation::CustomResource" // takes whatever its provider takes
		root.AdditionalProperties = &closed
	}
	root.Type = typeNames{"object"}
	for _, body := range append(bodies, &root) {
		outer := p.out
		p.out = nil
		if err := p.node(body, refs); err != nil {
			return err
		}
		inner := p.out
		p.out = outer
		p.uint(len(inner))
		p.out = append(p.out, inner...)
	}
	p.op(0)
	return nil
}

// tagging writes the property that takes tags, and whether stack tags and
// CloudFormation's own are put there.
func (p *packer) tagging(t *typeSchema) {
	property, flags := "Tags", 0
	if g := t.Tagging; g != nil {
		if !g.Taggable {
			return
		}
		flags |= 1
		if g.SystemTags {
			flags |= 2
		}
		if s, ok := strings.CutPrefix(g.TagProperty, "/properties/"); ok {
			property = s
		}
	} else {
		flags |= 1 // legacy types with a tag property take stack tags
	}
	top, _, _ := strings.Cut(property, "/")
	if _, ok := t.Properties[top]; !ok || slices.Contains(t.ReadOnly, top) {
		return
	}
	p.op('g')
	p.str(property)
	p.uint(flags)
}

// uses reports whether the type refers to ref anywhere.
func uses(t *typeSchema, ref string) bool {
	var in func(s *schema) bool
	some := func(ss []*schema) bool { return slices.ContainsFunc(ss, in) }
	in = func(s *schema) bool {
		return s != nil && (s.Ref == ref || in(s.Items) || some(s.OneOf) || some(s.AnyOf) || some(s.AllOf) ||
			some(slices.Collect(maps.Values(s.Properties))) || some(slices.Collect(maps.Values(s.PatternProperties))))
	}
	return in(&t.schema) || some(slices.Collect(maps.Values(t.Definitions)))
}

// typeBits are the bits of a set of types, as package schema has them.
var typeBits = map[string]int{"string": 1, "integer": 2, "number": 4, "boolean": 8, "object": 16, "array": 32, "null": 64}

func (p *packer) node(s *schema, refs map[string]int) error {
	if len(s.DependentRequired) > 0 || len(s.DependentExcluded) > 0 {
		return fmt.Errorf("dependentRequired and dependentExcluded were always empty; teach the packer")
	}
	bits := 0
	for _, t := range s.Type {
		b, ok := typeBits[t]
		if !ok {
			return fmt.Errorf("type %q", t)
		}
		bits |= b
	}
	if bits != 0 {
		p.op('T')
		p.uint(bits)
	}
	if s.Ref != "" {
		n, ok := refs[s.Ref]
		if !ok {
			return fmt.Errorf("$ref %q", s.Ref)
		}
		p.op('r')
		p.uint(n)
	}
	for _, m := range []struct {
		op     byte
		values map[string]*schema
	}{{'p', s.Properties}, {'P', s.PatternProperties}} {
		if m.values == nil {
			continue
		}
		p.op(m.op)
		p.uint(len(m.values))
		for _, name := range slices.Sorted(maps.Keys(m.values)) {
			p.str(name)
			if err := p.node(m.values[name], refs); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if s.AdditionalProperties != nil && !*s.AdditionalProperties {
		p.op('c')
	}
	p.list('q', slices.Sorted(slices.Values(s.Required)))
	p.list('X', s.RequiredXor)
	p.list('O', s.RequiredOr)
	if s.UniqueItems {
		p.op('u')
	}
	for _, n := range []struct {
		op    byte
		value *json.Number
	}{{'i', s.MinItems}, {'I', s.MaxItems}, {'l', s.MinLength}, {'L', s.MaxLength}, {'n', s.Minimum}, {'N', s.Maximum}} {
		if n.value != nil {
			p.op(n.op)
			p.str(n.value.String())
		}
	}
	if s.Pattern != "" {
		p.op('x')
		p.str(s.Pattern)
	}
	if s.Format != "" {
		p.op('f')
		p.str(s.Format)
	}
	values := make([]string, len(s.Enum))
	for i, v := range s.Enum {
		values[i] = fmt.Sprint(v)
	}
	p.list('e', values)
	if s.Const != nil {
		p.op('k')
		p.str(fmt.Sprint(s.Const))
	}
	if s.Items != nil {
		p.op('t')
		if err := p.node(s.Items, refs); err != nil {
			return err
		}
	}
	for _, c := range []struct {
		op   byte
		subs []*schema
	}{{'1', s.OneOf}, {'a', s.AnyOf}, {'A', s.AllOf}} {
		if len(c.subs) == 0 {
			continue
		}
		p.op(c.op)
		p.uint(len(c.subs))
		for _, sub := range c.subs {
			if err := p.node(sub, refs); err != nil {
				return err
			}
		}
	}
	p.op(0)
	return nil
}

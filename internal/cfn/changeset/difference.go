package changeset

import (
	"slices"

	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
)

// difference is how two values of a property differ.
type difference struct {
	found      bool
	direct     bool // the value itself is another, not only what it refers to
	recreation schema.Recreation
}

// differ finds where a property's values differ, and what changing those
// places requires.
type differ struct {
	t     *schema.Type // nil if the type has no schema
	path  []string
	whole schema.Recreation // what changing any of the property may require
	difference
}

// absent stands for the value of a property that is not there.
type absent struct{}

// differencesOf compares the values of a property.
func differencesOf(t *schema.Type, name string, before, after schema.Value) difference {
	d := differ{t: t, path: []string{name}}
	d.compare(before, after)
	return d.difference
}

func (d *differ) compare(before, after schema.Value) {
	switch after := after.(type) {
	case map[string]any:
		if before, ok := orAbsent[map[string]any](before); ok && len(before)+len(after) > 0 {
			d.objects(before, after)
			return
		}
	case []any:
		if before, ok := orAbsent[[]any](before); ok && len(before)+len(after) > 0 {
			d.lists(before, after)
			return
		}
	case absent:
		switch before := before.(type) {
		case map[string]any:
			if len(before) > 0 {
				d.objects(before, nil)
				return
			}
		case []any:
			if len(before) > 0 {
				d.lists(before, nil)
				return
			}
		}
	}
	switch {
	case !same(before, after):
		d.note(true)
	case moving(after):
		d.note(false)
	}
}

// orAbsent returns v if it is a T or absent.
func orAbsent[T any](v schema.Value) (T, bool) {
	if _, none := v.(absent); none {
		var zero T
		return zero, true
	}
	t, ok := v.(T)
	return t, ok
}

func (d *differ) objects(before, after map[string]any) {
	within := func(name string, b, a schema.Value) {
		d.path = append(d.path, name)
		d.compare(b, a)
		d.path = d.path[:len(d.path)-1]
	}
	for name, a := range after {
		b, ok := before[name]
		if !ok {
			b = absent{}
		}
		within(name, b, a)
	}
	for name, b := range before {
		if _, ok := after[name]; !ok {
			within(name, b, absent{})
		}
	}
}

func (d *differ) lists(before, after []any) {
	for i := range max(len(before), len(after)) {
		var b, a schema.Value = absent{}, absent{}
		if i < len(before) {
			b = before[i]
		}
		if i < len(after) {
			a = after[i]
		}
		d.compare(b, a)
	}
}

func (d *differ) note(direct bool) {
	if !d.found && d.t != nil {
		d.whole = d.t.Recreation(d.path[0])
	}
	d.found = true
	d.direct = d.direct || direct
	if d.recreation < schema.Always && d.whole > schema.Never {
		d.recreation = max(d.recreation, d.t.Recreation(d.path...))
	}
}

// same reports whether values are equal, scalars by their text (80 and "80"
// are the same to CloudFormation), symbols by what they stand for.
func same(a, b schema.Value) bool {
	if t, ok := text(a); ok {
		u, ok := text(b)
		return ok && t == u
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case absent:
		_, ok := b.(absent)
		return ok
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, v := range a {
			if w, ok := b[name]; !ok || !same(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case joined:
		b, ok := b.(joined)
		return ok && slices.EqualFunc(a, b, same)
	case symbol:
		b, ok := b.(symbol)
		return ok && a.logicalID == b.logicalID && a.attribute == b.attribute
	case call:
		b, ok := b.(call)
		return ok && a.kind == b.kind && a.text == b.text && slices.EqualFunc(a.args, b.args, same)
	case template.Unknown:
		// Unknown before is what cannot be told, such as a missing export.
		b, ok := b.(template.Unknown)
		return ok && a.Text == b.Text && slices.Equal(a.From, b.From)
	}
	return false
}

// moving reports whether a symbol in v may give something else after the update.
func moving(v schema.Value) bool {
	switch v := v.(type) {
	case symbol:
		return v.moves
	case joined:
		return slices.ContainsFunc(v, moving)
	case call:
		return slices.ContainsFunc(v.args, moving)
	case []any:
		return slices.ContainsFunc(v, moving)
	case map[string]any:
		for _, item := range v {
			if moving(item) {
				return true
			}
		}
	}
	return false
}

package changeset

import (
	"cmp"
	"slices"
	"strings"

	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
)

// modification gathers what changes of a resource that stays.
type modification struct {
	*comparison
	t             *schema.Type // nil if the type has no schema
	before, after state
	details       []Detail
}

const nestedStack = "AWS::CloudFormation::Stack"

// compare lists a resource that exists before and after if something of it
// changes, and decides its fate.
func (c *comparison) compare(old, r *template.Resource, physical string) error {
	m := modification{comparison: c}
	m.t, _ = schema.Lookup(r.Type)
	var err error
	if m.before, err = c.before.state(old); err != nil {
		return err
	}
	if m.after, err = c.after.state(r); err != nil {
		return err
	}
	if err := m.compareProperties(); err != nil {
		return err
	}
	if err := m.compareAttributes(); err != nil {
		return err
	}
	if err := m.compareTags(); err != nil {
		return err
	}
	if len(m.details) == 0 && r.Type == nestedStack && !m.Same[r.LogicalID] {
		// Its template may have changed, which only its own change set tells (C13).
		m.details = []Detail{{
			Target:       Target{Attribute: AttributeProperties, RequiresRecreation: recreation(schema.Never)},
			Evaluation:   Dynamic,
			ChangeSource: Automatic,
		}}
	}
	if len(m.details) == 0 {
		return nil
	}
	return m.list(r, physical)
}

func (m *modification) list(r *template.Resource, physical string) error {
	ch := Change{
		Action: Modify, LogicalID: r.LogicalID, PhysicalID: physical, Type: r.Type,
		Replacement: replacement(m.details), Scope: scope(m.details), Details: m.details,
		ChangeSetID: m.Nested[r.LogicalID],
	}
	switch {
	case ch.Replacement == ReplacementTrue:
		m.fates[r.LogicalID] = replaced
		ch.PolicyAction = Replaced(r)
	case ch.Replacement == ReplacementConditional:
		m.fates[r.LogicalID] = conditional
	case slices.Contains(ch.Scope, AttributeProperties) || slices.Contains(ch.Scope, AttributeTags):
		m.fates[r.LogicalID] = modified
	}
	if m.values {
		var err error
		if ch.BeforeContext, err = m.context(m.before); err != nil {
			return err
		}
		if ch.AfterContext, err = m.context(m.after); err != nil {
			return err
		}
	}
	m.changes = append(m.changes, ch)
	return nil
}

// replacement is the most that the details ask for (D2, D3).
func replacement(details []Detail) Replacement {
	answer := ReplacementFalse
	for _, d := range details {
		switch d.Target.RequiresRecreation {
		case recreation(schema.Always):
			if d.Evaluation == Static {
				return ReplacementTrue
			}
			answer = ReplacementConditional
		case recreation(schema.Conditionally):
			answer = ReplacementConditional
		}
	}
	return answer
}

// scope lists the attributes that details are about (D4).
func scope(details []Detail) []string {
	names := make([]string, len(details))
	for i, d := range details {
		names[i] = d.Target.Attribute
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// recreation is AWS's word.
func recreation(r schema.Recreation) string {
	switch r {
	case schema.Always:
		return "Always"
	case schema.Conditionally:
		return "Conditionally"
	}
	return "Never"
}

func (m *modification) compareProperties() error {
	return pairs(m.before.properties, m.after.properties, func(name string, before, after *member) error {
		d := differencesOf(m.t, name, valueOf(before), valueOf(after))
		if !d.found {
			return nil
		}
		target := Target{Attribute: AttributeProperties, Name: name, RequiresRecreation: recreation(d.recreation)}
		return m.explain(target, "/Properties/"+name, before, after, d.direct)
	})
}

// compareAttributes compares the other attributes, of which none needs a new
// resource (C10).
func (m *modification) compareAttributes() error {
	if len(m.before.attributes)+len(m.after.attributes) == 0 {
		return nil
	}
	byName := func(a, b member) int { return strings.Compare(a.name, b.name) }
	before, after := slices.SortedFunc(slices.Values(m.before.attributes), byName), slices.SortedFunc(slices.Values(m.after.attributes), byName)
	return pairs(before, after, func(name string, before, after *member) error {
		d := differencesOf(nil, name, valueOf(before), valueOf(after))
		if !d.found {
			return nil
		}
		target := Target{Attribute: name, RequiresRecreation: recreation(schema.Never)}
		return m.explain(target, "/"+name, before, after, d.direct)
	})
}

// compareTags notes that the stack's tags change, which are propagated to the
// resource (C11).
func (m *modification) compareTags() error {
	if m.t == nil || slices.Equal(m.OldTags, m.NewTags) {
		return nil
	}
	property, ok := m.t.Taggable()
	if !ok {
		return nil
	}
	target := Target{Attribute: AttributeTags, RequiresRecreation: recreation(schema.Never)}
	return m.explain(target, "/Properties/"+property, tagMember(m.OldTags), tagMember(m.NewTags), true)
}

func tagMember(tags []schema.Tag) *member {
	if len(tags) == 0 {
		return nil
	}
	list := make([]any, len(tags))
	for i, tag := range tags {
		list[i] = map[string]any{"Key": tag.Key, "Value": tag.Value}
	}
	return &member{value: list}
}

// pairs calls yield for each name of two sorted lists of members; one that a
// list lacks is nil.
func pairs(before, after []member, yield func(name string, before, after *member) error) error {
	for len(before) > 0 || len(after) > 0 {
		var b, a *member
		var order int // of the two names that are next
		switch {
		case len(before) == 0:
			order = 1
		case len(after) == 0:
			order = -1
		default:
			order = cmp.Compare(before[0].name, after[0].name)
		}
		name := ""
		if order <= 0 {
			b, before = &before[0], before[1:]
			name = b.name
		}
		if order >= 0 {
			a, after = &after[0], after[1:]
			name = a.name
		}
		if err := yield(name, b, a); err != nil {
			return err
		}
	}
	return nil
}

func valueOf(m *member) schema.Value {
	if m == nil {
		return absent{}
	}
	return m.value
}

// explain adds the details of one target: one for each parameter or resource
// that causes the change, and one if the value itself is modified. That one is
// certain only if nothing else causes it (C1, C2, C4, C5, C8).
func (m *modification) explain(target Target, path string, before, after *member, direct bool) error {
	if m.values {
		target.Path = path
		if before != nil {
			target.BeforeValue = shown(before.value)
		}
		if after != nil {
			target.AfterValue = shown(after.value)
		}
		target.ChangeType = changeType(before, after)
	}
	from := len(m.details)
	if after != nil && after.node != nil {
		if err := m.causes(target, after.node, direct); err != nil {
			return err
		}
	}
	if direct {
		evaluation := Static
		if len(m.details) > from {
			evaluation = Dynamic
		}
		m.details = append(m.details, Detail{Target: target, Evaluation: evaluation, ChangeSource: DirectModification})
	}
	return m.spend((len(m.details) - from) * target.size())
}

// size is about how much a target takes to write.
func (t *Target) size() int {
	size := 64
	for _, v := range []*string{t.BeforeValue, t.AfterValue} {
		if v != nil {
			size += len(*v)
		}
	}
	return size
}

func changeType(before, after *member) ChangeType {
	switch {
	case before == nil:
		return ChangeAdd
	case after == nil:
		return ChangeRemove
	}
	return ChangeModify
}

// causes adds a detail for each parameter and resource that the node refers
// to and that changes.
func (m *modification) causes(target Target, n *template.Node, direct bool) error {
	from := len(m.details)
	for _, ref := range m.New.References(n) {
		d := Detail{Target: target, Evaluation: Static, CausingEntity: ref.Name}
		switch f := m.fates[ref.Name]; {
		case m.New.Template.Parameter(ref.Name) != nil:
			if d.ChangeSource = ParameterReference; !direct || !m.given[ref.Name] {
				continue
			}
		case f >= replaced:
			d.ChangeSource = ResourceReference
		case m.values: // A1: what stays answers with what it is
			continue
		case f == conditional, f == modified && ref.GetAtt():
			d.ChangeSource, d.Evaluation = ResourceReference, Dynamic
		default:
			continue
		}
		if ref.GetAtt() {
			attribute, err := attributeOf(m.New, ref.Node)
			if err != nil {
				return err
			}
			d.ChangeSource, d.CausingEntity = ResourceAttribute, ref.Name+"."+attribute
		}
		m.details = append(m.details, d)
	}
	// Each cause once; a template may have thousands of references in one value.
	found := m.details[from:]
	slices.SortStableFunc(found, func(a, b Detail) int {
		return cmp.Or(strings.Compare(string(a.ChangeSource), string(b.ChangeSource)), strings.Compare(a.CausingEntity, b.CausingEntity))
	})
	m.details = m.details[:from+len(slices.CompactFunc(found, func(a, b Detail) bool {
		return a.ChangeSource == b.ChangeSource && a.CausingEntity == b.CausingEntity
	}))]
	return nil
}

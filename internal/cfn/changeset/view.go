package changeset

import (
	"slices"
	"strings"

	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
)

// A view is one side of a comparison: a template with what its expressions
// come to, symbolically ([symbols]) or by what is live ([resolved]).
type view interface {
	// state returns what a resource is declared to be.
	state(r *template.Resource) (state, error)
}

// state is a resource's declaration, evaluated.
type state struct {
	properties []member // sorted by name
	attributes []member // the other attributes, in the order in which AWS shows them
}

// member is a property or attribute. What came to AWS::NoValue is none.
type member struct {
	name  string
	node  *template.Node // nil of policies, which are but text
	value schema.Value
}

// evaluator gives a node's value; ok is false if there is none.
type evaluator func(n *template.Node) (v schema.Value, ok bool, err error)

// stateOf evaluates a resource's declaration.
func stateOf(e *template.Evaluation, r *template.Resource, of evaluator) (state, error) {
	var s state
	var err error
	if s.properties, err = members(e, r.Properties, of); err != nil {
		return s, err
	}
	for _, attribute := range []struct {
		name string
		node *template.Node
	}{
		{AttributeMetadata, r.Metadata},
		{AttributeCreationPolicy, r.CreationPolicy},
		{AttributeUpdatePolicy, r.UpdatePolicy},
	} {
		if attribute.node == nil {
			continue
		}
		v, ok, err := of(attribute.node)
		if err != nil {
			return s, err
		}
		if ok {
			s.attributes = append(s.attributes, member{name: attribute.name, node: attribute.node, value: v})
		}
	}
	if r.UpdateReplacePolicy != "" {
		s.attributes = append(s.attributes, member{name: AttributeUpdateReplacePolicy, value: r.UpdateReplacePolicy})
	}
	if r.DeletionPolicy != "" {
		s.attributes = append(s.attributes, member{name: AttributeDeletionPolicy, value: r.DeletionPolicy})
	}
	return s, nil
}

// members evaluates the members of a map, sorted by name.
func members(e *template.Evaluation, n *template.Node, of evaluator) ([]member, error) {
	n = taken(e, n)
	if n == nil || n.Kind() != template.KindMap {
		return nil, nil // AWS::NoValue
	}
	all := make([]member, 0, n.Len())
	for name, node := range n.All() {
		v, ok, err := of(node)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, member{name: name, node: node, value: v})
		}
	}
	slices.SortFunc(all, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// taken follows Fn::If to the branch that is taken.
func taken(e *template.Evaluation, n *template.Node) *template.Node {
	for n != nil && n.Kind() == template.KindIf && n.Len() == 2 {
		if e.Condition(n.Text()) {
			n = n.At(0)
		} else {
			n = n.At(1)
		}
	}
	return n
}

// resolved is the view with values: what resources are is asked of live.
type resolved struct {
	*template.Evaluation
	c    *comparison
	live template.Live
}

func (v resolved) state(r *template.Resource) (state, error) {
	return stateOf(v.Evaluation, r, func(n *template.Node) (schema.Value, bool, error) {
		value, ok, err := v.Value(n, v.live)
		if err != nil {
			// Told as incomplete, not refused (E).
			v.c.faults = append(v.c.faults, unresolved{r.LogicalID, err.Error()})
			if value, ok, err = v.Value(n, template.Undecided{}); err != nil {
				return nil, false, err
			}
		}
		if u, open := value.(template.Unknown); open {
			// Fn::Sub keeps its text only inside a larger value (A3).
			u.Text = template.KnownAfterApply
			value = u
		}
		return value, ok, nil
	})
}

// prospect is what resources will be, as far as it is known: those that stay
// answer with what they are now, though they may be about to change (A1); new
// ones with what is known after the change (A2).
type prospect struct {
	live  Live
	fates map[string]fate
}

func (p prospect) Ref(logicalID string) (schema.Value, bool) {
	if p.fates[logicalID] < replaced && p.live != nil {
		if v, ok := p.live.Ref(logicalID); ok {
			return v, true
		}
	}
	return template.Undecided{}.Ref(logicalID)
}

func (p prospect) GetAtt(logicalID, attribute string) (schema.Value, error) {
	if p.fates[logicalID] < replaced && p.live != nil {
		return p.live.GetAtt(logicalID, attribute)
	}
	return template.Undecided{}.GetAtt(logicalID, attribute)
}

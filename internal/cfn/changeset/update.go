package changeset

import (
	"slices"
	"strings"

	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
)

// Live is the state of a stack's resources before the update. It may not
// answer with secrets that are not [schema.Secret].
type Live interface {
	template.Live
	// Physical returns the physical id; ok is false if there is no such resource.
	Physical(logicalID string) (id string, ok bool)
}

// Update is what is to be compared.
type Update struct {
	Old  *template.Evaluation // nil if nothing exists yet: a CREATE change set
	New  *template.Evaluation
	Live Live // nil if Old is

	OldTags, NewTags []schema.Tag // the stack's

	// Nested names the change sets of nested stacks by logical id.
	Nested map[string]string
	// Same holds the logical ids of nested stacks in which nothing changes, as
	// their own comparison has told.
	Same map[string]bool
}

// Changes returns the answer without values: DescribeChangeSet as it is by
// default.
func (u Update) Changes() (Set, error) { return u.compute(false) }

// ChangesWithValues returns the answer to DescribeChangeSet with
// IncludePropertyValues. It may list fewer resources.
func (u Update) ChangesWithValues() (Set, error) { return u.compute(true) }

func (u Update) compute(values bool) (Set, error) {
	if err := u.checkTypes(); err != nil {
		return Set{}, err
	}
	c := u.comparison(values)
	if err := c.run(); err != nil {
		return Set{}, err
	}
	beyond, err := c.beyond()
	if err != nil {
		return Set{}, err
	}
	slices.SortFunc(c.changes, func(a, b Change) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	return Set{Changes: c.changes, Beyond: beyond, Incomplete: c.incomplete()}, nil
}

// old returns the resource as it is, if it exists.
func (u Update) old(logicalID string) (r *template.Resource, physical string, ok bool) {
	if u.Old == nil {
		return nil, "", false
	}
	if r, ok = u.Old.Resource(logicalID); ok {
		physical, ok = u.Live.Physical(logicalID)
	}
	return r, physical, ok
}

// checkTypes refuses to make one type of resource of another.
func (u Update) checkTypes() error {
	var turned []string
	for _, r := range u.New.Resources() {
		if old, _, ok := u.old(r.LogicalID); ok && old.Type != r.Type {
			turned = append(turned, r.LogicalID)
		}
	}
	if turned == nil {
		return nil
	}
	slices.Sort(turned)
	return &template.Error{
		Code: template.ValidationError,
		Message: "Update of resource type is not permitted. The new template modifies resource type of the following resources: [" +
			strings.Join(turned, ", ") + "]",
	}
}

// removed returns the resources that exist and are to exist no more, in the
// old template's order.
func (u Update) removed() []*template.Resource {
	if u.Old == nil {
		return nil
	}
	var gone []*template.Resource
	for _, r := range u.Old.Resources() {
		if _, stays := u.New.Resource(r.LogicalID); stays {
			continue
		}
		if _, exists := u.Live.Physical(r.LogicalID); exists {
			gone = append(gone, r)
		}
	}
	return gone
}

// inOrder returns the resources of a template so that each stands behind what
// it depends on, and otherwise as in the template.
func inOrder(e *template.Evaluation) []*template.Resource {
	all := e.Resources()
	order := make([]*template.Resource, 0, len(all))
	waiting := make(map[string]int, len(all))
	dependents := make(map[string][]*template.Resource, len(all))
	for _, r := range all {
		needs := e.Dependencies(r.LogicalID)
		waiting[r.LogicalID] = len(needs)
		for _, id := range needs {
			dependents[id] = append(dependents[id], r)
		}
	}
	for _, r := range all {
		if waiting[r.LogicalID] == 0 {
			order = append(order, r)
		}
	}
	for i := 0; i < len(order); i++ {
		for _, r := range dependents[order[i].LogicalID] {
			if waiting[r.LogicalID]--; waiting[r.LogicalID] == 0 {
				order = append(order, r)
			}
		}
	}
	return order
}

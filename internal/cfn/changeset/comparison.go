package changeset

import (
	"slices"
	"strings"

	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
)

// fate is what a change set does to a resource, as others that refer to it
// see it.
type fate uint8

const (
	kept        fate = iota
	modified         // in place
	conditional      // perhaps made anew
	replaced         // made anew
	added            // made
)

// comparison is one computation of a change set, of either kind.
type comparison struct {
	Update
	values  bool
	before  view
	after   view
	fates   map[string]fate // of those that are not kept, so far
	given   map[string]bool // parameters whose given value is another now
	changes []Change
	left    int // bytes that may still be written
	faults  []unresolved
}

// writeBudget bounds what a change set with values may hold, in bytes.
const writeBudget = 64 << 20

// unresolved is a resource of which a value cannot be told.
type unresolved struct{ logicalID, reason string }

func (u Update) comparison(values bool) *comparison {
	n := len(u.New.Resources())
	c := &comparison{Update: u, values: values, fates: make(map[string]fate, n), given: u.givenAnew(), changes: make([]Change, 0, n), left: writeBudget}
	if values {
		c.before = resolved{c: c, Evaluation: u.Old, live: u.Live}
		c.after = resolved{c: c, Evaluation: u.New, live: prospect{live: u.Live, fates: c.fates}}
	} else {
		c.before = symbols{Evaluation: u.Old}
		c.after = symbols{Evaluation: u.New, fates: c.fates}
	}
	return c
}

// givenAnew returns the parameters that are new, or whose given or default
// value is another. What an SSM parameter resolves to does not count (C2, C3).
func (u Update) givenAnew() map[string]bool {
	was := map[string]string{}
	if u.Old != nil {
		for _, p := range u.Old.Parameters() {
			was[p.Key] = p.Value
		}
	}
	given := map[string]bool{}
	for _, p := range u.New.Parameters() {
		if value, ok := was[p.Key]; !ok || value != p.Value {
			given[p.Key] = true
		}
	}
	return given
}

// run compares every resource, each after those it depends on, since what
// becomes of them decides on it.
func (c *comparison) run() error {
	for _, r := range inOrder(c.New) {
		old, physical, exists := c.old(r.LogicalID)
		if !exists {
			c.fates[r.LogicalID] = added
			if err := c.add(r); err != nil {
				return err
			}
			continue
		}
		if err := c.compare(old, r, physical); err != nil {
			return err
		}
	}
	for _, r := range c.removed() {
		if err := c.remove(r); err != nil {
			return err
		}
	}
	return nil
}

// add lists a new resource (B5).
func (c *comparison) add(r *template.Resource) error {
	ch := Change{
		Action: Add, LogicalID: r.LogicalID, Type: r.Type, Scope: []string{}, Details: []Detail{},
		ChangeSetID: c.Nested[r.LogicalID],
	}
	if c.values {
		state, err := c.after.state(r)
		if err != nil {
			return err
		}
		if ch.AfterContext, err = c.context(state); err != nil {
			return err
		}
	}
	c.changes = append(c.changes, ch)
	return nil
}

// remove lists a resource that is to go (B6).
func (c *comparison) remove(r *template.Resource) error {
	physical, _ := c.Live.Physical(r.LogicalID)
	ch := Change{
		Action: Remove, LogicalID: r.LogicalID, PhysicalID: physical, Type: r.Type, PolicyAction: Removal(r),
		Scope: []string{}, Details: []Detail{},
	}
	if c.values {
		// What it took from other resources is left open, though known (A4).
		state, err := resolved{c: c, Evaluation: c.Old, live: template.Undecided{}}.state(r)
		if err != nil {
			return err
		}
		if ch.BeforeContext, err = c.context(state); err != nil {
			return err
		}
	}
	c.changes = append(c.changes, ch)
	return nil
}

// spend takes from the budget.
func (c *comparison) spend(bytes int) error {
	if c.left -= bytes; c.left < 0 {
		return &template.Error{
			Code:    template.ValidationError,
			Message: "Template error: the change set is too large to be shown with property values",
		}
	}
	return nil
}

// incomplete says what AWS says of values that cannot be told (E).
func (c *comparison) incomplete() string {
	if len(c.faults) == 0 {
		return ""
	}
	first := slices.MinFunc(c.faults, func(a, b unresolved) int { return strings.Compare(a.logicalID, b.logicalID) })
	return "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet creation failed for resource [" +
		first.logicalID + "] because: " + strings.TrimSuffix(first.reason, " found.")
}

// beyond reports whether outputs or the stack's tags change. Such an update is
// one, though it lists no resource.
func (c *comparison) beyond() (bool, error) {
	if c.Old == nil {
		return true, nil
	}
	if !slices.Equal(c.OldTags, c.NewTags) {
		return true, nil
	}
	before, err := outputs(c.Old)
	if err != nil {
		return false, err
	}
	after, err := outputs(c.New)
	if err != nil {
		return false, err
	}
	return !slices.EqualFunc(before, after, output.same), nil
}

// output is an output as far as it is known before the update.
type output struct {
	key, description string
	value, export    schema.Value
}

func (o output) same(other output) bool {
	return o.key == other.key && o.description == other.description && same(o.value, other.value) && same(o.export, other.export)
}

// outputs returns the outputs that exist, by key.
func outputs(e *template.Evaluation) ([]output, error) {
	var all []output
	s := symbols{Evaluation: e}
	for _, o := range e.Template.Outputs {
		if o.Condition != "" && !e.Condition(o.Condition) {
			continue
		}
		one := output{key: o.Key, description: o.Description}
		for _, part := range []struct {
			node *template.Node
			to   *schema.Value
		}{{o.Value, &one.value}, {o.Export, &one.export}} {
			if part.node == nil {
				continue
			}
			v, ok, err := s.of(part.node)
			if err != nil {
				return nil, err
			}
			if ok {
				*part.to = v
			}
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b output) int { return strings.Compare(a.key, b.key) })
	return all, nil
}

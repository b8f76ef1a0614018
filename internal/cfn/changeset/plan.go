package changeset

import (
	"slices"

	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
)

// Plan is what an update does, in an order in which it can be done. It holds
// no values: references are resolved when their turn comes, and only then is
// it known what changes (section F).
type Plan struct {
	// Steps are of every resource of the new template, each behind those it
	// waits for. Before each the executor evaluates the resource's properties
	// with what is live by then.
	Steps []Step
	// Cleanup is of every resource of the old template that exists, each behind
	// those that depended on it: what leaves the stack, and what was replaced,
	// is removed in this order when all steps are done.
	Cleanup []Cleanup
}

// Step is what an update does to a resource of the new template.
type Step struct {
	LogicalID string
	Kind      StepKind
	Waits     []string // the logical ids it depends on, sorted
	// Attributes are what changes of a resource to settle beside its
	// properties, such as Metadata or Tags; it is updated though its
	// properties turn out equal.
	Attributes []string
}

// StepKind is the kind of a [Step].
type StepKind uint8

// The kinds.
const (
	StepKeep   StepKind = iota // nothing it is made of changes
	StepSettle                 // exists and may change: [Decide] by its properties, once evaluated
	StepAdd                    // does not exist
)

// Cleanup is what is left to do for a resource of the old template.
type Cleanup struct {
	LogicalID string
	Waits     []string // the logical ids that depended on it, sorted
	// Policy says what becomes of a resource that leaves the stack. It is ""
	// for one that stays, of which only what was replaced is given up.
	Policy PolicyAction
}

// Plan returns what performing the update takes.
func (u Update) Plan() (Plan, error) {
	set, err := u.Changes()
	if err != nil {
		return Plan{}, err
	}
	listed := make(map[string]*Change, len(set.Changes))
	for i := range set.Changes {
		listed[set.Changes[i].LogicalID] = &set.Changes[i]
	}
	var p Plan
	unsettled := map[string]bool{}
	for _, r := range inOrder(u.New) {
		s := Step{LogicalID: r.LogicalID, Waits: u.New.Dependencies(r.LogicalID)}
		switch ch := listed[r.LogicalID]; {
		case ch != nil && ch.Action == Add:
			s.Kind = StepAdd
		case ch != nil:
			s.Kind = StepSettle
			s.Attributes = slices.DeleteFunc(slices.Clone(ch.Scope), func(a string) bool { return a == AttributeProperties })
		// A resource that is modified may give another Ref than it seemed
		// (custom resources do), which no change set shows.
		case slices.ContainsFunc(r.References(), func(ref template.Reference) bool { return unsettled[ref.Name] }):
			s.Kind = StepSettle
		}
		unsettled[r.LogicalID] = s.Kind == StepSettle
		p.Steps = append(p.Steps, s)
	}
	p.Cleanup = u.cleanup()
	return p, nil
}

func (u Update) cleanup() []Cleanup {
	if u.Old == nil {
		return nil
	}
	var all []Cleanup
	dependents := map[string][]string{}
	for _, r := range inOrder(u.Old) {
		if _, exists := u.Live.Physical(r.LogicalID); !exists {
			continue
		}
		for _, id := range u.Old.Dependencies(r.LogicalID) {
			dependents[id] = append(dependents[id], r.LogicalID)
		}
		one := Cleanup{LogicalID: r.LogicalID}
		if _, stays := u.New.Resource(r.LogicalID); !stays {
			one.Policy = Removal(r)
		}
		all = append(all, one)
	}
	for i := range all {
		all[i].Waits = dependents[all[i].LogicalID]
		slices.Sort(all[i].Waits)
	}
	slices.Reverse(all)
	return all
}

// Verdict is what an update does to a resource that exists, now that its
// properties are known.
type Verdict uint8

// The verdicts.
const (
	Unchanged Verdict = iota // gets no events
	InPlace
	Anew // needs a new physical resource
)

// Decide compares the properties that a resource was given with those it is
// to be given. t is nil if its type has no schema. What a change requires only
// under conditions (Conditionally) is done in place.
func Decide(t *schema.Type, before, after map[string]schema.Value) Verdict {
	verdict := Unchanged
	for name, a := range after {
		var b schema.Value = absent{}
		if v, ok := before[name]; ok {
			b = v
		}
		verdict = max(verdict, verdictOf(differencesOf(t, name, b, a)))
	}
	for name, b := range before {
		if _, ok := after[name]; !ok {
			verdict = max(verdict, verdictOf(differencesOf(t, name, b, absent{})))
		}
	}
	return verdict
}

func verdictOf(d difference) Verdict {
	switch {
	case !d.found:
		return Unchanged
	case d.recreation == schema.Always:
		return Anew
	}
	return InPlace
}

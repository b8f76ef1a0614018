package stack

import (
	"cmp"
	"fmt"
	"slices"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
	"larder/internal/id"
	"larder/internal/seal"
)

// live is the state of a stack in operation: what the rows say, and what
// follows from it. A beat works on it; it is kept for the next beat if the
// beat's transaction made it true.
type live struct {
	stack Stack
	keys  *seal.Keys
	items map[string]*item
	order []*item // as the template has them
	olds  []*item // superseded ones, which have their own place in no template

	loaded bool // from the rows, and not worked on since

	eval    *template.Evaluation // while creating
	missing string               // an export that eval imports and nobody exports
	refusal string               // why the template can no longer be evaluated

	// The frontier. While creating, ready holds what may be started; while
	// removing, what may be removed. open is what has been started.
	ready  []*item
	sorted bool // ready is in order
	open   []*item
	left   int // items that are neither done nor open
}

// item is a resource of a stack in operation.
type item struct {
	entry
	kind  resource.Kind
	given map[string]schema.Value // as evaluated, with secrets
	model schema.Model
	row   *resource.Row // that the rest of the model is still to be read from
	made  bool          // there is a row of it
	tried bool          // its removal has failed in this operation, which does not try again

	awaited bool // its nested stack reports when it is done

	rank  int     // the place at which it is worked on
	done  bool    // an update needs do nothing more with it
	waits int     // for how many others it waits
	heirs []*item // who waits for it
}

// inProgress reports whether something was started that has not ended.
func (it *item) inProgress() bool {
	return it.Status == CreateInProgress || it.Status == UpdateInProgress || it.Status == DeleteInProgress
}

// gone reports whether the stack no longer has the item.
func (it *item) gone() bool {
	return it.Status == "" || it.Status == DeleteComplete || it.Status == DeleteSkipped
}

// settle clears what was under way.
func (it *item) settle(status Status, reason string) {
	it.awaited = false
	it.Status, it.Reason = status, reason
	it.Due, it.Hang, it.Fail, it.Rule, it.Warn, it.Wait, it.Kept, it.Faults = 0, false, "", "", "", nil, nil, 0
}

// planCreation sets the frontier for creating what is not there yet.
func (l *live) planCreation() error {
	l.ready, l.open, l.left, l.sorted = nil, nil, 0, false
	for _, it := range l.order {
		it.waits, it.heirs, it.rank = 0, nil, it.Place
	}
	for _, it := range l.order {
		for _, id := range it.Depends {
			on, ok := l.items[id]
			if !ok {
				return fmt.Errorf("stack %s: %s depends on %s, which is not there", l.stack.ID, it.LogicalID, id)
			}
			if on.Status != CreateComplete {
				it.waits++
				on.heirs = append(on.heirs, it)
			}
		}
	}
	for _, it := range l.order {
		switch {
		case it.inProgress():
			l.open = append(l.open, it)
		case it.Status == "" && it.waits == 0:
			l.ready = append(l.ready, it)
			l.left++
		case it.Status == "":
			l.left++
		}
	}
	return nil
}

// planRemoval sets the frontier for removing what is there.
func (l *live) planRemoval() { l.planRemovalOf(func(*item) bool { return true }) }

// planRemovalOf sets the frontier for removing those that are doomed: an item
// goes when all doomed ones that depend on it are gone.
func (l *live) planRemovalOf(doomed func(*item) bool) {
	l.ready, l.open, l.left, l.sorted = nil, nil, 0, false
	holds := func(it *item) bool { return !it.gone() && doomed(it) && (!it.tried || !l.relentless()) }
	going := map[string][]*item{}
	for _, it := range l.order {
		it.waits, it.heirs, it.rank = 0, nil, it.Place
		if holds(it) {
			going[it.LogicalID] = append(going[it.LogicalID], it)
		}
	}
	for _, it := range l.order {
		if !holds(it) {
			continue
		}
		for _, id := range it.Depends {
			for _, on := range going[id] {
				on.waits++
				it.heirs = append(it.heirs, on)
			}
		}
	}
	for _, it := range slices.Backward(l.order) {
		switch {
		case it.gone(), it.tried, !doomed(it):
		case it.Status == DeleteInProgress:
			l.open = append(l.open, it)
		default:
			l.left++
			if it.waits == 0 {
				l.ready = append(l.ready, it)
			}
		}
	}
}

// relentless reports whether removals go on though one that others wait for
// has failed: after an update, all that can be removed is.
func (l *live) relentless() bool {
	return l.stack.Journal.Phase == tidying || l.stack.Journal.Phase == clearing
}

// release lets those go on who waited for it.
func (l *live) release(it *item) {
	for _, heir := range it.heirs {
		if heir.waits--; heir.waits == 0 {
			l.ready, l.sorted = append(l.ready, heir), false
		}
	}
	it.heirs = nil
}

// take removes up to n items from the frontier and makes them open. They go
// in the template's order, or against it while removing: which items a beat
// works on follows from the rows alone, whoever carried the last one.
func (l *live) take(n int) []*item {
	if !l.sorted {
		forth := 1
		switch l.stack.Journal.Phase {
		case rollingBack, deleting, tidying, clearing:
			forth = -1
		}
		slices.SortFunc(l.ready, func(a, b *item) int {
			return forth * cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.LogicalID, b.LogicalID), cmp.Compare(a.Generation, b.Generation))
		})
		l.sorted = true
	}
	n = min(n, len(l.ready))
	wave := slices.Clone(l.ready[:n])
	l.ready = l.ready[n:]
	l.open = append(l.open, wave...)
	l.left -= n
	return wave
}

// close removes items that have ended from the open ones.
func (l *live) close() {
	l.open = slices.DeleteFunc(l.open, func(it *item) bool { return !it.inProgress() })
}

// Ref answers what a resource that has been created is called.
func (l *live) Ref(logicalID string) (schema.Value, bool) {
	it, ok := l.items[logicalID]
	if !ok || !it.stands() {
		return nil, false
	}
	return it.model.Physical, true
}

// Physical is Ref as a change set asks for it.
func (l *live) Physical(logicalID string) (string, bool) {
	it, ok := l.items[logicalID]
	if !ok || !it.stands() {
		return "", false
	}
	return it.Physical, true
}

// stands reports whether others may refer to the item.
func (it *item) stands() bool { return it.Complete && !it.gone() }

// GetAtt answers an attribute of a resource that has been created.
func (l *live) GetAtt(logicalID, attribute string) (schema.Value, error) {
	it, ok := l.items[logicalID]
	if !ok || !it.stands() {
		return nil, invalid("Unresolved resource dependencies [%s]", logicalID)
	}
	if err := l.know(it); err != nil {
		return nil, err
	}
	if it.nested() {
		return it.output(attribute)
	}
	v, ok := it.kind.Attribute(it.model, logicalID, attribute)
	if !ok {
		return nil, unsupported(it, attribute)
	}
	return v, nil
}

func unsupported(it *item, attribute string) *Error {
	if it.kind.Schema == nil {
		return invalid("Template error: resource %s does not support attribute type %s in Fn::GetAtt", it.LogicalID, attribute)
	}
	return invalid("%s", it.kind.Schema.NoAttribute(it.LogicalID, attribute))
}

// checkAttributes says what is wrong with the attributes that the template
// asks for, before anything is created; "" if nothing is.
func (l *live) checkAttributes() string {
	check := func(n *template.Node) string {
		if n == nil {
			return ""
		}
		for _, r := range l.eval.References(n) {
			it, ok := l.items[r.Name]
			if !ok || !r.GetAtt() || r.Attribute == "" || it.kind.Outside || it.kind.Schema == nil {
				continue
			}
			if !it.kind.Schema.HasAttribute(r.Attribute) {
				return unsupported(it, r.Attribute).Message
			}
		}
		return ""
	}
	for _, r := range l.eval.Resources() {
		if fault := check(r.Properties); fault != "" {
			return fault
		}
	}
	for _, o := range l.eval.Template.Outputs {
		if o.Condition != "" && !l.eval.Condition(o.Condition) {
			continue
		}
		if fault := check(o.Value); fault != "" {
			return fault
		}
	}
	return ""
}

// seed is what a resource's names are derived from.
func (l *live) seed(it *item) schema.Seed {
	return schema.Seed{
		Partition: id.Partition(l.stack.Region), Account: l.stack.Account, Region: l.stack.Region,
		StackName: l.stack.Name, StackID: l.stack.ID, LogicalID: it.LogicalID, Generation: it.Generation,
	}
}

package stack

import (
	"time"

	"larder/internal/cfn/resource"
	"larder/internal/db"
)

// Rules are the rules in force, by which resources fail, take time or hang.
func (s *Stacks) Rules() resource.Rules { return *s.rules.Load() }

// TakeRules puts rules in force that operations under way go by already, as
// after a restart.
func (s *Stacks) TakeRules(rules resource.Rules) { s.rules.Store(&rules) }

// SetRules puts other rules in force once tx is committed, and has operations
// under way look at them: what a rule held up that is no more goes on.
func (s *Stacks) SetRules(tx *db.Tx, rules resource.Rules) error {
	tx.OnCommit(func() { s.rules.Store(&rules) })
	for _, name := range stackRuns {
		if err := s.runner.NudgeAll(tx, name); err != nil {
			return err
		}
	}
	return nil
}

// rehearse applies the rule for an item, if there is one.
func (t *turn) rehearse(action resource.Action, it *item) {
	rule, ok := t.rules.Find(resource.Subject{
		Action: action, Type: it.Type, LogicalID: it.LogicalID, Stack: t.l.stack.Name, Product: product(&t.l.stack),
	}, t.uses)
	if !ok {
		return
	}
	it.Hang, it.Fail, it.Rule = rule.Hang, rule.Fail, rule.Key()
	if rule.Delay > 0 {
		it.Due = t.now.Add(time.Duration(rule.Delay)).UnixMilli()
	}
}

// relieve lets go on what a rule holds up that is no longer in force. Its
// outcome stays as it was decided.
func (t *turn) relieve() {
	for _, it := range t.l.open {
		if it.Rule != "" && !t.rules.InForce(it.Rule) {
			it.Hang, it.Due, it.Rule = false, 0, ""
		}
	}
}

package testmode

import (
	"context"
	"net/http"
	"slices"

	"larder/internal/api"
	"larder/internal/cfn/resource"
	"larder/internal/db"
)

// settingRules is the setting that holds the rules in force.
const settingRules = "test-rules"

// ruleAnswer is a rule as it is shown.
type ruleAnswer struct {
	ID string `json:"id"`
	resource.Rule
	Uses int `json:"uses"`
}

func (m *Mode) getRules(ctx context.Context, _ *http.Request, _ []byte) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rulesAnswer(ctx)
}

// rulesAnswer is the list in force. Needs mu.
func (m *Mode) rulesAnswer(ctx context.Context) (any, error) {
	var uses resource.Uses
	err := m.db.View(ctx, func(tx *db.Tx) (err error) {
		uses, err = m.rules.LoadUses(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	list := m.rules.List()
	out := struct {
		Rules []ruleAnswer `json:"rules"`
	}{make([]ruleAnswer, len(list))}
	for i, rule := range list {
		out.Rules[i] = ruleAnswer{rule.Key(), rule, uses[rule.Key()]}
	}
	return out, nil
}

// rulesInput is a list as it is given.
type rulesInput struct {
	Rules []resource.Rule `json:"rules"`
}

// replaceRules puts other rules in force. All count from the beginning, those
// that were in force before, too.
func (m *Mode) replaceRules(ctx context.Context, _ *http.Request, body []byte) (any, error) {
	var in rulesInput
	if err := read(body, &in); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changeRules(ctx, in.Rules, resource.Rules{})
}

// appendRules puts rules in force behind those that are.
func (m *Mode) appendRules(ctx context.Context, _ *http.Request, body []byte) (any, error) {
	var in rulesInput
	if err := read(body, &in); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changeRules(ctx, slices.Concat(m.rules.List(), in.Rules), m.rules)
}

// deleteRules has no rule in force.
func (m *Mode) deleteRules(ctx context.Context, _ *http.Request, _ []byte) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changeRules(ctx, nil, resource.Rules{})
}

// deleteRule puts one rule out of force.
func (m *Mode) deleteRule(ctx context.Context, r *http.Request, _ []byte) (any, error) {
	key := r.PathValue("id")
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.rules.InForce(key) {
		return nil, api.ResourceNotFound("There is no rule %s", shown(key))
	}
	left := slices.DeleteFunc(slices.Clone(m.rules.List()), func(rule resource.Rule) bool { return rule.Key() == key })
	return m.changeRules(ctx, left, m.rules)
}

// changeRules puts a list in force. Rules that kept has go on counting, all
// others begin. Needs mu.
func (m *Mode) changeRules(ctx context.Context, list []resource.Rule, kept resource.Rules) (any, error) {
	rules, err := resource.NewRules(list)
	if err == nil {
		err = m.o.CheckRules(rules)
	}
	if err != nil {
		return nil, api.InvalidInput("%s", err)
	}
	before := m.rules
	err = m.replace(ctx, settings{rules, m.clock.ahead()}, func(tx *db.Tx) error {
		if err := before.ForgetUses(tx, kept); err != nil {
			return err
		}
		return rules.ForgetUses(tx, kept)
	})
	if err != nil {
		return nil, err
	}
	return m.rulesAnswer(ctx)
}

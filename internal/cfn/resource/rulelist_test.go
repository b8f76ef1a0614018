package resource_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/resource"
	"larder/internal/db"
	"larder/internal/db/dbtest"
)

func parseRules(t testing.TB, text string) resource.Rules {
	t.Helper()
	rules, err := resource.ParseRules([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestRulesRoundTrip(t *testing.T) {
	t.Parallel()
	rules := parseRules(t, `rules:
- {match: {type: "AWS::S3::*", stack: s}, fail: "no", count: 2, delay: 1m30s}
- {match: {operation: ProvisionProduct, name: "*", product: p}, hang: true}`)
	text, err := json.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	again := parseRules(t, string(text))
	for i, rule := range rules.List() {
		if got := again.List()[i].Key(); got != rule.Key() || !again.InForce(rule.Key()) {
			t.Errorf("rule %d is another one after it was written and read: %s", i, text)
		}
	}
	if rules.InForce("") || (resource.Rules{}).InForce(rules.List()[0].Key()) {
		t.Error("a rule that is not there is in force")
	}
	if text, err := json.Marshal(resource.Rules{}); err != nil || string(text) != `{"rules":[]}` {
		t.Errorf("no rules: %s, %v", text, err)
	}
}

func TestForgetUses(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		rules := parseRules(t, `rules: [{match: {type: A}, fail: x, count: 3}, {match: {type: B}, fail: x, count: 3}]`)
		uses := func() (n []int) {
			err := d.Update(t.Context(), func(tx *db.Tx) error {
				n = nil
				uses, err := rules.LoadUses(tx)
				for _, rule := range rules.List() {
					n = append(n, uses[rule.Key()])
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, kind := range []string{"A", "B", "B"} {
			err := d.Update(t.Context(), func(tx *db.Tx) error {
				_, _, err := rules.Use(tx, resource.Subject{Action: resource.Create, Type: kind})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		kept := parseRules(t, `rules: [{match: {type: B}, fail: x, count: 3}]`)
		for _, step := range []struct {
			kept resource.Rules
			want []int
		}{{rules, []int{1, 2}}, {kept, []int{0, 2}}, {resource.Rules{}, []int{0, 0}}} {
			if err := d.Update(t.Context(), func(tx *db.Tx) error { return rules.ForgetUses(tx, step.kept) }); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(step.want, uses()); d != "" {
				t.Error(d)
			}
		}
	})
}

package resource

import (
	"encoding/json"
	"slices"

	"larder/internal/db"
)

// Key names the rule within its list. It stays the same while the rule says
// the same.
func (r Rule) Key() string { return r.key }

// List is the list, in order. The caller must not alter it.
func (r Rules) List() []Rule { return r.list }

// InForce reports whether the rule of a key is in the list.
func (r Rules) InForce(key string) bool {
	return slices.ContainsFunc(r.list, func(rule Rule) bool { return rule.key == key })
}

// MarshalJSON writes the list as [ParseRules] reads it.
func (r Rules) MarshalJSON() ([]byte, error) {
	return json.Marshal(ruleFile{Rules: append([]Rule{}, r.list...)}) // an array, also of none
}

// ForgetUses has the rules of the list count from the beginning, except for
// those that kept has too.
func (r Rules) ForgetUses(tx *db.Tx, kept Rules) error {
	for _, rule := range r.list {
		if kept.InForce(rule.key) {
			continue
		}
		if err := tx.Exec(`DELETE FROM resource_rule WHERE rule = ?`, rule.key); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"time"

	"larder/internal/cfn/resource"
	"larder/internal/db"
	"larder/internal/provisioning"
)

// rehearse has the rules for operations decide what happens to those before
// their engine is asked.
func rehearse(rules func() resource.Rules) func(tx *db.Tx, operation, product, name string) (*provisioning.Rehearsal, error) {
	return func(tx *db.Tx, operation, product, name string) (*provisioning.Rehearsal, error) {
		rule, ok, err := rules().Use(tx, resource.Subject{Operation: operation, Product: product, Name: name})
		if !ok || err != nil {
			return nil, err
		}
		return &provisioning.Rehearsal{Delay: time.Duration(rule.Delay), Fail: rule.Fail, Hang: rule.Hang, Rule: rule.Key()}, nil
	}
}

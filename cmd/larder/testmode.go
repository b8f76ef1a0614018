package main

import (
	"context"
	"fmt"
	"os"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/provisioning"
	"larder/internal/testmode"
)

// testMode opens the test mode over the rooms that it has a hand in.
func (s *server) testMode(ctx context.Context, stacks *stack.Stacks, run *provisioning.Provisioning) (*testmode.Mode, error) {
	o := testmode.Options{
		DB: s.db, Runner: s.runner, Clock: s.clock, CheckRules: checkRules,
		SetRules: func(tx *db.Tx, rules resource.Rules) error {
			if err := stacks.SetRules(tx, rules); err != nil {
				return err
			}
			return run.Reconsider(tx)
		},
		TakeRules: stacks.TakeRules,
	}
	if s.rules != "" {
		rules, err := readRules(s.rules)
		if err != nil {
			return nil, err
		}
		o.Rules = &rules
	}
	return testmode.New(ctx, o)
}

// readRules reads a file of rules.
func readRules(path string) (resource.Rules, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return resource.Rules{}, fmt.Errorf("--rules: %w", err)
	}
	rules, err := resource.ParseRules(text)
	if err == nil {
		err = checkRules(rules)
	}
	if err != nil {
		return resource.Rules{}, fmt.Errorf("--rules %s: %w", path, err)
	}
	return rules, nil
}

// checkRules refuses rules that could never apply.
func checkRules(rules resource.Rules) error {
	return rules.CheckOperations(provisioning.RehearsedOperations())
}

package stackset

import (
	"context"
	"time"

	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/seal"
	"larder/internal/workflow"
)

// Options are what [New] needs.
type Options struct {
	DB     *db.DB
	Runner *workflow.Runner
	Keys   *seal.Keys
	Stacks *stack.Stacks
	// Refuses says why no instance of an administrator's sets may be at a
	// place, "" if one may. What it refuses fails that instance, not the
	// operation. nil refuses nothing.
	Refuses func(ctx context.Context, administrator string, at Place) (reason string, err error)
	Now     func() time.Time
	Limits  Limits // zero fields mean the defaults
}

// Limits are the settings of sets.
type Limits struct {
	Instances int // of a set, as AWS bounds them
	Claim     int // instances that one beat begins at most
	Settle    int // results that one beat counts at most
}

// DefaultLimits are AWS's quota, and steps that one transaction carries lightly.
var DefaultLimits = Limits{Instances: 100_000, Claim: 50, Settle: 500}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	if l.Instances > 0 {
		d.Instances = l.Instances
	}
	if l.Claim > 0 {
		d.Claim = l.Claim
	}
	if l.Settle > 0 {
		d.Settle = l.Settle
	}
	return d
}

// Sets is the store of stack sets and the executor of their operations.
type Sets struct {
	db      *db.DB
	runner  *workflow.Runner
	keys    *seal.Keys
	stacks  *stack.Stacks
	refuses func(context.Context, string, Place) (string, error)
	now     func() time.Time
	limits  Limits
}

// The runs of a set's operations.
const (
	operationRun = "stackset.operation/v1"
	instanceRun  = "stackset.instance/v1"
)

// New makes the store and registers its runs with the runner.
func New(o Options) *Sets {
	s := &Sets{
		db: o.DB, runner: o.Runner, keys: o.Keys, stacks: o.Stacks, refuses: o.Refuses, now: o.Now,
		limits: o.Limits.orDefault(),
	}
	if s.refuses == nil {
		s.refuses = func(context.Context, string, Place) (string, error) { return "", nil }
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.runner.Register(workflow.Definition{Name: operationRun, Steps: []workflow.Step{{Name: "roll out", Beat: s.rollOut}}})
	s.runner.Register(workflow.Definition{Name: instanceRun, Steps: []workflow.Step{{Name: "deploy", Beat: s.deploy}}})
	return s
}

// Signal names the workflow signal for the end of an operation, to be given
// as Report.
func Signal(operation string) string { return "stackset:" + operation }

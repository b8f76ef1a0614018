package resource

import (
	"context"

	"larder/internal/cfn/schema"
)

// Simulated handles a type by its schema alone: creating gives the model that
// the schema describes, deleting succeeds. It has no effect of its own; what
// it answers becomes real when it is written.
type Simulated struct{}

// Advance answers at once.
func (Simulated) Advance(_ context.Context, r Request) (Progress, error) {
	switch r.Action {
	case Create, Update:
		if v := r.Type.Validate(r.Properties); len(v) > 0 {
			p := Progress{Failure: &Failure{Code: "InvalidRequest", Message: r.Type.Reason(r.Seed.LogicalID, v)}}
			if isUnattachedPolicy(r, v) {
				p.Model, p.Failure.Lasting = r.Type.Simulate(r.Seed, r.Properties), true
			}
			return p, nil
		}
		return Progress{Model: r.Type.Simulate(r.Seed, r.Type.WithTags(r.Properties, r.propagated()))}, nil
	default:
		return Progress{Model: r.Model}, nil
	}
}

// isUnattachedPolicy reports whether all that is wrong is that an inline
// policy is attached to nobody. CloudFormation leaves that to IAM, which
// refuses it when it is to be put and again when it is to be removed
// (recorded: test_blocked_stack_deletion).
func isUnattachedPolicy(r Request, violations []schema.Violation) bool {
	if r.Name != "AWS::IAM::Policy" || len(violations) != 1 {
		return false
	}
	for _, holder := range []string{"Groups", "Roles", "Users"} {
		if list, ok := r.Properties[holder].([]any); r.Properties[holder] != nil && (!ok || len(list) > 0) {
			return false
		}
	}
	return r.Properties["PolicyName"] != nil && r.Properties["PolicyDocument"] != nil
}

// propagated returns the tags that the resource gets from its stack: the
// stack's own, and those by which CloudFormation marks what it made.
func (r Request) propagated() []schema.Tag {
	if !r.Type.SystemTags() {
		return r.Tags
	}
	tags := make([]schema.Tag, 0, len(r.Tags)+3)
	return append(append(tags, r.Tags...),
		schema.Tag{Key: "aws:cloudformation:stack-name", Value: r.Seed.StackName},
		schema.Tag{Key: "aws:cloudformation:stack-id", Value: r.Seed.StackID},
		schema.Tag{Key: "aws:cloudformation:logical-id", Value: r.Seed.LogicalID})
}

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
			return Progress{Failure: &Failure{Code: "InvalidRequest", Message: r.Type.Reason(r.Seed.LogicalID, v)}}, nil
		}
		return Progress{Model: r.Type.Simulate(r.Seed, r.Type.WithTags(r.Properties, r.propagated()))}, nil
	default:
		return Progress{Model: r.Model}, nil
	}
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

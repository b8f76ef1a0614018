package cfnapi

import (
	"context"

	"larder/internal/awsquery"
	"larder/internal/cfn/stack"
	"larder/internal/cfn/stackset"
	"larder/internal/cfn/template"
	"larder/internal/fetch"
	"larder/internal/seal"
)

// Options are what [Handlers] needs.
type Options struct {
	Stacks *stack.Stacks
	Sets   *stackset.Sets
	Fetch  *fetch.Client // for TemplateURL
	Tokens *seal.Tokens  // for NextToken
	// Template bounds the templates that are summarized and validated; zero
	// for [template.DefaultLimits].
	Template template.Limits
}

// Handlers returns the functions that serve CloudFormation's operations.
func Handlers(o Options) *awsquery.CloudFormationHandlers {
	a := &api{stacks: o.Stacks, sets: o.Sets, fetch: o.Fetch, tokens: o.Tokens, limits: o.Template}
	if a.limits == (template.Limits{}) {
		a.limits = template.DefaultLimits()
	}
	h := &awsquery.CloudFormationHandlers{
		CancelUpdateStack:           worded(a.cancelUpdateStack),
		ContinueUpdateRollback:      worded(a.continueUpdateRollback),
		CreateChangeSet:             worded(a.createChangeSet),
		CreateStack:                 worded(a.createStack),
		DeleteChangeSet:             worded(a.deleteChangeSet),
		DeleteStack:                 worded(a.deleteStack),
		DescribeChangeSet:           worded(a.describeChangeSet),
		DescribeStackEvents:         worded(a.describeStackEvents),
		DescribeStackResource:       worded(a.describeStackResource),
		DescribeStackResources:      worded(a.describeStackResources),
		DescribeStacks:              worded(a.describeStacks),
		ExecuteChangeSet:            worded(a.executeChangeSet),
		GetStackPolicy:              worded(a.getStackPolicy),
		GetTemplate:                 worded(a.getTemplate),
		GetTemplateSummary:          setWorded(a.getTemplateSummary),
		ListChangeSets:              worded(a.listChangeSets),
		ListExports:                 worded(a.listExports),
		ListImports:                 worded(a.listImports),
		ListStackResources:          worded(a.listStackResources),
		ListStacks:                  worded(a.listStacks),
		RollbackStack:               worded(a.rollbackStack),
		SetStackPolicy:              worded(a.setStackPolicy),
		SignalResource:              worded(a.signalResource),
		UpdateStack:                 worded(a.updateStack),
		UpdateTerminationProtection: worded(a.updateTerminationProtection),
		ValidateTemplate:            worded(a.validateTemplate),
	}
	a.serveSets(h)
	return h
}

// api serves the operations.
type api struct {
	stacks *stack.Stacks
	sets   *stackset.Sets
	fetch  *fetch.Client
	tokens *seal.Tokens
	limits template.Limits
}

// worded has an operation's refusals said in the query protocol's form. What
// is no refusal stays as it is, for the log.
func worded[I, O any](fn func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		out, err := fn(ctx, in)
		if e, ok := stack.AsError(err); ok {
			if e.Code == "ChangeSetNotFound" {
				return nil, awsquery.ChangeSetNotFound("%s", e.Message) // which has a status of its own
			}
			return nil, awsquery.Errorf(e.Code, "%s", e.Message)
		}
		return out, err
	}
}

// unbuilt refuses by its name a part of a built operation that is not there
// yet: an accepted member that has no effect would be worse.
func unbuilt(operation, part string) error {
	return awsquery.Unsupported(operation + " with " + part)
}

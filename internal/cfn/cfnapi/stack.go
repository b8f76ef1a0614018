package cfnapi

import (
	"context"
	"slices"
	"time"

	"larder/internal/awsquery"
	"larder/internal/cfn/stack"
	"larder/internal/identity"
)

func (a *api) createStack(ctx context.Context, in *awsquery.CreateStackInput) (*awsquery.CreateStackOutput, error) {
	switch {
	case in.DisableRollback && in.OnFailure != "":
		return nil, awsquery.ValidationError("Either OnFailure or DisableRollback can be specified, but not both.")
	case in.RollbackConfiguration != nil && len(in.RollbackConfiguration.RollbackTriggers) > 0:
		return nil, unbuilt("CreateStack", "rollback triggers")
	case len(in.ResourceTypes) > 0:
		return nil, unbuilt("CreateStack", "ResourceTypes")
	}
	given, err := givenFor(in.Parameters)
	if err != nil {
		return nil, err
	}
	source, err := a.source(ctx, in.TemplateBody, in.TemplateURL)
	if err != nil {
		return nil, err
	}
	policy, err := a.policy(ctx, in.StackPolicyBody, in.StackPolicyURL)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	create := stack.CreateInput{
		Account:               caller.Account,
		Region:                caller.Region,
		Token:                 in.ClientRequestToken,
		Name:                  in.StackName,
		Template:              source,
		Parameters:            given,
		Capabilities:          plain(in.Capabilities),
		Topics:                in.NotificationARNs,
		Role:                  in.RoleARN,
		OnFailure:             stack.OnFailure(in.OnFailure),
		RetainExceptOnCreate:  in.RetainExceptOnCreate,
		TerminationProtection: in.EnableTerminationProtection,
		Policy:                policy,
		Timeout:               time.Duration(in.TimeoutInMinutes) * time.Minute,
	}
	if in.DisableRollback {
		create.OnFailure = stack.DoNothing
	}
	if tags := tagsFor(in.Tags); tags != nil {
		create.Tags = *tags
	}
	st, err := a.stacks.Create(ctx, create)
	if err != nil {
		return nil, err
	}
	return &awsquery.CreateStackOutput{StackId: st.ID}, nil
}

func (a *api) deleteStack(ctx context.Context, in *awsquery.DeleteStackInput) (*awsquery.DeleteStackOutput, error) {
	if in.DeletionMode == awsquery.DeletionModeForceDeleteStack {
		return nil, unbuilt("DeleteStack", "DeletionMode "+string(in.DeletionMode))
	}
	caller := identity.CallerFrom(ctx)
	err := a.stacks.Delete(ctx, stack.DeleteInput{
		Account: caller.Account,
		Region:  caller.Region,
		Token:   in.ClientRequestToken,
		Stack:   in.StackName,
		Retain:  in.RetainResources,
		Role:    in.RoleARN,
	})
	if err != nil {
		return nil, err
	}
	return &awsquery.DeleteStackOutput{}, nil
}

func (a *api) describeStacks(ctx context.Context, in *awsquery.DescribeStacksInput) (*awsquery.DescribeStacksOutput, error) {
	caller := identity.CallerFrom(ctx)
	if in.StackName != "" {
		st, err := a.stacks.Describe(ctx, caller.Account, caller.Region, in.StackName)
		if err != nil {
			return nil, err
		}
		return &awsquery.DescribeStacksOutput{Stacks: []awsquery.Stack{described(&st)}}, nil
	}
	of := list(caller, "DescribeStacks")
	after, err := a.after(of, in.NextToken)
	if err != nil {
		return nil, err
	}
	page, after, err := a.stacks.List(ctx, stack.ListInput{
		Account: caller.Account, Region: caller.Region, Active: true, After: after,
	})
	if err != nil {
		return nil, err
	}
	out := &awsquery.DescribeStacksOutput{Stacks: make([]awsquery.Stack, len(page)), NextToken: a.next(of, after)}
	for i := range page {
		out.Stacks[i] = described(&page[i])
	}
	return out, nil
}

func (a *api) listStacks(ctx context.Context, in *awsquery.ListStacksInput) (*awsquery.ListStacksOutput, error) {
	caller := identity.CallerFrom(ctx)
	of := list(caller, "ListStacks", plain(in.StackStatusFilter)...)
	after, err := a.after(of, in.NextToken)
	if err != nil {
		return nil, err
	}
	statuses := make([]stack.Status, len(in.StackStatusFilter))
	for i, s := range in.StackStatusFilter {
		statuses[i] = stack.Status(s)
	}
	page, after, err := a.stacks.List(ctx, stack.ListInput{
		Account: caller.Account, Region: caller.Region, Statuses: statuses, After: after,
	})
	if err != nil {
		return nil, err
	}
	out := &awsquery.ListStacksOutput{StackSummaries: make([]awsquery.StackSummary, len(page)), NextToken: a.next(of, after)}
	for i := range page {
		out.StackSummaries[i] = summarized(&page[i])
	}
	return out, nil
}

// described is what DescribeStacks shows of a stack. Lists that AWS answers
// also when they are empty are never nil; the protection of a deleted stack
// is not shown (both as recorded).
func described(st *stack.Stack) awsquery.Stack {
	out := awsquery.Stack{
		StackId:               st.ID,
		StackName:             st.Name,
		StackStatus:           awsquery.StackStatus(st.Status),
		StackStatusReason:     st.Reason,
		Description:           st.Description,
		CreationTime:          st.Created,
		LastUpdatedTime:       st.Updated,
		DeletionTime:          st.Deleted,
		DisableRollback:       new(st.DisableRollback()),
		DriftInformation:      &awsquery.StackDriftInformation{StackDriftStatus: awsquery.StackDriftStatusNotChecked},
		RollbackConfiguration: &awsquery.RollbackConfiguration{},
		NotificationARNs:      append([]string{}, st.Topics...),
		RoleARN:               st.Role,
		ParentId:              st.Parent,
		RootId:                st.Root,
		Tags:                  make([]awsquery.Tag, len(st.Tags)),
	}
	if st.Status != stack.DeleteComplete {
		out.EnableTerminationProtection = new(st.TerminationProtection)
	}
	if st.Status != stack.DeleteComplete {
		out.ChangeSetId = st.ChangeSet
	}
	if st.RetainExceptOnCreate {
		out.RetainExceptOnCreate = new(true)
	}
	if st.TimeoutMinutes > 0 {
		out.TimeoutInMinutes = new(st.TimeoutMinutes)
	}
	for _, c := range st.Capabilities {
		out.Capabilities = append(out.Capabilities, awsquery.Capability(c))
	}
	for i, t := range st.Tags {
		out.Tags[i] = awsquery.Tag{Key: t.Key, Value: t.Value}
	}
	out.Parameters = parameters(st.Parameters)
	for _, o := range st.Outputs {
		out.Outputs = append(out.Outputs, awsquery.Output{
			OutputKey: o.Key, OutputValue: o.Value, Description: o.Description, ExportName: o.Export,
		})
	}
	return out
}

func summarized(st *stack.Stack) awsquery.StackSummary {
	return awsquery.StackSummary{
		StackId:             st.ID,
		StackName:           st.Name,
		StackStatus:         awsquery.StackStatus(st.Status),
		StackStatusReason:   st.Reason,
		TemplateDescription: st.Description,
		CreationTime:        st.Created,
		LastUpdatedTime:     st.Updated,
		DeletionTime:        st.Deleted,
		ParentId:            st.Parent,
		RootId:              st.Root,
		DriftInformation:    &awsquery.StackDriftInformationSummary{StackDriftStatus: awsquery.StackDriftStatusNotChecked},
	}
}

// plain turns enum values into strings; nil stays nil.
func plain[T ~string](values []T) []string {
	if values == nil {
		return nil
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return slices.Clip(out)
}

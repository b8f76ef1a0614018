package cfnapi

import (
	"context"

	"larder/internal/awsquery"
	"larder/internal/cfn/stackset"
	"larder/internal/identity"
)

func (a *api) describeStackSetOperation(ctx context.Context, in *awsquery.DescribeStackSetOperationInput) (*awsquery.DescribeStackSetOperationOutput, error) {
	if err := setsUnbuilt("DescribeStackSetOperation", in.CallAs, "", nil, nil); err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	op, err := a.sets.Operation(ctx, caller.Account, caller.Region, in.StackSetName, in.OperationId)
	if err != nil {
		return nil, err
	}
	out := &awsquery.StackSetOperation{
		OperationId:           op.ID,
		StackSetId:            op.Set,
		Action:                awsquery.StackSetOperationAction(op.Action),
		Status:                awsquery.StackSetOperationStatus(op.Status),
		StatusDetails:         failures(&op),
		OperationPreferences:  preferencesOf(op.Preferences),
		CreationTimestamp:     op.Created,
		EndTimestamp:          op.Ended,
		AdministrationRoleARN: op.Roles.Administration,
		ExecutionRoleName:     op.Roles.Execution,
	}
	if op.Action == stackset.Delete {
		out.RetainStacks = new(op.Retain)
	}
	return &awsquery.DescribeStackSetOperationOutput{StackSetOperation: out}, nil
}

func failures(op *stackset.Operation) *awsquery.StackSetOperationStatusDetails {
	return &awsquery.StackSetOperationStatusDetails{FailedStackInstancesCount: new(op.Failed)}
}

func (a *api) listStackSetOperations(ctx context.Context, in *awsquery.ListStackSetOperationsInput) (*awsquery.ListStackSetOperationsOutput, error) {
	if err := setsUnbuilt("ListStackSetOperations", in.CallAs, "", nil, nil); err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	of := list(caller, "ListStackSetOperations", in.StackSetName)
	after, err := a.after(of, in.NextToken)
	if err != nil {
		return nil, err
	}
	page, after, err := a.sets.Operations(ctx, caller.Account, caller.Region, in.StackSetName, after, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &awsquery.ListStackSetOperationsOutput{Summaries: make([]awsquery.StackSetOperationSummary, len(page)), NextToken: a.next(of, after)}
	for i := range page {
		op := &page[i]
		out.Summaries[i] = awsquery.StackSetOperationSummary{
			OperationId:          op.ID,
			Action:               awsquery.StackSetOperationAction(op.Action),
			Status:               awsquery.StackSetOperationStatus(op.Status),
			StatusDetails:        failures(op),
			OperationPreferences: preferencesOf(op.Preferences),
			CreationTimestamp:    op.Created,
			EndTimestamp:         op.Ended,
		}
	}
	return out, nil
}

func (a *api) listStackSetOperationResults(ctx context.Context, in *awsquery.ListStackSetOperationResultsInput) (*awsquery.ListStackSetOperationResultsOutput, error) {
	if err := setsUnbuilt("ListStackSetOperationResults", in.CallAs, "", nil, nil); err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	ask := stackset.ResultsInput{
		Account: caller.Account, Region: caller.Region, Set: in.StackSetName, Operation: in.OperationId, Limit: in.MaxResults,
	}
	for _, f := range in.Filters {
		ask.Status = stackset.Result(f.Values) // the model knows one filter
	}
	of := list(caller, "ListStackSetOperationResults", in.StackSetName, in.OperationId, string(ask.Status))
	after, err := a.after(of, in.NextToken)
	if err != nil {
		return nil, err
	}
	ask.After = after
	page, after, err := a.sets.Results(ctx, ask)
	if err != nil {
		return nil, err
	}
	out := &awsquery.ListStackSetOperationResultsOutput{
		Summaries: make([]awsquery.StackSetOperationResultSummary, len(page)), NextToken: a.next(of, after),
	}
	for i := range page {
		r := &page[i]
		out.Summaries[i] = awsquery.StackSetOperationResultSummary{
			Account: r.Account, Region: r.Region, Status: awsquery.StackSetOperationResultStatus(r.Status), StatusReason: r.Reason,
		}
		if r.Status == stackset.Done || r.Status == stackset.Broken {
			// Nobody has made the function that would guard the account.
			out.Summaries[i].AccountGateResult = &awsquery.AccountGateResult{Status: awsquery.AccountGateStatusSkipped}
		}
	}
	return out, nil
}

func (a *api) stopStackSetOperation(ctx context.Context, in *awsquery.StopStackSetOperationInput) (*awsquery.StopStackSetOperationOutput, error) {
	if err := setsUnbuilt("StopStackSetOperation", in.CallAs, "", nil, nil); err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	return &awsquery.StopStackSetOperationOutput{}, a.sets.Stop(ctx, caller.Account, caller.Region, in.StackSetName, in.OperationId)
}

package cfnapi

import (
	"context"

	"larder/internal/awsquery"
	"larder/internal/cfn/stackset"
	"larder/internal/identity"
)

// targetsUnbuilt refuses targets and preferences that sets do not have yet.
func targetsUnbuilt(operation string, targets *awsquery.DeploymentTargets, preferences *awsquery.StackSetOperationPreferences) error {
	if targets != nil {
		// They go with service-managed permissions.
		return unbuilt(operation, "DeploymentTargets")
	}
	if preferences != nil && preferences.RegionConcurrencyType == awsquery.RegionConcurrencyTypeParallel {
		return unbuilt(operation, "RegionConcurrencyType "+string(preferences.RegionConcurrencyType))
	}
	return nil
}

func preferencesFor(p *awsquery.StackSetOperationPreferences) stackset.Preferences {
	if p == nil {
		return stackset.Preferences{}
	}
	return stackset.Preferences{
		RegionOrder:           p.RegionOrder,
		ToleranceCount:        p.FailureToleranceCount,
		TolerancePercentage:   p.FailureTolerancePercentage,
		ConcurrencyCount:      p.MaxConcurrentCount,
		ConcurrencyPercentage: p.MaxConcurrentPercentage,
		Soft:                  p.ConcurrencyMode == awsquery.ConcurrencyModeSoftFailureTolerance,
	}
}

func preferencesOf(p stackset.Preferences) *awsquery.StackSetOperationPreferences {
	out := &awsquery.StackSetOperationPreferences{
		RegionConcurrencyType:      awsquery.RegionConcurrencyTypeSequential,
		RegionOrder:                append([]string{}, p.RegionOrder...),
		FailureToleranceCount:      p.ToleranceCount,
		FailureTolerancePercentage: p.TolerancePercentage,
		MaxConcurrentCount:         p.ConcurrencyCount,
		MaxConcurrentPercentage:    p.ConcurrencyPercentage,
	}
	if p.Soft {
		out.ConcurrencyMode = awsquery.ConcurrencyModeSoftFailureTolerance
	}
	return out
}

func (a *api) createStackInstances(ctx context.Context, in *awsquery.CreateStackInstancesInput) (*awsquery.CreateStackInstancesOutput, error) {
	ask, err := a.instances(ctx, "CreateStackInstances", in.CallAs, in.DeploymentTargets, in.OperationPreferences)
	if err != nil {
		return nil, err
	}
	ask.Set, ask.Operation, ask.Overrides = in.StackSetName, in.OperationId, valuesFor(in.ParameterOverrides)
	ask.Targets = stackset.Targets{Accounts: in.Accounts, Regions: in.Regions}
	id, err := a.sets.CreateInstances(ctx, ask)
	if err != nil {
		return nil, err
	}
	return &awsquery.CreateStackInstancesOutput{OperationId: id}, nil
}

func (a *api) updateStackInstances(ctx context.Context, in *awsquery.UpdateStackInstancesInput) (*awsquery.UpdateStackInstancesOutput, error) {
	ask, err := a.instances(ctx, "UpdateStackInstances", in.CallAs, in.DeploymentTargets, in.OperationPreferences)
	if err != nil {
		return nil, err
	}
	ask.Set, ask.Operation, ask.Overrides = in.StackSetName, in.OperationId, valuesFor(in.ParameterOverrides)
	ask.Targets = stackset.Targets{Accounts: in.Accounts, Regions: in.Regions}
	id, err := a.sets.UpdateInstances(ctx, ask)
	if err != nil {
		return nil, err
	}
	return &awsquery.UpdateStackInstancesOutput{OperationId: id}, nil
}

func (a *api) deleteStackInstances(ctx context.Context, in *awsquery.DeleteStackInstancesInput) (*awsquery.DeleteStackInstancesOutput, error) {
	ask, err := a.instances(ctx, "DeleteStackInstances", in.CallAs, in.DeploymentTargets, in.OperationPreferences)
	if err != nil {
		return nil, err
	}
	ask.Set, ask.Operation, ask.Retain = in.StackSetName, in.OperationId, in.RetainStacks
	ask.Targets = stackset.Targets{Accounts: in.Accounts, Regions: in.Regions}
	id, err := a.sets.DeleteInstances(ctx, ask)
	if err != nil {
		return nil, err
	}
	return &awsquery.DeleteStackInstancesOutput{OperationId: id}, nil
}

// instances is what the operations on instances have in common.
func (a *api) instances(ctx context.Context, operation string, as awsquery.CallAs, targets *awsquery.DeploymentTargets, preferences *awsquery.StackSetOperationPreferences) (stackset.InstancesInput, error) {
	if err := setsUnbuilt(operation, as, "", nil, nil); err != nil {
		return stackset.InstancesInput{}, err
	}
	if err := targetsUnbuilt(operation, targets, preferences); err != nil {
		return stackset.InstancesInput{}, err
	}
	caller := identity.CallerFrom(ctx)
	return stackset.InstancesInput{Account: caller.Account, Region: caller.Region, Preferences: preferencesFor(preferences)}, nil
}

func (a *api) describeStackInstance(ctx context.Context, in *awsquery.DescribeStackInstanceInput) (*awsquery.DescribeStackInstanceOutput, error) {
	if err := setsUnbuilt("DescribeStackInstance", in.CallAs, "", nil, nil); err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	at := stackset.Place{Account: in.StackInstanceAccount, Region: in.StackInstanceRegion}
	_, i, err := a.sets.Instance(ctx, caller.Account, caller.Region, in.StackSetName, at)
	if err != nil {
		return nil, err
	}
	return &awsquery.DescribeStackInstanceOutput{StackInstance: &awsquery.StackInstance{
		StackSetId:          i.Set,
		Account:             i.Account,
		Region:              i.Region,
		StackId:             i.Stack,
		Status:              awsquery.StackInstanceStatus(i.Status),
		StatusReason:        i.Reason,
		StackInstanceStatus: detailed(&i),
		ParameterOverrides:  parametersOf(i.Overrides),
		LastOperationId:     i.Operation,
		DriftStatus:         awsquery.StackDriftStatusNotChecked,
	}}, nil
}

func detailed(i *stackset.Instance) *awsquery.StackInstanceComprehensiveStatus {
	return &awsquery.StackInstanceComprehensiveStatus{DetailedStatus: awsquery.StackInstanceDetailedStatus(i.Detailed())}
}

func (a *api) listStackInstances(ctx context.Context, in *awsquery.ListStackInstancesInput) (*awsquery.ListStackInstancesOutput, error) {
	if err := setsUnbuilt("ListStackInstances", in.CallAs, "", nil, nil); err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	ask := stackset.InstancesList{
		Account: caller.Account, Region: caller.Region, Set: in.StackSetName, Limit: in.MaxResults,
		At: stackset.Place{Account: in.StackInstanceAccount, Region: in.StackInstanceRegion},
	}
	drifted := false // nothing is: drift is not looked for
	for _, f := range in.Filters {
		switch f.Name {
		case awsquery.StackInstanceFilterNameDetailedStatus:
			ask.Detailed = f.Values
		case awsquery.StackInstanceFilterNameLastOperationId:
			ask.Operation = f.Values
		case awsquery.StackInstanceFilterNameDriftStatus:
			drifted = f.Values != string(awsquery.StackDriftStatusNotChecked)
		}
	}
	of := list(caller, "ListStackInstances", in.StackSetName, ask.At.Account, ask.At.Region, ask.Detailed, ask.Operation)
	after, err := a.after(of, in.NextToken)
	if err != nil {
		return nil, err
	}
	ask.After = place(after)
	set, page, next, err := a.sets.Instances(ctx, ask)
	if err != nil {
		return nil, err
	}
	out := &awsquery.ListStackInstancesOutput{Summaries: []awsquery.StackInstanceSummary{}}
	if drifted {
		return out, nil
	}
	if next != (stackset.Place{}) {
		out.NextToken = a.next(of, next.Account+"/"+next.Region)
	}
	for i := range page {
		at := &page[i]
		out.Summaries = append(out.Summaries, awsquery.StackInstanceSummary{
			StackSetId:          set.ID,
			Account:             at.Account,
			Region:              at.Region,
			StackId:             at.Stack,
			Status:              awsquery.StackInstanceStatus(at.Status),
			StatusReason:        at.Reason,
			StackInstanceStatus: detailed(at),
			LastOperationId:     at.Operation,
			DriftStatus:         awsquery.StackDriftStatusNotChecked,
		})
	}
	return out, nil
}

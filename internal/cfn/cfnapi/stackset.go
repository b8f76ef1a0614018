package cfnapi

import (
	"context"
	"strings"

	"larder/internal/awsquery"
	"larder/internal/cfn/stack"
	"larder/internal/cfn/stackset"
	"larder/internal/identity"
)

// serveSets adds the operations on stack sets.
func (a *api) serveSets(h *awsquery.CloudFormationHandlers) {
	h.CreateStackInstances = setWorded(a.createStackInstances)
	h.CreateStackSet = setWorded(a.createStackSet)
	h.DeleteStackInstances = setWorded(a.deleteStackInstances)
	h.DeleteStackSet = setWorded(a.deleteStackSet)
	h.DescribeStackInstance = setWorded(a.describeStackInstance)
	h.DescribeStackSet = setWorded(a.describeStackSet)
	h.DescribeStackSetOperation = setWorded(a.describeStackSetOperation)
	h.ListStackInstances = setWorded(a.listStackInstances)
	h.ListStackSetOperationResults = setWorded(a.listStackSetOperationResults)
	h.ListStackSetOperations = setWorded(a.listStackSetOperations)
	h.ListStackSets = setWorded(a.listStackSets)
	h.StopStackSetOperation = setWorded(a.stopStackSetOperation)
	h.UpdateStackInstances = setWorded(a.updateStackInstances)
	h.UpdateStackSet = setWorded(a.updateStackSet)
}

// setWorded is worded for operations whose model has exceptions of its own,
// each with its HTTP status.
func setWorded[I, O any](fn func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return worded(func(ctx context.Context, in *I) (*O, error) {
		out, err := fn(ctx, in)
		e, ok := stack.AsError(err)
		if !ok {
			return out, err
		}
		if exception := exceptions[e.Code]; exception != nil {
			return nil, exception("%s", e.Message)
		}
		return nil, err
	})
}

var exceptions = map[string]func(format string, args ...any) *awsquery.Error{
	"CreatedButModifiedException":       awsquery.CreatedButModified,
	"InvalidOperationException":         awsquery.InvalidOperation,
	"LimitExceededException":            awsquery.LimitExceeded,
	"NameAlreadyExistsException":        awsquery.NameAlreadyExists,
	"OperationIdAlreadyExistsException": awsquery.OperationIdAlreadyExists,
	"OperationInProgressException":      awsquery.OperationInProgress,
	"OperationNotFoundException":        awsquery.OperationNotFound,
	"StackInstanceNotFoundException":    awsquery.StackInstanceNotFound,
	"StackSetNotEmptyException":         awsquery.StackSetNotEmpty,
	"StackSetNotFoundException":         awsquery.StackSetNotFound,
}

// setsUnbuilt refuses what sets cannot do yet: an organization's own
// permissions, what comes with them, and calls for another account.
func setsUnbuilt(operation string, as awsquery.CallAs, model awsquery.PermissionModels, auto *awsquery.AutoDeployment, managed *awsquery.ManagedExecution) error {
	switch {
	case as == awsquery.CallAsDelegatedAdmin:
		return unbuilt(operation, "CallAs "+string(as))
	case model == awsquery.PermissionModelsServiceManaged:
		return unbuilt(operation, "PermissionModel "+string(model))
	case auto != nil && auto.Enabled != nil && *auto.Enabled:
		return awsquery.ValidationError("AutoDeployment can only be specified with PermissionModel SERVICE_MANAGED")
	case managed != nil && managed.Active != nil && *managed.Active:
		return unbuilt(operation, "ManagedExecution")
	}
	return nil
}

func (a *api) createStackSet(ctx context.Context, in *awsquery.CreateStackSetInput) (*awsquery.CreateStackSetOutput, error) {
	if err := setsUnbuilt("CreateStackSet", in.CallAs, in.PermissionModel, in.AutoDeployment, in.ManagedExecution); err != nil {
		return nil, err
	}
	if in.StackId != "" {
		return nil, unbuilt("CreateStackSet", "StackId")
	}
	if _, err := givenFor(in.Parameters); err != nil {
		return nil, err // there is no previous value yet
	}
	source, err := a.source(ctx, in.TemplateBody, in.TemplateURL)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	set, err := a.sets.CreateSet(ctx, stackset.SetInput{
		Account: caller.Account, Region: caller.Region, Token: in.ClientRequestToken,
		Content: stackset.Content{
			Name: in.StackSetName, Description: in.Description, Template: source, Parameters: valuesFor(in.Parameters),
			Tags: givenTags(in.Tags), Capabilities: plain(in.Capabilities),
			Roles: stackset.Roles{Administration: in.AdministrationRoleARN, Execution: in.ExecutionRoleName},
		},
	})
	if err != nil {
		return nil, err
	}
	return &awsquery.CreateStackSetOutput{StackSetId: set.ID}, nil
}

func (a *api) updateStackSet(ctx context.Context, in *awsquery.UpdateStackSetInput) (*awsquery.UpdateStackSetOutput, error) {
	if err := setsUnbuilt("UpdateStackSet", in.CallAs, in.PermissionModel, in.AutoDeployment, in.ManagedExecution); err != nil {
		return nil, err
	}
	if err := targetsUnbuilt("UpdateStackSet", in.DeploymentTargets, in.OperationPreferences); err != nil {
		return nil, err
	}
	update := stackset.SetUpdate{
		Set: in.StackSetName, Operation: in.OperationId, Preferences: preferencesFor(in.OperationPreferences),
		Content: stackset.Content{
			Description: in.Description, Parameters: valuesFor(in.Parameters), Tags: givenTags(in.Tags), Capabilities: plain(in.Capabilities),
			Roles: stackset.Roles{Administration: in.AdministrationRoleARN, Execution: in.ExecutionRoleName},
		},
	}
	caller := identity.CallerFrom(ctx)
	update.Account, update.Region = caller.Account, caller.Region
	switch {
	case !in.UsePreviousTemplate:
		source, err := a.source(ctx, in.TemplateBody, in.TemplateURL)
		if err != nil {
			return nil, err
		}
		update.Template = source
	case in.TemplateBody != "" || in.TemplateURL != "":
		return nil, awsquery.ValidationError("You must specify only one of the following parameters: TemplateBody, TemplateURL, UsePreviousTemplate")
	}
	switch {
	case len(in.Accounts) > 0 && len(in.Regions) > 0:
		update.Targets = &stackset.Targets{Accounts: in.Accounts, Regions: in.Regions}
	case len(in.Accounts) > 0 || len(in.Regions) > 0:
		return nil, awsquery.ValidationError("Accounts and Regions must be specified together")
	}
	id, err := a.sets.UpdateSet(ctx, update)
	if err != nil {
		return nil, err
	}
	return &awsquery.UpdateStackSetOutput{OperationId: id}, nil
}

func (a *api) deleteStackSet(ctx context.Context, in *awsquery.DeleteStackSetInput) (*awsquery.DeleteStackSetOutput, error) {
	if err := setsUnbuilt("DeleteStackSet", in.CallAs, "", nil, nil); err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	return &awsquery.DeleteStackSetOutput{}, a.sets.DeleteSet(ctx, caller.Account, caller.Region, in.StackSetName)
}

func (a *api) describeStackSet(ctx context.Context, in *awsquery.DescribeStackSetInput) (*awsquery.DescribeStackSetOutput, error) {
	if err := setsUnbuilt("DescribeStackSet", in.CallAs, "", nil, nil); err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	set, regions, err := a.sets.Describe(ctx, caller.Account, caller.Region, in.StackSetName)
	if err != nil {
		return nil, err
	}
	text, err := a.sets.Template(ctx, &set)
	if err != nil {
		return nil, err
	}
	out := &awsquery.StackSet{
		StackSetId:            set.ID,
		StackSetARN:           set.ARN,
		StackSetName:          set.Name,
		Status:                setStatus(&set),
		Description:           set.Description,
		TemplateBody:          string(text),
		Parameters:            parametersOf(set.Parameters),
		Capabilities:          capabilitiesOf(set.Capabilities),
		Tags:                  make([]awsquery.Tag, len(set.Tags)),
		Regions:               append([]string{}, regions...),
		AdministrationRoleARN: set.Roles.Administration,
		ExecutionRoleName:     set.Roles.Execution,
		PermissionModel:       awsquery.PermissionModelsSelfManaged,
		ManagedExecution:      &awsquery.ManagedExecution{Active: new(false)},
		OrganizationalUnitIds: []string{},
	}
	for i, t := range set.Tags {
		out.Tags[i] = awsquery.Tag{Key: t.Key, Value: t.Value}
	}
	return &awsquery.DescribeStackSetOutput{StackSet: out}, nil
}

// setTemplate is the template of the set that GetTemplateSummary names.
func (a *api) setTemplate(ctx context.Context, in *awsquery.GetTemplateSummaryInput) ([]byte, error) {
	if in.StackName != "" || in.TemplateBody != "" || in.TemplateURL != "" {
		return nil, awsquery.ValidationError("StackSetName cannot be specified together with a stack or a template.")
	}
	caller := identity.CallerFrom(ctx)
	set, _, err := a.sets.Describe(ctx, caller.Account, caller.Region, in.StackSetName)
	if err != nil {
		return nil, err
	}
	return a.sets.Template(ctx, &set)
}

func (a *api) listStackSets(ctx context.Context, in *awsquery.ListStackSetsInput) (*awsquery.ListStackSetsOutput, error) {
	if err := setsUnbuilt("ListStackSets", in.CallAs, "", nil, nil); err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	of := list(caller, "ListStackSets", string(in.Status))
	after, err := a.after(of, in.NextToken)
	if err != nil {
		return nil, err
	}
	ask := stackset.ListInput{Account: caller.Account, Region: caller.Region, After: after, Limit: in.MaxResults}
	if in.Status != "" {
		ask.Deleted = new(in.Status == awsquery.StackSetStatusDeleted)
	}
	page, after, err := a.sets.List(ctx, ask)
	if err != nil {
		return nil, err
	}
	out := &awsquery.ListStackSetsOutput{Summaries: make([]awsquery.StackSetSummary, len(page)), NextToken: a.next(of, after)}
	for i := range page {
		set := &page[i]
		out.Summaries[i] = awsquery.StackSetSummary{
			StackSetId:       set.ID,
			StackSetName:     set.Name,
			Description:      set.Description,
			Status:           setStatus(set),
			PermissionModel:  awsquery.PermissionModelsSelfManaged,
			DriftStatus:      awsquery.StackDriftStatusNotChecked,
			ManagedExecution: &awsquery.ManagedExecution{Active: new(false)},
		}
	}
	return out, nil
}

func setStatus(set *stackset.Set) awsquery.StackSetStatus {
	if set.Deleted {
		return awsquery.StackSetStatusDeleted
	}
	return awsquery.StackSetStatusActive
}

// valuesFor reads the values given for parameters, nil if none are.
func valuesFor(parameters []awsquery.Parameter) (given []stackset.Given) {
	for _, p := range parameters {
		g := stackset.Given{Key: p.ParameterKey, Previous: p.UsePreviousValue != nil && *p.UsePreviousValue}
		if p.ParameterValue != nil {
			g.Value = *p.ParameterValue
		}
		given = append(given, g)
	}
	return given
}

func parametersOf(parameters []stackset.Parameter) []awsquery.Parameter {
	out := make([]awsquery.Parameter, len(parameters))
	for i, p := range parameters {
		out[i] = awsquery.Parameter{ParameterKey: p.Key, ParameterValue: new(p.Value)}
	}
	return out
}

func capabilitiesOf(names []string) []awsquery.Capability {
	out := make([]awsquery.Capability, len(names))
	for i, name := range names {
		out[i] = awsquery.Capability(name)
	}
	return out
}

// givenTags reads tags; nil if none are given.
func givenTags(tags []awsquery.Tag) (out []stack.Tag) {
	for _, t := range tags {
		out = append(out, stack.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}

// place splits what page puts together.
func place(after string) stackset.Place {
	account, region, _ := strings.Cut(after, "/")
	return stackset.Place{Account: account, Region: region}
}

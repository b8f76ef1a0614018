package cfnapi

import (
	"context"

	"larder/internal/awsquery"
	"larder/internal/cfn/stack"
	"larder/internal/identity"
)

func (a *api) updateStack(ctx context.Context, in *awsquery.UpdateStackInput) (*awsquery.UpdateStackOutput, error) {
	switch {
	case in.RollbackConfiguration != nil && len(in.RollbackConfiguration.RollbackTriggers) > 0:
		return nil, unbuilt("UpdateStack", "rollback triggers")
	case len(in.ResourceTypes) > 0:
		return nil, unbuilt("UpdateStack", "ResourceTypes")
	}
	caller := identity.CallerFrom(ctx)
	update := stack.UpdateInput{
		Account:              caller.Account,
		Region:               caller.Region,
		Token:                in.ClientRequestToken,
		Stack:                in.StackName,
		Tags:                 tagsFor(in.Tags),
		Topics:               in.NotificationARNs,
		Role:                 in.RoleARN,
		Capabilities:         plain(in.Capabilities),
		DisableRollback:      in.DisableRollback,
		RetainExceptOnCreate: in.RetainExceptOnCreate,
	}
	var err error
	if update.Parameters, err = givenFor(in.Parameters); err != nil {
		return nil, err
	}
	if update.Template, err = a.nextTemplate(ctx, in.UsePreviousTemplate, in.TemplateBody, in.TemplateURL); err != nil {
		return nil, err
	}
	if update.Policy, err = a.policy(ctx, in.StackPolicyBody, in.StackPolicyURL); err != nil {
		return nil, err
	}
	if update.PolicyDuringUpdate, err = a.policy(ctx, in.StackPolicyDuringUpdateBody, in.StackPolicyDuringUpdateURL); err != nil {
		return nil, err
	}
	st, err := a.stacks.Update(ctx, update)
	if err != nil {
		return nil, err
	}
	return &awsquery.UpdateStackOutput{StackId: st.ID}, nil
}

// nextTemplate returns the text of the template that a stack is to have; nil
// for the one that it has.
func (a *api) nextTemplate(ctx context.Context, previous bool, body, location string) ([]byte, error) {
	switch {
	case !previous:
		return a.source(ctx, body, location)
	case body != "" || location != "":
		return nil, awsquery.ValidationError("You cannot specify both usePreviousTemplate and Template Body/Template URL.")
	}
	return nil, nil
}

// tagsFor reads the tags that a stack is to have; nil for those that it has.
func tagsFor(tags []awsquery.Tag) *[]stack.Tag {
	if tags == nil {
		return nil
	}
	all := make([]stack.Tag, len(tags))
	for i, t := range tags {
		all[i] = stack.Tag{Key: t.Key, Value: t.Value}
	}
	return &all
}

// givenFor reads the values given for parameters.
func givenFor(parameters []awsquery.Parameter) ([]stack.Given, error) {
	var given []stack.Given
	for _, p := range parameters {
		previous := p.UsePreviousValue != nil && *p.UsePreviousValue
		switch {
		case previous && p.ParameterValue != nil && *p.ParameterValue != "":
			return nil, awsquery.ValidationError("Invalid input for parameter key %s. Cannot specify usePreviousValue as true and non empty value for a parameter", p.ParameterKey)
		case previous:
			given = append(given, stack.Given{Key: p.ParameterKey, Previous: true})
		case p.ParameterValue != nil:
			given = append(given, stack.Given{Key: p.ParameterKey, Value: *p.ParameterValue})
		}
	}
	return given, nil
}

func (a *api) cancelUpdateStack(ctx context.Context, in *awsquery.CancelUpdateStackInput) (*awsquery.CancelUpdateStackOutput, error) {
	caller := identity.CallerFrom(ctx)
	return &awsquery.CancelUpdateStackOutput{}, a.stacks.CancelUpdate(ctx, caller.Account, caller.Region, in.StackName)
}

func (a *api) continueUpdateRollback(ctx context.Context, in *awsquery.ContinueUpdateRollbackInput) (*awsquery.ContinueUpdateRollbackOutput, error) {
	caller := identity.CallerFrom(ctx)
	return &awsquery.ContinueUpdateRollbackOutput{}, a.stacks.ContinueRollback(ctx, stack.ContinueInput{
		Account: caller.Account,
		Region:  caller.Region,
		Token:   in.ClientRequestToken,
		Stack:   in.StackName,
		Skip:    in.ResourcesToSkip,
		Role:    in.RoleARN,
	})
}

func (a *api) rollbackStack(ctx context.Context, in *awsquery.RollbackStackInput) (*awsquery.RollbackStackOutput, error) {
	caller := identity.CallerFrom(ctx)
	st, err := a.stacks.Rollback(ctx, stack.RollbackInput{
		Account:              caller.Account,
		Region:               caller.Region,
		Token:                in.ClientRequestToken,
		Stack:                in.StackName,
		Role:                 in.RoleARN,
		RetainExceptOnCreate: in.RetainExceptOnCreate,
	})
	if err != nil {
		return nil, err
	}
	return &awsquery.RollbackStackOutput{StackId: st.ID}, nil
}

func (a *api) updateTerminationProtection(ctx context.Context, in *awsquery.UpdateTerminationProtectionInput) (*awsquery.UpdateTerminationProtectionOutput, error) {
	caller := identity.CallerFrom(ctx)
	st, err := a.stacks.Protect(ctx, caller.Account, caller.Region, in.StackName, in.EnableTerminationProtection)
	if err != nil {
		return nil, err
	}
	return &awsquery.UpdateTerminationProtectionOutput{StackId: st.ID}, nil
}

package cfnapi

import (
	"context"

	"larder/internal/awsquery"
	"larder/internal/cfn/stack"
	"larder/internal/identity"
)

// policy returns the text of the stack policy that a request gives as body or
// URL; "" if it gives none.
func (a *api) policy(ctx context.Context, body, location string) (string, error) {
	switch {
	case body != "" && location != "":
		return "", awsquery.ValidationError("You cannot specify both StackPolicyURL and StackPolicyBody")
	case location == "":
		return body, nil
	}
	res, err := a.fetch.Get(ctx, location)
	if err != nil {
		return "", stack.Unfetched(err, a.limits.Bytes)
	}
	return string(res.Body), nil
}

func (a *api) setStackPolicy(ctx context.Context, in *awsquery.SetStackPolicyInput) (*awsquery.SetStackPolicyOutput, error) {
	text, err := a.policy(ctx, in.StackPolicyBody, in.StackPolicyURL)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, awsquery.ValidationError("You must specify either StackPolicyURL or StackPolicyBody")
	}
	caller := identity.CallerFrom(ctx)
	return &awsquery.SetStackPolicyOutput{}, a.stacks.SetPolicy(ctx, caller.Account, caller.Region, in.StackName, text)
}

func (a *api) getStackPolicy(ctx context.Context, in *awsquery.GetStackPolicyInput) (*awsquery.GetStackPolicyOutput, error) {
	caller := identity.CallerFrom(ctx)
	st, err := a.stacks.Describe(ctx, caller.Account, caller.Region, in.StackName)
	if err != nil {
		return nil, err
	}
	text := st.Policy
	if st.Transition != nil && st.Transition.Policy != "" {
		text = st.Transition.Policy // in its place while the update lasts (recorded: test_policy_during_update)
	}
	return &awsquery.GetStackPolicyOutput{StackPolicyBody: text}, nil
}

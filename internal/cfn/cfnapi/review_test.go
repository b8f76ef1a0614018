package cfnapi_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// TestStackInReview asks for all that can be asked of a stack of which there
// is only a change set.
func TestStackInReview(t *testing.T) {
	t.Parallel()
	c := open(t, nil).client(account, region)
	name := aws.String("reviewed")
	_, err := c.CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{
		StackName: name, ChangeSetName: aws.String("first"), ChangeSetType: types.ChangeSetTypeCreate,
		TemplateBody: aws.String(`{"Resources":{"T":{"Type":"AWS::SNS::Topic"}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, call := range map[string]struct {
		do   func(context.Context) error
		want string // how the refusal begins: code and message; "" for none
	}{
		"GetTemplate": {func(ctx context.Context) error {
			out, err := c.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: name})
			if err == nil && aws.ToString(out.TemplateBody) != "" {
				t.Errorf("a stack in review has the template %s", *out.TemplateBody)
			}
			return err
		}, ""},
		"GetTemplate, processed": {func(ctx context.Context) error {
			_, err := c.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: name, TemplateStage: types.TemplateStageProcessed})
			return err
		}, ""},
		"GetTemplateSummary": {func(ctx context.Context) error {
			_, err := c.GetTemplateSummary(ctx, &cloudformation.GetTemplateSummaryInput{StackName: name})
			return err
		}, "ValidationError: GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks."},
		"DescribeStacks": {func(ctx context.Context) error {
			_, err := c.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: name})
			return err
		}, ""},
		"DescribeStackEvents": {func(ctx context.Context) error {
			_, err := c.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: name})
			return err
		}, ""},
		"DescribeStackResources": {func(ctx context.Context) error {
			_, err := c.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: name})
			return err
		}, ""},
		"ListStackResources": {func(ctx context.Context) error {
			_, err := c.ListStackResources(ctx, &cloudformation.ListStackResourcesInput{StackName: name})
			return err
		}, ""},
		"GetStackPolicy": {func(ctx context.Context) error {
			_, err := c.GetStackPolicy(ctx, &cloudformation.GetStackPolicyInput{StackName: name})
			return err
		}, ""},
		"UpdateStack": {func(ctx context.Context) error {
			_, err := c.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: name, UsePreviousTemplate: aws.Bool(true)})
			return err
		}, "ValidationError: Stack:arn:"},
		"RollbackStack": {func(ctx context.Context) error {
			_, err := c.RollbackStack(ctx, &cloudformation.RollbackStackInput{StackName: name})
			return err
		}, "ValidationError: "},
		"ContinueUpdateRollback": {func(ctx context.Context) error {
			_, err := c.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: name})
			return err
		}, "ValidationError: "},
		"CancelUpdateStack": {func(ctx context.Context) error {
			_, err := c.CancelUpdateStack(ctx, &cloudformation.CancelUpdateStackInput{StackName: name})
			return err
		}, "ValidationError: "},
		"SignalResource": {func(ctx context.Context) error {
			_, err := c.SignalResource(ctx, &cloudformation.SignalResourceInput{
				StackName: name, LogicalResourceId: aws.String("T"), UniqueId: aws.String("i-1"), Status: types.ResourceSignalStatusSuccess,
			})
			return err
		}, "ValidationError: "},
	} {
		err := call.do(t.Context())
		refusal := ""
		if e, ok := errors.AsType[smithy.APIError](err); ok {
			refusal = e.ErrorCode() + ": " + e.ErrorMessage()
		} else if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if (refusal == "") != (call.want == "") || !strings.HasPrefix(refusal, call.want) {
			t.Errorf("%s: refused with %q, want %q", what, refusal, call.want)
		}
	}
}

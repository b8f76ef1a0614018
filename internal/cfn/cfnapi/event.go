package cfnapi

import (
	"context"
	"strconv"

	"larder/internal/awsquery"
	"larder/internal/cfn/stack"
	"larder/internal/identity"
)

func (a *api) describeStackEvents(ctx context.Context, in *awsquery.DescribeStackEventsInput) (*awsquery.DescribeStackEventsOutput, error) {
	caller := identity.CallerFrom(ctx)
	ask := stack.EventsInput{Account: caller.Account, Region: caller.Region, Stack: in.StackName}
	of := list(caller, "DescribeStackEvents", in.StackName)
	cursor, err := a.cursor(of, in.NextToken, 2)
	if err != nil {
		return nil, err
	}
	if cursor != nil {
		// The pages that follow are of the same stack, whoever bears its name
		// by then.
		ask.Stack = cursor[0]
		if ask.Before, err = strconv.ParseInt(cursor[1], 10, 64); err != nil {
			return nil, err
		}
	}
	st, page, before, err := a.stacks.Events(ctx, ask)
	if err != nil {
		return nil, err
	}
	out := &awsquery.DescribeStackEventsOutput{StackEvents: make([]awsquery.StackEvent, len(page))}
	for i := range page {
		e := &page[i]
		out.StackEvents[i] = awsquery.StackEvent{
			StackId:              st.ID,
			StackName:            st.Name,
			EventId:              e.ID,
			LogicalResourceId:    e.LogicalID,
			PhysicalResourceId:   new(e.Physical),
			ResourceType:         e.Type,
			ResourceStatus:       awsquery.ResourceStatus(e.Status),
			ResourceStatusReason: e.Reason,
			ResourceProperties:   e.Properties,
			Timestamp:            e.Time,
			ClientRequestToken:   e.Token,
		}
	}
	if before > 0 {
		out.NextToken = a.tokens.Mint(of, st.ID, strconv.FormatInt(before, 10))
	}
	return out, nil
}

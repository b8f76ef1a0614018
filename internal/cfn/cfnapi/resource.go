package cfnapi

import (
	"context"
	"sort"

	"larder/internal/awsquery"
	"larder/internal/cfn/stack"
	"larder/internal/cfn/template"
	"larder/internal/identity"
)

// maxResources is how many resources DescribeStackResources answers at most,
// and a page of ListStackResources.
const maxResources = 100

func (a *api) describeStackResource(ctx context.Context, in *awsquery.DescribeStackResourceInput) (*awsquery.DescribeStackResourceOutput, error) {
	caller := identity.CallerFrom(ctx)
	st, resources, err := a.stacks.Resources(ctx, caller.Account, caller.Region, in.StackName)
	if _, refused := stack.AsError(err); refused {
		// This operation alone puts the name so (recorded).
		return nil, awsquery.ValidationError("Stack '%s' does not exist", in.StackName)
	}
	if err != nil {
		return nil, err
	}
	r, err := named(&st, resources, in.LogicalResourceId)
	if err != nil {
		return nil, err
	}
	metadata, err := a.metadata(ctx, &st, r)
	if err != nil {
		return nil, err
	}
	return &awsquery.DescribeStackResourceOutput{StackResourceDetail: &awsquery.StackResourceDetail{
		StackId:              st.ID,
		StackName:            st.Name,
		LogicalResourceId:    r.LogicalID,
		PhysicalResourceId:   r.Physical,
		ResourceType:         r.Type,
		ResourceStatus:       awsquery.ResourceStatus(r.Status),
		ResourceStatusReason: r.Reason,
		LastUpdatedTimestamp: r.Updated,
		Metadata:             metadata,
		DriftInformation:     unchecked(),
	}}, nil
}

// metadata returns a resource's metadata as JSON, as its template declares it.
func (a *api) metadata(ctx context.Context, st *stack.Stack, r *stack.Resource) (string, error) {
	_, text, err := a.stacks.Template(ctx, st.Account, st.Region, st.ID)
	if err != nil {
		return "", err
	}
	t, err := template.Parse(text, a.limits)
	if err != nil {
		return "", err
	}
	declared := t.Resource(r.LogicalID)
	if declared == nil || declared.Metadata == nil {
		return "{}", nil
	}
	out, err := declared.Metadata.MarshalJSON()
	return string(out), err
}

// named returns the resource with a logical id. Resources are sorted by it.
func named(st *stack.Stack, resources []stack.Resource, logicalID string) (*stack.Resource, error) {
	i := sort.Search(len(resources), func(i int) bool { return resources[i].LogicalID >= logicalID })
	if i == len(resources) || resources[i].LogicalID != logicalID {
		return nil, awsquery.ValidationError("Resource %s does not exist for stack %s", logicalID, st.Name)
	}
	return &resources[i], nil
}

func (a *api) describeStackResources(ctx context.Context, in *awsquery.DescribeStackResourcesInput) (*awsquery.DescribeStackResourcesOutput, error) {
	caller := identity.CallerFrom(ctx)
	name := in.StackName
	switch {
	case name != "" && in.PhysicalResourceId != "":
		return nil, awsquery.ValidationError("You must specify either StackName or PhysicalResourceId, but not both.")
	case in.PhysicalResourceId != "":
		holder, err := a.stacks.Holder(ctx, caller.Account, caller.Region, in.PhysicalResourceId)
		if err != nil {
			return nil, err
		}
		name = holder.ID
	case name == "":
		return nil, awsquery.ValidationError("You must specify either StackName or PhysicalResourceId.")
	}
	st, resources, err := a.stacks.Resources(ctx, caller.Account, caller.Region, name)
	if err != nil {
		return nil, err
	}
	if in.LogicalResourceId != "" {
		r, err := named(&st, resources, in.LogicalResourceId)
		if err != nil {
			return nil, err
		}
		resources = []stack.Resource{*r}
	}
	resources = resources[:min(len(resources), maxResources)]
	out := &awsquery.DescribeStackResourcesOutput{StackResources: make([]awsquery.StackResource, len(resources))}
	for i, r := range resources {
		out.StackResources[i] = awsquery.StackResource{
			StackId:              st.ID,
			StackName:            st.Name,
			LogicalResourceId:    r.LogicalID,
			PhysicalResourceId:   r.Physical,
			ResourceType:         r.Type,
			ResourceStatus:       awsquery.ResourceStatus(r.Status),
			ResourceStatusReason: r.Reason,
			Timestamp:            r.Updated,
			DriftInformation:     unchecked(),
		}
	}
	return out, nil
}

func (a *api) listStackResources(ctx context.Context, in *awsquery.ListStackResourcesInput) (*awsquery.ListStackResourcesOutput, error) {
	caller := identity.CallerFrom(ctx)
	of := list(caller, "ListStackResources", in.StackName)
	cursor, err := a.cursor(of, in.NextToken, 2)
	if err != nil {
		return nil, err
	}
	name, after := in.StackName, ""
	if cursor != nil {
		name, after = cursor[0], cursor[1]
	}
	st, resources, err := a.stacks.Resources(ctx, caller.Account, caller.Region, name)
	if err != nil {
		return nil, err
	}
	from := sort.Search(len(resources), func(i int) bool { return resources[i].LogicalID > after })
	page := resources[from:min(len(resources), from+maxResources)]
	out := &awsquery.ListStackResourcesOutput{StackResourceSummaries: make([]awsquery.StackResourceSummary, len(page))}
	for i, r := range page {
		out.StackResourceSummaries[i] = awsquery.StackResourceSummary{
			LogicalResourceId:    r.LogicalID,
			PhysicalResourceId:   r.Physical,
			ResourceType:         r.Type,
			ResourceStatus:       awsquery.ResourceStatus(r.Status),
			ResourceStatusReason: r.Reason,
			LastUpdatedTimestamp: r.Updated,
			DriftInformation:     &awsquery.StackResourceDriftInformationSummary{StackResourceDriftStatus: awsquery.StackResourceDriftStatusNotChecked},
		}
	}
	if from+len(page) < len(resources) {
		out.NextToken = a.tokens.Mint(of, st.ID, page[len(page)-1].LogicalID)
	}
	return out, nil
}

func unchecked() *awsquery.StackResourceDriftInformation {
	return &awsquery.StackResourceDriftInformation{StackResourceDriftStatus: awsquery.StackResourceDriftStatusNotChecked}
}

package cfnapi

import (
	"context"
	"strconv"

	"larder/internal/awsquery"
	"larder/internal/cfn/changeset"
	"larder/internal/cfn/stack"
	"larder/internal/identity"
)

func (a *api) createChangeSet(ctx context.Context, in *awsquery.CreateChangeSetInput) (*awsquery.CreateChangeSetOutput, error) {
	switch {
	case in.ChangeSetType == awsquery.ChangeSetTypeImport || len(in.ResourcesToImport) > 0 || in.ImportExistingResources:
		return nil, unbuilt("CreateChangeSet", "an import of resources")
	case in.DeploymentMode != "":
		return nil, unbuilt("CreateChangeSet", "DeploymentMode")
	case in.RollbackConfiguration != nil && len(in.RollbackConfiguration.RollbackTriggers) > 0:
		return nil, unbuilt("CreateChangeSet", "rollback triggers")
	case len(in.ResourceTypes) > 0:
		return nil, unbuilt("CreateChangeSet", "ResourceTypes")
	}
	caller := identity.CallerFrom(ctx)
	ask := stack.ChangeSetInput{
		UpdateInput: stack.UpdateInput{
			Account:      caller.Account,
			Region:       caller.Region,
			Token:        in.ClientToken,
			Stack:        in.StackName,
			Tags:         tagsFor(in.Tags),
			Topics:       in.NotificationARNs,
			Role:         in.RoleARN,
			Capabilities: plain(in.Capabilities),
		},
		Name:        in.ChangeSetName,
		Creates:     in.ChangeSetType == awsquery.ChangeSetTypeCreate,
		Description: in.Description,
		OnFailure:   stack.OnFailure(in.OnStackFailure),
		Nested:      in.IncludeNestedStacks,
	}
	var err error
	if ask.Parameters, err = givenFor(in.Parameters); err != nil {
		return nil, err
	}
	if ask.Template, err = a.nextTemplate(ctx, in.UsePreviousTemplate, in.TemplateBody, in.TemplateURL); err != nil {
		return nil, err
	}
	cs, err := a.stacks.CreateChangeSet(ctx, ask)
	if err != nil {
		return nil, err
	}
	return &awsquery.CreateChangeSetOutput{Id: cs.ID, StackId: cs.Stack}, nil
}

// maxChanges bounds what a page of DescribeChangeSet holds, in bytes: 1 MB as
// on AWS.
const maxChanges = 1 << 20

func (a *api) describeChangeSet(ctx context.Context, in *awsquery.DescribeChangeSetInput) (*awsquery.DescribeChangeSetOutput, error) {
	caller := identity.CallerFrom(ctx)
	of := list(caller, "DescribeChangeSet", in.StackName, in.ChangeSetName, strconv.FormatBool(in.IncludePropertyValues))
	cursor, err := a.cursor(of, in.NextToken, 2)
	if err != nil {
		return nil, err
	}
	name, from := in.ChangeSetName, 0
	if cursor != nil {
		name = cursor[0]
		if from, err = strconv.Atoi(cursor[1]); err != nil {
			return nil, err
		}
	}
	cs, err := a.stacks.ChangeSet(ctx, caller.Account, caller.Region, in.StackName, name)
	if err != nil {
		return nil, err
	}
	changes, err := a.stacks.Changes(ctx, &cs, in.IncludePropertyValues)
	if err != nil {
		return nil, err
	}
	out := &awsquery.DescribeChangeSetOutput{
		ChangeSetId:           cs.ID,
		ChangeSetName:         cs.Name,
		StackId:               cs.Stack,
		StackName:             cs.StackName,
		Description:           cs.Description,
		CreationTime:          cs.Created,
		ExecutionStatus:       awsquery.ExecutionStatus(cs.Execution),
		Status:                awsquery.ChangeSetStatus(cs.Status),
		StatusReason:          cs.Reason,
		NotificationARNs:      append([]string{}, cs.Settings.Topics...),
		RollbackConfiguration: &awsquery.RollbackConfiguration{},
		Capabilities:          []awsquery.Capability{},
		IncludeNestedStacks:   new(cs.IncludesNested),
		ParentChangeSetId:     cs.Parent,
		RootChangeSetId:       cs.Root,
		OnStackFailure:        awsquery.OnStackFailure(cs.OnFailure),
		Parameters:            parameters(cs.Settings.Parameters),
		Changes:               []awsquery.Change{},
	}
	if in.IncludePropertyValues && out.StatusReason == "" {
		out.StatusReason = cs.Incomplete
	}
	for _, c := range cs.Settings.Capabilities {
		out.Capabilities = append(out.Capabilities, awsquery.Capability(c))
	}
	for _, t := range cs.Settings.Tags {
		out.Tags = append(out.Tags, awsquery.Tag{Key: t.Key, Value: t.Value})
	}
	size := 0
	for i := min(from, len(changes)); i < len(changes); i++ {
		if size += sizeOf(&changes[i]); size > maxChanges && len(out.Changes) > 0 {
			out.NextToken = a.tokens.Mint(of, cs.ID, strconv.Itoa(i))
			break
		}
		out.Changes = append(out.Changes, changed(&changes[i]))
	}
	return out, nil
}

// sizeOf is about how many bytes a change takes.
func sizeOf(ch *changeset.Change) int {
	size := 512 + len(ch.BeforeContext) + len(ch.AfterContext)
	for i := range ch.Details {
		size += 512
		for _, v := range []*string{ch.Details[i].Target.BeforeValue, ch.Details[i].Target.AfterValue} {
			if v != nil {
				size += len(*v)
			}
		}
	}
	return size
}

func changed(ch *changeset.Change) awsquery.Change {
	r := &awsquery.ResourceChange{
		Action:             awsquery.ChangeAction(ch.Action),
		LogicalResourceId:  ch.LogicalID,
		PhysicalResourceId: ch.PhysicalID,
		ResourceType:       ch.Type,
		PolicyAction:       awsquery.PolicyAction(ch.PolicyAction),
		Replacement:        awsquery.Replacement(ch.Replacement),
		ChangeSetId:        ch.ChangeSetID,
		BeforeContext:      ch.BeforeContext,
		AfterContext:       ch.AfterContext,
		Scope:              make([]awsquery.ResourceAttribute, len(ch.Scope)),
		Details:            make([]awsquery.ResourceChangeDetail, len(ch.Details)),
	}
	for i, attribute := range ch.Scope {
		r.Scope[i] = awsquery.ResourceAttribute(attribute)
	}
	for i := range ch.Details {
		d := &ch.Details[i]
		r.Details[i] = awsquery.ResourceChangeDetail{
			CausingEntity: d.CausingEntity,
			ChangeSource:  awsquery.ChangeSource(d.ChangeSource),
			Evaluation:    awsquery.EvaluationType(d.Evaluation),
			Target: &awsquery.ResourceTargetDefinition{
				Attribute:           awsquery.ResourceAttribute(d.Target.Attribute),
				Name:                d.Target.Name,
				Path:                d.Target.Path,
				RequiresRecreation:  awsquery.RequiresRecreation(d.Target.RequiresRecreation),
				BeforeValue:         d.Target.BeforeValue,
				AfterValue:          d.Target.AfterValue,
				AttributeChangeType: awsquery.AttributeChangeType(d.Target.ChangeType),
			},
		}
	}
	return awsquery.Change{Type: awsquery.ChangeTypeResource, ResourceChange: r}
}

func (a *api) executeChangeSet(ctx context.Context, in *awsquery.ExecuteChangeSetInput) (*awsquery.ExecuteChangeSetOutput, error) {
	caller := identity.CallerFrom(ctx)
	_, _, err := a.stacks.Execute(ctx, stack.ExecuteInput{
		Account:              caller.Account,
		Region:               caller.Region,
		Token:                in.ClientRequestToken,
		Stack:                in.StackName,
		Name:                 in.ChangeSetName,
		DisableRollback:      in.DisableRollback,
		RetainExceptOnCreate: in.RetainExceptOnCreate,
	})
	return &awsquery.ExecuteChangeSetOutput{}, err
}

func (a *api) deleteChangeSet(ctx context.Context, in *awsquery.DeleteChangeSetInput) (*awsquery.DeleteChangeSetOutput, error) {
	caller := identity.CallerFrom(ctx)
	return &awsquery.DeleteChangeSetOutput{}, a.stacks.DeleteChangeSet(ctx, caller.Account, caller.Region, in.StackName, in.ChangeSetName)
}

func (a *api) listChangeSets(ctx context.Context, in *awsquery.ListChangeSetsInput) (*awsquery.ListChangeSetsOutput, error) {
	caller := identity.CallerFrom(ctx)
	of := list(caller, "ListChangeSets", in.StackName)
	after, err := a.after(of, in.NextToken)
	if err != nil {
		return nil, err
	}
	page, after, err := a.stacks.ChangeSets(ctx, caller.Account, caller.Region, in.StackName, after, 0)
	if err != nil {
		return nil, err
	}
	out := &awsquery.ListChangeSetsOutput{Summaries: make([]awsquery.ChangeSetSummary, len(page)), NextToken: a.next(of, after)}
	for i := range page {
		cs := &page[i]
		out.Summaries[i] = awsquery.ChangeSetSummary{
			ChangeSetId:         cs.ID,
			ChangeSetName:       cs.Name,
			StackId:             cs.Stack,
			StackName:           cs.StackName,
			Description:         cs.Description,
			CreationTime:        cs.Created,
			ExecutionStatus:     awsquery.ExecutionStatus(cs.Execution),
			Status:              awsquery.ChangeSetStatus(cs.Status),
			StatusReason:        cs.Reason,
			IncludeNestedStacks: new(cs.IncludesNested),
			ParentChangeSetId:   cs.Parent,
			RootChangeSetId:     cs.Root,
		}
	}
	return out, nil
}

// parameters are what is shown of a stack's or a change set's parameters.
func parameters(all []stack.Parameter) (shown []awsquery.Parameter) {
	for _, p := range all {
		shown = append(shown, awsquery.Parameter{ParameterKey: p.Key, ParameterValue: new(p.Value), ResolvedValue: p.Resolved})
	}
	return shown
}

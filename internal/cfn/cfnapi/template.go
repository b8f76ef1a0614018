package cfnapi

import (
	"context"

	"larder/internal/awsquery"
	"larder/internal/cfn/schema"
	"larder/internal/cfn/stack"
	"larder/internal/cfn/template"
	"larder/internal/identity"
)

// source returns the text of the template that a request gives as body or
// URL.
func (a *api) source(ctx context.Context, body, location string) ([]byte, error) {
	switch {
	case body != "" && location != "":
		return nil, awsquery.ValidationError("Template URL and Template Body cannot both be specified.")
	case body != "":
		return []byte(body), nil
	case location == "":
		return nil, awsquery.ValidationError("Either Template URL or Template Body must be specified.")
	}
	return stack.FetchTemplate(ctx, a.fetch, location, a.limits.Bytes)
}

func (a *api) getTemplate(ctx context.Context, in *awsquery.GetTemplateInput) (*awsquery.GetTemplateOutput, error) {
	caller := identity.CallerFrom(ctx)
	var text []byte
	var err error
	switch {
	case in.ChangeSetName != "":
		text, err = a.stacks.ChangeSetTemplate(ctx, caller.Account, caller.Region, in.StackName, in.ChangeSetName)
	case in.StackName == "":
		err = awsquery.ValidationError("StackName is required if ChangeSetName is not specified.")
	default:
		_, text, err = a.stacks.Template(ctx, caller.Account, caller.Region, in.StackName)
	}
	if err != nil {
		return nil, err
	}
	if in.TemplateStage == awsquery.TemplateStageProcessed {
		text, err = a.stacks.ProcessedTemplate(ctx, caller.Account, caller.Region, in.StackName, in.ChangeSetName)
		if err != nil {
			return nil, err
		}
	}
	return &awsquery.GetTemplateOutput{
		TemplateBody:    string(text),
		StagesAvailable: []awsquery.TemplateStage{awsquery.TemplateStageOriginal, awsquery.TemplateStageProcessed},
	}, nil
}

func (a *api) getTemplateSummary(ctx context.Context, in *awsquery.GetTemplateSummaryInput) (*awsquery.GetTemplateSummaryOutput, error) {
	var text []byte
	var err error
	switch {
	case in.StackSetName != "":
		text, err = a.setTemplate(ctx, in)
	case in.StackName != "" && (in.TemplateBody != "" || in.TemplateURL != ""):
		return nil, awsquery.ValidationError("StackName cannot be specified together with a template.")
	case in.StackName != "":
		caller := identity.CallerFrom(ctx)
		var st stack.Stack
		st, text, err = a.stacks.Template(ctx, caller.Account, caller.Region, in.StackName)
		if err == nil && st.Status == stack.ReviewInProgress {
			err = awsquery.ValidationError("GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
		}
	default:
		text, err = a.source(ctx, in.TemplateBody, in.TemplateURL)
	}
	if err != nil {
		return nil, err
	}
	t, err := template.Parse(text, a.limits)
	if err != nil {
		return nil, err
	}
	sum := t.Summary()
	out := &awsquery.GetTemplateSummaryOutput{
		Description:        sum.Description,
		Version:            sum.Format,
		DeclaredTransforms: sum.Transforms,
		Metadata:           sum.Metadata,
		Capabilities:       capabilities(sum.Capabilities),
		CapabilitiesReason: sum.Capabilities.Reason,
		Parameters:         make([]awsquery.ParameterDeclaration, len(t.Parameters)),
		ResourceTypes:      sum.ResourceTypes,
	}
	for i, p := range t.Parameters {
		out.Parameters[i] = awsquery.ParameterDeclaration{
			ParameterKey:         p.Name,
			ParameterType:        p.Type,
			DefaultValue:         p.Default,
			Description:          p.Description,
			NoEcho:               new(p.NoEcho),
			ParameterConstraints: &awsquery.ParameterConstraints{AllowedValues: p.AllowedValues},
		}
	}
	for _, i := range sum.Identifiers {
		typ, ok := schema.Lookup(i.Type)
		if !ok {
			continue
		}
		if properties := typ.Identifiers(); len(properties) > 0 {
			out.ResourceIdentifierSummaries = append(out.ResourceIdentifierSummaries, awsquery.ResourceIdentifierSummary{
				ResourceType: i.Type, LogicalResourceIds: i.LogicalIDs, ResourceIdentifiers: properties,
			})
		}
	}
	return out, nil
}

func (a *api) validateTemplate(ctx context.Context, in *awsquery.ValidateTemplateInput) (*awsquery.ValidateTemplateOutput, error) {
	text, err := a.source(ctx, in.TemplateBody, in.TemplateURL)
	if err != nil {
		return nil, err
	}
	t, err := template.Parse(text, a.limits)
	if err != nil {
		return nil, err
	}
	sum := t.Summary()
	out := &awsquery.ValidateTemplateOutput{
		Description:        sum.Description,
		DeclaredTransforms: sum.Transforms,
		Capabilities:       capabilities(sum.Capabilities),
		CapabilitiesReason: sum.Capabilities.Reason,
		Parameters:         make([]awsquery.TemplateParameter, len(t.Parameters)),
	}
	for i, p := range t.Parameters {
		out.Parameters[i] = awsquery.TemplateParameter{
			ParameterKey: p.Name, DefaultValue: p.Default, Description: p.Description, NoEcho: new(p.NoEcho),
		}
	}
	return out, nil
}

// capabilities are what a caller must acknowledge of a template; nil if
// nothing.
func capabilities(c template.Capabilities) (needed []awsquery.Capability) {
	for _, name := range c.Names {
		needed = append(needed, awsquery.Capability(name))
	}
	return needed
}

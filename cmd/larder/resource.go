package main

import (
	"context"
	"errors"

	"larder/internal/api"
	"larder/internal/cfn/resource"
	"larder/internal/identity"
	"larder/internal/seal"
)

// inventory answers what the embedded engine has made, in the shape of AWS
// Cloud Control's GetResource and ListResources. What is kept of Cloud
// Control: the identifier is the primary one, several parts joined by "|";
// properties are a JSON object with the read-only ones in it and without the
// write-only ones.
type inventory struct {
	resources resource.Inventory
	tokens    *seal.Tokens
}

// GetResource answers one resource of the caller's account and region.
func (i *inventory) GetResource(ctx context.Context, in *api.GetResourceInput) (*api.GetResourceOutput, error) {
	c := identity.CallerFrom(ctx)
	found, err := i.resources.GetResource(ctx, c.Account, c.Region, in.TypeName, in.Identifier)
	if missing, ok := errors.AsType[*resource.NotFoundError](err); ok {
		return nil, api.ResourceNotFound("%s", missing)
	}
	if err != nil {
		return nil, err
	}
	return &api.GetResourceOutput{TypeName: in.TypeName, ResourceDescription: described(found)}, nil
}

// ListResources answers the resources of a type in the caller's account and
// region, by identifier.
func (i *inventory) ListResources(ctx context.Context, in *api.ListResourcesInput) (*api.ListResourcesOutput, error) {
	c := identity.CallerFrom(ctx)
	list := seal.Binding{Operation: api.OpListResources.String(), Account: c.Account, Region: c.Region, Caller: c.ARN, Filters: in.TypeName}
	cursor, err := i.tokens.Read(list, api.Or(in.PageToken, ""))
	if err != nil {
		return nil, api.InvalidParameters("The page token is invalid")
	}
	after := ""
	if len(cursor) > 0 {
		after = cursor[0]
	}
	found, next, err := i.resources.ListResources(ctx, c.Account, c.Region, in.TypeName, after, api.Or(in.PageSize, 0))
	if err != nil {
		return nil, err
	}
	out := &api.ListResourcesOutput{TypeName: in.TypeName, ResourceDescriptions: []api.ResourceDescription{}}
	for _, d := range found {
		out.ResourceDescriptions = append(out.ResourceDescriptions, *described(d))
	}
	if next != "" {
		out.NextPageToken = i.tokens.Mint(list, next)
	}
	return out, nil
}

func described(d resource.Description) *api.ResourceDescription {
	return &api.ResourceDescription{Identifier: d.Identifier, Properties: d.Properties}
}

// resourceCommands read back what the embedded engine has made.
type resourceCommands struct {
	remote
	List resourceList `cmd:"" help:"List the resources of a type."`
	Show resourceShow `cmd:"" help:"Show a resource."`
}

type resourceList struct {
	Type string `arg:"" help:"Type, such as AWS::SQS::Queue."`
}

// Run lists resources.
func (r *resourceList) Run(c *caller) error {
	return c.call(api.OpListResources, &api.ListResourcesInput{TypeName: r.Type})
}

type resourceShow struct {
	Type       string `arg:"" help:"Type, such as AWS::SQS::Queue."`
	Identifier string `arg:"" help:"Primary identifier, parts joined by |."`
}

// Run shows a resource.
func (r *resourceShow) Run(c *caller) error {
	return c.call(api.OpGetResource, &api.GetResourceInput{TypeName: r.Type, Identifier: r.Identifier})
}

package cfnapi

import (
	"context"

	"larder/internal/awsquery"
	"larder/internal/identity"
)

func (a *api) listExports(ctx context.Context, in *awsquery.ListExportsInput) (*awsquery.ListExportsOutput, error) {
	caller := identity.CallerFrom(ctx)
	of := list(caller, "ListExports")
	after, err := a.after(of, in.NextToken)
	if err != nil {
		return nil, err
	}
	page, after, err := a.stacks.Exports(ctx, caller.Account, caller.Region, after, 0)
	if err != nil {
		return nil, err
	}
	out := &awsquery.ListExportsOutput{Exports: make([]awsquery.Export, len(page)), NextToken: a.next(of, after)}
	for i, e := range page {
		out.Exports[i] = awsquery.Export{Name: e.Name, Value: e.Value, ExportingStackId: e.Stack}
	}
	return out, nil
}

func (a *api) listImports(ctx context.Context, in *awsquery.ListImportsInput) (*awsquery.ListImportsOutput, error) {
	caller := identity.CallerFrom(ctx)
	of := list(caller, "ListImports", in.ExportName)
	after, err := a.after(of, in.NextToken)
	if err != nil {
		return nil, err
	}
	page, after, err := a.stacks.Importers(ctx, caller.Account, caller.Region, in.ExportName, after, 0)
	if err != nil {
		return nil, err
	}
	return &awsquery.ListImportsOutput{Imports: append([]string{}, page...), NextToken: a.next(of, after)}, nil
}

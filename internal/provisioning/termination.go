package provisioning

import (
	"context"
	"fmt"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/identity"
)

// TerminateProvisionedProduct removes a provisioned product and what it made.
// Its token is bound to the parameters and valid while the termination runs
// (the model's words): after a failed attempt the same token may be used
// again, which is what Terraform does with IgnoreErrors.
func (p *Provisioning) TerminateProvisionedProduct(ctx context.Context, in *api.TerminateProvisionedProductInput) (*api.TerminateProvisionedProductOutput, error) {
	ref, err := oneOf(in.ProvisionedProductId, in.ProvisionedProductName)
	if err != nil {
		return nil, err
	}
	ignore, retain := api.Or(in.IgnoreErrors, false), api.Or(in.RetainPhysicalResources, false)
	token := fmt.Sprintf("%s %s %t %t", in.TerminateToken, ref, ignore, retain)
	once, err := p.catalog.Once(ctx, "TerminateProvisionedProduct", token, in)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	asked := p.newRecord(caller, terminateAct)
	asked.IgnoreErrors, asked.Token = ignore, token
	detail, err := p.alter(ctx, alteration{
		act: terminateAct, once: once, rec: asked,
		find: func(tx *db.Tx) (provisionedProduct, error) { return find(tx, granted(caller), ref) },
		refuse: func(pp *provisionedProduct) error {
			return api.InvalidParameters("Provisioned product %s is %s and can't be terminated%s.", pp.ID, pp.Status, pp.inFlight())
		},
		fill: func(_ *db.Tx, pp *provisionedProduct, rec *record) error {
			rec.about(pp)
			rec.Change.Retain = retain
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return &api.TerminateProvisionedProductOutput{RecordDetail: detail}, nil
}

// about fills in a record that leaves the product what it is: its change is
// the last good one, under the record's own id.
func (r *record) about(pp *provisionedProduct) {
	r.Provisioned, r.Product, r.Name, r.ProductType = pp.ID, pp.Product, pp.Name, pp.Type
	r.ProductName, r.ArtifactName = pp.ProductName, pp.ArtifactName
	r.Artifact, r.Path, r.LaunchRole = pp.Artifact, pp.Path, pp.LaunchRole
	r.Hub = pp.Hub
	r.Change = pp.Change
	r.Change.Kind, r.Change.Operation, r.Change.Physical, r.Change.Principal = actOf(r).kind, string(r.ID), pp.Physical, r.By
}

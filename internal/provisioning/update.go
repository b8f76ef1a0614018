package provisioning

import (
	"context"

	"larder/internal/api"
	"larder/internal/catalog"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/identity"
)

// UpdateProvisionedProduct brings a provisioned product to another version,
// another product of the same type, another path, or other parameter values.
// Preferences concern stack sets alone (see [spread]) and are ignored on
// everything else.
func (p *Provisioning) UpdateProvisionedProduct(ctx context.Context, in *api.UpdateProvisionedProductInput) (*api.UpdateProvisionedProductOutput, error) {
	ref, err := oneOf(in.ProvisionedProductId, in.ProvisionedProductName)
	if err != nil {
		return nil, err
	}
	tags, err := userTags(in.Tags)
	if err != nil {
		return nil, err
	}
	values, err := askedValues(in.ProvisioningParameters)
	if err != nil {
		return nil, err
	}
	once, err := p.catalog.Once(ctx, "UpdateProvisionedProduct", in.UpdateToken, in)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	asked := p.newRecord(caller, updateAct)
	asked.given = p.sealValues(string(asked.ID), values)
	detail, err := p.alter(ctx, alteration{
		act: updateAct, once: once, rec: asked,
		find: func(tx *db.Tx) (provisionedProduct, error) { return find(tx, granted(caller), ref) },
		refuse: func(pp *provisionedProduct) error {
			return api.InvalidParameters("Provisioned product %s is %s and can't be updated%s.", pp.ID, pp.Status, pp.inFlight())
		},
		fill: func(tx *db.Tx, pp *provisionedProduct, rec *record) error {
			launch, err := p.catalog.ResolveLaunch(tx, caller, updateQuery(in, pp))
			if err != nil {
				return err
			}
			if err := updatable(pp, launch, values, keeps(pp, in.ProvisioningPreferences)); err != nil {
				return err
			}
			places, err := spread(launch, in.ProvisioningPreferences)
			if err != nil {
				return err
			}
			rec.previous = pp.given
			if keeps(pp, in.ProvisioningPreferences) {
				rec.keep(pp)
			} else if err := rec.reoffer(pp, launch, tags, in.Tags != nil); err != nil {
				return err
			}
			rec.Change.Targets = places
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateProvisionedProductOutput{RecordDetail: detail}, nil
}

// updateQuery is what an update asks the catalog for. What it leaves out
// stays: the product, and of the same product the version.
func updateQuery(in *api.UpdateProvisionedProductInput, pp *provisionedProduct) catalog.LaunchQuery {
	if keeps(pp, in.ProvisioningPreferences) {
		return catalog.LaunchQuery{
			ProductID: string(pp.Product), ArtifactID: string(pp.Artifact),
			PathID: api.Or(in.PathId, ""), PathName: api.Or(in.PathName, ""), Launched: true,
		}
	}
	q := catalog.LaunchQuery{
		ProductID: api.Or(in.ProductId, ""), ProductName: api.Or(in.ProductName, ""),
		ArtifactID: api.Or(in.ProvisioningArtifactId, ""), ArtifactName: api.Or(in.ProvisioningArtifactName, ""),
		PathID: api.Or(in.PathId, ""), PathName: api.Or(in.PathName, ""),
		Standing:  catalog.Standing{Product: pp.Product, Artifact: pp.Artifact},
		ForUpdate: true,
	}
	if q.ProductID == "" && q.ProductName == "" {
		q.ProductID = string(pp.Product)
	}
	return q
}

// updatable refuses at once what can be seen from the catalog alone; an update
// that keeps what the product is made of has no use for values.
func updatable(pp *provisionedProduct, launch catalog.Launch, values []value, keeps bool) error {
	if t := productType(launch); t != pp.Type {
		return api.InvalidParameters("Provisioned product %s is of type %s and can't be updated to product %s of type %s", pp.ID, pp.Type, launch.Product.ID, t)
	}
	if keeps {
		return nil
	}
	return launchable(launch, values)
}

// reoffer is offer for a product that exists: its tags change only where a
// RESOURCE_UPDATE constraint allows it, and otherwise stay to the last.
func (r *record) reoffer(pp *provisionedProduct, launch catalog.Launch, user []engine.Tag, given bool) error {
	if launch.TagUpdate {
		if !given {
			user = pp.UserTags
		}
		return r.offer(pp, launch, user)
	}
	r.place(pp, launch, pp.Change.Tags)
	r.UserTags, r.Tags = pp.UserTags, pp.RecordTags
	return nil
}

package provisioning

import (
	"context"
	"errors"
	"slices"

	"larder/internal/api"
	"larder/internal/catalog"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/id"
	"larder/internal/identity"
)

// ImportAsProvisionedProduct takes over what exists, such as a stack that
// somebody made without a catalog. Constraints apply from the first update on.
func (p *Provisioning) ImportAsProvisionedProduct(ctx context.Context, in *api.ImportAsProvisionedProductInput) (*api.ImportAsProvisionedProductOutput, error) {
	once, err := p.catalog.Once(ctx, "ImportAsProvisionedProduct", in.IdempotencyToken, in)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	query := catalog.LaunchQuery{ProductID: in.ProductId, ArtifactID: in.ProvisioningArtifactId, AnyPath: true}
	fresh := p.newProvisioned(caller, in.ProvisionedProductName)
	fresh.Token, fresh.Physical = in.IdempotencyToken, in.PhysicalId
	asked := p.newRecord(caller, importAct)
	run := id.UUID()

	// The engine looks before anything is written: what it refuses is refused
	// in the answer.
	var out api.ImportAsProvisionedProductOutput
	var seen bool
	rec := asked
	err = p.db.View(ctx, func(tx *db.Tx) error {
		if seen, err = once.Answer(tx, &out); seen || err != nil {
			return err
		}
		launch, err := p.catalog.ResolveLaunch(tx, caller, query)
		if err == nil {
			rec.takes(&fresh, launch)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if seen {
		return &out, nil
	}
	found, err := p.inspect(ctx, rec.Change)
	if err != nil {
		return nil, err
	}
	fresh.Physical = found.Physical
	err = p.db.Update(ctx, func(tx *db.Tx) error {
		if seen, err := once.Answer(tx, &out); seen || err != nil {
			return err
		}
		launch, err := p.catalog.ResolveLaunch(tx, caller, query)
		if err != nil {
			return err
		}
		if err := unmanaged(tx, fresh); err != nil {
			return err
		}
		pp, rec := fresh, asked // the closure may run twice
		rec.takes(&pp, launch)
		describe(&pp, &rec)
		pp.LastRecord, pp.LastProvision = rec.ID, rec.ID
		pp.move(imported)
		free, err := pp.insert(tx)
		if err != nil {
			return err
		}
		if !free {
			return nameTaken(pp.Name)
		}
		detail, err := p.start(tx, importAct, &pp, &rec, run)
		if err != nil {
			return err
		}
		out = api.ImportAsProvisionedProductOutput{RecordDetail: detail}
		return once.Keep(tx, &out)
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// takes fills in a record of an import: as an offer, without what constraints
// and tags would add.
func (r *record) takes(pp *provisionedProduct, launch catalog.Launch) {
	launch.Role, launch.Rules, launch.Topics, launch.StackSet = "", nil, nil, nil
	r.place(pp, launch, nil)
}

// importRefusals are the codes that an engine may refuse an import with.
var importRefusals = []string{engine.ImportNotFound, engine.ImportWrongState, engine.ImportMismatch, engine.ImportManagedTwice}

// inspect asks the engine whether c may be imported, and says its refusal in
// the API's terms.
func (p *Provisioning) inspect(ctx context.Context, c engine.Change) (engine.Imported, error) {
	importer, ok := p.engine(c.Artifact.Type).(engine.Importer)
	if !ok {
		return engine.Imported{}, api.InvalidParameters("Importing is not supported for products of type %s", c.Artifact.Type)
	}
	var err error
	if c.Artifact.Body, err = p.catalog.ArtifactBody(ctx, c.Artifact.Digest); err != nil {
		return engine.Imported{}, err
	}
	found, err := importer.Import(ctx, c)
	if failure, ok := engine.AsFailure(err); ok {
		code := api.CodeInvalidParameters
		if slices.Contains(importRefusals, failure.Code) {
			code = failure.Code
		}
		return found, api.Errorf(code, "%s", failure.Reason)
	}
	return found, err
}

// unmanaged refuses what a provisioned product stands for already.
func unmanaged(tx *db.Tx, fresh provisionedProduct) error {
	other, err := scanProvisioned(tx.Row(`SELECT `+provisionedColumns+` FROM provisioned_product p
		WHERE p.account = ? AND p.region = ? AND p.physical = ?`, fresh.Account, fresh.Region, fresh.Physical).Scan)
	switch {
	case errors.Is(err, db.ErrNoRows):
		return nil
	case err != nil:
		return err
	case other.Status == api.ProvisionedProductStatusUnderChange && other.LastSuccessful == "":
		return api.InvalidState("%s is being imported or launched by record %s", fresh.Physical, other.LastRecord)
	default:
		return api.DuplicateResource("%s is managed by provisioned product %s already", fresh.Physical, other.ID)
	}
}

// takeOver is the beat of an import: the engine looks once more.
func takeOver(ctx context.Context, e engine.Engine, c engine.Change) (engine.Progress, []engine.Given, error) {
	importer, ok := e.(engine.Importer)
	if !ok {
		return engine.Progress{}, nil, &engine.Failure{Reason: "Importing is not supported for products of type " + c.Artifact.Type}
	}
	found, err := importer.Import(ctx, c)
	return engine.Progress{State: engine.Done, Physical: found.Physical, Outputs: found.Outputs}, found.Given, err
}

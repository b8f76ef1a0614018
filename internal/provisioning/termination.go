package provisioning

import (
	"context"
	"fmt"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/id"
	"larder/internal/identity"
	"larder/internal/workflow"
)

// terminateRun is the run of a termination.
const terminateRun = "terminate/v1"

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
	now := p.now().UTC().Truncate(time.Millisecond)
	rec := record{
		ID:         id.New[id.Record](),
		Account:    caller.Account,
		Region:     caller.Region,
		Status:     api.RecordStatusCreated,
		UserARN:    caller.UserARN(),
		SessionARN: caller.ARN,
		Created:    now,
	}
	run := workflow.Begin{
		ID: id.UUID(), Definition: terminateRun, Subject: string(rec.ID),
		Account: caller.Account, Region: caller.Region, Deadline: now.Add(p.deadline),
	}
	var out api.TerminateProvisionedProductOutput
	err = p.db.Update(ctx, func(tx *db.Tx) error {
		if seen, err := once.Answer(tx, &out); seen || err != nil {
			return err
		}
		pp, err := find(tx, granted(caller), ref)
		if err != nil {
			return err
		}
		if !pp.move(terminated) {
			return api.InvalidParameters("Provisioned product %s is %s and can't be terminated; record %s is in flight.", pp.ID, pp.Status, pp.LastRecord)
		}
		rec := rec // the closure may run twice
		rec.Provisioned, rec.Product = pp.ID, pp.Product
		rec.recordData = recordData{
			Type:         typeTerminate,
			Updated:      now,
			Name:         pp.Name,
			ProductType:  pp.Type,
			Artifact:     pp.Artifact,
			Path:         pp.Path,
			LaunchRole:   pp.LaunchRole,
			Change:       pp.Change,
			IgnoreErrors: ignore,
			Token:        token,
		}
		rec.Change.Kind = engine.Delete
		rec.Change.Operation = string(rec.ID)
		rec.Change.Physical = pp.Physical
		rec.Change.Principal = caller.ARN
		rec.Change.Retain = retain
		// LastProvisioningRecordId moves with terminations too, by the model's words.
		pp.LastRecord, pp.LastProvision = rec.ID, rec.ID
		if err := pp.update(tx); err != nil {
			return err
		}
		if err := rec.insert(tx); err != nil {
			return err
		}
		if err := p.runner.Start(tx, run); err != nil {
			return err
		}
		detail := rec.detail()
		out = api.TerminateProvisionedProductOutput{RecordDetail: &detail}
		return once.Keep(tx, &out)
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

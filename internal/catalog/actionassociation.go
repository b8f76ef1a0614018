package catalog

import (
	"context"
	"errors"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// associateAction offers a service action on a version.
func (c *Catalog) associateAction(tx *db.Tx, caller identity.Caller, in api.ServiceActionAssociation, now int64) error {
	p, a, err := c.ownVersion(tx, caller, in)
	if err != nil {
		return err
	}
	action, err := ownAction(tx, caller, in.ServiceActionId)
	if err != nil {
		return err
	}
	if p.Type != api.ProductTypeCloudFormationTemplate {
		return api.InvalidParameters("Service actions are not supported for product type %s", p.Type)
	}
	had, err := count(tx, `SELECT COUNT(*) FROM service_action_artifact WHERE artifact = ? AND action = ?`, a.ID, action.ID)
	if err != nil {
		return err
	}
	if had > 0 {
		return api.DuplicateResource("Service action %s is already associated with provisioning artifact %s", action.ID, a.ID)
	}
	all, err := count(tx, `SELECT COUNT(*) FROM service_action_artifact WHERE artifact = ?`, a.ID)
	if err != nil {
		return err
	}
	if err := exceeds(all, maxActions, "service actions per provisioning artifact"); err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO service_action_artifact (action, artifact, product, created) VALUES (?, ?, ?, ?)`,
		action.ID, a.ID, p.ID, now)
}

// disassociateAction withdraws a service action from a version.
func (c *Catalog) disassociateAction(tx *db.Tx, caller identity.Caller, in api.ServiceActionAssociation) error {
	_, a, err := c.ownVersion(tx, caller, in)
	if err != nil {
		return err
	}
	n, err := tx.ExecRows(`DELETE FROM service_action_artifact WHERE artifact = ? AND action = ?`, a.ID, in.ServiceActionId)
	if err == nil && n == 0 {
		err = api.ResourceNotFound("Service action %s is not associated with provisioning artifact %s", in.ServiceActionId, a.ID)
	}
	return err
}

func (c *Catalog) ownVersion(tx *db.Tx, caller identity.Caller, in api.ServiceActionAssociation) (product, artifact, error) {
	p, err := c.ownProduct(tx, caller, in.ProductId)
	if err != nil {
		return p, artifact{}, err
	}
	a, err := findArtifact(tx, p.ID, in.ProvisioningArtifactId, "")
	return p, a, err
}

// AssociateServiceActionWithProvisioningArtifact offers a service action on a
// version.
func (c *Catalog) AssociateServiceActionWithProvisioningArtifact(ctx context.Context, in *api.AssociateServiceActionWithProvisioningArtifactInput) (*api.AssociateServiceActionWithProvisioningArtifactOutput, error) {
	once, err := c.Once(ctx, api.OpAssociateServiceActionWithProvisioningArtifact.String(), api.Or(in.IdempotencyToken, ""), in)
	if err != nil {
		return nil, err
	}
	caller, now := identity.CallerFrom(ctx), db.Micros(c.now())
	return create(ctx, c, once, func(tx *db.Tx) (*api.AssociateServiceActionWithProvisioningArtifactOutput, error) {
		return &api.AssociateServiceActionWithProvisioningArtifactOutput{}, c.associateAction(tx, caller, api.ServiceActionAssociation{
			ProductId: in.ProductId, ProvisioningArtifactId: in.ProvisioningArtifactId, ServiceActionId: in.ServiceActionId,
		}, now)
	})
}

// DisassociateServiceActionFromProvisioningArtifact withdraws a service action
// from a version.
func (c *Catalog) DisassociateServiceActionFromProvisioningArtifact(ctx context.Context, in *api.DisassociateServiceActionFromProvisioningArtifactInput) (*api.DisassociateServiceActionFromProvisioningArtifactOutput, error) {
	once, err := c.Once(ctx, api.OpDisassociateServiceActionFromProvisioningArtifact.String(), api.Or(in.IdempotencyToken, ""), in)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	return create(ctx, c, once, func(tx *db.Tx) (*api.DisassociateServiceActionFromProvisioningArtifactOutput, error) {
		return &api.DisassociateServiceActionFromProvisioningArtifactOutput{}, c.disassociateAction(tx, caller, api.ServiceActionAssociation{
			ProductId: in.ProductId, ProvisioningArtifactId: in.ProvisioningArtifactId, ServiceActionId: in.ServiceActionId,
		})
	})
}

// BatchAssociateServiceActionWithProvisioningArtifact associates each pair for
// itself: those that fail are named, the others stand.
func (c *Catalog) BatchAssociateServiceActionWithProvisioningArtifact(ctx context.Context, in *api.BatchAssociateServiceActionWithProvisioningArtifactInput) (*api.BatchAssociateServiceActionWithProvisioningArtifactOutput, error) {
	caller, now := identity.CallerFrom(ctx), db.Micros(c.now())
	failed, err := c.batch(ctx, in.ServiceActionAssociations, func(tx *db.Tx, one api.ServiceActionAssociation) error {
		return c.associateAction(tx, caller, one, now)
	})
	return &api.BatchAssociateServiceActionWithProvisioningArtifactOutput{FailedServiceActionAssociations: failed}, err
}

// BatchDisassociateServiceActionFromProvisioningArtifact is the reverse of
// BatchAssociateServiceActionWithProvisioningArtifact.
func (c *Catalog) BatchDisassociateServiceActionFromProvisioningArtifact(ctx context.Context, in *api.BatchDisassociateServiceActionFromProvisioningArtifactInput) (*api.BatchDisassociateServiceActionFromProvisioningArtifactOutput, error) {
	caller := identity.CallerFrom(ctx)
	failed, err := c.batch(ctx, in.ServiceActionAssociations, func(tx *db.Tx, one api.ServiceActionAssociation) error {
		return c.disassociateAction(tx, caller, one)
	})
	return &api.BatchDisassociateServiceActionFromProvisioningArtifactOutput{FailedServiceActionAssociations: failed}, err
}

// batchCodes are the codes of a batch's failures.
var batchCodes = map[string]api.ServiceActionAssociationErrorCode{
	api.CodeDuplicateResource: api.ServiceActionAssociationErrorCodeDuplicateResource,
	api.CodeLimitExceeded:     api.ServiceActionAssociationErrorCodeLimitExceeded,
	api.CodeResourceNotFound:  api.ServiceActionAssociationErrorCodeResourceNotFound,
	api.CodeInvalidParameters: api.ServiceActionAssociationErrorCodeInvalidParameter,
}

// batch does one thing to each pair, all in one transaction: a rule that
// refuses a pair has written nothing for it. Anything else that fails undoes
// the whole.
func (c *Catalog) batch(ctx context.Context, pairs []api.ServiceActionAssociation, do func(*db.Tx, api.ServiceActionAssociation) error) ([]api.FailedServiceActionAssociation, error) {
	var failed []api.FailedServiceActionAssociation
	err := c.update(ctx, func(tx *db.Tx) error {
		failed = []api.FailedServiceActionAssociation{}
		for _, one := range pairs {
			err := do(tx, one)
			code, refused := batchCodes[api.Code(err)]
			if err != nil && !refused {
				return err
			}
			if err != nil {
				failed = append(failed, api.FailedServiceActionAssociation{
					ProductId: one.ProductId, ProvisioningArtifactId: one.ProvisioningArtifactId, ServiceActionId: one.ServiceActionId,
					ErrorCode: code, ErrorMessage: message(err),
				})
			}
		}
		return nil
	})
	return failed, err
}

// ListServiceActionsForProvisioningArtifact lists the service actions of a
// version, oldest association first.
func (c *Catalog) ListServiceActionsForProvisioningArtifact(ctx context.Context, in *api.ListServiceActionsForProvisioningArtifactInput) (*api.ListServiceActionsForProvisioningArtifactOutput, error) {
	pg, err := c.page(ctx, api.OpListServiceActionsForProvisioningArtifact, in.PageSize, in.PageToken, in.ProductId, in.ProvisioningArtifactId)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	var rows []serviceAction
	err = c.db.View(ctx, func(tx *db.Tx) error {
		p, _, err := c.product(tx, caller, in.ProductId)
		if err != nil {
			return err
		}
		a, err := findArtifact(tx, p.ID, in.ProvisioningArtifactId, "")
		if err != nil {
			return err
		}
		rows, err = db.Collect(tx, func(r *db.Rows) (serviceAction, error) {
			var s serviceAction
			var data []byte
			if err := r.Scan(&s.ID, &s.Created, &data); err != nil {
				return s, err
			}
			return s, decode(data, &s, s.ID)
		}, `SELECT s.id, x.created, s.data FROM service_action_artifact x JOIN service_action s ON s.id = x.action
			WHERE x.artifact = ? AND (x.created, x.action) > (?, ?) ORDER BY x.created, x.action LIMIT ?`,
			a.ID, pg.after.Number, pg.after.ID, pg.fetch())
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(pg, rows, func(a serviceAction) position { return position{Number: a.Created, ID: string(a.ID)} })
	return &api.ListServiceActionsForProvisioningArtifactOutput{ServiceActionSummaries: actionSummaries(rows), NextPageToken: next}, nil
}

// ListProvisioningArtifactsForServiceAction lists the versions that a service
// action is offered on, oldest association first.
func (c *Catalog) ListProvisioningArtifactsForServiceAction(ctx context.Context, in *api.ListProvisioningArtifactsForServiceActionInput) (*api.ListProvisioningArtifactsForServiceActionOutput, error) {
	pg, err := c.page(ctx, api.OpListProvisioningArtifactsForServiceAction, in.PageSize, in.PageToken, in.ServiceActionId)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	out := &api.ListProvisioningArtifactsForServiceActionOutput{ProvisioningArtifactViews: []api.ProvisioningArtifactView{}}
	err = c.db.View(ctx, func(tx *db.Tx) error {
		action, err := ownAction(tx, caller, in.ServiceActionId)
		if err != nil {
			return err
		}
		type pair struct {
			position
			product string
		}
		rows, err := db.Collect(tx, func(r *db.Rows) (pair, error) {
			var one pair
			err := r.Scan(&one.product, &one.ID, &one.Number)
			return one, err
		}, `SELECT x.product, x.artifact, x.created FROM service_action_artifact x
			WHERE x.action = ? AND (x.created, x.artifact) > (?, ?) ORDER BY x.created, x.artifact LIMIT ?`,
			action.ID, pg.after.Number, pg.after.ID, pg.fetch())
		if err != nil {
			return err
		}
		rows, out.NextPageToken = cut(pg, rows, func(one pair) position { return one.position })
		for _, one := range rows {
			p, a, err := c.ownVersion(tx, caller, api.ServiceActionAssociation{ProductId: one.product, ProvisioningArtifactId: one.ID})
			if err != nil {
				return err
			}
			view := a.view()
			out.ProvisioningArtifactViews = append(out.ProvisioningArtifactViews, api.ProvisioningArtifactView{
				ProductViewSummary: p.summary(), ProvisioningArtifact: &view,
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// OfferedAction returns the definition of a service action that is associated
// with a version. Whoever asks has launched the version, which is his right
// to it.
func OfferedAction(tx *db.Tx, version id.Artifact, action string) (map[string]string, error) {
	var a serviceAction
	var data []byte
	err := tx.Row(`SELECT s.id, s.data FROM service_action_artifact x JOIN service_action s ON s.id = x.action
		WHERE x.artifact = ? AND x.action = ?`, version, action).Scan(&a.ID, &data)
	if errors.Is(err, db.ErrNoRows) {
		return nil, actionUnknown(action)
	}
	if err == nil {
		err = decode(data, &a, a.ID)
	}
	definition := make(map[string]string, len(a.Definition))
	for k, v := range a.Definition {
		definition[string(k)] = v
	}
	return definition, err
}

// message is the text of a refusal.
func message(err error) string {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e.Message
	}
	return ""
}

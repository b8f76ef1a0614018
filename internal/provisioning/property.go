package provisioning

import (
	"context"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// propertyRun stands in the records of property changes, which are done at
// once and need no run.
const propertyRun = "properties/v1"

// UpdateProvisionedProductProperties gives a provisioned product another owner
// or another launch role. It is done when it is answered, and recorded like
// everything else.
func (p *Provisioning) UpdateProvisionedProductProperties(ctx context.Context, in *api.UpdateProvisionedProductPropertiesInput) (*api.UpdateProvisionedProductPropertiesOutput, error) {
	once, err := p.catalog.Once(ctx, "UpdateProvisionedProductProperties", in.IdempotencyToken, in)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	change, malformed := readProperties(in.ProvisionedProductProperties, caller.Account)
	asked := p.newRecord(caller, act{run: propertyRun, record: typeUpdate})
	var out api.UpdateProvisionedProductPropertiesOutput
	err = p.db.Update(ctx, func(tx *db.Tx) error {
		if seen, err := once.Answer(tx, &out); seen || err != nil {
			return err
		}
		pp, err := find(tx, granted(caller), reference{id: in.ProvisionedProductId})
		if err != nil {
			return err
		}
		if !pp.move(propertiesChanged) {
			return api.InvalidState("Provisioned product %s is %s and its properties can't be changed%s.", pp.ID, pp.Status, pp.inFlight())
		}
		if malformed != nil {
			return malformed
		}
		change.apply(&pp)
		rec := asked // the closure may run twice
		rec.belongTo(&pp)
		rec.about(&pp)
		rec.move(api.RecordStatusSucceeded, rec.Created)
		pp.LastRecord = rec.ID // but no provisioning record
		if err := pp.update(tx); err != nil {
			return err
		}
		if err := rec.insert(tx); err != nil {
			return err
		}
		if err := p.tell(tx, &pp, &rec); err != nil {
			return err
		}
		out = api.UpdateProvisionedProductPropertiesOutput{
			ProvisionedProductId: string(pp.ID), ProvisionedProductProperties: in.ProvisionedProductProperties,
			RecordId: string(rec.ID), Status: rec.Status,
		}
		return once.Keep(tx, &out)
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// properties are what becomes of a product's; empty members stay.
type properties struct{ user, session, role string }

// readProperties reads what is asked for in an account.
func readProperties(in map[api.PropertyKey]string, account string) (properties, error) {
	var out properties
	for key, arn := range in {
		who, err := id.ParsePrincipal(arn)
		switch {
		case key != api.PropertyKeyOwner && key != api.PropertyKeyLaunchRole:
			return out, api.InvalidParameters("Unknown property: %s", key)
		case err != nil:
			return out, api.InvalidParameters("Invalid value for %s: %s is not the ARN of a principal", key, arn)
		case key == api.PropertyKeyLaunchRole:
			if who.Kind != id.Role {
				return out, api.InvalidParameters("Invalid value for LAUNCH_ROLE: %s is not the ARN of a role", arn)
			}
			out.role = arn
		case who.Account != account:
			return out, api.InvalidParameters("Invalid value for OWNER: %s belongs to another account", arn)
		case who.Kind == id.Session:
			out.user, out.session = identity.RoleOf(arn), arn
		case who.Kind == id.User || who.Kind == id.Role:
			out.user, out.session = arn, arn
		default:
			return out, api.InvalidParameters("Invalid value for OWNER: %s is no user, role or assumed role", arn)
		}
	}
	return out, nil
}

// apply changes the product. A role that is set this way is used for updates,
// terminations and actions from now on, whatever a constraint says.
func (c properties) apply(pp *provisionedProduct) {
	if c.user != "" {
		pp.UserARN, pp.SessionARN = c.user, c.session
	}
	if c.role != "" {
		pp.OwnRole, pp.LaunchRole, pp.Change.Role = c.role, c.role, c.role
	}
}

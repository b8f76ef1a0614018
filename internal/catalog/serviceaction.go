package catalog

import (
	"context"
	"encoding/json"
	"regexp"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// A serviceAction is something that can be done to what was launched. Its
// definition names an SSM automation document.
type serviceAction struct {
	ID      id.ServiceAction `json:"-"`
	Account string           `json:"-"`
	Region  string           `json:"-"`
	Created int64            `json:"-"`

	Name           string
	Description    string `json:",omitempty"`
	DefinitionType api.ServiceActionDefinitionType
	Definition     map[api.ServiceActionDefinitionKey]string
}

func actionUnknown(name string) error {
	return api.ResourceNotFound("Service action %s not found", name)
}

var documentName = regexp.MustCompile(`^[a-zA-Z0-9_\-.:/]+$`)

// checkDefinition refuses what could not be executed.
func checkDefinition(d map[api.ServiceActionDefinitionKey]string) error {
	name, version := d[api.ServiceActionDefinitionKeyName], d[api.ServiceActionDefinitionKeyVersion]
	if name == "" || version == "" {
		return api.InvalidParameters("The definition of a service action must have Name and Version")
	}
	if !documentName.MatchString(name) {
		return api.InvalidParameters("Name %s is not the name or ARN of a document", name)
	}
	if role, ok := d[api.ServiceActionDefinitionKeyAssumeRole]; ok && role != "LAUNCH_ROLE" && !isRole(role) {
		return api.InvalidParameters("AssumeRole must be LAUNCH_ROLE or the ARN of a role")
	}
	text, ok := d[api.ServiceActionDefinitionKeyParameters]
	if !ok {
		return nil
	}
	var parameters []struct{ Name, Type string }
	if err := json.Unmarshal([]byte(text), &parameters); err != nil {
		return api.InvalidParameters("Parameters must be a JSON list of objects with Name and Type")
	}
	for _, p := range parameters {
		if p.Name == "" || p.Type != "TARGET" && p.Type != "TEXT_VALUE" {
			return api.InvalidParameters("Parameters: each must have a Name and the Type TARGET or TEXT_VALUE")
		}
	}
	return nil
}

// CreateServiceAction defines a service action.
func (c *Catalog) CreateServiceAction(ctx context.Context, in *api.CreateServiceActionInput) (*api.CreateServiceActionOutput, error) {
	once, err := c.Once(ctx, api.OpCreateServiceAction.String(), in.IdempotencyToken, in)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	malformed := checkDefinition(in.Definition)
	a := serviceAction{
		ID: id.New[id.ServiceAction](), Account: caller.Account, Region: caller.Region, Created: db.Micros(c.now()),
		Name: in.Name, Description: api.Or(in.Description, ""), DefinitionType: in.DefinitionType, Definition: in.Definition,
	}
	out := &api.CreateServiceActionOutput{ServiceActionDetail: a.detail()}
	return create(ctx, c, once, func(tx *db.Tx) (*api.CreateServiceActionOutput, error) {
		if malformed != nil {
			return nil, malformed
		}
		if err := populate(tx, a.Account, a.Region, serviceActionKind, c.limits.ServiceActions); err != nil {
			return nil, err
		}
		data, err := encode(a)
		if err != nil {
			return nil, err
		}
		return out, tx.Exec(`INSERT INTO service_action (id, account, region, created, data) VALUES (?, ?, ?, ?, ?)`,
			a.ID, a.Account, a.Region, a.Created, data)
	})
}

// DescribeServiceAction describes a service action.
func (c *Catalog) DescribeServiceAction(ctx context.Context, in *api.DescribeServiceActionInput) (*api.DescribeServiceActionOutput, error) {
	var a serviceAction
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		a, err = ownAction(tx, identity.CallerFrom(ctx), in.Id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DescribeServiceActionOutput{ServiceActionDetail: a.detail()}, nil
}

// UpdateServiceAction changes a service action wherever it is associated.
func (c *Catalog) UpdateServiceAction(ctx context.Context, in *api.UpdateServiceActionInput) (*api.UpdateServiceActionOutput, error) {
	var malformed error
	if in.Definition != nil {
		malformed = checkDefinition(in.Definition)
	}
	var a serviceAction
	err := c.update(ctx, func(tx *db.Tx) (err error) {
		if a, err = ownAction(tx, identity.CallerFrom(ctx), in.Id); err != nil {
			return err
		}
		if malformed != nil {
			return malformed
		}
		set(&a.Name, in.Name)
		set(&a.Description, in.Description)
		if in.Definition != nil {
			a.Definition = in.Definition
		}
		data, err := encode(a)
		if err != nil {
			return err
		}
		return tx.Exec(`UPDATE service_action SET data = ? WHERE id = ? AND account = ?`, data, a.ID, a.Account)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateServiceActionOutput{ServiceActionDetail: a.detail()}, nil
}

// DeleteServiceAction deletes a service action that is associated with no
// version.
func (c *Catalog) DeleteServiceAction(ctx context.Context, in *api.DeleteServiceActionInput) (*api.DeleteServiceActionOutput, error) {
	once, err := c.Once(ctx, api.OpDeleteServiceAction.String(), api.Or(in.IdempotencyToken, ""), in)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	return create(ctx, c, once, func(tx *db.Tx) (*api.DeleteServiceActionOutput, error) {
		a, err := ownAction(tx, caller, in.Id)
		if err != nil {
			return nil, err
		}
		n, err := count(tx, `SELECT COUNT(*) FROM (SELECT 1 FROM service_action_artifact WHERE action = ? LIMIT 1) AS one`, a.ID)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			return nil, api.ResourceInUse("Service action %s still has associated provisioning artifacts", a.ID)
		}
		if err := depopulate(tx, a.Account, a.Region, serviceActionKind); err != nil {
			return nil, err
		}
		return &api.DeleteServiceActionOutput{}, tx.Exec(`DELETE FROM service_action WHERE id = ? AND account = ?`, a.ID, a.Account)
	})
}

// ListServiceActions lists the service actions of an account, oldest first.
func (c *Catalog) ListServiceActions(ctx context.Context, in *api.ListServiceActionsInput) (*api.ListServiceActionsOutput, error) {
	pg, err := c.page(ctx, api.OpListServiceActions, in.PageSize, in.PageToken)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	var rows []serviceAction
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		rows, err = db.Collect(tx, scanAction, selectAction+`
			WHERE s.account = ? AND s.region = ? AND (s.created, s.id) > (?, ?) ORDER BY s.created, s.id LIMIT ?`,
			caller.Account, caller.Region, pg.after.Number, pg.after.ID, pg.fetch())
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(pg, rows, func(a serviceAction) position { return position{Number: a.Created, ID: string(a.ID)} })
	return &api.ListServiceActionsOutput{ServiceActionSummaries: actionSummaries(rows), NextPageToken: next}, nil
}

func (a serviceAction) summary() *api.ServiceActionSummary {
	return &api.ServiceActionSummary{Id: string(a.ID), Name: a.Name, Description: a.Description, DefinitionType: a.DefinitionType}
}

func (a serviceAction) detail() *api.ServiceActionDetail {
	return &api.ServiceActionDetail{ServiceActionSummary: a.summary(), Definition: a.Definition}
}

func actionSummaries(rows []serviceAction) []api.ServiceActionSummary {
	out := make([]api.ServiceActionSummary, len(rows))
	for i, a := range rows {
		out[i] = *a.summary()
	}
	return out
}

const selectAction = `SELECT s.id, s.account, s.region, s.created, s.data FROM service_action s`

func scanAction(r *db.Rows) (serviceAction, error) {
	var a serviceAction
	var data []byte
	if err := r.Scan(&a.ID, &a.Account, &a.Region, &a.Created, &data); err != nil {
		return a, err
	}
	return a, decode(data, &a, a.ID)
}

func ownAction(tx *db.Tx, caller identity.Caller, actionID string) (serviceAction, error) {
	found, err := db.Collect(tx, scanAction, selectAction+` WHERE s.id = ? AND s.account = ? AND s.region = ?`,
		actionID, caller.Account, caller.Region)
	if err == nil && len(found) == 0 {
		err = actionUnknown(actionID)
	}
	if err != nil {
		return serviceAction{}, err
	}
	return found[0], nil
}

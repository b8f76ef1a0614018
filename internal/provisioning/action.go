package provisioning

import (
	"context"

	"larder/internal/api"
	"larder/internal/catalog"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/identity"
)

// ExecuteProvisionedProductServiceAction carries out a service action that the
// product's version offers. Afterwards the product is what it was.
func (p *Provisioning) ExecuteProvisionedProductServiceAction(ctx context.Context, in *api.ExecuteProvisionedProductServiceActionInput) (*api.ExecuteProvisionedProductServiceActionOutput, error) {
	once, err := p.catalog.Once(ctx, "ExecuteProvisionedProductServiceAction", in.ExecuteToken, in)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	var action engine.Action
	detail, err := p.alter(ctx, alteration{
		act: actionAct, once: once, rec: p.newRecord(caller, actionAct),
		find: func(tx *db.Tx) (provisionedProduct, error) {
			pp, err := find(tx, granted(caller), reference{id: in.ProvisionedProductId})
			if err == nil {
				action, err = p.offered(tx, &pp, in.ServiceActionId)
			}
			return pp, err
		},
		refuse: func(pp *provisionedProduct) error {
			return api.InvalidState("Provisioned product %s is %s and no service action can be executed on it%s.", pp.ID, pp.Status, pp.inFlight())
		},
		fill: func(_ *db.Tx, pp *provisionedProduct, rec *record) error {
			rec.about(pp)
			rec.Action = &engine.Action{ID: action.ID, Definition: action.Definition, Given: in.Parameters}
			rec.Tainted = pp.was.Status == api.ProvisionedProductStatusTainted
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return &api.ExecuteProvisionedProductServiceActionOutput{RecordDetail: detail}, nil
}

// DescribeServiceActionExecutionParameters answers what an action takes when
// it is executed on a provisioned product.
func (p *Provisioning) DescribeServiceActionExecutionParameters(ctx context.Context, in *api.DescribeServiceActionExecutionParametersInput) (*api.DescribeServiceActionExecutionParametersOutput, error) {
	var (
		pp     provisionedProduct
		action engine.Action
	)
	err := p.view(ctx, func(tx *db.Tx, c identity.Caller) (err error) {
		if pp, err = find(tx, granted(c), reference{id: in.ProvisionedProductId}); err == nil {
			action, err = p.offered(tx, &pp, in.ServiceActionId)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	change := pp.Change
	change.Physical = pp.Physical
	parameters, err := p.actor(&pp).ActionParameters(ctx, change, action)
	if failure, ok := engine.AsFailure(err); ok {
		return nil, api.InvalidParameters("%s", failure.Reason)
	}
	if err != nil {
		return nil, err
	}
	out := &api.DescribeServiceActionExecutionParametersOutput{ServiceActionParameters: []api.ExecutionParameter{}}
	for _, one := range parameters {
		view := api.ExecutionParameter{Name: one.Name, Type: one.Type, DefaultValues: one.Defaults}
		if view.DefaultValues == nil {
			view.DefaultValues = []string{}
		}
		out.ServiceActionParameters = append(out.ServiceActionParameters, view)
	}
	return out, nil
}

// actor is the engine of a product, if it carries out service actions. On what
// stands in many places none are.
func (p *Provisioning) actor(pp *provisionedProduct) engine.Actor {
	if pp.Change.Targets != nil {
		return nil
	}
	a, _ := p.engine(pp.Change.Artifact.Type).(engine.Actor)
	return a
}

// offered finds an action that can be executed on a product.
func (p *Provisioning) offered(tx *db.Tx, pp *provisionedProduct, actionID string) (engine.Action, error) {
	definition, err := catalog.OfferedAction(tx, pp.Artifact, actionID)
	if err == nil && p.actor(pp) == nil {
		err = api.InvalidParameters("Service actions are not supported for provisioned products of type %s", pp.Type)
	}
	return engine.Action{ID: actionID, Definition: definition}, err
}

// perform is a beat of an action.
func perform(ctx context.Context, e engine.Engine, c engine.Change, a engine.Action) (engine.Progress, error) {
	actor, ok := e.(engine.Actor)
	if !ok {
		return engine.Progress{}, &engine.Failure{Reason: "Service actions are not supported for products of type " + c.Artifact.Type}
	}
	return actor.Act(ctx, c, a)
}

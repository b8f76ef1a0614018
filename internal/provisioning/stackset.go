package provisioning

import (
	"context"
	"math"
	"slices"
	"strings"

	"larder/internal/api"
	"larder/internal/catalog"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/identity"
)

// typeStackSet is the ProvisionedProductType of a stack set: what a
// CloudFormation product becomes by a STACKSET constraint.
const typeStackSet = "CFN_STACKSET"

// outputStackSet is the first output of every record that made a stack set.
const outputStackSet = "CloudformationStackSetARN"

// spreadPreferences are those of an update, of which a launch has all but the
// operation's type.
type spreadPreferences = api.UpdateProvisioningPreferences

// launchPreferences are the preferences of a launch.
func launchPreferences(in *api.ProvisioningPreferences) *spreadPreferences {
	if in == nil {
		return nil
	}
	return &spreadPreferences{
		StackSetAccounts: in.StackSetAccounts, StackSetRegions: in.StackSetRegions,
		StackSetFailureToleranceCount: in.StackSetFailureToleranceCount, StackSetFailureTolerancePercentage: in.StackSetFailureTolerancePercentage,
		StackSetMaxConcurrencyCount: in.StackSetMaxConcurrencyCount, StackSetMaxConcurrencyPercentage: in.StackSetMaxConcurrencyPercentage,
	}
}

// spread settles where a launch or an update of a stack set goes: to the
// accounts and regions of the constraint, or to those of them that are named.
// It is nil for everything else, whose preferences count for nothing.
func spread(launch catalog.Launch, in *spreadPreferences) (*engine.Targets, error) {
	s := launch.StackSet
	if s == nil {
		return nil, nil
	}
	if in == nil {
		in = &spreadPreferences{}
	}
	t := &engine.Targets{
		Only:           onlyInstances(in),
		Chosen:         len(in.StackSetAccounts) > 0 && len(in.StackSetRegions) > 0,
		ToleranceCount: in.StackSetFailureToleranceCount, TolerancePercentage: in.StackSetFailureTolerancePercentage,
		ConcurrencyCount: in.StackSetMaxConcurrencyCount, ConcurrencyPercentage: in.StackSetMaxConcurrencyPercentage,
		AdminRole: s.AdminRole, ExecutionRole: s.ExecutionRole,
	}
	var err error
	if t.Accounts, err = among(s.Accounts, in.StackSetAccounts, "accounts"); err != nil {
		return nil, err
	}
	if t.Regions, err = among(s.Regions, in.StackSetRegions, "Regions"); err != nil {
		return nil, err
	}
	switch {
	case t.ToleranceCount != nil && t.TolerancePercentage != nil:
		return nil, api.InvalidParameters("Specify either StackSetFailureToleranceCount or StackSetFailureTolerancePercentage, but not both.")
	case t.ConcurrencyCount != nil && t.ConcurrencyPercentage != nil:
		return nil, api.InvalidParameters("Specify either StackSetMaxConcurrencyCount or StackSetMaxConcurrencyPercentage, but not both.")
	case t.Only != "" && !s.InstanceControl:
		return nil, api.InvalidParameters("StackSetOperationType %s is not allowed: StackInstanceControl of the STACKSET constraint is NOT_ALLOWED.", t.Only)
	}
	return t, nil
}

// among returns those of a constraint's values that were asked for, in the
// order in which they were, or all; each once.
func among(constraint, asked []string, what string) ([]string, error) {
	outside := slices.DeleteFunc(slices.Clone(asked), func(v string) bool { return slices.Contains(constraint, v) })
	if len(outside) > 0 {
		return nil, api.InvalidParameters("The specified %s should be within the list of %s from the STACKSET constraint: [%s]", what, what, strings.Join(outside, ", "))
	}
	if len(asked) == 0 {
		asked = constraint
	}
	return union(nil, asked), nil
}

// onlyInstances is what an update does to stack instances without changing
// what they are; "" if it changes that. Of such an update the model says that
// a product or a version passed with it is ignored; so are values and tags.
func onlyInstances(in *spreadPreferences) engine.Kind {
	if in == nil || in.StackSetOperationType == nil || *in.StackSetOperationType == api.StackSetOperationTypeUpdate {
		return ""
	}
	return engine.Kind(*in.StackSetOperationType)
}

// keeps reports whether an update leaves what the product is made of as it is.
func keeps(pp *provisionedProduct, in *spreadPreferences) bool {
	return pp.Type == typeStackSet && onlyInstances(in) != ""
}

// keep fills in a record that adds or takes away instances of a product.
func (r *record) keep(pp *provisionedProduct) {
	r.about(pp)
	r.UserTags, r.Tags = pp.UserTags, pp.RecordTags
	r.Keeps, r.given, r.previous = true, "", ""
}

// unplannable refuses plans of stack sets: a plan is a change set, and those
// are of stacks.
func unplannable(launch catalog.Launch) error {
	if launch.StackSet == nil {
		return nil
	}
	return api.InvalidParameters("Plans are not supported for provisioned products of type %s, which product %s becomes by a STACKSET constraint", typeStackSet, launch.Product.ID)
}

// ListStackInstancesForProvisionedProduct lists the stack instances of a stack
// set, by account and region.
func (p *Provisioning) ListStackInstancesForProvisionedProduct(ctx context.Context, in *api.ListStackInstancesForProvisionedProductInput) (*api.ListStackInstancesForProvisionedProductOutput, error) {
	pg, err := p.page(ctx, api.OpListStackInstancesForProvisionedProduct, in.PageSize, in.PageToken, in.ProvisionedProductId)
	if err != nil {
		return nil, err
	}
	var pp provisionedProduct
	err = p.view(ctx, func(tx *db.Tx, c identity.Caller) error {
		pp, err = find(tx, granted(c), reference{id: in.ProvisionedProductId})
		return err
	})
	if err != nil {
		return nil, err
	}
	targeter, ok := p.engine(pp.Change.Artifact.Type).(engine.Targeter)
	if !ok || pp.Change.Targets == nil {
		return nil, api.InvalidParameters("Provisioned product %s is of type %s; only those of type %s have stack instances", pp.ID, pp.Type, typeStackSet)
	}
	change := pp.Change
	change.Physical = pp.Physical
	page, more, err := targeter.Instances(ctx, change, engine.Instance{Account: pg.after.Key, Region: pg.after.ID}, pg.size)
	if err != nil {
		return nil, err
	}
	out := &api.ListStackInstancesForProvisionedProductOutput{StackInstances: make([]api.StackInstance, len(page))}
	for i, one := range page {
		out.StackInstances[i] = api.StackInstance{Account: one.Account, Region: one.Region, StackInstanceStatus: api.StackInstanceStatus(one.Status)}
	}
	if more {
		last := page[len(page)-1]
		out.NextPageToken = p.next(pg, position{Key: last.Account, ID: last.Region})
	}
	return out, nil
}

// reached tells how far the operation of a record has come that goes to many
// places; nil for others.
func (p *Provisioning) reached(ctx context.Context, rec *record) (*api.OperationProgress, error) {
	targeter, ok := p.engine(rec.Change.Artifact.Type).(engine.Targeter)
	if !ok || rec.Change.Targets == nil {
		return nil, nil
	}
	reach, err := targeter.Reached(ctx, rec.Change)
	if err != nil || reach == nil {
		return nil, err
	}
	view := &api.OperationProgress{Regions: make([]api.OperationRegion, len(reach.Regions)), InstancesPerMinute: int64(math.Round(60 * reach.Rate))}
	for i, r := range reach.Regions {
		view.Regions[i] = api.OperationRegion{
			Name: r.Region, Pending: int64(r.Pending), Running: int64(r.Running),
			Succeeded: int64(r.Succeeded), Failed: int64(r.Failed), Canceled: int64(r.Canceled),
		}
	}
	if f := reach.Failed; f != nil {
		view.FirstFailure = f.Resource + ": " + f.Reason
	}
	return view, nil
}

package catalog

import (
	"context"
	"slices"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/identity"
)

// A budget is known to the catalog by its name alone; whether there is such a
// budget is not asked.

// maxBudgets is how many budgets one resource may have.
const maxBudgets = 10

// AssociateBudgetWithResource puts a budget on a portfolio or product.
func (c *Catalog) AssociateBudgetWithResource(ctx context.Context, in *api.AssociateBudgetWithResourceInput) (*api.AssociateBudgetWithResourceOutput, error) {
	err := c.update(ctx, func(tx *db.Tx) error {
		r, err := c.ownResource(tx, identity.CallerFrom(ctx), in.ResourceId)
		if err != nil {
			return err
		}
		budgets := r.budgets()
		if slices.Contains(*budgets, in.BudgetName) {
			return api.DuplicateResource("Budget %s is already associated with resource %s", in.BudgetName, in.ResourceId)
		}
		if err := exceeds(len(*budgets), maxBudgets, "budgets per resource"); err != nil {
			return err
		}
		*budgets = append(*budgets, in.BudgetName)
		return r.save(tx)
	})
	return &api.AssociateBudgetWithResourceOutput{}, err
}

// DisassociateBudgetFromResource takes a budget off a portfolio or product.
func (c *Catalog) DisassociateBudgetFromResource(ctx context.Context, in *api.DisassociateBudgetFromResourceInput) (*api.DisassociateBudgetFromResourceOutput, error) {
	err := c.update(ctx, func(tx *db.Tx) error {
		r, err := c.ownResource(tx, identity.CallerFrom(ctx), in.ResourceId)
		if err != nil {
			return err
		}
		budgets := r.budgets()
		at := slices.Index(*budgets, in.BudgetName)
		if at < 0 {
			return api.ResourceNotFound("Budget %s is not associated with resource %s", in.BudgetName, in.ResourceId)
		}
		*budgets = slices.Delete(*budgets, at, at+1)
		return r.save(tx)
	})
	return &api.DisassociateBudgetFromResourceOutput{}, err
}

// ListBudgetsForResource lists the budgets of a portfolio or product, in the
// order of their association.
func (c *Catalog) ListBudgetsForResource(ctx context.Context, in *api.ListBudgetsForResourceInput) (*api.ListBudgetsForResourceOutput, error) {
	pg, err := c.page(ctx, api.OpListBudgetsForResource, in.PageSize, in.PageToken, in.ResourceId)
	if err != nil {
		return nil, err
	}
	var r resource
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		r, err = c.ownResource(tx, identity.CallerFrom(ctx), in.ResourceId)
		return err
	})
	if err != nil {
		return nil, err
	}
	names, next := slice(pg, *r.budgets())
	return &api.ListBudgetsForResourceOutput{Budgets: budgetDetails(names), NextPageToken: next}, nil
}

func budgetDetails(names []string) []api.BudgetDetail {
	out := make([]api.BudgetDetail, len(names))
	for i, n := range names {
		out[i] = api.BudgetDetail{BudgetName: n}
	}
	return out
}

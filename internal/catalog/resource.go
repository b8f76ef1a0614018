package catalog

import (
	"strings"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// A resource is what tag options and budgets are associated with: a portfolio
// or a product of the caller's account.
type resource struct {
	portfolio *portfolio
	product   *product
}

// The kinds of resources, as ListResourcesForTagOption names them.
const (
	portfolioResource = "Portfolio"
	productResource   = "Product"
)

func resourceUnknown(name string) error { return api.ResourceNotFound("Resource %s not found", name) }

// ownResource reads a resource by whichever id it has.
func (c *Catalog) ownResource(tx *db.Tx, caller identity.Caller, resourceID string) (resource, error) {
	switch {
	case strings.HasPrefix(resourceID, "port-"):
		p, err := c.ownPortfolio(tx, caller, resourceID)
		return resource{portfolio: &p}, err
	case strings.HasPrefix(resourceID, "prod-"):
		p, err := c.ownProduct(tx, caller, resourceID)
		return resource{product: &p}, err
	default:
		return resource{}, resourceUnknown(resourceID)
	}
}

func (r resource) id() string {
	if r.portfolio != nil {
		return string(r.portfolio.ID)
	}
	return string(r.product.ID)
}

func (r resource) tagOptions() *[]api.TagOptionDetail {
	if r.portfolio != nil {
		return &r.portfolio.TagOptions
	}
	return &r.product.TagOptions
}

func (r resource) budgets() *[]string {
	if r.portfolio != nil {
		return &r.portfolio.Budgets
	}
	return &r.product.Budgets
}

func (r resource) detail() api.ResourceDetail {
	if p := r.portfolio; p != nil {
		return api.ResourceDetail{
			Id: string(p.ID), ARN: p.arn(), Name: p.Name, Description: p.Description, CreatedTime: milliseconds(p.Created),
		}
	}
	p := r.product
	return api.ResourceDetail{
		Id: string(p.ID), ARN: p.arn(), Name: p.Name, Description: p.Description, CreatedTime: seconds(p.Created),
	}
}

// save writes what was changed of a resource's associations.
func (r resource) save(tx *db.Tx) error {
	if r.portfolio != nil {
		return updatePortfolio(tx, *r.portfolio)
	}
	return updateProduct(tx, *r.product, *r.product)
}

// associated reads the resources of a tag option. They are of its account.
func (c *Catalog) associated(tx *db.Tx, caller identity.Caller, option id.TagOption) ([]resource, error) {
	ids, err := db.Collect(tx, scanID[string], `SELECT resource FROM tag_option_resource WHERE tag_option = ?`, option)
	if err != nil {
		return nil, err
	}
	all := make([]resource, len(ids))
	for i, one := range ids {
		if all[i], err = c.ownResource(tx, caller, one); err != nil {
			return nil, err
		}
	}
	return all, nil
}

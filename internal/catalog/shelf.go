package catalog

import (
	"context"
	"slices"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// AssociateProductWithPortfolio puts a product on a portfolio's shelf. A
// product that another account shares may stand on a shelf of one's own.
// Doing it again changes nothing.
func (c *Catalog) AssociateProductWithPortfolio(ctx context.Context, in *api.AssociateProductWithPortfolioInput) (*api.AssociateProductWithPortfolioOutput, error) {
	caller := identity.CallerFrom(ctx)
	err := c.update(ctx, func(tx *db.Tx) error {
		shelf, err := c.ownPortfolio(tx, caller, in.PortfolioId)
		if err != nil {
			return err
		}
		p, r, err := c.product(tx, caller, in.ProductId)
		if err != nil {
			return err
		}
		source, err := c.importSource(tx, caller, p, r, in.SourcePortfolioId)
		if err != nil {
			return err
		}
		n, err := tx.ExecRows(`INSERT INTO portfolio_product (portfolio, product, source, title, versions, created)
			VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (portfolio, product) DO NOTHING`,
			shelf.ID, p.ID, source, title(p.Name), p.Versions, p.Created)
		if err != nil || n == 0 {
			return err
		}
		all, err := p.countOn(tx, shelf.ID, 1)
		if err != nil {
			return err
		}
		return exceeds(all-1, c.limits.ProductsPerPortfolio, "products per portfolio")
	})
	return &api.AssociateProductWithPortfolioOutput{}, err
}

// importSource is the shared portfolio that a product is taken from: the one
// named, or the first that holds it; "" for a product of one's own.
func (c *Catalog) importSource(tx *db.Tx, caller identity.Caller, p product, r reach, named *string) (id.Portfolio, error) {
	if r == own {
		if named != nil {
			_, _, err := c.portfolio(tx, caller, *named)
			return "", err
		}
		return "", nil
	}
	shares, err := c.sources(tx, caller, p.ID)
	if err != nil {
		return "", err
	}
	if named != nil {
		if _, ok := shares[id.Portfolio(*named)]; !ok {
			return "", portfolioUnknown(*named)
		}
		return id.Portfolio(*named), nil
	}
	all := make([]id.Portfolio, 0, len(shares))
	for source := range shares {
		all = append(all, source)
	}
	return slices.Min(all), nil
}

// DisassociateProductFromPortfolio takes a product off a shelf. Constraints
// of the pair keep it there.
func (c *Catalog) DisassociateProductFromPortfolio(ctx context.Context, in *api.DisassociateProductFromPortfolioInput) (*api.DisassociateProductFromPortfolioOutput, error) {
	caller := identity.CallerFrom(ctx)
	err := c.update(ctx, func(tx *db.Tx) error {
		shelf, err := c.ownPortfolio(tx, caller, in.PortfolioId)
		if err != nil {
			return err
		}
		constraints, err := count(tx, `SELECT COUNT(*) FROM (SELECT 1 FROM portfolio_constraint
			WHERE portfolio = ? AND product = ? LIMIT 1) AS one`, shelf.ID, in.ProductId)
		if err != nil {
			return err
		}
		if constraints > 0 {
			return api.ResourceInUse("Product %s still has associated Constraints in portfolio %s", in.ProductId, shelf.ID)
		}
		if _, err := c.shelved(tx, caller, shelf.ID, in.ProductId); err != nil {
			return err
		}
		return unshelve(tx, shelf.ID, id.Product(in.ProductId))
	})
	return &api.DisassociateProductFromPortfolioOutput{}, err
}

// ListPortfoliosForProduct lists the portfolios of the caller's account that
// hold a product, oldest first.
func (c *Catalog) ListPortfoliosForProduct(ctx context.Context, in *api.ListPortfoliosForProductInput) (*api.ListPortfoliosForProductOutput, error) {
	pg, err := c.page(ctx, api.OpListPortfoliosForProduct, in.PageSize, in.PageToken, in.ProductId)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	var rows []portfolio
	err = c.db.View(ctx, func(tx *db.Tx) error {
		p, _, err := c.product(tx, caller, in.ProductId)
		if err != nil {
			return err
		}
		rows, err = db.Collect(tx, scanPortfolio, selectPortfolio+`
			JOIN portfolio_product pp ON pp.portfolio = p.id
			WHERE pp.product = ? AND p.account = ? AND p.region = ? AND (p.created, p.id) > (?, ?)
			ORDER BY p.created, p.id LIMIT ?`,
			p.ID, caller.Account, caller.Region, pg.after.Number, pg.after.ID, pg.fetch())
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(pg, rows, portfolio.position)
	return &api.ListPortfoliosForProductOutput{PortfolioDetails: portfolioDetails(rows), NextPageToken: next}, nil
}

// unshelve takes a product off a shelf.
func unshelve(tx *db.Tx, shelf id.Portfolio, p id.Product) error {
	found, err := db.Collect(tx, scanProduct, selectProduct+` WHERE p.id = ?`, p)
	if err != nil {
		return err
	}
	for _, one := range found {
		if _, err := one.countOn(tx, shelf, -1); err != nil {
			return err
		}
	}
	return tx.Exec(`DELETE FROM portfolio_product WHERE portfolio = ? AND product = ?`, shelf, p)
}

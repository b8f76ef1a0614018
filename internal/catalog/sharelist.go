package catalog

import (
	"context"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/identity"
)

// DescribePortfolioShares lists the shares of one type of a portfolio of
// one's own, oldest first.
func (c *Catalog) DescribePortfolioShares(ctx context.Context, in *api.DescribePortfolioSharesInput) (*api.DescribePortfolioSharesOutput, error) {
	pg, err := c.page(ctx, api.OpDescribePortfolioShares, in.PageSize, in.PageToken, in.PortfolioId, in.Type)
	if err != nil {
		return nil, err
	}
	rows, next, err := c.ownShares(ctx, pg, in.PortfolioId, in.Type)
	if err != nil {
		return nil, err
	}
	out := &api.DescribePortfolioSharesOutput{PortfolioShareDetails: make([]api.PortfolioShareDetail, len(rows)), NextPageToken: next}
	for i, s := range rows {
		out.PortfolioShareDetails[i] = api.PortfolioShareDetail{
			PrincipalId: s.Node, Type: s.Type, Accepted: s.Accepted, ShareTagOptions: s.TagOptions, SharePrincipals: s.Principals,
		}
	}
	return out, nil
}

// ownShares reads a page of the shares of one type of a portfolio of one's
// own. What must hold besides is checked once the portfolio is known to exist.
func (c *Catalog) ownShares(ctx context.Context, pg page, portfolioID string, kind api.DescribePortfolioShareType, checks ...func(*db.Tx) error) ([]share, string, error) {
	var rows []share
	err := c.db.View(ctx, func(tx *db.Tx) error {
		p, err := c.ownPortfolio(tx, identity.CallerFrom(ctx), portfolioID)
		if err != nil {
			return err
		}
		for _, check := range checks {
			if err := check(tx); err != nil {
				return err
			}
		}
		rows, err = db.Collect(tx, scanShare, selectShare+`
			WHERE s.portfolio = ? AND s.type = ? AND (s.created, s.node) > (?, ?) ORDER BY s.created, s.node LIMIT ?`,
			p.ID, kind, pg.after.Number, pg.after.ID, pg.fetch())
		return err
	})
	if err != nil {
		return nil, "", err
	}
	rows, next := cut(pg, rows, func(s share) position { return position{Number: s.Created, ID: s.Node} })
	return rows, next, nil
}

// ListPortfolioAccess lists the accounts that a portfolio of one's own is
// shared with by number, or those that have it by a share with a node.
func (c *Catalog) ListPortfolioAccess(ctx context.Context, in *api.ListPortfolioAccessInput) (*api.ListPortfolioAccessOutput, error) {
	pg, err := c.page(ctx, api.OpListPortfolioAccess, in.PageSize, in.PageToken, in.PortfolioId, in.OrganizationParentId)
	if err != nil {
		return nil, err
	}
	if in.OrganizationParentId != nil {
		return c.inheritedAccess(ctx, pg, in.PortfolioId, *in.OrganizationParentId)
	}
	rows, next, err := c.ownShares(ctx, pg, in.PortfolioId, api.DescribePortfolioShareTypeAccount)
	if err != nil {
		return nil, err
	}
	out := &api.ListPortfolioAccessOutput{AccountIds: make([]string, len(rows)), NextPageToken: next}
	for i, s := range rows {
		out.AccountIds[i] = s.Node
	}
	return out, nil
}

// inheritedAccess lists the accounts under a node that the portfolio is
// shared with.
func (c *Catalog) inheritedAccess(ctx context.Context, pg page, portfolioID, node string) (*api.ListPortfolioAccessOutput, error) {
	caller := identity.CallerFrom(ctx)
	var accounts []string
	err := c.db.View(ctx, func(tx *db.Tx) error {
		p, err := c.ownPortfolio(tx, caller, portfolioID)
		if err != nil {
			return err
		}
		n, err := count(tx, `SELECT COUNT(*) FROM portfolio_share WHERE portfolio = ? AND type <> 'ACCOUNT' AND node = ?`, p.ID, node)
		if err != nil {
			return err
		}
		if n == 0 {
			return shareUnknown(p.ID, node)
		}
		accounts, err = c.recipients(tx, shareAction{Account: caller.Account, Node: node})
		return err
	})
	if err != nil {
		return nil, err
	}
	accounts, next := slice(pg, accounts)
	return &api.ListPortfolioAccessOutput{AccountIds: given(accounts), NextPageToken: next}, nil
}

// ListOrganizationPortfolioAccess lists the nodes of one type that a portfolio
// of one's own is shared with.
func (c *Catalog) ListOrganizationPortfolioAccess(ctx context.Context, in *api.ListOrganizationPortfolioAccessInput) (*api.ListOrganizationPortfolioAccessOutput, error) {
	pg, err := c.page(ctx, api.OpListOrganizationPortfolioAccess, in.PageSize, in.PageToken, in.PortfolioId, in.OrganizationNodeType)
	if err != nil {
		return nil, err
	}
	rows, next, err := c.ownShares(ctx, pg, in.PortfolioId, nodeTypes[in.OrganizationNodeType], func(tx *db.Tx) error {
		org, err := c.organization(tx)
		if err == nil && !org.administers(identity.CallerFrom(ctx).Account) {
			err = api.OperationNotSupported("Only the management account of the organization or a delegated administrator can list its nodes")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.ListOrganizationPortfolioAccessOutput{OrganizationNodes: make([]api.OrganizationNode, len(rows)), NextPageToken: next}
	for i, s := range rows {
		out.OrganizationNodes[i] = api.OrganizationNode{Type: new(in.OrganizationNodeType), Value: new(s.Node)}
	}
	return out, nil
}

// ListAcceptedPortfolioShares lists the portfolios of others that the caller's
// account has imported, or has from the organization, oldest first. AWS's own
// portfolios are none.
func (c *Catalog) ListAcceptedPortfolioShares(ctx context.Context, in *api.ListAcceptedPortfolioSharesInput) (*api.ListAcceptedPortfolioSharesOutput, error) {
	pg, err := c.page(ctx, api.OpListAcceptedPortfolioShares, in.PageSize, in.PageToken, in.PortfolioShareType)
	if err != nil {
		return nil, err
	}
	kind := api.Or(in.PortfolioShareType, api.PortfolioShareTypeImported)
	if kind == api.PortfolioShareTypeAWSServiceCatalog {
		return &api.ListAcceptedPortfolioSharesOutput{PortfolioDetails: []api.PortfolioDetail{}}, nil
	}
	var rows []portfolio
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		rows, err = c.received(tx, identity.CallerFrom(ctx), kind, pg)
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(pg, rows, portfolio.position)
	return &api.ListAcceptedPortfolioSharesOutput{PortfolioDetails: portfolioDetails(rows), NextPageToken: next}, nil
}

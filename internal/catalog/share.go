package catalog

import (
	"context"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// A share lets another account use a portfolio, or all accounts under a node
// of the organization.
type share struct {
	Portfolio  id.Portfolio
	Region     string
	Type       api.DescribePortfolioShareType
	Node       string // an account number, or the bare id of a node
	Accepted   bool   // of type ACCOUNT: by the recipient; otherwise always
	TagOptions bool
	Principals bool
	Created    int64
}

// A shareTarget is what a share's operations name.
type shareTarget struct {
	kind api.DescribePortfolioShareType
	node string
}

func (t shareTarget) organizational() bool { return t.kind != api.DescribePortfolioShareTypeAccount }

func shareUnknown(p id.Portfolio, node string) error {
	return api.ResourceNotFound("Portfolio %s is not shared with %s", p, node)
}

// target reads whom a share is for: exactly one of an account and a node.
func target(account *string, node *api.OrganizationNode, principals *bool) (shareTarget, error) {
	if (account == nil) == (node == nil) {
		return shareTarget{}, api.InvalidParameters("Give either AccountId or OrganizationNode")
	}
	t := shareTarget{kind: api.DescribePortfolioShareTypeAccount}
	if account != nil {
		t.node = *account
		if !id.IsAccount(t.node) {
			return t, api.InvalidParameters("AccountId %s is not an account number of 12 digits", t.node)
		}
	} else {
		var err error
		if t.node, err = parseNode(*node); err != nil {
			return t, err
		}
		t.kind = nodeTypes[*node.Type]
	}
	named := t.kind == api.DescribePortfolioShareTypeAccount || t.kind == api.DescribePortfolioShareTypeOrganizationMemberAccount
	if api.Or(principals, false) && named {
		return t, api.InvalidParameters("SharePrincipals is supported only for an ORGANIZATION or an ORGANIZATIONAL_UNIT")
	}
	return t, nil
}

// sharable reads the portfolio of a share's operation and checks that the
// caller may act on the target.
func (c *Catalog) sharable(tx *db.Tx, caller identity.Caller, portfolioID string, t shareTarget) (portfolio, error) {
	p, err := c.ownPortfolio(tx, caller, portfolioID)
	if err != nil {
		return p, err
	}
	if t.node == caller.Account {
		return p, api.InvalidParameters("A portfolio cannot be shared with its owner")
	}
	if t.organizational() {
		if err := c.checkSharing(tx, caller); err != nil {
			return p, err
		}
	}
	return p, checkNoShareAction(tx, p.ID)
}

// CreatePortfolioShare offers a portfolio to an account, or shares it with a
// node of the organization, which needs no acceptance. A share that exists
// stays as it is.
func (c *Catalog) CreatePortfolioShare(ctx context.Context, in *api.CreatePortfolioShareInput) (*api.CreatePortfolioShareOutput, error) {
	t, err := target(in.AccountId, in.OrganizationNode, in.SharePrincipals)
	if err != nil {
		return nil, err
	}
	caller, now := identity.CallerFrom(ctx), db.Micros(c.now())
	action := newShareAction(createShare, caller, in.PortfolioId, t, in.ShareTagOptions, in.SharePrincipals)
	out := &api.CreatePortfolioShareOutput{}
	err = c.update(ctx, func(tx *db.Tx) error {
		p, err := c.sharable(tx, caller, in.PortfolioId, t)
		if err != nil {
			return err
		}
		if t.organizational() {
			if err := c.checkNode(tx, t.node); err != nil {
				return err
			}
			out.PortfolioShareToken = string(action.Token)
			return c.startShareAction(tx, action)
		}
		exists, err := c.accountExists(tx, t.node)
		if err == nil && !exists {
			err = api.ResourceNotFound("Account not found: %s", t.node)
		}
		if err != nil {
			return err
		}
		n, err := insertShare(tx, share{
			Portfolio: p.ID, Region: p.Region, Type: t.kind, Node: t.node, TagOptions: action.tagOptions(), Created: now,
		})
		if err != nil || n == 0 {
			return err
		}
		all, err := count(tx, `SELECT COUNT(*) FROM portfolio_share WHERE portfolio = ?`, p.ID)
		if err != nil {
			return err
		}
		return exceeds(all-1, c.limits.SharesPerPortfolio, "accounts a portfolio is shared with")
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdatePortfolioShare changes what goes along with a share.
func (c *Catalog) UpdatePortfolioShare(ctx context.Context, in *api.UpdatePortfolioShareInput) (*api.UpdatePortfolioShareOutput, error) {
	t, err := target(in.AccountId, in.OrganizationNode, in.SharePrincipals)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	action := newShareAction(updateShare, caller, in.PortfolioId, t, in.ShareTagOptions, in.SharePrincipals)
	out := &api.UpdatePortfolioShareOutput{Status: api.ShareStatusCompleted}
	err = c.update(ctx, func(tx *db.Tx) error {
		p, err := c.sharable(tx, caller, in.PortfolioId, t)
		if err != nil {
			return err
		}
		s, err := oneShare(tx, p.ID, t)
		if err != nil {
			return err
		}
		if t.organizational() {
			out.PortfolioShareToken, out.Status = string(action.Token), api.ShareStatusNotStarted
			return c.startShareAction(tx, action)
		}
		return action.apply(tx, s)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeletePortfolioShare ends a share. The recipients' own associations with the
// portfolio end with it; what they launched stays.
func (c *Catalog) DeletePortfolioShare(ctx context.Context, in *api.DeletePortfolioShareInput) (*api.DeletePortfolioShareOutput, error) {
	t, err := target(in.AccountId, in.OrganizationNode, nil)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	action := newShareAction(deleteShare, caller, in.PortfolioId, t, nil, nil)
	out := &api.DeletePortfolioShareOutput{}
	err = c.update(ctx, func(tx *db.Tx) error {
		p, err := c.sharable(tx, caller, in.PortfolioId, t)
		if err != nil {
			return err
		}
		if _, err := oneShare(tx, p.ID, t); err != nil {
			return err
		}
		if t.organizational() {
			out.PortfolioShareToken = string(action.Token)
			return c.startShareAction(tx, action)
		}
		return c.endShare(tx, p, t)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// endShare deletes a share and whatever recipients that no longer reach the
// portfolio have made of it.
func (c *Catalog) endShare(tx *db.Tx, p portfolio, t shareTarget) error {
	if err := tx.Exec(`DELETE FROM portfolio_share WHERE portfolio = ? AND type = ? AND node = ?`, p.ID, t.kind, t.node); err != nil {
		return err
	}
	return c.expel(tx, p)
}

// expel removes the associations of accounts that no longer reach a
// portfolio: their principals on it, and its products on their own shelves.
func (c *Catalog) expel(tx *db.Tx, p portfolio) error {
	accounts, err := db.Collect(tx, scanID[string], `SELECT account FROM portfolio_principal WHERE portfolio = ? AND account <> ?
		UNION SELECT q.account FROM portfolio_product pp JOIN portfolio q ON q.id = pp.portfolio WHERE pp.source = ?`,
		p.ID, p.Account, p.ID)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		stays, err := c.reaches(tx, account, p.Region, p.ID)
		if err != nil {
			return err
		}
		if stays {
			continue
		}
		if err := tx.Exec(`DELETE FROM portfolio_principal WHERE portfolio = ? AND account = ?`, p.ID, account); err != nil {
			return err
		}
		if err := tx.Exec(`DELETE FROM portfolio_constraint WHERE account = ? AND EXISTS (
			SELECT 1 FROM portfolio_product pp WHERE pp.portfolio = portfolio_constraint.portfolio
				AND pp.product = portfolio_constraint.product AND pp.source = ?)`, account, p.ID); err != nil {
			return err
		}
		if err := withdraw(tx, p.ID, account); err != nil {
			return err
		}
	}
	return nil
}

// withdraw takes what an account imported from a portfolio off its shelves.
func withdraw(tx *db.Tx, source id.Portfolio, account string) error {
	type pair struct {
		shelf   id.Portfolio
		product id.Product
	}
	pairs, err := db.Collect(tx, func(r *db.Rows) (pair, error) {
		var one pair
		err := r.Scan(&one.shelf, &one.product)
		return one, err
	}, `SELECT pp.portfolio, pp.product FROM portfolio_product pp JOIN portfolio q ON q.id = pp.portfolio
		WHERE pp.source = ? AND q.account = ?`, source, account)
	if err != nil {
		return err
	}
	for _, one := range pairs {
		if err := unshelve(tx, one.shelf, one.product); err != nil {
			return err
		}
	}
	return nil
}

// AcceptPortfolioShare accepts an offer. Accepting again changes nothing, and
// shares of the organization need no acceptance.
func (c *Catalog) AcceptPortfolioShare(ctx context.Context, in *api.AcceptPortfolioShareInput) (*api.AcceptPortfolioShareOutput, error) {
	caller := identity.CallerFrom(ctx)
	err := c.update(ctx, func(tx *db.Tx) error {
		if api.Or(in.PortfolioShareType, api.PortfolioShareTypeImported) == api.PortfolioShareTypeImported {
			return answerOffer(tx, caller, in.PortfolioId, true)
		}
		shares, err := c.sharedWith(tx, caller.Account, caller.Region, []id.Portfolio{id.Portfolio(in.PortfolioId)})
		if err != nil {
			return err
		}
		if *in.PortfolioShareType != api.PortfolioShareTypeAWSOrganizations || shares[id.Portfolio(in.PortfolioId)].reach != organizational {
			return portfolioUnknown(in.PortfolioId)
		}
		return nil
	})
	return &api.AcceptPortfolioShareOutput{}, err
}

// RejectPortfolioShare declines an offer, or gives back what was accepted.
func (c *Catalog) RejectPortfolioShare(ctx context.Context, in *api.RejectPortfolioShareInput) (*api.RejectPortfolioShareOutput, error) {
	caller := identity.CallerFrom(ctx)
	err := c.update(ctx, func(tx *db.Tx) error {
		if api.Or(in.PortfolioShareType, api.PortfolioShareTypeImported) != api.PortfolioShareTypeImported {
			return portfolioUnknown(in.PortfolioId)
		}
		if err := answerOffer(tx, caller, in.PortfolioId, false); err != nil {
			return err
		}
		return c.expel(tx, portfolio{ID: id.Portfolio(in.PortfolioId), Region: caller.Region})
	})
	return &api.RejectPortfolioShareOutput{}, err
}

// answerOffer sets whether the caller's account accepts a share with it.
func answerOffer(tx *db.Tx, caller identity.Caller, portfolioID string, accepted bool) error {
	n, err := tx.ExecRows(`UPDATE portfolio_share SET accepted = ? WHERE portfolio = ? AND region = ? AND type = 'ACCOUNT' AND node = ?`,
		accepted, portfolioID, caller.Region, caller.Account)
	if err == nil && n == 0 {
		err = portfolioUnknown(portfolioID)
	}
	return err
}

const selectShare = `SELECT s.portfolio, s.region, s.type, s.node, s.accepted, s.tag_options, s.principals, s.created FROM portfolio_share s`

func scanShare(r *db.Rows) (share, error) {
	var s share
	err := r.Scan(&s.Portfolio, &s.Region, &s.Type, &s.Node, &s.Accepted, &s.TagOptions, &s.Principals, &s.Created)
	return s, err
}

func oneShare(tx *db.Tx, p id.Portfolio, t shareTarget) (share, error) {
	found, err := db.Collect(tx, scanShare, selectShare+` WHERE s.portfolio = ? AND s.type = ? AND s.node = ?`, p, t.kind, t.node)
	if err == nil && len(found) == 0 {
		err = shareUnknown(p, t.node)
	}
	if err != nil {
		return share{}, err
	}
	return found[0], nil
}

// insertShare writes a share unless it is there and reports how many it wrote.
func insertShare(tx *db.Tx, s share) (int64, error) {
	return tx.ExecRows(`INSERT INTO portfolio_share (portfolio, region, type, node, accepted, tag_options, principals, created)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (portfolio, type, node) DO NOTHING`,
		s.Portfolio, s.Region, s.Type, s.Node, s.Accepted, s.TagOptions, s.Principals, s.Created)
}

package catalog

import (
	"errors"
	"slices"
	"strings"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// This file is the only door to another account's rows. Everything else asks
// for rows by the caller's account, or comes through here first.

// reach is how an account comes to a portfolio or a product.
type reach int

const (
	unreachable    reach = iota
	own                  // its owner
	imported             // by a share with the account, which it accepted
	organizational       // by a share with a node of the organization
)

// access is what an account may see of a portfolio.
type access struct {
	reach      reach
	tagOptions bool // the portfolio's tag options
	principals bool // its principal names count in the account, too
}

var ownerAccess = access{reach: own, tagOptions: true, principals: true}

// portfolio returns a portfolio that the caller's account owns or that is
// shared with it.
func (c *Catalog) portfolio(tx *db.Tx, caller identity.Caller, portfolioID string) (portfolio, access, error) {
	rows, err := db.Collect(tx, scanPortfolio, selectPortfolio+` WHERE p.id = ? AND p.region = ?`, portfolioID, caller.Region)
	if err != nil {
		return portfolio{}, access{}, err
	}
	if len(rows) == 0 {
		return portfolio{}, access{}, portfolioUnknown(portfolioID)
	}
	p := rows[0]
	if p.Account == caller.Account {
		return p, ownerAccess, nil
	}
	shares, err := c.sharedWith(tx, caller.Account, caller.Region, []id.Portfolio{p.ID})
	if err != nil {
		return portfolio{}, access{}, err
	}
	a, ok := shares[p.ID]
	if !ok {
		return portfolio{}, access{}, portfolioUnknown(portfolioID)
	}
	return p, a, nil
}

// ownPortfolio returns a portfolio of the caller's account: to anybody else
// it does not exist, even if it is shared.
func (c *Catalog) ownPortfolio(tx *db.Tx, caller identity.Caller, portfolioID string) (portfolio, error) {
	p, a, err := c.portfolio(tx, caller, portfolioID)
	if err == nil && a.reach != own {
		err = portfolioUnknown(portfolioID)
	}
	return p, err
}

// product returns a product that the caller's account owns or that stands in
// a portfolio shared with it.
func (c *Catalog) product(tx *db.Tx, caller identity.Caller, productID string) (product, reach, error) {
	rows, err := db.Collect(tx, scanProduct, selectProduct+` WHERE p.id = ? AND p.region = ?`, productID, caller.Region)
	if err != nil {
		return product{}, unreachable, err
	}
	if len(rows) == 0 {
		return product{}, unreachable, productUnknown(productID)
	}
	p := rows[0]
	if p.Account == caller.Account {
		return p, own, nil
	}
	sources, err := c.sources(tx, caller, p.ID)
	if err != nil {
		return product{}, unreachable, err
	}
	best := unreachable
	for _, a := range sources {
		if best == unreachable || a.reach < best {
			best = a.reach
		}
	}
	if best == unreachable {
		return product{}, unreachable, productUnknown(productID)
	}
	return p, best, nil
}

// ownProduct returns a product of the caller's account.
func (c *Catalog) ownProduct(tx *db.Tx, caller identity.Caller, productID string) (product, error) {
	p, r, err := c.product(tx, caller, productID)
	if err == nil && r != own {
		err = productUnknown(productID)
	}
	return p, err
}

// sources returns the portfolios shared with the caller's account that hold a
// product.
func (c *Catalog) sources(tx *db.Tx, caller identity.Caller, p id.Product) (map[id.Portfolio]access, error) {
	holders, err := db.Collect(tx, scanID[id.Portfolio], `SELECT portfolio FROM portfolio_product WHERE product = ?`, p)
	if err != nil || len(holders) == 0 {
		return nil, err
	}
	return c.sharedWith(tx, caller.Account, caller.Region, holders)
}

// reachable drops the products of other accounts that the caller's no longer
// reaches: they still stand on shelves when it has left the organization, or
// the unit, that they are shared with.
func (c *Catalog) reachable(tx *db.Tx, caller identity.Caller, all []product) ([]product, error) {
	var foreign []id.Product
	for _, p := range all {
		if p.Account != caller.Account {
			foreign = append(foreign, p.ID)
		}
	}
	if len(foreign) == 0 {
		return all, nil
	}
	shares, err := c.sharedWith(tx, caller.Account, caller.Region, nil)
	if err != nil {
		return nil, err
	}
	reached := map[id.Product]bool{}
	rows, err := tx.Query(`SELECT product, portfolio FROM portfolio_product WHERE product IN `+holes(len(foreign)), anys(foreign)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p id.Product
		var shelf id.Portfolio
		if err := rows.Scan(&p, &shelf); err != nil {
			return nil, err
		}
		reached[p] = reached[p] || shares[shelf].reach != unreachable
	}
	kept := slices.DeleteFunc(slices.Clone(all), func(p product) bool { return p.Account != caller.Account && !reached[p.ID] })
	return kept, rows.Err()
}

// sharedWith returns how an account reaches portfolios of other accounts: of
// those given, or all that it does if among is nil.
func (c *Catalog) sharedWith(tx *db.Tx, account, region string, among []id.Portfolio) (map[id.Portfolio]access, error) {
	org, err := c.membership(tx)
	if err != nil {
		return nil, err
	}
	condition, args := org.audience(account)
	args = append([]any{region}, args...)
	query := `SELECT s.portfolio, s.type, s.tag_options, s.principals FROM portfolio_share s
		WHERE s.region = ? AND (s.type <> 'ACCOUNT' OR s.accepted = 1) AND ` + condition
	if among != nil {
		query += ` AND s.portfolio IN ` + holes(len(among))
		args = append(args, anys(among)...)
	}
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[id.Portfolio]access{}
	for rows.Next() {
		var p id.Portfolio
		var kind string
		var one access
		if err := rows.Scan(&p, &kind, &one.tagOptions, &one.principals); err != nil {
			return nil, err
		}
		one.reach = organizational
		if kind == string(api.DescribePortfolioShareTypeAccount) {
			one.reach = imported
		}
		all[p] = all[p].and(one)
	}
	return all, rows.Err()
}

// and joins what two shares of one portfolio allow.
func (a access) and(b access) access {
	if a.reach == unreachable {
		return b
	}
	return access{
		reach:      min(a.reach, b.reach),
		tagOptions: a.tagOptions || b.tagOptions,
		principals: a.principals || b.principals,
	}
}

// reaches reports whether an account owns a portfolio or has it shared.
func (c *Catalog) reaches(tx *db.Tx, account, region string, p id.Portfolio) (bool, error) {
	var one int
	err := tx.Row(`SELECT 1 FROM portfolio WHERE id = ? AND account = ?`, p, account).Scan(&one)
	if err == nil || !errors.Is(err, db.ErrNoRows) {
		return err == nil, err
	}
	shares, err := c.sharedWith(tx, account, region, []id.Portfolio{p})
	return shares[p].reach != unreachable, err
}

// received reads a page of the portfolios of others that an account has
// imported, or has from the organization.
func (c *Catalog) received(tx *db.Tx, caller identity.Caller, kind api.PortfolioShareType, pg page) ([]portfolio, error) {
	org, err := c.membership(tx)
	if err != nil {
		return nil, err
	}
	condition, args := org.audience(caller.Account)
	if kind == api.PortfolioShareTypeImported {
		condition += ` AND s.type = 'ACCOUNT' AND s.accepted = 1`
	} else {
		condition += ` AND s.type <> 'ACCOUNT'`
	}
	args = append([]any{caller.Region, caller.Account}, args...)
	return db.Collect(tx, scanPortfolio, selectPortfolio+`
		WHERE p.region = ? AND p.account <> ? AND EXISTS (
			SELECT 1 FROM portfolio_share s WHERE s.portfolio = p.id AND `+condition+`)
			AND (p.created, p.id) > (?, ?) ORDER BY p.created, p.id LIMIT ?`,
		append(args, pg.after.Number, pg.after.ID, pg.fetch())...)
}

// offered returns how the caller's account reaches a portfolio and whether it
// has yet to accept a share of it.
func (c *Catalog) offered(tx *db.Tx, caller identity.Caller, p id.Portfolio) (access, bool, error) {
	shares, err := c.sharedWith(tx, caller.Account, caller.Region, []id.Portfolio{p})
	if err != nil || shares[p].reach != unreachable {
		return shares[p], false, err
	}
	n, err := count(tx, `SELECT COUNT(*) FROM portfolio_share
		WHERE portfolio = ? AND type = 'ACCOUNT' AND node = ? AND accepted = 0`, p, caller.Account)
	return access{}, n > 0, err
}

// holes is a list of n placeholders.
func holes(n int) string {
	return "(?" + strings.Repeat(", ?", n-1) + ")"
}

// anys are the arguments of a list of placeholders.
func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, one := range list {
		out[i] = one
	}
	return out
}

func scanID[ID ~string](r *db.Rows) (ID, error) {
	var one ID
	err := r.Scan(&one)
	return one, err
}

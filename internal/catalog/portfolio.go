package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// A portfolio is a shelf of products with those who may launch from it.
type portfolio struct {
	ID      id.Portfolio `json:"-"`
	Account string       `json:"-"`
	Region  string       `json:"-"`
	Created int64        `json:"-"`

	Name        string
	Provider    string
	Description string `json:",omitempty"`

	Tags       []api.Tag             `json:",omitempty"`
	TagOptions []api.TagOptionDetail `json:",omitempty"`
	Budgets    []string              `json:",omitempty"`
}

func (p portfolio) arn() string { return id.PortfolioARN(p.Region, p.Account, p.ID).String() }

func portfolioUnknown(name string) error {
	return api.ResourceNotFound("Portfolio not found: %s", name)
}

// CreatePortfolio creates a portfolio. Its name need not be unique.
func (c *Catalog) CreatePortfolio(ctx context.Context, in *api.CreatePortfolioInput) (*api.CreatePortfolioOutput, error) {
	once, err := c.Once(ctx, api.OpCreatePortfolio.String(), in.IdempotencyToken, in)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	p := portfolio{
		ID: id.New[id.Portfolio](), Account: caller.Account, Region: caller.Region, Created: db.Micros(c.now()),
		Name: in.DisplayName, Provider: in.ProviderName, Description: api.Or(in.Description, ""), Tags: in.Tags,
	}
	out := &api.CreatePortfolioOutput{PortfolioDetail: p.detail(), Tags: p.Tags}
	return create(ctx, c, once, func(tx *db.Tx) (*api.CreatePortfolioOutput, error) {
		if err := checkTags(in.Tags); err != nil {
			return nil, err
		}
		if err := populate(tx, p.Account, p.Region, portfolioKind, c.limits.Portfolios); err != nil {
			return nil, err
		}
		return out, insertPortfolio(tx, p)
	})
}

// DescribePortfolio describes a portfolio of one's own or one that is shared.
func (c *Catalog) DescribePortfolio(ctx context.Context, in *api.DescribePortfolioInput) (*api.DescribePortfolioOutput, error) {
	var p portfolio
	var a access
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		p, a, err = c.portfolio(tx, identity.CallerFrom(ctx), in.Id)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.DescribePortfolioOutput{
		PortfolioDetail: p.detail(),
		Tags:            given(p.Tags),
		TagOptions:      []api.TagOptionDetail{},
		Budgets:         []api.BudgetDetail{},
	}
	if a.tagOptions {
		out.TagOptions = given(p.TagOptions)
	}
	if a.reach == own {
		out.Budgets = budgetDetails(p.Budgets)
	}
	return out, nil
}

// UpdatePortfolio changes a portfolio of one's own.
func (c *Catalog) UpdatePortfolio(ctx context.Context, in *api.UpdatePortfolioInput) (*api.UpdatePortfolioOutput, error) {
	var p portfolio
	err := c.update(ctx, func(tx *db.Tx) (err error) {
		if p, err = c.ownPortfolio(tx, identity.CallerFrom(ctx), in.Id); err != nil {
			return err
		}
		if err := checkTags(in.AddTags); err != nil {
			return err
		}
		p.Name = api.Or(in.DisplayName, p.Name)
		p.Provider = api.Or(in.ProviderName, p.Provider)
		p.Description = api.Or(in.Description, p.Description)
		if p.Tags, err = retag(p.Tags, in.RemoveTags, in.AddTags); err != nil {
			return err
		}
		return updatePortfolio(tx, p)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdatePortfolioOutput{PortfolioDetail: p.detail(), Tags: given(p.Tags)}, nil
}

// DeletePortfolio deletes a portfolio on which nothing depends. Its tag
// options and budgets go with it.
func (c *Catalog) DeletePortfolio(ctx context.Context, in *api.DeletePortfolioInput) (*api.DeletePortfolioOutput, error) {
	err := c.update(ctx, func(tx *db.Tx) error {
		p, err := c.ownPortfolio(tx, identity.CallerFrom(ctx), in.Id)
		if err != nil {
			return err
		}
		if err := checkPortfolioUnused(tx, p.ID); err != nil {
			return err
		}
		if err := depopulate(tx, p.Account, p.Region, portfolioKind); err != nil {
			return err
		}
		if err := tx.Exec(`DELETE FROM tag_option_resource WHERE resource = ?`, p.ID); err != nil {
			return err
		}
		return tx.Exec(`DELETE FROM portfolio WHERE id = ? AND account = ?`, p.ID, p.Account)
	})
	return &api.DeletePortfolioOutput{}, err
}

// checkPortfolioUnused names the kind of dependant that keeps a portfolio.
func checkPortfolioUnused(tx *db.Tx, p id.Portfolio) error {
	for _, dependant := range []struct{ what, query string }{
		{"Products", `SELECT COUNT(*) FROM (SELECT 1 FROM portfolio_product WHERE portfolio = ? LIMIT 1) AS one`},
		{"Constraints", `SELECT COUNT(*) FROM (SELECT 1 FROM portfolio_constraint WHERE portfolio = ? LIMIT 1) AS one`},
		{"Principals", `SELECT COUNT(*) FROM (SELECT 1 FROM portfolio_principal WHERE portfolio = ? LIMIT 1) AS one`},
		{"Shares", `SELECT COUNT(*) FROM (SELECT 1 FROM portfolio_share WHERE portfolio = ? LIMIT 1) AS one`},
	} {
		n, err := count(tx, dependant.query, p)
		if err != nil {
			return err
		}
		if n > 0 {
			return api.ResourceInUse("Portfolio %s still has associated %s", p, dependant.what)
		}
	}
	return nil
}

// ListPortfolios lists the caller's own portfolios, oldest first. Imported
// ones are listed by ListAcceptedPortfolioShares.
func (c *Catalog) ListPortfolios(ctx context.Context, in *api.ListPortfoliosInput) (*api.ListPortfoliosOutput, error) {
	p, err := c.page(ctx, api.OpListPortfolios, in.PageSize, in.PageToken)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	var rows []portfolio
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		rows, err = db.Collect(tx, scanPortfolio, selectPortfolio+`
			WHERE p.account = ? AND p.region = ? AND (p.created, p.id) > (?, ?) ORDER BY p.created, p.id LIMIT ?`,
			caller.Account, caller.Region, p.after.Number, p.after.ID, p.fetch())
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(p, rows, portfolio.position)
	return &api.ListPortfoliosOutput{PortfolioDetails: portfolioDetails(rows), NextPageToken: next}, nil
}

func (p portfolio) position() position { return position{Number: p.Created, ID: string(p.ID)} }

func (p portfolio) detail() *api.PortfolioDetail {
	return &api.PortfolioDetail{
		Id: string(p.ID), ARN: p.arn(), DisplayName: p.Name, ProviderName: p.Provider,
		Description: p.Description, CreatedTime: milliseconds(p.Created),
	}
}

func portfolioDetails(rows []portfolio) []api.PortfolioDetail {
	out := make([]api.PortfolioDetail, len(rows))
	for i, p := range rows {
		out[i] = *p.detail()
	}
	return out
}

const selectPortfolio = `SELECT p.id, p.account, p.region, p.created, p.data FROM portfolio p`

func scanPortfolio(r *db.Rows) (portfolio, error) {
	var p portfolio
	var data []byte
	if err := r.Scan(&p.ID, &p.Account, &p.Region, &p.Created, &data); err != nil {
		return p, err
	}
	return p, decode(data, &p, p.ID)
}

func insertPortfolio(tx *db.Tx, p portfolio) error {
	data, err := encode(p)
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO portfolio (id, account, region, created, data) VALUES (?, ?, ?, ?, ?)`,
		p.ID, p.Account, p.Region, p.Created, data)
}

func updatePortfolio(tx *db.Tx, p portfolio) error {
	data, err := encode(p)
	if err != nil {
		return err
	}
	return tx.Exec(`UPDATE portfolio SET data = ? WHERE id = ? AND account = ?`, data, p.ID, p.Account)
}

// encode writes the JSON of a row.
func encode(row any) (string, error) {
	data, err := json.Marshal(row)
	if err != nil {
		return "", fmt.Errorf("catalog: encode a %T: %w", row, err)
	}
	return string(data), nil
}

// decode reads the JSON of a row.
func decode[ID ~string](data []byte, row any, id ID) error {
	if err := json.Unmarshal(data, row); err != nil {
		return fmt.Errorf("catalog: the row of %s: %w", id, err)
	}
	return nil
}

package catalog

import (
	"context"
	"slices"
	"strings"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// The types of constraints.
const (
	constraintLaunch       = "LAUNCH"
	constraintNotification = "NOTIFICATION"
	constraintUpdate       = "RESOURCE_UPDATE"
	constraintStackSet     = "STACKSET"
	constraintTemplate     = "TEMPLATE"
)

// A constraint is a rule for launches of one product from one portfolio.
type constraint struct {
	ID        id.Constraint `json:"-"`
	Portfolio id.Portfolio  `json:"-"`
	Product   id.Product    `json:"-"`
	Account   string        `json:"-"` // whoever created it
	Region    string        `json:"-"`
	Type      string        `json:"-"`
	Created   int64         `json:"-"`

	Description string `json:",omitempty"`
	Parameters  string // to the letter
	rule
}

// single reports whether a product may have only one constraint of a type in
// a portfolio.
func single(kind string) bool {
	return kind == constraintLaunch || kind == constraintUpdate || kind == constraintStackSet
}

// constrain applies the constraints of a path to a launch. Rules of all
// TEMPLATE constraints must hold; topics add up.
func (l *Launch) constrain(constraints []constraint, account string) {
	for _, k := range constraints {
		switch k.Type {
		case constraintLaunch:
			l.Role = k.Role
			if k.LocalRole != "" {
				partition, _, _ := strings.Cut(strings.TrimPrefix(l.Path.ARN, "arn:"), ":")
				l.Role = id.RolePrincipal(partition, account, "", k.LocalRole).String()
			}
		case constraintNotification:
			for _, t := range k.Topics {
				if !slices.Contains(l.Topics, t) {
					l.Topics = append(l.Topics, t)
				}
			}
		case constraintUpdate:
			l.TagUpdate = k.TagUpdate
		case constraintStackSet:
			l.StackSet = k.StackSet
		case constraintTemplate:
			l.Rules = append(l.Rules, k.Rules)
		}
	}
}

func constraintUnknown(name string) error {
	return api.ResourceNotFound("Constraint %s not found", name)
}

// checkConstraint holds a new constraint against those that the product has
// in the portfolio already.
func checkConstraint(p product, kind string, had []constraint) error {
	if p.Type != api.ProductTypeCloudFormationTemplate && (kind == constraintTemplate || kind == constraintStackSet) {
		return api.InvalidParameters("Constraint type %s is not supported for product type %s", kind, p.Type)
	}
	for _, k := range had {
		if k.Type == kind && single(kind) {
			return api.DuplicateResource("A %s constraint already exists for product %s in portfolio %s", kind, k.Product, k.Portfolio)
		}
		if k.Type == constraintLaunch && kind == constraintStackSet || k.Type == constraintStackSet && kind == constraintLaunch {
			return api.InvalidParameters("A product can have a LAUNCH or a STACKSET constraint in a portfolio, not both")
		}
	}
	return exceeds(len(had), maxConstraints, "constraints per product and portfolio")
}

// CreateConstraint lays a rule on launches of a product from a portfolio of
// one's own. It counts at once.
func (c *Catalog) CreateConstraint(ctx context.Context, in *api.CreateConstraintInput) (*api.CreateConstraintOutput, error) {
	once, err := c.Once(ctx, api.OpCreateConstraint.String(), in.IdempotencyToken, in)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	meaning, malformed := parseRule(in.Type, in.Parameters, caller.Region)
	k := constraint{
		ID: id.New[id.Constraint](), Portfolio: id.Portfolio(in.PortfolioId), Product: id.Product(in.ProductId),
		Account: caller.Account, Region: caller.Region, Type: in.Type, Created: db.Micros(c.now()),
		Description: api.Or(in.Description, meaning.describe()), Parameters: in.Parameters, rule: meaning,
	}
	out := &api.CreateConstraintOutput{ConstraintDetail: k.detail(), ConstraintParameters: k.Parameters, Status: api.StatusCreating}
	return create(ctx, c, once, func(tx *db.Tx) (*api.CreateConstraintOutput, error) {
		shelf, err := c.ownPortfolio(tx, caller, in.PortfolioId)
		if err != nil {
			return nil, err
		}
		p, err := c.shelved(tx, caller, shelf.ID, in.ProductId)
		if err != nil {
			return nil, err
		}
		if malformed != nil {
			return nil, malformed
		}
		if err := c.checkRole(tx, meaning); err != nil {
			return nil, err
		}
		had, err := pairConstraints(tx, k.Portfolio, k.Product)
		if err != nil {
			return nil, err
		}
		if err := checkConstraint(p, k.Type, had); err != nil {
			return nil, err
		}
		return out, insertConstraint(tx, k)
	})
}

// shelved returns a product that stands in a portfolio.
func (c *Catalog) shelved(tx *db.Tx, caller identity.Caller, shelf id.Portfolio, productID string) (product, error) {
	n, err := count(tx, `SELECT COUNT(*) FROM portfolio_product WHERE portfolio = ? AND product = ?`, shelf, productID)
	if err != nil {
		return product{}, err
	}
	if n == 0 {
		return product{}, api.ResourceNotFound("Product %s is not associated with portfolio %s", productID, shelf)
	}
	return pathProduct(tx, caller.Region, productID)
}

// checkRole refuses a launch role of this installation that does not exist.
func (c *Catalog) checkRole(tx *db.Tx, r rule) error {
	if r.Role == "" {
		return nil
	}
	p, err := id.ParsePrincipal(r.Role)
	if err != nil {
		return err
	}
	_, exists, err := c.lookUp(tx, p)
	if err == nil && !exists {
		err = api.InvalidParameters("The role %s, or its profile, does not exist", r.Role)
	}
	return err
}

// DescribeConstraint describes a constraint of a portfolio that the caller's
// account owns or has shared with it.
func (c *Catalog) DescribeConstraint(ctx context.Context, in *api.DescribeConstraintInput) (*api.DescribeConstraintOutput, error) {
	var k constraint
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		k, _, err = c.constraint(tx, identity.CallerFrom(ctx), in.Id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DescribeConstraintOutput{
		ConstraintDetail: k.detail(), ConstraintParameters: k.Parameters, Status: api.StatusAvailable,
	}, nil
}

// UpdateConstraint changes description and parameters. Type, product and
// portfolio stay.
func (c *Catalog) UpdateConstraint(ctx context.Context, in *api.UpdateConstraintInput) (*api.UpdateConstraintOutput, error) {
	caller := identity.CallerFrom(ctx)
	var k constraint
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		k, err = c.ownConstraint(tx, caller, in.Id)
		return err
	})
	if err != nil {
		return nil, err
	}
	meaning := k.rule
	if in.Parameters != nil {
		if meaning, err = parseRule(k.Type, *in.Parameters, caller.Region); err != nil {
			return nil, err
		}
	}
	err = c.update(ctx, func(tx *db.Tx) (err error) {
		if k, err = c.ownConstraint(tx, caller, in.Id); err != nil {
			return err
		}
		if in.Parameters != nil {
			if err := c.checkRole(tx, meaning); err != nil {
				return err
			}
			if k.Description == k.describe() { // nobody has given one
				k.Description = meaning.describe()
			}
			k.Parameters, k.rule = *in.Parameters, meaning
		}
		set(&k.Description, in.Description)
		data, err := encode(k)
		if err != nil {
			return err
		}
		return tx.Exec(`UPDATE portfolio_constraint SET data = ? WHERE id = ? AND account = ?`, data, k.ID, k.Account)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateConstraintOutput{
		ConstraintDetail: k.detail(), ConstraintParameters: k.Parameters, Status: api.StatusCreating,
	}, nil
}

// DeleteConstraint lifts a rule.
func (c *Catalog) DeleteConstraint(ctx context.Context, in *api.DeleteConstraintInput) (*api.DeleteConstraintOutput, error) {
	err := c.update(ctx, func(tx *db.Tx) error {
		k, err := c.ownConstraint(tx, identity.CallerFrom(ctx), in.Id)
		if err != nil {
			return err
		}
		return tx.Exec(`DELETE FROM portfolio_constraint WHERE id = ? AND account = ?`, k.ID, k.Account)
	})
	return &api.DeleteConstraintOutput{}, err
}

// ListConstraintsForPortfolio lists the constraints of a portfolio, or those
// of one product in it, oldest first.
func (c *Catalog) ListConstraintsForPortfolio(ctx context.Context, in *api.ListConstraintsForPortfolioInput) (*api.ListConstraintsForPortfolioOutput, error) {
	pg, err := c.page(ctx, api.OpListConstraintsForPortfolio, in.PageSize, in.PageToken, in.PortfolioId, in.ProductId)
	if err != nil {
		return nil, err
	}
	var rows []constraint
	err = c.db.View(ctx, func(tx *db.Tx) error {
		p, _, err := c.portfolio(tx, identity.CallerFrom(ctx), in.PortfolioId)
		if err != nil {
			return err
		}
		query, args := selectConstraint+` WHERE k.portfolio = ?`, []any{p.ID}
		if in.ProductId != nil {
			query, args = query+` AND k.product = ?`, append(args, *in.ProductId)
		}
		rows, err = db.Collect(tx, scanConstraint, query+` AND (k.created, k.id) > (?, ?) ORDER BY k.created, k.id LIMIT ?`,
			append(args, pg.after.Number, pg.after.ID, pg.fetch())...)
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(pg, rows, func(k constraint) position { return position{Number: k.Created, ID: string(k.ID)} })
	out := &api.ListConstraintsForPortfolioOutput{ConstraintDetails: make([]api.ConstraintDetail, len(rows)), NextPageToken: next}
	for i, k := range rows {
		out.ConstraintDetails[i] = *k.detail()
	}
	return out, nil
}

func (k constraint) detail() *api.ConstraintDetail {
	return &api.ConstraintDetail{
		ConstraintId: string(k.ID), Type: k.Type, Description: k.Description, Owner: k.Account,
		ProductId: string(k.Product), PortfolioId: string(k.Portfolio),
	}
}

// constraint reads a constraint by way of its portfolio, which is the
// caller's right to it.
func (c *Catalog) constraint(tx *db.Tx, caller identity.Caller, constraintID string) (constraint, access, error) {
	found, err := db.Collect(tx, scanConstraint, selectConstraint+` WHERE k.id = ? AND k.region = ?`, constraintID, caller.Region)
	if err == nil && len(found) == 0 {
		err = constraintUnknown(constraintID)
	}
	if err != nil {
		return constraint{}, access{}, err
	}
	_, a, err := c.portfolio(tx, caller, string(found[0].Portfolio))
	if api.Code(err) == api.CodeResourceNotFound {
		err = constraintUnknown(constraintID)
	}
	return found[0], a, err
}

func (c *Catalog) ownConstraint(tx *db.Tx, caller identity.Caller, constraintID string) (constraint, error) {
	k, a, err := c.constraint(tx, caller, constraintID)
	if err == nil && a.reach != own {
		err = constraintUnknown(constraintID)
	}
	return k, err
}

func constraintSummaries(constraints []constraint) []api.ConstraintSummary {
	out := make([]api.ConstraintSummary, len(constraints))
	for i, k := range constraints {
		out[i] = api.ConstraintSummary{Type: k.Type, Description: k.Description}
	}
	return out
}

const selectConstraint = `SELECT k.id, k.portfolio, k.product, k.account, k.region, k.type, k.created, k.data
	FROM portfolio_constraint k`

func scanConstraint(r *db.Rows) (constraint, error) {
	var k constraint
	var data []byte
	if err := r.Scan(&k.ID, &k.Portfolio, &k.Product, &k.Account, &k.Region, &k.Type, &k.Created, &data); err != nil {
		return k, err
	}
	return k, decode(data, &k, k.ID)
}

// pairConstraints reads the constraints of a product in a portfolio, oldest
// first.
func pairConstraints(tx *db.Tx, p id.Portfolio, product id.Product) ([]constraint, error) {
	return db.Collect(tx, scanConstraint, selectConstraint+`
		WHERE k.portfolio = ? AND k.product = ? ORDER BY k.created, k.id`, p, product)
}

// An optionalConstraint is a constraint of an outer join: all columns are
// NULL where there is none.
type optionalConstraint struct {
	id, portfolio, product, account, region, kind *string
	created                                       *int64
	data                                          []byte
}

func (o optionalConstraint) constraint() (*constraint, error) {
	if o.id == nil {
		return nil, nil
	}
	k := &constraint{
		ID: id.Constraint(*o.id), Portfolio: id.Portfolio(*o.portfolio), Product: id.Product(*o.product),
		Account: *o.account, Region: *o.region, Type: *o.kind, Created: *o.created,
	}
	return k, decode(o.data, k, k.ID)
}

func insertConstraint(tx *db.Tx, k constraint) error {
	data, err := encode(k)
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO portfolio_constraint (id, portfolio, product, account, region, type, created, data)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, k.ID, k.Portfolio, k.Product, k.Account, k.Region, k.Type, k.Created, data)
}

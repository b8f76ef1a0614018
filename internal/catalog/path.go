package catalog

import (
	"context"
	"slices"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/id"
	"larder/internal/identity"
)

// A path is one portfolio seen by someone who may launch a product from it,
// with the constraints it lays on the product.
type path struct {
	portfolio   portfolio
	access      access
	constraints []constraint
}

func (p path) id() id.Path { return p.portfolio.ID.Path() }

// tagOptions are the portfolio's, as far as the caller's account gets them.
func (p path) tagOptions() []api.TagOptionDetail {
	if !p.access.tagOptions {
		return nil
	}
	return p.portfolio.TagOptions
}

func noPaths(product string) error {
	return api.ResourceNotFound("No launch paths found for resource: %s", product)
}

// choosePath picks the path that a launch names, or the only one.
func choosePath(paths []path, productID, pathID, pathName string) (path, error) {
	if len(paths) == 0 {
		return path{}, noPaths(productID)
	}
	match := paths
	switch {
	case pathID != "" && pathName != "":
		return path{}, api.InvalidParameters("Give either PathId or PathName, not both")
	case pathID != "":
		match = slices.DeleteFunc(slices.Clone(paths), func(p path) bool { return string(p.id()) != pathID })
		if len(match) == 0 {
			return path{}, api.InvalidParameters("Invalid PathId: %s", pathID)
		}
	case pathName != "":
		match = slices.DeleteFunc(slices.Clone(paths), func(p path) bool { return p.portfolio.Name != pathName })
		if len(match) == 0 {
			return path{}, api.InvalidParameters("Invalid PathName: %s", pathName)
		}
		if len(match) > 1 {
			return path{}, api.InvalidParameters("Multiple launch paths with name %s found. Use PathId.", pathName)
		}
	}
	if len(match) > 1 {
		return path{}, api.InvalidParameters("More than one launch path ids exist. Please specify the launch path id")
	}
	return match[0], nil
}

// checkLaunchable refuses versions that may not be launched, or updated to.
func checkLaunchable(a artifact, forUpdate bool) error {
	if a.Inactive {
		return api.InvalidParameters("Provisioning artifact %s is not active", a.ID)
	}
	if !forUpdate && a.guidance() == api.ProvisioningArtifactGuidanceDeprecated {
		return api.InvalidParameters("Provisioning artifact %s is deprecated and cannot be used for new launches", a.ID)
	}
	return nil
}

// check refuses a query that names too much or too little.
func (q LaunchQuery) check() error {
	if err := either(&q.ProductID, &q.ProductName, "ProductId", "ProductName"); err != nil {
		return err
	}
	if q.Standing != (Standing{}) && q.ArtifactID == "" && q.ArtifactName == "" {
		return nil // it may stay
	}
	return q.checkArtifact()
}

func (q LaunchQuery) checkArtifact() error {
	return either(&q.ArtifactID, &q.ArtifactName, "ProvisioningArtifactId", "ProvisioningArtifactName")
}

// ResolveLaunch finds what q asks for on behalf of caller and answers in AWS's
// words when there is nothing, or too much. It is meant to be called within
// the transaction that records the launch.
func (c *Catalog) ResolveLaunch(tx *db.Tx, caller identity.Caller, q LaunchQuery) (Launch, error) {
	if err := q.check(); err != nil {
		return Launch{}, err
	}
	productID, err := c.launchProductID(tx, caller, q.ProductID, q.ProductName)
	if err != nil {
		return Launch{}, err
	}
	if productID == string(q.Standing.Product) && q.ArtifactID == "" && q.ArtifactName == "" {
		q.ArtifactID = string(q.Standing.Artifact)
	}
	if err := q.checkArtifact(); err != nil {
		return Launch{}, err
	}
	paths, err := c.paths(tx, caller, productID)
	if err != nil {
		return Launch{}, err
	}
	if q.AnyPath && len(paths) > 1 {
		paths = paths[:1]
	}
	chosen, err := choosePath(paths, productID, q.PathID, q.PathName)
	if err != nil {
		return Launch{}, err
	}
	p, err := pathProduct(tx, caller.Region, productID)
	if err != nil {
		return Launch{}, err
	}
	a, err := findArtifact(tx, p.ID, q.ArtifactID, q.ArtifactName)
	if err != nil {
		return Launch{}, err
	}
	if !q.Launched {
		if err := checkLaunchable(a, q.ForUpdate); err != nil {
			return Launch{}, err
		}
	}
	l := Launch{
		Product: LaunchProduct{
			ID: p.ID, Name: p.Name, Type: string(p.Type), Account: p.Account, ARN: p.arn(), Tags: engineTags(p.Tags),
		},
		Artifact: a.launchArtifact(),
		Path: LaunchPath{
			ID: chosen.id(), Name: chosen.portfolio.Name, Portfolio: chosen.portfolio.ID,
			Account: chosen.portfolio.Account, ARN: chosen.portfolio.arn(), Tags: engineTags(chosen.portfolio.Tags),
		},
	}
	if l.Artifact.Template, err = c.described(tx, a); err != nil {
		return Launch{}, err
	}
	l.constrain(chosen.constraints, caller.Account)
	l.constraints = constraintSummaries(chosen.constraints)
	if a.isTemplate() {
		options := p.TagOptions
		if p.Account != chosen.portfolio.Account && !chosen.access.tagOptions {
			options = nil
		}
		l.TagOptions = choices(chosen.tagOptions(), options)
	}
	return l, nil
}

// launchProductID resolves a product by id or, among those that the caller
// may launch, by name.
func (c *Catalog) launchProductID(tx *db.Tx, caller identity.Caller, productID, name string) (string, error) {
	if productID != "" {
		return productID, nil
	}
	shelves, err := c.visible(tx, caller)
	if err != nil {
		return "", err
	}
	var found []product
	for _, s := range shelves {
		onShelf, err := db.Collect(tx, scanProduct, selectProduct+`
			JOIN portfolio_product pp ON pp.product = p.id
			WHERE pp.portfolio = ? AND pp.title = ?`, s, title(name))
		if err != nil {
			return "", err
		}
		for _, p := range onShelf {
			if !slices.ContainsFunc(found, func(f product) bool { return f.ID == p.ID }) {
				found = append(found, p)
			}
		}
	}
	match, err := one(found, name)
	return string(match.ID), err
}

// paths returns the launch paths of a product for the caller, oldest
// portfolio first: the portfolios that hold it, that admit the caller, and
// that his account owns or has shared with it.
func (c *Catalog) paths(tx *db.Tx, caller identity.Caller, productID string) ([]path, error) {
	names := callerNames(caller)
	args := []any{productID, caller.Region, caller.Account}
	for _, n := range names {
		args = append(args, n)
	}
	rows, err := tx.Query(`SELECT p.id, p.account, p.region, p.created, p.data, pp.source,
			g.portfolio, g.account, g.type, g.arn, g.unique_id, g.created,
			k.id, k.portfolio, k.product, k.account, k.region, k.type, k.created, k.data
		FROM portfolio_product pp
		JOIN portfolio p ON p.id = pp.portfolio
		JOIN portfolio_principal g ON g.portfolio = p.id
		LEFT JOIN portfolio_constraint k ON k.portfolio = p.id AND k.product = pp.product
		WHERE pp.product = ? AND p.region = ?
			AND (g.account = ? AND g.name IN `+holes(len(names))+` OR g.account = p.account AND g.name = '*')
		ORDER BY p.created, p.id, k.created, k.id`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []candidate
	for rows.Next() {
		if all, err = addCandidate(all, rows); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return c.admit(tx, caller, all)
}

// A candidate is a portfolio that holds a product and has grants that may
// admit the caller.
type candidate struct {
	path
	source id.Portfolio
	grants []grant
}

// addCandidate reads one row of the join of portfolio, grant and constraint.
func addCandidate(all []candidate, rows *db.Rows) ([]candidate, error) {
	var p portfolio
	var data []byte
	var source id.Portfolio
	var g grant
	var k optionalConstraint
	if err := rows.Scan(&p.ID, &p.Account, &p.Region, &p.Created, &data, &source,
		&g.Portfolio, &g.Account, &g.Type, &g.ARN, &g.Unique, &g.Created,
		&k.id, &k.portfolio, &k.product, &k.account, &k.region, &k.kind, &k.created, &k.data); err != nil {
		return nil, err
	}
	if n := len(all); n == 0 || all[n-1].portfolio.ID != p.ID {
		if err := decode(data, &p, p.ID); err != nil {
			return nil, err
		}
		all = append(all, candidate{path: path{portfolio: p}, source: source})
	}
	last := &all[len(all)-1]
	if !slices.Contains(last.grants, g) {
		last.grants = append(last.grants, g)
	}
	one, err := k.constraint()
	if err != nil || one == nil {
		return all, err
	}
	if !slices.ContainsFunc(last.constraints, func(had constraint) bool { return had.ID == one.ID }) {
		last.constraints = append(last.constraints, *one)
	}
	return all, nil
}

// admit keeps the candidates that the caller may launch from.
func (c *Catalog) admit(tx *db.Tx, caller identity.Caller, all []candidate) ([]path, error) {
	var foreign []id.Portfolio
	for _, one := range all {
		if one.portfolio.Account != caller.Account {
			foreign = append(foreign, one.portfolio.ID)
		}
	}
	var shares map[id.Portfolio]access
	if len(foreign) > 0 {
		var err error
		if shares, err = c.sharedWith(tx, caller.Account, caller.Region, foreign); err != nil {
			return nil, err
		}
	}
	var paths []path
	for _, one := range all {
		one.access = ownerAccess
		if one.portfolio.Account != caller.Account {
			one.access = shares[one.portfolio.ID]
		}
		if one.access.reach == unreachable {
			continue
		}
		if !slices.ContainsFunc(one.grants, func(g grant) bool { return g.admits(caller, one.access.principals) }) {
			continue
		}
		if one.source != "" {
			// An imported product can be launched only while its share lasts.
			lasts, err := c.reaches(tx, one.portfolio.Account, caller.Region, one.source)
			if err != nil {
				return nil, err
			}
			if !lasts {
				continue
			}
		}
		paths = append(paths, one.path)
	}
	return paths, nil
}

// visible returns the portfolios from which the caller may launch.
func (c *Catalog) visible(tx *db.Tx, caller identity.Caller) ([]id.Portfolio, error) {
	names := callerNames(caller)
	args := []any{caller.Account, caller.Region}
	for _, n := range names {
		args = append(args, n)
	}
	type granted struct {
		grant
		owner string
	}
	scan := func(r *db.Rows) (granted, error) {
		var g granted
		err := r.Scan(&g.Portfolio, &g.Account, &g.Type, &g.ARN, &g.Unique, &g.Created, &g.owner)
		return g, err
	}
	all, err := db.Collect(tx, scan, `SELECT g.portfolio, g.account, g.type, g.arn, g.unique_id, g.created, p.account
		FROM portfolio_principal g JOIN portfolio p ON p.id = g.portfolio
		WHERE g.account = ? AND g.region = ? AND g.name IN `+holes(len(names)), args...)
	if err != nil {
		return nil, err
	}
	shares, err := c.sharedWith(tx, caller.Account, caller.Region, nil)
	if err != nil {
		return nil, err
	}
	for p, a := range shares {
		if !a.principals {
			continue
		}
		shared, err := db.Collect(tx, scan, `SELECT g.portfolio, g.account, g.type, g.arn, g.unique_id, g.created, p.account
			FROM portfolio_principal g JOIN portfolio p ON p.id = g.portfolio AND p.account = g.account
			WHERE g.portfolio = ? AND g.name = '*'`, p)
		if err != nil {
			return nil, err
		}
		all = append(all, shared...)
	}
	var shelves []id.Portfolio
	for _, g := range all {
		a := ownerAccess
		if g.owner != caller.Account {
			a = shares[g.Portfolio]
		}
		if a.reach != unreachable && g.admits(caller, a.principals) {
			shelves = append(shelves, g.Portfolio)
		}
	}
	slices.Sort(shelves)
	return slices.Compact(shelves), nil
}

// ListLaunchPaths lists the paths by which the caller may launch a product.
func (c *Catalog) ListLaunchPaths(ctx context.Context, in *api.ListLaunchPathsInput) (*api.ListLaunchPathsOutput, error) {
	pg, err := c.page(ctx, api.OpListLaunchPaths, in.PageSize, in.PageToken, in.ProductId)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	var paths []path
	var p product
	err = c.db.View(ctx, func(tx *db.Tx) error {
		if paths, err = c.paths(tx, caller, in.ProductId); err != nil {
			return err
		}
		if len(paths) == 0 {
			return noPaths(in.ProductId)
		}
		p, err = pathProduct(tx, caller.Region, in.ProductId)
		return err
	})
	if err != nil {
		return nil, err
	}
	paths, next := slice(pg, paths)
	out := &api.ListLaunchPathsOutput{LaunchPathSummaries: make([]api.LaunchPathSummary, len(paths)), NextPageToken: next}
	for i, one := range paths {
		out.LaunchPathSummaries[i] = api.LaunchPathSummary{
			Id: string(one.id()), Name: one.portfolio.Name,
			ConstraintSummaries: constraintSummaries(one.constraints),
			Tags:                apiTags(merge(engineTags(one.portfolio.Tags), engineTags(p.Tags))),
		}
	}
	return out, nil
}

func apiTags(tags []engine.Tag) []api.Tag {
	out := make([]api.Tag, len(tags))
	for i, t := range tags {
		out[i] = api.Tag(t)
	}
	return out
}

// DescribeProduct describes a product that the caller may launch.
func (c *Catalog) DescribeProduct(ctx context.Context, in *api.DescribeProductInput) (*api.DescribeProductOutput, error) {
	if err := either(in.Id, in.Name, "Id", "Name"); err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	v, err := c.productView(ctx, func(tx *db.Tx) (string, error) {
		return c.launchProductID(tx, caller, api.Or(in.Id, ""), api.Or(in.Name, ""))
	})
	if err != nil {
		return nil, err
	}
	out := &api.DescribeProductOutput{
		ProductViewSummary: v.product.summary(), ProvisioningArtifacts: v.versions,
		Budgets: []api.BudgetDetail{}, LaunchPaths: make([]api.LaunchPath, len(v.paths)),
	}
	if v.product.Account == caller.Account {
		out.Budgets = budgetDetails(v.product.Budgets)
	}
	for i, one := range v.paths {
		out.LaunchPaths[i] = api.LaunchPath{Id: string(one.id()), Name: one.portfolio.Name}
	}
	return out, nil
}

// DescribeProductView describes a product that the caller may launch, by the
// id of its view.
func (c *Catalog) DescribeProductView(ctx context.Context, in *api.DescribeProductViewInput) (*api.DescribeProductViewOutput, error) {
	productID, ok := id.ProductView(in.Id).Product()
	if !ok {
		return nil, productUnknown(in.Id)
	}
	v, err := c.productView(ctx, func(*db.Tx) (string, error) { return string(productID), nil })
	if err != nil {
		return nil, err
	}
	return &api.DescribeProductViewOutput{ProductViewSummary: v.product.summary(), ProvisioningArtifacts: v.versions}, nil
}

// A productView is a product as end users see it.
type productView struct {
	product  product
	versions []api.ProvisioningArtifact // the active ones
	paths    []path
}

func (c *Catalog) productView(ctx context.Context, find func(*db.Tx) (string, error)) (productView, error) {
	caller := identity.CallerFrom(ctx)
	v := productView{}
	var all []artifact
	err := c.db.View(ctx, func(tx *db.Tx) error {
		productID, err := find(tx)
		if err != nil {
			return err
		}
		if v.paths, err = c.paths(tx, caller, productID); err != nil {
			return err
		}
		if len(v.paths) == 0 {
			return productUnknown(productID)
		}
		if v.product, err = pathProduct(tx, caller.Region, productID); err != nil {
			return err
		}
		all, err = selectArtifacts(tx, v.product.ID)
		return err
	})
	v.versions = []api.ProvisioningArtifact{}
	for _, a := range all {
		if !a.Inactive {
			v.versions = append(v.versions, a.view())
		}
	}
	return v, err
}

// pathProduct reads the product of a path: that the caller has one is his
// right to it.
func pathProduct(tx *db.Tx, region, productID string) (product, error) {
	found, err := db.Collect(tx, scanProduct, selectProduct+` WHERE p.id = ? AND p.region = ?`, productID, region)
	if err == nil && len(found) == 0 {
		err = productUnknown(productID)
	}
	if err != nil {
		return product{}, err
	}
	return found[0], nil
}

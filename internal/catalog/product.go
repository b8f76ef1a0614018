package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/mail"
	"strings"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// A product is what may be launched, in versions.
type product struct {
	ID       id.Product `json:"-"`
	Account  string     `json:"-"`
	Region   string     `json:"-"`
	Created  int64      `json:"-"`
	Versions int        `json:"-"`

	Name               string
	Owner              string // free text
	Type               api.ProductType
	Description        string `json:",omitempty"`
	Distributor        string `json:",omitempty"`
	SupportDescription string `json:",omitempty"`
	SupportEmail       string `json:",omitempty"`
	SupportURL         string `json:",omitempty"`

	Tags       []api.Tag             `json:",omitempty"`
	TagOptions []api.TagOptionDetail `json:",omitempty"`
	Budgets    []string              `json:",omitempty"`

	Source     *api.SourceConnectionDetail `json:",omitempty"`
	CopiedFrom id.Product                  `json:",omitempty"`
}

func (p product) arn() string { return id.ProductARN(p.Region, p.Account, p.ID).String() }

func productUnknown(name string) error {
	return api.ResourceNotFound("Product %s not found or access was denied.", name)
}

func productNameUnknown(name string) error {
	return api.ResourceNotFound("Product with name %s does not exist or access was denied.", name)
}

func productNameAmbiguous(name string) error {
	return api.InvalidParameters("Multiple products with name %s found. Use the product's id.", name)
}

// title is a name as products are sorted by it.
func title(name string) string { return indexed(strings.ToLower(name)) }

// indexed is a text as an index holds it: cut, with a digest in place of the rest.
func indexed(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return clip(text, most) + hex.EncodeToString(sum[:8])
}

// check refuses values that the model allows and AWS does not.
func (p product) check() error {
	if p.SupportURL != "" && !strings.HasPrefix(p.SupportURL, "http://") && !strings.HasPrefix(p.SupportURL, "https://") {
		return api.InvalidParameters("SupportUrl must begin with http:// or https://")
	}
	if p.SupportEmail != "" {
		if a, err := mail.ParseAddress(p.SupportEmail); err != nil || a.Address != p.SupportEmail {
			return api.InvalidParameters("SupportEmail %s is not an email address", p.SupportEmail)
		}
	}
	if strings.TrimSpace(p.Name) == "" || strings.TrimSpace(p.Owner) == "" {
		return api.InvalidParameters("Name and Owner must not be empty")
	}
	return nil
}

// checkSource refuses a connection that nothing could be synced from.
func checkSource(s *api.SourceConnection) (*api.SourceConnectionDetail, error) {
	if s == nil {
		return nil, nil
	}
	star := s.ConnectionParameters.CodeStar
	if star == nil || api.Or(s.Type, api.SourceTypeCodeStar) != api.SourceTypeCodeStar {
		return nil, api.InvalidParameters("SourceConnection must be of type CODESTAR and have CodeStar parameters")
	}
	a, err := id.ParseARN(star.ConnectionArn)
	if err != nil || a.Service != "codestar-connections" && a.Service != "codeconnections" {
		return nil, api.InvalidParameters("ConnectionArn %s is not the ARN of a connection", star.ConnectionArn)
	}
	if account, repository, ok := strings.Cut(star.Repository, "/"); !ok || account == "" || repository == "" {
		return nil, api.InvalidParameters("Repository must have the form account/repository")
	}
	return &api.SourceConnectionDetail{Type: api.SourceTypeCodeStar, ConnectionParameters: &s.ConnectionParameters}, nil
}

// checkProductType refuses what cannot be created: marketplace products come
// from the marketplace, and AWS creates no TERRAFORM_OPEN_SOURCE products
// since December 2023.
func checkProductType(t api.ProductType) error {
	switch t {
	case api.ProductTypeMarketplace:
		return api.InvalidParameters("Products of type MARKETPLACE cannot be created")
	case api.ProductTypeTerraformOpenSource:
		return api.InvalidParameters("Products of type TERRAFORM_OPEN_SOURCE can no longer be created. Use EXTERNAL instead.")
	default:
		return nil
	}
}

// CreateProduct creates a product with its first version, or with a
// repository that versions are to come from.
func (c *Catalog) CreateProduct(ctx context.Context, in *api.CreateProductInput) (*api.CreateProductOutput, error) {
	once, err := c.Once(ctx, api.OpCreateProduct.String(), in.IdempotencyToken, in)
	if err != nil {
		return nil, err
	}
	if out, err := replay[api.CreateProductOutput](ctx, c, once); out != nil || err != nil {
		return out, err
	}
	if (in.ProvisioningArtifactParameters == nil) == (in.SourceConnection == nil) {
		return nil, api.InvalidParameters("Give either ProvisioningArtifactParameters or SourceConnection")
	}
	if err := checkProductType(in.ProductType); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	p := product{
		ID: id.New[id.Product](), Account: caller.Account, Region: caller.Region, Created: db.Micros(c.now()),
		Name: in.Name, Owner: in.Owner, Type: in.ProductType,
		Description: api.Or(in.Description, ""), Distributor: api.Or(in.Distributor, ""),
		SupportDescription: api.Or(in.SupportDescription, ""), SupportEmail: api.Or(in.SupportEmail, ""),
		SupportURL: api.Or(in.SupportUrl, ""), Tags: in.Tags,
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if p.Source, err = checkSource(in.SourceConnection); err != nil {
		return nil, err
	}
	out := &api.CreateProductOutput{Tags: p.Tags}
	var first *artifact
	if in.ProvisioningArtifactParameters != nil {
		if first, err = c.newArtifact(ctx, p, *in.ProvisioningArtifactParameters); err != nil {
			return nil, err
		}
		p.Versions = 1
		out.ProvisioningArtifactDetail = first.detail()
	}
	out.ProductViewDetail = p.viewDetail()
	terms := p.terms()
	return create(ctx, c, once, func(tx *db.Tx) (*api.CreateProductOutput, error) {
		if err := populate(tx, p.Account, p.Region, productKind, c.limits.Products); err != nil {
			return nil, err
		}
		if err := insertProduct(tx, p, terms); err != nil {
			return nil, err
		}
		if first != nil {
			if err := insertArtifact(tx, *first); err != nil {
				return nil, err
			}
		}
		return out, nil
	})
}

// DescribeProductAsAdmin describes a product of one's own, or one that is
// shared, whoever may launch it.
func (c *Catalog) DescribeProductAsAdmin(ctx context.Context, in *api.DescribeProductAsAdminInput) (*api.DescribeProductAsAdminOutput, error) {
	if err := either(in.Id, in.Name, "Id", "Name"); err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	var p product
	var versions []artifact
	options := false
	err := c.db.View(ctx, func(tx *db.Tx) error {
		productID, err := adminProductID(tx, caller, in.Id, in.Name)
		if err != nil {
			return err
		}
		var r reach
		if p, r, err = c.product(tx, caller, productID); err != nil {
			return err
		}
		if options, err = c.showsTagOptions(tx, caller, p, r, in.SourcePortfolioId); err != nil {
			return err
		}
		versions, err = selectArtifacts(tx, p.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.DescribeProductAsAdminOutput{
		ProductViewDetail: p.viewDetail(), Tags: given(p.Tags),
		TagOptions: []api.TagOptionDetail{}, Budgets: []api.BudgetDetail{},
		ProvisioningArtifactSummaries: make([]api.ProvisioningArtifactSummary, len(versions)),
	}
	if options {
		out.TagOptions = given(p.TagOptions)
	}
	if p.Account == caller.Account {
		out.Budgets = budgetDetails(p.Budgets)
	}
	for i, a := range versions {
		out.ProvisioningArtifactSummaries[i] = a.summary()
	}
	return out, nil
}

// showsTagOptions tells whether the caller sees a product's tag options: its
// owner does, a recipient only where the share (the one named, or any)
// includes them.
func (c *Catalog) showsTagOptions(tx *db.Tx, caller identity.Caller, p product, r reach, source *string) (bool, error) {
	if r == own {
		return true, nil
	}
	shares, err := c.sources(tx, caller, p.ID)
	if err != nil {
		return false, err
	}
	if source != nil {
		a, ok := shares[id.Portfolio(*source)]
		if !ok {
			return false, portfolioUnknown(*source)
		}
		return a.tagOptions, nil
	}
	for _, a := range shares {
		if a.tagOptions {
			return true, nil
		}
	}
	return false, nil
}

// adminProductID resolves a product by id or, among the caller's own, by
// name.
func adminProductID(tx *db.Tx, caller identity.Caller, productID, name *string) (string, error) {
	if productID != nil {
		return *productID, nil
	}
	found, err := db.Collect(tx, scanProduct, selectProduct+` WHERE p.account = ? AND p.region = ? AND p.title = ?`,
		caller.Account, caller.Region, title(*name))
	if err != nil {
		return "", err
	}
	match, err := one(found, *name)
	return string(match.ID), err
}

// one is the product that has exactly the name.
func one(found []product, name string) (product, error) {
	var match []product
	for _, p := range found {
		if p.Name == name {
			match = append(match, p)
		}
	}
	switch len(match) {
	case 0:
		return product{}, productNameUnknown(name)
	case 1:
		return match[0], nil
	default:
		return product{}, productNameAmbiguous(name)
	}
}

// either checks that exactly one of two members is given.
func either(a, b *string, nameA, nameB string) error {
	if (api.Or(a, "") == "") == (api.Or(b, "") == "") {
		return api.InvalidParameters("Give either %s or %s", nameA, nameB)
	}
	return nil
}

// UpdateProduct changes a product of one's own.
func (c *Catalog) UpdateProduct(ctx context.Context, in *api.UpdateProductInput) (*api.UpdateProductOutput, error) {
	source, err := checkSource(in.SourceConnection)
	if err != nil {
		return nil, err
	}
	var p product
	err = c.update(ctx, func(tx *db.Tx) (err error) {
		if p, err = c.ownProduct(tx, identity.CallerFrom(ctx), in.Id); err != nil {
			return err
		}
		if err := checkTags(in.AddTags); err != nil {
			return err
		}
		before := p
		set(&p.Name, in.Name)
		set(&p.Owner, in.Owner)
		set(&p.Description, in.Description)
		set(&p.Distributor, in.Distributor)
		set(&p.SupportDescription, in.SupportDescription)
		set(&p.SupportEmail, in.SupportEmail)
		set(&p.SupportURL, in.SupportUrl)
		if source != nil {
			p.Source = source
		}
		if err := p.check(); err != nil {
			return err
		}
		if p.Tags, err = retag(p.Tags, in.RemoveTags, in.AddTags); err != nil {
			return err
		}
		return updateProduct(tx, before, p)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateProductOutput{ProductViewDetail: p.viewDetail(), Tags: given(p.Tags)}, nil
}

// set changes what is given.
func set[T any](member *T, to *T) {
	if to != nil {
		*member = *to
	}
}

// DeleteProduct deletes a product that stands in no portfolio, with all its
// versions. What was launched from it stays.
func (c *Catalog) DeleteProduct(ctx context.Context, in *api.DeleteProductInput) (*api.DeleteProductOutput, error) {
	err := c.update(ctx, func(tx *db.Tx) error {
		p, err := c.ownProduct(tx, identity.CallerFrom(ctx), in.Id)
		if err != nil {
			return err
		}
		holders, err := count(tx, `SELECT COUNT(*) FROM (SELECT 1 FROM portfolio_product WHERE product = ? LIMIT 1) AS one`, p.ID)
		if err != nil {
			return err
		}
		if holders > 0 {
			return api.ResourceInUse("Product %s still has associated Portfolios", p.ID)
		}
		if err := depopulate(tx, p.Account, p.Region, productKind); err != nil {
			return err
		}
		for _, query := range []string{
			`DELETE FROM tag_option_resource WHERE resource = ?`,
			`DELETE FROM service_action_artifact WHERE artifact IN (SELECT id FROM artifact WHERE product = ?)`,
			`DELETE FROM artifact WHERE product = ?`,
			`DELETE FROM product_term WHERE product = ?`,
			`DELETE FROM product WHERE id = ?`,
		} {
			if err := tx.Exec(query, p.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return &api.DeleteProductOutput{}, err
}

// summary is what end users see of a product. HasDefaultPath is false on AWS
// even where there is exactly one path.
func (p product) summary() *api.ProductViewSummary {
	return &api.ProductViewSummary{
		Id: string(p.ID.View()), ProductId: string(p.ID), Name: p.Name, Owner: p.Owner, Type: p.Type,
		ShortDescription: p.Description, Distributor: p.Distributor,
		SupportDescription: p.SupportDescription, SupportEmail: p.SupportEmail, SupportUrl: p.SupportURL,
	}
}

// productStatus is what AWS answers, although the model knows only AVAILABLE,
// CREATING and FAILED.
const productStatus api.Status = "CREATED"

func (p product) viewDetail() *api.ProductViewDetail {
	return &api.ProductViewDetail{
		ProductViewSummary: p.summary(), Status: productStatus, ProductARN: p.arn(),
		CreatedTime: seconds(p.Created), SourceConnection: p.Source,
	}
}

const selectProduct = `SELECT p.id, p.account, p.region, p.created, p.versions, p.data FROM product p`

func scanProduct(r *db.Rows) (product, error) {
	var p product
	var data []byte
	if err := r.Scan(&p.ID, &p.Account, &p.Region, &p.Created, &p.Versions, &data); err != nil {
		return p, err
	}
	return p, decode(data, &p, p.ID)
}

func insertProduct(tx *db.Tx, p product, terms []term) error {
	data, err := encode(p)
	if err != nil {
		return err
	}
	if err := tx.Exec(`INSERT INTO product (id, account, region, title, versions, created, data) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		p.ID, p.Account, p.Region, title(p.Name), p.Versions, p.Created, data); err != nil {
		return err
	}
	return insertTerms(tx, p, terms)
}

// updateProduct writes a product and whatever is derived from it.
func updateProduct(tx *db.Tx, before, p product) error {
	data, err := encode(p)
	if err != nil {
		return err
	}
	if err := tx.Exec(`UPDATE product SET title = ?, data = ? WHERE id = ? AND account = ?`,
		title(p.Name), data, p.ID, p.Account); err != nil {
		return err
	}
	if t := title(p.Name); t != title(before.Name) {
		if err := tx.Exec(`UPDATE portfolio_product SET title = ? WHERE product = ?`, t, p.ID); err != nil {
			return err
		}
	}
	if err := recount(tx, before, p); err != nil {
		return err
	}
	if p.searchText() == before.searchText() {
		return nil
	}
	if err := tx.Exec(`DELETE FROM product_term WHERE product = ?`, p.ID); err != nil {
		return err
	}
	return insertTerms(tx, p, p.terms())
}

// updateVersions counts a product's versions anew, on the shelves too.
func updateVersions(tx *db.Tx, p id.Product, by int) error {
	if err := tx.Exec(`UPDATE product SET versions = versions + ? WHERE id = ?`, by, p); err != nil {
		return err
	}
	return tx.Exec(`UPDATE portfolio_product SET versions = versions + ? WHERE product = ?`, by, p)
}

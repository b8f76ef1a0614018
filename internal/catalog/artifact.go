package catalog

import (
	"context"
	"errors"
	"fmt"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/fetch"
	"larder/internal/id"
	"larder/internal/identity"
)

// An artifact is one version of a product. Its body never changes.
type artifact struct {
	ID      id.Artifact `json:"-"`
	Product id.Product  `json:"-"`
	Account string      `json:"-"`
	Region  string      `json:"-"`
	Created int64       `json:"-"`
	Digest  string      `json:"-"`

	Name        string `json:",omitempty"`
	Description string `json:",omitempty"`
	Type        api.ProvisioningArtifactType
	Inactive    bool                             `json:",omitempty"`
	Guidance    api.ProvisioningArtifactGuidance `json:",omitempty"` // "" is DEFAULT
	URL         string                           `json:",omitempty"` // where the body was loaded from
	PhysicalID  string                           `json:",omitempty"` // the stack that the body was taken from
	CopiedFrom  id.Artifact                      `json:",omitempty"`

	body []byte // of a new one
	read string // of a new one: what the engine read, as JSON; "" if nothing
}

// The keys of Info: what is asked by, and what is answered.
const (
	infoURL         = "LoadTemplateFromURL"
	infoPhysical    = "ImportFromPhysicalId"
	infoTemplateURL = "TemplateUrl"
	infoPhysicalID  = "PhysicalId"
)

// artifactTypes tells which type of version fits which type of product.
var artifactTypes = map[api.ProductType]api.ProvisioningArtifactType{
	api.ProductTypeCloudFormationTemplate: api.ProvisioningArtifactTypeCloudFormationTemplate,
	api.ProductTypeTerraformOpenSource:    api.ProvisioningArtifactTypeTerraformOpenSource,
	api.ProductTypeTerraformCloud:         api.ProvisioningArtifactTypeTerraformCloud,
	api.ProductTypeExternal:               api.ProvisioningArtifactTypeExternal,
}

func (a artifact) isTemplate() bool {
	return a.Type == api.ProvisioningArtifactTypeCloudFormationTemplate
}

func artifactUnknown(name string, product id.Product) error {
	return api.ResourceNotFound("Provisioning artifact %s not found for product %s", name, product)
}

// A templateSource gives the template of something that exists already. The
// engine of CloudFormation templates is one.
type templateSource interface {
	TemplateOf(ctx context.Context, account, region, physicalID string) ([]byte, error)
}

// newArtifact loads and checks what is to become a version of p. It fetches
// and parses, so it is not for a transaction.
func (c *Catalog) newArtifact(ctx context.Context, p product, in api.ProvisioningArtifactProperties) (*artifact, error) {
	fits := artifactTypes[p.Type]
	a := &artifact{
		ID: id.New[id.Artifact](), Product: p.ID, Account: p.Account, Region: p.Region, Created: db.Micros(c.now()),
		Name: api.Or(in.Name, ""), Description: api.Or(in.Description, ""), Type: api.Or(in.Type, fits),
	}
	if a.Type != fits {
		return nil, api.InvalidParameters("Provisioning artifact type %s does not fit product type %s", a.Type, p.Type)
	}
	if a.Type == api.ProvisioningArtifactTypeTerraformOpenSource {
		return nil, api.InvalidParameters("Provisioning artifacts of type TERRAFORM_OPEN_SOURCE can no longer be created. Use EXTERNAL instead.")
	}
	if err := c.load(ctx, a, in.Info); err != nil {
		return nil, err
	}
	a.Digest = db.Digest(a.body)
	if !a.isTemplate() {
		return a, nil // an archive is read when its parameters are asked for
	}
	read, err := c.describe(ctx, a.engineArtifact())
	failure, refused := engine.AsFailure(err)
	switch {
	case err == nil:
		a.read, err = encodeTemplate(read)
		return a, err
	case !refused:
		return nil, err
	case !api.Or(in.DisableTemplateValidation, false):
		return nil, api.InvalidParameters("Invalid templateBody. Please make sure that your template is valid: %s", failure.Reason)
	}
	return a, nil
}

// load reads a version's body from where Info says.
func (c *Catalog) load(ctx context.Context, a *artifact, info map[string]string) error {
	url, byURL := info[infoURL]
	physical, byPhysical := info[infoPhysical]
	if len(info) != 1 || byURL == byPhysical {
		return api.InvalidParameters("Info must hold either %s or %s", infoURL, infoPhysical)
	}
	if byURL {
		resp, err := c.fetch.Get(ctx, url)
		if failed, ok := errors.AsType[*fetch.Error](err); ok {
			return &api.Error{Code: api.CodeInvalidParameters, Status: 400, Message: failed.Error(), Err: err}
		}
		if err != nil {
			return fmt.Errorf("catalog: load a template: %w", err)
		}
		a.URL, a.body = url, resp.Body
		return a.checkBody()
	}
	source, ok := c.engine(string(a.Type)).(templateSource)
	if !ok {
		return api.InvalidParameters("%s is not supported for type %s", infoPhysical, a.Type)
	}
	body, err := source.TemplateOf(ctx, a.Account, a.Region, physical)
	if failure, refused := engine.AsFailure(err); refused {
		return api.InvalidParameters("%s", failure.Reason)
	}
	if err != nil {
		return err
	}
	a.PhysicalID, a.body = physical, body
	return a.checkBody()
}

// maxTemplate is CloudFormation's bound of a template in S3.
const maxTemplate = 1 << 20

func (a *artifact) checkBody() error {
	if len(a.body) == 0 {
		return api.InvalidParameters("The template at %s is empty", a.URL)
	}
	if a.isTemplate() && len(a.body) > maxTemplate {
		return api.InvalidParameters("The template may not be larger than %d bytes", maxTemplate)
	}
	return nil
}

// engineArtifact is a new version as an engine reads it.
func (a artifact) engineArtifact() engine.Artifact {
	return engine.Artifact{ID: string(a.ID), Type: string(a.Type), URL: a.URL, Digest: a.Digest, Body: a.body}
}

// CreateProvisioningArtifact adds a version to a product of one's own.
func (c *Catalog) CreateProvisioningArtifact(ctx context.Context, in *api.CreateProvisioningArtifactInput) (*api.CreateProvisioningArtifactOutput, error) {
	once, err := c.Once(ctx, api.OpCreateProvisioningArtifact.String(), in.IdempotencyToken, in)
	if err != nil {
		return nil, err
	}
	if out, err := replay[api.CreateProvisioningArtifactOutput](ctx, c, once); out != nil || err != nil {
		return out, err
	}
	caller := identity.CallerFrom(ctx)
	var p product
	if err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		p, err = c.ownProduct(tx, caller, in.ProductId)
		return err
	}); err != nil {
		return nil, err
	}
	a, err := c.newArtifact(ctx, p, in.Parameters)
	if err != nil {
		return nil, err
	}
	out := &api.CreateProvisioningArtifactOutput{
		ProvisioningArtifactDetail: a.detail(), Info: a.info(), Status: api.StatusCreating,
	}
	return create(ctx, c, once, func(tx *db.Tx) (*api.CreateProvisioningArtifactOutput, error) {
		p, err := c.ownProduct(tx, caller, in.ProductId)
		if err != nil {
			return nil, err
		}
		if err := exceeds(p.Versions, c.limits.VersionsPerProduct, "versions per product"); err != nil {
			return nil, err
		}
		if err := updateVersions(tx, p.ID, 1); err != nil {
			return nil, err
		}
		return out, insertArtifact(tx, *a)
	})
}

// ListProvisioningArtifacts lists all versions of a product, oldest first; it
// is not paged.
func (c *Catalog) ListProvisioningArtifacts(ctx context.Context, in *api.ListProvisioningArtifactsInput) (*api.ListProvisioningArtifactsOutput, error) {
	var versions []artifact
	err := c.db.View(ctx, func(tx *db.Tx) error {
		p, _, err := c.product(tx, identity.CallerFrom(ctx), in.ProductId)
		if err != nil {
			return err
		}
		versions, err = selectArtifacts(tx, p.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.ListProvisioningArtifactsOutput{ProvisioningArtifactDetails: make([]api.ProvisioningArtifactDetail, len(versions))}
	for i, a := range versions {
		out.ProvisioningArtifactDetails[i] = *a.detail()
	}
	return out, nil
}

// DescribeProvisioningArtifact describes a version, on request with the
// parameters its body takes.
func (c *Catalog) DescribeProvisioningArtifact(ctx context.Context, in *api.DescribeProvisioningArtifactInput) (*api.DescribeProvisioningArtifactOutput, error) {
	if err := either(in.ProductId, in.ProductName, "ProductId", "ProductName"); err != nil {
		return nil, err
	}
	if err := either(in.ProvisioningArtifactId, in.ProvisioningArtifactName, "ProvisioningArtifactId", "ProvisioningArtifactName"); err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	var a artifact
	var read *engine.Template
	err := c.db.View(ctx, func(tx *db.Tx) error {
		productID, err := adminProductID(tx, caller, in.ProductId, in.ProductName)
		if err != nil {
			return err
		}
		p, _, err := c.product(tx, caller, productID)
		if err != nil {
			return err
		}
		if a, err = findArtifact(tx, p.ID, api.Or(in.ProvisioningArtifactId, ""), api.Or(in.ProvisioningArtifactName, "")); err != nil {
			return err
		}
		read, err = c.described(tx, a)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.DescribeProvisioningArtifactOutput{
		ProvisioningArtifactDetail: a.detail(), Info: a.info(), Status: api.StatusAvailable,
	}
	if !api.Or(in.IncludeProvisioningArtifactParameters, false) {
		return out, nil
	}
	if read == nil {
		if read, err = c.readNow(ctx, a.launchArtifact()); err != nil {
			return nil, err
		}
	}
	out.ProvisioningArtifactParameters = parameterViews(read)
	return out, nil
}

// UpdateProvisioningArtifact renames, describes, deprecates or deactivates a
// version. Its template never changes.
func (c *Catalog) UpdateProvisioningArtifact(ctx context.Context, in *api.UpdateProvisioningArtifactInput) (*api.UpdateProvisioningArtifactOutput, error) {
	var a artifact
	err := c.update(ctx, func(tx *db.Tx) error {
		p, err := c.ownProduct(tx, identity.CallerFrom(ctx), in.ProductId)
		if err != nil {
			return err
		}
		if a, err = findArtifact(tx, p.ID, in.ProvisioningArtifactId, ""); err != nil {
			return err
		}
		set(&a.Name, in.Name)
		set(&a.Description, in.Description)
		set(&a.Guidance, in.Guidance)
		if in.Active != nil {
			a.Inactive = !*in.Active
		}
		data, err := encode(a)
		if err != nil {
			return err
		}
		return tx.Exec(`UPDATE artifact SET data = ? WHERE id = ? AND account = ?`, data, a.ID, a.Account)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateProvisioningArtifactOutput{
		ProvisioningArtifactDetail: a.detail(), Info: a.info(), Status: api.StatusCreating,
	}, nil
}

// DeleteProvisioningArtifact deletes a version that is not its product's
// last. What was launched from it stays.
func (c *Catalog) DeleteProvisioningArtifact(ctx context.Context, in *api.DeleteProvisioningArtifactInput) (*api.DeleteProvisioningArtifactOutput, error) {
	err := c.update(ctx, func(tx *db.Tx) error {
		p, err := c.ownProduct(tx, identity.CallerFrom(ctx), in.ProductId)
		if err != nil {
			return err
		}
		a, err := findArtifact(tx, p.ID, in.ProvisioningArtifactId, "")
		if err != nil {
			return err
		}
		if p.Versions < 2 {
			return api.ResourceInUse("Provisioning artifact %s is the last one of product %s and cannot be deleted", a.ID, p.ID)
		}
		if err := updateVersions(tx, p.ID, -1); err != nil {
			return err
		}
		if err := tx.Exec(`DELETE FROM service_action_artifact WHERE artifact = ?`, a.ID); err != nil {
			return err
		}
		return tx.Exec(`DELETE FROM artifact WHERE id = ? AND account = ?`, a.ID, a.Account)
	})
	return &api.DeleteProvisioningArtifactOutput{}, err
}

func (a artifact) detail() *api.ProvisioningArtifactDetail {
	return &api.ProvisioningArtifactDetail{
		Id: string(a.ID), Name: a.Name, Description: a.Description, Type: a.Type,
		CreatedTime: seconds(a.Created), Active: !a.Inactive, Guidance: a.guidance(),
	}
}

func (a artifact) guidance() api.ProvisioningArtifactGuidance {
	if a.Guidance == "" {
		return api.ProvisioningArtifactGuidanceDefault
	}
	return a.Guidance
}

func (a artifact) info() map[string]string {
	if a.PhysicalID != "" {
		return map[string]string{infoPhysicalID: a.PhysicalID}
	}
	return map[string]string{infoTemplateURL: a.URL}
}

func (a artifact) summary() api.ProvisioningArtifactSummary {
	metadata := map[string]string{}
	if a.CopiedFrom != "" {
		metadata["SourceProvisioningArtifactId"] = string(a.CopiedFrom)
	}
	return api.ProvisioningArtifactSummary{
		Id: string(a.ID), Name: a.Name, Description: a.Description,
		CreatedTime: seconds(a.Created), ProvisioningArtifactMetadata: metadata,
	}
}

// view is what end users see of a version.
func (a artifact) view() api.ProvisioningArtifact {
	return api.ProvisioningArtifact{
		Id: string(a.ID), Name: a.Name, Description: a.Description,
		CreatedTime: seconds(a.Created), Guidance: a.guidance(),
	}
}

func (a artifact) launchArtifact() LaunchArtifact {
	return LaunchArtifact{ID: a.ID, Name: a.Name, Type: string(a.Type), URL: a.URL, Digest: a.Digest}
}

const selectArtifact = `SELECT a.id, a.product, a.account, a.region, a.created, a.digest, a.data FROM artifact a`

func scanArtifact(r *db.Rows) (artifact, error) {
	var a artifact
	var data []byte
	if err := r.Scan(&a.ID, &a.Product, &a.Account, &a.Region, &a.Created, &a.Digest, &data); err != nil {
		return a, err
	}
	return a, decode(data, &a, a.ID)
}

// selectArtifacts reads all versions of a product, oldest first.
func selectArtifacts(tx *db.Tx, p id.Product) ([]artifact, error) {
	return db.Collect(tx, scanArtifact, selectArtifact+` WHERE a.product = ? ORDER BY a.created, a.id`, p)
}

// findArtifact reads a version by id or by name. Inactive ones count as
// namesakes too, as on AWS.
func findArtifact(tx *db.Tx, p id.Product, artifactID, name string) (artifact, error) {
	if artifactID != "" {
		found, err := db.Collect(tx, scanArtifact, selectArtifact+` WHERE a.id = ? AND a.product = ?`, artifactID, p)
		if err == nil && len(found) == 0 {
			err = artifactUnknown(artifactID, p)
		}
		if err != nil {
			return artifact{}, err
		}
		return found[0], nil
	}
	all, err := selectArtifacts(tx, p)
	if err != nil {
		return artifact{}, err
	}
	var match []artifact
	for _, a := range all {
		if a.Name == name {
			match = append(match, a)
		}
	}
	switch len(match) {
	case 0:
		return artifact{}, artifactUnknown(name, p)
	case 1:
		return match[0], nil
	default:
		return artifact{}, api.InvalidParameters("Multiple Provisioning Artifact with name %s found.", name)
	}
}

// insertArtifact writes a new version with its body.
func insertArtifact(tx *db.Tx, a artifact) error {
	if err := db.PutBlob(tx, a.Digest, a.body); err != nil {
		return err
	}
	return insertArtifactRow(tx, a)
}

func insertArtifactRow(tx *db.Tx, a artifact) error {
	data, err := encode(a)
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO artifact (id, product, account, region, digest, created, data, template) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID, a.Product, a.Account, a.Region, a.Digest, a.Created, data, a.read)
}

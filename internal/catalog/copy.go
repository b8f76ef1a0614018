package catalog

import (
	"context"
	"encoding/json"
	"slices"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
	"larder/internal/workflow"
)

// A productCopy is one run of CopyProduct. All ids are minted when it is asked
// for, so that a beat which is repeated copies nothing twice.
type productCopy struct {
	Token   id.CopyToken `json:"-"`
	Account string       `json:"-"`
	Region  string       `json:"-"`

	Source       id.Product
	SourceRegion string
	Target       id.Product
	Name         string // of a new product
	New          bool   // whether the target is created
	Tags         bool   // whether tags are copied
	Versions     []copiedVersion
	Done         int // how many versions are copied
	Begun        bool

	Status api.CopyProductStatus
	Detail string `json:",omitempty"`
}

type copiedVersion struct{ From, To id.Artifact }

// copyBatch is how many versions one beat copies.
const copyBatch = 50

// chosenVersions are the versions to copy: those named, or all.
func chosenVersions(all []artifact, named []map[api.ProvisioningArtifactPropertyName]string) ([]artifact, error) {
	if len(named) == 0 {
		return all, nil
	}
	var chosen []artifact
	for _, n := range named {
		versionID, ok := n[api.ProvisioningArtifactPropertyNameId]
		if !ok {
			return nil, api.InvalidParameters("SourceProvisioningArtifactIdentifiers must name versions by Id")
		}
		at := slices.IndexFunc(all, func(a artifact) bool { return string(a.ID) == versionID })
		if at < 0 {
			return nil, api.ResourceNotFound("Provisioning artifact %s not found", versionID)
		}
		if !slices.ContainsFunc(chosen, func(a artifact) bool { return a.ID == all[at].ID }) {
			chosen = append(chosen, all[at])
		}
	}
	return chosen, nil
}

// CopyProduct copies a product that the caller's account owns or has shared
// with it, wholly or in parts, to a new product or into one that exists.
func (c *Catalog) CopyProduct(ctx context.Context, in *api.CopyProductInput) (*api.CopyProductOutput, error) {
	once, err := c.Once(ctx, api.OpCopyProduct.String(), in.IdempotencyToken, in)
	if err != nil {
		return nil, err
	}
	if out, err := replay[api.CopyProductOutput](ctx, c, once); out != nil || err != nil {
		return out, err
	}
	arn, err := id.ParseARN(in.SourceProductArn)
	if err != nil {
		return nil, api.InvalidParameters("SourceProductArn %s is not an ARN", in.SourceProductArn)
	}
	sourceID, ok := arn.Product()
	if !ok {
		return nil, api.InvalidParameters("SourceProductArn %s is not the ARN of a product", in.SourceProductArn)
	}
	caller := identity.CallerFrom(ctx)
	var source product
	var versions []artifact
	if err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		source, versions, err = c.copySource(tx, caller, sourceID, arn.Region)
		return err
	}); err != nil {
		return nil, err
	}
	if source.Account != arn.Account {
		return nil, productUnknown(in.SourceProductArn)
	}
	versions, err = chosenVersions(versions, in.SourceProvisioningArtifactIdentifiers)
	if err != nil {
		return nil, err
	}
	k := productCopy{
		Token: id.New[id.CopyToken](), Account: caller.Account, Region: caller.Region,
		Source: source.ID, SourceRegion: source.Region, Name: api.Or(in.TargetProductName, source.Name),
		Target: id.Product(api.Or(in.TargetProductId, "")), New: in.TargetProductId == nil,
		Tags: slices.Contains(in.CopyOptions, api.CopyOptionCopyTags), Status: api.CopyProductStatusInProgress,
	}
	if k.New {
		k.Target = id.New[id.Product]()
	}
	for _, v := range versions {
		k.Versions = append(k.Versions, copiedVersion{From: v.ID, To: id.New[id.Artifact]()})
	}
	out := &api.CopyProductOutput{CopyProductToken: string(k.Token)}
	return create(ctx, c, once, func(tx *db.Tx) (*api.CopyProductOutput, error) {
		if !k.New {
			into, err := c.ownProduct(tx, caller, string(k.Target))
			if err != nil {
				return nil, err
			}
			if into.Type != source.Type {
				return nil, api.InvalidParameters("Product %s of type %s cannot take versions of type %s", into.ID, into.Type, source.Type)
			}
		}
		data, err := encode(k)
		if err != nil {
			return nil, err
		}
		if err := tx.Exec(`INSERT INTO product_copy (token, account, region, data) VALUES (?, ?, ?, ?)`,
			k.Token, k.Account, k.Region, data); err != nil {
			return nil, err
		}
		return out, c.runner.Start(tx, workflow.Begin{
			ID: string(k.Token), Definition: copyRun, Subject: string(k.Token), Account: k.Account, Region: k.Region,
			Input: json.RawMessage(`{}`),
		})
	})
}

// copySource reads what is to be copied, which may be of another Region.
func (c *Catalog) copySource(tx *db.Tx, caller identity.Caller, source id.Product, region string) (product, []artifact, error) {
	caller.Region = region
	p, _, err := c.product(tx, caller, string(source))
	if err != nil {
		return p, nil, err
	}
	versions, err := selectArtifacts(tx, p.ID)
	return p, versions, err
}

// copyRun carries copies of products.
const copyRun = "copy/v1"

func (c *Catalog) copyDefinition() workflow.Definition {
	return workflow.Definition{Name: copyRun, Steps: []workflow.Step{{Name: "copy", Beat: c.copyBeat}}}
}

// copyBeat copies a batch of versions, the first beat the product too. Every
// beat is one transaction that also says how far the copy has come.
func (c *Catalog) copyBeat(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
	var k productCopy
	var source product
	var batch []artifact
	var refusal error
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		if k, err = oneCopy(tx, b.Account, b.Region, b.Subject); err != nil {
			return err
		}
		source, batch, refusal = c.copyBatch(tx, k)
		return nil
	})
	if err != nil {
		return workflow.Verdict{}, err
	}
	if k.Status != api.CopyProductStatusInProgress {
		return workflow.End(), nil // an earlier beat has failed
	}
	if refusal != nil {
		failed, err := k.failed(refusal)
		return workflow.End().Write(failed.save), err
	}
	p, terms := k.product(source, db.Micros(b.Now))
	for i := range batch {
		batch[i] = k.version(batch[i], k.Versions[k.Done+i].To, db.Micros(b.Now)+int64(k.Done+i))
	}
	done := k
	done.Begun, done.Done = true, k.Done+len(batch)
	verdict := workflow.Again(0)
	if done.Done == len(k.Versions) {
		done.Status, verdict = api.CopyProductStatusSucceeded, workflow.End()
	}
	return verdict.Write(func(tx *db.Tx) error {
		err := c.pasteBatch(tx, k, p, terms, batch)
		if err == nil {
			return done.save(tx)
		}
		failed, err := k.failed(err)
		if err != nil {
			return err
		}
		return failed.save(tx)
	}), nil
}

// copyBatch reads what the next beat copies.
func (c *Catalog) copyBatch(tx *db.Tx, k productCopy) (product, []artifact, error) {
	p, _, err := c.copySource(tx, identity.Caller{Account: k.Account}, k.Source, k.SourceRegion)
	if err != nil {
		return p, nil, err
	}
	var batch []artifact
	for _, v := range k.Versions[k.Done:min(k.Done+c.batchSize, len(k.Versions))] {
		a, err := findArtifact(tx, p.ID, string(v.From), "")
		if err != nil {
			return p, nil, err
		}
		if err := tx.Row(`SELECT template FROM artifact WHERE id = ? AND product = ?`, a.ID, p.ID).Scan(&a.read); err != nil {
			return p, nil, err
		}
		batch = append(batch, a)
	}
	return p, batch, nil
}

// pasteBatch writes a batch into the target. Whatever it refuses, it refuses
// before it writes.
func (c *Catalog) pasteBatch(tx *db.Tx, k productCopy, p product, terms []term, batch []artifact) error {
	into := p
	if !k.New || k.Begun {
		var err error
		if into, err = c.ownProduct(tx, identity.Caller{Account: k.Account, Region: k.Region}, string(k.Target)); err != nil {
			return err
		}
	}
	if err := exceeds(into.Versions+len(batch)-1, c.limits.VersionsPerProduct, "versions per product"); err != nil {
		return err
	}
	tags, err := retag(into.Tags, nil, p.Tags)
	if err != nil {
		return err
	}
	switch {
	case k.Begun:
	case k.New:
		n, err := count(tx, `SELECT COALESCE(MAX(n), 0) FROM population WHERE account = ? AND region = ? AND kind = ?`, k.Account, k.Region, productKind)
		if err != nil {
			return err
		}
		if err := exceeds(n, c.limits.Products, productKind+"s in this Region"); err != nil {
			return err
		}
		if err := populate(tx, p.Account, p.Region, productKind, c.limits.Products); err != nil {
			return err
		}
		if err := insertProduct(tx, p, terms); err != nil {
			return err
		}
	case len(p.Tags) > 0:
		tagged := into
		tagged.Tags = tags
		if err := updateProduct(tx, into, tagged); err != nil {
			return err
		}
	}
	for _, a := range batch {
		if err := insertArtifactRow(tx, a); err != nil {
			return err
		}
	}
	return updateVersions(tx, into.ID, len(batch))
}

// product is the copy of a product. It has neither the tag options nor the
// budgets of the source, and its tags only on request.
func (k productCopy) product(source product, now int64) (product, []term) {
	p := source
	p.ID, p.Account, p.Region, p.Created, p.Versions = k.Target, k.Account, k.Region, now, 0
	p.Name, p.CopiedFrom = k.Name, source.ID
	p.TagOptions, p.Budgets, p.Source = nil, nil, nil
	if !k.Tags {
		p.Tags = nil
	}
	return p, p.terms()
}

// version is the copy of a version. Its body is the same and kept once.
func (k productCopy) version(source artifact, as id.Artifact, now int64) artifact {
	a := source
	a.ID, a.Product, a.Account, a.Region, a.Created, a.CopiedFrom = as, k.Target, k.Account, k.Region, now, source.ID
	return a
}

// failed is the copy ended by a refusal; any other error is not an outcome.
func (k productCopy) failed(err error) (productCopy, error) {
	if api.Code(err) == api.CodeInternalFailure {
		return k, err
	}
	k.Status, k.Detail = api.CopyProductStatusFailed, message(err)
	return k, nil
}

func (k productCopy) save(tx *db.Tx) error {
	data, err := encode(k)
	if err != nil {
		return err
	}
	return tx.Exec(`UPDATE product_copy SET data = ? WHERE token = ? AND account = ?`, data, k.Token, k.Account)
}

// DescribeCopyProductStatus tells how far a copy has come.
func (c *Catalog) DescribeCopyProductStatus(ctx context.Context, in *api.DescribeCopyProductStatusInput) (*api.DescribeCopyProductStatusOutput, error) {
	caller := identity.CallerFrom(ctx)
	var k productCopy
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		k, err = oneCopy(tx, caller.Account, caller.Region, in.CopyProductToken)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.DescribeCopyProductStatusOutput{CopyProductStatus: k.Status, StatusDetail: k.Detail}
	if k.Status == api.CopyProductStatusSucceeded || !k.New {
		out.TargetProductId = string(k.Target)
	}
	return out, nil
}

func oneCopy(tx *db.Tx, account, region, token string) (productCopy, error) {
	found, err := db.Collect(tx, func(r *db.Rows) (productCopy, error) {
		var k productCopy
		var data []byte
		if err := r.Scan(&k.Token, &k.Account, &k.Region, &data); err != nil {
			return k, err
		}
		return k, decode(data, &k, k.Token)
	}, `SELECT token, account, region, data FROM product_copy WHERE token = ? AND account = ? AND region = ?`, token, account, region)
	if err == nil && len(found) == 0 {
		err = api.ResourceNotFound("Copy product token not found: %s", token)
	}
	if err != nil {
		return productCopy{}, err
	}
	return found[0], nil
}

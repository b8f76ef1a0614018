package provisioning

import (
	"context"
	"slices"
	"strings"
	"time"

	"larder/internal/api"
	"larder/internal/catalog"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/id"
	"larder/internal/identity"
)

// systemTagPrefix begins the keys of tags that only AWS (and so Larder) sets.
const systemTagPrefix = "aws:"

// typeStack is the ProvisionedProductType of a CloudFormation stack (see also
// [typeStackSet]); those of other engines are their product types.
const typeStack = "CFN_STACK"

// ProvisionProduct launches a version of a product. The answer means that the
// launch is recorded and will be carried out; whether it works is seen in the
// record.
func (p *Provisioning) ProvisionProduct(ctx context.Context, in *api.ProvisionProductInput) (*api.ProvisionProductOutput, error) {
	query := launchQuery(in)
	tags, err := userTags(in.Tags)
	if err != nil {
		return nil, err
	}
	values, err := givenValues(in.ProvisioningParameters)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	fresh := p.newProvisioned(caller, in.ProvisionedProductName)
	fresh.Token, fresh.Topics = in.ProvisionToken, in.NotificationArns
	asked := p.newRecord(caller, launchAct)
	asked.given = p.sealValues(string(asked.ID), values)
	once, err := p.catalog.Once(ctx, "ProvisionProduct", in.ProvisionToken, in)
	if err != nil {
		return nil, err
	}
	run := id.UUID()
	var out api.ProvisionProductOutput
	err = p.db.Update(ctx, func(tx *db.Tx) error {
		if seen, err := once.Answer(tx, &out); seen || err != nil {
			return err
		}
		launch, err := p.catalog.ResolveLaunch(tx, caller, query)
		if err != nil {
			return err
		}
		if err := launchable(launch, values); err != nil {
			return err
		}
		places, err := spread(launch, launchPreferences(in.ProvisioningPreferences))
		if err != nil {
			return err
		}
		pp, rec := fresh, asked // the closure may run twice
		if err := rec.offer(&pp, launch, tags); err != nil {
			return err
		}
		rec.Change.Targets = places
		describe(&pp, &rec)
		pp.LastRecord, pp.LastProvision = rec.ID, rec.ID
		pp.move(launched)
		free, err := pp.insert(tx)
		if err != nil {
			return err
		}
		if !free {
			return nameTaken(pp.Name)
		}
		detail, err := p.start(tx, launchAct, &pp, &rec, run)
		out = api.ProvisionProductOutput{RecordDetail: detail}
		if err != nil {
			return err
		}
		return once.Keep(tx, &out)
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// nameTaken is what AWS says of a name that another provisioned product of
// the account and region has.
func nameTaken(name string) error {
	return api.InvalidParameters("A stack named %s already exists.", name)
}

// newProvisioned is a product that the caller is about to have.
func (p *Provisioning) newProvisioned(c identity.Caller, name string) provisionedProduct {
	return provisionedProduct{
		ID:         id.New[id.ProvisionedProduct](),
		Account:    c.Account,
		Region:     c.Region,
		Name:       name,
		UserARN:    c.UserARN(),
		SessionARN: c.ARN,
		Created:    p.now().UTC().Truncate(time.Millisecond),
	}
}

// newRecord is a record of what the caller is about to do.
func (p *Provisioning) newRecord(c identity.Caller, a act) record {
	r := record{
		ID:         id.New[id.Record](),
		Account:    c.Account,
		Region:     c.Region,
		Status:     api.RecordStatusCreated,
		UserARN:    c.UserARN(),
		SessionARN: c.ARN,
		Created:    p.now().UTC().Truncate(time.Millisecond),
	}
	r.Updated, r.Type, r.Act, r.By = r.Created, a.record, a.run, c.ARN
	return r
}

// start records what is to be done and has its run begin; the record as the
// answer shows it.
func (p *Provisioning) start(tx *db.Tx, a act, pp *provisionedProduct, rec *record, run string) (*api.RecordDetail, error) {
	var err error
	if rec.Rehearsal, err = p.rehearse(tx, a.operation, pp); err != nil {
		return nil, err
	}
	if err := rec.insert(tx); err != nil {
		return nil, err
	}
	if err := p.tell(tx, pp, rec); err != nil {
		return nil, err
	}
	if err := p.runner.Start(tx, p.begin(run, a, rec)); err != nil {
		return nil, err
	}
	detail := rec.detail()
	return &detail, nil
}

// offer fills in what the catalog says of a launch or an update.
func (r *record) offer(pp *provisionedProduct, launch catalog.Launch, user []engine.Tag) error {
	all, err := catalog.LaunchTags(launch, user)
	if err != nil {
		return err
	}
	r.UserTags, r.Tags = user, recordTags(all, launch, user)
	r.place(pp, launch, append(all, autoTags(pp, launch)...))
	return nil
}

// place fills in all of an offer but the record's own view of its tags.
func (r *record) place(pp *provisionedProduct, launch catalog.Launch, tags []engine.Tag) {
	role := launch.Role
	if pp.OwnRole != "" {
		role = pp.OwnRole
	}
	r.Provisioned, r.Product, r.Name = pp.ID, launch.Product.ID, pp.Name
	r.ProductType = productType(launch)
	r.Artifact, r.Path, r.LaunchRole = launch.Artifact.ID, launch.Path.ID, role
	r.ProductName, r.ArtifactName, r.Hub = launch.Product.Name, launch.Artifact.Name, launch.Product.Account
	r.Defaults = defaults(launch)
	r.Change = engine.Change{
		Kind:      actOf(r).kind,
		Operation: string(r.ID),
		Account:   pp.Account,
		Region:    pp.Region,
		Product:   string(pp.ID),
		Source:    string(launch.Product.ID),
		Name:      pp.Name,
		Physical:  pp.Physical,
		Artifact: engine.Artifact{
			ID: string(launch.Artifact.ID), Type: launch.Artifact.Type, URL: launch.Artifact.URL, Digest: launch.Artifact.Digest,
		},
		Tags:      tags,
		Rules:     launch.Rules,
		Topics:    union(pp.Topics, launch.Topics),
		Role:      role,
		Principal: r.By,
	}
}

// union is both lists, each word once.
func union(a, b []string) []string {
	all := append([]string{}, a...)
	for _, word := range b {
		if !slices.Contains(all, word) {
			all = append(all, word)
		}
	}
	return all
}

// productType is the ProvisionedProductType of what is launched.
func productType(launch catalog.Launch) string {
	if launch.StackSet != nil {
		return typeStackSet
	}
	if launch.Product.Type == string(api.ProductTypeCloudFormationTemplate) {
		return typeStack
	}
	return launch.Product.Type
}

// Automatic tags: who launched a provisioned product, and the product itself.
const (
	tagPrincipal = "aws:servicecatalog:provisioningPrincipalArn"
	tagProduct   = "aws:servicecatalog:provisionedProductArn"
)

// autoTags are the tags that every provisioned product carries and nobody can
// change (AutoTags in AWS's administrator guide).
func autoTags(pp *provisionedProduct, launch catalog.Launch) []engine.Tag {
	principal := pp.SessionARN
	for _, t := range pp.Change.Tags { // whoever launched it, whoever owns it since
		if t.Key == tagPrincipal {
			principal = t.Value
		}
	}
	return []engine.Tag{
		{Key: "aws:servicecatalog:productArn", Value: launch.Product.ARN},
		{Key: tagPrincipal, Value: principal},
		{Key: "aws:servicecatalog:provisioningArtifactIdentifier", Value: string(launch.Artifact.ID)},
		{Key: "aws:servicecatalog:portfolioArn", Value: launch.Path.ARN},
		{Key: tagProduct, Value: id.ProvisionedProductARN(pp.Region, pp.Account, pp.Name, pp.ID).String()},
	}
}

// recordTags are those that a record shows: the user's own and the choices of
// tag options, which is what Terraform compares with its configuration. Tags
// of the portfolio and the product are the stack's alone.
func recordTags(all []engine.Tag, launch catalog.Launch, user []engine.Tag) []api.RecordTag {
	shown := map[string]bool{}
	for _, t := range user {
		shown[t.Key] = true
	}
	for _, o := range launch.TagOptions {
		shown[o.Key] = true
	}
	var tags []api.RecordTag
	for _, t := range all {
		if shown[t.Key] {
			tags = append(tags, api.RecordTag{Key: t.Key, Value: t.Value})
		}
	}
	return tags
}

// launchQuery is what a launch asks the catalog for, which judges whether it
// names one thing of each kind.
func launchQuery(in *api.ProvisionProductInput) catalog.LaunchQuery {
	return catalog.LaunchQuery{
		ProductID: api.Or(in.ProductId, ""), ProductName: api.Or(in.ProductName, ""),
		ArtifactID: api.Or(in.ProvisioningArtifactId, ""), ArtifactName: api.Or(in.ProvisioningArtifactName, ""),
		PathID: api.Or(in.PathId, ""), PathName: api.Or(in.PathName, ""),
	}
}

// launchable refuses at once what can be seen from the catalog alone. Values
// are judged by the engine, after the answer.
func launchable(launch catalog.Launch, values []value) error {
	if unknown := unknownValues(values, launch.Artifact.Template); unknown != "" {
		return api.InvalidParameters("%s", unknown)
	}
	return nil
}

// userTags takes the caller's tags, which may not pretend to be the system's.
func userTags(in []api.Tag) ([]engine.Tag, error) {
	tags := make([]engine.Tag, 0, len(in))
	seen := map[string]bool{}
	for _, t := range in {
		if strings.HasPrefix(strings.ToLower(t.Key), systemTagPrefix) {
			return nil, api.InvalidParameters("Tag keys that begin with %s are reserved for system use: %s", systemTagPrefix, t.Key)
		}
		if seen[t.Key] {
			return nil, api.InvalidParameters("Duplicate tag key: %s", t.Key)
		}
		seen[t.Key] = true
		tags = append(tags, engine.Tag{Key: t.Key, Value: t.Value})
	}
	return tags, nil
}

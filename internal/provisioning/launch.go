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
	"larder/internal/workflow"
)

// provisionRun is the run of a launch.
const provisionRun = "provision/v1"

// systemTagPrefix begins the keys of tags that only AWS (and so Larder) sets.
const systemTagPrefix = "aws:"

// typeStack is the ProvisionedProductType of a CloudFormation stack; those of
// other engines are their product types.
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
	now := p.now().UTC().Truncate(time.Millisecond)
	pp := provisionedProduct{
		ID:         id.New[id.ProvisionedProduct](),
		Account:    caller.Account,
		Region:     caller.Region,
		Name:       in.ProvisionedProductName,
		UserARN:    caller.UserARN(),
		SessionARN: caller.ARN,
		Created:    now,
	}
	rec := record{
		ID:          id.New[id.Record](),
		Account:     caller.Account,
		Region:      caller.Region,
		Provisioned: pp.ID,
		Status:      api.RecordStatusCreated,
		UserARN:     pp.UserARN,
		SessionARN:  pp.SessionARN,
		Created:     now,
	}
	rec.given = p.sealGiven(pp.ID, values)
	once, err := p.catalog.Once(ctx, "ProvisionProduct", in.ProvisionToken, in)
	if err != nil {
		return nil, err
	}
	run := workflow.Begin{
		ID: id.UUID(), Definition: provisionRun, Subject: string(rec.ID),
		Account: caller.Account, Region: caller.Region, Deadline: now.Add(p.deadline),
	}
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
		all, err := catalog.LaunchTags(launch, tags)
		if err != nil {
			return err
		}
		pp, rec := pp, rec // the closure may run twice
		describeLaunch(&pp, &rec, launch, in, all, tags)
		pp.move(launched)
		free, err := pp.insert(tx)
		if err != nil {
			return err
		}
		if !free {
			return api.InvalidParameters("A stack named %s already exists.", pp.Name)
		}
		if err := rec.insert(tx); err != nil {
			return err
		}
		if err := p.runner.Start(tx, run); err != nil {
			return err
		}
		detail := rec.detail()
		out = api.ProvisionProductOutput{RecordDetail: &detail}
		return once.Keep(tx, &out)
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// describeLaunch fills in what the catalog says of a launch.
func describeLaunch(pp *provisionedProduct, rec *record, launch catalog.Launch, in *api.ProvisionProductInput, all, user []engine.Tag) {
	productType := typeStack
	if launch.Product.Type != string(api.ProductTypeCloudFormationTemplate) {
		productType = launch.Product.Type
	}
	topics := append([]string{}, in.NotificationArns...)
	for _, topic := range launch.Topics {
		if !slices.Contains(topics, topic) {
			topics = append(topics, topic)
		}
	}
	change := engine.Change{
		Kind:      engine.Create,
		Operation: string(rec.ID),
		Account:   pp.Account,
		Region:    pp.Region,
		Product:   string(pp.ID),
		Name:      pp.Name,
		Artifact: engine.Artifact{
			ID: string(launch.Artifact.ID), Type: launch.Artifact.Type, URL: launch.Artifact.URL, Digest: launch.Artifact.Digest,
		},
		Tags:      append(all, autoTags(pp, launch)...),
		Rules:     launch.Rules,
		Topics:    topics,
		Role:      launch.Role,
		Principal: pp.SessionARN,
	}
	pp.provisionedData = provisionedData{
		Type:          productType,
		Product:       launch.Product.ID,
		Artifact:      launch.Artifact.ID,
		Path:          launch.Path.ID,
		LaunchRole:    launch.Role,
		Token:         in.ProvisionToken,
		LastRecord:    rec.ID,
		LastProvision: rec.ID,
		Change:        change,
	}
	rec.Product = launch.Product.ID
	rec.recordData = recordData{
		Type:        typeProvision,
		Updated:     rec.Created,
		Name:        pp.Name,
		ProductType: productType,
		Artifact:    launch.Artifact.ID,
		Path:        launch.Path.ID,
		LaunchRole:  launch.Role,
		Tags:        recordTags(all, launch, user),
		Change:      change,
	}
}

// autoTags are the tags that every provisioned product carries and nobody can
// change (AutoTags in AWS's administrator guide).
func autoTags(pp *provisionedProduct, launch catalog.Launch) []engine.Tag {
	return []engine.Tag{
		{Key: "aws:servicecatalog:productArn", Value: launch.Product.ARN},
		{Key: "aws:servicecatalog:provisioningPrincipalArn", Value: pp.SessionARN},
		{Key: "aws:servicecatalog:provisioningArtifactIdentifier", Value: string(launch.Artifact.ID)},
		{Key: "aws:servicecatalog:portfolioArn", Value: launch.Path.ARN},
		{Key: "aws:servicecatalog:provisionedProductArn", Value: id.ProvisionedProductARN(pp.Region, pp.Account, pp.Name, pp.ID).String()},
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
func launchable(launch catalog.Launch, values []engine.Given) error {
	if launch.StackSet != nil {
		return api.InvalidParameters("Product %s is to be launched as a stack set by the constraints of its portfolio, and launching stack sets is not built yet", launch.Product.ID)
	}
	if launch.Artifact.Template == nil {
		return nil
	}
	known := map[string]bool{}
	for _, parameter := range launch.Artifact.Template.Parameters {
		known[parameter.Key] = true
	}
	var unknown []string
	for _, v := range values {
		if !known[v.Key] {
			unknown = append(unknown, v.Key)
		}
	}
	if len(unknown) > 0 {
		return api.InvalidParameters("Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
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

// givenValues takes the caller's parameter values. An absent value is an
// empty one, as Terraform sends it.
func givenValues(in []api.ProvisioningParameter) ([]engine.Given, error) {
	values := make([]engine.Given, 0, len(in))
	seen := map[string]bool{}
	for _, v := range in {
		key := api.Or(v.Key, "")
		if key == "" {
			return nil, api.InvalidParameters("A provisioning parameter has no key")
		}
		if seen[key] {
			return nil, api.InvalidParameters("Duplicate provisioning parameter: %s", key)
		}
		seen[key] = true
		values = append(values, engine.Given{Key: key, Value: api.Or(v.Value, "")})
	}
	return values, nil
}

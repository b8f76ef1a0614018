package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"larder/internal/api"
	"larder/internal/sigv4"
)

// Bounds of what a corpus is held against.
const (
	corpusShare    = 0.95            // of the templates that must become available
	corpusDeadline = 2 * time.Second // for a launch, from call to end
)

// TestCorpus publishes every template below the directory TEST_CORPUS,
// launches it with sensible parameters, and terminates it. The templates are
// other people's, so none lies here; a linter should have passed them:
//
//	TEST_CORPUS=/tmp/corpus go test -count 1 -run TestCorpus -v ./cmd/larder
func TestCorpus(t *testing.T) {
	root := os.Getenv("TEST_CORPUS")
	if root == "" {
		t.Skip("TEST_CORPUS names no directory of templates")
	}
	c := openCorpus(t, root)
	var files []string
	for _, pattern := range []string{"*.yaml", "*.yml", "*.json", "*.template"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	if len(files) == 0 {
		t.Skipf("%s holds no templates", root)
	}

	reasons := map[string][]string{} // why a launch failed → whose
	var available int
	var longest trial
	for _, file := range files {
		got := c.try(t, file)
		name := filepath.Base(file)
		if got.reason == "" {
			available++
		} else {
			reasons[got.reason] = append(reasons[got.reason], name)
		}
		if got.took > longest.took {
			longest = got
		}
		if got.took > corpusDeadline {
			t.Errorf("%s took %s", name, got.took)
		}
	}
	order := make([]string, 0, len(reasons))
	for reason := range reasons {
		order = append(order, reason)
	}
	sort.Slice(order, func(i, j int) bool {
		if a, b := len(reasons[order[i]]), len(reasons[order[j]]); a != b {
			return a > b
		}
		return order[i] < order[j]
	})
	for _, reason := range order {
		t.Logf("%d × %s\n\t%s", len(reasons[reason]), reason, strings.Join(reasons[reason], "\n\t"))
	}
	share := float64(available) / float64(len(files))
	t.Logf("%d of %d became AVAILABLE (%.1f%%); the longest took %s (%s)",
		available, len(files), 100*share, longest.took.Round(time.Millisecond), longest.file)
	if share < corpusShare {
		t.Errorf("%.1f%% became AVAILABLE, want %.0f%%", 100*share, 100*corpusShare)
	}
}

// A corpus is a server on which templates are tried.
type corpus struct {
	catalog   *signed
	stacks    *cloudformation.Client
	portfolio string
	exports   int // stacks made to export what templates import
}

// A trial is how one template fared. A reason says why it failed.
type trial struct {
	file, reason string
	took         time.Duration
}

func openCorpus(t *testing.T, root string) *corpus {
	t.Helper()
	const account = "123456789012"
	p := start(t, "dev", "--template-root", root)
	c := &corpus{
		catalog: newSigned(t, p.URL, sigv4.Credentials{AccessKeyID: account, SecretAccessKey: "any"}),
		stacks: cloudformation.New(cloudformation.Options{
			Region: "us-east-1", BaseEndpoint: &p.URL,
			Credentials: credentials.NewStaticCredentialsProvider(account, "any", ""),
		}),
	}
	ctx := context.Background()
	portfolio, err := c.catalog.api.CreatePortfolio(ctx, &api.CreatePortfolioInput{
		DisplayName: "Corpus", ProviderName: "everybody", IdempotencyToken: "corpus",
	})
	if err != nil {
		t.Fatal(err)
	}
	c.portfolio = portfolio.PortfolioDetail.Id
	if _, err := c.catalog.api.AssociatePrincipalWithPortfolio(ctx, &api.AssociatePrincipalWithPortfolioInput{
		PortfolioId: c.portfolio, PrincipalARN: c.catalog.principal(t), PrincipalType: api.PrincipalTypeIAM,
	}); err != nil {
		t.Fatal(err)
	}
	return c
}

// notExported is how a stack fails whose import nobody offers.
var notExported = regexp.MustCompile(`No export named (\S+) found`)

// maxImports bounds how many exports are made for one template.
const maxImports = 40

// try publishes, launches and terminates a template. What it imports from
// other stacks is exported by a stack made for it.
func (c *corpus) try(t *testing.T, file string) trial {
	t.Helper()
	got := trial{file: filepath.Base(file)}
	product, parameters, err := c.publish(file)
	if err != nil {
		got.reason = "publish: " + err.Error()
		return got
	}
	for attempt := range maxImports {
		name := fmt.Sprintf("%s-%d", strings.TrimPrefix(product.product, "prod-"), attempt)
		begun := time.Now()
		record, err := c.launch(product, name, parameters)
		got.took = time.Since(begun)
		if err != nil {
			got.reason = "launch: " + err.Error()
			return got
		}
		got.reason = c.reason(t, record)
		c.terminate(t, got.file, record.ProvisionedProductId)
		missing := notExported.FindStringSubmatch(got.reason)
		if missing == nil {
			return got
		}
		if err := c.export(strings.TrimSuffix(missing[1], ".")); err != nil {
			got.reason += "; " + err.Error()
			return got
		}
	}
	return got
}

// publish offers a template and makes up values for its parameters.
func (c *corpus) publish(file string) (published, []api.ProvisioningParameter, error) {
	ctx, name := context.Background(), filepath.Base(file)
	kind := api.ProvisioningArtifactTypeCloudFormationTemplate
	where := url.URL{Scheme: "file", Path: file}
	product, err := c.catalog.api.CreateProduct(ctx, &api.CreateProductInput{
		Name: name, Owner: "somebody", ProductType: api.ProductTypeCloudFormationTemplate, IdempotencyToken: fmt.Sprintf("%x", sha256.Sum256([]byte(name))),
		ProvisioningArtifactParameters: &api.ProvisioningArtifactProperties{
			Name: new("v1"), Type: &kind, Info: map[string]string{"LoadTemplateFromURL": where.String()},
		},
	})
	if err != nil {
		return published{}, nil, err
	}
	out := published{
		portfolio: c.portfolio,
		product:   product.ProductViewDetail.ProductViewSummary.ProductId,
		artifact:  product.ProvisioningArtifactDetail.Id,
	}
	if _, err := c.catalog.api.AssociateProductWithPortfolio(ctx, &api.AssociateProductWithPortfolioInput{
		PortfolioId: c.portfolio, ProductId: out.product,
	}); err != nil {
		return out, nil, err
	}
	described, err := c.catalog.api.DescribeProvisioningParameters(ctx, &api.DescribeProvisioningParametersInput{
		ProductId: &out.product, ProvisioningArtifactId: &out.artifact,
	})
	if err != nil {
		return out, nil, err
	}
	var parameters []api.ProvisioningParameter
	for _, p := range described.ProvisioningArtifactParameters {
		if p.DefaultValue != nil && fits(p, *p.DefaultValue) {
			continue
		}
		value, ok := sensible(p)
		if !ok {
			return out, nil, fmt.Errorf("no sensible value for %s (%s %+v)", p.ParameterKey, p.ParameterType, p.ParameterConstraints)
		}
		parameters = append(parameters, api.ProvisioningParameter{Key: new(p.ParameterKey), Value: &value})
	}
	return out, parameters, nil
}

// launch provisions the product and returns its record once it has ended.
func (c *corpus) launch(product published, name string, parameters []api.ProvisioningParameter) (*api.RecordDetail, error) {
	out, err := c.catalog.api.ProvisionProduct(context.Background(), &api.ProvisionProductInput{
		ProductId: &product.product, ProvisioningArtifactId: &product.artifact,
		ProvisionedProductName: name, ProvisionToken: name, ProvisioningParameters: parameters,
	})
	if err != nil {
		return nil, err
	}
	return c.ended(out.RecordDetail.RecordId)
}

// ended polls a record until its operation has ended.
func (c *corpus) ended(record string) (*api.RecordDetail, error) {
	for {
		out, err := c.catalog.api.DescribeRecord(context.Background(), &api.DescribeRecordInput{Id: record})
		if err != nil {
			return nil, err
		}
		switch out.RecordDetail.Status {
		case api.RecordStatusSucceeded, api.RecordStatusFailed:
			return out.RecordDetail, nil
		}
	}
}

// reason says why the operation of a record failed: the first resource of the
// stack that did, else what the record says.
func (c *corpus) reason(t *testing.T, record *api.RecordDetail) string {
	t.Helper()
	if record.Status == api.RecordStatusSucceeded {
		return ""
	}
	out, err := c.stacks.DescribeStackEvents(context.Background(), &cloudformation.DescribeStackEventsInput{
		StackName: aws.String(c.stack(record.ProvisionedProductId)),
	})
	reason := fmt.Sprintf("record: %+v", record.RecordErrors)
	if err != nil {
		return reason // nothing was begun
	}
	for _, e := range out.StackEvents { // newest first
		why := aws.ToString(e.ResourceStatusReason)
		if e.ResourceStatus == types.ResourceStatusCreateFailed && why != "Resource creation cancelled" { //nolint:misspell // AWS writes it so
			reason = fmt.Sprintf("%s: %s", aws.ToString(e.ResourceType), why)
		}
	}
	return reason
}

func (c *corpus) stack(provisioned string) string {
	return "SC-123456789012-" + provisioned
}

// terminate ends a provisioned product and has nothing left of its stack but
// what its template retains.
func (c *corpus) terminate(t *testing.T, file, provisioned string) {
	t.Helper()
	ctx := context.Background()
	out, err := c.catalog.api.TerminateProvisionedProduct(ctx, &api.TerminateProvisionedProductInput{
		ProvisionedProductId: &provisioned, TerminateToken: provisioned,
	})
	if err != nil {
		t.Errorf("%s: terminate: %v", file, err)
		return
	}
	record, err := c.ended(out.RecordDetail.RecordId)
	if err != nil || record.Status != api.RecordStatusSucceeded {
		t.Errorf("%s: terminate: %+v, %v", file, record, err)
		return
	}
	left, err := c.stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{
		StackName: aws.String(c.stack(provisioned)),
	})
	if err != nil {
		return // no stack, no resources
	}
	for _, r := range left.StackResources {
		if r.ResourceStatus != types.ResourceStatusDeleteComplete && r.ResourceStatus != types.ResourceStatusDeleteSkipped {
			t.Errorf("%s: %s is left, %s", file, aws.ToString(r.LogicalResourceId), r.ResourceStatus)
		}
	}
}

// export has a stack offer a value under a name that a template imports.
func (c *corpus) export(name string) error {
	c.exports++
	ctx, stack := context.Background(), fmt.Sprintf("corpus-exports-%d", c.exports)
	own := name[strings.LastIndexAny(name, "-:")+1:] // what follows the name of the exporting stack
	value, ok := sensible(api.ProvisioningArtifactParameter{ParameterKey: own, ParameterType: "String"})
	if !ok {
		return errors.New("no sensible value for the export " + name)
	}
	body := fmt.Sprintf(`{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}},"Outputs":{"Value":{"Value":%q,"Export":{"Name":%q}}}}`, value, name)
	if _, err := c.stacks.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &stack, TemplateBody: &body}); err != nil {
		return err
	}
	return cloudformation.NewStackCreateCompleteWaiter(c.stacks, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, 50*time.Millisecond
	}).Wait(ctx, &cloudformation.DescribeStacksInput{StackName: &stack}, time.Minute)
}

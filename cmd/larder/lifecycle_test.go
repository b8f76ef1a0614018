package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog/types"

	"larder/internal/provisioning"
	"larder/internal/sigv4"
)

// The script of the life-cycle test. Every operation waits until the test has
// it go on, so that each status is seen; what then happens is decided by the
// resources of the version that is launched.
const lifecycleRules = `{"rules": [
	{"match": {"name": "*"}, "hang": true},
	{"match": {"logicalId": "Fails"}, "fail": "as scripted"},
	{"match": {"logicalId": "Clings"}, "action": "DELETE", "fail": "it clings"},
	{"match": {"logicalId": "Lingers"}, "action": "DELETE", %s}
]}`

// What deleting a resource does that lingers: it holds up what is undone, until
// it does so no more.
const (
	lingering   = `"hang": true`
	lettingItGo = `"delay": "1ms"`
)

// The versions of the product, by name.
var lifecycleVersions = map[string]string{
	"good":   `{"Resources": {"Base": {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": "ami-12345678"}}}}`,
	"next":   `{"Resources": {"Base": {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": "ami-12345678"}}, "More": {"Type": "AWS::SNS::Topic"}}}`,
	"fails":  `{"Resources": {"Base": {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": "ami-12345678"}}, "Lingers": {"Type": "AWS::SNS::Topic"}, "Fails": {"Type": "AWS::SNS::Topic", "DependsOn": "Lingers"}}}`,
	"partly": `{"Conditions": {"West": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-west-2"]}}, "Resources": {"Base": {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": "ami-12345678"}}, "Fails": {"Type": "AWS::SNS::Topic", "Condition": "West"}}}`,
	"clings": `{"Resources": {"Base": {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": "ami-12345678"}}, "Clings": {"Type": "AWS::SNS::Topic"}}}`,
}

// TestLifecycle drives every transition of the three status machines with the
// AWS SDK against the real server. It reads the machines' tables: one that is
// not driven, or that is seen and not there, is an error; and in every status
// whatever has no row is tried and must be refused in the modeled way.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, store []string) {
		d := newLifecycle(t, store)
		for _, scenario := range []struct {
			name string
			play func(*testing.T, *lifecycle)
		}{
			{"launch, update, act, terminate", playProduct},
			{"a launch that fails", playError},
			{"a launch that fails in part", playSpread},
			{"a termination that fails", playClinging},
			{"plans", playPlans},
			{"imports", playImports},
			{"an engine elsewhere", playElsewhere},
		} {
			if !t.Run(scenario.name, func(t *testing.T) { scenario.play(t, d) }) {
				return
			}
		}
		for _, m := range []*machine{d.products, d.records, d.plans} {
			for _, row := range m.rows {
				if !m.driven[row] {
					t.Errorf("nothing drove a %s from %q by %q to %q", m.name, row.From, row.Event, row.To)
				}
			}
		}
		for status, tried := range d.tried {
			if !tried {
				t.Errorf("nothing was tried in %q", status)
			}
		}
	})
}

// A machine is one table, and which of its rows were driven.
type machine struct {
	name   string
	rows   []provisioning.Transition
	driven map[provisioning.Transition]bool
}

func newMachine(name string, rows []provisioning.Transition) *machine {
	return &machine{name, rows, map[provisioning.Transition]bool{}}
}

// allows reports whether an event has a row in a status.
func (m *machine) allows(from, event string) bool {
	return slices.ContainsFunc(m.rows, func(row provisioning.Transition) bool { return row.From == from && row.Event == event })
}

// drove checks that an event led where the table says.
func (m *machine) drove(t *testing.T, from, event, to string) {
	t.Helper()
	row := provisioning.Transition{From: from, Event: event, To: to}
	if !slices.Contains(m.rows, row) {
		t.Fatalf("a %s went from %q by %q to %q, which is not in the table", m.name, from, event, to)
	}
	m.driven[row] = true
}

// saw checks that a change of status is in the table, of which the event is
// not known.
func (m *machine) saw(t *testing.T, from, to string) {
	t.Helper()
	for _, row := range m.rows {
		if row.From == from && row.To == to {
			m.driven[row] = true
			return
		}
	}
	t.Fatalf("a %s went from %q to %q, which is not in the table", m.name, from, to)
}

// The names of a status in the tests below.
const (
	none        = ""
	available   = string(types.ProvisionedProductStatusAvailable)
	underChange = string(types.ProvisionedProductStatusUnderChange)
	tainted     = string(types.ProvisionedProductStatusTainted)
	failed      = string(types.ProvisionedProductStatusError)
	planning    = string(types.ProvisionedProductStatusPlanInProgress)
)

// A lifecycle is a server with two products to launch, and what was seen of it.
type lifecycle struct {
	url       string
	client    *servicecatalog.Client
	stacks    *cloudformation.Client
	operator  *signed
	templates string

	product, action string
	versions        map[string]string // name → id
	elsewhere       struct{ product, version string }

	products, records, plans *machine
	tried                    map[string]bool // statuses in which everything else was tried
	names                    int
}

const lifecycleAccount = "123456789012"

func newLifecycle(t *testing.T, store []string) *lifecycle {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, text := range lifecycleVersions {
		write(name, text)
	}
	write("archive.tar.gz", "an engine elsewhere opens it")
	p := start(t, append([]string{"dev", "--template-root", dir, "--rules", write("rules.json", fmt.Sprintf(lifecycleRules, lingering)), "--log-level", "error"}, store...)...)
	keys := credentials.NewStaticCredentialsProvider(lifecycleAccount, "any", "")
	products, records, plans := provisioning.Lifecycles()
	d := &lifecycle{
		url:       p.URL,
		client:    servicecatalog.New(servicecatalog.Options{Region: "us-east-1", BaseEndpoint: &p.URL, Credentials: keys}),
		stacks:    cloudformation.New(cloudformation.Options{Region: "us-east-1", BaseEndpoint: &p.URL, Credentials: keys}),
		operator:  newSigned(t, p.URL, sigv4.Credentials{AccessKeyID: lifecycleAccount, SecretAccessKey: "any"}),
		templates: "file://" + dir,
		versions:  map[string]string{},
		products:  newMachine("provisioned product", products), records: newMachine("record", records), plans: newMachine("plan", plans),
		tried: map[string]bool{none: false, available: false, underChange: false, tainted: false, failed: false, planning: false},
	}
	d.publish(t)
	return d
}

// publish makes what the test launches.
func (d *lifecycle) publish(t *testing.T) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	portfolio, err := d.client.CreatePortfolio(ctx, &servicecatalog.CreatePortfolioInput{DisplayName: aws.String("P"), ProviderName: aws.String("us")})
	must(err)
	offer := func(name string, kind types.ProductType, url string) (product, version string) {
		made, err := d.client.CreateProduct(ctx, &servicecatalog.CreateProductInput{
			Name: &name, Owner: aws.String("us"), ProductType: kind,
			ProvisioningArtifactParameters: &types.ProvisioningArtifactProperties{
				Name: aws.String("good"), Type: types.ProvisioningArtifactType(kind), Info: map[string]string{"LoadTemplateFromURL": url},
			},
		})
		must(err)
		product = *made.ProductViewDetail.ProductViewSummary.ProductId
		_, err = d.client.AssociateProductWithPortfolio(ctx, &servicecatalog.AssociateProductWithPortfolioInput{PortfolioId: portfolio.PortfolioDetail.Id, ProductId: &product})
		must(err)
		return product, *made.ProvisioningArtifactDetail.Id
	}
	d.product, d.versions["good"] = offer("queue", types.ProductTypeCloudFormationTemplate, d.templates+"/good")
	for name := range lifecycleVersions {
		if name == "good" {
			continue
		}
		made, err := d.client.CreateProvisioningArtifact(ctx, &servicecatalog.CreateProvisioningArtifactInput{
			ProductId: &d.product, Parameters: &types.ProvisioningArtifactProperties{
				Name: &name, Type: types.ProvisioningArtifactTypeCloudFormationTemplate, Info: map[string]string{"LoadTemplateFromURL": d.templates + "/" + name},
			},
		})
		must(err)
		d.versions[name] = *made.ProvisioningArtifactDetail.Id
	}
	d.elsewhere.product, d.elsewhere.version = offer("archive", types.ProductTypeExternal, d.templates+"/archive.tar.gz")
	_, err = d.client.CreateConstraint(ctx, &servicecatalog.CreateConstraintInput{
		PortfolioId: portfolio.PortfolioDetail.Id, ProductId: &d.elsewhere.product, Type: aws.String("LAUNCH"),
		Parameters: aws.String(`{"RoleArn": "arn:aws:iam::` + lifecycleAccount + `:role/launch"}`),
	})
	must(err)
	_, err = d.client.AssociatePrincipalWithPortfolio(ctx, &servicecatalog.AssociatePrincipalWithPortfolioInput{
		PortfolioId: portfolio.PortfolioDetail.Id, PrincipalARN: aws.String(d.operator.principal(t)), PrincipalType: types.PrincipalTypeIam,
	})
	must(err)
	action, err := d.client.CreateServiceAction(ctx, &servicecatalog.CreateServiceActionInput{
		Name: aws.String("restart"), DefinitionType: types.ServiceActionDefinitionTypeSsmAutomation,
		Definition: map[string]string{"Name": "AWS-RestartEC2Instance", "Version": "1"},
	})
	must(err)
	d.action = *action.ServiceActionDetail.ServiceActionSummary.Id
	for _, version := range d.versions {
		_, err = d.client.AssociateServiceActionWithProvisioningArtifact(ctx, &servicecatalog.AssociateServiceActionWithProvisioningArtifactInput{
			ProductId: &d.product, ProvisioningArtifactId: aws.String(version), ServiceActionId: &d.action,
		})
		must(err)
	}
}

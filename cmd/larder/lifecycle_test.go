package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog/types"
	"github.com/aws/smithy-go"

	"larder/internal/api"
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
	"good":   `{"Resources": {"Base": {"Type": "AWS::SQS::Queue"}}}`,
	"next":   `{"Resources": {"Base": {"Type": "AWS::SQS::Queue"}, "More": {"Type": "AWS::SNS::Topic"}}}`,
	"fails":  `{"Resources": {"Base": {"Type": "AWS::SQS::Queue"}, "Lingers": {"Type": "AWS::SNS::Topic"}, "Fails": {"Type": "AWS::SNS::Topic", "DependsOn": "Lingers"}}}`,
	"partly": `{"Conditions": {"West": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-west-2"]}}, "Resources": {"Base": {"Type": "AWS::SQS::Queue"}, "Fails": {"Type": "AWS::SNS::Topic", "Condition": "West"}}}`,
	"clings": `{"Resources": {"Base": {"Type": "AWS::SQS::Queue"}, "Clings": {"Type": "AWS::SNS::Topic"}}}`,
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

// A specimen is one provisioned product of the test.
type specimen struct {
	*lifecycle
	t    *testing.T
	name string
	at   string // its status, as last seen
}

// specimen names a product that does not exist yet.
func (d *lifecycle) specimen(t *testing.T) *specimen {
	d.names++
	return &specimen{d, t, fmt.Sprintf("specimen-%d", d.names), none}
}

// describe returns the product; false if there is none.
func (s *specimen) describe() (types.ProvisionedProductDetail, bool) {
	s.t.Helper()
	out, err := s.client.DescribeProvisionedProduct(s.t.Context(), &servicecatalog.DescribeProvisionedProductInput{Name: &s.name})
	if codeOf(err) == "ResourceNotFoundException" {
		return types.ProvisionedProductDetail{}, false
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return *out.ProvisionedProductDetail, true
}

func (s *specimen) status() string {
	detail, _ := s.describe()
	return string(detail.Status)
}

// id is the product's; that of no product if there is none.
func (s *specimen) id() *string {
	if detail, ok := s.describe(); ok {
		return detail.Id
	}
	return aws.String("pp-aaaaaaaaaaaaa")
}

func codeOf(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

// A call asks for what moves a product, and returns the record of what takes
// time.
type call func(s *specimen, version string) (*types.RecordDetail, error)

// calls are the operations that move a product, by the event of the table.
var calls = map[string]call{
	"launch": func(s *specimen, version string) (*types.RecordDetail, error) {
		out, err := s.client.ProvisionProduct(s.t.Context(), &servicecatalog.ProvisionProductInput{
			ProductId: &s.product, ProvisioningArtifactId: aws.String(s.versions[version]), ProvisionedProductName: &s.name,
		})
		if err != nil {
			return nil, err
		}
		return out.RecordDetail, nil
	},
	"plan a launch":  plan,
	"plan an update": plan,
	"plan deleted": func(s *specimen, _ string) (*types.RecordDetail, error) {
		_, err := s.client.DeleteProvisionedProductPlan(s.t.Context(), &servicecatalog.DeleteProvisionedProductPlanInput{PlanId: s.plan()})
		return nil, err
	},
	"update": func(s *specimen, version string) (*types.RecordDetail, error) {
		out, err := s.client.UpdateProvisionedProduct(s.t.Context(), &servicecatalog.UpdateProvisionedProductInput{
			ProvisionedProductName: &s.name, ProductId: &s.product, ProvisioningArtifactId: aws.String(s.versions[version]),
		})
		if err != nil {
			return nil, err
		}
		return out.RecordDetail, nil
	},
	"import": func(s *specimen, version string) (*types.RecordDetail, error) {
		out, err := s.client.ImportAsProvisionedProduct(s.t.Context(), &servicecatalog.ImportAsProvisionedProductInput{
			ProductId: &s.product, ProvisioningArtifactId: aws.String(s.versions[version]), ProvisionedProductName: &s.name, PhysicalId: s.stack(),
		})
		if err != nil {
			return nil, err
		}
		return out.RecordDetail, nil
	},
	"execute a service action": func(s *specimen, _ string) (*types.RecordDetail, error) {
		out, err := s.client.ExecuteProvisionedProductServiceAction(s.t.Context(), &servicecatalog.ExecuteProvisionedProductServiceActionInput{
			ProvisionedProductId: s.id(), ServiceActionId: &s.action,
		})
		if err != nil {
			return nil, err
		}
		return out.RecordDetail, nil
	},
	"change properties": func(s *specimen, _ string) (*types.RecordDetail, error) {
		_, err := s.client.UpdateProvisionedProductProperties(s.t.Context(), &servicecatalog.UpdateProvisionedProductPropertiesInput{
			ProvisionedProductId: s.id(), IdempotencyToken: aws.String(fmt.Sprint(time.Now().UnixNano())),
			ProvisionedProductProperties: map[string]string{"LAUNCH_ROLE": "arn:aws:iam::" + lifecycleAccount + ":role/other"},
		})
		return nil, err
	},
	"terminate": func(s *specimen, _ string) (*types.RecordDetail, error) {
		out, err := s.client.TerminateProvisionedProduct(s.t.Context(), &servicecatalog.TerminateProvisionedProductInput{ProvisionedProductName: &s.name})
		if err != nil {
			return nil, err
		}
		return out.RecordDetail, nil
	},
}

func plan(s *specimen, version string) (*types.RecordDetail, error) {
	_, err := s.client.CreateProvisionedProductPlan(s.t.Context(), &servicecatalog.CreateProvisionedProductPlanInput{
		PlanName: aws.String("plan of " + s.name), PlanType: types.ProvisionedProductPlanTypeCloudformation,
		ProductId: &s.product, ProvisioningArtifactId: aws.String(s.versions[version]), ProvisionedProductName: &s.name,
	})
	return nil, err
}

// plan is the id of the product's plan; that of no plan if there is none.
func (s *specimen) plan() *string {
	out, err := s.client.ListProvisionedProductPlans(s.t.Context(), &servicecatalog.ListProvisionedProductPlansInput{ProvisionProductId: s.id()})
	if err != nil || len(out.ProvisionedProductPlans) == 0 {
		return aws.String("plan-aaaaaaaaaaaaa")
	}
	return out.ProvisionedProductPlans[0].PlanId
}

// stack is one that was made without the catalog, from the template of the
// version "good".
func (s *specimen) stack() *string {
	s.t.Helper()
	s.names++
	made, err := s.stacks.CreateStack(s.t.Context(), &cloudformation.CreateStackInput{
		StackName: aws.String(fmt.Sprintf("stack-%d", s.names)), TemplateBody: aws.String(lifecycleVersions["good"]),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	err = cloudformation.NewStackCreateCompleteWaiter(s.stacks, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 5*time.Millisecond, 100*time.Millisecond
	}).Wait(s.t.Context(), &cloudformation.DescribeStacksInput{StackName: made.StackId}, time.Minute)
	if err != nil {
		s.t.Fatal(err)
	}
	return made.StackId
}

// refusals are the codes by which an event is refused that the table does not
// have, in a product that exists; one that does not is ResourceNotFoundException,
// and so is a plan that does not.
var refusals = map[string]string{
	"launch":                   "InvalidParametersException", // "A stack named … already exists."
	"plan a launch":            "InvalidStateException",
	"plan an update":           "InvalidStateException",
	"plan deleted":             "ResourceNotFoundException",
	"update":                   "InvalidParametersException",
	"import":                   "InvalidParametersException",
	"execute a service action": "InvalidStateException",
	"change properties":        "InvalidStateException",
	"terminate":                "ValidationException", // InvalidParametersException is not modeled
}

// refuses tries everything that the table does not have in the product's
// status.
func (s *specimen) refuses() {
	s.t.Helper()
	s.tried[s.at] = true
	for event, ask := range calls {
		if s.products.allows(s.at, event) || s.planned(event) {
			continue
		}
		want := refusals[event]
		if s.at == none {
			want = "ResourceNotFoundException"
		}
		if _, err := ask(s, "good"); codeOf(err) != want {
			s.t.Errorf("%s in %q: %v, want %s", event, s.at, err, want)
		}
		if now := s.status(); now != s.at {
			s.t.Fatalf("the refused %s led from %q to %q", event, s.at, now)
		}
	}
	if s.at == planning { // it is launched by its plan alone
		if _, err := calls["launch"](s, "good"); codeOf(err) != refusals["launch"] {
			s.t.Errorf("launched past its plan: %v", err)
		}
	}
	_, err := s.client.ExecuteProvisionedProductPlan(s.t.Context(), &servicecatalog.ExecuteProvisionedProductPlanInput{PlanId: aws.String("plan-aaaaaaaaaaaaa")})
	if codeOf(err) != "ResourceNotFoundException" {
		s.t.Errorf("executed no plan in %q: %v", s.at, err)
	}
}

// planned reports whether an event is the other of the two that the same call
// stands for, which is allowed.
func (s *specimen) planned(event string) bool {
	return event == "plan a launch" && s.products.allows(s.at, "plan an update") ||
		event == "plan an update" && s.products.allows(s.at, "plan a launch")
}

// begins asks for an event of the table. What takes time is under way
// afterwards, and held.
func (s *specimen) begins(event, version string) *watched {
	s.t.Helper()
	record, err := calls[event](s, version)
	if err != nil {
		s.t.Fatalf("%s in %q: %v", event, s.at, err)
	}
	s.led(event)
	if record == nil {
		return nil
	}
	w := &watched{specimen: s, id: *record.RecordId}
	w.see(string(record.Status))
	w.until(string(types.RecordStatusInProgress))
	return w
}

// led notes where an event led.
func (s *specimen) led(event string) {
	s.t.Helper()
	now := s.status()
	s.products.drove(s.t, s.at, event, now)
	s.at = now
}

// A watched record is looked at until it has ended.
type watched struct {
	*specimen
	id string
	at string // its status, as last seen
}

// see notes a status.
func (w *watched) see(status string) {
	w.t.Helper()
	if status != w.at {
		w.records.saw(w.t, w.at, status)
		w.at = status
	}
}

// until looks until the record has a status.
func (w *watched) until(status string) types.RecordDetail {
	w.t.Helper()
	return poll(w.t, func(ctx context.Context) (types.RecordDetail, bool) {
		out, err := w.client.DescribeRecord(ctx, &servicecatalog.DescribeRecordInput{Id: &w.id})
		if err != nil {
			w.t.Fatal(err)
		}
		w.see(string(out.RecordDetail.Status))
		return *out.RecordDetail, w.at == status
	})
}

// poll looks until what it sees is what is waited for. A minute passes only in
// a test that fails.
func poll[T any](t *testing.T, look func(context.Context) (T, bool)) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if seen, ok := look(ctx); ok {
			return seen
		}
		select {
		case <-ctx.Done():
			t.Fatal("it never came")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// operation is the id of what carries a record or a plan.
func (d *lifecycle) operation(t *testing.T, subject string) string {
	t.Helper()
	out, err := d.operator.api.ListOperations(t.Context(), &api.ListOperationsInput{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(out.Operations, func(o api.OperationDetail) bool { return o.Subject == subject })
	if i < 0 {
		t.Fatalf("nothing carries %s", subject)
	}
	return out.Operations[i].Id
}

// goOn has an operation go on that is held.
func (d *lifecycle) goOn(t *testing.T, subject string) {
	t.Helper()
	if _, err := d.operator.api.RetryOperation(t.Context(), &api.RetryOperationInput{Id: d.operation(t, subject)}); err != nil {
		t.Fatal(err)
	}
}

// cancel stops an operation that is held, before its engine hears of it.
func (d *lifecycle) cancel(t *testing.T, subject string) {
	t.Helper()
	if _, err := d.operator.api.CancelOperation(t.Context(), &api.CancelOperationInput{Id: d.operation(t, subject)}); err != nil {
		t.Fatal(err)
	}
}

// ends has the record's operation go on, and sees both end as the event says.
func (w *watched) ends(event string, as types.RecordStatus) types.RecordDetail {
	w.t.Helper()
	w.goOn(w.t, w.id)
	return w.ended(event, as)
}

// undoes has the record's operation go on, which fails: it is seen while what
// it did is undone, and when it ends.
func (w *watched) undoes(event string) types.RecordDetail {
	w.t.Helper()
	w.goOn(w.t, w.id)
	w.until(string(types.RecordStatusInProgressInError))
	w.rule(w.t, lettingItGo)
	detail := w.ended(event, types.RecordStatusFailed)
	w.rule(w.t, lingering)
	return detail
}

// rule changes what deleting a resource does that lingers.
func (d *lifecycle) rule(t *testing.T, does string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, d.url+"/_larder/rules", strings.NewReader(fmt.Sprintf(lifecycleRules, does)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("rules: %s", answer.Status)
	}
}

// ended waits for the end.
func (w *watched) ended(event string, as types.RecordStatus) types.RecordDetail {
	w.t.Helper()
	detail := poll(w.t, func(ctx context.Context) (types.RecordDetail, bool) {
		out, err := w.client.DescribeRecord(ctx, &servicecatalog.DescribeRecordInput{Id: &w.id})
		if err != nil {
			w.t.Fatal(err)
		}
		w.see(string(out.RecordDetail.Status))
		return *out.RecordDetail, w.at == string(types.RecordStatusSucceeded) || w.at == string(types.RecordStatusFailed)
	})
	if detail.Status != as {
		w.t.Fatalf("%s: the record ended %s: %v", event, detail.Status, reasons(detail))
	}
	w.led(event)
	w.closed()
	return detail
}

// reasons are the texts of a record's errors.
func reasons(r types.RecordDetail) []string {
	var all []string
	for _, e := range r.RecordErrors {
		all = append(all, *e.Code+": "+*e.Description)
	}
	return all
}

// closed tries to move a record that has ended.
func (w *watched) closed() {
	w.t.Helper()
	token := aws.String("dG9rZW4=")
	_, launched := w.client.NotifyProvisionProductEngineWorkflowResult(w.t.Context(), &servicecatalog.NotifyProvisionProductEngineWorkflowResultInput{
		RecordId: &w.id, WorkflowToken: token, Status: types.EngineWorkflowStatusSucceeded,
	})
	_, updated := w.client.NotifyUpdateProvisionedProductEngineWorkflowResult(w.t.Context(), &servicecatalog.NotifyUpdateProvisionedProductEngineWorkflowResultInput{
		RecordId: &w.id, WorkflowToken: token, Status: types.EngineWorkflowStatusSucceeded,
	})
	_, terminated := w.client.NotifyTerminateProvisionedProductEngineWorkflowResult(w.t.Context(), &servicecatalog.NotifyTerminateProvisionedProductEngineWorkflowResultInput{
		RecordId: &w.id, WorkflowToken: token, Status: types.EngineWorkflowStatusSucceeded,
	})
	for _, err := range []error{launched, updated, terminated} {
		if codeOf(err) != "InvalidParametersException" {
			w.t.Errorf("a report about a record that has ended: %v", err)
		}
	}
	w.until(w.at) // and it stays what it was
}

func playProduct(t *testing.T, d *lifecycle) {
	s := d.specimen(t)
	s.refuses()
	launch := s.begins("launch", "good")
	s.refuses()
	launch.ends("launch succeeded", types.RecordStatusSucceeded)
	s.refuses()
	s.begins("change properties", "")
	s.begins("execute a service action", "").ends("service action ended", types.RecordStatusSucceeded)
	s.begins("update", "next").ends("update succeeded", types.RecordStatusSucceeded)

	s.begins("update", "fails").undoes("update failed")
	s.refuses()
	if detail, _ := s.describe(); *detail.ProvisioningArtifactId != d.versions["next"] {
		t.Errorf("a failed update shows version %s", *detail.ProvisioningArtifactId)
	}
	s.begins("change properties", "")
	action := s.begins("execute a service action", "")
	action.cancel(t, action.id)
	action.ended("service action ended, tainted before", types.RecordStatusFailed)
	s.begins("update", "good").ends("update succeeded", types.RecordStatusSucceeded)
	s.begins("terminate", "").ends("termination succeeded", types.RecordStatusSucceeded)
	s.refuses()

	again := d.specimen(t)
	again.begins("launch", "good").ends("launch succeeded", types.RecordStatusSucceeded)
	canceled := again.begins("update", "next")
	canceled.cancel(t, canceled.id)
	canceled.ended("update failed", types.RecordStatusFailed)
	again.begins("terminate", "").ends("termination succeeded", types.RecordStatusSucceeded)
}

func playError(t *testing.T, d *lifecycle) {
	s := d.specimen(t)
	record := s.begins("launch", "fails").undoes("launch failed")
	if all := reasons(record); len(all) < 2 || !slices.ContainsFunc(all, func(r string) bool { return r == "InternalFailure: Fails (AWS::SNS::Topic): as scripted" }) {
		t.Errorf("the causes are %q", all)
	}
	s.refuses()
	s.begins("change properties", "")
	s.begins("terminate", "").ends("termination succeeded", types.RecordStatusSucceeded)
}

func playClinging(t *testing.T, d *lifecycle) {
	s := d.specimen(t)
	s.begins("launch", "clings").ends("launch succeeded", types.RecordStatusSucceeded)
	s.begins("terminate", "").ends("termination failed", types.RecordStatusFailed)
	forced, err := d.client.TerminateProvisionedProduct(t.Context(), &servicecatalog.TerminateProvisionedProductInput{ProvisionedProductName: &s.name, IgnoreErrors: true})
	if err != nil {
		t.Fatal(err)
	}
	s.led("terminate")
	w := &watched{specimen: s, id: *forced.RecordDetail.RecordId}
	w.see(string(forced.RecordDetail.Status))
	w.until(string(types.RecordStatusInProgress))
	w.ends("termination succeeded", types.RecordStatusSucceeded)
}

// A drafted plan is looked at until it is gone.
type drafted struct {
	*specimen
	id *string
	at string
}

// drafts creates a plan, which is held.
func (s *specimen) drafts(event, version string) *drafted {
	s.t.Helper()
	s.begins(event, version)
	p := &drafted{specimen: s, id: s.plan()}
	p.until(string(types.ProvisionedProductPlanStatusCreateInProgress))
	return p
}

// status is the plan's; none of one that there is not.
func (p *drafted) status() string {
	p.t.Helper()
	out, err := p.client.DescribeProvisionedProductPlan(p.t.Context(), &servicecatalog.DescribeProvisionedProductPlanInput{PlanId: p.id})
	if codeOf(err) == "ResourceNotFoundException" {
		return none
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return string(out.ProvisionedProductPlanDetails.Status)
}

// until looks until the plan has a status.
func (p *drafted) until(status string) {
	p.t.Helper()
	poll(p.t, func(context.Context) (string, bool) {
		now := p.status()
		if now != p.at {
			p.plans.saw(p.t, p.at, now)
			p.at = now
		}
		return now, now == status
	})
}

// execute executes the plan, which is held.
func (p *drafted) execute() (*watched, error) {
	out, err := p.client.ExecuteProvisionedProductPlan(p.t.Context(), &servicecatalog.ExecuteProvisionedProductPlanInput{PlanId: p.id})
	if err != nil {
		return nil, err
	}
	p.until(string(types.ProvisionedProductPlanStatusExecuteInProgress))
	w := &watched{specimen: p.specimen, id: *out.RecordDetail.RecordId}
	w.see(string(out.RecordDetail.Status))
	return w, nil
}

// delete deletes the plan.
func (p *drafted) delete(ignoreErrors bool) error {
	_, err := p.client.DeleteProvisionedProductPlan(p.t.Context(), &servicecatalog.DeleteProvisionedProductPlanInput{PlanId: p.id, IgnoreErrors: ignoreErrors})
	return err
}

// refuses tries what the table does not have in the plan's status; another
// plan of the same product always.
func (p *drafted) refuses() {
	p.t.Helper()
	if !p.plans.allows(p.at, "execute") {
		if _, err := p.execute(); codeOf(err) != "InvalidStateException" {
			p.t.Errorf("executed in %s: %v", p.at, err)
		}
	}
	if !p.plans.allows(p.at, "delete") {
		if err := p.delete(true); codeOf(err) != "InvalidParametersException" {
			p.t.Errorf("deleted in %s: %v", p.at, err)
		}
	}
	if _, err := plan(p.specimen, "good"); codeOf(err) != "InvalidStateException" {
		p.t.Errorf("another plan beside one in %s: %v", p.at, err)
	}
	if now := p.status(); now != p.at {
		p.t.Fatalf("what was refused led a plan from %s to %s", p.at, now)
	}
}

// is what a plan deleted leads to.
func (p *drafted) gone(ignoreErrors bool) {
	p.t.Helper()
	if err := p.delete(ignoreErrors); err != nil {
		p.t.Fatalf("deleted in %s: %v", p.at, err)
	}
	p.until(none)
}

func playPlans(t *testing.T, d *lifecycle) {
	const (
		made, notMade = string(types.ProvisionedProductPlanStatusCreateSuccess), string(types.ProvisionedProductPlanStatusCreateFailed)
		done, undone  = string(types.ProvisionedProductPlanStatusExecuteSuccess), string(types.ProvisionedProductPlanStatusExecuteFailed)
	)
	// A plan that is deleted while it is made takes the product with it.
	s := d.specimen(t)
	p := s.drafts("plan a launch", "good")
	s.refuses()
	p.refuses()
	p.gone(false)
	s.led("plan deleted")

	// So does one that could not be made.
	s = d.specimen(t)
	p = s.drafts("plan a launch", "good")
	if _, err := d.operator.api.FailOperation(t.Context(), &api.FailOperationInput{Id: d.operation(t, *p.id)}); err != nil {
		t.Fatal(err)
	}
	p.until(notMade)
	p.refuses()
	p.gone(false)
	s.led("plan deleted")

	// One that is made, and one that is executed.
	s = d.specimen(t)
	p = s.drafts("plan a launch", "good")
	p.goOn(t, *p.id)
	p.until(made)
	p.refuses()
	p.gone(false)
	s.led("plan deleted")
	p = s.drafts("plan a launch", "good")
	p.goOn(t, *p.id)
	p.until(made)
	w, err := p.execute()
	if err != nil {
		t.Fatal(err)
	}
	s.led("launch")
	p.refuses()
	w.ends("launch succeeded", types.RecordStatusSucceeded)
	p.until(done)
	p.refuses()
	p.gone(false)

	// An update that fails is a plan that failed.
	p = s.drafts("plan an update", "fails")
	p.goOn(t, *p.id)
	p.until(made)
	if w, err = p.execute(); err != nil {
		t.Fatal(err)
	}
	s.led("update")
	w.undoes("update failed")
	p.until(undone)
	p.refuses()
	if err := p.delete(false); codeOf(err) != "ValidationException" {
		t.Errorf("deleted after it failed: %v", err)
	}
	p.gone(true)

	// The next plan starts from TAINTED, and goes with its product.
	p = s.drafts("plan an update", "next")
	p.goOn(t, *p.id)
	p.until(made)
	s.begins("terminate", "").ends("termination succeeded", types.RecordStatusSucceeded)
	p.until(none)
}

func playImports(t *testing.T, d *lifecycle) {
	s := d.specimen(t)
	s.begins("import", "good").ends("import succeeded", types.RecordStatusSucceeded)
	s = d.specimen(t)
	w := s.begins("import", "good")
	w.cancel(t, w.id)
	w.ended("import failed", types.RecordStatusFailed)
}

// message is what an engine elsewhere is told of a record, with the token that
// a report needs.
func (d *lifecycle) message(t *testing.T, record string) (token string) {
	t.Helper()
	return poll(t, func(ctx context.Context) (string, bool) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+"/_larder/engine/messages", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var out struct {
			Messages []struct {
				Body struct{ Token, RecordID string }
			}
		}
		if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			if m.Body.RecordID == record {
				return m.Body.Token, true
			}
		}
		return "", false
	})
}

func playElsewhere(t *testing.T, d *lifecycle) {
	ctx := t.Context()
	s := d.specimen(t)
	launched, err := d.client.ProvisionProduct(ctx, &servicecatalog.ProvisionProductInput{
		ProductId: &d.elsewhere.product, ProvisioningArtifactId: &d.elsewhere.version, ProvisionedProductName: &s.name,
	})
	if err != nil {
		t.Fatal(err)
	}
	watch := func(event string, r *types.RecordDetail) (w *watched, token string) {
		t.Helper()
		s.led(event)
		w = &watched{specimen: s, id: *r.RecordId}
		w.see(string(r.Status))
		w.until(string(types.RecordStatusInProgress))
		w.goOn(t, w.id)
		token = d.message(t, w.id)
		// The report of another operation, and one with another's token.
		_, other := d.client.NotifyTerminateProvisionedProductEngineWorkflowResult(ctx, &servicecatalog.NotifyTerminateProvisionedProductEngineWorkflowResultInput{
			RecordId: &w.id, WorkflowToken: aws.String("dG9rZW4="), Status: types.EngineWorkflowStatusSucceeded,
		})
		if codeOf(other) != "InvalidParametersException" {
			t.Errorf("a report with another token: %v", other)
		}
		w.until(string(types.RecordStatusInProgress))
		return w, token
	}
	w, token := watch("launch", launched.RecordDetail)
	report := &servicecatalog.NotifyProvisionProductEngineWorkflowResultInput{
		RecordId: &w.id, WorkflowToken: &token, Status: types.EngineWorkflowStatusSucceeded,
		Outputs: []types.RecordOutput{{OutputKey: aws.String("url"), OutputValue: aws.String("https://example.com")}},
	}
	if _, err := d.client.NotifyProvisionProductEngineWorkflowResult(ctx, report); err != nil {
		t.Fatal(err)
	}
	w.ended("launch succeeded", types.RecordStatusSucceeded)

	update := func() *types.RecordDetail {
		t.Helper()
		out, err := d.client.UpdateProvisionedProduct(ctx, &servicecatalog.UpdateProvisionedProductInput{ProvisionedProductName: &s.name})
		if err != nil {
			t.Fatal(err)
		}
		return out.RecordDetail
	}
	for _, end := range []struct {
		status types.EngineWorkflowStatus
		event  string
		as     types.RecordStatus
	}{
		{types.EngineWorkflowStatusFailed, "update failed", types.RecordStatusFailed},
		{types.EngineWorkflowStatusSucceeded, "update succeeded", types.RecordStatusSucceeded},
	} {
		w, token = watch("update", update())
		_, err := d.client.NotifyUpdateProvisionedProductEngineWorkflowResult(ctx, &servicecatalog.NotifyUpdateProvisionedProductEngineWorkflowResultInput{
			RecordId: &w.id, WorkflowToken: &token, Status: end.status, FailureReason: aws.String("no quota"),
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := w.ended(end.event, end.as); end.as == types.RecordStatusFailed && !slices.Contains(reasons(r), "InternalFailure: no quota") {
			t.Errorf("the causes are %q", reasons(r))
		}
	}
	terminated, err := d.client.TerminateProvisionedProduct(ctx, &servicecatalog.TerminateProvisionedProductInput{ProvisionedProductName: &s.name})
	if err != nil {
		t.Fatal(err)
	}
	w, token = watch("terminate", terminated.RecordDetail)
	_, err = d.client.NotifyTerminateProvisionedProductEngineWorkflowResult(ctx, &servicecatalog.NotifyTerminateProvisionedProductEngineWorkflowResultInput{
		RecordId: &w.id, WorkflowToken: &token, Status: types.EngineWorkflowStatusSucceeded,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.ended("termination succeeded", types.RecordStatusSucceeded)
}

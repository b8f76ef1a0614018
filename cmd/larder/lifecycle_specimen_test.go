package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog/types"
	"github.com/aws/smithy-go"

	"larder/internal/api"
)

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

package provisioning

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/engine"
	"larder/internal/engine/enginetest"
)

// able is an engine that can do more than it must.
type able struct {
	*enginetest.Fake
	found    engine.Imported
	refuses  *engine.Failure
	progress engine.Progress
	acted    []engine.Action
}

func (a *able) Import(_ context.Context, c engine.Change) (engine.Imported, error) {
	if a.refuses != nil {
		return engine.Imported{}, a.refuses
	}
	found := a.found
	found.Physical = "arn:" + strings.TrimPrefix(c.Physical, "arn:")
	return found, nil
}

func (a *able) ActionParameters(context.Context, engine.Change, engine.Action) ([]engine.ActionParameter, error) {
	return []engine.ActionParameter{{Name: "InstanceId", Type: "TARGET", Defaults: []string{"i-1"}}, {Name: "Why", Type: "TEXT_VALUE"}}, nil
}

func (a *able) Act(_ context.Context, _ engine.Change, action engine.Action) (engine.Progress, error) {
	a.acted = append(a.acted, action)
	return a.progress, nil
}

func (a *able) Dashboards(context.Context, engine.Change) ([]string, error) {
	return []string{"traffic"}, nil
}

func TestDashboards(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		w.ended(w.provision(admin, "mine").RecordId)
		shown := func() []api.CloudWatchDashboard {
			out, err := w.client.DescribeProvisionedProduct(as(admin), &api.DescribeProvisionedProductInput{Name: new("mine")})
			if err != nil {
				t.Fatal(err)
			}
			return out.CloudWatchDashboards
		}
		if got := shown(); got == nil || len(got) != 0 {
			t.Errorf("of an engine without any: %v", got)
		}
		w.serve = func(string) engine.Engine { return &able{Fake: w.engine} }
		if diff := cmp.Diff([]api.CloudWatchDashboard{{Name: "traffic"}}, shown()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func (w *world) importing(name, physical string) *api.ImportAsProvisionedProductInput {
	return &api.ImportAsProvisionedProductInput{
		ProductId: w.product, ProvisioningArtifactId: w.artifact, ProvisionedProductName: name, PhysicalId: physical, IdempotencyToken: "import-" + name,
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		_, err := w.client.ImportAsProvisionedProduct(as(admin), w.importing("mine", "stack"))
		wantError(t, err, "InvalidParametersException", "not supported")

		e := &able{Fake: w.engine, found: engine.Imported{
			Given: []engine.Given{{Key: "Size", Value: "3"}}, Outputs: []engine.Output{{Key: "Url", Value: "u"}},
		}}
		w.serve = func(string) engine.Engine { return e }
		for code, words := range map[string]string{
			engine.ImportWrongState: "is in state", engine.ImportMismatch: "differs", engine.ImportNotFound: "no such stack", "": "something",
		} {
			e.refuses = &engine.Failure{Code: code, Reason: words}
			if code == "" {
				code = "InvalidParametersException"
			}
			_, err := w.client.ImportAsProvisionedProduct(as(admin), w.importing("mine", "stack"))
			wantError(t, err, code, words)
		}
		e.refuses = nil
		out, err := w.client.ImportAsProvisionedProduct(as(admin), w.importing("mine", "stack"))
		if err != nil {
			t.Fatal(err)
		}
		done := w.ended(out.RecordDetail.RecordId)
		if done.RecordDetail.Status != api.RecordStatusSucceeded || done.RecordDetail.RecordType != "PROVISION_PRODUCT" {
			t.Errorf("record %+v", done.RecordDetail)
		}
		want := []api.RecordOutput{
			{OutputKey: new("CloudformationStackARN"), OutputValue: new("arn:stack"), Description: new("The ARN of the launched Cloudformation Stack")},
			{OutputKey: new("Url"), OutputValue: new("u")},
		}
		if diff := cmp.Diff(want, done.RecordOutputs); diff != "" {
			t.Errorf("outputs (-want +got):\n%s", diff)
		}
		if s := w.describe("mine").Status; s != api.ProvisionedProductStatusAvailable {
			t.Errorf("product is %s", s)
		}
		again, err := w.client.ImportAsProvisionedProduct(as(admin), w.importing("mine", "stack"))
		if err != nil || again.RecordDetail.RecordId != out.RecordDetail.RecordId {
			t.Errorf("the same token: %+v, %v", again, err)
		}
		_, err = w.client.ImportAsProvisionedProduct(as(admin), w.importing("other", "stack"))
		wantError(t, err, "DuplicateResourceException", "managed by")
		_, err = w.client.ImportAsProvisionedProduct(as(admin), func() *api.ImportAsProvisionedProductInput {
			in := w.importing("mine", "another")
			in.IdempotencyToken = "fresh"
			return in
		}())
		wantError(t, err, "InvalidParametersException", "A stack named mine already exists.")
		// The values that it was made with are the previous ones of the first update.
		w.parameters = sized()
		v2 := w.version(w.product, "v2")
		w.change(&api.UpdateProvisionedProductInput{
			ProvisionedProductName: new("mine"), ProvisioningArtifactId: &v2, ProvisioningParameters: []api.UpdateProvisioningParameter{parameter("Size", "", true)},
		})
		told := w.lastChange()
		if told.Physical != "arn:stack" || !cmp.Equal(told.Given, []engine.Given{{Key: "Size", Value: "3"}}) {
			t.Errorf("the engine was told %+v", told)
		}
	})
}

func TestServiceActions(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		made, err := w.client.CreateServiceAction(as(admin), &api.CreateServiceActionInput{
			Name: "restart", DefinitionType: api.ServiceActionDefinitionTypeSSMAutomation, IdempotencyToken: "1",
			Definition: map[api.ServiceActionDefinitionKey]string{"Name": "AWS-RestartEC2Instance", "Version": "1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		action := made.ServiceActionDetail.ServiceActionSummary.Id
		rec := w.provision(admin, "mine")
		w.ended(rec.RecordId)
		execute := func(token string) (*api.ExecuteProvisionedProductServiceActionOutput, error) {
			return w.client.ExecuteProvisionedProductServiceAction(as(admin), &api.ExecuteProvisionedProductServiceActionInput{
				ProvisionedProductId: rec.ProvisionedProductId, ServiceActionId: action, ExecuteToken: token, Parameters: map[string][]string{"InstanceId": {"i-1"}},
			})
		}
		_, err = execute("1")
		wantError(t, err, "ResourceNotFoundException", action) // not offered on this version
		if _, err := w.client.AssociateServiceActionWithProvisioningArtifact(as(admin), &api.AssociateServiceActionWithProvisioningArtifactInput{
			ProductId: w.product, ProvisioningArtifactId: w.artifact, ServiceActionId: action,
		}); err != nil {
			t.Fatal(err)
		}
		_, err = execute("1")
		wantError(t, err, "InvalidParametersException", "not supported")

		e := &able{Fake: w.engine}
		w.serve = func(string) engine.Engine { return e }
		parameters, err := w.client.DescribeServiceActionExecutionParameters(as(admin), &api.DescribeServiceActionExecutionParametersInput{
			ProvisionedProductId: rec.ProvisionedProductId, ServiceActionId: action,
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []api.ExecutionParameter{
			{Name: "InstanceId", Type: "TARGET", DefaultValues: []string{"i-1"}}, {Name: "Why", Type: "TEXT_VALUE", DefaultValues: []string{}},
		}
		if diff := cmp.Diff(want, parameters.ServiceActionParameters); diff != "" {
			t.Errorf("parameters (-want +got):\n%s", diff)
		}
		out, err := execute("2")
		if err != nil {
			t.Fatal(err)
		}
		done := w.ended(out.RecordDetail.RecordId).RecordDetail
		if done.RecordType != "EXECUTE_PROVISIONED_PRODUCT_SERVICE_ACTION" || done.Status != api.RecordStatusSucceeded {
			t.Errorf("record %+v", done)
		}
		if a := e.acted[0]; a.Definition["Name"] != "AWS-RestartEC2Instance" || a.Given["InstanceId"][0] != "i-1" {
			t.Errorf("acted %+v", a)
		}
		pp := w.describe("mine")
		if pp.Status != api.ProvisionedProductStatusAvailable || pp.LastRecordId != done.RecordId || pp.LastProvisioningRecordId != rec.RecordId {
			t.Errorf("product %+v", pp)
		}
		// A failed action leaves the product what it was, tainted if it was tainted.
		w.engine.OnAdvance = enginetest.Failing(engine.Update, "no")
		w.change(&api.UpdateProvisionedProductInput{ProvisionedProductName: new("mine")})
		e.progress = engine.Progress{Failure: &engine.Failure{Reason: "the document failed"}}
		if out, err = execute("3"); err != nil {
			t.Fatal(err)
		}
		done = w.ended(out.RecordDetail.RecordId).RecordDetail
		if pp := w.describe("mine"); done.Status != api.RecordStatusFailed || pp.Status != api.ProvisionedProductStatusTainted || pp.StatusMessage != "Fake  no" {
			t.Errorf("product %+v, record %+v", pp, done)
		}
	})
}

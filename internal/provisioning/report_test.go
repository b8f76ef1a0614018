package provisioning

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/engine"
	"larder/internal/engine/external"
	"larder/internal/fetch"
)

// elsewhere has the world's products of type EXTERNAL be provisioned by an
// engine without a URL, whose messages wait to be read.
func (w *world) elsewhere() (*atomic.Pointer[external.Engine], *api.ProvisionProductInput) {
	w.t.Helper()
	client, err := fetch.New(fetch.Policy{})
	if err != nil {
		w.t.Fatal(err)
	}
	var e atomic.Pointer[external.Engine]
	if err := w.stop(); err != nil {
		w.t.Fatal(err)
	}
	w.boot = func() {
		e.Store(external.New(external.Options{DB: w.db, Runner: w.runner, Fetch: client, Keys: w.keys}))
	}
	w.serve = func(artifactType string) engine.Engine {
		if artifactType == "EXTERNAL" {
			return e.Load()
		}
		return w.engine
	}
	w.open()
	product, version := w.offer("elsewhere", api.ProductTypeExternal)
	if _, err := w.client.CreateConstraint(as(admin), &api.CreateConstraintInput{
		PortfolioId: w.portfolio, ProductId: product, Type: "LAUNCH", IdempotencyToken: "launch",
		Parameters: `{"RoleArn":"arn:aws:iam::123456789012:role/launch"}`,
	}); err != nil {
		w.t.Fatal(err)
	}
	return &e, &api.ProvisionProductInput{ProductId: &product, ProvisioningArtifactId: &version, ProvisionedProductName: "mine", ProvisionToken: "1"}
}

// told waits for the message about a record.
func (w *world) told(e *atomic.Pointer[external.Engine], record string) (token string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	defer cancel()
	for ; ; breathe() {
		all, err := e.Load().Messages(ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, m := range all {
			var body struct{ Token, RecordID string }
			if err := json.Unmarshal(m.Body, &body); err != nil {
				w.t.Fatal(err)
			}
			if body.RecordID == record {
				return body.Token
			}
		}
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		e, in := w.elsewhere()
		launch, err := w.client.ProvisionProduct(as(admin), in)
		if err != nil {
			t.Fatal(err)
		}
		rec := launch.RecordDetail
		if rec.ProvisionedProductType != "EXTERNAL" {
			t.Errorf("record %+v", rec)
		}
		token := w.told(e, rec.RecordId)
		report := &api.NotifyProvisionProductEngineWorkflowResultInput{
			RecordId: rec.RecordId, WorkflowToken: token, Status: api.EngineWorkflowStatusSucceeded, IdempotencyToken: "r1",
			Outputs: []api.RecordOutput{{OutputKey: new("url"), OutputValue: new("https://x"), Description: new("where")}},
			ResourceIdentifier: &api.EngineWorkflowResourceIdentifier{UniqueTag: &api.UniqueTagResourceIdentifier{
				Key: new("SERVICE_CATALOG_TERRAFORM_INTEGRATION-DO_NOT_DELETE"), Value: &rec.ProvisionedProductId,
			}},
		}
		for name, tt := range map[string]struct {
			change      func(in *api.NotifyProvisionProductEngineWorkflowResultInput)
			code, words string
		}{
			"wrong token":    {func(in *api.NotifyProvisionProductEngineWorkflowResultInput) { in.WorkflowToken = "d3Jvbmc=" }, "InvalidParametersException", "workflow token"},
			"unknown record": {func(in *api.NotifyProvisionProductEngineWorkflowResultInput) { in.RecordId = "rec-none" }, "ResourceNotFoundException", "rec-none"},
		} {
			bad := *report
			tt.change(&bad)
			_, err := w.client.NotifyProvisionProductEngineWorkflowResult(as(admin), &bad)
			if api.Code(err) != tt.code || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = w.client.NotifyUpdateProvisionedProductEngineWorkflowResult(as(admin), &api.NotifyUpdateProvisionedProductEngineWorkflowResultInput{
			RecordId: rec.RecordId, WorkflowToken: token, Status: api.EngineWorkflowStatusSucceeded, IdempotencyToken: "r2",
		})
		wantError(t, err, "InvalidParametersException", "is of type PROVISION_PRODUCT")
		foreign := admin
		foreign.Account = "210987654321"
		_, err = w.client.NotifyProvisionProductEngineWorkflowResult(as(foreign), report)
		wantError(t, err, "ResourceNotFoundException", rec.RecordId)

		for range 2 { // the same report again is answered again, even after the end
			if _, err := w.client.NotifyProvisionProductEngineWorkflowResult(as(admin), report); err != nil {
				t.Fatal(err)
			}
			done := w.ended(rec.RecordId)
			if done.RecordDetail.Status != api.RecordStatusSucceeded {
				t.Errorf("record %+v", done.RecordDetail)
			}
			if diff := cmp.Diff([]api.RecordOutput{{OutputKey: new("url"), OutputValue: new("https://x"), Description: new("where")}}, done.RecordOutputs); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
		}
		late := *report
		late.IdempotencyToken = "late"
		_, err = w.client.NotifyProvisionProductEngineWorkflowResult(as(admin), &late)
		wantError(t, err, "InvalidParametersException", "has ended already")

		// A failed update taints, a termination removes.
		update, err := w.client.UpdateProvisionedProduct(as(admin), &api.UpdateProvisionedProductInput{ProvisionedProductName: new("mine"), UpdateToken: "u"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.client.NotifyUpdateProvisionedProductEngineWorkflowResult(as(admin), &api.NotifyUpdateProvisionedProductEngineWorkflowResultInput{
			RecordId: update.RecordDetail.RecordId, WorkflowToken: w.told(e, update.RecordDetail.RecordId),
			Status: api.EngineWorkflowStatusFailed, FailureReason: new("apply failed"), IdempotencyToken: "r3",
		}); err != nil {
			t.Fatal(err)
		}
		w.ended(update.RecordDetail.RecordId)
		if pp := w.describe("mine"); pp.Status != api.ProvisionedProductStatusTainted || pp.StatusMessage != "apply failed" {
			t.Errorf("product %+v", pp)
		}
		bye, err := w.client.TerminateProvisionedProduct(as(admin), &api.TerminateProvisionedProductInput{ProvisionedProductName: new("mine"), TerminateToken: "t"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.client.NotifyTerminateProvisionedProductEngineWorkflowResult(as(admin), &api.NotifyTerminateProvisionedProductEngineWorkflowResultInput{
			RecordId: bye.RecordDetail.RecordId, WorkflowToken: w.told(e, bye.RecordDetail.RecordId),
			Status: api.EngineWorkflowStatusSucceeded, IdempotencyToken: "r4",
		}); err != nil {
			t.Fatal(err)
		}
		if s := w.ended(bye.RecordDetail.RecordId).RecordDetail.Status; s != api.RecordStatusSucceeded {
			t.Errorf("termination ended %s", s)
		}
	})
}

// TestDeadline has nobody report: the operation ends by name.
func TestDeadline(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		w.deadlines = map[string]time.Duration{"EXTERNAL": 50 * time.Millisecond}
		_, in := w.elsewhere()
		launch, err := w.client.ProvisionProduct(as(admin), in)
		if err != nil {
			t.Fatal(err)
		}
		w.ended(launch.RecordDetail.RecordId)
		if pp := w.describe("mine"); pp.Status != api.ProvisionedProductStatusError || !strings.Contains(pp.StatusMessage, "before its deadline; no engine URL is configured for products of type EXTERNAL") {
			t.Errorf("product %+v", pp)
		}
	})
}

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog/types"

	"larder/internal/api"
)

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

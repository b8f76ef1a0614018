package provisioning

import (
	"testing"

	"larder/internal/api"
	"larder/internal/engine"
	"larder/internal/engine/enginetest"
	"larder/internal/identity"
)

func TestProperties(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		anna, bert := session("launcher", "anna", identity.LevelUser), session("launcher", "bert", identity.LevelUser)
		rec := w.provision(anna, "mine")
		w.ended(rec.RecordId)
		const role = "arn:aws:iam::123456789012:role/mine"
		change := func(token string, with map[api.PropertyKey]string) (*api.UpdateProvisionedProductPropertiesOutput, error) {
			return w.client.UpdateProvisionedProductProperties(as(admin), &api.UpdateProvisionedProductPropertiesInput{
				ProvisionedProductId: rec.ProvisionedProductId, ProvisionedProductProperties: with, IdempotencyToken: token,
			})
		}
		out, err := change("1", map[api.PropertyKey]string{"OWNER": bert.ARN, "LAUNCH_ROLE": role})
		if err != nil || out.Status != api.RecordStatusSucceeded || out.ProvisionedProductId != rec.ProvisionedProductId {
			t.Fatalf("%+v, %v", out, err)
		}
		if d := w.ended(out.RecordId).RecordDetail; d.RecordType != "UPDATE_PROVISIONED_PRODUCT" || d.ProvisionedProductName != "mine" {
			t.Errorf("record %+v", d)
		}
		if pp := w.describe("mine"); pp.LastRecordId != out.RecordId || pp.LastProvisioningRecordId != rec.RecordId || pp.LaunchRoleArn != role {
			t.Errorf("product %+v", pp)
		}
		// The old owner may list the past, the new one describe it.
		_, err = w.client.DescribeRecord(as(anna), &api.DescribeRecordInput{Id: rec.RecordId})
		wantError(t, err, "ResourceNotFoundException", rec.RecordId)
		if _, err = w.client.DescribeRecord(as(bert), &api.DescribeRecordInput{Id: rec.RecordId}); err != nil {
			t.Error(err)
		}
		history, err := w.client.ListRecordHistory(as(anna), &api.ListRecordHistoryInput{})
		if err != nil || len(history.RecordDetails) != 1 {
			t.Errorf("the old owner's history %+v, %v", history, err)
		}
		// The new one sees what was done for him, whoever did it.
		if history, err = w.client.ListRecordHistory(as(bert), &api.ListRecordHistoryInput{}); err != nil || len(history.RecordDetails) != 1 || history.RecordDetails[0].RecordId != out.RecordId {
			t.Errorf("the new owner's history %+v, %v", history, err)
		}
		_, err = w.client.DescribeProvisionedProduct(as(anna), &api.DescribeProvisionedProductInput{Name: new("mine")})
		wantError(t, err, "ResourceNotFoundException", "mine")
		if _, err = w.client.DescribeProvisionedProduct(as(bert), &api.DescribeProvisionedProductInput{Name: new("mine")}); err != nil {
			t.Error(err)
		}
		// What somebody else ends stays the owner's to look at.
		other := w.provision(anna, "other")
		w.ended(other.RecordId)
		ended, err := w.client.TerminateProvisionedProduct(as(admin), &api.TerminateProvisionedProductInput{ProvisionedProductName: new("other"), TerminateToken: "t"})
		if err != nil {
			t.Fatal(err)
		}
		w.ended(ended.RecordDetail.RecordId)
		if told := w.lastChange(); told.Kind != engine.Delete || told.Principal != admin.ARN {
			t.Errorf("terminated by %s", told.Principal)
		}
		if _, err := w.client.DescribeRecord(as(anna), &api.DescribeRecordInput{Id: ended.RecordDetail.RecordId}); err != nil {
			t.Error(err)
		}
		// The role wins over the constraint, and the launcher stays in the tag.
		w.constrain("LAUNCH", `{"RoleArn":"arn:aws:iam::123456789012:role/constraint"}`)
		w.change(&api.UpdateProvisionedProductInput{ProvisionedProductName: new("mine")})
		told := w.lastChange()
		if told.Role != role {
			t.Errorf("role %s", told.Role)
		}
		for _, tag := range told.Tags {
			if tag.Key == tagPrincipal && tag.Value != anna.ARN {
				t.Errorf("launched by %s", tag.Value)
			}
		}
		for name, bad := range map[string]map[api.PropertyKey]string{
			"no role":         {"LAUNCH_ROLE": admin.ARN},
			"nobody":          {"OWNER": "me"},
			"another account": {"OWNER": "arn:aws:iam::210987654321:user/x"},
			"a group":         {"OWNER": "arn:aws:iam::123456789012:group/x"},
		} {
			if _, err := change("2", bad); api.Code(err) != "InvalidParametersException" {
				t.Errorf("%s: %v", name, err)
			}
		}
		// Not while something is under way, and also in ERROR.
		w.engine.OnAdvance = enginetest.Failing(engine.Create, "no")
		failed := w.provision(admin, "failed")
		w.ended(failed.RecordId)
		if _, err := w.client.UpdateProvisionedProductProperties(as(admin), &api.UpdateProvisionedProductPropertiesInput{
			ProvisionedProductId: failed.ProvisionedProductId, ProvisionedProductProperties: map[api.PropertyKey]string{"OWNER": anna.ARN}, IdempotencyToken: "3",
		}); err != nil {
			t.Error(err)
		}
		w.engine.OnAdvance = nil
		made := w.planned(w.plan("planned", w.artifact)).ProvisionedProductPlanDetails
		_, err = w.client.UpdateProvisionedProductProperties(as(admin), &api.UpdateProvisionedProductPropertiesInput{
			ProvisionedProductId: made.ProvisionProductId, ProvisionedProductProperties: map[api.PropertyKey]string{"OWNER": anna.ARN}, IdempotencyToken: "4",
		})
		wantError(t, err, "InvalidStateException", "PLAN_IN_PROGRESS")
	})
}

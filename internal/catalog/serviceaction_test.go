package catalog

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
)

type definition = map[api.ServiceActionDefinitionKey]string

func TestCheckDefinition(t *testing.T) {
	t.Parallel()
	for _, d := range []definition{
		{"Name": "AWS-RestartEC2Instance", "Version": "1"},
		{"Name": "arn:aws:ssm:us-west-2:111111111111:document/x", "Version": "$DEFAULT", "AssumeRole": "LAUNCH_ROLE"},
		{"Name": "x", "Version": "1", "AssumeRole": "arn:aws:iam::111111111111:role/r", "Parameters": `[{"Name":"InstanceId","Type":"TARGET"}]`},
	} {
		if err := checkDefinition(d); err != nil {
			t.Errorf("%v: %v", d, err)
		}
	}
	for _, d := range []definition{
		{}, {"Name": "x"}, {"Version": "1"}, {"Name": "x y", "Version": "1"},
		{"Name": "x", "Version": "1", "AssumeRole": "r"},
		{"Name": "x", "Version": "1", "Parameters": `{}`},
		{"Name": "x", "Version": "1", "Parameters": `[{"Name":"a","Type":"b"}]`},
		{"Name": "x", "Version": "1", "Parameters": `[{"Type":"TARGET"}]`},
	} {
		if err := checkDefinition(d); api.Code(err) != api.CodeInvalidParameters {
			t.Errorf("%v: %v", d, err)
		}
	}
}

func (w *world) action(who someone, name string) string {
	w.Helper()
	out := ok(who.CreateServiceAction(who, &api.CreateServiceActionInput{
		Name: name, DefinitionType: api.ServiceActionDefinitionTypeSSMAutomation, IdempotencyToken: w.token(),
		Definition: definition{"Name": "AWS-Restart", "Version": "1"},
	}))(w)
	return out.ServiceActionDetail.ServiceActionSummary.Id
}

func TestServiceActions(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		product, version := w.product(admin, "bucket")
		restart, stop := w.action(admin, "restart"), w.action(admin, "stop")
		updated := ok(admin.UpdateServiceAction(admin, &api.UpdateServiceActionInput{
			Id: restart, Name: new("again"), Definition: definition{"Name": "AWS-Restart", "Version": "2"},
		}))(w)
		described := ok(admin.DescribeServiceAction(admin, &api.DescribeServiceActionInput{Id: restart}))(w)
		if diff := cmp.Diff(updated.ServiceActionDetail, described.ServiceActionDetail); diff != "" {
			w.Errorf("described (-updated +described):\n%s", diff)
		}
		if s := described.ServiceActionDetail; s.ServiceActionSummary.Name != "again" || s.Definition["Version"] != "2" {
			w.Errorf("described %+v", s)
		}
		associate := func(action string) error {
			_, err := admin.AssociateServiceActionWithProvisioningArtifact(admin, &api.AssociateServiceActionWithProvisioningArtifactInput{
				ProductId: string(product), ProvisioningArtifactId: string(version), ServiceActionId: action,
			})
			return err
		}
		if err := associate(restart); err != nil {
			w.Fatal(err)
		}
		w.refused(associate(restart), api.CodeDuplicateResource, restart)
		w.refused(associate("act-x"), api.CodeResourceNotFound, "act-x")
		_, err := admin.DeleteServiceAction(admin, &api.DeleteServiceActionInput{Id: restart})
		w.refused(err, api.CodeResourceInUse, restart)

		pair := func(action string) api.ServiceActionAssociation {
			return api.ServiceActionAssociation{ProductId: string(product), ProvisioningArtifactId: string(version), ServiceActionId: action}
		}
		batch := ok(admin.BatchAssociateServiceActionWithProvisioningArtifact(admin, &api.BatchAssociateServiceActionWithProvisioningArtifactInput{
			ServiceActionAssociations: []api.ServiceActionAssociation{pair(restart), pair(stop), pair("act-x")},
		}))(w)
		var codes []string
		for _, f := range batch.FailedServiceActionAssociations {
			codes = append(codes, fmt.Sprint(f.ServiceActionId, " ", f.ErrorCode, f.ErrorMessage != ""))
		}
		if diff := cmp.Diff([]string{restart + " DUPLICATE_RESOURCEtrue", "act-x RESOURCE_NOT_FOUNDtrue"}, codes); diff != "" {
			w.Errorf("failures (-want +got):\n%s", diff)
		}
		list := func(size *int) (ids []string) {
			w.Helper()
			in := &api.ListServiceActionsForProvisioningArtifactInput{ProductId: string(product), ProvisioningArtifactId: string(version), PageSize: size}
			for {
				out := ok(admin.ListServiceActionsForProvisioningArtifact(admin, in))(w)
				for _, s := range out.ServiceActionSummaries {
					ids = append(ids, s.Id)
				}
				if out.NextPageToken == "" {
					return ids
				}
				in.PageToken = &out.NextPageToken
			}
		}
		if diff := cmp.Diff([]string{restart, stop}, list(new(1))); diff != "" {
			w.Errorf("of the version (-want +got):\n%s", diff)
		}
		views := ok(admin.ListProvisioningArtifactsForServiceAction(admin, &api.ListProvisioningArtifactsForServiceActionInput{ServiceActionId: stop}))(w)
		if v := views.ProvisioningArtifactViews; len(v) != 1 || v[0].ProductViewSummary.ProductId != string(product) || v[0].ProvisioningArtifact.Id != string(version) {
			w.Errorf("versions %+v", v)
		}
		ok(admin.DisassociateServiceActionFromProvisioningArtifact(admin, &api.DisassociateServiceActionFromProvisioningArtifactInput{
			ProductId: string(product), ProvisioningArtifactId: string(version), ServiceActionId: stop,
		}))(w)
		unbatch := ok(admin.BatchDisassociateServiceActionFromProvisioningArtifact(admin, &api.BatchDisassociateServiceActionFromProvisioningArtifactInput{
			ServiceActionAssociations: []api.ServiceActionAssociation{pair(restart), pair(stop)},
		}))(w)
		if f := unbatch.FailedServiceActionAssociations; len(f) != 1 || f[0].ServiceActionId != stop || f[0].ErrorCode != "RESOURCE_NOT_FOUND" {
			w.Errorf("failures %+v", f)
		}
		ok(admin.DeleteServiceAction(admin, &api.DeleteServiceActionInput{Id: restart, IdempotencyToken: new("gone")}))(w)
		ok(admin.DeleteServiceAction(admin, &api.DeleteServiceActionInput{Id: restart, IdempotencyToken: new("gone")}))(w)
		all := ok(admin.ListServiceActions(admin, &api.ListServiceActionsInput{}))(w)
		if s := all.ServiceActionSummaries; len(s) != 1 || s[0].Id != stop {
			w.Errorf("listed %+v", s)
		}
	})
}

func TestServiceActionLimit(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		product, version := w.product(admin, "bucket")
		in := &api.BatchAssociateServiceActionWithProvisioningArtifactInput{}
		for i := range 26 {
			in.ServiceActionAssociations = append(in.ServiceActionAssociations, api.ServiceActionAssociation{
				ProductId: string(product), ProvisioningArtifactId: string(version), ServiceActionId: w.action(admin, fmt.Sprint(i)),
			})
		}
		out := ok(admin.BatchAssociateServiceActionWithProvisioningArtifact(admin, in))(w)
		if f := out.FailedServiceActionAssociations; len(f) != 1 || f[0].ErrorCode != "LIMIT_EXCEEDED" {
			w.Errorf("failures %+v", f)
		}
	})
}

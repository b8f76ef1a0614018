package provisioning

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"larder/internal/api"
	"larder/internal/engine"
	"larder/internal/engine/enginetest"
	"larder/internal/identity"
)

func containsWords(s, words string) bool { return strings.Contains(s, words) }

func TestLaunchAndTerminate(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		w.engine.OnAdvance = func(_ context.Context, _ *enginetest.Fake, c engine.Change) (engine.Progress, error) {
			return engine.Progress{State: engine.Done, Physical: "arn:stack", Outputs: []engine.Output{
				{Key: "Url", Value: "https://x", Description: "where"},
				{Key: "Password", Value: "hush", NoEcho: true},
			}}, nil
		}
		rec := w.provision(admin, "mine")
		want := api.RecordDetail{
			RecordType: "PROVISION_PRODUCT", Status: api.RecordStatusCreated,
			ProvisionedProductName: "mine", ProvisionedProductType: "CFN_STACK",
			ProductId: w.product, ProvisioningArtifactId: w.artifact,
			PathId:       "lpv3-" + strings.TrimPrefix(w.portfolio, "port-"),
			RecordErrors: []api.RecordError{}, RecordTags: []api.RecordTag{},
		}
		if diff := cmp.Diff(want, rec, cmpopts.IgnoreFields(api.RecordDetail{}, "RecordId", "ProvisionedProductId", "CreatedTime", "UpdatedTime")); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
		if !rec.CreatedTime.Equal(rec.UpdatedTime) || rec.CreatedTime.IsZero() {
			t.Errorf("created %v, updated %v", rec.CreatedTime, rec.UpdatedTime)
		}

		done := w.ended(rec.RecordId)
		if done.RecordDetail.Status != api.RecordStatusSucceeded {
			t.Fatalf("record ended %s: %v", done.RecordDetail.Status, done.RecordDetail.RecordErrors)
		}
		outputs := []api.RecordOutput{
			{OutputKey: new("CloudformationStackARN"), OutputValue: new("arn:stack"), Description: new("The ARN of the launched Cloudformation Stack")},
			{OutputKey: new("Url"), OutputValue: new("https://x"), Description: new("where")},
			{OutputKey: new("Password"), OutputValue: new("****")},
		}
		if diff := cmp.Diff(outputs, done.RecordOutputs); diff != "" {
			t.Errorf("outputs (-want +got):\n%s", diff)
		}
		pp := w.describe("mine")
		if pp.Status != api.ProvisionedProductStatusAvailable || pp.StatusMessage != "" ||
			pp.LastRecordId != rec.RecordId || pp.LastProvisioningRecordId != rec.RecordId || pp.LastSuccessfulProvisioningRecordId != rec.RecordId ||
			pp.IdempotencyToken != "launch-mine" || pp.Id != rec.ProvisionedProductId {
			t.Errorf("provisioned product %+v", pp)
		}
		byID, err := w.client.DescribeProvisionedProduct(as(admin), &api.DescribeProvisionedProductInput{Id: &pp.Id})
		if err != nil || byID.ProvisionedProductDetail.Name != "mine" {
			t.Errorf("by id: %v, %v", byID, err)
		}
		got, err := w.client.GetProvisionedProductOutputs(as(admin), &api.GetProvisionedProductOutputsInput{ProvisionedProductId: &pp.Id, OutputKeys: []string{"Url"}})
		if err != nil || len(got.Outputs) != 1 || *got.Outputs[0].OutputValue != "https://x" {
			t.Errorf("outputs by key: %v, %v", got, err)
		}
		_, err = w.client.GetProvisionedProductOutputs(as(admin), &api.GetProvisionedProductOutputsInput{ProvisionedProductId: &pp.Id, OutputKeys: []string{"No"}})
		wantError(t, err, "InvalidParametersException", "No")

		out, err := w.client.TerminateProvisionedProduct(as(admin), &api.TerminateProvisionedProductInput{ProvisionedProductName: new("mine"), TerminateToken: "bye"})
		if err != nil {
			t.Fatal(err)
		}
		if r := out.RecordDetail; r.RecordType != "TERMINATE_PROVISIONED_PRODUCT" || r.Status != api.RecordStatusCreated {
			t.Errorf("termination %+v", r)
		}
		if done := w.ended(out.RecordDetail.RecordId); done.RecordDetail.Status != api.RecordStatusSucceeded {
			t.Errorf("termination ended %s", done.RecordDetail.Status)
		}
		_, err = w.client.DescribeProvisionedProduct(as(admin), &api.DescribeProvisionedProductInput{Name: new("mine")})
		wantError(t, err, "ResourceNotFoundException", "mine")
		_, err = w.client.TerminateProvisionedProduct(as(admin), &api.TerminateProvisionedProductInput{ProvisionedProductName: new("mine"), TerminateToken: "bye"})
		wantError(t, err, "ResourceNotFoundException", "mine")                                 // the token went with the termination
		w.ended(w.provision(session("launcher", "a", identity.LevelAccount), "mine").RecordId) // the name is free again
	})
}

// TestChange checks what an engine is told.
func TestChange(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		var told engine.Change
		w.engine.OnAdvance = func(_ context.Context, _ *enginetest.Fake, c engine.Change) (engine.Progress, error) {
			told = c
			return engine.Progress{State: engine.Done, Physical: "arn:stack"}, nil
		}
		in := w.launch("mine")
		in.Tags = []api.Tag{{Key: "team", Value: "a"}}
		in.NotificationArns = []string{"arn:aws:sns:us-east-1:123456789012:t"}
		out, err := w.client.ProvisionProduct(as(admin), in)
		if err != nil {
			t.Fatal(err)
		}
		w.ended(out.RecordDetail.RecordId)
		pp := out.RecordDetail.ProvisionedProductId
		arn := "arn:aws:servicecatalog:us-east-1:123456789012:stack/mine/" + pp
		want := engine.Change{
			Kind: engine.Create, Operation: out.RecordDetail.RecordId, Account: admin.Account, Region: admin.Region,
			Product: pp, Source: w.product, Name: "mine", Principal: admin.ARN, Topics: in.NotificationArns,
			Tags: []engine.Tag{
				{Key: "team", Value: "a"},
				{Key: "aws:servicecatalog:productArn", Value: "arn:aws:catalog:us-east-1:123456789012:product/" + w.product},
				{Key: "aws:servicecatalog:provisioningPrincipalArn", Value: admin.ARN},
				{Key: "aws:servicecatalog:provisioningArtifactIdentifier", Value: w.artifact},
				{Key: "aws:servicecatalog:portfolioArn", Value: "arn:aws:catalog:us-east-1:123456789012:portfolio/" + w.portfolio},
				{Key: "aws:servicecatalog:provisionedProductArn", Value: arn},
			},
		}
		if diff := cmp.Diff(want, told, cmpopts.IgnoreFields(engine.Change{}, "Artifact", "Token"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("change (-want +got):\n%s", diff)
		}
		if string(told.Artifact.Body) != `{"Resources": {}}` || told.Artifact.ID != w.artifact {
			t.Errorf("artifact %+v", told.Artifact)
		}
		if diff := cmp.Diff([]api.RecordTag{{Key: "team", Value: "a"}}, out.RecordDetail.RecordTags); diff != "" {
			t.Errorf("record tags (-want +got):\n%s", diff)
		}
		if w.describe("mine").Arn != arn {
			t.Errorf("ARN %s", w.describe("mine").Arn)
		}
	})
}

func TestFailedLaunch(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		failing := true
		w.engine.OnAdvance = func(_ context.Context, _ *enginetest.Fake, c engine.Change) (engine.Progress, error) {
			if !failing {
				return engine.Progress{State: engine.Done}, nil
			}
			return engine.Progress{State: engine.Done, Physical: "arn:stack", Failure: &engine.Failure{
				Code: "AmazonCloudFormationException", Reason: "Parameters: [KeyName] must have values",
				Causes: []engine.Cause{{Resource: "Box", Type: "AWS::EC2::Instance", Reason: "no key"}},
			}}, nil
		}
		rec := w.provision(admin, "mine")
		done := w.ended(rec.RecordId).RecordDetail
		if done.Status != api.RecordStatusFailed {
			t.Errorf("record ended %s", done.Status)
		}
		want := []api.RecordError{
			{Code: "AmazonCloudFormationException", Description: "AmazonCloudFormationException  Parameters: [KeyName] must have values"},
			{Code: "AmazonCloudFormationException", Description: "Box (AWS::EC2::Instance): no key"},
			{Code: "Remedy", Description: "Terminate the provisioned product, correct what is wrong, and launch it again: what never was launched can't be updated."},
		}
		if diff := cmp.Diff(want, done.RecordErrors); diff != "" {
			t.Errorf("errors (-want +got):\n%s", diff)
		}
		pp := w.describe("mine")
		if pp.Status != api.ProvisionedProductStatusError || pp.StatusMessage != "AmazonCloudFormationException  Parameters: [KeyName] must have values" || pp.LastSuccessfulProvisioningRecordId != "" {
			t.Errorf("provisioned product %+v", pp)
		}
		_, err := w.client.GetProvisionedProductOutputs(as(admin), &api.GetProvisionedProductOutputsInput{ProvisionedProductId: &pp.Id})
		wantError(t, err, "InvalidParametersException", "Last Successful Provisioning Record doesn't exist.")
		again := w.launch("mine")
		again.ProvisionToken = "another"
		_, err = w.client.ProvisionProduct(as(admin), again)
		wantError(t, err, "InvalidParametersException", "A stack named mine already exists.") // the name stays taken

		// A termination that fails taints; the same token may be used again.
		terminate := func(ignore bool) *api.DescribeRecordOutput {
			t.Helper()
			out, err := w.client.TerminateProvisionedProduct(as(admin), &api.TerminateProvisionedProductInput{
				ProvisionedProductId: &pp.Id, TerminateToken: "bye", IgnoreErrors: &ignore,
			})
			if err != nil {
				t.Fatal(err)
			}
			return w.ended(out.RecordDetail.RecordId)
		}
		first := terminate(false)
		if s := first.RecordDetail.Status; s != api.RecordStatusFailed || w.describe("mine").Status != api.ProvisionedProductStatusTainted {
			t.Errorf("termination %s, product %s", s, w.describe("mine").Status)
		}
		if second := terminate(false); second.RecordDetail.RecordId == first.RecordDetail.RecordId {
			t.Error("the failed termination answered the second request")
		}
		if s := terminate(true).RecordDetail.Status; s != api.RecordStatusSucceeded {
			t.Errorf("ignoring errors: %s", s)
		}
		_, err = w.client.DescribeProvisionedProduct(as(admin), &api.DescribeProvisionedProductInput{Id: &pp.Id})
		wantError(t, err, "ResourceNotFoundException", pp.Id)
		failing = false
	})
}

func TestRefusedLaunches(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		text := func(n int) *string { return new(strings.Repeat("x", n)) }
		for name, tt := range map[string]struct {
			change      func(in *api.ProvisionProductInput)
			code, words string
		}{
			"no product":      {func(in *api.ProvisionProductInput) { in.ProductId = nil }, "InvalidParametersException", "ProductId or ProductName"},
			"product twice":   {func(in *api.ProvisionProductInput) { in.ProductName = new("queue") }, "InvalidParametersException", "ProductId or ProductName"},
			"no version":      {func(in *api.ProvisionProductInput) { in.ProvisioningArtifactId = nil }, "InvalidParametersException", "ProvisioningArtifactName"},
			"version twice":   {func(in *api.ProvisionProductInput) { in.ProvisioningArtifactName = new("v1") }, "InvalidParametersException", "ProvisioningArtifactName"},
			"path twice":      {func(in *api.ProvisionProductInput) { in.PathId, in.PathName = text(3), text(3) }, "InvalidParametersException", "not both"},
			"unknown path":    {func(in *api.ProvisionProductInput) { in.PathId = new("lpv2-old") }, "InvalidParametersException", "Invalid PathId: lpv2-old"},
			"unknown product": {func(in *api.ProvisionProductInput) { in.ProductId = new("prod-none") }, "ResourceNotFoundException", "prod-none"},
			"unknown version": {func(in *api.ProvisionProductInput) { in.ProvisioningArtifactId = new("pa-none") }, "ResourceNotFoundException", "pa-none"},
			"system tag":      {func(in *api.ProvisionProductInput) { in.Tags = []api.Tag{{Key: "AWS:x", Value: "1"}} }, "InvalidParametersException", "aws:"},
			"tag twice": {func(in *api.ProvisionProductInput) {
				in.Tags = []api.Tag{{Key: "x", Value: "1"}, {Key: "x", Value: "2"}}
			}, "InvalidParametersException", "x"},
			"parameter twice": {func(in *api.ProvisionProductInput) {
				in.ProvisioningParameters = []api.ProvisioningParameter{{Key: text(1)}, {Key: text(1)}}
			}, "InvalidParametersException", "x"},
			"unknown parameter": {func(in *api.ProvisionProductInput) {
				in.ProvisioningParameters = []api.ProvisioningParameter{{Key: new("Nonsense")}}
			}, "InvalidParametersException", "Nonsense"},
			"name against shape": {func(in *api.ProvisionProductInput) { in.ProvisionedProductName = "-x" }, "ValidationException", "provisionedProductName"},
		} {
			in := w.launch("mine")
			tt.change(in)
			_, err := w.client.ProvisionProduct(as(admin), in)
			if err == nil {
				t.Errorf("%s: launched", name)
				continue
			}
			if api.Code(err) != tt.code || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("%s: %v, want %s with %q", name, err, tt.code, tt.words)
			}
		}
		// A refusal leaves nothing behind, not even its token.
		w.ended(w.provision(admin, "mine").RecordId)
		stranger := admin
		stranger.ARN = "arn:aws:iam::123456789012:user/stranger"
		_, err := w.client.ProvisionProduct(as(stranger), w.launch("other"))
		wantError(t, err, "ResourceNotFoundException", "No launch paths found for resource: "+w.product)
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		var (
			mu      sync.Mutex
			records = map[string]bool{}
			all     sync.WaitGroup
		)
		for range 20 {
			all.Go(func() {
				out, err := w.client.ProvisionProduct(as(admin), w.launch("mine"))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				records[out.RecordDetail.RecordId] = true
			})
		}
		all.Wait()
		if len(records) != 1 {
			t.Errorf("%d records of one token", len(records))
		}
		in := w.launch("mine")
		in.ProvisionedProductName = "other"
		_, err := w.client.ProvisionProduct(as(admin), in)
		wantError(t, err, "InvalidParametersException", "oken")
	})
}

// TestUnderChange holds a launch in the engine's hands and tries the rest.
func TestUnderChange(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		w.engine.OnAdvance = func(_ context.Context, _ *enginetest.Fake, c engine.Change) (engine.Progress, error) {
			return engine.Progress{State: engine.Waiting, Signal: "never/" + c.Operation, Physical: "arn:stack"}, nil
		}
		rec := w.provision(admin, "mine")
		for ; ; breathe() {
			out, err := w.client.DescribeRecord(as(admin), &api.DescribeRecordInput{Id: rec.RecordId})
			if err != nil {
				t.Fatal(err)
			}
			if out.RecordDetail.Status == api.RecordStatusInProgress {
				break
			}
		}
		if s := w.describe("mine").Status; s != api.ProvisionedProductStatusUnderChange {
			t.Errorf("status %s", s)
		}
		_, err := w.client.TerminateProvisionedProduct(as(admin), &api.TerminateProvisionedProductInput{ProvisionedProductName: new("mine"), TerminateToken: "x", IgnoreErrors: new(true)})
		wantError(t, err, "ValidationException", rec.RecordId) // InvalidParametersException is not modeled here
		list, err := w.client.ListOperations(as(admin), &api.ListOperationsInput{})
		if err != nil || len(list.Operations) != 1 || list.Operations[0].State != api.OperationStateWaiting || list.Operations[0].Subject != rec.RecordId {
			t.Errorf("operations %+v, %v", list, err)
		}
		one, err := w.client.DescribeOperation(as(admin), &api.DescribeOperationInput{Id: list.Operations[0].Id})
		if err != nil || one.OperationDetail.Kind != "provision/v1" {
			t.Errorf("operation %+v, %v", one, err)
		}
		other := admin
		other.Account = "210987654321"
		_, err = w.client.DescribeOperation(as(other), &api.DescribeOperationInput{Id: list.Operations[0].Id})
		wantError(t, err, "ResourceNotFoundException", list.Operations[0].Id)
	})
}

// TestAccess launches as four callers and asks every read who sees what.
func TestAccess(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		anna := session("launcher", "anna", identity.LevelUser)
		bert := session("launcher", "bert", identity.LevelRole)
		foreign := admin
		foreign.Account = "210987654321"
		records := map[string]api.RecordDetail{}
		for name, c := range map[string]identity.Caller{"anna": anna, "bert": bert, "admin": admin} {
			records[name] = w.provision(c, name)
			w.ended(records[name].RecordId)
		}
		sees := map[string]struct {
			caller identity.Caller
			names  []string
		}{
			"user":    {anna, []string{"anna"}},
			"role":    {bert, []string{"anna", "bert"}},
			"account": {admin, []string{"anna", "bert", "admin"}},
			"foreign": {foreign, nil},
		}
		for level, who := range sees {
			for name, rec := range records {
				visible := false
				for _, n := range who.names {
					visible = visible || n == name
				}
				ctx := as(who.caller)
				_, describe := w.client.DescribeProvisionedProduct(ctx, &api.DescribeProvisionedProductInput{Name: &name})
				_, byID := w.client.DescribeProvisionedProduct(ctx, &api.DescribeProvisionedProductInput{Id: &rec.ProvisionedProductId})
				_, record := w.client.DescribeRecord(ctx, &api.DescribeRecordInput{Id: rec.RecordId})
				_, outputs := w.client.GetProvisionedProductOutputs(ctx, &api.GetProvisionedProductOutputsInput{ProvisionedProductName: &name})
				calls := map[string]error{"DescribeProvisionedProduct": describe, "by id": byID, "DescribeRecord": record, "GetProvisionedProductOutputs": outputs}
				if !visible {
					_, calls["TerminateProvisionedProduct"] = w.client.TerminateProvisionedProduct(ctx, &api.TerminateProvisionedProductInput{ProvisionedProductName: &name, TerminateToken: "x"})
				}
				for call, err := range calls {
					if visible && err != nil || !visible && api.Code(err) != "ResourceNotFoundException" {
						t.Errorf("%s asks %s for %s: %v", level, call, name, err)
					}
				}
			}
			filter := &api.AccessLevelFilter{Key: new(api.AccessLevelFilterKeyAccount), Value: new("self")}
			scanned, err := w.client.ScanProvisionedProducts(as(who.caller), &api.ScanProvisionedProductsInput{AccessLevelFilter: filter})
			if err != nil || len(scanned.ProvisionedProducts) != len(who.names) {
				t.Errorf("%s scans %d products, %v; a filter must not widen what was granted", level, len(scanned.ProvisionedProducts), err)
			}
			history, err := w.client.ListRecordHistory(as(who.caller), &api.ListRecordHistoryInput{AccessLevelFilter: filter})
			if err != nil || len(history.RecordDetails) != len(who.names) {
				t.Errorf("%s lists %d records, %v", level, len(history.RecordDetails), err)
			}
		}
		own, err := w.client.ScanProvisionedProducts(as(admin), &api.ScanProvisionedProductsInput{})
		if err != nil || len(own.ProvisionedProducts) != 1 || own.ProvisionedProducts[0].Name != "admin" {
			t.Errorf("without a filter: %+v, %v", own, err)
		}
		_, err = w.client.ScanProvisionedProducts(as(admin), &api.ScanProvisionedProductsInput{AccessLevelFilter: &api.AccessLevelFilter{Value: new("all")}})
		wantError(t, err, "InvalidParametersException", "all")
	})
}

func TestPages(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		const launches = 7
		for i := range launches {
			w.ended(w.provision(admin, fmt.Sprintf("n%d", i)).RecordId)
		}
		var names []string
		in := &api.ScanProvisionedProductsInput{PageSize: new(3)}
		for {
			out, err := w.client.ScanProvisionedProducts(as(admin), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range out.ProvisionedProducts {
				names = append(names, p.Name)
			}
			if out.NextPageToken == "" {
				break
			}
			in.PageToken = &out.NextPageToken
		}
		if want := []string{"n0", "n1", "n2", "n3", "n4", "n5", "n6"}; !cmp.Equal(names, want) {
			t.Errorf("scanned %v", names)
		}
		history := &api.ListRecordHistoryInput{PageSize: new(4), SearchFilter: &api.ListRecordHistorySearchFilter{Key: new("product"), Value: &w.product}}
		first, err := w.client.ListRecordHistory(as(admin), history)
		if err != nil || len(first.RecordDetails) != 4 || first.RecordDetails[0].ProvisionedProductName != "n6" {
			t.Fatalf("history %+v, %v", first, err)
		}
		history.PageToken = &first.NextPageToken
		second, err := w.client.ListRecordHistory(as(admin), history)
		if err != nil || len(second.RecordDetails) != 3 || second.NextPageToken != "" {
			t.Errorf("history's second page %+v, %v", second, err)
		}
		history.SearchFilter = nil
		_, err = w.client.ListRecordHistory(as(admin), history)
		wantError(t, err, "InvalidParametersException", "token") // of another list
		_, err = w.client.DescribeRecord(as(admin), &api.DescribeRecordInput{Id: first.RecordDetails[0].RecordId, PageToken: new("rubbish")})
		wantError(t, err, "ValidationException", "token")
		_, err = w.client.ListRecordHistory(as(admin), &api.ListRecordHistoryInput{SearchFilter: &api.ListRecordHistorySearchFilter{Key: new("status"), Value: new("x")}})
		wantError(t, err, "ValidationException", "status is an invalid filter.")
	})
}

package provisioning

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"larder/internal/api"
	"larder/internal/engine"
	"larder/internal/engine/enginetest"
)

// parameter is a value of an update.
func parameter(key, value string, previous bool) api.UpdateProvisioningParameter {
	return api.UpdateProvisioningParameter{Key: &key, Value: &value, UsePreviousValue: &previous}
}

// sized has versions v2 and v3 take a size and a color.
func sized() map[string][]engine.Parameter {
	return map[string][]engine.Parameter{
		"v2": {{Key: "Size", Type: "Number"}, {Key: "Color", Type: "String", Default: new("red")}},
		"v3": {{Key: "Size", Type: "Number"}, {Key: "Color", Type: "String", Default: new("blue")}, {Key: "New", Type: "String", Default: new("n")}},
	}
}

// lastChange is the last that the engine was asked for.
func (w *world) lastChange() engine.Change {
	all := w.engine.Changes()
	return all[len(all)-1]
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		w.parameters = sized()
		v2, v3 := w.version(w.product, "v2"), w.version(w.product, "v3")
		in := w.launch("mine")
		in.ProvisioningArtifactId = &v2
		in.ProvisioningParameters = []api.ProvisioningParameter{{Key: new("Size"), Value: new("3")}}
		in.Tags = []api.Tag{{Key: "team", Value: "a"}}
		launch, err := w.client.ProvisionProduct(as(admin), in)
		if err != nil {
			t.Fatal(err)
		}
		w.ended(launch.RecordDetail.RecordId)

		update := &api.UpdateProvisionedProductInput{
			ProvisionedProductName: new("mine"), ProvisioningArtifactName: new("v3"), UpdateToken: "1",
			ProvisioningParameters:  []api.UpdateProvisioningParameter{parameter("Size", "", true), parameter("Color", "", true)},
			Tags:                    []api.Tag{{Key: "team", Value: "b"}}, // ignored: no constraint allows it
			ProvisioningPreferences: &api.UpdateProvisioningPreferences{StackSetAccounts: []string{"123456789012"}},
		}
		out, err := w.client.UpdateProvisionedProduct(as(admin), update)
		if err != nil {
			t.Fatal(err)
		}
		want := api.RecordDetail{
			RecordType: "UPDATE_PROVISIONED_PRODUCT", Status: api.RecordStatusCreated,
			ProvisionedProductName: "mine", ProvisionedProductType: "CFN_STACK", ProvisionedProductId: launch.RecordDetail.ProvisionedProductId,
			ProductId: w.product, ProvisioningArtifactId: v3, PathId: launch.RecordDetail.PathId,
			RecordErrors: []api.RecordError{}, RecordTags: []api.RecordTag{{Key: "team", Value: "a"}},
		}
		if diff := cmp.Diff(want, *out.RecordDetail, cmpopts.IgnoreFields(api.RecordDetail{}, "RecordId", "CreatedTime", "UpdatedTime")); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
		done := w.ended(out.RecordDetail.RecordId)
		if done.RecordDetail.Status != api.RecordStatusSucceeded {
			t.Fatalf("update ended %+v", done.RecordDetail)
		}
		pp := w.describe("mine")
		if pp.Status != api.ProvisionedProductStatusAvailable || pp.ProvisioningArtifactId != v3 ||
			pp.LastRecordId != done.RecordDetail.RecordId || pp.LastSuccessfulProvisioningRecordId != pp.LastRecordId || pp.LastProvisioningRecordId != pp.LastRecordId {
			t.Errorf("after the update: %+v", pp)
		}
		told := w.lastChange()
		if told.Kind != engine.Update || told.Physical == "" || told.Operation != out.RecordDetail.RecordId {
			t.Errorf("the engine was told %+v", told)
		}
		// The default that was used stays the previous value, though the new version has another.
		if diff := cmp.Diff([]engine.Given{{Key: "Size", Value: "3"}, {Key: "Color", Value: "red"}}, told.Given); diff != "" {
			t.Errorf("given (-want +got):\n%s", diff)
		}
		if !strings.Contains(stored(told.Tags), `{"Key":"team","Value":"a"}`) {
			t.Errorf("tags %v", told.Tags)
		}
		again, err := w.client.UpdateProvisionedProduct(as(admin), update)
		if err != nil || again.RecordDetail.RecordId != out.RecordDetail.RecordId {
			t.Errorf("the same token again: %+v, %v", again, err)
		}

		// A parameter that is left out falls back to the template's default.
		w.change(&api.UpdateProvisionedProductInput{ProvisionedProductName: new("mine")})
		if told := w.lastChange(); len(told.Given) != 0 {
			t.Errorf("given %v", told.Given)
		}

		// Where a constraint allows it, tags change.
		w.constrain("RESOURCE_UPDATE", `{"Version":"2.0","Properties":{"TagUpdateOnProvisionedProduct":"ALLOWED"}}`)
		tagged := w.change(&api.UpdateProvisionedProductInput{ProvisionedProductName: new("mine"), Tags: []api.Tag{{Key: "team", Value: "c"}}})
		if diff := cmp.Diff([]api.RecordTag{{Key: "team", Value: "c"}}, tagged.RecordDetail.RecordTags); diff != "" {
			t.Errorf("record tags (-want +got):\n%s", diff)
		}
		kept := w.change(&api.UpdateProvisionedProductInput{ProvisionedProductName: new("mine")})
		if diff := cmp.Diff([]api.RecordTag{{Key: "team", Value: "c"}}, kept.RecordDetail.RecordTags); diff != "" {
			t.Errorf("record tags without any given (-want +got):\n%s", diff)
		}
		if tags := stored(w.lastChange().Tags); !strings.Contains(tags, `"aws:servicecatalog:provisioningArtifactIdentifier","Value":"`+v3) {
			t.Errorf("tags %s", tags)
		}

		// Another product of the same type.
		other, otherVersion := w.offer("other", api.ProductTypeCloudFormationTemplate)
		moved := w.change(&api.UpdateProvisionedProductInput{ProvisionedProductName: new("mine"), ProductId: &other, ProvisioningArtifactName: new("v1")})
		if moved.RecordDetail.ProductId != other || w.describe("mine").ProductId != other || w.describe("mine").ProvisioningArtifactId != otherVersion {
			t.Errorf("moved to %+v", moved.RecordDetail)
		}

		// The version stays where none is given, also if the product is named by
		// its name; another product has no version that could stay.
		stayed := w.change(&api.UpdateProvisionedProductInput{ProvisionedProductName: new("mine"), ProductName: new("other")})
		if stayed.RecordDetail.ProvisioningArtifactId != otherVersion {
			t.Errorf("stayed at %+v", stayed.RecordDetail)
		}
		for _, in := range []*api.UpdateProvisionedProductInput{{ProductId: &w.product}, {ProductName: new("queue")}} {
			in.ProvisionedProductName, in.UpdateToken = new("mine"), "none"
			_, err := w.client.UpdateProvisionedProduct(as(admin), in)
			wantError(t, err, "InvalidParametersException", "Give either ProvisioningArtifactId or ProvisioningArtifactName")
		}
	})
}

func TestFailedUpdate(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		w.parameters = sized()
		v2, v3 := w.version(w.product, "v2"), w.version(w.product, "v3")
		in := w.launch("mine")
		in.ProvisioningArtifactId = &v2
		in.ProvisioningParameters = []api.ProvisioningParameter{{Key: new("Size"), Value: new("3")}}
		launch, err := w.client.ProvisionProduct(as(admin), in)
		if err != nil {
			t.Fatal(err)
		}
		w.ended(launch.RecordDetail.RecordId)

		// It rolls back until it is told to go on.
		var (
			mu      sync.Mutex
			proceed bool
		)
		why := &engine.Failure{Reason: "The stack update failed", Causes: []engine.Cause{
			{Resource: "Box", Type: "AWS::EC2::Instance", Reason: "no capacity", Remedy: "Choose another type."},
		}}
		w.engine.OnAdvance = func(_ context.Context, f *enginetest.Fake, c engine.Change) (engine.Progress, error) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case c.Kind != engine.Update:
				return f.Complete(c), nil
			case proceed:
				return engine.Progress{State: engine.Done, Failure: why, Physical: c.Physical}, nil
			default:
				return engine.Progress{State: engine.Again, RollingBack: true, Failure: why}, nil
			}
		}
		out, err := w.client.UpdateProvisionedProduct(as(admin), &api.UpdateProvisionedProductInput{
			ProvisionedProductName: new("mine"), ProvisioningArtifactId: &v3, UpdateToken: "1",
			ProvisioningParameters: []api.UpdateProvisioningParameter{parameter("Size", "4", false)},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.until(out.RecordDetail.RecordId, api.RecordStatusInProgressInError)
		mu.Lock()
		proceed = true
		mu.Unlock()
		done := w.ended(out.RecordDetail.RecordId).RecordDetail
		errors := []api.RecordError{
			{Code: "InternalFailure", Description: "The stack update failed"},
			{Code: "InternalFailure", Description: "Box (AWS::EC2::Instance): no capacity Choose another type."},
			{Code: "Remedy", Description: "The provisioned product is TAINTED until an update succeeds: correct what is wrong and update it again."},
		}
		if diff := cmp.Diff(errors, done.RecordErrors); done.Status != api.RecordStatusFailed || done.ProvisioningArtifactId != v3 || diff != "" {
			t.Errorf("record %+v\n%s", done, diff)
		}
		pp := w.describe("mine")
		if pp.Status != api.ProvisionedProductStatusTainted || pp.StatusMessage != "The stack update failed" || pp.ProvisioningArtifactId != v2 ||
			pp.LastRecordId != done.RecordId || pp.LastSuccessfulProvisioningRecordId != launch.RecordDetail.RecordId {
			t.Errorf("tainted: %+v", pp)
		}
		outputs, err := w.client.GetProvisionedProductOutputs(as(admin), &api.GetProvisionedProductOutputsInput{ProvisionedProductName: new("mine"), OutputKeys: []string{"Size"}})
		if err != nil || *outputs.Outputs[0].OutputValue != "3" {
			t.Errorf("outputs %+v, %v", outputs, err)
		}

		// Refused by CloudFormation's words before it is asked.
		w.engine.OnAdvance = nil
		refused := w.change(&api.UpdateProvisionedProductInput{
			ProvisionedProductName: new("mine"), ProvisioningParameters: []api.UpdateProvisioningParameter{parameter("Size", "5", true)},
		})
		const words = "AmazonCloudFormationException  Invalid input for parameter key Size. Cannot specify usePreviousValue as true and non empty value for a parameter"
		if pp := w.describe("mine"); refused.RecordDetail.Status != api.RecordStatusFailed || pp.Status != api.ProvisionedProductStatusTainted || pp.StatusMessage != words {
			t.Errorf("product %+v", pp)
		}
		// What failed left nothing: the previous value is that of the launch.
		good := w.change(&api.UpdateProvisionedProductInput{
			ProvisionedProductName: new("mine"), ProvisioningParameters: []api.UpdateProvisioningParameter{parameter("Size", "", true)},
		})
		if pp := w.describe("mine"); good.RecordDetail.Status != api.RecordStatusSucceeded || pp.Status != api.ProvisionedProductStatusAvailable || pp.StatusMessage != "" {
			t.Errorf("product %+v", pp)
		}
		if diff := cmp.Diff([]engine.Given{{Key: "Size", Value: "3"}}, w.lastChange().Given); diff != "" {
			t.Errorf("given (-want +got):\n%s", diff)
		}
	})
}

func TestRefusedUpdates(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		w.engine.OnAdvance = enginetest.Failing(engine.Create, "no")
		w.ended(w.provision(admin, "broken").RecordId)
		w.engine.OnAdvance = nil
		w.ended(w.provision(admin, "mine").RecordId)
		external, externalVersion := w.offer("elsewhere", api.ProductTypeExternal)
		for name, tt := range map[string]struct {
			change      func(in *api.UpdateProvisionedProductInput)
			code, words string
		}{
			"neither":  {func(in *api.UpdateProvisionedProductInput) { in.ProvisionedProductName = nil }, "InvalidParametersException", "id or its name"},
			"both":     {func(in *api.UpdateProvisionedProductInput) { in.ProvisionedProductId = new("pp-1") }, "InvalidParametersException", "not both"},
			"unknown":  {func(in *api.UpdateProvisionedProductInput) { in.ProvisionedProductName = new("other") }, "ResourceNotFoundException", "other"},
			"in error": {func(in *api.UpdateProvisionedProductInput) { in.ProvisionedProductName = new("broken") }, "InvalidParametersException", "is ERROR"},
			"version":  {func(in *api.UpdateProvisionedProductInput) { in.ProvisioningArtifactId = new("pa-none") }, "ResourceNotFoundException", "pa-none"},
			"two versions": {func(in *api.UpdateProvisionedProductInput) {
				in.ProvisioningArtifactId, in.ProvisioningArtifactName = &w.artifact, new("v1")
			}, "InvalidParametersException", "ProvisioningArtifact"},
			"path": {func(in *api.UpdateProvisionedProductInput) { in.PathId = new("lpv3-none") }, "InvalidParametersException", "Invalid PathId"},
			"parameter": {func(in *api.UpdateProvisionedProductInput) {
				in.ProvisioningParameters = []api.UpdateProvisioningParameter{parameter("No", "1", false)}
			}, "InvalidParametersException", "[No] do not exist in the template"},
			"another type": {func(in *api.UpdateProvisionedProductInput) {
				in.ProductId, in.ProvisioningArtifactId = &external, &externalVersion
			}, "InvalidParametersException", "EXTERNAL"},
			"product without version": {func(in *api.UpdateProvisionedProductInput) { in.ProductId = &external }, "InvalidParametersException", "ProvisioningArtifact"},
		} {
			in := &api.UpdateProvisionedProductInput{ProvisionedProductName: new("mine"), UpdateToken: "t-" + strings.ReplaceAll(name, " ", "-")}
			tt.change(in)
			_, err := w.client.UpdateProvisionedProduct(as(admin), in)
			if err == nil || api.Code(err) != tt.code || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("%s: %v, want %s with %q", name, err, tt.code, tt.words)
			}
		}
		if s := w.describe("mine").Status; s != api.ProvisionedProductStatusAvailable {
			t.Errorf("after the refusals it is %s", s)
		}
	})
}

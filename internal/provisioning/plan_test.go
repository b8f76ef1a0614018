package provisioning

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/engine/enginetest"
)

// plan asks for a plan of the world's product.
func (w *world) plan(name, artifact string) *api.CreateProvisionedProductPlanInput {
	return &api.CreateProvisionedProductPlanInput{
		PlanName: "plan of " + name, PlanType: api.ProvisionedProductPlanTypeCloudFormation,
		ProductId: w.product, ProvisioningArtifactId: artifact, ProvisionedProductName: name, IdempotencyToken: "plan-" + name,
	}
}

// planned creates a plan and waits until it is made.
func (w *world) planned(in *api.CreateProvisionedProductPlanInput) *api.DescribeProvisionedProductPlanOutput {
	w.t.Helper()
	out, err := w.client.CreateProvisionedProductPlan(as(admin), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.settledPlan(out.PlanId)
}

// settledPlan waits until nothing is done about a plan.
func (w *world) settledPlan(planID string) *api.DescribeProvisionedProductPlanOutput {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(as(admin), patienceOfTests)
	defer cancel()
	for ; ; breathe() {
		out, err := w.client.DescribeProvisionedProductPlan(ctx, &api.DescribeProvisionedProductPlanInput{PlanId: planID})
		if err != nil {
			w.t.Fatal(err)
		}
		if !strings.HasSuffix(string(out.ProvisionedProductPlanDetails.Status), "IN_PROGRESS") {
			return out
		}
	}
}

// execute executes a plan and returns the ended record.
func (w *world) execute(planID string) *api.DescribeRecordOutput {
	w.t.Helper()
	out, err := w.client.ExecuteProvisionedProductPlan(as(admin), &api.ExecuteProvisionedProductPlanInput{PlanId: planID, IdempotencyToken: "x-" + planID})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.ended(out.RecordDetail.RecordId)
}

func TestPlanOfLaunch(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		w.parameters = map[string][]engine.Parameter{"v2": {{Key: "Size"}, {Key: "Secret", NoEcho: true}}}
		v2 := w.version(w.product, "v2")
		w.engine.OnPlan = func(_ context.Context, f *enginetest.Fake, c engine.Change) (engine.Preview, engine.Progress, error) {
			p := engine.Preview{Plan: "sealed-" + c.Operation}
			for i := range 3 {
				p.Changes = append(p.Changes, engine.ResourceChange{
					Action: "MODIFY", LogicalID: fmt.Sprintf("R%d", i), PhysicalID: "id", Type: "AWS::SQS::Queue", Replacement: "CONDITIONAL", Scope: []string{"PROPERTIES"},
					Details: []engine.ResourceChangeDetail{{Attribute: "PROPERTIES", Name: "QueueName", RequiresRecreation: "ALWAYS", Evaluation: "DYNAMIC", ChangeSource: "ParameterReference", CausedBy: "Size"}},
				})
			}
			return p, engine.Progress{State: engine.Done}, nil
		}
		in := w.plan("mine", v2)
		in.ProvisioningParameters = []api.UpdateProvisioningParameter{parameter("Size", "3", false), parameter("Secret", "hush", false)}
		in.Tags = []api.Tag{{Key: "team", Value: "a"}}
		in.NotificationArns = []string{"arn:aws:sns:us-east-1:123456789012:t"}
		made := w.planned(in)
		d := made.ProvisionedProductPlanDetails
		if d.Status != api.ProvisionedProductPlanStatusCreateSuccess || d.StatusMessage != "" || d.PathId == "" {
			t.Fatalf("plan %+v", d)
		}
		if d.ProvisionProductName != "mine" || d.PlanName != "plan of mine" || !cmp.Equal(d.Tags, in.Tags) || !cmp.Equal(d.NotificationArns, in.NotificationArns) {
			t.Errorf("plan %+v", d)
		}
		if diff := cmp.Diff([]api.UpdateProvisioningParameter{parameter("Size", "3", false), parameter("Secret", "****", false)}, d.ProvisioningParameters); diff != "" {
			t.Errorf("parameters (-want +got):\n%s", diff)
		}
		want := api.ResourceChange{
			Action: "MODIFY", LogicalResourceId: "R0", PhysicalResourceId: "id", ResourceType: "AWS::SQS::Queue", Replacement: "CONDITIONAL", Scope: []api.ResourceAttribute{"PROPERTIES"},
			Details: []api.ResourceChangeDetail{{CausingEntity: "Size", Evaluation: "DYNAMIC", Target: &api.ResourceTargetDefinition{Attribute: "PROPERTIES", Name: "QueueName", RequiresRecreation: "ALWAYS"}}},
		}
		if diff := cmp.Diff(want, made.ResourceChanges[0]); diff != "" {
			t.Errorf("change (-want +got):\n%s", diff)
		}
		first, err := w.client.DescribeProvisionedProductPlan(as(admin), &api.DescribeProvisionedProductPlanInput{PlanId: d.PlanId, PageSize: new(2)})
		if err != nil || len(first.ResourceChanges) != 2 || first.NextPageToken == "" {
			t.Fatalf("first page %+v, %v", first, err)
		}
		second, err := w.client.DescribeProvisionedProductPlan(as(admin), &api.DescribeProvisionedProductPlanInput{PlanId: d.PlanId, PageSize: new(2), PageToken: &first.NextPageToken})
		if err != nil || len(second.ResourceChanges) != 1 || second.NextPageToken != "" || second.ResourceChanges[0].LogicalResourceId != "R2" {
			t.Errorf("second page %+v, %v", second, err)
		}

		pp := w.describe("mine")
		if pp.Status != api.ProvisionedProductStatusPlanInProgress || pp.Id != d.ProvisionProductId || pp.LastRecordId != "" {
			t.Errorf("product %+v", pp)
		}
		list, err := w.client.ListProvisionedProductPlans(as(admin), &api.ListProvisionedProductPlansInput{ProvisionProductId: &pp.Id})
		if err != nil || len(list.ProvisionedProductPlans) != 1 || list.ProvisionedProductPlans[0].PlanId != d.PlanId {
			t.Errorf("plans %+v, %v", list, err)
		}
		// What the plan holds is not free meanwhile.
		_, err = w.client.ProvisionProduct(as(admin), w.launch("mine"))
		wantError(t, err, "InvalidParametersException", "A stack named mine already exists.")
		_, err = w.client.TerminateProvisionedProduct(as(admin), &api.TerminateProvisionedProductInput{ProvisionedProductId: &pp.Id, TerminateToken: "t"})
		wantError(t, err, "ValidationException", "PLAN_IN_PROGRESS")
		_, err = w.client.UpdateProvisionedProduct(as(admin), &api.UpdateProvisionedProductInput{ProvisionedProductId: &pp.Id, UpdateToken: "t"})
		wantError(t, err, "InvalidParametersException", "PLAN_IN_PROGRESS")
		second2 := w.plan("mine", v2)
		second2.IdempotencyToken = "other"
		_, err = w.client.CreateProvisionedProductPlan(as(admin), second2)
		wantError(t, err, "InvalidStateException", "has a plan already")

		done := w.execute(d.PlanId)
		if r := done.RecordDetail; r.RecordType != "PROVISION_PRODUCT" || r.Status != api.RecordStatusSucceeded || !cmp.Equal(r.RecordTags, []api.RecordTag{{Key: "team", Value: "a"}}) {
			t.Errorf("record %+v", r)
		}
		told := w.lastChange()
		if told.Kind != engine.Create || told.Plan != "sealed-"+d.PlanId || told.Given[1].Value != "hush" || !cmp.Equal(told.Topics, in.NotificationArns) {
			t.Errorf("the engine was told %+v", told)
		}
		if s := w.describe("mine").Status; s != api.ProvisionedProductStatusAvailable {
			t.Errorf("product is %s", s)
		}
		if s := w.settledPlan(d.PlanId).ProvisionedProductPlanDetails.Status; s != api.ProvisionedProductPlanStatusExecuteSuccess {
			t.Errorf("plan is %s", s)
		}
		_, err = w.client.ExecuteProvisionedProductPlan(as(admin), &api.ExecuteProvisionedProductPlanInput{PlanId: d.PlanId, IdempotencyToken: "again"})
		wantError(t, err, "InvalidStateException", "EXECUTE_SUCCESS")
		if _, err := w.client.DeleteProvisionedProductPlan(as(admin), &api.DeleteProvisionedProductPlanInput{PlanId: d.PlanId}); err != nil {
			t.Error(err)
		}
		_, err = w.client.DescribeProvisionedProductPlan(as(admin), &api.DescribeProvisionedProductPlanInput{PlanId: d.PlanId})
		wantError(t, err, "ResourceNotFoundException", d.PlanId)
		if s := w.describe("mine").Status; s != api.ProvisionedProductStatusAvailable {
			t.Errorf("without its plan the product is %s", s)
		}
	})
}

func TestPlanOfUpdate(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		w.parameters = sized()
		v2 := w.version(w.product, "v2")
		w.ended(w.provision(admin, "mine").RecordId)

		// A product that moved in between.
		stale := w.planned(w.plan("mine", v2)).ProvisionedProductPlanDetails
		if stale.Status != api.ProvisionedProductPlanStatusCreateSuccess || w.describe("mine").Status != api.ProvisionedProductStatusAvailable {
			t.Fatalf("plan %+v", stale)
		}
		w.change(&api.UpdateProvisionedProductInput{ProvisionedProductName: new("mine")})
		_, err := w.client.ExecuteProvisionedProductPlan(as(admin), &api.ExecuteProvisionedProductPlanInput{PlanId: stale.PlanId, IdempotencyToken: "1"})
		wantError(t, err, "InvalidStateException", "has changed since plan")
		if _, err := w.client.DeleteProvisionedProductPlan(as(admin), &api.DeleteProvisionedProductPlanInput{PlanId: stale.PlanId}); err != nil {
			t.Fatal(err)
		}

		// A failed execution.
		failing := w.plan("mine", v2)
		failing.IdempotencyToken = "failing"
		failing.ProvisioningParameters = []api.UpdateProvisioningParameter{parameter("Size", "3", false)}
		made := w.planned(failing).ProvisionedProductPlanDetails
		w.engine.OnAdvance = enginetest.Failing(engine.Update, "no room")
		if r := w.execute(made.PlanId).RecordDetail; r.RecordType != "UPDATE_PROVISIONED_PRODUCT" || r.Status != api.RecordStatusFailed {
			t.Errorf("record %+v", r)
		}
		after := w.settledPlan(made.PlanId).ProvisionedProductPlanDetails
		if after.Status != api.ProvisionedProductPlanStatusExecuteFailed || after.StatusMessage != "Fake  no room" || w.describe("mine").Status != api.ProvisionedProductStatusTainted {
			t.Errorf("plan %+v", after)
		}
		_, err = w.client.DeleteProvisionedProductPlan(as(admin), &api.DeleteProvisionedProductPlanInput{PlanId: made.PlanId})
		wantError(t, err, "ValidationException", "Cannot delete ChangeSet in execution status EXECUTE_FAILED")
		if _, err := w.client.DeleteProvisionedProductPlan(as(admin), &api.DeleteProvisionedProductPlanInput{PlanId: made.PlanId, IgnoreErrors: new(true)}); err != nil {
			t.Error(err)
		}

		// A good one, of a tainted product.
		w.engine.OnAdvance = nil
		failing.IdempotencyToken = "good"
		good := w.planned(failing).ProvisionedProductPlanDetails
		if r := w.execute(good.PlanId).RecordDetail; r.Status != api.RecordStatusSucceeded || w.describe("mine").ProvisioningArtifactId != v2 {
			t.Errorf("record %+v", r)
		}
		// A termination takes the plan along.
		out, err := w.client.TerminateProvisionedProduct(as(admin), &api.TerminateProvisionedProductInput{ProvisionedProductName: new("mine"), TerminateToken: "t"})
		if err != nil {
			t.Fatal(err)
		}
		w.ended(out.RecordDetail.RecordId)
		_, err = w.client.DescribeProvisionedProductPlan(as(admin), &api.DescribeProvisionedProductPlanInput{PlanId: good.PlanId})
		wantError(t, err, "ResourceNotFoundException", good.PlanId)
	})
}

func TestFailedPlans(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		w.parameters = sized()
		v2 := w.version(w.product, "v2")
		w.ended(w.provision(admin, "mine").RecordId)
		const refused = "Error calling API cloudformation:CreateChangeSet. ErrorCode: ValidationError, Message: "
		for name, tt := range map[string]struct {
			values []api.UpdateProvisioningParameter
			engine func(context.Context, *enginetest.Fake, engine.Change) (engine.Preview, engine.Progress, error)
			want   string
		}{
			"unknown parameter": {[]api.UpdateProvisioningParameter{parameter("X", "1", false)}, nil, refused + "Parameters: [X] do not exist in the template"},
			"previous and value": {[]api.UpdateProvisioningParameter{parameter("Size", "1", true)}, nil,
				refused + "Invalid input for parameter key Size. Cannot specify usePreviousValue as true and non empty value for a parameter"},
			"no changes": {nil, func(context.Context, *enginetest.Fake, engine.Change) (engine.Preview, engine.Progress, error) {
				return engine.Preview{}, engine.Progress{State: engine.Done}, nil
			}, "The submitted information didn't contain changes. Submit different information to create a change set."},
			"said by the engine": {nil, func(context.Context, *enginetest.Fake, engine.Change) (engine.Preview, engine.Progress, error) {
				return engine.Preview{}, engine.Progress{State: engine.Done, Failure: &engine.Failure{Reason: "No updates are to be performed."}}, nil
			}, "No updates are to be performed."},
			"refused by the engine": {nil, func(context.Context, *enginetest.Fake, engine.Change) (engine.Preview, engine.Progress, error) {
				return engine.Preview{}, engine.Progress{}, &engine.Failure{Code: "AmazonCloudFormationException", Reason: "Template error"}
			}, refused + "Template error"},
		} {
			w.engine.OnPlan = tt.engine
			in := w.plan("mine", v2)
			in.IdempotencyToken = strings.ReplaceAll(name, " ", "-")
			in.ProvisioningParameters = tt.values
			made := w.planned(in).ProvisionedProductPlanDetails
			if made.Status != api.ProvisionedProductPlanStatusCreateFailed || made.StatusMessage != tt.want {
				t.Errorf("%s: %s %q", name, made.Status, made.StatusMessage)
			}
			_, err := w.client.ExecuteProvisionedProductPlan(as(admin), &api.ExecuteProvisionedProductPlanInput{PlanId: made.PlanId, IdempotencyToken: "x"})
			wantError(t, err, "InvalidStateException", "CREATE_FAILED")
			if _, err := w.client.DeleteProvisionedProductPlan(as(admin), &api.DeleteProvisionedProductPlanInput{PlanId: made.PlanId}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.engine.OnPlan = nil
		// The plan of a product that was never launched takes the product along.
		never := w.planned(w.plan("never", v2)).ProvisionedProductPlanDetails
		if _, err := w.client.DeleteProvisionedProductPlan(as(admin), &api.DeleteProvisionedProductPlanInput{PlanId: never.PlanId}); err != nil {
			t.Error(err)
		}
		_, err := w.client.DescribeProvisionedProduct(as(admin), &api.DescribeProvisionedProductInput{Name: new("never")})
		wantError(t, err, "ResourceNotFoundException", "never")
	})
}

// draftsman is an engine whose plans leave something behind.
type draftsman struct {
	*enginetest.Fake
	mu     sync.Mutex
	drafts map[string]bool // by operation
	enters chan struct{}   // told when a plan is asked for; nil if nobody listens
	leave  chan struct{}   // then awaited
}

func (d *draftsman) Plan(ctx context.Context, c engine.Change) (engine.Preview, engine.Progress, error) {
	if d.enters != nil {
		d.enters <- struct{}{}
		<-d.leave
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drafts[c.Operation] = true
	return d.Fake.Plan(ctx, c)
}

func (d *draftsman) Discard(_ context.Context, c engine.Change) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.drafts, c.Operation)
	return nil
}

// TestDeletedPlan deletes plans when they are made and while they are being
// made: nothing of them is left with the engine.
func TestDeletedPlan(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		d := &draftsman{Fake: w.engine, drafts: map[string]bool{}}
		w.serve = func(string) engine.Engine { return d }
		forget := func(planID string) {
			t.Helper()
			if _, err := w.client.DeleteProvisionedProductPlan(as(admin), &api.DeleteProvisionedProductPlanInput{PlanId: planID}); err != nil {
				t.Fatal(err)
			}
		}
		gone := func(planID string) {
			t.Helper()
			for ctx := t.Context(); ; breathe() {
				var left int
				err := w.db.View(ctx, func(tx *db.Tx) error {
					return tx.Row(`SELECT COUNT(*) FROM run WHERE definition = ? AND subject = ?`, planRun, planID).Scan(&left)
				})
				if err != nil {
					t.Fatal(err)
				}
				if left == 0 {
					break
				}
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.drafts[planID] {
				t.Errorf("the engine keeps what it made for plan %s", planID)
			}
		}
		made := w.planned(w.plan("made", w.artifact)).ProvisionedProductPlanDetails.PlanId
		d.mu.Lock()
		if !d.drafts[made] {
			t.Error("the engine made nothing; the test proves nothing")
		}
		d.mu.Unlock()
		forget(made)
		gone(made)

		d.enters, d.leave = make(chan struct{}), make(chan struct{})
		out, err := w.client.CreateProvisionedProductPlan(as(admin), w.plan("making", w.artifact))
		if err != nil {
			t.Fatal(err)
		}
		<-d.enters
		forget(out.PlanId)
		close(d.leave)
		gone(out.PlanId)
	})
}

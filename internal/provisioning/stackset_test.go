package provisioning

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/cfn/stackset"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/engine"
	"larder/internal/engine/cloudformation"
)

const (
	first  = "222222222222"
	second = "333333333333"
	east   = "us-east-1"
	west   = "us-west-2"
)

// spreadConstraint makes the world's product a stack set in two accounts and
// regions, one of which CDK would name twice.
const spreadConstraint = `{"Version": "1.0", "Properties": {
	"AccountList": ["222222222222", "333333333333"], "RegionList": ["us-west-2", "us-east-1", "us-west-2"],
	"AdminRole": "arn:aws:iam::123456789012:role/admin", "ExecutionRole": "exec", "StackInstanceControl": %q}}`

// spreadTemplate is a version whose stack in the second account and the first
// region has a luck of its own: bad, it cannot be created; clinging, it cannot
// be deleted; slow, it takes its time. Where it is terrible, none can be
// created.
const spreadTemplate = `
Description: %s
Parameters:
  Luck: {Type: String, Default: good, AllowedValues: [good, bad, clinging, slow, terrible]}
  Word: {Type: String, NoEcho: true, Default: hush}
Conditions:
  There: !And [!Equals [!Ref 'AWS::AccountId', '333333333333'], !Equals [!Ref 'AWS::Region', us-west-2]]
  Bad: !Or [!And [Condition: There, !Equals [!Ref Luck, bad]], !Equals [!Ref Luck, terrible]]
  Clinging: !And [Condition: There, !Equals [!Ref Luck, clinging]]
  Slow: !And [Condition: There, !Equals [!Ref Luck, slow]]
Resources:
  Topic: {Type: 'AWS::SNS::Topic'}
  Unlucky: {Type: 'AWS::SQS::Queue', Condition: Bad}
  Sticky: {Type: 'AWS::SQS::Queue', Condition: Clinging}
  Snail: {Type: 'AWS::SQS::Queue', Condition: Slow}
Outputs:
  Luck: {Value: !Ref Luck}
`

const spreadRules = `rules:
- {match: {logicalId: Unlucky}, fail: out of luck}
- {match: {logicalId: Sticky}, action: DELETE, fail: it clings}
- {match: {logicalId: Snail}, delay: 500ms}
`

// spreadHandler serves a version of the template for each path.
func spreadHandler(rw http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(rw, spreadTemplate, "version "+r.URL.Path)
}

// newSpread is an engine over a runner that is about to run.
func newSpread(w *world) *cloudformation.Engine {
	rules, err := resource.ParseRules([]byte(spreadRules))
	if err != nil {
		w.t.Fatal(err)
	}
	stacks := stack.New(stack.Options{DB: w.db, Runner: w.runner, Keys: w.keys, Rules: rules, Now: w.now})
	return &cloudformation.Engine{
		Stacks: stacks,
		Sets:   stackset.New(stackset.Options{DB: w.db, Runner: w.runner, Keys: w.keys, Stacks: stacks, Now: w.now}),
	}
}

// runSpread runs a test on both databases in a world whose product is a stack
// set of the embedded CloudFormation.
func runSpread(t *testing.T, control string, test func(t *testing.T, w *world)) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		w.templates.Close()
		w.templates = httptest.NewServer(http.HandlerFunc(spreadHandler))
		t.Cleanup(w.templates.Close)
		var e atomic.Pointer[cloudformation.Engine]
		w.boot = func() { e.Store(newSpread(w)) }
		w.serve = func(string) engine.Engine { return e.Load() }
		w.open()
		w.publish()
		w.constrain("STACKSET", fmt.Sprintf(spreadConstraint, control))
		test(t, w)
	})
}

func luck(value string) []api.ProvisioningParameter {
	return []api.ProvisioningParameter{{Key: new("Luck"), Value: &value}}
}

func newLuck(value string) []api.UpdateProvisioningParameter {
	return []api.UpdateProvisioningParameter{{Key: new("Luck"), Value: &value}}
}

// instances tells what a product has where, read in pages of three.
func (w *world) instances(name string) string {
	w.t.Helper()
	in := &api.ListStackInstancesForProvisionedProductInput{ProvisionedProductId: w.describe(name).Id, PageSize: new(3)}
	var lines []string
	for {
		out, err := w.client.ListStackInstancesForProvisionedProduct(as(admin), in)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(out.StackInstances) > 3 {
			w.t.Errorf("%d instances on a page of 3", len(out.StackInstances))
		}
		for _, i := range out.StackInstances {
			lines = append(lines, fmt.Sprintf("%s %s %s", i.Account[:3], i.Region, i.StackInstanceStatus))
		}
		if out.NextPageToken == "" {
			return strings.Join(lines, "\n")
		}
		in.PageToken = &out.NextPageToken
	}
}

// wantSpread checks where a product stands, and what it has where.
func (w *world) wantSpread(name string, status api.ProvisionedProductStatus, lines string) {
	w.t.Helper()
	if pp := w.describe(name); pp.Status != status || (pp.StatusMessage == "") != (status == api.ProvisionedProductStatusAvailable) || pp.Type != typeStackSet {
		w.t.Errorf("product is %s %s (%s), want %s", pp.Type, pp.Status, pp.StatusMessage, status)
	}
	if d := cmp.Diff(strings.TrimSpace(lines), w.instances(name)); d != "" {
		w.t.Errorf("instances (-want +got):\n%s", d)
	}
}

// terminate ends a product and returns the ended record.
func (w *world) terminate(in *api.TerminateProvisionedProductInput) *api.DescribeRecordOutput {
	w.t.Helper()
	out, err := w.client.TerminateProvisionedProduct(as(admin), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.ended(out.RecordDetail.RecordId)
}

const everywhere = `
222 us-east-1 CURRENT
222 us-west-2 CURRENT
333 us-east-1 CURRENT
333 us-west-2 CURRENT`

// TestStackSetProduct is the life of a product that everything goes well with.
func TestStackSetProduct(t *testing.T) {
	t.Parallel()
	runSpread(t, "NOT_ALLOWED", func(t *testing.T, w *world) {
		form, err := w.client.DescribeProvisioningParameters(as(admin), &api.DescribeProvisioningParametersInput{ProductId: &w.product, ProvisioningArtifactId: &w.artifact})
		if err != nil {
			t.Fatal(err)
		}
		if p := form.ProvisioningArtifactPreferences; len(p.StackSetAccounts) != 2 || p.StackSetRegions[0] != west {
			t.Errorf("preferences %+v", p)
		}
		paths, err := w.client.ListLaunchPaths(as(admin), &api.ListLaunchPathsInput{ProductId: w.product})
		if err != nil || paths.LaunchPathSummaries[0].ConstraintSummaries[0].Type != "STACKSET" {
			t.Errorf("paths %+v, %v", paths, err)
		}

		in := w.launch("fleet")
		in.ProvisioningPreferences = &api.ProvisioningPreferences{
			StackSetAccounts: []string{second}, StackSetRegions: []string{east}, StackSetMaxConcurrencyPercentage: new(100),
		}
		out, err := w.client.ProvisionProduct(as(admin), in)
		if err != nil {
			t.Fatal(err)
		}
		done := w.ended(out.RecordDetail.RecordId)
		if r := done.RecordDetail; r.Status != api.RecordStatusSucceeded || r.ProvisionedProductType != typeStackSet || len(r.RecordErrors) != 0 {
			t.Fatalf("record %+v", r)
		}
		if o := done.RecordOutputs; len(o) != 1 || *o[0].OutputKey != "CloudformationStackSetARN" || !strings.HasPrefix(*o[0].OutputValue, "arn:aws:cloudformation:us-east-1:123456789012:stackset/SC-123456789012-pp-") {
			t.Errorf("outputs %+v", o)
		}
		w.wantSpread("fleet", api.ProvisionedProductStatusAvailable, "333 us-east-1 CURRENT")
		found, err := w.client.SearchProvisionedProducts(as(admin), asked("type:CFN_STACKSET"))
		if err != nil || len(found.ProvisionedProducts) != 1 || found.ProvisionedProducts[0].PhysicalId != *done.RecordOutputs[0].OutputValue {
			t.Errorf("found %+v, %v", found, err)
		}
		if found, err := w.client.SearchProvisionedProducts(as(admin), asked("type:CFN_STACK")); err != nil || len(found.ProvisionedProducts) != 0 {
			t.Errorf("found %+v, %v", found, err)
		}

		// Another version: what there is is brought up, and nothing else.
		next := w.version(w.product, "v2")
		change := &api.UpdateProvisionedProductInput{ProvisionedProductName: new("fleet"), ProvisioningArtifactId: &next, ProvisioningParameters: newLuck("clinging")}
		if r := w.change(change).RecordDetail; r.Status != api.RecordStatusSucceeded {
			t.Fatalf("record %+v", r)
		}
		w.wantSpread("fleet", api.ProvisionedProductStatusAvailable, "333 us-east-1 CURRENT")
		if pp := w.describe("fleet"); pp.ProvisioningArtifactId != next {
			t.Errorf("product %+v", pp)
		}
		outputs, err := w.client.GetProvisionedProductOutputs(as(admin), &api.GetProvisionedProductOutputsInput{ProvisionedProductName: new("fleet")})
		if err != nil || len(outputs.Outputs) != 1 {
			t.Errorf("outputs %+v, %v", outputs, err)
		}
		if r := w.terminate(&api.TerminateProvisionedProductInput{ProvisionedProductName: new("fleet"), TerminateToken: "t"}).RecordDetail; r.Status != api.RecordStatusSucceeded {
			t.Errorf("record %+v", r)
		}
		_, err = w.client.DescribeProvisionedProduct(as(admin), &api.DescribeProvisionedProductInput{Name: new("fleet")})
		wantError(t, err, "ResourceNotFoundException", "fleet")
	})
}

// TestStackSetFailures follows a product through what fails in one place, or
// in all.
func TestStackSetFailures(t *testing.T) {
	t.Parallel()
	const tainted = api.ProvisionedProductStatusTainted
	runSpread(t, "ALLOWED", func(t *testing.T, w *world) {
		begin := func(in *api.ProvisionProductInput) *api.DescribeRecordOutput {
			t.Helper()
			out, err := w.client.ProvisionProduct(as(admin), in)
			if err != nil {
				t.Fatal(err)
			}
			return w.ended(out.RecordDetail.RecordId)
		}
		const where = "333333333333/us-west-2"
		named := func(r *api.RecordDetail, reason string) {
			t.Helper()
			if r.Status != api.RecordStatusFailed || len(r.RecordErrors) != 3 || r.RecordErrors[2].Code != codeRemedy ||
				!strings.Contains(r.RecordErrors[0].Description, where) || r.RecordErrors[1].Description != where+" (stack instance): "+reason {
				t.Errorf("record %+v", r)
			}
		}

		// One place fails behind another; no later region is tried.
		in := w.launch("fleet")
		in.ProvisioningParameters = luck("bad")
		done := begin(in)
		named(done.RecordDetail, "ResourceLogicalId:Unlucky, ResourceType:AWS::SQS::Queue, ResourceStatusReason:out of luck.")
		w.wantSpread("fleet", tainted, "222 us-east-1 OUTDATED\n222 us-west-2 CURRENT\n333 us-east-1 OUTDATED\n333 us-west-2 OUTDATED")
		if pp := w.describe("fleet"); !strings.Contains(pp.StatusMessage, "of 4 stack instances 1 failed and 2 were not begun") {
			t.Errorf("message %q", pp.StatusMessage)
		}
		_, err := w.client.GetProvisionedProductOutputs(as(admin), &api.GetProvisionedProductOutputsInput{ProvisionedProductName: new("fleet")})
		wantError(t, err, "InvalidParametersException", "Last Successful Provisioning Record doesn't exist.")

		// An update with the values that the set has, which a failed launch has
		// left, tries again what has failed, and as much fails.
		previous := []api.UpdateProvisioningParameter{{Key: new("Luck"), UsePreviousValue: new(true)}}
		again := &api.UpdateProvisionedProductInput{
			ProvisionedProductName: new("fleet"), ProvisioningParameters: previous,
			ProvisioningPreferences: &api.UpdateProvisioningPreferences{StackSetFailureTolerancePercentage: new(50)},
		}
		named(w.change(again).RecordDetail, "ResourceLogicalId:Unlucky, ResourceType:AWS::SQS::Queue, ResourceStatusReason:out of luck.")
		w.wantSpread("fleet", tainted, strings.Replace(everywhere, "333 us-west-2 CURRENT", "333 us-west-2 OUTDATED", 1))
		again.UpdateToken, again.ProvisioningParameters = "", newLuck("good")
		if r := w.change(again).RecordDetail; r.Status != api.RecordStatusSucceeded {
			t.Fatalf("record %+v", r)
		}
		w.wantSpread("fleet", api.ProvisionedProductStatusAvailable, everywhere)

		// What clings is inoperable, and updates pass it over.
		if r := w.change(&api.UpdateProvisionedProductInput{ProvisionedProductName: new("fleet"), ProvisioningParameters: newLuck("clinging")}).RecordDetail; r.Status != api.RecordStatusSucceeded {
			t.Fatalf("record %+v", r)
		}
		remove := &api.UpdateProvisionedProductInput{
			ProvisionedProductName: new("fleet"), ProvisioningArtifactId: new("pa-ignored"),
			ProvisioningPreferences: &api.UpdateProvisioningPreferences{
				StackSetAccounts: []string{second}, StackSetFailureToleranceCount: new(1), StackSetOperationType: new(api.StackSetOperationTypeDelete),
			},
		}
		named(w.change(remove).RecordDetail, "ResourceLogicalId:Sticky, ResourceType:AWS::SQS::Queue, ResourceStatusReason:it clings.")
		w.wantSpread("fleet", tainted, "222 us-east-1 CURRENT\n222 us-west-2 CURRENT\n333 us-west-2 INOPERABLE")
		calm := w.change(&api.UpdateProvisionedProductInput{ProvisionedProductName: new("fleet"), ProvisioningParameters: newLuck("good")})
		if r := calm.RecordDetail; r.Status != api.RecordStatusSucceeded {
			t.Fatalf("record %+v", r)
		}
		w.wantSpread("fleet", api.ProvisionedProductStatusAvailable, "222 us-east-1 CURRENT\n222 us-west-2 CURRENT\n333 us-west-2 INOPERABLE")
		add := &api.UpdateProvisionedProductInput{
			ProvisionedProductName: new("fleet"), ProvisioningParameters: newLuck("ignored"),
			ProvisioningPreferences: &api.UpdateProvisioningPreferences{
				StackSetRegions: []string{east}, StackSetOperationType: new(api.StackSetOperationTypeCreate),
			},
		}
		if r := w.change(add).RecordDetail; r.Status != api.RecordStatusSucceeded || r.ProvisioningArtifactId != w.artifact {
			t.Fatalf("record %+v", r)
		}
		w.wantSpread("fleet", api.ProvisionedProductStatusAvailable, "222 us-east-1 CURRENT\n222 us-west-2 CURRENT\n333 us-east-1 CURRENT\n333 us-west-2 INOPERABLE")

		// A termination removes what it can.
		named(w.terminate(&api.TerminateProvisionedProductInput{ProvisionedProductName: new("fleet"), TerminateToken: "t"}).RecordDetail,
			"ResourceLogicalId:Sticky, ResourceType:AWS::SQS::Queue, ResourceStatusReason:it clings.")
		w.wantSpread("fleet", tainted, "333 us-west-2 INOPERABLE")
		if r := w.terminate(&api.TerminateProvisionedProductInput{ProvisionedProductName: new("fleet"), TerminateToken: "t", RetainPhysicalResources: new(true)}).RecordDetail; r.Status != api.RecordStatusSucceeded {
			t.Errorf("record %+v", r)
		}

		// Nothing stands anywhere: only a termination helps.
		in = w.launch("wreck")
		in.ProvisioningParameters = luck("terrible")
		if r := begin(in).RecordDetail; r.Status != api.RecordStatusFailed {
			t.Errorf("record %+v", r)
		}
		w.wantSpread("wreck", api.ProvisionedProductStatusError, strings.ReplaceAll(everywhere, "CURRENT", "OUTDATED"))
		_, err = w.client.UpdateProvisionedProduct(as(admin), &api.UpdateProvisionedProductInput{ProvisionedProductName: new("wreck"), UpdateToken: "u"})
		wantError(t, err, "InvalidParametersException", "is ERROR and can't be updated")
		if r := w.terminate(&api.TerminateProvisionedProductInput{ProvisionedProductName: new("wreck"), TerminateToken: "w"}).RecordDetail; r.Status != api.RecordStatusSucceeded {
			t.Errorf("record %+v", r)
		}

		// What CloudFormation refuses leaves no set, and the words of the refusal.
		w.constrain("TEMPLATE", `{"Rules": {"Calm": {"Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "Luck"}, "good"]}, "AssertDescription": "only the good ones"}]}}}`)
		in = w.launch("strict")
		in.ProvisioningParameters = luck("slow")
		begin(in)
		if pp := w.describe("strict"); pp.Status != api.ProvisionedProductStatusError || !strings.Contains(pp.StatusMessage, "only the good ones") {
			t.Errorf("product %+v", pp)
		}
	})
}

// TestStackSetCancel stops a roll-out that is slow, and looks at it before.
func TestStackSetCancel(t *testing.T) {
	t.Parallel()
	runSpread(t, "ALLOWED", func(t *testing.T, w *world) {
		in := w.launch("fleet")
		in.ProvisioningParameters = luck("slow")
		out, err := w.client.ProvisionProduct(as(admin), in)
		if err != nil {
			t.Fatal(err)
		}
		o := w.operation(out.RecordDetail.RecordId)
		var p *api.OperationProgress
		for begun := time.Now(); p == nil || p.Regions[0].Succeeded == 0; breathe() {
			if time.Since(begun) > patienceOfTests {
				t.Fatalf("%+v", p)
			}
			shown, err := w.client.DescribeOperation(as(admin), &api.DescribeOperationInput{Id: o.Id})
			if err != nil {
				t.Fatal(err)
			}
			p = shown.OperationDetail.Progress
		}
		if len(p.Regions) != 2 || p.Regions[0].Name != west || p.Regions[1].Pending != 2 || p.FirstFailure != "" {
			t.Errorf("%+v", p)
		}
		if _, err := w.client.CancelOperation(as(admin), &api.CancelOperationInput{Id: o.Id}); err != nil {
			t.Fatal(err)
		}
		if r := w.ended(out.RecordDetail.RecordId).RecordDetail; r.Status != api.RecordStatusFailed || !strings.Contains(r.RecordErrors[0].Description, "is STOPPED") {
			t.Errorf("record %+v", r)
		}
		if pp := w.describe("fleet"); pp.Status != api.ProvisionedProductStatusTainted {
			t.Errorf("product %+v", pp)
		}
		if got := w.instances("fleet"); strings.Count(got, "us-east-1 OUTDATED") != 2 || !strings.Contains(got, "222 us-west-2 CURRENT") {
			t.Error(got)
		}
	})
}

// TestStackSetRefusals asks for what the constraint does not allow, and for
// what stack sets, or others, cannot do.
func TestStackSetRefusals(t *testing.T) {
	t.Parallel()
	runSpread(t, "NOT_ALLOWED", func(t *testing.T, w *world) {
		w.ended(w.provision(admin, "fleet").RecordId)
		for _, c := range []struct {
			preferences api.UpdateProvisioningPreferences
			words       string
		}{
			{api.UpdateProvisioningPreferences{StackSetAccounts: []string{first, "444444444444"}}, "The specified accounts should be within the list of accounts from the STACKSET constraint: [444444444444]"},
			{api.UpdateProvisioningPreferences{StackSetRegions: []string{"eu-west-1"}}, "The specified Regions should be within the list of Regions from the STACKSET constraint: [eu-west-1]"},
			{api.UpdateProvisioningPreferences{StackSetFailureToleranceCount: new(0), StackSetFailureTolerancePercentage: new(0)}, "either StackSetFailureToleranceCount or StackSetFailureTolerancePercentage, but not both"},
			{api.UpdateProvisioningPreferences{StackSetMaxConcurrencyCount: new(1), StackSetMaxConcurrencyPercentage: new(1)}, "either StackSetMaxConcurrencyCount or StackSetMaxConcurrencyPercentage, but not both"},
			{api.UpdateProvisioningPreferences{StackSetOperationType: new(api.StackSetOperationTypeCreate)}, "StackSetOperationType CREATE is not allowed"},
			{api.UpdateProvisioningPreferences{StackSetOperationType: new(api.StackSetOperationTypeDelete)}, "StackSetOperationType DELETE is not allowed"},
		} {
			_, err := w.client.UpdateProvisionedProduct(as(admin), &api.UpdateProvisionedProductInput{
				ProvisionedProductName: new("fleet"), UpdateToken: "u", ProvisioningPreferences: &c.preferences,
			})
			wantError(t, err, "InvalidParametersException", c.words)
			if c.preferences.StackSetOperationType != nil {
				continue
			}
			in := w.launch("other")
			in.ProvisioningPreferences = &api.ProvisioningPreferences{
				StackSetAccounts: c.preferences.StackSetAccounts, StackSetRegions: c.preferences.StackSetRegions,
				StackSetFailureToleranceCount: c.preferences.StackSetFailureToleranceCount, StackSetFailureTolerancePercentage: c.preferences.StackSetFailureTolerancePercentage,
				StackSetMaxConcurrencyCount: c.preferences.StackSetMaxConcurrencyCount, StackSetMaxConcurrencyPercentage: c.preferences.StackSetMaxConcurrencyPercentage,
			}
			_, err = w.client.ProvisionProduct(as(admin), in)
			wantError(t, err, "InvalidParametersException", c.words)
		}
		for _, name := range []string{"fleet", "planned"} {
			_, err := w.client.CreateProvisionedProductPlan(as(admin), w.plan(name, w.artifact))
			wantError(t, err, "InvalidParametersException", "Plans are not supported for provisioned products of type CFN_STACKSET")
		}
		_, err := w.client.ListStackInstancesForProvisionedProduct(as(admin), &api.ListStackInstancesForProvisionedProductInput{ProvisionedProductId: "pp-unknown"})
		wantError(t, err, "ResourceNotFoundException", "pp-unknown")
		_, err = w.client.ListStackInstancesForProvisionedProduct(as(admin), &api.ListStackInstancesForProvisionedProductInput{ProvisionedProductId: w.describe("fleet").Id, PageToken: new("nonsense")})
		wantError(t, err, "InvalidParametersException", "The page token is invalid")

		// A product without the constraint is a stack: preferences count for
		// nothing, and there are no stack instances.
		product, artifact := w.offer("single", api.ProductTypeCloudFormationTemplate)
		out, err := w.client.ProvisionProduct(as(admin), &api.ProvisionProductInput{
			ProductId: &product, ProvisioningArtifactId: &artifact, ProvisionedProductName: "single", ProvisionToken: "s",
			ProvisioningPreferences: &api.ProvisioningPreferences{StackSetAccounts: []string{"999999999999"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := w.ended(out.RecordDetail.RecordId).RecordDetail; r.Status != api.RecordStatusSucceeded || r.ProvisionedProductType != typeStack {
			t.Fatalf("record %+v", r)
		}
		if r := w.change(&api.UpdateProvisionedProductInput{ProvisionedProductName: new("single"), ProvisioningPreferences: &api.UpdateProvisioningPreferences{
			StackSetOperationType: new(api.StackSetOperationTypeDelete),
		}}).RecordDetail; r.Status != api.RecordStatusSucceeded {
			t.Errorf("record %+v", r)
		}
		_, err = w.client.ListStackInstancesForProvisionedProduct(as(admin), &api.ListStackInstancesForProvisionedProductInput{ProvisionedProductId: w.describe("single").Id})
		wantError(t, err, "InvalidParametersException", "only those of type CFN_STACKSET have stack instances")
		_, err = w.client.UpdateProvisionedProduct(as(admin), &api.UpdateProvisionedProductInput{
			ProvisionedProductName: new("single"), ProductId: &w.product, ProvisioningArtifactId: &w.artifact, UpdateToken: "u2",
		})
		wantError(t, err, "InvalidParametersException", "is of type CFN_STACK and can't be updated")
	})
}

// TestStackSetVersionsGone takes instances away although the version that they
// were made of is launched no more.
func TestStackSetVersionsGone(t *testing.T) {
	t.Parallel()
	runSpread(t, "ALLOWED", func(t *testing.T, w *world) {
		w.ended(w.provision(admin, "fleet").RecordId)
		if _, err := w.client.UpdateProvisioningArtifact(as(admin), &api.UpdateProvisioningArtifactInput{
			ProductId: w.product, ProvisioningArtifactId: w.artifact, Active: new(false),
		}); err != nil {
			t.Fatal(err)
		}
		_, err := w.client.UpdateProvisionedProduct(as(admin), &api.UpdateProvisionedProductInput{ProvisionedProductName: new("fleet"), UpdateToken: "u"})
		wantError(t, err, "InvalidParametersException", "is not active")
		if r := w.change(&api.UpdateProvisionedProductInput{
			ProvisionedProductName:  new("fleet"),
			ProvisioningPreferences: &api.UpdateProvisioningPreferences{StackSetRegions: []string{west}, StackSetOperationType: new(api.StackSetOperationTypeDelete)},
		}).RecordDetail; r.Status != api.RecordStatusSucceeded {
			t.Fatalf("record %+v", r)
		}
		w.wantSpread("fleet", api.ProvisionedProductStatusAvailable, "222 us-east-1 CURRENT\n333 us-east-1 CURRENT")
	})
}

// TestStackSetNotices says in CloudFormation's terms what becomes of a stack
// set, which nothing rolls back.
func TestStackSetNotices(t *testing.T) {
	t.Parallel()
	const under = string(api.ProvisionedProductStatusUnderChange)
	for _, c := range []struct {
		act  act
		to   api.ProvisionedProductStatus
		want string
	}{
		{launchAct, api.ProvisionedProductStatusAvailable, "CREATE_COMPLETE"},
		{launchAct, api.ProvisionedProductStatusTainted, "CREATE_FAILED"},
		{launchAct, api.ProvisionedProductStatusError, "CREATE_FAILED"},
		{updateAct, api.ProvisionedProductStatusAvailable, "UPDATE_COMPLETE"},
		{updateAct, api.ProvisionedProductStatusTainted, "UPDATE_FAILED"},
		{terminateAct, api.ProvisionedProductStatusTainted, "DELETE_FAILED"},
		{terminateAct, gone, "DELETE_COMPLETE"},
	} {
		n := notice{noticeData: noticeData{
			Of: ofProduct, Act: c.act.run, From: under, To: string(c.to), Physical: "arn:aws:cloudformation:us-east-1:123456789012:stackset/SC-1:uuid",
		}}
		if got := n.stackStatus(); got != c.want || n.resourceType() != "AWS::CloudFormation::StackSet" {
			t.Errorf("%s to %q: %s of %s, want %s", c.act.run, c.to, got, n.resourceType(), c.want)
		}
	}
}

package provisioning

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/engine"
	"larder/internal/engine/enginetest"
)

var update = flag.Bool("update", false, "rewrite docs/lifecycle.md")

// TestCharts holds docs/lifecycle.md to the tables in status.go, which are the
// status machines.
func TestCharts(t *testing.T) {
	t.Parallel()
	const path = "../../docs/lifecycle.md"
	var b strings.Builder
	b.WriteString(`# Life cycles

Made from the tables in internal/provisioning/status.go by "go test ./internal/provisioning -run TestCharts -update"; do not edit. What no arrow shows is refused.

## Provisioned products

`)
	products, records, plans := Lifecycles()
	chart(&b, products)
	b.WriteString("\n## Records\n\n")
	chart(&b, records)
	b.WriteString("\n## Plans\n\n")
	chart(&b, plans)
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	there, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(there)); diff != "" {
		t.Errorf("-update rewrites %s (-want +got):\n%s", path, diff)
	}
}

func chart(b *strings.Builder, machine []Transition) {
	end := func(s string) string {
		if s == "" {
			return "[*]"
		}
		return s
	}
	b.WriteString("```mermaid\nstateDiagram-v2\n")
	for _, t := range machine {
		fmt.Fprintf(b, "    %s --> %s : %s\n", end(t.From), end(t.To), t.Event)
	}
	b.WriteString("```\n")
}

// A scripted engine does to each product what the script says: hang, roll
// back, fail, or else do it.
type scripted struct {
	*enginetest.Fake
	mu     sync.Mutex
	script map[string]string // by the product's name
	looked map[string]bool   // operations that an import looked for already
}

func (s *scripted) set(name, mode string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script[name] = mode
}

func (s *scripted) mode(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.script[name]
}

var failure = &engine.Failure{Reason: "as scripted"}

func (s *scripted) progress(c engine.Change) engine.Progress {
	switch s.mode(c.Name) {
	case "hang":
		return engine.Progress{State: engine.Again, After: 1}
	case "roll back":
		return engine.Progress{State: engine.Again, After: 1, RollingBack: true, Failure: failure}
	case "fail":
		return engine.Progress{State: engine.Done, Failure: failure}
	case "fall short":
		return engine.Progress{State: engine.Done, Failure: failure, Stands: true}
	default:
		return s.Complete(c)
	}
}

func (s *scripted) Advance(_ context.Context, c engine.Change) (engine.Progress, error) {
	return s.progress(c), nil
}

func (s *scripted) Plan(_ context.Context, c engine.Change) (engine.Preview, engine.Progress, error) {
	p := s.progress(c)
	return s.Preview(c), p, nil
}

func (s *scripted) Act(_ context.Context, c engine.Change, _ engine.Action) (engine.Progress, error) {
	return s.progress(c), nil
}

func (s *scripted) ActionParameters(context.Context, engine.Change, engine.Action) ([]engine.ActionParameter, error) {
	return nil, nil
}

// Import finds what is there the first time, which is before the answer.
func (s *scripted) Import(_ context.Context, c engine.Change) (engine.Imported, error) {
	s.mu.Lock()
	first := !s.looked[c.Operation]
	s.looked[c.Operation] = true
	s.mu.Unlock()
	switch mode := s.mode(c.Name); {
	case !first && mode == "hang":
		return engine.Imported{}, errors.New("not now")
	case !first && mode == "fail":
		return engine.Imported{}, failure
	}
	return engine.Imported{Physical: "arn:" + c.Name}, nil
}

// A driver brings products of a scripted engine into any status and calls
// what moves them.
type driver struct {
	*world
	engine  *scripted
	action  string
	n       int
	covered map[transition[api.ProvisionedProductStatus]]bool
}

func newDriver(w *world) *driver {
	d := &driver{world: w, covered: map[transition[api.ProvisionedProductStatus]]bool{}}
	d.engine = &scripted{Fake: w.engine, script: map[string]string{}, looked: map[string]bool{}}
	w.serve = func(string) engine.Engine { return d.engine }
	made, err := w.client.CreateServiceAction(as(admin), &api.CreateServiceActionInput{
		Name: "restart", DefinitionType: api.ServiceActionDefinitionTypeSSMAutomation, IdempotencyToken: "1",
		Definition: map[api.ServiceActionDefinitionKey]string{"Name": "Restart", "Version": "1"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	d.action = made.ServiceActionDetail.ServiceActionSummary.Id
	if _, err := w.client.AssociateServiceActionWithProvisioningArtifact(as(admin), &api.AssociateServiceActionWithProvisioningArtifactInput{
		ProductId: w.product, ProvisioningArtifactId: w.artifact, ServiceActionId: d.action,
	}); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// status is the product's; gone for one that there is not.
func (d *driver) status(name string) api.ProvisionedProductStatus {
	d.t.Helper()
	out, err := d.client.DescribeProvisionedProduct(as(admin), &api.DescribeProvisionedProductInput{Name: &name})
	if api.Code(err) == "ResourceNotFoundException" {
		return gone
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return out.ProvisionedProductDetail.Status
}

func (d *driver) id(name string) string {
	out, err := d.client.DescribeProvisionedProduct(as(admin), &api.DescribeProvisionedProductInput{Name: &name})
	if err != nil {
		return "pp-none"
	}
	return out.ProvisionedProductDetail.Id
}

func (d *driver) planID(name string) string {
	pp := d.id(name)
	out, err := d.client.ListProvisionedProductPlans(as(admin), &api.ListProvisionedProductPlansInput{ProvisionProductId: &pp})
	if err != nil || len(out.ProvisionedProductPlans) == 0 {
		return "plan-none"
	}
	return out.ProvisionedProductPlans[0].PlanId
}

// call asks for what an event stands for, and returns the record if there is
// one to wait for.
func (d *driver) call(e event, name string) (string, error) {
	d.n++
	token := fmt.Sprintf("token-%d", d.n)
	ctx := as(admin)
	record := func(r *api.RecordDetail) string {
		if r == nil {
			return ""
		}
		return r.RecordId
	}
	switch e {
	case launched:
		if plan := d.planID(name); plan != "plan-none" {
			out, err := d.client.ExecuteProvisionedProductPlan(ctx, &api.ExecuteProvisionedProductPlanInput{PlanId: plan, IdempotencyToken: token})
			if err != nil {
				return "", err
			}
			return record(out.RecordDetail), nil
		}
		in := d.launch(name)
		in.ProvisionToken = token
		out, err := d.client.ProvisionProduct(ctx, in)
		if err != nil {
			return "", err
		}
		return record(out.RecordDetail), nil
	case planned, updatePlanned:
		in := d.plan(name, d.artifact)
		in.IdempotencyToken = token
		out, err := d.client.CreateProvisionedProductPlan(ctx, in)
		if err == nil {
			d.settledPlan(out.PlanId)
		}
		return "", err
	case planDeleted:
		_, err := d.client.DeleteProvisionedProductPlan(ctx, &api.DeleteProvisionedProductPlanInput{PlanId: d.planID(name)})
		return "", err
	case updated:
		out, err := d.client.UpdateProvisionedProduct(ctx, &api.UpdateProvisionedProductInput{ProvisionedProductName: &name, UpdateToken: token})
		if err != nil {
			return "", err
		}
		return record(out.RecordDetail), nil
	case imported:
		in := d.importing(name, name)
		in.IdempotencyToken = token
		out, err := d.client.ImportAsProvisionedProduct(ctx, in)
		if err != nil {
			return "", err
		}
		return record(out.RecordDetail), nil
	case acted:
		out, err := d.client.ExecuteProvisionedProductServiceAction(ctx, &api.ExecuteProvisionedProductServiceActionInput{
			ProvisionedProductId: d.id(name), ServiceActionId: d.action, ExecuteToken: token,
		})
		if err != nil {
			return "", err
		}
		return record(out.RecordDetail), nil
	case propertiesChanged:
		_, err := d.client.UpdateProvisionedProductProperties(ctx, &api.UpdateProvisionedProductPropertiesInput{
			ProvisionedProductId: d.id(name), IdempotencyToken: token,
			ProvisionedProductProperties: map[api.PropertyKey]string{"OWNER": admin.ARN},
		})
		return "", err
	default:
		out, err := d.client.TerminateProvisionedProduct(ctx, &api.TerminateProvisionedProductInput{ProvisionedProductName: &name, TerminateToken: token})
		if err != nil {
			return "", err
		}
		return record(out.RecordDetail), nil
	}
}

// must is call for what is allowed, and notes the transition.
func (d *driver) must(e event, name string) string {
	d.t.Helper()
	from := d.status(name)
	record, err := d.call(e, name)
	if err != nil {
		d.t.Fatalf("%s in %q: %v", e, from, err)
	}
	d.saw(from, e, name)
	return record
}

// saw checks the status that an event led to.
func (d *driver) saw(from api.ProvisionedProductStatus, e event, name string) {
	d.t.Helper()
	want, ok := after(from, e)
	if got := d.status(name); !ok || got != want {
		d.t.Errorf("%s led from %q to %q; the table says %q, %t", e, from, got, want, ok)
	}
	d.covered[transition[api.ProvisionedProductStatus]{from, e, want}] = true
}

// carry begins an act, lets it hang, and ends it as mode says by the event.
func (d *driver) carry(begun event, name, mode string, ended event) {
	d.t.Helper()
	d.engine.set(name, "hang")
	record := d.must(begun, name)
	d.engine.set(name, mode)
	d.ended(record)
	d.saw(api.ProvisionedProductStatusUnderChange, ended, name)
	d.engine.set(name, "")
}

// bring makes a product of a status; a product under change hangs.
func (d *driver) bring(status api.ProvisionedProductStatus) string {
	d.t.Helper()
	d.n++
	name := fmt.Sprintf("product-%d", d.n)
	switch status {
	case gone:
	case api.ProvisionedProductStatusPlanInProgress:
		d.must(planned, name)
	case api.ProvisionedProductStatusUnderChange:
		d.engine.set(name, "hang")
		d.must(launched, name)
	case api.ProvisionedProductStatusError:
		d.carry(launched, name, "fail", launchFailed)
	default:
		d.carry(launched, name, "", launchSucceeded)
		if status == api.ProvisionedProductStatusTainted {
			d.carry(updated, name, "fail", updateFailed)
		}
	}
	return name
}

// TestTransitions drives every transition of a provisioned product through the
// API, and in each status tries everything that is not allowed there.
func TestTransitions(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		d := newDriver(w)
		calls := []event{launched, planned, planDeleted, updated, imported, acted, propertiesChanged, terminated}
		for _, from := range statuses {
			name := d.bring(from)
			for _, e := range calls {
				if _, allowed := after(from, e); allowed {
					continue
				}
				if _, allowed := after(from, updatePlanned); e == planned && allowed {
					d.must(updatePlanned, name)
					if _, err := d.client.DeleteProvisionedProductPlan(as(admin), &api.DeleteProvisionedProductPlanInput{PlanId: d.planID(name)}); err != nil {
						t.Fatal(err)
					}
					continue
				}
				if e == acted && from == gone || e == propertiesChanged && from == gone || e == updated && from == gone || e == terminated && from == gone || e == planDeleted {
					if _, err := d.call(e, name); api.Code(err) != "ResourceNotFoundException" {
						t.Errorf("%s in %q: %v", e, from, err)
					}
				} else if _, err := d.call(e, name); !slices.Contains([]string{"InvalidParametersException", "InvalidStateException", "ValidationException"}, api.Code(err)) {
					t.Errorf("%s in %q: %v; it is not allowed", e, from, err)
				}
				if got := d.status(name); got != from {
					t.Fatalf("the refused %s moved %q to %q", e, from, got)
				}
			}
		}
		for _, ending := range []struct{ mode, suffix string }{{"", "succeeded"}, {"fail", "failed"}} {
			for _, a := range []act{launchAct, importAct, updateAct, terminateAct} {
				ended := a.succeeded
				if ending.mode == "fail" {
					ended = a.failed
				}
				for _, row := range transitions {
					if row.event == a.begun {
						d.carry(a.begun, d.bring(row.from), ending.mode, ended)
					}
				}
			}
			d.carry(acted, d.bring(api.ProvisionedProductStatusAvailable), ending.mode, actionEnded)
			d.carry(acted, d.bring(api.ProvisionedProductStatusTainted), ending.mode, actionEndedTainted)
		}
		d.carry(launched, d.bring(gone), "fall short", launchFellShort)
		d.must(planDeleted, d.bring(api.ProvisionedProductStatusPlanInProgress))
		for _, status := range []api.ProvisionedProductStatus{api.ProvisionedProductStatusAvailable, api.ProvisionedProductStatusTainted, api.ProvisionedProductStatusError} {
			d.must(propertiesChanged, d.bring(status))
		}
		for _, row := range transitions {
			if !d.covered[row] {
				t.Errorf("nothing drove %q by %s to %q", row.from, row.event, row.to)
			}
		}
	})
}

// TestRecordTransitions drives a record through each of its statuses.
func TestRecordTransitions(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		d := newDriver(w)
		for name, modes := range map[string][]string{"good": {"hang", ""}, "bad": {"hang", "fail"}, "undone": {"hang", "roll back", "fail"}} {
			d.engine.set(name, modes[0])
			out, err := w.client.ProvisionProduct(as(admin), w.launch(name))
			if err != nil {
				t.Fatal(err)
			}
			if s := out.RecordDetail.Status; s != api.RecordStatusCreated {
				t.Errorf("%s begins as %s", name, s)
			}
			record := out.RecordDetail.RecordId
			w.until(record, api.RecordStatusInProgress)
			for _, mode := range modes[1:] {
				d.engine.set(name, mode)
				switch mode {
				case "":
					w.until(record, api.RecordStatusSucceeded)
				case "fail":
					w.until(record, api.RecordStatusFailed)
				default:
					w.until(record, api.RecordStatusInProgressInError)
				}
			}
		}
	})
}

// TestPlanTransitions drives a plan through each of its statuses, and tries in
// each what is not allowed there.
func TestPlanTransitions(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		d := newDriver(w)
		covered := map[[2]api.ProvisionedProductPlanStatus]bool{}
		status := func(planID string) api.ProvisionedProductPlanStatus {
			out, err := w.client.DescribeProvisionedProductPlan(as(admin), &api.DescribeProvisionedProductPlanInput{PlanId: planID})
			if err != nil {
				return ""
			}
			return out.ProvisionedProductPlanDetails.Status
		}
		execute := func(planID string) (string, error) {
			d.n++
			out, err := w.client.ExecuteProvisionedProductPlan(as(admin), &api.ExecuteProvisionedProductPlanInput{PlanId: planID, IdempotencyToken: fmt.Sprint("x-", d.n)})
			if err != nil {
				return "", err
			}
			return out.RecordDetail.RecordId, nil
		}
		remove := func(planID string) error {
			_, err := w.client.DeleteProvisionedProductPlan(as(admin), &api.DeleteProvisionedProductPlanInput{PlanId: planID, IgnoreErrors: new(true)})
			return err
		}
		// walk goes along the modes of the engine: of the planning, then of the execution.
		walk := func(stop api.ProvisionedProductPlanStatus, planning, execution string) {
			d.n++
			name := fmt.Sprintf("plan-%d", d.n)
			d.engine.set(name, "hang")
			made, err := w.client.CreateProvisionedProductPlan(as(admin), w.plan(name, w.artifact))
			if err != nil {
				t.Fatal(err)
			}
			at := status(made.PlanId)
			saw := func() {
				now := status(made.PlanId)
				covered[[2]api.ProvisionedProductPlanStatus{at, now}] = true
				at = now
			}
			covered[[2]api.ProvisionedProductPlanStatus{"", at}] = true
			if at != stop {
				d.engine.set(name, planning)
				w.settledPlan(made.PlanId)
				saw()
			}
			if at != api.ProvisionedProductPlanStatusCreateSuccess {
				if _, err := execute(made.PlanId); api.Code(err) != "InvalidStateException" {
					t.Errorf("executed in %s: %v", at, err)
				}
			} else if at != stop {
				d.engine.set(name, "hang")
				record, err := execute(made.PlanId)
				if err != nil {
					t.Fatal(err)
				}
				saw()
				if err := remove(made.PlanId); api.Code(err) != "InvalidParametersException" {
					t.Errorf("deleted in %s: %v", at, err)
				}
				d.engine.set(name, execution)
				w.ended(record)
				saw()
				if _, err := execute(made.PlanId); api.Code(err) != "InvalidStateException" {
					t.Errorf("executed in %s: %v", at, err)
				}
			}
			if at != stop {
				t.Errorf("stopped in %s instead of %s", at, stop)
			}
			if err := remove(made.PlanId); err != nil {
				t.Errorf("not deleted in %s: %v", at, err)
			}
			saw()
		}
		walk(api.ProvisionedProductPlanStatusCreateInProgress, "hang", "")
		walk(api.ProvisionedProductPlanStatusCreateFailed, "fail", "")
		walk(api.ProvisionedProductPlanStatusCreateSuccess, "", "")
		walk(api.ProvisionedProductPlanStatusExecuteSuccess, "", "")
		walk(api.ProvisionedProductPlanStatusExecuteFailed, "", "fail")
		for _, row := range planTransitions {
			if !covered[[2]api.ProvisionedProductPlanStatus{row.from, row.to}] {
				t.Errorf("nothing drove %q to %q", row.from, row.to)
			}
		}
	})
}

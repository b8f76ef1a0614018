package provisioning

import (
	"reflect"
	"testing"

	"larder/internal/api"
	"larder/internal/identity"
)

// TestEveryLevel asks every operation of the room about another caller's
// product. Authorization has granted no more than the caller's own, so none
// may find it; and none of the room's operations may be missing here.
func TestEveryLevel(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		d := newDriver(w)
		name := "theirs"
		w.ended(w.provision(admin, name).RecordId)
		made := w.planned(w.plan(name, w.artifact)).ProvisionedProductPlanDetails
		pp, planID := w.describe(name), made.PlanId
		d.engine.set("busy", "hang")
		busy := w.provision(admin, "busy")
		operation := w.operation(busy.RecordId).Id

		one, filter := session("launcher", "anna", identity.LevelUser), account()
		colleague := session("launcher", "bert", identity.LevelRole)
		lists := func(n int, err error) error {
			if err == nil && n == 0 {
				return api.ResourceNotFound("nothing")
			}
			return err
		}
		for _, c := range []identity.Caller{one, colleague} {
			ctx := as(c)
			asked := map[string]func() error{
				"CancelOperation": func() error {
					_, err := w.client.CancelOperation(ctx, &api.CancelOperationInput{Id: operation})
					return err
				},
				"RetryOperation": func() error {
					_, err := w.client.RetryOperation(ctx, &api.RetryOperationInput{Id: operation})
					return err
				},
				"FailOperation": func() error {
					_, err := w.client.FailOperation(ctx, &api.FailOperationInput{Id: operation})
					return err
				},
				"DescribeOperation": func() error {
					_, err := w.client.DescribeOperation(ctx, &api.DescribeOperationInput{Id: operation})
					return err
				},
				"ListOperations": func() error {
					out, err := w.client.ListOperations(ctx, &api.ListOperationsInput{})
					if err != nil {
						return err
					}
					return lists(len(out.Operations), nil)
				},
				"DescribeProvisionedProduct": func() error {
					_, err := w.client.DescribeProvisionedProduct(ctx, &api.DescribeProvisionedProductInput{Id: &pp.Id})
					return err
				},
				"GetProvisionedProductOutputs": func() error {
					_, err := w.client.GetProvisionedProductOutputs(ctx, &api.GetProvisionedProductOutputsInput{ProvisionedProductId: &pp.Id})
					return err
				},
				"UpdateProvisionedProduct": func() error {
					_, err := w.client.UpdateProvisionedProduct(ctx, &api.UpdateProvisionedProductInput{ProvisionedProductId: &pp.Id, UpdateToken: "t"})
					return err
				},
				"UpdateProvisionedProductProperties": func() error {
					_, err := w.client.UpdateProvisionedProductProperties(ctx, &api.UpdateProvisionedProductPropertiesInput{
						ProvisionedProductId: pp.Id, ProvisionedProductProperties: map[api.PropertyKey]string{"OWNER": c.ARN}, IdempotencyToken: "t",
					})
					return err
				},
				"TerminateProvisionedProduct": func() error {
					_, err := w.client.TerminateProvisionedProduct(ctx, &api.TerminateProvisionedProductInput{ProvisionedProductId: &pp.Id, TerminateToken: "t"})
					return err
				},
				"ExecuteProvisionedProductServiceAction": func() error {
					_, err := w.client.ExecuteProvisionedProductServiceAction(ctx, &api.ExecuteProvisionedProductServiceActionInput{
						ProvisionedProductId: pp.Id, ServiceActionId: d.action, ExecuteToken: "t",
					})
					return err
				},
				"DescribeServiceActionExecutionParameters": func() error {
					_, err := w.client.DescribeServiceActionExecutionParameters(ctx, &api.DescribeServiceActionExecutionParametersInput{ProvisionedProductId: pp.Id, ServiceActionId: d.action})
					return err
				},
				"ListStackInstancesForProvisionedProduct": func() error {
					_, err := w.client.ListStackInstancesForProvisionedProduct(ctx, &api.ListStackInstancesForProvisionedProductInput{ProvisionedProductId: pp.Id})
					return err
				},
				"DescribeRecord": func() error {
					_, err := w.client.DescribeRecord(ctx, &api.DescribeRecordInput{Id: pp.LastRecordId})
					return err
				},
				"ListRecordHistory": func() error {
					out, err := w.client.ListRecordHistory(ctx, &api.ListRecordHistoryInput{AccessLevelFilter: filter})
					if err != nil {
						return err
					}
					return lists(len(out.RecordDetails), nil)
				},
				"ScanProvisionedProducts": func() error {
					out, err := w.client.ScanProvisionedProducts(ctx, &api.ScanProvisionedProductsInput{AccessLevelFilter: filter})
					if err != nil {
						return err
					}
					return lists(len(out.ProvisionedProducts), nil)
				},
				"SearchProvisionedProducts": func() error {
					out, err := w.client.SearchProvisionedProducts(ctx, asked("status:AVAILABLE"))
					if err != nil {
						return err
					}
					return lists(len(out.ProvisionedProducts)+out.TotalResultsCount, nil)
				},
				"CreateProvisionedProductPlan": func() error {
					in := w.plan(name, w.artifact)
					in.IdempotencyToken = c.ARN[len(c.ARN)-4:]
					_, err := w.client.CreateProvisionedProductPlan(ctx, in)
					if api.Code(err) == "InvalidParametersException" { // the name is taken, and that is all they learn
						return api.ResourceNotFound("")
					}
					return err
				},
				"DescribeProvisionedProductPlan": func() error {
					_, err := w.client.DescribeProvisionedProductPlan(ctx, &api.DescribeProvisionedProductPlanInput{PlanId: planID})
					return err
				},
				"ListProvisionedProductPlans": func() error {
					out, err := w.client.ListProvisionedProductPlans(ctx, &api.ListProvisionedProductPlansInput{AccessLevelFilter: filter})
					if err != nil {
						return err
					}
					return lists(len(out.ProvisionedProductPlans), nil)
				},
				"ExecuteProvisionedProductPlan": func() error {
					_, err := w.client.ExecuteProvisionedProductPlan(ctx, &api.ExecuteProvisionedProductPlanInput{PlanId: planID, IdempotencyToken: "t"})
					return err
				},
				"DeleteProvisionedProductPlan": func() error {
					_, err := w.client.DeleteProvisionedProductPlan(ctx, &api.DeleteProvisionedProductPlanInput{PlanId: planID})
					return err
				},
				"NotifyProvisionProductEngineWorkflowResult": func() error {
					_, err := w.client.NotifyProvisionProductEngineWorkflowResult(ctx, &api.NotifyProvisionProductEngineWorkflowResultInput{
						RecordId: pp.LastRecordId, WorkflowToken: "t", Status: "SUCCEEDED", IdempotencyToken: "t",
					})
					return err
				},
				"NotifyUpdateProvisionedProductEngineWorkflowResult": func() error {
					_, err := w.client.NotifyUpdateProvisionedProductEngineWorkflowResult(ctx, &api.NotifyUpdateProvisionedProductEngineWorkflowResultInput{
						RecordId: pp.LastRecordId, WorkflowToken: "t", Status: "SUCCEEDED", IdempotencyToken: "t",
					})
					return err
				},
				"NotifyTerminateProvisionedProductEngineWorkflowResult": func() error {
					_, err := w.client.NotifyTerminateProvisionedProductEngineWorkflowResult(ctx, &api.NotifyTerminateProvisionedProductEngineWorkflowResultInput{
						RecordId: pp.LastRecordId, WorkflowToken: "t", Status: "SUCCEEDED", IdempotencyToken: "t",
					})
					return err
				},
				"ListDeadLetters": func() error {
					out, err := w.client.ListDeadLetters(ctx, &api.ListDeadLettersInput{})
					if err != nil {
						return err
					}
					return lists(len(out.DeadLetters), nil)
				},
				"RedeliverDeadLetters": func() error {
					out, err := w.client.RedeliverDeadLetters(ctx, &api.RedeliverDeadLettersInput{})
					if err != nil {
						return err
					}
					return lists(int(out.Count), nil)
				},
				// They make a product of the caller's own and find none.
				"ProvisionProduct":           nil,
				"ImportAsProvisionedProduct": nil,
			}
			for _, op := range api.Ops() {
				ask, listed := asked[op.String()]
				if _, ours := reflect.TypeFor[*Provisioning]().MethodByName(op.String()); ours != listed {
					t.Errorf("%s is of this room (%t) and asked here (%t)", op, ours, listed)
				}
				if ask == nil {
					continue
				}
				if err := ask(); api.Code(err) != "ResourceNotFoundException" {
					t.Errorf("%s by %s: %v; it must not find another's", op, c.ARN, err)
				}
			}
		}
		if s := w.describe(name).Status; s != api.ProvisionedProductStatusAvailable {
			t.Errorf("in the end it is %s", s)
		}
		d.engine.set("busy", "")
		w.ended(busy.RecordId)
	})
}

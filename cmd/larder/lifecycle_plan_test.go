package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/servicecatalog"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog/types"
)

// A drafted plan is looked at until it is gone.
type drafted struct {
	*specimen
	id *string
	at string
}

// drafts creates a plan, which is held.
func (s *specimen) drafts(event, version string) *drafted {
	s.t.Helper()
	s.begins(event, version)
	p := &drafted{specimen: s, id: s.plan()}
	p.until(string(types.ProvisionedProductPlanStatusCreateInProgress))
	return p
}

// status is the plan's; none of one that there is not.
func (p *drafted) status() string {
	p.t.Helper()
	out, err := p.client.DescribeProvisionedProductPlan(p.t.Context(), &servicecatalog.DescribeProvisionedProductPlanInput{PlanId: p.id})
	if codeOf(err) == "ResourceNotFoundException" {
		return none
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return string(out.ProvisionedProductPlanDetails.Status)
}

// until looks until the plan has a status.
func (p *drafted) until(status string) {
	p.t.Helper()
	poll(p.t, func(context.Context) (string, bool) {
		now := p.status()
		if now != p.at {
			p.plans.saw(p.t, p.at, now)
			p.at = now
		}
		return now, now == status
	})
}

// execute executes the plan, which is held.
func (p *drafted) execute() (*watched, error) {
	out, err := p.client.ExecuteProvisionedProductPlan(p.t.Context(), &servicecatalog.ExecuteProvisionedProductPlanInput{PlanId: p.id})
	if err != nil {
		return nil, err
	}
	p.until(string(types.ProvisionedProductPlanStatusExecuteInProgress))
	w := &watched{specimen: p.specimen, id: *out.RecordDetail.RecordId}
	w.see(string(out.RecordDetail.Status))
	return w, nil
}

// delete deletes the plan.
func (p *drafted) delete(ignoreErrors bool) error {
	_, err := p.client.DeleteProvisionedProductPlan(p.t.Context(), &servicecatalog.DeleteProvisionedProductPlanInput{PlanId: p.id, IgnoreErrors: ignoreErrors})
	return err
}

// refuses tries what the table does not have in the plan's status; another
// plan of the same product always.
func (p *drafted) refuses() {
	p.t.Helper()
	if !p.plans.allows(p.at, "execute") {
		if _, err := p.execute(); codeOf(err) != "InvalidStateException" {
			p.t.Errorf("executed in %s: %v", p.at, err)
		}
	}
	if !p.plans.allows(p.at, "delete") {
		if err := p.delete(true); codeOf(err) != "InvalidParametersException" {
			p.t.Errorf("deleted in %s: %v", p.at, err)
		}
	}
	if _, err := plan(p.specimen, "good"); codeOf(err) != "InvalidStateException" {
		p.t.Errorf("another plan beside one in %s: %v", p.at, err)
	}
	if now := p.status(); now != p.at {
		p.t.Fatalf("what was refused led a plan from %s to %s", p.at, now)
	}
}

// is what a plan deleted leads to.
func (p *drafted) gone(ignoreErrors bool) {
	p.t.Helper()
	if err := p.delete(ignoreErrors); err != nil {
		p.t.Fatalf("deleted in %s: %v", p.at, err)
	}
	p.until(none)
}

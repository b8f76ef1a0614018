package catalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/id"
)

const (
	launchRole   = `{"RoleArn" : "arn:aws:iam::111111111111:role/Launch"}` // white space is kept
	sharedRole   = `{"LocalRoleName":"Launch"}`
	oneTopic     = `{"NotificationArns":["arn:aws:sns:us-west-2:111111111111:t"]}`
	tagsAllowed  = `{"Version":"2.0","Properties":{"TagUpdateOnProvisionedProduct":"ALLOWED"}}`
	stackSetRule = `{"Version":"String","Properties":{"AccountList":["111111111111"],"RegionList":["us-west-2"],"AdminRole":"arn:aws:iam::111111111111:role/Admin","ExecutionRole":"Exec"}}`
	sizeRule     = `{"Rules":{"Small":{"Assertions":[{"Assert":{"Fn::Contains":[["s"],{"Ref":"Size"}]},"AssertDescription":"small only"}]}}}`
)

func TestParseRule(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind, parameters string
		want             rule
	}{
		{"LAUNCH", launchRole, rule{Role: "arn:aws:iam::111111111111:role/Launch"}},
		{"LAUNCH", sharedRole, rule{LocalRole: "Launch"}},
		{"NOTIFICATION", oneTopic, rule{Topics: []string{"arn:aws:sns:us-west-2:111111111111:t"}}},
		{"RESOURCE_UPDATE", tagsAllowed, rule{TagUpdate: true}},
		{"RESOURCE_UPDATE", strings.Replace(tagsAllowed, "ALLOWED", "NOT_ALLOWED", 1), rule{}},
		{"STACKSET", stackSetRule, rule{StackSet: &StackSet{
			Accounts: []string{hub}, Regions: []string{region}, AdminRole: "arn:aws:iam::111111111111:role/Admin", ExecutionRole: "Exec",
		}}},
		{"TEMPLATE", `{"Rules":{}}`, rule{Rules: "{}"}},
		{"TEMPLATE", `{"Rules":{"a":{"RuleCondition":{"Fn::Not":[{"Fn::Equals":["a",{"Ref":"B"}]}]},"Assertions":[{"Assert":true}]}}}`,
			rule{Rules: `{"a":{"RuleCondition":{"Fn::Not":[{"Fn::Equals":["a",{"Ref":"B"}]}]},"Assertions":[{"Assert":true}]}}`}},
	} {
		got, err := parseRule(test.kind, test.parameters, region)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s %s: %v (-want +got):\n%s", test.kind, test.parameters, err, diff)
		}
	}
}

func TestParseRuleRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ kind, parameters string }{
		{"OTHER", `{}`},
		{"launch", launchRole},
		{"LAUNCH", ``}, {"LAUNCH", `null`}, {"LAUNCH", `[]`}, {"LAUNCH", `{}`}, {"LAUNCH", `{"RoleArn":1}`},
		{"LAUNCH", `{"rolearn":"arn:aws:iam::111111111111:role/a"}`},
		{"LAUNCH", `{"RoleArn":"arn:aws:iam::111111111111:role/a","LocalRoleName":"a"}`},
		{"LAUNCH", `{"RoleArn":"arn:aws:iam::111111111111:user/a"}`},
		{"LAUNCH", `{"LocalRoleName":"a/b"}`}, {"LAUNCH", `{"LocalRoleName":""}`},
		{"LAUNCH", launchRole + "x"},
		{"NOTIFICATION", `{"NotificationArns":[]}`},
		{"NOTIFICATION", `{"NotificationArns":["t"]}`},
		{"NOTIFICATION", `{"NotificationArns":["arn:aws:sns:eu-west-1:111111111111:t"]}`},
		{"NOTIFICATION", `{"NotificationArns":[` + strings.Repeat(`"arn:aws:sns:us-west-2:111111111111:t",`, 5) + `"arn:aws:sns:us-west-2:111111111111:t"]}`},
		{"RESOURCE_UPDATE", `{}`},
		{"RESOURCE_UPDATE", `{"Version":"2.0","Properties":{"TagUpdateOnProvisionedProduct":"yes"}}`},
		{"RESOURCE_UPDATE", `{"Version":"2.0","Properties":{"Other":"ALLOWED"}}`},
		{"STACKSET", `{}`},
		{"STACKSET", strings.Replace(stackSetRule, "111111111111", "1", 1)},
		{"STACKSET", strings.Replace(stackSetRule, "us-west-2", "west", 1)},
		{"STACKSET", strings.Replace(stackSetRule, "role/Admin", "user/Admin", 1)},
		{"STACKSET", strings.Replace(stackSetRule, `"Exec"`, `""`, 1)},
		{"STACKSET", strings.Replace(stackSetRule, `"Exec"`, `"Exec","StackInstanceControl":"x"`, 1)},
		{"TEMPLATE", `{}`}, {"TEMPLATE", `{"Rules":[]}`}, {"TEMPLATE", `{"Rules":null}`}, {"TEMPLATE", `{"Rules":{"a":1}}`},
		{"TEMPLATE", `{"Rules":{"a":{"Assertions":[]}}}`},
		{"TEMPLATE", `{"Rules":{"a":{"Assertions":[{}]}}}`},
		{"TEMPLATE", `{"Rules":{"a":{"Assertions":[{"Assert":true,"AssertDescription":1}]}}}`},
		{"TEMPLATE", `{"Rules":{"a":{"Assertions":[{"Assert":{"Fn::GetAtt":["a","b"]}}]}}}`},
		{"TEMPLATE", `{"Rules":{"a":{"Assertions":[{"Assert":{"Ref":["a"]}}]}}}`},
		{"TEMPLATE", `{"Rules":{"a":{"Assertions":[{"Assert":` + strings.Repeat(`{"Fn::Not":[`, 40) + `true` + strings.Repeat(`]}`, 40) + `}]}}}`},
	} {
		if _, err := parseRule(test.kind, test.parameters, region); api.Code(err) != api.CodeInvalidParameters {
			t.Errorf("%s %s: %v", test.kind, test.parameters, err)
		}
	}
}

func FuzzParseRule(f *testing.F) {
	for _, p := range []string{launchRole, sharedRole, oneTopic, tagsAllowed, stackSetRule, sizeRule} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, parameters string) {
		for _, kind := range []string{"LAUNCH", "NOTIFICATION", "RESOURCE_UPDATE", "STACKSET", "TEMPLATE"} {
			if _, err := parseRule(kind, parameters, region); err != nil && api.Code(err) != api.CodeInvalidParameters {
				t.Errorf("%s %q: %v", kind, parameters, err)
			}
		}
	})
}

func (w *world) constrain(who someone, p id.Portfolio, product id.Product, kind, parameters string) (*api.CreateConstraintOutput, error) {
	return who.CreateConstraint(who, &api.CreateConstraintInput{
		PortfolioId: string(p), ProductId: string(product), Type: kind, Parameters: parameters, IdempotencyToken: w.token(),
	})
}

func TestConstraints(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		p, product, _ := w.offer(admin)
		created := ok(w.constrain(admin, p, product, "LAUNCH", launchRole))(w)
		cons := created.ConstraintDetail.ConstraintId
		detail := &api.ConstraintDetail{ConstraintId: cons, Type: "LAUNCH", Owner: hub, PortfolioId: string(p), ProductId: string(product)}
		if diff := cmp.Diff(&api.CreateConstraintOutput{ConstraintDetail: detail, ConstraintParameters: launchRole, Status: "CREATING"}, created); diff != "" {
			w.Errorf("created (-want +got):\n%s", diff)
		}
		described := ok(admin.DescribeConstraint(admin, &api.DescribeConstraintInput{Id: cons}))(w)
		if diff := cmp.Diff(&api.DescribeConstraintOutput{ConstraintDetail: detail, ConstraintParameters: launchRole, Status: "AVAILABLE"}, described); diff != "" {
			w.Errorf("described (-want +got):\n%s", diff)
		}
		updated := ok(admin.UpdateConstraint(admin, &api.UpdateConstraintInput{Id: cons, Parameters: new(sharedRole)}))(w)
		if updated.ConstraintDetail.Description != "Launch as local role Launch" || updated.ConstraintParameters != sharedRole || updated.Status != "CREATING" {
			w.Errorf("updated %+v", updated)
		}
		_, err := admin.UpdateConstraint(admin, &api.UpdateConstraintInput{Id: cons, Parameters: new(oneTopic)})
		w.refused(err, api.CodeInvalidParameters, "LAUNCH")

		// What does not go together.
		_, err = w.constrain(admin, p, product, "LAUNCH", launchRole)
		w.refused(err, api.CodeDuplicateResource, "LAUNCH")
		_, err = w.constrain(admin, p, product, "STACKSET", stackSetRule)
		w.refused(err, api.CodeInvalidParameters, "not both")
		for _, kind := range []string{"TEMPLATE", "TEMPLATE", "NOTIFICATION", "NOTIFICATION", "RESOURCE_UPDATE"} {
			ok(w.constrain(admin, p, product, kind, map[string]string{
				"TEMPLATE": sizeRule, "NOTIFICATION": oneTopic, "RESOURCE_UPDATE": tagsAllowed,
			}[kind]))(w)
		}
		_, err = w.constrain(admin, p, product, "RESOURCE_UPDATE", tagsAllowed)
		w.refused(err, api.CodeDuplicateResource, "RESOURCE_UPDATE")

		loose, _ := w.product(admin, "on no shelf")
		_, err = w.constrain(admin, p, loose, "LAUNCH", launchRole)
		w.refused(err, api.CodeResourceNotFound, string(loose))
		_, err = w.constrain(admin, "port-x", loose, "LAUNCH", "nonsense")
		w.refused(err, api.CodeResourceNotFound, "port-x") // existence comes before semantics

		list := func(product *string) (types []string) {
			in := &api.ListConstraintsForPortfolioInput{PortfolioId: string(p), ProductId: product, PageSize: new(4)}
			for {
				out := ok(admin.ListConstraintsForPortfolio(admin, in))(w)
				for _, d := range out.ConstraintDetails {
					types = append(types, d.Type)
				}
				if out.NextPageToken == "" {
					return types
				}
				in.PageToken = &out.NextPageToken
			}
		}
		want := []string{"LAUNCH", "TEMPLATE", "TEMPLATE", "NOTIFICATION", "NOTIFICATION", "RESOURCE_UPDATE"}
		if diff := cmp.Diff(want, list(nil)); diff != "" {
			w.Errorf("listed (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, list(new(string(product)))); diff != "" {
			w.Errorf("listed of a product (-want +got):\n%s", diff)
		}
		if got := list(new(string(loose))); got != nil {
			w.Errorf("listed of another product: %v", got)
		}

		_, err = admin.DisassociateProductFromPortfolio(admin, &api.DisassociateProductFromPortfolioInput{PortfolioId: string(p), ProductId: string(product)})
		w.refused(err, api.CodeResourceInUse, "Constraints")
		ok(admin.DeleteConstraint(admin, &api.DeleteConstraintInput{Id: cons}))(w)
		_, err = admin.DescribeConstraint(admin, &api.DescribeConstraintInput{Id: cons})
		w.refused(err, api.CodeResourceNotFound, cons)
		ok(w.constrain(admin, p, product, "STACKSET", stackSetRule))(w)
		_, err = w.constrain(admin, p, product, "LAUNCH", launchRole)
		w.refused(err, api.CodeInvalidParameters, "not both")
	})
}

func TestConstrainedLaunch(t *testing.T) {
	run(t, func(w *world) {
		admin, alice := w.user(hub, "admin"), w.user(hub, "alice")
		p, product, version := w.offer(admin)
		resolve := func() Launch {
			w.Helper()
			l, err := w.resolve(alice, LaunchQuery{ProductID: string(product), ArtifactID: string(version)})
			if err != nil {
				w.Fatal(err)
			}
			return l
		}
		if l := resolve(); l.Role != "" || l.TagUpdate || l.Topics != nil || l.Rules != nil {
			w.Errorf("unconstrained launch %+v", l)
		}
		for _, k := range [][2]string{
			{"LAUNCH", sharedRole}, {"RESOURCE_UPDATE", tagsAllowed}, {"TEMPLATE", sizeRule}, {"TEMPLATE", sizeRule},
			{"NOTIFICATION", oneTopic}, {"NOTIFICATION", strings.Replace(oneTopic, ":t\"", `:t","arn:aws:sns:us-west-2:111111111111:u"`, 1)},
		} {
			ok(w.constrain(admin, p, product, k[0], k[1]))(w)
		}
		l := resolve()
		rules := strings.TrimSuffix(strings.TrimPrefix(sizeRule, `{"Rules":`), "}")
		got := fmt.Sprint(l.Role, l.TagUpdate, l.Topics, l.Rules)
		want := fmt.Sprint("arn:aws:iam::111111111111:role/Launch", true,
			[]string{"arn:aws:sns:us-west-2:111111111111:t", "arn:aws:sns:us-west-2:111111111111:u"}, []string{rules, rules})
		if got != want {
			w.Errorf("constrained launch\n got %s\nwant %s", got, want)
		}
		d := ok(alice.DescribeProvisioningParameters(alice, &api.DescribeProvisioningParametersInput{
			ProductId: new(string(product)), ProvisioningArtifactId: new(string(version)),
		}))(w)
		usage := map[string]string{}
		for _, u := range d.UsageInstructions {
			usage[u.Type] = u.Value
		}
		if usage["launchAsRole"] != l.Role || usage["tagUpdateOnProvisionedProduct"] != "ALLOWED" ||
			!strings.Contains(usage["rules"], `"Small":`) || !strings.Contains(usage["rules"], `"Small2":`) {
			w.Errorf("usage %v", usage)
		}
		if len(d.ConstraintSummaries) != 6 || d.ConstraintSummaries[0] != (api.ConstraintSummary{Type: "LAUNCH", Description: "Launch as local role Launch"}) {
			w.Errorf("summaries %v", d.ConstraintSummaries)
		}
	})
}

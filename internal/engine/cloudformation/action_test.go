package cloudformation_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db/dbtest"
	"larder/internal/engine"
)

const machines = `
Resources:
  Web: {Type: "AWS::EC2::Instance", Properties: {ImageId: ami-12345678}}
  Traffic: {Type: "AWS::CloudWatch::Dashboard", Properties: {DashboardName: traffic, DashboardBody: "{}"}}
`

// TestAction acts on a stack, and looks at what an action would be given and
// at the stack's dashboards.
func TestAction(t *testing.T) {
	t.Parallel()
	e, runner := open(t, dbtest.New(t))
	c := engine.Change{
		Kind: engine.Create, Operation: "rec-1", Account: "111111111111", Region: "eu-west-1", Product: "pp-abc", Artifact: artifact(machines),
	}
	none, err := e.Dashboards(t.Context(), c)
	if err != nil || len(none) != 0 {
		t.Errorf("dashboards of no stack: %v, %v", none, err)
	}
	c.Physical = run(t, e, runner, c).Physical
	names, err := e.Dashboards(t.Context(), c)
	if diff := cmp.Diff([]string{"traffic"}, names); diff != "" || err != nil {
		t.Errorf("dashboards: %v %s", err, diff)
	}

	restart := engine.Action{ID: "act-1", Definition: map[string]string{
		"Name": "AWS-RestartEC2Instance", "Version": "1",
		"Parameters": `[{"Name":"InstanceId","Type":"TARGET"},{"Name":"Reason","Type":"TEXT_VALUE"},{"Name":"BucketName","Type":"TARGET"}]`,
	}}
	parameters, err := e.ActionParameters(t.Context(), c, restart)
	if err != nil || len(parameters) != 3 {
		t.Fatalf("parameters %+v, %v", parameters, err)
	}
	if p := parameters[0]; p.Type != "TARGET" || len(p.Defaults) != 1 || !strings.HasPrefix(p.Defaults[0], "i-") {
		t.Errorf("the target is %+v", p)
	}
	if parameters[1].Defaults != nil || parameters[2].Defaults != nil {
		t.Errorf("defaults of nothing: %+v", parameters)
	}

	own := parameters[0].Defaults[0]
	state := func() string {
		t.Helper()
		found, err := e.Stacks.Inventory().GetResource(t.Context(), c.Account, c.Region, "AWS::EC2::Instance", own)
		if err != nil {
			t.Fatal(err)
		}
		var shown struct {
			ImageId string
			State   struct{ Code, Name string }
		}
		if err := json.Unmarshal([]byte(found.Properties), &shown); err != nil || shown.ImageId != "ami-12345678" {
			t.Fatalf("%s, %v", found.Properties, err)
		}
		return shown.State.Code + " " + shown.State.Name
	}
	if s := state(); s != "16 running" {
		t.Errorf("a new instance is %s", s)
	}
	for _, test := range []struct {
		document   string
		parameters string // of the action; "" for those of the document
		given      map[string][]string
		refusal    string
		state      string // of the instance, afterwards
	}{
		{"AWS-StopEC2Instance", "", nil, "", "80 stopped"},
		{"AWS-StopEC2Instance", "", nil, "", "80 stopped"},
		{"AWS-StartEC2Instance", "", map[string][]string{"InstanceId": {own}, "AutomationAssumeRole": {"x"}}, "", "16 running"},
		{"arn:aws:ssm:eu-west-1::document/AWS-StopEC2Instance", `[{"Name":"InstanceId","Type":"TARGET"}]`, nil, "", "80 stopped"},
		{"AWS-StartEC2Instance", "", map[string][]string{"InstanceId": {"i-0"}}, "Instance i-0 is no resource of stack " + c.Physical, "80 stopped"},
		{"AWS-StartEC2Instance", "", map[string][]string{"InstanecId": {own}}, "The service action takes no parameter InstanecId", "80 stopped"},
		{"AWS-StartEC2Instance", "{", nil, "The service action's Parameters are not a JSON list: unexpected end of JSON input", "80 stopped"},
		{"AWS-CreateImage", "", nil, "Automation document AWS-CreateImage can't be run on the resources of this engine; those that can are " +
			"AWS-RestartEC2Instance, AWS-StartEC2Instance, AWS-StopEC2Instance", "80 stopped"},
		{"AWS-RestartEC2Instance", "", nil, "", "16 running"},
	} {
		action := engine.Action{ID: "act-2", Definition: map[string]string{"Name": test.document, "Version": "1"}, Given: test.given}
		if test.parameters != "" {
			action.Definition["Parameters"] = test.parameters
		}
		p, err := e.Act(t.Context(), c, action)
		got := ""
		if p.Failure != nil {
			got = p.Failure.Reason
		}
		if err != nil || p.State != engine.Done || p.Physical != c.Physical || got != test.refusal || state() != test.state {
			t.Errorf("%s %v: %+v, %q, %v; the instance is %s", test.document, test.given, p, got, err, state())
		}
	}
	empty := c
	empty.Physical = "arn:none"
	if p, err := e.Act(t.Context(), empty, restart); err != nil || p.Failure == nil || p.Failure.Reason != "Stack arn:none has no instance to act on" {
		t.Errorf("%+v, %v", p, err)
	}
}

package cloudformation_test

import (
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

	restart.Given = map[string][]string{"Reason": {"why not"}}
	if p, err := e.Act(t.Context(), c, restart); err != nil || p.State != engine.Done || p.Failure != nil || p.Physical != c.Physical {
		t.Errorf("%+v, %v", p, err)
	}
	restart.Given = map[string][]string{"Resaon": {"why not"}}
	if p, err := e.Act(t.Context(), c, restart); err != nil || p.Failure == nil || p.Failure.Reason != "The service action takes no parameter Resaon" {
		t.Errorf("%+v, %v", p, err)
	}
	delete(restart.Definition, "Parameters") // whatever the document takes
	if p, err := e.Act(t.Context(), c, restart); err != nil || p.Failure != nil {
		t.Errorf("%+v, %v", p, err)
	}
}

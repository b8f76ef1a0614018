package cloudformation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/stack"
	"larder/internal/cfn/stackset"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/engine"
	"larder/internal/engine/cloudformation"
	"larder/internal/engine/enginetest"
)

const (
	first  = "222222222222"
	second = "333333333333"
	east   = "us-east-1"
	west   = "us-west-2"
)

// partly is a template whose stack fails in one account's one region, while a
// parameter says so.
const partly = `
Parameters:
  Luck: {Type: String, Default: bad}
  Word: {Type: String, NoEcho: true, Default: hush}
Conditions:
  Fails: !And [!Equals [!Ref Luck, bad], !Equals [!Ref 'AWS::AccountId', '333333333333'], !Equals [!Ref 'AWS::Region', us-west-2]]
Resources:
  Topic: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !Ref Luck}}
  Unlucky: {Type: 'AWS::SQS::Queue', Condition: Fails}
`

func both() *engine.Targets {
	return &engine.Targets{
		Accounts: []string{first, second}, Regions: []string{west, east},
		AdminRole: "arn:aws:iam::111111111111:role/admin", ExecutionRole: "exec",
	}
}

func launched(text string, t *engine.Targets) engine.Change {
	return engine.Change{
		Kind: engine.Create, Operation: "rec-1", Account: "111111111111", Region: "eu-west-1", Product: "pp-1", Name: "mine",
		Artifact: artifact(text), Targets: t, Tags: []engine.Tag{{Key: "team", Value: "a"}},
	}
}

// then is another change of what a launch made.
func then(c engine.Change, p engine.Progress, kind engine.Kind, operation string) engine.Change {
	c.Kind, c.Operation, c.Physical = kind, operation, p.Physical
	return c
}

// standing tells what a change has where.
func standing(t *testing.T, e *cloudformation.Engine, c engine.Change) string {
	t.Helper()
	var lines []string
	var last engine.Instance
	for more := true; more; {
		page, others, err := e.Instances(t.Context(), c, last, 3)
		if err != nil || len(page) == 0 && others {
			t.Fatal(page, others, err)
		}
		for _, i := range page {
			lines = append(lines, fmt.Sprintf("%s %s %s", i.Account[:3], i.Region, i.Status))
			last = i
		}
		more = others
	}
	return strings.Join(lines, "\n")
}

func TestExerciseStackSets(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		e, runner := open(t, d)
		enginetest.Exercise(t, enginetest.Subject{
			Engine: e, Targets: both(),
			Sound:   artifact(sound),
			Given:   []engine.Given{{Key: "Delay", Value: "7"}},
			Failing: artifact("Parameters: {Delay: {Type: String}}\nResources: {Unlucky: {Type: 'AWS::SNS::Topic'}}"),
			Settle:  runner.Idle,
		})
	})
}

// A launch that fails in one place stands in the others, an update brings that
// place up, and what is added and taken away leaves the rest alone.
func TestStackSet(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		e, runner := open(t, d)
		want := func(c engine.Change, lines string) {
			t.Helper()
			if d := cmp.Diff(strings.TrimSpace(lines), standing(t, e, c)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		}
		some := both()
		some.ToleranceCount = new(1)
		c := launched(partly, some)
		p := run(t, e, runner, c)
		f := p.Failure
		if f == nil || !p.Stands || len(f.Causes) != 1 || f.Causes[0].Resource != second+"/"+west ||
			!strings.Contains(f.Reason, "of 4 stack instances 1 failed and 0 were not begun. The first to fail was 333333333333/us-west-2: ResourceLogicalId:Unlucky") {
			t.Fatalf("%+v %+v", p, f)
		}
		want(c, "222 us-east-1 CURRENT\n222 us-west-2 CURRENT\n333 us-east-1 CURRENT\n333 us-west-2 OUTDATED")
		reach, err := e.Reached(t.Context(), c)
		if err != nil || reach.Failed == nil || reach.Failed.Resource != second+"/"+west || cmp.Diff(reach.Regions, []engine.RegionReach{
			{Region: west, Succeeded: 1, Failed: 1}, {Region: east, Succeeded: 2},
		}) != "" {
			t.Errorf("%+v, %v", reach, err)
		}
		set, _, err := e.Sets.Describe(t.Context(), c.Account, c.Region, p.Physical)
		if err != nil || set.Name != "SC-111111111111-pp-1" || set.Roles != (stackset.Roles{Administration: some.AdminRole, Execution: "exec"}) {
			t.Errorf("%+v, %v", set, err)
		}

		u := then(c, p, engine.Update, "rec-2")
		u.Given = []engine.Given{{Key: "Luck", Value: "good"}, {Key: "Word", Value: "quiet"}}
		if p := run(t, e, runner, u); p.Failure != nil || p.Physical != set.ARN {
			t.Fatalf("%+v %+v", p, p.Failure)
		}
		want(c, "222 us-east-1 CURRENT\n222 us-west-2 CURRENT\n333 us-east-1 CURRENT\n333 us-west-2 CURRENT")

		less := then(u, p, engine.Update, "rec-3")
		less.Targets = both()
		less.Targets.Only, less.Targets.Accounts, less.Targets.Regions = engine.Delete, []string{first}, []string{east}
		if p := run(t, e, runner, less); p.Failure != nil {
			t.Fatalf("%+v", p.Failure)
		}
		want(c, "222 us-west-2 CURRENT\n333 us-east-1 CURRENT\n333 us-west-2 CURRENT")
		// An update that names the place misses it, one that names nothing does not.
		named := then(u, p, engine.Update, "rec-4")
		named.Targets = both()
		named.Targets.Chosen = true
		if p := run(t, e, runner, named); p.Failure == nil || p.Stands || p.Failure.Code != "AmazonCloudFormationException" || p.Failure.Reason != "1 of the stack instances in region us-east-1 are not found" {
			t.Errorf("%+v %+v", p, p.Failure)
		}
		again := then(u, p, engine.Update, "rec-5")
		again.Given = []engine.Given{{Key: "Luck", Value: "better"}}
		if p := run(t, e, runner, again); p.Failure != nil {
			t.Fatalf("%+v", p.Failure)
		}
		more := then(c, p, engine.Update, "rec-6") // what it was launched with is ignored
		more.Targets = both()
		more.Targets.Only = engine.Create
		if p := run(t, e, runner, more); p.Failure != nil {
			t.Fatalf("%+v", p.Failure)
		}
		want(c, "222 us-east-1 CURRENT\n222 us-west-2 CURRENT\n333 us-east-1 CURRENT\n333 us-west-2 CURRENT")
		for _, account := range some.Accounts {
			for _, region := range some.Regions {
				all, _, err := e.Stacks.List(t.Context(), stack.ListInput{Account: account, Region: region, Active: true})
				if err != nil || len(all) != 1 || all[0].Parameters[0].Value != "better" || all[0].Tags[0] != (stack.Tag{Key: "team", Value: "a"}) {
					t.Errorf("%s %s: %+v, %v", account, region, all, err)
				}
			}
		}

		kept := then(c, p, engine.Delete, "rec-7")
		kept.Retain = true
		if p := run(t, e, runner, kept); p.Failure != nil {
			t.Fatalf("%+v", p.Failure)
		}
		want(c, "222 us-east-1 CURRENT\n222 us-west-2 CURRENT\n333 us-east-1 CURRENT\n333 us-west-2 CURRENT")
		gone := then(c, engine.Progress{}, engine.Delete, "rec-8") // its ARN was never recorded
		if p := run(t, e, runner, gone); p.Failure != nil {
			t.Fatalf("%+v", p.Failure)
		}
		set, _, err = e.Sets.Describe(t.Context(), c.Account, c.Region, set.ARN)
		if err != nil || !set.Deleted {
			t.Errorf("%+v, %v", set, err)
		}
		want(c, "")
		if p := run(t, e, runner, then(c, p, engine.Delete, "rec-9")); p.Failure != nil {
			t.Errorf("what is gone: %+v", p.Failure)
		}
	})
}

func TestStackSetFailures(t *testing.T) {
	t.Parallel()
	e, runner := open(t, dbtest.New(t))
	// Nothing is begun behind the first that fails: the launch stands nowhere.
	c := launched("Resources: {Unlucky: {Type: 'AWS::SNS::Topic'}}", both())
	p := run(t, e, runner, c)
	if p.Failure == nil || p.Stands || !strings.Contains(p.Failure.Reason, "of 4 stack instances 1 failed and 3 were not begun") {
		t.Errorf("%+v %+v", p, p.Failure)
	}
	// A rule of the catalog fails where it is broken, and says so.
	c = launched("Parameters: {Size: {Type: String, Default: big}}\nResources: {Topic: {Type: 'AWS::SNS::Topic'}}", both())
	c.Product, c.Rules = "pp-2", []string{`{"Small": {"Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "Size"}, "small"]}, "AssertDescription": "too big"}]}}`}
	if p := run(t, e, runner, c); p.Failure == nil || p.Stands || !strings.Contains(p.Failure.Reason, "too big") {
		t.Errorf("%+v %+v", p, p.Failure)
	}
	// What CloudFormation refuses begins nothing.
	c = launched("Parameters: {Size: {Type: String}}\nResources: {Topic: {Type: 'AWS::SNS::Topic'}}", both())
	c.Product = "pp-3"
	if p := run(t, e, runner, c); p.Failure == nil || p.Stands || p.Failure.Reason != "Parameters: [Size] must have values" || p.Failure.Code == "" {
		t.Errorf("%+v %+v", p, p.Failure)
	}
	late := launched(sound, both())
	late.Product, late.Overdue = "pp-4", true
	if p := run(t, e, runner, late); p.Failure == nil || p.Physical != "" {
		t.Errorf("%+v", p)
	}
	if reach, err := e.Reached(t.Context(), late); reach != nil || err != nil {
		t.Errorf("%+v, %v", reach, err)
	}
	if p := run(t, e, runner, then(late, engine.Progress{}, engine.Delete, "rec-5")); p.Failure != nil {
		t.Errorf("%+v", p.Failure)
	}
	if _, p, err := e.Plan(t.Context(), c); err != nil || p.Failure == nil {
		t.Errorf("%+v, %v", p, err)
	}
}

// A change that is canceled, or late, begins nothing more. What it had begun
// stands.
func TestStackSetStops(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		e, runner := open(t, dbtest.New(t))
		// A rule delays the first, so that there is time to stop.
		c := launched("Resources: {Slow: {Type: 'AWS::SNS::Topic'}}", both())
		c.Targets.Regions = []string{west}
		if p, err := e.Advance(t.Context(), c); err != nil || p.State != engine.Waiting || p.Signal == "" {
			t.Fatalf("%+v, %v", p, err)
		}
		for running := 0; running == 0; <-time.After(time.Millisecond) {
			reach, err := e.Reached(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			running = reach.Regions[0].Running
		}
		if late {
			c.Overdue = true
		} else if err := e.Cancel(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		p := run(t, e, runner, c)
		if p.Failure == nil || !p.Stands || !strings.Contains(p.Failure.Reason, "is STOPPED: of 2 stack instances 0 failed and 1 were not begun") {
			t.Errorf("%+v %+v", p, p.Failure)
		}
		if err := e.Cancel(t.Context(), c); err != nil { // it has ended
			t.Error(err)
		}
		if got := standing(t, e, c); got != "222 us-west-2 CURRENT\n333 us-west-2 OUTDATED" {
			t.Error(got)
		}
	}
}

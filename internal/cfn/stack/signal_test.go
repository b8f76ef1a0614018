package stack_test

import (
	"context"
	"net/url"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/seal"
	"larder/internal/workflow"
	"larder/internal/workflow/workflowtest"
)

// signal sends one signal to a resource.
func (h *house) signal(name, logicalID, id string, failed bool) error {
	return h.SignalResource(h.t.Context(), stack.SignalInput{
		Account: account, Region: region, Stack: name, LogicalID: logicalID, UniqueID: id, Failed: failed,
	})
}

// physical returns the physical id of a resource.
func (h *house) physical(st stack.Stack, logicalID string) string {
	h.t.Helper()
	_, resources, err := h.Resources(h.t.Context(), account, region, st.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range resources {
		if r.LogicalID == logicalID {
			return r.Physical
		}
	}
	h.t.Fatalf("%s has no %s", st.Name, logicalID)
	return ""
}

// put sends a body to the URL of a handle.
func (h *house) put(at, body string) error {
	h.t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		h.t.Fatal(err)
	}
	parts := strings.Split(strings.TrimPrefix(u.EscapedPath(), stack.HandlePath), "/")
	arn, err := url.PathUnescape(parts[0])
	if err != nil {
		h.t.Fatal(err)
	}
	generation, err := strconv.Atoi(path.Base(u.Path))
	if err != nil {
		h.t.Fatal(err)
	}
	return h.SignalHandle(h.t.Context(), stack.HandleSignal{
		Stack: arn, LogicalID: parts[1], Generation: generation, Signature: u.Query().Get("Signature"), Body: []byte(body),
	})
}

const machine = `
Resources:
  Machine:
    Type: AWS::EC2::Instance
    CreationPolicy: {ResourceSignal: {Count: 2, Timeout: PT10M}}
    Properties: {ImageId: ami-12345678}
`

func TestSignalResource(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, nil)
		st := h.start(stack.CreateInput{Template: []byte(machine)})
		h.idle()
		refusals := []struct{ logicalID, id, want string }{
			{"Nobody", "i-1", "Resource Nobody does not exist for stack stack-a"},
			{"Machine", "i-1", ""},
			{"Machine", "i-1", "Signal with ID i-1 for resource Machine already exists. Signals may only be updated with a FAILURE status."},
			{"Machine", "i-2", ""},
		}
		for _, r := range refusals {
			err := h.signal("stack-a", r.logicalID, r.id, false)
			if e, _ := stack.AsError(err); r.want == "" && err != nil || r.want != "" && (e == nil || e.Message != r.want) {
				t.Errorf("%s %s: %v, want %q", r.logicalID, r.id, err, r.want)
			}
		}
		h.wait(st)
		diff(t, "events", h.told(st), `
- CREATE_IN_PROGRESS: User Initiated
Machine CREATE_IN_PROGRESS early
Machine CREATE_IN_PROGRESS: Resource creation Initiated
Machine CREATE_IN_PROGRESS: Received SUCCESS signal with UniqueId i-1
Machine CREATE_IN_PROGRESS: Received SUCCESS signal with UniqueId i-2
Machine CREATE_COMPLETE
- CREATE_COMPLETE`)
		err := h.signal("stack-a", "Machine", "i-3", false)
		if want := "Stack " + st.ID + " is in CREATE_COMPLETE state and cannot be signaled"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if err := h.signal("nobody", "Machine", "i-3", false); err == nil || err.Error() != "Stack [nobody] does not exist" {
			t.Error(err)
		}
	})
}

// A template that shows who would signal is not held up by a machine that is
// only simulated.
func TestWhoSignals(t *testing.T) {
	t.Parallel()
	const (
		scripted = `
Resources:
  Machine:
    Type: AWS::EC2::Instance
    CreationPolicy: {ResourceSignal: {}}
    Properties: {ImageId: ami-12345678, UserData: !Base64 "cfn-signal"}
`
		bare   = "Resources: {Machine: {Type: 'AWS::EC2::Instance', CreationPolicy: {ResourceSignal: {Timeout: PT0S}}, Properties: {ImageId: ami-12345678}}}"
		handle = `
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Done: {Type: AWS::CloudFormation::WaitCondition, Properties: {Handle: !Ref Handle, Timeout: 0}}
`
		told = handle + `
  Machine: {Type: AWS::EC2::Instance, Properties: {ImageId: ami-12345678, UserData: !Base64 {"Fn::Sub": "curl ${Handle}"}}}
Outputs:
  Said: {Value: !Select [3, !Split ['"', !GetAtt Done.Data]]}
`
		other = "Resources: {Topic: {Type: 'AWS::SNS::Topic', CreationPolicy: {ResourceSignal: {Timeout: PT0S}}}}"
	)
	tests := []struct {
		name, template string
		mode           stack.Signaling
		want           stack.Status
	}{
		{"a script, looked for", scripted, stack.SignalsAuto, stack.CreateComplete},
		{"nobody, looked for", bare, stack.SignalsAuto, stack.RollbackComplete},
		{"nobody, simulated", bare, stack.SignalsSimulated, stack.CreateComplete},
		{"a handle that nobody is told of", handle, "", stack.RollbackComplete},
		{"a handle that a script is told of", told, "", stack.CreateComplete},
		{"a handle that a script is told of, awaited", told, stack.SignalsAwaited, stack.RollbackComplete},
		{"a handle, simulated", handle, stack.SignalsSimulated, stack.CreateComplete},
		{"a type that AWS knows no creation policy of", other, stack.SignalsAwaited, stack.CreateComplete},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, dbtest.New(t), func(o *stack.Options) { o.Signals = test.mode })
			st := h.create(stack.CreateInput{Template: []byte(test.template)})
			if st.Status != test.want {
				t.Errorf("%s\n%s", st.Status, h.told(st))
			}
		})
	}
}

func TestSignalsThatFail(t *testing.T) {
	t.Parallel()
	group := func(policy string) string {
		return "Resources: {Group: {Type: 'AWS::AutoScaling::AutoScalingGroup', CreationPolicy: " + policy +
			", Properties: {MinSize: '1', MaxSize: '3', LaunchConfigurationName: x, AvailabilityZones: [us-east-1a]}}}"
	}
	tests := []struct {
		name, template, logicalID string
		signals                   string // + or - and the unique id
		want                      string // reason of the failure; "" for none
	}{
		{"a failure", machine, "Machine", "+i-1 -i-2", "Received FAILURE signal with UniqueId i-2"},
		{"a success that is taken back", machine, "Machine", "+i-1 -i-1", "Received FAILURE signal with UniqueId i-1"},
		{
			"nothing", strings.Replace(machine, "PT10M", "PT0S", 1), "Machine", "",
			"Failed to receive 2 resource signal(s) within the specified duration",
		},
		{
			"a group's failure", group("{ResourceSignal: {Count: 1}}"), "Group", "-i-1",
			"Received 1 FAILURE signal(s) out of 1.  Unable to satisfy 100% MinSuccessfulInstancesPercent requirement",
		},
		{
			"a group that may lose one", group("{AutoScalingCreationPolicy: {MinSuccessfulInstancesPercent: 50}, ResourceSignal: {Count: 2}}"),
			"Group", "-i-1 +i-2", "",
		},
		{
			"a group that is never there", group("{ResourceSignal: {Count: 2, Timeout: PT0S}}"), "Group", "",
			"Received 0 SUCCESS signal(s) out of 2.  Unable to satisfy 100% MinSuccessfulInstancesPercent requirement",
		},
		{
			"a policy that cannot be read", strings.Replace(machine, "PT10M", "ten minutes", 1), "Machine", "",
			"CreationPolicy: Timeout must be an ISO 8601 duration of at most 12 hours, such as PT15M",
		},
		{
			"a wait condition by its policy", `Resources: {Done: {Type: "AWS::CloudFormation::WaitCondition", CreationPolicy: {ResourceSignal: {Timeout: PT5M}}}}`,
			"Done", "+a", "",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, dbtest.New(t), nil)
			st := h.start(stack.CreateInput{Template: []byte(test.template)})
			h.idle()
			for _, s := range strings.Fields(test.signals) {
				if err := h.signal(st.ID, test.logicalID, s[1:], s[0] == '-'); err != nil {
					t.Fatal(err)
				}
			}
			h.wait(st)
			st = h.describe(st.ID)
			got := ""
			for line := range strings.Lines(h.told(st) + "\n") {
				if reason, ok := strings.CutPrefix(strings.Replace(line, " early", "", 1), test.logicalID+" CREATE_FAILED: "); ok {
					got = strings.TrimSpace(reason)
				}
			}
			if d := cmp.Diff(test.want, got); d != "" || (st.Status == stack.CreateComplete) != (test.want == "") {
				t.Errorf("%s %s\n%s", st.Status, d, h.told(st))
			}
		})
	}
}

const handled = `
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Before: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Handle}}
  Done: {Type: AWS::CloudFormation::WaitCondition, DependsOn: Before, Properties: {Handle: !Ref Handle, Timeout: "300", Count: 2}}
Outputs:
  Data: {Value: !GetAtt Done.Data}
  Name: {Value: !Ref Done}
`

func TestWaitCondition(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, func(o *stack.Options) { o.URL = func() string { return "http://127.0.0.1:8420" } })
		st := h.start(stack.CreateInput{Template: []byte(handled)})
		h.idle()
		at := h.physical(st, "Handle")
		if !strings.HasPrefix(at, "http://127.0.0.1:8420/waitcondition/arn:aws:cloudformation:us-east-1:111111111111:stack%2Fstack-a%2F") {
			t.Errorf("the handle's URL is %s", at)
		}
		for _, body := range []string{
			`{"Status": "SUCCESS", "UniqueId": "one", "Data": "first", "Reason": "ready"}`,
			`{"Status": "SUCCESS", "UniqueId": "one", "Data": "a <better> \"first\""}`, // the last one of an id holds
			`{"Status": "SUCCESS", "UniqueId": "two"}`,
		} {
			if err := h.put(at, body); err != nil {
				t.Fatal(err)
			}
		}
		h.wait(st)
		st = h.describe(st.ID)
		want := []stack.Output{{Key: "Data", Value: `{"one":"a <better> \"first\"","two":""}`}, {Key: "Name", Value: st.ID + "/Handle"}}
		if d := cmp.Diff(want, st.Outputs); d != "" {
			t.Error(d, h.told(st))
		}
		if err := h.put(at, `{"Status": "FAILURE", "UniqueId": "late"}`); err != nil {
			t.Errorf("after the wait: %v", err)
		}
		if err := h.put(at[:len(at)-2]+"AA", `{}`); err != stack.ErrSignature { //nolint:errorlint // it is that very one
			t.Errorf("a forged URL: %v", err)
		}
		h.delete(st)
		if err := h.put(at, `{}`); err != stack.ErrNoHandle { //nolint:errorlint // as above
			t.Errorf("a handle that is gone: %v", err)
		}
		err := d.View(t.Context(), func(tx *db.Tx) error {
			var n int
			err := tx.Row(`SELECT count(*) FROM stack_signal`).Scan(&n)
			if n != 0 {
				t.Errorf("%d signals are left", n)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestWaitConditionFails(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, template, body, want string }{
		{"in time", strings.Replace(handled, `"300"`, `"0"`, 1), "", "WaitCondition timed out. Received 0 conditions when expecting 2"},
		{"a failure", handled, `{"Status": "FAILURE", "UniqueId": "i-1", "Reason": "no luck", "Data": "x"}`, "WaitCondition received failed message: 'no luck' for uniqueId: i-1"},
		{"no JSON", handled, `Status=SUCCESS`, "Unparsable WaitCondition data"},
		{"no unique id", handled, `{"Status": "SUCCESS"}`, "Unparsable WaitCondition data"},
		{"no handle", strings.Replace(handled, "Handle: !Ref Handle, ", "", 1), "", "Property Handle cannot be empty."},
		{"a handle of nobody", strings.Replace(handled, "Handle: !Ref Handle, ", "Handle: 'https://example.com/x', ", 1), "",
			"https://example.com/x is not the URL of a wait condition handle of this account and region"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, dbtest.New(t), nil)
			st := h.start(stack.CreateInput{Template: []byte(test.template)})
			h.idle()
			if test.body != "" {
				if err := h.put(h.physical(st, "Handle"), test.body); err != nil {
					t.Fatal(err)
				}
			}
			h.wait(st)
			st = h.describe(st.ID)
			if st.Status != stack.RollbackComplete || !strings.Contains(h.told(st), "CREATE_FAILED: "+test.want+"\n") && !strings.Contains(h.told(st), "CREATE_FAILED early: "+test.want+"\n") {
				t.Errorf("%s\n%s", st.Status, h.told(st))
			}
		})
	}
}

// A rolling update waits for each batch of instances.
func TestRollingUpdate(t *testing.T) {
	t.Parallel()
	group := func(launch, pause string) []byte {
		return []byte(`
Resources:
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    UpdatePolicy: {AutoScalingRollingUpdate: {WaitOnResourceSignals: true, MaxBatchSize: 2, MinInstancesInService: 1, PauseTime: ` + pause + `}}
    Properties: {MinSize: '1', DesiredCapacity: '3', MaxSize: '5', LaunchConfigurationName: ` + launch + `, AvailabilityZones: [us-east-1a]}
`)
	}
	h := open(t, dbtest.New(t), nil)
	st := h.create(stack.CreateInput{Template: group("one", "PT1M")})
	if st.Status != stack.CreateComplete {
		t.Fatal(h.told(st))
	}
	update := func(template []byte, ids ...string) string {
		t.Helper()
		was := h.told(st)
		next, err := h.Update(t.Context(), stack.UpdateInput{Account: account, Region: region, Stack: st.ID, Template: template})
		if err != nil {
			t.Fatal(err)
		}
		h.idle()
		for _, id := range ids {
			if err := h.signal(st.ID, "Group", id, false); err != nil {
				t.Fatal(err)
			}
			h.idle()
		}
		h.wait(next)
		return strings.TrimPrefix(h.told(st), was+"\n")
	}
	diff(t, "an update", update(group("two", "PT1M"), "i-1", "i-2", "i-3"), `
- UPDATE_IN_PROGRESS: User Initiated
Group UPDATE_IN_PROGRESS
Group UPDATE_IN_PROGRESS: Rolling update initiated. Terminating 3 obsolete instance(s) in batches of 2, while keeping at least 1 instance(s) in service. Waiting on resource signals with a timeout of PT1M when new instances are added to the autoscaling group.
Group UPDATE_IN_PROGRESS: New instance(s) added to autoscaling group - Waiting on 2 resource signal(s) with a timeout of PT1M.
Group UPDATE_IN_PROGRESS: Received SUCCESS signal with UniqueId i-1
Group UPDATE_IN_PROGRESS: Received SUCCESS signal with UniqueId i-2
Group UPDATE_IN_PROGRESS: New instance(s) added to autoscaling group - Waiting on 1 resource signal(s) with a timeout of PT1M.
Group UPDATE_IN_PROGRESS: Received SUCCESS signal with UniqueId i-3
Group UPDATE_COMPLETE
- UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
- UPDATE_COMPLETE`)
	diff(t, "one that nobody signals", update(group("three", "PT0S")), `
- UPDATE_IN_PROGRESS: User Initiated
Group UPDATE_IN_PROGRESS
Group UPDATE_IN_PROGRESS: Rolling update initiated. Terminating 3 obsolete instance(s) in batches of 2, while keeping at least 1 instance(s) in service. Waiting on resource signals with a timeout of PT0S when new instances are added to the autoscaling group.
Group UPDATE_IN_PROGRESS: New instance(s) added to autoscaling group - Waiting on 2 resource signal(s) with a timeout of PT0S.
Group UPDATE_IN_PROGRESS: Failed to receive 2 resource signal(s) for the current batch.  Each resource signal timeout is counted as a FAILURE.
Group UPDATE_FAILED: Received 0 SUCCESS signal(s) out of 3.  Unable to satisfy 100% MinSuccessfulInstancesPercent requirement
- UPDATE_ROLLBACK_IN_PROGRESS: The following resource(s) failed to update: [Group]. `+`
Group UPDATE_IN_PROGRESS
Group UPDATE_COMPLETE
- UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
- UPDATE_ROLLBACK_COMPLETE`)
	sized := strings.Replace(string(group("two", "PT1M")), "MaxSize: '5'", "MaxSize: '6'", 1)
	if got := update([]byte(sized)); strings.Contains(got, "Rolling") || !strings.HasSuffix(got, "- UPDATE_COMPLETE") {
		t.Errorf("a change that replaces no instance:\n%s", got)
	}
}

// A wait condition cannot be changed, and one that was to be changed is as it
// was when that is undone.
func TestWaitConditionIsNotUpdated(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), func(o *stack.Options) { o.Signals = stack.SignalsSimulated })
	st := h.create(stack.CreateInput{Template: []byte(handled)})
	next, err := h.Update(t.Context(), stack.UpdateInput{
		Account: account, Region: region, Stack: st.ID, Template: []byte(strings.Replace(handled, `"300"`, `"60"`, 1)),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.wait(next)
	now := h.describe(st.ID)
	if told := h.told(st); now.Status != stack.UpdateRollbackComplete ||
		!strings.Contains(told, "Done UPDATE_FAILED: Update to resource type AWS::CloudFormation::WaitCondition is not supported.") {
		t.Errorf("%s\n%s", now.Status, told)
	}
	if d := cmp.Diff(st.Outputs, now.Outputs); d != "" {
		t.Error(d)
	}
}

// TestSignalsInEveryStep repeats, fails and kills every beat of creations that
// await signals, one of which fails.
func TestSignalsInEveryStep(t *testing.T) {
	t.Parallel()
	workflowtest.EveryStep(t, func(t testing.TB, e workflowtest.Env) workflowtest.World {
		keys := seal.Ephemeral()
		var stacks *stack.Stacks
		told := map[string]bool{}
		return workflowtest.World{
			Boot: func(r *workflow.Runner) {
				stacks = stack.New(stack.Options{DB: e.DB, Runner: r, Keys: keys, Now: e.Now})
			},
			Start: func(ctx context.Context, _ *workflow.Runner) error {
				for name, template := range map[string]string{"machine": machine, "handled": handled} {
					_, err := stacks.Create(ctx, stack.CreateInput{
						Account: account, Region: region, Name: name, Operation: "create " + name, Template: []byte(template),
					})
					if err != nil {
						return err
					}
				}
				return nil
			},
			Stir: func(ctx context.Context, _ *workflow.Runner) (bool, error) {
				for _, id := range []string{"i-1", "i-2"} {
					if told[id] {
						continue
					}
					err := stacks.SignalResource(ctx, stack.SignalInput{
						Account: account, Region: region, Stack: "machine", LogicalID: "Machine", UniqueID: id,
					})
					if _, early := stack.AsError(err); early {
						break
					}
					told[id] = true
					return true, err
				}
				st, resources, err := stacks.Resources(ctx, account, region, "handled")
				if _, gone := stack.AsError(err); gone {
					return false, nil
				}
				for _, r := range resources {
					u, err := url.Parse(r.Physical)
					if r.LogicalID != "Handle" || r.Physical == "" || told["handle"] {
						continue
					}
					if told["handle"] = true; err != nil {
						return false, err
					}
					return true, stacks.SignalHandle(ctx, stack.HandleSignal{
						Stack: st.ID, LogicalID: "Handle", Signature: u.Query().Get("Signature"),
						Body: []byte(`{"Status": "FAILURE", "UniqueId": "x", "Reason": "no"}`),
					})
				}
				return false, err
			},
			Dump: func(ctx context.Context) (string, error) { return dump(ctx, e.DB, stacks) },
		}
	})
}

// A wait condition may wait for a handle of another stack.
func TestWaitForAnotherStack(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), nil)
	other := h.create(stack.CreateInput{Name: "other", Template: []byte("Resources: {Handle: {Type: AWS::CloudFormation::WaitConditionHandle}}")})
	at := h.physical(other, "Handle")
	st := h.start(stack.CreateInput{Parameters: []stack.Given{{Key: "At", Value: at}}, Template: []byte(`
Parameters: {At: {Type: String}}
Resources: {Done: {Type: AWS::CloudFormation::WaitCondition, Properties: {Handle: !Ref At, Timeout: 600}}}
`)})
	h.idle()
	if err := h.put(at, `{"Status": "SUCCESS", "UniqueId": "x"}`); err != nil {
		t.Fatal(err)
	}
	h.wait(st)
	if now := h.describe(st.ID); now.Status != stack.CreateComplete {
		t.Error(h.told(st))
	}
}

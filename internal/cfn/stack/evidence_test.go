package stack_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/stack"
	"larder/internal/db/dbtest"
	"larder/internal/evidencetest"
)

type recordedEvent struct {
	LogicalResourceId, ResourceType, ResourceStatus, ResourceStatusReason string
	PhysicalResourceId                                                    *string
}

// launches are the first stacks that the recorded tests make.
func launches(t *testing.T) map[string]stack.CreateInput {
	t.Helper()
	found := map[string]stack.CreateInput{}
	for _, test := range evidencetest.Lines[struct {
		Name       string
		Transcript []struct {
			Op     string
			Kwargs struct {
				TemplateBody string
				Parameters   json.RawMessage
			}
		}
	}](t, "transcripts.jsonl") {
		for _, call := range test.Transcript {
			op := strings.TrimPrefix(call.Op, "cloudformation.")
			if op != "deploy_cfn_template" && op != "create_stack" && op != "create_change_set" {
				continue
			}
			in := stack.CreateInput{Template: []byte(call.Kwargs.TemplateBody), AllCapabilities: true}
			var byKey map[string]string
			var list []struct{ ParameterKey, ParameterValue string }
			if json.Unmarshal(call.Kwargs.Parameters, &byKey) == nil {
				for key, value := range byKey {
					in.Parameters = append(in.Parameters, stack.Given{Key: key, Value: value})
				}
			} else if json.Unmarshal(call.Kwargs.Parameters, &list) == nil {
				for _, p := range list {
					in.Parameters = append(in.Parameters, stack.Given{Key: p.ParameterKey, Value: p.ParameterValue})
				}
			}
			found[test.Name] = in
			break
		}
	}
	return found
}

// TestRecordedEvents replays the recorded creations and deletions whose
// events are known.
func TestRecordedEvents(t *testing.T) {
	t.Parallel()
	recorded := evidencetest.JSON[[]struct {
		Test, Key string
		Events    []recordedEvent
	}](t, "event_lists.json")
	inputs := launches(t)
	replayed := 0
	var matched atomic.Int64
	t.Cleanup(func() {
		t.Logf("evidence: event lists of creations and deletions: %d of %d", matched.Load(), replayed)
	})
	for _, r := range recorded {
		if !strings.Contains(strings.ToLower(r.Key), "events") || updates(r.Events) {
			continue // descriptions of resources, and updates
		}
		in, ok := inputs[r.Test]
		if !ok || len(in.Template) == 0 || bytes.HasPrefix(in.Template, []byte("${")) {
			t.Logf("%s: the recording has no template", r.Test)
			continue
		}
		if bytes.Contains(in.Template, []byte("Fn::Transform")) {
			t.Logf("%s: needs a macro", r.Test)
			continue
		}
		replayed++
		t.Run(r.Test+"/"+r.Key, func(t *testing.T) {
			t.Parallel()
			replay(t, open(t, dbtest.New(t), nil), in, r.Events)
			if !t.Failed() {
				matched.Add(1)
			}
		})
	}
	if replayed < 12 {
		t.Errorf("only %d recordings were replayed", replayed)
	}
}

func updates(events []recordedEvent) bool {
	return slices.ContainsFunc(events, func(e recordedEvent) bool { return strings.HasPrefix(e.ResourceStatus, "UPDATE_") })
}

// replay does what the recorded test did and compares what is told.
func replay(t *testing.T, h *house, in stack.CreateInput, recorded []recordedEvent) {
	t.Helper()
	want := slices.Clone(recorded)
	if last := want[len(want)-1].ResourceStatus; last == "REVIEW_IN_PROGRESS" || last == "CREATE_IN_PROGRESS" {
		slices.Reverse(want) // most recordings are newest first
	}
	want = slices.DeleteFunc(want, func(e recordedEvent) bool { return e.ResourceStatus == "REVIEW_IN_PROGRESS" }) // of the change set

	st := h.create(in)
	deletions := 0
	for _, e := range want {
		if e.ResourceType == "AWS::CloudFormation::Stack" && e.ResourceStatus == "DELETE_IN_PROGRESS" {
			deletions++
		}
	}
	if deletions == 0 && want[len(want)-1].ResourceStatus != "CREATE_COMPLETE" {
		deletions = 1 // a selection of events that leaves the stack's own out
	}
	for n := range deletions {
		var retain []string
		if n == 1 {
			retain = []string{"BrokenPolicy"}
		}
		st = h.delete(st, retain...)
	}

	// A recording may be a selection; compare what it can tell.
	told := map[string]bool{}
	reasons, early := false, false
	for _, e := range want {
		told[who(e.LogicalResourceId, e.ResourceType)+" "+e.ResourceStatus] = true
		reasons = reasons || e.ResourceStatusReason != "" && e.ResourceStatusReason != "resource-status-reason"
		early = early || e.PhysicalResourceId != nil && *e.PhysicalResourceId == ""
	}
	line := func(logicalID, typ, status, reason string, isEarly bool) string {
		out := who(logicalID, typ) + " " + status
		if reasons && reason != "" {
			out += ": " + reason
		}
		if early && isEarly {
			out += " early"
		}
		return out
	}
	var wanted, got []string
	for _, e := range want {
		wanted = append(wanted, line(e.LogicalResourceId, e.ResourceType, e.ResourceStatus, e.ResourceStatusReason,
			e.PhysicalResourceId != nil && *e.PhysicalResourceId == ""))
	}
	_, events, _, err := h.Events(t.Context(), stack.EventsInput{Account: account, Region: region, Stack: st.ID})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(events)
	var before stack.Event
	for _, e := range events {
		if !told[who(e.LogicalID, e.Type)+" "+string(e.Status)] {
			continue
		}
		if !early && e.LogicalID == before.LogicalID && e.Status == before.Status {
			continue // the recording shows a status once
		}
		before = e
		got = append(got, line(e.LogicalID, e.Type, string(e.Status), e.Reason, e.Physical == ""))
	}
	if d := cmp.Diff(wanted, got); d != "" {
		t.Errorf("events (-recorded +ours):\n%s", d)
	}
}

// who names an event's resource; the stack itself has another name each time.
func who(logicalID, typ string) string {
	if typ == "AWS::CloudFormation::Stack" {
		return "-"
	}
	return logicalID
}

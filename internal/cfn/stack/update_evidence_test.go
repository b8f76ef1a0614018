package stack_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/stack"
	"larder/internal/db/dbtest"
	"larder/internal/evidencetest"
)

// A recorded case: a stack made by a change set, changed by another, and
// deleted.
type recordedUpdate struct {
	Name                 string
	Template1, Template2 json.RawMessage
	Params1, Params2     map[string]string
	Needs                []string
	Expect               struct {
		Events map[string][]recordedEvent
		Update struct {
			ChangeSet struct{ Status string } `json:"change_set"`
			Changes   []struct {
				ResourceChange struct {
					LogicalResourceID string `json:"LogicalResourceId"`
					ResourceType      string
					AfterContext      struct{ Properties json.RawMessage }
				}
			} `json:"changes_with_values"`
		}
	}
}

// TestRecordedUpdates does what every recorded case did, and compares the
// events of the stack and of each resource.
func TestRecordedUpdates(t *testing.T) {
	t.Parallel()
	files := evidencetest.Files(t, "changesets")
	matched, compared, outside := 0, 0, 0
	for _, file := range files {
		src := evidencetest.File(t, filepath.Join("changesets", filepath.Base(file)))
		src = []byte(strings.NewReplacer("<partition>", "aws", "<region>", region, "url_suffix", "amazonaws.com", "${fixture:s3_bucket}", "b").Replace(string(src)))
		var c recordedUpdate
		if err := json.Unmarshal(src, &c); err != nil {
			t.Fatal(err)
		}
		if len(c.Needs) > 0 && !strings.HasPrefix(c.Needs[0], "aws-include") {
			outside++
			continue
		}
		compared++
		want, got := c.recorded(), c.replayed(t)
		if c.brief() {
			want, got = shortened(want), shortened(got)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: events (-AWS +ours)\n%s", c.Name, d)
			continue
		}
		matched++
	}
	t.Logf("evidence: events of recorded updates: %d of %d (%d more need something outside)", matched, compared, outside)
}

// recorded brings the recorded events to the form in which they are compared.
func (c *recordedUpdate) recorded() map[string][]string {
	all := map[string][]string{}
	for who, events := range c.Expect.Events {
		var lines story
		for _, e := range events {
			physical := ""
			if e.PhysicalResourceId != nil {
				physical = *e.PhysicalResourceId
			}
			lines.add(e.ResourceStatus, e.ResourceStatusReason, physical)
		}
		all[who] = lines.lines
	}
	return all
}

// brief reports whether the recording is one of the older ones, which have
// no reasons, show each status once and not every status.
func (c *recordedUpdate) brief() bool {
	for _, events := range c.Expect.Events {
		if slices.ContainsFunc(events, func(e recordedEvent) bool { return e.ResourceStatusReason != "" }) {
			return false
		}
	}
	return true
}

// shortened keeps what the older recordings tell.
func shortened(all map[string][]string) map[string][]string {
	short := map[string][]string{}
	for who, lines := range all {
		for _, line := range lines {
			status, _, _ := strings.Cut(line, " ")
			if strings.HasPrefix(status, "DELETE") || strings.Contains(status, "CLEANUP") {
				continue
			}
			if n := len(short[who]); n == 0 || short[who][n-1] != status {
				short[who] = append(short[who], status)
			}
		}
	}
	return short
}

// story is the events of one resource: which physical resource they are of
// is told by number, in the order in which they came.
type story struct {
	lines []string
	known []string
}

func (s *story) add(status, reason, physical string) {
	n := 0
	if physical != "" {
		if n = slices.Index(s.known, physical) + 1; n == 0 {
			s.known = append(s.known, physical)
			n = len(s.known)
		}
	}
	s.lines = append(s.lines, fmt.Sprintf("%s %d %s", status, n, reason))
}

// included is the file that a case includes. It was not recorded, but what AWS
// answered tells what is in it.
func (c *recordedUpdate) included(t *testing.T) string {
	t.Helper()
	type resource struct {
		Type       string
		Properties json.RawMessage
	}
	resources := map[string]resource{}
	for _, change := range c.Expect.Update.Changes {
		r := &change.ResourceChange
		resources[r.LogicalResourceID] = resource{r.ResourceType, r.AfterContext.Properties}
	}
	if len(resources) == 0 || len(c.Needs) == 0 {
		return "Outputs: {ParameterRef: {Value: {Ref: Parameter}}}"
	}
	text, err := json.Marshal(resources)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (c *recordedUpdate) replayed(t *testing.T) map[string][]string {
	t.Helper()
	h, _ := includer(t, dbtest.New(t), map[string]string{"template": c.included(t)})
	execute := func(creates bool, template []byte, params map[string]string) bool {
		in := stack.ChangeSetInput{
			UpdateInput: stack.UpdateInput{Account: account, Region: region, Stack: "stack-a", Template: template, AllCapabilities: true},
			Name:        "changes", Creates: creates,
		}
		for key, value := range params {
			in.Parameters = append(in.Parameters, stack.Given{Key: key, Value: value})
		}
		sort.Slice(in.Parameters, func(i, j int) bool { return in.Parameters[i].Key < in.Parameters[j].Key })
		if !creates {
			in.Name = "more-changes"
		}
		cs, err := h.CreateChangeSet(t.Context(), in)
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		if cs.Status == stack.ChangeSetFailed {
			return false
		}
		st, _, err := h.Execute(t.Context(), stack.ExecuteInput{Account: account, Region: region, Name: cs.ID})
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		h.wait(st)
		return true
	}
	execute(true, c.Template1, c.Params1)
	execute(false, c.Template2, c.Params2)
	st := h.describe("stack-a")
	all := h.stories(st)
	if stackEvents := c.Expect.Events["Stack"]; len(stackEvents) > 0 && strings.HasPrefix(stackEvents[len(stackEvents)-1].ResourceStatus, "DELETE") {
		h.delete(st)
		all["Stack"] = h.stories(st)["Stack"]
	}
	for who := range all {
		if _, told := c.Expect.Events[who]; !told {
			delete(all, who)
		}
	}
	return all
}

func (h *house) stories(st stack.Stack) map[string][]string {
	h.t.Helper()
	var events []stack.Event
	for before := int64(0); ; {
		_, page, next, err := h.Events(h.t.Context(), stack.EventsInput{Account: account, Region: region, Stack: st.ID, Before: before})
		if err != nil {
			h.t.Fatal(err)
		}
		events = append(events, page...)
		if before = next; next == 0 {
			break
		}
	}
	slices.Reverse(events)
	stories := map[string]*story{}
	for _, e := range events {
		who := e.LogicalID
		if e.Physical == st.ID {
			who = "Stack"
		}
		if stories[who] == nil {
			stories[who] = &story{}
		}
		stories[who].add(string(e.Status), e.Reason, e.Physical)
	}
	all := map[string][]string{}
	for who, s := range stories {
		all[who] = s.lines
	}
	return all
}

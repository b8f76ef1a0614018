package stack_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/fetch"
)

// shelf serves templates by name; they may change.
type shelf struct {
	url string

	mu    sync.Mutex
	texts map[string]string
	asked int
}

func newShelf(t testing.TB) *shelf {
	s := &shelf{texts: map[string]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked++
		text, ok := s.texts[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *shelf) put(name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts[name] = text
}

// fetching lets a house fetch from this machine.
func fetching(t testing.TB, change func(*stack.Options)) func(*stack.Options) {
	t.Helper()
	client, err := fetch.New(fetch.Policy{HTTP: true, Loopback: true, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return func(o *stack.Options) {
		o.Fetch = client
		if change != nil {
			change(o)
		}
	}
}

// root is the template of a stack with one nested stack and what depends on
// it. %s is where templates are, %s the value handed down.
const root = `
Resources:
  Nested:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: %s/child
      Parameters: {Value: %s}
      Tags: [{Key: own, Value: "1"}]
  Name:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !GetAtt Nested.Outputs.Said}
Outputs:
  Child: {Value: !Ref Nested}
  Said: {Value: !GetAtt Nested.Outputs.Said}
`

const child = `
Parameters: {Value: {Type: String}}
Resources:
  Text: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Value}}
Outputs:
  Said: {Value: !Sub "said ${Text.Value}"}
`

// nestedIn returns the stack that a stack's resource is.
func (h *house) nestedIn(st stack.Stack, logicalID string) stack.Stack {
	h.t.Helper()
	_, resources, err := h.Resources(h.t.Context(), account, region, st.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range resources {
		if r.LogicalID == logicalID {
			return h.describe(r.Physical)
		}
	}
	h.t.Fatalf("%s has no %s", st.Name, logicalID)
	return stack.Stack{}
}

func TestNestedStack(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		s := newShelf(t)
		s.put("child", child)
		h := open(t, d, fetching(t, nil))
		st := h.create(stack.CreateInput{Template: fmt.Appendf(nil, root, s.url, "a"), Tags: []stack.Tag{{Key: "of", Value: "root"}}})
		if st.Status != stack.CreateComplete {
			t.Fatalf("%s: %s\n%s", st.Status, st.Reason, h.told(st))
		}
		nested := h.nestedIn(st, "Nested")
		if nested.Parent != st.ID || nested.Root != st.ID || nested.Status != stack.CreateComplete || st.Outputs[0].Value != nested.ID || st.Outputs[1].Value != "said a" {
			t.Errorf("nested %+v\nroot %+v", nested, st)
		}
		if !strings.HasPrefix(nested.Name, "stack-a-Nested-") || len(nested.Name) != len("stack-a-Nested-XXXXXXXXXXXX") {
			t.Errorf("it is called %s", nested.Name)
		}
		if fmt.Sprint(nested.Tags) != "[{of root} {own 1}]" {
			t.Errorf("tags %v", nested.Tags)
		}
		created := h.told(st)
		diff(t, "events of the root", created, `
- CREATE_IN_PROGRESS: User Initiated
Nested CREATE_IN_PROGRESS early
Nested CREATE_IN_PROGRESS: Resource creation Initiated
Nested CREATE_COMPLETE
Name CREATE_IN_PROGRESS early
Name CREATE_IN_PROGRESS: Resource creation Initiated
Name CREATE_COMPLETE
- CREATE_COMPLETE`)
		born := h.told(nested)
		diff(t, "events of the nested one", born, `
- CREATE_IN_PROGRESS: User Initiated
Text CREATE_IN_PROGRESS early
Text CREATE_IN_PROGRESS: Resource creation Initiated
Text CREATE_COMPLETE
- CREATE_COMPLETE`)

		// Nothing has changed, but only the nested template tells.
		st = h.update(st, stack.UpdateInput{})
		same := h.toldSince(st, created)
		diff(t, "events of an update without changes", same, `
- UPDATE_IN_PROGRESS: User Initiated
Nested UPDATE_IN_PROGRESS
Nested UPDATE_COMPLETE
- UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
Nested UPDATE_COMPLETE
- UPDATE_COMPLETE`)
		if now := h.told(nested); now != born {
			t.Errorf("the nested stack tells:\n%s", now)
		}
		before := h.told(st)
		st = h.update(st, stack.UpdateInput{Template: fmt.Appendf(nil, root, s.url, "b")})
		diff(t, "events of an update", h.toldSince(st, before), `
- UPDATE_IN_PROGRESS: User Initiated
Nested UPDATE_IN_PROGRESS
Nested UPDATE_COMPLETE
Name UPDATE_IN_PROGRESS
Name UPDATE_COMPLETE
- UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
Nested UPDATE_COMPLETE
- UPDATE_COMPLETE`)
		diff(t, "events of the nested one's update", h.toldSince(nested, born), `
- UPDATE_IN_PROGRESS: User Initiated
Text UPDATE_IN_PROGRESS
Text UPDATE_COMPLETE
- UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
- UPDATE_COMPLETE`)
		if st.Outputs[1].Value != "said b" {
			t.Errorf("outputs %v", st.Outputs)
		}
		before, born = h.told(st), h.told(nested)
		if gone := h.delete(st); gone.Status != stack.DeleteComplete || h.describe(nested.ID).Status != stack.DeleteComplete || h.left(st)+h.left(nested) != 0 {
			t.Errorf("%s, nested %s", gone.Status, h.describe(nested.ID).Status)
		}
		diff(t, "events of the deletion", h.toldSince(st, before), `
- DELETE_IN_PROGRESS: User Initiated
Name DELETE_IN_PROGRESS
Name DELETE_COMPLETE
Nested DELETE_IN_PROGRESS
Nested DELETE_COMPLETE
- DELETE_COMPLETE`)
		diff(t, "events of the nested one's deletion", h.toldSince(nested, born), `
- DELETE_IN_PROGRESS: User Initiated
Text DELETE_IN_PROGRESS
Text DELETE_COMPLETE
- DELETE_COMPLETE`)
	})
}

// pairOf is the template of a stack with two nested ones, of which the second
// waits for the first, and a topic of its own.
const pairOf = `
Resources:
  First:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: %[1]s/first, Parameters: {Value: %[2]s}}
  Second:
    Type: AWS::CloudFormation::Stack
    DependsOn: First
    Properties: {TemplateURL: %[1]s/second, Parameters: {Value: %[2]s}}
`

// changed is a template whose update changes, replaces, adds and removes.
func changed(value string) string {
	return `
Parameters: {Value: {Type: String}}
Resources:
  Text: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Value}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !Sub "${AWS::StackName}-${Value}"}}
  ` + value + `: {Type: AWS::SNS::Topic}
Outputs:
  Topic: {Value: !Ref Topic, Export: {Name: !Sub "${AWS::StackName}-${Value}"}}
  ` + value + `: {Value: !Ref ` + value + `}
`
}

func TestNestedUpdateIsUndone(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		s := newShelf(t)
		s.put("first", changed("Old"))
		s.put("second", child)
		h := open(t, d, fetching(t, rules(t, `rules: [{match: {stack: "stack-a-Second-*", logicalId: Text}, action: UPDATE, fail: no luck, count: 1}]`)))
		st := h.create(stack.CreateInput{Template: fmt.Appendf(nil, pairOf, s.url, "a")})
		first, second := h.nestedIn(st, "First"), h.nestedIn(st, "Second")
		before, beforeFirst, beforeSecond := h.told(st), h.told(first), h.told(second)
		was, wasFirst := h.world(first)+h.world(second), first.Outputs
		s.put("first", changed("New"))
		st = h.update(st, stack.UpdateInput{Template: fmt.Appendf(nil, pairOf, s.url, "b")})
		// Both are settled at once, and report when they please.
		events := strings.Replace(h.toldSince(st, before), "CLEANUP_IN_PROGRESS\nSecond UPDATE_COMPLETE\nFirst UPDATE_COMPLETE\n",
			"CLEANUP_IN_PROGRESS\nFirst UPDATE_COMPLETE\nSecond UPDATE_COMPLETE\n", 1)
		diff(t, "events of the root", events, fmt.Sprintf(`
- UPDATE_IN_PROGRESS: User Initiated
First UPDATE_IN_PROGRESS
First UPDATE_COMPLETE
Second UPDATE_IN_PROGRESS
Second UPDATE_FAILED: Embedded stack %s was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: The following resource(s) failed to update: [Text]. 
- UPDATE_ROLLBACK_IN_PROGRESS: The following resource(s) failed to update: [Second]. 
First UPDATE_IN_PROGRESS
First UPDATE_COMPLETE
Second UPDATE_IN_PROGRESS
Second UPDATE_COMPLETE
- UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
First UPDATE_COMPLETE
Second UPDATE_COMPLETE
- UPDATE_ROLLBACK_COMPLETE`, second.ID))
		diff(t, "events of the first", h.toldSince(first, beforeFirst), `
- UPDATE_IN_PROGRESS: User Initiated
Text UPDATE_IN_PROGRESS
Topic UPDATE_IN_PROGRESS: Requested update requires the creation of a new physical resource; hence creating one.
New CREATE_IN_PROGRESS early
Topic UPDATE_IN_PROGRESS: Resource creation Initiated
New CREATE_IN_PROGRESS: Resource creation Initiated
Text UPDATE_COMPLETE
Topic UPDATE_COMPLETE
New CREATE_COMPLETE
- UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
- UPDATE_ROLLBACK_IN_PROGRESS: Initiated by parent
Text UPDATE_IN_PROGRESS
Topic UPDATE_COMPLETE
Text UPDATE_COMPLETE
- UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
New DELETE_IN_PROGRESS
Topic DELETE_IN_PROGRESS
New DELETE_COMPLETE
Topic DELETE_COMPLETE
- UPDATE_ROLLBACK_COMPLETE`)
		diff(t, "events of the second", h.toldSince(second, beforeSecond), `
- UPDATE_IN_PROGRESS: User Initiated
Text UPDATE_IN_PROGRESS
Text UPDATE_FAILED: no luck
- UPDATE_ROLLBACK_IN_PROGRESS: The following resource(s) failed to update: [Text]. 
Text UPDATE_IN_PROGRESS
Text UPDATE_COMPLETE
- UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
- UPDATE_ROLLBACK_COMPLETE`)
		if now := h.world(first) + h.world(second); now != was {
			t.Errorf("the world is\n%s\nand was\n%s", now, was)
		}
		first = h.describe(first.ID)
		if fmt.Sprint(first.Outputs) != fmt.Sprint(wasFirst) || first.Transition != nil {
			t.Errorf("outputs are %v and were %v", first.Outputs, wasFirst)
		}
		exports, _, err := h.Exports(t.Context(), account, region, "", 0)
		if err != nil || len(exports) != 1 || exports[0].Name != first.Name+"-a" {
			t.Errorf("exports %v, %v", exports, err)
		}

		// The same again, and this time all goes well.
		beforeFirst = h.told(first)
		if st = h.update(st, stack.UpdateInput{Template: fmt.Appendf(nil, pairOf, s.url, "b")}); st.Status != stack.UpdateComplete {
			t.Fatalf("%s: %s", st.Status, st.Reason)
		}
		_, settled, _ := strings.Cut(h.toldSince(first, beforeFirst), "- UPDATE_COMPLETE_CLEANUP_IN_PROGRESS\n")
		diff(t, "the first settles", settled, `
Old DELETE_IN_PROGRESS
Topic DELETE_IN_PROGRESS
Old DELETE_COMPLETE
Topic DELETE_COMPLETE
- UPDATE_COMPLETE`)
		if gone := h.delete(st); gone.Status != stack.DeleteComplete || h.left(first)+h.left(second)+h.left(st) != 0 {
			t.Errorf("%s: %s", gone.Status, gone.Reason)
		}
	})
}

func TestNestedCreationFails(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.put("child", child)
	h := open(t, dbtest.New(t), fetching(t, rules(t, `rules: [{match: {stack: "*-Nested-*", logicalId: Text}, fail: no luck}]`)))
	for _, onFailure := range []stack.OnFailure{stack.Rollback, stack.DoNothing, stack.Delete} {
		st := h.create(stack.CreateInput{Name: "on-" + strings.ReplaceAll(string(onFailure), "_", "-"), Template: fmt.Appendf(nil, root, s.url, "a"), OnFailure: onFailure})
		nested := h.nestedIn(st, "Nested")
		told := h.told(st)
		rest := map[stack.OnFailure]string{
			stack.Rollback: `
- ROLLBACK_IN_PROGRESS: The following resource(s) failed to create: [Nested]. Rollback requested by user.
Nested DELETE_IN_PROGRESS
Nested DELETE_COMPLETE
- ROLLBACK_COMPLETE`,
			stack.DoNothing: "\n- CREATE_FAILED: The following resource(s) failed to create: [Nested].",
			stack.Delete: `
- DELETE_IN_PROGRESS: The following resource(s) failed to create: [Nested]. Delete requested by user.
Nested DELETE_IN_PROGRESS
Nested DELETE_COMPLETE
- DELETE_COMPLETE`,
		}[onFailure]
		diff(t, "events", strings.TrimSpace(told), fmt.Sprintf(`
- CREATE_IN_PROGRESS: User Initiated
Nested CREATE_IN_PROGRESS early
Nested CREATE_IN_PROGRESS: Resource creation Initiated
Nested CREATE_FAILED: Embedded stack %s was not successfully created: The following resource(s) failed to create: [Text]. `, nested.ID)+rest)
		own := `
- CREATE_IN_PROGRESS: User Initiated
Text CREATE_IN_PROGRESS early
Text CREATE_IN_PROGRESS: Resource creation Initiated
Text CREATE_FAILED: no luck
- CREATE_FAILED: The following resource(s) failed to create: [Text].`
		if onFailure != stack.DoNothing {
			own += ` 
- DELETE_IN_PROGRESS: User Initiated
Text DELETE_IN_PROGRESS
Text DELETE_COMPLETE
- DELETE_COMPLETE`
		}
		diff(t, "events of the nested one", strings.TrimSpace(h.told(nested)), own)
		if onFailure == stack.DoNothing {
			st = h.delete(st)
		}
		if h.describe(nested.ID).Status != stack.DeleteComplete || h.left(st)+h.left(nested) != 0 {
			t.Errorf("%s leaves %s", onFailure, h.describe(nested.ID).Status)
		}
	}
}

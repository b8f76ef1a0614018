package stack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"larder/internal/cfn/stack"
	"larder/internal/db/dbtest"
)

// refusedCreation returns why the one resource of a root failed that is a
// nested stack with those properties.
func (h *house) refusedCreation(name, properties string, capabilities ...string) string {
	h.t.Helper()
	st := h.create(stack.CreateInput{
		Name: name, OnFailure: stack.DoNothing, Capabilities: capabilities,
		Template: []byte("Resources: {A: {Type: AWS::CloudFormation::Stack, Properties: {" + properties + "}}}"),
	})
	_, resources, err := h.Resources(h.t.Context(), account, region, st.ID)
	if err != nil || len(resources) != 1 {
		h.t.Fatal(resources, err)
	}
	if gone := h.delete(st); gone.Status != stack.DeleteComplete {
		h.t.Errorf("%s: %s", gone.Status, gone.Reason)
	}
	return resources[0].Reason
}

func TestNestedStackIsRefused(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.put("child", child)
	s.put("role", `Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}`)
	s.put("itself", "Resources: {A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "+s.url+"/itself}}}")
	s.put("broken", "Resources: {A: {Type: AWS::Nothing::AtAll}}")
	h := open(t, dbtest.New(t), fetching(t, func(o *stack.Options) { o.Limits.Depth, o.Limits.Nested = 3, 5 }))
	tests := []struct{ properties, want string }{
		{"TemplateURL: " + s.url + "/nowhere", "S3 error: The specified key does not exist.\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"},
		{"TemplateURL: ftp://example.com/t", "TemplateURL must be a supported URL."},
		{"TemplateURL: " + s.url + "/child", "Parameters: [Value] must have values"},
		{"TemplateURL: " + s.url + "/child, Parameters: {Value: a, Other: b}", "Parameters: [Other] do not exist in the template"},
		{"TemplateURL: " + s.url + "/child, Parameters: {Value: [a, b]}", "Value of property Parameters must be an object with String (or simple type) properties"},
		{"TemplateURL: " + s.url + "/broken", "Template format error: Unrecognized resource types: [AWS::Nothing::AtAll]"},
		{"TemplateURL: " + s.url + "/role", "Requires capabilities : [CAPABILITY_IAM]"},
		{"Parameters: {Value: a}", "Properties validation failed for resource A with message:\n#: required key [TemplateURL] not found"},
	}
	for i, test := range tests {
		if got := h.refusedCreation(fmt.Sprintf("refused-%d", i), test.properties); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.properties, got, test.want)
		}
	}
	if got := h.refusedCreation("acknowledged", "TemplateURL: "+s.url+"/role", "CAPABILITY_IAM"); got != "" {
		t.Error(got)
	}
	deep := h.refusedCreation("deep", "TemplateURL: "+s.url+"/itself")
	if !strings.Contains(deep, "was not successfully created") {
		t.Error(deep)
	}
	told := 0
	all, _, err := h.List(t.Context(), stack.ListInput{Account: account, Region: region})
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range all {
		if strings.Contains(h.told(st), "Stacks can be nested at most 3 deep") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d stacks tell of the bound", told)
	}
}

func TestNestedStacksAreBounded(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.put("child", child)
	h := open(t, dbtest.New(t), fetching(t, func(o *stack.Options) { o.Limits.Nested = 2 }))
	var text strings.Builder
	text.WriteString("Resources:\n")
	for _, id := range []string{"A", "B", "C"} {
		fmt.Fprintf(&text, "  %s: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: %s/child, Parameters: {Value: a}}}\n", id, s.url)
	}
	st := h.create(stack.CreateInput{Template: []byte(text.String())})
	if told := h.told(st); st.Status != stack.RollbackComplete || !strings.Contains(told, "C CREATE_FAILED early: A stack can have at most 2 nested stacks") {
		t.Errorf("%s: %s\n%s", st.Status, st.Reason, told)
	}
	left, _, err := h.List(t.Context(), stack.ListInput{Account: account, Region: region, Active: true})
	if err != nil || len(left) != 1 {
		t.Errorf("%d stacks are left, %v", len(left), err)
	}
}

func TestNestedOutputThatIsMissing(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.put("child", child)
	h := open(t, dbtest.New(t), fetching(t, nil))
	st := h.create(stack.CreateInput{Template: []byte(strings.ReplaceAll(fmt.Sprintf(root, s.url, "a"), "Nested.Outputs.Said", "Nested.Outputs.Other")), OnFailure: stack.DoNothing})
	want := fmt.Sprintf("Name CREATE_FAILED early: Output 'Other' not found in stack '%s'", h.nestedIn(st, "Nested").ID)
	if told := h.told(st); !strings.Contains(told, want) {
		t.Errorf("%s\nlacks\n%s", told, want)
	}
}

// A secret stays one on its way down and up, whatever the nested template says.
func TestNestedSecret(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.put("child", child)
	h := open(t, dbtest.New(t), fetching(t, nil))
	text := "Parameters: {Secret: {Type: String, NoEcho: true}}" + fmt.Sprintf(root, s.url, "!Ref Secret")
	st := h.create(stack.CreateInput{Template: []byte(text), Parameters: []stack.Given{{Key: "Secret", Value: "hunter2"}}})
	nested := h.nestedIn(st, "Nested")
	if st.Status != stack.CreateComplete || nested.Parameters[0].Value != "****" || nested.Outputs[0].Value != "****" || st.Outputs[1].Value != "****" {
		t.Errorf("%s\nroot %v\nnested %v %v", st.Reason, st.Outputs, nested.Parameters, nested.Outputs)
	}
	opened, err := h.Reveal(&st)
	if err != nil || opened[1].Value != "said hunter2" {
		t.Errorf("%v, %v", opened, err)
	}
	if world := h.world(st) + h.world(nested); strings.Contains(world, "hunter2") {
		t.Errorf("it is told:\n%s", world)
	}
	if st = h.update(st, stack.UpdateInput{Parameters: []stack.Given{{Key: "Secret", Previous: true}}}); st.Status != stack.UpdateComplete {
		t.Errorf("%s: %s", st.Status, st.Reason)
	}
	if now := h.told(nested); strings.Contains(now, "UPDATE") {
		t.Errorf("nothing has changed:\n%s", now)
	}
}

func TestContinueRollbackOfNestedStacks(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.put("child", child)
	h := open(t, dbtest.New(t), fetching(t, rules(t, `rules:
- {match: {stack: stack-a, logicalId: Name}, action: UPDATE, fail: no, count: 1}
- {match: {stack: "stack-a-*", logicalId: Text}, action: UPDATE, delay: 1ms, count: 1}
- {match: {stack: "stack-a-*", logicalId: Text}, action: UPDATE, fail: not back}`)))
	st := h.create(stack.CreateInput{Template: fmt.Appendf(nil, root, s.url, "a")})
	nested := h.nestedIn(st, "Nested")
	st = h.update(st, stack.UpdateInput{Template: fmt.Appendf(nil, root, s.url, "b")})
	if now := h.describe(nested.ID); st.Status != stack.UpdateRollbackFailed || now.Status != stack.UpdateRollbackFailed {
		t.Fatalf("%s, nested %s", st.Status, now.Status)
	}
	want := fmt.Sprintf("Nested UPDATE_FAILED: Embedded stack %s was not successfully updated. Currently in UPDATE_ROLLBACK_FAILED with reason: The following resource(s) failed to update: [Text]. ", nested.ID)
	if told := h.told(st); !strings.Contains(told, want) {
		t.Errorf("%s\nlacks\n%s", told, want)
	}
	proceed := func(of string, skip ...string) error {
		return h.ContinueRollback(t.Context(), stack.ContinueInput{Account: account, Region: region, Stack: of, Skip: skip})
	}
	for _, refused := range []struct{ err, want string }{
		{fmt.Sprint(proceed(nested.ID)), "RollbackUpdatedStack cannot be invoked on child stacks"},
		{fmt.Sprint(proceed(st.ID, "Nested")), "Nested stacks could not be skipped"},
		{fmt.Sprint(proceed(st.ID, "Nested.Text")), "Stack [Nested] does not exist"},
		{fmt.Sprint(proceed(st.ID, "Other")), "Resource [Other] does not belong to stack stack-a"},
	} {
		if refused.err != refused.want {
			t.Errorf("%s, want %s", refused.err, refused.want)
		}
	}
	if err := proceed(st.ID, nested.Name+".Text"); err != nil {
		t.Fatal(err)
	}
	h.wait(h.describe(st.ID))
	if st, nested = h.describe(st.ID), h.describe(nested.ID); st.Status != stack.UpdateRollbackComplete || nested.Status != stack.UpdateRollbackComplete {
		t.Errorf("%s: %s, nested %s: %s", st.Status, st.Reason, nested.Status, nested.Reason)
	}
}

// What an update that is not to be rolled back leaves complete below waits for
// the next one, which may still undo both.
func TestNestedUpdateThatIsKept(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.put("first", changed("Old"))
	s.put("second", child)
	h := open(t, dbtest.New(t), fetching(t, rules(t, `rules: [{match: {stack: "stack-a-Second-*", logicalId: Text}, action: UPDATE, fail: no luck, count: 2}]`)))
	st := h.create(stack.CreateInput{Template: fmt.Appendf(nil, pairOf, s.url, "a")})
	first, second := h.nestedIn(st, "First"), h.nestedIn(st, "Second")
	was := h.world(first) + h.world(second)
	st = h.update(st, stack.UpdateInput{Template: fmt.Appendf(nil, pairOf, s.url, "b"), DisableRollback: true})
	statuses := func() []stack.Status {
		return []stack.Status{h.describe(st.ID).Status, h.describe(first.ID).Status, h.describe(second.ID).Status}
	}
	if got := statuses(); !slices.Equal(got, []stack.Status{stack.UpdateFailed, stack.UpdateCompleteCleanupInProgress, stack.UpdateFailed}) {
		t.Fatalf("%v\n%s", got, h.told(st))
	}
	_, err := h.Update(t.Context(), stack.UpdateInput{Account: account, Region: region, Stack: first.ID, Template: []byte(chain)})
	if err == nil || !strings.Contains(err.Error(), "is in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS state and can not be updated") {
		t.Errorf("updated alone: %v", err)
	}
	st = h.update(st, stack.UpdateInput{Template: fmt.Appendf(nil, pairOf, s.url, "c")})
	if got := statuses(); !slices.Equal(got, []stack.Status{stack.UpdateRollbackComplete, stack.UpdateRollbackComplete, stack.UpdateRollbackComplete}) {
		t.Fatalf("%v\n%s", got, h.told(st))
	}
	if now := h.world(first) + h.world(second); now != was {
		t.Errorf("the world is\n%s\nand was\n%s", now, was)
	}
}

func TestNestedDeletionFailsAndPolicies(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.put("child", child)
	h := open(t, dbtest.New(t), fetching(t, rules(t, `rules: [{match: {stack: "stack-a-*", logicalId: Text}, action: DELETE, fail: stays, count: 1}]`)))
	st := h.create(stack.CreateInput{Template: fmt.Appendf(nil, root, s.url, "a"), TerminationProtection: true})
	nested := h.nestedIn(st, "Nested")
	err := h.Delete(t.Context(), stack.DeleteInput{Account: account, Region: region, Stack: nested.ID})
	if err == nil || !strings.Contains(err.Error(), "TerminationProtection is enabled") {
		t.Errorf("the root protects: %v", err)
	}
	if _, err := h.Protect(t.Context(), account, region, st.ID, false); err != nil {
		t.Fatal(err)
	}
	st = h.delete(st)
	want := fmt.Sprintf("Nested DELETE_FAILED: Embedded stack %s was not successfully deleted: The following resource(s) failed to delete: [Text]. ", nested.ID)
	if told := h.told(st); st.Status != stack.DeleteFailed || !strings.Contains(told, want) {
		t.Errorf("%s\nlacks\n%s", told, want)
	}
	if st = h.delete(st); st.Status != stack.DeleteComplete || h.describe(nested.ID).Status != stack.DeleteComplete {
		t.Errorf("%s, nested %s", st.Status, h.describe(nested.ID).Status)
	}

	kept := h.create(stack.CreateInput{Name: "kept", Template: []byte(strings.Replace(fmt.Sprintf(root, s.url, "a"), "    Properties:\n      TemplateURL", "    DeletionPolicy: Retain\n    Properties:\n      TemplateURL", 1))})
	nested = h.nestedIn(kept, "Nested")
	if kept = h.delete(kept); kept.Status != stack.DeleteComplete || h.describe(nested.ID).Status != stack.CreateComplete {
		t.Errorf("%s, nested %s", kept.Status, h.describe(nested.ID).Status)
	}
}

func TestNestedUpdateIsCanceled(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.put("child", child)
	h := open(t, dbtest.New(t), fetching(t, rules(t, `rules: [{match: {stack: "stack-a-*", logicalId: Text}, action: UPDATE, hang: true, count: 1}]`)))
	st := h.create(stack.CreateInput{Template: fmt.Appendf(nil, root, s.url, "a")})
	nested := h.nestedIn(st, "Nested")
	before := h.told(nested)
	now, err := h.Update(t.Context(), stack.UpdateInput{Account: account, Region: region, Stack: st.ID, Template: fmt.Appendf(nil, root, s.url, "b")})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.runner.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.CancelUpdate(t.Context(), account, region, nested.ID); err == nil || err.Error() != "CancelUpdateStack cannot be invoked on child stacks" {
		t.Errorf("canceled alone: %v", err)
	}
	if err := h.CancelUpdate(t.Context(), account, region, st.ID); err != nil {
		t.Fatal(err)
	}
	h.wait(now)
	if got := h.describe(st.ID); got.Status != stack.UpdateRollbackComplete {
		t.Fatalf("%s: %s", got.Status, got.Reason)
	}
	diff(t, "events of the nested one", h.toldSince(nested, before), `
- UPDATE_IN_PROGRESS: User Initiated
Text UPDATE_IN_PROGRESS
Text UPDATE_FAILED: (canceled)
- UPDATE_ROLLBACK_IN_PROGRESS: Initiated by parent
Text UPDATE_IN_PROGRESS
Text UPDATE_COMPLETE
- UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
- UPDATE_ROLLBACK_COMPLETE`)
}

// Nobody else settles what was held when its parent went.
func TestNestedStackWithoutParent(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.put("first", changed("Old"))
	s.put("second", child)
	h := open(t, dbtest.New(t), fetching(t, rules(t, `rules: [{match: {stack: "stack-a-Second-*", logicalId: Text}, action: UPDATE, fail: no luck}]`)))
	text := func(value string) []byte {
		return []byte(strings.Replace(fmt.Sprintf(pairOf, s.url, value), "  First:\n", "  First:\n    DeletionPolicy: Retain\n", 1))
	}
	st := h.create(stack.CreateInput{Template: text("a")})
	first := h.nestedIn(st, "First")
	st = h.update(st, stack.UpdateInput{Template: text("b"), DisableRollback: true})
	if st = h.delete(st); st.Status != stack.DeleteComplete {
		t.Fatalf("%s: %s", st.Status, st.Reason)
	}
	first = h.update(h.describe(first.ID), stack.UpdateInput{Parameters: []stack.Given{{Key: "Value", Value: "c"}}})
	if first.Status != stack.UpdateComplete || first.Transition != nil {
		t.Errorf("%s: %s", first.Status, first.Reason)
	}
	if first = h.delete(first); first.Status != stack.DeleteComplete || h.left(first) != 0 {
		t.Errorf("%s, %d left", first.Status, h.left(first))
	}
}

package stack_test

import (
	"context"
	"strings"
	"testing"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/schema"
	"larder/internal/cfn/stack"
	"larder/internal/db/dbtest"
)

func TestUpdatePolicies(t *testing.T) {
	t.Parallel()
	const v1 = `
Resources:
  Kept: {Type: AWS::SNS::Topic, DeletionPolicy: Retain, Properties: {TopicName: kept}}
  Anew: {Type: AWS::SNS::Topic, UpdateReplacePolicy: Retain, Properties: {TopicName: first}}
`
	const v2 = `
Resources:
  Anew: {Type: AWS::SNS::Topic, UpdateReplacePolicy: Retain, Properties: {TopicName: second}}
`
	h := open(t, dbtest.New(t), nil)
	st := h.create(stack.CreateInput{Template: []byte(v1)})
	before := h.told(st)
	st = h.update(st, stack.UpdateInput{Template: []byte(v2)})
	_, cleanup, _ := strings.Cut(h.toldSince(st, before), "- UPDATE_COMPLETE_CLEANUP_IN_PROGRESS\n")
	diff(t, "events", cleanup, "Anew DELETE_SKIPPED\nKept DELETE_SKIPPED\n- UPDATE_COMPLETE")
	if _, resources, err := h.Resources(t.Context(), account, region, st.ID); err != nil || len(resources) != 1 {
		t.Errorf("%+v, %v", resources, err)
	}
	if h.left(st) != 3 {
		t.Errorf("%d resources exist, want 3", h.left(st))
	}
	// What was left behind has its name.
	st = h.update(st, stack.UpdateInput{Template: []byte(v1)})
	if st.Status != stack.UpdateRollbackComplete || !strings.Contains(h.told(st), "kept already exists") {
		t.Errorf("%s\n%s", st.Status, h.told(st))
	}
}

func TestUpdatedExports(t *testing.T) {
	t.Parallel()
	const exporter = "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: first}}}\nOutputs: {Arn: {Value: !Ref Topic, Export: {Name: arn}}}"
	h := open(t, dbtest.New(t), nil)
	st := h.create(stack.CreateInput{Template: []byte(exporter)})
	h.create(stack.CreateInput{Name: "importer", Template: []byte("Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !ImportValue arn}}}")})
	for name, c := range map[string]struct{ text, reason string }{
		"changed": {strings.Replace(exporter, "first", "second", 1), "Export arn cannot be updated as it is in use by importer"},
		"removed": {exporter[:strings.Index(exporter, "Outputs")], "Export arn cannot be deleted as it is in use by importer"},
	} {
		st = h.update(st, stack.UpdateInput{Template: []byte(c.text)})
		if st.Status != stack.UpdateRollbackComplete || !strings.Contains(h.told(st), "- UPDATE_ROLLBACK_IN_PROGRESS: "+c.reason+"\n") {
			t.Errorf("%s: %s\n%s", name, st.Status, h.told(st))
		}
	}
	more := strings.Replace(exporter, "Outputs: {", "Outputs: {Name: {Value: x, Export: {Name: more}}, ", 1)
	if st = h.update(st, stack.UpdateInput{Template: []byte(more)}); st.Status != stack.UpdateComplete {
		t.Errorf("%s %s", st.Status, st.Reason)
	}
	if page, _, err := h.Exports(t.Context(), account, region, "", 0); err != nil || len(page) != 2 {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestStackPolicy(t *testing.T) {
	t.Parallel()
	const v1 = "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: a}}, B: {Type: AWS::SNS::Topic}}"
	const policy = `{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
		{"Effect": "Deny", "Action": ["Update:Modify", "Update:Delete"], "Principal": {"AWS": "*"}, "NotResource": "LogicalResourceId/C*"}]}`
	h := open(t, dbtest.New(t), nil)
	st := h.create(stack.CreateInput{Template: []byte(v1), Policy: policy})
	for name, c := range map[string]struct{ text, reason string }{
		"modify": {strings.Replace(v1, ": a}", ": b}", 1), "A UPDATE_FAILED: Action denied by stack policy: Statement [#2] does not allow [Update:Modify] for resource [LogicalResourceId/A];"},
		"delete": {"Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: a}}}", "B UPDATE_FAILED: Action denied by stack policy: Statement [#2] does not allow [Update:Delete] for resource [LogicalResourceId/B];"},
	} {
		st = h.update(st, stack.UpdateInput{Template: []byte(c.text)})
		if st.Status != stack.UpdateRollbackComplete || !strings.Contains(h.told(st), c.reason) {
			t.Errorf("%s: %s\n%s", name, st.Status, h.told(st))
		}
		if h.left(st) != 2 {
			t.Errorf("%s: %d resources exist", name, h.left(st))
		}
	}
	allow := `{"Statement": {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}}`
	st = h.update(st, stack.UpdateInput{Template: []byte(strings.Replace(v1, ": a}", ": b}", 1)), PolicyDuringUpdate: allow})
	if st.Status != stack.UpdateComplete || st.Policy != policy {
		t.Errorf("%s, policy %s", st.Status, st.Policy)
	}
	for _, text := range []string{`x`, `{"Statement": 1}`, `{"Statement": [{"Effect": "Maybe", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}`,
		`{"Statement": [{"Effect": "Deny", "Action": "Delete:*", "Principal": "*", "Resource": "*"}]}`, `{"Other": []}`} {
		if err := h.SetPolicy(t.Context(), account, region, st.Name, text); err == nil || err.Error() != "Error validating stack policy: Invalid stack policy" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// An update of metadata alone is one; with a token it is one whatever is
// asked again.
func TestMetadataAndTokens(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), nil)
	st := h.create(stack.CreateInput{Template: []byte("Resources: {A: {Type: AWS::SNS::Topic}}")})
	before := h.told(st)
	in := stack.UpdateInput{Template: []byte("Resources: {A: {Type: AWS::SNS::Topic, Metadata: {a: b}}}"), Token: "once"}
	h.update(st, in)
	h.update(st, in)
	diff(t, "events", h.toldSince(st, before), `
- UPDATE_IN_PROGRESS: User Initiated
A UPDATE_IN_PROGRESS
A UPDATE_COMPLETE
- UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
- UPDATE_COMPLETE`)
}

// mover makes another resource when it is asked to change one.
type mover struct{}

func (mover) Advance(_ context.Context, r resource.Request) (resource.Progress, error) {
	physical := r.Model.Physical
	if r.Action != resource.Delete {
		value, _ := r.Properties["Value"].(string)
		physical = "made of " + value
	}
	return resource.Progress{Model: schema.Model{Physical: physical, Identifier: physical, Properties: r.Properties}}, nil
}

func TestHandlerThatReplaces(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), func(o *stack.Options) {
		o.Handlers = &resource.Handlers{}
		o.Handlers.Register("Custom::*", mover{})
	})
	text := func(value string) []byte {
		return []byte("Resources: {A: {Type: Custom::Thing, Properties: {ServiceToken: t, Value: " + value + "}}, B: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref A}}}")
	}
	st := h.create(stack.CreateInput{Template: text("a")})
	before := h.told(st)
	st = h.update(st, stack.UpdateInput{Template: text("b")})
	diff(t, "events", h.toldSince(st, before), `
- UPDATE_IN_PROGRESS: User Initiated
A UPDATE_IN_PROGRESS
A UPDATE_COMPLETE
B UPDATE_IN_PROGRESS
B UPDATE_COMPLETE
- UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
A DELETE_IN_PROGRESS
A DELETE_COMPLETE
- UPDATE_COMPLETE`)
	if world := h.world(st); !strings.Contains(world, "made of b") || strings.Contains(world, "made of a") || h.left(st) != 2 {
		t.Error(world)
	}
}

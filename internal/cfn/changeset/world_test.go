package changeset

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
)

const (
	testAccount = "111111111111"
	testRegion  = "us-east-1"
)

func testEnv() template.Env {
	return template.Env{
		Account: testAccount, Region: testRegion, StackName: "<stack-name:1>",
		StackID: "arn:aws:cloudformation:us-east-1:111111111111:stack/<stack-name:1>/<resource:2>",
	}
}

// world is what exists of a stack, simulated from the schemas.
type world map[string]resource

type resource struct {
	t          *schema.Type
	given      map[string]schema.Value
	model      schema.Model
	generation int
}

func (w world) Physical(logicalID string) (string, bool) {
	r, ok := w[logicalID]
	return r.model.Physical, ok
}

func (w world) Ref(logicalID string) (schema.Value, bool) {
	r, ok := w[logicalID]
	return r.model.Physical, ok
}

func (w world) GetAtt(logicalID, attribute string) (schema.Value, error) {
	r, ok := w[logicalID]
	if !ok {
		return nil, fmt.Errorf("%s does not exist", logicalID)
	}
	if r.t == nil {
		return "attribute " + attribute + " of " + logicalID, nil
	}
	if v, ok := r.t.Attribute(r.model, attribute); ok {
		return v, nil
	}
	if r.t.Name == nestedStack {
		return "output " + attribute, nil
	}
	return nil, fmt.Errorf("attribute %s does not exist in schema for %s", attribute, r.t.Name)
}

// create makes everything of a template as the first launch would.
func create(e *template.Evaluation) (world, error) {
	w := world{}
	for _, r := range inOrder(e) {
		properties, err := e.Properties(r.LogicalID, w)
		if err != nil {
			return nil, err
		}
		w[r.LogicalID] = made(r, properties, 0)
	}
	return w, nil
}

// made is a resource of the given properties.
func made(r *template.Resource, properties map[string]schema.Value, generation int) resource {
	one := resource{given: properties, generation: generation}
	t, ok := schema.Lookup(r.Type)
	if !ok {
		one.model = schema.Model{Physical: fmt.Sprintf("physical %s %d", r.LogicalID, generation), Properties: properties}
		return one
	}
	one.t = t
	one.model = t.Simulate(schema.Seed{
		Partition: "aws", Account: testAccount, Region: testRegion,
		StackName: "stack", StackID: "stack-id", LogicalID: r.LogicalID, Generation: generation,
	}, properties)
	return one
}

// evaluate reads a template and binds it to parameters.
func evaluate(t testing.TB, src string, params map[string]string, env template.Env) *template.Evaluation {
	t.Helper()
	tpl, err := template.Parse([]byte(src), bigLimits())
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	e, err := tpl.Evaluate(env, params)
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return e
}

// bigLimits lets tests go beyond AWS's quota of resources.
func bigLimits() template.Limits {
	limits := template.DefaultLimits()
	limits.Resources, limits.Bytes, limits.Expansion = 10_000, 16<<20, 4<<20
	return limits
}

// update compares two templates, of which the first has been launched.
func update(t testing.TB, before, after string, paramsBefore, paramsAfter map[string]string) Update {
	t.Helper()
	return launched(t, evaluate(t, before, paramsBefore, testEnv()), evaluate(t, after, paramsAfter, testEnv()))
}

// launched is the update of a stack that was made as before says.
func launched(t testing.TB, before, after *template.Evaluation) Update {
	t.Helper()
	w, err := create(before)
	if err != nil {
		t.Fatal(err)
	}
	return Update{Old: before, New: after, Live: w}
}

// both computes both answers.
func both(t testing.TB, u Update) (without, with Set) {
	t.Helper()
	without, err := u.Changes()
	if err != nil {
		t.Fatal(err)
	}
	if with, err = u.ChangesWithValues(); err != nil {
		t.Fatal(err)
	}
	return without, with
}

// String writes a change in one line and its details in one each.
func (ch Change) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", ch.Action, ch.LogicalID)
	if ch.Replacement != "" {
		fmt.Fprintf(&b, " replacement %s", ch.Replacement)
	}
	if ch.PolicyAction != "" {
		fmt.Fprintf(&b, " %s", ch.PolicyAction)
	}
	if ch.ChangeSetID != "" {
		fmt.Fprintf(&b, " change set %s", ch.ChangeSetID)
	}
	if ch.BeforeContext != "" {
		fmt.Fprintf(&b, "\n  before %s", ch.BeforeContext)
	}
	if ch.AfterContext != "" {
		fmt.Fprintf(&b, "\n  after  %s", ch.AfterContext)
	}
	for _, d := range ch.Details {
		fmt.Fprintf(&b, "\n  %s", d)
	}
	return b.String()
}

func (d Detail) String() string {
	words := []string{string(d.ChangeSource)}
	if d.CausingEntity != "" {
		words[0] += "(" + d.CausingEntity + ")"
	}
	target := d.Target.Attribute
	if d.Target.Name != "" {
		target += "." + d.Target.Name
	}
	words = append(words, string(d.Evaluation), target, d.Target.RequiresRecreation)
	if d.Target.Path != "" {
		words = append(words, string(d.Target.ChangeType), d.Target.Path)
		for _, v := range []*string{d.Target.BeforeValue, d.Target.AfterValue} {
			if v == nil {
				words = append(words, "none")
			} else {
				quoted, _ := json.Marshal(*v)
				words = append(words, string(quoted))
			}
		}
	}
	return strings.Join(words, " ")
}

func (s Set) String() string {
	var b strings.Builder
	for _, ch := range s.Changes {
		b.WriteString(ch.String() + "\n")
	}
	if s.Beyond {
		b.WriteString("beyond resources\n")
	}
	if s.Empty() {
		b.WriteString("nothing\n")
	}
	if s.Incomplete != "" {
		b.WriteString(s.Incomplete + "\n")
	}
	return b.String()
}

func testEnvStored() template.Env {
	env := testEnv()
	env.Stored = func(name string) (string, error) { return "value of " + name, nil }
	return env
}

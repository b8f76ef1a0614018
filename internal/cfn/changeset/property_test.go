package changeset

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"larder/internal/cfn/template"
)

// stackModel is a random stack: resources of which later ones may refer to
// earlier ones.
type stackModel struct {
	resources map[string]map[string]any
	params    map[string]string
}

const propertyHead = `"Parameters": {"P": {"Type": "String"}, "Q": {"Type": "String", "NoEcho": true}},
"Mappings": {"M": {"K": {"V": "v1"}, "L": {"V": "v2"}}},
"Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, "1"]}},
`

func (m stackModel) source(t testing.TB) string {
	resources, err := json.Marshal(m.resources)
	if err != nil {
		t.Fatal(err)
	}
	return "{" + propertyHead + `"Resources": ` + string(resources) + "}"
}

func (m stackModel) clone() stackModel {
	c := stackModel{resources: map[string]map[string]any{}, params: maps.Clone(m.params)}
	for id, r := range m.resources {
		c.resources[id] = maps.Clone(r)
		c.resources[id]["Properties"] = maps.Clone(r["Properties"].(map[string]any))
	}
	return c
}

// The properties that a random resource may have.
var randomTypes = map[string][]string{
	"AWS::SNS::Topic":     {"TopicName", "DisplayName"},
	"AWS::SSM::Parameter": {"Name", "Value", "Description"},
	"AWS::Logs::LogGroup": {"LogGroupName", "Tags"},
	"Custom::Thing":       {"X", "Y"},
}

// required is a property that is always there, since others take it.
const required = "Value"

var randomAttributes = map[string]string{
	"AWS::SNS::Topic": "TopicName", "AWS::SSM::Parameter": "Value", "AWS::Logs::LogGroup": "Arn", "Custom::Thing": "Any",
}

// expression draws a value that may refer to one of the given resources.
func (m stackModel) expression(t *rapid.T, earlier []string, depth int) any {
	kinds := 5
	if depth > 0 {
		kinds = 8
		if len(earlier) > 0 {
			kinds = 11
		}
	}
	sub := func() any { return m.expression(t, earlier, depth-1) }
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0, 1:
		return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "literal")
	case 2:
		return rapid.IntRange(0, 3).Draw(t, "number")
	case 3:
		return map[string]any{"Ref": rapid.SampledFrom([]string{"P", "Q", "AWS::Region"}).Draw(t, "parameter")}
	case 4:
		return map[string]any{"Fn::FindInMap": []any{"M", rapid.SampledFrom([]string{"K", "L"}).Draw(t, "key"), "V"}}
	case 5:
		return map[string]any{"Fn::Join": []any{"-", []any{sub(), sub()}}}
	case 6:
		return map[string]any{"Fn::If": []any{"C", sub(), sub()}}
	case 7:
		return map[string]any{"Fn::Select": []any{0, []any{sub(), sub()}}}
	}
	id := rapid.SampledFrom(earlier).Draw(t, "resource")
	attribute := randomAttributes[m.resources[id]["Type"].(string)]
	switch rapid.IntRange(0, 2).Draw(t, "reference") {
	case 0:
		return map[string]any{"Ref": id}
	case 1:
		return map[string]any{"Fn::GetAtt": []any{id, attribute}}
	}
	return map[string]any{"Fn::Sub": "${" + id + "}/${" + id + "." + attribute + "}/${P}"}
}

func (m stackModel) value(t *rapid.T, name string, earlier []string) any {
	v := m.expression(t, earlier, 2)
	if name == "Tags" {
		return []any{map[string]any{"Key": "k", "Value": v}}
	}
	return v
}

func (m stackModel) add(t *rapid.T, id string, earlier []string) {
	typ := rapid.SampledFrom(slices.Sorted(maps.Keys(randomTypes))).Draw(t, "type")
	properties := map[string]any{}
	for _, name := range randomTypes[typ] {
		if name == required || rapid.Bool().Draw(t, "has "+name) {
			properties[name] = m.value(t, name, earlier)
		}
	}
	m.resources[id] = map[string]any{"Type": typ, "Properties": properties}
}

func randomParams(t *rapid.T) map[string]string {
	return map[string]string{
		"P": rapid.SampledFrom([]string{"1", "2"}).Draw(t, "P"), "Q": rapid.SampledFrom([]string{"1", "2"}).Draw(t, "Q"),
	}
}

func randomStack(t *rapid.T) stackModel {
	m := stackModel{resources: map[string]map[string]any{}, params: randomParams(t)}
	for i := range rapid.IntRange(1, 7).Draw(t, "resources") {
		id := fmt.Sprintf("R%d", i)
		earlier := slices.Sorted(maps.Keys(m.resources))
		m.add(t, id, earlier)
	}
	return m
}

// earlierThan returns the resources that the one may refer to.
func (m stackModel) earlierThan(id string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m.resources)), func(other string) bool { return other >= id })
}

// changed draws another version of a stack.
func (m stackModel) changed(t *rapid.T) stackModel {
	c := m.clone()
	for range rapid.IntRange(0, 3).Draw(t, "edits") {
		ids := slices.Sorted(maps.Keys(c.resources))
		id := rapid.SampledFrom(ids).Draw(t, "edited")
		r := c.resources[id]
		properties := r["Properties"].(map[string]any)
		names := randomTypes[r["Type"].(string)]
		name := rapid.SampledFrom(names).Draw(t, "name")
		switch rapid.IntRange(0, 4).Draw(t, "edit") {
		case 0, 1:
			properties[name] = c.value(t, name, c.earlierThan(id))
		case 2:
			if name != required {
				delete(properties, name)
			}
		case 3:
			more := "S" + id // behind every R
			if _, ok := c.resources[more]; !ok {
				c.add(t, more, c.earlierThan(more))
			}
		case 4:
			c.params = randomParams(t)
		}
	}
	return c
}

func (m stackModel) without(id string) stackModel {
	c := m.clone()
	delete(c.resources, id)
	return c
}

// drawUpdate draws a stack and another version of it. It may lack a resource
// that nothing refers to.
func drawUpdate(t *rapid.T, tb testing.TB) (u Update, before, after stackModel) {
	before = randomStack(t)
	after = before.changed(t)
	if len(after.resources) > 1 && rapid.Bool().Draw(t, "removes") {
		id := rapid.SampledFrom(slices.Sorted(maps.Keys(after.resources))).Draw(t, "removed")
		if !strings.Contains(after.without(id).source(tb), id) {
			after = after.without(id)
		}
	}
	evaluated := func(m stackModel) *template.Evaluation {
		tpl, err := template.Parse([]byte(m.source(tb)), template.DefaultLimits())
		if err != nil {
			tb.Fatalf("%v\n%s", err, m.source(tb))
		}
		e, err := tpl.Evaluate(testEnv(), m.params)
		if err != nil {
			tb.Fatalf("%v\n%s", err, m.source(tb))
		}
		return e
	}
	old := evaluated(before)
	w, err := create(old)
	if err != nil {
		tb.Fatal(err)
	}
	return Update{Old: old, New: evaluated(after), Live: w}, before, after
}

// TestSameStack: where nothing differs, nothing changes.
func TestSameStack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := randomStack(rt)
		u := update(t, m.source(t), m.source(t), m.params, m.params)
		if without, with := both(t, u); !without.Empty() || !with.Empty() {
			rt.Fatalf("%s%s\nin %s", without, with, m.source(t))
		}
		p, err := u.Plan()
		if err != nil {
			rt.Fatal(err)
		}
		for _, s := range p.Steps {
			if s.Kind != StepKeep {
				rt.Fatalf("%s", p)
			}
		}
	})
}

// TestUpdates draws updates, holds both answers against what really differs,
// and performs the plan.
func TestUpdates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		u, before, after := drawUpdate(rt, t)
		without, with := both(t, u)
		fail := func(format string, args ...any) {
			rt.Fatalf("%s\nstructural:\n%s\nwith values:\n%s\nbefore %v %s\nafter %v %s", fmt.Sprintf(format, args...),
				without, with, before.params, before.source(t), after.params, after.source(t))
		}
		listed := map[string]Change{}
		for _, ch := range without.Changes {
			listed[ch.LogicalID] = ch
		}
		for _, ch := range with.Changes {
			first, ok := listed[ch.LogicalID]
			switch {
			case !ok || first.Action != ch.Action:
				fail("%s is listed only with values", ch.LogicalID)
			case ch.Action == Modify && ch.BeforeContext == ch.AfterContext && !strings.Contains(ch.BeforeContext, "****"):
				fail("%s does not change", ch.LogicalID)
			}
			for _, d := range ch.Details {
				if b, a := d.Target.BeforeValue, d.Target.AfterValue; b != nil && a != nil && *b == *a && !strings.Contains(*a, "****") {
					fail("%s: %s does not change", ch.LogicalID, d)
				}
			}
			checkCauses(fail, u, listed, ch)
		}
		for _, ch := range without.Changes {
			checkCauses(fail, u, listed, ch)
		}
		p, err := u.Plan()
		if err != nil {
			rt.Fatal(err)
		}
		w, verdicts, err := perform(u, p)
		if err != nil {
			fail("%v", err)
		}
		if len(w) != len(u.New.Resources()) {
			fail("%d resources are left", len(w))
		}
		for id, verdict := range verdicts {
			ch, ok := listed[id]
			switch {
			case verdict == Unchanged: // also where the change set lists it: references may come to the same
			case !ok:
				fail("%s changes and is not listed", id)
			case verdict == Anew && ch.Replacement == ReplacementFalse:
				fail("%s is made anew", id)
			}
		}
		// What stands afterwards is what launching the new template would make.
		for _, r := range u.New.Resources() {
			properties, err := u.New.Properties(r.LogicalID, w)
			if err != nil {
				rt.Fatal(err)
			}
			if Decide(w[r.LogicalID].t, w[r.LogicalID].given, properties) != Unchanged {
				fail("%s was made of %v, and is to be %v", r.LogicalID, w[r.LogicalID].given, properties)
			}
		}
	})
}

// checkCauses: what is said to cause a change changes itself.
func checkCauses(fail func(string, ...any), u Update, listed map[string]Change, ch Change) {
	for _, d := range ch.Details {
		id, _, _ := strings.Cut(d.CausingEntity, ".")
		switch d.ChangeSource {
		case ParameterReference:
			if !u.givenAnew()[id] {
				fail("%s: %s", ch.LogicalID, d)
			}
		case ResourceReference, ResourceAttribute:
			if cause, ok := listed[id]; !ok || d.ChangeSource == ResourceReference && cause.Replacement == ReplacementFalse {
				fail("%s: %s", ch.LogicalID, d)
			}
		}
	}
}

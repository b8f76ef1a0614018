package template

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/schema"
)

// TestUnknown holds what a change set builds on: what is not known says why,
// and only the string form of Fn::Sub keeps its text.
func TestUnknown(t *testing.T) {
	t.Parallel()
	a, arn := Source{LogicalID: "Topic"}, Source{LogicalID: "Topic", Attribute: "TopicName"}
	all := func(from ...Source) schema.Value { return Unknown{Text: KnownAfterApply, From: from} }
	for expression, want := range map[string]schema.Value{
		`!Ref Topic`:              all(a),
		`!GetAtt Topic.TopicName`: all(arn),
		`!Join ["-", [a, !Ref Topic, !GetAtt Topic.TopicName]]`: all(a, arn),
		`!Sub "a-${Topic}-${Text}"`:                             Unknown{Text: "a-" + KnownAfterApply + "-text", From: []Source{a}},
		`!Sub ["a-${v}", {v: !Ref Topic}]`:                      all(a),
		`!Sub "${Secret} ${Topic}"`:                             all(a),
		`!Select [1, [!Ref Topic, known]]`:                      "known",
		`!Select [0, !Split [",", !GetAtt Topic.TopicName]]`:    all(arn),
		`!Base64 {Ref: Topic}`:                                  all(a),
		`!Cidr [!Ref Topic, 1, 8]`:                              all(a),
		`{"Fn::ToJsonString": [!Ref Topic]}`:                    all(a),
		`!If [No, !Ref Topic, known]`:                           "known",
		`[known, !Ref Topic]`:                                   []any{"known", all(a)},
	} {
		got, err := one(t, expression, Undecided{})
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", expression, diff)
		}
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	e := evaluate(t, shop, nil)
	type use struct {
		name, attribute string
		getAtt          bool
	}
	var decided, all []use
	for _, r := range e.References(e.Template.Resource("Queue").Properties) {
		decided = append(decided, use{r.Name, r.Attribute, r.GetAtt()})
	}
	for _, r := range e.Template.Resource("Queue").References() {
		all = append(all, use{r.Name, r.Attribute, r.GetAtt()})
	}
	noValue := use{name: "AWS::NoValue"}
	opts := cmp.AllowUnexported(use{})
	want := []use{noValue, {name: "Stage"}, {name: "Owners"}, noValue, {name: "Password"}}
	if diff := cmp.Diff(want, decided, opts); diff != "" {
		t.Error(diff)
	}
	want = []use{{"Topic", "TopicName", true}, noValue, {name: "Stage"}, {name: "Owners"}, noValue, {name: "Password"}}
	if diff := cmp.Diff(want, all, opts); diff != "" {
		t.Error(diff)
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	tpl := parse(t, `
Description: d
AWSTemplateFormatVersion: 2010-09-09
Metadata:
  AWS::CloudFormation::Interface: {ParameterGroups: [{Label: {default: Net}, Parameters: [P]}]}
Resources:
  B: {Type: AWS::SNS::Topic}
  User: {Type: AWS::IAM::User}
  A: {Type: AWS::SNS::Topic}
`)
	want := Summary{
		Description:   "d",
		Format:        "2010-09-09",
		Capabilities:  Capabilities{Names: []string{"CAPABILITY_IAM"}, Reason: "The following resource(s) require capabilities: [AWS::IAM::User]"},
		ResourceTypes: []string{"AWS::IAM::User", "AWS::SNS::Topic"},
		Metadata:      `{"AWS::CloudFormation::Interface":{"ParameterGroups":[{"Label":{"default":"Net"},"Parameters":["P"]}]}}`,
		Identifiers:   []Identifier{{"AWS::IAM::User", []string{"User"}}, {"AWS::SNS::Topic", []string{"B", "A"}}},
	}
	if diff := cmp.Diff(want, tpl.Summary()); diff != "" {
		t.Error(diff)
	}
	if tpl.Interface().Get("ParameterGroups").Len() != 1 {
		t.Error("the interface is lost")
	}
	for _, test := range []struct {
		given, missing []string
	}{
		{nil, []string{"CAPABILITY_IAM"}},
		{[]string{"CAPABILITY_IAM"}, nil},
		{[]string{"CAPABILITY_NAMED_IAM"}, nil},
		{[]string{"CAPABILITY_AUTO_EXPAND"}, []string{"CAPABILITY_IAM"}},
	} {
		if diff := cmp.Diff(test.missing, tpl.Capabilities().Missing(test.given)); diff != "" {
			t.Errorf("%v: %s", test.given, diff)
		}
	}
}

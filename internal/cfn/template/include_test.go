package template_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/template"
)

func TestInclude(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"s3://b/properties.yaml": "Value: included\nType: String\n",
		"s3://b/resources.json":  `{"A": {"Type": "AWS::SNS::Topic"}, "B": {"Type": "AWS::SQS::Queue"}}`,
		"s3://b/value.json":      `"text"`,
		"s3://b/list.yaml":       "- one\n- {Ref: P}\n",
		"s3://b/sections.yaml":   "Resources:\n  C: {Type: AWS::SNS::Topic}\nOutputs:\n  O: {Value: {Ref: A}}\n",
		"s3://b/short.yaml":      "Value: !Ref P\n",
		"s3://b/broken.json":     `{"A": `,
		"s3://b/again.yaml":      "Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://b/list.yaml}}\n",
		"s3://b/empty":           " \n",
		"s3://b/parameters.yaml": "Parameters: {Q: {Type: String}}\n",
		"s3://b/extended.yaml":   "Fn::ForEach::Loop: [X, [One, Two], {'T${X}': {Type: AWS::SNS::Topic}}]\n",
	}
	read := func(location string) ([]byte, error) {
		text, ok := files[location]
		if !ok {
			return nil, errors.New("S3 bucket [b] does not exist.")
		}
		return []byte(text), nil
	}
	const bad = "Transform AWS::Include failed with: The specified S3 object's content should be valid Yaml/JSON"
	tests := []struct{ name, template, want, fault string }{
		{
			name: "properties, at a location made of a parameter",
			template: `
Parameters: {P: {Type: String, Default: b}}
Resources:
  A:
    Type: AWS::SSM::Parameter
    Properties:
      Description: hello
      Fn::Transform: {Name: AWS::Include, Parameters: {Location: !Sub "s3://${P}/properties.yaml"}}
`,
			want: `{"Parameters":{"P":{"Type":"String","Default":"b"}},"Resources":{"A":{"Type":"AWS::SSM::Parameter","Properties":{"Description":"hello","Value":"included","Type":"String"}}}}`,
		},
		{
			name:     "resources, one of which takes a place",
			template: `{"Resources": {"A": {"Type": "AWS::S3::Bucket"}, "Fn::Transform": [{"Name": "AWS::Include", "Parameters": {"Location": "s3://b/resources.json"}}]}}`,
			want:     `{"Resources":{"A":{"Type":"AWS::SNS::Topic"},"B":{"Type":"AWS::SQS::Queue"}}}`,
		},
		{
			name: "values",
			template: `{"Parameters": {"P": {"Type": "String", "Default": "two"}}, "Resources": {"A": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String",
				"Value": {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/value.json"}}},
				"Description": {"Fn::Join": ["-", {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/list.yaml"}}}]}}}}}`,
			want: `{"Parameters":{"P":{"Type":"String","Default":"two"}},"Resources":{"A":{"Type":"AWS::SSM::Parameter","Properties":{"Type":"String","Value":"text","Description":{"Fn::Join":["-",["one",{"Ref":"P"}]]}}}}}`,
		},
		{
			name:     "sections",
			template: `{"Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/sections.yaml"}}, "Resources": {"A": {"Type": "AWS::S3::Bucket"}}}`,
			want:     `{"Resources":{"A":{"Type":"AWS::S3::Bucket"},"C":{"Type":"AWS::SNS::Topic"}},"Outputs":{"O":{"Value":{"Ref":"A"}}}}`,
		},
		{
			name: "a loop, and what the language's extension resolves",
			template: `{"Transform": ["AWS::LanguageExtensions"], "Resources": {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/extended.yaml"}},
				"L": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Fn::ToJsonString": {"n": {"Fn::Length": [1, 2]}, "a": ["x"]}}}}}}`,
			want: `{"Resources":{"L":{"Type":"AWS::SSM::Parameter","Properties":{"Type":"String","Value":"{\"n\":2,\"a\":[\"x\"]}"}},"TOne":{"Type":"AWS::SNS::Topic"},"TTwo":{"Type":"AWS::SNS::Topic"}}}`,
		},
		{name: "no such file", template: include("s3://b/none"), fault: "Transform AWS::Include failed with: S3 bucket [b] does not exist."},
		{name: "broken", template: include("s3://b/broken.json"), fault: bad},
		{name: "empty", template: include("s3://b/empty"), fault: bad},
		{name: "short forms", template: include("s3://b/short.yaml"), fault: bad},
		{name: "a file that includes", template: include("s3://b/again.yaml"), fault: "Transform AWS::Include failed with: a file that is included may not include others"},
		{name: "a list beside members", template: include("s3://b/list.yaml"), fault: "Transform AWS::Include failed with: what is included beside other members must be an object"},
		{name: "without a location", template: `{"Resources": {"Fn::Transform": {"Name": "AWS::Include"}}}`, fault: "Transform AWS::Include failed with: The location parameter is missing"},
		{
			name:     "parameters",
			template: `{"Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/parameters.yaml"}}, "Resources": {"A": {"Type": "AWS::S3::Bucket"}}}`,
			fault:    "Transform AWS::Include failed with: what is included in a template must be sections other than Parameters",
		},
		{name: "what comes out is no template", template: include("s3://b/properties.yaml"), fault: "Template format error: Any Resources member must be an object."},
		{name: "beside a macro", template: `{"Transform": ["Mine", {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/list.yaml"}}], "Resources": {"A": {"Type": "x"}}}`, fault: "No transform named 111111111111::Mine found."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tpl, err := template.Parse([]byte(test.template), template.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			e, err := tpl.Evaluate(template.Env{Account: "111111111111", Region: "us-east-1", Include: read}, nil)
			if test.fault != "" {
				var fault *template.Error
				if !errors.As(err, &fault) || fault.Message != test.fault || fault.Made != (test.name != "beside a macro") {
					t.Errorf("got %+v, want %s", err, test.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, string(e.Processed())); d != "" {
				t.Error(d)
			}
		})
	}
}

func include(location string) string {
	return `{"Resources": {"Z": {"Type": "AWS::SNS::Topic"}, "Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "` + location + `"}}}}`
}

// What is included is foreign: whatever it is, what comes out is refused, or is
// a template that can be read again.
func FuzzInclude(f *testing.F) {
	for _, text := range []string{
		"B: {Type: AWS::SNS::Topic}", `{"B": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::Sub": "${P}"}}}}`,
		"Fn::ForEach::X: [N, [a, b], {'T${N}': {Type: AWS::SNS::Topic}}]", "- 1\n- !Ref x", "\ufeff{", "A: &a [*a]", "Type: AWS::SQS::Queue\nDependsOn: [A]",
	} {
		f.Add([]byte(text), false)
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, top bool) {
		src := `{"Transform": ["AWS::LanguageExtensions"], "Parameters": {"P": {"Type": "String", "Default": "x"}}, "Resources": {"A": {"Type": "AWS::SNS::Topic"},
			"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}}}`
		if top {
			src = `{"Transform": [{"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}], "Resources": {"A": {"Type": "AWS::SNS::Topic"}}}`
		}
		tpl, err := template.Parse([]byte(src), template.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		e, err := tpl.Evaluate(template.Env{Account: "111111111111", Region: "us-east-1", Include: func(string) ([]byte, error) { return text, nil }}, nil)
		if err != nil {
			return
		}
		limits := template.DefaultLimits()
		limits.Bytes *= 10 // JSON is longer than YAML
		if _, err := template.Parse(e.Processed(), limits); err != nil {
			t.Errorf("%s: %v", e.Processed(), err)
		}
	})
}

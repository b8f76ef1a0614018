package template

import (
	"strings"
	"testing"
)

const network = `{
  "Parameters": {
    "Vpc": {"Type": "AWS::EC2::VPC::Id", "Default": "vpc-1"},
    "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>", "Default": "subnet-1,subnet-2"},
    "Size": {"Type": "String", "Default": "small"}
  },
  "Resources": {"A": {"Type": "AWS::SNS::Topic"}}
}`

// TestRules holds rules from outside, as Service Catalog's TEMPLATE
// constraints are, against parameters.
func TestRules(t *testing.T) {
	t.Parallel()
	attribute := func(parameterType, value, attribute string) ([]string, bool) {
		switch {
		case parameterType == "AWS::EC2::Subnet::Id" && attribute == "VpcId" && value != "subnet-9":
			return []string{"vpc-1"}, true
		case parameterType == "AWS::EC2::Subnet::Id" && attribute == "VpcId":
			return []string{"vpc-9"}, true
		case parameterType == "AWS::EC2::VPC::Id" && attribute == "Tags.Department":
			return []string{"IT"}, true
		}
		return nil, false
	}
	values := func(parameterType string) ([]string, bool) {
		return []string{"vpc-1", "vpc-2"}, parameterType == "AWS::EC2::VPC::Id"
	}
	assert := func(expression string) string {
		return `{"Rules": {"R": {"Assertions": [{"Assert": ` + expression + `, "AssertDescription": "no good"}]}}}`
	}
	for _, test := range []struct {
		rule  string
		given map[string]string
		want  string
	}{
		{rule: assert(`{"Fn::Equals": [{"Ref": "Size"}, "small"]}`)},
		{rule: assert(`{"Fn::Equals": [{"Ref": "Size"}, "big"]}`), want: "no good"},
		{rule: assert(`{"Fn::Contains": [["small", "medium"], {"Ref": "Size"}]}`)},
		{rule: assert(`{"Fn::Contains": [{"Ref": "Subnets"}, "subnet-2"]}`)},
		{rule: assert(`{"Fn::Contains": [["small"], {"Ref": "Size"}]}`), given: map[string]string{"Size": "big"}, want: "no good"},
		{rule: assert(`{"Fn::EachMemberEquals": [{"Fn::ValueOf": ["Subnets", "VpcId"]}, {"Ref": "Vpc"}]}`)},
		{rule: assert(`{"Fn::EachMemberEquals": [{"Fn::ValueOf": ["Subnets", "VpcId"]}, {"Ref": "Vpc"}]}`),
			given: map[string]string{"Subnets": "subnet-1,subnet-9"}, want: "no good"},
		{rule: assert(`{"Fn::EachMemberIn": [{"Fn::ValueOfAll": ["AWS::EC2::Subnet::Id", "VpcId"]}, {"Fn::RefAll": "AWS::EC2::VPC::Id"}]}`)},
		{rule: assert(`{"Fn::EachMemberIn": [{"Ref": "Subnets"}, ["subnet-1"]]}`), want: "no good"},
		{rule: assert(`{"Fn::Equals": [{"Fn::ValueOf": ["Vpc", "Tags.Department"]}, "IT"]}`)},
		{rule: assert(`{"Fn::Contains": [{"Fn::ValueOfAll": ["AWS::EC2::VPC::Id", "Tags.None"]}, "IT"]}`), want: "no good"},
		{rule: assert(`{"Fn::And": [{"Fn::Not": [{"Fn::Equals": ["a", "b"]}]}, {"Fn::Or": [{"Fn::Equals": ["a", "b"]}, {"Fn::Equals": ["a", "a"]}]}]}`)},
		{rule: assert(`{"Fn::If": [{"Fn::Equals": [{"Ref": "Size"}, "small"]}, {"Fn::Equals": ["a", "b"]}, {"Fn::Equals": ["a", "a"]}]}`), want: "no good"},
		{rule: `{"R": {"RuleCondition": {"Fn::Equals": [{"Ref": "Size"}, "big"]}, "Assertions": [{"Assert": {"Fn::Equals": ["a", "b"]}}]}}`},
		{rule: `{"R": {"Assertions": [{"Assert": {"Fn::Equals": ["a", "b"]}}]}}`, want: "an assertion of rule R does not hold"},
		{rule: assert(`{"Fn::Equals": [{"Ref": "A"}, "b"]}`), want: "Unresolved dependencies [A]"},
		{rule: assert(`{"Fn::ValueOf": ["None", "x"]}`), want: "cannot be used here"},
		{rule: `[]`, want: "Rules are not a JSON object."},
		{rule: `{"Rules": []}`, want: "Any Rules member must be an object."},
		{rule: `{"R": {}}`, want: "must contain an Assertions member"},
		{rule: `{"R": null}`, want: "Rules are not a JSON object."},
		{rule: `{`, want: "Rules are not a JSON object."},
	} {
		env := testEnv()
		env.Attribute, env.Values, env.Rules = attribute, values, []string{test.rule}
		_, err := parse(t, network).Evaluate(env, test.given)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.rule, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %s", test.rule, err, test.want)
		}
	}
}

// Without anybody to ask, look-ups know nothing, and what needs them fails.
func TestRulesWithoutLookUps(t *testing.T) {
	t.Parallel()
	env := testEnv()
	env.Rules = []string{`{"R": {"Assertions": [{"Assert": {"Fn::Contains": [{"Fn::RefAll": "AWS::EC2::VPC::Id"}, {"Ref": "Vpc"}]}, "AssertDescription": "unknown network"}]}}`}
	if _, err := parse(t, network).Evaluate(env, nil); err == nil || err.Error() != "unknown network" {
		t.Error(err)
	}
}

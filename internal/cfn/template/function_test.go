package template

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/schema"
)

// TestCallee holds that every function is called by its name.
func TestCallee(t *testing.T) {
	t.Parallel()
	for k := KindRef; k < kinds; k++ {
		if k == KindVariable {
			continue
		}
		if got, ok := callee(k.String()); !ok || got != k {
			t.Errorf("%s calls %s", k, got)
		}
	}
	if _, ok := callee("Reference"); ok {
		t.Error("Reference calls something")
	}
}

// one evaluates the expression as a property of a template that has one of
// everything.
func one(t *testing.T, expression string, live Live) (schema.Value, error) {
	t.Helper()
	tpl, err := Parse([]byte(`
Transform: AWS::LanguageExtensions
Parameters:
  Text: {Type: String, Default: text}
  Number: {Type: Number, Default: 1}
  List: {Type: CommaDelimitedList, Default: "x, y,z"}
  Empty: {Type: CommaDelimitedList, Default: ""}
  Secret: {Type: String, Default: se-cret, NoEcho: true}
Mappings:
  Map: {key: {text: found, list: [l1, l2], number: 5, flag: true}, text: {x: chained}}
Conditions:
  Yes: !Equals [a, a]
  No: !Equals [a, b]
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      Value: `+expression+"\n"), DefaultLimits())
	if err != nil {
		return nil, err
	}
	env := testEnv()
	env.NotificationARNs = []string{"arn:n"}
	env.Export = func(name string) (schema.Value, bool) { return "value of " + name, name != "none" }
	e, err := tpl.Evaluate(env, nil)
	if err != nil {
		return nil, err
	}
	props, err := e.Properties("Queue", live)
	if err != nil {
		return nil, err
	}
	v, ok := props["Value"]
	if !ok {
		return "gone", nil
	}
	return v, nil
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	live := world{
		"Topic": "arn:topic", "Topic.TopicName": "news", "Topic.List": []any{"t1", "t2"}, "Topic.Number": json.Number("7"),
		"Topic.text": "by parameter", "Topic.Hidden": schema.Secret("h"), "Topic.A.B": "nested",
		"Topic.What": schema.Placeholder("Topic", "What"),
	}
	for _, test := range []struct {
		expression string
		want       schema.Value
	}{
		{`plain`, "plain"},
		{`!Ref Text`, "text"},
		{`!Ref Number`, "1"},
		{`!Ref List`, []any{"x", "y", "z"}},
		{`!Ref Empty`, []any{""}},
		{`!Ref Secret`, schema.Secret("se-cret")},
		{`!Ref Topic`, "arn:topic"},
		{`!Ref AWS::AccountId`, "111122223333"},
		{`!Ref AWS::Region`, "eu-west-1"},
		{`!Ref AWS::Partition`, "aws"},
		{`!Ref AWS::URLSuffix`, "amazonaws.com"},
		{`!Ref AWS::StackName`, "shop"},
		{`!Ref AWS::StackId`, "arn:shop"},
		{`!Ref AWS::NotificationARNs`, []any{"arn:n"}},
		{`!Ref AWS::NoValue`, "gone"},
		{`{A: !Ref AWS::NoValue, B: [!Ref AWS::NoValue, b]}`, map[string]any{"B": []any{"b"}}},

		{`!GetAtt Topic.What`, "{{placeholder:Topic.What}}"},
		{`!Join [",", !GetAtt Topic.What]`, "{{placeholder:Topic.What}}"},
		{`!Join [",", [a, !GetAtt Topic.What]]`, "a,{{placeholder:Topic.What}}"},
		{`!Select [1, !GetAtt Topic.What]`, "{{placeholder:Topic.What}}"},
		{`!Select [3, !Split [",", !Sub "x,${Topic.What}"]]`, "x,{{placeholder:Topic.What}}"},
		{`!Select [1, !Cidr [!GetAtt Topic.What, 2, 8]]`, "{{placeholder:Topic.What}}"},

		{`!GetAtt Topic.TopicName`, "news"},
		{`!GetAtt Topic.A.B`, "nested"},
		{`!GetAtt [Topic, TopicName]`, "news"},
		{`{"Fn::GetAtt": [Topic, !Ref Text]}`, "by parameter"},
		{`!GetAtt Topic.List`, []any{"t1", "t2"}},

		{`!Sub "a${Text}b${Topic}c${Topic.TopicName}d${AWS::Region}"`, "atextbarn:topiccnewsdeu-west-1"},
		{`!Sub "${!Text} ${Text}$ {x} $"`, "${Text} text$ {x} $"},
		{`!Sub ["${v}-${Text}-${w.x}", {v: !Ref Number, w.x: y, Text: shadowed}]`, "1-shadowed-y"},
		{`!Sub "${Topic.Number}"`, "7"},
		{`!Sub "${Secret}"`, schema.Secret("se-cret")},
		{`!Sub "${Topic.Hidden}"`, schema.Secret("h")},
		{`!Sub literal`, "literal"},

		{`!Join ["-", [a, 1, true, !Ref Text]]`, "a-1-true-text"},
		{`!Join ["", !Ref List]`, "xyz"},
		{`!Join ["", []]`, ""},
		{`!Join [",", !GetAtt Topic.List]`, "t1,t2"},
		{`!Join [",", !Split ["-", a-b]]`, "a,b"},
		{`!Join [",", [a, !Ref AWS::NoValue, b]]`, "a,b"},
		{`!Join [",", [a, !Ref Secret]]`, schema.Secret("a,se-cret")},

		{`!Select [0, [a, b]]`, "a"},
		{`!Select ["1", !Ref List]`, "y"},
		{`!Select [!Ref Number, !Ref List]`, "y"},
		{`!Select [1, !Split ["-", !Ref Secret]]`, schema.Secret("cret")},
		{`!Select [0, !Ref Empty]`, ""},

		{`!Split [".", a.b..c]`, []any{"a", "b", "", "c"}},
		{`!Split [",", ""]`, []any{""}},
		{`!Split ["-", !Ref Secret]`, []any{schema.Secret("se"), schema.Secret("cret")}},

		{`!FindInMap [Map, key, text]`, "found"},
		{`!FindInMap [Map, key, list]`, []any{"l1", "l2"}},
		{`!FindInMap [Map, key, number]`, json.Number("5")},
		{`!FindInMap [Map, key, flag]`, true},
		{`!FindInMap [Map, !Ref Text, !Select [0, !Ref List]]`, "chained"},
		{`!FindInMap [Map, none, text, DefaultValue: d]`, "d"},
		{`!FindInMap [None, none, text, DefaultValue: !Ref Text]`, "text"},

		{`!If [Yes, a, b]`, "a"},
		{`!If [No, a, [b]]`, []any{"b"}},
		{`!If [Yes, !If [No, a, c], b]`, "c"},
		{`!If [No, a, !Ref AWS::NoValue]`, "gone"},

		{`!Base64 hello`, "aGVsbG8="},
		{`!Base64 {Ref: Secret}`, schema.Secret("c2UtY3JldA==")},
		{`!Base64 {"Fn::Sub": "${Text}"}`, "dGV4dA=="},

		{`!Cidr [10.0.0.0/24, 2, 5]`, []any{"10.0.0.0/27", "10.0.0.32/27"}},
		{`!Cidr [10.0.3.7/22, "2"]`, []any{"10.0.0.0/24", "10.0.1.0/24"}},
		{`!Cidr ["192.168.0.0/16", 3, 8]`, []any{"192.168.0.0/24", "192.168.1.0/24", "192.168.2.0/24"}},
		{`!Cidr ["2001:db8::/56", 2, 64]`, []any{"2001:db8::/64", "2001:db8:0:1::/64"}},
		{`!Cidr [255.255.255.0/24, 1, 8]`, []any{"255.255.255.0/24"}},
		{`!Select [255, !Cidr [10.0.0.0/8, 256, 8]]`, "10.0.255.0/24"},

		{`!GetAZs ""`, []any{"eu-west-1a", "eu-west-1b", "eu-west-1c"}},
		{`!GetAZs us-west-2`, []any{"us-west-2a", "us-west-2b", "us-west-2c", "us-west-2d"}},
		{`!GetAZs {Ref: "AWS::Region"}`, []any{"eu-west-1a", "eu-west-1b", "eu-west-1c"}},

		{`!ImportValue net`, "value of net"},
		{`!ImportValue {"Fn::Sub": "${Text}-net"}`, "value of text-net"},

		{`{"Fn::Length": [1, 2]}`, json.Number("2")},
		{`{"Fn::Length": !Ref List}`, json.Number("3")},
		{`{"Fn::Length": !Split [",", "a,b"]}`, json.Number("2")},
		{`{"Fn::ToJsonString": {b: 1, a: [!Ref Text, {c: "\"<"}]}}`, `{"b":1,"a":["text",{"c":"\"<"}]}`},
		{`{"Fn::ToJsonString": {p: !Ref Secret}}`, schema.Secret(`{"p":"se-cret"}`)},
		{`{"Fn::ToJsonString": [!GetAtt Topic.List, !Ref AWS::NoValue]}`, `[["t1","t2"]]`},

		{`!Equals [a, a]`, true},
		{`!And [!Equals [a, a], !Equals [!Ref Number, 1]]`, true},

		// Not functions: a policy's condition, and siblings.
		{`{Condition: text}`, map[string]any{"Condition": "text"}},
		{`{Condition: {Bool: {x: true}}, Ref: y}`, map[string]any{"Condition": map[string]any{"Bool": map[string]any{"x": true}}, "Ref": "y"}},
	} {
		got, err := one(t, test.expression, live)
		if err != nil {
			t.Errorf("%s: %v", test.expression, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.expression, diff)
		}
	}
}

func TestFunctionsRefused(t *testing.T) {
	t.Parallel()
	live := world{"Topic": []any{"a list"}, "Topic.Arn": map[string]any{}}
	for expression, want := range map[string]string{
		`!Sub "${Topic}"`:                           "variable Topic in Fn::Sub expression does not resolve to a string",
		`!Sub "${Topic.Arn}"`:                       "variable Topic.Arn in Fn::Sub expression does not resolve to a string",
		`!Sub "${List}"`:                            "variable List in Fn::Sub expression does not resolve to a string",
		`!Sub ["${a}", {a: !Ref List}]`:             "variable a in Fn::Sub expression does not resolve to a string",
		`!Sub ["${b}", {a: b}]`:                     "Unresolved resource dependencies [b]",
		`!Sub {a: b}`:                               "don't specify expected arguments",
		`!Sub ["${a}", {a: b}, c]`:                  "don't specify expected arguments",
		`!Join [",", [!Ref List]]`:                  "every Fn::Join object",
		`!Join [",", [!Split [",", a]]]`:            "every Fn::Join object",
		`!Join [",", !Ref Text]`:                    "every Fn::Join object",
		`!Join [[","], [a]]`:                        "every Fn::Join object",
		`!Join [",", [a], b]`:                       "every Fn::Join object",
		`!Select [0, a]`:                            "Fn::Select requires a list argument",
		`!Select [!GetAtt Topic.Arn, [a]]`:          "Fn::Select requires a list argument",
		`!Select [-1, [a]]`:                         "cannot select nonexistent value at index -1",
		`!Select [3, !Ref List]`:                    "Fn::Select  cannot select nonexistent value at index 3",
		`!Split ["", abc]`:                          "every Fn::Split object",
		`!Split [!Ref Text, abc]`:                   "every Fn::Split object",
		`!Split [",", [abc]]`:                       "every Fn::Split object",
		`!FindInMap [Map, !GetAtt Topic.Arn, text]`: "every Fn::FindInMap object",
		`!FindInMap [Map, key, none]`:               "Unable to get mapping for Map::key::none",
		`!FindInMap [None, key, text]`:              "Mapping named 'None' is not present",
		`!FindInMap [Map, key, text, {Value: a}]`:   "every Fn::FindInMap object",
		`!If [[Yes], a, b]`:                         "Fn::If requires a list argument",
		`!If [Maybe, a, b]`:                         "unresolved condition dependency Maybe in Fn::If",
		`!Base64 {"Fn::Split": [",", a]}`:           "every Fn::Base64 object",
		`!Cidr [10.0.0.0/24, 257, 1]`:               "between 1 and 256",
		`!Cidr [10.0.0.0/24, 0, 1]`:                 "between 1 and 256",
		`!Cidr [10.0.0.0/24, 1, 33]`:                "does not hold",
		`!Cidr [10.0.0.0/24, 1, 9]`:                 "does not hold",
		`!Cidr [10.0.0.0/24, 3, 7]`:                 "does not hold",
		`!Cidr ["2001:db8::/64", 3, 64]`:            "does not hold",
		`!Cidr [[10.0.0.0/24], 3, 7]`:               "every Fn::Cidr object",
		`!GetAZs [a]`:                               "every Fn::GetAZs object",
		`!ImportValue none`:                         "No export named none found.",
		`!ImportValue {Ref: Topic}`:                 "must not depend on any resources",
		`!ImportValue {"Fn::GetAtt": [Topic, Arn]}`: "must not depend on any resources",
		`{"Fn::Length": text}`:                      "Fn::Length layout is incorrect",
		`{"Fn::ToJsonString": text}`:                "Fn::ToJsonString layout is incorrect",
		`{"Fn::Contains": [[a], b]}`:                "Fn::Contains cannot be used here",
		`{"Fn::RefAll": "AWS::EC2::VPC::Id"}`:       "Fn::RefAll cannot be used here",
		`!And [a, b]`:                               "every Fn::And object",
		`!Ref [Text]`:                               "Every Ref object must have a single String value.",
		`!Ref ""`:                                   "Every Ref object must have a single String value.",
		`!GetAtt ""`:                                "every Fn::GetAtt object",
		`!GetAtt [Topic]`:                           "every Fn::GetAtt object",
		`!GetAtt [Topic, !GetAZs ""]`:               "Fn::GetAtt layout is incorrect",
		`!GetAtt Topic.None`:                        "does not support attribute type None",
		`!Foo a`:                                    "Encountered unsupported function: Fn::Foo",
	} {
		if v, err := one(t, expression, live); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", expression, v, err, want)
		}
	}
}

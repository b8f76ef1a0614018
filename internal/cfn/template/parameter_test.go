package template

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/schema"
)

// bindOne binds a value to the parameter P of that declaration.
func bindOne(t *testing.T, declaration, value string) (schema.Value, error) {
	t.Helper()
	tpl := parse(t, `{"Parameters": {"P": `+declaration+`}, "Resources": {"A": {"Type": "AWS::SNS::Topic", "Properties": {"V": {"Ref": "P"}}}}}`)
	env := testEnv()
	env.Stored = func(name string) (string, error) {
		if strings.HasPrefix(name, "/") {
			return strings.TrimPrefix(name, "/"), nil
		}
		return "", errors.New("not there")
	}
	e, err := tpl.Evaluate(env, map[string]string{"P": value})
	if err != nil {
		return nil, err
	}
	props, err := e.Properties("A", Undecided{})
	if err != nil {
		t.Fatal(err)
	}
	return props["V"], nil
}

func TestParameterValues(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		declaration, value string
		want               schema.Value
		refused            string
	}{
		{declaration: `{"Type": "String"}`, value: " as is ", want: " as is "},
		{declaration: `{"Type": "String"}`, value: "", want: ""},
		{declaration: `{"Type": "String", "AllowedValues": ["a", 1, true]}`, value: "1", want: "1"},
		{declaration: `{"Type": "String", "AllowedValues": ["a", 1, true]}`, value: "true", want: "true"},
		{declaration: `{"Type": "String", "AllowedValues": ["a"]}`, value: "A", refused: "Parameter 'P' must be one of AllowedValues"},
		{declaration: `{"Type": "String", "AllowedValues": []}`, value: "A", refused: "Parameter 'P' must be one of AllowedValues"},
		{declaration: `{"Type": "String", "AllowedValues": ["a"], "ConstraintDescription": "say a."}`, value: "b", refused: "Parameter P failed to satisfy constraint: say a."},
		{declaration: `{"Type": "String", "AllowedPattern": "[a-z]+"}`, value: "abc", want: "abc"},
		{declaration: `{"Type": "String", "AllowedPattern": "[a-z]+"}`, value: "abc1", refused: "Parameter 'P' must match pattern [a-z]+"},
		{declaration: `{"Type": "String", "AllowedPattern": "a|b"}`, value: "bc", refused: "Parameter 'P' must match pattern a|b"},
		{declaration: `{"Type": "String", "MinLength": 2, "MaxLength": "3"}`, value: "äöü", want: "äöü"},
		{declaration: `{"Type": "String", "MinLength": 2}`, value: "a", refused: "Parameter 'P' must contain at least 2 characters"},
		{declaration: `{"Type": "String", "MaxLength": 2}`, value: "abc", refused: "Parameter 'P' must contain at most 2 characters"},
		{declaration: `{"Type": "String"}`, value: strings.Repeat("a", 4097), refused: "Parameter 'P' must contain at most 4096 characters"},
		{declaration: `{"Type": "String", "NoEcho": true}`, value: "x", want: schema.Secret("x")},

		{declaration: `{"Type": "Number"}`, value: "-1.5e3", want: "-1.5e3"},
		{declaration: `{"Type": "Number"}`, value: "", refused: "Parameter 'P' must be a number."},
		{declaration: `{"Type": "Number"}`, value: "1x", refused: "Parameter 'P' must be a number."},
		{declaration: `{"Type": "Number"}`, value: "0x10", refused: "Parameter 'P' must be a number."},
		{declaration: `{"Type": "Number"}`, value: "NaN", refused: "Parameter 'P' must be a number."},
		{declaration: `{"Type": "Number", "MinValue": 1}`, value: "0.5", refused: "Parameter 'P' must be a number not less than 1"},
		{declaration: `{"Type": "Number", "MaxValue": 10}`, value: "10.0", want: "10.0"},
		{declaration: `{"Type": "Number", "MaxValue": 10}`, value: "1e9", refused: "Parameter 'P' must be a number not greater than 10"},
		{declaration: `{"Type": "Number", "AllowedValues": [1, 2]}`, value: "2.0", want: "2.0"},
		{declaration: `{"Type": "Number", "AllowedValues": [1, 2]}`, value: "3", refused: "Parameter 'P' must be one of AllowedValues"},

		{declaration: `{"Type": "CommaDelimitedList"}`, value: "a, b ,,c", want: []any{"a", "b", "", "c"}},
		{declaration: `{"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]}`, value: "a, b", want: []any{"a", "b"}},
		{declaration: `{"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]}`, value: "a,c", refused: "Parameter 'P' must be one of AllowedValues"},
		{declaration: `{"Type": "CommaDelimitedList", "AllowedPattern": "[a-z]"}`, value: "a,1", refused: "Parameter 'P' must match pattern [a-z]"},
		{declaration: `{"Type": "CommaDelimitedList", "NoEcho": true}`, value: "a,b", want: []any{schema.Secret("a"), schema.Secret("b")}},
		{declaration: `{"Type": "List<Number>"}`, value: "80, 443", want: []any{"80", "443"}},
		{declaration: `{"Type": "List<Number>"}`, value: "80,http", refused: "Parameter 'P' must be a list of numbers."},
		{declaration: `{"Type": "List<Number>", "MinValue": 100}`, value: "80,443", refused: "Parameter 'P' must be a number not less than 100"},
		{declaration: `{"Type": "List<String>"}`, value: "a,b", want: []any{"a", "b"}},
		{declaration: `{"Type": "List<AWS::EC2::Subnet::Id>"}`, value: "subnet-1,subnet-2", want: []any{"subnet-1", "subnet-2"}},
		{declaration: `{"Type": "AWS::EC2::VPC::Id"}`, value: "vpc-1", want: "vpc-1"},

		{declaration: `{"Type": "AWS::SSM::Parameter::Name"}`, value: "/x", want: "/x"},
		{declaration: `{"Type": "AWS::SSM::Parameter::Value<String>"}`, value: "/x", want: "x"},
		{declaration: `{"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "NoEcho": true}`, value: "/x", want: schema.Secret("x")},
		{declaration: `{"Type": "AWS::SSM::Parameter::Value<List<String>>"}`, value: "/x, y", want: []any{"x", "y"}},
		{declaration: `{"Type": "AWS::SSM::Parameter::Value<CommaDelimitedList>"}`, value: "/x,y", want: []any{"x", "y"}},
		{declaration: `{"Type": "AWS::SSM::Parameter::Value<String>"}`, value: "x", refused: "Unable to fetch parameters [x] from parameter store for this account."},
	} {
		got, err := bindOne(t, test.declaration, test.value)
		var fault *Error
		switch {
		case test.refused == "" && err != nil:
			t.Errorf("%s %q: %v", test.declaration, test.value, err)
		case test.refused != "" && (!errors.As(err, &fault) || fault.Message != test.refused || fault.Code != ValidationError):
			t.Errorf("%s %q: %v, want %s", test.declaration, test.value, err, test.refused)
		case test.refused == "":
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s %q (-want +got):\n%s", test.declaration, test.value, diff)
			}
		}
	}
}

// A default that its constraints refuse is the template's fault, whatever is
// given: Parse refuses it, with its place.
func TestParameterDefault(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte("Parameters:\n  P:\n    Type: Number\n    Default: many\nResources: {A: {Type: AWS::SNS::Topic}}\n"), DefaultLimits())
	want := &Error{Code: ValidationError, Message: "Parameter 'P' must be a number.", Path: "Parameters/P/Default", Line: 4, Column: 14}
	var got *Error
	if !errors.As(err, &got) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParameterTypes(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{
		"String": true, "Number": true, "CommaDelimitedList": true, "List<Number>": true, "List<String>": true,
		"AWS::EC2::KeyPair::KeyName": true, "List<AWS::EC2::VPC::Id>": true, "AWS::SSM::Parameter::Name": true,
		"AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>": true, "AWS::SSM::Parameter::Value<Number>": true,
		"Boolean": false, "string": false, "List": false, "List<": false, "List<>": false, "List<List<String>>": false,
		"List<CommaDelimitedList>": false, "AWS::SSM::Parameter::Value": false, "AWS::SSM::Parameter::Value<": false,
		"AWS::SSM::Parameter::Value<AWS::SSM::Parameter::Value<String>>": false, "AWS::S3::Bucket": false, "": false,
	} {
		if got := isParameterType(name); got != known {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// TestSecretsStay holds that no function lets go of a secret, whichever way
// it is printed.
func TestSecretsStay(t *testing.T) {
	t.Parallel()
	e := evaluate(t, `
Transform: AWS::LanguageExtensions
Parameters:
  Secret: {Type: String, NoEcho: true}
Mappings: {Map: {hunter22: {key: found}}}
Resources:
  A:
    Type: AWS::SNS::Topic
    Properties:
      Values:
        - !Ref Secret
        - !Sub "x${Secret}"
        - !Sub ["${s}", {s: !Join ["", [!Ref Secret, y]]}]
        - !Base64 {Ref: Secret}
        - !Split ["t", !Ref Secret]
        - !Select [0, !Split ["t", !Ref Secret]]
        - !FindInMap [Map, !Ref Secret, key]
        - !Join ["", !Split ["t", !Ref Secret]]
        - Fn::ToJsonString: {a: [!Ref Secret]}
        - !GetAZs {Ref: Secret}
Outputs:
  O: {Value: !Sub "${Secret}"}
`, map[string]string{"Secret": "hunter22"})
	props, err := e.Properties("A", Undecided{})
	if err != nil {
		t.Fatal(err)
	}
	var open func(v schema.Value)
	open = func(v schema.Value) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				open(item)
			}
		case schema.Secret:
		default:
			t.Errorf("%#v came of a secret", v)
		}
	}
	open(props["Values"])
	outputs, err := e.Outputs(Undecided{})
	if err != nil {
		t.Fatal(err)
	}
	if printed := fmt.Sprint(props, outputs); strings.Contains(printed, "hunter") || strings.Contains(printed, "found") {
		t.Error(printed)
	}
}

package template

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/schema"
)

const shop = `
AWSTemplateFormatVersion: 2010-09-09
Description: A queue, a topic and who may write
Parameters:
  Stage:
    Type: String
    Default: test
    AllowedValues: [test, prod]
  Owners:
    Type: CommaDelimitedList
    Default: ann, bob
  Password:
    Type: String
    NoEcho: true
    Default: hunter22
    MinLength: 8
Mappings:
  Sizes:
    test: {Days: 1}
    prod: {Days: 14}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsTest: !Not [!Condition IsProd]
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Condition: IsProd
    Properties:
      TopicName: !Sub "${AWS::StackName}-${!literal}"
  Queue:
    Type: AWS::SQS::Queue
    DependsOn: Topic
    Properties:
      QueueName: !If [IsProd, !Sub "q-${Topic.TopicName}", !Ref AWS::NoValue]
      MessageRetentionPeriod: !FindInMap [Sizes, !Ref Stage, Days]
      Tags:
        - Key: owner
          Value: !Select [1, !Ref Owners]
        - !If [IsProd, {Key: stage, Value: prod}, !Ref "AWS::NoValue"]
        - Key: secret
          Value: !Join ["-", [x, !Ref Password]]
Outputs:
  Url:
    Value: !Ref Queue
    Export: {Name: !Sub "${AWS::StackName}-url"}
  Secret:
    Value: !Base64 {Ref: Password}
  Topic:
    Condition: IsProd
    Value: !GetAtt Topic.TopicName
`

// world answers for resources that exist: attributes by "Id.Attribute".
type world map[string]schema.Value

func (w world) Ref(id string) (schema.Value, bool) { v, ok := w[id]; return v, ok }

func (w world) GetAtt(id, attribute string) (schema.Value, error) {
	v, ok := w[id+"."+attribute]
	if !ok {
		return nil, fault("Template error: resource %s does not support attribute type %s in Fn::GetAtt", id, attribute)
	}
	return v, nil
}

func parse(t *testing.T, src string) *Template {
	t.Helper()
	tpl, err := Parse([]byte(src), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func evaluate(t *testing.T, src string, given map[string]string) *Evaluation {
	t.Helper()
	e, err := parse(t, src).Evaluate(testEnv(), given)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func testEnv() Env {
	return Env{Account: "111122223333", Region: "eu-west-1", StackName: "shop", StackID: "arn:shop"}
}

func TestEvaluation(t *testing.T) {
	t.Parallel()
	live := world{"Queue": "https://q", "Topic": "arn:topic", "Topic.TopicName": "news"}

	e := evaluate(t, shop, nil)
	props, err := e.Properties("Queue", live)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]schema.Value{
		"MessageRetentionPeriod": json.Number("1"),
		"Tags": []any{
			map[string]any{"Key": "owner", "Value": "bob"},
			map[string]any{"Key": "secret", "Value": schema.Secret("x-hunter22")},
		},
	}
	if diff := cmp.Diff(want, props); diff != "" {
		t.Error(diff)
	}
	if got := e.Dependencies("Queue"); len(got) != 0 {
		t.Errorf("Queue waits for %v in test, where there is no topic", got)
	}
	outputs, err := e.Outputs(live)
	if err != nil {
		t.Fatal(err)
	}
	wantOutputs := []Output{
		{Key: "Url", Value: "https://q", Export: "shop-url"},
		{Key: "Secret", Value: schema.Secret("aHVudGVyMjI=")},
	}
	if diff := cmp.Diff(wantOutputs, outputs); diff != "" {
		t.Error(diff)
	}

	e = evaluate(t, shop, map[string]string{"Stage": "prod"})
	if diff := cmp.Diff([]string{"Topic"}, e.Dependencies("Queue")); diff != "" {
		t.Error(diff)
	}
	if props, err = e.Properties("Queue", live); err != nil || props["QueueName"] != "q-news" {
		t.Errorf("QueueName = %v, %v", props["QueueName"], err)
	}
	if props, err = e.Properties("Topic", live); err != nil || props["TopicName"] != "shop-${literal}" {
		t.Errorf("TopicName = %v, %v", props["TopicName"], err)
	}
}

// A policy is judged by the type, wherever in the declaration the type stands.
func TestPolicyOfType(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ declaration, want string }{
		{"{DeletionPolicy: Snapshot, UpdateReplacePolicy: Snapshot, Type: AWS::RDS::DBInstance}", ""},
		{"{Type: AWS::RDS::DBInstance, DeletionPolicy: Snapshot}", ""},
		{"{DeletionPolicy: Snapshot, Type: AWS::SNS::Topic}", "Template error: resource type AWS::SNS::Topic does not support deletion policy Snapshot"},
		{"{UpdateReplacePolicy: Snapshot, Type: AWS::SNS::Topic}", "Template error: resource type AWS::SNS::Topic does not support updatereplace policy Snapshot"},
	} {
		_, err := Parse([]byte("Resources: {A: "+test.declaration+"}"), DefaultLimits())
		var got string
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.declaration, got, test.want)
		}
	}
}

package changeset

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/schema"
)

// ruleTests has a row for each rule of reference/cloudformation.md, under its
// number. Contexts are left out of what is wanted; TestContexts has them.
var ruleTests = []struct {
	rule, name    string
	before, after string
	was, is       map[string]string // parameters
	structural    string
	values        string
}{
	{
		rule: "A1", name: "an attribute of what is modified in place",
		before: `
  A: {Type: AWS::SNS::Topic, Properties: {TopicName: a, DisplayName: one}}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt A.DisplayName}}`,
		after: `
  A: {Type: AWS::SNS::Topic, Properties: {TopicName: a, DisplayName: two}}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt A.DisplayName}}`,
		structural: `
Modify A replacement False
  DirectModification Static Properties.DisplayName Never
Modify B replacement False
  ResourceAttribute(A.DisplayName) Dynamic Properties.DisplayName Never`,
		values: `
Modify A replacement False
  DirectModification Static Properties.DisplayName Never Modify /Properties/DisplayName "one" "two"`,
	},
	{
		rule: "A1", name: "another expression of the same value",
		before: `
  A: {Type: AWS::SSM::Parameter, Properties: {Name: a, Type: String, Value: one}}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: a}}`,
		after: `
  A: {Type: AWS::SSM::Parameter, Properties: {Name: a, Type: String, Value: one}}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref A}}`,
		structural: `
Modify B replacement False
  DirectModification Static Properties.DisplayName Never`,
		values: `
nothing`,
	},
	{
		rule: "A2", name: "what new and replaced resources give is open",
		before: `
  A: {Type: AWS::SNS::Topic, Properties: {TopicName: one}}
  B: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {Resource: !Ref A}}}`,
		after: `
  A: {Type: AWS::SNS::Topic, Properties: {TopicName: two}}
  B: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {Resource: !Ref A}}}`,
		structural: `
Modify A replacement True ReplaceAndDelete
  DirectModification Static Properties.TopicName Always
Modify B replacement False
  ResourceReference(A) Static Properties.PolicyDocument Never`,
		values: `
Modify A replacement True ReplaceAndDelete
  DirectModification Static Properties.TopicName Always Modify /Properties/TopicName "one" "two"
Modify B replacement False
  ResourceReference(A) Static Properties.PolicyDocument Never Modify /Properties/PolicyDocument "{\"Resource\":\"arn:aws:sns:us-east-1:111111111111:one\"}" "{\"Resource\":\"{{changeSet:KNOWN_AFTER_APPLY}}\"}"
  DirectModification Dynamic Properties.PolicyDocument Never Modify /Properties/PolicyDocument "{\"Resource\":\"arn:aws:sns:us-east-1:111111111111:one\"}" "{\"Resource\":\"{{changeSet:KNOWN_AFTER_APPLY}}\"}"`,
	},
	{
		rule: "A5", name: "how properties come, change and go",
		before: `
  A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 1, VisibilityTimeout: 30, Tags: [{Key: a, Value: b}]}}`,
		after: `
  A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 2, VisibilityTimeout: "30", MaximumMessageSize: 2048}}`,
		structural: `
Modify A replacement False
  DirectModification Static Properties.DelaySeconds Never
  DirectModification Static Properties.MaximumMessageSize Never
  DirectModification Static Properties.Tags Never`,
		values: `
Modify A replacement False
  DirectModification Static Properties.DelaySeconds Never Modify /Properties/DelaySeconds "1" "2"
  DirectModification Static Properties.MaximumMessageSize Never Add /Properties/MaximumMessageSize none "2048"
  DirectModification Static Properties.Tags Never Remove /Properties/Tags "[{\"Key\":\"a\",\"Value\":\"b\"}]" none`,
	},
	{
		rule: "B1", name: "conditions make and unmake",
		before: `
  A: {Type: AWS::SNS::Topic, Condition: IsOne}
  B: {Type: AWS::SNS::Topic, Condition: IsTwo}
  C: {Type: AWS::SNS::Topic}`,
		after: `
  A: {Type: AWS::SNS::Topic, Condition: IsOne}
  B: {Type: AWS::SNS::Topic, Condition: IsTwo}
  C: {Type: AWS::SNS::Topic, Condition: IsTwo}`,
		was: map[string]string{"P": "one"}, is: map[string]string{"P": "two"},
		structural: `
Remove A Delete
Add B`,
		values: `
Remove A Delete
Add B`,
	},
	{
		rule: "B2", name: "DependsOn alone",
		before: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}
  B: {Type: AWS::SNS::Topic}`,
		after: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: two}}
  B: {Type: AWS::SNS::Topic, DependsOn: A}`,
		structural: `
Modify A replacement False
  DirectModification Static Properties.DisplayName Never`,
		values: `
Modify A replacement False
  DirectModification Static Properties.DisplayName Never Modify /Properties/DisplayName "one" "two"`,
	},
	{
		rule: "B3", name: "the same by a mapping, a pseudo parameter, functions",
		before: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: x-us-east-1}}`,
		after: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Join ["-", [!FindInMap [M, K, V], !Select [0, !Split [",", !Ref AWS::Region]]]]}}`,
		structural: "nothing", values: "nothing",
	},
	{
		rule: "B3", name: "the same text of a resource by another function",
		before: `
  A: {Type: AWS::SNS::Topic}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Join ["/", [a, !Ref A, !GetAtt A.TopicName]]}}
  C: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref A}}`,
		after: `
  A: {Type: AWS::SNS::Topic}
  C: {Type: AWS::SNS::Topic, Properties: {DisplayName: !If [IsOne, !GetAtt A.TopicName, !Sub "${A}"]}}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub ["a/${X}", {X: !Sub "${A}/${A.TopicName}"}]}}`,
		structural: "nothing", values: "nothing",
	},
	{
		rule: "B4", name: "a parameter that nothing refers to",
		before: `
  A: {Type: AWS::SNS::Topic}`,
		after: `
  A: {Type: AWS::SNS::Topic}`,
		was: map[string]string{"P": "1"}, is: map[string]string{"P": "2"},
		structural: "nothing", values: "nothing",
	},
	{
		rule: "B6", name: "deletion policies",
		before: `
  A: {Type: AWS::SNS::Topic}
  B: {Type: AWS::SNS::Topic, DeletionPolicy: Retain}
  C: {Type: AWS::EC2::Volume, DeletionPolicy: Snapshot, Properties: {AvailabilityZone: a}}
  D: {Type: AWS::SNS::Topic, DeletionPolicy: RetainExceptOnCreate}
  E: {Type: AWS::RDS::DBInstance}
  F: {Type: AWS::RDS::DBInstance, Properties: {DBClusterIdentifier: c}}
  G: {Type: AWS::SNS::Topic}`,
		after: `
  G: {Type: AWS::SNS::Topic}`,
		structural: `
Remove A Delete
Remove B Retain
Remove C Snapshot
Remove D Retain
Remove E Snapshot
Remove F Delete`,
		values: `
Remove A Delete
Remove B Retain
Remove C Snapshot
Remove D Retain
Remove E Snapshot
Remove F Delete`,
	},
	{
		rule: "C2", name: "one detail for each parameter that changes",
		before: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "${P}-${Q}-${R}"}}`,
		after: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "${P}-${Q}-${R}"}}`,
		was: map[string]string{"P": "1", "Q": "1", "R": "1"}, is: map[string]string{"P": "2", "Q": "2", "R": "1"},
		structural: `
Modify A replacement False
  ParameterReference(P) Static Properties.DisplayName Never
  ParameterReference(Q) Static Properties.DisplayName Never
  DirectModification Dynamic Properties.DisplayName Never`,
		values: `
Modify A replacement False
  ParameterReference(P) Static Properties.DisplayName Never Modify /Properties/DisplayName "1-1-1" "2-2-1"
  ParameterReference(Q) Static Properties.DisplayName Never Modify /Properties/DisplayName "1-1-1" "2-2-1"
  DirectModification Dynamic Properties.DisplayName Never Modify /Properties/DisplayName "1-1-1" "2-2-1"`,
	},
	{
		rule: "C2", name: "a parameter that makes no difference",
		before: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !FindInMap [M, !Ref P, V]}}`,
		after: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !FindInMap [M, !Ref P, V]}}`,
		was: map[string]string{"P": "K"}, is: map[string]string{"P": "L"},
		structural: "nothing", values: "nothing",
	},
	{
		rule: "C2", name: "a reference to a parameter that stays",
		before: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "one ${P}"}}`,
		after: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "two ${P}"}}`,
		structural: `
Modify A replacement False
  DirectModification Static Properties.DisplayName Never`,
		values: `
Modify A replacement False
  DirectModification Static Properties.DisplayName Never Modify /Properties/DisplayName "one " "two "`,
	},
	{
		rule: "C3", name: "a stored parameter of another name",
		before: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Stored}}`,
		after: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Stored}}`,
		was: map[string]string{"Stored": "/one"}, is: map[string]string{"Stored": "/two"},
		structural: `
Modify A replacement False
  ParameterReference(Stored) Static Properties.DisplayName Never
  DirectModification Dynamic Properties.DisplayName Never`,
		values: `
Modify A replacement False
  ParameterReference(Stored) Static Properties.DisplayName Never Modify /Properties/DisplayName "value of /one" "value of /two"
  DirectModification Dynamic Properties.DisplayName Never Modify /Properties/DisplayName "value of /one" "value of /two"`,
	},
	{
		rule: "C4 C5", name: "a chain of replacements",
		before: `
  A: {Type: AWS::SNS::Topic, Properties: {TopicName: one}}
  B: {Type: AWS::SNS::Topic, Properties: {TopicName: !Sub "b-${A.TopicName}"}}
  C: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt B.TopicArn}}`,
		after: `
  A: {Type: AWS::SNS::Topic, UpdateReplacePolicy: Retain, Properties: {TopicName: two}}
  B: {Type: AWS::SNS::Topic, Properties: {TopicName: !Sub "b-${A.TopicName}"}}
  C: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt B.TopicArn}}`,
		structural: `
Modify A replacement True ReplaceAndRetain
  DirectModification Static Properties.TopicName Always
  DirectModification Static UpdateReplacePolicy Never
Modify B replacement True ReplaceAndDelete
  ResourceAttribute(A.TopicName) Static Properties.TopicName Always
Modify C replacement False
  ResourceAttribute(B.TopicArn) Static Properties.DisplayName Never`,
		values: `
Modify A replacement True ReplaceAndRetain
  DirectModification Static Properties.TopicName Always Modify /Properties/TopicName "one" "two"
  DirectModification Static UpdateReplacePolicy Never Add /UpdateReplacePolicy none "Retain"
Modify B replacement True ReplaceAndDelete
  ResourceAttribute(A.TopicName) Static Properties.TopicName Always Modify /Properties/TopicName "b-one" "{{changeSet:KNOWN_AFTER_APPLY}}"
  DirectModification Dynamic Properties.TopicName Always Modify /Properties/TopicName "b-one" "{{changeSet:KNOWN_AFTER_APPLY}}"
Modify C replacement False
  ResourceAttribute(B.TopicArn) Static Properties.DisplayName Never Modify /Properties/DisplayName "arn:aws:sns:us-east-1:111111111111:b-one" "{{changeSet:KNOWN_AFTER_APPLY}}"
  DirectModification Dynamic Properties.DisplayName Never Modify /Properties/DisplayName "arn:aws:sns:us-east-1:111111111111:b-one" "{{changeSet:KNOWN_AFTER_APPLY}}"`,
	},
	{
		rule: "C6 C9 D2", name: "what may need another resource is conditional, and so is what refers to it",
		before: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}
  B: {Type: AWS::SNS::Topic, Properties: {TopicName: !GetAtt A.DisplayName}}
  C: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref B}}
  D: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref C}}`,
		after: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: two}}
  B: {Type: AWS::SNS::Topic, Properties: {TopicName: !GetAtt A.DisplayName}}
  C: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref B}}
  D: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref C}}`,
		structural: `
Modify A replacement False
  DirectModification Static Properties.DisplayName Never
Modify B replacement Conditional
  ResourceAttribute(A.DisplayName) Dynamic Properties.TopicName Always
Modify C replacement False
  ResourceReference(B) Dynamic Properties.DisplayName Never`,
		values: `
Modify A replacement False
  DirectModification Static Properties.DisplayName Never Modify /Properties/DisplayName "one" "two"`,
	},
	{
		rule: "C8", name: "a new reference to a new resource",
		before: `
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}`,
		after: `
  A: {Type: AWS::SNS::Topic}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref A}}`,
		structural: `
Add A
Modify B replacement False
  ResourceReference(A) Static Properties.DisplayName Never
  DirectModification Dynamic Properties.DisplayName Never`,
		values: `
Add A
Modify B replacement False
  ResourceReference(A) Static Properties.DisplayName Never Modify /Properties/DisplayName "one" "{{changeSet:KNOWN_AFTER_APPLY}}"
  DirectModification Dynamic Properties.DisplayName Never Modify /Properties/DisplayName "one" "{{changeSet:KNOWN_AFTER_APPLY}}"`,
	},
	{
		rule: "C6 C8", name: "a new reference to what is modified in place",
		before: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: other}}`,
		after: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: two}}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt A.DisplayName}}`,
		structural: `
Modify A replacement False
  DirectModification Static Properties.DisplayName Never
Modify B replacement False
  ResourceAttribute(A.DisplayName) Dynamic Properties.DisplayName Never
  DirectModification Dynamic Properties.DisplayName Never`,
		values: `
Modify A replacement False
  DirectModification Static Properties.DisplayName Never Modify /Properties/DisplayName "one" "two"
Modify B replacement False
  DirectModification Static Properties.DisplayName Never Modify /Properties/DisplayName "other" "one"`,
	},
	{
		rule: "C10", name: "attributes beside properties",
		before: `
  A: {Type: AWS::SNS::Topic, Metadata: {a: !Ref P}}
  B: {Type: AWS::SNS::Topic, DeletionPolicy: Delete}
  C: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt A.TopicName}}`,
		after: `
  A: {Type: AWS::SNS::Topic, Metadata: {a: !Ref P}}
  B: {Type: AWS::SNS::Topic, DeletionPolicy: Retain}
  C: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt A.TopicName}}`,
		was: map[string]string{"P": "1"}, is: map[string]string{"P": "2"},
		structural: `
Modify A replacement False
  ParameterReference(P) Static Metadata Never
  DirectModification Dynamic Metadata Never
Modify B replacement False
  DirectModification Static DeletionPolicy Never`,
		values: `
Modify A replacement False
  ParameterReference(P) Static Metadata Never Modify /Metadata "{\"a\":\"1\"}" "{\"a\":\"2\"}"
  DirectModification Dynamic Metadata Never Modify /Metadata "{\"a\":\"1\"}" "{\"a\":\"2\"}"
Modify B replacement False
  DirectModification Static DeletionPolicy Never Modify /DeletionPolicy "Delete" "Retain"`,
	},
	{
		rule: "C13", name: "a nested stack, and what takes its outputs",
		before: `
  A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: u}}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt A.Outputs.X}}`,
		after: `
  A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: u}}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt A.Outputs.X}}`,
		structural: `
Modify A replacement False
  Automatic Dynamic Properties Never
Modify B replacement False
  ResourceAttribute(A.Outputs.X) Dynamic Properties.DisplayName Never`,
		values: `
Modify A replacement False
  Automatic Dynamic Properties Never`,
	},
	{
		rule: "D1", name: "what a property requires depends on where it changes",
		before: `
  A: {Type: AWS::EKS::Cluster, Properties: {RoleArn: r, ResourcesVpcConfig: {}, AccessConfig: {AuthenticationMode: API, BootstrapClusterCreatorAdminPermissions: true}}}
  B: {Type: AWS::EKS::Cluster, Properties: {RoleArn: r, ResourcesVpcConfig: {}, AccessConfig: {AuthenticationMode: API, BootstrapClusterCreatorAdminPermissions: true}}}`,
		after: `
  A: {Type: AWS::EKS::Cluster, Properties: {RoleArn: r, ResourcesVpcConfig: {}, AccessConfig: {AuthenticationMode: CONFIG_MAP, BootstrapClusterCreatorAdminPermissions: true}}}
  B: {Type: AWS::EKS::Cluster, Properties: {RoleArn: r, ResourcesVpcConfig: {}, AccessConfig: {AuthenticationMode: API, BootstrapClusterCreatorAdminPermissions: false}}}`,
		structural: `
Modify A replacement False
  DirectModification Static Properties.AccessConfig Never
Modify B replacement True ReplaceAndDelete
  DirectModification Static Properties.AccessConfig Always`,
	},
	{
		rule: "D1", name: "where AWS and the schemas differ",
		before: `
  A: {Type: AWS::DynamoDB::Table, Properties: {AttributeDefinitions: [{AttributeName: a, AttributeType: S}], KeySchema: [{AttributeName: a, KeyType: HASH}]}}
  B: {Type: AWS::DynamoDB::Table, Properties: {AttributeDefinitions: [{AttributeName: a, AttributeType: S}], KeySchema: [{AttributeName: a, KeyType: HASH}]}}`,
		after: `
  A: {Type: AWS::DynamoDB::Table, Properties: {AttributeDefinitions: [{AttributeName: b, AttributeType: S}], KeySchema: [{AttributeName: b, KeyType: HASH}]}}
  B: {Type: AWS::DynamoDB::Table, Properties: {AttributeDefinitions: [{AttributeName: a, AttributeType: N}], KeySchema: [{AttributeName: a, KeyType: HASH}]}}`,
		structural: `
Modify A replacement True ReplaceAndDelete
  DirectModification Static Properties.AttributeDefinitions Conditionally
  DirectModification Static Properties.KeySchema Always
Modify B replacement Conditional
  DirectModification Static Properties.AttributeDefinitions Conditionally`,
	},
	{
		rule: "E", name: "secrets",
		before: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "pw ${Secret}"}}`,
		after: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "pw ${Secret}"}}`,
		was: map[string]string{"Secret": "hunter1"}, is: map[string]string{"Secret": "hunter2"},
		structural: `
Modify A replacement False
  ParameterReference(Secret) Static Properties.DisplayName Never
  DirectModification Dynamic Properties.DisplayName Never`,
		values: `
Modify A replacement False
  ParameterReference(Secret) Static Properties.DisplayName Never Modify /Properties/DisplayName "****" "****"
  DirectModification Dynamic Properties.DisplayName Never Modify /Properties/DisplayName "****" "****"`,
	},
	{
		rule: "E", name: "an export that is missing",
		before: `
  A: {Type: AWS::SNS::Topic}`,
		after: `
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !ImportValue none}}`,
		structural: `
Modify A replacement False
  DirectModification Static Properties.DisplayName Never`,
		values: `
Modify A replacement False
  DirectModification Static Properties.DisplayName Never Add /Properties/DisplayName none "{{changeSet:KNOWN_AFTER_APPLY}}"
[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet creation failed for resource [A] because: No export named none`,
	},
}

const ruleHead = `
Parameters:
  P: {Type: String, Default: ""}
  Q: {Type: String, Default: ""}
  R: {Type: String, Default: ""}
  Stored: {Type: AWS::SSM::Parameter::Value<String>, Default: /stored}
  Secret: {Type: String, NoEcho: true, Default: ""}
Mappings:
  M: {K: {V: x}, L: {V: x}}
Conditions:
  IsOne: !Equals [!Ref P, one]
  IsTwo: !Equals [!Ref P, two]
Resources:`

func ruleUpdate(t testing.TB, before, after string, was, is map[string]string) Update {
	t.Helper()
	return launched(t, evaluate(t, ruleHead+before, was, testEnvStored()), evaluate(t, ruleHead+after, is, testEnvStored()))
}

// withoutContexts returns a set's text without the contexts.
func withoutContexts(s Set) string {
	for i := range s.Changes {
		s.Changes[i].BeforeContext, s.Changes[i].AfterContext = "", ""
	}
	return strings.TrimSpace(s.String())
}

func TestRules(t *testing.T) {
	t.Parallel()
	for _, test := range ruleTests {
		t.Run(test.rule+" "+test.name, func(t *testing.T) {
			t.Parallel()
			without, with := both(t, ruleUpdate(t, test.before, test.after, test.was, test.is))
			if diff := cmp.Diff(strings.TrimSpace(test.structural), withoutContexts(without)); diff != "" {
				t.Errorf("structural (-want +got)\n%s", diff)
			}
			if test.values == "" {
				return
			}
			if diff := cmp.Diff(strings.TrimSpace(test.values), withoutContexts(with)); diff != "" {
				t.Errorf("with values (-want +got)\n%s", diff)
			}
		})
	}
}

// TestContexts has what resources are shown to be, before and after: A3, A4
// and A5.
func TestContexts(t *testing.T) {
	t.Parallel()
	const kaa = "{{changeSet:KNOWN_AFTER_APPLY}}"
	a := `
  A: {Type: AWS::SNS::Topic, Properties: {TopicName: a}}`
	for _, test := range []struct{ name, before, after, id, was, is string }{
		{
			"A3: functions of what is not there yet", "",
			a + `
  B:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Join ["-", [a, !Ref A]]
      Path: !Sub "/${A}"
      Description: !Sub ["x ${Y}", {Y: !Ref A}]
      MaxSessionDuration: !Select [0, !Split [",", !Ref A]]
      PermissionsBoundary: !GetAtt A.TopicName
      ManagedPolicyArns: [!Ref A, known]
      AssumeRolePolicyDocument: {Resource: !Sub "${A}/*"}`, "B",
			"", `{"Properties":{"AssumeRolePolicyDocument":{"Resource":"` + kaa + `/*"},"Description":"` + kaa + `","ManagedPolicyArns":["` + kaa +
				`","known"],"MaxSessionDuration":"` + kaa + `","Path":"` + kaa + `","PermissionsBoundary":"` + kaa + `","RoleName":"` + kaa + `"}}`,
		},
		{
			"A4: what leaves does not tell what it took", a + `
  B: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref A}}`, a, "B",
			`{"Properties":{"Type":"String","Value":"` + kaa + `"}}`, "",
		},
		{
			"A5: every scalar is a string, and policies are shown", `
  B: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 1, FifoQueue: true, Tags: []}}`, `
  B: {Type: AWS::SQS::Queue, Metadata: {n: 1}, DeletionPolicy: Retain, UpdateReplacePolicy: Delete, Properties: {DelaySeconds: 1.50, FifoQueue: true, QueueName: "<a & \"b\">"}}`, "B",
			`{"Properties":{"DelaySeconds":"1","FifoQueue":"true","Tags":[]}}`,
			`{"Properties":{"DelaySeconds":"1.50","FifoQueue":"true","QueueName":"<a & \"b\">"},"Metadata":{"n":"1"},"UpdateReplacePolicy":"Delete","DeletionPolicy":"Retain"}`,
		},
		{
			"no properties", a + `
  B: {Type: AWS::S3::Bucket}`, a, "B", `{"Properties":{}}`, "",
		},
		{
			"AWS::NoValue", "", a + `
  B: {Type: AWS::SQS::Queue, Properties: !If [IsOne, !Ref AWS::NoValue, {QueueName: !If [IsTwo, q, !Ref AWS::NoValue], Tags: [!Ref AWS::NoValue]}]}`, "B",
			"", `{"Properties":{"Tags":[]}}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			u := Update{New: evaluate(t, ruleHead+test.after, nil, testEnvStored())}
			if test.before != "" {
				u = launched(t, evaluate(t, ruleHead+test.before, nil, testEnvStored()), u.New)
			}
			_, with := both(t, u)
			for _, ch := range with.Changes {
				if ch.LogicalID != test.id {
					continue
				}
				if ch.BeforeContext != test.was || ch.AfterContext != test.is {
					t.Errorf("before %s\nwant   %s\nafter  %s\nwant   %s", ch.BeforeContext, test.was, ch.AfterContext, test.is)
				}
				return
			}
			t.Errorf("%s is not listed:\n%s", test.id, with)
		})
	}
}

// TestTags has the stack's own tags: C11.
func TestTags(t *testing.T) {
	t.Parallel()
	u := ruleUpdate(t, `
  A: {Type: AWS::SNS::Topic}
  B: {Type: AWS::SNS::TopicPolicy, Properties: {Topics: [a], PolicyDocument: {}}}
  C: {Type: Custom::Thing, Properties: {ServiceToken: s}}`, `
  A: {Type: AWS::SNS::Topic}
  B: {Type: AWS::SNS::TopicPolicy, Properties: {Topics: [a], PolicyDocument: {}}}
  C: {Type: Custom::Thing, Properties: {ServiceToken: s}}`, nil, nil)
	u.NewTags = []schema.Tag{{Key: "k", Value: "v"}}
	without, with := both(t, u)
	if !without.Beyond || !with.Beyond {
		t.Error("tags alone are a change")
	}
	want := `Modify A replacement False
  DirectModification Static Tags Never
beyond resources`
	if got := withoutContexts(without); got != want {
		t.Error(got)
	}
	want = `Modify A replacement False
  DirectModification Static Tags Never Add /Properties/Tags none "[{\"Key\":\"k\",\"Value\":\"v\"}]"
beyond resources`
	if got := withoutContexts(with); got != want {
		t.Error(got)
	}
}

// TestBeyond has what is a change though it lists no resource: outputs are
// (B4), what nothing is made of is not.
func TestBeyond(t *testing.T) {
	t.Parallel()
	resources := `
  A: {Type: AWS::SNS::Topic}`
	output := resources + `
Outputs:
  O: {Value: !Ref A}`
	for _, test := range []struct {
		name, before, after string
		beyond              bool
	}{
		{"nothing", output, output, false},
		{"an output more", resources, output, true},
		{"an output less", output, resources, true},
		{"another value", output, resources + `
Outputs:
  O: {Value: !GetAtt A.TopicName}`, true},
		{"another description", output, resources + `
Outputs:
  O: {Value: !Ref A, Description: d}`, true},
		{"an export", output, resources + `
Outputs:
  O: {Value: !Ref A, Export: {Name: e}}`, true},
		{"an output whose condition fails", output, output + `
  Q: {Value: q, Condition: IsOne}`, false},
		{"the template's metadata", output, output + `
Metadata: {a: b}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			without, with := both(t, ruleUpdate(t, test.before, test.after, nil, nil))
			if without.Empty() == test.beyond || with.Empty() == test.beyond || len(without.Changes) > 0 {
				t.Errorf("want %v:\n%s%s", test.beyond, without, with)
			}
		})
	}
}

// TestTypeOfResource has the one thing that no update can do.
func TestTypeOfResource(t *testing.T) {
	t.Parallel()
	u := ruleUpdate(t, `
  A: {Type: AWS::SNS::Topic}
  B: {Type: AWS::SNS::Topic}
  C: {Type: AWS::SNS::Topic}`, `
  B: {Type: AWS::SQS::Queue}
  A: {Type: AWS::SQS::Queue}
  C: {Type: AWS::SNS::Topic}`, nil, nil)
	const want = "Update of resource type is not permitted. The new template modifies resource type of the following resources: [A, B]"
	if _, err := u.Changes(); err == nil || err.Error() != want {
		t.Error(err)
	}
	if _, err := u.Plan(); err == nil || err.Error() != want {
		t.Error(err)
	}
}

// TestMissing has a resource of the old template that does not exist, as an
// abandoned rollback may leave it: it is added, not modified or removed.
func TestMissing(t *testing.T) {
	t.Parallel()
	u := ruleUpdate(t, `
  A: {Type: AWS::SNS::Topic}
  B: {Type: AWS::SNS::Topic}`, `
  A: {Type: AWS::SNS::Topic}`, nil, nil)
	delete(u.Live.(world), "A")
	delete(u.Live.(world), "B")
	without, _ := both(t, u)
	if got := withoutContexts(without); got != "Add A" {
		t.Error(got)
	}
}

// bigLive answers with more than anybody can use.
type bigLive struct{ world }

func (bigLive) Ref(string) (schema.Value, bool) { return strings.Repeat("x", 1<<20), true }

// TestTooLarge: what can be written into a change set is bounded.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	declare := func(name string) string {
		var b strings.Builder
		b.WriteString("\n  A: {Type: AWS::SNS::Topic}")
		for i := range 50 {
			fmt.Fprintf(&b, "\n  T%d: {Type: AWS::SNS::Topic, Properties: {TopicName: %s, DisplayName: !Ref A}}", i, name)
		}
		return b.String()
	}
	u := ruleUpdate(t, declare("one"), declare("two"), nil, nil)
	u.Live = bigLive{u.Live.(world)}
	if _, err := u.ChangesWithValues(); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Error(err)
	}
	if s, err := u.Changes(); err != nil || len(s.Changes) != 50 {
		t.Error(len(s.Changes), err)
	}
}

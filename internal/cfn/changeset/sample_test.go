package changeset

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/evidencetest"
)

type sampleFile struct {
	Guide struct {
		Template json.RawMessage
		Cases    []struct {
			Name   string
			Expect json.RawMessage
		}
	}
	Seen []struct {
		Source  string
		Changes map[string]struct {
			Action, Replacement string
			Details             []string
		}
	}
}

// TestGuideSamples holds the User Guide's sample change sets against ours, in
// today's form of what concerns tags (C11).
func TestGuideSamples(t *testing.T) {
	t.Parallel()
	var file sampleFile
	if err := json.Unmarshal(recordedText(t, evidencetest.Path(t, "samples.json")), &file); err != nil {
		t.Fatal(err)
	}
	before := string(file.Guide.Template)
	params := map[string]string{"KeyPairName": "mykey"}
	tagged := strings.Replace(before, `"Tags": [`, `"Tags": [{"Key": "new", "Value": "tag"},`, 1)
	const nested = `{"Resources": {"MyEC2Instance": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "u"}}}}`
	const groups = `{"Resources": {
		"AutoScalingGroup": {"Type": "AWS::AutoScaling::AutoScalingGroup", "Properties": {"MinSize": "1", "MaxSize": "2", "LaunchConfigurationName": {"Ref": "LaunchConfig"}}},
		"LaunchConfig": {"Type": "AWS::AutoScaling::LaunchConfiguration", "Properties": {"ImageId": "ami-8fcee4e5", "InstanceType": "t2.micro"}}}}`
	updates := map[string]Update{
		"direct tag added":            update(t, before, tagged, params, params),
		"Purpose testing->production": update(t, before, before, params, map[string]string{"KeyPairName": "mykey", "Purpose": "production"}),
		"all three parameters changed": update(t, before, before, params,
			map[string]string{"KeyPairName": "other", "Purpose": "production", "InstanceType": "t2.small"}),
		"instance removed, ASG + LaunchConfiguration added":                  update(t, before, groups, params, nil),
		"nested stack unchanged with IncludeNestedStacks (CLI docs example)": update(t, nested, nested, nil, nil),
	}
	for _, c := range file.Guide.Cases {
		u, ok := updates[c.Name]
		if !ok {
			t.Errorf("no test of %q", c.Name)
			continue
		}
		s, err := u.Changes()
		if err != nil {
			t.Fatal(err)
		}
		var want []map[string]any
		if c.Expect[0] != '[' {
			c.Expect = slices.Concat([]byte("["), c.Expect, []byte("]"))
		}
		if err := json.Unmarshal(c.Expect, &want); err != nil {
			t.Fatal(err)
		}
		if len(want) != len(s.Changes) {
			t.Errorf("%s: %d changes, the guide has %d", c.Name, len(s.Changes), len(want))
			continue
		}
		for i, w := range want {
			delete(w, "has")
			var got map[string]any
			if err := json.Unmarshal([]byte(jsonText(s.Changes[i])), &got); err != nil {
				t.Fatal(err)
			}
			for name := range got {
				if _, asked := w[name]; !asked {
					delete(got, name)
				}
			}
			if diff := cmp.Diff(asToday(w), asToday(got)); diff != "" {
				t.Errorf("%s (-guide +got)\n%s", c.Name, diff)
			}
		}
	}
}

// asToday writes the attribute Tags of a recording of 2016 as the property
// that it is today, and sorts what has no order.
func asToday(ch map[string]any) map[string]any {
	details, _ := ch["Details"].([]any)
	attributes := []any{}
	for _, d := range details {
		target := d.(map[string]any)["Target"].(map[string]any)
		if target["Attribute"] == "Tags" {
			target["Attribute"], target["Name"] = "Properties", "Tags"
		}
		if !slices.Contains(attributes, target["Attribute"]) {
			attributes = append(attributes, target["Attribute"])
		}
	}
	ch["Scope"] = attributes
	slices.SortFunc(details, func(a, b any) int { return strings.Compare(jsonText(a), jsonText(b)) })
	return ch
}

// TestSeenSamples holds real outputs found in public against ours, on
// templates that would have caused them.
func TestSeenSamples(t *testing.T) {
	t.Parallel()
	var file sampleFile
	if err := json.Unmarshal(recordedText(t, evidencetest.Path(t, "samples.json")), &file); err != nil {
		t.Fatal(err)
	}
	const workshop = `
Resources:
  FileDb: {Type: AWS::DynamoDB::Table, Properties: {AttributeDefinitions: [{AttributeName: %[1]s, AttributeType: S}], KeySchema: [{AttributeName: %[1]s, KeyType: HASH}]}}
  SaveFileInfoToDb:
    Type: AWS::Lambda::Function
    Properties: {Code: {ZipFile: x}, Role: !GetAtt SaveFileInfoToDbRole.Arn, Environment: {Variables: {TABLE: !Ref FileDb}}}
  SaveFileInfoToDbRole:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {}, Policies: [{PolicyName: p, PolicyDocument: {Statement: [{Resource: !Sub "table/${FileDb}"}]}}]}`
	const group = `
Resources:
  AAutoScalingGroup:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {MinSize: "1", MaxSize: "1", TerminationPolicies: [%[1]s], HealthCheckType: %[1]s, LoadBalancerNames: [!Ref %[2]s], LaunchConfigurationName: !Ref ALaunchConfiguration}
  %[2]s: {Type: AWS::ElasticLoadBalancing::LoadBalancer, Properties: {Listeners: []}}
  ALaunchConfiguration: {Type: AWS::AutoScaling::LaunchConfiguration, Properties: {ImageId: ami-%[1]s, InstanceType: t2.micro}}`
	updates := []Update{
		update(t, fmt.Sprintf(workshop, "one"), fmt.Sprintf(workshop, "two"), nil, nil),
		update(t, fmt.Sprintf(group, "one", "ALoadBalancer"), fmt.Sprintf(group, "two", "AAwsElasticloadbalancingLoadbalancer"), nil, nil),
	}
	for i, seen := range file.Seen {
		s, err := updates[i].Changes()
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Changes) != len(seen.Changes) {
			t.Errorf("%s: got\n%s", seen.Source, s)
		}
		for _, ch := range s.Changes {
			want := seen.Changes[ch.LogicalID]
			if want.Action != "" && want.Action != string(ch.Action) || want.Replacement != "" && want.Replacement != string(ch.Replacement) {
				t.Errorf("%s: %s, AWS says %s %s", seen.Source, ch, want.Action, want.Replacement)
			}
			got := []string{}
			for _, d := range ch.Details {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", d.Target.Name, d.Target.RequiresRecreation, d.Evaluation, d.ChangeSource, d.CausingEntity)))
			}
			wanted := []string{}
			for _, d := range want.Details {
				d, _, _ = strings.Cut(d, " (") // a remark
				wanted = append(wanted, d)
			}
			slices.Sort(got)
			slices.Sort(wanted)
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Errorf("%s: %s (-AWS +got)\n%s", seen.Source, ch.LogicalID, diff)
			}
		}
	}
}

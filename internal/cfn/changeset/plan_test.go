package changeset

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/schema"
)

// String writes a plan in a line for each step.
func (p Plan) String() string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%s %s", [...]string{"keep", "settle", "add"}[s.Kind], s.LogicalID)
		if len(s.Attributes) > 0 {
			fmt.Fprintf(&b, " and %s", strings.Join(s.Attributes, ", "))
		}
		if len(s.Waits) > 0 {
			fmt.Fprintf(&b, " after %s", strings.Join(s.Waits, ", "))
		}
		b.WriteByte('\n')
	}
	for _, c := range p.Cleanup {
		fmt.Fprintf(&b, "clean up %s", c.LogicalID)
		if c.Policy != "" {
			fmt.Fprintf(&b, " %s", c.Policy)
		}
		if len(c.Waits) > 0 {
			fmt.Fprintf(&b, " after %s", strings.Join(c.Waits, ", "))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestPlan(t *testing.T) {
	t.Parallel()
	u := ruleUpdate(t, `
  A: {Type: AWS::SNS::Topic, Properties: {TopicName: one}}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref A}}
  C: {Type: AWS::SNS::Topic, DependsOn: B}
  D: {Type: Custom::D, Properties: {ServiceToken: s, X: one}}
  E: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref D}}
  F: {Type: AWS::SNS::Topic, DeletionPolicy: Retain, Properties: {DisplayName: !Ref A}}
  G: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref F}}`, `
  A: {Type: AWS::SNS::Topic, Metadata: {a: b}, Properties: {TopicName: two}}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref A}}
  C: {Type: AWS::SNS::Topic, DependsOn: B}
  D: {Type: Custom::D, Properties: {ServiceToken: s, X: two}}
  E: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref D}}
  H: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref B}}`, nil, nil)
	p, err := u.Plan()
	if err != nil {
		t.Fatal(err)
	}
	want := `settle A and Metadata
settle D
settle B after A
settle E after D
keep C after B
add H after B
clean up G Delete
clean up C
clean up E
clean up F Retain after G
clean up B after C
clean up D after E
clean up A after B, F
`
	if diff := cmp.Diff(want, p.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	type properties = map[string]schema.Value
	for _, test := range []struct {
		name, typ     string
		before, after properties
		want          Verdict
	}{
		{"nothing", "AWS::SNS::Topic", nil, nil, Unchanged},
		{"the same", "AWS::SNS::Topic", properties{"TopicName": "a"}, properties{"TopicName": "a"}, Unchanged},
		{"scalars by their text", "AWS::SQS::Queue", properties{"DelaySeconds": "80"}, properties{"DelaySeconds": schema.Secret("80")}, Unchanged},
		{"in place", "AWS::SNS::Topic", properties{"DisplayName": "a"}, properties{"DisplayName": "b"}, InPlace},
		{"one more", "AWS::SNS::Topic", nil, properties{"DisplayName": ""}, InPlace},
		{"one less", "AWS::SNS::Topic", properties{"DisplayName": "b"}, nil, InPlace},
		{"another secret", "AWS::SNS::Topic", properties{"DisplayName": schema.Secret("a")}, properties{"DisplayName": schema.Secret("b")}, InPlace},
		{"an empty list", "AWS::SNS::Topic", nil, properties{"Tags": []any{}}, InPlace},
		{"anew", "AWS::SNS::Topic", properties{"TopicName": "a", "DisplayName": "a"}, properties{"TopicName": "b", "DisplayName": "b"}, Anew},
		{"anew for one less", "AWS::SNS::Topic", properties{"TopicName": "a"}, nil, Anew},
		{"conditionally is in place", "AWS::EC2::Instance", properties{"InstanceType": "a"}, properties{"InstanceType": "b"}, InPlace},
		{
			"anew for what is within", "AWS::EKS::Cluster", properties{"KubernetesNetworkConfig": properties{"IpFamily": "ipv4"}},
			properties{"KubernetesNetworkConfig": properties{"IpFamily": "ipv6"}}, Anew,
		},
		{"anew for what comes within", "AWS::EKS::Cluster", nil, properties{"KubernetesNetworkConfig": properties{"IpFamily": "ipv6"}}, Anew},
		{
			"in place beside it", "AWS::EKS::Cluster", properties{"KubernetesNetworkConfig": properties{"IpFamily": "ipv4"}},
			properties{"KubernetesNetworkConfig": properties{"IpFamily": "ipv4", "ElasticLoadBalancing": properties{"Enabled": true}}}, InPlace,
		},
		{"a type without schema", "Custom::Thing", properties{"A": "a"}, properties{"A": "b"}, InPlace},
	} {
		typ, _ := schema.Lookup(test.typ)
		if got := Decide(typ, test.before, test.after); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// perform does what a plan says, as an executor would: it resolves references
// when their turn comes.
func perform(u Update, p Plan) (world, map[string]Verdict, error) {
	w := world{}
	for id, r := range u.Live.(world) {
		w[id] = r
	}
	done := map[string]bool{}
	verdicts := map[string]Verdict{}
	for _, s := range p.Steps {
		for _, id := range s.Waits {
			if !done[id] {
				return nil, nil, fmt.Errorf("%s comes before %s", s.LogicalID, id)
			}
		}
		done[s.LogicalID] = true
		r, _ := u.New.Resource(s.LogicalID)
		properties, err := u.New.Properties(s.LogicalID, w)
		if err != nil {
			return nil, nil, err
		}
		was, exists := w[s.LogicalID]
		if exists == (s.Kind == StepAdd) {
			return nil, nil, fmt.Errorf("%s: exists is %v", s.LogicalID, exists)
		}
		if !exists {
			w[s.LogicalID] = made(r, properties, 0)
			continue
		}
		verdict := Decide(was.t, was.given, properties)
		verdicts[s.LogicalID] = verdict
		if s.Kind == StepKeep && verdict != Unchanged {
			return nil, nil, fmt.Errorf("%s was to be kept: %v became %v", s.LogicalID, was.given, properties)
		}
		switch verdict {
		case InPlace:
			w[s.LogicalID] = made(r, properties, was.generation)
		case Anew:
			w[s.LogicalID] = made(r, properties, was.generation+1)
		}
	}
	clean := map[string]bool{}
	for _, c := range p.Cleanup {
		if slices.ContainsFunc(c.Waits, func(id string) bool { return !clean[id] }) {
			return nil, nil, fmt.Errorf("%s is cleaned up before one of %v", c.LogicalID, c.Waits)
		}
		clean[c.LogicalID] = true
		if c.Policy != "" {
			delete(w, c.LogicalID)
		}
	}
	return w, verdicts, nil
}

package schema

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRecreation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ  string
		path []string
		want Recreation
	}{
		{"AWS::SNS::Topic", []string{"TopicName"}, Always},
		{"AWS::SNS::Topic", []string{"DisplayName"}, Never},
		{"AWS::S3::Bucket", []string{"BucketName"}, Always},
		{"AWS::S3::Bucket", []string{"Tags", "Key"}, Never},
		{"AWS::EC2::Subnet", []string{"CidrBlock"}, Always},
		{"AWS::EC2::Subnet", []string{"Ipv6CidrBlock"}, Conditionally},
		{"AWS::EC2::Instance", []string{"InstanceType"}, Conditionally}, // a hint
		{"AWS::EC2::Instance", []string{"ImageId"}, Always},
		{"AWS::DynamoDB::Table", []string{"KeySchema"}, Always}, // against the schema
		{"AWS::DynamoDB::Table", []string{"KeySchema", "KeyType"}, Always},
		{"AWS::DynamoDB::Table", []string{"AttributeDefinitions"}, Conditionally},
		{"AWS::DynamoDB::Table", []string{"BillingMode"}, Never},
		{"AWS::RDS::DBInstance", []string{"MultiAZ"}, Conditionally},
		{"AWS::BCMDataExports::Export", []string{"Export", "Name"}, Always},
		{"AWS::BCMDataExports::Export", []string{"Export", "Description"}, Never},
		{"AWS::BCMDataExports::Export", []string{"Export"}, Conditionally}, // some of it
		{"AWS::BCMDataExports::Export", []string{"Export", "DataQuery", "TableConfigurations", "A"}, Always},
		{"AWS::EFS::AccessPoint", []string{"CreationInfo", "OwnerUid"}, Always},
		{"AWS::SQS::Queue", nil, Conditionally},
	} {
		typ, _ := Lookup(c.typ)
		if got := typ.Recreation(c.path...); got != c.want {
			t.Errorf("%s %v: %v, want %v", c.typ, c.path, got, c.want)
		}
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	stack := []Tag{{"aws:cloudformation:stack-name", "s"}, {"team", "shop"}}
	entry := func(k, v string) any { return map[string]any{"Key": k, "Value": v} }
	for _, c := range []struct {
		typ, property string
		system        bool
		given, want   Value
	}{
		{"AWS::S3::Bucket", "Tags", true, nil, []any{entry("aws:cloudformation:stack-name", "s"), entry("team", "shop")}},
		{"AWS::S3::Bucket", "Tags", true, []any{entry("team", "own")}, []any{entry("team", "own"), entry("aws:cloudformation:stack-name", "s")}},
		{"AWS::EFS::FileSystem", "FileSystemTags", true, nil, []any{entry("aws:cloudformation:stack-name", "s"), entry("team", "shop")}},
		{
			"AWS::ApiGatewayV2::Api", "Tags", true, map[string]any{"team": "own"},
			map[string]any{"team": "own", "aws:cloudformation:stack-name": "s"},
		},
		{"AWS::AutoScaling::AutoScalingGroup", "Tags", true, nil, []any{
			map[string]any{"Key": "aws:cloudformation:stack-name", "Value": "s", "PropagateAtLaunch": true},
			map[string]any{"Key": "team", "Value": "shop", "PropagateAtLaunch": true},
		}},
		{"AWS::S3::Bucket", "Tags", true, "no tags", "no tags"},
	} {
		typ, _ := Lookup(c.typ)
		property, ok := typ.Taggable()
		if property != c.property || !ok || typ.SystemTags() != c.system {
			t.Errorf("%s: %s, %v, system %v", c.typ, property, ok, typ.SystemTags())
		}
		props := map[string]Value{}
		if c.given != nil {
			props[c.property] = c.given
		}
		if diff := cmp.Diff(c.want, typ.WithTags(props, stack)[c.property]); diff != "" {
			t.Errorf("%s: %s", c.typ, diff)
		}
		if _, set := props[c.property]; set != (c.given != nil) {
			t.Errorf("%s: the given properties were changed", c.typ)
		}
	}
	policy, _ := Lookup("AWS::IAM::Policy")
	if _, ok := policy.Taggable(); ok {
		t.Error("a policy takes tags")
	}
	if got := policy.WithTags(nil, stack); got != nil {
		t.Errorf("a policy got tags: %v", got)
	}
}

// TestTaggedPropertiesAreValid gives every taggable type the stack's tags.
func TestTaggedPropertiesAreValid(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		typ, _ := Lookup(name)
		if _, ok := typ.Taggable(); !ok {
			continue
		}
		bare := minimal(typ)
		tagged := typ.WithTags(bare, []Tag{{"team", "shop"}})
		if len(typ.Validate(bare)) == 0 && len(typ.Validate(tagged)) > 0 {
			t.Errorf("%s: %v", name, typ.Validate(tagged))
		}
	}
}

func TestUnique(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ         string
		props       map[string]Value
		name, scope string
		ok          bool
	}{
		{"AWS::S3::Bucket", map[string]Value{"BucketName": "docs"}, "docs", "global", true},
		{"AWS::IAM::Role", map[string]Value{"RoleName": "r"}, "r", "account", true},
		{"AWS::IAM::ManagedPolicy", map[string]Value{"ManagedPolicyName": "p"}, "p", "account", true},
		{"AWS::SNS::Topic", map[string]Value{"TopicName": "t"}, "t", "region", true},
		{"AWS::SQS::Queue", map[string]Value{"QueueName": "q"}, "q", "region", true},
		{"AWS::DynamoDB::Table", map[string]Value{"TableName": "t"}, "t", "region", true},
		{"AWS::Logs::LogGroup", map[string]Value{"LogGroupName": "/aws/lambda/f"}, "/aws/lambda/f", "region", true},
		{"AWS::Events::Rule", map[string]Value{"Name": "n"}, "n", "region", true},
		{"AWS::Events::Rule", map[string]Value{"Name": "n", "EventBusName": "b"}, "b|n", "region", true},
		{"AWS::EC2::Route", map[string]Value{"RouteTableId": "rtb-1", "DestinationCidrBlock": "0.0.0.0/0"}, "rtb-1|0.0.0.0/0", "region", true},
		{"AWS::CloudFront::Function", map[string]Value{"Name": "f"}, "f", "account", true},
		{"AWS::EC2::VPC", nil, "", "", false},
		{"AWS::Route53::RecordSet", map[string]Value{"Name": "a.b."}, "", "", false},
		{"AWS::EC2::EIP", nil, "", "", false},
	} {
		typ, _ := Lookup(c.typ)
		name, scope, ok := typ.Unique(typ.Simulate(*probeSeed, c.props))
		if name != c.name || ok != c.ok || ok && scope != c.scope {
			t.Errorf("%s: %q, %q, %v", c.typ, name, scope, ok)
		}
	}
	// Generated names never clash by accident of being unique.
	queue, _ := Lookup("AWS::SQS::Queue")
	a, _, _ := queue.Unique(queue.Simulate(*probeSeed, nil))
	other := *probeSeed
	other.LogicalID = "Other"
	if b, _, _ := queue.Unique(queue.Simulate(other, nil)); a == b {
		t.Error("two queues have one name")
	}
}

func TestFacts(t *testing.T) {
	t.Parallel()
	db, _ := Lookup("AWS::RDS::DBInstance")
	if !db.Stateful() || !slices.Contains(db.WriteOnly(), "MasterUserPassword") || !slices.Equal(db.Identifiers(), []string{"DBInstanceIdentifier"}) {
		t.Errorf("a database: %v, %v, %v", db.Stateful(), db.WriteOnly(), db.Identifiers())
	}
	if route, _ := Lookup("AWS::EC2::Route"); route.Stateful() {
		t.Error("a route keeps data")
	}
}

func TestAlreadyExists(t *testing.T) {
	t.Parallel()
	if got, want := AlreadyExists("docs", ""), "docs already exists"; got != want {
		t.Error(got)
	}
	const stack = "arn:aws:cloudformation:us-east-1:123456789012:stack/a/b"
	if got, want := AlreadyExists("docs", stack), "docs already exists in stack "+stack; got != want {
		t.Error(got)
	}
}

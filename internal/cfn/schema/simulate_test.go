package schema

import (
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSimulateIsDeterministic(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		typ, _ := Lookup(name)
		props := minimal(typ)
		before, err := json.Marshal(props)
		if err != nil {
			t.Fatal(err)
		}
		a, b := typ.Simulate(*probeSeed, props), typ.Simulate(*probeSeed, props)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if after, _ := json.Marshal(props); string(after) != string(before) {
			t.Errorf("%s: the given properties were changed", name)
		}
		for p, v := range props {
			if _, nested := v.(map[string]any); nested {
				continue // read-only attributes may have come into it
			}
			if diff := cmp.Diff(v, a.Properties[p]); diff != "" {
				t.Errorf("%s: %s: %s", name, p, diff)
			}
		}
		// A model's attributes do not move when it is updated.
		if updated := typ.Simulate(*probeSeed, a.Properties); updated.Physical != a.Physical {
			t.Errorf("%s: an update made %s of %s", name, updated.Physical, a.Physical)
		}
	}
}

func TestSeedsTellResourcesApart(t *testing.T) {
	t.Parallel()
	typ, _ := Lookup("AWS::SQS::Queue")
	seen := map[string]string{}
	for what, change := range map[string]func(*Seed){
		"nothing":    func(*Seed) {},
		"account":    func(s *Seed) { s.Account = "000000000001" },
		"region":     func(s *Seed) { s.Region = "eu-west-1" },
		"partition":  func(s *Seed) { s.Partition = "aws-cn" },
		"stack":      func(s *Seed) { s.StackName = "other" },
		"stack id":   func(s *Seed) { s.StackID += "1" },
		"logical id": func(s *Seed) { s.LogicalID = "Other" },
		"generation": func(s *Seed) { s.Generation = 1 },
	} {
		seed := *probeSeed
		change(&seed)
		m := typ.Simulate(seed, nil)
		if same, twice := seen[m.Physical]; twice {
			t.Errorf("%s and %s give the same", what, same)
		}
		seen[m.Physical] = what
	}
}

func TestGeneratedNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a-long-stack-name-", 7)
	for _, c := range []struct {
		typ, stack, logical string
		props               map[string]Value
		property, want      string
		most                int
	}{
		{"AWS::IAM::Role", "app", "Role", nil, "RoleName", "app-Role-", 64},
		{"AWS::IAM::Role", long, "ServiceRoleOfTheApplication", nil, "RoleName", "a-long-stack-name-a-long-ServiceRoleOfTheApplicati-", 64},
		{"AWS::IAM::Role", "app", strings.Repeat("L", 200), nil, "RoleName", "app-" + strings.Repeat("L", 47) + "-", 64},
		{"AWS::S3::Bucket", "App", "DataBucket", nil, "BucketName", "app-databucket-", 63},
		{"AWS::ElasticLoadBalancingV2::LoadBalancer", "webshop", "LoadBalancer", nil, "Name", "websho-LoadB-", 32},
		{"AWS::SSM::Parameter", "app", "Setting", nil, "Name", "CFN-Setting-", 64},
		{"AWS::StepFunctions::StateMachine", "app", "Machine", nil, "StateMachineName", "Machine-", 80},
		{"AWS::Glue::Table", "my-app", "Sales", nil, "Name", "my_app_sales_", 255},
	} {
		typ, _ := Lookup(c.typ)
		m := typ.Simulate(Seed{Partition: "aws", Account: "123456789012", Region: "us-east-1", StackName: c.stack, LogicalID: c.logical}, c.props)
		name, _ := m.Properties[c.property].(string)
		if !strings.HasPrefix(name, c.want) || len(name) != len(c.want)+uniquePart || len(name) > c.most {
			t.Errorf("%s: %s (%d), want %s and %d more", c.typ, name, len(name), c.want, uniquePart)
		}
	}
	topic, _ := Lookup("AWS::SNS::Topic")
	if m := topic.Simulate(*probeSeed, map[string]Value{"FifoTopic": true}); !strings.HasSuffix(m.Physical, ".fifo") {
		t.Errorf("a FIFO topic is called %s", m.Physical)
	}
}

// TestNestedAttributesKeepWhatWasGiven sets attributes in an object that is
// the caller's.
func TestNestedAttributesKeepWhatWasGiven(t *testing.T) {
	t.Parallel()
	typ, _ := Lookup("AWS::RDS::DBInstance")
	given := map[string]any{"KmsKeyId": "alias/db"}
	props := map[string]Value{"MasterUserSecret": given, "ManageMasterUserPassword": true}
	m := typ.Simulate(*probeSeed, props)
	if want := (map[string]any{"KmsKeyId": "alias/db"}); !maps.Equal(given, want) {
		t.Errorf("the caller's map became %v", given)
	}
	secret, ok := typ.Attribute(m, "MasterUserSecret.SecretArn")
	if !ok || !strings.HasPrefix(secret.(string), "arn:aws:secretsmanager:") {
		t.Errorf("SecretArn is %v", secret)
	}
	if kept, _ := dig(m.Properties, []string{"MasterUserSecret", "KmsKeyId"}); kept != "alias/db" {
		t.Errorf("KmsKeyId is %v", kept)
	}
}

func TestSecretsStaySecretInModels(t *testing.T) {
	t.Parallel()
	typ, _ := Lookup("AWS::SSM::Parameter")
	m := typ.Simulate(*probeSeed, map[string]Value{"Type": "String", "Value": Secret("hunter22")})
	if value, _ := typ.Attribute(m, "Value"); value != Secret("hunter22") {
		t.Errorf("Value is %v", value)
	}
	text, err := json.Marshal(m)
	if err != nil || strings.Contains(string(text), "hunter22") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestHasAttribute(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ, attribute string
		want           bool
	}{
		{"AWS::S3::Bucket", "Arn", true},
		{"AWS::S3::Bucket", "BucketName", false},
		{"AWS::S3::Bucket", "Nothing", false},
		{"AWS::S3::Bucket", "", false},
		{"AWS::SNS::Topic", "TopicName", true}, // recorded
		{"AWS::SNS::Topic", "DisplayName", true},
		{"AWS::SSM::Parameter", "Type", true},
		{"AWS::SSM::Parameter", "Value", true},
		{"AWS::RDS::DBInstance", "Endpoint.Address", true},
		{"AWS::RDS::DBInstance", "Endpoint.Nothing", false},
		{"AWS::EC2::SecurityGroup", "GroupId", true},
		{"AWS::EC2::SecurityGroup", "VpcId", true},
		{"AWS::EC2::Subnet", "BlockPublicAccessStates.InternetGatewayBlockMode", true},
		{"AWS::EC2::Instance", "AvailabilityZone", true},
		{"AWS::Kinesis::StreamConsumer", "StreamARN", true},
		{"AWS::Kinesis::StreamConsumer", "Tags", false},
		{"AWS::Lambda::Function", "FunctionName", false},
	} {
		typ, _ := Lookup(c.typ)
		if got := typ.HasAttribute(c.attribute); got != c.want {
			t.Errorf("%s %s: %v", c.typ, c.attribute, got)
		}
	}
}

// TestManyAtOnce uses cold types from many goroutines.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	names := Names()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, name := range names {
				typ, _ := Lookup(name)
				typ.Validate(map[string]Value{"X": "y"})
				typ.Simulate(*probeSeed, nil)
			}
		})
	}
	wg.Wait()
}

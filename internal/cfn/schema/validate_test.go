package schema

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parse(t testing.TB, text string) map[string]Value {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var props map[string]Value
	if err := dec.Decode(&props); err != nil {
		t.Fatal(err)
	}
	return props
}

func TestReason(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, typ, props, want string }{
		// The registry's voice, as failed stacks report it.
		{"fits", "AWS::SQS::Queue", `{"VisibilityTimeout": "60", "FifoQueue": "true", "QueueName": 5}`, ""},
		{"unknown", "AWS::EC2::KeyPair", `{"KeyName": "k", "Format": "pem"}`, "registry\n#: extraneous key [Format] is not permitted"},
		{"missing", "AWS::CloudTrail::Trail", `{"S3BucketName": "logs"}`, "registry\n#: required key [IsLogging] not found"},
		{
			"nested", "AWS::ECS::TaskDefinition",
			`{"ContainerDefinitions": [{"Name": "a", "Image": "b", "LinuxParameters": {"initProcessEnabled": true}}]}`,
			"registry\n#/ContainerDefinitions/0/LinuxParameters: extraneous key [initProcessEnabled] is not permitted",
		},
		{
			"a list for a string", "AWS::Lambda::Function", `{"Code": {"ZipFile": "x"}, "Role": ["arn:aws:iam::123456789012:role/a"]}`,
			"registry\n#/Role: expected type: String, found: JSONArray",
		},
		{
			"pattern", "AWS::Lambda::Function", `{"Code": {"ZipFile": "x"}, "Role": "my-role"}`,
			"registry\n#/Role: failed validation constraint for keyword [pattern]",
		},
		{
			"length", "AWS::Lambda::Function", `{"Code": {"ZipFile": "x"}, "Role": "arn:aws:iam::123456789012:role/a", "Description": "` + strings.Repeat("é", 257) + `"}`,
			"registry\n#/Description: expected maxLength: 256, actual: 257",
		},
		{
			"enum", "AWS::EC2::FlowLog", `{"ResourceId": "vpc-1", "ResourceType": "VPC", "DestinationOptions": {"FileFormat": "text", "HiveCompatiblePartitions": true, "PerHourPartition": true}}`,
			"registry\n#/DestinationOptions/FileFormat: #: only 1 subschema matches out of 2\n#/DestinationOptions/FileFormat: failed validation constraint for keyword [enum]",
		},
		{
			"dynamic references", "AWS::RDS::DBInstance",
			`{"MasterUsername": "{{resolve:secretsmanager:a-secret-with-a-very-long-name:SecretString:username}}", "Port": "{{resolve:ssm:port}}"}`, "",
		},
		{
			"placeholders", "AWS::Lambda::Function",
			`{"Code": {"S3Bucket": "{{placeholder:C.Bucket}}"}, "Role": "{{placeholder:C.Role}}", "MemorySize": "{{placeholder:C.Memory}}", "VpcConfig": {"SubnetIds": "{{placeholder:C.Subnets}}", "SecurityGroupIds": ["{{placeholder:C.Group}}"]}, "Tags": "{{placeholder:C.Tags}}"}`, "",
		},
		{
			"a dynamic reference for a list", "AWS::RDS::DBInstance", `{"VPCSecurityGroups": "{{resolve:ssm:groups}}"}`,
			"registry\n#/VPCSecurityGroups: expected type: JSONArray, found: String",
		},
		{"integer", "AWS::SQS::Queue", `{"DelaySeconds": "soon"}`, "registry\n#/DelaySeconds: expected type: Integer, found: String"},
		{"no integer", "AWS::SQS::Queue", `{"DelaySeconds": 1.5}`, "registry\n#/DelaySeconds: expected type: Integer, found: BigDecimal"},
		{"no boolean", "AWS::SQS::Queue", `{"FifoQueue": 1}`, "registry\n#/FifoQueue: expected type: Boolean, found: Integer"},
		{"null", "AWS::SQS::Queue", `{"QueueName": null}`, "registry\n#/QueueName: expected type: String, found: Null"},
		{"read-only", "AWS::SNS::Topic", `{"TopicArn": "arn"}`, "registry\n#: extraneous key [TopicArn] is not permitted"},
		{
			"maximum", "AWS::Lambda::Function", `{"Code": {"ZipFile": "x"}, "Role": "arn:aws:iam::123456789012:role/a", "Timeout": 0}`,
			"registry\n#/Timeout: failed validation constraint for keyword [minimum]",
		},
		{
			"items", "AWS::Lambda::Function", `{"Code": {"ZipFile": "x"}, "Role": "arn:aws:iam::123456789012:role/a", "Architectures": ["arm64", "arm64"]}`,
			"registry\n#/Architectures: expected maximum item count: 1, found: 2\n#/Architectures: array items are not unique",
		},
		{
			"several", "AWS::Timestream::Table", `{"DatabaseName": "metrics", "RetentionProperties": {"memory": "1", "magnetic": "1"}, "MagneticStoreWriteProperties": {"enable": true}}`,
			"registry\n#/MagneticStoreWriteProperties: required key [EnableMagneticStoreWrites] not found\n#/MagneticStoreWriteProperties: extraneous key [enable] is not permitted\n" +
				"#/RetentionProperties: extraneous key [magnetic] is not permitted\n#/RetentionProperties: extraneous key [memory] is not permitted",
		},
		{
			"oneOf", "AWS::APS::AnomalyDetector", `{"Alias": "a", "Workspace": "arn:aws:aps:us-east-1:123456789012:workspace/ws-01234567-0123-0123-0123-012345678901", "Configuration": {"RandomCutForest": {"Query": "up", "IgnoreNearExpectedFromAbove": {"Amount": 1, "Ratio": 1}}}}`,
			"registry\n#/Configuration/RandomCutForest/IgnoreNearExpectedFromAbove: #: only 1 subschema matches out of 2\n" +
				"#/Configuration/RandomCutForest/IgnoreNearExpectedFromAbove: #: 2 subschemas matched instead of one",
		},
		{"one of several", "AWS::EC2::VPC", `{"CidrBlock": "10.0.0.0/16", "Ipv4IpamPoolId": "ipam-pool-1"}`, "registry\n#: exactly one of the keys [CidrBlock, Ipv4IpamPoolId] is required"},
		{"none of several", "AWS::Events::Rule", `{}`, "registry\n#: at least one of the keys [EventPattern, ScheduleExpression] is required"},
		{"format", "AWS::EC2::Subnet", `{"VpcId": "vpc-1", "CidrBlock": "10.0.0/8"}`, "registry\n#/CidrBlock: failed validation constraint for keyword [format]"},
		// Legacy types; the first text is recorded on AWS.
		{"framework: missing", "AWS::SSM::Parameter", `{"Value": "v"}`, "Property validation failure: [The property {/Type} is required]"},
		{
			"framework: unknown and nested", "AWS::CodeBuild::Project",
			`{"FilterGroups": [], "Artifacts": {"Type": "NO_ARTIFACTS"}, "ServiceRole": "r", "Source": {"Type": "GITHUB", "Auth": "x"}, "Environment": {"ComputeType": "BUILD_GENERAL1_SMALL", "Image": "i", "Type": "LINUX_CONTAINER"}}`,
			"Property validation failure: [Encountered unsupported properties in {/}: [FilterGroups], Value of property {/Source/Auth} does not match type {Object}]",
		},
		{
			"framework: list", "AWS::DAX::SubnetGroup", `{"SubnetIds": "subnet-1"}`,
			"Property validation failure: [Value of property {/SubnetIds} does not match type {Array}]",
		},
		{"native: unknown", "AWS::Config::ConfigurationRecorder", `{"RoleARN": "arn:aws:iam::123456789012:role/r", "RoleArn": "r"}`, "Encountered unsupported property RoleArn"},
		{"native: missing", "AWS::IAM::Policy", `{"PolicyName": "p", "Roles": ["r"]}`, "Property PolicyDocument cannot be empty."},
		{"native: none of several", "AWS::IAM::Policy", `{"PolicyName": "p", "PolicyDocument": {}}`, "At least one of [Groups,Roles,Users] must be non-empty."},
		{
			"native: list of strings", "AWS::ElasticLoadBalancing::LoadBalancer", `{"Listeners": [], "SecurityGroups": "sg-1"}`,
			"Value of property SecurityGroups must be of type List of String",
		},
		{"native: object", "AWS::IAM::UserToGroupAddition", `{"GroupName": {"a": "b"}, "Users": ["u"]}`, "Value of property GroupName must be of type String"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			typ, ok := Lookup(c.typ)
			if !ok {
				t.Fatal("no such type")
			}
			want := strings.Replace(c.want, "registry\n", "Properties validation failed for resource X with message:\n", 1)
			if diff := cmp.Diff(want, typ.Reason("X", typ.Validate(parse(t, c.props)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestViolationPaths(t *testing.T) {
	t.Parallel()
	typ, _ := Lookup("AWS::SQS::Queue")
	got := typ.Validate(map[string]Value{"Tags": []any{map[string]any{"Key": []any{}, "Value": "v"}}, "a/b~c": "x"})
	want := []Violation{
		{"/Tags/0/Key", "#/Tags/0/Key: expected type: String, found: JSONArray"},
		{"", "#: extraneous key [a/b~c] is not permitted"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format, text string
		want         bool
	}{
		{"ipv4-network", "10.0.0.0/8", true},
		{"ipv4-network", "10.0.0.1", true},
		{"ipv4-network", "10.0.0.0/33", false},
		{"ipv4-network", "::/0", false},
		{"ipv6-network", "::/0", true},
		{"ipv6-network", "10.0.0.0/8", false},
		{"ipv6-network", "", false},
		{"date-time", "2026-01-02T03:04:05.678+01:00", true},
		{"date-time", "2026-01-02T03:04:05", true},
		{"date-time", "tomorrow", false},
		{"json", `{"a": 1}`, true},
		{"json", `{"a": `, false},
		{"AWS::EC2::VPC.Id", "anything", true}, // only EC2 knows
	} {
		if got := formatted(c.format, c.text); got != c.want {
			t.Errorf("%s %q: %v", c.format, c.text, got)
		}
	}
}

func TestSecretsCountAsText(t *testing.T) {
	t.Parallel()
	typ, _ := Lookup("AWS::RDS::DBInstance")
	if vs := typ.Validate(map[string]Value{"MasterUserPassword": Secret("hunter22"), "Port": Secret("5432"), "MultiAZ": Secret("true")}); len(vs) > 0 {
		t.Error(vs)
	}
	typ, _ = Lookup("AWS::Lambda::Function")
	vs := typ.Validate(map[string]Value{"Code": map[string]any{"ZipFile": "x"}, "Role": Secret("hunter22"), "Runtime": Secret("hunter22"), "Timeout": Secret("hunter22")})
	if len(vs) < 3 {
		t.Errorf("only %v", vs)
	}
	for _, v := range vs {
		if strings.Contains(v.Message, "hunter22") {
			t.Errorf("a secret is shown: %s", v.Message)
		}
	}
}

// TestEveryKeywordIsJudged breaks each keyword somewhere in the data and
// wants a violation.
func TestEveryKeywordIsJudged(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, name := range Names() {
		typ, _ := Lookup(name)
		var walk func(n *node)
		walk = func(n *node) {
			for keyword, bad := range breaking(n) {
				seen[keyword]++
				if typ.allows1(n, bad) {
					t.Errorf("%s: %s lets %v through", name, keyword, bad)
				}
			}
			for _, p := range slices.Concat(n.properties, n.patterns) {
				walk(p.node)
			}
			if n.items != nil {
				walk(n.items)
			}
			for _, sub := range slices.Concat(n.oneOf, n.anyOf, n.allOf) {
				walk(sub)
			}
		}
		for i := range typ.bodies {
			walk(typ.definition(i))
		}
	}
	for _, keyword := range []string{
		"type", "required", "additionalProperties", "enum", "const", "minimum", "maximum", "minLength", "maxLength",
		"minItems", "maxItems", "uniqueItems", "pattern", "oneRequired", "anyRequired", "oneOf", "anyOf", "allOf",
	} {
		if seen[keyword] == 0 {
			t.Errorf("%s was never broken", keyword)
		}
	}
	t.Log(seen)
}

// allows1 is allows for any value.
func (t *Type) allows1(n *node, value Value) bool {
	v := validation{t: t}
	v.check(n, value)
	return len(v.found) == 0
}

// breaking returns, by keyword, values that break a schema.
func breaking(n *node) map[string]Value {
	bad := map[string]Value{}
	switch n.types {
	case isString, isInteger, isNumber, isBoolean:
		bad["type"] = []any{}
	case isArray, isObject:
		bad["type"] = "x"
	}
	if n.types == isInteger|isNumber || n.types == isInteger || n.types == isNumber {
		if n.minimum != nil {
			bad["minimum"] = json.Number("-1000000000000000000")
			if *n.minimum < -1e17 {
				delete(bad, "minimum")
			}
		}
		if n.maximum != nil && *n.maximum < 1e18 {
			bad["maximum"] = json.Number("9000000000000000000")
		}
	}
	if n.types == isString {
		if n.minLength > 0 {
			bad["minLength"] = ""
		}
		if n.maxLength != none && n.maxLength < 1<<20 {
			bad["maxLength"] = strings.Repeat("a", int(n.maxLength)+1)
		}
		if p := compiled(n.pattern); n.pattern != "" && len(p.branches) > 0 && !p.match("\x00 \n") {
			bad["pattern"] = "\x00 \n"
		}
		if n.enum != nil {
			bad["enum"] = "\x00"
		}
		if n.isConst {
			bad["const"] = "\x00"
		}
	}
	if n.types == isArray {
		if n.minItems > 0 {
			bad["minItems"] = []any{}
		}
		if n.maxItems != none && n.maxItems < 1<<12 {
			bad["maxItems"] = make([]any, n.maxItems+1)
		}
		if n.unique {
			bad["uniqueItems"] = []any{"\x00", "\x00"}
		}
	}
	object := n.types == isObject || n.properties != nil
	if object && len(n.required) > 0 {
		bad["required"] = map[string]any{}
	}
	if object && n.closed && n.patterns == nil {
		bad["additionalProperties"] = map[string]any{"\x00": "x"}
	}
	if n.oneRequired != nil {
		bad["oneRequired"] = map[string]any{}
	}
	if n.anyRequired != nil {
		bad["anyRequired"] = map[string]any{}
	}
	for keyword, subs := range map[string][]*node{"oneOf": n.oneOf, "anyOf": n.anyOf, "allOf": n.allOf} {
		if len(subs) > 0 && !slices.ContainsFunc(subs, func(s *node) bool { return s.required == nil || s.ref != none }) {
			bad[keyword] = map[string]any{}
		}
	}
	return bad
}

// TestBoundedWork gives a recursive schema a value made to be expensive.
func TestBoundedWork(t *testing.T) {
	t.Parallel()
	typ, _ := Lookup("AWS::WAFv2::WebACL")
	var statement Value = map[string]any{}
	for range 60 {
		statement = map[string]any{"NotStatement": map[string]any{"Statement": statement}, "AndStatement": map[string]any{"Statements": []any{statement, statement, statement}}}
	}
	rule := map[string]any{"Name": "r", "Priority": "1", "Statement": statement}
	start := time.Now()
	vs := typ.Validate(map[string]Value{"Scope": "REGIONAL", "Rules": []any{rule}})
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if len(vs) > maxViolations {
		t.Errorf("%d violations", len(vs))
	}
}

func FuzzValidate(f *testing.F) {
	f.Add("AWS::S3::Bucket", `{"BucketName": "a", "Tags": [{"Key": 1}]}`)
	f.Add("AWS::WAFv2::WebACL", `{"Rules": [{"Statement": {"AndStatement": {"Statements": [{}]}}}]}`)
	f.Add("AWS::DynamoDB::Table", `{"KeySchema": [[]], "SSESpecification": {"SSEEnabled": {}}}`)
	f.Add("AWS::IAM::Policy", `{"PolicyDocument": "{"}`)
	names := Names()
	f.Fuzz(func(t *testing.T, name, text string) {
		typ, ok := Lookup(name)
		if !ok {
			typ, _ = Lookup(names[newDice(name).state%uint64(len(names))])
		}
		var props map[string]Value
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if dec.Decode(&props) != nil {
			return
		}
		vs := typ.Validate(props)
		if diff := cmp.Diff(vs, typ.Validate(props)); diff != "" {
			t.Error("not stable", diff)
		}
		if (typ.Reason("X", vs) == "") != (len(vs) == 0) {
			t.Error("violations without a reason, or a reason without")
		}
		m := typ.Simulate(*probeSeed, props)
		if m.Physical == "" {
			t.Error("no physical id")
		}
		for _, a := range typ.Attributes() {
			typ.Attribute(m, a)
		}
		typ.Unique(m)
		typ.WithTags(props, []Tag{{"a", "b"}})
	})
}

package schema

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"larder/internal/evidencetest"
)

// TestRecordedIdentifiers compares the form of identifiers with ones that
// were recorded on AWS (hints.json and the recordings behind it).
func TestRecordedIdentifiers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ, stack, logical string
		props               map[string]Value
		recorded            string
	}{
		{"AWS::SSM::Parameter", "s", "Parameter", nil, "CFN-Parameter-gTdrbz5CtU3q"},
		{"AWS::SSM::Parameter", "s", "A", nil, "CFN-A-Kdps7TfbhFx5"},
		{"AWS::Lambda::Function", "stack-0d03b713", "Function", nil, "stack-0d03b713-Function-ijoJmdBJP4re"},
		{"AWS::S3::Bucket", "stack", "bucket", nil, "stack-bucket-i4eammke7jqd"},
		{"AWS::Lambda::Permission", "stack", "HelloWorldFunctionApiEventPermissionProd", nil, "stack-HelloWorldFunctionApiEventPermissionProd-xfMFMMYChbqn"},
		{"AWS::ApiGateway::RestApi", "s", "Api", nil, "317w2e8pc3"},
		{"AWS::ApiGateway::Deployment", "s", "D", nil, "5oj1e3"},
		{"AWS::ApiGateway::Stage", "s", "S", map[string]Value{"StageName": "Prod"}, "Prod"},
		{"AWS::AppSync::GraphQLApi", "s", "Api", nil, "arn:aws:appsync:us-east-1:111111111111:apis/kzqecnrvvjhqvlhc7ab7g5fgvq"},
		{"AWS::AppSync::GraphQLSchema", "s", "Schema", map[string]Value{"ApiId": "kzqecnrvvjhqvlhc7ab7g5fgvq"}, "kzqecnrvvjhqvlhc7ab7g5fgvqGraphQLSchema"},
		{"AWS::AppSync::DataSource", "s", "D", map[string]Value{"ApiId": "kzqecnrvvjhqvlhc7ab7g5fgvq", "Name": "noneds"}, "arn:aws:appsync:us-east-1:111111111111:apis/kzqecnrvvjhqvlhc7ab7g5fgvq/datasources/noneds"},
		{"AWS::SNS::Topic", "s", "T", map[string]Value{"TopicName": "topic-name-1"}, "arn:aws:sns:us-east-1:111111111111:topic-name-1"},
		{"AWS::SQS::Queue", "s", "Q", map[string]Value{"QueueName": "queue-47128d25"}, "https://sqs.us-east-1.amazonaws.com/111111111111/queue-47128d25"},
	} {
		typ, _ := Lookup(c.typ)
		got := typ.Simulate(Seed{Partition: "aws", Account: "111111111111", Region: "us-east-1", StackName: c.stack, LogicalID: c.logical}, c.props).Physical
		if skeleton(got) != skeleton(c.recorded) {
			t.Errorf("%s: %s, recorded %s", c.typ, got, c.recorded)
		}
	}
}

// skeleton keeps lengths and punctuation.
func skeleton(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return 'x'
		}
		return r
	}, s)
}

// TestRecordedTemplates validates the resources of templates that AWS took.
func TestRecordedTemplates(t *testing.T) {
	t.Parallel()
	files := evidencetest.Files(t, "changesets")
	resources := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		type template struct {
			Resources map[string]struct {
				Type       string
				Properties map[string]Value
			}
		}
		var recorded map[string]json.RawMessage
		if err := json.Unmarshal(raw, &recorded); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"template1", "template2"} {
			var tmpl template
			if json.Unmarshal(recorded[key], &tmpl) != nil {
				continue // kept as text
			}
			for id, r := range tmpl.Resources {
				typ, ok := Lookup(r.Type)
				if !ok || dynamic(r.Properties) {
					continue
				}
				resources++
				if vs := typ.Validate(numbers(r.Properties).(map[string]Value)); len(vs) > 0 {
					t.Errorf("%s: %s", filepath.Base(file), typ.Reason(id, vs))
				}
			}
		}
	}
	if resources == 0 {
		t.Error("no resource was checked")
	}
}

// dynamic reports whether a function is in a value.
func dynamic(v Value) bool {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if k == "Ref" || strings.HasPrefix(k, "Fn::") || dynamic(e) {
				return true
			}
		}
	case []any:
		for _, e := range v {
			if dynamic(e) {
				return true
			}
		}
	}
	return false
}

// numbers gives a value the numbers that this package knows.
func numbers(v Value) Value {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = numbers(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = numbers(e)
		}
		return out
	case float64:
		b, _ := json.Marshal(v)
		return json.Number(b)
	}
	return v
}

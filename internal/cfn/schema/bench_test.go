package schema

import (
	"sync/atomic"
	"testing"
)

func BenchmarkLookupCold(b *testing.B) {
	for _, name := range []string{"AWS::SNS::Topic", "AWS::EC2::Instance", "AWS::QuickSight::Dashboard"} {
		b.Run(name, func(b *testing.B) {
			i, _ := find(name)
			for b.Loop() {
				t := load(i)
				t.Validate(nil)
			}
		})
	}
}

func BenchmarkLookupWarm(b *testing.B) {
	Lookup("AWS::EC2::Instance")
	for b.Loop() {
		Lookup("AWS::EC2::Instance")
	}
}

// BenchmarkLoadAll is the memory that all types take when all are used.
func BenchmarkLoadAll(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		for i := range layout.count {
			t := load(i)
			for j := range t.bodies {
				t.definition(j)
			}
		}
	}
}

var queue = map[string]Value{
	"QueueName": "orders", "VisibilityTimeout": "60", "MessageRetentionPeriod": "1209600",
	"RedrivePolicy": map[string]any{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead", "maxReceiveCount": "3"},
	"Tags":          []any{map[string]any{"Key": "team", "Value": "shop"}},
}

var function = map[string]Value{
	"Code": map[string]any{"S3Bucket": "code", "S3Key": "a.zip"}, "Handler": "index.handler", "Runtime": "python3.13",
	"Role": "arn:aws:iam::123456789012:role/service", "Timeout": "30", "MemorySize": "512",
	"Environment": map[string]any{"Variables": map[string]any{"TABLE": "orders", "LEVEL": "2"}},
	"VpcConfig":   map[string]any{"SubnetIds": []any{"subnet-1", "subnet-2"}, "SecurityGroupIds": []any{"sg-1"}},
}

func BenchmarkValidate(b *testing.B) {
	for _, c := range []struct {
		name  string
		props map[string]Value
	}{{"AWS::SQS::Queue", queue}, {"AWS::Lambda::Function", function}} {
		b.Run(c.name, func(b *testing.B) {
			t, _ := Lookup(c.name)
			if vs := t.Validate(c.props); len(vs) > 0 {
				b.Fatal(vs)
			}
			b.ReportAllocs()
			for b.Loop() {
				t.Validate(c.props)
			}
		})
	}
}

func BenchmarkSimulate(b *testing.B) {
	for _, c := range []struct {
		name  string
		props map[string]Value
	}{{"AWS::SQS::Queue", queue}, {"AWS::Lambda::Function", function}, {"AWS::RDS::DBInstance", nil}, {"AWS::EC2::VPC", nil}, {"AWS::Glue::Job", nil}} {
		b.Run(c.name, func(b *testing.B) {
			t, _ := Lookup(c.name)
			t.Simulate(*probeSeed, c.props)
			b.ReportAllocs()
			for b.Loop() {
				t.Simulate(*probeSeed, c.props)
			}
		})
	}
}

// BenchmarkStack is what 500 resources of everyday types cost in all, with
// nothing loaded before.
func BenchmarkStack(b *testing.B) {
	names := []string{"AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::S3::Bucket", "AWS::EC2::Subnet", "AWS::Logs::LogGroup", "AWS::DynamoDB::Table", "AWS::IAM::Role"}
	for b.Loop() {
		for i := range loaded {
			loaded[i] = atomic.Pointer[Type]{}
		}
		for i := range 500 {
			t, _ := Lookup(names[i%len(names)])
			t.Validate(nil)
			m := t.Simulate(*probeSeed, nil)
			t.Attribute(m, "Arn")
		}
	}
}

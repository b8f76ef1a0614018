package template

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// fleet writes a YAML template of so many resources as people have them: a
// third refer to others, some are conditional, all are tagged.
func fleet(resources int) []byte {
	var b strings.Builder
	b.WriteString(`AWSTemplateFormatVersion: "2010-09-09"
Description: A fleet
Parameters:
  Stage: {Type: String, Default: test, AllowedValues: [test, prod]}
Mappings:
  Retention: {test: {Days: 1}, prod: {Days: 30}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Resources:
`)
	for i := range resources {
		switch i % 3 {
		case 0:
			fmt.Fprintf(&b, `  Queue%d:
    Type: AWS::SQS::Queue
    DeletionPolicy: Delete
    Properties:
      QueueName: !Sub "${AWS::StackName}-queue-%d"
      VisibilityTimeout: 60
      MessageRetentionPeriod: 86400
      Tags:
        - {Key: stage, Value: !Ref Stage}
        - {Key: number, Value: "%d"}
`, i, i, i)
		case 1:
			fmt.Fprintf(&b, `  Logs%d:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !Join ["/", [/fleet, !Ref Stage, "%d"]]
      RetentionInDays: !FindInMap [Retention, !Ref Stage, Days]
`, i, i)
		case 2:
			fmt.Fprintf(&b, `  Policy%d:
    Type: AWS::SQS::QueuePolicy
    DependsOn: Logs%d
    Properties:
      Queues: [!Ref Queue%d]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: sns.amazonaws.com}
            Action: !If [IsProd, "sqs:SendMessage", "sqs:*"]
            Resource: !GetAtt Queue%d.Arn
            Condition:
              ArnLike: {"aws:SourceArn": !Sub "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:*"}
`, i, i-1, i-2, i-2)
		}
	}
	b.WriteString("Outputs:\n  First: {Value: !GetAtt Queue0.Arn}\n")
	return []byte(b.String())
}

// asJSON writes a YAML template as a JSON one.
func asJSON(tb testing.TB, src []byte) []byte {
	tb.Helper()
	lim := DefaultLimits()
	lim.Bytes, lim.Resources = 64<<20, 100_000
	root, err := read(src, lim)
	if err != nil {
		tb.Fatal(err)
	}
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func BenchmarkParse(b *testing.B) {
	lim := DefaultLimits()
	lim.Bytes, lim.Resources = 64<<20, 100_000
	for _, resources := range []int{500, 5000} {
		yaml := fleet(resources)
		for name, src := range map[string][]byte{"yaml": yaml, "json": asJSON(b, yaml)} {
			b.Run(fmt.Sprintf("%s/%d", name, resources), func(b *testing.B) {
				b.SetBytes(int64(len(src)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Parse(src, lim); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	lim := DefaultLimits()
	lim.Bytes, lim.Resources = 64<<20, 100_000
	for _, resources := range []int{500, 5000} {
		t, err := Parse(fleet(resources), lim)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(resources), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := t.Evaluate(testEnv(), nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCache(b *testing.B) {
	c := NewCache(DefaultLimits(), 64<<20)
	src := asJSON(b, fleet(500))
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := c.Parse("one", src); err != nil {
			b.Fatal(err)
		}
	}
}

package awsquery

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestAppendAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		op   Op
		out  Answer
		want string
	}{
		{
			Op{STS, "GetCallerIdentity"},
			&GetCallerIdentityOutput{Account: "000000000000", Arn: "arn:aws:iam::000000000000:user/a", UserId: "AIDA"},
			`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
				`<Account>000000000000</Account><Arn>arn:aws:iam::000000000000:user/a</Arn><UserId>AIDA</UserId>` +
				`</GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
		},
		{
			Op{CloudFormation, "DeleteStack"},
			&DeleteStackOutput{},
			`<DeleteStackResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">` +
				`<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DeleteStackResponse>`,
		},
		{
			Op{CloudFormation, "DescribeStacks"},
			&DescribeStacksOutput{Stacks: []Stack{{
				StackName: "s", StackStatus: StackStatusCreateComplete, DisableRollback: new(false),
				CreationTime: time.Date(2019, 10, 10, 14, 34, 56, 789_999_999, time.FixedZone("", 7200)),
				Tags:         []Tag{}, NotificationARNs: []string{"a", "b"},
				Parameters: []Parameter{{ParameterKey: "K", ParameterValue: new("")}},
				Outputs:    []Output{{OutputKey: "O"}},
			}}},
			`<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>` +
				`<CreationTime>2019-10-10T12:34:56.789Z</CreationTime><DisableRollback>false</DisableRollback>` +
				`<NotificationARNs><member>a</member><member>b</member></NotificationARNs>` +
				`<Outputs><member><OutputKey>O</OutputKey><OutputValue></OutputValue></member></Outputs>` +
				`<Parameters><member><ParameterKey>K</ParameterKey><ParameterValue></ParameterValue></member></Parameters>` +
				`<StackName>s</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Tags></Tags>` +
				`</member></Stacks></DescribeStacksResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DescribeStacksResponse>`,
		},
	} {
		if got := string(AppendAnswer(nil, c.op, c.out, "r")); got != c.want {
			t.Errorf("%v:\n got %s\nwant %s", c.op, got, c.want)
		}
	}
}

func TestAppendError(t *testing.T) {
	t.Parallel()
	want := `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>` +
		`<Code>ValidationError</Code><Message>a &lt; b</Message></Error><RequestId>r</RequestId></ErrorResponse>`
	if got := string(AppendError(nil, CloudFormation, ValidationError("a < b"), "r")); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// FuzzText: any text makes well-formed XML, and what XML can hold is read
// back unchanged.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a<b>&\"'", "\r\n\t", "\x00\x1f", "\xff\xc3", "é\U0001F600\uFFFE\uFFFF\uFFFD", "]]>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		doc := appendStr(nil, "T", s)
		var got string
		if err := xml.Unmarshal(doc, &got); err != nil {
			t.Fatalf("%q becomes %s: %v", s, doc, err)
		}
		want := strings.Map(func(r rune) rune {
			if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
				return utf8.RuneError
			}
			return r
		}, strings.ToValidUTF8(s, "\xff")) // Map reads each stray byte as U+FFFD
		if got != want && utf8.ValidString(s) {
			t.Errorf("%q is read back as %q", s, got)
		}
	})
}

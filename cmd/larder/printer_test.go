package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
)

func TestPrinter(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name string
		op   api.Op
		out  any
		want string
	}{
		{"details, texts and lists", api.OpDescribeUser, &api.DescribeUserOutput{
			UserDetail: &api.UserDetail{UserName: "bob", UserId: "AIDA1", ARN: "arn:bob", CreatedTime: made},
			GroupNames: []string{"a", "b"},
			AccessKeyDetails: []api.AccessKeyDetail{
				{AccessKeyId: "AKIA1", Status: api.AccessKeyStatusActive, UserName: "bob"},
				{AccessKeyId: "AKIA22", Status: api.AccessKeyStatusInactive, UserName: "bob"},
			},
			InlinePolicies: []api.InlinePolicy{{PolicyName: "self", PolicyDocument: "{}"}},
		}, `
UserName     bob
UserId       AIDA1
ARN          arn:bob
CreatedTime  2026-11-21T12:00:00Z
GroupNames   a, b

USERNAME  ACCESSKEYID  STATUS
bob       AKIA1        ACTIVE
bob       AKIA22       INACTIVE

POLICYNAME
self
`},
		{"lists in lists", api.OpExplainLaunch, &api.ExplainLaunchOutput{
			ProductId: "prod-1", LaunchExplanations: []api.LaunchExplanation{{
				PortfolioId: "port-1", PortfolioName: "Tools\x1b[31m\n", Principals: []api.Principal{{PrincipalARN: "arn:a"}, {PrincipalARN: "arn:b"}},
				LaunchObstacles: []api.LaunchObstacle{{Message: "no", Type: "NO_ACTIVE_VERSION"}},
			}},
		}, `
ProductId  prod-1

PORTFOLIONAME  PORTFOLIOID  LAUNCHOBSTACLES       PRINCIPALS
Tools [31m     port-1       no NO_ACTIVE_VERSION  arn:a, arn:b
`},
		{"nothing", api.OpListUsers, &api.ListUsersOutput{UserDetails: []api.UserDetail{}}, "\n"},
		{"truth", api.OpExplainAccess, &api.ExplainAccessOutput{Message: "why"}, "\nAllowed  no\nMessage  why\n"},
	} {
		var b strings.Builder
		if err := (printer{w: &b}).print(test.op, test.out); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), trimmed(b.String())); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
	var b strings.Builder
	if err := (printer{w: &b, json: true}).print(api.OpExplainAccess, &api.ExplainAccessOutput{Allowed: true}); err != nil || b.String() != "{\n    \"Allowed\": true\n}\n" {
		t.Errorf("%q, %v", &b, err)
	}
}

// trimmed is without the spaces that end lines.
func trimmed(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}

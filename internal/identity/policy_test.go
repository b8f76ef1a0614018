package identity_test

import (
	"strings"
	"testing"

	"larder/internal/identity"
)

func parse(t testing.TB, document string) *identity.Policy {
	t.Helper()
	p, err := identity.ParsePolicy(document, identity.IdentityPolicy)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return p
}

// statement makes a policy of one statement from the members given.
func statement(members string) string {
	return `{"Version":"2012-10-17","Statement":{` + members + `}}`
}

const (
	product = "arn:aws:catalog:us-east-1:123456789012:product/prod-abc"
)

func TestEvaluate(t *testing.T) {
	t.Parallel()
	ctx := identity.Context{
		"aws:username": {"bob"}, "aws:principalarn": {"arn:aws:iam::123456789012:role/team/Dev"},
		"aws:securetransport": {"true"}, "servicecatalog:userlevel": {"self"}, "aws:tagkeys": {"a", "b"},
		"aws:odd": {"a*b"},
	}
	allow := func(rest string) string { return statement(`"Effect":"Allow",` + rest) }
	when := func(condition string) string {
		return allow(`"Action":"*","Resource":"*","Condition":{` + condition + `}`)
	}
	tests := []struct {
		policy string
		action string
		want   identity.Decision
	}{
		// Actions: without case, with wildcards.
		{allow(`"Action":"servicecatalog:ProvisionProduct","Resource":"*"`), "servicecatalog:ProvisionProduct", identity.Allowed},
		{allow(`"Action":"ServiceCatalog:provisionproduct","Resource":"*"`), "servicecatalog:ProvisionProduct", identity.Allowed},
		{allow(`"Action":"servicecatalog:Provision","Resource":"*"`), "servicecatalog:ProvisionProduct", identity.NotAllowed},
		{allow(`"Action":["sts:*","servicecatalog:Prov*Prod?ct"],"Resource":"*"`), "servicecatalog:ProvisionProduct", identity.Allowed},
		{allow(`"Action":"servicecatalog:?rovisionProduct?","Resource":"*"`), "servicecatalog:ProvisionProduct", identity.NotAllowed},
		{allow(`"NotAction":"servicecatalog:Delete*","Resource":"*"`), "servicecatalog:ProvisionProduct", identity.Allowed},
		{allow(`"NotAction":"servicecatalog:Delete*","Resource":"*"`), "servicecatalog:DeleteProduct", identity.NotAllowed},
		{statement(`"Effect":"Deny","Action":"servicecatalog:*","Resource":"*"`), "servicecatalog:ProvisionProduct", identity.Denied},
		{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"servicecatalog:Delete*","Resource":"*"}]}`, "servicecatalog:DeleteProduct", identity.Denied},
		{`{"Statement":[{"Effect":"Deny","Action":"servicecatalog:Delete*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}]}`, "servicecatalog:ProvisionProduct", identity.Allowed},
		// Resources: the case counts.
		{allow(`"Action":"*","Resource":"` + product + `"`), "a:b", identity.Allowed},
		{allow(`"Action":"*","Resource":"arn:aws:catalog:*:*:product/prod-*"`), "a:b", identity.Allowed},
		{allow(`"Action":"*","Resource":"arn:aws:catalog:*:*:product/PROD-*"`), "a:b", identity.NotAllowed},
		{allow(`"Action":"*","Resource":"arn:aws:catalog:*:*:portfolio/*"`), "a:b", identity.NotAllowed},
		{allow(`"Action":"*","NotResource":"arn:aws:catalog:*:*:portfolio/*"`), "a:b", identity.Allowed},
		{allow(`"Action":"*","Resource":"arn:aws:catalog:us-east-1:123456789012:product/prod-?bc"`), "a:b", identity.Allowed},
		// Variables.
		{allow(`"Action":"*","Resource":"arn:aws:catalog:*:*:product/${aws:username}"`), "a:b", identity.NotAllowed},
		{when(`"StringEquals":{"aws:username":"${aws:username}"}`), "a:b", identity.Allowed},
		{when(`"StringLike":{"aws:username":"${aws:odd}"}`), "a:b", identity.NotAllowed},
		{when(`"StringEquals":{"aws:username":"${aws:missing}"}`), "a:b", identity.NotAllowed},
		{when(`"StringEquals":{"aws:username":"${aws:missing, 'bob'}"}`), "a:b", identity.Allowed},
		{when(`"StringEquals":{"aws:odd":"a${*}b"}`), "a:b", identity.Allowed},
		{when(`"StringLike":{"aws:username":"b${*}"}`), "a:b", identity.NotAllowed},
		{`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"${aws:username}"}}}}`, "a:b", identity.NotAllowed}, // the old version knows none
		// Conditions.
		{when(`"StringEquals":{"AWS:UserName":"bob"}`), "a:b", identity.Allowed},
		{when(`"StringEquals":{"aws:username":["eve","bob"]}`), "a:b", identity.Allowed},
		{when(`"StringEquals":{"aws:username":"Bob"}`), "a:b", identity.NotAllowed},
		{when(`"StringEqualsIgnoreCase":{"aws:username":"Bob"}`), "a:b", identity.Allowed},
		{when(`"StringNotEquals":{"aws:username":["eve","bob"]}`), "a:b", identity.NotAllowed},
		{when(`"StringNotEquals":{"aws:username":"eve"}`), "a:b", identity.Allowed},
		{when(`"StringNotEqualsIgnoreCase":{"aws:username":"BOB"}`), "a:b", identity.NotAllowed},
		{when(`"StringLike":{"aws:username":"b*"}`), "a:b", identity.Allowed},
		{when(`"StringNotLike":{"aws:username":"b*"}`), "a:b", identity.NotAllowed},
		{when(`"StringEquals":{"aws:missing":"x"}`), "a:b", identity.NotAllowed},
		{when(`"StringNotEquals":{"aws:missing":"x"}`), "a:b", identity.Allowed},
		{when(`"StringEqualsIfExists":{"aws:missing":"x"}`), "a:b", identity.Allowed},
		{when(`"StringEqualsIfExists":{"aws:username":"x"}`), "a:b", identity.NotAllowed},
		{when(`"StringEquals":{"servicecatalog:userLevel":"self"}`), "a:b", identity.Allowed},
		{when(`"StringEquals":{"servicecatalog:accountLevel":"self"}`), "a:b", identity.NotAllowed},
		{when(`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/*"}`), "a:b", identity.Allowed},
		{when(`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/team/Dev"}`), "a:b", identity.Allowed},
		{when(`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam:*:role/team/Dev"}`), "a:b", identity.NotAllowed}, // no wildcard over a colon
		{when(`"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/team/Dev"}`), "a:b", identity.Allowed},
		{when(`"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::123456789012:user/*"}`), "a:b", identity.Allowed},
		{when(`"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/team/Dev"}`), "a:b", identity.NotAllowed},
		{when(`"Bool":{"aws:SecureTransport":true}`), "a:b", identity.Allowed},
		{when(`"Bool":{"aws:SecureTransport":"false"}`), "a:b", identity.NotAllowed},
		{when(`"Null":{"aws:missing":"true"}`), "a:b", identity.Allowed},
		{when(`"Null":{"aws:username":"true"}`), "a:b", identity.NotAllowed},
		{when(`"Null":{"aws:username":false}`), "a:b", identity.Allowed},
		{when(`"ForAllValues:StringEquals":{"aws:TagKeys":["a","b","c"]}`), "a:b", identity.Allowed},
		{when(`"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}`), "a:b", identity.NotAllowed},
		{when(`"ForAllValues:StringEquals":{"aws:missing":["a"]}`), "a:b", identity.Allowed},
		{when(`"ForAnyValue:StringEquals":{"aws:TagKeys":["b","z"]}`), "a:b", identity.Allowed},
		{when(`"ForAnyValue:StringEquals":{"aws:missing":["a"]}`), "a:b", identity.NotAllowed},
		// All of several conditions, all of several keys.
		{when(`"StringEquals":{"aws:username":"bob","aws:odd":"x"}`), "a:b", identity.NotAllowed},
		{when(`"StringEquals":{"aws:username":"bob"},"Bool":{"aws:securetransport":"true"}`), "a:b", identity.Allowed},
	}
	for _, tt := range tests {
		got := identity.Evaluate(identity.Request{Action: tt.action, Resource: product, Context: ctx}, parse(t, tt.policy))
		if got != tt.want {
			t.Errorf("%s on %s: %v, want %v", tt.policy, tt.action, got, tt.want)
		}
	}
	if got := identity.Evaluate(identity.Request{Action: "a:b", Resource: product}); got != identity.NotAllowed {
		t.Errorf("no policy at all: %v", got)
	}
}

func TestEvaluateTrust(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::123456789012:role/Dev"
	r := identity.Request{Action: "sts:AssumeRole", Resource: role, Principals: []string{"arn:aws:iam::123456789012:user/bob", "123456789012", "arn:aws:iam::123456789012:root"}}
	for principal, want := range map[string]identity.Decision{
		`"*"`:                    identity.Allowed,
		`{"AWS":"*"}`:            identity.Allowed,
		`{"AWS":"123456789012"}`: identity.Allowed,
		`{"AWS":"arn:aws:iam::123456789012:root"}`:                      identity.Allowed,
		`{"AWS":"arn:aws:iam::123456789012:user/bob"}`:                  identity.Allowed,
		`{"AWS":["arn:aws:iam::123456789012:user/eve","210987654321"]}`: identity.NotAllowed,
		`{"Service":"servicecatalog.amazonaws.com"}`:                    identity.NotAllowed,
	} {
		p, err := identity.ParsePolicy(statement(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":`+principal), identity.TrustPolicy)
		if err != nil {
			t.Errorf("%s: %v", principal, err)
			continue
		}
		if got := identity.Evaluate(r, p); got != want {
			t.Errorf("%s: %v, want %v", principal, got, want)
		}
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		document string
		kind     identity.PolicyKind
		message  string
	}{
		{``, 0, "syntax errors"}, {`[]`, 0, "syntax errors"}, {`{}`, 0, "syntax errors"}, {`{"Statement":[]}`, 0, "syntax errors"},
		{`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}} x`, 0, "syntax errors"},
		{`{"statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, 0, "syntax errors"},
		{`{"Version":"2020-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, 0, "valid version string"},
		{statement(`"Effect":"allow","Action":"*","Resource":"*"`), 0, "syntax errors"},
		{statement(`"Action":"*","Resource":"*"`), 0, "missing required field Effect"},
		{statement(`"Effect":"Allow","Resource":"*"`), 0, "must contain actions"},
		{statement(`"Effect":"Allow","Action":[],"Resource":"*"`), 0, "must contain actions"},
		{statement(`"Effect":"Allow","Action":"*"`), 0, "must contain resources"},
		{statement(`"Effect":"Allow","Action":"*","NotAction":"a:b","Resource":"*"`), 0, "both Action and NotAction"},
		{statement(`"Effect":"Allow","Action":"ProvisionProduct","Resource":"*"`), 0, "prefaced by a vendor"},
		{statement(`"Effect":"Allow","Action":"*","Resource":"prod-1"`), 0, "must be in ARN format"},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"`), 0, "should not specify a principal"},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Color":"red"`), 0, "syntax errors"},
		{statement(`"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"`), 0, "syntax errors"},
		{statement(`"Effect":"Allow","Action":[1],"Resource":"*"`), 0, "syntax errors"},
		{statement(`"Effect":"Allow","Action":"*","Resource":null`), 0, "syntax errors"},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringIs":{"aws:username":"a"}}`), 0, "invalid Condition type : StringIs"},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NullIfExists":{"aws:username":"true"}}`), 0, "invalid Condition type"},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"username":"a"}}`), 0, "prefaced by a vendor"},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":{}}}`), 0, "syntax errors"},
		{`{"Statement":[{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"}]}`, 0, "must be unique"},
		{statement(`"Effect":"Allow","Action":"*","Resource":"arn:aws:x:::\u0002"`), 0, "syntax errors"},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:username":"\u0000"}}`), 0, "syntax errors"},
		{`{"Statement":{"Effect":"Allow","Action":"*","Resource":"` + strings.Repeat("a", 11000) + `"}}`, 0, "cannot exceed quota for PolicySize: 10240"},
		{statement(`"Effect":"Allow","Action":"sts:AssumeRole"`), identity.TrustPolicy, "missing required field Principal"},
		{statement(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"`), identity.TrustPolicy, "prohibited field Resource"},
		{statement(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":"bob"`), identity.TrustPolicy, "invalid principal"},
		{statement(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::123456789012:group/g"}`), identity.TrustPolicy, "invalid principal"},
		{statement(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Cat":"x"}`), identity.TrustPolicy, "syntax errors"},
	} {
		_, err := identity.ParsePolicy(tt.document, tt.kind)
		if err == nil || !strings.Contains(err.Error(), tt.message) {
			t.Errorf("%.200s: %v, want %s", tt.document, err, tt.message)
		}
	}
}

// No document panics; what is read can be asked about, in bounded time.
func FuzzPolicy(f *testing.F) {
	f.Add(statement(`"Effect":"Allow","Action":"*","Resource":"*"`), "servicecatalog:ProvisionProduct", product)
	f.Add(statement(`"Effect":"Deny","NotAction":["a:*b*"],"NotResource":"arn:aws:x:::${aws:username}${*}","Condition":{"ForAnyValue:ArnNotLikeIfExists":{"a:b":["${a:b}"]}}`), "a:b", "*")
	f.Fuzz(func(t *testing.T, document, action, resource string) {
		for _, kind := range []identity.PolicyKind{identity.IdentityPolicy, identity.TrustPolicy} {
			p, err := identity.ParsePolicy(document, kind)
			if err != nil || len(action)+len(resource) > 1000 {
				continue
			}
			d := identity.Evaluate(identity.Request{Action: action, Resource: resource, Context: identity.Context{"a:b": {action}}}, p)
			if d != identity.NotAllowed && d != identity.Allowed && d != identity.Denied {
				t.Fatal(d)
			}
		}
	})
}

// Stars without end cost no more than their number.
func TestWildcardsAreBounded(t *testing.T) {
	t.Parallel()
	p := parse(t, statement(`"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::`+strings.Repeat("*a", 4000)+`b"`))
	if got := identity.Evaluate(identity.Request{Action: "a:b", Resource: "arn:aws:s3:::" + strings.Repeat("a", 2000)}, p); got != identity.NotAllowed {
		t.Error(got)
	}
}

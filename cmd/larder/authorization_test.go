package main

import (
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"larder/internal/api"
	"larder/internal/api/apitest"
	"larder/internal/awsquery"
	"larder/internal/cfn/cfnapi"
	"larder/internal/sigv4"
)

// fileCaller calls as the default profile of a credentials file.
func fileCaller(t *testing.T, p *process, file string) *caller {
	t.Helper()
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	c, err := (&remote{Endpoint: p.URL, Profile: "default", Region: "us-east-1"}).dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// form sends a request of the query protocol and returns status and body.
func (c *caller) form(t *testing.T, service awsquery.Service, form url.Values) (int, string) {
	t.Helper()
	body := form.Encode()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.endpoint, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if c.creds.AccessKeyID != "" {
		sigv4.Sign(r, []byte(body), c.creds, string(service), c.region, time.Now())
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}

// Whatever a server offers, it offers to nobody without a signature and to no
// user without a policy: every operation of the JSON protocol and every one of
// the query protocol, through the server as it is put together.
func TestEveryOperationAsksPolicies(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "serve", "--data", filepath.Join(dir, "data"), "--account", "123456789012", "--bootstrap-credentials", filepath.Join(dir, "admin"))
	admin := fileCaller(t, p, filepath.Join(dir, "admin"))
	if _, err := admin.client().CreateUser(t.Context(), &api.CreateUserInput{UserName: "newcomer"}); err != nil {
		t.Fatal(err)
	}
	key, err := admin.client().CreateAccessKey(t.Context(), &api.CreateAccessKeyInput{UserName: new("newcomer")})
	if err != nil {
		t.Fatal(err)
	}
	newcomer, stranger := *admin, *admin
	newcomer.creds = sigv4.Credentials{AccessKeyID: key.AccessKeyDetail.AccessKeyId, SecretAccessKey: key.SecretAccessKey}
	stranger.creds = sigv4.Credentials{}
	const who = "User: arn:aws:iam::123456789012:user/newcomer is not authorized to perform: "

	for _, op := range api.Ops() {
		action := "servicecatalog:" + op.String()
		if op.Larder() {
			action = "larder:" + op.String()
		}
		in := apitest.Input(t, op)
		refusedAs(t, &newcomer, op, in, api.CodeAccessDenied, who+action+" on resource: ")
		refusedAs(t, &stranger, op, in, api.CodeMissingAuthentication, "Missing Authentication Token")
	}

	// All that any operation of CloudFormation or STS asks for; the rest is
	// passed over.
	form := url.Values{
		"StackName": {"SC-x"}, "TemplateBody": {"{}"}, "LogicalResourceId": {"Queue"}, "ExportName": {"e"}, "ChangeSetName": {"c"},
		"StackSetName": {"s"}, "OperationId": {"o"}, "Account": {"123456789012"}, "StackInstanceAccount": {"123456789012"},
		"StackInstanceRegion": {"us-east-1"}, "Regions.member.1": {"us-east-1"}, "RetainStacks": {"false"}, "TypeName": {"A::B::C"},
		"UniqueId": {"u"}, "Status": {"SUCCESS"}, "StackPolicyBody": {"{}"}, "EnableTerminationProtection": {"false"},
		"RoleArn": {"arn:aws:iam::123456789012:role/any"}, "RoleSessionName": {"me"},
	}
	for _, h := range []awsquery.Handlers{cfnapi.Handlers(cfnapi.Options{}), stsHandlers(nil)} {
		version := "2010-05-15"
		if h.Service() == awsquery.STS {
			version = "2011-06-15"
		}
		if len(h.Built()) == 0 {
			t.Errorf("%s has no operations", h.Service())
		}
		for _, action := range h.Built() {
			form.Set("Action", action)
			form.Set("Version", version)
			form.Set("Status", "SUCCESS")
			if action == "ListStackSets" { // where the member means something else
				form.Set("Status", "ACTIVE")
			}
			status, body := newcomer.form(t, h.Service(), form)
			if action == "GetCallerIdentity" { // anybody may ask who they are
				if status != http.StatusOK || !strings.Contains(body, "user/newcomer") {
					t.Errorf("%s: %d %s", action, status, body)
				}
			} else if want := who + string(h.Service()) + ":" + action + " on resource: "; status != http.StatusForbidden ||
				!strings.Contains(body, "<Code>AccessDenied</Code>") || !strings.Contains(body, want) {
				t.Errorf("%s: %d %s", action, status, body)
			}
			status, body = stranger.form(t, h.Service(), form)
			if status != http.StatusForbidden || !strings.Contains(body, "<Code>MissingAuthenticationToken</Code>") {
				t.Errorf("%s without a signature: %d %s", action, status, body)
			}
		}
	}
}

func refusedAs(t *testing.T, c *caller, op api.Op, in any, code, text string) {
	t.Helper()
	_, err := c.invoke(t.Context(), op, in)
	if r, ok := err.(*refusal); !ok || r.code != code || !strings.HasPrefix(r.text, text) { //nolint:errorlint // the client wraps none
		t.Errorf("%s: %v, want %s: %s…", op, err, code, text)
	}
}

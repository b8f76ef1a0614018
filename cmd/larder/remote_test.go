package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"larder/internal/api"
	"larder/internal/sigv4"
)

// A recorder answers every call with nothing and remembers them.
type recorder struct {
	t     *testing.T
	calls []api.Op
	auth  sigv4.Authorization
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	op, ok := api.ParseTarget(q.Header.Get("X-Amz-Target"))
	if !ok {
		r.t.Errorf("a call of %q", q.Header.Get("X-Amz-Target"))
	}
	body, err := io.ReadAll(q.Body)
	if err == nil {
		var in any
		if in, err = api.DecodeInput(op, body); err == nil {
			err = api.Validate(op, in)
		}
	}
	if err != nil {
		r.t.Errorf("%s %s: %v", op, body, err)
	}
	if r.auth, err = sigv4.Parse(q); err != nil {
		r.t.Errorf("%s: %v", op, err)
	}
	r.calls = append(r.calls, op)
	_, _ = w.Write([]byte("{}"))
}

// values are what arguments and flags of calls take here, by name; others take
// a text.
var values = map[string]string{
	"document": `{"Version":"2012-10-17"}`, "trust": `{"Version":"2012-10-17"}`, "max-session": "3600", "state": "RUNNING",
	"principal": "arn:aws:iam::123456789012:user/bob", "policy": "arn:aws:iam::aws:policy/AdministratorAccess", "resource": "arn:x",
	"account": "123456789012", "unit": "ou-abcd-12345678", "id": "123456789012", "path": "/team/", "action": "servicecatalog:ListPortfolios",
}

// valueOf is what an argument or a flag of a command takes.
func valueOf(command, name string) string {
	if strings.HasPrefix(command, "key ") && name == "id" {
		return "AKIAIOSFODNN7EXAMPLE"
	}
	if v, ok := values[name]; ok {
		return v
	}
	return "x"
}

// arguments is a command line of a call with all its arguments and flags, but
// for those of which others exclude it, and those that write files.
func arguments(n *kong.Node) []string {
	command := strings.TrimPrefix(n.FullPath(), "larder ")
	args := strings.Fields(command)
	for _, p := range n.Positional {
		args = append(args, valueOf(command, p.Name))
	}
	for _, f := range n.Flags {
		switch {
		case isSetting(f), f.Name == "user", f.Name == "group", f.Name == "role" && len(f.Xor) > 0, f.Name == "trusts", f.Name == "credentials-file":
		case f.IsBool():
			args = append(args, "--"+f.Name)
		default:
			args = append(args, "--"+f.Name+"="+valueOf(command, f.Name))
		}
	}
	return args
}

// Every command that asks a server makes one call, with an input that is
// valid, signed for the service; and for every operation of Larder's own there
// is a command.
func TestCalls(t *testing.T) {
	r := &recorder{t: t}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	t.Setenv("AWS_ENDPOINT_URL_SERVICE_CATALOG", s.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_REGION", "eu-west-1")
	var leaves []*kong.Node
	parser, err := (&cli{}).parser(t.Context(), &settings{})
	if err != nil {
		t.Fatal(err)
	}
	for _, noun := range parser.Model.Children {
		switch {
		case noun.Group == nil || noun.Group.Key != callGroup:
		case len(noun.Children) == 0:
			leaves = append(leaves, noun)
		default:
			leaves = append(leaves, noun.Leaves(true)...)
		}
	}
	called := map[api.Op]bool{}
	for _, leaf := range leaves {
		r.calls = nil
		args := arguments(leaf)
		var c cli
		parser, err := c.parser(t.Context(), &settings{})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		parser.Stdout = &out
		command, err := parser.Parse(args)
		if err == nil {
			err = command.Run()
		}
		if err != nil || len(r.calls) != 1 {
			t.Errorf("larder %s: calls %v, %v", strings.Join(args, " "), r.calls, err)
			continue
		}
		called[r.calls[0]] = true
		want := "servicecatalog"
		if r.calls[0].Larder() {
			want = "larder"
		}
		if r.auth.Service != want || r.auth.Region != "eu-west-1" {
			t.Errorf("larder %s is signed for %s in %s", strings.Join(args, " "), r.auth.Service, r.auth.Region)
		}
	}
	for _, op := range api.Ops() {
		if op.Larder() && !called[op] {
			t.Errorf("no command calls %s", op)
		}
	}
}

// What cannot be asked is told before anything is sent, or in the words of
// whoever answered.
func TestCallsRefused(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	answer, status := "", http.StatusBadRequest
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	for _, test := range []struct {
		args   string
		status int
		answer string
		want   string
	}{
		{"user list", 400, `{"__type":"AccessDeniedException","Message":"No"}`, "An error occurred (AccessDeniedException) when calling the ListUsers operation: No"},
		{"user list", 502, `<html>`, "is no Larder: 502"},
		{"user list", 200, `[`, "SerializationException"},
		{"policy attach arn:x", 400, ``, "whose?"},
		{"policy attach arn:x --user a --group b", 400, ``, "can't be used together"},
		{"policy attach nothing --principal arn:x", 200, `{"PolicyDetails":[]}`, "there is no policy with name nothing"},
		{"policy create x --document no-such-file", 200, `{}`, "no such file"},
		{"user list --profile nobody", 200, `{}`, "nobody"},
		{"role create x --trusts", 200, `{}`, "trusts"},
	} {
		answer, status = test.answer, test.status
		var c cli
		parser, err := c.parser(t.Context(), &settings{})
		if err != nil {
			t.Fatal(err)
		}
		parser.Stdout, parser.Stderr = io.Discard, io.Discard
		command, err := parser.Parse(append(strings.Fields(test.args), "--endpoint="+s.URL))
		if err == nil {
			err = command.Run()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("larder %s: %v, want %q", test.args, err, test.want)
		}
	}
}

// A list is asked for to its last page, and printed as one.
func TestPages(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		next := map[string]string{`{}`: `"NextPageToken":"2",`, `{"PageToken":"2"}`: `"NextPageToken":"3",`, `{"PageToken":"3"}`: ""}
		rest, ok := next[string(body)]
		if !ok {
			t.Errorf("asked for %s", body)
		}
		_, _ = io.WriteString(w, `{`+rest+`"UserDetails":[{"UserName":"u"}]}`)
	}))
	t.Cleanup(s.Close)
	var out bytes.Buffer
	c := caller{ctx: t.Context(), endpoint: s.URL, region: "us-east-1", screen: printer{w: &out}}
	if err := c.call(api.OpListUsers, &api.ListUsersInput{}); err != nil || out.String() != "USERNAME\nu\nu\nu\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

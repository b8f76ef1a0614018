package identity_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/identity"
	"larder/internal/seal"
)

func TestServeAuthenticates(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		got, err := w.Authenticate(signed(w.admin.Credentials, "us-east-1", w.clock.now()), body)
		if err != nil {
			t.Fatal(err)
		}
		want := identity.Caller{
			Account: account, Region: "us-east-1", ARN: "arn:aws:iam::123456789012:user/admin",
			UserID: got.UserID, AccessKeyID: w.admin.Credentials.AccessKeyID, Service: "servicecatalog",
		}
		if diff := cmp.Diff(want, got, callerOptions); diff != "" || !strings.HasPrefix(got.UserID, "AIDA") {
			t.Errorf("%s %s", got.UserID, diff)
		}
		if got, err := w.Authenticate(signed(w.admin.Credentials, "us-gov-west-1", w.clock.now()), body); err != nil || got.ARN != "arn:aws-us-gov:iam::123456789012:user/admin" {
			t.Errorf("in another partition: %s, %v", got.ARN, err)
		}
	})
}

func TestServeRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := w.clock.now()
	forged := w.admin.Credentials
	forged.SecretAccessKey += "x"
	withToken := w.admin.Credentials
	withToken.SessionToken = "x"
	const mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	const invalid = "The security token included in the request is invalid."

	_, err := w.Authenticate(request(), body)
	wants(t, err, api.CodeMissingAuthentication, "Missing Authentication Token")
	_, err = w.Authenticate(signed(forged, "us-east-1", now), body)
	wants(t, err, api.CodeInvalidSignature, mismatch)
	_, err = w.Authenticate(signed(w.admin.Credentials, "us-east-1", now), []byte(`{"x":1}`))
	wants(t, err, api.CodeInvalidSignature, mismatch)
	for _, creds := range []identity.Credentials{
		{AccessKeyID: "AKIANOBODYNOBODYNOBO", SecretAccessKey: "x"}, {AccessKeyID: "ASIANOBODYNOBODYNOBO", SecretAccessKey: "x", SessionToken: "y"}, withToken,
	} {
		_, err = w.Authenticate(signed(creds, "us-east-1", now), body)
		wants(t, err, api.CodeUnrecognizedClient, invalid)
	}
	_, err = w.Authenticate(signed(w.admin.Credentials, "us-east-1", now.Add(-time.Hour)), body)
	wants(t, err, api.CodeInvalidSignature, "Signature expired: 20261121T110000Z is now earlier than 20261121T114500Z (20261121T120000Z - 15 min.)")
	_, err = w.Authenticate(signed(w.admin.Credentials, "", now), body)
	wants(t, err, api.CodeInvalidSignature, "Credential should be scoped to a valid region, not ''. ")
}

// A key sealed with a key file that is gone is a fault of the operator's, not
// the caller's.
func TestServeWithoutSealKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, err := identity.NewServe(w.db, seal.Ephemeral(), w.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Authenticate(signed(w.admin.Credentials, "us-east-1", w.clock.now()), body)
	if !errors.Is(err, seal.ErrUnknownKey) || api.Code(err) != api.CodeInternalFailure {
		t.Errorf("authenticated: %v", err)
	}
}

func TestServeAuthorizes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var level identity.Level
	invoke := w.Authorize(func(ctx context.Context, _ api.Op, _ any) (any, error) {
		level = identity.CallerFrom(ctx).Level
		return nil, nil
	})
	for _, op := range api.Ops() {
		if _, err := invoke(w.as(t, w.admin.Credentials), op, api.NewInput(op)); err != nil || level != identity.LevelAccount {
			t.Errorf("the administrator: %s: %v, level %v", op, err, level)
		}
		_, err := invoke(identity.WithCaller(t.Context(), identity.Caller{Account: account, ARN: "arn:aws:iam::123456789012:user/b"}), op, api.NewInput(op))
		if api.Code(err) != api.CodeAccessDenied {
			t.Errorf("a nobody: %s: %v", op, err)
		}
	}
	in := &api.DescribePortfolioInput{Id: "port-1"}
	_, err := invoke(identity.WithCaller(t.Context(), identity.Caller{Account: account, Region: "us-east-1", ARN: "arn:aws:iam::123456789012:user/b"}), api.OpDescribePortfolio, in)
	wants(t, err, api.CodeAccessDenied, "User: arn:aws:iam::123456789012:user/b is not authorized to perform: servicecatalog:DescribePortfolio on resource: "+
		"arn:aws:catalog:us-east-1:123456789012:portfolio/port-1 because no identity-based policy allows the servicecatalog:DescribePortfolio action")
	if err := w.Allow(w.as(t, w.admin.Credentials), "cloudformation:DescribeStacks", nil); err != nil {
		t.Error(err)
	}
	if err := w.Allow(t.Context(), "cloudformation:DescribeStacks", nil); api.Code(err) != api.CodeAccessDenied {
		t.Errorf("a nobody: %v", err)
	}
}

// CloudFormation's operations are decided on the stack that they name.
func TestAllow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t)
	admin := w.as(t, w.admin.Credentials)
	bob := newUser(admin, c, "bob")
	must(c.AttachPolicy(admin, &api.AttachPolicyInput{PolicyARN: "arn:aws:iam::aws:policy/AWSServiceCatalogEndUserFullAccess", PrincipalARN: userARN("bob")}))
	ctx := w.as(t, bob)
	type stack struct{ StackName, ChangeSetName, StackSetName string }
	const arn = "arn:aws:cloudformation:us-east-1:123456789012:"
	for _, tt := range []struct {
		in   any
		want string // the resource that is refused; "" for none
	}{
		{&stack{StackName: "SC-123456789012-pp-abc"}, ""},
		{&stack{StackName: arn + "stack/SC-123456789012-pp-abc/u"}, ""},
		{&stack{StackSetName: "SC-123456789012-pp-abc"}, ""},
		{&stack{StackName: "mine"}, arn + "stack/mine/*"},
		{&stack{StackName: arn + "stack/mine/u"}, arn + "stack/mine/u"},
		{&stack{ChangeSetName: arn + "changeSet/c/u"}, arn + "changeSet/c/u"},
		{&stack{StackSetName: "mine"}, arn + "stackset/mine:*"},
		{&stack{}, "*"},
		{&struct{}{}, "*"},
		{nil, "*"},
	} {
		err := w.Allow(ctx, "cloudformation:UpdateStack", tt.in)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%+v: %v", tt.in, err)
			}
			continue
		}
		if api.Code(err) != api.CodeAccessDenied || !strings.Contains(err.Error(), " on resource: "+tt.want+" because") {
			t.Errorf("%+v: %v, want %s refused", tt.in, err, tt.want)
		}
	}
}

func TestBootstrap(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		keys := seal.Ephemeral()
		failed := errors.New("the printer is out of paper")
		if _, err := identity.Bootstrap(t.Context(), d, keys, "", func(identity.Administrator) error { return failed }); !errors.Is(err, failed) {
			t.Errorf("not delivered: %v", err)
		}
		if _, err := identity.Bootstrap(t.Context(), d, keys, "12", func(identity.Administrator) error { return nil }); err == nil {
			t.Error("an account of two digits")
		}
		path := filepath.Join(t.TempDir(), "credentials")
		a, err := identity.Bootstrap(t.Context(), d, keys, "", func(a identity.Administrator) error { return identity.WriteCredentialsFile(path, a) })
		if err != nil || a == nil || len(a.Account) != 12 {
			t.Fatalf("made %+v, %v", a, err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := "[default]\naws_access_key_id = " + a.Credentials.AccessKeyID + "\naws_secret_access_key = " + a.Credentials.SecretAccessKey + "\n"
		if !strings.HasSuffix(string(text), want) {
			t.Errorf("the file holds %q", text)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		again, err := identity.Bootstrap(t.Context(), d, keys, "", func(identity.Administrator) error {
			t.Error("a second administrator was delivered")
			return nil
		})
		if again != nil || err != nil {
			t.Errorf("the second time: %+v, %v", again, err)
		}
	})
}

func TestWriteCredentialsFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "credentials")
	a := identity.Administrator{Credentials: identity.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "s"}}
	for range 2 { // our own file may be replaced
		if err := identity.WriteCredentialsFile(path, a); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, []byte("[default]\naws_access_key_id = PRECIOUS\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := identity.WriteCredentialsFile(path, a); err == nil {
		t.Error("somebody's keys were overwritten")
	}
}

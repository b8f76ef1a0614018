package identity_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"larder/internal/api"
	"larder/internal/id"
	"larder/internal/identity"
)

var callerOptions = cmp.Options{cmpopts.IgnoreUnexported(identity.Caller{}), cmpopts.EquateEmpty()}

func TestDevCallers(t *testing.T) {
	t.Parallel()
	dev := identity.Dev{Region: "eu-central-1"}
	long := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC) // nobody minds
	tests := []struct {
		name string
		r    *http.Request
		want identity.Caller
	}{
		{"unsigned", request(), identity.Caller{Account: "000000000000", Region: "eu-central-1", ARN: "arn:aws:iam::000000000000:user/anonymous"}},
		{"any key", signed(identity.Credentials{AccessKeyID: "test", SecretAccessKey: "x"}, "us-west-2", long),
			identity.Caller{Account: "000000000000", Region: "us-west-2", ARN: "arn:aws:iam::000000000000:user/test", AccessKeyID: "test"}},
		{"an account", signed(identity.Credentials{AccessKeyID: "123456789012"}, "us-east-1", long),
			identity.Caller{Account: "123456789012", Region: "us-east-1", ARN: "arn:aws:iam::123456789012:user/123456789012", AccessKeyID: "123456789012"}},
		{"a session from elsewhere", signed(identity.Credentials{AccessKeyID: "ASIAXXXXXXXXXXXXXXXX", SessionToken: "IQoJb3JpZ2luX2VjE"}, "us-east-1", long),
			identity.Caller{Account: "000000000000", Region: "us-east-1", ARN: "arn:aws:iam::000000000000:user/ASIAXXXXXXXXXXXXXXXX", AccessKeyID: "ASIAXXXXXXXXXXXXXXXX"}},
		{"another partition", signed(identity.Credentials{AccessKeyID: "k"}, "cn-north-1", long),
			identity.Caller{Account: "000000000000", Region: "cn-north-1", ARN: "arn:aws-cn:iam::000000000000:user/k", AccessKeyID: "k"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := dev.Authenticate(tt.r, body)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.UserID = string(id.UserOf(tt.want.ARN))
			if diff := cmp.Diff(tt.want, got, callerOptions); diff != "" {
				t.Error(diff)
			}
		})
	}

	bearer := request()
	bearer.Header.Set("Authorization", "Bearer x")
	if c, err := dev.Authenticate(bearer, body); err != nil || !strings.HasSuffix(c.ARN, "user/anonymous") {
		t.Errorf("another kind of authorization: %s, %v", c.ARN, err)
	}
	broken := request()
	broken.Header.Set("Authorization", "AWS4-HMAC-SHA256 nonsense")
	_, err := dev.Authenticate(broken, body)
	wants(t, err, api.CodeIncompleteSignature, "")
	_, err = dev.Authenticate(signed(identity.Credentials{AccessKeyID: "no!name"}, "us-east-1", long), body)
	wants(t, err, api.CodeUnrecognizedClient, "The security token included in the request is invalid.")
	_, err = dev.Authenticate(signed(identity.Credentials{AccessKeyID: "k"}, "Mars North", long), body)
	wants(t, err, api.CodeInvalidSignature, "Credential should be scoped to a valid region, not 'Mars North'. ")
}

// What AssumeRole gives maps back to the session, in another process too.
func TestDevSessions(t *testing.T) {
	t.Parallel()
	role, err := (identity.Dev{}).STS().AssumeRole(t.Context(), identity.AssumeRoleInput{
		RoleARN: "arn:aws:iam::210987654321:role/team/Launcher", RoleSessionName: "bob@example.com", DurationSeconds: 900,
	})
	if err != nil {
		t.Fatal(err)
	}
	if role.ARN != "arn:aws:sts::210987654321:assumed-role/Launcher/bob@example.com" || !strings.HasPrefix(role.AccessKeyID, "ASIA") ||
		role.SecretAccessKey == "" || !strings.HasPrefix(role.AssumedRoleID, "AROA") || !strings.HasSuffix(role.AssumedRoleID, ":bob@example.com") {
		t.Errorf("assumed %+v", role)
	}
	if left := time.Until(role.Expiration); left < 14*time.Minute || left > 15*time.Minute {
		t.Errorf("expires in %s", left)
	}
	creds := identity.Credentials{AccessKeyID: role.AccessKeyID, SecretAccessKey: role.SecretAccessKey, SessionToken: role.SessionToken}
	got, err := (identity.Dev{Region: "us-east-1"}).Authenticate(signed(creds, "us-east-1", time.Now()), body)
	if err != nil {
		t.Fatal(err)
	}
	want := identity.Caller{
		Account: "210987654321", Region: "us-east-1", ARN: role.ARN, UserID: role.AssumedRoleID,
		AccessKeyID: role.AccessKeyID, Role: "arn:aws:iam::210987654321:role/team/Launcher",
	}
	if diff := cmp.Diff(want, got, callerOptions); diff != "" {
		t.Error(diff)
	}
	who := (identity.Dev{}).STS().GetCallerIdentity(identity.WithCaller(t.Context(), got))
	if who != (identity.CallerIdentity{Account: "210987654321", ARN: role.ARN, UserID: role.AssumedRoleID}) {
		t.Errorf("GetCallerIdentity %+v", who)
	}
}

func TestDevAllows(t *testing.T) {
	t.Parallel()
	var got identity.Caller
	invoke := (identity.Dev{}).Authorize(func(ctx context.Context, _ api.Op, _ any) (any, error) {
		got = identity.CallerFrom(ctx)
		return nil, nil
	})
	if _, err := invoke(t.Context(), api.OpListPortfolios, nil); err != nil || got.Level != identity.LevelAccount {
		t.Errorf("level %v, %v", got.Level, err)
	}
}

func FuzzDevToken(f *testing.F) {
	role, err := (identity.Dev{}).STS().AssumeRole(f.Context(), identity.AssumeRoleInput{
		RoleARN: "arn:aws:iam::210987654321:role/Launcher", RoleSessionName: "bob",
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("k", role.SessionToken)
	f.Add("123456789012", "larder-dev-session.e30")
	f.Fuzz(func(t *testing.T, accessKeyID, token string) {
		c, err := (identity.Dev{}).Authenticate(signed(identity.Credentials{AccessKeyID: accessKeyID, SessionToken: token}, "us-east-1", time.Now()), body)
		if err != nil {
			return
		}
		if _, ok := c.Principal(); !ok || !id.IsAccount(c.Account) {
			t.Fatalf("caller %+v", c)
		}
	})
}

package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"larder/internal/api"
	"larder/internal/id"
	"larder/internal/sigv4"
)

// devAccount is the account of all callers in dev who don't name one.
const devAccount = "000000000000"

// Dev identifies callers without verifying anything: any credentials are
// accepted, and calls without. An access key id of 12 digits selects that
// account; the caller is a user called like the access key id. Every
// well-formed role exists and can be assumed by anybody.
//
// Dev keeps nothing: temporary credentials say in their session token whose
// they are, so they outlive a restart.
type Dev struct {
	Region string           // of unsigned calls
	Now    func() time.Time // the product's clock; nil: the system's
}

// Authenticate returns the caller of r. It fails only for a signature that
// cannot be read.
func (d Dev) Authenticate(r *http.Request, _ []byte) (Caller, error) {
	auth, err := sigv4.Parse(r)
	if err != nil {
		if e := refusal(err); e.Code != api.CodeMissingAuthentication {
			return Caller{}, e
		}
		return devUser(d.Region, devAccount, "anonymous", ""), nil
	}
	if err := checkScope(auth); err != nil {
		return Caller{}, err
	}
	if role, session, ok := readDevToken(auth.SessionToken); ok {
		return sessionCaller(auth.Region, auth.AccessKeyID, role, id.RoleOf(role.String()), session), nil
	}
	account := devAccount
	if id.IsAccount(auth.AccessKeyID) {
		account = auth.AccessKeyID
	}
	caller := devUser(auth.Region, account, auth.AccessKeyID, auth.AccessKeyID)
	if _, ok := caller.Principal(); !ok {
		return Caller{}, unrecognized() // an access key id that no user can be called
	}
	return caller, nil
}

func devUser(region, account, name, accessKeyID string) Caller {
	arn := id.UserPrincipal(id.Partition(region), account, "/", name).String()
	return Caller{Account: account, Region: region, ARN: arn, UserID: string(id.UserOf(arn)), AccessKeyID: accessKeyID}
}

// Authorize allows everything, at the level of the account. Whether a caller
// has a launch path is no matter of policy and is asked as on AWS.
func (Dev) Authorize(next api.Invoker) api.Invoker {
	return func(ctx context.Context, op api.Op, in any) (any, error) {
		c := CallerFrom(ctx)
		c.Level = LevelAccount
		return next(WithCaller(ctx, c), op, in)
	}
}

// A devToken is what the session token of dev's temporary credentials says.
// It is not sealed: who wants to be another role's session need only ask.
type devToken struct {
	Role    string `json:"role"`
	Session string `json:"session"`
}

const (
	devTokenPrefix = "larder-dev-session."
	maxDevToken    = 4096
)

func newDevToken(role id.Principal, session string) string {
	text, err := json.Marshal(devToken{role.String(), session})
	if err != nil {
		panic(err) // two strings are always JSON
	}
	return devTokenPrefix + base64.RawURLEncoding.EncodeToString(text)
}

// readDevToken reads a session token that AssumeRole minted. Any other belongs
// to credentials from elsewhere, which are as good as any.
func readDevToken(token string) (role id.Principal, session string, ok bool) {
	rest, ok := strings.CutPrefix(token, devTokenPrefix)
	if !ok || len(rest) > maxDevToken {
		return id.Principal{}, "", false
	}
	text, err := base64.RawURLEncoding.DecodeString(rest)
	if err != nil {
		return id.Principal{}, "", false
	}
	var t devToken
	if err := json.Unmarshal(text, &t); err != nil {
		return id.Principal{}, "", false
	}
	role, err = id.ParsePrincipal(t.Role)
	if err != nil || role.Kind != id.Role {
		return id.Principal{}, "", false
	}
	_, err = id.ParsePrincipal(id.SessionPrincipal(role.Partition, role.Account, role.Name, t.Session).String())
	return role, t.Session, err == nil
}

// STS answers for AWS STS.
func (d Dev) STS() *STS { return &STS{assume: d.assume, now: d.Now} }

func (d Dev) assume(_ context.Context, _ Caller, role id.Principal, in AssumeRoleInput) (credentials, error) {
	return credentials{
		key:    id.NewSessionKey(),
		secret: id.NewSecret(),
		token:  newDevToken(role, in.RoleSessionName),
		roleID: id.RoleOf(role.String()),
	}, nil
}

package identity

import (
	"context"

	"larder/internal/id"
)

// A Caller is the authenticated principal of one request.
type Caller struct {
	Account string // 12 digits
	Region  string // from the signature's scope, such as us-east-1
	// ARN is the principal's full ARN: arn:aws:iam::<account>:user/<name>, or
	// arn:aws:sts::<account>:assumed-role/<role>/<session> for a role session.
	ARN string
	// UserID is the principal's unique id, such as AIDA… or AROA…:session.
	UserID      string
	AccessKeyID string // "" for an unsigned call, which only dev accepts
	// Service is what the request was signed for, such as servicecatalog, and
	// may therefore be sent to; "" in dev, where that is no matter.
	Service string
	// Role is the ARN of a role session's role, with the role's path; "" for
	// any other principal. See [Caller.RoleARN].
	Role string
	// Groups are the ARNs of the groups that a user belongs to. In dev, where
	// nobody says who belongs to which, there are none.
	Groups []string
	// Level is the access level that authorization granted for this call;
	// run-time operations carry it into their SQL.
	Level Level

	// authority is what the caller's policies say; nil for one who has none
	// (in dev nobody asks).
	authority *authority
}

// Level is how much of an account's provisioned products a caller may see:
// Account contains Role, Role contains User.
type Level int

// The access levels.
const (
	LevelUser Level = iota
	LevelRole
	LevelAccount
)

type callerKey struct{}

// WithCaller returns ctx carrying c.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns the caller of the request that ctx belongs to, the zero
// Caller if there is none.
func CallerFrom(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// Principal returns who the caller is in parts, false for a Caller without a
// principal's ARN.
func (c Caller) Principal() (id.Principal, bool) {
	p, err := id.ParsePrincipal(c.ARN)
	return p, err == nil
}

// RoleARN returns the ARN of the role that the caller is a session of, "" for
// a caller that is none. AWS leaves the role's path out of a session's ARN;
// where it isn't known it is taken for "/".
func (c Caller) RoleARN() string {
	if c.Role != "" {
		return c.Role
	}
	return RoleOf(c.ARN)
}

// UserARN is the caller as the owner of what it launches (UserArn): a role
// session stands for its role, everybody else for themselves. The session
// itself (UserArnSession) is the caller's ARN.
func (c Caller) UserARN() string {
	if role := c.RoleARN(); role != "" {
		return role
	}
	return c.ARN
}

// RoleOf returns the ARN of the role that a session's ARN names, without the
// path, which it doesn't tell; "" for an ARN of anything else.
func RoleOf(sessionARN string) string {
	p, err := id.ParsePrincipal(sessionARN)
	if err != nil || p.Kind != id.Session {
		return ""
	}
	return id.RolePrincipal(p.Partition, p.Account, "/", p.Name).String()
}

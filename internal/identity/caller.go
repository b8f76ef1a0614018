// Package identity says who is calling and what they may do: accounts,
// principals, keys, sessions and policies.
package identity

import "context"

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
	// Level is the access level that authorization granted for this call;
	// run-time operations carry it into their SQL.
	Level Level
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

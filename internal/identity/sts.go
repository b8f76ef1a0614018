package identity

import (
	"context"
	"strconv"
	"strings"
	"time"

	"larder/internal/api"
	"larder/internal/id"
)

// STS answers for AWS STS: who somebody is, and roles assumed. [Dev.STS] and
// [Serve.STS] give one.
type STS struct {
	// assume judges whether the caller may assume the role and makes the
	// session's credentials.
	assume func(ctx context.Context, by Caller, role id.Principal, in AssumeRoleInput) (credentials, error)
	now    func() time.Time // nil: the system's
}

// credentials are what assuming a role yields.
type credentials struct {
	key    id.AccessKey
	secret string
	token  string
	roleID id.Unique
}

// A CallerIdentity is the answer of GetCallerIdentity.
type CallerIdentity struct {
	Account string
	ARN     string
	UserID  string
}

// GetCallerIdentity tells callers who they are. It needs no permission.
func (*STS) GetCallerIdentity(ctx context.Context) CallerIdentity {
	c := CallerFrom(ctx)
	return CallerIdentity{Account: c.Account, ARN: c.ARN, UserID: c.UserID}
}

// An AssumeRoleInput asks for a session of a role.
type AssumeRoleInput struct {
	RoleARN         string
	RoleSessionName string
	DurationSeconds int      // 0: an hour
	ExternalID      string   // what the role's trust policy may ask for
	Policy          string   // a session policy, which only takes away; "" for none
	PolicyARNs      []string // managed policies as session policies
	// Extras are the names of members that were given beyond these: session
	// tags, a source identity, MFA. In serve, where policies could build on
	// them, they are refused.
	Extras []string
}

// An AssumedRole is a session of a role and its temporary credentials.
type AssumedRole struct {
	AssumedRoleID   string // AROA…:<session>
	ARN             string // arn:aws:sts::<account>:assumed-role/<role>/<session>
	AccessKeyID     string // ASIA…
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
}

// The bounds of a session, in seconds.
const (
	leastSession   = 900
	defaultSession = 3600
	mostSession    = 43200
)

// AssumeRole makes a session of a role for the caller in ctx.
func (s *STS) AssumeRole(ctx context.Context, in AssumeRoleInput) (*AssumedRole, error) {
	if in.DurationSeconds == 0 {
		in.DurationSeconds = defaultSession
	}
	role, err := in.check()
	if err != nil {
		return nil, err
	}
	c, err := s.assume(ctx, CallerFrom(ctx), role, in)
	if err != nil {
		return nil, err
	}
	now := time.Now
	if s.now != nil {
		now = s.now
	}
	return &AssumedRole{
		AssumedRoleID:   string(c.roleID) + ":" + in.RoleSessionName,
		ARN:             id.SessionPrincipal(role.Partition, role.Account, role.Name, in.RoleSessionName).String(),
		AccessKeyID:     string(c.key),
		SecretAccessKey: c.secret,
		SessionToken:    c.token,
		Expiration:      now().UTC().Truncate(time.Second).Add(time.Duration(in.DurationSeconds) * time.Second),
	}, nil
}

// check judges the input as AWS does and returns the role that it names.
func (in *AssumeRoleInput) check() (id.Principal, error) {
	var faults []string
	fault := func(value, member, constraint string) {
		faults = append(faults, "Value '"+value+"' at '"+member+"' failed to satisfy constraint: "+constraint)
	}
	if len(in.RoleARN) < 20 {
		fault(in.RoleARN, "roleArn", "Member must have length greater than or equal to 20")
	}
	if len(in.RoleSessionName) < 2 {
		fault(in.RoleSessionName, "roleSessionName", "Member must have length greater than or equal to 2")
	}
	if len(in.RoleSessionName) > 64 {
		fault(in.RoleSessionName, "roleSessionName", "Member must have length less than or equal to 64")
	}
	if !isSessionName(in.RoleSessionName) {
		fault(in.RoleSessionName, "roleSessionName", `Member must satisfy regular expression pattern: [\w+=,.@-]*`)
	}
	switch {
	case in.DurationSeconds < leastSession:
		fault(strconv.Itoa(in.DurationSeconds), "durationSeconds", "Member must have value greater than or equal to "+strconv.Itoa(leastSession))
	case in.DurationSeconds > mostSession:
		fault(strconv.Itoa(in.DurationSeconds), "durationSeconds", "Member must have value less than or equal to "+strconv.Itoa(mostSession))
	}
	switch len(faults) {
	case 0:
	case 1:
		return id.Principal{}, api.InvalidInput("1 validation error detected: %s", faults[0])
	default:
		return id.Principal{}, api.InvalidInput("%d validation errors detected: %s", len(faults), strings.Join(faults, "; "))
	}
	role, err := id.ParsePrincipal(in.RoleARN)
	if err != nil || role.Kind != id.Role {
		return id.Principal{}, api.InvalidInput("%s is invalid", in.RoleARN)
	}
	return role, nil
}

func isSessionName(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_+=,.@-", c)
	}) < 0
}

// sessionCaller is the caller that a session of a role is.
func sessionCaller(region, accessKeyID string, role id.Principal, roleID id.Unique, session string) Caller {
	return Caller{
		Account:     role.Account,
		Region:      region,
		ARN:         id.SessionPrincipal(role.Partition, role.Account, role.Name, session).String(),
		UserID:      string(roleID) + ":" + session,
		AccessKeyID: accessKeyID,
		Role:        role.String(),
	}
}

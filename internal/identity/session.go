package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

// STS answers for AWS STS.
func (s *Serve) STS() *STS { return &STS{assume: s.assume, now: s.now} }

const (
	// chainedSession is how long a session may last that another session
	// asked for, in seconds.
	chainedSession = 3600
	// keptExpired is for how long a session that has ended is remembered, so
	// that its holder is told that it expired.
	keptExpired = 24 * time.Hour
	// maxSessionPolicy bounds a session policy; maxSessionPolicies how many
	// managed ones may stand beside it.
	maxSessionPolicy   = 2048
	maxSessionPolicies = 10
)

// assume makes a session of a role, if the role exists, its trust policy lets
// the caller in, and the caller's own policies let it go there. Which of the
// three is missing is not told.
func (s *Serve) assume(ctx context.Context, by Caller, role id.Principal, in AssumeRoleInput) (credentials, error) {
	if len(in.Extras) > 0 {
		return credentials{}, api.Errorf(api.CodeUnsupportedOperation, "AssumeRole with %s is not built yet", strings.Join(in.Extras, ", "))
	}
	refused := notAuthorized(by.ARN, "sts:AssumeRole", role.String(), "")
	if _, ok := by.authority.decide(Request{Action: "sts:AssumeRole", Resource: role.String(), Context: by.context()}); !ok {
		return credentials{}, refused
	}
	if err := in.checkPolicies(); err != nil {
		return credentials{}, err
	}
	var p principal
	var exists bool
	var documents []string
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if p, exists, err = findARN(tx, role); err != nil || !exists {
			return err
		}
		documents, err = s.sessionDocuments(tx, p.account, in)
		return err
	})
	if err != nil {
		return credentials{}, err
	}
	if !exists || !trusts(&p, role, by, in) {
		return credentials{}, refused
	}
	if in.DurationSeconds > p.data.MaxSession {
		return credentials{}, api.InvalidInput("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if by.Role != "" && in.DurationSeconds > chainedSession {
		return credentials{}, api.InvalidInput("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	return s.newSession(ctx, &p, by, in, documents)
}

// trusts reports whether the role's trust policy allows the caller in.
func trusts(p *principal, role id.Principal, by Caller, in AssumeRoleInput) bool {
	trust, err := ParsePolicy(p.data.Trust, TrustPolicy)
	if err != nil {
		return false // it was read before it was kept; whatever happened, nobody is let in
	}
	c := by.context()
	c["sts:rolesessionname"] = []string{in.RoleSessionName}
	if in.ExternalID != "" {
		c["sts:externalid"] = []string{in.ExternalID}
	}
	return Evaluate(Request{Action: "sts:AssumeRole", Resource: role.String(), Context: c, Principals: principalNames(by)}, trust) == Allowed
}

// checkPolicies judges the session policies by themselves.
func (in *AssumeRoleInput) checkPolicies() error {
	if len(in.Policy) > maxSessionPolicy {
		return api.Errorf("PackedPolicyTooLarge", "Policy is longer than %d characters.", maxSessionPolicy)
	}
	if in.Policy != "" {
		if _, err := ParsePolicy(in.Policy, IdentityPolicy); err != nil {
			return api.Errorf("MalformedPolicyDocument", "%s", sentence(err))
		}
	}
	if len(in.PolicyARNs) > maxSessionPolicies {
		return api.InvalidInput("Cannot exceed quota for session policies: %d", maxSessionPolicies)
	}
	return nil
}

// sessionDocuments are the session policies of the input, nil for none.
func (s *Serve) sessionDocuments(tx *db.Tx, account string, in AssumeRoleInput) ([]string, error) {
	var out []string
	if in.Policy != "" {
		out = append(out, in.Policy)
	}
	for _, arn := range in.PolicyARNs {
		_, document, err := s.attachable(tx, account, arn)
		if api.Code(err) == api.CodeResourceNotFound {
			return nil, api.InvalidInput("%s", refusalText(err))
		}
		if err != nil {
			return nil, err
		}
		out = append(out, document)
	}
	return out, nil
}

// newSession mints and keeps a session's credentials.
func (s *Serve) newSession(ctx context.Context, role *principal, by Caller, in AssumeRoleInput, documents []string) (credentials, error) {
	var raw [48]byte
	rand.Read(raw[:]) // never fails: the runtime ends the process first
	c := credentials{
		key:    id.NewSessionKey(),
		secret: id.NewSecret(),
		token:  base64.StdEncoding.EncodeToString(raw[:]),
		roleID: role.id,
	}
	policies, err := json.Marshal(documents)
	if err != nil {
		return credentials{}, err
	}
	now := s.now().UTC().Truncate(time.Second)
	ends := now.Add(time.Duration(in.DurationSeconds) * time.Second)
	sealed := s.keys.Seal([]byte(c.secret), sealContext(string(c.key)))
	digest := s.keys.Digest([]byte(c.token), tokenContext(string(c.key)))
	return c, s.db.Update(ctx, func(tx *db.Tx) error {
		if err := tx.Exec(`DELETE FROM role_session WHERE expires < ?`, db.Micros(now.Add(-keptExpired))); err != nil {
			return err
		}
		return tx.Exec(`INSERT INTO role_session (access_key, role_id, name, secret, token, policies, assumed_by, created, expires)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			string(c.key), string(role.id), in.RoleSessionName, sealed, digest, string(policies), by.ARN, db.Micros(now), db.Micros(ends))
	})
}

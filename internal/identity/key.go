package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"larder/internal/db"
	"larder/internal/sigv4"
)

// Credentials are a user's access key with its secret, which is shown once.
type Credentials = sigv4.Credentials

// A credential is an access key as authentication needs it: with everything
// that follows from it until somebody changes something.
type credential struct {
	secret string
	// Of a session: a keyed digest of its token, and its end.
	token   string
	expires time.Time
	// caller has no region; its ARNs are those of partition aws.
	caller Caller
}

// sealContext says where the secret of an access key belongs.
func sealContext(accessKeyID string) string { return "secret of access key " + accessKeyID }

// tokenContext says where the digest of a session token belongs.
func tokenContext(accessKeyID string) string { return "session token of access key " + accessKeyID }

// isSessionKey reports whether an access key belongs to a session.
func isSessionKey(accessKeyID string) bool { return strings.HasPrefix(accessKeyID, "ASIA") }

// isAccessKeyID reports whether s could be the id of an access key: the bounds
// and the pattern of AWS's model. What could not is not looked for.
func isAccessKeyID(s string) bool {
	if len(s) < 16 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// A keyRow is what the database knows of an access key.
type keyRow struct {
	secret string // sealed
	active bool
	owner  principal
	holdings

	// of a session
	session string
	token   string
	limits  string // session policies, in JSON
	expires int64
}

// load reads an access key and all that it stands for; nil if nobody has it
// or it is not active.
func (s *Serve) load(ctx context.Context, accessKeyID string) (*credential, error) {
	var row keyRow
	err := s.db.View(ctx, func(tx *db.Tx) error {
		row = keyRow{}
		if isSessionKey(accessKeyID) {
			return row.readSession(tx, accessKeyID)
		}
		return row.readKey(tx, accessKeyID)
	})
	if errors.Is(err, db.ErrNoRows) || err == nil && !row.active {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	secret, err := s.keys.Open(row.secret, sealContext(accessKeyID))
	if err != nil {
		return nil, fmt.Errorf("access key %s: %w", accessKeyID, err)
	}
	c := &credential{secret: string(secret), token: row.token}
	if c.caller, err = s.caller(&row.owner, row.holdings); err != nil {
		return nil, err
	}
	if isSessionKey(accessKeyID) {
		a := c.caller.authority
		c.expires = db.Time(row.expires)
		c.caller = sessionCaller("", accessKeyID, row.owner.arn("aws"), row.owner.id, row.session)
		c.caller.authority = a
		if a.session, err = parseSessionPolicies(row.limits); err != nil {
			return nil, fmt.Errorf("policies of session %s: %w", row.session, err)
		}
	}
	c.caller.AccessKeyID = accessKeyID
	return c, nil
}

// caller is a user, or a role before anybody assumed it, with what it may do.
func (s *Serve) caller(p *principal, h holdings) (Caller, error) {
	policies, err := s.parsed(h.policies)
	if err != nil {
		return Caller{}, fmt.Errorf("policies of %s: %w", p.name, err)
	}
	arn := p.arn("aws").String()
	c := Caller{Account: p.account, ARN: arn, UserID: string(p.id), authority: &authority{identity: policies}}
	for _, g := range h.groups {
		c.Groups = append(c.Groups, g.arn("aws").String())
	}
	return c, nil
}

func (row *keyRow) readKey(tx *db.Tx, accessKeyID string) error {
	err := row.owner.scan(tx.Row(`SELECT k.secret, k.active, `+principalColumns+`
		FROM access_key k JOIN principal p ON p.id = k.user_id WHERE k.id = ?`, accessKeyID), &row.secret, &row.active)
	if err != nil {
		return err
	}
	row.holdings, err = holdingsOf(tx, &row.owner)
	return err
}

func (row *keyRow) readSession(tx *db.Tx, accessKeyID string) error {
	err := row.owner.scan(tx.Row(`SELECT s.secret, s.name, s.token, s.policies, s.expires, `+principalColumns+`
		FROM role_session s JOIN principal p ON p.id = s.role_id WHERE s.access_key = ?`, accessKeyID),
		&row.secret, &row.session, &row.token, &row.limits, &row.expires)
	if err != nil {
		return err
	}
	row.active = true
	row.holdings, err = holdingsOf(tx, &row.owner)
	return err
}

// parsed reads granted policies. They were read once before they were kept,
// so one that cannot be read is a fault of ours and allows nothing.
func (s *Serve) parsed(granted []grantedPolicy) ([]*Policy, error) {
	var out []*Policy
	for _, g := range granted {
		if _, managed, _ := readPolicyARN(g.arn); managed != "" {
			if m, ok := s.managed[managed]; ok {
				out = append(out, m.policy)
			}
			continue
		}
		p, err := ParsePolicy(g.document, IdentityPolicy)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// parseSessionPolicies reads a session's own policies; nil if it has none.
func parseSessionPolicies(text string) ([]*Policy, error) {
	var documents []string
	if err := json.Unmarshal([]byte(text), &documents); err != nil || documents == nil {
		return nil, err
	}
	out := make([]*Policy, 0, len(documents))
	for _, d := range documents {
		p, err := ParsePolicy(d, IdentityPolicy)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

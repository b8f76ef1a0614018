package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"larder/internal/db"
	"larder/internal/id"
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

// A keyRow is what the database knows of an access key.
type keyRow struct {
	secret  string // sealed
	active  bool
	owner   principal
	groups  []principal
	granted []grantedPolicy

	// of a session
	session  string
	token    string
	policies string // JSON
	expires  int64
}

// load reads an access key and all that it stands for; nil if nobody has it
// or it is not active.
func (s *Serve) load(ctx context.Context, accessKeyID string) (*credential, error) {
	var row keyRow
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
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
	a := &authority{}
	if a.identity, err = s.parsed(row.granted); err != nil {
		return nil, fmt.Errorf("policies of %s: %w", row.owner.name, err)
	}
	owner := row.owner.arn("aws")
	if !isSessionKey(accessKeyID) {
		c.caller = Caller{Account: owner.Account, ARN: owner.String(), UserID: string(row.owner.id), AccessKeyID: accessKeyID}
		for _, g := range row.groups {
			c.caller.Groups = append(c.caller.Groups, g.arn("aws").String())
		}
		c.caller.authority = a
		return c, nil
	}
	c.expires = db.Time(row.expires)
	c.caller = sessionCaller("", accessKeyID, owner, row.owner.id, row.session)
	if a.session, err = parseSessionPolicies(row.policies); err != nil {
		return nil, fmt.Errorf("policies of session %s: %w", row.session, err)
	}
	c.caller.authority = a
	return c, nil
}

func (row *keyRow) readKey(tx *db.Tx, accessKeyID string) error {
	err := row.owner.scan(tx.Row(`SELECT k.secret, k.active, `+principalColumns+`
		FROM access_key k JOIN principal p ON p.id = k.user_id WHERE k.id = ?`, accessKeyID), &row.secret, &row.active)
	if err != nil {
		return err
	}
	if row.groups, err = groupsOf(tx, row.owner.id); err != nil {
		return err
	}
	whose := []id.Unique{row.owner.id}
	for _, g := range row.groups {
		whose = append(whose, g.id)
	}
	row.granted, err = policiesOf(tx, whose...)
	return err
}

func (row *keyRow) readSession(tx *db.Tx, accessKeyID string) error {
	err := row.owner.scan(tx.Row(`SELECT s.secret, s.name, s.token, s.policies, s.expires, `+principalColumns+`
		FROM role_session s JOIN principal p ON p.id = s.role_id WHERE s.access_key = ?`, accessKeyID),
		&row.secret, &row.session, &row.token, &row.policies, &row.expires)
	if err != nil {
		return err
	}
	row.active = true
	row.granted, err = policiesOf(tx, row.owner.id)
	return err
}

// parsed reads granted policies. They were read once before they were kept,
// so one that cannot be read is a fault of ours and allows nothing.
func (s *Serve) parsed(granted []grantedPolicy) ([]*Policy, error) {
	var out []*Policy
	for _, g := range granted {
		if name, ok := managedName(g.arn); ok && g.document == "" {
			if m, ok := s.managed[name]; ok {
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

func insertAccessKey(tx *db.Tx, accessKeyID string, user id.Unique, sealedSecret string, created int64) error {
	return tx.Exec(`INSERT INTO access_key (id, user_id, secret, active, created) VALUES (?, ?, ?, 1, ?)`,
		accessKeyID, string(user), sealedSecret, created)
}

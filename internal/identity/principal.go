package identity

import (
	"encoding/json"
	"strings"

	"larder/internal/db"
	"larder/internal/id"
)

// A principal is a user, a group or a role that an account has.
type principal struct {
	id      id.Unique
	account string
	kind    id.PrincipalKind
	path    string
	name    string
	created int64
	data    principalData
}

// principalData is what is kept of a principal and never searched for.
type principalData struct {
	Description string `json:"description,omitempty"`
	// Of a role: who may assume it, and for how many seconds at most.
	Trust      string `json:"trust,omitempty"`
	MaxSession int    `json:"maxSession,omitempty"`
}

// arn names the principal; IAM's principals live in no region, but in the
// partition of the region that is asked.
func (p *principal) arn(partition string) id.Principal {
	return id.Principal{Partition: partition, Account: p.account, Kind: p.kind, Path: p.path, Name: p.name}
}

// fold is how names are compared: without case.
func fold(name string) string { return strings.ToLower(name) }

const principalColumns = `p.id, p.account, p.kind, p.path, p.name, p.created, p.data`

// scan reads the columns of principalColumns, after those that stand before.
func (p *principal) scan(row interface{ Scan(...any) error }, before ...any) error {
	var kind, data string
	if err := row.Scan(append(before, (*string)(&p.id), &p.account, &kind, &p.path, &p.name, &p.created, &data)...); err != nil {
		return err
	}
	for _, k := range []id.PrincipalKind{id.User, id.Group, id.Role} {
		if k.String() == kind {
			p.kind = k
		}
	}
	return json.Unmarshal([]byte(data), &p.data)
}

// encoded is the principal's data as it is kept.
func (d principalData) encoded() string {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // texts and numbers are always JSON
	}
	return string(text)
}

func insertPrincipal(tx *db.Tx, p *principal, data string) error {
	return tx.Exec(`INSERT INTO principal (id, account, kind, folded, path, name, created, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		string(p.id), p.account, p.kind.String(), fold(p.name), p.path, p.name, p.created, data)
}

func insertAttachment(tx *db.Tx, principal id.Unique, policyARN string) error {
	return tx.Exec(`INSERT INTO policy_attachment (principal_id, policy) VALUES (?, ?) ON CONFLICT DO NOTHING`,
		string(principal), policyARN)
}

// groupsOf lists the groups that a user belongs to.
func groupsOf(tx *db.Tx, user id.Unique) ([]principal, error) {
	return db.Collect(tx, func(r *db.Rows) (principal, error) {
		var p principal
		err := p.scan(r)
		return p, err
	}, `SELECT `+principalColumns+` FROM membership m JOIN principal p ON p.id = m.group_id WHERE m.user_id = ? ORDER BY p.folded`, string(user))
}

// A grantedPolicy is a policy that a principal has: attached, by ARN, or
// inline, with a document of its own.
type grantedPolicy struct {
	arn      string // "" of an inline policy
	document string // "" of one of AWS's managed policies
}

// policiesOf lists the policies of principals: of a user with the user's
// groups, or of a role.
func policiesOf(tx *db.Tx, principals ...id.Unique) ([]grantedPolicy, error) {
	args := make([]any, len(principals))
	for i, p := range principals {
		args[i] = string(p)
	}
	among := `(?` + strings.Repeat(`, ?`, len(principals)-1) + `)`
	scan := func(r *db.Rows) (g grantedPolicy, err error) {
		err = r.Scan(&g.arn, &g.document)
		return g, err
	}
	attached, err := db.Collect(tx, scan, `SELECT a.policy, COALESCE(p.document, '') FROM policy_attachment a
		LEFT JOIN policy p ON p.arn = a.policy WHERE a.principal_id IN `+among, args...)
	if err != nil {
		return nil, err
	}
	inline, err := db.Collect(tx, scan, `SELECT '', document FROM inline_policy WHERE principal_id IN `+among, args...)
	return append(attached, inline...), err
}

package identity

import (
	"encoding/json"
	"errors"
	"strings"

	"larder/internal/api"
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

// groupsOf lists the groups that a user belongs to.
func groupsOf(tx *db.Tx, user id.Unique) ([]principal, error) {
	return db.Collect(tx, func(r *db.Rows) (principal, error) {
		var p principal
		err := p.scan(r)
		return p, err
	}, `SELECT `+principalColumns+` FROM membership m JOIN principal p ON p.id = m.group_id WHERE m.user_id = ? ORDER BY p.folded`, string(user))
}

// holdings are what a principal has beside itself: a user's groups, and the
// policies of both or of a role or a group.
type holdings struct {
	groups   []principal
	policies []grantedPolicy
}

// A grantedPolicy is a policy that a principal has: attached, by ARN, or
// inline, with a document of its own.
type grantedPolicy struct {
	arn      string // "" of an inline policy
	document string // "" of one of AWS's managed policies
}

// holdingsOf reads what counts when p acts.
func holdingsOf(tx *db.Tx, p *principal) (h holdings, err error) {
	whose := []any{string(p.id)}
	if p.kind == id.User {
		if h.groups, err = groupsOf(tx, p.id); err != nil {
			return h, err
		}
		for _, g := range h.groups {
			whose = append(whose, string(g.id))
		}
	}
	among := `(?` + strings.Repeat(`, ?`, len(whose)-1) + `)`
	scan := func(r *db.Rows) (g grantedPolicy, err error) {
		err = r.Scan(&g.arn, &g.document)
		return g, err
	}
	h.policies, err = db.Collect(tx, scan, `SELECT a.policy, COALESCE(p.document, '') FROM policy_attachment a
		LEFT JOIN policy p ON p.arn = a.policy WHERE a.principal_id IN `+among, whose...)
	if err != nil {
		return h, err
	}
	inline, err := db.Collect(tx, scan, `SELECT '', document FROM inline_policy WHERE principal_id IN `+among, whose...)
	h.policies = append(h.policies, inline...)
	return h, err
}

// noSuch is IAM's sentence about a user, a group or a role that isn't there.
func noSuch(kind id.PrincipalKind, name string) *api.Error {
	return api.ResourceNotFound("The %s with name %s cannot be found.", kind, name)
}

// find returns an account's principal by name.
func find(tx *db.Tx, account string, kind id.PrincipalKind, name string) (p principal, err error) {
	err = p.scan(tx.Row(`SELECT `+principalColumns+` FROM principal p WHERE p.account = ? AND p.kind = ? AND p.folded = ?`,
		account, kind.String(), fold(name)))
	if errors.Is(err, db.ErrNoRows) {
		return p, noSuch(kind, name)
	}
	return p, err
}

// findARN returns the principal that an ARN names to the letter, false if
// there is none.
func findARN(tx *db.Tx, want id.Principal) (principal, bool, error) {
	p, err := find(tx, want.Account, want.Kind, want.Name)
	if api.Code(err) == api.CodeResourceNotFound {
		return p, false, nil
	}
	return p, err == nil && p.arn(want.Partition) == want, err
}

// UniqueID returns the unique id of a user, a group or a role, "" if it does
// not exist. A principal that is deleted and made again has another.
func UniqueID(tx *db.Tx, p id.Principal) (id.Unique, error) {
	found, ok, err := findARN(tx, p)
	if !ok || err != nil {
		return "", err
	}
	return found.id, nil
}

// add keeps a new principal unless its name is taken or the account is full.
func (p *principal) add(tx *db.Tx, data string) error {
	if err := checkQuota(tx, principalQuota(p.kind), `SELECT count(*) FROM principal WHERE account = ? AND kind = ?`, p.account, p.kind.String()); err != nil {
		return err
	}
	added, err := tx.ExecRows(`INSERT INTO principal (id, account, kind, folded, path, name, created, data)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		string(p.id), p.account, p.kind.String(), fold(p.name), p.path, p.name, p.created, data)
	if err == nil && added == 0 {
		kind := p.kind.String()
		err = api.DuplicateResource("%s with name %s already exists.", strings.ToUpper(kind[:1])+kind[1:], p.name)
	}
	return err
}

// remove deletes a principal with all that is only about it.
func (p *principal) remove(tx *db.Tx) error {
	for _, sql := range []string{
		`DELETE FROM membership WHERE user_id = ?`,
		`DELETE FROM membership WHERE group_id = ?`,
		`DELETE FROM policy_attachment WHERE principal_id = ?`,
		`DELETE FROM inline_policy WHERE principal_id = ?`,
		`DELETE FROM access_key WHERE user_id = ?`,
		`DELETE FROM role_session WHERE role_id = ?`,
		`DELETE FROM principal WHERE id = ?`,
	} {
		if err := tx.Exec(sql, string(p.id)); err != nil {
			return err
		}
	}
	return nil
}

// attachedTo lists the ARNs of the policies attached to a principal itself.
func attachedTo(tx *db.Tx, p id.Unique) ([]string, error) {
	return db.Collect(tx, scanText, `SELECT policy FROM policy_attachment WHERE principal_id = ? ORDER BY policy`, string(p))
}

// policiesOf lists the policies that a principal itself has.
func policiesOf(tx *db.Tx, p id.Unique) (attached []string, inline []api.InlinePolicy, err error) {
	if attached, err = attachedTo(tx, p); err != nil {
		return nil, nil, err
	}
	inline, err = inlineOf(tx, p)
	return attached, inline, err
}

// inlineOf lists a principal's inline policies.
func inlineOf(tx *db.Tx, p id.Unique) ([]api.InlinePolicy, error) {
	return db.Collect(tx, func(r *db.Rows) (i api.InlinePolicy, err error) {
		err = r.Scan(&i.PolicyName, &i.PolicyDocument)
		return i, err
	}, `SELECT name, document FROM inline_policy WHERE principal_id = ? ORDER BY name`, string(p))
}

func scanText(r *db.Rows) (s string, err error) {
	err = r.Scan(&s)
	return s, err
}

package resource

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"larder/internal/cfn/jsontext"
	"larder/internal/cfn/schema"
	"larder/internal/db"
	"larder/internal/seal"
)

// A Row is a resource that exists, as the table of what exists keeps it. It
// is made outside of transactions and holds no secret in clear.
type Row struct {
	Account, Region  string
	Type, Identifier string
	Physical         string
	Claim            string // the name it alone may bear; "" if its type has none
	Stack, LogicalID string // who made it
	Generation       int
	Body             string // the encoded model
}

// NewRow makes the row of a model.
func NewRow(keys *seal.Keys, name string, seed schema.Seed, m schema.Model, claim string) (Row, error) {
	body, err := encodeModel(keys, where(seed.StackID, seed.LogicalID), m)
	if err != nil {
		return Row{}, err
	}
	return Row{
		Account: seed.Account, Region: seed.Region, Type: name, Identifier: m.Identifier, Physical: m.Physical, Claim: claim,
		Stack: seed.StackID, LogicalID: seed.LogicalID, Generation: seed.Generation, Body: body,
	}, nil
}

// Model opens the row's model.
func (r Row) Model(keys *seal.Keys) (schema.Model, error) {
	m, err := decodeModel(keys, where(r.Stack, r.LogicalID), r.Body)
	m.Physical, m.Identifier = r.Physical, r.Identifier
	return m, err
}

// where is what a resource's secrets are sealed for.
func where(stack, logicalID string) string { return "resource " + stack + " " + logicalID }

// Claim returns the key under which at most one resource with the model's
// name may exist, and that name; "" if the type has no such name.
func Claim(t *schema.Type, seed schema.Seed, m schema.Model) (claim, name string) {
	if t == nil {
		return "", ""
	}
	name, scope, ok := t.Unique(m)
	if !ok || name == "" {
		return "", ""
	}
	where := ""
	switch scope {
	case "region":
		where = seed.Account + "/" + seed.Region
	case "account":
		where = seed.Account
	}
	return where + "|" + t.Name + "|" + name, name
}

// body is a model at rest: its properties with secrets masked, and the
// secrets sealed beside them by JSON pointer.
type body struct {
	properties map[string]schema.Value
	secrets    map[string]string
}

func encodeModel(keys *seal.Keys, where string, m schema.Model) (string, error) {
	b, err := appendValue(append(make([]byte, 0, 512), `{"properties":`...), m.Properties)
	if err != nil {
		return "", err
	}
	if secrets := SealSecrets(keys, where, m.Properties); secrets != nil {
		text, err := json.Marshal(secrets)
		if err != nil {
			return "", err
		}
		b = append(append(b, `,"secrets":`...), text...)
	}
	return string(append(b, '}')), nil
}

func decodeModel(keys *seal.Keys, where, text string) (schema.Model, error) {
	b, err := decodeBody(text)
	if err != nil {
		return schema.Model{}, err
	}
	if err := OpenSecrets(keys, where, b.properties, b.secrets); err != nil {
		return schema.Model{}, fmt.Errorf("resource row: %w", err)
	}
	return schema.Model{Properties: b.properties}, nil
}

func decodeBody(text string) (b body, err error) {
	r := jsontext.NewReader(text)
	for name := range r.Members() {
		switch name {
		case "properties":
			b.properties = r.Object()
		case "secrets":
			b.secrets = r.StringMap()
		default:
			r.Skip()
		}
	}
	if err := r.End(); err != nil {
		return body{}, fmt.Errorf("resource row: %w", err)
	}
	return b, nil
}

// SealSecrets returns the secrets in a value, sealed for where it belongs, by
// JSON pointer; nil if there are none.
func SealSecrets(keys *seal.Keys, where string, value schema.Value) map[string]string {
	var sealed map[string]string
	eachSecret("", value, func(pointer string, secret schema.Secret) {
		if sealed == nil {
			sealed = map[string]string{}
		}
		sealed[pointer] = keys.Seal([]byte(secret.Reveal()), where+pointer)
	})
	return sealed
}

func eachSecret(pointer string, value schema.Value, fn func(string, schema.Secret)) {
	switch v := value.(type) {
	case schema.Secret:
		fn(pointer, v)
	case map[string]any:
		for key, inner := range v {
			eachSecret(pointer+"/"+escaper.Replace(key), inner, fn)
		}
	case []any:
		for i, inner := range v {
			eachSecret(pointer+"/"+strconv.Itoa(i), inner, fn)
		}
	}
}

var (
	escaper   = strings.NewReplacer("~", "~0", "/", "~1")
	unescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

// OpenSecrets puts sealed secrets back to where they belong in value.
func OpenSecrets(keys *seal.Keys, where string, value schema.Value, sealed map[string]string) error {
	for pointer, text := range sealed {
		plain, err := keys.Open(text, where+pointer)
		if err != nil {
			return err
		}
		if !place(value, strings.Split(strings.TrimPrefix(pointer, "/"), "/"), schema.Secret(plain)) {
			return fmt.Errorf("no place for the secret at %s", pointer)
		}
	}
	return nil
}

func place(value schema.Value, path []string, secret schema.Secret) bool {
	switch v := value.(type) {
	case map[string]any:
		key := unescaper.Replace(path[0])
		inner, ok := v[key]
		if !ok {
			return false
		}
		if len(path) > 1 {
			return place(inner, path[1:], secret)
		}
		v[key] = secret
		return true
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i >= len(v) {
			return false
		}
		if len(path) > 1 {
			return place(v[i], path[1:], secret)
		}
		v[i] = secret
		return true
	}
	return false
}

// An Effect is a change to what exists: a row that comes to be, or one that
// ceases to.
type Effect struct {
	Row    Row
	Remove bool // of which only stack, logical id and generation count
}

// Apply makes effects, in order. A name that is taken fails the transaction
// with [db.ErrUnique]: ask [Holders] first. Removing what is not there does
// nothing.
func Apply(tx *db.Tx, effects []Effect) error {
	for i := range effects {
		r := &effects[i].Row
		if effects[i].Remove {
			err := tx.Exec(`DELETE FROM resource WHERE stack = ? AND logical_id = ? AND generation = ?`,
				r.Stack, r.LogicalID, r.Generation)
			if err != nil {
				return err
			}
			continue
		}
		claim := any(nil)
		if r.Claim != "" {
			claim = r.Claim
		}
		err := tx.Exec(`INSERT INTO resource (stack, logical_id, generation, account, region, type, identifier, physical, claim, body)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			r.Stack, r.LogicalID, r.Generation, r.Account, r.Region, r.Type, r.Identifier, r.Physical, claim, r.Body)
		if err != nil {
			return err
		}
	}
	return nil
}

// OfStack returns the rows that a stack made, without its own account and
// region.
func OfStack(tx *db.Tx, stack string) ([]Row, error) {
	scan := func(rows *db.Rows) (Row, error) {
		r := Row{Stack: stack}
		err := rows.Scan(&r.LogicalID, &r.Generation, &r.Type, &r.Identifier, &r.Physical, &r.Body)
		return r, err
	}
	return db.Collect(tx, scan, `SELECT logical_id, generation, type, identifier, physical, body FROM resource
		WHERE stack = ? ORDER BY logical_id, generation`, stack)
}

// Exists reports whether there is a row.
func Exists(tx *db.Tx, stack, logicalID string, generation int) (bool, error) {
	var one int
	err := tx.Row(`SELECT 1 FROM resource WHERE stack = ? AND logical_id = ? AND generation = ?`, stack, logicalID, generation).Scan(&one)
	if isNone(err) {
		return false, nil
	}
	return err == nil, err
}

// ClaimOf returns the name that a row alone may bear, as a claim; "" if it has
// none or there is no such row.
func ClaimOf(tx *db.Tx, stack, logicalID string, generation int) (claim string, err error) {
	var held *string
	err = tx.Row(`SELECT claim FROM resource WHERE stack = ? AND logical_id = ? AND generation = ?`, stack, logicalID, generation).Scan(&held)
	switch {
	case isNone(err):
		return "", nil
	case err != nil || held == nil:
		return "", err
	}
	return *held, nil
}

// Holders returns which of the claims are taken, and by which stack.
func Holders(tx *db.Tx, claims []string) (map[string]string, error) {
	taken := map[string]string{}
	for _, claim := range claims {
		var stack string
		err := tx.Row(`SELECT stack FROM resource WHERE claim = ?`, claim).Scan(&stack)
		switch {
		case err == nil:
			taken[claim] = stack
		case !isNone(err):
			return nil, err
		}
	}
	return taken, nil
}

package resource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"larder/internal/cfn/schema"
	"larder/internal/db"
)

// Description is a resource in the shape of Cloud Control's
// ResourceDescription: its primary identifier and its properties as a JSON
// object, secrets masked.
type Description struct {
	Identifier string
	Properties string
}

// NotFoundError says that no such resource exists; Cloud Control's
// ResourceNotFoundException.
type NotFoundError struct{ Type, Identifier string }

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("Resource of type '%s' with identifier '%s' was not found.", e.Type, e.Identifier)
}

func isNone(err error) bool { return errors.Is(err, db.ErrNoRows) }

// Inventory reads what exists in an account and region.
type Inventory struct{ DB *db.DB }

// GetResource returns one resource by its primary identifier. What is
// documented of Cloud Control and kept: identifiers of several parts are
// joined by "|", properties include the read-only ones.
func (i Inventory) GetResource(ctx context.Context, account, region, typ, identifier string) (Description, error) {
	var text string
	err := i.DB.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT body FROM resource WHERE account = ? AND region = ? AND type = ? AND identifier = ?
			ORDER BY stack, logical_id, generation LIMIT 1`, account, region, typ, identifier).Scan(&text)
	})
	if isNone(err) {
		return Description{}, &NotFoundError{Type: typ, Identifier: identifier}
	}
	if err != nil {
		return Description{}, err
	}
	return describe(typ, identifier, text)
}

// Amend sets properties of a resource that exists, as its service's own API
// does without CloudFormation: what a template gave stays what it is. It may be
// asked again.
func (i Inventory) Amend(ctx context.Context, account, region, typ, identifier string, changes map[string]schema.Value) error {
	for {
		var text string
		err := i.DB.View(ctx, func(tx *db.Tx) error {
			return tx.Row(`SELECT body FROM resource WHERE account = ? AND region = ? AND type = ? AND identifier = ?
				ORDER BY stack, logical_id, generation LIMIT 1`, account, region, typ, identifier).Scan(&text)
		})
		if isNone(err) {
			return &NotFoundError{Type: typ, Identifier: identifier}
		}
		if err != nil {
			return err
		}
		amended, err := amend(text, changes)
		if err != nil || amended == text {
			return err
		}
		var n int64
		err = i.DB.Update(ctx, func(tx *db.Tx) (err error) {
			n, err = tx.ExecRows(`UPDATE resource SET body = ? WHERE account = ? AND region = ? AND type = ? AND identifier = ? AND body = ?`,
				amended, account, region, typ, identifier, text)
			return err
		})
		if err != nil || n > 0 {
			return err // otherwise its stack changed it meanwhile
		}
	}
}

// amend sets properties in a model at rest. Its secrets stay sealed.
func amend(text string, changes map[string]schema.Value) (string, error) {
	b, err := decodeBody(text)
	if err != nil {
		return "", err
	}
	maps.Copy(b.properties, changes)
	out, err := appendValue(append(make([]byte, 0, len(text)+64), `{"properties":`...), b.properties)
	if err != nil {
		return "", err
	}
	if b.secrets != nil {
		sealed, err := json.Marshal(b.secrets)
		if err != nil {
			return "", err
		}
		out = append(append(out, `,"secrets":`...), sealed...)
	}
	return string(append(out, '}')), nil
}

// maxPage bounds a page of ListResources, as on AWS.
const maxPage = 100

// ListResources returns a page of the resources of a type, by identifier, and
// the identifier to continue after ("" if this is the last page).
func (i Inventory) ListResources(ctx context.Context, account, region, typ, after string, limit int) ([]Description, string, error) {
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	type found struct{ identifier, body string }
	var page []found
	err := i.DB.View(ctx, func(tx *db.Tx) (err error) {
		page, err = db.Collect(tx, func(r *db.Rows) (f found, err error) {
			err = r.Scan(&f.identifier, &f.body)
			return f, err
		}, `SELECT identifier, body FROM resource WHERE account = ? AND region = ? AND type = ? AND identifier > ?
			ORDER BY identifier, stack, logical_id, generation LIMIT ?`, account, region, typ, after, limit+1)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].identifier
	}
	list := make([]Description, len(page))
	for n, f := range page {
		if list[n], err = describe(typ, f.identifier, f.body); err != nil {
			return nil, "", err
		}
	}
	return list, next, nil
}

// describe shows a row as Cloud Control does: without the properties that the
// type only takes, such as passwords.
func describe(typ, identifier, text string) (Description, error) {
	b, err := decodeBody(text)
	if err != nil {
		return Description{}, err
	}
	if t, ok := schema.Lookup(typ); ok {
		for _, path := range t.WriteOnly() {
			drop(b.properties, strings.Split(path, "/"))
		}
	}
	shown, err := EncodeProperties(b.properties)
	return Description{Identifier: identifier, Properties: string(shown)}, err
}

// drop removes what a path leads to; "*" in it stands for every item.
func drop(value schema.Value, path []string) {
	switch v := value.(type) {
	case map[string]any:
		if len(path) == 1 {
			delete(v, path[0])
			return
		}
		drop(v[path[0]], path[1:])
	case []any:
		for _, item := range v {
			if path[0] != "*" {
				drop(item, path)
			} else if len(path) > 1 {
				drop(item, path[1:])
			}
		}
	}
}

// Property returns a property of the resource of a type that bears an
// identifier, such as the value of a stored parameter; ok is false if there
// is no such resource or property.
func Property(tx *db.Tx, account, region, typ, identifier, property string) (value string, ok bool, err error) {
	var text string
	err = tx.Row(`SELECT body FROM resource WHERE account = ? AND region = ? AND type = ? AND identifier = ?
		ORDER BY stack, logical_id, generation LIMIT 1`, account, region, typ, identifier).Scan(&text)
	if isNone(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	b, err := decodeBody(text)
	if err != nil {
		return "", false, err
	}
	if _, secret := b.secrets["/"+escaper.Replace(property)]; secret {
		return "", false, nil
	}
	switch v := b.properties[property].(type) {
	case string:
		return v, true, nil
	case json.Number:
		return v.String(), true, nil
	}
	return "", false, nil
}

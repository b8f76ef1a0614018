package identity

import (
	"context"
	"errors"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

// An accessKey is a user's key, without its secret.
type accessKey struct {
	id       string
	user     id.Unique
	inactive bool
	created  int64
}

func (k *accessKey) detail(userName string) api.AccessKeyDetail {
	status := api.AccessKeyStatusActive
	if k.inactive {
		status = api.AccessKeyStatusInactive
	}
	return api.AccessKeyDetail{AccessKeyId: k.id, UserName: userName, Status: status, CreatedTime: db.Time(k.created)}
}

// CreateAccessKey makes a key for a user, by default the caller. The secret is
// answered here and never again.
func (d *Directory) CreateAccessKey(ctx context.Context, in *api.CreateAccessKeyInput) (*api.CreateAccessKeyOutput, error) {
	if err := d.managed(); err != nil {
		return nil, err
	}
	secret := id.NewSecret()
	k := accessKey{id: string(id.NewAccessKey()), created: db.Micros(d.serve.now())}
	sealed := d.serve.keys.Seal([]byte(secret), sealContext(k.id))
	var owner principal
	err := d.update(ctx, func(tx *db.Tx, account string) (err error) {
		if owner, err = findUser(ctx, tx, account, in.UserName); err != nil {
			return err
		}
		k.user = owner.id
		if err := checkQuota(tx, keysPerUser, `SELECT count(*) FROM access_key WHERE user_id = ?`, string(k.user)); err != nil {
			return err
		}
		return k.add(tx, sealed)
	})
	if err != nil {
		return nil, err
	}
	detail := k.detail(owner.name)
	return &api.CreateAccessKeyOutput{AccessKeyDetail: &detail, SecretAccessKey: secret}, nil
}

// UpdateAccessKey turns a key off or on again.
func (d *Directory) UpdateAccessKey(ctx context.Context, in *api.UpdateAccessKeyInput) (*api.UpdateAccessKeyOutput, error) {
	var detail api.AccessKeyDetail
	err := d.update(ctx, func(tx *db.Tx, account string) error {
		k, userName, err := findKey(tx, account, in.AccessKeyId)
		if err != nil {
			return err
		}
		k.inactive = in.Status == api.AccessKeyStatusInactive
		detail = k.detail(userName)
		return tx.Exec(`UPDATE access_key SET active = ? WHERE id = ?`, !k.inactive, k.id)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateAccessKeyOutput{AccessKeyDetail: &detail}, nil
}

// DeleteAccessKey removes a key for good.
func (d *Directory) DeleteAccessKey(ctx context.Context, in *api.DeleteAccessKeyInput) (*api.DeleteAccessKeyOutput, error) {
	err := d.update(ctx, func(tx *db.Tx, account string) error {
		k, _, err := findKey(tx, account, in.AccessKeyId)
		if err != nil {
			return err
		}
		return tx.Exec(`DELETE FROM access_key WHERE id = ?`, k.id)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteAccessKeyOutput{}, nil
}

// ListAccessKeys lists the keys of a user, by default the caller.
func (d *Directory) ListAccessKeys(ctx context.Context, in *api.ListAccessKeysInput) (*api.ListAccessKeysOutput, error) {
	out := &api.ListAccessKeysOutput{}
	err := d.view(ctx, func(tx *db.Tx, account string) error {
		owner, err := findUser(ctx, tx, account, in.UserName)
		if err != nil {
			return err
		}
		out.AccessKeyDetails, err = keysOf(tx, &owner)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// findUser returns the user of that name or, without one, who calls.
func findUser(ctx context.Context, tx *db.Tx, account string, name *string) (principal, error) {
	if name != nil {
		return find(tx, account, id.User, *name)
	}
	p, ok := CallerFrom(ctx).Principal()
	if !ok || p.Kind != id.User {
		return principal{}, api.InvalidParameters("Must specify userName when calling with non-User credentials")
	}
	return find(tx, account, id.User, p.Name)
}

// findKey returns a key of an account's user, with the user's name.
func findKey(tx *db.Tx, account, accessKeyID string) (k accessKey, userName string, err error) {
	var active bool
	err = tx.Row(`SELECT k.id, k.user_id, k.active, k.created, p.name FROM access_key k JOIN principal p ON p.id = k.user_id
		WHERE k.id = ? AND p.account = ?`, accessKeyID, account).Scan(&k.id, (*string)(&k.user), &active, &k.created, &userName)
	k.inactive = !active
	if errors.Is(err, db.ErrNoRows) {
		err = api.ResourceNotFound("The Access Key with id %s cannot be found.", accessKeyID)
	}
	return k, userName, err
}

func keysOf(tx *db.Tx, owner *principal) ([]api.AccessKeyDetail, error) {
	return db.Collect(tx, func(r *db.Rows) (api.AccessKeyDetail, error) {
		var k accessKey
		var active bool
		err := r.Scan(&k.id, &active, &k.created)
		k.inactive = !active
		return k.detail(owner.name), err
	}, `SELECT id, active, created FROM access_key WHERE user_id = ? ORDER BY created, id`, string(owner.id))
}

func (k *accessKey) add(tx *db.Tx, sealedSecret string) error {
	return tx.Exec(`INSERT INTO access_key (id, user_id, secret, active, created) VALUES (?, ?, ?, ?, ?)`,
		k.id, string(k.user), sealedSecret, !k.inactive, k.created)
}

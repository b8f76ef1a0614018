package identity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/seal"
)

// An Administrator is the first user of a store, who may do everything.
type Administrator struct {
	Account     string
	ARN         string
	Credentials Credentials
}

// administratorName is what the first user is called.
const administratorName = "admin"

// Bootstrap makes the first account of a store, with an administrator and an
// access key, and the organization that it manages, unless the store has one: then it does nothing and answers nil.
// An empty account is chosen at random.
//
// deliver is given the administrator before anything is kept, so that a key
// that could not be handed over is nobody's: the secret is never to be seen
// again.
func Bootstrap(ctx context.Context, d *db.DB, keys *seal.Keys, number string, deliver func(Administrator) error) (*Administrator, error) {
	if number == "" {
		number = id.NewAccount()
	}
	if !id.IsAccount(number) {
		return nil, fmt.Errorf("account %q is no number of 12 digits", number)
	}
	if done, err := bootstrapped(ctx, d); done || err != nil {
		return nil, err
	}
	now := db.Micros(time.Now())
	user := principal{
		id: id.NewUser(), account: number, kind: id.User, path: "/", name: administratorName, created: now,
		data: principalData{Description: "The first administrator"},
	}
	a := &Administrator{
		Account:     number,
		ARN:         user.arn("aws").String(),
		Credentials: Credentials{AccessKeyID: string(id.NewAccessKey()), SecretAccessKey: id.NewSecret()},
	}
	first := account{id: number, name: "first", unit: id.NewRoot(), created: now}
	organization, version := id.NewOrganization(), id.UUID()
	data := user.data.encoded()
	sealed := keys.Seal([]byte(a.Credentials.SecretAccessKey), sealContext(a.Credentials.AccessKeyID))
	if err := deliver(*a); err != nil {
		return nil, err
	}
	err := d.Update(ctx, func(tx *db.Tx) error {
		done, err := hasAccount(tx)
		if err != nil {
			return err
		}
		if done {
			return errBootstrapped
		}
		if err := addOrganization(tx, organization, first.unit, first.id, version, now); err != nil {
			return err
		}
		if err := first.add(tx); err != nil {
			return err
		}
		if err := user.add(tx, data); err != nil {
			return err
		}
		if err := attach(tx, user.id, AdministratorAccess); err != nil {
			return err
		}
		key := accessKey{id: a.Credentials.AccessKeyID, user: user.id, created: now}
		return key.add(tx, sealed)
	})
	if err != nil {
		return nil, fmt.Errorf("the administrator could not be kept, the access key %s is of no use: %w", a.Credentials.AccessKeyID, err)
	}
	return a, nil
}

var errBootstrapped = errors.New("another server made the first account at the same moment")

func bootstrapped(ctx context.Context, d *db.DB) (done bool, err error) {
	err = d.View(ctx, func(tx *db.Tx) error {
		done, err = hasAccount(tx)
		return err
	})
	return done, err
}

func hasAccount(tx *db.Tx) (bool, error) {
	var one int
	err := tx.Row(`SELECT 1 FROM account LIMIT 1`).Scan(&one)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// credentialsHead begins every credentials file of ours, so that we know one
// that may be replaced.
const credentialsHead = "# Written by larder. "

// WriteCredentialsFile writes an access key as the default profile of an AWS
// credentials file, readable by its owner alone. The file appears whole or not
// at all. One that others wrote is left alone: it may hold their keys.
func WriteCredentialsFile(path string, a Administrator) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("credentials file: %w", err)
	}
	if len(old) > 0 && !strings.HasPrefix(string(old), credentialsHead) {
		return fmt.Errorf("credentials file: %s holds something else already and is left as it is", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".credentials-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("credentials file: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone already unless something else failed
	_, err = fmt.Fprintf(f, "%s%s\n[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n",
		credentialsHead, a.ARN, a.Credentials.AccessKeyID, a.Credentials.SecretAccessKey)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("credentials file: %w", err)
	}
	return nil
}

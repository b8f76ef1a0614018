package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/identity"
	"larder/internal/seal"
)

// A Once is one request made under an idempotency token. It is prepared
// outside the transaction (the digest costs CPU and the clock is read), asked
// inside it before anything else, and told the answer at the end:
//
//	once, err := c.Once(ctx, "CreatePortfolio", in.IdempotencyToken, in)
//	…
//	err = db.Update(ctx, func(tx *db.Tx) error {
//		if seen, err := once.Answer(tx, out); seen || err != nil {
//			return err
//		}
//		… // write
//		return once.Keep(tx, out)
//	})
//
// A token seen before with other parameters is an InvalidParametersException.
type Once struct {
	account, region, operation, token string
	request                           []byte // the canonical input
	digest                            string
	keys                              *seal.Keys
	now, expires                      int64
}

// tokenContext is what the digests of requests are made for.
const tokenContext = "idempotency token"

// Once prepares a request of operation under token; in is the operation's
// input. With an empty token every request is a new one.
func (c *Catalog) Once(ctx context.Context, operation, token string, in any) (Once, error) {
	if token == "" {
		return Once{}, nil
	}
	canonical, err := json.Marshal(in) // members in the model's order, maps in that of their keys
	if err != nil {
		return Once{}, fmt.Errorf("catalog: digest a request: %w", err)
	}
	caller, now := identity.CallerFrom(ctx), c.now()
	return Once{
		account: caller.Account, region: caller.Region, operation: operation, token: token,
		request: canonical, digest: c.keys.Digest(canonical, tokenContext), keys: c.keys,
		now: db.Micros(now), expires: db.Micros(now.Add(c.tokenLife)),
	}, nil
}

// Answer reads the stored answer into out, if the same request was answered
// before.
func (o Once) Answer(tx *db.Tx, out any) (bool, error) {
	if o.token == "" {
		return false, nil
	}
	var digest, answer string
	err := tx.Row(`SELECT digest, answer FROM idempotency
		WHERE account = ? AND region = ? AND operation = ? AND token = ? AND expires > ?`,
		o.account, o.region, o.operation, o.token, o.now).Scan(&digest, &answer)
	switch {
	case errors.Is(err, db.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	case digest != o.digest && !o.keys.Matches(digest, o.request, tokenContext): // the second knows retired keys
		return false, api.InvalidParameters("The idempotency token %s was already used with other parameters.", o.token)
	}
	if err := json.Unmarshal([]byte(answer), out); err != nil {
		return false, fmt.Errorf("catalog: the answer kept for %s: %w", o.operation, err)
	}
	return true, nil
}

// Keep stores out as the answer, in the transaction that made it true.
func (o Once) Keep(tx *db.Tx, out any) error {
	if o.token == "" {
		return nil
	}
	answer, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("catalog: keep the answer of %s: %w", o.operation, err)
	}
	return tx.Exec(`INSERT INTO idempotency (account, region, operation, token, digest, answer, expires)
		VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account, region, operation, token)
		DO UPDATE SET digest = excluded.digest, answer = excluded.answer, expires = excluded.expires`,
		o.account, o.region, o.operation, o.token, o.digest, string(answer), o.expires)
}

// Forget drops a token, so that the same request under it counts as new:
// TerminateProvisionedProduct's token is forgotten when the termination ends.
func Forget(tx *db.Tx, account, region, operation, token string) error {
	return tx.Exec(`DELETE FROM idempotency WHERE account = ? AND region = ? AND operation = ? AND token = ?`,
		account, region, operation, token)
}

// Purge drops the idempotency tokens that have expired. It is for whoever
// keeps house: nothing depends on when it is called.
func (c *Catalog) Purge(ctx context.Context) error {
	const batch = 1000
	now := db.Micros(c.now())
	for {
		var n int64
		err := c.db.Update(ctx, func(tx *db.Tx) (err error) {
			n, err = tx.ExecRows(`DELETE FROM idempotency WHERE (account, region, operation, token) IN (
				SELECT account, region, operation, token FROM idempotency WHERE expires <= ? ORDER BY expires LIMIT ?)`, now, batch)
			return err
		})
		if err != nil || n < batch {
			return err
		}
	}
}

// create answers an operation that is safe to repeat under its token: the
// stored answer, or what write makes of it in the same transaction.
func create[Out any](ctx context.Context, c *Catalog, once Once, write func(*db.Tx) (*Out, error)) (*Out, error) {
	var out *Out
	err := c.update(ctx, func(tx *db.Tx) error {
		out = new(Out)
		seen, err := once.Answer(tx, out)
		if seen || err != nil {
			return err
		}
		if out, err = write(tx); err != nil {
			return err
		}
		return once.Keep(tx, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// replay looks for a stored answer before work that is not for a transaction,
// such as fetching a template that may be gone by now. nil means there is
// none.
func replay[Out any](ctx context.Context, c *Catalog, once Once) (*Out, error) {
	out := new(Out)
	seen := false
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		seen, err = once.Answer(tx, out)
		return err
	})
	if err != nil || !seen {
		return nil, err
	}
	return out, nil
}

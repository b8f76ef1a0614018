package catalog

import (
	"context"

	"larder/internal/db"
)

// A Once is one request made under an idempotency token. It is prepared
// outside the transaction (the digest costs CPU and the clock is read), asked
// inside it before anything else, and told the answer at the end:
//
//	once := c.Once(ctx, "CreatePortfolio", in.IdempotencyToken, in)
//	err := db.Update(ctx, func(tx *db.Tx) error {
//		if seen, err := once.Answer(tx, &out); seen || err != nil {
//			return err
//		}
//		… // write
//		return once.Keep(tx, &out)
//	})
//
// A token seen before with other parameters is an InvalidParametersException.
type Once struct {
	account, region, operation, token string
	digest                            string
	now, expires                      int64
}

// Once prepares a request of operation under token; in is the operation's
// input. An empty token makes every request a new one.
func (c *Catalog) Once(ctx context.Context, operation, token string, in any) (Once, error) {
	panic("being built")
}

// Answer reads the stored answer into out, if the same request was answered
// before.
func (o Once) Answer(tx *db.Tx, out any) (bool, error) { panic("being built") }

// Keep stores out as the answer, in the transaction that made it true.
func (o Once) Keep(tx *db.Tx, out any) error { panic("being built") }

// Forget drops a token, so that the same request under it counts as new:
// TerminateProvisionedProduct's token is forgotten when the termination ends.
func Forget(tx *db.Tx, account, region, operation, token string) error { panic("being built") }

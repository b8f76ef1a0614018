package catalog

import (
	"context"
	"errors"
	"time"

	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/fetch"
	"larder/internal/id"
	"larder/internal/seal"
	"larder/internal/workflow"
)

// Options are what a Catalog stands on.
type Options struct {
	DB     *db.DB
	Runner *workflow.Runner
	// Engine returns the engine of an artifact type, nil if there is none.
	Engine func(artifactType string) engine.Engine
	// Fetch loads templates from where callers say.
	Fetch *fetch.Client
	// Keys digest requests made under an idempotency token.
	Keys *seal.Keys
	// Tokens are the page tokens.
	Tokens *seal.Tokens
	// UniqueID is the unique id of a user, a group or a role, "" if it does not
	// exist; nil means that every well-formed one does and is only its name.
	UniqueID func(tx *db.Tx, p id.Principal) (id.Unique, error)
	// AccountExists tells whether there is such an account to share with; nil
	// means that every 12-digit number is one.
	AccountExists func(tx *db.Tx, account string) (bool, error)
	// Organization is the tree of accounts that portfolios can be shared with;
	// nil means [EveryAccount] of account 000000000000.
	Organization func(tx *db.Tx) (Organization, error)
	// Accounts are the accounts used so far; nil means those that have
	// something in the catalog.
	Accounts func(tx *db.Tx) ([]string, error)
	// Limits are the quotas; the zero value means [AWSLimits].
	Limits Limits
	// TokenLife is how long an idempotency token is remembered; 0 means 30
	// days.
	TokenLife time.Duration
	// Now is the product's clock; nil means time.Now.
	Now func() time.Time
}

// A Catalog serves the design-time operations. Its methods are those of
// api.Service.
type Catalog struct {
	db       *db.DB
	runner   *workflow.Runner
	engine   func(string) engine.Engine
	uniqueID func(*db.Tx, id.Principal) (id.Unique, error)
	limits   Limits

	organization  func(*db.Tx) (Organization, error)
	accounts      func(*db.Tx) ([]string, error)
	accountExists func(*db.Tx, string) (bool, error)

	tokenLife time.Duration
	now       func() time.Time

	fetch     *fetch.Client
	keys      *seal.Keys
	tokens    *seal.Tokens
	templates *templates
	batchSize int // how many versions one beat of a copy takes
}

// New returns a Catalog and registers its runs with o.Runner.
func New(o Options) *Catalog {
	c := &Catalog{
		db: o.DB, runner: o.Runner, engine: o.Engine,
		fetch: o.Fetch, keys: o.Keys, tokens: o.Tokens, templates: newTemplates(), batchSize: copyBatch,
		uniqueID: o.UniqueID, limits: o.Limits, tokenLife: o.TokenLife, now: o.Now,
	}
	if c.accountExists = o.AccountExists; c.accountExists == nil {
		c.accountExists = func(*db.Tx, string) (bool, error) { return true, nil }
	}
	if c.organization = o.Organization; c.organization == nil {
		c.organization = func(*db.Tx) (Organization, error) { return EveryAccount("000000000000"), nil }
	}
	if c.accounts = o.Accounts; c.accounts == nil {
		c.accounts = knownAccounts
	}
	if c.limits == (Limits{}) {
		c.limits = AWSLimits()
	}
	if c.tokenLife == 0 {
		c.tokenLife = 30 * 24 * time.Hour
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.runner.Register(c.shareDefinition())
	c.runner.Register(c.copyDefinition())
	return c
}

// knownAccounts are the accounts that have something in the catalog.
func knownAccounts(tx *db.Tx) ([]string, error) {
	return db.Collect(tx, scanID[string], `SELECT account FROM population UNION SELECT account FROM portfolio_principal ORDER BY account`)
}

// update runs a write transaction. Where two requests were about to write the
// same name at once, the second runs again and is told by its own checks.
func (c *Catalog) update(ctx context.Context, fn func(*db.Tx) error) error {
	const attempts = 3
	var err error
	for range attempts {
		if err = c.db.Update(ctx, fn); !errors.Is(err, db.ErrUnique) {
			break
		}
	}
	return err
}

// milliseconds is the time of a portfolio, which AWS answers to the
// millisecond.
func milliseconds(micros int64) time.Time { return db.Time(micros).Truncate(time.Millisecond) }

// seconds is the time of a product or an artifact, which AWS answers in whole
// seconds.
func seconds(micros int64) time.Time { return db.Time(micros).Truncate(time.Second) }

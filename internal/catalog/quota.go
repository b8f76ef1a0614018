package catalog

import (
	"larder/internal/api"
	"larder/internal/db"
)

// Limits are the quotas of an account and region. The populations are
// settings; what has a number in the rules themselves (the constants below)
// is structural and AWS's everywhere.
type Limits struct {
	Portfolios             int
	Products               int
	ServiceActions         int
	ProductsPerPortfolio   int
	PrincipalsPerPortfolio int
	SharesPerPortfolio     int
	VersionsPerProduct     int
}

// AWSLimits are the default quotas of AWS Service Catalog.
func AWSLimits() Limits {
	return Limits{
		Portfolios:             100,
		Products:               350,
		ServiceActions:         200,
		ProductsPerPortfolio:   150,
		PrincipalsPerPortfolio: 100,
		SharesPerPortfolio:     5000,
		VersionsPerProduct:     100,
	}
}

// Times returns the limits multiplied: a server for tests allows a hundred
// times AWS's populations.
func (l Limits) Times(n int) Limits {
	l.Portfolios *= n
	l.Products *= n
	l.ServiceActions *= n
	l.ProductsPerPortfolio *= n
	l.PrincipalsPerPortfolio *= n
	l.SharesPerPortfolio *= n
	l.VersionsPerProduct *= n
	return l
}

// The structural quotas.
const (
	maxTags             = 20  // of a portfolio or product
	maxLaunchTags       = 50  // of a provisioned product
	maxPatterns         = 10  // IAM_PATTERN principals of a portfolio
	maxTagOptionValues  = 25  // values of one tag option key
	maxTagOptions       = 25  // tag options of a resource
	maxActions          = 25  // service actions of a version
	maxTopics           = 5   // topics of a NOTIFICATION constraint
	maxConstraints      = 100 // of a product in a portfolio
	maxStackSetAccounts = 500
	maxStackSetRegions  = 200
)

// The kinds that table population counts.
const (
	portfolioKind     = "portfolio"
	productKind       = "product"
	serviceActionKind = "service action"
)

// exceeds refuses the one that would be too many.
func exceeds(n, limit int, what string) error {
	if n < limit {
		return nil
	}
	return api.LimitExceeded("You have reached the maximum of %d %s.", limit, what)
}

// populate counts one more of a kind, or refuses it.
func populate(tx *db.Tx, account, region, kind string, limit int) error {
	var n int
	if err := tx.Row(`INSERT INTO population (account, region, kind, n) VALUES (?, ?, ?, 1)
		ON CONFLICT (account, region, kind) DO UPDATE SET n = population.n + 1
		RETURNING n`, account, region, kind).Scan(&n); err != nil {
		return err
	}
	return exceeds(n-1, limit, kind+"s in this Region")
}

// depopulate counts one fewer.
func depopulate(tx *db.Tx, account, region, kind string) error {
	return tx.Exec(`UPDATE population SET n = n - 1 WHERE account = ? AND region = ? AND kind = ?`, account, region, kind)
}

// count runs a query for one number.
func count(tx *db.Tx, query string, args ...any) (int, error) {
	var n int
	err := tx.Row(query, args...).Scan(&n)
	return n, err
}

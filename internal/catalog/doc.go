// Package catalog is the design-time room: what may be launched, by whom,
// and under which rules. It holds portfolios and their shares, products and
// their versions, constraints, principals, tag options, budgets and service
// actions, and it resolves launch paths.
//
// It never launches anything and knows nothing of provisioned products;
// provisioning asks it through [Catalog.ResolveLaunch]. Another account's row
// is reached only through access.go.
package catalog

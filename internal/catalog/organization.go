package catalog

import (
	"slices"

	"larder/internal/db"
)

// An Organization is the tree of accounts that portfolios can be shared with.
type Organization struct {
	ID         string   // o-…
	Management string   // the management account
	Delegated  []string // accounts that administer the catalog for it
	Units      []Unit
}

// A Unit is one organizational unit: its accounts and the unit or root that
// it stands under.
type Unit struct {
	ID       string // ou-…, or r-… for the root
	Parent   string // "" for the root
	Accounts []string
}

// EveryAccount is the organization of a server for tests: every account
// belongs to it, any well-formed node exists and holds every account.
func EveryAccount(management string) Organization {
	return Organization{ID: "o-larder0000", Management: management}
}

// open reports whether the organization is the one without a structure.
func (o Organization) open() bool { return len(o.Units) == 0 }

// nodes are the nodes that an account stands under, itself included; none if
// it is no member.
func (o Organization) nodes(account string) []string {
	at := slices.IndexFunc(o.Units, func(u Unit) bool { return slices.Contains(u.Accounts, account) })
	if at < 0 {
		return nil
	}
	nodes := []string{account, o.ID}
	for range o.Units { // no deeper than there are units, whatever the parents say
		u := o.Units[at]
		nodes = append(nodes, u.ID)
		if at = slices.IndexFunc(o.Units, func(p Unit) bool { return p.ID == u.Parent }); at < 0 {
			break
		}
	}
	return nodes
}

// audience is the condition under which share s is meant for an account.
func (o Organization) audience(account string) (string, []any) {
	if o.open() {
		return `(s.node = ? OR s.type IN ('ORGANIZATION', 'ORGANIZATIONAL_UNIT'))`, []any{account}
	}
	args := []any{account}
	for _, n := range o.nodes(account) {
		args = append(args, n)
	}
	return `s.node IN ` + holes(len(args)), args
}

// membership is the organization by which shares reach accounts.
func (c *Catalog) membership(tx *db.Tx) (Organization, error) {
	return EveryAccount("000000000000"), nil
}

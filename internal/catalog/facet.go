package catalog

import (
	"slices"
	"strings"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

// A facet is what the products of a search are counted by.
type facet string

// The facets, named as ProductViewAggregations names them, and the count of
// all products.
const (
	byOwner  facet = "Owner"
	byType   facet = "ProductType"
	byVendor facet = "Vendor"
	byNone   facet = ""
)

// facets are what a product counts as.
func (p product) facets() map[facet]string {
	f := map[facet]string{byNone: "", byOwner: p.Owner, byType: string(p.Type)}
	if p.Distributor != "" {
		f[byVendor] = p.Distributor
	}
	return f
}

// countOn counts a product in or out of what stands on a shelf, and returns
// how many there are now.
func (p product) countOn(tx *db.Tx, shelf id.Portfolio, by int) (total int, err error) {
	all := p.facets()
	for _, f := range []facet{byNone, byOwner, byType, byVendor} { // always in one order, so that no two lock each other out
		value, has := all[f]
		if !has {
			continue
		}
		var n int
		if err := tx.Row(`INSERT INTO portfolio_facet (portfolio, facet, name, value, n) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (portfolio, facet, name) DO UPDATE SET n = portfolio_facet.n + excluded.n RETURNING n`,
			shelf, f, indexed(value), value, by).Scan(&n); err != nil {
			return 0, err
		}
		if f == byNone {
			total = n
		}
		if n == 0 {
			if err := tx.Exec(`DELETE FROM portfolio_facet WHERE portfolio = ? AND facet = ? AND name = ?`, shelf, f, indexed(value)); err != nil {
				return 0, err
			}
		}
	}
	return total, nil
}

// recount moves a product that has changed to other counts on all its shelves.
func recount(tx *db.Tx, before, after product) error {
	if before.Owner == after.Owner && before.Distributor == after.Distributor {
		return nil
	}
	shelves, err := db.Collect(tx, scanID[id.Portfolio], `SELECT portfolio FROM portfolio_product WHERE product = ? ORDER BY portfolio`, after.ID)
	if err != nil {
		return err
	}
	for _, shelf := range shelves {
		if _, err := before.countOn(tx, shelf, -1); err != nil {
			return err
		}
		if _, err := after.countOn(tx, shelf, 1); err != nil {
			return err
		}
	}
	return nil
}

// A tally counts values by facet.
type tally map[facet]map[string]int

func (t tally) add(f facet, value string, n int) {
	if t[f] == nil {
		t[f] = map[string]int{}
	}
	t[f][value] += n
}

const (
	// exactly is how many products are counted one by one; of what a search
	// by common terms finds, no more than a page. Beyond, the counts of a
	// search that filters are lower bounds, and a product on two shelves counts
	// on both: AWS calls the counts approximate.
	exactly = 100
	// maxValues is how many values of one facet are answered, the most
	// frequent.
	maxValues = 50
)

// counted is how many hits a search has to read for its counts: 0 if the
// counts that are kept of whole shelves will do.
func (s search) counted(tx *db.Tx, shelves []id.Portfolio) (int, error) {
	switch {
	case len(s.filters) > 0 && s.driver == nil:
		return defaultPage, nil
	case len(s.filters) > 0:
		return exactly, nil
	case len(shelves) < 2:
		return 0, nil
	}
	n, err := standing(tx, shelves)
	if n > exactly {
		n = 0
	}
	return n, err
}

// aggregations counts the first n of what a search finds by owner, type and
// vendor; if n is 0, all that stands on the shelves. hits are its first page
// or more.
func (s search) aggregations(tx *db.Tx, shelves []id.Portfolio, n int, hits []hit) (map[string][]api.ProductViewAggregationValue, error) {
	t := tally{}
	if n == 0 {
		err := t.kept(tx, shelves)
		return t.view(), err
	}
	if !s.page.first {
		var err error
		s.page = page{limit: n, first: true}
		if hits, err = s.onShelves(tx, shelves); err != nil {
			return nil, err
		}
	}
	found, err := products(tx, hits[:min(n, len(hits))])
	for _, p := range found {
		for f, value := range p.facets() {
			t.add(f, value, 1)
		}
	}
	return t.view(), err
}

// standing is how many products stand on shelves, those on two twice.
func standing(tx *db.Tx, shelves []id.Portfolio) (int, error) {
	return count(tx, `SELECT CAST(COALESCE(SUM(n), 0) AS {{int}}) FROM portfolio_facet WHERE facet = '' AND portfolio IN `+holes(len(shelves)), anys(shelves)...)
}

// kept adds the counts that are kept of whole shelves.
func (t tally) kept(tx *db.Tx, shelves []id.Portfolio) error {
	for _, shelf := range shelves {
		for _, f := range []facet{byOwner, byType, byVendor} {
			rows, err := tx.Query(`SELECT value, n FROM portfolio_facet WHERE portfolio = ? AND facet = ?
				ORDER BY n DESC, name DESC LIMIT ?`, shelf, f, maxValues)
			if err != nil {
				return err
			}
			for rows.Next() {
				var value string
				var n int
				if err := rows.Scan(&value, &n); err != nil {
					return err
				}
				t.add(f, value, n)
			}
			if err := rows.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t tally) view() map[string][]api.ProductViewAggregationValue {
	out := map[string][]api.ProductViewAggregationValue{}
	for _, f := range []facet{byOwner, byType, byVendor} {
		list := make([]api.ProductViewAggregationValue, 0, len(t[f]))
		for value, n := range t[f] {
			list = append(list, api.ProductViewAggregationValue{Value: value, ApproximateCount: n})
		}
		slices.SortFunc(list, func(a, b api.ProductViewAggregationValue) int {
			if a.ApproximateCount != b.ApproximateCount {
				return b.ApproximateCount - a.ApproximateCount
			}
			return strings.Compare(a.Value, b.Value)
		})
		out[string(f)] = list[:min(len(list), maxValues)]
	}
	return out
}

package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

// aggregates remembers the counts that go with a search. AWS calls them
// approximate, and so are these where several nodes share a database: a
// node's own changes count at once, those of others after staleAfter.
type aggregates struct {
	mu      sync.Mutex
	known   map[string]map[string][]api.ProductViewAggregationValue
	changed uint64    // what they were counted at
	counted time.Time // when the oldest was counted
}

const (
	maxAggregates = 256
	staleAfter    = 5 * time.Second
)

// changes tells, once tx is committed, that counts have changed.
func (c *Catalog) changes(tx *db.Tx) { tx.OnCommit(func() { c.changed.Add(1) }) }

func (a *aggregates) get(key string, changed uint64, now time.Time) (map[string][]api.ProductViewAggregationValue, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.changed != changed || now.Sub(a.counted) > staleAfter || len(a.known) >= maxAggregates {
		a.known = map[string]map[string][]api.ProductViewAggregationValue{}
		a.changed, a.counted = changed, now
	}
	counts, ok := a.known[key]
	return counts, ok
}

func (a *aggregates) keep(key string, changed uint64, counts map[string][]api.ProductViewAggregationValue) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.changed == changed {
		a.known[key] = counts
	}
}

// The names of the aggregations.
const (
	byOwner  = "Owner"
	byType   = "ProductType"
	byVendor = "Vendor"
)

// aggregations counts what a search finds by owner, type and vendor, most
// frequent first.
func (c *Catalog) aggregations(tx *db.Tx, s search, shelves []id.Portfolio) (map[string][]api.ProductViewAggregationValue, error) {
	changed, now := c.changed.Load(), time.Now()
	key := fmt.Sprint(shelves, s.filters)
	if counts, ok := c.aggregates.get(key, changed, now); ok {
		return counts, nil
	}
	counts := map[string]map[string]int{byOwner: {}, byType: {}, byVendor: {}}
	if len(shelves) > 0 {
		if err := s.count(tx, shelves, counts); err != nil {
			return nil, err
		}
	}
	out := make(map[string][]api.ProductViewAggregationValue, len(counts))
	for name, values := range counts {
		out[name] = []api.ProductViewAggregationValue{}
		for value, n := range values {
			out[name] = append(out[name], api.ProductViewAggregationValue{Value: value, ApproximateCount: n})
		}
		slices.SortFunc(out[name], func(a, b api.ProductViewAggregationValue) int {
			if a.ApproximateCount != b.ApproximateCount {
				return b.ApproximateCount - a.ApproximateCount
			}
			return strings.Compare(a.Value, b.Value)
		})
	}
	c.aggregates.keep(key, changed, out)
	return out, nil
}

// count goes over all that a search finds.
func (s search) count(tx *db.Tx, shelves []id.Portfolio, counts map[string]map[string]int) error {
	where, more := s.where("x.product")
	args := make([]any, 0, len(shelves)+len(more))
	for _, shelf := range shelves {
		args = append(args, shelf)
	}
	rows, err := tx.Query(`SELECT p.data FROM product p WHERE p.id IN (
		SELECT x.product FROM portfolio_product x WHERE x.portfolio IN `+holes(len(shelves))+where+`)`, append(args, more...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var data []byte
		var p struct{ Owner, Type, Distributor string }
		if err := rows.Scan(&data); err != nil {
			return err
		}
		if err := json.Unmarshal(data, &p); err != nil {
			return err
		}
		counts[byOwner][p.Owner]++
		counts[byType][p.Type]++
		if p.Distributor != "" {
			counts[byVendor][p.Distributor]++
		}
	}
	return rows.Err()
}

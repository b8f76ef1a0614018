package catalog

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// A term is something a product is found by: a word of its texts (field ""),
// or one of the facets.
type term struct{ field, text string }

// The facets.
const (
	wordField   = ""
	ownerField  = "owner"
	typeField   = "type"
	sourceField = "source"
)

const (
	maxWords = 256 // of one product
	maxWord  = 64  // bytes of a word; longer ones are found by their beginning
)

// words cuts text into its folded words: runs of letters and digits.
func words(text string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r)
	}) {
		if w = clip(w, maxWord); !slices.Contains(out, w) {
			out = append(out, w)
		}
		if len(out) == maxWords {
			break
		}
	}
	return out
}

// clip cuts s to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}

// searchText is what full text search looks at, with the facets.
func (p product) searchText() string {
	return strings.Join([]string{string(p.ID), p.Name, p.Description, p.Owner, p.Distributor, p.SupportDescription}, "\n")
}

// terms are all that a product is found by.
func (p product) terms() []term {
	terms := []term{
		{ownerField, indexed(strings.ToLower(p.Owner))},
		{typeField, string(p.Type)},
	}
	if p.CopiedFrom != "" {
		terms = append(terms, term{sourceField, string(p.CopiedFrom)})
	}
	for _, w := range words(p.searchText()) {
		terms = append(terms, term{wordField, w})
	}
	return terms
}

// A filter is one condition of a search: any of its alternatives must hold,
// and of an alternative all conditions.
type filter []alternative

type alternative []match

// A match is met by a product with a term that is text or, of words, begins
// with it.
type match struct {
	field, text string
}

// filters reads what a search asks for: keys are ANDed, values of a key ORed,
// the words of a full text value ANDed.
func filters(asked map[api.ProductViewFilterBy][]string) []filter {
	var all []filter
	for _, key := range []api.ProductViewFilterBy{
		api.ProductViewFilterByFullTextSearch, api.ProductViewFilterBySourceProductId,
		api.ProductViewFilterByOwner, api.ProductViewFilterByProductType,
	} {
		values, ok := asked[key]
		if !ok || len(values) == 0 {
			continue
		}
		var f filter
		for _, v := range values {
			f = append(f, alternatives(key, v))
		}
		all = append(all, f)
	}
	return all
}

func alternatives(key api.ProductViewFilterBy, value string) alternative {
	switch key {
	case api.ProductViewFilterByOwner:
		return alternative{{ownerField, indexed(strings.ToLower(value))}}
	case api.ProductViewFilterByProductType:
		return alternative{{typeField, value}}
	case api.ProductViewFilterBySourceProductId:
		return alternative{{sourceField, value}}
	default:
		var all alternative
		for _, w := range words(value) {
			all = append(all, match{wordField, w})
		}
		return all // a text without a word is met by everything
	}
}

// condition is the filter in SQL, about the product in column.
func (f filter) condition(column string) (string, []any) {
	var any_ []string
	var args []any
	for _, a := range f {
		all := []string{"1 = 1"}
		for _, m := range a {
			one, oneArgs := m.condition()
			all = append(all, `EXISTS (SELECT 1 FROM product_term t WHERE t.product = `+column+` AND `+one+`)`)
			args = append(args, oneArgs...)
		}
		any_ = append(any_, "("+strings.Join(all, " AND ")+")")
	}
	return "(" + strings.Join(any_, " OR ") + ")", args
}

// afterWords is past every text that begins with a given one.
const afterWords = "\U0010FFFF"

func (m match) condition() (string, []any) {
	if m.field == wordField {
		return `t.field = '' AND t.term >= ? AND t.term < ?`, []any{m.text, m.text + afterWords}
	}
	return `t.field = ? AND t.term = ?`, []any{m.field, m.text}
}

// An order is how a search sorts: by a column that shelf and product both
// have.
type order struct {
	column     string // title, versions or created
	descending bool
}

func newOrder(by *api.ProductViewSortBy, direction *api.SortOrder) order {
	o := order{column: "created", descending: api.Or(direction, "") == api.SortOrderDescending}
	switch api.Or(by, "") {
	case api.ProductViewSortByTitle:
		o.column = "title"
	case api.ProductViewSortByVersionCount:
		o.column = "versions"
	}
	return o
}

// clauses are the condition of the rows that follow a position, and the ORDER
// BY.
func (o order) clauses(pg page, id string) (string, []any, string) {
	compare, direction := ">", ""
	if o.descending {
		compare, direction = "<", " DESC"
	}
	by := " ORDER BY x." + o.column + direction + ", x." + id + direction + " LIMIT ?"
	if pg.first {
		return "", nil, by
	}
	key := any(pg.after.Number)
	if o.column == "title" {
		key = pg.after.Text
	}
	return " AND (x." + o.column + ", x." + id + ") " + compare + " (?, ?)", []any{key, pg.after.ID}, by
}

// A hit is a product in a search's order.
type hit struct {
	position
	product id.Product
}

func (o order) compare(a, b hit) int {
	n := cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Text, b.Text), cmp.Compare(a.ID, b.ID))
	if o.descending {
		return -n
	}
	return n
}

func (o order) scan(r *db.Rows) (hit, error) {
	var h hit
	key := any(&h.Number)
	if o.column == "title" {
		key = &h.Text
	}
	err := r.Scan(&h.product, key)
	h.ID = string(h.product)
	return h, err
}

// A search is what SearchProducts and SearchProductsAsAdmin ask of the
// database.
type search struct {
	region  string
	page    page
	order   order
	filters []filter

	// What plan finds out.
	nothing bool    // no product in the Region meets the filters
	driver  []match // the rarest terms, one of which every hit has; nil if none is rare
	settled int     // the filter that the driver settles alone; -1 if none
}

// rare is how many products a term may have to drive a search. Below it,
// looking each of them up is faster than walking the shelf in order until a
// page is full; above, the shelf is.
const rare = 2000

// plan looks for the filter that fewest products meet.
func (s *search) plan(tx *db.Tx) error {
	best := rare + 1
	s.settled = -1
	for i, f := range s.filters {
		var driver []match
		n, alone := 0, true
		for _, a := range f {
			m, of, err := a.rarest(tx, s.region)
			if err != nil {
				return err
			}
			driver, n, alone = append(driver, m), n+of, alone && len(a) == 1
		}
		if n < best {
			best, s.driver, s.settled = n, driver, -1
			if alone {
				s.settled = i
			}
		}
	}
	s.nothing = best == 0
	return nil
}

// rarest is the match of an alternative that fewest products meet, and how
// many those are; past rare nobody counts.
func (a alternative) rarest(tx *db.Tx, region string) (match, int, error) {
	var found match
	least := rare + 1
	for _, m := range a {
		condition, args := m.condition()
		n, err := count(tx, `SELECT COUNT(*) FROM (SELECT 1 FROM product_term t
			WHERE t.region = ? AND `+condition+` LIMIT ?) AS few`, append(append([]any{region}, args...), rare+1)...)
		if err != nil {
			return found, 0, err
		}
		if n < least {
			found, least = m, n
		}
	}
	return found, least, nil
}

// onShelves finds the products of the given portfolios, each once, in order.
// Of each portfolio no more is read than one page.
func (s search) onShelves(tx *db.Tx, shelves []id.Portfolio) ([]hit, error) {
	var all []hit
	for _, shelf := range shelves {
		found, err := s.find(tx, "portfolio_product", "product", `x.portfolio = ?`, shelf)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, s.order.compare)
	all = slices.CompactFunc(all, func(a, b hit) bool { return a.product == b.product })
	return all[:min(len(all), s.page.fetch())], nil
}

// owned finds the products of an account.
func (s search) owned(tx *db.Tx, caller identity.Caller) ([]hit, error) {
	return s.find(tx, "product", "id", `x.account = ? AND x.region = ?`, caller.Account, caller.Region)
}

// find reads hits from a table of which column is the product's id.
func (s search) find(tx *db.Tx, table, column, where string, whereArgs ...any) ([]hit, error) {
	if s.nothing {
		return nil, nil
	}
	var query strings.Builder
	var args []any
	query.WriteString(`SELECT x.` + column + `, x.` + s.order.column + ` FROM `)
	if s.driver != nil {
		// CROSS JOIN has SQLite begin with the candidates.
		candidates := make([]string, len(s.driver))
		for i, m := range s.driver {
			condition, more := m.condition()
			candidates[i] = `SELECT t.product FROM product_term t WHERE t.region = ? AND ` + condition
			args = append(append(args, s.region), more...)
		}
		query.WriteString(`(SELECT DISTINCT product FROM (` + strings.Join(candidates, ` UNION ALL `) + `) AS every) AS c CROSS JOIN `)
		where += ` AND x.` + column + ` = c.product`
	}
	query.WriteString(table + ` x WHERE ` + where)
	args = append(args, whereArgs...)
	for i, f := range s.filters {
		if s.driver != nil && i == s.settled {
			continue
		}
		condition, more := f.condition("x." + column)
		query.WriteString(` AND ` + condition)
		args = append(args, more...)
	}
	after, more, by := s.order.clauses(s.page, column)
	query.WriteString(after + by)
	return db.Collect(tx, s.order.scan, query.String(), append(append(args, more...), s.page.fetch())...)
}

// products reads the products of hits that were found on shelves the caller
// may see, in the hits' order.
func products(tx *db.Tx, hits []hit) ([]product, error) {
	if len(hits) == 0 {
		return nil, nil
	}
	ids := make([]id.Product, len(hits))
	for i, h := range hits {
		ids[i] = h.product
	}
	found, err := db.Collect(tx, scanProduct, selectProduct+` WHERE p.id IN `+holes(len(hits)), anys(ids)...)
	if err != nil {
		return nil, err
	}
	at := make(map[id.Product]product, len(found))
	for _, p := range found {
		at[p.ID] = p
	}
	out := make([]product, 0, len(hits))
	for _, h := range hits {
		if p, ok := at[h.product]; ok {
			out = append(out, p)
		}
	}
	return out, nil
}

// SearchProducts finds what the caller may launch.
func (c *Catalog) SearchProducts(ctx context.Context, in *api.SearchProductsInput) (*api.SearchProductsOutput, error) {
	pg, err := c.page(ctx, api.OpSearchProducts, in.PageSize, in.PageToken, in.Filters, in.SortBy, in.SortOrder)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	s := search{region: caller.Region, page: pg, order: newOrder(in.SortBy, in.SortOrder), filters: filters(in.Filters)}
	out := &api.SearchProductsOutput{}
	var found []product
	err = c.db.View(ctx, func(tx *db.Tx) error {
		shelves, err := c.visible(tx, caller)
		if err != nil {
			return err
		}
		if err := s.plan(tx); err != nil {
			return err
		}
		counted, err := s.counted(tx, shelves)
		if err != nil {
			return err
		}
		if pg.first {
			s.page.limit = max(pg.limit, counted)
		}
		all, err := s.onShelves(tx, shelves)
		if err != nil {
			return err
		}
		hits, next := cut(pg, all, func(h hit) position { return h.position })
		out.NextPageToken = next
		if found, err = products(tx, hits); err != nil {
			return err
		}
		if found, err = c.reachable(tx, caller, found); err != nil {
			return err
		}
		out.ProductViewAggregations, err = s.aggregations(tx, shelves, counted, all)
		return err
	})
	if err != nil {
		return nil, err
	}
	out.ProductViewSummaries = make([]api.ProductViewSummary, len(found))
	for i, p := range found {
		out.ProductViewSummaries[i] = *p.summary()
	}
	return out, nil
}

// SearchProductsAsAdmin finds products of the caller's account, or those of
// one portfolio that it owns or has shared with it.
func (c *Catalog) SearchProductsAsAdmin(ctx context.Context, in *api.SearchProductsAsAdminInput) (*api.SearchProductsAsAdminOutput, error) {
	pg, err := c.page(ctx, api.OpSearchProductsAsAdmin, in.PageSize, in.PageToken, in.Filters, in.SortBy, in.SortOrder, in.PortfolioId, in.ProductSource)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	s := search{region: caller.Region, page: pg, order: newOrder(in.SortBy, in.SortOrder), filters: filters(in.Filters)}
	out := &api.SearchProductsAsAdminOutput{}
	var found []product
	err = c.db.View(ctx, func(tx *db.Tx) error {
		if err := s.plan(tx); err != nil {
			return err
		}
		var hits []hit
		var err error
		if in.PortfolioId == nil {
			hits, err = s.owned(tx, caller)
		} else {
			var p portfolio
			if p, _, err = c.portfolio(tx, caller, *in.PortfolioId); err != nil {
				return err
			}
			hits, err = s.onShelves(tx, []id.Portfolio{p.ID})
		}
		if err != nil {
			return err
		}
		hits, out.NextPageToken = cut(pg, hits, func(h hit) position { return h.position })
		if found, err = products(tx, hits); err != nil {
			return err
		}
		found, err = c.reachable(tx, caller, found)
		return err
	})
	if err != nil {
		return nil, err
	}
	out.ProductViewDetails = make([]api.ProductViewDetail, len(found))
	for i, p := range found {
		out.ProductViewDetails[i] = *p.viewDetail()
	}
	return out, nil
}

// insertTerms writes what a product is found by.
func insertTerms(tx *db.Tx, p product, terms []term) error {
	const columns = 5
	args := make([]any, 0, columns*len(terms))
	for _, t := range terms {
		args = append(args, p.ID, p.Account, p.Region, t.field, t.text)
	}
	values := "(?, ?, ?, ?, ?)" + strings.Repeat(", (?, ?, ?, ?, ?)", len(terms)-1)
	return tx.Exec(`INSERT INTO product_term (product, account, region, field, term) VALUES `+values, args...)
}

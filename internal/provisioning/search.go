package provisioning

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// countLimit is up to where results are counted one by one. Beyond it the
// total is exact only for a search by one equality, and this number, a lower
// bound, otherwise.
const countLimit = 10_000

// An order is how a search sorts.
type order struct {
	column     string // SQL, of provisioned_product p
	byTime     bool
	descending bool
}

func newOrder(by *string, direction *api.SortOrder) (order, error) {
	o := order{descending: api.Or(direction, "") == api.SortOrderDescending}
	switch strings.ToLower(api.Or(by, "")) {
	case "":
		o.column, o.byTime = "p.created", true
	case "arn":
		o.column = "(p.name || '/')"
	case "id":
		o.column = "p.id"
	case "name":
		o.column = "p.name"
	case "lastrecordid":
		o.column = "p.last_record"
	default:
		return o, api.InvalidParameters("Invalid SortBy: %s. Choose arn, id, name or lastRecordId.", *by)
	}
	return o, nil
}

// key is the product's place in the order.
func (o order) key(p *provisionedProduct) position {
	at := position{ID: string(p.ID)}
	switch o.column {
	case "p.created":
		at.Created = p.Created.UnixMicro()
	case "(p.name || '/')":
		at.Key = p.Name + "/"
	case "p.id":
		at.Key = string(p.ID)
	case "p.name":
		at.Key = p.Name
	default:
		at.Key = string(p.LastRecord)
	}
	return at
}

// after is the condition of the rows that follow a position; "" for the
// first page.
func (o order) after(at position, column, id string) (string, []any) {
	if at.ID == "" {
		return "", nil
	}
	compare := " > (?, ?)"
	if o.descending {
		compare = " < (?, ?)"
	}
	key := any(at.Key)
	if o.byTime {
		key = at.Created
	}
	return " AND (" + column + ", " + id + ")" + compare, []any{key, at.ID}
}

func (o order) by(column, id string) string {
	if o.descending {
		return " ORDER BY " + column + " DESC, " + id + " DESC"
	}
	return " ORDER BY " + column + ", " + id
}

// SearchProvisionedProducts finds provisioned products by anything that is
// shown of them. The grammar is in docs/search.md.
func (p *Provisioning) SearchProvisionedProducts(ctx context.Context, in *api.SearchProvisionedProductsInput) (*api.SearchProvisionedProductsOutput, error) {
	within, err := filtered(identity.CallerFrom(ctx), in.AccessLevelFilter)
	if err != nil {
		return nil, err
	}
	texts := in.Filters[api.ProvisionedProductViewFilterBySearchQuery]
	q, err := parseQuery(texts)
	if err != nil {
		return nil, err
	}
	o, err := newOrder(in.SortBy, in.SortOrder)
	if err != nil {
		return nil, err
	}
	pg, err := p.page(ctx, api.OpSearchProvisionedProducts, in.PageSize, in.PageToken,
		append([]string{strconv.Itoa(int(within.level)), o.column, strconv.FormatBool(o.descending)}, texts...)...)
	if err != nil {
		return nil, err
	}
	s := search{within: within, query: q, order: o, page: pg}
	var found []provisionedProduct
	total := pg.after.Total
	err = p.view(ctx, func(tx *db.Tx, _ identity.Caller) error {
		if err := s.choose(tx); err != nil {
			return err
		}
		if pg.after.ID == "" {
			if total, err = s.count(tx); err != nil {
				return err
			}
		}
		found, err = s.find(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.SearchProvisionedProductsOutput{ProvisionedProducts: []api.ProvisionedProductAttribute{}, TotalResultsCount: total}
	for i := range found {
		if i == pg.size {
			at := o.key(&found[i-1])
			at.Total = total
			out.NextPageToken = p.next(pg, at)
			break
		}
		out.ProvisionedProducts = append(out.ProvisionedProducts, found[i].attribute())
	}
	return out, nil
}

// attribute is the provisioned product as a search shows it.
func (p *provisionedProduct) attribute() api.ProvisionedProductAttribute {
	a := api.ProvisionedProductAttribute{
		Arn:                                id.ProvisionedProductARN(p.Region, p.Account, p.Name, p.ID).String(),
		CreatedTime:                        p.Created,
		Id:                                 string(p.ID),
		IdempotencyToken:                   p.Token,
		LastProvisioningRecordId:           string(p.LastProvision),
		LastRecordId:                       string(p.LastRecord),
		LastSuccessfulProvisioningRecordId: string(p.LastSuccessful),
		Name:                               p.Name,
		PhysicalId:                         p.Physical,
		ProductId:                          string(p.Product),
		ProductName:                        p.ProductName,
		ProvisioningArtifactId:             string(p.Artifact),
		ProvisioningArtifactName:           p.ArtifactName,
		Status:                             p.Status,
		StatusMessage:                      p.StatusMessage,
		Tags:                               []api.Tag{},
		Type:                               p.Type,
		UserArn:                            p.UserARN,
		UserArnSession:                     p.SessionARN,
	}
	for _, t := range p.Change.Tags {
		a.Tags = append(a.Tags, api.Tag(t))
	}
	return a
}

// A search is a query on its way to the database. It goes one of three ways:
// along the entries of one term, where a group has a match by equality and
// the order is that of creation; over the few candidates that the rarest
// match of each group leaves; or along the products in their order.
type search struct {
	within reach
	query  query
	order  order
	page   page

	all, own   int     // products of the account and region, and those at the caller's level
	along      *match  // the term to go along
	candidates []match // the rarest match of each group, if all are rare
}

// measure counts what there is to search.
func (s *search) measure(tx *db.Tx) (err error) {
	c := s.within.caller
	if s.all, err = counted(tx, c.Account, c.Region, term{everyField, ""}); err != nil {
		return err
	}
	s.own = s.all
	if m, ok := s.owner(); ok {
		s.own, err = counted(tx, c.Account, c.Region, term{m.field, m.text})
	}
	return err
}

// owner is the match that narrows a search to the caller's level; false for
// the whole account.
func (s *search) owner() (match, bool) {
	switch s.within.level {
	case identity.LevelAccount:
		return match{}, false
	case identity.LevelRole:
		return match{field: userField, text: fold(s.within.caller.UserARN())}, true
	default:
		return match{field: sessionField, text: fold(s.within.caller.ARN)}, true
	}
}

// choose picks the way.
func (s *search) choose(tx *db.Tx) error {
	if err := s.measure(tx); err != nil {
		return err
	}
	var rarest []match
	few := true
	for _, group := range s.query {
		all := group
		if m, ok := s.owner(); ok {
			all = append([]match{m}, group...)
		}
		best, least := match{}, -1
		for _, m := range all {
			n, ok, err := s.weigh(tx, m)
			if err != nil {
				return err
			}
			if ok && (least < 0 || n < least) {
				best, least = m, n
			}
		}
		if least < 0 {
			return nil
		}
		rarest = append(rarest, best)
		few = few && least <= countLimit
	}
	switch {
	case len(rarest) == 1 && rarest[0].shape == equals && rarest[0].field != "" && s.order.byTime:
		s.along = &rarest[0]
	case len(rarest) > 0 && few:
		s.candidates = rarest
	}
	return nil
}

// weigh says how many products a match has, at most one more than is counted
// one by one where that is not kept; false if only a look at all products
// could tell.
func (s *search) weigh(tx *db.Tx, m match) (int, bool, error) {
	if m.field == arnField || m.shape != equals && m.shape != begins {
		return 0, false, nil
	}
	c := s.within.caller
	if m.shape == equals && m.keepsCount() {
		n, err := counted(tx, c.Account, c.Region, term{m.field, m.text})
		return n, true, err
	}
	entries, args := m.entries(c, "t")
	var n int
	err := tx.Row(`SELECT COUNT(*) FROM (SELECT 1 `+entries+` LIMIT ?) AS few`, append(args, countLimit+1)...).Scan(&n)
	return n, true, err
}

func (m match) keepsCount() bool {
	for _, f := range countedFields {
		if f == m.field {
			return true
		}
	}
	return false
}

// entries is the FROM and WHERE of a match's terms, under an alias.
func (m match) entries(c identity.Caller, t string) (string, []any) {
	fields, names := m.fields(t)
	compares, texts := m.compares(t + ".term")
	args := append(append([]any{c.Account, c.Region}, names...), texts...)
	return `FROM provisioned_term ` + t + ` WHERE ` + t + `.account = ? AND ` + t + `.region = ?` + fields + " AND " + compares, args
}

func (m match) fields(t string) (string, []any) {
	if m.field != "" {
		return " AND " + t + ".field = ?", []any{m.field}
	}
	args := make([]any, len(termFields))
	for i, f := range termFields {
		args[i] = f
	}
	return " AND " + t + ".field IN (?" + strings.Repeat(", ?", len(args)-1) + ")", args
}

// pastAll is past every text that begins with a given one.
const pastAll = "\U0010FFFF"

// compares is the condition on an SQL expression that a match stands for.
func (m match) compares(e string) (string, []any) {
	n := utf8.RuneCountInString(m.text)
	switch m.shape {
	case begins:
		if strings.HasSuffix(e, ".term") { // along the index
			return e + " >= ? AND " + e + " < ?", []any{m.text, m.text + pastAll}
		}
		return "substr(" + e + ", 1, ?) = ?", []any{n, m.text}
	case ends:
		return "(length(" + e + ") >= ? AND substr(" + e + ", length(" + e + ") - ? + 1) = ?)", []any{n, n, m.text}
	case contains:
		return "replace(" + e + ", ?, '') <> " + e, []any{m.text}
	case anything:
		return e + " <> ''", nil
	default:
		return e + " = ?", []any{m.text}
	}
}

// column is the SQL expression of what the product's row itself says of a
// field, folded; "" if it does not.
func (m match) column(c identity.Caller) string {
	switch m.field {
	case idField:
		return "p.id"
	case nameField:
		return "lower(p.name)"
	case statusField:
		return "lower(p.status)"
	case userField:
		return "lower(p.user_arn)"
	case sessionField:
		return "lower(p.session_arn)"
	case arnField:
		arn := id.ProvisionedProductARN(c.Region, c.Account, "", "").String() // ends in the slashes around the name
		return "('" + strings.ReplaceAll(strings.TrimSuffix(arn, "//"), "'", "''") + "/' || lower(p.name) || '/' || p.id)"
	default:
		return ""
	}
}

// condition is what a match says of the product p.
func (m match) condition(c identity.Caller) (string, []any) {
	if m.shape == within {
		return "(p.created >= ? AND p.created < ?)", []any{m.from, m.to}
	}
	if e := m.column(c); e != "" {
		return m.compares(e)
	}
	if m.shape != equals {
		entries, args := m.entries(c, "t")
		return "p.id IN (SELECT t.id " + entries + ")", args
	}
	return m.has(c, "p")
}

// has is the condition that an entry or a product, under an alias, has the
// term of a match.
func (m match) has(c identity.Caller, alias string) (string, []any) {
	entries, args := m.entries(c, "o")
	return "EXISTS (SELECT 1 " + entries + " AND o.created = " + alias + ".created AND o.id = " + alias + ".id)", args
}

// where is the whole condition of the search on p.
func (s *search) where() (string, []any) {
	condition, args := s.within.sees("p")
	if len(s.query) == 0 {
		return condition, args
	}
	groups := make([]string, len(s.query))
	for i, group := range s.query {
		all := make([]string, len(group))
		for j, m := range group {
			one, more := m.condition(s.within.caller)
			all[j] = one
			args = append(args, more...)
		}
		groups[i] = strings.Join(all, " AND ")
	}
	return condition + " AND ((" + strings.Join(groups, ") OR (") + "))", args
}

// from is the FROM clause that leads the chosen way, and the beginning of
// WHERE. CROSS JOIN has SQLite keep to it; PostgreSQL knows better by itself.
func (s *search) from() (string, []any) {
	switch {
	case s.along != nil:
		entries, args := s.along.entries(s.within.caller, "t")
		entries = strings.Replace(entries, "WHERE", "CROSS JOIN provisioned_product p WHERE p.id = t.id AND", 1)
		return entries + " AND ", args
	case len(s.candidates) > 0:
		var all []string
		var args []any
		for _, m := range s.candidates {
			entries, more := m.entries(s.within.caller, "t")
			all = append(all, "SELECT t.id "+entries)
			args = append(args, more...)
		}
		// UNION of one with itself makes each id appear once.
		if len(all) == 1 {
			all[0] = strings.Replace(all[0], "SELECT", "SELECT DISTINCT", 1)
		}
		return `FROM (` + strings.Join(all, " UNION ") + `) AS few CROSS JOIN provisioned_product p WHERE p.id = few.id AND `, args
	default:
		return `FROM provisioned_product p WHERE `, nil
	}
}

// entries is the FROM and WHERE of the entries, along a term, of the products
// that are found; false unless the terms alone tell who that is.
func (s *search) entries() (string, []any, bool) {
	if s.along == nil {
		return "", nil, false
	}
	c := s.within.caller
	text, args := s.along.entries(c, "t")
	all := s.query[0]
	if m, ok := s.owner(); ok && s.own < s.all {
		all = append([]match{m}, all...)
	}
	for _, m := range all {
		switch {
		case m == *s.along:
		case m.shape != equals || m.field == arnField:
			return "", nil, false
		default:
			has, more := m.has(c, "t")
			text, args = text+" AND "+has, append(args, more...)
		}
	}
	return text, args, true
}

// find reads one more row than the page holds, to know whether it is the last.
func (s *search) find(tx *db.Tx) ([]provisionedProduct, error) {
	collect := func(query string, args []any) ([]provisionedProduct, error) {
		return db.Collect(tx, func(rows *db.Rows) (provisionedProduct, error) { return scanProvisioned(rows.Scan) }, query, args...)
	}
	if entries, args, ok := s.entries(); ok {
		follows, more := s.order.after(s.page.after, "t.created", "t.id")
		args = append(append(args, more...), s.page.size+1)
		return collect(`SELECT `+provisionedColumns+` FROM (SELECT t.created, t.id `+entries+follows+s.order.by("t.created", "t.id")+` LIMIT ?) AS found
			CROSS JOIN provisioned_product p WHERE p.id = found.id`+s.order.by("found.created", "found.id"), args)
	}
	from, args := s.from()
	where, more := s.where()
	args = append(args, more...)
	column, key := s.order.column, "p.id"
	if s.along != nil {
		column, key = "t.created", "t.id"
	}
	follows, more := s.order.after(s.page.after, column, key)
	args = append(append(args, more...), s.page.size+1)
	return collect(`SELECT `+provisionedColumns+` `+from+where+follows+s.order.by(column, key)+` LIMIT ?`, args)
}

// count is TotalResultsCount.
func (s *search) count(tx *db.Tx) (int, error) {
	if t, ok := s.single(); ok {
		switch {
		case len(s.query) == 0:
			return s.own, nil
		case s.own == s.all: // the caller's part is the whole
			return counted(tx, s.within.caller.Account, s.within.caller.Region, t)
		}
	}
	all, args, ok := s.entries()
	if !ok {
		from, first := s.from()
		where, more := s.where()
		all, args = from+where, append(first, more...)
	}
	var n int
	err := tx.Row(`SELECT COUNT(*) FROM (SELECT 1 `+all+` LIMIT ?) AS found`, append(args, countLimit)...).Scan(&n)
	return n, err
}

// single reports whether the search is by nothing, or by one equality of
// which the count is kept.
func (s *search) single() (term, bool) {
	switch {
	case len(s.query) == 0:
		return term{}, true
	case len(s.query) == 1 && len(s.query[0]) == 1 && s.query[0][0].shape == equals && s.query[0][0].keepsCount():
		return term{s.query[0][0].field, s.query[0][0].text}, true
	default:
		return term{}, false
	}
}

package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"larder/internal/api"
	"larder/internal/identity"
	"larder/internal/seal"
)

// A position is where a page ends: the sort key, number or text, and the id
// that makes it unique.
type position struct {
	Number int64
	Text   string
	ID     string
}

// A page is the part of a list that one call answers.
type page struct {
	limit   int
	after   position // the zero position is before everything
	first   bool
	binding seal.Binding
	tokens  *seal.Tokens
}

const defaultPage = 20

// page reads where a list goes on. The token belongs to the operation, the
// caller and whatever filters the list; with another of these, or altered, it
// is unusable.
func (c *Catalog) page(ctx context.Context, op api.Op, size *int, token *string, filters ...any) (page, error) {
	p := page{limit: api.Or(size, 0), first: true, tokens: c.tokens}
	if p.limit == 0 {
		p.limit = defaultPage
	}
	canonical, err := json.Marshal(filters)
	if err != nil {
		return page{}, fmt.Errorf("catalog: page of %s: %w", op, err)
	}
	caller := identity.CallerFrom(ctx)
	p.binding = seal.Binding{
		Operation: op.String(), Account: caller.Account, Region: caller.Region, Caller: caller.ARN,
		Filters: string(canonical),
	}
	cursor, err := c.tokens.Read(p.binding, api.Or(token, ""))
	if err != nil {
		return page{}, errPageToken
	}
	if cursor == nil {
		return p, nil
	}
	p.first = false
	if len(cursor) != 3 {
		return page{}, errPageToken
	}
	p.after.Text, p.after.ID = cursor[1], cursor[2]
	if p.after.Number, err = strconv.ParseInt(cursor[0], 10, 64); err != nil {
		return page{}, errPageToken
	}
	return p, nil
}

var errPageToken = api.InvalidParameters("Invalid page token.")

// token is the token of the page that follows at.
func (p page) token(at position) string {
	return p.tokens.Mint(p.binding, strconv.FormatInt(at.Number, 10), at.Text, at.ID)
}

// cut takes one page off rows, of which up to p.fetch() were read, and
// returns the token of the next one: "" on the last page.
func cut[T any](p page, rows []T, at func(T) position) ([]T, string) {
	if len(rows) <= p.limit {
		return rows, ""
	}
	rows = rows[:p.limit]
	return rows, p.token(at(rows[p.limit-1]))
}

// fetch is how many rows to read: one more than the page holds tells whether
// another page follows.
func (p page) fetch() int { return p.limit + 1 }

// slice pages a list that is at hand as a whole, by index.
func slice[T any](p page, all []T) ([]T, string) {
	from := min(int(p.after.Number), len(all))
	to := min(from+p.limit, len(all))
	if to == len(all) {
		return all[from:], ""
	}
	return all[from:to], p.token(position{Number: int64(to)})
}

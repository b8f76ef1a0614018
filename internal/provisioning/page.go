package provisioning

import (
	"context"
	"encoding/json"

	"larder/internal/api"
	"larder/internal/identity"
	"larder/internal/seal"
)

// defaultPageSize is what AWS answers without a PageSize, or with 0.
const defaultPageSize = 20

// A page is one page of a listing: how many rows, and after which key.
type page struct {
	size    int
	after   position
	binding seal.Binding
}

// A position is a keyset: the last row's creation time, or what else it is
// sorted by, and id, or, in a listing that lies in memory, how many were given.
type position struct {
	Created int64  `json:"c,omitempty"`
	Key     string `json:"k,omitempty"`
	ID      string `json:"i,omitempty"`
	Index   int    `json:"n,omitempty"`
	Total   int    `json:"t,omitempty"` // of all pages
}

// page reads a request's PageSize and PageToken. The token is bound to the
// operation, the caller and the filters given.
func (p *Provisioning) page(ctx context.Context, op api.Op, size *int, token *string, filters ...string) (page, error) {
	c := identity.CallerFrom(ctx)
	pg := page{
		size: defaultPageSize,
		binding: seal.Binding{
			Operation: op.String(), Account: c.Account, Region: c.Region, Caller: c.ARN,
			Filters: stored(filters),
		},
	}
	if size != nil && *size > 0 {
		pg.size = *size
	}
	cursor, err := p.tokens.Read(pg.binding, api.Or(token, ""))
	if err == nil && len(cursor) > 0 {
		err = json.Unmarshal([]byte(cursor[0]), &pg.after)
	}
	if err != nil {
		return page{}, api.InvalidParameters("The page token is invalid")
	}
	return pg, nil
}

// next mints the token of the page after at.
func (p *Provisioning) next(pg page, at position) string {
	return p.tokens.Mint(pg.binding, stored(at))
}

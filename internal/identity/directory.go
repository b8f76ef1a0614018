package identity

import (
	"context"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/seal"
)

// A Directory is where an account's users, groups, roles, keys and policies
// are managed: operations of Larder's own API, each in the caller's account.
// What it changes counts at once in this process.
//
// The nil Directory is that of dev, where everybody exists and nothing is
// managed: it refuses by name.
type Directory struct {
	serve  *Serve
	tokens *seal.Tokens
}

// NewDirectory returns the directory behind a Serve.
func NewDirectory(s *Serve, tokens *seal.Tokens) *Directory {
	return &Directory{serve: s, tokens: tokens}
}

// view runs fn over the caller's account.
func (d *Directory) view(ctx context.Context, fn func(tx *db.Tx, account string) error) error {
	if err := d.managed(); err != nil {
		return err
	}
	account := CallerFrom(ctx).Account
	return d.serve.db.View(ctx, func(tx *db.Tx) error { return fn(tx, account) })
}

// update changes something in the caller's account; what was remembered of
// keys and policies is forgotten then.
func (d *Directory) update(ctx context.Context, fn func(tx *db.Tx, account string) error) error {
	if err := d.managed(); err != nil {
		return err
	}
	account := CallerFrom(ctx).Account
	return d.serve.db.Update(ctx, func(tx *db.Tx) error {
		tx.OnCommit(d.serve.known.forget)
		return fn(tx, account)
	})
}

func (d *Directory) managed() error {
	if d == nil {
		return api.OperationNotSupported("In larder dev every well-formed account, user, group and role exists and may do everything; they are managed in larder serve.")
	}
	return nil
}

// partition is that of the caller's region.
func partition(ctx context.Context) string { return id.Partition(CallerFrom(ctx).Region) }

// A page is the part of a list that one call answers, in order of one key.
type page struct {
	tokens  *seal.Tokens
	binding seal.Binding
	limit   int
	after   string // the key of the last one given out; no key is ""
}

const defaultPage = 20

// page reads where a list goes on. A token of another list, caller or filter
// is unusable.
func (d *Directory) page(ctx context.Context, op api.Op, size *int, token *string, filter string) (page, error) {
	if err := d.managed(); err != nil {
		return page{}, err
	}
	c := CallerFrom(ctx)
	p := page{
		tokens:  d.tokens,
		binding: seal.Binding{Operation: op.String(), Account: c.Account, Region: c.Region, Caller: c.ARN, Filters: filter},
		limit:   api.Or(size, 0),
	}
	if p.limit == 0 {
		p.limit = defaultPage
	}
	cursor, err := d.tokens.Read(p.binding, api.Or(token, ""))
	if err != nil || cursor != nil && len(cursor) != 1 {
		return page{}, api.InvalidParameters("Invalid page token.")
	}
	if cursor != nil {
		p.after = cursor[0]
	}
	return p, nil
}

// cut takes the page off rows, of which one more than it holds were read, and
// returns the next one's token: "" on the last.
func cut[T any](p page, rows []T, key func(T) string) ([]T, string) {
	if len(rows) <= p.limit {
		return rows, ""
	}
	rows = rows[:p.limit]
	return rows, p.tokens.Mint(p.binding, key(rows[p.limit-1]))
}

// principals lists an account's users, groups or roles, a page by name.
func (d *Directory) principals(ctx context.Context, op api.Op, kind id.PrincipalKind, size *int, token *string) ([]principal, string, error) {
	p, err := d.page(ctx, op, size, token, "")
	if err != nil {
		return nil, "", err
	}
	var all []principal
	err = d.view(ctx, func(tx *db.Tx, account string) error {
		all, err = db.Collect(tx, func(r *db.Rows) (one principal, err error) {
			err = one.scan(r)
			return one, err
		}, `SELECT `+principalColumns+` FROM principal p WHERE p.account = ? AND p.kind = ? AND p.folded > ? ORDER BY p.folded LIMIT ?`,
			account, kind.String(), p.after, p.limit+1)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	all, next := cut(p, all, func(p principal) string { return fold(p.name) })
	return all, next, nil
}

// add makes a principal of the caller's account.
func (d *Directory) add(ctx context.Context, unique id.Unique, kind id.PrincipalKind, name string, path *string, data principalData) (*principal, error) {
	if err := d.managed(); err != nil {
		return nil, err
	}
	p := &principal{
		id: unique, account: CallerFrom(ctx).Account, kind: kind, path: api.Or(path, "/"), name: name,
		created: db.Micros(d.serve.now()), data: data,
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := d.update(ctx, func(tx *db.Tx, _ string) error { return p.add(tx, data.encoded()) }); err != nil {
		return nil, err
	}
	return p, nil
}

// remove deletes a principal of the caller's account with all that is only
// about it. The caller's own user stays: nobody locks themselves out by a slip.
func (d *Directory) remove(ctx context.Context, kind id.PrincipalKind, name string) error {
	return d.update(ctx, func(tx *db.Tx, account string) error {
		p, err := find(tx, account, kind, name)
		if err != nil {
			return err
		}
		if string(p.id) == CallerFrom(ctx).UserID {
			return api.InvalidParameters("The %s with name %s is the one who asks for it.", kind, p.name)
		}
		return p.remove(tx)
	})
}

// check refuses a name or a path that IAM would.
func (p *principal) check() error {
	if len(p.name) > longestName(p.kind) {
		return api.InvalidParameters("1 validation error detected: Value at '%sName' failed to satisfy constraint: Member must have length less than or equal to %d", p.kind, longestName(p.kind))
	}
	if read, ok := p.arn("aws").ARN().Principal(); !ok || read != p.arn("aws") {
		return api.InvalidParameters("%s with path %s is no valid name for a %s.", p.name, p.path, p.kind)
	}
	return nil
}

// longestName is IAM's bound of a name.
func longestName(kind id.PrincipalKind) int {
	if kind == id.Group {
		return 128
	}
	return 64
}

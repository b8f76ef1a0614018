package stack

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/schema"
	"larder/internal/db"
)

// Describe returns a stack by its name (the active one) or its ARN (also one
// that is deleted).
func (s *Stacks) Describe(ctx context.Context, account, region, stack string) (Stack, error) {
	return s.lookup(ctx, account, region, stack, "Stack with id %s does not exist")
}

// lookup returns a stack or refuses in the words of the operation that asks.
func (s *Stacks) lookup(ctx context.Context, account, region, stack, refusal string) (st Stack, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		st, err = find(tx, account, region, stack)
		return err
	})
	if none(err) {
		err = invalid(refusal, stack)
	}
	return st, err
}

// maxPage bounds every page.
const maxPage = 100

func pageSize(asked int) int {
	if asked <= 0 || asked > maxPage {
		return maxPage
	}
	return asked
}

// ListInput asks for a page of stacks, newest first.
type ListInput struct {
	Account, Region string
	Statuses        []Status // none: all
	Active          bool     // leave deleted ones out (DescribeStacks without a name)
	After           string   // Next of the page before
	Limit           int
}

// List returns a page of stacks, and the After of the next one ("" if this is
// the last).
func (s *Stacks) List(ctx context.Context, in ListInput) (page []Stack, next string, err error) {
	limit := pageSize(in.Limit)
	err = s.db.View(ctx, func(tx *db.Tx) error {
		query := `SELECT mark, body FROM stack WHERE account = ? AND region = ?`
		args := []any{in.Account, in.Region}
		if in.Active {
			query += ` AND active = 1`
		}
		if len(in.Statuses) > 0 {
			query += ` AND status IN (?` + strings.Repeat(`, ?`, len(in.Statuses)-1) + `)`
			for _, status := range in.Statuses {
				args = append(args, status)
			}
		}
		if in.After != "" {
			last, err := stackByID(tx, in.After)
			if err != nil {
				return err
			}
			query += ` AND (created, id) < (?, ?)`
			args = append(args, db.Micros(last.Created), last.ID)
		}
		query += ` ORDER BY created DESC, id DESC LIMIT ?`
		page, err = db.Collect(tx, scanStack, query, append(args, limit+1)...)
		return err
	})
	if none(err) {
		return nil, "", invalid("The page token is not valid")
	}
	if err != nil {
		return nil, "", err
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next, nil
}

// EventsInput asks for a page of events, newest first.
type EventsInput struct {
	Account, Region string
	Stack           string // name or ARN
	Before          int64  // Next of the page before; 0 for the newest
	Limit           int
}

// A page of events ends at an event of a pack: the cursor is the pack's
// number and the event's index in it.
const cursorBits = 20

// packsPerRead is how many packs are read at once for a page of events.
const packsPerRead = 4

// Events returns a page of a stack's events, and the Before of the next one
// (0 if this is the last).
func (s *Stacks) Events(ctx context.Context, in EventsInput) (st Stack, page []Event, next int64, err error) {
	st, err = s.lookup(ctx, in.Account, in.Region, in.Stack, "Stack [%s] does not exist")
	if err != nil {
		return Stack{}, nil, 0, err
	}
	limit := pageSize(in.Limit)
	number, before := st.Journal.Packs, 1<<cursorBits
	if in.Before > 0 {
		number, before = in.Before>>cursorBits, int(in.Before&(1<<cursorBits-1))
	}
	for {
		var packs []numbered
		err = s.db.View(ctx, func(tx *db.Tx) (err error) {
			packs, err = packsBefore(tx, st.ID, number, packsPerRead)
			return err
		})
		if err != nil {
			return Stack{}, nil, 0, err
		}
		if len(packs) == 0 {
			return st, page, 0, nil
		}
		for _, n := range packs {
			p, err := decodePack(n.body)
			if err != nil {
				return Stack{}, nil, 0, err
			}
			if n.number != number {
				before = len(p.Events)
			}
			for i := min(before, len(p.Events)) - 1; i >= 0; i-- {
				if len(page) == limit {
					return st, page, n.number<<cursorBits | int64(i+1), nil
				}
				page = append(page, p.event(&st, i))
			}
		}
		number, before = packs[len(packs)-1].number-1, 1<<cursorBits
	}
}

// Resources returns a stack's resources, sorted by logical id.
func (s *Stacks) Resources(ctx context.Context, account, region, stack string) (Stack, []Resource, error) {
	st, err := s.lookup(ctx, account, region, stack, "Stack with id %s does not exist")
	if err != nil {
		return Stack{}, nil, err
	}
	resources, err := s.resourcesOf(ctx, &st)
	return st, resources, err
}

func (s *Stacks) resourcesOf(ctx context.Context, st *Stack) ([]Resource, error) {
	var packs []numbered
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		packs, err = allPacks(tx, st.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	entries, _, err := fold(packs)
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]bool, len(entries))
	for _, e := range entries {
		wanted[e.LogicalID] = wanted[e.LogicalID] || e.Superseded == ""
	}
	resources := make([]Resource, 0, len(entries))
	for _, e := range entries {
		if e.Superseded != "" && (wanted[e.LogicalID] || e.Lost) {
			continue // it is the stack's no more, or another has its place
		}
		resources = append(resources, Resource{
			LogicalID: e.LogicalID, Type: e.Type, Physical: e.Physical, Status: e.Status, Reason: e.Reason,
			Updated: time.UnixMilli(e.At).UTC(),
		})
	}
	slices.SortFunc(resources, func(a, b Resource) int { return cmp.Compare(a.LogicalID, b.LogicalID) })
	return resources, nil
}

// Holder returns the stack that has the resource with that physical id.
func (s *Stacks) Holder(ctx context.Context, account, region, physical string) (st Stack, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		var holder string
		err := tx.Row(`SELECT stack FROM resource WHERE account = ? AND region = ? AND physical = ? ORDER BY stack LIMIT 1`,
			account, region, physical).Scan(&holder)
		if err != nil {
			return err
		}
		st, err = stackByID(tx, holder)
		return err
	})
	if none(err) {
		err = invalid("Stack for %s does not exist", physical)
	}
	return st, err
}

// Inventory is what exists, of all stacks.
func (s *Stacks) Inventory() resource.Inventory { return resource.Inventory{DB: s.db} }

// Template returns the text that a stack was made of. One that is in review
// has none yet; AWS answers an empty one then (envato/stack_master#232).
func (s *Stacks) Template(ctx context.Context, account, region, stack string) (st Stack, text []byte, err error) {
	st, err = s.lookup(ctx, account, region, stack, "Stack with id %s does not exist")
	if err != nil || st.Status == ReviewInProgress {
		return st, nil, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		text, err = db.Blob(tx, st.Digest)
		return err
	})
	return st, text, err
}

// Values returns the values of a stack's parameters with the secrets opened,
// for those who take the stack over and seal them again.
func (s *Stacks) Values(st *Stack) ([]Parameter, error) {
	values := slices.Clone(st.Parameters)
	for i := range values {
		var err error
		if values[i].Value, err = s.value(st, values[i]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// value returns the value of a stack's parameter, opened if it is secret.
func (s *Stacks) value(st *Stack, p Parameter) (string, error) {
	if !p.NoEcho {
		return p.Value, nil
	}
	plain, err := s.keys.Open(p.Sealed, parameterOf(st.ID, p.Key))
	return string(plain), err
}

// Reveal opens the secrets among a stack's outputs, for those who seal them
// again.
func (s *Stacks) Reveal(st *Stack) ([]Output, error) {
	outputs := slices.Clone(st.Outputs)
	for i := range outputs {
		if o := &outputs[i]; o.NoEcho {
			plain, err := s.keys.Open(o.Sealed, outputOf(st.ID, o.Key))
			if err != nil {
				return nil, err
			}
			o.Value = schema.Secret(plain).Reveal()
		}
	}
	return outputs, nil
}

// Exports returns a page of a region's exports by name, and the After of the
// next one.
func (s *Stacks) Exports(ctx context.Context, account, region, after string, limit int) (page []Export, next string, err error) {
	limit = pageSize(limit)
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		page, err = db.Collect(tx, func(r *db.Rows) (e Export, err error) {
			err = r.Scan(&e.Name, &e.Stack, &e.Value)
			return e, err
		}, `SELECT name, stack, value FROM stack_export WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?`,
			account, region, after, limit+1)
		return err
	})
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].Name
	}
	return page, next, err
}

// Importers returns a page of the names of stacks that import an export, and
// the After of the next one.
func (s *Stacks) Importers(ctx context.Context, account, region, export, after string, limit int) (page []string, next string, err error) {
	limit = pageSize(limit)
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		page, err = db.Collect(tx, func(r *db.Rows) (name string, err error) {
			err = r.Scan(&name)
			return name, err
		}, `SELECT s.name FROM stack_import i JOIN stack s ON s.id = i.stack
			WHERE i.account = ? AND i.region = ? AND i.name = ? AND s.name > ? ORDER BY s.name LIMIT ?`,
			account, region, export, after, limit+1)
		return err
	})
	switch {
	case err != nil:
		return nil, "", err
	case len(page) == 0 && after == "":
		return nil, "", invalid("Export '%s' is not imported by any stack.", export)
	case len(page) > limit:
		page = page[:limit]
		next = page[limit-1]
	}
	return page, next, nil
}

package stackset

import (
	"context"
	"strconv"
	"strings"
	"time"

	"larder/internal/db"
)

// maxPage bounds every page.
const maxPage = 100

func pageSize(asked int) int {
	if asked <= 0 || asked > maxPage {
		return maxPage
	}
	return asked
}

// cut shortens a page that was read with one row too many, and returns that
// page's last row; ok is false if nothing follows it.
func cut[T any](page []T, limit int) (short []T, last T, ok bool) {
	if len(page) <= limit {
		return page, last, false
	}
	return page[:limit], page[limit-1], true
}

var errToken = invalid("NextToken is not valid.")

// Describe returns a set by its name (the active one), id or ARN (also one
// that is deleted), and the regions where it has instances.
func (s *Sets) Describe(ctx context.Context, account, region, name string) (set Set, regions []string, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		if set, err = findSet(tx, account, region, name); err != nil {
			return err
		}
		regions, err = regionsOf(tx, set.ID)
		return err
	})
	if none(err) {
		err = noSet(name)
	}
	return set, regions, err
}

// Template returns the text of a set's template.
func (s *Sets) Template(ctx context.Context, set *Set) ([]byte, error) { return s.text(ctx, set) }

// ListInput asks for a page of sets, newest first.
type ListInput struct {
	Account, Region string
	Deleted         *bool  // only deleted ones, or only others; nil: all
	After           string // Next of the page before
	Limit           int
}

// List returns a page of sets, and the After of the next one ("" if this is
// the last).
func (s *Sets) List(ctx context.Context, in ListInput) (page []Set, next string, err error) {
	limit := pageSize(in.Limit)
	err = s.db.View(ctx, func(tx *db.Tx) error {
		query, args := `SELECT mark, body FROM stackset WHERE account = ? AND region = ?`, []any{in.Account, in.Region}
		if in.Deleted != nil {
			query += ` AND active = ?`
			args = append(args, !*in.Deleted)
		}
		if in.After != "" {
			last, err := setByID(tx, in.After)
			if err != nil {
				return err
			}
			query += ` AND (created, id) < (?, ?)`
			args = append(args, db.Micros(last.Created), last.ID)
		}
		page, err = db.Collect(tx, scanSet, query+` ORDER BY created DESC, id DESC LIMIT ?`, append(args, limit+1)...)
		return err
	})
	if none(err) {
		return nil, "", errToken
	}
	page, last, more := cut(page, limit)
	if more {
		next = last.ID
	}
	return page, next, err
}

// InstancesList asks for a page of a set's instances, by account and region.
type InstancesList struct {
	Account, Region string // the administrator's
	Set             string
	// Filters; empty ones match everything.
	At        Place
	Detailed  string // see [Instance.Detailed]
	Operation string // id of the operation that concerned it last
	After     Place  // Next of the page before
	Limit     int
}

// Instances returns a page of instances, and the After of the next one (the
// zero Place if this is the last).
func (s *Sets) Instances(ctx context.Context, in InstancesList) (set Set, page []Instance, next Place, err error) {
	limit := pageSize(in.Limit)
	err = s.db.View(ctx, func(tx *db.Tx) error {
		if set, err = findSet(tx, in.Account, in.Region, in.Set); err != nil {
			return err
		}
		query, args := instanceFrom+` AND (i.account, i.region) > (?, ?)`, []any{set.ID, in.After.Account, in.After.Region}
		for _, f := range []struct{ column, value string }{
			{`i.account`, in.At.Account}, {`i.region`, in.At.Region}, {`o.id`, in.Operation},
			{`CASE WHEN i.status = 'INOPERABLE' AND COALESCE(x.status, '') NOT IN ('PENDING', 'RUNNING') THEN 'INOPERABLE' ELSE x.status END`, in.Detailed},
		} {
			if f.value != "" {
				query += ` AND ` + f.column + ` = ?`
				args = append(args, f.value)
			}
		}
		page, err = db.Collect(tx, scanInstance, query+` ORDER BY i.account, i.region LIMIT ?`, append(args, limit+1)...)
		return err
	})
	if none(err) {
		err = noSet(in.Set)
	}
	for i := range page {
		page[i].Set = set.ID
	}
	page, last, more := cut(page, limit)
	if more {
		next = last.Place
	}
	return set, page, next, err
}

// Instance returns one instance.
func (s *Sets) Instance(ctx context.Context, account, region, set string, at Place) (of Set, i Instance, err error) {
	of, page, _, err := s.Instances(ctx, InstancesList{Account: account, Region: region, Set: set, At: at, Limit: 1})
	switch {
	case err != nil:
		return Set{}, Instance{}, err
	case len(page) == 0 || at.Account == "" || at.Region == "":
		return Set{}, Instance{}, refuse("StackInstanceNotFoundException", "Stack instance of stack set %s in account %s, region %s not found", set, at.Account, at.Region)
	}
	return of, page[0], nil
}

// Operation returns an operation of a set.
func (s *Sets) Operation(ctx context.Context, account, region, set, id string) (op Operation, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		op, err = findOperation(tx, account, region, set, id)
		return err
	})
	return op, err
}

// findOperation returns an operation, or the refusal that says what is not
// there.
func findOperation(tx *db.Tx, account, region, set, id string) (Operation, error) {
	of, err := findSet(tx, account, region, set)
	if none(err) {
		return Operation{}, noSet(set)
	}
	if err != nil {
		return Operation{}, err
	}
	op, err := operationByID(tx, of.ID, id)
	if none(err) {
		err = noOperation(id)
	}
	return op, err
}

// Operations returns a page of a set's operations, newest first, and the
// after of the next one.
func (s *Sets) Operations(ctx context.Context, account, region, set, after string, limit int) (page []Operation, next string, err error) {
	limit = pageSize(limit)
	err = s.db.View(ctx, func(tx *db.Tx) error {
		of, err := findSet(tx, account, region, set)
		if none(err) {
			return noSet(set)
		}
		if err != nil {
			return err
		}
		query, args := `SELECT `+operationColumns+` FROM stackset_operation WHERE stackset = ?`, []any{of.ID}
		if after != "" {
			last, err := operationByID(tx, of.ID, after)
			if none(err) {
				return errToken
			}
			if err != nil {
				return err
			}
			query += ` AND (created, run) < (?, ?)`
			args = append(args, db.Micros(last.Created), last.run)
		}
		page, err = db.Collect(tx, scanOperation, query+` ORDER BY created DESC, run DESC LIMIT ?`, append(args, limit+1)...)
		return err
	})
	page, last, more := cut(page, limit)
	if more {
		next = last.ID
	}
	return page, next, err
}

// ResultsInput asks for a page of what an operation has come to, in the order
// of its regions.
type ResultsInput struct {
	Account, Region string // the administrator's
	Set, Operation  string
	Status          Result // "": any
	After           string // Next of the page before
	Limit           int
}

// Results returns a page of results, and the After of the next one ("" if
// this is the last).
func (s *Sets) Results(ctx context.Context, in ResultsInput) (page []Outcome, next string, err error) {
	limit := pageSize(in.Limit)
	place, account := int64(-1), ""
	if in.After != "" {
		first, second, _ := strings.Cut(in.After, "/")
		if place, err = strconv.ParseInt(first, 10, 32); err != nil {
			return nil, "", errToken
		}
		account = second
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		op, err := findOperation(tx, in.Account, in.Region, in.Set, in.Operation)
		if err != nil {
			return err
		}
		query, args := `SELECT `+outcomeColumns+` FROM stackset_result WHERE operation = ? AND (place, account) > (?, ?)`, []any{op.run, place, account}
		if in.Status != "" {
			query += ` AND status = ?`
			args = append(args, in.Status)
		}
		page, err = db.Collect(tx, scanOutcome, query+` ORDER BY place, account LIMIT ?`, append(args, limit+1)...)
		return err
	})
	page, last, more := cut(page, limit)
	if more {
		next = strconv.Itoa(last.place) + "/" + last.Account
	}
	return page, next, err
}

// Progress is how far an operation is, for people.
type Progress struct {
	Operation Operation
	Counts    []Count  // of each region, in their order
	First     *Outcome // what failed first; nil if nothing has
	Rate      float64  // instances done with per second, since it began
}

// Progress tells how far an operation is.
func (s *Sets) Progress(ctx context.Context, account, region, set, operation string) (p Progress, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		p = Progress{}
		if p.Operation, err = findOperation(tx, account, region, set, operation); err != nil {
			return err
		}
		regions, err := counts(tx, p.Operation.run)
		if err != nil {
			return err
		}
		for _, r := range regions {
			p.Counts = append(p.Counts, r.Count)
		}
		first, err := db.Collect(tx, scanOutcome, `SELECT `+outcomeColumns+` FROM stackset_result
			WHERE operation = ? AND status = 'FAILED' ORDER BY ended LIMIT 1`, p.Operation.run)
		if len(first) > 0 {
			p.First = &first[0]
		}
		return err
	})
	until := p.Operation.Ended
	if until.IsZero() {
		until = s.now()
	}
	finished := 0
	for _, c := range p.Counts {
		finished += c.Succeeded + c.Failed
	}
	if took := until.Sub(p.Operation.Created); took > time.Millisecond {
		p.Rate = float64(finished) / took.Seconds()
	}
	return p, err
}

package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Tx is one transaction. It must not outlive the closure it was given to and
// is used by one goroutine.
type Tx struct {
	ctx     context.Context
	session session
	rows    *Rows // the query being read, nil if none
	err     error // the failure that doomed the transaction
	hooks   []func()
	over    bool
}

// A session is a database's connection inside a transaction. Arguments have
// been through bind.
type session interface {
	// exec may put the statement off; rows, unless nil, is set once it ran.
	exec(ctx context.Context, query string, args []any, rows *int64) error
	execRows(ctx context.Context, query string, args []any) (int64, error)
	query(ctx context.Context, query string, args []any) (cursor, error)
}

// A cursor goes over the rows of a query.
type cursor interface {
	// next returns the values of the next row, nil at the end. They are
	// string, int64, []byte or nil, and valid until the following call.
	next() ([]any, error)
	close() error
}

var (
	errOver = errors.New("db: the transaction is over")
	errOpen = errors.New("db: the rows of an earlier query are still open")
)

// Exec runs a statement whose effect nobody waits for. On PostgreSQL it may
// be sent together with later statements, so its error may be returned by
// the next read or by the commit.
func (tx *Tx) Exec(query string, args ...any) error {
	if err := tx.ready(query, args); err != nil {
		return err
	}
	return tx.fail(query, tx.session.exec(tx.ctx, query, args, nil))
}

// ExecCount is Exec for a statement whose number of changed rows matters only
// after the commit: *rows is set by the time the hooks of OnCommit run.
func (tx *Tx) ExecCount(rows *int64, query string, args ...any) error {
	if err := tx.ready(query, args); err != nil {
		return err
	}
	return tx.fail(query, tx.session.exec(tx.ctx, query, args, rows))
}

// ExecRows runs a statement and returns how many rows it changed.
func (tx *Tx) ExecRows(query string, args ...any) (int64, error) {
	if err := tx.ready(query, args); err != nil {
		return 0, err
	}
	n, err := tx.session.execRows(tx.ctx, query, args)
	return n, tx.fail(query, err)
}

// Query runs a query. The rows must be closed (or read to their end) before
// the next statement.
func (tx *Tx) Query(query string, args ...any) (*Rows, error) {
	if err := tx.ready(query, args); err != nil {
		return nil, err
	}
	c, err := tx.session.query(tx.ctx, query, args)
	if err != nil {
		return nil, tx.fail(query, err)
	}
	tx.rows = &Rows{tx: tx, cursor: c, text: query}
	return tx.rows, nil
}

// Row runs a query of which the first row counts.
func (tx *Tx) Row(query string, args ...any) *Row {
	rows, err := tx.Query(query, args...)
	return &Row{rows: rows, err: err}
}

// OnCommit has fn called once after the transaction is durable, never if it
// is not. It is called in the goroutine that called Update, before Update
// returns.
func (tx *Tx) OnCommit(fn func()) { tx.hooks = append(tx.hooks, fn) }

// ready checks that a statement can be run now and converts its arguments in
// place; args is the variadic slice of the call, or a caller's own whose
// values become their stored form.
func (tx *Tx) ready(query string, args []any) error {
	switch {
	case tx.over:
		return errOver
	case tx.err != nil:
		return tx.err
	case tx.rows != nil:
		return tx.fail(query, errOpen)
	}
	if err := tx.ctx.Err(); err != nil {
		return tx.fail(query, context.Cause(tx.ctx))
	}
	for i, a := range args {
		v, err := bind(a)
		if err != nil {
			return tx.fail(query, fmt.Errorf("argument %d: %w", i+1, err))
		}
		args[i] = v
	}
	return nil
}

// fail dooms the transaction: after the first failed statement nothing else
// runs and nothing is written, on both databases alike.
func (tx *Tx) fail(query string, err error) error {
	if err == nil || tx.err != nil {
		return tx.err
	}
	tx.err = fmt.Errorf("db: %w (in %s)", err, excerpt(query))
	return tx.err
}

// end closes the transaction to further use and returns its outcome.
func (tx *Tx) end(err error) error {
	if tx.rows != nil {
		if closing := tx.rows.Close(); err == nil {
			err = closing
		}
	}
	tx.over = true
	if err == nil {
		err = tx.err
	}
	return err
}

// committed calls the hooks.
func (tx *Tx) committed() {
	for _, fn := range tx.hooks {
		fn()
	}
}

// excerpt is the beginning of a statement on one line, for error messages.
func excerpt(query string) string {
	const most = 100
	text := strings.Join(strings.Fields(query), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// Rows are the result of a query.
type Rows struct {
	tx     *Tx
	cursor cursor
	text   string
	row    []any
	err    error
}

// Next goes to the next row. At the end, or on an error, it closes the rows.
func (r *Rows) Next() bool {
	if r.cursor == nil || r.err != nil {
		return false
	}
	if r.err = r.tx.ctx.Err(); r.err == nil {
		r.row, r.err = r.cursor.next()
	}
	if r.err != nil {
		r.err = r.tx.fail(r.text, r.err)
	}
	if r.err != nil || r.row == nil {
		if err := r.Close(); r.err == nil {
			r.err = err
		}
		return false
	}
	return true
}

// Scan copies the current row's columns. A destination is a pointer to a
// string, []byte, integer, bool or a type made of one of these, a pointer to
// such a pointer for what may be NULL, or a [database/sql.Scanner].
func (r *Rows) Scan(dest ...any) error {
	if r.row == nil {
		return errors.New("db: Scan without a row")
	}
	if len(dest) != len(r.row) {
		return fmt.Errorf("db: %d destinations for %d columns (in %s)", len(dest), len(r.row), excerpt(r.text))
	}
	for i, d := range dest {
		if err := assign(d, r.row[i]); err != nil {
			return fmt.Errorf("db: column %d: %w (in %s)", i+1, err, excerpt(r.text))
		}
	}
	return nil
}

// Err returns the error that ended Next.
func (r *Rows) Err() error { return r.err }

// Close ends the query. It may be called twice.
func (r *Rows) Close() error {
	if r.cursor == nil {
		return nil
	}
	err := r.cursor.close()
	r.cursor, r.row = nil, nil
	if r.tx.rows == r {
		r.tx.rows = nil
	}
	return r.tx.fail(r.text, err)
}

// Row is the first row of a query.
type Row struct {
	rows *Rows
	err  error
}

// Scan copies the row's columns; [ErrNoRows] if there is none.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	return r.rows.Close()
}

// Collect reads all rows of a query with scan.
func Collect[T any](tx *Tx, scan func(*Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

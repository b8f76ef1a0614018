package db

// Tx is one transaction. It must not outlive the closure it was given to.
type Tx struct{}

// Exec runs a statement whose effect nobody waits for. On PostgreSQL it may
// be sent together with later statements, so its error may be returned by
// the next read or by the commit.
func (tx *Tx) Exec(query string, args ...any) error { panic("being built") }

// ExecRows runs a statement and returns how many rows it changed.
func (tx *Tx) ExecRows(query string, args ...any) (int64, error) { panic("being built") }

// Query runs a query. The rows must be closed (or read to their end) before
// the next statement.
func (tx *Tx) Query(query string, args ...any) (*Rows, error) { panic("being built") }

// Row runs a query of which the first row counts.
func (tx *Tx) Row(query string, args ...any) *Row { panic("being built") }

// OnCommit has fn called once after the transaction is durable, never if it
// is not.
func (tx *Tx) OnCommit(fn func()) { panic("being built") }

// Rows are the result of a query.
type Rows struct{}

// Next goes to the next row.
func (r *Rows) Next() bool { panic("being built") }

// Scan copies the current row's columns.
func (r *Rows) Scan(dest ...any) error { panic("being built") }

// Err returns the error that ended Next.
func (r *Rows) Err() error { panic("being built") }

// Close ends the query. It may be called twice.
func (r *Rows) Close() error { panic("being built") }

// Row is the first row of a query.
type Row struct{}

// Scan copies the row's columns; [ErrNoRows] if there is none.
func (r *Row) Scan(dest ...any) error { panic("being built") }

// Collect reads all rows of a query with scan.
func Collect[T any](tx *Tx, scan func(*Rows) (T, error), query string, args ...any) ([]T, error) {
	panic("being built")
}

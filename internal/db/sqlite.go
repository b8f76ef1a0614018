package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// embedded is a SQLite database in a directory of this process's own.
type embedded struct {
	lock    *os.File
	writer  *writer
	readers chan *conn // idle reading connections
	conns   int        // how many readers there are
	closing chan struct{}
	once    sync.Once
}

const fileName = "larder.db"

func openSQLite(ctx context.Context, o Options) (_ *embedded, err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("db: make the data directory: %w", err)
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	e := &embedded{lock: lock, closing: make(chan struct{})}
	defer func() {
		if err != nil {
			_ = e.close()
		}
	}()
	conns := o.Conns
	if conns <= 0 {
		conns = 4
	}
	rw := &rewriter{dialect: sqliteDialect}
	// The driver names a file by its URI, in which a relative path would begin
	// with the name of a host.
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, fileName)
	dc, err := openConn(file, false, o.Ephemeral)
	if err != nil {
		return nil, fmt.Errorf("db: open %s: %w", file, err)
	}
	e.writer = startWriter(newConn(dc, rw))
	if err := migrate(ctx, e, o.Logger); err != nil {
		return nil, err
	}
	e.readers = make(chan *conn, conns)
	for range conns {
		dc, err := openConn(file, true, o.Ephemeral)
		if err != nil {
			return nil, fmt.Errorf("db: open %s for reading: %w", file, err)
		}
		e.readers <- newConn(dc, rw)
		e.conns++
	}
	return e, nil
}

func (e *embedded) close() error {
	var all []error
	e.once.Do(func() {
		close(e.closing)
		if e.writer != nil {
			e.writer.stop()
		}
		// Readers go first: the last connection to close checkpoints the log,
		// and one that may only read cannot.
		for range e.conns {
			all = append(all, (<-e.readers).close())
		}
		if e.writer != nil {
			all = append(all, e.writer.conn.close())
		}
		all = append(all, unlockDir(e.lock))
	})
	return errors.Join(all...)
}

func (e *embedded) update(ctx context.Context, fn func(*Tx) error) error {
	return e.writer.update(ctx, fn)
}

func (e *embedded) view(ctx context.Context, fn func(*Tx) error) error {
	select {
	case <-e.closing:
		return ErrClosed
	default:
	}
	var c *conn
	select {
	case c = <-e.readers:
	case <-e.closing:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { e.readers <- c }()
	if err := c.run("BEGIN"); err != nil {
		return fmt.Errorf("db: begin: %w", err)
	}
	tx := &Tx{ctx: ctx, session: c}
	// A closure that ends its goroutine runs the deferred functions, too.
	defer func() {
		_ = tx.end(nil)
		_ = c.run("ROLLBACK")
	}()
	err := call(fn, tx, func() {})
	raise(err)
	return tx.end(err)
}

// conn is a connection with its prepared statements. One goroutine at a time
// uses it.
type conn struct {
	driver   driver.Conn
	rewriter *rewriter
	prepared map[string]*prepared
}

type prepared struct {
	stmt driver.Stmt
	text statement
}

// maxPrepared bounds a connection's statements; past it all are dropped and
// those in use come back.
const maxPrepared = 512

func newConn(c driver.Conn, rw *rewriter) *conn {
	return &conn{driver: c, rewriter: rw, prepared: map[string]*prepared{}}
}

func (c *conn) prepare(query string) (*prepared, error) {
	if p := c.prepared[query]; p != nil {
		return p, nil
	}
	s, err := c.rewriter.statement(query)
	if err != nil {
		return nil, err
	}
	if len(c.prepared) >= maxPrepared {
		if err := c.forget(); err != nil {
			return nil, err
		}
	}
	stmt, err := c.driver.Prepare(s.text)
	if err != nil {
		return nil, err
	}
	p := &prepared{stmt: stmt, text: s}
	c.prepared[query] = p
	return p, nil
}

// forget closes all prepared statements.
func (c *conn) forget() error {
	var all []error
	for text, p := range c.prepared {
		all = append(all, p.stmt.Close())
		delete(c.prepared, text)
	}
	return errors.Join(all...)
}

func (c *conn) close() error { return errors.Join(c.forget(), c.driver.Close()) }

// run executes a statement of our own, such as COMMIT.
func (c *conn) run(query string) error {
	_, err := c.execRows(context.Background(), query, nil)
	return err
}

func (c *conn) exec(ctx context.Context, query string, args []any, rows *int64) error {
	n, err := c.execRows(ctx, query, args)
	if rows != nil {
		*rows = n
	}
	return err
}

func (c *conn) execRows(_ context.Context, query string, args []any) (int64, error) {
	p, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	if err := p.text.fits(args); err != nil {
		return 0, err
	}
	// The caller's context is not passed on: watching it would cost a
	// goroutine per statement, and Tx looks at it before each.
	res, err := p.stmt.(driver.StmtExecContext).ExecContext(context.Background(), named(args))
	if err != nil {
		return 0, driverError(err)
	}
	return res.RowsAffected()
}

func (c *conn) query(_ context.Context, query string, args []any) (cursor, error) {
	p, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	if err := p.text.fits(args); err != nil {
		return nil, err
	}
	rows, err := p.stmt.(driver.StmtQueryContext).QueryContext(context.Background(), named(args))
	if err != nil {
		return nil, driverError(err)
	}
	columns := len(rows.Columns())
	return &sqliteRows{rows: rows, values: make([]driver.Value, columns), row: make([]any, columns)}, nil
}

func named(args []any) []driver.NamedValue {
	all := make([]driver.NamedValue, len(args))
	for i, a := range args {
		all[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return all
}

type sqliteRows struct {
	rows   driver.Rows
	values []driver.Value
	row    []any
}

func (r *sqliteRows) next() ([]any, error) {
	if err := r.rows.Next(r.values); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, driverError(err)
	}
	for i, v := range r.values {
		r.row[i] = v
	}
	return r.row, nil
}

func (r *sqliteRows) close() error { return r.rows.Close() }

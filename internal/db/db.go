// Package db is the one door to the database: SQLite (embedded, the default)
// or PostgreSQL (scale-out), behind one SQL text.
//
// SQL is written once for both. The rules that make it portable:
//
//   - Placeholders are "?". Tokens in double braces stand for what the two
//     databases spell differently: {{text}}, {{int}} and {{blob}} are column
//     types, {{now}} is the database's clock in microseconds, {{tables}} is a
//     table of the tables' names. {{clustered}} after a table keeps its rows in
//     its primary key, where SQLite can.
//   - Values are text, integers, bytes and NULL. Truth is the integer 0 or 1,
//     times are UTC microseconds (see [Micros]), JSON is text that no query
//     looks into.
//   - Text columns are declared {{text}}, so they compare and sort by bytes.
//     LIKE is not used: its case rule differs.
//   - Pages go by key: WHERE (a, id) > (?, ?) ORDER BY a, id LIMIT ?.
//   - A conflict is expected with ON CONFLICT, never caught: the first failing
//     statement dooms its transaction on both databases.
//   - SUM over {{int}} needs a cast to BIGINT, and a parameter whose type
//     nothing tells needs CAST(? AS TEXT) or CAST(? AS BIGINT).
//
// The package imports no other room and starts one goroutine per embedded
// database, the writer.
package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"
)

var (
	// ErrNoRows is what [Row.Scan] returns when the query found nothing.
	ErrNoRows = errors.New("db: no rows")

	// ErrUnique is in the chain of an error caused by a violated primary key
	// or unique index. The transaction it happened in is lost.
	ErrUnique = errors.New("db: not unique")

	// ErrClosed is returned by a database that was closed.
	ErrClosed = errors.New("db: closed")

	// ErrLocked is in the chain of the error that Open returns when another
	// process has the directory.
	ErrLocked = errors.New("db: directory is in use by another process")
)

// Options say which database to open. Exactly one of URL and Dir is set.
type Options struct {
	// URL of a PostgreSQL database: postgres://user@host/name?search_path=….
	URL string
	// Dir is the directory of an embedded database; it is made if it does
	// not exist and locked by this process until Close.
	Dir string
	// Ephemeral gives up durability for speed: what was acknowledged survives
	// the process, but not the machine. For tests and throwaway servers.
	Ephemeral bool
	// Conns bounds the connections: of an embedded database those that read
	// (default 4), of PostgreSQL all of them (default 16).
	Conns int
	// Logger hears of migrations; nil means none.
	Logger *slog.Logger
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	backend
	embedded bool
}

type backend interface {
	view(ctx context.Context, fn func(*Tx) error) error
	update(ctx context.Context, fn func(*Tx) error) error
	close() error
}

// Open opens a database and brings its schema up to date. A schema newer
// than this program knows is refused.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if (o.URL == "") == (o.Dir == "") {
		return nil, errors.New("db: give either a directory or a URL")
	}
	if o.Dir != "" {
		s, err := openSQLite(ctx, o)
		if err != nil {
			return nil, err
		}
		return &DB{backend: s, embedded: true}, nil
	}
	if !strings.HasPrefix(o.URL, "postgres://") && !strings.HasPrefix(o.URL, "postgresql://") {
		return nil, errors.New("db: the URL must begin with postgres://")
	}
	p, err := openPostgres(ctx, o)
	if err != nil {
		return nil, err
	}
	return &DB{backend: p}, nil
}

// Embedded reports whether this process is the database's only user, so that
// whatever an earlier process held is free.
func (d *DB) Embedded() bool { return d.embedded }

// View runs fn in a read transaction: one consistent snapshot that includes
// everything acknowledged before the call. fn must not call View or Update.
func (d *DB) View(ctx context.Context, fn func(*Tx) error) error { return d.view(ctx, fn) }

// Update runs fn in a write transaction and returns once its effect is
// durable. fn does SQL only and may run twice: nothing in it may parse,
// fetch, mint an id, read a clock or use crypto. If fn returns an error or
// panics, nothing of it is written, and Update returns the error or panics
// with a [*Panic].
//
// ctx bounds the wait for fn's turn. Once fn has begun on an embedded
// database its outcome is awaited, so that an error always means that
// nothing was written; on PostgreSQL a connection that breaks during the
// commit leaves the outcome open.
func (d *DB) Update(ctx context.Context, fn func(*Tx) error) error { return d.update(ctx, fn) }

// Close waits for writes in flight and closes the database.
func (d *DB) Close() error { return d.close() }

// Panic is what Update and View panic with when the closure panicked, after
// its transaction was rolled back.
type Panic struct {
	Value any    // what the closure panicked with
	Stack []byte // where
}

// Error describes the panic and where it happened.
func (p *Panic) Error() string { return fmt.Sprintf("%v\n%s", p.Value, p.Stack) }

// errExit reports a closure that ended its goroutine, as t.FailNow does.
var errExit = errors.New("db: the closure ended its goroutine")

// call runs fn and turns a panic into a *Panic error. If fn ends the
// goroutine, exit is called before the goroutine is gone.
func call(fn func(*Tx) error, tx *Tx, exit func()) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			err = &Panic{Value: v, Stack: debug.Stack()}
			return
		}
		exit()
	}()
	err = fn(tx)
	returned = true
	return err
}

// raise panics again with what call recovered, now in the goroutine that asked.
func raise(err error) {
	var p *Panic
	if errors.As(err, &p) {
		panic(p)
	}
}

// Micros is how a time is kept: UTC microseconds, 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the inverse of [Micros].
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

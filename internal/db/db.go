// Package db is the one door to the database: SQLite (embedded, the default)
// or PostgreSQL (scale-out), behind one SQL text.
//
// SQL is written once for both: "?" placeholders, TEXT ids and JSON, UTC
// integer times in microseconds. See the package's README section in
// docs/architecture.md for the portability rules.
package db

import (
	"context"
	"errors"
)

// ErrNoRows is what [Row.Scan] returns when the query found nothing.
var ErrNoRows = errors.New("db: no rows")

// DB is an open database.
type DB struct{ backend }

type backend interface {
	view(ctx context.Context, fn func(*Tx) error) error
	update(ctx context.Context, fn func(*Tx) error) error
	close() error
}

// View runs fn in a read transaction: one consistent snapshot that includes
// everything acknowledged before the call.
func (d *DB) View(ctx context.Context, fn func(*Tx) error) error { return d.view(ctx, fn) }

// Update runs fn in a write transaction and returns once its effect is
// durable. fn does SQL only and may run twice: nothing in it may parse,
// fetch, mint an id, read a clock or use crypto. If fn returns an error or
// panics, nothing of it is written.
func (d *DB) Update(ctx context.Context, fn func(*Tx) error) error { return d.update(ctx, fn) }

// Close waits for writes in flight and closes the database.
func (d *DB) Close() error { return d.close() }

package db

import (
	"context"
	"io/fs"
	"log/slog"
)

// Commits is how many batches an embedded database has made durable.
func (d *DB) Commits() int64 { return d.backend.(*embedded).writer.commits.Load() }

// Queued is how many updates wait for the writer of an embedded database.
func (d *DB) Queued() int { return len(d.backend.(*embedded).writer.requests) }

// Apply brings a database up to the migrations in files.
func (d *DB) Apply(ctx context.Context, files fs.FS) error {
	known, err := migrations(files)
	if err != nil {
		return err
	}
	return apply(ctx, d.backend, known, slog.New(slog.DiscardHandler))
}

// RewriteSQLite and RewritePostgres translate portable SQL.
func RewriteSQLite(query string) (string, int, error) {
	s, err := sqliteDialect.rewrite(query)
	return s.text, s.holes, err
}

func RewritePostgres(query string) (string, int, error) {
	s, err := postgresDialect.rewrite(query)
	return s.text, s.holes, err
}

// Split cuts a migration into its statements.
var Split = split

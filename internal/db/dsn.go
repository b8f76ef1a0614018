package db

import (
	"database/sql/driver"
	"errors"
	"net/url"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// This file is all that knows which SQLite driver is linked.

// openConn opens a connection to a database file. Page cache 8 MB each. The
// write-ahead log is copied into the database every 32 MB, so that a page that
// many commits write is copied once, and cut back to 64 MB when it is empty. What a
// double-quoted word means, and whether a foreign key holds, must not differ
// from PostgreSQL.
func openConn(file string, reads, ephemeral bool) (driver.Conn, error) {
	q := url.Values{}
	q.Set("_busy_timeout", "5000")
	q.Set("_dqs", "0")
	for _, p := range []string{
		"foreign_keys(1)", "cache_size(-8000)", "temp_store(memory)", "trusted_schema(0)",
	} {
		q.Add("_pragma", p)
	}
	if reads {
		q.Set("mode", "ro")
		q.Set("_query_only", "1")
	} else {
		q.Set("_journal_mode", "WAL")
		q.Add("_pragma", "journal_size_limit(67108864)")
		q.Add("_pragma", "wal_autocheckpoint(8000)")
		if ephemeral {
			q.Add("_pragma", "synchronous(OFF)")
		} else {
			q.Add("_pragma", "synchronous(FULL)")
		}
	}
	name := url.URL{Scheme: "file", Path: file, RawQuery: q.Encode()}
	return (&sqlite.Driver{}).Open(name.String())
}

// driverError gives a driver's error its meaning.
func driverError(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
			return errors.Join(ErrUnique, err)
		}
	}
	return err
}

// Package dbtest gives tests a fresh database each.
package dbtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"larder/internal/db"
)

// New opens a fresh embedded database with the whole schema, closed when the
// test ends.
func New(t testing.TB) *db.DB {
	t.Helper()
	return Open(t, Dir(t))
}

// Dir makes a directory with a fresh embedded database that nobody has open,
// for tests that close and reopen it with [Open].
func Dir(t testing.TB) string {
	t.Helper()
	data, err := template()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "larder.db"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Open opens the embedded database of a directory, without fsync, and closes
// it when the test ends if the test has not.
func Open(t testing.TB, dir string) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), db.Options{Dir: dir, Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return d
}

// template is the file of a migrated database. Copying it is much faster than
// migrating anew for each test.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "dbtest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d, err := db.Open(context.Background(), db.Options{Dir: dir, Ephemeral: true})
	if err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "larder.db"))
})

// Run runs a test on every database there is: embedded, and PostgreSQL if
// TEST_POSTGRES_URL names one.
func Run(t *testing.T, fn func(*testing.T, *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, New(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		fn(t, Postgres(t))
	})
}

// Postgres opens a fresh schema of the PostgreSQL database that
// TEST_POSTGRES_URL names, and skips the test if it names none.
func Postgres(t testing.TB) *db.DB {
	t.Helper()
	return OpenURL(t, URL(t))
}

// URL makes a schema in the PostgreSQL database that TEST_POSTGRES_URL names,
// for tests that open it several times, and drops it when the test ends. It
// skips the test if the variable names none. The schema is empty until it is
// first opened.
func URL(t testing.TB) string {
	t.Helper()
	base := os.Getenv("TEST_POSTGRES_URL")
	if base == "" {
		t.Skip("TEST_POSTGRES_URL names no PostgreSQL")
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	schema := "test_" + strings.ToLower(rand.Text())
	command(t, base, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { command(t, base, "DROP SCHEMA "+schema+" CASCADE") })
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// OpenURL opens a PostgreSQL database and closes it when the test ends if the
// test has not.
func OpenURL(t testing.TB, url string) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), db.Options{URL: url, Ephemeral: true, Conns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return d
}

// Empty removes every row but those of migrations, for tests that start over
// many times.
func Empty(t testing.TB, d *db.DB) {
	t.Helper()
	list := `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`
	if d.Embedded() {
		list = `SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'`
	}
	err := d.Update(context.Background(), func(tx *db.Tx) error {
		tables, err := texts(tx, list)
		if err != nil {
			return err
		}
		var looks []string
		for _, name := range tables {
			if name != "migration" {
				looks = append(looks, `SELECT '`+name+`' AS name WHERE EXISTS (SELECT 1 FROM `+name+`)`)
			}
		}
		full, err := texts(tx, strings.Join(looks, " UNION ALL "))
		if err != nil || len(full) == 0 {
			return err
		}
		if !d.Embedded() {
			return tx.Exec(`TRUNCATE ` + strings.Join(full, ", ") + ` CASCADE`)
		}
		// References are looked at when all tables are empty.
		if err := tx.Exec(`PRAGMA defer_foreign_keys = 1`); err != nil {
			return err
		}
		for _, name := range full {
			if err := tx.Exec(`DELETE FROM ` + name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func texts(tx *db.Tx, query string) ([]string, error) {
	return db.Collect(tx, func(rows *db.Rows) (s string, err error) {
		err = rows.Scan(&s)
		return s, err
	}, query)
}

// command runs one statement outside any schema of a test.
func command(t testing.TB, url, statement string) {
	t.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

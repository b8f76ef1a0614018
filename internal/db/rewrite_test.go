package db_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db"
)

func TestRewrite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		query    string
		sqlite   string
		postgres string
		holes    int
	}{
		{`SELECT 1`, `SELECT 1`, `SELECT 1`, 0},
		{`a = ? AND b IN (?, ?)`, `a = ? AND b IN (?, ?)`, `a = $1 AND b IN ($2, $3)`, 3},
		{`'what?' || ?`, `'what?' || ?`, `'what?' || $1`, 1},
		{`'it''s ?' = ?`, `'it''s ?' = ?`, `'it''s ?' = $1`, 1},
		{`'' = ?`, `'' = ?`, `'' = $1`, 1},
		{`"odd?""name" = ?`, `"odd?""name" = ?`, `"odd?""name" = $1`, 1},
		{"? -- why?\n = ?", "? -- why?\n = ?", "$1 -- why?\n = $2", 2},
		{`? -- {{text}} to the end?`, `? -- {{text}} to the end?`, `$1 -- {{text}} to the end?`, 1},
		{`/* '? */ ?`, `/* '? */ ?`, `/* '? */ $1`, 1},
		{`a - ? / ?`, `a - ? / ?`, `a - $1 / $2`, 2},
		{`x {{text}}, y {{int}}, z {{blob}}`, `x TEXT, y INTEGER, z BLOB`, `x TEXT COLLATE "C", y BIGINT, z BYTEA`, 0},
		{`'{{text}}'`, `'{{text}}'`, `'{{text}}'`, 0},
		{`'日?' = ?`, `'日?' = ?`, `'日?' = $1`, 1},
	}
	for _, test := range tests {
		sqlite, holes, err := db.RewriteSQLite(test.query)
		if err != nil || holes != test.holes {
			t.Errorf("%s: %d placeholders, error %v", test.query, holes, err)
		}
		if diff := cmp.Diff(test.sqlite, sqlite); diff != "" {
			t.Errorf("%s for SQLite: %s", test.query, diff)
		}
		postgres, holes, err := db.RewritePostgres(test.query)
		if err != nil || holes != test.holes {
			t.Errorf("%s: %d placeholders, error %v", test.query, holes, err)
		}
		if diff := cmp.Diff(test.postgres, postgres); diff != "" {
			t.Errorf("%s for PostgreSQL: %s", test.query, diff)
		}
	}
}

func TestRewriteRefuses(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		`'open`:                  "without end",
		`"open`:                  "without end",
		`/* open`:                "without end",
		`/* a /* b */ c */ ?`:    "inside a comment",
		`{{open`:                 "without end",
		`{{serial}}`:             "unknown token",
		`?1`:                     "numbered placeholder",
		`$1`:                     "dollar sign",
		"SELECT \x00":            "NUL",
		"SELECT 'a\x00b'":        "NUL",
		`$tag$ dollar quotes $t`: "dollar sign",
	} {
		for _, rewrite := range []func(string) (string, int, error){db.RewriteSQLite, db.RewritePostgres} {
			if _, _, err := rewrite(query); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %q", query, err, want)
			}
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	got, err := db.Split("-- first; not a statement\nCREATE TABLE a (x {{text}} DEFAULT ';');\n\n/* ; */ INSERT INTO a VALUES ('x;''y');\n-- the end;\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"-- first; not a statement\nCREATE TABLE a (x {{text}} DEFAULT ';')",
		"/* ; */ INSERT INTO a VALUES ('x;''y')",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever the text, both dialects agree on whether it is one, how many
// placeholders it has, and on everything that is not a placeholder.
func FuzzRewrite(f *testing.F) {
	for _, seed := range []string{"a = ? -- ?\n", `'?' "?" /* ? */ ?`, "{{now}} ?", "'", "--", "/*", "{{", "?9", "''''"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		sqlite, m, err := db.RewriteSQLite(query)
		postgres, n, err2 := db.RewritePostgres(query)
		if (err == nil) != (err2 == nil) || m != n {
			t.Fatalf("%q: %d placeholders, %v; %d placeholders, %v", query, m, err, n, err2)
		}
		if err != nil {
			return
		}
		if !strings.Contains(query, "{{") {
			if sqlite != query {
				t.Fatalf("%q became %q", query, sqlite)
			}
			if m == 0 && postgres != query {
				t.Fatalf("%q became %q", query, postgres)
			}
		}
		// What was rewritten reads the same when it is read again.
		if again, holes, err := db.RewriteSQLite(sqlite); err != nil || again != sqlite || holes != m {
			t.Fatalf("%q became %q and then %q (%d placeholders, %v)", query, sqlite, again, holes, err)
		}
	})
}

package db_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db"
	"larder/internal/db/dbtest"
)

// These tests are the portability rules of the package comment: what holds
// here holds on both databases, and nothing else may be relied on.

func TestTextSortsByBytes(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		keys := []string{"", " ", "-", "10", "9", "B", "Z", "_", "a", "aa", "z", "Ä", "ß", "日本"}
		for i := range keys {
			update(t, d, put(keys[len(keys)-1-i], ""))
		}
		if diff := cmp.Diff(keys, settings(t, d)); diff != "" {
			t.Error(diff)
		}
		view(t, d, func(tx *db.Tx) error {
			got, err := texts(tx, `SELECT key FROM setting WHERE key >= ? AND key < ? ORDER BY key DESC`, "a", "b")
			if diff := cmp.Diff([]string{"aa", "a"}, got); diff != "" {
				t.Errorf("prefix as a range: %s", diff)
			}
			return err
		})
	})
}

// The one rule that is a prohibition: here the databases differ.
func TestLikeIsNotPortable(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		view(t, d, func(tx *db.Tx) error {
			var like bool
			err := tx.Row(`SELECT 'ABC' LIKE 'abc'`).Scan(&like)
			if like != d.Embedded() {
				t.Errorf("'ABC' LIKE 'abc' is %v", like)
			}
			return err
		})
	})
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		update(t, d, func(tx *db.Tx) error {
			if err := tx.Exec(`CREATE TABLE sample (id {{text}} PRIMARY KEY, product {{text}} NOT NULL, done {{int}} NOT NULL)`); err != nil {
				return err
			}
			_, err := tx.ExecRows(`CREATE UNIQUE INDEX sample_open ON sample (product) WHERE done = 0`)
			return err
		})
		insert := func(id, product string, done bool) error {
			return d.Update(t.Context(), func(tx *db.Tx) error {
				return tx.Exec(`INSERT INTO sample (id, product, done) VALUES (?, ?, ?)`, id, product, done)
			})
		}
		for _, test := range []struct {
			id, product string
			done        bool
			conflict    bool
		}{
			{"r1", "p", false, false},
			{"r2", "p", true, false}, // the index is about open ones
			{"r3", "p", true, false},
			{"r4", "p", false, true},
			{"r1", "q", false, true}, // the primary key
		} {
			if err := insert(test.id, test.product, test.done); errors.Is(err, db.ErrUnique) != test.conflict {
				t.Errorf("%v: %v", test, err)
			}
		}

		update(t, d, func(tx *db.Tx) error {
			got, err := texts(tx, `INSERT INTO sample (id, product, done) VALUES ('r5', 'p', 0), ('r6', 'q', 0)
				ON CONFLICT DO NOTHING RETURNING id`)
			if diff := cmp.Diff([]string{"r6"}, got); diff != "" {
				t.Errorf("DO NOTHING RETURNING: %s", diff)
			}
			if err != nil {
				return err
			}
			// An index with a condition is named with its condition.
			got, err = texts(tx, `INSERT INTO sample (id, product, done) VALUES ('r7', 'q', 0)
				ON CONFLICT (product) WHERE done = 0 DO UPDATE SET done = sample.done + 1 RETURNING id`)
			if diff := cmp.Diff([]string{"r6"}, got); diff != "" {
				t.Errorf("DO UPDATE RETURNING: %s", diff)
			}
			return err
		})
	})
}

func TestKeysetPages(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		update(t, d, func(tx *db.Tx) error {
			if _, err := tx.ExecRows(`CREATE TABLE sample_item (name {{text}}, id {{text}}, PRIMARY KEY (name, id))`); err != nil {
				return err
			}
			for _, item := range []string{"b1", "a2", "B1", "a1", "b2", "a3"} {
				if err := tx.Exec(`INSERT INTO sample_item (name, id) VALUES (?, ?)`, item[:1], item[1:]); err != nil {
					return err
				}
			}
			return nil
		})
		var pages []string
		name, id := "", ""
		for {
			var page []string
			view(t, d, func(tx *db.Tx) (err error) {
				page, err = db.Collect(tx, func(rows *db.Rows) (string, error) {
					err := rows.Scan(&name, &id)
					return name + id, err
				}, `SELECT name, id FROM sample_item WHERE (name, id) > (?, ?) ORDER BY name, id LIMIT ?`, name, id, 2)
				return err
			})
			if len(page) == 0 {
				break
			}
			pages = append(pages, strings.Join(page, " "))
		}
		if diff := cmp.Diff([]string{"B1 a1", "a2 a3", "b1 b2"}, pages); diff != "" {
			t.Error(diff)
		}
	})
}

type (
	productID string
	count     int32
	flag      bool
	body      []byte
)

func TestValues(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		update(t, d, func(tx *db.Tx) error {
			_, err := tx.ExecRows(`CREATE TABLE sample_kept (id {{int}} PRIMARY KEY, s {{text}}, n {{int}}, b {{blob}})`)
			return err
		})
		word, none := "word", (*string)(nil)
		tests := []struct {
			column string
			put    any
			dest   any // pointer to be scanned into
			want   any // what it points to then
		}{
			{"s", "", new(string), ""},
			{"s", "it's “quoted” ?", new(string), "it's “quoted” ?"},
			{"s", productID("prod-1"), new(productID), productID("prod-1")},
			{"s", json.RawMessage(`{"a":1}`), new(json.RawMessage), json.RawMessage(`{"a":1}`)},
			{"s", json.RawMessage(nil), new(json.RawMessage), json.RawMessage(nil)},
			{"s", &word, new(*string), &word},
			{"s", none, new(*string), none},
			{"s", sql.NullString{}, new(sql.NullString), sql.NullString{}},
			{"s", "x", new(sql.NullString), sql.NullString{String: "x", Valid: true}},
			{"s", "x", new([]byte), []byte("x")},
			{"s", "x", new(any), any("x")},
			{"n", int64(math.MaxInt64), new(int64), int64(math.MaxInt64)},
			{"n", int64(math.MinInt64), new(int64), int64(math.MinInt64)},
			{"n", 7, new(int), 7},
			{"n", uint8(7), new(count), count(7)},
			{"n", true, new(bool), true},
			{"n", false, new(flag), flag(false)},
			{"n", flag(true), new(int), 1},
			{"n", nil, new(*int64), (*int64)(nil)},
			{"b", []byte{0, 255}, new([]byte), []byte{0, 255}},
			{"b", []byte{}, new([]byte), []byte{}},
			{"b", []byte(nil), new([]byte), []byte(nil)},
			{"b", body("x"), new(body), body("x")},
		}
		for i, test := range tests {
			update(t, d, func(tx *db.Tx) error {
				return tx.Exec(`INSERT INTO sample_kept (id, `+test.column+`) VALUES (?, ?)`, i, test.put)
			})
			view(t, d, func(tx *db.Tx) error {
				if err := tx.Row(`SELECT `+test.column+` FROM sample_kept WHERE id = ?`, i).Scan(test.dest); err != nil {
					t.Errorf("%d: %v", i, err)
				}
				return nil
			})
			got := indirect(test.dest)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%d: %#v in column %s: %s", i, test.put, test.column, diff)
			}
		}
		view(t, d, func(tx *db.Tx) error {
			for _, dest := range []any{new(string), new(int64), new(bool), new(time.Time), new(productID)} {
				if err := tx.Row(`SELECT s FROM sample_kept WHERE s IS NULL LIMIT 1`).Scan(dest); err == nil {
					t.Errorf("NULL fits %T", dest)
				}
			}
			return nil
		})
		if err := d.Update(t.Context(), func(tx *db.Tx) error {
			return tx.Exec(`INSERT INTO sample_kept (id, n) VALUES (?, ?)`, 1000, time.Now())
		}); err == nil {
			t.Error("a time was stored as such")
		}
	})
}

func indirect(p any) any {
	switch p := p.(type) {
	case *string:
		return *p
	case *productID:
		return *p
	case *json.RawMessage:
		return *p
	case **string:
		return *p
	case *sql.NullString:
		return *p
	case *[]byte:
		return *p
	case *any:
		return *p
	case *int64:
		return *p
	case *int:
		return *p
	case *count:
		return *p
	case *bool:
		return *p
	case *flag:
		return *p
	case **int64:
		return *p
	case *body:
		return *p
	}
	return p
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		before := time.Now()
		view(t, d, func(tx *db.Tx) error {
			var sum, rows, now int64
			var exists, equal bool
			var joined string
			err := tx.Row(`SELECT CAST(SUM(n) AS BIGINT), COUNT(*), {{now}}, EXISTS (SELECT 1 FROM setting), 1 = 1, 'a' || CAST(? AS TEXT)
				FROM (SELECT CAST(? AS BIGINT) AS n UNION ALL SELECT 2) AS numbers`, "b", 40).
				Scan(&sum, &rows, &now, &exists, &equal, &joined)
			if err != nil {
				return err
			}
			if sum != 42 || rows != 2 || exists || !equal || joined != "ab" {
				t.Errorf("sum %d, rows %d, exists %v, equal %v, joined %s", sum, rows, exists, equal, joined)
			}
			// The embedded clock counts milliseconds.
			if got := db.Time(now); got.Before(before.Add(-time.Second)) || got.After(time.Now().Add(time.Second)) {
				t.Errorf("the database's clock says %v", got)
			}
			return nil
		})
	})
}

func TestReferences(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		update(t, d, func(tx *db.Tx) error {
			_, err := tx.ExecRows(`CREATE TABLE sample_child (parent {{text}} REFERENCES setting (key) ON DELETE CASCADE)`)
			return err
		})
		insert := func(tx *db.Tx) error { return tx.Exec(`INSERT INTO sample_child (parent) VALUES ('p')`) }
		if err := d.Update(t.Context(), insert); err == nil {
			t.Error("a reference to nothing")
		}
		update(t, d, put("p", ""))
		update(t, d, insert)
		update(t, d, func(tx *db.Tx) error { return tx.Exec(`DELETE FROM setting`) })
		view(t, d, func(tx *db.Tx) error {
			left, err := texts(tx, `SELECT parent FROM sample_child`)
			if left != nil {
				t.Errorf("left %q", left)
			}
			return err
		})
	})
}

func TestMicros(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 10, 0, 0, 123456000, time.UTC)
	if got := db.Time(db.Micros(at)); !got.Equal(at) || got.Location() != time.UTC {
		t.Errorf("%v became %v", at, got)
	}
	if !db.Time(db.Micros(time.Time{})).IsZero() {
		t.Error("the zero time is lost")
	}
}

package db_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db"
	"larder/internal/db/dbtest"
)

// fill writes what is told from others by n, with every kind of value.
func fill(t testing.TB, d *db.DB, n int) {
	t.Helper()
	err := d.Update(t.Context(), func(tx *db.Tx) error {
		for i := range n {
			if err := db.PutBlob(tx, fmt.Sprint("digest-", i), make([]byte, i)); err != nil {
				return err
			}
			if err := db.PutSetting(tx, fmt.Sprint("key-", i), fmt.Sprint("wert-ü-", n)); err != nil {
				return err
			}
			err := tx.Exec(`INSERT INTO resource (stack, logical_id, generation, account, region, type, identifier, physical, claim, body)
				VALUES (?, 'A', ?, 'a', 'r', 'T', '', '', ?, '{}')`, fmt.Sprint("stack-", i), n, nil)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// contents is all that fill may have written.
func contents(t testing.TB, d *db.DB) (all []string) {
	t.Helper()
	err := d.View(t.Context(), func(tx *db.Tx) error {
		for _, query := range []string{
			`SELECT 'setting', key, value, CAST(NULL AS TEXT) FROM setting WHERE substr(key, 1, 4) = 'key-' ORDER BY key`,
			`SELECT 'resource', stack, CAST(generation AS TEXT), claim FROM resource ORDER BY stack`,
			`SELECT 'blob', digest, CAST(length(data) AS TEXT), CAST(NULL AS TEXT) FROM blob ORDER BY digest`,
		} {
			rows, err := db.Collect(tx, func(rows *db.Rows) (string, error) {
				var table, key, value string
				var null *string
				err := rows.Scan(&table, &key, &value, &null)
				return fmt.Sprint(table, " ", key, " ", value, " ", null == nil), err
			}, query)
			if err != nil {
				return err
			}
			all = append(all, rows...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func takeImage(t testing.TB, d *db.DB, most int64) (image *db.Image, err error) {
	t.Helper()
	err = d.View(t.Context(), func(tx *db.Tx) (err error) {
		image, err = db.TakeImage(tx, most)
		return err
	})
	return image, err
}

func TestImage(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		empty, err := takeImage(t, d, 0)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, d, 75) // in batches of every size
		want := contents(t, d)
		if len(want) != 3*75 {
			t.Fatal(want)
		}
		image, err := takeImage(t, d, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if n := image.Size(); n < 10_000 || n > 100_000 {
			t.Errorf("the image takes %d bytes", n)
		}
		if _, err := takeImage(t, d, image.Size()-1); !errors.Is(err, db.ErrImageSize) {
			t.Errorf("too large: %v", err)
		}
		fill(t, d, 80)
		for range 2 { // an image may be restored any number of times
			if err := d.Update(t.Context(), image.Restore); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, contents(t, d)); d != "" {
				t.Error(d)
			}
			fill(t, d, 4)
		}
		if err := d.Update(t.Context(), empty.Restore); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, d); len(got) != 0 {
			t.Errorf("an empty image brought %q", got)
		}
	})
}

func TestClear(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		fill(t, d, 3)
		if err := d.Update(t.Context(), db.Clear); err != nil {
			t.Fatal(err)
		}
		for _, row := range contents(t, d) {
			if !strings.HasPrefix(row, "setting ") {
				t.Errorf("%s is left", row)
			}
		}
		if got := contents(t, d); len(got) != 3 {
			t.Errorf("settings are gone: %q", got)
		}
		fill(t, d, 3)
	})
}

func BenchmarkClear(b *testing.B) {
	d := dbtest.New(b)
	fill(b, d, 300)
	image, err := takeImage(b, d, 1<<20)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("clear", func(b *testing.B) {
		for b.Loop() {
			if err := d.Update(b.Context(), db.Clear); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("restore 900 rows", func(b *testing.B) {
		for b.Loop() {
			if err := d.Update(b.Context(), image.Restore); err != nil {
				b.Fatal(err)
			}
		}
	})
}

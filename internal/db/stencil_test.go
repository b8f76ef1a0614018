package db_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db"
	"larder/internal/db/dbtest"
)

func TestStencil(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		image := func() (i *db.Image) {
			err := d.View(t.Context(), func(tx *db.Tx) (err error) {
				i, err = db.TakeImage(tx, 1<<20)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return i
		}
		add := func(key, value string) {
			if err := d.Update(t.Context(), func(tx *db.Tx) error { return db.PutSetting(tx, key, value) }); err != nil {
				t.Fatal(err)
			}
		}
		const then = 1_700_000_000_000_000
		add("before", "anna")
		before := image()
		add("key of anna", "anna-1, anna-2 and bert")
		add("nobody's", "same")
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			return tx.Exec(`INSERT INTO latch (key, arrived) VALUES ('of bert', ?), ('of nobody', 7)`, then)
		})
		if err != nil {
			t.Fatal(err)
		}
		s := image().Since(before).Stencil([]string{"anna", "bert"}, "blob")
		err = d.Update(t.Context(), func(tx *db.Tx) error {
			return s.Write(tx, []db.Copy{
				{Words: []string{"clara", "dora"}, Shift: -time.Second},
				{Words: []string{"emil", "fritz"}},
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		settings, latches := map[string]string{}, map[string]int64{}
		err = d.View(t.Context(), func(tx *db.Tx) error {
			rows, err := tx.Query(`SELECT key, value FROM setting WHERE value <> ''`)
			if err != nil {
				return err
			}
			for rows.Next() {
				var key, value string
				if err := rows.Scan(&key, &value); err != nil {
					return err
				}
				settings[key] = value
			}
			if err := rows.Err(); err != nil {
				return err
			}
			if rows, err = tx.Query(`SELECT key, arrived FROM latch`); err != nil {
				return err
			}
			for rows.Next() {
				var key string
				var at int64
				if err := rows.Scan(&key, &at); err != nil {
					return err
				}
				latches[key] = at
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"before": "anna", "key of anna": "anna-1, anna-2 and bert", "nobody's": "same",
			"key of clara": "clara-1, clara-2 and dora", "key of emil": "emil-1, emil-2 and fritz",
		}
		if d := cmp.Diff(want, settings); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(map[string]int64{"of bert": then, "of nobody": 7, "of dora": then - 1e6, "of fritz": then}, latches); d != "" {
			t.Error(d)
		}
	})
}

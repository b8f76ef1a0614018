package testmode

import (
	"fmt"
	"testing"

	"larder/internal/db"
	"larder/internal/db/dbtest"
)

// What stands between two tests, with the rows of an ordinary test: a thousand.
func BenchmarkBetweenTests(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *db.DB{"sqlite": dbtest.New, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) { betweenTests(b, open(b)) })
	}
}

func betweenTests(b *testing.B, d *db.DB) {
	w := open(b, d, nil)
	err := d.Update(b.Context(), func(tx *db.Tx) error {
		for i := range 1000 {
			if err := db.PutBlob(tx, fmt.Sprint("digest-", i), make([]byte, 500)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("snapshot", func(b *testing.B) {
		for b.Loop() {
			w.must("PUT snapshots/a", "")
		}
	})
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			w.must("POST snapshots/a/restore", "")
		}
	})
	b.Run("reset", func(b *testing.B) {
		for b.Loop() {
			w.must("POST reset", "")
		}
	})
}

package db_test

import (
	"context"
	"fmt"
	"testing"

	"larder/internal/db"
	"larder/internal/db/dbtest"
)

// databases runs a benchmark on a durable embedded database and on
// PostgreSQL.
func databases(b *testing.B, fn func(*testing.B, *db.DB)) {
	b.Run("sqlite", func(b *testing.B) {
		d, err := db.Open(context.Background(), db.Options{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		fn(b, d)
	})
	b.Run("postgres", func(b *testing.B) { fn(b, dbtest.Postgres(b)) })
}

// A durable update of three statements, as one caller after another, and as
// many at once.
func BenchmarkUpdate(b *testing.B) {
	databases(b, func(b *testing.B, d *db.DB) {
		for _, clients := range []int{1, 64} {
			b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
				share(b, clients, func(client, n int) error {
					// Ever new values: what does not change is not written.
					value := fmt.Sprintf("%0500d", n)
					return d.Update(context.Background(), func(tx *db.Tx) error {
						for k := range 3 {
							if err := db.PutSetting(tx, fmt.Sprintf("%d/%d/%d", client, n%100, k), value); err != nil {
								return err
							}
						}
						return nil
					})
				})
			})
		}
	})
}

// One row by its key.
func BenchmarkView(b *testing.B) {
	databases(b, func(b *testing.B, d *db.DB) {
		value := fmt.Sprintf("%0500d", 1)
		err := d.Update(context.Background(), func(tx *db.Tx) error {
			for k := range 10_000 {
				if err := db.PutSetting(tx, fmt.Sprint(k), value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		for _, clients := range []int{1, 16} {
			b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
				share(b, clients, func(client, n int) error {
					return d.View(context.Background(), func(tx *db.Tx) error {
						_, err := db.GetSetting(tx, fmt.Sprint((client*7919+n)%10_000))
						return err
					})
				})
			})
		}
	})
}

// share has so many clients do b.N things between them.
func share(b *testing.B, clients int, do func(client, n int) error) {
	b.Helper()
	b.ReportAllocs()
	errs := make(chan error, clients)
	for client := range clients {
		go func() {
			var err error
			for n := client; n < b.N && err == nil; n += clients {
				err = do(client, n)
			}
			errs <- err
		}()
	}
	for range clients {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
}

package db_test

import (
	"context"
	"errors"
	"testing"

	"larder/internal/db"
	"larder/internal/db/dbtest"
)

func TestSmoke(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		hooked := 0
		err := d.Update(ctx, func(tx *db.Tx) error {
			tx.OnCommit(func() { hooked++ })
			return db.PutSetting(tx, "a", "b")
		})
		if err != nil || hooked != 1 {
			t.Fatal(err, hooked)
		}
		err = d.View(ctx, func(tx *db.Tx) error {
			v, err := db.GetSetting(tx, "a")
			if v != "b" {
				t.Error(v)
			}
			_, none := db.GetSetting(tx, "x")
			if !errors.Is(none, db.ErrNoRows) {
				t.Error(none)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

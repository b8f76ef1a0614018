package db_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db"
	"larder/internal/db/dbtest"
)

// A connection that breaks before the commit is the database's business: the
// closure runs again on another one.
func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	runs := 0
	update(t, d, func(tx *db.Tx) error {
		runs++
		if err := db.PutSetting(tx, "a", ""); err != nil {
			return err
		}
		if runs == 1 {
			return tx.Row(`SELECT pg_terminate_backend(pg_backend_pid())`).Scan(new(bool))
		}
		return nil
	})
	if got := settings(t, d); runs != 2 || !cmp.Equal(got, []string{"a"}) {
		t.Errorf("%d runs, settings %q", runs, got)
	}
}

// Hooks may use the database even if the pool is as small as can be.
func TestHooksUseThePool(t *testing.T) {
	t.Parallel()
	d, err := db.Open(t.Context(), db.Options{URL: dbtest.URL(t), Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			err := d.Update(context.Background(), func(tx *db.Tx) error {
				tx.OnCommit(func() {
					if got := settings(t, d); !cmp.Equal(got, []string{"a"}) {
						t.Errorf("settings %q", got)
					}
				})
				return db.PutSetting(tx, "a", "")
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// A wait for the pool ends with its caller's context.
func TestPoolRunsOut(t *testing.T) {
	t.Parallel()
	d, err := db.Open(t.Context(), db.Options{URL: dbtest.URL(t), Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	view(t, d, func(*db.Tx) error {
		cause := errors.New("the client went away")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		if err := d.Update(ctx, put("a", "")); !errors.Is(err, cause) {
			t.Errorf("Update returned %v", err)
		}
		return nil
	})
}

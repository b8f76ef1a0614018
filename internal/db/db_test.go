package db_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db"
	"larder/internal/db/dbtest"
)

func update(t testing.TB, d *db.DB, fn func(*db.Tx) error) {
	t.Helper()
	if err := d.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, d *db.DB, fn func(*db.Tx) error) {
	t.Helper()
	if err := d.View(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// put is an update that keeps a setting.
func put(key, value string) func(*db.Tx) error {
	return func(tx *db.Tx) error { return db.PutSetting(tx, key, value) }
}

// settings are the keys of all settings in order.
func settings(t testing.TB, d *db.DB) []string {
	t.Helper()
	var keys []string
	view(t, d, func(tx *db.Tx) (err error) {
		keys, err = texts(tx, `SELECT key FROM setting ORDER BY key`)
		return err
	})
	return keys
}

// texts reads a query of one text column.
func texts(tx *db.Tx, query string, args ...any) ([]string, error) {
	return db.Collect(tx, func(rows *db.Rows) (s string, err error) {
		err = rows.Scan(&s)
		return s, err
	}, query, args...)
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		refused := errors.New("refused")
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			if err := db.PutSetting(tx, "a", "1"); err != nil {
				return err
			}
			return refused
		})
		if !errors.Is(err, refused) {
			t.Errorf("Update returned %v", err)
		}
		update(t, d, put("b", "1"))
		if got := settings(t, d); !cmp.Equal(got, []string{"b"}) {
			t.Errorf("settings %q", got)
		}
	})
}

func TestUpdatePanics(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		func() {
			defer func() {
				p, ok := recover().(*db.Panic)
				if !ok || p.Value != "oh" || !strings.Contains(p.Error(), "db_test.go") {
					t.Errorf("panicked with %v", p)
				}
			}()
			_ = d.Update(t.Context(), func(tx *db.Tx) error {
				if err := db.PutSetting(tx, "a", "1"); err != nil {
					return err
				}
				panic("oh")
			})
		}()
		func() {
			defer func() {
				if _, ok := recover().(*db.Panic); !ok {
					t.Error("View did not panic")
				}
			}()
			_ = d.View(t.Context(), func(*db.Tx) error { panic("oh") })
		}()
		if got := settings(t, d); got != nil {
			t.Errorf("a panic wrote %q", got)
		}
	})
}

// A closure that ends its goroutine, as t.FailNow does, must not leave the
// database hanging.
func TestUpdateExits(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		exit := func(do func(context.Context, func(*db.Tx) error) error) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = do(context.Background(), func(tx *db.Tx) error {
					if err := tx.Row(`SELECT 1`).Scan(new(int)); err != nil {
						return err
					}
					runtime.Goexit()
					return nil
				})
			}()
			<-done
		}
		for range 20 { // more than there are connections
			exit(d.Update)
			exit(d.View)
		}
		update(t, d, put("a", "1"))
		if got := settings(t, d); !cmp.Equal(got, []string{"a"}) {
			t.Errorf("settings %q", got)
		}
	})
}

// The first failing statement dooms the transaction, whatever the closure
// makes of it.
func TestFailedStatementDooms(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		update(t, d, put("a", "1"))
		var later error
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			if err := db.PutSetting(tx, "b", "1"); err != nil {
				return err
			}
			_, _ = tx.ExecRows(`INSERT INTO setting (key, value) VALUES (?, ?)`, "a", "2")
			later = db.PutSetting(tx, "c", "1")
			return nil
		})
		if !errors.Is(err, db.ErrUnique) || !errors.Is(later, db.ErrUnique) {
			t.Errorf("Update returned %v, the later statement %v", err, later)
		}
		if !strings.Contains(err.Error(), "INSERT INTO setting") {
			t.Errorf("%v does not name the statement", err)
		}
		if got := settings(t, d); !cmp.Equal(got, []string{"a"}) {
			t.Errorf("settings %q", got)
		}
	})
}

// A statement nobody waits for may fail late, but not unnoticed.
func TestExecFailsAtCommit(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		update(t, d, put("a", "1"))
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			_ = tx.Exec(`INSERT INTO setting (key, value) VALUES ('a', '2')`)
			return nil
		})
		if !errors.Is(err, db.ErrUnique) || !strings.Contains(err.Error(), "INSERT INTO setting") {
			t.Errorf("Update returned %v", err)
		}
	})
}

func TestOnCommit(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		calls := 0
		var changed int64 = -1
		update(t, d, func(tx *db.Tx) error {
			tx.OnCommit(func() {
				calls++
				if changed != 1 {
					t.Errorf("the hook saw %d changed rows", changed)
				}
				if got := settings(t, d); !cmp.Equal(got, []string{"a"}) {
					t.Errorf("the hook saw %q", got)
				}
			})
			return tx.ExecCount(&changed, `INSERT INTO setting (key, value) VALUES ('a', '1') ON CONFLICT DO NOTHING`)
		})
		if calls != 1 {
			t.Errorf("%d calls", calls)
		}
		_ = d.Update(t.Context(), func(tx *db.Tx) error {
			tx.OnCommit(func() { t.Error("called without a commit") })
			return errors.New("no")
		})
	})
}

func TestViewIsASnapshot(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		update(t, d, put("a", "1"))
		view(t, d, func(tx *db.Tx) error {
			before, err := texts(tx, `SELECT key FROM setting ORDER BY key`)
			if err != nil {
				return err
			}
			update(t, d, put("b", "1"))
			after, err := texts(tx, `SELECT key FROM setting ORDER BY key`)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the snapshot moved: %s", diff)
			}
			if fresh := settings(t, d); !cmp.Equal(fresh, []string{"a", "b"}) {
				t.Errorf("a view after the acknowledged write sees %q", fresh)
			}
			return err
		})
	})
}

func TestViewCannotWrite(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		if err := d.View(t.Context(), put("a", "1")); err == nil {
			t.Error("a view wrote")
		}
	})
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		var kept *db.Tx
		tests := []struct {
			name string
			fn   func(*db.Tx) error
			want string
		}{
			{"rows left open", func(tx *db.Tx) error {
				rows, err := tx.Query(`SELECT 1 UNION SELECT 2`)
				if err != nil {
					return err
				}
				defer rows.Close()
				rows.Next()
				return tx.Exec(`DELETE FROM setting`)
			}, "still open"},
			{"too few arguments", func(tx *db.Tx) error { return tx.Exec(`DELETE FROM setting WHERE key = ?`) }, "0 arguments for 1"},
			{"too many arguments", func(tx *db.Tx) error { return tx.Exec(`DELETE FROM setting`, 1) }, "1 arguments for 0"},
			{"a float", func(tx *db.Tx) error { return tx.Exec(`DELETE FROM setting WHERE key = ?`, 1.5) }, "float64 cannot be stored"},
			{"text with NUL", put("a\x00", ""), "without NUL"},
			{"text that is not UTF-8", put("a\xff", ""), "UTF-8"},
			{"an unknown token", func(tx *db.Tx) error { return tx.Exec(`CREATE TABLE x (a {{real}})`) }, "unknown token {{real}}"},
			{"a scan into the wrong type", func(tx *db.Tx) error { return tx.Row(`SELECT 'a'`).Scan(new(int64)) }, "string does not fit *int64"},
			{"a scan of the wrong width", func(tx *db.Tx) error { return tx.Row(`SELECT 1`).Scan() }, "0 destinations for 1 columns"},
			{"a transaction kept too long", func(tx *db.Tx) error {
				if kept == nil {
					kept = tx
					return errors.New("is over")
				}
				return nil
			}, "over"},
		}
		for _, test := range tests {
			err := d.Update(t.Context(), test.fn)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, want %q", test.name, err, test.want)
			}
		}
		if err := kept.Exec(`DELETE FROM setting`); err == nil {
			t.Error("a transaction works after its end")
		}
	})
}

func TestCanceledContext(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		cause := errors.New("the client went away")
		ctx, cancel := context.WithCancelCause(t.Context())
		err := d.Update(ctx, func(tx *db.Tx) error {
			if err := db.PutSetting(tx, "a", "1"); err != nil {
				return err
			}
			cancel(cause)
			return db.PutSetting(tx, "b", "1")
		})
		if !errors.Is(err, cause) {
			t.Errorf("Update returned %v", err)
		}
		for name, do := range map[string]func(context.Context, func(*db.Tx) error) error{"Update": d.Update, "View": d.View} {
			err := do(ctx, func(tx *db.Tx) error { return tx.Row(`SELECT 1`).Scan(new(int)) })
			if !errors.Is(err, cause) {
				t.Errorf("%s of an ended context returned %v", name, err)
			}
		}
		if got := settings(t, d); got != nil {
			t.Errorf("settings %q", got)
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				// Acknowledged or refused, but never left waiting.
				_ = d.Update(context.Background(), put(fmt.Sprint(i), ""))
				_ = d.View(context.Background(), func(tx *db.Tx) error { return tx.Row(`SELECT 1`).Scan(new(int)) })
			})
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
		if err := d.Update(context.Background(), put("late", "")); err == nil {
			t.Error("Update after Close")
		}
		if err := d.View(context.Background(), func(tx *db.Tx) error { return tx.Row(`SELECT 1`).Scan(new(int)) }); err == nil {
			t.Error("View after Close")
		}
		if err := d.Close(); err != nil {
			t.Errorf("a second Close: %v", err)
		}
	})
}

func TestBlobsAndSettings(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		bodies := [][]byte{[]byte("Resources: {}"), {0, 1, 255}, {}}
		for range 2 { // the same body may be put twice
			for _, body := range bodies {
				digest := db.Digest(body)
				update(t, d, func(tx *db.Tx) error { return db.PutBlob(tx, digest, body) })
			}
		}
		view(t, d, func(tx *db.Tx) error {
			for _, body := range bodies {
				got, err := db.Blob(tx, db.Digest(body))
				if err != nil {
					return err
				}
				if !cmp.Equal(got, body) {
					t.Errorf("blob %q came back as %q", body, got)
				}
			}
			if _, err := db.Blob(tx, "unknown"); !errors.Is(err, db.ErrNoRows) {
				t.Errorf("unknown blob: %v", err)
			}
			if _, err := db.GetSetting(tx, "unknown"); !errors.Is(err, db.ErrNoRows) {
				t.Errorf("unknown setting: %v", err)
			}
			return nil
		})
		update(t, d, put("mode", "dev"))
		update(t, d, put("mode", "serve"))
		update(t, d, func(tx *db.Tx) error {
			got, err := db.AddSetting(tx, "mode", "other")
			if got != "serve" {
				t.Errorf("AddSetting replaced the setting by %q", got)
			}
			return err
		})
	})
}

package db_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"larder/internal/db"
	"larder/internal/db/dbtest"
)

var errTaken = errors.New("taken")

// contenders are the databases over which several callers compete: an
// embedded one, and two servers' views of one PostgreSQL.
func contenders(t *testing.T, fn func(*testing.T, []*db.DB)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, []*db.DB{dbtest.New(t)})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := dbtest.URL(t)
		fn(t, []*db.DB{dbtest.OpenURL(t, url), dbtest.OpenURL(t, url)})
	})
}

// compete has many callers try at once and returns how many succeeded; the
// others must have been told errTaken.
func compete(t *testing.T, dbs []*db.DB, try func(caller int, tx *db.Tx) error) int {
	t.Helper()
	const callers = 16
	errs := make([]error, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			errs[i] = dbs[i%len(dbs)].Update(t.Context(), func(tx *db.Tx) error { return try(i, tx) })
		})
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, errTaken):
			t.Errorf("a caller was told %v", err)
		}
	}
	return won
}

// A rule of the kind "look whether it is there, then insert".
func TestRaceForAName(t *testing.T) {
	t.Parallel()
	contenders(t, func(t *testing.T, dbs []*db.DB) {
		for round := range 5 {
			won := compete(t, dbs, func(caller int, tx *db.Tx) error {
				name := fmt.Sprintf("name-%d", round)
				var n int
				if err := tx.Row(`SELECT COUNT(*) FROM setting WHERE value = ?`, name).Scan(&n); err != nil {
					return err
				}
				if n > 0 {
					return errTaken
				}
				// Different keys: no index stands in for the rule.
				return db.PutSetting(tx, fmt.Sprintf("%d/%d", round, caller), name)
			})
			if won != 1 {
				t.Errorf("round %d: %d callers have the name", round, won)
			}
		}
	})
}

// A rule of the kind "count what there is, then insert".
func TestRaceForAQuota(t *testing.T) {
	t.Parallel()
	contenders(t, func(t *testing.T, dbs []*db.DB) {
		const quota = 5
		won := compete(t, dbs, func(caller int, tx *db.Tx) error {
			var n int
			if err := tx.Row(`SELECT COUNT(*) FROM setting`).Scan(&n); err != nil {
				return err
			}
			if n >= quota {
				return errTaken
			}
			return db.PutSetting(tx, fmt.Sprint(caller), "")
		})
		if got := settings(t, dbs[0]); won != quota || len(got) != quota {
			t.Errorf("%d callers won and %d rows are there, quota %d", won, len(got), quota)
		}
	})
}

// A rule of the kind "not while it is used": one transaction looks for users
// and deletes, the other looks for the thing and uses it. Neither writes what
// the other reads twice.
func TestRaceForUse(t *testing.T) {
	t.Parallel()
	contenders(t, func(t *testing.T, dbs []*db.DB) {
		for round := range 10 {
			thing, use := fmt.Sprintf("thing-%d", round), fmt.Sprintf("use-%d", round)
			update(t, dbs[0], put(thing, ""))
			won := compete(t, dbs, func(caller int, tx *db.Tx) error {
				look, do := thing, func() error { return db.PutSetting(tx, use, "") }
				if caller%2 == 0 {
					look, do = use, func() error { return tx.Exec(`DELETE FROM setting WHERE key = ?`, thing) }
				}
				_, err := db.GetSetting(tx, look)
				there := err == nil
				if err != nil && !errors.Is(err, db.ErrNoRows) {
					return err
				}
				if caller%2 == 0 && there || caller%2 == 1 && !there {
					return errTaken
				}
				return do()
			})
			if won == 0 {
				t.Error("nobody won")
			}
			view(t, dbs[0], func(tx *db.Tx) error {
				_, gone := db.GetSetting(tx, thing)
				_, unused := db.GetSetting(tx, use)
				if (gone == nil) != (unused == nil) {
					t.Errorf("round %d: thing %v, use %v", round, gone, unused)
				}
				return nil
			})
		}
	})
}

// Hooks run once however often the closure does.
func TestRaceHooks(t *testing.T) {
	t.Parallel()
	contenders(t, func(t *testing.T, dbs []*db.DB) {
		var mu sync.Mutex
		hooks, runs := 0, 0
		update(t, dbs[0], put("n", "0"))
		won := compete(t, dbs, func(_ int, tx *db.Tx) error {
			mu.Lock()
			runs++
			mu.Unlock()
			tx.OnCommit(func() {
				mu.Lock()
				hooks++
				mu.Unlock()
			})
			n, err := db.GetSetting(tx, "n")
			if err != nil {
				return err
			}
			return db.PutSetting(tx, "n", n+"+1")
		})
		var n string
		view(t, dbs[0], func(tx *db.Tx) (err error) {
			n, err = db.GetSetting(tx, "n")
			return err
		})
		if won != 16 || hooks != 16 || len(n) != 1+2*16 {
			t.Errorf("%d won, %d hooks, value %s", won, hooks, n)
		}
		t.Logf("%d runs of 16 closures", runs)
	})
}

package db_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db"
	"larder/internal/db/dbtest"
)

// stall keeps the writer busy with an update of its own until the returned
// function is called, so that a test can fill the queue behind it.
func stall(t *testing.T, d *db.DB) (release func() error) {
	t.Helper()
	busy, free := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- d.Update(context.Background(), func(*db.Tx) error {
			close(busy)
			<-free
			return nil
		})
	}()
	<-busy
	return func() error {
		close(free)
		return <-done
	}
}

// queued waits until n updates wait for the writer.
func queued(d *db.DB, n int) {
	for d.Queued() < n {
		runtime.Gosched()
	}
}

// behind runs the updates in one batch behind a stalled writer, in order, and
// returns their errors after that of the stalling update, which is in the
// same batch.
func behind(t *testing.T, d *db.DB, fns ...func(*db.Tx) error) []error {
	t.Helper()
	release := stall(t, d)
	errs := make([]error, len(fns))
	var all sync.WaitGroup
	for i, fn := range fns {
		all.Go(func() {
			defer func() {
				if p, ok := recover().(*db.Panic); ok {
					errs[i] = p
				}
			}()
			errs[i] = d.Update(context.Background(), fn)
		})
		queued(d, i+1)
	}
	stalled := release()
	all.Wait()
	return append([]error{stalled}, errs...)
}

func TestGroupCommit(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	before := d.Commits()
	var fns []func(*db.Tx) error
	for i := range 40 {
		fns = append(fns, put(fmt.Sprintf("%02d", i), ""))
	}
	for _, err := range behind(t, d, fns...) {
		if err != nil {
			t.Error(err)
		}
	}
	if got := settings(t, d); len(got) != 40 {
		t.Errorf("%d settings", len(got))
	}
	// The stalling update and all that waited for it share a commit.
	if n := d.Commits() - before; n != 1 {
		t.Errorf("41 updates took %d commits", n)
	}
}

// What one caller does wrong is nothing to the others of its batch.
func TestBatchIsolation(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	before := d.Commits()
	refused := errors.New("refused")
	errs := behind(t, d,
		put("a", ""),
		func(tx *db.Tx) error {
			if err := db.PutSetting(tx, "b", ""); err != nil {
				return err
			}
			return refused
		},
		func(tx *db.Tx) error {
			if err := db.PutSetting(tx, "c", ""); err != nil {
				return err
			}
			panic("oh")
		},
		func(tx *db.Tx) error { return tx.Exec(`INSERT INTO setting (key) VALUES ('d')`) },
		func(tx *db.Tx) error {
			seen, err := texts(tx, `SELECT key FROM setting`)
			if !cmp.Equal(seen, []string{"a"}) {
				t.Errorf("the last of the batch sees %q", seen)
			}
			return errors.Join(err, db.PutSetting(tx, "e", ""))
		},
	)
	var p *db.Panic
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], refused) || !errors.As(errs[3], &p) || errs[4] == nil || errs[5] != nil {
		t.Errorf("errors %v", errs)
	}
	if got := settings(t, d); !cmp.Equal(got, []string{"a", "e"}) {
		t.Errorf("settings %q", got)
	}
	if n := d.Commits() - before; n != 1 {
		t.Errorf("%d commits", n)
	}
}

// If the commit fails, everyone in the batch hears of it and nothing stays.
func TestCommitFails(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	update(t, d, func(tx *db.Tx) error {
		// A reference that is looked at only by the commit.
		return tx.Exec(`CREATE TABLE sample_child (parent TEXT REFERENCES setting (key) DEFERRABLE INITIALLY DEFERRED)`)
	})
	called := func(tx *db.Tx) { tx.OnCommit(func() { t.Error("a hook was called") }) }
	errs := behind(t, d,
		func(tx *db.Tx) error { called(tx); return db.PutSetting(tx, "a", "") },
		func(tx *db.Tx) error {
			called(tx)
			return tx.Exec(`INSERT INTO sample_child (parent) VALUES ('nobody')`)
		},
		func(tx *db.Tx) error { called(tx); return db.PutSetting(tx, "b", "") },
	)
	for i, err := range errs {
		if err == nil {
			t.Errorf("update %d was acknowledged", i)
		}
	}
	if got := settings(t, d); got != nil {
		t.Errorf("settings %q", got)
	}
	update(t, d, put("c", ""))
	if got := settings(t, d); !cmp.Equal(got, []string{"c"}) {
		t.Errorf("afterwards settings %q", got)
	}
}

// A caller whose context ends while it waits is told at once, and its update
// never happens.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	release := stall(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan error, 1)
	go func() {
		told <- d.Update(ctx, func(*db.Tx) error {
			t.Error("an update ran whose caller was gone")
			return nil
		})
	}()
	queued(d, 1)
	cancel()
	if err := <-told; !errors.Is(err, context.Canceled) {
		t.Errorf("Update returned %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	update(t, d, put("a", ""))
}

func TestReadersRunOut(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	held, free := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	for range 4 { // the default number of reading connections
		all.Go(func() {
			_ = d.View(context.Background(), func(*db.Tx) error {
				held <- struct{}{}
				<-free
				return nil
			})
		})
	}
	for range 4 {
		<-held
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.View(ctx, func(*db.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("View returned %v", err)
	}
	update(t, d, put("a", "")) // writing needs none of them
	close(free)
	all.Wait()
	if got := settings(t, d); !cmp.Equal(got, []string{"a"}) {
		t.Errorf("settings %q", got)
	}
}

// A statement that ends the whole transaction, as SQLite itself does when
// the disk is full, takes the batch so far with it, and nothing else.
func TestBatchIsLost(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	update(t, d, put("a", ""))
	errs := behind(t, d,
		put("b", ""),
		func(tx *db.Tx) error { return tx.Exec(`INSERT OR ROLLBACK INTO setting (key, value) VALUES ('a', '')`) },
		put("c", ""),
	)
	if errs[0] == nil || errs[1] == nil || !errors.Is(errs[2], db.ErrUnique) || errs[3] != nil {
		t.Errorf("errors %v", errs)
	}
	if got := settings(t, d); !cmp.Equal(got, []string{"a", "c"}) {
		t.Errorf("settings %q", got)
	}
}

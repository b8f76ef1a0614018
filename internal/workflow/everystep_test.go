package workflow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"larder/internal/db"
	"larder/internal/workflow"
	"larder/internal/workflow/workflowtest"
)

// outside is something beyond the database that beats have effects on. An
// effect carries a key: done again it is found done.
type outside struct {
	mu   sync.Mutex
	done map[string]bool
}

func (o *outside) do(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done == nil {
		o.done = map[string]bool{}
	}
	o.done[key] = true
}

func (o *outside) has(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.done[key]
}

func (o *outside) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(slices.Sorted(maps.Keys(o.done)), " ")
}

// journal adds a word to a row, which doing it twice would show.
func journal(tx *db.Tx, run, word string) error {
	return tx.Exec(`INSERT INTO setting (key, value) VALUES (?, ?)
		ON CONFLICT (key) DO UPDATE SET value = setting.value || ' ' || excluded.value`, run, word)
}

func journals(ctx context.Context, d *db.DB) (string, error) {
	var lines []string
	err := d.View(ctx, func(tx *db.Tx) (err error) {
		lines, err = db.Collect(tx, func(rows *db.Rows) (string, error) {
			var key, value string
			err := rows.Scan(&key, &value)
			return key + ": " + value, err
		}, `SELECT key, value FROM setting ORDER BY key`)
		return err
	})
	return strings.Join(lines, "\n"), err
}

// Every move there is: a build that loops, keeps state, waits for a report,
// for a time and for a run of its own, and writes with each beat.
func TestEveryStep(t *testing.T) {
	t.Parallel()
	workflowtest.EveryStep(t, func(_ testing.TB, e workflowtest.Env) workflowtest.World {
		var world outside
		build := func(r *workflow.Runner) workflow.Definition {
			return workflow.Definition{Name: "build/v1", Steps: []workflow.Step{
				{Name: "walls", Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
					var n int
					if b.State != nil {
						if err := json.Unmarshal(b.State, &n); err != nil {
							return workflow.Verdict{}, err
						}
					}
					n++
					world.do(fmt.Sprintf("%s/wall-%d", b.Subject, n))
					v := workflow.Again(time.Hour)
					if n == 3 {
						v = workflow.Next()
					}
					return v.Keep(json.RawMessage(fmt.Sprint(n))).Write(func(tx *db.Tx) error {
						return journal(tx, b.Run, fmt.Sprintf("wall%d", n))
					}), nil
				}},
				{Name: "roof", Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
					world.do(b.Subject + "/roof-ordered")
					if !world.has(b.Subject + "/roof-came") {
						return workflow.Await(b.Run+"/roof", 24*time.Hour).Noted("waiting for the roof"), nil
					}
					return workflow.Next().Write(func(tx *db.Tx) error {
						if err := journal(tx, b.Run, "roof"); err != nil {
							return err
						}
						return r.Start(tx, workflow.Begin{ID: b.Run + "-garden", Definition: "garden/v1", Subject: b.Run})
					}), nil
				}},
				{Name: "garden", Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
					if !world.has(b.Run + "/garden") {
						return workflow.Await(b.Run+"/garden", 24*time.Hour), nil
					}
					return workflow.End().Write(func(tx *db.Tx) error { return journal(tx, b.Run, "end") }), nil
				}},
				{Name: "never", Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
					world.do("never")
					return workflow.End(), nil
				}},
			}}
		}
		garden := func(r *workflow.Runner) workflow.Definition {
			return workflow.Definition{Name: "garden/v1", Steps: []workflow.Step{
				{Name: "plant", Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
					world.do(b.Subject + "/garden")
					return workflow.Next().Write(func(tx *db.Tx) error {
						if err := journal(tx, b.Run, "planted"); err != nil {
							return err
						}
						return r.Signal(tx, b.Subject+"/garden")
					}), nil
				}},
			}}
		}
		return workflowtest.World{
			Boot: func(r *workflow.Runner) {
				r.Register(build(r))
				r.Register(garden(r))
			},
			Start: func(ctx context.Context, r *workflow.Runner) error {
				return e.DB.Update(ctx, func(tx *db.Tx) error {
					for _, id := range []string{"house", "barn"} {
						if err := r.Start(tx, workflow.Begin{ID: id, Definition: "build/v1", Subject: "s-" + id}); err != nil {
							return err
						}
					}
					return nil
				})
			},
			Stir: func(ctx context.Context, r *workflow.Runner) (bool, error) {
				for _, id := range []string{"house", "barn"} {
					if world.has("s-"+id+"/roof-ordered") && !world.has("s-"+id+"/roof-came") {
						world.do("s-" + id + "/roof-came")
						return true, e.DB.Update(ctx, func(tx *db.Tx) error { return r.Signal(tx, id+"/roof") })
					}
				}
				return false, nil
			},
			Dump: func(ctx context.Context) (string, error) {
				rows, err := journals(ctx, e.DB)
				return rows + "\n" + world.String(), err
			},
		}
	})
}

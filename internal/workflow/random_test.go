package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/workflow"
	"larder/internal/workflow/workflowtest"
)

// A plot is what the beats of a random run do, one after another; step says
// to which step each belongs.
type plot struct {
	moves [][]string // by step
}

// Whatever steps a definition has, in whatever order processes crash, beats
// fail, runs are stolen and signals come: every run ends, having written each
// of its words once and in order.
func TestRandom(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		move := rapid.SampledFrom([]string{"soon", "later", "signal", "signaled", "patience"})
		plots := make([]plot, rapid.IntRange(1, 3).Draw(rt, "runs"))
		for i := range plots {
			for range rapid.IntRange(1, 3).Draw(rt, "steps") {
				plots[i].moves = append(plots[i].moves, rapid.SliceOfN(move, 0, 3).Draw(rt, "moves"))
			}
		}
		faults := rapid.SliceOfN(rapid.SampledFrom([]string{
			"", "", "", "crash begun", "crash decided", "crash recorded", "fail begun", "fail decided", "stolen", "taken over",
		}), 0, 30).Draw(rt, "faults")
		errFails := errors.New("fails")
		got, beats, err := workflowtest.Carry(t, d, func(_ testing.TB, e workflowtest.Env) workflowtest.World {
			return plotted(e, plots)
		}, func(n int, p workflow.Point, _ workflow.Beat) error {
			if n >= len(faults) {
				return nil
			}
			switch faults[n] + "/" + p.String() {
			case "crash begun/begun", "crash decided/decided", "crash recorded/recorded":
				return workflow.ErrCrash
			case "fail begun/begun", "fail decided/decided":
				return errFails
			case "stolen/decided":
				return workflowtest.ErrStolen
			case "taken over/decided":
				return workflowtest.ErrTakenOver
			}
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
		var want []string
		for i, p := range plots {
			var words []string
			for s, moves := range p.moves {
				for m := range len(moves) + 1 {
					words = append(words, fmt.Sprintf("%d.%d", s, m))
				}
			}
			want = append(want, fmt.Sprintf("run%d: %s", i, strings.Join(words, " ")))
		}
		if got != strings.Join(want, "\n") {
			rt.Fatalf("got\n%s\nwant\n%s\nbeats\n%s", got, strings.Join(want, "\n"), strings.Join(beats, "\n"))
		}
	})
}

// plotted is a world in which run i follows plots[i].
func plotted(e workflowtest.Env, plots []plot) workflowtest.World {
	var owed sync.Map // signals that somebody owes
	return workflowtest.World{
		Boot: func(r *workflow.Runner) {
			for i, p := range plots {
				def := workflow.Definition{Name: fmt.Sprintf("plot%d/v1", i)}
				for s, moves := range p.moves {
					def.Steps = append(def.Steps, workflow.Step{Name: fmt.Sprint("step", s), Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
						at := -1 // moves of this step that are behind us
						if b.State != nil {
							var state [2]int
							if err := json.Unmarshal(b.State, &state); err != nil {
								return workflow.Verdict{}, err
							}
							if state[0] == s {
								at = state[1]
							}
						}
						at++
						key := fmt.Sprintf("%s/%d.%d", b.Run, s, at)
						verdict, ahead := workflow.Next(), false
						if at < len(moves) {
							switch moves[at] {
							case "soon":
								verdict = workflow.Again(time.Millisecond)
							case "later":
								verdict = workflow.Again(time.Hour)
							case "patience":
								verdict = workflow.Await(key, time.Hour)
							case "signal":
								owed.Store(key, true)
								verdict = workflow.Await(key, 1000*time.Hour)
							case "signaled":
								ahead = true
								verdict = workflow.Await(key, 1000*time.Hour)
							}
						}
						return verdict.Keep(json.RawMessage(fmt.Sprintf("[%d,%d]", s, at))).Write(func(tx *db.Tx) error {
							if ahead {
								// In the very transaction that begins to wait.
								if err := r.Signal(tx, key); err != nil {
									return err
								}
							}
							return journal(tx, b.Run, fmt.Sprintf("%d.%d", s, at))
						}), nil
					}})
				}
				r.Register(def)
			}
		},
		Start: func(ctx context.Context, r *workflow.Runner) error {
			return e.DB.Update(ctx, func(tx *db.Tx) error {
				for i := range plots {
					if err := r.Start(tx, workflow.Begin{ID: fmt.Sprint("run", i), Definition: fmt.Sprintf("plot%d/v1", i)}); err != nil {
						return err
					}
				}
				return nil
			})
		},
		Stir: func(ctx context.Context, r *workflow.Runner) (bool, error) {
			did, err := false, error(nil)
			owed.Range(func(key, _ any) bool {
				did = true
				owed.Delete(key)
				err = e.DB.Update(ctx, func(tx *db.Tx) error { return r.Signal(tx, key.(string)) })
				return false
			})
			return did, err
		},
		Dump: func(ctx context.Context) (string, error) { return journals(ctx, e.DB) },
	}
}

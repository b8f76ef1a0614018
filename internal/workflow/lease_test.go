package workflow_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/workflow"
)

// A beat whose run was taken meanwhile writes nothing, whatever it decided.
func TestFence(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		verdicts := map[string]workflow.Verdict{
			"next": workflow.Next(), "again": workflow.Again(0), "await": workflow.Await("x", time.Hour), "end": workflow.End(),
		}
		r := workflow.New(d, workflow.Options{})
		r.Register(workflow.Definition{Name: "fence/v1", Steps: []workflow.Step{
			{Name: "one", Beat: func(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
				err := d.Update(context.Background(), func(tx *db.Tx) error {
					return tx.Exec(`UPDATE run SET epoch = epoch + 1, lease_owner = 'thief', lease_until = {{now}} + 3600000000 WHERE id = ?`, b.Run)
				})
				if err != nil || b.Subject == "error" {
					return workflow.Verdict{}, errors.Join(err, errors.New("fails"))
				}
				return verdicts[b.Subject].Keep([]byte("1")).Noted("n").Write(func(tx *db.Tx) error {
					return db.PutSetting(tx, "written by "+b.Run, "")
				}), nil
			}},
			{Name: "two", Beat: func(context.Context, workflow.Beat) (workflow.Verdict, error) {
				t.Error("a stale holder went on")
				return workflow.End(), nil
			}},
		}})
		carry(t, r)
		for subject := range verdicts {
			start(t, d, r, workflow.Begin{ID: subject, Definition: "fence/v1", Subject: subject})
		}
		start(t, d, r, workflow.Begin{ID: "error", Definition: "fence/v1", Subject: "error"})
		idle(t, r)
		for _, id := range []string{"next", "again", "await", "end", "error"} {
			if info := get(t, d, id); info.Node != "thief" || info.Step != "one" || info.Note != "" || info.Attempt != 0 || info.Awaits != "" {
				t.Errorf("%+v", info)
			}
		}
		if got, err := journals(t.Context(), d); got != "" || err != nil {
			t.Errorf("void beats wrote %q, %v", got, err)
		}
	})
}

// The heartbeat keeps a lease through a beat that takes many times its TTL,
// and ends the beat when the lease is lost all the same.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	const ttl = 2 * time.Second
	// The holder does not sweep: the stolen run is the other's to find.
	holder := workflow.New(d, workflow.Options{Node: "holder", LeaseTTL: ttl, Sweep: time.Hour})
	ended := make(chan error, 1)
	holder.Register(one("long/v1", func(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return workflow.Verdict{}, ctx.Err()
	}))
	other := workflow.New(d, workflow.Options{Node: "other", Sweep: 10 * time.Millisecond, LeaseTTL: time.Hour})
	carried := make(chan struct{})
	other.Register(one("long/v1", func(context.Context, workflow.Beat) (workflow.Verdict, error) {
		close(carried)
		return workflow.End(), nil
	}))
	carry(t, holder)
	carry(t, other)
	start(t, d, holder, workflow.Begin{ID: "r1", Definition: "long/v1"})
	lease := func() (until int64) {
		err := d.View(t.Context(), func(tx *db.Tx) error {
			return tx.Row(`SELECT lease_until FROM run WHERE id = 'r1'`).Scan(&until)
		})
		if err != nil {
			t.Fatal(err)
		}
		return until
	}
	first := lease()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for db.Time(lease()).Sub(db.Time(first)) < 2*ttl {
		select {
		case <-carried:
			t.Fatal("the run was taken from a node that lives")
		case <-look.C:
		}
	}
	err := d.Update(t.Context(), func(tx *db.Tx) error {
		return tx.Exec(`UPDATE run SET epoch = epoch + 1, lease_owner = 'thief', lease_until = 1`)
	})
	if err != nil {
		t.Fatal(err)
	}
	if cause := <-ended; cause == nil || !strings.Contains(cause.Error(), "another node") {
		t.Errorf("the beat's context ended with %v", cause)
	}
	<-carried
	wait(t, other, "r1")
}

// A lease that its node does not know of, as after a commit whose answer was
// lost, is not prolonged: the run is carried when it has run out.
func TestForgottenLease(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	r := workflow.New(d, workflow.Options{LeaseTTL: 300 * time.Millisecond, Sweep: 10 * time.Millisecond})
	release := make(chan struct{})
	r.Register(one("held/v1", func(context.Context, workflow.Beat) (workflow.Verdict, error) {
		<-release
		return workflow.End(), nil
	}))
	r.Register(one("forgotten/v1", func(context.Context, workflow.Beat) (workflow.Verdict, error) { return workflow.End(), nil }))
	carry(t, r)
	start(t, d, r, workflow.Begin{ID: "held", Definition: "held/v1"})
	start(t, d, r, workflow.Begin{ID: "forgotten", Definition: "forgotten/v1", After: time.Hour})
	err := d.Update(t.Context(), func(tx *db.Tx) error {
		return tx.Exec(`UPDATE run SET lease_owner = (SELECT lease_owner FROM run WHERE id = 'held'), lease_until = {{now}} + 300000, due = 0
			WHERE id = 'forgotten'`)
	})
	if err != nil {
		t.Fatal(err)
	}
	wait(t, r, "forgotten")
	close(release)
	wait(t, r, "held")
}

// Leases are kept on a node whose runs move all the time.
func TestBusyHeartbeat(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	const ttl = 2 * time.Second
	r := workflow.New(d, workflow.Options{LeaseTTL: ttl})
	over := time.Now().Add(2 * ttl)
	r.Register(one("busy/v1", func(context.Context, workflow.Beat) (workflow.Verdict, error) {
		if time.Now().After(over) {
			return workflow.End(), nil
		}
		return workflow.Again(0), nil
	}))
	r.Register(one("long/v1", func(ctx context.Context, _ workflow.Beat) (workflow.Verdict, error) {
		select {
		case <-ctx.Done():
			t.Errorf("the lease was lost: %v", context.Cause(ctx))
		case <-time.After(time.Until(over)):
		}
		return workflow.End(), nil
	}))
	carry(t, r)
	start(t, d, r, workflow.Begin{ID: "long", Definition: "long/v1"})
	for i := range 60 {
		start(t, d, r, workflow.Begin{ID: fmt.Sprintf("busy%02d", i), Definition: "busy/v1"})
	}
	wait(t, r, "long")
	idle(t, r)
}

// Two processes share the runs of one PostgreSQL; one is killed, the other
// ends what it held, and every word is written once.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	d := dbtest.OpenURL(t, url)
	const runs = 300
	starter := workflow.New(d, workflow.Options{LeaseTTL: time.Millisecond})
	starter.Register(words())
	child := func(node string) (*exec.Cmd, *bufio.Scanner) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestTwoProcessesChild$")
		cmd.Env = append(os.Environ(), "WORKFLOW_TEST_URL="+url, "WORKFLOW_TEST_NODE="+node)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		return cmd, bufio.NewScanner(out)
	}
	a, fromA := child("a")
	_, fromB := child("b")
	// Each says so when it begins, and when it has ended a run.
	if !fromB.Scan() || !fromA.Scan() {
		t.Fatal("a process did not begin")
	}
	err := d.Update(t.Context(), func(tx *db.Tx) error {
		for i := range runs {
			// The delay is longer than the lease: held by nobody.
			if err := starter.Start(tx, workflow.Begin{ID: fmt.Sprintf("r%03d", i), Definition: "words/v1", After: 2 * time.Millisecond}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !fromB.Scan() || !fromA.Scan() {
		t.Fatal("a process ended no run")
	}
	if err := a.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	rest := false
	for fromB.Scan() {
		left := list(t, d, workflow.Filter{Limit: runs})
		if len(left) == 0 {
			break
		}
		rest = true
	}
	if left := list(t, d, workflow.Filter{}); len(left) > 0 {
		t.Fatalf("%d runs were left", len(left))
	}
	if !rest {
		t.Error("nothing was left to do when the process was killed")
	}
	got, err := journals(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range runs {
		want = append(want, fmt.Sprintf("r%03d: one two three", i))
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), got); diff != "" {
		t.Error(diff)
	}
}

func TestTwoProcessesChild(t *testing.T) {
	url := os.Getenv("WORKFLOW_TEST_URL")
	if url == "" {
		t.Skip("is a process of TestTwoProcesses")
	}
	d := dbtest.OpenURL(t, url)
	r := workflow.New(d, workflow.Options{
		Node: os.Getenv("WORKFLOW_TEST_NODE"), Workers: 4, LeaseTTL: time.Second, Sweep: 20 * time.Millisecond,
	})
	r.Register(words())
	fmt.Println("begins")
	if err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// words is a definition that writes three words and pauses between them.
func words() workflow.Definition {
	word := func(word string, last bool) workflow.Step {
		return workflow.Step{Name: word, Beat: func(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
			if b.State == nil {
				return workflow.Again(10 * time.Millisecond).Keep([]byte(`"paused"`)), nil
			}
			return workflow.Next().Keep(nil).Write(func(tx *db.Tx) error {
				if last {
					tx.OnCommit(func() { fmt.Println("ended", b.Run) })
				}
				return journal(tx, b.Run, word)
			}), nil
		}}
	}
	return workflow.Definition{Name: "words/v1", Steps: []workflow.Step{word("one", false), word("two", false), word("three", true)}}
}

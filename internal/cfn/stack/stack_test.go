package stack_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/seal"
	"larder/internal/workflow"
)

const (
	account = "111111111111"
	region  = "us-east-1"
)

// house is a store of stacks with a runner that carries its operations.
type house struct {
	*stack.Stacks
	t      testing.TB
	db     *db.DB
	runner *workflow.Runner
}

// open builds a house over a database; the runner stops with the test.
func open(t testing.TB, d *db.DB, change func(*stack.Options)) *house {
	t.Helper()
	runner := workflow.New(d, workflow.Options{})
	o := stack.Options{DB: d, Runner: runner, Keys: seal.Ephemeral()}
	if change != nil {
		change(&o)
	}
	h := &house{Stacks: stack.New(o), t: t, db: d, runner: runner}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && ctx.Err() == nil {
			t.Errorf("runner: %v", err)
		}
	})
	return h
}

func rules(t testing.TB, text string) func(*stack.Options) {
	t.Helper()
	r, err := resource.ParseRules([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return func(o *stack.Options) { o.Rules = r }
}

// create starts a stack and waits until its operation has ended.
func (h *house) create(in stack.CreateInput) stack.Stack {
	h.t.Helper()
	st := h.start(in)
	h.wait(st)
	return h.describe(st.ID)
}

func (h *house) start(in stack.CreateInput) stack.Stack {
	h.t.Helper()
	in.Account, in.Region = account, region
	if in.Name == "" {
		in.Name = "stack-a"
	}
	st, err := h.Create(h.t.Context(), in)
	if err != nil {
		h.t.Fatal(err)
	}
	return st
}

func (h *house) wait(st stack.Stack) {
	h.t.Helper()
	if st.Journal.Run == "" {
		return
	}
	if err := h.runner.Wait(h.t.Context(), st.Journal.Run); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) describe(name string) stack.Stack {
	h.t.Helper()
	st, err := h.Describe(h.t.Context(), account, region, name)
	if err != nil {
		h.t.Fatal(err)
	}
	return st
}

// delete deletes a stack and waits until that has ended.
func (h *house) delete(st stack.Stack, retain ...string) stack.Stack {
	h.t.Helper()
	in := stack.DeleteInput{Account: account, Region: region, Stack: st.ID, Retain: retain}
	if err := h.Delete(h.t.Context(), in); err != nil {
		h.t.Fatal(err)
	}
	h.wait(h.describe(st.ID))
	return h.describe(st.ID)
}

// told returns a stack's events, oldest first, one a line.
func (h *house) told(st stack.Stack) string {
	h.t.Helper()
	var lines []string
	for before := int64(0); ; {
		_, page, next, err := h.Events(h.t.Context(), stack.EventsInput{Account: account, Region: region, Stack: st.ID, Before: before})
		if err != nil {
			h.t.Fatal(err)
		}
		for _, e := range page {
			who := e.LogicalID
			if e.Physical == st.ID {
				who = "-"
			}
			line := fmt.Sprintf("%s %s", who, e.Status)
			if e.Physical == "" {
				line += " early"
			}
			switch e.Reason {
			case "":
			case "Resource creation cancelled", "Resource update cancelled": //nolint:misspell // AWS writes it so
				line += ": (canceled)"
			default:
				line += ": " + e.Reason
			}
			lines = append([]string{line}, lines...)
		}
		if next == 0 {
			return strings.Join(lines, "\n")
		}
		before = next
	}
}

// left counts what exists of a stack.
func (h *house) left(st stack.Stack) int {
	h.t.Helper()
	n := 0
	err := h.db.View(h.t.Context(), func(tx *db.Tx) error {
		rows, err := resource.OfStack(tx, st.ID)
		n = len(rows)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

func diff(t *testing.T, what, got, want string) {
	t.Helper()
	if d := cmp.Diff(strings.TrimSpace(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

const pair = `
Resources:
  Topic:
    Type: AWS::SNS::Topic
  Name:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Ref Topic}
Outputs:
  Arn: {Value: !Ref Topic, Description: the topic}
`

func TestCreateAndDelete(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, nil)
		st := h.create(stack.CreateInput{Template: []byte(pair)})
		if st.Status != stack.CreateComplete || len(st.Outputs) != 1 || !strings.HasPrefix(st.Outputs[0].Value, "arn:aws:sns:us-east-1:111111111111:") {
			t.Fatalf("%+v", st)
		}
		if n := h.left(st); n != 2 {
			t.Errorf("%d resources exist, want 2", n)
		}
		diff(t, "events", h.told(st), `
- CREATE_IN_PROGRESS: User Initiated
Topic CREATE_IN_PROGRESS early
Topic CREATE_IN_PROGRESS: Resource creation Initiated
Topic CREATE_COMPLETE
Name CREATE_IN_PROGRESS early
Name CREATE_IN_PROGRESS: Resource creation Initiated
Name CREATE_COMPLETE
- CREATE_COMPLETE`)
		gone := h.delete(st)
		if gone.Status != stack.DeleteComplete || gone.Deleted.IsZero() {
			t.Errorf("%+v", gone)
		}
		if n := h.left(st); n != 0 {
			t.Errorf("%d resources are left", n)
		}
		_, all, _ := strings.Cut(h.told(st), "- CREATE_COMPLETE\n")
		diff(t, "events", all, `
- DELETE_IN_PROGRESS: User Initiated
Name DELETE_IN_PROGRESS
Name DELETE_COMPLETE
Topic DELETE_IN_PROGRESS
Topic DELETE_COMPLETE
- DELETE_COMPLETE`)
		if _, err := h.Describe(t.Context(), account, region, "stack-a"); err == nil || err.Error() != "Stack with id stack-a does not exist" {
			t.Errorf("describe by name: %v", err)
		}
	})
}

// world tells what exists of a stack, one resource a line.
func (h *house) world(st stack.Stack) string {
	h.t.Helper()
	var lines []string
	err := h.db.View(h.t.Context(), func(tx *db.Tx) error {
		rows, err := resource.OfStack(tx, st.ID)
		lines = nil
		for _, r := range rows {
			lines = append(lines, fmt.Sprintf("%s %d %s %s %s", r.LogicalID, r.Generation, r.Physical, r.Identifier, r.Body))
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

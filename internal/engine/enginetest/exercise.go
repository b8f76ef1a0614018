package enginetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/engine"
)

// A Subject is an engine to be held to its contract, and what it works with.
type Subject struct {
	Engine engine.Engine
	// Sound is an artifact that can be launched with Given and has outputs.
	Sound engine.Artifact
	Given []engine.Given
	// Targets are those of every change; nil for one place, and outputs.
	Targets *engine.Targets
	// Failing is an artifact that Describe accepts and whose creation fails.
	// Without a body that is not exercised.
	Failing engine.Artifact
	// Broken is an artifact that Describe refuses. Without a body that is not
	// exercised.
	Broken engine.Artifact
	// Hanging is an artifact whose creation does not end. Without a body that
	// is not exercised.
	Hanging engine.Artifact
	// Settle lets the engine's own work go on until there is nothing to do
	// but wait; nil if an engine does all its work in Advance.
	Settle func(context.Context) error
}

// patience bounds how long a change may take.
const patience = 30 * time.Second

// Exercise creates, fails, stops and deletes with an engine. Every beat is
// asked for twice, as after a crash between the engine's answer and its
// record.
func Exercise(t *testing.T, s Subject) {
	t.Run("describe", func(t *testing.T) {
		if _, err := s.Engine.Describe(t.Context(), s.Sound); err != nil {
			t.Errorf("a sound artifact: %v", err)
		}
		if s.Broken.Body != nil {
			_, err := s.Engine.Describe(t.Context(), s.Broken)
			if f, ok := engine.AsFailure(err); !ok || f.Reason == "" {
				t.Errorf("a broken artifact: %v, want a Failure", err)
			}
		}
	})
	t.Run("create and delete", func(t *testing.T) {
		c := s.change("rec-1", "pp-sound", s.Sound)
		made := s.carry(t, c)
		if made.Failure != nil || made.Physical == "" {
			t.Fatalf("created: %+v", made)
		}
		if len(made.Outputs) == 0 && s.Targets == nil {
			t.Error("no outputs")
		}
		again := s.beat(t, c)
		if d := cmp.Diff(made, again); d != "" {
			t.Errorf("the ended operation answers otherwise when it is repeated:\n%s", d)
		}
		for _, operation := range []string{"rec-2", "rec-3"} { // the second finds nothing
			gone := s.change(operation, "pp-sound", s.Sound)
			gone.Kind, gone.Physical = engine.Delete, made.Physical
			if p := s.carry(t, gone); p.Failure != nil {
				t.Errorf("%s deletes: %v", operation, p.Failure)
			}
		}
		anew := s.carry(t, s.change("rec-4", "pp-sound", s.Sound))
		if anew.Failure != nil {
			t.Errorf("created anew: %v", anew.Failure)
		}
	})
	t.Run("delete what never was", func(t *testing.T) {
		c := s.change("rec-1", "pp-never", s.Sound)
		c.Kind = engine.Delete
		if p := s.carry(t, c); p.Failure != nil {
			t.Errorf("%v", p.Failure)
		}
	})
	t.Run("retain", func(t *testing.T) {
		made := s.carry(t, s.change("rec-r1", "pp-kept", s.Sound))
		c := s.change("rec-r2", "pp-kept", s.Sound)
		c.Kind, c.Physical, c.Retain = engine.Delete, made.Physical, true
		if p := s.carry(t, c); p.Failure != nil {
			t.Fatalf("%v", p.Failure)
		}
		if p := s.beat(t, s.change("rec-r1", "pp-kept", s.Sound)); p.State != engine.Done || p.Failure != nil {
			t.Errorf("what was to stay is not there: %+v", p)
		}
	})
	if s.Failing.Body != nil {
		t.Run("fail", func(t *testing.T) {
			p := s.carry(t, s.change("rec-f", "pp-failing", s.Failing))
			if p.Failure == nil || p.Failure.Reason == "" {
				t.Fatalf("%+v", p)
			}
			if len(p.Outputs) > 0 {
				t.Errorf("outputs of what failed: %v", p.Outputs)
			}
			c := s.change("rec-fd", "pp-failing", s.Failing)
			c.Kind, c.Physical = engine.Delete, p.Physical
			if p := s.carry(t, c); p.Failure != nil {
				t.Errorf("delete what failed: %v", p.Failure)
			}
		})
	}
	if s.Hanging.Body != nil {
		t.Run("stop", func(t *testing.T) {
			c := s.change("rec-h", "pp-hanging", s.Hanging)
			for range 3 {
				if p := s.beat(t, c); p.State == engine.Done {
					t.Fatalf("it does not hang: %+v", p)
				}
			}
			c.Overdue = true
			if p := s.carry(t, c); p.Failure == nil {
				t.Errorf("stopped without a failure: %+v", p)
			}
		})
	}
	t.Run("do not heed the ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p, err := s.Engine.Advance(ctx, s.change("rec-c", "pp-canceled", s.Sound))
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func (s Subject) change(operation, product string, a engine.Artifact) engine.Change {
	return engine.Change{
		Kind: engine.Create, Operation: operation + "-" + product, Account: "111111111111", Region: "us-east-1",
		Product: product, Name: product, Artifact: a, Given: s.Given, Tags: []engine.Tag{{Key: "team", Value: "a"}},
		Targets: s.Targets,
	}
}

// beat asks for one beat, twice, and lets the engine work.
func (s Subject) beat(t *testing.T, c engine.Change) engine.Progress {
	t.Helper()
	first, err := s.Engine.Advance(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Engine.Advance(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if first.Physical != "" && second.Physical != first.Physical {
		t.Fatalf("a repeated beat made %s besides %s", second.Physical, first.Physical)
	}
	if second.State != engine.Done && s.Settle != nil {
		if err := s.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return second
}

// carry asks for beats until the change has ended.
func (s Subject) carry(t *testing.T, c engine.Change) engine.Progress {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < patience; {
		p := s.beat(t, c)
		switch {
		case p.State == engine.Done:
			return p
		case p.State == engine.Waiting && p.Signal == "":
			t.Fatalf("it waits for nothing: %+v", p)
		}
	}
	t.Fatalf("%s does not end", c.Operation)
	return engine.Progress{}
}

package enginetest_test

import (
	"testing"

	"larder/internal/engine"
	"larder/internal/engine/enginetest"
)

func TestFake(t *testing.T) {
	t.Parallel()
	fake := &enginetest.Fake{}
	enginetest.Exercise(t, enginetest.Subject{
		Engine: fake, Sound: engine.Artifact{Body: []byte("anything")}, Given: []engine.Given{{Key: "Size", Value: "3"}},
	})
	if n := len(fake.Living()); n != 3 {
		t.Errorf("%d things live, want those made anew, kept and canceled: %v", n, fake.Living())
	}
}

func TestFailing(t *testing.T) {
	t.Parallel()
	fake := &enginetest.Fake{OnAdvance: enginetest.Failing(engine.Create, "no")}
	p, err := fake.Advance(t.Context(), engine.Change{Kind: engine.Create})
	if err != nil || p.Failure == nil || p.Failure.Reason != "no" || len(fake.Living()) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if n := len(fake.Changes()); n != 1 {
		t.Errorf("%d changes were asked for", n)
	}
}

package stack_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
)

// setRules puts rules in force and waits until nothing more can be done.
func (h *house) setRules(text string) {
	h.t.Helper()
	list, err := resource.ParseRules([]byte(text))
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.db.Update(h.t.Context(), func(tx *db.Tx) error { return h.SetRules(tx, list) }); err != nil {
		h.t.Fatal(err)
	}
	h.idle()
}

func (h *house) idle() {
	h.t.Helper()
	if err := h.runner.Idle(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// Rules that are replaced count at once, also for operations under way.
func TestSetRules(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, rules(t, `rules: [{match: {logicalId: A}, hang: true}, {match: {logicalId: C}, delay: 1h}]`))
		st := h.start(stack.CreateInput{Template: []byte(chain)})
		h.idle()
		before := h.told(st)
		if strings.Contains(before, "COMPLETE") {
			t.Fatalf("nothing was held up:\n%s", before)
		}
		// A goes on, since its rule is gone; C's stays; B, which waits for A,
		// is under a new one.
		h.setRules(`rules: [{match: {logicalId: C}, delay: 1h}, {match: {logicalId: B}, hang: true}]`)
		want := `
A CREATE_COMPLETE
B CREATE_IN_PROGRESS early
B CREATE_IN_PROGRESS: Resource creation Initiated`
		if d := cmp.Diff(want, strings.TrimPrefix(h.told(st), before)); d != "" {
			t.Error(d)
		}
		// A rule that comes to say something else is another one.
		before = h.told(st)
		h.setRules(`rules: [{match: {logicalId: C}, delay: 2h}]`)
		if d := cmp.Diff("\nC CREATE_COMPLETE\nB CREATE_COMPLETE\n- CREATE_COMPLETE", strings.TrimPrefix(h.told(st), before)); d != "" {
			t.Error(d)
		}
		// A failure that was decided stays, and comes at once.
		h.setRules(`rules: [{match: {logicalId: B}, action: DELETE, delay: 1h, fail: no}]`)
		if err := h.Delete(t.Context(), stack.DeleteInput{Account: account, Region: region, Stack: st.ID}); err != nil {
			t.Fatal(err)
		}
		h.idle()
		if now := h.describe(st.ID); now.Status != stack.DeleteInProgress {
			t.Fatalf("%s: %s", now.Status, now.Reason)
		}
		h.setRules(``)
		if now := h.describe(st.ID); now.Status != stack.DeleteFailed || !strings.Contains(h.told(st), "B DELETE_FAILED: no") {
			t.Errorf("%s: %s", now.Status, now.Reason)
		}
		if now := h.delete(st); now.Status != stack.DeleteComplete {
			t.Errorf("%s: %s", now.Status, now.Reason)
		}
	})
}

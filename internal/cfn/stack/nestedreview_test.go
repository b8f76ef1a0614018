package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"larder/internal/cfn/changeset"
	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
)

func (h *house) review(in stack.ChangeSetInput) stack.ChangeSet {
	h.t.Helper()
	in.Account, in.Region = account, region
	cs, err := h.CreateChangeSet(h.t.Context(), in)
	if err != nil {
		h.t.Fatal(err)
	}
	return cs
}

func (h *house) changes(cs *stack.ChangeSet) []changeset.Change {
	h.t.Helper()
	changes, err := h.Changes(h.t.Context(), cs, false)
	if err != nil {
		h.t.Fatal(err)
	}
	return changes
}

func (h *house) changeSet(arn string) stack.ChangeSet {
	h.t.Helper()
	cs, err := h.ChangeSet(h.t.Context(), account, region, "", arn)
	if err != nil {
		h.t.Fatal(err)
	}
	return cs
}

func (h *house) execute(cs stack.ChangeSet) stack.Stack {
	h.t.Helper()
	st, _, err := h.Execute(h.t.Context(), stack.ExecuteInput{Account: account, Region: region, Name: cs.ID})
	if err != nil {
		h.t.Fatal(err)
	}
	h.wait(st)
	return h.describe(st.ID)
}

func TestNestedChangeSets(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		s := newShelf(t)
		s.put("child", fmt.Sprintf(middle, s.url))
		s.put("inner", changed("Same"))
		h := open(t, d, fetching(t, nil))
		text := func(value string) []byte { return fmt.Appendf(nil, root, s.url, value) }
		ask := stack.ChangeSetInput{UpdateInput: stack.UpdateInput{Stack: "stack-a", Template: text("a")}, Name: "first", Creates: true, Nested: true}
		cs := h.review(ask)
		if cs.Status != stack.ChangeSetComplete || len(cs.Nested) != 1 {
			t.Fatalf("%+v", cs)
		}
		nested := h.changeSet(cs.Nested["Nested"])
		inner := h.changeSet(nested.Nested["Inner"])
		if nested.Parent != cs.ID || nested.Root != cs.ID || inner.Parent != nested.ID || inner.Root != cs.ID ||
			nested.Execution != stack.Unavailable || nested.Reason != "Only executable from the root change set." || !strings.HasPrefix(nested.Name, "first-Nested-") {
			t.Errorf("nested %+v\ninner %+v", nested, inner)
		}
		if changes := h.changes(&cs); len(changes) != 2 || changes[1].LogicalID != "Nested" || changes[1].ChangeSetID != nested.ID {
			t.Errorf("%+v", changes)
		}
		if in := h.describe(nested.Stack); in.Status != stack.ReviewInProgress || in.Parent != cs.Stack {
			t.Errorf("%+v", in)
		}
		_, _, err := h.Execute(t.Context(), stack.ExecuteInput{Account: account, Region: region, Name: nested.ID})
		if e, refused := stack.AsError(err); !refused || e.Code != "InvalidChangeSetStatus" {
			t.Errorf("executed alone: %v", err)
		}
		if err := h.DeleteChangeSet(t.Context(), account, region, "", nested.ID); err == nil {
			t.Error("deleted alone")
		}

		// Deleted with the root, and so are the stacks in review.
		if err := h.DeleteChangeSet(t.Context(), account, region, "", cs.ID); err != nil {
			t.Fatal(err)
		}
		if in := h.describe(inner.Stack); in.Status != stack.DeleteComplete {
			t.Errorf("%+v", in)
		}
		// Two of one stack in review are about the same nested ones.
		cs = h.review(ask)
		other := ask
		other.Name = "other"
		twin := h.review(other)
		if err := h.DeleteChangeSet(t.Context(), account, region, "", twin.ID); err != nil {
			t.Fatal(err)
		}
		nested = h.changeSet(cs.Nested["Nested"])
		if in := h.describe(nested.Stack); in.Status != stack.ReviewInProgress {
			t.Errorf("%+v", in)
		}
		h.delete(h.describe(cs.Stack))
		if in := h.describe(nested.Stack); in.Status != stack.DeleteComplete {
			t.Errorf("%+v", in)
		}
		cs = h.review(ask)
		nested = h.changeSet(cs.Nested["Nested"])
		s.put("child", "what it was made of does not count any more")
		st := h.execute(cs)
		if st.Status != stack.CreateComplete {
			t.Fatalf("%s: %s\n%s", st.Status, st.Reason, h.told(st))
		}
		if in := h.nestedIn(st, "Nested"); in.ID != nested.Stack || in.ChangeSet != nested.ID {
			t.Errorf("%+v", in)
		}
		if now := h.changeSet(nested.ID); now.Execution != stack.ExecuteComplete {
			t.Errorf("%+v", now)
		}

		// Nothing changes, two levels down.
		s.put("child", fmt.Sprintf(middle, s.url))
		same := h.review(stack.ChangeSetInput{UpdateInput: stack.UpdateInput{Stack: st.ID, Template: text("a")}, Name: "same", Nested: true})
		if same.Status != stack.ChangeSetFailed || same.Reason != changeset.NoChanges {
			t.Errorf("%+v %+v", same, h.changes(&same))
		}
		dynamic := h.review(stack.ChangeSetInput{UpdateInput: stack.UpdateInput{Stack: st.ID, Template: text("a")}, Name: "dynamic"})
		if changes := h.changes(&dynamic); len(changes) != 1 && len(changes) != 2 || changes[len(changes)-1].Details[0].ChangeSource != changeset.Automatic {
			t.Errorf("%+v", changes)
		}

		cs = h.review(stack.ChangeSetInput{UpdateInput: stack.UpdateInput{Stack: st.ID, Template: text("b")}, Name: "second", Nested: true})
		nested = h.changeSet(cs.Nested["Nested"])
		inner = h.changeSet(nested.Nested["Inner"])
		var listed []string
		for _, ch := range h.changes(&inner) {
			listed = append(listed, string(ch.Action)+" "+ch.LogicalID)
		}
		diff(t, "inner changes", strings.Join(listed, ", "), "Modify Text, Modify Topic")
		if st = h.execute(cs); st.Status != stack.UpdateComplete {
			t.Fatalf("%s: %s\n%s", st.Status, st.Reason, h.told(st))
		}
		for _, one := range []string{cs.ID, nested.ID, inner.ID} {
			if now := h.changeSet(one); now.Execution != stack.ExecuteComplete {
				t.Errorf("%+v", now)
			}
		}

		// What is refused below fails the root.
		s.put("inner", "no template")
		bad := h.review(stack.ChangeSetInput{UpdateInput: stack.UpdateInput{Stack: st.ID, Template: text("c")}, Name: "bad", Nested: true})
		below := h.changeSet(bad.Nested["Nested"])
		if bad.Status != stack.ChangeSetFailed || bad.Reason != "Nested change set "+below.ID+" was not successfully created: Currently in FAILED." {
			t.Errorf("%+v", bad)
		}
		if deepest := h.changeSet(below.Nested["Inner"]); deepest.Status != stack.ChangeSetFailed || !strings.HasPrefix(deepest.Reason, "Template format error") {
			t.Errorf("%+v", deepest)
		}
	})
}

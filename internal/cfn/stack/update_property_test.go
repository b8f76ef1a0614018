package stack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/seal"
)

// The property: under any sequence of updates from one random graph to
// another, with handlers that fail, take time or hang anywhere and a process
// killed anywhere, the stack ends as the old template says or as the new one
// does, never between; everything that exists is accounted for, once.
func TestAnyUpdateAnyFailureAnyKill(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{
			t: t, rt: rt, keys: seal.Ephemeral(), clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			depends: map[string][]string{}, outside: &outside{made: map[string]string{}, plan: map[string]behavior{}},
		}
		w.rules = drawRules(rt)
		first := drawGraph(rt, w)
		w.kills = rapid.SliceOfN(rapid.IntRange(0, 15), 0, 6).Draw(rt, "kills")
		w.d = dbtest.Open(t, dbtest.Dir(t))
		w.start(rapid.IntRange(1, 12).Draw(rt, "beat"))
		defer w.stop()
		ctx := context.Background()
		st, err := w.stacks.Create(ctx, stack.CreateInput{
			Account: account, Region: region, Name: "stack-a", Operation: "create", Template: first.text(rt), OnFailure: stack.DoNothing,
		})
		if err != nil {
			rt.Fatalf("create: %v", err)
		}
		w.settle(st.ID)
		if st = w.describe(st.ID); st.Status != stack.CreateComplete {
			return // creations have a test of their own
		}
		settled := first // what the stack is to be as
		for n := range rapid.IntRange(1, 3).Draw(rt, "updates") {
			next := drawGraph(rt, w)
			w.update(&st, &settled, next, fmt.Sprintf("update-%d", n))
		}
		if st.Status == stack.UpdateFailed || st.Status == stack.UpdateRollbackFailed {
			w.rules = resource.Rules{}
		}
		for range 3 {
			if err := w.stacks.Delete(ctx, stack.DeleteInput{Account: account, Region: region, Stack: st.ID}); err != nil {
				rt.Fatalf("delete: %v", err)
			}
			w.settle(st.ID)
			st = w.describe(st.ID)
		}
		if st.Status == stack.DeleteComplete {
			w.checkLeft(st.ID, nil)
		}
	})
}

// graph is a template's resources: what each is given, and what it needs.
type graph map[string]*node

type node struct {
	typ, name, value string
	needs            []string
	policy           string
	retained         bool // when replaced
}

func drawGraph(rt *rapid.T, w *world) graph {
	g := graph{}
	for i := range rapid.IntRange(1, 8).Draw(rt, "resources") {
		if rapid.IntRange(0, 4).Draw(rt, "absent") == 0 && i > 0 {
			continue
		}
		id := fmt.Sprintf("R%d", i)
		n := &node{typ: "AWS::SSM::Parameter", value: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "value")}
		if i%3 == 1 {
			n.typ = "AWS::SQS::Queue" // outside, see world
			w.outside.plan[id] = behavior{
				again: rapid.IntRange(0, 2).Draw(rt, "again"), fault: rapid.IntRange(0, 3).Draw(rt, "fault") == 0,
				fail: rapid.IntRange(0, 9).Draw(rt, "outside fails") == 0, stuck: rapid.IntRange(0, 9).Draw(rt, "outside keeps") == 0,
			}
		}
		if rapid.IntRange(0, 2).Draw(rt, "named") == 0 {
			n.name = fmt.Sprintf("%s-%s", id, rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "name"))
		}
		for j := range i {
			on := fmt.Sprintf("R%d", j)
			if _, ok := g[on]; ok && rapid.IntRange(0, 3).Draw(rt, "edge") == 0 {
				n.needs = append(n.needs, on)
			}
		}
		if rapid.IntRange(0, 9).Draw(rt, "retained") == 0 {
			n.policy = "Retain"
		}
		n.retained = rapid.IntRange(0, 9).Draw(rt, "retained when replaced") == 0
		g[id] = n
	}
	return g
}

func (g graph) text(rt *rapid.T) []byte {
	resources := map[string]any{}
	for id, n := range g {
		// What is needed is in the value, so that a change spreads.
		var parts []any
		for _, on := range n.needs {
			parts = append(parts, map[string]any{"Ref": on})
		}
		value := map[string]any{"Fn::Join": []any{"|", append(parts, n.value)}}
		props := map[string]any{}
		if n.typ == "AWS::SSM::Parameter" {
			props["Type"], props["Value"] = "String", value
			if n.name != "" {
				props["Name"] = "/" + n.name
			}
		} else {
			props["Tags"] = []any{map[string]any{"Key": "value", "Value": value}}
			if n.name != "" {
				props["QueueName"] = n.name
			}
		}
		declared := map[string]any{"Type": n.typ, "Properties": props}
		if n.policy != "" {
			declared["DeletionPolicy"] = n.policy
		}
		if n.retained {
			declared["UpdateReplacePolicy"] = "Retain"
		}
		resources[id] = declared
	}
	text, err := json.Marshal(map[string]any{"Resources": resources})
	if err != nil {
		rt.Fatal(err)
	}
	return text
}

// drawFault has a rule fail, delay or hang, in 4 of most+1 cases, and reports
// whether it does.
func drawFault(rt *rapid.T, r *resource.Rule, most int) bool {
	switch rapid.IntRange(0, most).Draw(rt, "rule") {
	case 0:
		r.Fail = "by rule"
	case 1:
		r.Delay = resource.Duration(time.Minute)
	case 2:
		r.Hang = true
	case 3:
		r.Fail, r.Delay = "late by rule", resource.Duration(time.Minute)
	default:
		return false
	}
	return true
}

func drawRules(rt *rapid.T) resource.Rules {
	var list []resource.Rule
	for i := range 8 {
		for _, action := range []resource.Action{resource.Create, resource.Update, resource.Delete} {
			r := resource.Rule{
				Match: resource.Match{LogicalID: fmt.Sprintf("R%d", i)}, Action: action, Count: rapid.IntRange(1, 3).Draw(rt, "count"),
			}
			if drawFault(rt, &r, 14) {
				list = append(list, r)
			}
		}
	}
	rules, err := resource.NewRules(list)
	if err != nil {
		rt.Fatal(err)
	}
	return rules
}

// update carries one update to its end and holds what came of it to the
// property. A rollback that fails is continued, in the end by skipping.
func (w *world) update(st *stack.Stack, settled *graph, next graph, operation string) {
	ctx := context.Background()
	before := w.exists(st.ID)
	w.rt.Logf("update to %s", next.text(w.rt))
	_, err := w.stacks.Update(ctx, stack.UpdateInput{
		Account: account, Region: region, Stack: st.ID, Operation: operation, Template: next.text(w.rt),
		DisableRollback: rapid.IntRange(0, 5).Draw(w.rt, "no rollback") == 0,
	})
	if stack.IsUnchanged(err) {
		return
	}
	if e, refused := stack.AsError(err); refused && strings.HasPrefix(e.Message, "Update of resource type") {
		return
	}
	if err != nil {
		w.rt.Fatalf("update: %v", err)
	}
	w.settle(st.ID)
	*st = w.describe(st.ID)
	if st.Status == stack.UpdateFailed {
		// What is between is updated to where it came from.
		_, err := w.stacks.Update(ctx, stack.UpdateInput{
			Account: account, Region: region, Stack: st.ID, Operation: operation + "-back", Template: (*settled).text(w.rt),
		})
		if err != nil {
			w.rt.Fatalf("back: %v", err)
		}
		w.settle(st.ID)
		*st = w.describe(st.ID)
		next = *settled
		before = nil // unnamed resources are others now
	}
	skipped := false
	for n := 0; st.Status == stack.UpdateRollbackFailed; n++ {
		in := stack.ContinueInput{Account: account, Region: region, Stack: st.ID, Operation: fmt.Sprintf("%s-%d", operation, n)}
		if n > 4 {
			in.Skip, skipped = w.failedUpdates(st.ID), true
		}
		if n > 10 {
			w.rt.Fatalf("the rollback never ends: %s", st.Reason)
		}
		if err := w.stacks.ContinueRollback(ctx, in); err != nil {
			w.rt.Fatalf("continue: %v", err)
		}
		w.settle(st.ID)
		*st = w.describe(st.ID)
	}
	switch st.Status {
	case stack.UpdateComplete:
		*settled = next
	case stack.UpdateRollbackComplete:
		if before != nil && !skipped {
			now := w.exists(st.ID)
			for key, was := range before {
				if now[key] != was {
					w.rt.Errorf("%s was %s and is %s after the rollback", key, was, now[key])
				}
			}
		}
	default:
		w.rt.Fatalf("the stack is left %s: %s", st.Status, st.Reason)
	}
	if st.Transition != nil {
		w.rt.Errorf("a settled stack has a way back: %+v", st.Transition)
	}
	if !skipped {
		w.checkLeft(st.ID, *settled)
	}
}

// story tells what happened to a stack, oldest first.
func (w *world) story(id string) string {
	var lines []string
	for before := int64(0); ; {
		_, page, next, err := w.stacks.Events(context.Background(), stack.EventsInput{Account: account, Region: region, Stack: id, Before: before})
		if err != nil {
			w.rt.Fatal(err)
		}
		for _, e := range page {
			lines = append(lines, fmt.Sprintf("%s %s %s %s", e.LogicalID, e.Status, e.Physical, e.Reason))
		}
		if before = next; next == 0 {
			slices.Reverse(lines)
			return strings.Join(lines, "\n")
		}
	}
}

func (w *world) failedUpdates(id string) (logicalIDs []string) {
	_, resources, err := w.stacks.Resources(context.Background(), account, region, id)
	if err != nil {
		w.rt.Fatal(err)
	}
	for _, r := range resources {
		if r.Status == stack.UpdateFailed {
			logicalIDs = append(logicalIDs, r.LogicalID)
		}
	}
	return logicalIDs
}

// exists tells every row of a stack.
func (w *world) exists(id string) map[string]string {
	all := map[string]string{}
	err := w.d.View(context.Background(), func(tx *db.Tx) error {
		clear(all)
		rows, err := resource.OfStack(tx, id)
		for _, r := range rows {
			all[fmt.Sprintf("%s/%d", r.LogicalID, r.Generation)] = r.Physical + " " + r.Body
		}
		return err
	})
	if err != nil {
		w.rt.Fatal(err)
	}
	return all
}

// checkLeft holds what exists to a template: each resource once, as the
// template says; beside them only what events say was kept, or could not be
// removed.
func (w *world) checkLeft(id string, g graph) {
	st, resources, err := w.stacks.Resources(context.Background(), account, region, id)
	if err != nil {
		w.rt.Fatal(err)
	}
	w.rt.Logf("%s", w.story(id))
	var rows []resource.Row
	err = w.d.View(context.Background(), func(tx *db.Tx) (err error) {
		rows, err = resource.OfStack(tx, id)
		return err
	})
	if err != nil {
		w.rt.Fatal(err)
	}
	last := map[string]stack.Status{} // of each physical resource
	blank := map[string]bool{}        // logical ids of which one without a name could not be deleted
	for before := int64(0); ; {
		_, page, next, err := w.stacks.Events(context.Background(), stack.EventsInput{Account: account, Region: region, Stack: id, Before: before})
		if err != nil {
			w.rt.Fatal(err)
		}
		for _, e := range page {
			if _, seen := last[e.Physical]; !seen {
				last[e.Physical] = e.Status
			}
			blank[e.LogicalID] = blank[e.LogicalID] || e.Physical == "" && e.Status == stack.DeleteFailed
		}
		if before = next; next == 0 {
			break
		}
	}
	wanted := map[string]bool{}
	for _, r := range resources {
		if g[r.LogicalID] == nil {
			if r.Status != stack.DeleteFailed && st.Status != stack.DeleteComplete {
				w.rt.Errorf("%s is %s and in no template", r.LogicalID, r.Status)
			}
			continue
		}
		wanted[r.Physical] = true
		if r.Status != stack.CreateComplete && r.Status != stack.UpdateComplete {
			w.rt.Errorf("%s is left %s", r.LogicalID, r.Status)
		}
	}
	if len(wanted) != len(g) {
		w.rt.Errorf("%d resources of %d", len(wanted), len(g))
	}
	physical := map[string]bool{}
	for _, row := range rows {
		physical[row.Physical] = true
		if !wanted[row.Physical] && last[row.Physical] != stack.DeleteSkipped && last[row.Physical] != stack.DeleteFailed {
			w.rt.Errorf("nobody accounts for %s %s, last %s", row.LogicalID, row.Physical, last[row.Physical])
		}
	}
	for _, r := range resources {
		if g[r.LogicalID] != nil && !physical[r.Physical] {
			w.rt.Errorf("%s, %s, does not exist", r.LogicalID, r.Physical)
		}
	}
	for token, made := range w.outside.alive() {
		if logicalID := strings.Split(strings.TrimPrefix(token, id+"/"), "/")[0]; blank[logicalID] {
			continue // its handler was asked to make it, and never said what it made
		}
		if status := last[made]; !physical[made] && status != stack.DeleteSkipped && status != stack.DeleteFailed && status != stack.DeleteComplete {
			w.rt.Errorf("nobody accounts for %s (%s) outside, last %s", made, token, status)
		}
	}
	w.checkValues(g, resources)
}

// checkValues holds what the resources were given to the template.
func (w *world) checkValues(g graph, resources []stack.Resource) {
	physical := map[string]string{}
	for _, r := range resources {
		physical[r.LogicalID] = r.Physical
	}
	bodies := map[string]string{}
	err := w.d.View(context.Background(), func(tx *db.Tx) error {
		rows, err := resource.OfStack(tx, w.only())
		for _, r := range rows {
			bodies[r.Physical] = r.Body
		}
		return err
	})
	if err != nil {
		w.rt.Fatal(err)
	}
	for id, n := range g {
		var parts []string
		for _, on := range n.needs {
			parts = append(parts, physical[on])
		}
		value, _ := json.Marshal(strings.Join(append(parts, n.value), "|"))
		if body := bodies[physical[id]]; !strings.Contains(body, string(value)) {
			w.rt.Errorf("%s is %s, want %s in it", id, body, value)
		}
	}
}

// only returns the one stack there is.
func (w *world) only() string {
	all, _, err := w.stacks.List(context.Background(), stack.ListInput{Account: account, Region: region})
	if err != nil || len(all) != 1 {
		w.rt.Fatalf("%d stacks, %v", len(all), err)
	}
	return all[0].ID
}

package stack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/fetch"
	"larder/internal/seal"
)

// The property: under any sequence of updates from one random tree of stacks
// to another, with resources and nested stacks that fail, take time or hang
// anywhere and a process killed anywhere, the whole tree ends as the old
// templates say or as the new ones do, never between; no stack waits for its
// parent in the end, and every stack there is belongs to one.
func TestAnyTreeAnyFailureAnyKill(t *testing.T) {
	t.Parallel()
	shelf := newShelf(t)
	client, err := fetch.New(fetch.Policy{HTTP: true, Loopback: true, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := &forest{shelf: shelf, world: &world{
			t: t, rt: rt, keys: seal.Ephemeral(), clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), fetch: client,
			depends: map[string][]string{}, outside: &outside{made: map[string]string{}, plan: map[string]behavior{}},
		}}
		w.rules = drawTreeRules(rt)
		w.outside.plan["Q"] = behavior{again: rapid.IntRange(0, 2).Draw(rt, "again"), fault: rapid.IntRange(0, 3).Draw(rt, "fault") == 0}
		first := drawTree(rt, 2)
		w.kills = rapid.SliceOfN(rapid.IntRange(0, 25), 0, 8).Draw(rt, "kills")
		w.d = dbtest.Open(t, dbtest.Dir(t))
		w.start(rapid.IntRange(1, 12).Draw(rt, "beat"))
		defer w.stop()
		ctx := context.Background()
		st, err := w.stacks.Create(ctx, stack.CreateInput{
			Account: account, Region: region, Name: "root", Operation: "create", Template: w.publish(first),
			OnFailure: rapid.SampledFrom([]stack.OnFailure{stack.DoNothing, stack.Rollback, stack.Delete}).Draw(rt, "on failure"),
		})
		if err != nil {
			rt.Fatalf("create: %v", err)
		}
		w.settle(st.ID)
		if st = w.describe(st.ID); st.Status == stack.CreateComplete {
			settled := first
			w.compare(st, settled)
			for n := range rapid.IntRange(1, 3).Draw(rt, "updates") {
				w.grow(&st, &settled, drawTree(rt, 2), fmt.Sprintf("update-%d", n))
			}
		}
		w.fell(st)
	})
}

// forest is a world of trees of stacks.
type forest struct {
	*world
	shelf *shelf
}

// tree is what a stack is to be.
type tree struct {
	value string
	queue bool
	kids  map[string]*tree
}

func drawTree(rt *rapid.T, depth int) *tree {
	n := &tree{value: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "value"), queue: rapid.Bool().Draw(rt, "queue"), kids: map[string]*tree{}}
	if depth == 0 {
		return n
	}
	for i := range rapid.IntRange(0, 2).Draw(rt, "kids") {
		n.kids[fmt.Sprintf("K%d", i)] = drawTree(rt, depth-1)
	}
	return n
}

func drawTreeRules(rt *rapid.T) resource.Rules {
	var list []resource.Rule
	for _, id := range []string{"P", "T", "Q", "K0", "K1", "SaidK0"} {
		for _, action := range []resource.Action{resource.Create, resource.Update, resource.Delete} {
			r := resource.Rule{
				Match:  resource.Match{LogicalID: id, Stack: rapid.SampledFrom([]string{"root", "root-*", "root-*-*-*-*"}).Draw(rt, "in")},
				Action: action, Count: rapid.IntRange(1, 2).Draw(rt, "count"),
			}
			if drawFault(rt, &r, 9) {
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

// publish puts the templates of a tree on the shelf and returns the root's.
func (w *forest) publish(n *tree) []byte { return w.publishAt(n, "at") }

func (w *forest) publishAt(n *tree, path string) []byte {
	said := []any{n.value}
	resources := map[string]any{
		"P": map[string]any{"Type": "AWS::SSM::Parameter", "Properties": map[string]any{"Type": "String", "Value": n.value}},
		"T": map[string]any{"Type": "AWS::SNS::Topic", "Properties": map[string]any{"TopicName": map[string]any{"Fn::Sub": "${AWS::StackName}-" + n.value}}},
	}
	if n.queue {
		resources["Q"] = map[string]any{"Type": "AWS::SQS::Queue"}
	}
	for id, kid := range n.kids {
		w.publishAt(kid, path+id)
		resources[id] = map[string]any{"Type": "AWS::CloudFormation::Stack", "Properties": map[string]any{"TemplateURL": w.shelf.url + "/" + path + id}}
		heard := map[string]any{"Fn::GetAtt": []any{id, "Outputs.Said"}}
		resources["Said"+id] = map[string]any{"Type": "AWS::SSM::Parameter", "Properties": map[string]any{"Type": "String", "Value": heard}}
	}
	for _, id := range slices.Sorted(maps.Keys(n.kids)) {
		said = append(said, map[string]any{"Fn::GetAtt": []any{id, "Outputs.Said"}})
	}
	text, err := json.Marshal(map[string]any{
		"Resources": resources, "Outputs": map[string]any{"Said": map[string]any{"Value": map[string]any{"Fn::Join": []any{"|", said}}}},
	})
	if err != nil {
		w.rt.Fatal(err)
	}
	w.shelf.put(path, string(text))
	return text
}

func (n *tree) says() string {
	said := []string{n.value}
	for _, id := range slices.Sorted(maps.Keys(n.kids)) {
		said = append(said, n.kids[id].says())
	}
	return strings.Join(said, "|")
}

// hierarchy returns the stacks of a tree that there are.
func (w *forest) hierarchy(root string) (all []stack.Stack) {
	list, _, err := w.stacks.List(context.Background(), stack.ListInput{Account: account, Region: region, Active: true})
	if err != nil {
		w.rt.Fatal(err)
	}
	for _, st := range list {
		if st.ID == root || st.Root == root {
			all = append(all, st)
		}
	}
	return all
}

// everything tells every row of a tree.
func (w *forest) everything(root string) map[string]string {
	all := map[string]string{}
	for _, st := range w.hierarchy(root) {
		for key, row := range w.exists(st.ID) {
			all[st.ID+" "+key] = row
		}
	}
	return all
}

// grow carries one update to its end and holds what came of it to the
// property.
func (w *forest) grow(st *stack.Stack, settled **tree, next *tree, operation string) {
	ctx := context.Background()
	before := w.everything(st.ID)
	update := func(operation string, to *tree, keep bool) bool {
		_, err := w.stacks.Update(ctx, stack.UpdateInput{
			Account: account, Region: region, Stack: st.ID, Operation: operation, Template: w.publish(to), DisableRollback: keep,
		})
		if stack.IsUnchanged(err) {
			return false
		}
		if err != nil {
			w.rt.Fatalf("update: %v", err)
		}
		w.settle(st.ID)
		*st = w.describe(st.ID)
		return true
	}
	if !update(operation, next, rapid.IntRange(0, 4).Draw(w.rt, "no rollback") == 0) {
		return
	}
	if st.Status == stack.UpdateFailed {
		update(operation+"-back", *settled, false)
		next, before = *settled, nil
	}
	skipped := false
	for n := 0; st.Status == stack.UpdateRollbackFailed; n++ {
		in := stack.ContinueInput{Account: account, Region: region, Stack: st.ID, Operation: fmt.Sprintf("%s-%d", operation, n)}
		if n > 6 {
			in.Skip, skipped = w.failures(st.ID), true
		}
		if n > 12 {
			w.rt.Fatalf("the rollback never ends: %s\n%s", st.Reason, w.stories(st.ID))
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
			now := w.everything(st.ID)
			for key, was := range before {
				if now[key] != was {
					w.rt.Errorf("%s was %s and is %s after the rollback\n%s", key, was, now[key], w.stories(st.ID))
				}
			}
		}
	default:
		w.rt.Fatalf("the root is left %s: %s\n%s", st.Status, st.Reason, w.stories(st.ID))
	}
	if !skipped {
		w.compare(*st, *settled)
	}
}

func (w *forest) stories(root string) string {
	var all []string
	for _, st := range w.hierarchy(root) {
		all = append(all, fmt.Sprintf("%s %s run %q\n%s", st.Name, st.Status, st.Journal.Run, w.story(st.ID)))
	}
	return strings.Join(all, "\n\n")
}

// failures names what of a tree could not be rolled back, as ContinueUpdateRollback has it.
func (w *forest) failures(root string) (names []string) {
	for _, st := range w.hierarchy(root) {
		_, resources, err := w.stacks.Resources(context.Background(), account, region, st.ID)
		if err != nil {
			w.rt.Fatal(err)
		}
		for _, r := range resources {
			switch {
			case r.Status != stack.UpdateFailed || r.Type == "AWS::CloudFormation::Stack":
			case st.ID == root:
				names = append(names, r.LogicalID)
			default:
				names = append(names, st.Name+"."+r.LogicalID)
			}
		}
	}
	return names
}

// compare holds a settled tree to what it is to be.
func (w *forest) compare(st stack.Stack, root *tree) {
	if len(st.Outputs) != 1 || st.Outputs[0].Value != root.says() {
		w.rt.Errorf("the root says %v and is to say %s", st.Outputs, root.says())
	}
	w.compareAt(st, root)
	claimed := map[string]bool{}
	for _, one := range w.hierarchy(st.ID) {
		for _, row := range w.exists(one.ID) {
			physical, _, _ := strings.Cut(row, " ")
			claimed[physical] = true
		}
		if one.Journal.Run != "" {
			w.rt.Errorf("%s still does something: %+v\n%s", one.Name, one.Journal, w.stories(st.ID))
		}
	}
	for _, one := range w.hierarchy(st.ID) {
		if one.ID != st.ID && !claimed[one.ID] && one.Status != stack.DeleteFailed && one.Status != stack.CreateFailed {
			w.rt.Errorf("%s, %s, belongs to nobody\n%s", one.Name, one.Status, w.stories(st.ID))
		}
	}
}

func (w *forest) compareAt(st stack.Stack, n *tree) {
	switch st.Status {
	case stack.CreateComplete, stack.UpdateComplete, stack.UpdateRollbackComplete:
	default:
		w.rt.Errorf("%s is left %s", st.Name, st.Status)
	}
	if st.Transition != nil {
		w.rt.Errorf("a settled stack has a way back: %+v\n%s", st.Transition, w.stories(st.Root))
	}
	_, resources, err := w.stacks.Resources(context.Background(), account, region, st.ID)
	if err != nil {
		w.rt.Fatal(err)
	}
	wanted := 2 + 2*len(n.kids)
	if n.queue {
		wanted++
	}
	rows := w.exists(st.ID)
	for _, r := range resources {
		if r.Status == stack.DeleteFailed {
			continue // an update could not remove it
		}
		wanted--
		if r.Status != stack.CreateComplete && r.Status != stack.UpdateComplete {
			w.rt.Errorf("%s of %s is left %s", r.LogicalID, st.Name, r.Status)
		}
		row := ""
		for key, text := range rows {
			if strings.HasPrefix(key, r.LogicalID+"/") && strings.HasPrefix(text, r.Physical+" ") {
				row = text
			}
		}
		if row == "" {
			w.rt.Errorf("%s of %s does not exist", r.LogicalID, st.Name)
		}
		if r.LogicalID == "P" && !strings.Contains(row, `"Value":"`+n.value+`"`) {
			w.rt.Errorf("P of %s is %s, want %s", st.Name, row, n.value)
		}
		if kid, ok := n.kids[r.LogicalID]; ok {
			w.compareAt(w.describe(r.Physical), kid)
		}
		if kid, ok := n.kids[strings.TrimPrefix(r.LogicalID, "Said")]; ok && strings.HasPrefix(r.LogicalID, "Said") && !strings.Contains(row, `"`+kid.says()+`"`) {
			w.rt.Errorf("%s of %s is %s, want %s", r.LogicalID, st.Name, row, kid.says())
		}
	}
	if wanted != 0 {
		w.rt.Errorf("%s lacks %d resources: %+v", st.Name, wanted, resources)
	}
}

// fell deletes a tree, of which nothing may be left.
func (w *forest) fell(st stack.Stack) {
	w.rules = resource.Rules{}
	for range 4 {
		if err := w.stacks.Delete(context.Background(), stack.DeleteInput{Account: account, Region: region, Stack: st.ID}); err != nil {
			w.rt.Fatalf("delete: %v", err)
		}
		w.settle(st.ID)
		if st = w.describe(st.ID); st.Status == stack.DeleteComplete {
			break
		}
	}
	if st.Status != stack.DeleteComplete {
		return // a rule holds it up
	}
	if left := w.hierarchy(st.ID); len(left) > 0 {
		w.rt.Errorf("%d stacks are left\n%s", len(left), w.stories(st.ID))
	}
	err := w.d.View(context.Background(), func(tx *db.Tx) error {
		rows, err := resource.OfStack(tx, st.ID)
		if len(rows) > 0 {
			w.rt.Errorf("%v is left", rows)
		}
		return err
	})
	if err != nil {
		w.rt.Fatal(err)
	}
}

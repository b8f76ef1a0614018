package resource_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/resource"
	"larder/internal/db"
	"larder/internal/db/dbtest"
)

func TestParseRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, want string
	}{
		{"nothing", ``, ""},
		{"YAML", "rules:\n- match: {type: 'AWS::S3::*', product: prod-abc}\n  delay: 1m30s\n  count: 2\n", ""},
		{"JSON", `{"rules": [{"match": {"stack": "SC-*"}, "action": "DELETE", "fail": "no"}]}`, ""},
		{"an unknown field", `rules: [{match: {}, explode: true}]`, "explode"},
		{"an unknown action", `rules: [{action: READ, fail: x}]`, `rule 1: unknown action "READ"`},
		{"nothing to do", `rules: [{match: {type: x}}]`, "rule 1 does nothing: give fail, delay or hang"},
		{"too much to do", `rules: [{hang: true, fail: x}]`, "rule 1 hangs, so it neither fails nor delays"},
		{"a negative count", `rules: [{fail: x, count: -1}]`, "rule 1: a negative count"},
		{"a negative delay", `rules: [{delay: -1s}]`, "a delay must be between 0 and 24h0m0s"},
		{"of an operation", `rules: [{match: {operation: UpdateProvisionedProduct, product: prod-abc, name: "x-*"}, fail: x, delay: 1s}]`, ""},
		{"of an operation on resources", `rules: [{match: {operation: UpdateProvisionedProduct, type: x}, fail: x}]`, "rule 1 is for operations, which have no action, type, logicalId or stack"},
		{"of an operation by action", `rules: [{match: {name: x}, action: CREATE, fail: x}]`, "rule 1 is for operations"},
		{"of an operation, doing nothing", `rules: [{match: {name: x}}]`, "rule 1 does nothing"},
		{"too many", "rules:\n" + strings.Repeat("- fail: x\n", 1001), "more than 1000 rules"},
		{"too large", "#" + strings.Repeat(" ", 1<<20), "larger than 1048576 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := resource.ParseRules([]byte(test.text))
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestFindRule(t *testing.T) {
	t.Parallel()
	rules, err := resource.ParseRules([]byte(`rules:
- {match: {type: "AWS::S3::*", logicalId: "*Log*Bucket"}, fail: first, count: 1}
- {match: {type: "AWS::S3::Bucket", stack: blue}, fail: second}
- {match: {product: "prod-*"}, delay: 3s}
- {match: {logicalId: Gone}, action: DELETE, hang: true}`))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		subject resource.Subject
		want    string // of several askings in a row
	}{
		{resource.Subject{Action: resource.Create, Type: "AWS::S3::Bucket", LogicalID: "MyLogBucket", Stack: "blue"}, "first second second"},
		{resource.Subject{Action: resource.Create, Type: "AWS::S3::Bucket", LogicalID: "LogsBucketX", Stack: "blue"}, "second second second"},
		{resource.Subject{Action: resource.Create, Type: "AWS::S3::BucketPolicy", LogicalID: "AnyLogAnyBucket"}, "first - -"},
		{resource.Subject{Action: resource.Create, Type: "AWS::SNS::Topic", Product: "prod-abc"}, "3s 3s 3s"},
		{resource.Subject{Action: resource.Create, Type: "AWS::SNS::Topic", LogicalID: "Gone"}, "- - -"},
		{resource.Subject{Action: resource.Delete, Type: "AWS::SNS::Topic", LogicalID: "Gone"}, "hang hang hang"},
	}
	for _, test := range tests {
		uses := resource.Uses{}
		var got []string
		for range 3 {
			rule, ok := rules.Find(test.subject, uses)
			switch {
			case !ok:
				got = append(got, "-")
			case rule.Hang:
				got = append(got, "hang")
			case rule.Delay > 0:
				got = append(got, time.Duration(rule.Delay).String())
			default:
				got = append(got, rule.Fail)
			}
		}
		if d := cmp.Diff(test.want, strings.Join(got, " ")); d != "" {
			t.Errorf("%+v:\n%s", test.subject, d)
		}
	}
}

func TestUsesAreCountedOnce(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		rules, err := resource.ParseRules([]byte(`rules: [{fail: x, count: 3}, {fail: x, count: 3}]`))
		if err != nil {
			t.Fatal(err)
		}
		load := func() (uses resource.Uses) {
			err := d.View(t.Context(), func(tx *db.Tx) (err error) { uses, err = rules.LoadUses(tx); return err })
			if err != nil {
				t.Fatal(err)
			}
			return uses
		}
		use := func(before resource.Uses, n int) error {
			after := resource.Uses{}
			for key, uses := range before {
				after[key] = uses
			}
			for range n {
				rules.Find(resource.Subject{Action: resource.Create}, after)
			}
			return d.Update(t.Context(), func(tx *db.Tx) error { return resource.SaveUses(tx, before, after) })
		}
		none := load()
		if err := use(none, 2); err != nil {
			t.Fatal(err)
		}
		if err := use(none, 1); err == nil {
			t.Error("a use was counted over another one")
		}
		if err := use(load(), 3); err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, n := range load() {
			total += n
		}
		if total != 5 {
			t.Errorf("%d uses, want 5: %v", total, load())
		}
	})
}

func FuzzParseRules(f *testing.F) {
	f.Add([]byte(`rules: [{match: {type: "AWS::*"}, fail: x, count: 1}]`))
	f.Add([]byte(`{"rules": [{"hang": true}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, err := resource.ParseRules(text)
		if err == nil {
			rules.Find(resource.Subject{Action: resource.Create, Type: "AWS::S3::Bucket", LogicalID: "A"}, resource.Uses{})
		}
	})
}

// TestOperationRules has rules of operations keep to operations, and counts
// their uses where they are used.
func TestOperationRules(t *testing.T) {
	t.Parallel()
	rules, err := resource.ParseRules([]byte(`rules:
- {match: {operation: Update*, name: "x-*"}, fail: twice, count: 2}
- {match: {name: "*"}, delay: 1s}
- {fail: a resource}`))
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		use := func(s resource.Subject) (rule resource.Rule) {
			t.Helper()
			err := d.Update(t.Context(), func(tx *db.Tx) (err error) {
				rule, _, err = rules.Use(tx, s)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return rule
		}
		update := resource.Subject{Operation: "UpdateIt", Name: "x-1", Product: "prod-abc"}
		for n, want := range []string{"twice", "twice", ""} {
			if got := use(update); got.Fail != want || (want == "") != (got.Delay > 0) {
				t.Errorf("use %d: %+v, want %q", n, got, want)
			}
		}
		if got := use(resource.Subject{Action: resource.Create, Name: "", Type: "AWS::SQS::Queue"}); got.Fail != "a resource" {
			t.Errorf("a resource: %+v", got)
		}
	})
	if err := rules.CheckOperations([]string{"UpdateIt", "Other"}); err != nil {
		t.Error(err)
	}
	if err := rules.CheckOperations([]string{"Other"}); err == nil || !strings.Contains(err.Error(), `rule 1: "Update*" is no operation that takes time; those are Other`) {
		t.Error(err)
	}
}

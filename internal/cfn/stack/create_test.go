package stack_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
)

const topic = `Resources: {A: {Type: "AWS::SNS::Topic"}}`

func TestRefusedAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), nil)
	tests := []struct {
		name string
		in   stack.CreateInput
		code string
		want string
	}{
		{"a type that nobody knows", stack.CreateInput{Template: []byte(`Resources: {A: {Type: "AWS::S3::Bukkit"}, B: {Type: "Foo::Bar::Baz"}, C: {Type: "Foo::Bar::Baz"}}`)},
			"ValidationError", "Template format error: Unrecognized resource types: [AWS::S3::Bukkit, Foo::Bar::Baz]"},
		{"a missing value", stack.CreateInput{Template: []byte(`{"Parameters": {"P": {"Type": "String"}}, "Resources": {"A": {"Type": "AWS::SNS::Topic"}}}`)},
			"ValidationError", "Parameters: [P] must have values"},
		{"a capability", stack.CreateInput{Template: []byte(`{"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}}}`)},
			"InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]"},
		{"a name", stack.CreateInput{Name: "1st", Template: []byte(topic)},
			"ValidationError", "1 validation error detected: Value '1st' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"},
		{"what to do on failure", stack.CreateInput{OnFailure: "PANIC", Template: []byte(topic)},
			"ValidationError", "1 validation error detected: Value 'PANIC' at 'onFailure' failed to satisfy constraint: Member must satisfy enum value set: [DO_NOTHING, DELETE, ROLLBACK]"},
		{"a stored parameter", stack.CreateInput{Template: []byte(`{"Parameters": {"P": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/no/such"}}, "Resources": {"A": {"Type": "AWS::SNS::Topic"}}}`)},
			"ValidationError", "Unable to fetch parameters [/no/such] from parameter store for this account."},
		{"not a template", stack.CreateInput{Template: []byte(`[]`)},
			"ValidationError", "Template format error: unsupported structure."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			in := test.in
			in.Account, in.Region = account, region
			if in.Name == "" {
				in.Name = "refused"
			}
			_, err := h.Create(t.Context(), in)
			refusal, ok := stack.AsError(err)
			if !ok || refusal.Code != test.code || refusal.Message != test.want {
				t.Errorf("got %v, want %s: %s", err, test.code, test.want)
			}
			if _, err := h.Describe(t.Context(), account, region, in.Name); err == nil {
				t.Error("there is a stack")
			}
		})
	}
}

func TestSameRequestTwice(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, nil)
		in := stack.CreateInput{Account: account, Region: region, Name: "stack-a", Operation: "op", Template: []byte(topic)}
		ids := make([]string, 8)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				st, err := h.Create(t.Context(), in)
				if err != nil {
					t.Error(err)
				}
				ids[i] = st.ID
			})
		}
		all.Wait()
		for _, id := range ids {
			if id != ids[0] || id == "" {
				t.Fatalf("several stacks were made: %q", ids)
			}
		}
		in.Operation = "another"
		_, err := h.Create(t.Context(), in)
		if refusal, ok := stack.AsError(err); !ok || refusal.Code != "AlreadyExistsException" || refusal.Message != "Stack [stack-a] already exists" {
			t.Errorf("another request: %v", err)
		}
		h.wait(h.describe(ids[0]))
		remove := stack.DeleteInput{Account: account, Region: region, Stack: ids[0], Operation: "gone", Report: "signal"}
		for range 3 {
			if err := h.Delete(t.Context(), remove); err != nil {
				t.Fatal(err)
			}
		}
		h.wait(h.describe(ids[0]))
		remove.Operation = "gone again"
		if err := h.Delete(t.Context(), remove); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"gone", "gone again"} {
			op, _, ok, err := h.Operation(t.Context(), account, region, stack.KindDelete, id)
			if err != nil || !ok || !op.Ended || op.Outcome != stack.DeleteComplete {
				t.Errorf("operation %s: %+v %v %v", id, op, ok, err)
			}
		}
		// The first request is answered as ever, and the name is free.
		in.Operation = "op"
		if st, err := h.Create(t.Context(), in); err != nil || st.ID != ids[0] {
			t.Errorf("the first request once more: %s, %v", st.ID, err)
		}
		if st := h.create(stack.CreateInput{Operation: "anew", Template: []byte(topic)}); st.ID == ids[0] || st.Status != stack.CreateComplete {
			t.Errorf("anew: %+v", st)
		}
	})
}

func TestTerminationProtection(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), nil)
	st := h.create(stack.CreateInput{Template: []byte(topic), TerminationProtection: true})
	err := h.Delete(t.Context(), stack.DeleteInput{Account: account, Region: region, Stack: st.ID})
	if err == nil || err.Error() != "Stack [stack-a] cannot be deleted while TerminationProtection is enabled" {
		t.Error(err)
	}
}

func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		// The creation is carried over several loads of its state.
		h := open(t, d, func(o *stack.Options) { o.Limits.Resident = 1; o.Limits.Beat = 1 })
		st := h.create(stack.CreateInput{
			Parameters: []stack.Given{{Key: "Word", Value: "hunter2"}},
			Template: []byte(`
Parameters: {Word: {Type: String, NoEcho: true}}
Resources:
  First: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !Sub "word ${Word}"}}
  Other: {Type: "AWS::SNS::Topic"}
  Second: {Type: "AWS::SSM::Parameter", DependsOn: Other, Properties: {Type: String, Value: !GetAtt First.Value}}
Outputs:
  Word: {Value: !GetAtt Second.Value, Export: {Name: the-word}}
`)})
		if st.Status != stack.CreateComplete {
			t.Fatalf("%s: %s\n%s", st.Status, st.Reason, h.told(st))
		}
		if st.Outputs[0].Value != "****" || st.Parameters[0].Value != "****" {
			t.Errorf("shown: %+v %+v", st.Outputs, st.Parameters)
		}
		opened, err := h.Reveal(&st)
		if err != nil || opened[0].Value != "word hunter2" {
			t.Errorf("opened: %+v, %v", opened, err)
		}
		for _, table := range []string{
			`SELECT body FROM stack`, `SELECT body FROM stack_pack`, `SELECT body FROM resource`, `SELECT value || sealed FROM stack_export`,
		} {
			err := d.View(t.Context(), func(tx *db.Tx) error {
				rows, err := db.Collect(tx, func(r *db.Rows) (s string, err error) { err = r.Scan(&s); return s, err }, table)
				if len(rows) == 0 {
					t.Errorf("%s finds nothing", table)
				}
				for _, row := range rows {
					if strings.Contains(row, "hunter2") {
						t.Errorf("%s holds the secret in clear: %s", table, row)
					}
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		_, events, _, err := h.Events(t.Context(), stack.EventsInput{Account: account, Region: region, Stack: st.ID})
		if err != nil {
			t.Fatal(err)
		}
		masked := 0
		for _, e := range events {
			if strings.Contains(e.Properties, `"Value":"****"`) {
				masked++
			}
		}
		if masked != 6 {
			t.Errorf("%d events mask the value, want 6", masked)
		}
		description, err := resource.Inventory{DB: d}.GetResource(t.Context(), account, region, "AWS::SSM::Parameter", physical(t, h, st, "First"))
		if err != nil || !strings.Contains(description.Properties, `"Value":"****"`) {
			t.Errorf("%+v, %v", description, err)
		}
	})
}

// physical returns what a resource is called.
func physical(t *testing.T, h *house, st stack.Stack, logicalID string) string {
	t.Helper()
	_, resources, err := h.Resources(t.Context(), account, region, st.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range resources {
		if r.LogicalID == logicalID {
			return r.Physical
		}
	}
	t.Fatalf("no resource %s", logicalID)
	return ""
}

func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, nil)
		named := func(stackName, bucket, group string) stack.Stack {
			return h.create(stack.CreateInput{Name: stackName, Template: fmt.Appendf(nil, `
Resources:
  Bucket: {Type: "AWS::S3::Bucket", Properties: {BucketName: %s}}
  Group: {Type: "AWS::Logs::LogGroup", DependsOn: Bucket, Properties: {LogGroupName: %s}}
`, bucket, group)})
		}
		first := named("stack-a", "one-bucket", "one-group")
		if first.Status != stack.CreateComplete {
			t.Fatalf("%s", h.told(first))
		}
		second := named("stack-b", "two-bucket", "one-group")
		if second.Status != stack.RollbackComplete || h.left(second) != 0 {
			t.Errorf("%s: %s", second.Status, second.Reason)
		}
		if told := h.told(second); !strings.Contains(told, "Group CREATE_FAILED early: one-group already exists in stack "+first.ID) {
			t.Errorf("events:\n%s", told)
		}
		h.delete(first)
		h.delete(second)
		if third := named("stack-c", "one-bucket", "one-group"); third.Status != stack.CreateComplete {
			t.Errorf("the names are not free again:\n%s", h.told(third))
		}
		twins := h.create(stack.CreateInput{Name: "twins", Template: []byte(`
Resources:
  A: {Type: "AWS::Logs::LogGroup", Properties: {LogGroupName: twin}}
  B: {Type: "AWS::Logs::LogGroup", Properties: {LogGroupName: twin}}
`)})
		if twins.Status != stack.RollbackComplete || h.left(twins) != 0 {
			t.Errorf("%s: %s", twins.Status, twins.Reason)
		}
	})
}

// What another stack's NoEcho parameter gave is secret wherever it goes.
func TestImportOfSecret(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), nil)
	h.create(stack.CreateInput{Name: "exporter", Parameters: []stack.Given{{Key: "Word", Value: "sesame"}}, Template: []byte(`
Parameters: {Word: {Type: String, NoEcho: true}}
Resources: {A: {Type: "AWS::SNS::Topic"}}
Outputs: {Word: {Value: !Ref Word, Export: {Name: the-word}}}
`)})
	st := h.create(stack.CreateInput{Name: "importer", Template: []byte(`
Resources: {P: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !Sub ["open ${W}", {W: !ImportValue the-word}]}}}
Outputs: {Word: {Value: !ImportValue the-word}, Told: {Value: !GetAtt P.Value}}
`)})
	if st.Status != stack.CreateComplete {
		t.Fatal(h.told(st))
	}
	for _, o := range st.Outputs {
		if !o.NoEcho || o.Value != "****" {
			t.Errorf("%+v is shown", o)
		}
	}
	_, events, _, err := h.Events(t.Context(), stack.EventsInput{Account: account, Region: region, Stack: st.ID})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if strings.Contains(e.Properties, "sesame") {
			t.Errorf("an event tells it: %s", e.Properties)
		}
	}
	revealed, err := h.Reveal(&st)
	if err != nil || revealed[0].Value != "sesame" || revealed[1].Value != "open sesame" {
		t.Errorf("it became %+v, %v", revealed, err)
	}
}

func TestExports(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, nil)
		const exporting = `
Resources: {A: {Type: "AWS::SNS::Topic"}}
Outputs: {Arn: {Value: !Ref A, Export: {Name: the-topic}}}
`
		exporter := h.create(stack.CreateInput{Name: "exporter", Template: []byte(exporting)})
		rival := h.create(stack.CreateInput{Name: "rival", Template: []byte(exporting)})
		if rival.Status != stack.RollbackComplete || !strings.Contains(h.told(rival),
			"ROLLBACK_IN_PROGRESS: Export with name the-topic is already exported by stack exporter. Rollback requested by user.") {
			t.Errorf("%s:\n%s", rival.Status, h.told(rival))
		}
		importer := h.create(stack.CreateInput{Name: "importer", Template: []byte(`
Resources: {P: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !ImportValue the-topic}}}
Outputs: {Arn: {Value: !GetAtt P.Value}}
`)})
		if importer.Status != stack.CreateComplete || importer.Outputs[0].Value != exporter.Outputs[0].Value {
			t.Fatalf("%+v\n%s", importer, h.told(importer))
		}
		err := h.Delete(t.Context(), stack.DeleteInput{Account: account, Region: region, Stack: "exporter"})
		if err == nil || err.Error() != "Export the-topic cannot be deleted as it is in use by importer" {
			t.Errorf("delete what is in use: %v", err)
		}
		exports, next, err := h.Exports(t.Context(), account, region, "", 0)
		want := []stack.Export{{Name: "the-topic", Value: exporter.Outputs[0].Value, Stack: exporter.ID}}
		if d := cmp.Diff(want, exports); d != "" || next != "" || err != nil {
			t.Errorf("%s %q %v", d, next, err)
		}
		names, _, err := h.Importers(t.Context(), account, region, "the-topic", "", 0)
		if d := cmp.Diff([]string{"importer"}, names); d != "" || err != nil {
			t.Errorf("%s %v", d, err)
		}
		h.delete(importer)
		if _, _, err := h.Importers(t.Context(), account, region, "the-topic", "", 0); err == nil {
			t.Error("somebody still imports")
		}
		if gone := h.delete(exporter); gone.Status != stack.DeleteComplete {
			t.Errorf("%s: %s", gone.Status, gone.Reason)
		}
		if exports, _, err := h.Exports(t.Context(), account, region, "", 0); len(exports) != 0 || err != nil {
			t.Errorf("%v, %v", exports, err)
		}
	})
}

func TestStoredParameters(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), func(o *stack.Options) { o.Dev = true })
	h.create(stack.CreateInput{Name: "store", Template: []byte(
		`Resources: {P: {Type: "AWS::SSM::Parameter", Properties: {Name: /here, Type: String, Value: kept}}}`)})
	st := h.create(stack.CreateInput{Name: "reader", Template: []byte(`
Parameters:
  Here: {Type: "AWS::SSM::Parameter::Value<String>", Default: /here}
  Image: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /aws/service/ami/latest}
Resources: {A: {Type: "AWS::SNS::Topic", Properties: {DisplayName: !Ref Here}}}
Outputs: {Image: {Value: !Ref Image}, Here: {Value: !Ref Here}}
`)})
	if st.Status != stack.CreateComplete || st.Outputs[1].Value != "kept" || !strings.HasPrefix(st.Outputs[0].Value, "ami-") {
		t.Errorf("%+v\n%s", st, h.told(st))
	}
	if st.Parameters[0].Value != "/here" || st.Parameters[0].Resolved != "kept" {
		t.Errorf("%+v", st.Parameters)
	}
	if told := h.told(st); !strings.Contains(told, "- CREATE_IN_PROGRESS: WARNING: nobody stored the SSM parameter /aws/service/ami/latest") {
		t.Errorf("no warning:\n%s", told)
	}
}

func TestCustomResources(t *testing.T) {
	t.Parallel()
	text := []byte(`
Resources:
  It: {Type: "Custom::Thing", Properties: {ServiceToken: "arn:aws:lambda:us-east-1:111111111111:function:f", Size: 3}}
  # Nobody knows its attributes, so they fit wherever they are used.
  Subnets: {Type: "AWS::RDS::DBSubnetGroup", Properties: {DBSubnetGroupDescription: d, SubnetIds: !GetAtt It.Subnets}}
  Queue: {Type: "AWS::SQS::Queue", Properties: {DelaySeconds: !GetAtt It.Delay, Tags: [{Key: a, Value: !Select [1, !GetAtt It.Names]}]}}
Outputs: {Answer: {Value: !GetAtt It.Answer}, Name: {Value: !Ref It}}
`)
	dev := open(t, dbtest.New(t), func(o *stack.Options) { o.Handlers = &resource.Handlers{Dev: true} })
	st := dev.create(stack.CreateInput{Template: text})
	if st.Status != stack.CreateComplete || st.Outputs[0].Value == "" {
		t.Errorf("dev: %+v\n%s", st, dev.told(st))
	}
	if told := dev.told(st); !strings.Contains(told, "It CREATE_COMPLETE: WARNING: nobody serves arn:aws:lambda:us-east-1:111111111111:function:f") {
		t.Errorf("no warning:\n%s", told)
	}
	serve := open(t, dbtest.New(t), nil)
	if st := serve.create(stack.CreateInput{Template: text}); st.Status != stack.RollbackComplete {
		t.Errorf("serve: %+v", st)
	}
}

// TestZones selects every zone that the region has.
func TestZones(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), nil)
	st := h.create(stack.CreateInput{Template: []byte(`
Resources: {T: {Type: "AWS::SNS::Topic"}}
Outputs: {Last: {Value: !Select [5, !GetAZs ""]}}
`)})
	if st.Status != stack.CreateComplete || st.Outputs[0].Value != "us-east-1f" {
		t.Errorf("%+v\n%s", st, h.told(st))
	}
}

func TestTagsArePropagated(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	h := open(t, d, nil)
	st := h.create(stack.CreateInput{
		Tags: []stack.Tag{{Key: "team", Value: "a"}, {Key: "own", Value: "stack's"}},
		Template: []byte(`
Resources:
  B: {Type: "AWS::S3::Bucket", Properties: {Tags: [{Key: own, Value: mine}]}}
`)})
	found, err := resource.Inventory{DB: d}.GetResource(t.Context(), account, region, "AWS::S3::Bucket", physical(t, h, st, "B"))
	if err != nil {
		t.Fatal(err)
	}
	var properties struct{ Tags []struct{ Key, Value string } }
	if err := json.Unmarshal([]byte(found.Properties), &properties); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, tag := range properties.Tags {
		got[tag.Key] = tag.Value
	}
	want := map[string]string{
		"own": "mine", "team": "a", "aws:cloudformation:stack-name": "stack-a", "aws:cloudformation:stack-id": st.ID,
		"aws:cloudformation:logical-id": "B",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestViews(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, nil)
		var all []stack.Stack
		for i := range 5 {
			all = append(all, h.create(stack.CreateInput{Name: fmt.Sprintf("stack-%d", i), Template: []byte(pair)}))
		}
		h.delete(all[2])
		list := func(in stack.ListInput) (names []string) {
			in.Account, in.Region = account, region
			for {
				page, next, err := h.List(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				for _, st := range page {
					names = append(names, st.Name)
				}
				if in.After = next; next == "" {
					return names
				}
			}
		}
		for _, test := range []struct {
			in   stack.ListInput
			want []string
		}{
			{stack.ListInput{Limit: 2}, []string{"stack-4", "stack-3", "stack-2", "stack-1", "stack-0"}},
			{stack.ListInput{Active: true, Limit: 2}, []string{"stack-4", "stack-3", "stack-1", "stack-0"}},
			{stack.ListInput{Statuses: []stack.Status{stack.DeleteComplete}}, []string{"stack-2"}},
		} {
			if d := cmp.Diff(test.want, list(test.in)); d != "" {
				t.Errorf("%+v:\n%s", test.in, d)
			}
		}
		if _, _, err := h.List(t.Context(), stack.ListInput{Account: account, Region: region, After: "nothing"}); err == nil {
			t.Error("a page after nothing")
		}
		st, text, err := h.Template(t.Context(), account, region, "stack-0")
		if err != nil || string(text) != pair || st.ID != all[0].ID {
			t.Errorf("template %q, %v", text, err)
		}
		if holder, err := h.Holder(t.Context(), account, region, all[1].Outputs[0].Value); err != nil || holder.ID != all[1].ID {
			t.Errorf("holder %+v, %v", holder, err)
		}
		var pages, events int
		for before := int64(0); ; pages++ {
			_, page, next, err := h.Events(t.Context(), stack.EventsInput{Account: account, Region: region, Stack: all[2].ID, Before: before, Limit: 3})
			if err != nil {
				t.Fatal(err)
			}
			events += len(page)
			if before = next; next == 0 {
				break
			}
		}
		if events != 14 || pages != 4 {
			t.Errorf("%d events on %d full pages", events, pages)
		}
		for what, err := range map[string]error{
			"Stack with id none does not exist":                       second(h.Describe(t.Context(), account, region, "none")),
			"Stack with id " + all[0].ID + " does not exist":          second(h.Describe(t.Context(), account, "eu-west-1", all[0].ID)),
			"Stack with id stack-2 does not exist":                    second(h.Describe(t.Context(), account, region, "stack-2")),
			"Stack for nothing does not exist":                        second(h.Holder(t.Context(), account, region, "nothing")),
			"Export 'nothing' is not imported by any stack.":          third(h.Importers(t.Context(), account, region, "nothing", "", 0)),
			"Stack with id also none does not exist":                  third(h.Resources(t.Context(), account, region, "also none")),
			"Stack with id again none does not exist":                 third(h.Template(t.Context(), account, region, "again none")),
			"Resource of type 'A' with identifier 'B' was not found.": second(resource.Inventory{DB: d}.GetResource(t.Context(), account, region, "A", "B")),
		} {
			if err == nil || err.Error() != what {
				t.Errorf("got %v, want %s", err, what)
			}
		}
		topics, next, err := resource.Inventory{DB: d}.ListResources(t.Context(), account, region, "AWS::SNS::Topic", "", 3)
		if err != nil || len(topics) != 3 || next == "" {
			t.Fatalf("%v %q %v", topics, next, err)
		}
		topics, next, err = resource.Inventory{DB: d}.ListResources(t.Context(), account, region, "AWS::SNS::Topic", next, 3)
		if err != nil || len(topics) != 1 || next != "" {
			t.Fatalf("%v %q %v", topics, next, err)
		}
	})
}

func second[A any](_ A, err error) error { return err }

func third[A, B any](_ A, _ B, err error) error { return err }

func TestRaceForAName(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, nil)
		for round := range 5 {
			var all sync.WaitGroup
			var mu sync.Mutex
			made, refused := 0, 0
			for range 8 {
				all.Go(func() {
					_, err := h.Create(t.Context(), stack.CreateInput{
						Account: account, Region: region, Name: fmt.Sprintf("stack-%d", round), Template: []byte(topic),
					})
					mu.Lock()
					defer mu.Unlock()
					refusal, ok := stack.AsError(err)
					switch {
					case err == nil:
						made++
					case ok && refusal.Code == "AlreadyExistsException":
						refused++
					default:
						t.Errorf("neither made nor refused: %v", err)
					}
				})
			}
			all.Wait()
			if made != 1 || refused != 7 {
				t.Errorf("round %d: %d made, %d refused", round, made, refused)
			}
		}
	})
}

// TestRaceForAResourceName has stacks race for the one name that all of them
// want, and then for the export.
func TestRaceForAResourceName(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, nil)
		var all []stack.Stack
		for i := range 8 {
			all = append(all, h.start(stack.CreateInput{Name: fmt.Sprintf("stack-%d", i), Template: []byte(`
Resources: {G: {Type: "AWS::Logs::LogGroup", Properties: {LogGroupName: the-one}}}`)}))
			all = append(all, h.start(stack.CreateInput{Name: fmt.Sprintf("export-%d", i), Template: []byte(`
Resources: {T: {Type: "AWS::SNS::Topic"}}
Outputs: {T: {Value: !Ref T, Export: {Name: the-export}}}`)}))
		}
		complete, undone := 0, 0
		for _, st := range all {
			h.wait(st)
			switch h.describe(st.ID).Status {
			case stack.CreateComplete:
				complete++
			case stack.RollbackComplete:
				undone++
			}
		}
		if complete != 2 || undone != 14 {
			t.Errorf("%d complete, %d rolled back", complete, undone)
		}
	})
}

package resource_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/schema"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/seal"
)

func TestRowsKeepSecrets(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		keys := seal.Ephemeral()
		seed := schema.Seed{Account: "111111111111", Region: "us-east-1", StackID: "arn:stack", LogicalID: "It"}
		model := schema.Model{Physical: "it", Identifier: "it|self", Properties: map[string]any{
			"Plain":   "text",
			"Number":  json.Number("1.50"),
			"Word":    schema.Secret("hunter2"),
			"a/b~c":   map[string]any{"deep": []any{"x", schema.Secret("also hunter2")}},
			"Secrets": map[string]any{"/Word": "not one"},
		}}
		row, err := resource.NewRow(keys, "Any::Type::Here", seed, model, "claim")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(row.Body, "hunter2") {
			t.Errorf("the row holds a secret in clear: %s", row.Body)
		}
		put := func(r resource.Row) error {
			return d.Update(t.Context(), func(tx *db.Tx) error { return resource.Apply(tx, []resource.Effect{{Row: r}}) })
		}
		if err := put(row); err != nil {
			t.Fatal(err)
		}
		twin := row
		twin.LogicalID = "Twin"
		if err := put(twin); err == nil {
			t.Error("a claimed name was given twice")
		}
		var rows []resource.Row
		var holders map[string]string
		read := func() {
			err := d.View(t.Context(), func(tx *db.Tx) (err error) {
				if rows, err = resource.OfStack(tx, "arn:stack"); err != nil {
					return err
				}
				holders, err = resource.Holders(tx, []string{"claim", "other"})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		read()
		if d := cmp.Diff(map[string]string{"claim": "arn:stack"}, holders); d != "" || len(rows) != 1 {
			t.Fatalf("%d rows, %s", len(rows), d)
		}
		opened, err := rows[0].Model(keys)
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(model, opened) {
			t.Error("the model came back otherwise")
		}
		if _, err := rows[0].Model(seal.Ephemeral()); err == nil {
			t.Error("the secret opens with another key")
		}
		moved := rows[0]
		moved.LogicalID = "Elsewhere"
		if _, err := moved.Model(keys); err == nil {
			t.Error("the secret opens elsewhere")
		}
		err = d.Update(t.Context(), func(tx *db.Tx) error {
			return resource.Apply(tx, []resource.Effect{{Row: row, Remove: true}, {Row: row}, {Row: row, Remove: true}, {Row: row, Remove: true}})
		})
		if err != nil {
			t.Fatal(err)
		}
		if read(); len(rows) != 0 || len(holders) != 0 {
			t.Errorf("left: %v %v", rows, holders)
		}
	})
}

func TestFind(t *testing.T) {
	t.Parallel()
	outside := probe{}
	handlers := &resource.Handlers{}
	handlers.Register("AWS::SQS::*", outside)
	handlers.Register("Custom::Mine", outside)
	dev := &resource.Handlers{Dev: true}
	tests := []struct {
		name    string
		in      *resource.Handlers
		known   bool
		outside bool
		refusal string // by creating without properties
	}{
		{"AWS::SNS::Topic", handlers, true, false, ""},
		{"AWS::SQS::Queue", handlers, true, true, ""},
		{"AWS::SNS::Topik", handlers, false, false, ""},
		{"Custom::Mine", handlers, true, true, ""},
		{"Custom::Other", handlers, true, false, "Nobody serves this custom resource: no handler is registered for its ServiceToken"},
		{"Custom::", handlers, false, false, ""},
		{"AWS::CloudFormation::CustomResource", handlers, true, false, "Nobody serves this custom resource: no handler is registered for its ServiceToken"},
		{"Custom::Other", dev, true, false, "Property validation failure: [The property {/ServiceToken} is required]"},
		{"AWS::CloudFormation::Stack", dev, true, true, ""},
		{"AWS::CloudFormation::StackSet", dev, true, false, "AWS::CloudFormation::StackSet is not built yet"},
		{"AWS::CloudFormation::WaitCondition", dev, true, false, "AWS::CloudFormation::WaitCondition is not built yet"},
		{"AWS::ServiceCatalog::Portfolio", handlers, true, false, "AWS::ServiceCatalog::Portfolio is not built yet"},
		{"AWS::SSM::Parameter", handlers, true, false, "Property validation failure: [The property {/Type} is required, The property {/Value} is required]"},
	}
	for _, test := range tests {
		kind, ok := test.in.Find(test.name)
		if ok != test.known || kind.Outside != test.outside {
			t.Errorf("%s: %+v, %v", test.name, kind, ok)
		}
		if !ok || kind.Outside {
			continue
		}
		p, err := kind.Handler.Advance(t.Context(), resource.Request{
			Action: resource.Create, Name: test.name, Type: kind.Schema, Seed: schema.Seed{Account: "111111111111", Region: "us-east-1", StackName: "s"},
		})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		got := ""
		if p.Failure != nil {
			got = p.Failure.Message
		}
		if d := cmp.Diff(test.refusal, got); d != "" {
			t.Errorf("%s:\n%s", test.name, d)
		}
	}
}

// probe is a handler that is never asked.
type probe struct{ resource.Handler }

func TestInventoryHidesWhatIsOnlyTaken(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	seed := schema.Seed{Account: "111111111111", Region: "us-east-1", StackID: "arn:stack", LogicalID: "It"}
	model := schema.Model{Physical: "f", Identifier: "f", Properties: map[string]any{
		"FunctionName": "f", "Code": map[string]any{"ZipFile": "source", "ImageUri": "image"},
	}}
	row, err := resource.NewRow(seal.Ephemeral(), "AWS::Lambda::Function", seed, model, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Update(t.Context(), func(tx *db.Tx) error { return resource.Apply(tx, []resource.Effect{{Row: row}}) }); err != nil {
		t.Fatal(err)
	}
	got, err := resource.Inventory{DB: d}.GetResource(t.Context(), seed.Account, seed.Region, "AWS::Lambda::Function", "f")
	if err != nil || strings.Contains(got.Properties, "source") || !strings.Contains(got.Properties, `"FunctionName":"f"`) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestAmend sets a property beside a secret, which stays one.
func TestAmend(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	keys := seal.Ephemeral()
	seed := schema.Seed{Account: "111111111111", Region: "us-east-1", StackID: "arn:stack", LogicalID: "It"}
	row, err := resource.NewRow(keys, "AWS::EC2::Instance", seed, schema.Model{Physical: "i-1", Identifier: "i-1", Properties: map[string]any{
		"UserData": schema.Secret("hush"), "State": map[string]any{"Name": "running"},
	}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Update(t.Context(), func(tx *db.Tx) error { return resource.Apply(tx, []resource.Effect{{Row: row}}) }); err != nil {
		t.Fatal(err)
	}
	i := resource.Inventory{DB: d}
	stopped := map[string]schema.Value{"State": map[string]any{"Name": "stopped"}}
	for range 2 {
		if err := i.Amend(t.Context(), seed.Account, seed.Region, "AWS::EC2::Instance", "i-1", stopped); err != nil {
			t.Fatal(err)
		}
	}
	var rows []resource.Row
	if err := d.View(t.Context(), func(tx *db.Tx) (err error) {
		rows, err = resource.OfStack(tx, seed.StackID)
		return err
	}); err != nil || len(rows) != 1 || strings.Contains(rows[0].Body, "hush") {
		t.Fatalf("%+v, %v", rows, err)
	}
	got, err := rows[0].Model(keys)
	want := map[string]any{"UserData": schema.Secret("hush"), "State": map[string]any{"Name": "stopped"}}
	if diff := cmp.Diff(want, got.Properties); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	err = i.Amend(t.Context(), seed.Account, seed.Region, "AWS::EC2::Instance", "i-2", stopped)
	if missing, ok := errors.AsType[*resource.NotFoundError](err); !ok || missing.Identifier != "i-2" {
		t.Errorf("of what is not there: %v", err)
	}
}

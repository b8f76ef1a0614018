package template

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"larder/internal/cfn/schema"
)

var update = flag.Bool("update", false, "rewrite the golden answers under testdata")

// TestGolden evaluates the templates of testdata/*.txtar, before any resource
// exists. Of each NAME.yaml or NAME.json, with parameters as "Key: value"
// lines in NAME.given, NAME.want holds what came out.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no goldens", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parts := map[string]string{}
		for _, f := range archive.Files {
			parts[f.Name] = string(f.Data)
		}
		var out []txtar.File
		for _, f := range archive.Files {
			ext := filepath.Ext(f.Name)
			if ext == ".want" {
				continue
			}
			out = append(out, f)
			if ext != ".yaml" && ext != ".json" {
				continue
			}
			name := strings.TrimSuffix(f.Name, ext)
			got := describe(f.Data, parts[name+".given"])
			out = append(out, txtar.File{Name: name + ".want", Data: []byte(got)})
			if diff := cmp.Diff(parts[name+".want"], got); diff != "" && !*update {
				t.Errorf("%s: %s (-want +got):\n%s", file, name, diff)
			}
		}
		if *update {
			archive.Files = out
			if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func describe(src []byte, given string) string {
	values := map[string]string{}
	for line := range strings.Lines(given) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		values[name] = value
	}
	env := testEnv()
	env.Export = func(name string) (schema.Value, bool) { return "exported-" + name, name == "shared-vpc" }
	env.Stored = func(name string) (string, error) {
		if name != "/golden/ami" {
			return "", errors.New("no such parameter")
		}
		return "ami-0123", nil
	}
	tpl, err := Parse(src, DefaultLimits())
	if err != nil {
		return "Parse: " + describeError(err)
	}
	e, err := tpl.Evaluate(env, values)
	if err != nil {
		return "Evaluate: " + describeError(err)
	}
	var b strings.Builder
	for _, p := range e.Parameters() {
		if p.NoEcho {
			p.Value = "****"
		}
		fmt.Fprintf(&b, "parameter %s = %q", p.Key, p.Value)
		if p.Resolved != "" {
			fmt.Fprintf(&b, " -> %q", p.Resolved)
		}
		b.WriteByte('\n')
	}
	for _, c := range e.Template.Conditions {
		fmt.Fprintf(&b, "condition %s = %v\n", c.Name, e.Condition(c.Name))
	}
	for _, r := range e.Resources() {
		fmt.Fprintf(&b, "resource %s %s", r.LogicalID, r.Type)
		if r.DeletionPolicy != "" {
			fmt.Fprintf(&b, " deletion %s", r.DeletionPolicy)
		}
		if waits := e.Dependencies(r.LogicalID); waits != nil {
			fmt.Fprintf(&b, " after %v", waits)
		}
		b.WriteByte('\n')
		props, err := e.Properties(r.LogicalID, Undecided{})
		if err != nil {
			return "Properties: " + describeError(err)
		}
		if len(props) > 0 {
			b.WriteString(asText(props))
		}
	}
	outputs, err := e.Outputs(Undecided{})
	if err != nil {
		return "Outputs: " + describeError(err)
	}
	for _, o := range outputs {
		fmt.Fprintf(&b, "output %s = %s", o.Key, strings.TrimSpace(asText(o.Value)))
		if o.Export != "" {
			fmt.Fprintf(&b, " as %s", o.Export)
		}
		b.WriteByte('\n')
	}
	if imports := e.Imports(); len(imports) > 0 {
		fmt.Fprintf(&b, "imports %v\n", imports)
	}
	if c := tpl.Capabilities(); len(c.Names) > 0 {
		fmt.Fprintf(&b, "capabilities %v: %s\n", c.Names, c.Reason)
	}
	return b.String()
}

// asText writes a value as JSON, what is not known as it stands in change sets.
func asText(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("  ", "  ")
	if err := enc.Encode(v); err != nil {
		return err.Error()
	}
	return "  " + b.String()
}

// MarshalJSON writes an unknown value as its text.
func (u Unknown) MarshalJSON() ([]byte, error) { return json.Marshal(u.Text) }

func describeError(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return fmt.Sprintf("not an *Error: %v\n", err)
	}
	return fmt.Sprintf("%d:%d %s\n%s\n", e.Line, e.Column, e.Path, e.Message)
}

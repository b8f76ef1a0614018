package changeset

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"larder/internal/cfn/schema"
)

var rewrite = flag.Bool("update", false, "rewrite the goldens")

// TestGolden compares the two templates of each of testdata/*.txtar and holds
// both answers and the plan against the archive's. The file "given" has a line
// for each parameter and stack tag: "was" or "is", a name or "tag:" and a key,
// "=" and the value; and for each nested stack that has a change set of its
// own: "nested", its name, "=" and the id.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no goldens", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			content := map[string]string{}
			for _, f := range archive.Files {
				content[f.Name] = string(f.Data)
			}
			u := goldenUpdate(t, content)
			without, with := both(t, u)
			p, err := u.Plan()
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{"structural": without.String(), "values": with.String(), "plan": p.String()}
			if *rewrite {
				kept := archive.Files[:0]
				for _, f := range archive.Files {
					if _, ours := got[f.Name]; !ours {
						kept = append(kept, f)
					}
				}
				for _, name := range []string{"structural", "values", "plan"} {
					kept = append(kept, txtar.File{Name: name, Data: []byte(got[name])})
				}
				archive.Files = kept
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			for name := range got {
				if diff := cmp.Diff(content[name], got[name]); diff != "" {
					t.Errorf("%s (-want +got)\n%s", name, diff)
				}
			}
		})
	}
}

func goldenUpdate(t *testing.T, content map[string]string) Update {
	t.Helper()
	params := map[string]map[string]string{"was": {}, "is": {}}
	tags := map[string][]schema.Tag{}
	nested := map[string]string{}
	for line := range strings.Lines(content["given"]) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		when, name, spaced := strings.Cut(name, " ")
		key, tag := strings.CutPrefix(name, "tag:")
		switch {
		case !ok || !spaced:
			t.Fatalf("cannot read %q", line)
		case when == "nested":
			nested[name] = value
		case tag:
			tags[when] = append(tags[when], schema.Tag{Key: key, Value: value})
		default:
			params[when][name] = value
		}
	}
	after := evaluate(t, content["after.yaml"], params["is"], testEnvStored())
	u := Update{New: after}
	if before, ok := content["before.yaml"]; ok {
		u = launched(t, evaluate(t, before, params["was"], testEnvStored()), after)
	}
	u.OldTags, u.NewTags, u.Nested = tags["was"], tags["is"], nested
	return u
}

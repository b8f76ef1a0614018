// Package internal_test keeps the house's import rules.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// may says which rooms of internal/ each room may import. A room that is not
// listed here may not exist. Rooms whose name ends in "test" serve tests and
// may be imported only by test files.
var may = map[string][]string{
	"id":           {},
	"api":          {},
	"api/gen":      {},
	"awsquery":     {},
	"awsquery/gen": {},
	"sigv4":        {},
	"seal":         {},
	"fetch":        {},
	"db":           {},
	"engine":       {},
	"cfn/schema":   {},
	"cfn/jsontext": {},

	"cfn/schema/gen": {},

	"cfn/template": {"cfn/schema"},
	"workflow":     {"id", "db"},
	"identity":     {"id", "api", "db", "sigv4", "seal"},

	"cfn/changeset": {"cfn/jsontext", "cfn/schema", "cfn/template"},
	"cfn/resource":  {"id", "db", "seal", "fetch", "cfn/jsontext", "cfn/schema", "cfn/template"},

	"cfn/stack": {"id", "db", "seal", "fetch", "workflow", "cfn/jsontext", "cfn/schema", "cfn/template", "cfn/changeset", "cfn/resource"},

	"cfn/stackset": {"id", "db", "seal", "workflow", "cfn/schema", "cfn/template", "cfn/resource", "cfn/stack"},

	"engine/cloudformation": {"id", "engine", "db", "cfn/schema", "cfn/template", "cfn/changeset", "cfn/resource", "cfn/stack", "cfn/stackset"},
	"engine/external":       {"id", "engine", "db", "seal", "fetch", "workflow"},
	"catalog":               {"id", "api", "db", "seal", "fetch", "engine", "workflow", "identity"},
	"cfn/cfnapi":            {"id", "awsquery", "db", "seal", "fetch", "identity", "cfn/schema", "cfn/template", "cfn/changeset", "cfn/resource", "cfn/stack", "cfn/stackset"},

	"provisioning": {"id", "api", "db", "seal", "engine", "workflow", "identity", "catalog"},

	"server": {"id", "api", "awsquery", "sigv4", "identity"},

	"testmode": {"api", "db", "workflow", "cfn/resource", "server"},
}

// testing rooms and what they may import.
var mayTest = map[string][]string{
	"db/dbtest":             {"db"},
	"workflow/workflowtest": {"workflow", "db", "id", "db/dbtest"},
	"engine/enginetest":     {"engine", "db", "workflow", "id"},
	"api/apitest":           {"api"},
	"evidencetest":          {},

	"cfn/jsontext/jsontexttest": {},
}

// drawers are names that say nothing about what is inside.
var drawers = []string{"util", "utils", "common", "models", "types", "helpers", "helper", "mocks", "manager", "misc"}

func TestImports(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == "testdata" {
				return fs.SkipDir
			}
			if slices.Contains(drawers, d.Name()) {
				t.Errorf("%s: a room named %q says nothing about what is inside", path, d.Name())
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || path == "arch_test.go" {
			return nil
		}
		files++
		if name := strings.TrimSuffix(strings.TrimSuffix(d.Name(), ".go"), "_test"); slices.Contains(drawers, name) {
			t.Errorf("%s: a file named for nothing", path)
		}
		checkFile(t, path, strings.HasSuffix(path, "_test.go"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Fatal("no Go file was read")
	}
}

func checkFile(t *testing.T, path string, test bool) {
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	room := filepath.ToSlash(filepath.Dir(path))
	allowed, known := may[room]
	if !known {
		if allowed, known = mayTest[room]; !known {
			t.Errorf("%s: room %s stands in no level; see shared/DESIGN.md and the table in arch_test.go", path, room)
			return
		}
	}
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(imported, "larder/cmd") {
			t.Errorf("%s imports %s: nothing imports cmd", path, imported)
		}
		inner, ours := strings.CutPrefix(imported, "larder/internal/")
		if !ours || inner == room || slices.Contains(allowed, inner) {
			continue
		}
		if _, forTests := mayTest[inner]; forTests {
			if test {
				continue
			}
			t.Errorf("%s imports the test room %s outside a test", path, inner)
			continue
		}
		// A test may stand on more than its room does, but never on a room
		// that its room serves.
		if test && !serves(inner, room) {
			continue
		}
		t.Errorf("%s: room %s may not import %s", path, room, inner)
	}
}

// serves reports whether room a imports room b, directly or not.
func serves(a, b string) bool {
	for _, next := range may[a] {
		if next == b || serves(next, b) {
			return true
		}
	}
	return false
}

// Only these places may start a goroutine: everything that must survive a
// crash is a row of workflow instead.
var mayGo = []string{"workflow", "server", "db"}

func TestGoroutines(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		room := filepath.ToSlash(filepath.Dir(path))
		if slices.Contains(mayGo, room) || strings.HasSuffix(room, "test") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(src), "\n") {
			if text := strings.TrimSpace(line); strings.HasPrefix(text, "go func") || strings.HasPrefix(text, "go ") && strings.HasSuffix(text, ")") {
				t.Errorf("%s:%d: a bare goroutine outlives no crash; use a run", path, i+1)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

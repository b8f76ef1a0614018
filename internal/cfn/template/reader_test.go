package template

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"
)

// same compares trees without their positions.
func same(a, b *Node) string {
	return cmp.Diff(string(a.appendJSON(nil)), string(b.appendJSON(nil)))
}

// TestJSONIsYAML holds that both readers read the same tree, order included:
// every golden template as it is and as its own JSON.
func TestJSONIsYAML(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, src := range goldens(t) {
		root, err := read(src, DefaultLimits())
		if err != nil {
			continue // refused as text
		}
		compared++
		text := root.appendJSON(nil)
		again, err := read(text, DefaultLimits())
		if err != nil {
			t.Errorf("%s\n%v", text, err)
			continue
		}
		if diff := same(root, again); diff != "" {
			t.Errorf("%s\n%s", src, diff)
		}
		// JSON is YAML too: without the brace that tells, the other reader
		// reads the same.
		lim := DefaultLimits()
		viaYAML, _, err := readYAML(text, lim)
		if err != nil {
			t.Errorf("%s\n%v", text, err)
			continue
		}
		if diff := same(root, &viaYAML); diff != "" {
			t.Errorf("%s\n%s", src, diff)
		}
	}
	if compared < 50 {
		t.Errorf("only %d templates were compared", compared)
	}
}

// TestCompiledJSON holds that a compiled tree still tells what was written.
func TestCompiledJSON(t *testing.T) {
	t.Parallel()
	for _, src := range goldens(t) {
		tpl, err := Parse(src, DefaultLimits())
		if err != nil || tpl.looping != nil || tpl.pending != "" {
			continue
		}
		root, err := read(src, DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range tpl.Resources {
			if r.Properties == nil {
				continue
			}
			raw := root.Get("Resources").Get(r.LogicalID).Get("Properties")
			written := string(raw.appendJSON(nil))
			compiled := string(r.Properties.appendJSON(nil))
			if strings.Contains(written, `"Fn::GetAtt":"`) {
				continue // comes out in its other form
			}
			if diff := cmp.Diff(written, compiled); diff != "" {
				t.Errorf("%s\n%s", r.LogicalID, diff)
			}
		}
	}
}

// goldens returns every template under testdata.
func goldens(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if ext := filepath.Ext(f.Name); ext == ".yaml" || ext == ".json" {
				all = append(all, f.Data)
			}
		}
	}
	return all
}

// identical reports how two trees differ, positions included.
func identical(a, b *Node) string {
	if equal(a, b) {
		return ""
	}
	return cmp.Diff(a, b, cmp.AllowUnexported(Node{}, key{}), cmpopts.EquateEmpty())
}

func equal(a, b *Node) bool {
	return a.kind == b.kind && a.line == b.line && a.column == b.column && a.text == b.text && slices.Equal(a.keys, b.keys) &&
		slices.EqualFunc(a.items, b.items, func(x, y Node) bool { return equal(&x, &y) })
}

// TestBlockReader holds that the fast reader reads what the YAML package
// reads, and that it reads most of what people write.
func TestBlockReader(t *testing.T) {
	t.Parallel()
	read := 0
	sources := append(goldens(t), fleet(50))
	for _, src := range sources {
		fast, err := readBlocks(string(src), DefaultLimits())
		if err != nil {
			continue
		}
		read++
		slow, _, err := readAnyYAML(src, DefaultLimits())
		if err != nil {
			t.Errorf("%s\n%v", src, err)
			continue
		}
		if diff := identical(&slow, &fast); diff != "" {
			t.Errorf("%s\n%s", src, diff)
		}
	}
	if read < len(sources)/2 {
		t.Errorf("only %d of %d were read", read, len(sources))
	}
}

func TestJSONReader(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		`{"a": "x\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`: "x\"\\/\b\f\n\r\té😀",
		`{"a": "\ud83d"}`:       "\ufffd",
		`{"a": "\ud83d\u0041"}`: "\ufffdA",
		`{"a": "\ude00"}`:       "\ufffd",
		"\ufeff {\"a\": \"é\"}": "é",
		`{"a": -0.5e+3}`:        "-0.5e+3",
	} {
		root, err := read([]byte(src), DefaultLimits())
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got := root.Get("a").Text(); got != want {
			t.Errorf("%s: %q, want %q", src, got, want)
		}
	}
	for _, src := range []string{`{`, `{"a"`, `{"a":`, `{"a":}`, `{"a":1,}`, `{"a":[1,]}`, `{"a":[,]}`, `{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":-}`,
		`{"a":1e}`, `{"a":tru}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"\u12"}`, "{\"a\":\"\n\"}", `{"a":"`, `{'a':1}`, `{a:1}`, `{"a":1}}`, `{"a" 1}`,
		`{"a":1 "b":2}`, `{"a":NaN}`, `{"a":"\`} {
		_, err := read([]byte(src), DefaultLimits())
		var fault *Error
		if !errors.As(err, &fault) || !strings.HasPrefix(fault.Message, "Template format error: JSON not well-formed. (line ") || fault.Line == 0 {
			t.Errorf("%s: %v", src, err)
		}
	}
}

// TestPositions holds that every node knows where it stands.
func TestPositions(t *testing.T) {
	t.Parallel()
	yaml := parse(t, "Resources:\n  A:\n    Type: AWS::SNS::Topic\n    Properties:\n      Name: !Sub \"${AWS::Region}\"\n")
	json := parse(t, "{\"Resources\": {\n  \"A\": {\n    \"Type\": \"AWS::SNS::Topic\",\n    \"Properties\": {\n      \"Name\": {\"Ref\": \"AWS::Region\"}}}}}")
	for name, tpl := range map[string]*Template{"yaml": yaml, "json": json} {
		n := tpl.Resource("A").Properties.Get("Name")
		if n.Line() != 5 || n.Column() < 13 || n.Column() > 15 {
			t.Errorf("%s: %d:%d", name, n.Line(), n.Column())
		}
	}
}

// TestExamples parses the products that the project offers.
func TestExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../examples/products/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(src, DefaultLimits()); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestBlockReaderDisturbed disturbs templates by lines and by marks, which
// comes closer to faulty YAML than bytes at random do, and holds that what
// the fast reader still reads is what the YAML package reads.
func TestBlockReaderDisturbed(t *testing.T) {
	t.Parallel()
	marks := []string{"- ", ": ", ":", " ", "  ", "#", " # c", "'", "\"", "!Sub ", "!Ref", "|", ">", ">-", "|-", "[", "]", "{", "}", ",", ", ", "\n", "\n\n",
		"\n  ", "? ", "&a ", "*a", "~", "null", "yes", "012", "---\n", "...", "%", "@", "`", "\\n", "''", "-", "<<: ", "a: b", "\t"}
	rnd := rand.New(rand.NewPCG(1, 2))
	sources := goldens(t)
	read := 0
	for range disturbances {
		src := string(sources[rnd.IntN(len(sources))])
		if len(src) > 1500 || strings.HasPrefix(src, "{") {
			continue
		}
		for range 1 + rnd.IntN(2) {
			lines := strings.SplitAfter(src, "\n")
			i := rnd.IntN(len(lines))
			switch rnd.IntN(6) {
			case 0:
				lines = slices.Delete(lines, i, i+1)
			case 1:
				lines[i] = strings.Repeat(" ", 1+rnd.IntN(3)) + lines[i]
			case 2:
				lines[i] = strings.TrimPrefix(strings.TrimPrefix(lines[i], " "), " ")
			case 3:
				lines = slices.Insert(lines, i, lines[rnd.IntN(len(lines))])
			default:
				at := rnd.IntN(len(lines[i]) + 1)
				lines[i] = lines[i][:at] + marks[rnd.IntN(len(marks))] + lines[i][at:]
			}
			src = strings.Join(lines, "")
			if src == "" {
				src = "a: b\n"
			}
		}
		fast, err := readBlocks(src, DefaultLimits())
		if err != nil {
			continue
		}
		read++
		slow, nulls, err := readAnyYAML([]byte(src), DefaultLimits())
		if err != nil || nulls {
			t.Fatalf("%s\n%v, nulls %v", src, err, nulls)
		}
		if diff := identical(&slow, &fast); diff != "" {
			t.Fatalf("%s\n%s", src, diff)
		}
	}
	if read < disturbances/20 {
		t.Errorf("only %d of %d were read", read, disturbances)
	}
}

const disturbances = 5000

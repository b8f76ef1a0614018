package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The files in the package are what the generator writes today, and it writes
// the same twice.
func TestFilesAreCurrent(t *testing.T) {
	t.Parallel()
	a, err := read("../servicecatalog.json", "../larder.json")
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{}
	for _, f := range files {
		text, err := generate(a, f.write)
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		written[f.name] = true
		there, err := os.ReadFile(filepath.Join("..", f.name))
		if err != nil {
			t.Fatal(err)
		}
		if string(there) != string(text) {
			t.Errorf("%s is stale: run go generate ./internal/api", f.name)
		}
	}
	generated, err := filepath.Glob("../*_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range generated {
		if !written[filepath.Base(path)] {
			t.Errorf("%s is written by nobody", path)
		}
	}
}

func TestTranslate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ java, re2 string }{
		{`[a-z]{1,1000}`, `[a-z]{1,1000}`},
		{`[\u0009\uD7FF]`, `[\x{9}\x{D7FF}]`},
		{`[\uD800\uDC00-\uDBFF\uDFFF]`, `[\x{10000}-\x{10FFFF}]`},
		{`[^/].`, `[^/][^\n\r\x{85}\x{2028}\x{2029}]`},
		{`[.]\.`, `[.]\.`},
		{`a{1023}`, `(?:a{1000}a{23})`},
		{`a{0,1023}`, `(?:a{0,1000}a{0,23})`},
		{`a{1500,2600}`, `(?:a{1000}a{500}a{0,1000}a{0,100})`},
		{`a{1001,}`, `(?:a{1000}a{1}a*)`},
		{`x(b|[c\]])\d{0,2001}y`, `x(b|[c\]])(?:\d{0,1000}\d{0,1000}\d{0,1})y`},
		{`(?:ab){1001}`, `(?:(?:ab){1000}(?:ab){1})`},
		{`\p{L}{2}`, `\p{L}{2}`},
	} {
		got, err := translate(c.java)
		if err != nil {
			t.Errorf("%s: %v", c.java, err)
		}
		if diff := cmp.Diff(`\A(?:`+c.re2+`)\z`, got); diff != "" {
			t.Errorf("%s:\n%s", c.java, diff)
		}
	}
	for _, java := range []string{
		`(?=a)b`, `(?<!a)b`, `a*+`, `a{2}+`, `[a&&[b]]`, `[a[b]]`, `\s`, `\Q.\E`, `\uD800`, `\uD800a`, `\u12`, `[a`, `a)`, `(a`, `a{`, `a{x}`, `\`,
	} {
		if re2, err := translate(java); err == nil {
			t.Errorf("%s was translated to %s", java, re2)
		}
	}
}

// A split repetition counts as the one it was.
func TestTranslateCounts(t *testing.T) {
	t.Parallel()
	re2, err := translate(`a{1001,2003}`)
	if err != nil {
		t.Fatal(err)
	}
	re := regexp.MustCompile(re2)
	for n, want := range map[int]bool{0: false, 1000: false, 1001: true, 1500: true, 2003: true, 2004: false} {
		if got := re.MatchString(strings.Repeat("a", n)); got != want {
			t.Errorf("%d times: %v", n, got)
		}
	}
}

// Models that would make wrong code are refused.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	const head = `{"metadata": {"protocol": "json", "targetPrefix": "T"}, "operations": {`
	for name, c := range map[string]struct{ text, want string }{
		"protocol":         {`{"metadata": {"protocol": "query"}}`, `protocol "query"`},
		"type":             {head + `}, "shapes": {"B": {"type": "blob"}}}`, `type "blob"`},
		"reference":        {head + `}, "shapes": {"L": {"type": "list", "member": {"shape": "X"}}}}`, "refers to X"},
		"required":         {head + `}, "shapes": {"S": {"type": "structure", "members": {}, "required": ["A"]}}}`, "requires A"},
		"key":              {head + `}, "shapes": {"I": {"type": "integer"}, "M": {"type": "map", "key": {"shape": "I"}, "value": {"shape": "I"}}}}`, "keys of type integer"},
		"operation's type": {head + `"O": {"name": "O", "input": {"shape": "X"}, "output": {"shape": "X"}}}, "shapes": {}}`, "no structure"},
	} {
		path := filepath.Join(t.TempDir(), "model.json")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	first, second := filepath.Join(t.TempDir(), "a.json"), filepath.Join(t.TempDir(), "b.json")
	for path, kind := range map[string]string{first: "string", second: "integer"} {
		if err := os.WriteFile(path, []byte(head+`}, "shapes": {"S": {"type": "`+kind+`"}}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := read(first, second); err == nil || !strings.Contains(err.Error(), "defined differently") {
		t.Errorf("two definitions of a shape: %v", err)
	}
}

func TestConstant(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"AVAILABLE": "StatusAvailable", "IN_PROGRESS_IN_ERROR": "StatusInProgressInError", "IAM_PATTERN": "StatusIAMPattern",
		"CopyTags": "StatusCopyTags", "Id": "StatusId",
	} {
		if got := constant("Status", value); got != want {
			t.Errorf("%s is named %s, not %s", value, got, want)
		}
	}
}

package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// generatedPatterns reads the patterns out of the generated text, as nothing
// but the tests needs a list of them.
func generatedPatterns(t *testing.T) []*pattern {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "rules_gen.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var patterns []*pattern
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if name, ok := call.Fun.(*ast.Ident); !ok || name.Name != "newPattern" {
			return true
		}
		var texts [2]string
		for i, arg := range call.Args {
			if texts[i], err = strconv.Unquote(arg.(*ast.BasicLit).Value); err != nil {
				t.Fatal(err)
			}
		}
		patterns = append(patterns, newPattern(texts[0], texts[1]))
		return true
	})
	if len(patterns) == 0 {
		t.Fatal("no pattern was found")
	}
	return patterns
}

// Every pattern that an input can meet lets the right texts pass and no other,
// and shows itself as the model writes it.
func TestPatterns(t *testing.T) {
	t.Parallel()
	m := readModels(t)
	tried := map[string]bool{}
	for _, p := range generatedPatterns(t) {
		tried[p.java] = true
		s, ok := samples[p.java]
		if !ok || len(s.good) == 0 || len(s.bad) == 0 {
			t.Errorf("no samples for %s", p.java)
		}
		for _, text := range s.good {
			if !p.match(text) {
				t.Errorf("%s refuses %q", p.java, text)
			}
		}
		for _, text := range s.bad {
			if p.match(text) {
				t.Errorf("%s lets %q pass", p.java, text)
			}
		}
	}
	for name, s := range m.Shapes {
		if _, ok := samples[s.Pattern]; !ok {
			t.Errorf("%s has the pattern %s, which no sample exercises", name, s.Pattern)
		}
	}
	for java, s := range samples {
		if s.bad != nil && !tried[java] {
			t.Errorf("no input has the pattern %s", java)
		}
	}
}

// What is matched by looking characters up matches what the regular expression
// would.
func TestRunsAgreeWithRegexp(t *testing.T) {
	t.Parallel()
	texts := []string{""}
	for _, s := range samples {
		texts = append(append(texts, s.good...), s.bad...)
	}
	for r := rune(0); r < 0x3000; r++ {
		texts = append(texts, string(r), "a"+string(r), string(r)+"b", "a"+string(r)+"b")
	}
	for _, re2 := range []string{
		`\A(?:[a-z]*)\z`, `\A(?:^[a-z]*$)\z`, `\A(?:^([\p{L}\p{Z}]*)$)\z`, `\A(?:[a-z][0-9_]*)\z`, `\A(?:[ab]+)\z`, `\A(?:[^a]*)\z`,
		`\A(?:[a-z]*[0-9])\z`, `\A(?:[a-z]$[0-9]*)\z`, `\A(?:a|[b-z]*)\z`,
	} {
		match, oracle := compile(re2), regexp.MustCompile(re2)
		for _, text := range texts {
			if got, want := match(text), oracle.MatchString(text); got != want {
				t.Fatalf("%s on %q: %v, not %v", re2, text, got, want)
			}
		}
	}
}

// A pattern is matched in time linear in the text, whatever the text.
func TestPatternsAreLinear(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("arn:a", 200_000)
	for _, p := range generatedPatterns(t) {
		p.match(long)
	}
}

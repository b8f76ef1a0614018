package template

import (
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern  string
		yes, no  []string
		isLinear bool
	}{
		{pattern: `[a-z]*`, yes: []string{"", "abc"}, no: []string{"A", "a\n"}, isLinear: true},
		{pattern: `^a|b$`, yes: []string{"a", "b"}, no: []string{"ab"}, isLinear: true},
		{pattern: `(?!-)[a-z-]{1,5}(?<!-)`, yes: []string{"a", "a-b"}, no: []string{"-a", "a-", "abcdef", ""}},
		{pattern: `^(?=.*[A-Z])(?=.*\d)[\w!]{8,}$`, yes: []string{"Password1", "1!aaaaaaA"}, no: []string{"password1", "Passwordx", "Pass1"}},
		{pattern: `[a-z0-9]{6,16}+`, yes: []string{"abcdef"}, no: []string{"abc", "abcdefghijklmnopq"}},
		{pattern: `a++a`, no: []string{"aaa", "a"}},
		{pattern: `(?>a|ab)c`, yes: []string{"ac"}, no: []string{"abc"}},
		{pattern: `((?!secret).)*`, yes: []string{"public", ""}, no: []string{"a secret"}},
		{pattern: `(.)\1`, yes: []string{"aa"}, no: []string{"ab", "a"}},
		{pattern: `(?<q>['"]).*\k<q>`, yes: []string{`"x"`, `''`}, no: []string{`"x'`}},
		{pattern: `[a-z&&[^aeiou]]+`, yes: []string{"xyz"}, no: []string{"xay"}},
		{pattern: `[a-c[x-z]]+(?=)`, yes: []string{"axz"}, no: []string{"d"}},
		{pattern: `(?i)(?=x)Xy`, yes: []string{"xy", "XY"}, no: []string{"ay"}},
		{pattern: `(?i:a)(?=B)B`, yes: []string{"AB", "aB"}, no: []string{"Ab"}},
		{pattern: `\p{Alpha}+(?=\d)\p{Digit}\P{L}?`, yes: []string{"ab1", "ab1-"}, no: []string{"1", "ab1c"}},
		{pattern: `\Qa.b\E(?=)c`, yes: []string{"a.bc"}, no: []string{"axbc"}},
		{pattern: `\x41\u0042(?=)`, yes: []string{"AB"}, no: []string{"ab"}},
		{pattern: `(a|b)*?(?=c)c`, yes: []string{"abac", "c"}, no: []string{"ab"}},
		{pattern: `\bword\b(?=)`, yes: []string{"word"}, no: []string{"words"}},
		{pattern: `(?:a{2}){2}(?!b)`, yes: []string{"aaaa"}, no: []string{"aaa", "aaaaa"}},
		{pattern: `.(?=\n).(?s:.)x`, no: []string{"a\nbx"}},
		{pattern: `(?s).(?=\n)..`, yes: []string{"a\nb"}},
		{pattern: `[\]\\^-](?=)`, yes: []string{"]", `\`, "^", "-"}, no: []string{"a"}},
		{pattern: `(?=ä)ä{1,2}`, yes: []string{"ä", "ää"}, no: []string{"äää"}},
	} {
		p, err := compilePattern(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		if (p.linear != nil) != test.isLinear {
			t.Errorf("%s: linear %v", test.pattern, p.linear != nil)
		}
		for _, s := range test.yes {
			if !p.matches(s) {
				t.Errorf("%s does not match %q", test.pattern, s)
			}
		}
		for _, s := range test.no {
			if p.matches(s) {
				t.Errorf("%s matches %q", test.pattern, s)
			}
		}
	}
	for _, bad := range []string{`(`, `)(?=`, `[a`, `(?=a`, `\1(?=)`, `(?=)*{`, `(?=)a{2,1}`, `(?=)a{`, `(?=)a{99999999999}`, `(?=)[z-a]`, `(?=)\y`,
		`(?=)\p{None}`, `(?=)\x{zz}`, `(?=)\u12`, `(?=)\k<a>`, `(?=)\`, `(?Q)`, `*(?=)`, strings.Repeat("(", 1000) + "(?=)" + strings.Repeat(")", 1000)} {
		if _, err := compilePattern(bad); err == nil {
			t.Errorf("%s compiles", bad)
		}
	}
}

// A pattern that takes exponential time ends all the same.
func TestPatternIsBounded(t *testing.T) {
	t.Parallel()
	for _, hard := range []string{`(?=)(a+)+b`, `(?=)(a|aa)+b`, `(?=)(.*)*x`, `(?=)((a?){30}){30}b`, `(?<=(a+)+)b`} {
		p, err := compilePattern(hard)
		if err != nil {
			t.Fatal(err)
		}
		if p.matches(strings.Repeat("a", 4000)) {
			t.Errorf("%s matches", hard)
		}
	}
}

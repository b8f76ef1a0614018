package schema

import "testing"

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{`^(?!aws:).+$`, "aws:x", false},
		{`^(?!aws:).+$`, "laws:x", true},
		{`^(?=.{2,4}$)[a-z]+$`, "abcde", false},
		{`^(?=.{2,4}$)[a-z]+$`, "abc", true},
		{`^(?!\s*$).+|(\$x)$`, "  ", false},
		{`^(?!\s*$).+|(\$x)$`, "$x", true},
		{`^[0-9a-z\.\-]*(?<!\.)$`, "a.b.", false},
		{`^[0-9a-z\.\-]*(?<!\.)$`, "a.b", true},
		{`^[\u0020-\u007E]*$`, "plain", true},
		{`^[\u0020-\u007E]*$`, "ü", false},
		{`^[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF]*$`, "\U0001F600", true},
		{`^[a-z]{1,2048}$`, "abc", true},
		{`^[a-z]{1,2048}$`, "ABC", false},
		{`^[\p{Graph}\x20]*$`, "a b", true},
		{`^[\p{Graph}\x20]*$`, "a\tb", false},
		{`"^arn:aws:acm:.+$"`, "arn:aws:acm:x", true},
		{`b`, "abc", true}, // found anywhere unless anchored
	} {
		if got := compiled(c.pattern).match(c.text); got != c.want {
			t.Errorf("%s on %q: %v", c.pattern, c.text, got)
		}
	}
}

// TestEveryPatternIsTranslated counts what RE2 leaves of the patterns.
func TestEveryPatternIsTranslated(t *testing.T) {
	t.Parallel()
	all := map[string]bool{}
	for _, name := range Names() {
		typ, _ := Lookup(name)
		for i := range typ.bodies {
			gather(typ.definition(i), all)
		}
	}
	loose, open := 0, 0
	for source := range all {
		switch p := compiled(source); {
		case len(p.branches) == 0:
			open++
		case !p.exact:
			loose++
		}
	}
	// A look-around in the middle is left out in these; one has
	// back-references and is not judged.
	if len(all) < 2000 || loose > 31 || open > 1 {
		t.Errorf("%d patterns, %d looser than AWS's, %d open", len(all), loose, open)
	}
}

func gather(n *node, all map[string]bool) {
	if n.pattern != "" {
		all[n.pattern] = true
	}
	for _, p := range n.properties {
		gather(p.node, all)
	}
	for _, p := range n.patterns {
		all[p.name] = true
		gather(p.node, all)
	}
	if n.items != nil {
		gather(n.items, all)
	}
	for _, subs := range [][]*node{n.oneOf, n.anyOf, n.allOf} {
		for _, sub := range subs {
			gather(sub, all)
		}
	}
}

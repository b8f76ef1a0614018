package api

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"sync"
	"unicode/utf8"
)

// A pattern is a regular expression of the model. It is shown as the model
// writes it, for Java, and matched as the generator translated it for RE2,
// against the whole text. It is compiled when it is first used, once.
type pattern struct {
	java    string
	matcher func() func(string) bool
}

func newPattern(java, re2 string) *pattern {
	return &pattern{java: java, matcher: sync.OnceValue(func() func(string) bool { return compile(re2) })}
}

func (p *pattern) match(text string) bool { return p.matcher()(text) }

func (p *pattern) sentence() string {
	return "Member must satisfy regular expression pattern: " + p.java
}

// compile answers a matcher. Nearly all patterns of the model are one set of
// characters any number of times, or one set and then another: those are
// matched by looking each character up.
func compile(re2 string) func(string) bool {
	tree, err := syntax.Parse(re2, syntax.Perl)
	if err != nil {
		panic("api: " + err.Error()) // the generator's tests compile them all
	}
	if head, tail, ok := runOf(tree); ok {
		return func(text string) bool { return matchRun(text, head, tail) }
	}
	return regexp.MustCompile(re2).MatchString
}

// A runeSet is a set of characters.
type runeSet struct {
	ascii  [utf8.RuneSelf]bool
	ranges []rune // pairs of first and last, in order
}

func newRuneSet(ranges []rune) *runeSet {
	s := &runeSet{ranges: ranges}
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1] && r < utf8.RuneSelf; r++ {
			s.ascii[r] = true
		}
	}
	return s
}

func (s *runeSet) has(r rune) bool {
	if r < utf8.RuneSelf {
		return s.ascii[r]
	}
	i, found := slices.BinarySearch(s.ranges, r)
	return found || i%2 == 1
}

func matchRun(text string, head []*runeSet, tail *runeSet) bool {
	for _, r := range text {
		set := tail
		if len(head) > 0 {
			set, head = head[0], head[1:]
		}
		if !set.has(r) {
			return false
		}
	}
	return len(head) == 0
}

// runOf answers what re repeats, if re is single characters followed by any
// number of characters of one set. Anchors at its ends are idle, as the whole
// text is matched anyway.
func runOf(re *syntax.Regexp) (head []*runeSet, tail *runeSet, ok bool) {
	parts := flatten(re)
	for len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		parts = parts[1:]
	}
	for len(parts) > 0 && parts[len(parts)-1].Op == syntax.OpEndText {
		parts = parts[:len(parts)-1]
	}
	for _, part := range parts {
		switch {
		case tail != nil:
			return nil, nil, false
		case part.Op == syntax.OpCharClass:
			head = append(head, newRuneSet(part.Rune))
		case part.Op == syntax.OpStar && part.Sub[0].Op == syntax.OpCharClass:
			tail = newRuneSet(part.Sub[0].Rune)
		case part.Op == syntax.OpPlus && part.Sub[0].Op == syntax.OpCharClass:
			tail = newRuneSet(part.Sub[0].Rune)
			head = append(head, tail)
		default:
			return nil, nil, false
		}
	}
	return head, tail, tail != nil
}

// flatten answers the parts of re that follow each other, without groups.
func flatten(re *syntax.Regexp) []*syntax.Regexp {
	if re.Op != syntax.OpConcat && re.Op != syntax.OpCapture {
		return []*syntax.Regexp{re}
	}
	var parts []*syntax.Regexp
	for _, sub := range re.Sub {
		parts = append(parts, flatten(sub)...)
	}
	return parts
}

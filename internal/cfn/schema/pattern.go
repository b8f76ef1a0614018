package schema

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// A pattern is a pattern of the schemas, which are written for ECMA and Java,
// in terms of RE2. A value fits if one branch fits it.
//
// What RE2 lacks is translated where that can be done: \uXXXX escapes and
// surrogate ranges; look-aheads right behind "^" and look-behinds right before
// "$", which become guards of their branch; counts over RE2's 1000, which
// become open-ended (lengths have their own keywords). A look-around elsewhere
// is left out, which allows more than AWS does. A pattern that cannot be
// translated at all (a back-reference) allows everything.
type pattern struct {
	branches []branch
	exact    bool // nothing was left out
}

type branch struct {
	main   *regexp.Regexp
	guards []guard
}

// A guard is a further condition of a branch.
type guard struct {
	must bool
	re   *regexp.Regexp
}

func (p *pattern) match(s string) bool {
	if len(p.branches) == 0 {
		return true
	}
	for _, b := range p.branches {
		if b.match(s) {
			return true
		}
	}
	return false
}

func (b branch) match(s string) bool {
	if !b.main.MatchString(s) {
		return false
	}
	for _, g := range b.guards {
		if g.re.MatchString(s) != g.must {
			return false
		}
	}
	return true
}

// patterns keeps what was compiled. Only the patterns of the schemas get in,
// so it is bounded by them.
var patterns sync.Map // string to *pattern

func compiled(source string) *pattern {
	if p, ok := patterns.Load(source); ok {
		return p.(*pattern)
	}
	p, _ := patterns.LoadOrStore(source, translate(source))
	return p.(*pattern)
}

func translate(source string) *pattern {
	p := &pattern{exact: true}
	if inner, ok := strings.CutPrefix(source, `"^`); ok && strings.HasSuffix(inner, `$"`) {
		source = strings.Trim(source, `"`) // quoted by mistake, or nothing would fit
	}
	for _, alternative := range alternatives(source) {
		b, exact := translateBranch(alternative)
		p.exact = p.exact && exact
		if b == nil {
			return &pattern{}
		}
		p.branches = append(p.branches, *b)
	}
	return p
}

// alternatives splits a pattern at its outermost bars, if look-arounds make
// that worth while.
func alternatives(source string) []string {
	if !strings.Contains(source, "(?=") && !strings.Contains(source, "(?!") && !strings.Contains(source, "(?<") {
		return []string{source}
	}
	var all []string
	depth, start := 0, 0
	for i := 0; i < len(source); i = next(source, i) {
		switch source[i] {
		case '(':
			depth++
		case ')':
			depth--
		case '|':
			if depth == 0 {
				all = append(all, source[start:i])
				start = i + 1
			}
		}
	}
	return append(all, source[start:])
}

// next returns where the element of a pattern behind the one at i begins: an
// escape or a character class is one element.
func next(s string, i int) int {
	switch s[i] {
	case '\\':
		return min(i+2, len(s))
	case '[':
		j := i + 1
		if j < len(s) && s[j] == '^' {
			j++
		}
		for j < len(s) && s[j] != ']' {
			if s[j] == '\\' {
				j++
			}
			j++
		}
		return min(j+1, len(s))
	}
	return i + 1
}

// group returns where the group that opens at i ends, behind its bracket.
func group(s string, i int) int {
	depth := 0
	for ; i < len(s); i = next(s, i) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

func translateBranch(source string) (b *branch, exact bool) {
	b, exact = &branch{}, true
	main := source
	for _, anchor := range []string{"^", `\A`} {
		rest, ok := strings.CutPrefix(source, anchor)
		if !ok {
			continue
		}
		for strings.HasPrefix(rest, "(?=") || strings.HasPrefix(rest, "(?!") {
			end := group(rest, 0)
			inner, innerExact := plain(rest[3 : end-1])
			re, err := regexp.Compile("^(?:" + inner + ")")
			if err != nil || !innerExact {
				exact = false // what it would have ruled out is let through
			} else {
				b.guards = append(b.guards, guard{must: rest[2] == '=', re: re})
			}
			rest = rest[end:]
		}
		main = anchor + rest
		break
	}
	if i := strings.LastIndex(main, "(?<!"); i >= 0 && group(main, i) == len(main)-1 && strings.HasSuffix(main, "$") {
		inner, innerExact := plain(main[i+4 : len(main)-2])
		if re, err := regexp.Compile("(?:" + inner + ")$"); err == nil && innerExact {
			b.guards = append(b.guards, guard{must: false, re: re})
			main = main[:i] + "$"
		}
	}
	main, mainExact := plain(main)
	re, err := regexp.Compile(main)
	if err != nil {
		return nil, false
	}
	b.main = re
	return b, exact && mainExact
}

// surrogates are how the patterns write "any character outside the basic
// plane", in several orders.
var surrogates = strings.NewReplacer(
	`\uD800\uDC00-\uDBFF\uDFFF`, `\x{10000}-\x{10FFFF}`,
	`\uD800\uDBFF-\uDC00\uDFFF`, `\x{10000}-\x{10FFFF}`,
	`\ud800\udc00-\udbff\udfff`, `\x{10000}-\x{10FFFF}`,
)

// plain rewrites a pattern without the look-arounds that RE2 lacks; exact is
// false if there were any.
func plain(source string) (rewritten string, exact bool) {
	source = surrogates.Replace(source)
	var out strings.Builder
	exact = true
	inClass := false
	for i := 0; i < len(source); {
		switch c := source[i]; {
		case c == '\\' && i+1 < len(source):
			switch e := source[i+1]; {
			case e == 'u' && i+6 <= len(source):
				out.WriteString(`\x{` + source[i+2:i+6] + `}`)
				i += 6
			case strings.HasPrefix(source[i:], `\p{Graph}`), strings.HasPrefix(source[i:], `\p{Print}`):
				class := "[:" + strings.ToLower(source[i+3:i+8]) + ":]"
				if !inClass {
					class = "[" + class + "]"
				}
				out.WriteString(class)
				i += len(`\p{Graph}`)
			case e == 'Z':
				out.WriteString(`\z`)
				i += 2
			default:
				out.WriteString(source[i : i+2])
				i += 2
			}
		case inClass:
			if c == ']' {
				inClass = false
			}
			if c == '[' && !strings.HasPrefix(source[i:], "[:") {
				out.WriteByte('\\') // a bracket in a class is a character
			}
			out.WriteByte(c)
			i++
		case c == '[':
			inClass = true
			out.WriteByte(c)
			i++
			if i < len(source) && source[i] == '^' {
				out.WriteByte('^')
				i++
			}
		case c == '(' && lookaround(source[i:]):
			i = group(source, i)
			if i < len(source) && strings.ContainsRune("*+?", rune(source[i])) {
				i++
			}
			exact = false
		case c == '{':
			count, n := repetition(source[i:])
			out.WriteString(count)
			i += n
		default:
			out.WriteByte(c)
			i++
		}
	}
	return out.String(), exact
}

func lookaround(s string) bool {
	for _, p := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// repetition reads {n}, {n,} or {n,m} and returns it for RE2 with the length
// read.
func repetition(s string) (string, int) {
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return s[:1], 1
	}
	low, high, ranged := strings.Cut(s[1:end], ",")
	lo, err := strconv.Atoi(low)
	if err != nil {
		return s[:1], 1
	}
	hi := lo
	if ranged {
		hi, err = strconv.Atoi(high)
	}
	const most = 1000
	switch {
	case lo > most:
		return "{" + strconv.Itoa(most) + ",}", end + 1
	case ranged && (err != nil || hi > most):
		return "{" + low + ",}", end + 1
	}
	return s[:end+1], end + 1
}

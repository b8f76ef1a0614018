package template

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// java is a regular expression of Java's, compiled into steps that call what
// follows them.
type java struct {
	root   step
	groups int
}

// A step tries to match from position i and calls next with each position it
// can end at, until next is satisfied.
type step func(m *machine, i int, next func(int) bool) bool

// machine is one attempt to match. Its budget bounds the work, since
// backtracking can take exponential time.
type machine struct {
	in     []rune
	groups []int // start and end of each group, -1 if it has not matched
	budget int
}

const matchBudget = 2_000_000

// matches reports whether all of s matches. What does not end within the
// budget does not match.
func (j *java) matches(s string) bool {
	m := &machine{in: []rune(s), groups: slices.Repeat([]int{-1}, 2*(j.groups+1)), budget: matchBudget}
	return j.root(m, 0, func(i int) bool { return i == len(m.in) })
}

// javaParser reads a pattern by recursive descent.
type javaParser struct {
	src    []rune
	pos    int
	depth  int
	groups int
	names  map[string]int
	fold   bool // (?i)
	dotAll bool // (?s)
	lines  bool // (?m)
}

var errPattern = errors.New("not a regular expression")

// Bounds on a pattern: how deep groups nest, and how often something repeats.
const (
	maxGroupDepth = 100
	maxRepeat     = 1 << 16
)

func compileJava(source string) (*java, error) {
	p := &javaParser{src: []rune(source), names: map[string]int{}}
	root, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if p.pos < len(p.src) {
		return nil, errPattern
	}
	return &java{root: root, groups: p.groups}, nil
}

func (p *javaParser) more() bool { return p.pos < len(p.src) }

func (p *javaParser) take(prefix string) bool {
	if !strings.HasPrefix(string(p.src[p.pos:min(p.pos+len(prefix), len(p.src))]), prefix) {
		return false
	}
	p.pos += len(prefix)
	return true
}

func (p *javaParser) alternatives() (step, error) {
	if p.depth++; p.depth > maxGroupDepth {
		return nil, errPattern
	}
	defer func() { p.depth-- }()
	var branches []step
	for {
		s, err := p.sequence()
		if err != nil {
			return nil, err
		}
		branches = append(branches, s)
		if !p.take("|") {
			break
		}
	}
	if len(branches) == 1 {
		return branches[0], nil
	}
	return func(m *machine, i int, next func(int) bool) bool {
		for _, branch := range branches {
			if branch(m, i, next) {
				return true
			}
		}
		return false
	}, nil
}

func (p *javaParser) sequence() (step, error) {
	var parts []step
	for p.more() && p.src[p.pos] != '|' && p.src[p.pos] != ')' {
		s, err := p.term()
		if err != nil {
			return nil, err
		}
		if s != nil {
			parts = append(parts, s)
		}
	}
	all := step(func(_ *machine, i int, next func(int) bool) bool { return next(i) })
	for _, part := range slices.Backward(parts) {
		rest := all
		all = func(m *machine, i int, next func(int) bool) bool {
			return part(m, i, func(j int) bool { return rest(m, j, next) })
		}
	}
	return all, nil
}

// term reads an atom and how often it repeats; nil for what matches nothing
// by itself, such as (?i).
func (p *javaParser) term() (step, error) {
	atom, one, err := p.atom()
	if err != nil || atom == nil {
		return nil, err
	}
	for p.more() {
		least, most, ok, err := p.count()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		switch {
		case p.take("+"):
			atom = atomic(repeat(atom, one, least, most, true))
		case p.take("?"):
			atom = repeat(atom, one, least, most, false)
		default:
			atom = repeat(atom, one, least, most, true)
		}
		one = nil
	}
	return atom, nil
}

// count reads ?, *, + or {n,m}.
func (p *javaParser) count() (least, most int, ok bool, err error) {
	switch {
	case p.take("?"):
		return 0, 1, true, nil
	case p.take("*"):
		return 0, maxRepeat, true, nil
	case p.take("+"):
		return 1, maxRepeat, true, nil
	case !p.take("{"):
		return 0, 0, false, nil
	}
	end := slices.Index(p.src[p.pos:], '}')
	if end < 0 {
		return 0, 0, false, errPattern
	}
	low, high, ranged := strings.Cut(string(p.src[p.pos:p.pos+end]), ",")
	p.pos += end + 1
	if least, err = strconv.Atoi(low); err != nil || least < 0 || least > maxRepeat {
		return 0, 0, false, errPattern
	}
	switch most = least; {
	case ranged && high == "":
		most = maxRepeat
	case ranged:
		if most, err = strconv.Atoi(high); err != nil || most < least || most > maxRepeat {
			return 0, 0, false, errPattern
		}
	}
	return least, most, true, nil
}

// repeat matches a step between least and most times. one is not nil if the
// step takes exactly one character.
func repeat(s step, one func(rune) bool, least, most int, greedy bool) step {
	if one != nil {
		return repeatOne(one, least, most, greedy)
	}
	return func(m *machine, i int, next func(int) bool) bool {
		var again func(i, n int) bool
		again = func(i, n int) bool {
			if m.budget--; m.budget < 0 {
				return false
			}
			if n >= least && !greedy && next(i) {
				return true
			}
			if n < most && s(m, i, func(j int) bool { return (j > i || n < least) && again(j, n+1) }) {
				return true
			}
			return n >= least && greedy && next(i)
		}
		return again(i, 0)
	}
}

func repeatOne(one func(rune) bool, least, most int, greedy bool) step {
	return func(m *machine, i int, next func(int) bool) bool {
		run := 0
		for run < most && i+run < len(m.in) && one(m.in[i+run]) && (greedy || run < least) {
			run++
		}
		m.budget -= run
		for run >= least {
			if m.budget--; m.budget < 0 {
				return false
			}
			if next(i + run) {
				return true
			}
			if greedy {
				run--
				continue
			}
			if run == most || i+run == len(m.in) || !one(m.in[i+run]) {
				return false
			}
			run++
		}
		return false
	}
}

// atomic keeps a step's first match.
func atomic(s step) step {
	return func(m *machine, i int, next func(int) bool) bool {
		end := -1
		return s(m, i, func(j int) bool { end = j; return true }) && next(end)
	}
}

func look(s step, must bool) step {
	return func(m *machine, i int, next func(int) bool) bool {
		found := s(m, i, func(int) bool { return true })
		return found == must && m.budget >= 0 && next(i)
	}
}

func lookBehind(s step, must bool) step {
	return func(m *machine, i int, next func(int) bool) bool {
		found := false
		for from := i; from >= 0 && !found; from-- {
			m.budget--
			found = s(m, from, func(j int) bool { return j == i })
		}
		return found == must && m.budget >= 0 && next(i)
	}
}

// assert matches nothing, where a condition holds.
func assert(holds func(in []rune, i int) bool) step {
	return func(m *machine, i int, next func(int) bool) bool { return holds(m.in, i) && next(i) }
}

// single matches one character.
func single(one func(rune) bool) (step, func(rune) bool, error) {
	return func(m *machine, i int, next func(int) bool) bool {
		m.budget--
		return m.budget >= 0 && i < len(m.in) && one(m.in[i]) && next(i+1)
	}, one, nil
}

func (p *javaParser) literal(r rune) (step, func(rune) bool, error) {
	if !p.fold {
		return single(func(c rune) bool { return c == r })
	}
	return single(func(c rune) bool { return equalFold(c, r) })
}

func equalFold(a, b rune) bool {
	return a == b || unicode.ToLower(a) == unicode.ToLower(b) || unicode.ToUpper(a) == unicode.ToUpper(b)
}

func (p *javaParser) atom() (step, func(rune) bool, error) {
	r := p.src[p.pos]
	p.pos++
	switch r {
	case '.':
		if p.dotAll {
			return single(func(rune) bool { return true })
		}
		return single(func(c rune) bool { return !isLineEnd(c) })
	case '^':
		if p.lines {
			return assert(func(in []rune, i int) bool { return i == 0 || isLineEnd(in[i-1]) }), nil, nil
		}
		return assert(func(_ []rune, i int) bool { return i == 0 }), nil, nil
	case '$':
		if p.lines {
			return assert(func(in []rune, i int) bool { return i == len(in) || isLineEnd(in[i]) }), nil, nil
		}
		return assert(atEnd), nil, nil
	case '[':
		one, err := p.class()
		if err != nil {
			return nil, nil, err
		}
		return single(one)
	case '(':
		s, err := p.group()
		return s, nil, err
	case '\\':
		return p.escape()
	case '*', '+', '?', '{':
		return nil, nil, errPattern
	}
	return p.literal(r)
}

func isLineEnd(r rune) bool {
	return r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

// atEnd reports whether i is the end, or before a last line's end.
func atEnd(in []rune, i int) bool {
	return i == len(in) || i == len(in)-1 && isLineEnd(in[i])
}

// group reads what follows an opening bracket.
func (p *javaParser) group() (step, error) {
	if !p.take("?") {
		return p.capture("")
	}
	switch {
	case p.take(":"):
		return p.inner(func(s step) step { return s })
	case p.take("="):
		return p.inner(func(s step) step { return look(s, true) })
	case p.take("!"):
		return p.inner(func(s step) step { return look(s, false) })
	case p.take(">"):
		return p.inner(atomic)
	case p.take("<="):
		return p.inner(func(s step) step { return lookBehind(s, true) })
	case p.take("<!"):
		return p.inner(func(s step) step { return lookBehind(s, false) })
	case p.take("<"):
		end := slices.Index(p.src[p.pos:], '>')
		if end < 0 {
			return nil, errPattern
		}
		name := string(p.src[p.pos : p.pos+end])
		p.pos += end + 1
		return p.capture(name)
	}
	return p.flags()
}

// inner reads to the closing bracket. Flags set inside end there.
func (p *javaParser) inner(wrap func(step) step) (step, error) {
	fold, dotAll, lines := p.fold, p.dotAll, p.lines
	s, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		return nil, errPattern
	}
	p.fold, p.dotAll, p.lines = fold, dotAll, lines
	return wrap(s), nil
}

func (p *javaParser) capture(name string) (step, error) {
	p.groups++
	n := p.groups
	if name != "" {
		p.names[name] = n
	}
	return p.inner(func(s step) step {
		return func(m *machine, i int, next func(int) bool) bool {
			start, end := m.groups[2*n], m.groups[2*n+1]
			if s(m, i, func(j int) bool {
				before, after := m.groups[2*n], m.groups[2*n+1]
				m.groups[2*n], m.groups[2*n+1] = i, j
				if next(j) {
					return true
				}
				m.groups[2*n], m.groups[2*n+1] = before, after
				return false
			}) {
				return true
			}
			m.groups[2*n], m.groups[2*n+1] = start, end
			return false
		}
	})
}

// flags reads (?i) or (?i:…).
func (p *javaParser) flags() (step, error) {
	fold, dotAll, lines := p.fold, p.dotAll, p.lines
	on := true
	for p.more() {
		r := p.src[p.pos]
		p.pos++
		switch r {
		case '-':
			on = false
		case 'i':
			p.fold = on
		case 's':
			p.dotAll = on
		case 'm':
			p.lines = on
		case 'u', 'U':
		case ')':
			return nil, nil
		case ':':
			s, err := p.inner(func(s step) step { return s })
			p.fold, p.dotAll, p.lines = fold, dotAll, lines
			return s, err
		default:
			return nil, errPattern
		}
	}
	return nil, errPattern
}

func (p *javaParser) escape() (step, func(rune) bool, error) {
	if !p.more() {
		return nil, nil, errPattern
	}
	r := p.src[p.pos]
	switch r {
	case 'b', 'B':
		p.pos++
		return assert(func(in []rune, i int) bool {
			return (i > 0 && isWord(in[i-1])) != (i < len(in) && isWord(in[i])) == (r == 'b')
		}), nil, nil
	case 'A', 'G':
		p.pos++
		return assert(func(_ []rune, i int) bool { return i == 0 }), nil, nil
	case 'z':
		p.pos++
		return assert(func(in []rune, i int) bool { return i == len(in) }), nil, nil
	case 'Z':
		p.pos++
		return assert(atEnd), nil, nil
	case 'Q':
		p.pos++
		return p.quoted()
	case 'k':
		p.pos++
		end := slices.Index(p.src[p.pos:], '>')
		if !p.take("<") || end < 0 {
			return nil, nil, errPattern
		}
		n, ok := p.names[string(p.src[p.pos:p.pos+end-1])]
		p.pos += end
		if !ok {
			return nil, nil, errPattern
		}
		return backReference(n), nil, nil
	}
	if '1' <= r && r <= '9' {
		p.pos++
		if n := int(r - '0'); n <= p.groups {
			return backReference(n), nil, nil
		}
		return nil, nil, errPattern
	}
	one, err := p.escapedSet()
	if err != nil {
		return nil, nil, err
	}
	return single(one)
}

// quoted reads \Q…\E, all of whose characters are themselves.
func (p *javaParser) quoted() (step, func(rune) bool, error) {
	rest := string(p.src[p.pos:])
	text, _, closed := strings.Cut(rest, `\E`)
	p.pos += len([]rune(text))
	if closed {
		p.pos += 2
	}
	want := []rune(text)
	return func(m *machine, i int, next func(int) bool) bool {
		m.budget -= len(want)
		return len(m.in)-i >= len(want) && slices.Equal(m.in[i:i+len(want)], want) && next(i+len(want))
	}, nil, nil
}

func backReference(n int) step {
	return func(m *machine, i int, next func(int) bool) bool {
		start, end := m.groups[2*n], m.groups[2*n+1]
		if start < 0 {
			return false
		}
		length := end - start
		m.budget -= length
		return m.budget >= 0 && len(m.in)-i >= length && slices.Equal(m.in[i:i+length], m.in[start:end]) && next(i+length)
	}
}

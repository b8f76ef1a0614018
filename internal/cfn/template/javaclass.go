package template

import (
	"strconv"
	"strings"
	"unicode"
)

// class reads a character class behind its opening bracket: a union of
// characters, ranges and classes, cut down by what follows &&.
func (p *javaParser) class() (func(rune) bool, error) {
	if p.depth++; p.depth > maxGroupDepth {
		return nil, errPattern
	}
	defer func() { p.depth-- }()
	negated := p.take("^")
	var union []func(rune) bool
	var all []func(rune) bool // unions that must all hold
	for first := true; ; first = false {
		if !p.more() {
			return nil, errPattern
		}
		switch {
		case !first && p.take("]"):
			return classOf(append(all, anyOf(union)), negated), nil
		case p.take("&&"):
			all = append(all, anyOf(union))
			union = nil
		case p.take("["):
			inner, err := p.class()
			if err != nil {
				return nil, err
			}
			union = append(union, inner)
		default:
			member, err := p.member()
			if err != nil {
				return nil, err
			}
			union = append(union, member)
		}
	}
}

func anyOf(sets []func(rune) bool) func(rune) bool {
	return func(r rune) bool {
		for _, set := range sets {
			if set(r) {
				return true
			}
		}
		return false
	}
}

func classOf(all []func(rune) bool, negated bool) func(rune) bool {
	return func(r rune) bool {
		for _, set := range all {
			if !set(r) {
				return negated
			}
		}
		return !negated
	}
}

// member reads a character, a range or an escape of a class.
func (p *javaParser) member() (func(rune) bool, error) {
	low := p.src[p.pos]
	p.pos++
	if low == '\\' {
		r, isRune, one, err := p.escapedRune()
		if err != nil || !isRune {
			return one, err
		}
		low = r
	}
	if p.pos+1 >= len(p.src) || p.src[p.pos] != '-' || p.src[p.pos+1] == ']' || p.src[p.pos+1] == '[' {
		return p.between(low, low), nil
	}
	p.pos++
	high := p.src[p.pos]
	p.pos++
	if high == '\\' {
		r, isRune, _, err := p.escapedRune()
		if err != nil || !isRune {
			return nil, errPattern
		}
		high = r
	}
	if high < low {
		return nil, errPattern
	}
	return p.between(low, high), nil
}

func (p *javaParser) between(low, high rune) func(rune) bool {
	if !p.fold {
		return func(r rune) bool { return low <= r && r <= high }
	}
	return func(r rune) bool {
		l, u := unicode.ToLower(r), unicode.ToUpper(r)
		return low <= r && r <= high || low <= l && l <= high || low <= u && u <= high
	}
}

// escapedSet reads an escape outside a class.
func (p *javaParser) escapedSet() (func(rune) bool, error) {
	r, isRune, one, err := p.escapedRune()
	if err != nil || !isRune {
		return one, err
	}
	return p.between(r, r), nil
}

// escapedRune reads what follows a backslash: one character, or a set of them.
func (p *javaParser) escapedRune() (r rune, isRune bool, one func(rune) bool, err error) {
	if !p.more() {
		return 0, false, nil, errPattern
	}
	c := p.src[p.pos]
	p.pos++
	not := func(set func(rune) bool) func(rune) bool { return func(r rune) bool { return !set(r) } }
	switch c {
	case 'd':
		return 0, false, isDigit, nil
	case 'D':
		return 0, false, not(isDigit), nil
	case 'w':
		return 0, false, isWord, nil
	case 'W':
		return 0, false, not(isWord), nil
	case 's':
		return 0, false, isSpace, nil
	case 'S':
		return 0, false, not(isSpace), nil
	case 'h':
		return 0, false, isHorizontal, nil
	case 'H':
		return 0, false, not(isHorizontal), nil
	case 'v':
		return 0, false, isVertical, nil
	case 'V':
		return 0, false, not(isVertical), nil
	case 'p', 'P':
		set, err := p.property()
		if err == nil && c == 'P' {
			set = not(set)
		}
		return 0, false, set, err
	case 't':
		return '\t', true, nil, nil
	case 'n':
		return '\n', true, nil, nil
	case 'r':
		return '\r', true, nil, nil
	case 'f':
		return '\f', true, nil, nil
	case 'a':
		return '\a', true, nil, nil
	case 'e':
		return 0x1b, true, nil, nil
	case 'x':
		r, err := p.hex(2)
		return r, true, nil, err
	case 'u':
		r, err := p.hex(4)
		return r, true, nil, err
	}
	if isAlphanumeric(c) {
		return 0, false, nil, errPattern // Java keeps these for itself
	}
	return c, true, nil, nil
}

// hex reads so many hexadecimal digits, or any number of them in braces.
func (p *javaParser) hex(digits int) (rune, error) {
	from, to := p.pos, p.pos+digits
	if p.take("{") {
		from = p.pos
		for p.more() && p.src[p.pos] != '}' {
			p.pos++
		}
		to = p.pos
		p.pos++
	} else {
		p.pos = to
	}
	if p.pos > len(p.src) {
		return 0, errPattern
	}
	r, err := strconv.ParseUint(string(p.src[from:to]), 16, 21)
	if err != nil {
		return 0, errPattern
	}
	return rune(r), nil
}

// property reads the name of \p.
func (p *javaParser) property() (func(rune) bool, error) {
	if !p.more() {
		return nil, errPattern
	}
	name := string(p.src[p.pos])
	p.pos++
	if name == "{" {
		begin := p.pos
		for p.more() && p.src[p.pos] != '}' {
			p.pos++
		}
		name = string(p.src[begin:min(p.pos, len(p.src))])
		p.pos++
	}
	if p.pos > len(p.src) {
		return nil, errPattern
	}
	if set := posix(name); set != nil {
		return set, nil
	}
	name = strings.TrimPrefix(name, "Is")
	for _, tables := range []map[string]*unicode.RangeTable{unicode.Categories, unicode.Scripts, unicode.Properties} {
		if table, ok := tables[name]; ok {
			return func(r rune) bool { return unicode.Is(table, r) }, nil
		}
	}
	if name == "Alphabetic" {
		return unicode.IsLetter, nil
	}
	return nil, errPattern
}

// posix returns the classes of ASCII that Java names.
func posix(name string) func(rune) bool {
	within := func(low, high rune) func(rune) bool {
		return func(r rune) bool { return low <= r && r <= high }
	}
	switch name {
	case "Lower":
		return within('a', 'z')
	case "Upper":
		return within('A', 'Z')
	case "ASCII":
		return within(0, 0x7f)
	case "Alpha":
		return func(r rune) bool { return isAlphanumeric(r) && !isDigit(r) }
	case "Digit":
		return isDigit
	case "Alnum":
		return isAlphanumeric
	case "Punct":
		return func(r rune) bool { return '!' <= r && r <= '~' && !isAlphanumeric(r) }
	case "Graph":
		return within('!', '~')
	case "Print":
		return within(' ', '~')
	case "Blank":
		return func(r rune) bool { return r == ' ' || r == '\t' }
	case "Cntrl":
		return func(r rune) bool { return r < ' ' || r == 0x7f }
	case "XDigit":
		return func(r rune) bool { return isDigit(r) || 'a' <= r && r <= 'f' || 'A' <= r && r <= 'F' }
	case "Space":
		return isSpace
	}
	return nil
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }
func isWord(r rune) bool  { return isAlphanumeric(r) || r == '_' }
func isSpace(r rune) bool { return r == ' ' || '\t' <= r && r <= '\r' }

func isHorizontal(r rune) bool {
	return r == '\t' || r == 0xa0 || r == 0x180e || r == 0x202f || r == 0x205f || r == 0x3000 || unicode.Is(unicode.Zs, r)
}

func isVertical(r rune) bool {
	return '\n' <= r && r <= '\r' || r == 0x85 || r == 0x2028 || r == 0x2029
}

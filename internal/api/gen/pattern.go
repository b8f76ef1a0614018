package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
)

// maxRepeat is the highest count that RE2 takes in a repetition.
const maxRepeat = 1000

// translate turns a pattern of the models, written for java.util.regex, into
// one for RE2 that matches the same whole texts. AWS's services match whole
// texts: most of the patterns would let everything pass otherwise. What the
// models don't use (look-around, possessive quantifiers, class intersection)
// is refused rather than guessed at.
func translate(java string) (string, error) {
	t := translator{rest: java}
	if err := t.run(); err != nil {
		return "", fmt.Errorf("pattern %s: %w", java, err)
	}
	re2 := `\A(?:` + t.out.String() + `)\z`
	if _, err := regexp.Compile(re2); err != nil {
		return "", fmt.Errorf("pattern %s: %w", java, err)
	}
	return re2, nil
}

type translator struct {
	rest   string // what is still to read
	out    strings.Builder
	atom   int   // where in out the last atom begins, for a quantifier
	groups []int // where in out the open groups begin
}

func (t *translator) run() error {
	for t.rest != "" {
		c := t.rest[0]
		switch c {
		case '(':
			if strings.HasPrefix(t.rest, "(?") && !strings.HasPrefix(t.rest, "(?:") {
				return fmt.Errorf("group %q is not translated", t.rest[:3])
			}
			t.groups = append(t.groups, t.out.Len())
			t.take(1)
		case ')':
			if len(t.groups) == 0 {
				return fmt.Errorf("unopened group")
			}
			t.atom = t.groups[len(t.groups)-1]
			t.groups = t.groups[:len(t.groups)-1]
			t.take(1)
		case '[':
			t.atom = t.out.Len()
			if err := t.class(); err != nil {
				return err
			}
		case '{':
			if err := t.repeat(); err != nil {
				return err
			}
		case '\\':
			t.atom = t.out.Len()
			if err := t.escape(); err != nil {
				return err
			}
		case '.':
			// Java's dot stops at every line terminator, RE2's at \n only.
			t.atom = t.out.Len()
			t.out.WriteString(`[^\n\r\x{85}\x{2028}\x{2029}]`)
			t.rest = t.rest[1:]
		case '*', '+', '?':
			if len(t.rest) > 1 && t.rest[1] == '+' {
				return fmt.Errorf("possessive quantifiers are not translated")
			}
			t.take(1)
		default:
			t.atom = t.out.Len()
			t.take(1)
		}
	}
	return nil
}

// take copies n bytes.
func (t *translator) take(n int) {
	t.out.WriteString(t.rest[:n])
	t.rest = t.rest[n:]
}

// class copies a character class.
func (t *translator) class() error {
	t.take(1)
	if strings.HasPrefix(t.rest, "^") {
		t.take(1)
	}
	for first := true; ; first = false {
		switch {
		case t.rest == "":
			return fmt.Errorf("unclosed class")
		case t.rest[0] == ']' && !first:
			t.take(1)
			return nil
		case t.rest[0] == '[' || strings.HasPrefix(t.rest, "&&"):
			return fmt.Errorf("nested classes are not translated")
		case t.rest[0] == '\\':
			if err := t.escape(); err != nil {
				return err
			}
		default:
			t.take(1)
		}
	}
}

// escape copies an escape; \uXXXX, alone or as a surrogate pair, becomes the
// code point it means.
func (t *translator) escape() error {
	if len(t.rest) < 2 {
		return fmt.Errorf("unfinished escape")
	}
	switch c := t.rest[1]; {
	case c == 'u':
		r, err := codeUnit(t.rest)
		if err != nil {
			return err
		}
		n := 6
		if utf16.IsSurrogate(r) {
			low, err := codeUnit(t.rest[n:])
			if r = utf16.DecodeRune(r, low); err != nil || r == '\uFFFD' {
				return fmt.Errorf("half a surrogate pair")
			}
			n = 12
		}
		fmt.Fprintf(&t.out, `\x{%X}`, r)
		t.rest = t.rest[n:]
	case c == 'p' || c == 'P':
		end := strings.IndexByte(t.rest, '}')
		if end < 0 {
			return fmt.Errorf("unfinished property")
		}
		t.take(end + 1)
	case strings.IndexByte("dDwW", c) >= 0, strings.IndexByte(`\/.-+*?()[]{}|^$:=@_`, c) >= 0:
		t.take(2)
	default:
		return fmt.Errorf("escape %q is not translated", t.rest[:2])
	}
	return nil
}

// codeUnit reads \uXXXX.
func codeUnit(s string) (rune, error) {
	if len(s) < 6 || s[:2] != `\u` {
		return 0, fmt.Errorf("unfinished \\u escape")
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err
}

// repeat copies a counted repetition, splitting what RE2 would refuse:
// a{0,1023} becomes a{0,1000}a{0,23}, which matches the same texts.
func (t *translator) repeat() error {
	end := strings.IndexByte(t.rest, '}')
	if end < 0 {
		return fmt.Errorf("unclosed repetition")
	}
	if strings.HasPrefix(t.rest[end+1:], "+") {
		return fmt.Errorf("possessive quantifiers are not translated")
	}
	low, high, ranged := strings.Cut(t.rest[1:end], ",")
	least, err := strconv.Atoi(low)
	if err != nil {
		return err
	}
	most := least
	if ranged && high != "" {
		if most, err = strconv.Atoi(high); err != nil {
			return err
		}
	}
	if max(least, most) <= maxRepeat {
		t.take(end + 1)
		return nil
	}
	whole := t.out.String()
	atom := whole[t.atom:]
	t.out.Reset()
	t.out.WriteString(whole[:t.atom] + "(?:")
	for n := least; n > 0; n -= maxRepeat {
		fmt.Fprintf(&t.out, "%s{%d}", atom, min(n, maxRepeat))
	}
	for n := most - least; n > 0; n -= maxRepeat {
		fmt.Fprintf(&t.out, "%s{0,%d}", atom, min(n, maxRepeat))
	}
	if ranged && high == "" {
		t.out.WriteString(atom + "*")
	}
	t.out.WriteString(")")
	t.rest = t.rest[end+1:]
	return nil
}

package identity

import "strings"

// A pattern is a text of a policy in which * stands for any run of characters,
// ? for one, and ${…} for a value of the request. ${*}, ${?} and ${$} are the
// characters themselves.
//
// Within, the wildcards are the bytes anyRun and anyOne, which no policy may
// hold, so that what a variable brings in is never taken for a wildcard.
type pattern struct {
	text string
	// variables are the keys that stand in text between variableMark bytes.
	variables bool
}

const (
	anyRun       = '\x00'
	anyOne       = '\x01'
	variableMark = '\x02'

	reserved = "\x00\x01\x02"
)

// compile reads a pattern. wild says whether * and ? are wildcards here;
// variables, whether ${…} is read.
func compile(s string, wild, variables bool) pattern {
	var out strings.Builder
	p := pattern{}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '*' && wild:
			out.WriteByte(anyRun)
		case c == '?' && wild:
			out.WriteByte(anyOne)
		case c == '$' && variables && i+1 < len(s) && s[i+1] == '{':
			key, _, ok := strings.Cut(s[i+2:], "}")
			if !ok {
				out.WriteByte(c)
				continue
			}
			i += len("${") + len(key)
			if key == "*" || key == "?" || key == "$" {
				out.WriteString(key)
				continue
			}
			p.variables = true
			out.WriteByte(variableMark)
			out.WriteString(strings.ToLower(key))
			out.WriteByte(variableMark)
		default:
			out.WriteByte(c)
		}
	}
	p.text = out.String()
	return p
}

// expand puts the request's values in. It is false if one is missing or there
// are several: such a pattern matches nothing.
func (p pattern) expand(c Context) (string, bool) {
	if !p.variables {
		return p.text, true
	}
	parts := strings.Split(p.text, string(variableMark))
	for i := 1; i < len(parts); i += 2 { // every second part is a key
		key, fallback, hasFallback := strings.Cut(parts[i], ",")
		switch values := c[strings.TrimSpace(key)]; {
		case len(values) == 1:
			parts[i] = values[0]
		case len(values) == 0 && hasFallback:
			parts[i] = strings.Trim(strings.TrimSpace(fallback), "'")
		default:
			return "", false
		}
	}
	return strings.Join(parts, ""), true
}

// matches reports whether text is what p stands for in a request.
func (p pattern) matches(text string, c Context) bool {
	expanded, ok := p.expand(c)
	return ok && glob(expanded, text)
}

// glob matches text against an expanded pattern. It goes back only to the last
// run, so it takes at most len(pattern)·len(text) steps.
func glob(pattern, text string) bool {
	p, t := 0, 0
	run, resume := -1, 0 // where the last run stands, and where text went on after it
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == anyRun:
			run, resume = p, t
			p++
		case p < len(pattern) && (pattern[p] == anyOne || pattern[p] == text[t]):
			p++
			t++
		case run >= 0:
			resume++
			p, t = run+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == anyRun {
		p++
	}
	return p == len(pattern)
}

package template

import (
	"regexp"
	"strings"
)

// pattern is an AllowedPattern: a regular expression of Java's that must
// match all of a value. Most run on RE2, in linear time; what RE2 lacks
// (look-around, possessive counts, back-references, class intersection) runs
// on a matcher that backtracks within a bound.
type pattern struct {
	linear *regexp.Regexp
	java   *java
}

func compilePattern(source string) (*pattern, *Error) {
	// Java reads a bracket or two ampersands within a class as class
	// arithmetic, where RE2 reads POSIX names and characters.
	if !strings.Contains(source, "[[") && !strings.Contains(source, "&&") {
		if re, err := regexp.Compile(`^(?:` + source + `)$`); err == nil {
			return &pattern{linear: re}, nil
		}
	}
	j, err := compileJava(source)
	if err != nil {
		return nil, fault("Template format error: AllowedPattern '%s' is not a valid regular expression", source)
	}
	return &pattern{java: j}, nil
}

func (p *pattern) matches(s string) bool {
	if p.linear != nil {
		return p.linear.MatchString(s)
	}
	return p.java.matches(s)
}

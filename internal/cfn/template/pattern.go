package template

import "regexp"

// pattern is an AllowedPattern.
type pattern struct{ re *regexp.Regexp }

func compilePattern(source string) (*pattern, *Error) {
	re, err := regexp.Compile(`^(?:` + source + `)$`)
	if err != nil {
		return nil, fault("Template format error: AllowedPattern '%s' is not a valid regular expression", source)
	}
	return &pattern{re}, nil
}

func (p *pattern) matches(s string) bool { return p.re.MatchString(s) }

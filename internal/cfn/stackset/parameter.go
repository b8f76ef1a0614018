package stackset

import (
	"slices"
	"strings"

	"larder/internal/cfn/schema"
	"larder/internal/cfn/stack"
	"larder/internal/cfn/template"
)

// bind settles the values of a set's parameters: the given ones, and the kept
// ones of before. As on AWS only their names are judged here; a value that the
// template refuses fails each instance.
func (s *Sets) bind(set *Set, t *template.Template, given []Given, before []Parameter) ([]Parameter, error) {
	if err := known(t, given, "Parameters"); err != nil {
		return nil, err
	}
	var bound []Parameter
	var missing []string
	for i := range t.Parameters {
		p := t.Parameters[i]
		at := slices.IndexFunc(given, func(g Given) bool { return g.Key == p.Name })
		switch {
		case at >= 0 && given[at].Previous:
			was := slices.IndexFunc(before, func(b Parameter) bool { return b.Key == p.Name })
			if was >= 0 {
				bound = append(bound, before[was])
			} else if p.Default == nil {
				missing = append(missing, p.Name)
			}
		case at >= 0:
			bound = append(bound, s.parameter(set.ID, given[at], p.NoEcho))
		case p.Default == nil:
			missing = append(missing, p.Name)
		}
	}
	if missing != nil {
		return nil, invalid("Parameters: [%s] must have values", strings.Join(missing, ", "))
	}
	return bound, nil
}

// override settles what an instance has instead of the set's values: the
// given ones, and those kept of before.
func (s *Sets) override(set *Set, t *template.Template, given []Given, before []Parameter) ([]Parameter, error) {
	if err := known(t, given, "Parameter overrides"); err != nil {
		return nil, err
	}
	var overrides []Parameter
	for _, g := range given {
		if !g.Previous {
			overrides = append(overrides, s.parameter(set.ID, g, t.Parameter(g.Key).NoEcho))
			continue
		}
		if was := slices.IndexFunc(before, func(b Parameter) bool { return b.Key == g.Key }); was >= 0 {
			overrides = append(overrides, before[was])
		}
	}
	return overrides, nil
}

func known(t *template.Template, given []Given, what string) error {
	var foreign []string
	seen := map[string]bool{}
	for _, g := range given {
		if seen[g.Key] {
			return invalid("Duplicate parameter key: %s", g.Key)
		}
		seen[g.Key] = true
		if t.Parameter(g.Key) == nil {
			foreign = append(foreign, g.Key)
		}
	}
	if foreign != nil {
		slices.Sort(foreign)
		return invalid("%s: [%s] do not exist in the template", what, strings.Join(foreign, ", "))
	}
	return nil
}

func (s *Sets) parameter(set string, g Given, secret bool) Parameter {
	if !secret {
		return Parameter{Key: g.Key, Value: g.Value}
	}
	return Parameter{Key: g.Key, Value: schema.Mask, NoEcho: true, Sealed: s.keys.Seal([]byte(g.Value), parameterOf(set, g.Key))}
}

// values are what the stack of an instance is given: the set's values, and
// the instance's own instead. A parameter that the template has lost since is
// left out.
func (s *Sets) values(set *Set, t *template.Template, overrides []Parameter) ([]stack.Given, error) {
	var given []stack.Given
	for _, p := range t.Parameters {
		named := func(b Parameter) bool { return b.Key == p.Name }
		from, at := overrides, slices.IndexFunc(overrides, named)
		if at < 0 {
			from, at = set.Parameters, slices.IndexFunc(set.Parameters, named)
		}
		if at < 0 {
			continue
		}
		value := from[at].Value
		if from[at].NoEcho {
			plain, err := s.keys.Open(from[at].Sealed, parameterOf(set.ID, p.Name))
			if err != nil {
				return nil, err
			}
			value = string(plain)
		}
		given = append(given, stack.Given{Key: p.Name, Value: value})
	}
	return given, nil
}

// parameterOf is what a secret value of a set is sealed for.
func parameterOf(set, key string) string { return "stack set " + set + " parameter " + key }

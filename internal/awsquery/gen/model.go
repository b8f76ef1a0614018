package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A model is what botocore's service-2.json says of a service, as far as the
// query protocol needs it.
type model struct {
	Metadata struct {
		APIVersion   string `json:"apiVersion"`
		XMLNamespace string `json:"xmlNamespace"`
	} `json:"metadata"`
	Operations map[string]*operation `json:"operations"`
	Shapes     map[string]*shape     `json:"shapes"`
}

type operation struct {
	Input  *reference   `json:"input"`
	Output *reference   `json:"output"`
	Errors []*reference `json:"errors"`
}

type reference struct {
	Shape string `json:"shape"`
}

type shape struct {
	Type      string                `json:"type"`
	Members   map[string]*reference `json:"members"`
	Required  []string              `json:"required"`
	Member    *reference            `json:"member"`
	Key       *reference            `json:"key"`
	Value     *reference            `json:"value"`
	Enum      []string              `json:"enum"`
	Min       *int                  `json:"min"`
	Max       *int                  `json:"max"`
	Pattern   string                `json:"pattern"`
	Sensitive bool                  `json:"sensitive"`
	Exception bool                  `json:"exception"`
	Error     struct {
		Code   string `json:"code"`
		Status int    `json:"httpStatusCode"`
	} `json:"error"`
}

func readModel(dir, file string) (*model, error) {
	data, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return nil, err
	}
	m := new(model)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

// amend adds to the model what AWS answers although the model does not say
// it: see [amendments].
func (m *model) amend(shapes []amendment) error {
	for i, a := range shapes {
		in := m.Shapes[a.input]
		if in == nil || in.Members[a.member] == nil {
			return fmt.Errorf("amendment of %s.%s: no such member", a.input, a.member)
		}
		s := *m.Shapes[in.Members[a.member].Shape]
		if a.max > 0 {
			s.Max = &a.max
		}
		if a.min > 0 {
			s.Min = &a.min
		}
		if a.pattern != "" {
			s.Pattern = a.pattern
		}
		name := fmt.Sprintf("amended%d", i)
		m.Shapes[name] = &s
		in.Members[a.member] = &reference{name}
	}
	return nil
}

// reach marks every shape that roots lead to.
func (m *model) reach(roots []string) map[string]bool {
	seen := map[string]bool{}
	for todo := slices.Clone(roots); len(todo) > 0; {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[name] {
			continue
		}
		seen[name] = true
		s := m.Shapes[name]
		for _, r := range s.Members {
			todo = append(todo, r.Shape)
		}
		for _, r := range []*reference{s.Member, s.Key, s.Value} {
			if r != nil {
				todo = append(todo, r.Shape)
			}
		}
	}
	return seen
}

// camel turns an enum value into the end of a Go name.
func camel(value string) string {
	var b strings.Builder
	up := true
	for _, c := range value {
		switch {
		case c == '_' || c == '-' || c == ':' || c == '.' || c == ' ':
			up = true
		case up:
			b.WriteString(strings.ToUpper(string(c)))
			up = false
		default:
			if value == strings.ToUpper(value) {
				c = []rune(strings.ToLower(string(c)))[0]
			}
			b.WriteRune(c)
		}
	}
	return b.String()
}

package catalog

import (
	"slices"
	"strings"

	"larder/internal/api"
)

// choices are the tag options of a launch: those of portfolio and product
// together. A key on both offers the values on both; if there are none, the
// two contradict each other and the key offers nothing. Inactive options do
// not count.
func choices(portfolio, product []api.TagOptionDetail) []TagChoice {
	a, b := valuesByKey(portfolio), valuesByKey(product)
	var out []TagChoice
	for key, values := range a {
		if others, both := b[key]; both {
			values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !slices.Contains(others, v) })
		}
		out = append(out, TagChoice{Key: key, Values: values})
	}
	for key, values := range b {
		if _, both := a[key]; !both {
			out = append(out, TagChoice{Key: key, Values: values})
		}
	}
	slices.SortFunc(out, func(x, y TagChoice) int { return strings.Compare(x.Key, y.Key) })
	return out
}

func valuesByKey(options []api.TagOptionDetail) map[string][]string {
	values := map[string][]string{}
	for _, o := range options {
		if o.Active && !slices.Contains(values[o.Key], o.Value) {
			values[o.Key] = append(values[o.Key], o.Value)
		}
	}
	return values
}

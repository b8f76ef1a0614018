package schema

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// scalar returns the text of a string, number or boolean.
func scalar(v Value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case Secret:
		return v.Reveal(), true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// isWhole reports whether the text of a scalar serves as an integer. 80.0
// does: JSON knows no other numbers.
func isWhole(s string) bool {
	if _, err := strconv.ParseInt(s, 10, 64); err == nil {
		return true
	}
	f, ok := number(s)
	return ok && f == math.Trunc(f)
}

// number parses the text of a scalar as JSON and YAML write numbers; names
// and the bases of Go are not among them.
func number(s string) (float64, bool) {
	if s == "" || len(s) > 400 || strings.Trim(s, "+-.0123456789eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// isTruth reports whether the text of a scalar serves as a boolean. AWS reads
// those that YAML 1.1 documents and other tools quote.
func isTruth(s string) bool { return strings.EqualFold(s, "true") || strings.EqualFold(s, "false") }

// equal compares as CloudFormation does, to whom 80 and "80" are the same.
func equal(a, b Value) bool {
	if x, ok := scalar(a); ok {
		y, ok := scalar(b)
		return ok && x == y
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			w, ok := b[k]
			if !ok || !equal(v, w) {
				return false
			}
		}
		return true
	}
	return false
}

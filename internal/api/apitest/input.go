// Package apitest serves tests that call the API: it knows inputs.
package apitest

import (
	"reflect"
	"regexp"
	"strconv"
	"testing"

	"larder/internal/api"
)

// texts are tried for required texts.
var texts = []string{"x", "port-abcdefghijklm", "123456789012", "AKIAIOSFODNN7EXAMPLE", "servicecatalog:ListPortfolios", "r-abcd", "arn:aws:iam::123456789012:user/x"}

var (
	violations = regexp.MustCompile(`^ValidationException: (\d+) validation error`)
	enum       = regexp.MustCompile(`Member must satisfy enum value set: \[([^,\]]+)`)
)

// Input returns an input of op that is valid and holds little more than what
// is required. What it names need not exist.
func Input(t testing.TB, op api.Op) any {
	t.Helper()
	in := api.NewInput(op)
	fill(op, in, reflect.ValueOf(in).Elem())
	if err := api.Validate(op, in); err != nil {
		t.Fatalf("no valid input of %s was found: %v", op, err)
	}
	return in
}

// faults is how much is wrong with an input.
func faults(op api.Op, in any) int {
	err := api.Validate(op, in)
	if err == nil {
		return 0
	}
	n := 1
	if m := violations.FindStringSubmatch(err.Error()); m != nil {
		n, _ = strconv.Atoi(m[1]) // the pattern's digits
	}
	return n
}

// fill gives the members of v, which is a part of in, the first values that
// make the input less wrong.
func fill(op api.Op, in any, v reflect.Value) {
	for i := range v.NumField() {
		if faults(op, in) == 0 {
			return
		}
		m := v.Field(i)
		switch m.Kind() {
		case reflect.String:
			fillText(op, in, m)
		case reflect.Slice:
			before := faults(op, in)
			m.Set(reflect.MakeSlice(m.Type(), 1, 1))
			element := m.Index(0)
			switch element.Kind() {
			case reflect.Struct:
				fill(op, in, element)
			case reflect.String:
				fillText(op, in, element)
			}
			if faults(op, in) >= before {
				m.SetZero()
			}
		case reflect.Map:
			if m.Type().Elem().Kind() != reflect.String {
				continue
			}
			fillMap(op, in, m)
		case reflect.Pointer:
			if m.Type().Elem().Kind() != reflect.Struct {
				continue
			}
			before := faults(op, in)
			m.Set(reflect.New(m.Type().Elem()))
			fill(op, in, m.Elem())
			if faults(op, in) >= before {
				m.SetZero()
			}
		}
	}
}

// fillMap takes the smallest map that makes the input less wrong. Keys that
// are none tell which are.
func fillMap(op api.Op, in any, m reflect.Value) {
	before := faults(op, in)
	take := func(keys ...string) bool {
		m.Set(reflect.MakeMap(m.Type()))
		for _, key := range keys {
			m.SetMapIndex(reflect.ValueOf(key).Convert(m.Type().Key()), reflect.ValueOf("1").Convert(m.Type().Elem()))
		}
		return faults(op, in) < before
	}
	if take() || take("x") {
		return
	}
	for _, values := range enums(op, in) {
		if take(values) {
			return
		}
	}
	m.SetZero()
}

// enums are the first values of the enums that an input breaks.
func enums(op api.Op, in any) (first []string) {
	if err := api.Validate(op, in); err != nil {
		for _, values := range enum.FindAllStringSubmatch(err.Error(), -1) {
			first = append(first, values[1])
		}
	}
	return first
}

func fillText(op api.Op, in any, m reflect.Value) {
	least, best := faults(op, in), m.String()
	try := func(text string) {
		m.SetString(text)
		if n := faults(op, in); n < least {
			least, best = n, text
		}
	}
	for _, text := range texts {
		try(text)
	}
	for _, value := range enums(op, in) {
		try(value)
	}
	m.SetString(best)
}

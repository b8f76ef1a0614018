package api

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxViolations bounds how many violations one message lists; a body of
	// a megabyte can hold a hundred thousand.
	maxViolations = 100
	// maxShown bounds in bytes how much of a value a message shows.
	maxShown = 16 << 10
)

// unbounded is the upper bound of what has none.
const unbounded = math.MaxInt

// A rule holds the constraints of a shape. The bounds are of the length of a
// text, a list or a map, or of the value of a number. Lengths of texts count
// Unicode code points, as the Smithy specification that AWS's models follow
// defines the trait.
type rule struct {
	min, max int
	pattern  *pattern
	enum     []string
}

// breaks lists the constraints that text breaks, as AWS words them, in the
// order in which AWS lists them.
func (r *rule) breaks(text string) []string {
	var broken []string
	if len(text) > r.max && utf8.RuneCountInString(text) > r.max {
		broken = append(broken, longer(r.max))
	}
	if r.min > 0 && utf8.RuneCountInString(text) < r.min {
		broken = append(broken, shorter(r.min))
	}
	if r.pattern != nil && !r.pattern.match(text) {
		broken = append(broken, r.pattern.sentence())
	}
	if r.enum != nil && !slices.Contains(r.enum, text) {
		broken = append(broken, r.enumSentence())
	}
	return broken
}

// sentences lists all constraints, as AWS does where an element of a list, a
// key or a value of a map breaks one of them.
func (r *rule) sentences() string {
	var all []string
	if r.max != unbounded {
		all = append(all, longer(r.max))
	}
	if r.min > 0 {
		all = append(all, shorter(r.min))
	}
	if r.pattern != nil {
		all = append(all, r.pattern.sentence())
	}
	if r.enum != nil {
		all = append(all, r.enumSentence())
	}
	return strings.Join(all, ", ")
}

func (r *rule) enumSentence() string {
	return "Member must satisfy enum value set: [" + strings.Join(r.enum, ", ") + "]"
}

func longer(bound int) string {
	return "Member must have length less than or equal to " + strconv.Itoa(bound)
}

func shorter(bound int) string {
	return "Member must have length greater than or equal to " + strconv.Itoa(bound)
}

// violations collects what is wrong with an input. The generated check methods
// lead it through the input.
type violations struct {
	places []place
	found  []string
	absent []string // paths of required members that the decoder missed
}

func (v *violations) push()              { v.places = append(v.places, place{}) }
func (v *violations) pop()               { v.places = v.places[:len(v.places)-1] }
func (v *violations) member(name string) { v.places[len(v.places)-1].name = name }
func (v *violations) full() bool         { return len(v.found) == maxViolations }

// element goes to the element with the index, false if there is no use.
func (v *violations) element(i int) bool {
	v.places[len(v.places)-1] = place{kind: inList, index: i + 1}
	return !v.full()
}

// entry goes to the map's entry with the key, false if there is no use.
func (v *violations) entry(key string) bool {
	v.places[len(v.places)-1] = place{kind: inMap, name: key}
	return !v.full()
}

func (v *violations) add(value any, sentence string) {
	if v.full() {
		return
	}
	v.found = append(v.found, fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: %s",
		clip(show(reflect.ValueOf(value))), pathOf(v.places), sentence))
}

// present notes a required member that is absent: one without a value, or one
// that the decoder missed.
func (v *violations) present(has bool) bool {
	if has && (v.absent == nil || !slices.Contains(v.absent, pathOf(v.places))) {
		return true
	}
	if !v.full() {
		v.found = append(v.found, "Value null at '"+pathOf(v.places)+"' failed to satisfy constraint: Member must not be null")
	}
	return false
}

func checkText[S ~string](v *violations, text S, r *rule) {
	for _, sentence := range r.breaks(string(text)) {
		v.add(text, sentence)
	}
}

func checkNumber[N int | int64](v *violations, n N, r *rule) {
	if int64(n) > int64(r.max) {
		v.add(n, "Member must have value less than or equal to "+strconv.Itoa(r.max))
	}
	if int64(n) < int64(r.min) {
		v.add(n, "Member must have value greater than or equal to "+strconv.Itoa(r.min))
	}
}

// checkSize checks how many elements a list or map has.
func checkSize(v *violations, size int, r *rule, all func() any) {
	if size > r.max {
		v.add(all(), longer(r.max))
	}
	if size < r.min {
		v.add(all(), shorter(r.min))
	}
}

func checkList[T any](v *violations, list []T, r *rule) {
	checkSize(v, len(list), r, func() any { return list })
}

// checkTexts checks a list's texts, which AWS reports in one with the list.
func checkTexts[S ~string](v *violations, list []S, r *rule) {
	broken := func(text S) bool { return r.breaks(string(text)) != nil }
	if slices.ContainsFunc(list, broken) {
		v.add(list, "Member must satisfy constraint: ["+r.sentences()+"]")
	}
}

func checkMap[K cmp.Ordered, V any](v *violations, m map[K]V, r *rule) {
	checkSize(v, len(m), r, func() any { return m })
}

func checkKeys[K ~string, V any](v *violations, m map[K]V, r *rule) {
	for key := range m {
		if r.breaks(string(key)) != nil {
			v.add(m, "Map keys must satisfy constraint: ["+r.sentences()+"]")
			return
		}
	}
}

func checkValues[K comparable, S ~string](v *violations, m map[K]S, r *rule) {
	for _, value := range m {
		if r.breaks(string(value)) != nil {
			v.add(m, "Map value must satisfy constraint: ["+r.sentences()+"]")
			return
		}
	}
}

// keys answers a map's keys in order, so that messages and bodies are the same
// every time.
func keys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// show renders a value as Java's toString does, in which AWS's messages speak:
// [a, b], {k=v}.
func show(value reflect.Value) string {
	switch value.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if value.IsNil() {
			return "null"
		}
	}
	switch value.Kind() {
	case reflect.Pointer:
		return show(value.Elem())
	case reflect.Slice:
		parts := make([]string, value.Len())
		for i := range parts {
			parts[i] = show(value.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		parts := make([]string, 0, value.Len())
		for entry := value.MapRange(); entry.Next(); {
			parts = append(parts, show(entry.Key())+"="+show(entry.Value()))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	case reflect.Struct:
		if at, ok := value.Interface().(time.Time); ok {
			return at.Format(time.RFC3339Nano)
		}
		parts := make([]string, value.NumField())
		for i := range parts {
			parts[i] = value.Type().Field(i).Name + "=" + show(value.Field(i))
		}
		return value.Type().Name() + "(" + strings.Join(parts, ", ") + ")"
	}
	return fmt.Sprint(value.Interface())
}

// err is the ValidationException that lists the violations, nil without any.
func (v *violations) err() error {
	switch len(v.found) {
	case 0:
		return nil
	case 1:
		return InvalidInput("1 validation error detected: %s", v.found[0])
	}
	return InvalidInput("%d validation errors detected: %s", len(v.found), strings.Join(v.found, "; "))
}

// Validate checks in, which must be a pointer to op's input, against the
// constraints of the model: required members, lengths, patterns, enums and
// ranges. What it finds is one ValidationException in AWS's words. Whether a
// required text was given as "" or not at all only [DecodeInput] can tell, so
// a caller that builds its input in Go hears of "" what the constraints say.
func Validate(op Op, in any) error {
	if !op.known() {
		return unknownOperation(op)
	}
	return operations[op].check(in, nil)
}

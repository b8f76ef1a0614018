package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"larder/internal/api"
)

// A printer prints what operations answer: lists as tables, all else as names
// and values; or as the JSON of the wire.
type printer struct {
	w    io.Writer
	json bool
}

func (p printer) print(op api.Op, out any) error {
	if p.json {
		var text bytes.Buffer
		if err := json.Indent(&text, api.AppendOutput(nil, op, out), "", "    "); err != nil {
			return err
		}
		_, err := fmt.Fprintln(p.w, text.String())
		return err
	}
	var text bytes.Buffer
	for _, list := range members(&text, reflect.ValueOf(out)) {
		if text.Len() > 0 {
			text.WriteByte('\n')
		}
		table(&text, list)
	}
	_, err := text.WriteTo(p.w)
	return err
}

// aligned gives what fn writes columns.
func aligned(text *bytes.Buffer, fn func(w io.Writer)) {
	w := tabwriter.NewWriter(text, 0, 8, 2, ' ', 0)
	fn(w)
	_ = w.Flush() // a buffer takes everything
}

// members prints a structure's values and returns the lists in it.
func members(text *bytes.Buffer, v reflect.Value) (lists []reflect.Value) {
	aligned(text, func(w io.Writer) { lists = memberLines(w, reflect.Indirect(v)) })
	return lists
}

func memberLines(w io.Writer, v reflect.Value) (lists []reflect.Value) {
	for _, i := range columns(v.Type()) {
		name, m := v.Type().Field(i).Name, reflect.Indirect(v.Field(i))
		switch {
		case !m.IsValid() || m.Kind() != reflect.Bool && m.IsZero() || m.Kind() == reflect.Slice && m.Len() == 0:
		case m.Kind() == reflect.Struct && m.Type() != reflect.TypeFor[time.Time]():
			lists = append(lists, memberLines(w, m)...)
		case m.Kind() == reflect.Slice && m.Type().Elem().Kind() == reflect.Struct:
			lists = append(lists, m)
		default:
			fmt.Fprintf(w, "%s\t%s\n", name, cell(m))
		}
	}
	return lists
}

// table prints a list of structures, without the columns that are empty and
// the documents, which are too long for a line.
func table(text *bytes.Buffer, list reflect.Value) {
	element := list.Type().Elem()
	shown := slices.DeleteFunc(columns(element), func(i int) bool {
		if strings.HasSuffix(element.Field(i).Name, "Document") {
			return true
		}
		for row := range list.Len() {
			if !list.Index(row).Field(i).IsZero() {
				return false
			}
		}
		return true
	})
	aligned(text, func(w io.Writer) {
		line := make([]string, len(shown))
		for at, i := range shown {
			line[at] = strings.ToUpper(element.Field(i).Name)
		}
		fmt.Fprintln(w, strings.Join(line, "\t"))
		for row := range list.Len() {
			for at, i := range shown {
				line[at] = cell(list.Index(row).Field(i))
			}
			fmt.Fprintln(w, strings.Join(line, "\t"))
		}
	})
}

// columns orders members: what an answer is about comes first, then what it is
// called, its id and its state.
func columns(t reflect.Type) []int {
	rank := func(i int) int {
		name := t.Field(i).Name
		if strings.HasSuffix(name, "Detail") {
			return -1
		}
		for r, suffix := range []string{"Name", "Id", "State"} {
			if strings.HasSuffix(name, suffix) && !strings.HasPrefix(name, "Parent") {
				return r
			}
		}
		return 3
	}
	all := make([]int, t.NumField())
	for i := range all {
		all[i] = i
	}
	slices.SortStableFunc(all, func(a, b int) int { return rank(a) - rank(b) })
	return all
}

// cell is a value in one line.
func cell(v reflect.Value) string {
	v = reflect.Indirect(v)
	if !v.IsValid() {
		return ""
	}
	switch x := v.Interface().(type) {
	case time.Time:
		if x.IsZero() {
			return ""
		}
		return x.UTC().Format(time.RFC3339)
	case bool:
		if x {
			return "yes"
		}
		return "no"
	}
	switch v.Kind() {
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = cell(v.Index(i))
		}
		return strings.Join(parts, ", ")
	case reflect.Struct:
		var parts []string
		for _, i := range columns(v.Type()) {
			if text := cell(v.Field(i)); text != "" {
				parts = append(parts, text)
			}
		}
		return strings.Join(parts, " ")
	}
	return printable(fmt.Sprint(v.Interface()))
}

// printable keeps what others wrote from steering a terminal or breaking a
// table's lines.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return ' '
		}
		return c
	}, s)
}

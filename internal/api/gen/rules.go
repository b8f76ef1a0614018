package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// writeRules writes the constraints of the shapes reachable from an input, and
// the check methods that lead through them.
func writeRules(w *writer, a *api) error {
	patterns, err := a.writePatterns(w)
	if err != nil {
		return err
	}
	w.line("var (")
	for _, name := range a.names {
		if s := a.shapes[name]; s.input && s.Type != "structure" && s.constrained() {
			w.line("rule%s = rule{%s}", name, s.ruleFields(patterns))
		}
	}
	w.line(")\n")
	for _, name := range a.names {
		s := a.shapes[name]
		if !s.input {
			continue
		}
		switch s.Type {
		case "structure":
			a.writeCheck(w, s)
		case "list":
			a.writeListCheck(w, s)
		case "map":
			a.writeMapCheck(w, s)
		}
	}
	return nil
}

// writePatterns writes each pattern once and answers the names they got.
func (a *api) writePatterns(w *writer) (map[string]string, error) {
	names := map[string]string{}
	w.line("var (")
	for _, name := range a.names {
		s := a.shapes[name]
		if s.Pattern == "" || !s.input || names[s.Pattern] != "" {
			continue
		}
		re2, err := translate(s.Pattern)
		if err != nil {
			return nil, fmt.Errorf("shape %s: %w", name, err)
		}
		names[s.Pattern] = "pattern" + name
		w.line("pattern%s = newPattern(%s, %s)", name, quote(s.Pattern), quote(re2))
	}
	w.line(")\n")
	return names, nil
}

// quote prefers the form that needs no escapes.
func quote(s string) string {
	if strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// constrained reports whether a value of s itself can break a rule.
func (s *shape) constrained() bool {
	return s.Min != nil || s.Max != nil || s.Pattern != "" || s.Enum != nil
}

func (s *shape) ruleFields(patterns map[string]string) string {
	var fields []string
	switch {
	case s.Min != nil:
		fields = append(fields, "min: "+strconv.Itoa(*s.Min))
	case s.Type == "integer" || s.Type == "long":
		fields = append(fields, "min: "+strconv.Itoa(math.MinInt))
	}
	if s.Max != nil {
		fields = append(fields, "max: "+strconv.Itoa(*s.Max))
	} else {
		fields = append(fields, "max: unbounded")
	}
	if s.Pattern != "" {
		fields = append(fields, "pattern: "+patterns[s.Pattern])
	}
	if s.Enum != nil {
		values := make([]string, len(s.Enum))
		for i, value := range s.Enum {
			values[i] = strconv.Quote(value)
		}
		fields = append(fields, "enum: []string{"+strings.Join(values, ", ")+"}")
	}
	return strings.Join(fields, ", ")
}

func (a *api) writeCheck(w *writer, s *shape) {
	w.line("func (x *%s) check(v *violations) {", s.name)
	defer w.line("}\n")
	if !s.checked {
		return
	}
	w.line("v.push()")
	for _, m := range s.Members {
		if target := a.shapes[m.Shape]; target.checked || m.required {
			a.writeMemberCheck(w, s, m)
		}
	}
	w.line("v.pop()")
}

func (a *api) writeMemberCheck(w *writer, s *shape, m *member) {
	field := "x." + m.name
	kind := a.shapes[m.Shape].Type
	collection := kind == "list" || kind == "map"
	value, condition := field, ""
	switch {
	case m.required && collection:
		condition = fmt.Sprintf("v.present(%s != nil)", field)
	case m.required:
		condition = "v.present(true)"
	case a.presenceOf(s, m) == notNil:
		condition = field + " != nil"
		if !collection && kind != "structure" {
			value = "*" + field
		}
	}
	check := a.checkCall(m.Shape, value)
	switch {
	case check == "":
		w.line("v.member(%q)", m.name)
		w.line("%s", condition)
	case m.required:
		w.line("v.member(%q)", m.name)
		w.line("if %s {", condition)
		w.line("%s", check)
		w.line("}")
	default:
		w.line("if %s {", condition)
		w.line("v.member(%q)", m.name)
		w.line("%s", check)
		w.line("}")
	}
}

// checkCall is the statement that checks value, of the shape, "" if nothing
// can be wrong with it.
func (a *api) checkCall(name, value string) string {
	s := a.shapes[name]
	if !s.checked {
		return ""
	}
	switch s.Type {
	case "structure":
		return value + ".check(v)"
	case "list", "map":
		return fmt.Sprintf("check%s(v, %s)", name, value)
	case "integer", "long":
		return fmt.Sprintf("checkNumber(v, %s, &rule%s)", value, name)
	}
	return fmt.Sprintf("checkText(v, %s, &rule%s)", value, name)
}

func (a *api) writeListCheck(w *writer, s *shape) {
	if !s.checked {
		return
	}
	w.line("func check%s(v *violations, list %s) {", s.name, a.goType(s.name))
	if s.constrained() {
		w.line("checkList(v, list, &rule%s)", s.name)
	}
	switch member := a.shapes[s.Member.Shape]; {
	case !member.checked:
	case member.Type == "string":
		w.line("checkTexts(v, list, &rule%s)", member.name)
	default:
		w.line("v.push()")
		w.line("for i := range list {")
		w.line("if !v.element(i) {")
		w.line("break")
		w.line("}")
		w.line("%s", a.checkCall(member.name, "list[i]"))
		w.line("}")
		w.line("v.pop()")
	}
	w.line("}\n")
}

func (a *api) writeMapCheck(w *writer, s *shape) {
	if !s.checked {
		return
	}
	w.line("func check%s(v *violations, m %s) {", s.name, a.goType(s.name))
	if s.constrained() {
		w.line("checkMap(v, m, &rule%s)", s.name)
	}
	if key := a.shapes[s.Key.Shape]; key.checked {
		w.line("checkKeys(v, m, &rule%s)", key.name)
	}
	switch value := a.shapes[s.Value.Shape]; {
	case !value.checked:
	case value.Type == "string":
		w.line("checkValues(v, m, &rule%s)", value.name)
	default:
		w.line("v.push()")
		w.line("for _, key := range keys(m) {")
		w.line("if !v.entry(string(key)) {")
		w.line("break")
		w.line("}")
		w.line("value := m[key]")
		w.line("%s", a.checkCall(value.name, "value"))
		w.line("}")
		w.line("v.pop()")
	}
	w.line("}\n")
}

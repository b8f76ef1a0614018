package main

import "fmt"

// writeCodec writes how structures, lists and maps are read from and written
// as AWS JSON 1.1.
func writeCodec(w *writer, a *api) error {
	for _, name := range a.names {
		s := a.shapes[name]
		if !s.input && !s.output {
			continue
		}
		switch s.Type {
		case "structure":
			a.writeStructure(w, s)
		case "list":
			a.writeList(w, s)
		case "map":
			a.writeMap(w, s)
		}
	}
	return nil
}

func (a *api) writeStructure(w *writer, s *shape) {
	w.line("func (x *%s) decode(d *decoder) {", s.name)
	if len(s.Members) > 0 {
		w.line("var seen seen")
	}
	w.line("for d.structure(); d.next(); {")
	if len(s.Members) > 0 {
		w.line("switch d.name {")
		for i, m := range s.Members {
			w.line("case %q:", m.name)
			w.line("d.once(&seen, %d)", i)
			a.writeRead(w, s, m)
		}
		w.line("default:")
		w.line("d.skip()")
		w.line("}")
	} else {
		w.line("d.skip()")
	}
	w.line("}")
	if s.input {
		for i, m := range s.Members {
			if m.required {
				w.line("d.require(seen, %d, %q)", i, m.name)
			}
		}
	}
	w.line("}\n")

	w.line("func (x *%s) encode(dst []byte) []byte {", s.name)
	w.line("start := len(dst)")
	for _, m := range s.Members {
		a.writeAppend(w, s, m)
	}
	w.line("return closeObject(dst, start)")
	w.line("}\n")
}

// writeRead writes how member m of s is read.
func (a *api) writeRead(w *writer, s *shape, m *member) {
	structure := a.shapes[m.Shape].Type == "structure"
	switch pointer := a.pointer(s, m); {
	case structure && pointer:
		w.line("x.%s = new(%s)", m.name, m.Shape)
		w.line("x.%s.decode(d)", m.name)
	case structure:
		w.line("x.%s.decode(d)", m.name)
	case pointer:
		w.line("x.%s = new(%s)", m.name, a.readExpr(m.Shape))
	default:
		w.line("x.%s = %s", m.name, a.readExpr(m.Shape))
	}
}

// readExpr is the expression that reads a value of the shape, which is no
// structure.
func (a *api) readExpr(name string) string {
	s := a.shapes[name]
	switch s.Type {
	case "list", "map":
		return fmt.Sprintf("decode%s(d)", name)
	case "string":
		if s.Enum != nil {
			return name + "(d.str())"
		}
		return "d.str()"
	}
	return "d." + s.Type + "()"
}

// writeAppend writes how member m of s is written.
func (a *api) writeAppend(w *writer, s *shape, m *member) {
	value := "x." + m.name
	if a.pointer(s, m) && a.shapes[m.Shape].Type != "structure" {
		value = "*" + value
	}
	condition := ""
	switch a.presenceOf(s, m) {
	case notNil:
		condition = "x." + m.name + " != nil"
	case notZero:
		condition = value + ` != ""`
		if a.shapes[m.Shape].Type == "timestamp" {
			condition = "!" + value + ".IsZero()"
		}
	}
	if condition != "" {
		w.line("if %s {", condition)
	}
	w.line("dst = append(dst, `,%q:`...)", m.name)
	w.line("dst = %s", a.appendExpr(m.Shape, value))
	if condition != "" {
		w.line("}")
	}
}

// appendExpr is the expression that appends value, of the shape, to dst.
func (a *api) appendExpr(name, value string) string {
	switch s := a.shapes[name]; s.Type {
	case "structure":
		return value + ".encode(dst)"
	case "list", "map":
		return fmt.Sprintf("encode%s(dst, %s)", name, value)
	case "string":
		return fmt.Sprintf("appendText(dst, %s)", value)
	case "boolean":
		return fmt.Sprintf("appendBoolean(dst, %s)", value)
	case "timestamp":
		return fmt.Sprintf("appendTimestamp(dst, %s)", value)
	default:
		return fmt.Sprintf("appendInteger(dst, %s)", value)
	}
}

func (a *api) writeList(w *writer, s *shape) {
	goType := a.goType(s.name)
	w.line("func decode%s(d *decoder) %s {", s.name, goType)
	w.line("list := %s{}", goType)
	w.line("for d.list(); d.element(); {")
	if a.shapes[s.Member.Shape].Type == "structure" {
		w.line("list = append(list, %s{})", s.Member.Shape)
		w.line("list[len(list)-1].decode(d)")
	} else {
		w.line("list = append(list, %s)", a.readExpr(s.Member.Shape))
	}
	w.line("}")
	w.line("return list")
	w.line("}\n")

	w.line("func encode%s(dst []byte, list %s) []byte {", s.name, goType)
	w.line("dst = append(dst, '[')")
	w.line("for i := range list {")
	w.line("if i > 0 {")
	w.line("dst = append(dst, ',')")
	w.line("}")
	w.line("dst = %s", a.appendExpr(s.Member.Shape, "list[i]"))
	w.line("}")
	w.line("return append(dst, ']')")
	w.line("}\n")
}

func (a *api) writeMap(w *writer, s *shape) {
	goType, key := a.goType(s.name), a.goType(s.Key.Shape)
	w.line("func decode%s(d *decoder) %s {", s.name, goType)
	w.line("m := %s{}", goType)
	w.line("for d.mapping(); d.next(); {")
	w.line("key := %s(d.name)", key)
	w.line("if _, twice := m[key]; twice {")
	w.line("d.twice()")
	w.line("}")
	if a.shapes[s.Value.Shape].Type == "structure" {
		w.line("var value %s", s.Value.Shape)
		w.line("value.decode(d)")
		w.line("m[key] = value")
	} else {
		w.line("m[key] = %s", a.readExpr(s.Value.Shape))
	}
	w.line("}")
	w.line("return m")
	w.line("}\n")

	w.line("func encode%s(dst []byte, m %s) []byte {", s.name, goType)
	w.line("start := len(dst)")
	w.line("for _, key := range keys(m) {")
	w.line("dst = appendText(append(dst, ','), key)")
	w.line("value := m[key]")
	w.line("dst = append(dst, ':')")
	w.line("dst = %s", a.appendExpr(s.Value.Shape, "value"))
	w.line("}")
	w.line("return closeObject(dst, start)")
	w.line("}\n")
}

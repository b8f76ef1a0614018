package main

import (
	"fmt"
	"strings"
)

// writeShapes writes a struct for every structure that an operation uses.
func writeShapes(w *writer, a *api) error {
	w.line("import \"time\"\n")
	roles := map[string]string{}
	for _, op := range a.operations {
		roles[op.Input.Shape] = "is what [" + constName(op) + "] takes."
		roles[op.Output.Shape] = "is what [" + constName(op) + "] answers."
	}
	for _, name := range a.names {
		s := a.shapes[name]
		if s.Type != "structure" || s.Exception {
			continue
		}
		role := roles[name]
		if role == "" {
			role = "is a structure of the model."
		}
		w.line("// %s %s", name, role)
		w.line("type %s struct {", name)
		for _, m := range s.Members {
			note := ""
			switch {
			case m.required && m.IdempotencyToken:
				note = " // required; idempotency token"
			case m.required:
				note = " // required"
			case m.IdempotencyToken:
				note = " // idempotency token"
			case m.DeprecatedMessage != "":
				note = " // deprecated by the model"
			}
			w.line("%s %s%s", m.name, a.fieldType(s, m), note)
		}
		w.line("}\n")
	}
	return nil
}

// writeEnums writes a string type and constants for every enum.
func writeEnums(w *writer, a *api) error {
	seen := map[string]string{}
	for _, name := range a.names {
		s := a.shapes[name]
		if s.Enum == nil {
			continue
		}
		w.line("// %s is an enum of the model.", name)
		w.line("type %s string\n", name)
		w.line("// The values of %s.", name)
		w.line("const (")
		for _, value := range s.Enum {
			c := constant(name, value)
			if other, ok := seen[c]; ok {
				return fmt.Errorf("%s names values of both %s and %s", c, other, name)
			}
			seen[c] = name
			w.line("%s %s = %q", c, name, value)
		}
		w.line(")\n")
	}
	return nil
}

// writeExceptions writes a code, a bit and a constructor for each modeled error.
func writeExceptions(w *writer, a *api) error {
	w.line("// Codes of the modeled errors.")
	w.line("const (")
	for _, name := range a.exceptions {
		w.line("Code%s = %q", exception(name), name)
	}
	w.line(")\n")
	w.line("const (")
	for i, name := range a.exceptions {
		if i == 0 {
			w.line("models%s exceptions = 1 << iota", exception(name))
			continue
		}
		w.line("models%s", exception(name))
	}
	w.line(")\n")
	w.line("// exceptionCodes holds the code of each bit of an exceptions set.")
	w.line("var exceptionCodes = [...]string{")
	for _, name := range a.exceptions {
		w.line("Code%s,", exception(name))
	}
	w.line("}\n")
	for _, name := range a.exceptions {
		short := exception(name)
		w.line("// %s returns a modeled %s.", short, name)
		w.line("func %s(format string, args ...any) *Error { return Errorf(Code%s, format, args...) }\n", short, short)
	}
	return nil
}

// exception is a modeled error's name without its ending.
func exception(name string) string { return strings.TrimSuffix(name, "Exception") }

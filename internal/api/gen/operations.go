package main

import (
	"fmt"
	"strings"
)

func constName(op *operation) string { return "Op" + op.Name }

// writeOperations writes the operations' constants and their table.
func writeOperations(w *writer, a *api) error {
	w.line("// The operations of both models.")
	w.line("const (")
	for i, op := range a.operations {
		if i == 0 {
			w.line("%s Op = iota + 1", constName(op))
			continue
		}
		w.line("%s", constName(op))
	}
	w.line(")\n")
	w.line("var operations = [...]operation{")
	for _, op := range a.operations {
		w.line("%s: bind(Service.%s, operation{", constName(op), op.Name)
		w.line("name: %q,", op.Name)
		w.line("target: %q,", op.target)
		if op.readOnly {
			w.line("readOnly: true,")
		}
		if len(op.Errors) > 0 {
			var bits []string
			for _, e := range op.Errors {
				bits = append(bits, "models"+exception(e.Shape))
			}
			w.line("errors: %s,", strings.Join(bits, " | "))
		}
		if p := op.page; p != nil {
			w.line("page: Page{Token: %q, Size: %q, Next: %q, Result: %q},", p.Token, p.Size, p.Next, p.Result)
		}
		w.line("}),")
	}
	w.line("}")
	return nil
}

// writeService writes the interface of all operations, its unimplemented
// form, and the typed client.
func writeService(w *writer, a *api) error {
	if len(a.operations) == 0 {
		return fmt.Errorf("no operations")
	}
	w.line("import \"context\"\n")
	w.line("// Service is the whole API, one method per operation. Embed [Unimplemented] for")
	w.line("// those that are not served.")
	w.line("type Service interface {")
	for _, op := range a.operations {
		w.line("%s(context.Context, *%s) (*%s, error)", op.Name, op.Input.Shape, op.Output.Shape)
	}
	w.line("}\n")
	w.line("// Unimplemented answers [Unsupported] to every operation.")
	w.line("type Unimplemented struct{}\n")
	w.line("var _ Service = Unimplemented{}\n")
	for _, op := range a.operations {
		w.line("// %s answers that it is not built yet.", op.Name)
		w.line("func (Unimplemented) %s(context.Context, *%s) (*%s, error) { return nil, Unsupported(%s) }\n",
			op.Name, op.Input.Shape, op.Output.Shape, constName(op))
	}
	w.line("var _ Service = Client{}\n")
	for _, op := range a.operations {
		w.line("// %s invokes [%s].", op.Name, constName(op))
		w.line("func (c Client) %s(ctx context.Context, in *%s) (*%s, error) {", op.Name, op.Input.Shape, op.Output.Shape)
		w.line("return call[%s, %s](ctx, c.Invoke, %s, in)", op.Input.Shape, op.Output.Shape, constName(op))
		w.line("}\n")
	}
	return nil
}

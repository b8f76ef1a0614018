package api

import (
	"context"
	"fmt"
	"strconv"
)

// Op names an operation. Its number may change from build to build; what is
// kept or sent is [Op.String].
type Op uint16

// Page names the members by which an operation's answer is cut into pages.
type Page struct {
	Token  string // of the input: where to go on
	Size   string // of the input: how many at most
	Next   string // of the output: the token of the next page
	Result string // of the output: the list that is cut
}

// An operation is a row of the generated table.
type operation struct {
	name     string
	target   string
	readOnly bool
	errors   exceptions
	page     Page

	newInput  func() any
	newOutput func() any
	serve     func(context.Context, Service, any) (any, error)
}

// bind completes a row with what follows from the operation's types.
func bind[I, O any](method func(Service, context.Context, *I) (*O, error), o operation) operation {
	o.newInput = func() any { return new(I) }
	o.newOutput = func() any { return new(O) }
	o.serve = func(ctx context.Context, s Service, in any) (any, error) {
		typed, ok := in.(*I)
		if !ok || typed == nil {
			return nil, fmt.Errorf("api: %s takes %T, not %T", o.name, typed, in)
		}
		out, err := method(s, ctx, typed)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = new(O)
		}
		return out, nil
	}
	return o
}

// known reports whether op is one of the table's.
func (op Op) known() bool { return op > 0 && int(op) < len(operations) }

func (op Op) row() *operation {
	if !op.known() {
		return &operation{}
	}
	return &operations[op]
}

// String is the operation's name, such as ProvisionProduct.
func (op Op) String() string {
	if !op.known() {
		return "Op(" + strconv.Itoa(int(op)) + ")"
	}
	return operations[op].name
}

// Target is the operation's X-Amz-Target header, such as
// AWS242ServiceCatalogService.ProvisionProduct.
func (op Op) Target() string { return op.row().target }

// ReadOnly reports whether the operation changes nothing.
func (op Op) ReadOnly() bool { return op.row().readOnly }

// Models reports whether the operation's model lists the error code.
func (op Op) Models(code string) bool { return op.row().errors.has(code) }

// Errors lists the codes that the operation's model lists.
func (op Op) Errors() []string { return op.row().errors.codes() }

// Page answers the members by which the operation is paged; ok is false if it
// is not.
func (op Op) Page() (p Page, ok bool) {
	p = op.row().page
	return p, p != Page{}
}

// Ops lists all operations, those of AWS Service Catalog first, each model's
// in order of name.
func Ops() []Op {
	ops := make([]Op, len(operations)-1)
	for i := range ops {
		ops[i] = Op(i + 1)
	}
	return ops
}

var byTarget = func() map[string]Op {
	m := make(map[string]Op, len(operations))
	for _, op := range Ops() {
		m[op.Target()] = op
	}
	return m
}()

// ParseTarget answers the operation of an X-Amz-Target header.
func ParseTarget(target string) (op Op, ok bool) {
	op, ok = byTarget[target]
	return op, ok
}

// NewInput returns a new pointer to op's input type, nil if there is no such
// operation.
func NewInput(op Op) any {
	if !op.known() {
		return nil
	}
	return operations[op].newInput()
}

// NewOutput returns a new pointer to op's output type, nil if there is no such
// operation.
func NewOutput(op Op) any {
	if !op.known() {
		return nil
	}
	return operations[op].newOutput()
}

// dispatch calls op's method of s.
func dispatch(ctx context.Context, s Service, op Op, in any) (any, error) {
	if !op.known() {
		return nil, Errorf(CodeUnknownOperation, "")
	}
	return operations[op].serve(ctx, s, in)
}

// exceptions is a set of modelled errors.
type exceptions uint16

func (set exceptions) has(code string) bool {
	for i, c := range exceptionCodes {
		if c == code {
			return set&(1<<i) != 0
		}
	}
	return false
}

func (set exceptions) codes() []string {
	var codes []string
	for i, c := range exceptionCodes {
		if set&(1<<i) != 0 {
			codes = append(codes, c)
		}
	}
	return codes
}

package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
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

	newInput     func() any
	newOutput    func() any
	decodeInput  func(body []byte) (in any, d *decoder, err error)
	decodeOutput func(body []byte) (any, error)
	appendInput  func(dst []byte, in any) []byte
	appendOutput func(dst []byte, out any) []byte
	check        func(in any, absent []string) error
	serve        func(context.Context, Service, any) (any, error)
}

// An output is what the generator gives a pointer to an output.
type output[O any] interface {
	*O
	decode(*decoder)
	encode([]byte) []byte
}

// An input is what the generator gives a pointer to an input.
type input[I any] interface {
	output[I]
	check(*violations)
}

// bind completes a row with what follows from the operation's types.
func bind[I, O any, PI input[I], PO output[O]](method func(Service, context.Context, PI) (PO, error), o operation) operation {
	o.newInput = func() any { return PI(new(I)) }
	o.newOutput = func() any { return PO(new(O)) }
	o.decodeInput = func(body []byte) (any, *decoder, error) {
		in := PI(new(I))
		d, err := read(body, in)
		return in, d, err
	}
	o.decodeOutput = func(body []byte) (any, error) {
		out := PO(new(O))
		if _, err := read(body, out); err != nil {
			return nil, err
		}
		return out, nil
	}
	o.appendInput = func(dst []byte, in any) []byte { return in.(PI).encode(dst) }
	o.appendOutput = func(dst []byte, out any) []byte { return out.(PO).encode(dst) }
	typed := func(in any) (PI, error) {
		if typed, ok := in.(PI); ok && typed != nil {
			return typed, nil
		}
		return nil, fmt.Errorf("api: %s takes a %T, not %T", o.name, PI(nil), in)
	}
	o.check = func(in any, absent []string) error {
		typed, err := typed(in)
		if err != nil {
			return err
		}
		v := violations{absent: absent, places: make([]place, 0, 8)}
		typed.check(&v)
		return v.err()
	}
	o.serve = func(ctx context.Context, s Service, in any) (any, error) {
		typed, err := typed(in)
		if err != nil {
			return nil, err
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

// Larder reports whether the operation is one of Larder's own API, not of AWS
// Service Catalog's.
func (op Op) Larder() bool { return strings.HasPrefix(op.Target(), "Larder.") }

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
		return nil, unknownOperation(op)
	}
	return operations[op].serve(ctx, s, in)
}

// exceptions is a set of modeled errors.
type exceptions uint16

func (set exceptions) has(code string) bool {
	i := slices.Index(exceptionCodes[:], code)
	return i >= 0 && set&(1<<i) != 0
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

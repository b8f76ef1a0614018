package schema

import (
	_ "embed" // types.bin
	"strconv"
	"sync/atomic"
)

// packed holds every type. It is read where it lies: nothing is decoded
// before somebody asks for a type, and of a type nothing but what is used, so
// that starting costs nothing and a process pays memory for the types it
// knows, not for all there are.
//
// The form, written by gen: three little-endian uint32 counts (strings, bytes
// of string text, types); the offsets of the strings and their end; their
// text; for each type, sorted by name, the number of its name and the offset
// of its record; the records. A record and each schema in it is a list of
// fields, a letter and its content, ended by a zero byte; numbers in it are
// uvarints and strings are named by number.
//
//go:embed types.bin
var packed string

// index locates the parts of packed.
type index struct {
	strings, text, types, records, count int
}

func word(at int) int {
	_ = packed[at+3]
	return int(packed[at]) | int(packed[at+1])<<8 | int(packed[at+2])<<16 | int(packed[at+3])<<24
}

var layout = func() (x index) {
	const head = 3 * 4
	strings, text := word(0), word(4)
	x.count = word(8)
	x.strings = head
	x.text = x.strings + 4*(strings+1)
	x.types = x.text + text
	x.records = x.types + 8*x.count
	return x
}()

// loaded holds the types asked for so far, by their place in the index.
var loaded = make([]atomic.Pointer[Type], layout.count)

func text(n int) string {
	o := layout.strings + 4*n
	return packed[layout.text+word(o) : layout.text+word(o+4)]
}

func typeName(i int) string { return text(word(layout.types + 8*i)) }

// find returns the place of a type in the index.
func find(name string) (int, bool) {
	lo, hi := 0, layout.count
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch n := typeName(mid); {
		case n == name:
			return mid, true
		case n < name:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return 0, false
}

// A reader walks a record. The file is ours and a test reads all of it, so a
// malformed one is a broken build, not an error to handle.
type reader struct{ at int }

func (r *reader) byte() byte {
	b := packed[r.at]
	r.at++
	return b
}

func (r *reader) int() int {
	n, shift := 0, 0
	for {
		b := r.byte()
		n |= int(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
		shift += 7
	}
}

func (r *reader) str() string { return text(r.int()) }

func (r *reader) list() []string {
	ss := make([]string, r.int())
	for i := range ss {
		ss[i] = r.str()
	}
	return ss
}

func (r *reader) float() *float64 {
	f, err := strconv.ParseFloat(r.str(), 64)
	if err != nil {
		panic(err)
	}
	return &f
}

func (r *reader) bound() int32 { return int32(min(*r.float(), 1<<30)) }

// load decodes the record of the type at place i.
func load(i int) *Type {
	t := &Type{Name: typeName(i)}
	r := &reader{at: layout.records + word(layout.types+8*i+4)}
	for {
		switch c := r.byte(); c {
		case 0:
			return t
		case 'i':
			t.primary = r.list()
		case 'o':
			t.readOnly = r.list()
		case 'w':
			t.writeOnly = r.list()
		case 'f':
			t.ref = r.list()
		case 'r':
			t.refShape = r.str()
		case 'c':
			t.createOnly = r.list()
		case 'm':
			t.maybe = r.list()
		case 'x':
			t.getAtt = r.list()
		case 'n':
			t.name = r.list()
		case 'u':
			t.unique = r.list()
		case 's':
			t.shapes = make([]shape, r.int())
			for i := range t.shapes {
				t.shapes[i] = shape{attribute: r.str(), form: r.str()}
			}
		case 'a':
			t.arn = r.str()
		case 'l':
			t.legacy = true
		case 'S':
			t.stateful = true
		case 'g':
			t.tags, t.tagFlags = r.str(), r.int()
		case 'D':
			n := r.int()
			t.bodies = make([]body, n+1) // the last is the type itself
			for i := range t.bodies {
				size := r.int()
				t.bodies[i].at = r.at
				r.at += size
			}
		default:
			panic("schema: types.bin: field " + string(rune(c)) + " in the record of " + t.Name)
		}
	}
}

// A body is a schema of a type that is decoded when it is first used.
type body struct {
	at   int
	node atomic.Pointer[node]
}

// definition returns the n-th definition of the type.
func (t *Type) definition(n int) *node {
	b := &t.bodies[n]
	if d := b.node.Load(); d != nil {
		return d
	}
	r := &reader{at: b.at}
	d := r.node()
	if !b.node.CompareAndSwap(nil, d) {
		return b.node.Load()
	}
	return d
}

// root returns the schema of the type's properties.
func (t *Type) root() *node { return t.definition(len(t.bodies) - 1) }

func (r *reader) node() *node {
	n := &node{ref: none, minLength: none, maxLength: none, minItems: none, maxItems: none}
	for {
		switch c := r.byte(); c {
		case 0:
			return n
		case 'T':
			n.types = typeSet(r.int())
		case 'r':
			n.ref = int32(r.int())
		case 'p':
			n.properties = r.properties()
		case 'P':
			n.patterns = r.properties()
		case 'c':
			n.closed = true
		case 'q':
			n.required = r.list()
		case 'X':
			n.oneRequired = r.list()
		case 'O':
			n.anyRequired = r.list()
		case 'u':
			n.unique = true
		case 'i':
			n.minItems = r.bound()
		case 'I':
			n.maxItems = r.bound()
		case 'l':
			n.minLength = r.bound()
		case 'L':
			n.maxLength = r.bound()
		case 'n':
			n.minimum = r.float()
		case 'N':
			n.maximum = r.float()
		case 'x':
			n.pattern = r.str()
		case 'f':
			n.format = r.str()
		case 'e':
			n.enum = r.list()
		case 'k':
			n.constant, n.isConst = r.str(), true
		case 't':
			n.items = r.node()
		case '1':
			n.oneOf = r.nodes()
		case 'a':
			n.anyOf = r.nodes()
		case 'A':
			n.allOf = r.nodes()
		default:
			panic("schema: types.bin: keyword " + string(rune(c)))
		}
	}
}

func (r *reader) nodes() []*node {
	ns := make([]*node, r.int())
	for i := range ns {
		ns[i] = r.node()
	}
	return ns
}

func (r *reader) properties() []property {
	ps := make([]property, r.int())
	for i := range ps {
		ps[i] = property{name: r.str(), node: r.node()}
	}
	return ps
}

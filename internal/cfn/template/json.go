package template

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonReader reads a JSON template into nodes. Strings without escapes share
// the source's memory, and nodes come from slabs, so that a template costs few
// allocations.
type jsonReader struct {
	src   string
	pos   int
	line  int32
	start int // where the line begins
	depth int
	lim   Limits
	nulls bool // whether a null was seen
	slab
	pending []Node // items of the containers that are still open
	names   []key
}

// slab hands out exact slices of larger ones.
type slab struct {
	nodes []Node
	keys  []key
}

const slabSize = 512

func (s *slab) copyNodes(from []Node) []Node {
	n := len(from)
	if n == 0 {
		return nil
	}
	if len(s.nodes) < n {
		s.nodes = make([]Node, max(n, slabSize))
	}
	out := s.nodes[:n:n]
	s.nodes = s.nodes[n:]
	copy(out, from)
	return out
}

func (s *slab) copyKeys(from []key) []key {
	n := len(from)
	if n == 0 {
		return nil
	}
	if len(s.keys) < n {
		s.keys = make([]key, max(n, slabSize))
	}
	out := s.keys[:n:n]
	s.keys = s.keys[n:]
	copy(out, from)
	return out
}

// readJSON reads src, and reports whether there is a null in it.
func readJSON(src []byte, lim Limits) (root Node, nulls bool, err error) {
	r := jsonReader{src: string(src), line: 1, lim: lim}
	r.space()
	if root, err = r.value(); err != nil {
		return Node{}, false, err
	}
	r.space()
	if r.pos < len(r.src) {
		return Node{}, false, r.malformed()
	}
	return root, r.nulls, nil
}

func (r *jsonReader) malformed() *Error {
	column := r.pos - r.start + 1
	e := fault("Template format error: JSON not well-formed. (line %d, column %d)", r.line, column)
	e.Line, e.Column = int(r.line), column
	return e
}

func (r *jsonReader) space() {
	for r.pos < len(r.src) {
		switch r.src[r.pos] {
		case '\n':
			r.line++
			r.start = r.pos + 1
		case ' ', '\t', '\r':
		default:
			return
		}
		r.pos++
	}
}

func (r *jsonReader) peek() byte {
	if r.pos < len(r.src) {
		return r.src[r.pos]
	}
	return 0
}

func (r *jsonReader) value() (Node, error) {
	n := Node{line: r.line, column: int32(r.pos - r.start + 1)}
	switch c := r.peek(); {
	case c == '{' || c == '[':
		if r.depth++; r.depth > r.lim.Depth {
			return n, tooDeep(r.lim.Depth).at(&n)
		}
		var err error
		if c == '{' {
			err = r.object(&n)
		} else {
			err = r.array(&n)
		}
		r.depth--
		return n, err
	case c == '"':
		n.kind = KindString
		var err error
		n.text, err = r.string()
		return n, err
	case c == '-' || '0' <= c && c <= '9':
		n.kind = KindNumber
		var ok bool
		if n.text, ok = jsonNumber(r.src[r.pos:]); !ok {
			return n, r.malformed()
		}
		r.pos += len(n.text)
		return n, nil
	case r.word("true"):
		n.kind, n.text = KindBool, "true"
	case r.word("false"):
		n.kind, n.text = KindBool, "false"
	case r.word("null"):
		r.nulls = true
	default:
		return n, r.malformed()
	}
	return n, nil
}

func tooDeep(depth int) *Error {
	return fault("Template format error: the template is nested too deeply. At most %d levels are allowed.", depth)
}

func (r *jsonReader) word(w string) bool {
	if len(r.src)-r.pos < len(w) || r.src[r.pos:r.pos+len(w)] != w {
		return false
	}
	r.pos += len(w)
	return true
}

func (r *jsonReader) array(n *Node) error {
	n.kind = KindList
	r.pos++
	first := len(r.pending)
	for r.space(); r.peek() != ']'; r.space() {
		if len(r.pending) > first {
			if r.peek() != ',' {
				return r.malformed()
			}
			r.pos++
			r.space()
		}
		item, err := r.value()
		if err != nil {
			return err
		}
		r.pending = append(r.pending, item)
	}
	r.pos++
	n.items = r.copyNodes(r.pending[first:])
	r.pending = r.pending[:first]
	return nil
}

func (r *jsonReader) object(n *Node) error {
	n.kind = KindMap
	r.pos++
	first, firstName := len(r.pending), len(r.names)
	var seen names
	for r.space(); r.peek() != '}'; r.space() {
		if len(r.pending) > first {
			if r.peek() != ',' {
				return r.malformed()
			}
			r.pos++
			r.space()
		}
		if r.peek() != '"' {
			return r.malformed()
		}
		k := key{line: r.line, column: int32(r.pos - r.start + 1)}
		var err error
		if k.name, err = r.string(); err != nil {
			return err
		}
		if seen.has(r.names[firstName:], k.name) {
			return duplicateKey(k)
		}
		if r.space(); r.peek() != ':' {
			return r.malformed()
		}
		r.pos++
		r.space()
		// The key goes on the stack after its value, whose own keys come and
		// go in between.
		item, err := r.value()
		if err != nil {
			return err
		}
		r.names = append(r.names, k)
		r.pending = append(r.pending, item)
	}
	r.pos++
	n.items = r.copyNodes(r.pending[first:])
	n.keys = r.copyKeys(r.names[firstName:])
	r.pending, r.names = r.pending[:first], r.names[:firstName]
	return nil
}

// names finds repeated keys: by comparing while there are few, by a set from
// then on.
type names struct{ set map[string]struct{} }

func (s *names) has(earlier []key, name string) bool {
	if len(earlier) < 16 {
		for i := range earlier {
			if earlier[i].name == name {
				return true
			}
		}
		return false
	}
	if s.set == nil {
		s.set = make(map[string]struct{}, 64)
		for i := range earlier {
			s.set[earlier[i].name] = struct{}{}
		}
	}
	_, found := s.set[name]
	s.set[name] = struct{}{}
	return found
}

func duplicateKey(k key) *Error {
	e := fault("Template format error: duplicate key '%s' (line %d, column %d).", k.name, k.line, k.column)
	e.Line, e.Column = int(k.line), int(k.column)
	return e
}

// string reads the string that begins at the cursor.
func (r *jsonReader) string() (string, error) {
	begin := r.pos + 1
	for i := begin; i < len(r.src); i++ {
		switch c := r.src[i]; {
		case c == '"':
			r.pos = i + 1
			return r.src[begin:i], nil
		case c == '\\':
			return r.escaped(begin, i)
		case c < ' ':
			r.pos = i
			return "", r.malformed()
		}
	}
	r.pos = len(r.src)
	return "", r.malformed()
}

// escaped reads a string whose first backslash is at i.
func (r *jsonReader) escaped(begin, i int) (string, error) {
	b := append(make([]byte, 0, 2*(i-begin)+32), r.src[begin:i]...)
	for i < len(r.src) {
		c := r.src[i]
		switch {
		case c == '"':
			r.pos = i + 1
			return string(b), nil
		case c < ' ':
			r.pos = i
			return "", r.malformed()
		case c != '\\':
			b = append(b, c)
			i++
			continue
		}
		if i++; i == len(r.src) {
			break
		}
		switch c := r.src[i]; c {
		case '"', '\\', '/':
			b = append(b, c)
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			u, ok := hex4(r.src[i+1:])
			if !ok {
				r.pos = i
				return "", r.malformed()
			}
			i += 4
			if utf16.IsSurrogate(u) {
				if len(r.src) > i+2 && r.src[i+1] == '\\' && r.src[i+2] == 'u' {
					low, ok := hex4(r.src[i+3:])
					if pair := utf16.DecodeRune(u, low); ok && pair != utf8.RuneError {
						b = utf8.AppendRune(b, pair)
						i += 6
						break
					}
				}
				u = utf8.RuneError
			}
			b = utf8.AppendRune(b, u)
		default:
			r.pos = i
			return "", r.malformed()
		}
		i++
	}
	r.pos = len(r.src)
	return "", r.malformed()
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	u, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(u), err == nil
}

// jsonNumber returns the JSON number that s begins with.
func jsonNumber(s string) (string, bool) {
	i := 0
	digits := func() bool {
		from := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	switch from := i; {
	case !digits():
		return "", false
	case s[from] == '0' && i > from+1:
		return "", false
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return "", false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return "", false
		}
	}
	return s[:i], true
}

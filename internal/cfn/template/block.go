package template

import (
	"errors"
	"strings"
)

// blockReader reads the YAML that people write templates in, five times as
// fast as the YAML package: ASCII, block and flow collections, scalars that
// are plain or quoted on one line, literal and folded blocks, short forms.
// Whatever else it meets, be it valid or not, it leaves to the package
// (errUncommon); where it reads, it reads the same tree with the same
// positions, which a fuzz test holds.
type blockReader struct {
	src   string
	lim   Limits
	depth int
	slab
	pending []Node // items of the containers that are still open
	names   []key

	// The cursor: a column of a line, both zero-based.
	text   string // the line, without its end
	next   int    // where the next line begins
	line   int
	col    int
	indent int  // of the line's text
	end    bool // all lines are read
}

var errUncommon = errors.New("not the YAML that blockReader knows")

// readBlocks reads src if it is of the common kind.
func readBlocks(src string, lim Limits) (Node, error) {
	for i := range len(src) {
		if c := src[i]; c < ' ' && c != '\n' || c >= 0x7f {
			return Node{}, errUncommon
		}
	}
	r := blockReader{src: src, lim: lim, line: -1}
	if r.rawLine(); r.text == "---" {
		r.rawLine()
	}
	if err := r.settle(); err != nil {
		return Node{}, err
	}
	if r.end {
		return Node{}, errUncommon
	}
	root, err := r.block(-1)
	if err != nil || !r.end {
		return Node{}, errUncommon
	}
	return root, nil
}

// rawLine moves to the next line, whatever is in it.
func (r *blockReader) rawLine() {
	if r.next >= len(r.src) {
		r.end, r.text, r.indent, r.col = true, "", -1, 0
		return
	}
	rest := r.src[r.next:]
	length := strings.IndexByte(rest, '\n')
	if length < 0 {
		length = len(rest)
	}
	r.text = rest[:length]
	r.next += length + 1
	r.line++
	r.indent = 0
	for r.indent < len(r.text) && r.text[r.indent] == ' ' {
		r.indent++
	}
	r.col = r.indent
}

// settle moves on until the line has something to read.
func (r *blockReader) settle() error {
	for !r.end && (r.indent == len(r.text) || r.text[r.indent] == '#') {
		r.rawLine()
	}
	if !r.end && r.indent == 0 && (strings.HasPrefix(r.text, "---") || strings.HasPrefix(r.text, "...") || r.text[0] == '%') {
		return errUncommon
	}
	return nil
}

// nextLine moves to the next line with something to read.
func (r *blockReader) nextLine() error {
	r.rawLine()
	return r.settle()
}

func (r *blockReader) at(kind Kind) Node {
	return Node{kind: kind, line: int32(r.line + 1), column: int32(r.col + 1)}
}

// skipSpace moves over spaces, and to the line's end if a comment follows.
func (r *blockReader) skipSpace() {
	from := r.col
	for r.col < len(r.text) && r.text[r.col] == ' ' {
		r.col++
	}
	if r.col < len(r.text) && r.text[r.col] == '#' && (r.col > from || r.col == r.indent) {
		r.col = len(r.text)
	}
}

func (r *blockReader) peek() byte {
	if r.col < len(r.text) {
		return r.text[r.col]
	}
	return 0
}

// isEntry reports whether a sequence's entry begins at the cursor.
func (r *blockReader) isEntry() bool {
	return r.peek() == '-' && (r.col+1 == len(r.text) || r.text[r.col+1] == ' ')
}

// block reads the collection that begins at the cursor.
func (r *blockReader) block(parent int) (Node, error) {
	if r.isEntry() {
		return r.sequence(r.col)
	}
	if r.indent <= parent && r.col == r.indent {
		return Node{}, errUncommon
	}
	return r.mapping(r.col)
}

func (r *blockReader) enter() error {
	if r.depth++; r.depth > r.lim.Depth {
		return errUncommon
	}
	return nil
}

func (r *blockReader) sequence(indent int) (Node, error) {
	if err := r.enter(); err != nil {
		return Node{}, err
	}
	n := r.at(KindList)
	first := len(r.pending)
	for {
		item, err := r.entry(indent)
		if err != nil {
			return n, err
		}
		r.pending = append(r.pending, item)
		if r.end || r.indent < indent || r.indent == indent && !r.isEntry() {
			break
		}
		if r.indent > indent {
			return n, errUncommon
		}
	}
	n.items = r.copyNodes(r.pending[first:])
	r.pending = r.pending[:first]
	r.depth--
	return n, nil
}

func (r *blockReader) entry(indent int) (Node, error) {
	r.col++
	r.skipSpace()
	if r.col == len(r.text) {
		return r.below(indent, false)
	}
	if r.isEntry() {
		return r.sequence(r.col)
	}
	mark := r.col
	_, isKey := r.key()
	r.col = mark
	if isKey {
		return r.mapping(r.col)
	}
	return r.value(indent, false)
}

// below reads a collection on the lines after the cursor's, which belongs to
// what is indented by parent. inMap allows a sequence to stand no deeper.
func (r *blockReader) below(parent int, inMap bool) (Node, error) {
	if err := r.nextLine(); err != nil {
		return Node{}, err
	}
	if r.end || r.indent < parent || r.indent == parent && (!inMap || !r.isEntry()) {
		return Node{}, errUncommon // a null
	}
	return r.block(parent)
}

func (r *blockReader) mapping(indent int) (Node, error) {
	if err := r.enter(); err != nil {
		return Node{}, err
	}
	n := r.at(KindMap)
	first, firstName := len(r.pending), len(r.names)
	var seen names
	for {
		k, ok := r.key()
		if !ok || seen.has(r.names[firstName:], k.name) {
			return n, errUncommon
		}
		r.skipSpace()
		var item Node
		var err error
		if r.col == len(r.text) {
			item, err = r.below(indent, true)
		} else {
			item, err = r.value(indent, true)
		}
		if err != nil {
			return n, err
		}
		r.names = append(r.names, k)
		r.pending = append(r.pending, item)
		if r.end || r.indent < indent {
			break
		}
		if r.indent > indent {
			return n, errUncommon
		}
	}
	n.items = r.copyNodes(r.pending[first:])
	n.keys = r.copyKeys(r.names[firstName:])
	r.pending, r.names = r.pending[:first], r.names[:firstName]
	r.depth--
	return n, nil
}

// key reads a key and its colon.
func (r *blockReader) key() (key, bool) {
	const longest = 128 // YAML has a bound too
	k := key{line: int32(r.line + 1), column: int32(r.col + 1)}
	rest := r.text[r.col:]
	if c := r.peek(); c == '"' || c == '\'' {
		name, length, ok := quoted(rest)
		if !ok || length > longest {
			return k, false
		}
		k.name = name
		r.col += length
		if r.peek() != ':' || r.col+1 < len(r.text) && r.text[r.col+1] != ' ' {
			return k, false
		}
		r.col++
		return k, true
	}
	length := plainLength(rest)
	if length == len(rest) || length > longest || rest[length] != ':' || !startsPlain(rest) {
		return k, false
	}
	k.name = strings.TrimRight(rest[:length], " ")
	if kind, text := plainScalar(k.name); kind == KindBool {
		k.name = text
	}
	r.col += length + 1
	return k, k.name != ""
}

// plainLength returns how far a plain scalar of a block reaches: to a comment,
// or to a colon that ends a key.
func plainLength(s string) int {
	for i := range len(s) {
		switch s[i] {
		case ':':
			if i+1 == len(s) || s[i+1] == ' ' {
				return i
			}
		case '#':
			if i > 0 && s[i-1] == ' ' {
				return i
			}
		}
	}
	return len(s)
}

// startsPlain reports whether a plain scalar can begin as s does.
func startsPlain(s string) bool {
	switch s[0] {
	case '-':
		return len(s) > 1 && strings.IndexByte(" ,[]{}", s[1]) < 0 // in a flow; in a block some of them would do
	case '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', ' ':
		return false
	}
	return true
}

// quoted reads a quoted scalar on one line and returns its length there.
func quoted(s string) (text string, length int, ok bool) {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote == '"':
			return quotedEscapes(s, i)
		case s[i] != quote:
		case quote == '\'' && i+1 < len(s) && s[i+1] == '\'':
			return quotedEscapes(s, i)
		default:
			return s[1:i], i + 1, true
		}
	}
	return "", 0, false
}

// quotedEscapes is quoted from the first escape on, which is at i.
func quotedEscapes(s string, i int) (text string, length int, ok bool) {
	quote := s[0]
	b := append(make([]byte, 0, len(s)), s[1:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == quote && quote == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case c == quote:
			return string(b), i + 1, true
		case c == '\\' && quote == '"':
			if i++; i == len(s) {
				return "", 0, false
			}
			switch c = s[i]; c {
			case '"', '\\', '/':
			case 'n':
				c = '\n'
			case 't':
				c = '\t'
			default:
				return "", 0, false
			}
		}
		b = append(b, c)
	}
	return "", 0, false
}

// value reads what begins at the cursor and belongs to what is indented by
// parent, and moves to the line after it.
func (r *blockReader) value(parent int, inMap bool) (Node, error) {
	if r.peek() == '!' {
		return r.tagged(parent, inMap)
	}
	return r.untagged(parent, false)
}

func (r *blockReader) untagged(parent int, text bool) (Node, error) {
	var n Node
	var err error
	switch c := r.peek(); c {
	case '|', '>':
		return r.scalarBlock(parent)
	case '[', '{':
		n, err = r.flow(parent)
	case '"', '\'':
		n = r.at(KindString)
		var length int
		var ok bool
		if n.text, length, ok = quoted(r.text[r.col:]); !ok {
			return n, errUncommon
		}
		r.col += length
	default:
		rest := r.text[r.col:]
		length := plainLength(rest)
		if !startsPlain(rest) || length < len(rest) && rest[length] == ':' {
			return n, errUncommon
		}
		n = r.at(KindString)
		n.text = strings.TrimRight(rest[:length], " ")
		if !text {
			n.kind, n.text = plainScalar(n.text)
		}
		r.col += length
	}
	if err != nil || n.kind == KindNull {
		return n, errUncommon
	}
	if r.skipSpace(); r.col < len(r.text) {
		return n, errUncommon
	}
	if err := r.nextLine(); err != nil {
		return n, err
	}
	if !r.end && r.indent > parent {
		return n, errUncommon // the scalar may go on
	}
	return n, nil
}

// tagged reads a short form of a function.
func (r *blockReader) tagged(parent int, inMap bool) (Node, error) {
	call, err := r.tag()
	if err != nil {
		return call, err
	}
	var n Node
	r.skipSpace()
	if r.col == len(r.text) {
		if n, err = r.below(parent, false); err != nil {
			return n, err
		}
	} else {
		if c := r.peek(); c == '!' || inMap && r.isEntry() {
			return n, errUncommon
		}
		if n, err = r.untagged(parent, true); err != nil {
			return n, err
		}
	}
	return r.call(call, n), nil
}

// tag reads a tag and returns the call it makes, without the argument.
func (r *blockReader) tag() (Node, error) {
	n := r.at(KindMap)
	from := r.col
	for r.col++; r.col < len(r.text) && isAlphanumeric(rune(r.text[r.col])); r.col++ {
	}
	function, ok := shortForm(r.text[from:r.col])
	if !ok || r.lim.untagged || r.col < len(r.text) && r.text[r.col] != ' ' {
		return n, errUncommon
	}
	n.keys = r.copyKeys([]key{{function, n.line, n.column}})
	return n, nil
}

func (r *blockReader) call(call, argument Node) Node {
	argument.line, argument.column = call.line, call.column
	call.items = r.copyNodes([]Node{argument})
	return call
}

// flow reads a flow collection, which may go over lines indented deeper than
// parent.
func (r *blockReader) flow(parent int) (Node, error) {
	if err := r.enter(); err != nil {
		return Node{}, err
	}
	open := r.peek()
	n, closing := r.at(KindList), byte(']')
	if open == '{' {
		n.kind, closing = KindMap, '}'
	}
	first, firstName := len(r.pending), len(r.names)
	var seen names
	r.col++
	for {
		if err := r.flowSpace(parent); err != nil {
			return n, err
		}
		if r.peek() == closing {
			break
		}
		if len(r.pending) > first {
			if r.peek() != ',' {
				return n, errUncommon
			}
			r.col++
			if err := r.flowSpace(parent); err != nil {
				return n, err
			}
			if r.peek() == closing {
				break
			}
		}
		var k key
		if open == '{' {
			var err error
			if k, err = r.flowKey(); err != nil || seen.has(r.names[firstName:], k.name) {
				return n, errUncommon
			}
			if err := r.flowSpace(parent); err != nil {
				return n, err
			}
		}
		item, err := r.flowValue(parent)
		if err != nil {
			return n, err
		}
		if open == '{' {
			r.names = append(r.names, k)
		}
		r.pending = append(r.pending, item)
	}
	r.col++
	n.items = r.copyNodes(r.pending[first:])
	n.keys = r.copyKeys(r.names[firstName:])
	r.pending, r.names = r.pending[:first], r.names[:firstName]
	r.depth--
	return n, nil
}

// flowSpace moves to what comes next in a flow collection.
func (r *blockReader) flowSpace(parent int) error {
	for r.skipSpace(); r.col == len(r.text); r.skipSpace() {
		if err := r.nextLine(); err != nil {
			return err
		}
		if r.end || r.indent <= parent {
			return errUncommon
		}
	}
	return nil
}

func (r *blockReader) flowKey() (key, error) {
	k := key{line: int32(r.line + 1), column: int32(r.col + 1)}
	rest := r.text[r.col:]
	if c := rest[0]; c == '"' || c == '\'' {
		name, length, ok := quoted(rest)
		if !ok || length == len(rest) || rest[length] != ':' || length > 128 {
			return k, errUncommon
		}
		k.name = name
		r.col += length + 1
		return k, nil
	}
	length := flowLength(rest)
	if length >= len(rest)-1 || rest[length] != ':' || rest[length+1] != ' ' || !startsPlain(rest) || length > 128 {
		return k, errUncommon
	}
	k.name = strings.TrimRight(rest[:length], " ")
	if kind, text := plainScalar(k.name); kind == KindBool {
		k.name = text
	}
	if k.name == "" {
		return k, errUncommon
	}
	r.col += length + 1
	return k, nil
}

// flowLength is plainLength within a flow collection.
func flowLength(s string) int {
	for i := range len(s) {
		switch s[i] {
		case ',', '[', ']', '{', '}':
			return i
		case ':':
			if i+1 == len(s) || strings.IndexByte(" ,[]{}", s[i+1]) >= 0 {
				return i
			}
		case '#':
			if i > 0 && s[i-1] == ' ' {
				return i
			}
		}
	}
	return len(s)
}

func (r *blockReader) flowValue(parent int) (Node, error) {
	switch r.peek() {
	case '[', '{':
		return r.flow(parent)
	case '!':
		call, err := r.tag()
		if err != nil {
			return call, err
		}
		if r.skipSpace(); r.col == len(r.text) || strings.IndexByte("!,]}", r.peek()) >= 0 {
			return call, errUncommon
		}
		var n Node
		if c := r.peek(); c == '[' || c == '{' {
			n, err = r.flow(parent)
		} else {
			n, err = r.flowScalar(true)
		}
		return r.call(call, n), err
	}
	return r.flowScalar(false)
}

func (r *blockReader) flowScalar(text bool) (Node, error) {
	n := r.at(KindString)
	rest := r.text[r.col:]
	if c := rest[0]; c == '"' || c == '\'' {
		var length int
		var ok bool
		if n.text, length, ok = quoted(rest); !ok {
			return n, errUncommon
		}
		r.col += length
	} else {
		length := flowLength(rest)
		if !startsPlain(rest) || length == len(rest) || strings.IndexByte(",]}", rest[length]) < 0 {
			return n, errUncommon
		}
		if n.text = strings.TrimRight(rest[:length], " "); !text {
			n.kind, n.text = plainScalar(n.text)
		}
		r.col += length
	}
	if n.kind == KindNull || r.peek() == ':' {
		return n, errUncommon
	}
	return n, nil
}

// scalarBlock reads a literal or folded block.
func (r *blockReader) scalarBlock(parent int) (Node, error) {
	n := r.at(KindString)
	folded := r.peek() == '>'
	r.col++
	strip := r.peek() == '-'
	if strip {
		r.col++
	}
	if r.skipSpace(); r.col < len(r.text) {
		return n, errUncommon
	}
	r.rawLine()
	blank := 0
	for !r.end && r.indent == len(r.text) {
		if r.indent > 0 {
			return n, errUncommon // its spaces might count
		}
		blank++
		r.rawLine()
	}
	indent := r.indent
	if r.end || indent <= parent || indent == 0 {
		return n, errUncommon
	}
	if r.next > len(r.src) && !strip {
		// The text ends without a line's end.
		return n, errUncommon
	}
	var b strings.Builder
	breaks, deeper := blank, false // line ends since the last text; whether that began with a space
	started := false
	for ; !r.end; r.rawLine() {
		if r.indent == len(r.text) && len(r.text) <= indent {
			breaks++
			continue
		}
		if r.indent < indent {
			break
		}
		line := r.text[indent:]
		more := line[0] == ' '
		switch {
		case !started:
			b.WriteString(strings.Repeat("\n", breaks))
		case folded && !deeper && !more && breaks == 1:
			b.WriteByte(' ')
		case folded && !deeper && !more:
			b.WriteString(strings.Repeat("\n", breaks-1))
		default:
			b.WriteString(strings.Repeat("\n", breaks))
		}
		b.WriteString(line)
		started, deeper, breaks = true, more, 1
		if r.next > len(r.src) && !strip {
			return n, errUncommon
		}
	}
	if !strip {
		b.WriteByte('\n')
	}
	n.text = b.String()
	return n, r.settle()
}

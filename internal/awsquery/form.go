package awsquery

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a form. The bytes of the body are bounded by the server.
const (
	maxKeys  = 20_000  // 200 parameters, 50 tags and 10,000 targets fit well
	maxIndex = 100_000 // of a list member; members may be sparse, but numbers stay small
)

// A Request is a query request: the operation it names and the form that
// holds its input.
type Request struct {
	Action  string
	Version string
	form    fields
}

// Parse reads a body of application/x-www-form-urlencoded.
func Parse(body []byte) (*Request, error) {
	pairs, err := parsePairs(string(body))
	if err != nil {
		return nil, err
	}
	r := &Request{form: fields{pairs: pairs}}
	r.Action, _ = r.form.get("Action")
	r.Version, _ = r.form.get("Version")
	return r, nil
}

type pair struct{ key, value string }

// fields is a part of a form: the pairs whose keys begin with prefix, sorted
// by key. Sorted pairs need no tree: everything below a name is a
// neighborhood that binary search finds, and no key can make the reader
// recurse or allocate.
type fields struct {
	pairs  []pair
	prefix string
}

func parsePairs(body string) ([]pair, error) {
	pairs := make([]pair, 0, min(maxKeys, strings.Count(body, "&")+1))
	for part := range strings.SplitSeq(body, "&") {
		if part == "" {
			continue
		}
		if len(pairs) == maxKeys {
			return nil, malformed("A request has at most %d parameters", maxKeys)
		}
		key, value, _ := strings.Cut(part, "=")
		key, err := unescape(key)
		if err != nil {
			return nil, err
		}
		if value, err = unescape(value); err != nil {
			return nil, err
		}
		pairs = append(pairs, pair{key, value})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	for i := 1; i < len(pairs); i++ {
		if pairs[i].key == pairs[i-1].key {
			return nil, malformed("Parameter %s is given twice", pairs[i].key)
		}
	}
	return pairs, nil
}

func unescape(s string) (string, error) {
	u, err := url.QueryUnescape(s)
	if err != nil {
		return "", malformed("The query string contains a syntax error")
	}
	if !utf8.ValidString(u) || strings.IndexByte(u, 0) >= 0 { // no database keeps a NUL
		return "", malformed("The query string is not valid UTF-8")
	}
	return u, nil
}

// get returns the value of the field with this very name.
func (f fields) get(name string) (string, bool) {
	i := f.search(name)
	if i < len(f.pairs) && f.pairs[i].key[len(f.prefix):] == name {
		return f.pairs[i].value, true
	}
	return "", false
}

// search returns the index of the first pair whose key, behind the prefix, is
// not less than name.
func (f fields) search(name string) int {
	at := len(f.prefix)
	i, _ := slices.BinarySearchFunc(f.pairs, name, func(p pair, name string) int {
		return strings.Compare(p.key[at:], name)
	})
	return i
}

// below returns the fields whose names begin with name and a dot.
func (f fields) below(name string) fields {
	from, to := f.search(name+"."), f.search(name+"/") // '/' follows '.'
	sub := fields{pairs: f.pairs[from:to]}
	if len(sub.pairs) > 0 {
		sub.prefix = sub.pairs[0].key[:len(f.prefix)+len(name)+1]
	} else {
		sub.prefix = f.prefix + name + "."
	}
	return sub
}

// given reports whether the field, or anything below it, is there.
func (f fields) given(name string) bool {
	if _, ok := f.get(name); ok {
		return true
	}
	return len(f.below(name).pairs) > 0
}

// An element is one member of a list, in the order of the members' numbers.
type element struct {
	name  string // its number, as given
	index int
}

// elements returns the members of the list that f is the inside of. Numbers
// need not be dense: the gaps close.
func (f fields) elements() ([]element, error) {
	var all []element
	for _, p := range f.pairs {
		name := p.key[len(f.prefix):]
		if i := strings.IndexByte(name, '.'); i >= 0 {
			name = name[:i]
		}
		if n := len(all); n > 0 && all[n-1].name == name {
			continue
		}
		index, err := strconv.Atoi(name)
		if err != nil || index < 1 || index > maxIndex || name[0] == '0' || name[0] == '+' {
			return nil, malformed("Key %s is not a member of a list", p.key)
		}
		all = append(all, element{name, index})
	}
	slices.SortFunc(all, func(a, b element) int { return a.index - b.index })
	return all, nil
}

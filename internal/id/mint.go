package id

import (
	"crypto/rand"
	"sync"
)

const (
	suffixLength = 13
	lower32      = "abcdefghijklmnopqrstuvwxyz234567"
	upper32      = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// mint returns prefix-<13 random characters>: 65 bits, so that among a million
// ids the chance that any two are alike is one in 70 million. (The database
// refuses the second.)
func mint(prefix string) string {
	out := make([]byte, 0, len("copyproduct-")+suffixLength)
	out = append(out, prefix...)
	out = append(out, '-')
	return string(appendRandom(out, suffixLength, lower32))
}

// appendRandom appends n random characters of an alphabet of 32.
func appendRandom(dst []byte, n int, alphabet string) []byte {
	random := entropy.Get().(*reservoir)
	for _, b := range random.take(n) {
		dst = append(dst, alphabet[b&31])
	}
	entropy.Put(random)
	return dst
}

// A reservoir holds random bytes read in bulk: one system call serves many
// ids. Bytes given out are never given out again.
type reservoir struct {
	bytes [1024]byte
	used  int
}

var entropy = sync.Pool{New: func() any { return &reservoir{used: len(reservoir{}.bytes)} }}

// take returns n random bytes, valid until the next call. n is at most the
// reservoir's size.
func (r *reservoir) take(n int) []byte {
	if n > len(r.bytes)-r.used {
		rand.Read(r.bytes[:]) // never fails: the runtime ends the process first
		r.used = 0
	}
	out := r.bytes[r.used : r.used+n]
	r.used += n
	return out
}

// UUID returns a random (version 4) UUID, as in stack ids and request ids.
func UUID() string {
	const hex = "0123456789abcdef"
	random := entropy.Get().(*reservoir)
	var raw [16]byte
	copy(raw[:], random.take(len(raw)))
	entropy.Put(random)
	raw[6] = raw[6]&0x0f | 0x40 // version 4
	raw[8] = raw[8]&0x3f | 0x80 // the variant of RFC 9562

	var out [36]byte
	at := 0
	for i, b := range raw {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out[at] = '-'
			at++
		}
		out[at], out[at+1] = hex[b>>4], hex[b&15]
		at += 2
	}
	return string(out[:])
}

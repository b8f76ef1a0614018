package schema

// dice are a small deterministic source of randomness (splitmix64). What they
// throw is part of what people's stacks look like, so they are ours and never
// change with a library.
type dice struct{ state uint64 }

// newDice returns dice that are fixed by the given texts.
func newDice(texts ...string) dice {
	const prime = 1099511628211 // FNV-1a
	h := uint64(14695981039346656037)
	for _, s := range texts {
		for i := 0; i < len(s); i++ {
			h = (h ^ uint64(s[i])) * prime
		}
		h = (h ^ 0xff) * prime
	}
	return dice{h}
}

// dice returns dice of its own for a purpose, independent of what was thrown.
func (d dice) dice(purpose string) dice {
	h := newDice(purpose)
	h.state ^= d.state
	h.next()
	return h
}

func (d *dice) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

// Alphabets of AWS's identifiers.
const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz0123456789"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	mixed  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	hex    = "0123456789abcdef"
)

func (d *dice) text(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[d.below(len(alphabet))]
	}
	return string(b)
}

// uuid returns a random UUID of version 4.
func (d *dice) uuid() string {
	b := []byte(d.text(hex, 36))
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	b[14] = '4'
	b[19] = "89ab"[d.below(4)]
	return string(b)
}

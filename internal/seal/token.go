package seal

import (
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
)

// A Binding is what a page token is good for: the same list, asked for by the
// same caller in the same way.
type Binding struct {
	Operation string
	Account   string
	Region    string
	Caller    string // the principal's ARN
	Filters   string // all arguments that shape the list, in any one form
}

// Tokens mints and reads page tokens: opaque to clients, unforgeable, bound to
// one list. They carry their cursor and are not stored, so they survive a
// restart and serve on every node that has the same key.
type Tokens struct{ aead cipher.AEAD }

// NewTokens returns Tokens made with a secret of [KeySize] bytes, which is
// kept where all nodes find it. See [NewTokenSecret].
func NewTokens(secret []byte) (*Tokens, error) {
	k, err := derive(secret, "larder page token", KeySize)
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(k)
	if err != nil {
		return nil, err
	}
	return &Tokens{aead}, nil
}

// NewTokenSecret returns a new secret for [NewTokens].
func NewTokenSecret() []byte { return newSecret() }

const (
	tokenVersion = 1
	// MaxToken is the longest token that AWS's model accepts.
	MaxToken = 2024
)

// Mint returns a token that carries cursor, the key of the last row that was
// given out. Its parts are at most 1400 bytes together, so that the token is
// not longer than [MaxToken].
func (t *Tokens) Mint(b Binding, cursor ...string) string {
	plain := make([]byte, 0, 256)
	for _, part := range cursor {
		plain = appendPart(plain, part)
	}
	return base64url.EncodeToString(t.aead.Seal([]byte{tokenVersion}, nil, plain, b.bytes()))
}

// Read returns the cursor of a token that was minted for the same binding, nil
// for no token at all. Any other is [ErrBroken].
func (t *Tokens) Read(b Binding, token string) ([]string, error) {
	if token == "" {
		return nil, nil
	}
	if len(token) > MaxToken {
		return nil, ErrBroken
	}
	raw, err := base64url.DecodeString(token)
	if err != nil || len(raw) == 0 || raw[0] != tokenVersion {
		return nil, ErrBroken
	}
	plain, err := t.aead.Open(nil, nil, raw[1:], b.bytes())
	if err != nil {
		return nil, ErrBroken
	}
	return splitParts(plain)
}

// bytes returns the binding in a form that no other binding has.
func (b Binding) bytes() []byte {
	filters := sha256.Sum256([]byte(b.Filters)) // of any length
	out := make([]byte, 0, 256)
	for _, part := range []string{b.Operation, b.Account, b.Region, b.Caller} {
		out = appendPart(out, part)
	}
	return append(out, filters[:]...)
}

func appendPart(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func splitParts(b []byte) ([]string, error) {
	parts := []string{}
	for len(b) > 0 {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			return nil, ErrBroken
		}
		parts = append(parts, string(b[used:used+int(n)]))
		b = b[used+int(n):]
	}
	return parts, nil
}

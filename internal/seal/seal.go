// Package seal keeps secrets at rest and vouches for what it gave out: sealed
// values for rows, keyed digests for idempotency, page tokens for lists.
//
// A key never leaves the process that loaded it and never lies beside what it
// seals: the key file stands in the data directory or elsewhere and is left
// out of backups. Every sealed value and every digest names the key that made
// it, so that keys can be rotated: the first key of the file seals, all open.
//
// Out of one key come several by HKDF, one per purpose, so that nothing made
// for one can pass for another.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

var (
	// ErrUnknownKey says that a value was sealed with a key that is not
	// loaded.
	ErrUnknownKey = errors.New("seal: sealed with a key that is not in the key file")
	// ErrBroken says that a value is not one of ours, was changed, or was
	// sealed for something else.
	ErrBroken = errors.New("seal: not a value sealed for this")
)

// Keys seal and open. They are safe for use by many goroutines.
type Keys struct {
	active *key
	byID   map[string]*key
}

// A key is one line of the key file, made ready for its purposes.
type key struct {
	id     string
	aead   cipher.AEAD
	hashes sync.Pool // HMAC-SHA256 for digests
}

// New returns Keys of which the first seals and all open.
func New(secrets ...[]byte) (*Keys, error) {
	if len(secrets) == 0 {
		return nil, errors.New("seal: no key")
	}
	keys := &Keys{byID: make(map[string]*key, len(secrets))}
	for _, secret := range secrets {
		k, err := newKey(secret)
		if err != nil {
			return nil, err
		}
		if _, twice := keys.byID[k.id]; twice {
			return nil, fmt.Errorf("seal: key %s stands there twice", k.id)
		}
		keys.byID[k.id] = k
		if keys.active == nil {
			keys.active = k
		}
	}
	return keys, nil
}

// Ephemeral returns Keys that end with the process, for a store that does so
// too.
func Ephemeral() *Keys {
	keys, err := New(newSecret())
	if err != nil {
		panic(err) // a key of the right length is always a key
	}
	return keys
}

func newSecret() []byte {
	secret := make([]byte, KeySize)
	rand.Read(secret) // never fails: the runtime ends the process first
	return secret
}

func newKey(secret []byte) (*key, error) {
	if len(secret) != KeySize {
		return nil, fmt.Errorf("seal: a key of %d bytes, want %d", len(secret), KeySize)
	}
	// The id is what the key would be called by anybody who has it; it says
	// nothing about the key.
	id, err := derive(secret, "larder key id", 4)
	if err != nil {
		return nil, err
	}
	sealing, err := derive(secret, "larder seal", KeySize)
	if err != nil {
		return nil, err
	}
	digesting, err := derive(secret, "larder digest", KeySize)
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(sealing)
	if err != nil {
		return nil, err
	}
	k := &key{id: hex.EncodeToString(id), aead: aead}
	k.hashes.New = func() any { return hmac.New(sha256.New, digesting) }
	return k, nil
}

func derive(secret []byte, purpose string, size int) ([]byte, error) {
	return hkdf.Key(sha256.New, secret, nil, purpose, size)
}

// newAEAD returns AES-256-GCM that makes its own nonces. They are random, so
// one key may seal about 2^32 values.
func newAEAD(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealedForm begins every sealed value: its name and version.
const sealedForm = "sealed1."

var base64url = base64.RawURLEncoding.Strict() // one text for one value

// Seal encrypts plaintext. The result is printable and may be kept in a row
// or in JSON; it opens only with the same context, which says where the value
// belongs ("provisioned product pp-… parameter Password"), so that a sealed
// value cannot be moved elsewhere.
func (k *Keys) Seal(plaintext []byte, context string) string {
	sealed := k.active.aead.Seal(nil, nil, plaintext, []byte(context))
	return sealedForm + k.active.id + "." + base64url.EncodeToString(sealed)
}

// Open decrypts what [Keys.Seal] gave for the same context. The error is
// [ErrUnknownKey] or [ErrBroken].
func (k *Keys) Open(sealed, context string) ([]byte, error) {
	id, text, ok := cutSealed(sealed)
	if !ok {
		return nil, ErrBroken
	}
	key, ok := k.byID[id]
	if !ok {
		return nil, fmt.Errorf("%w: key %s", ErrUnknownKey, id)
	}
	raw, err := base64url.DecodeString(text)
	if err != nil {
		return nil, ErrBroken
	}
	plaintext, err := key.aead.Open(nil, nil, raw, []byte(context))
	if err != nil {
		return nil, ErrBroken
	}
	return plaintext, nil
}

// IsSealed reports whether s has the form of a sealed value.
func IsSealed(s string) bool {
	_, _, ok := cutSealed(s)
	return ok
}

// Stale reports whether a sealed value was sealed with a key that no longer
// seals: it should be opened and sealed anew before that key is dropped.
func (k *Keys) Stale(sealed string) bool {
	id, _, ok := cutSealed(sealed)
	return ok && id != k.active.id
}

func cutSealed(s string) (id, text string, ok bool) {
	rest, ok := strings.CutPrefix(s, sealedForm)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, ".")
}

// Digest returns a keyed digest of data (HMAC-SHA256) under a context. Whoever
// reads the database learns nothing about the data from it, not even by
// guessing. Compare with [Keys.Matches], which knows retired keys too.
func (k *Keys) Digest(data []byte, context string) string {
	return k.active.digest(data, context)
}

// Matches reports whether digest is what Digest once gave for data and
// context.
func (k *Keys) Matches(digest string, data []byte, context string) bool {
	id, _, ok := strings.Cut(digest, ".")
	if !ok {
		return false
	}
	key, ok := k.byID[id]
	return ok && hmac.Equal([]byte(digest), []byte(key.digest(data, context)))
}

func (k *key) digest(data []byte, context string) string {
	h := k.hashes.Get().(hash.Hash)
	h.Reset()
	writePart(h, context)
	h.Write(data)
	var sum [sha256.Size]byte
	text := k.id + "." + base64url.EncodeToString(h.Sum(sum[:0]))
	k.hashes.Put(h)
	return text
}

// writePart writes s so that its end cannot be mistaken for what follows.
func writePart(h hash.Hash, s string) {
	var length [8]byte
	for i := range length {
		length[i] = byte(len(s) >> (8 * i))
	}
	h.Write(length[:])
	h.Write([]byte(s))
}

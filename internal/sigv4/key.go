package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"sync"
)

// A scope is what one signing key is good for.
type scope struct{ accessKeyID, day, region, service string }

// signingKey derives the key of a scope from a secret.
func signingKey(secret, day, region, service string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{day, region, service, terminator} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	return key
}

// A macKey is a signing key at work: hashes keyed with it, ready to be used.
type macKey struct {
	secret string // of which the key was derived
	hashes sync.Pool
}

func newMACKey(secret string, s scope) *macKey {
	key := signingKey(secret, s.day, s.region, s.service)
	return &macKey{secret: secret, hashes: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// append appends the MAC of message.
func (k *macKey) append(dst, message []byte) []byte {
	h := k.hashes.Get().(hash.Hash)
	h.Reset()
	h.Write(message)
	dst = h.Sum(dst)
	k.hashes.Put(h)
	return dst
}

// maxKeys bounds the cache: one caller needs one key per day, region and
// service.
const maxKeys = 4096

// A keyCache keeps derived keys: deriving one costs four hashes.
type keyCache struct {
	mu   sync.RWMutex
	keys map[scope]*macKey
}

func (c *keyCache) get(s scope, secret string) *macKey {
	c.mu.RLock()
	k := c.keys[s]
	c.mu.RUnlock()
	// A key that was deleted and made again under the same id has another
	// secret.
	if k != nil && subtle.ConstantTimeCompare([]byte(k.secret), []byte(secret)) == 1 {
		return k
	}
	k = newMACKey(secret, s)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil {
		c.keys = make(map[scope]*macKey)
	}
	if _, known := c.keys[s]; !known && len(c.keys) >= maxKeys {
		for some := range c.keys { // yesterday's or any other: it is derived again when asked for
			delete(c.keys, some)
			break
		}
	}
	c.keys[s] = k
	return k
}

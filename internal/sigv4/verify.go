package sigv4

import (
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"sync"
	"time"
)

// A Verifier verifies signatures and remembers the keys that it derived. The
// zero Verifier is ready; many goroutines may use one.
type Verifier struct {
	keys    keyCache
	scratch sync.Pool
}

// scratch is the room in which one signature is calculated.
type scratch struct{ canonical, toSign []byte }

// Verify checks that r with its body was signed with secret, recently, and
// that the signature covers what it must. auth is what [Parse] read from r.
// All errors are of type [*Error].
func (v *Verifier) Verify(r *http.Request, body []byte, auth Authorization, secret string, now time.Time) error {
	if err := auth.current(now); err != nil {
		return err
	}
	if err := auth.covers(r.Header); err != nil {
		return err
	}
	if len(r.URL.RawQuery) > maxQuery {
		return invalid(mismatch)
	}
	s, ok := v.scratch.Get().(*scratch)
	if !ok {
		s = new(scratch)
	}
	defer v.scratch.Put(s)
	s.canonical = appendCanonical(s.canonical[:0], r, auth.SignedHeaders, auth.Presigned(), body)
	s.toSign = appendStringToSign(s.toSign[:0], auth.stamp, auth.Day, auth.Region, auth.Service, s.canonical)
	key := v.keys.get(scope{auth.AccessKeyID, auth.Day, auth.Region, auth.Service}, secret)
	// The canonical request is hashed and no longer needed: its room takes
	// the signature.
	sum := key.append(s.canonical[:0], s.toSign)
	signature := hex.AppendEncode(s.toSign[:0], sum)
	if subtle.ConstantTimeCompare(signature, []byte(auth.Signature)) != 1 {
		return invalid(mismatch)
	}
	return nil
}

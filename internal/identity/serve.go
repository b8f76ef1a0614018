package identity

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/seal"
	"larder/internal/sigv4"
)

// Serve identifies callers by their signatures and knows the accounts and
// principals in the database. What it read of an access key it remembers for a
// few seconds, or until this process changes something; a change made by
// another process counts when that time is over.
type Serve struct {
	db       *db.DB
	keys     *seal.Keys
	now      func() time.Time
	verifier sigv4.Verifier
	managed  map[string]managedPolicy
	targets  map[api.Op]target
	known    keyCache

	organizations organizations
}

// NewServe returns a Serve over a database and the keys that seal its secrets.
// now is the clock that signatures and sessions are judged by; nil for the
// system's.
func NewServe(d *db.DB, keys *seal.Keys, now func() time.Time) (*Serve, error) {
	managed, err := readManaged()
	if err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	return &Serve{db: d, keys: keys, now: now, managed: managed, targets: readTargets()}, nil
}

// Authenticate returns the caller who signed r with its body. Its errors are
// of type *[api.Error] and in AWS's words, unless the database failed.
func (s *Serve) Authenticate(r *http.Request, body []byte) (Caller, error) {
	auth, err := sigv4.Parse(r)
	if err != nil {
		return Caller{}, refusal(err)
	}
	if err := checkScope(auth); err != nil {
		return Caller{}, err
	}
	now := s.now()
	c, err := s.credential(r.Context(), auth.AccessKeyID, now)
	if err != nil {
		return Caller{}, err
	}
	if c == nil || !s.hasToken(c, &auth) {
		return Caller{}, unrecognized()
	}
	if err := s.verifier.Verify(r, body, auth, c.secret, now); err != nil {
		return Caller{}, refusal(err)
	}
	// Only who holds the secret learns that a session was good once.
	if !c.expires.IsZero() && !now.Before(c.expires) {
		return Caller{}, expired()
	}
	caller := c.caller.in(auth.Region)
	caller.Service = auth.Service
	return caller, nil
}

// hasToken reports whether the request carries the session token that belongs
// to the key: that of the session, or none for a user's own.
func (s *Serve) hasToken(c *credential, auth *sigv4.Authorization) bool {
	if c.token == "" {
		return auth.SessionToken == ""
	}
	return s.keys.Matches(c.token, []byte(auth.SessionToken), tokenContext(auth.AccessKeyID))
}

// in returns the caller as one of a region's. Outside of partition aws their
// ARNs begin otherwise.
func (c Caller) in(region string) Caller {
	c.Region = region
	partition := id.Partition(region)
	if partition == "aws" {
		return c
	}
	move := func(arn string) string { return strings.Replace(arn, "arn:aws:", "arn:"+partition+":", 1) }
	c.ARN, c.Role = move(c.ARN), move(c.Role)
	groups := make([]string, len(c.Groups))
	for i, g := range c.Groups {
		groups[i] = move(g)
	}
	c.Groups = groups
	return c
}

// credential returns what an access key stands for, nil if nobody has it.
func (s *Serve) credential(ctx context.Context, accessKeyID string, now time.Time) (*credential, error) {
	if !isAccessKeyID(accessKeyID) {
		return nil, nil
	}
	c, generation, ok := s.known.get(accessKeyID, now)
	if ok {
		return c, nil
	}
	c, err := s.load(ctx, accessKeyID)
	if err != nil {
		return nil, err
	}
	s.known.put(accessKeyID, c, generation, now.Add(keyLife))
	return c, nil
}

const (
	// keyLife is for how long another process's change may go unnoticed.
	keyLife = 5 * time.Second
	// maxKnown bounds the cache, also against keys that nobody has.
	maxKnown = 10000
)

// A keyCache remembers access keys, those that nobody has among them.
type keyCache struct {
	mu         sync.RWMutex
	generation uint64
	keys       map[string]cachedKey
}

type cachedKey struct {
	credential *credential
	until      time.Time
}

// get also returns the cache's generation, for put.
func (k *keyCache) get(accessKeyID string, now time.Time) (*credential, uint64, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	c, ok := k.keys[accessKeyID]
	return c.credential, k.generation, ok && now.Before(c.until)
}

// put remembers what was loaded, unless something has changed meanwhile.
func (k *keyCache) put(accessKeyID string, c *credential, generation uint64, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.generation != generation {
		return
	}
	if k.keys == nil || len(k.keys) >= maxKnown {
		k.keys = make(map[string]cachedKey)
	}
	k.keys[accessKeyID] = cachedKey{c, until}
}

// forget is called after every change of a principal, a key or a policy.
func (k *keyCache) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.generation++
	k.keys = nil
}

package identity_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/identity"
	"larder/internal/seal"
	"larder/internal/sigv4"
)

// A clock that stands until it is set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// A world is a bootstrapped store and whoever serves it.
type world struct {
	*identity.Serve
	db    *db.DB
	keys  *seal.Keys
	clock *clock
	admin identity.Administrator
}

const account = "123456789012"

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, dbtest.New(t))
}

func newWorldOn(t testing.TB, d *db.DB) *world {
	t.Helper()
	w := &world{db: d, keys: seal.Ephemeral(), clock: &clock{t: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}}
	a, err := identity.Bootstrap(t.Context(), d, w.keys, account, func(identity.Administrator) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	w.admin = *a
	w.Serve = w.another(t)
	return w
}

// another is a second process on the same store.
func (w *world) another(t testing.TB) *identity.Serve {
	t.Helper()
	s, err := identity.NewServe(w.db, w.keys, w.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var body = []byte(`{}`)

// request is a call of Service Catalog, unsigned.
func request() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8420/", bytes.NewReader(body))
	r.Header.Set("X-Amz-Target", "AWS242ServiceCatalogService.ListPortfolios")
	return r
}

func signed(creds identity.Credentials, region string, at time.Time) *http.Request {
	r := request()
	sigv4.Sign(r, body, creds, "servicecatalog", region, at)
	return r
}

// as authenticates a call with the credentials.
func (w *world) as(t testing.TB, creds identity.Credentials) context.Context {
	t.Helper()
	c, err := w.Authenticate(signed(creds, "us-east-1", w.clock.now()), body)
	if err != nil {
		t.Fatal(err)
	}
	return identity.WithCaller(t.Context(), c)
}

// wants checks an error's code and text.
func wants(t testing.TB, err error, code, message string) {
	t.Helper()
	if got := api.Code(err); got != code || message != "" && err.Error() != code+": "+message {
		t.Errorf("error %v, want %s: %s", err, code, message)
	}
}

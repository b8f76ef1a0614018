package fetch_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"larder/internal/fetch"
)

var local = fetch.Policy{HTTP: true, Loopback: true}

func newClient(t testing.TB, p fetch.Policy) *fetch.Client {
	t.Helper()
	c, err := fetch.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// wants checks that err is a fetch error for a reason, with words in it.
func wants(t *testing.T, err error, reason fetch.Reason, words string) {
	t.Helper()
	e, ok := errors.AsType[*fetch.Error](err)
	if !ok || e.Reason != reason || !strings.Contains(err.Error(), words) {
		t.Errorf("error %v, want one that is %v and says %q", err, reason, words)
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/x")
		io.WriteString(w, r.Method+" "+r.URL.RequestURI()+" "+r.UserAgent()) //nolint:errcheck // the client's side judges
	})
	got, err := newClient(t, local).Get(t.Context(), at+"/a?b=c")
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Body) != "GET /a?b=c larder" || got.URL != at+"/a?b=c" || got.Header.Get("Content-Type") != "text/x" {
		t.Errorf("got %+v", got)
	}
}

func TestPost(t *testing.T) {
	t.Parallel()
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)                                  //nolint:errcheck // the client's side judges
		io.WriteString(w, r.Method+r.Header.Get("X-Token")) //nolint:errcheck // the client's side judges
	})
	got, err := newClient(t, local).Post(t.Context(), at, http.Header{"X-Token": {"t"}}, []byte("body "))
	if err != nil || string(got.Body) != "body POSTt" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := newClient(t, local).Send(t.Context(), "BAD METHOD", at, nil, nil); err == nil {
		t.Error("a method with a space was sent")
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	at := serve(t, func(http.ResponseWriter, *http.Request) {})
	_, port, err := net.SplitHostPort(strings.TrimPrefix(at, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, url string
		policy    fetch.Policy
		reason    fetch.Reason // 0: it is fetched
		words     string
	}{
		{"allowed", at, local, 0, ""},
		{"http", at, fetch.Policy{Loopback: true}, fetch.Refused, "http is not allowed, use https"},
		{"loopback", at, fetch.Policy{HTTP: true}, fetch.Refused, "loopback addresses are not allowed"},
		{"a name that resolves to loopback", "http://localhost:" + port, fetch.Policy{HTTP: true, Private: true, LinkLocal: true}, fetch.Refused, "loopback addresses are not allowed"},
		{"unspecified", "http://0.0.0.0:" + port, fetch.Policy{HTTP: true, Private: true}, fetch.Refused, "loopback"},
		{"IPv4 in IPv6", "http://[::ffff:127.0.0.1]:" + port, fetch.Policy{HTTP: true}, fetch.Refused, "loopback"},
		{"::1", "http://[::1]:" + port, fetch.Policy{HTTP: true}, fetch.Refused, "loopback"},
		{"private", "https://10.1.2.3", fetch.Policy{Loopback: true, LinkLocal: true}, fetch.Refused, "private addresses are not allowed"},
		{"private 172", "https://172.16.0.1", fetch.Policy{}, fetch.Refused, "private"},
		{"private 192", "https://192.168.0.1", fetch.Policy{}, fetch.Refused, "private"},
		{"carriers", "https://100.64.0.1", fetch.Policy{}, fetch.Refused, "private"},
		{"unique local", "https://[fd12::1]", fetch.Policy{}, fetch.Refused, "private"},
		{"NAT64", "https://[64:ff9b::7f00:1]", fetch.Policy{Loopback: true}, fetch.Refused, "private"},
		{"6to4", "https://[2002:7f00:1::]", fetch.Policy{Loopback: true}, fetch.Refused, "private"},
		{"metadata", "http://169.254.169.254/latest/meta-data", fetch.Policy{HTTP: true, Loopback: true, Private: true}, fetch.Refused, "metadata"},
		{"metadata by IPv6", "http://[fd00:ec2::254]/latest", fetch.Policy{HTTP: true, Loopback: true, Private: true}, fetch.Refused, "metadata"},
		{"link-local", "https://[fe80::1]", fetch.Policy{Private: true}, fetch.Refused, "link-local"},
		{"multicast", "https://224.0.0.1", fetch.Policy{Loopback: true, Private: true, LinkLocal: true}, fetch.Refused, "multicast"},
		{"decimal", "https://2130706433/", fetch.Policy{}, fetch.Unreachable, ""},
		{"ftp", "ftp://example.com/x", local, fetch.Refused, `scheme "ftp" is not allowed`},
		{"no host", "https:///x", local, fetch.Refused, "no host"},
		{"opaque", "https:example.com", local, fetch.Refused, "no host"},
		{"a password", "https://u:secret@example.com/", local, fetch.Refused, "user name or password"},
		{"no URL", "http://[::1", local, fetch.Invalid, "cannot be parsed"},
		{"long", "http://x/" + strings.Repeat("a", 9000), local, fetch.Invalid, "longer than"},
		{"a file", "file:///etc/passwd", local, fetch.Refused, "local files are not allowed"},
		{"a path", "/etc/passwd", local, fetch.Refused, "local files are not allowed"},
		{"closed", "http://127.0.0.1:1", local, fetch.Unreachable, "connection refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.policy.Timeout = 5 * time.Second
			_, err := newClient(t, tt.policy).Get(t.Context(), tt.url)
			if tt.reason == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if tt.name == "decimal" && strings.Contains(err.Error(), "not allowed") {
				return // a resolver that takes it for an address finds it refused
			}
			wants(t, err, tt.reason, tt.words)
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows a password: %v", err)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
		} else if r.URL.Path == "/loop" {
			http.Redirect(w, r, "/loop", http.StatusFound)
		}
	})
	tests := []struct {
		name, to string
		reason   fetch.Reason
		words    string
	}{
		{"followed", "/end", 0, ""},
		{"to the metadata service", "http://169.254.169.254/latest/meta-data/iam", fetch.Refused, "metadata addresses are not allowed"},
		{"to a private address", "http://10.0.0.1/", fetch.Refused, "private addresses are not allowed"},
		{"to a file", "file:///etc/passwd", fetch.Refused, `scheme "file" is not allowed`},
		{"to another scheme", "gopher://x/", fetch.Refused, `scheme "gopher" is not allowed`},
		{"with a password", "http://u:p@127.0.0.1/", fetch.Refused, "user name or password"},
		{"without end", "/loop", fetch.Refused, "more than 5 redirects"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := newClient(t, local).Get(t.Context(), at+"/?to="+tt.to)
			if tt.reason == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wants(t, err, tt.reason, tt.words)
		})
	}
	none := local
	none.MaxRedirects = -1
	_, err := newClient(t, none).Get(t.Context(), at+"/?to=/end")
	wants(t, err, fetch.Refused, "more than 0 redirects")
}

// TestRedirectedBody sends what a redirect would drop or repeat.
func TestRedirectedBody(t *testing.T) {
	t.Parallel()
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/dropped":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/repeated":
			http.Redirect(w, r, "/", http.StatusPermanentRedirect)
		default:
			io.Copy(w, r.Body) //nolint:errcheck // the client's side judges
		}
	})
	c := newClient(t, local)
	if got, err := c.Post(t.Context(), at+"/repeated", nil, []byte("x")); err != nil || string(got.Body) != "x" {
		t.Errorf("got %v, %v", got, err)
	}
	_, err := c.Post(t.Context(), at+"/dropped", nil, []byte("x"))
	wants(t, err, fetch.Refused, "would leave out what was sent")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	c := newClient(t, fetch.Policy{})
	for url, words := range map[string]string{
		"https://engine.example/tf":  "",
		"http://engine.example":      "use https",
		"https://10.0.0.1":           "private",
		"https://[::1]:8443":         "loopback",
		"https://u:p@engine.example": "user name or password",
		"engine":                     "scheme",
		"https://":                   "no host",
		"https://a b":                "cannot be parsed",
	} {
		err := c.Check(url)
		switch {
		case words == "" && err != nil:
			t.Errorf("%s: %v", url, err)
		case words != "":
			e, ok := errors.AsType[*fetch.Error](err)
			if !ok || !strings.Contains(e.Error(), words) {
				t.Errorf("%s: %v, want %q", url, err, words)
			}
		}
	}
	if err := newClient(t, local).Check("http://127.0.0.1:1"); err != nil {
		t.Error(err)
	}
}

func TestShown(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]string{
		"https://u:p@h.example/a?token=secret#f": "https://h.example/a",
		"https://a b":                            "the URL",
	} {
		if got := fetch.Shown(location); got != want {
			t.Errorf("%s is shown as %s, want %s", location, got, want)
		}
	}
}

// A server at another address of this machine redirects to loopback, as a name
// would that resolves to something else the second time.
func TestRedirectToLoopback(t *testing.T) {
	t.Parallel()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var own netip.Addr
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() && !p.Addr().IsLinkLocalUnicast() {
			own = p.Addr()
		}
	}
	if !own.IsValid() {
		t.Skip("this machine has loopback addresses only")
	}
	inner := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("loopback was reached") })
	listener, err := net.Listen("tcp", netip.AddrPortFrom(own, 0).String())
	if err != nil {
		t.Skipf("cannot listen at %s: %v", own, err)
	}
	outer := httptest.NewUnstartedServer(http.RedirectHandler(inner, http.StatusTemporaryRedirect))
	outer.Listener.Close() //nolint:errcheck // another takes its place
	outer.Listener = listener
	outer.Start()
	t.Cleanup(outer.Close)

	c := newClient(t, fetch.Policy{HTTP: true, Private: true})
	_, err = c.Get(t.Context(), outer.URL)
	wants(t, err, fetch.Refused, "loopback addresses are not allowed")
	_, err = c.Post(t.Context(), outer.URL, nil, []byte("x"))
	wants(t, err, fetch.Refused, "loopback addresses are not allowed")
}

func TestBounds(t *testing.T) {
	t.Parallel()
	blocked := make(chan struct{})
	t.Cleanup(func() { close(blocked) })
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/exact":
			w.Write(make([]byte, 1000)) //nolint:errcheck // the client's side judges
		case "/declared":
			w.Header().Set("Content-Length", "1001")
			w.Write(make([]byte, 1001)) //nolint:errcheck // the client hangs up
		case "/streamed":
			for range 100 {
				w.Write(make([]byte, 100)) //nolint:errcheck // the client hangs up
			}
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(make([]byte, 1<<20)) //nolint:errcheck // the client hangs up
			z.Close()                    //nolint:errcheck // the client hangs up
		case "/silent":
			select {
			case <-blocked:
			case <-r.Context().Done():
			}
		case "/slow":
			w.Write([]byte("x")) //nolint:errcheck // the client hangs up
			w.(http.Flusher).Flush()
			select {
			case <-blocked:
			case <-r.Context().Done():
			}
		case "/broken":
			w.Header().Set("Content-Length", "10")
			w.Write([]byte("x")) //nolint:errcheck // on purpose
		}
	})
	p := local
	p.MaxBytes, p.Timeout = 1000, 300*time.Millisecond
	c := newClient(t, p)
	if got, err := c.Get(t.Context(), at+"/exact"); err != nil || len(got.Body) != 1000 {
		t.Errorf("as much as is allowed: %v", err)
	}
	for path, want := range map[string]struct {
		reason fetch.Reason
		words  string
	}{
		"/declared": {fetch.TooLarge, "larger than 1000 bytes"},
		"/streamed": {fetch.TooLarge, "larger than 1000 bytes"},
		"/bomb":     {fetch.TooLarge, "larger than 1000 bytes"},
		"/silent":   {fetch.TimedOut, "no complete answer within 300ms"},
		"/slow":     {fetch.TimedOut, "no complete answer within 300ms"},
		"/broken":   {fetch.Unreachable, "no answer"},
	} {
		_, err := c.Get(t.Context(), at+path)
		wants(t, err, want.reason, want.words)
	}

	// The caller's own end of patience is his own error.
	ctx, cancel := context.WithCancelCause(t.Context())
	mine := errors.New("mine")
	cancel(mine)
	if _, err := c.Get(ctx, at+"/silent"); !errors.Is(err, mine) {
		t.Errorf("canceled: %v", err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		code := map[string]int{"/404": 404, "/403": 403, "/503": 503}[r.URL.Path]
		w.WriteHeader(code)
	})
	c := newClient(t, local)
	for path, want := range map[string]struct {
		reason    fetch.Reason
		temporary bool
	}{"/404": {fetch.NotFound, false}, "/403": {fetch.Status, false}, "/503": {fetch.Status, true}} {
		_, err := c.Get(t.Context(), at+path+"?token=secret")
		wants(t, err, want.reason, "the server answered "+path[1:])
		e, ok := errors.AsType[*fetch.Error](err)
		if !ok || e.Temporary() != want.temporary || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v, temporary %v", err, e.Temporary())
		}
	}
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	s.Config.ErrorLog = nil
	_, err := newClient(t, fetch.Policy{Loopback: true}).Get(t.Context(), s.URL)
	wants(t, err, fetch.Unreachable, "certificate")
}

func TestReasonNames(t *testing.T) {
	t.Parallel()
	for r := fetch.Refused; r <= fetch.Unreachable; r++ {
		if strings.HasPrefix(r.String(), "Reason(") {
			t.Errorf("reason %d has no name", r)
		}
	}
}

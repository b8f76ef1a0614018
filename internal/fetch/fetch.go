// Package fetch is the one way out: every outgoing request of the server goes
// through it, for templates, includes, custom resources, macros and webhooks.
//
// A URL comes from a caller, so it is not trusted. The [Policy] is enforced
// where it cannot be deceived: on the address that is dialed, after the name
// was resolved, and again on each redirect, so that neither a name that
// resolves to two things nor a redirect reaches what the URL itself may not.
// Size and time are bounded. Proxies of the environment are not used: behind
// one, the address dialed would be the proxy's and the policy blind.
package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// A Client fetches under one policy. It is safe for use by many goroutines.
type Client struct {
	policy Policy
	s3     *url.URL // nil: S3 is fetched where its URLs say
	judged *http.Client
	// trusted talks to the operator's S3 endpoint alone. Its connections are
	// kept apart, lest one be used for a caller's URL that names the same
	// host.
	trusted *http.Client
}

// New returns a Client. The error is about the policy.
func New(p Policy) (*Client, error) {
	p = p.withDefaults()
	c := &Client{policy: p}
	if p.S3Endpoint != "" {
		u, err := url.Parse(p.S3Endpoint)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" {
			return nil, fmt.Errorf("fetch: S3 endpoint %q is no plain http or https URL", p.S3Endpoint)
		}
		c.s3 = u
	}
	c.judged = c.newHTTPClient(c.control)
	c.trusted = c.newHTTPClient(nil)
	return c, nil
}

func (c *Client) newHTTPClient(control func(network, address string, _ syscall.RawConn) error) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: control}
	return &http.Client{
		CheckRedirect: c.checkRedirect,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           32,
			MaxIdleConnsPerHost:    4,
			MaxConnsPerHost:        64,
			IdleConnTimeout:        60 * time.Second,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// Check reports what is wrong with an http or https URL, as far as that can be
// seen before anything is sent there: a setting is better refused at the start.
func (c *Client) Check(location string) error {
	u, err := parse(location)
	if err != nil {
		return err
	}
	if err := c.policy.allowsURL(u); err != nil {
		return err
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		if why := c.policy.allowsAddress(a); why != "" {
			return refused(u, why)
		}
	}
	return nil
}

// control is called with the resolved address just before it is dialed, once
// for each that is tried.
func (c *Client) control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return &forbidden{"an address of this kind is not allowed"}
	}
	if why := c.policy.allowsAddress(a.Addr()); why != "" {
		return &forbidden{why}
	}
	return nil
}

// forbidden is how control and checkRedirect tell a refusal through net/http.
type forbidden struct{ why string }

func (f *forbidden) Error() string { return f.why }

// Response is what was fetched.
type Response struct {
	Body   []byte
	URL    string      // where it came from, after redirects; its query may be a secret
	Header http.Header // nil of a file
}

// Get fetches an http or https URL, an s3:// URL, or, from the policy's roots,
// a file:// URL or a plain path. Every error is an [*Error], except that of a
// ctx that ended.
func (c *Client) Get(ctx context.Context, location string) (*Response, error) {
	u, err := parse(location)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "file" || u.Scheme == "" {
		return c.readFile(u)
	}
	return c.exchange(ctx, http.MethodGet, u, nil, nil)
}

// Post sends body to an http or https URL and returns the answer.
func (c *Client) Post(ctx context.Context, location string, header http.Header, body []byte) (*Response, error) {
	return c.Send(ctx, http.MethodPost, location, header, body)
}

// Send sends body to an http or https URL with any method and returns the
// answer.
func (c *Client) Send(ctx context.Context, method, location string, header http.Header, body []byte) (*Response, error) {
	u, err := parse(location)
	if err != nil {
		return nil, err
	}
	return c.exchange(ctx, method, u, header, body)
}

const maxURL = 8 << 10

func parse(location string) (*url.URL, error) {
	if len(location) > maxURL {
		return nil, &Error{Reason: Invalid, URL: "the URL", Message: fmt.Sprintf("longer than %d bytes", maxURL)}
	}
	if !strings.Contains(location, ":") {
		return &url.URL{Path: location}, nil // a plain path, of any characters
	}
	u, err := url.Parse(location)
	if err != nil {
		// The text of err would repeat the URL with its query.
		return nil, &Error{Reason: Invalid, URL: "the URL", Message: "it cannot be parsed", Err: err}
	}
	return u, nil
}

func (c *Client) exchange(ctx context.Context, method string, u *url.URL, header http.Header, body []byte) (*Response, error) {
	target, client, err := c.route(u)
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, c.policy.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(within, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fail(Invalid, u, "no request can be made of it", err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", c.policy.UserAgent)
	resp, err := client.Do(req)
	if err != nil {
		return nil, c.explain(ctx, u, err)
	}
	defer resp.Body.Close()
	if resp.ContentLength > c.policy.MaxBytes {
		return nil, tooLarge(u, c.policy.MaxBytes)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, c.policy.MaxBytes+1))
	if err != nil {
		return nil, c.explain(ctx, u, err)
	}
	if int64(len(answer)) > c.policy.MaxBytes {
		return nil, tooLarge(u, c.policy.MaxBytes)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, badStatus(u, resp, answer)
	}
	return &Response{Body: answer, URL: resp.Request.URL.String(), Header: resp.Header}, nil
}

// route decides where a URL is really fetched and by which client.
func (c *Client) route(u *url.URL) (*url.URL, *http.Client, error) {
	object, isS3 := parseS3(u)
	if isS3 && c.s3 != nil {
		return object.at(c.s3), c.trusted, nil
	}
	if isS3 && u.Scheme == "s3" {
		u = object.public()
	}
	if err := c.policy.allowsURL(u); err != nil {
		return nil, nil, err
	}
	return u, c.judged, nil
}

// checkRedirect judges the next hop as a URL of its own. A redirect of the S3
// endpoint is not followed anywhere else: the operator vouched for that host
// alone.
func (c *Client) checkRedirect(next *http.Request, before []*http.Request) error {
	if len(before) > c.policy.MaxRedirects {
		return &forbidden{fmt.Sprintf("more than %d redirects", c.policy.MaxRedirects)}
	}
	if c.s3 != nil && before[0].URL.Host == c.s3.Host {
		if next.URL.Host == c.s3.Host && next.URL.Scheme == c.s3.Scheme {
			return nil
		}
		return &forbidden{"the S3 endpoint redirects elsewhere"}
	}
	if err := c.policy.allowsURL(next.URL); err != nil {
		return &forbidden{"redirected to " + err.Error()}
	}
	if before[len(before)-1].URL.Scheme == "https" && next.URL.Scheme == "http" {
		return &forbidden{"redirected from https to http"}
	}
	if next.Method != before[0].Method {
		return &forbidden{"a redirect would leave out what was sent; only 307 and 308 repeat it"}
	}
	return nil
}

// explain turns what net/http says into one of our errors. ctx is the
// caller's: if that ended, its own error is the answer.
func (c *Client) explain(ctx context.Context, u *url.URL, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if f, ok := errors.AsType[*forbidden](err); ok {
		return refused(u, f.why)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return timedOut(u, c.policy.Timeout, err)
	}
	message := "no answer"
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		message = "the host's name cannot be resolved"
		if dns.IsNotFound {
			message = "there is no such host"
		}
	} else if strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "x509: ") {
		message = "no secure connection: the server's certificate or protocol is not accepted"
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		message = "connection refused"
	}
	return fail(Unreachable, u, message, err)
}

func badStatus(u *url.URL, resp *http.Response, body []byte) *Error {
	e := fail(Status, u, "the server answered "+resp.Status, nil)
	e.Status = resp.StatusCode
	if e.Status == http.StatusNotFound || e.Status == http.StatusGone {
		e.Reason = NotFound
	}
	if _, isS3 := parseS3(u); isS3 {
		if text, ok := s3Message(body); ok {
			// CloudFormation's words for a template it may not read.
			e.Message = "S3 error: " + text
		}
	}
	return e
}

package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"larder/internal/api"
	"larder/internal/awsquery"
	"larder/internal/identity"
	"larder/internal/sigv4"
)

// catalog is a service of three operations: one that works, one that fails
// in a way nobody foresaw, and one that panics.
type catalog struct{ api.Unimplemented }

func (catalog) DescribePortfolio(ctx context.Context, in *api.DescribePortfolioInput) (*api.DescribePortfolioOutput, error) {
	return &api.DescribePortfolioOutput{PortfolioDetail: &api.PortfolioDetail{
		Id: in.Id, DisplayName: "of " + identity.CallerFrom(ctx).Account,
	}}, nil
}

func (catalog) DescribeProduct(context.Context, *api.DescribeProductInput) (*api.DescribeProductOutput, error) {
	return nil, errors.New("the disk is on fire at postgres://secret")
}

func (catalog) DescribeRecord(context.Context, *api.DescribeRecordInput) (*api.DescribeRecordOutput, error) {
	panic("a bug with a secret")
}

func open(next api.Invoker) api.Invoker { return next }

// anybody authenticates every caller but mallory, and calls without a
// signature as nobody.
func anybody(r *http.Request, _ []byte) (identity.Caller, error) {
	if r.Header.Get("Authorization") == "" && !r.URL.Query().Has("X-Amz-Signature") {
		return identity.Caller{Account: "000000000000", ARN: "anonymous"}, nil
	}
	auth, err := sigv4.Parse(r)
	if err != nil {
		return identity.Caller{}, err
	}
	if auth.AccessKeyID == "mallory" {
		return identity.Caller{}, &sigv4.Error{Code: api.CodeUnrecognizedClient, Message: "The security token included in the request is invalid."}
	}
	c := identity.Caller{Account: auth.AccessKeyID, Region: auth.Region, ARN: "arn:" + auth.AccessKeyID}
	if auth.AccessKeyID == "verified" {
		c.Service = auth.Service
	}
	return c, nil
}

func testConfig() Config {
	return Config{
		Invoke:       api.Local(catalog{}, open),
		Authenticate: anybody,
		CloudFormation: &awsquery.CloudFormationHandlers{
			DescribeStacks: func(_ context.Context, in *awsquery.DescribeStacksInput) (*awsquery.DescribeStacksOutput, error) {
				return &awsquery.DescribeStacksOutput{Stacks: []awsquery.Stack{{StackName: in.StackName}}}, nil
			},
			ListStacks: func(context.Context, *awsquery.ListStacksInput) (*awsquery.ListStacksOutput, error) {
				return nil, errors.New("the disk is on fire")
			},
			ListExports: func(context.Context, *awsquery.ListExportsInput) (*awsquery.ListExportsOutput, error) {
				panic("a bug")
			},
			ListImports: func(context.Context, *awsquery.ListImportsInput) (*awsquery.ListImportsOutput, error) {
				return nil, fmt.Errorf("wrapped: %w", awsquery.ValidationError("wrapped words"))
			},
			GetTemplate: func(context.Context, *awsquery.GetTemplateInput) (*awsquery.GetTemplateOutput, error) {
				return nil, api.AccessDenied("You shall not")
			},
		},
		STS: &awsquery.STSHandlers{
			GetCallerIdentity: func(ctx context.Context, _ *awsquery.GetCallerIdentityInput) (*awsquery.GetCallerIdentityOutput, error) {
				return &awsquery.GetCallerIdentityOutput{Account: identity.CallerFrom(ctx).Account}, nil
			},
		},
		Hosts: []string{"Larder.Example"},
	}
}

// wire is a client with one connection.
type wire struct {
	t      *testing.T
	url    string
	client *http.Client
	reused bool // the last request found the connection of the one before
}

func start(t *testing.T, c Config) *wire {
	srv := httptest.NewUnstartedServer(New(c))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.Start()
	t.Cleanup(srv.Close)
	transport := &http.Transport{MaxConnsPerHost: 1}
	t.Cleanup(transport.CloseIdleConnections)
	return &wire{t: t, url: srv.URL, client: &http.Client{Transport: transport}}
}

type call struct {
	method, path, host string
	header             map[string]string
	body               string
	as                 string // access key id
	service            string // that it is signed for
}

type answer struct {
	status    int
	header    http.Header
	body      string
	code      string // of the error in it
	message   string
	requestID string
}

func (w *wire) send(c call) answer {
	w.t.Helper()
	if c.method == "" {
		c.method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(w.t.Context(), c.method, w.url+c.path, strings.NewReader(c.body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Host = c.host
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	if c.as != "" {
		sigv4.Sign(r, []byte(c.body), sigv4.Credentials{AccessKeyID: c.as, SecretAccessKey: "s"}, c.service, "eu-west-1", time.Now())
	}
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { w.reused = i.Reused },
	}))
	res, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(body), requestID: res.Header.Get("x-amzn-RequestId")}
	if res.Header.Get("Content-Type") == jsonType {
		var e struct {
			Type    string `json:"__type"`
			Message string
		}
		if err := json.Unmarshal(body, &e); err != nil {
			w.t.Errorf("%s: %v", body, err)
		}
		a.code, a.message = e.Type, e.Message
	} else if res.Header.Get("Content-Type") == xmlType {
		var e struct {
			Error     struct{ Code, Message string }
			RequestID string `xml:"RequestId"`
		}
		if err := xml.Unmarshal(body, &e); err != nil {
			w.t.Errorf("%s: %v", body, err)
		}
		a.code, a.message = e.Error.Code, e.Error.Message
		if a.code != "" && e.RequestID != a.requestID {
			w.t.Errorf("the document has request id %q, the header %q", e.RequestID, a.requestID)
		}
	}
	return a
}

const target = "AWS242ServiceCatalogService."

func jsonCall(op, body string) call {
	return call{body: body, header: map[string]string{"X-Amz-Target": target + op, "Content-Type": jsonType}}
}

func formCall(body string) call {
	return call{body: body, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}}
}

var larderCall = call{body: "{}", header: map[string]string{"X-Amz-Target": "Larder.ListUsers", "Content-Type": jsonType}}

// presigned is a GET whose signature, which anybody believes, is in its URL.
func presigned(query, service string) call {
	return call{method: "GET", path: "/?" + query + "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=verified%2F20261121%2Feu-west-1%2F" + service +
		"%2Faws4_request&X-Amz-Date=20261121T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00"}
}

func (c call) with(change func(*call)) call {
	c.header = maps.Clone(c.header)
	change(&c)
	return c
}

func header(name, value string) func(*call) {
	return func(c *call) {
		if c.header == nil {
			c.header = map[string]string{}
		}
		c.header[name] = value
	}
}

func signed(as, service string) func(*call) {
	return func(c *call) { c.as, c.service = as, service }
}

const cfn = "&Version=2010-05-15"

var describe = jsonCall("DescribePortfolio", `{"Id":"port-abcdefghijklm"}`)

func TestAnswers(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"A":`, 100_000)
	for _, c := range []struct {
		name    string
		call    call
		status  int
		code    string
		message string // a regular expression
		closes  bool   // the connection is not used again
	}{
		{"ok", describe, 200, "", "", false},
		{"signed", describe.with(signed("111111111111", "servicecatalog")), 200, "", "", false},
		{"scoped", describe.with(signed("verified", "servicecatalog")), 200, "", "", false},
		{"scoped to another service", describe.with(signed("verified", "sts")), 400, "InvalidSignatureException", "^Credential should be scoped to correct service: 'servicecatalog'. $", false},
		{"scoped to Larder", describe.with(signed("verified", "larder")), 400, "InvalidSignatureException", "'servicecatalog'", false},
		{"Larder scoped to itself", larderCall.with(signed("verified", "larder")), 400, "UnsupportedOperationException", "", false},
		{"Larder scoped to Service Catalog", larderCall.with(signed("verified", "servicecatalog")), 400, "UnsupportedOperationException", "", false},
		{"Larder scoped to another", larderCall.with(signed("verified", "cloudformation")), 400, "InvalidSignatureException", "'larder'", false},
		{"unverified scope", describe.with(signed("111111111111", "sts")), 200, "", "", false},
		{"unknown key", describe.with(signed("mallory", "servicecatalog")), 400, "UnrecognizedClientException", "security token", false},
		{"signature before operation", jsonCall("Frobnicate", "{").with(signed("mallory", "servicecatalog")), 400, "UnrecognizedClientException", "", false},
		{"no body", jsonCall("DescribePortfolio", ""), 400, "ValidationException", "Value null at 'id' failed", false},
		{"not JSON", jsonCall("DescribePortfolio", "{"), 400, "SerializationException", "", false},
		{"not an object", jsonCall("DescribePortfolio", "[]"), 400, "SerializationException", "", false},
		{"wrong type", jsonCall("DescribePortfolio", `{"Id":1}`), 400, "SerializationException", "", false},
		{"invalid UTF-8", jsonCall("DescribePortfolio", "{\"Id\":\"\xff\"}"), 400, "SerializationException", "UTF-8", false},
		{"deep", jsonCall("DescribePortfolio", deep), 400, "SerializationException", "", false},
		{"unknown member", jsonCall("DescribePortfolio", `{"Id":"port-abcdefghijklm","Zed":[{}]}`), 200, "", "", false},
		{"violation", jsonCall("DescribePortfolio", `{"Id":""}`), 400, "ValidationException", "^1 validation error detected: Value '' at 'id' failed to satisfy constraint", false},
		{"not built", jsonCall("ScanProvisionedProducts", "{}"), 400, "UnsupportedOperationException", "^ScanProvisionedProducts is not built yet$", false},
		{"unforeseen error", jsonCall("DescribeProduct", "{}"), 500, "InternalFailure", "^$", false},
		{"panic", jsonCall("DescribeRecord", `{"Id":"rec-abcdefghijklm"}`), 500, "InternalFailure", "^$", false},
		{"unknown operation", jsonCall("Frobnicate", "{}"), 400, "UnknownOperationException", "Frobnicate", false},
		{"unknown service", describe.with(header("X-Amz-Target", "DynamoDB_20120810.ListTables")), 400, "UnknownOperationException", "", false},
		{"long target", describe.with(header("X-Amz-Target", strings.Repeat("x", 5000))), 400, "UnknownOperationException", "^.{0,300}$", false},
		{"no target", call{body: "{}", header: map[string]string{"Content-Type": jsonType}}, 400, "UnknownOperationException", "names no operation", false},
		{"nothing at all", call{}, 400, "UnknownOperationException", "names no operation", false},
		{"wrong content type", describe.with(header("Content-Type", "text/plain")), 400, "SerializationException", "text/plain", false},
		{"content type with charset", describe.with(header("Content-Type", jsonType+"; charset=UTF-8")), 200, "", "", false},
		{"plain JSON", describe.with(header("Content-Type", "application/json")), 200, "", "", false},
		{"GET", call{method: "GET"}, 405, "UnknownOperationException", "POST", false},
		{"PUT", describe.with(func(c *call) { c.method = "PUT" }), 405, "UnknownOperationException", "POST", false},
		{"other path", describe.with(func(c *call) { c.path = "/favicon.ico" }), 404, "UnknownOperationException", "path", false},

		{"body at the bound", jsonCall("DescribePortfolio", `{"Id":"port-abcdefghijklm"`+strings.Repeat(" ", maxBody-27)+`}`), 200, "", "", false},
		{"body over the bound", jsonCall("DescribePortfolio", strings.Repeat(" ", maxBody+1)), 400, "RequestEntityTooLargeException", "1048576 bytes", true},
		{"body far over the bound", jsonCall("DescribePortfolio", strings.Repeat(" ", 12<<20)), 400, "RequestEntityTooLargeException", "", true},
		{"form at the bound", formCall("Action=DescribeStacks" + cfn + "&X=" + strings.Repeat("x", maxForm-43)), 200, "", "", false},
		{"form over the bound", formCall(strings.Repeat("x", maxForm+1)), 400, "RequestEntityTooLargeException", "4194304 bytes", true},

		{"host by name", describe.with(func(c *call) { c.host = "localhost:1" }), 200, "", "", false},
		{"host below localhost", describe.with(func(c *call) { c.host = "s3.localhost:80" }), 200, "", "", false},
		{"host by IPv6", describe.with(func(c *call) { c.host = "[::1]:8420" }), 200, "", "", false},
		{"host configured", describe.with(func(c *call) { c.host = "LARDER.example.:443" }), 200, "", "", false},
		{"host rebound", describe.with(func(c *call) { c.host = "evil.example" }), 403, "AccessDeniedException", "host", false},
		{"host like localhost", describe.with(func(c *call) { c.host = "localhost.evil.example" }), 403, "AccessDeniedException", "host", false},
		{"host by address", describe.with(func(c *call) { c.host = "192.0.2.1:8420" }), 403, "AccessDeniedException", "host", false},
		{"foreign origin", describe.with(header("Origin", "https://evil.example")), 403, "AccessDeniedException", "web sites", false},
		{"origin of another port", describe.with(header("Origin", "http://127.0.0.1:1")), 403, "AccessDeniedException", "web sites", false},
		{"opaque origin", describe.with(header("Origin", "null")), 403, "AccessDeniedException", "web sites", false},
		{"cross-site", describe.with(header("Sec-Fetch-Site", "cross-site")), 403, "AccessDeniedException", "web sites", false},
		{"own origin", describe.with(func(c *call) { c.host = "localhost:8420" }).with(header("Origin", "http://localhost:8420")), 200, "", "", false},

		{"query", formCall("Action=DescribeStacks&StackName=s" + cfn), 200, "", "", false},
		{"query to STS", formCall("Action=GetCallerIdentity&Version=2011-06-15"), 200, "", "", false},
		{"query by scope", formCall("Action=GetCallerIdentity&Version=2011-06-15").with(signed("111111111111", "sts")), 200, "", "", false},
		{"scope goes before version", formCall("Action=GetCallerIdentity&Version=2011-06-15").with(signed("111111111111", "cloudformation")), 400, "InvalidAction", "^Could not find operation GetCallerIdentity for version 2011-06-15$", false},
		{"query scoped to another service", formCall("Action=GetCallerIdentity&Version=2011-06-15").with(signed("verified", "servicecatalog")), 403, "SignatureDoesNotMatch", "^Credential should be scoped to correct service: 'sts'. $", false},
		{"query scoped", formCall("Action=DescribeStacks" + cfn).with(signed("verified", "cloudformation")), 200, "", "", false},
		{"presigned", presigned("Action=GetCallerIdentity&Version=2011-06-15", "sts"), 200, "", "", false},
		{"presigned for another service", presigned("Action=GetCallerIdentity&Version=2011-06-15", "servicecatalog"), 403, "SignatureDoesNotMatch", "'sts'", false},
		{"presigned other operation", presigned("Action=AssumeRole&Version=2011-06-15", "sts"), 405, "InvalidAction", "presigned", false},
		{"presigned CloudFormation", presigned("Action=DescribeStacks"+cfn, "cloudformation"), 405, "InvalidAction", "presigned", false},
		{"GET of a form", call{method: "GET", path: "/?Action=GetCallerIdentity&Version=2011-06-15"}, 405, "UnknownOperationException", "POST", false},
		{"query of mallory", formCall("Action=DescribeStacks" + cfn).with(signed("mallory", "cloudformation")), 403, "InvalidClientTokenId", "security token", false},
		{"query without action", formCall("StackName=s"), 400, "MissingAction", "", false},
		{"query of nothing", formCall(""), 400, "MissingAction", "", false},
		{"query malformed", formCall("Action=%zz"), 400, "MalformedInput", "", false},
		{"query unknown", formCall("Action=Frobnicate" + cfn), 400, "InvalidAction", "", false},
		{"query violation", formCall("Action=DescribeStacks&StackName=%21" + cfn), 400, "ValidationError", "^1 validation error detected: Value '!' at 'stackName'", false},
		{"query not built", formCall("Action=CreateStack&StackName=s" + cfn), 400, "UnsupportedOperationException", "^CreateStack is not built yet$", false},
		{"query wrapped error", formCall("Action=ListImports&ExportName=e" + cfn), 400, "ValidationError", "^wrapped words$", false},
		{"query denied", formCall("Action=GetTemplate" + cfn), 403, "AccessDenied", "^You shall not$", false},
		{"query unforeseen error", formCall("Action=ListStacks" + cfn), 500, "InternalFailure", "^$", false},
		{"query panic", formCall("Action=ListExports" + cfn), 500, "InternalFailure", "^$", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := start(t, testConfig())
			got := w.send(c.call)
			if got.status != c.status || got.code != c.code || !regexp.MustCompile(c.message).MatchString(got.message) {
				t.Errorf("answers %d %s %q, want %d %s %q", got.status, got.code, got.message, c.status, c.code, c.message)
			}
			if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(got.requestID) {
				t.Errorf("request id %q", got.requestID)
			}
			if strings.Contains(got.body, "secret") {
				t.Errorf("the answer tells a secret: %s", got.body)
			}
			next := w.send(describe)
			if next.status != 200 || next.requestID == got.requestID {
				t.Errorf("the next request answers %d as %s", next.status, next.requestID)
			}
			if w.reused == c.closes {
				t.Errorf("connection used again: %v, want %v", w.reused, !c.closes)
			}
		})
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	w := start(t, testConfig())
	got := w.send(describe.with(signed("111111111111", "servicecatalog")))
	if want := `{"PortfolioDetail":{"DisplayName":"of 111111111111","Id":"port-abcdefghijklm"}}`; got.body != want {
		t.Errorf("\n got %s\nwant %s", got.body, want)
	}
	if got.header.Get("Content-Type") != "application/x-amz-json-1.1" || got.header.Get("Date") == "" {
		t.Errorf("headers: %v", got.header)
	}
	got = w.send(formCall("Action=GetCallerIdentity&Version=2011-06-15").with(signed("111111111111", "sts")))
	want := `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
		`<Account>111111111111</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>` + got.requestID +
		`</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
	if got.body != want || got.header.Get("Content-Type") != "text/xml" {
		t.Errorf("\n got %s\nwant %s", got.body, want)
	}
}

// A body without a length is bounded as well.
func TestChunkedBody(t *testing.T) {
	t.Parallel()
	w := start(t, testConfig())
	for _, c := range []struct {
		size int
		code string
	}{{maxBody / 2, ""}, {maxBody + 1, "RequestEntityTooLargeException"}, {maxDrain - 1, "RequestEntityTooLargeException"}} {
		body := io.MultiReader(strings.NewReader(`{"Id":"port-abcdefghijklm"`), strings.NewReader(strings.Repeat(" ", c.size-27)), strings.NewReader("}"))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", target+"DescribePortfolio")
		res, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		var e struct {
			Type string `json:"__type"`
		}
		if err := json.Unmarshal(text, &e); err != nil || e.Type != c.code {
			t.Errorf("%d bytes: %s %v, want %q", c.size, text, err, c.code)
		}
	}
}

// A client that stops in the middle of its request gets an answer when its
// time is over, and no more.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(New(testConfig()))
	srv.Config.ReadTimeout = 50 * time.Millisecond
	srv.Start()
	t.Cleanup(srv.Close)
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: %sDescribePortfolio\r\nContent-Length: 100\r\n\r\n{", target)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusBadRequest || !res.Close {
		t.Errorf("answers %s, closes %v", res.Status, res.Close)
	}
}

func TestProbes(t *testing.T) {
	t.Parallel()
	broken := errors.New("postgres://secret is gone")
	var err error
	c := testConfig()
	c.Checks = []Check{
		{"database", func(context.Context) error { return err }},
		{"other", func(context.Context) error { return nil }},
	}
	w := start(t, c)
	get := func(path string) (int, string) {
		t.Helper()
		a := w.send(call{method: "GET", path: path, host: "10.1.2.3:8420"})
		return a.status, strings.TrimSpace(a.body)
	}
	want := func(path string, status int, body string) {
		t.Helper()
		if s, b := get(path); s != status || b != body {
			t.Errorf("%s answers %d %s, want %d %s", path, s, b, status, body)
		}
	}
	want("/healthz", 200, `{"status":"ok"}`)
	want("/readyz", 200, `{"status":"ready"}`)
	want("/readyz?verbose", 200, `{"status":"ready","checks":{"database":"ok","other":"ok"}}`)
	err = broken
	want("/healthz", 200, `{"status":"ok"}`)
	want("/readyz", 503, `{"status":"not ready"}`)
	want("/readyz?verbose", 503, `{"status":"not ready","checks":{"database":"failed","other":"ok"}}`)
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	c := testConfig()
	w := start(t, c)
	w.send(describe.with(signed("111111111111", "servicecatalog")))
	w.send(jsonCall("DescribePortfolio", "{}"))
	w.send(jsonCall("Evil\"Name", "{}"))
	w.send(formCall("Action=DescribeStacks" + cfn))
	got := w.send(call{method: "GET", path: "/metrics"})
	for _, line := range []string{
		`larder_requests_total{code="none",op="DescribePortfolio"} 1`,
		`larder_requests_total{code="ValidationException",op="DescribePortfolio"} 1`,
		`larder_requests_total{code="UnknownOperationException",op="none"} 1`,
		`larder_requests_total{code="none",op="cloudformation:DescribeStacks"} 1`,
		`larder_request_seconds_count{op="DescribePortfolio"} 2`,
		`go_goroutines`,
	} {
		if !strings.Contains(got.body, line) {
			t.Errorf("no %s in\n%s", line, got.body)
		}
	}
	for _, word := range []string{"111111111111", "Evil"} {
		if strings.Contains(got.body, word) {
			t.Errorf("metrics tell %s", word)
		}
	}

	c.PrivateMetrics = true
	private := New(c)
	rec := httptest.NewRecorder()
	private.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil))
	if rec.Code != http.StatusNotFound {
		t.Errorf("private metrics answer %d on the port", rec.Code)
	}
	rec = httptest.NewRecorder()
	private.MetricsHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Errorf("private metrics answer %d on their own listener", rec.Code)
	}
}

// buffer is a log that several goroutines may write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func TestLog(t *testing.T) {
	t.Parallel()
	var out buffer
	c := testConfig()
	c.Log = slog.New(slog.NewJSONHandler(&out, nil))
	at := time.Unix(0, 0)
	c.Now = func() time.Time { at = at.Add(1500 * time.Microsecond); return at }
	s := New(c)
	send := func(c call) map[string]any {
		t.Helper()
		out.b.Reset()
		r := httptest.NewRequest(http.MethodPost, "http://localhost/", strings.NewReader(c.body))
		for name, value := range c.header {
			r.Header.Set(name, value)
		}
		if c.as != "" {
			sigv4.Sign(r, []byte(c.body), sigv4.Credentials{AccessKeyID: c.as, SecretAccessKey: "s"}, c.service, "eu-west-1", time.Now())
		}
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		var line map[string]any
		if err := json.Unmarshal(out.b.Bytes(), &line); err != nil {
			t.Fatalf("%q is not one line: %v", out.b.String(), err)
		}
		if line["request"] != rec.Header().Get("x-amzn-RequestId") || line["ms"] != 1.5 {
			t.Errorf("line of another request: %v", line)
		}
		return line
	}
	for _, c := range []struct {
		call                           call
		level, op, caller, code, cause string
	}{
		{describe.with(signed("111111111111", "servicecatalog")), "INFO", "DescribePortfolio", "arn:111111111111", "", ""},
		{jsonCall("DescribeProduct", "{}"), "ERROR", "DescribeProduct", "anonymous", "InternalFailure", "disk is on fire"},
		{jsonCall("DescribeRecord", `{"Id":"rec-abcdefghijklm"}`), "ERROR", "DescribeRecord", "anonymous", "InternalFailure", "server_test.go"},
		{formCall("Action=ListExports" + cfn), "ERROR", "cloudformation:ListExports", "anonymous", "InternalFailure", "server_test.go"},
		{formCall("Action=DescribeStacks&StackName=%21" + cfn), "INFO", "cloudformation:DescribeStacks", "anonymous", "ValidationError", ""},
		{call{}, "INFO", "", "anonymous", "UnknownOperationException", ""},
	} {
		line := send(c.call)
		str := func(key string) string { s, _ := line[key].(string); return s }
		if str("level") != c.level || str("op") != c.op || str("caller") != c.caller || str("code") != c.code || !strings.Contains(str("error"), c.cause) {
			t.Errorf("logged %v, want %+v", line, c)
		}
	}
}

func TestServeDrains(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	c := testConfig()
	c.Invoke = func(context.Context, api.Op, any) (any, error) {
		close(entered)
		<-leave
		return &api.DescribePortfolioOutput{}, nil
	}
	s := New(c)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l, nil, time.Minute) }()

	answered := make(chan int, 1)
	go func() {
		r, _ := http.NewRequest(http.MethodPost, "http://"+l.Addr().String(), strings.NewReader(describe.body))
		r.Header.Set("X-Amz-Target", target+"DescribePortfolio")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			answered <- 0
			return
		}
		res.Body.Close()
		answered <- res.StatusCode
	}()
	<-entered
	stop()
	// The listener is closed before the request in flight ends.
	for {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "http://localhost/readyz", nil))
	if rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), "draining") {
		t.Errorf("readyz answers %d %s while draining", rec.Code, rec.Body)
	}
	close(leave)
	if status := <-answered; status != 200 {
		t.Errorf("the request in flight was answered %d", status)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

func TestServeCutsOff(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	c := testConfig()
	c.Invoke = func(ctx context.Context, _ api.Op, _ any) (any, error) {
		close(entered)
		<-ctx.Done() // a client that is cut off is a context that ends
		return nil, ctx.Err()
	}
	s := New(c)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l, nil, time.Millisecond) }()
	go func() {
		r, _ := http.NewRequest(http.MethodPost, "http://"+l.Addr().String(), strings.NewReader(describe.body))
		r.Header.Set("X-Amz-Target", target+"DescribePortfolio")
		if res, err := http.DefaultClient.Do(r); err == nil {
			res.Body.Close()
		}
	}()
	<-entered
	stop()
	if err := <-served; err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

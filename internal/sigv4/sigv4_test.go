package sigv4_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"

	"larder/internal/sigv4"
)

const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

var signedAt = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

// The example of AWS's documentation of the signing process.
func TestDocumentedExample(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sigv4.Sign(r, nil, sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret}, "iam", "us-east-1", signedAt)
	want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, " +
		"Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
	if got := r.Header.Get("Authorization"); got != want {
		t.Errorf("Authorization\n%s, want\n%s", got, want)
	}
	auth, err := sigv4.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := new(sigv4.Verifier).Verify(r, nil, auth, secret, signedAt.Add(time.Minute)); err != nil {
		t.Error(err)
	}
}

// drawRequest makes a request as a client would, with awkward parts.
func drawRequest(t *rapid.T) (*http.Request, []byte) {
	body := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "body")
	var content io.Reader
	if len(body) > 0 {
		content = bytes.NewReader(body)
	}
	method := rapid.SampledFrom([]string{http.MethodGet, http.MethodPost, http.MethodPut}).Draw(t, "method")
	host := rapid.SampledFrom([]string{"larder.example", "larder.example:80", "127.0.0.1:8420", "[::1]:8420"}).Draw(t, "host")
	r, err := http.NewRequestWithContext(context.Background(), method, "http://"+host, content)
	if err != nil {
		t.Fatal(err)
	}
	path := rapid.SliceOfN(rapid.StringN(0, 10, -1), 0, 4).Draw(t, "path")
	r.URL.Path = "/" + strings.Join(path, "/")
	query := url.Values{}
	for range rapid.IntRange(0, 4).Draw(t, "parameters") {
		query.Add(rapid.String().Draw(t, "name"), rapid.String().Draw(t, "value"))
	}
	r.URL.RawQuery = query.Encode()
	name := rapid.StringMatching(`(X-Amz-|X-|Content-|)[A-Za-z][A-Za-z0-9-]{0,60}`)
	value := rapid.StringMatching(`[ -~]{0,40}`)
	for range rapid.IntRange(0, 5).Draw(t, "headers") {
		if n := name.Draw(t, "header"); !strings.EqualFold(n, "content-length") && !strings.EqualFold(n, "authorization") {
			r.Header.Add(n, value.Draw(t, "header value"))
		}
	}
	return r, body
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// received returns r as a server reads it from the wire.
func received(t interface{ Fatal(...any) }, r *http.Request, body []byte) *http.Request {
	var wire bytes.Buffer
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// What the SDK signs and a server reads from the wire verifies, and nothing
// else does: each part that is changed on the way breaks it.
func TestVerifiesTheSDK(t *testing.T) {
	t.Parallel()
	var verifier sigv4.Verifier
	rapid.Check(t, func(t *rapid.T) {
		r, body := drawRequest(t)
		creds := aws.Credentials{
			AccessKeyID:     rapid.StringMatching(`[A-Z0-9]{16,20}`).Draw(t, "key"),
			SecretAccessKey: rapid.StringN(1, 40, -1).Draw(t, "secret"),
			SessionToken:    rapid.SampledFrom([]string{"", "token/with+signs=="}).Draw(t, "token"),
		}
		region := rapid.SampledFrom([]string{"us-east-1", "eu-central-1"}).Draw(t, "region")
		service := rapid.SampledFrom([]string{"servicecatalog", "sts", "cloudformation"}).Draw(t, "service")
		if rapid.Bool().Draw(t, "presigned") {
			signed, header, err := v4.NewSigner().PresignHTTP(context.Background(), creds, r, hashOf(body), service, region, signedAt)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(signed)
			if err != nil {
				t.Fatal(err)
			}
			r.URL, r.Header = u, header
			r.Host = header.Get("Host")
		} else if err := v4.NewSigner().SignHTTP(context.Background(), creds, r, hashOf(body), service, region, signedAt); err != nil {
			t.Fatal(err)
		}

		got := received(t, r, body)
		auth, err := sigv4.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		if auth.AccessKeyID != creds.AccessKeyID || auth.SessionToken != creds.SessionToken || auth.Region != region ||
			auth.Service != service || !auth.Time.Equal(signedAt) {
			t.Fatalf("read %+v", auth)
		}
		if err := verifier.Verify(got, body, auth, creds.SecretAccessKey, signedAt); err != nil {
			t.Fatal(err)
		}

		switch rapid.IntRange(0, 5).Draw(t, "tampering") {
		case 0:
			body = append(body, 'x')
		case 1:
			got.Method = "DELETE"
		case 2:
			got.Host += "x"
		case 3:
			got.URL.Path += "x"
			got.URL.RawPath = ""
		case 4:
			got.URL.RawQuery += "&x=y"
		case 5:
			creds.SecretAccessKey += "x"
		}
		if err := verifier.Verify(got, body, auth, creds.SecretAccessKey, signedAt); code(err) != sigv4.CodeInvalid {
			t.Fatalf("a changed request answers %v", err)
		}
	})
}

// Ours signs what the SDK would, given the same headers.
func TestSignsAsTheSDK(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, body := drawRequest(t)
		for name := range r.Header {
			if name != "Content-Type" && !strings.HasPrefix(name, "X-Amz-") {
				r.Header.Del(name)
			}
		}
		theirs := r.Clone(context.Background())
		theirs.ContentLength = 0 // the SDK signs it when it knows it; we never do
		creds := sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret, SessionToken: rapid.StringMatching(`[a-z]{0,9}`).Draw(t, "token")}
		sigv4.Sign(r, body, creds, "sts", "us-east-1", signedAt)
		err := v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{
			AccessKeyID: creds.AccessKeyID, SecretAccessKey: creds.SecretAccessKey, SessionToken: creds.SessionToken,
		}, theirs, hashOf(body), "sts", "us-east-1", signedAt)
		if err != nil {
			t.Fatal(err)
		}
		if ours, sdk := r.Header.Get("Authorization"), theirs.Header.Get("Authorization"); ours != sdk {
			t.Fatalf("signed\n%s, the SDK\n%s", ours, sdk)
		}
	})
}

func code(err error) string {
	if e, ok := errors.AsType[*sigv4.Error](err); ok {
		return e.Code
	}
	return ""
}

// signedRequest is a small good request and its body.
func signedRequest(t testing.TB) (*http.Request, []byte) {
	t.Helper()
	body := []byte(`{"PageSize":5}`)
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8420/", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWS242ServiceCatalogService.ListPortfolios")
	sigv4.Sign(r, body, sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret}, "servicecatalog", "us-east-1", signedAt)
	return r, body
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const good = "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=00"
	tests := []struct {
		name          string
		authorization string
		date          string
		query         string
		code          string
		message       string // a part of it
	}{
		{"nothing", "", "", "", sigv4.CodeMissing, "Missing Authentication Token"},
		{"another scheme", "Bearer x", "20150830T123600Z", "", sigv4.CodeMissing, "Missing Authentication Token"},
		{"another algorithm", strings.Replace(good, "HMAC", "ECDSA", 1), "20150830T123600Z", "", sigv4.CodeIncomplete, "Unsupported AWS 'algorithm'"},
		{"nothing behind the algorithm", "AWS4-HMAC-SHA256 a=b", "", "", sigv4.CodeIncomplete,
			"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. " +
				"Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization="},
		{"no date", good, "", "", sigv4.CodeIncomplete, "Authorization header requires existence of either a 'X-Amz-Date'"},
		{"no signature", strings.Replace(good, ", Signature=00", "", 1), "20150830T123600Z", "", sigv4.CodeIncomplete, "Authorization header requires 'Signature' parameter. Authorization="},
		{"no equal sign", strings.Replace(good, "Signature=00", "Signature", 1), "20150830T123600Z", "", sigv4.CodeIncomplete, "'Signature' not a valid key=value pair (missing equal-sign)"},
		{"short credential", strings.Replace(good, "/sts", "", 1), "20150830T123600Z", "", sigv4.CodeIncomplete, "exactly 5 slash-delimited elements"},
		{"no key id", strings.Replace(good, "AKID", "", 1), "20150830T123600Z", "", sigv4.CodeIncomplete, "non-empty key id"},
		{"terminator", strings.Replace(good, "aws4_request", "aws5_request", 1), "20150830T123600Z", "", sigv4.CodeInvalid, "valid terminator: 'aws4_request', not 'aws5_request'."},
		{"date", good, "2015-08-30T12:36:00Z", "", sigv4.CodeIncomplete, "Date must be in ISO-8601 'basic format'. Got '2015-08-30T12:36:00Z'."},
		{"date with a fraction", good, "20150830T123600.5Z", "", sigv4.CodeIncomplete, "Date must be in ISO-8601"},
		{"header names", strings.Replace(good, "host;", "host:x;", 1), "20150830T123600Z", "", sigv4.CodeIncomplete, "SignedHeaders must be header names"},
		{"too long", good + strings.Repeat("0", 20000), "20150830T123600Z", "", sigv4.CodeIncomplete, "too long"},
		{"query without the rest", "", "", "X-Amz-Signature=00", sigv4.CodeIncomplete, "AWS query-string parameters must include 'X-Amz-Algorithm'"},
		{"query with an expiry of a year", "", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID/20150830/us-east-1/sts/aws4_request&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Expires=31536000&X-Amz-Signature=00",
			sigv4.CodeIncomplete, "X-Amz-Expires must be a number of seconds between 1 and 604800"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/?"+tt.query, nil)
			if tt.authorization != "" {
				r.Header.Set("Authorization", tt.authorization)
			}
			if tt.date != "" {
				r.Header.Set("X-Amz-Date", tt.date)
			}
			_, err := sigv4.Parse(r)
			if code(err) != tt.code || !strings.Contains(err.Error(), tt.message) {
				t.Errorf("Parse: %v, want %s … %s", err, tt.code, tt.message)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  func(r *http.Request)
		after   time.Duration
		message string // "" if it verifies
	}{
		{"untouched", nil, 0, ""},
		{"just in time", nil, sigv4.Skew, ""},
		{"expired", nil, sigv4.Skew + time.Second, "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)"},
		{"just not too early", nil, -sigv4.Skew, ""},
		{"too early", nil, -sigv4.Skew - time.Second, "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T122059Z + 15 min.)"},
		{"an added x-amz- header", func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, 0, "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization."},
		{"an added header of the way", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "x") }, 0, ""},
		{"another target", func(r *http.Request) { r.Header.Set("X-Amz-Target", "AWS242ServiceCatalogService.DeletePortfolio") }, 0, "The request signature we calculated does not match the signature you provided."},
		{"a signed header taken away", func(r *http.Request) { r.Header.Del("X-Amz-Target") }, 0, "The request signature we calculated does not match"},
		{"spaces in a header", func(r *http.Request) { r.Header.Set("Content-Type", "  application/x-amz-json-1.1 ") }, 0, ""},
		{"the host unsigned", func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "host;", "", 1))
		}, 0, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{"the scope of another day", func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "20150830", "20150831", 1))
		}, 0, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150831' != '20150830', from '20150830T123600Z'."},
		{"the scope of another region", func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "us-east-1", "us-east-2", 1))
		}, 0, "The request signature we calculated does not match"},
		{"hash of another body claimed", func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, 0, "'X-Amz-Content-Sha256' must be a 'SignedHeader'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, body := signedRequest(t)
			if tt.change != nil {
				tt.change(r)
			}
			auth, err := sigv4.Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			err = new(sigv4.Verifier).Verify(r, body, auth, secret, signedAt.Add(tt.after))
			if tt.message == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if code(err) != sigv4.CodeInvalid || !strings.Contains(err.Error(), tt.message) {
				t.Errorf("Verify: %v, want %s", err, tt.message)
			}
		})
	}
}

// A request whose time stands in the Date header alone verifies too.
func TestDateHeader(t *testing.T) {
	t.Parallel()
	r, body := signedRequest(t)
	stamp := r.Header.Get("X-Amz-Date")
	creds := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret}
	r.Header.Del("Authorization")
	r.Header.Del("X-Amz-Date")
	r.Header.Set("Date", signedAt.Format(http.TimeFormat))
	r.ContentLength = 0
	if err := v4.NewSigner().SignHTTP(context.Background(), creds, r, hashOf(body), "sts", "us-east-1", signedAt); err != nil {
		t.Fatal(err)
	}
	if r.Header.Get("X-Amz-Date") != stamp {
		t.Fatal("the SDK no longer sets X-Amz-Date")
	}
	auth, err := sigv4.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Del("X-Amz-Date")
	fromDate, err := sigv4.Parse(r)
	if err != nil || !fromDate.Time.Equal(auth.Time) {
		t.Errorf("the Date header was read as %v, %v", fromDate.Time, err)
	}
}

func TestScopedTo(t *testing.T) {
	t.Parallel()
	r, _ := signedRequest(t)
	auth, err := sigv4.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := auth.ScopedTo("servicecatalog"); err != nil {
		t.Error(err)
	}
	if err := auth.ScopedTo("sts"); code(err) != sigv4.CodeInvalid || !strings.Contains(err.Error(), "Credential should be scoped to correct service: 'sts'.") {
		t.Errorf("ScopedTo: %v", err)
	}
}

// A key id that got a new secret is not verified with the old one's key.
func TestSecretReplaced(t *testing.T) {
	t.Parallel()
	r, body := signedRequest(t)
	auth, err := sigv4.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	var v sigv4.Verifier
	for _, s := range []struct {
		secret string
		ok     bool
	}{{secret, true}, {"another", false}, {secret, true}} {
		if err := v.Verify(r, body, auth, s.secret, signedAt); (err == nil) != s.ok {
			t.Errorf("verified with %q: %v", s.secret, err)
		}
	}
}

package sigv4_test

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"

	"larder/internal/sigv4"
)

// Whatever comes over the wire: no panic, an error of ours, and never a
// signature that verifies without the secret.
func FuzzVerify(f *testing.F) {
	r, body := signedRequest(f)
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		f.Fatal(err)
	}
	f.Add(wire.Bytes(), body)
	f.Add([]byte("GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A/20150830/r/s/aws4_request&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host%0ax;y&X-Amz-Signature=00 HTTP/1.1\r\nHost: h\r\n\r\n"), []byte{})
	f.Add([]byte("GET /%zz/../?;&=&%&a=%2 HTTP/1.1\r\nHost: h\r\nDate: x\r\nAuthorization: AWS4-HMAC-SHA256 Credential=////, SignedHeaders=;, Signature=,\r\n\r\n"), []byte{})
	var v sigv4.Verifier
	f.Fuzz(func(t *testing.T, wire, body []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
		if err != nil {
			return
		}
		auth, err := sigv4.Parse(r)
		if err != nil {
			if code(err) == "" {
				t.Fatalf("Parse: %T is not an error of ours", err)
			}
			return
		}
		if err := v.Verify(r, body, auth, "a secret nobody guesses", auth.Time); code(err) == "" {
			t.Fatalf("Verify: %v", err)
		}
	})
}

// What we sign, we verify, after a passage over the wire.
func FuzzSignVerify(f *testing.F) {
	f.Add("POST", "larder.example", "/", "a=b&c", "x-amz-target", "t", []byte("{}"))
	f.Add("GET", "[::1]:80", "/%2f/ü/../x//", "%zz&a+b=%2B;c", "X-Amz-A", "  a   b ", []byte(nil))
	var v sigv4.Verifier
	f.Fuzz(func(t *testing.T, method, host, path, query, name, value string, body []byte) {
		r, err := http.NewRequest(method, "http://larder.example/", bytes.NewReader(body))
		if err != nil {
			return
		}
		r.Host = host
		r.URL.Path = "/" + path
		r.URL.RawQuery = query
		r.Header.Set(name, value)
		sigv4.Sign(r, body, sigv4.Credentials{AccessKeyID: "AKID", SecretAccessKey: secret}, "sts", "us-east-1", signedAt)
		var wire bytes.Buffer
		if err := r.Write(&wire); err != nil {
			return
		}
		got, err := http.ReadRequest(bufio.NewReader(&wire))
		if err != nil || got.Host != r.Host || got.URL.RawQuery != r.URL.RawQuery || got.URL.EscapedPath() != r.URL.EscapedPath() {
			return // not a request that comes over the wire as it was meant
		}
		for name := range r.Header {
			if name != http.CanonicalHeaderKey(name) {
				return
			}
		}
		auth, err := sigv4.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(got, body, auth, secret, signedAt); err != nil && len(query) < 10000 {
			t.Fatal(err)
		}
	})
}

package fetch_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"larder/internal/fetch"
)

func TestS3(t *testing.T) {
	t.Parallel()
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/s3/denied/") {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`) //nolint:errcheck // the client's side judges
			return
		}
		if strings.HasPrefix(r.URL.Path, "/s3/away/") {
			http.Redirect(w, r, "http://localhost:1/", http.StatusFound)
			return
		}
		io.WriteString(w, r.URL.RequestURI()) //nolint:errcheck // the client's side judges
	})
	// Neither http nor loopback is allowed: the endpoint is the operator's.
	c := newClient(t, fetch.Policy{S3Endpoint: at + "/s3/"})
	for url, want := range map[string]string{
		"s3://bucket/a/b.yaml":                                          "/s3/bucket/a/b.yaml",
		"https://bucket.s3.eu-west-1.amazonaws.com/a/b.yaml":            "/s3/bucket/a/b.yaml",
		"https://bucket.s3.amazonaws.com/a%2Fb%20c?versionId=1":         "/s3/bucket/a%2Fb%20c?versionId=1",
		"https://bucket.s3-us-west-2.amazonaws.com/k":                   "/s3/bucket/k",
		"https://my.bucket.s3.us-west-2.amazonaws.com/k":                "/s3/my.bucket/k",
		"https://s3.amazonaws.com/bucket/k":                             "/s3/bucket/k",
		"https://s3.us-east-1.amazonaws.com/bucket/k":                   "/s3/bucket/k",
		"https://s3-us-east-1.amazonaws.com/bucket/k":                   "/s3/bucket/k",
		"https://bucket.s3.dualstack.us-east-1.amazonaws.com/k":         "/s3/bucket/k",
		"https://bucket.s3.cn-north-1.amazonaws.com.cn/k":               "/s3/bucket/k",
		"https://s3.bucket.s3.us-east-1.amazonaws.com/k":                "/s3/s3.bucket/k",
		"https://Bucket.S3.Amazonaws.com:443/K":                         "/s3/bucket/K",
		"https://awsdocs.s3.amazonaws.com/servicecatalog/product.templ": "/s3/awsdocs/servicecatalog/product.templ",
	} {
		got, err := c.Get(t.Context(), url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
		} else if string(got.Body) != want {
			t.Errorf("%s asked for %s, want %s", url, got.Body, want)
		}
	}
	_, err := c.Get(t.Context(), "s3://denied/k")
	wants(t, err, fetch.Status, "S3 error: Access Denied")
	_, err = c.Get(t.Context(), "s3://away/k")
	wants(t, err, fetch.Refused, "the S3 endpoint redirects elsewhere")
	// The endpoint by its own name is a URL as any other.
	_, err = c.Get(t.Context(), at+"/s3/bucket/k")
	wants(t, err, fetch.Refused, "http is not allowed")

	for _, url := range []string{"s3://bucket", "s3:///k", "https://s3.amazonaws.com/bucket"} {
		if got, err := c.Get(t.Context(), url); err == nil {
			t.Errorf("%s gave %s", url, got.Body)
		}
	}
	if _, err := fetch.New(fetch.Policy{S3Endpoint: "minio:9000"}); err == nil {
		t.Error("an endpoint without a scheme was accepted")
	}
}

// What only looks like S3 does not get the operator's trust.
func TestNotS3(t *testing.T) {
	t.Parallel()
	at := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was sent to the S3 endpoint", r.URL) })
	c := newClient(t, fetch.Policy{S3Endpoint: at})
	for _, url := range []string{
		"https://bucket.s3.amazonaws.com.invalid/k", "https://s3.invalid/bucket/k", "https://u@bucket.s3.amazonaws.com/k",
		"ftp://bucket.s3.amazonaws.com/k", "https://bucket.s3.us-east-1.amazonaws.com:444999/k",
	} {
		if got, err := c.Get(t.Context(), url); err == nil {
			t.Errorf("%s gave %s", url, got.Body)
		}
	}
}

package fetch

import (
	"bytes"
	"net/url"
	"strings"
)

// An s3Object is what a URL of Amazon S3 names.
type s3Object struct {
	bucket string
	key    string // escaped, as in the URL, without a leading slash
	query  string
}

// parseS3 recognizes the forms in which S3 is addressed:
//
//	s3://bucket/key
//	https://bucket.s3.region.amazonaws.com/key   and without region, or s3-region
//	https://s3.region.amazonaws.com/bucket/key   the same
func parseS3(u *url.URL) (s3Object, bool) {
	path := strings.TrimPrefix(u.EscapedPath(), "/")
	if u.Scheme == "s3" {
		return s3Object{u.Host, path, u.RawQuery}, u.Host != "" && path != ""
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Port() != "" && u.Port() != "443" {
		return s3Object{}, false
	}
	host, ok := cutSuffix(strings.ToLower(u.Hostname()), ".amazonaws.com", ".amazonaws.com.cn")
	if !ok {
		return s3Object{}, false
	}
	if isS3Service(host) {
		bucket, key, ok := strings.Cut(path, "/")
		return s3Object{bucket, key, u.RawQuery}, ok && bucket != "" && key != ""
	}
	// The bucket's name may hold dots and even ".s3.": the service's part is
	// the shortest end that is one.
	for i := len(host) - 1; i > 0; i-- {
		if host[i] == '.' && isS3Service(host[i+1:]) {
			return s3Object{host[:i], path, u.RawQuery}, path != ""
		}
	}
	return s3Object{}, false
}

// isS3Service reports whether host (without amazonaws.com) is S3's own: s3,
// s3.region, s3-region, s3.dualstack.region.
func isS3Service(host string) bool {
	if host == "s3" {
		return true
	}
	region, ok := strings.CutPrefix(host, "s3.")
	if !ok {
		region, ok = strings.CutPrefix(host, "s3-")
	}
	region = strings.TrimPrefix(region, "dualstack.")
	return ok && strings.Count(region, "-") >= 1 && !strings.Contains(region, ".")
}

func cutSuffix(s string, suffixes ...string) (string, bool) {
	for _, suffix := range suffixes {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			return rest, true
		}
	}
	return s, false
}

// at returns the object's URL on another endpoint, in path style, which every
// S3 server understands.
func (o s3Object) at(endpoint *url.URL) *url.URL {
	u := *endpoint
	raw := strings.TrimSuffix(endpoint.EscapedPath(), "/") + "/" + o.bucket + "/" + o.key
	path, err := url.PathUnescape(raw)
	if err != nil {
		path = raw // it came from a parsed URL, so it unescapes
	}
	u.Path, u.RawPath, u.RawQuery = path, raw, o.query
	return &u
}

// public returns the object's URL on Amazon S3 itself.
func (o s3Object) public() *url.URL {
	return o.at(&url.URL{Scheme: "https", Host: "s3.amazonaws.com"})
}

// s3Message returns the message of an error document of S3.
func s3Message(body []byte) (string, bool) {
	_, rest, ok := bytes.Cut(body, []byte("<Message>"))
	if !ok {
		return "", false
	}
	text, _, ok := bytes.Cut(rest, []byte("</Message>"))
	if !ok || len(text) == 0 || len(text) > 500 {
		return "", false
	}
	return string(text), true
}

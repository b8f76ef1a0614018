package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Credentials are the keys that a request is signed with.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // of temporary credentials
}

// Sign signs r, whose body is given apart, for a service and a region. It
// sets X-Amz-Date, X-Amz-Security-Token and Authorization and signs the host,
// the content type and every x-amz- header: what proxies add or rewrite
// otherwise does not break it.
func Sign(r *http.Request, body []byte, creds Credentials, service, region string, now time.Time) {
	stamp := now.UTC().Format(stampForm)
	day := stamp[:len(dayForm)]
	r.Header.Set("X-Amz-Date", stamp)
	if creds.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", creds.SessionToken)
	}
	r.Host = hostOf(r)
	names := []string{"host"}
	for name := range r.Header {
		if name = strings.ToLower(name); name == "content-type" || strings.HasPrefix(name, "x-amz-") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	signedHeaders := strings.Join(names, ";")

	canonical := appendCanonical(nil, r, signedHeaders, false, body)
	h := hmac.New(sha256.New, signingKey(creds.SecretAccessKey, day, region, service))
	h.Write(appendStringToSign(nil, stamp, day, region, service, canonical))
	r.Header.Set("Authorization", algorithm+
		" Credential="+creds.AccessKeyID+"/"+day+"/"+region+"/"+service+"/"+terminator+
		", SignedHeaders="+signedHeaders+
		", Signature="+hex.EncodeToString(h.Sum(nil)))
}

// hostOf returns the Host header that r is sent with, without the scheme's
// own port: HTTP libraries disagree on whether to send that, and AWS's clients
// never do.
func hostOf(r *http.Request) string {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	if name, port, err := net.SplitHostPort(host); err == nil &&
		(r.URL.Scheme == "https" && port == "443" || r.URL.Scheme == "http" && port == "80") {
		if strings.Contains(name, ":") {
			return "[" + name + "]"
		}
		return name
	}
	return host
}

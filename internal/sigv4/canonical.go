package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// appendCanonical appends the canonical form of r: what both sides hash.
func appendCanonical(dst []byte, r *http.Request, signedHeaders string, presigned bool, body []byte) []byte {
	dst = append(dst, r.Method...)
	dst = append(dst, '\n')
	dst = appendEscaped(dst, escapedPath(r.URL), true)
	dst = append(dst, '\n')
	dst = appendQuery(dst, r.URL.RawQuery, presigned)
	dst = append(dst, '\n')
	for name := range strings.SplitSeq(signedHeaders, ";") {
		dst = append(dst, name...)
		dst = append(dst, ':')
		dst = appendHeader(dst, r, name)
		dst = append(dst, '\n')
	}
	dst = append(dst, '\n')
	dst = append(dst, signedHeaders...)
	dst = append(dst, '\n')
	sum := sha256.Sum256(body)
	return hex.AppendEncode(dst, sum[:])
}

// appendHeader appends the values of the header called name (in lower case),
// nothing for one that isn't there.
func appendHeader(dst []byte, r *http.Request, name string) []byte {
	if name == "host" {
		return appendTrimmed(dst, r.Host)
	}
	values := header(r.Header, name)
	if len(values) == 0 && name == "content-length" && r.ContentLength > 0 {
		// A client's transport writes it after signing.
		return strconv.AppendInt(dst, r.ContentLength, 10)
	}
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendTrimmed(dst, v)
	}
	return dst
}

// header is h[http.CanonicalHeaderKey(name)] without an allocation.
func header(h http.Header, name string) []string {
	var room [64]byte
	if len(name) > len(room) {
		return h[http.CanonicalHeaderKey(name)]
	}
	key := append(room[:0], name...)
	first := true
	for i, c := range key {
		if first && 'a' <= c && c <= 'z' {
			key[i] = c - 'a' + 'A'
		}
		first = c == '-'
	}
	return h[string(key)]
}

// appendTrimmed appends a header's value without spaces at its ends and with
// one for each run of spaces within.
func appendTrimmed(dst []byte, value string) []byte {
	value = strings.TrimSpace(value)
	if !strings.Contains(value, "  ") {
		return append(dst, value...)
	}
	for i := range len(value) {
		if value[i] != ' ' || value[i-1] != ' ' {
			dst = append(dst, value[i])
		}
	}
	return dst
}

// appendQuery appends the canonical form of a query: each name and value
// unescaped and escaped in AWS's way, sorted after that; that of a presigned
// request without the signature itself.
func appendQuery(dst []byte, raw string, presigned bool) []byte {
	if raw == "" {
		return dst
	}
	type pair struct{ name, value string }
	var pairs []pair
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" || strings.Contains(part, ";") {
			continue // no part of the query, for net/url as for the signing SDK
		}
		name, value, _ := strings.Cut(part, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if errName != nil || errValue != nil || presigned && name == "X-Amz-Signature" {
			continue
		}
		pairs = append(pairs, pair{string(appendEscaped(nil, name, false)), string(appendEscaped(nil, value, false))})
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, p.name...)
		dst = append(dst, '=')
		dst = append(dst, p.value...)
	}
	return dst
}

// appendEscaped appends s with every byte percent-encoded but the unreserved
// ones of RFC 3986 and, if it is a path, the slash.
func appendEscaped(dst []byte, s string, path bool) []byte {
	const upper = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '.', c == '_', c == '~', c == '/' && path:
			dst = append(dst, c)
		default:
			dst = append(dst, '%', upper[c>>4], upper[c&15])
		}
	}
	return dst
}

// appendStringToSign appends what the signing key signs: the time, the scope
// and the hash of the canonical request.
func appendStringToSign(dst []byte, stamp, day, region, service string, canonical []byte) []byte {
	dst = append(dst, algorithm+"\n"...)
	dst = append(dst, stamp...)
	dst = append(dst, '\n')
	dst = append(dst, day...)
	dst = append(dst, '/')
	dst = append(dst, region...)
	dst = append(dst, '/')
	dst = append(dst, service...)
	dst = append(dst, "/"+terminator+"\n"...)
	sum := sha256.Sum256(canonical)
	return hex.AppendEncode(dst, sum[:])
}

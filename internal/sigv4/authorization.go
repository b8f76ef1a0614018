// Package sigv4 signs requests with AWS Signature Version 4 and verifies them.
// It is pure: no I/O, no clock; the time, the body and the secret are passed
// in. What it knows comes from the AWS documentation of the signing process;
// the signer of the official Go SDK is its oracle in tests.
//
// The canonical request is that of every service but S3: the path is escaped
// once more than on the wire, and the hash of the body is always that of the
// body at hand, whatever x-amz-content-sha256 says.
package sigv4

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	dayForm    = "20060102"
	stampForm  = "20060102T150405Z"

	// Skew is how far a request's time may lie from the verifier's.
	Skew = 15 * time.Minute
	// longest validity of a presigned request
	maxExpires = 7 * 24 * time.Hour
	// Longer ones than any client sends, short enough to be taken apart for
	// a caller nobody knows yet.
	maxAuthorization = 16 << 10
	maxQuery         = 16 << 10
	maxHeaders       = 256
)

// An Authorization is what a request says about its signature, taken at its
// word.
type Authorization struct {
	AccessKeyID  string
	SessionToken string // "" for a user's own keys

	// The credential's scope.
	Day     string // such as 20150830
	Region  string
	Service string

	Time          time.Time     // when the request was signed
	Expires       time.Duration // how long a presigned request is good for; 0 for one signed in its header
	SignedHeaders string        // as sent: lower case, separated by semicolons
	Signature     string        // hexadecimal

	stamp string // Time, as it was signed
}

// Presigned reports whether the signature came in the query.
func (a *Authorization) Presigned() bool { return a.Expires != 0 }

// Parse reads the signature of a request from its Authorization header or, for
// a presigned request, from its query. It verifies nothing. A request without
// one answers MissingAuthenticationTokenException, one that cannot be read
// IncompleteSignatureException; all errors are of type [*Error].
func Parse(r *http.Request) (Authorization, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		return parseHeader(r, header)
	}
	if len(r.URL.RawQuery) <= maxQuery && strings.Contains(r.URL.RawQuery, "X-Amz-Signature=") {
		return parseQuery(r)
	}
	return Authorization{}, &Error{CodeMissing, "Missing Authentication Token"}
}

func parseHeader(r *http.Request, header string) (Authorization, error) {
	if len(header) > maxAuthorization {
		return Authorization{}, incomplete("Authorization header is too long.")
	}
	scheme, rest, _ := strings.Cut(header, " ")
	if scheme != algorithm {
		if strings.HasPrefix(scheme, "AWS4-") {
			return Authorization{}, incomplete("Unsupported AWS 'algorithm': '" + scheme + "'.")
		}
		return Authorization{}, &Error{CodeMissing, "Missing Authentication Token"}
	}
	var a Authorization
	var credential string
	for part := range strings.SplitSeq(rest, ",") {
		part = strings.TrimSpace(part)
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return Authorization{}, incomplete("'" + part + "' not a valid key=value pair (missing equal-sign) in Authorization header: '" + header + "'.")
		}
		switch name {
		case "Credential":
			credential = value
		case "SignedHeaders":
			a.SignedHeaders = value
		case "Signature":
			a.Signature = value
		}
	}
	stamp := r.Header.Get("X-Amz-Date")
	date := r.Header.Get("Date")
	if credential == "" || a.SignedHeaders == "" || a.Signature == "" || stamp == "" && date == "" {
		return Authorization{}, lacking(credential, a.Signature, a.SignedHeaders, stamp+date, header)
	}
	if stamp == "" {
		if t, err := http.ParseTime(date); err == nil {
			stamp = t.UTC().Format(stampForm)
		} else {
			stamp = date
		}
	}
	a.SessionToken = r.Header.Get("X-Amz-Security-Token")
	return a, a.read(credential, stamp)
}

// lacking names all that an Authorization header lacks, in AWS's sentences.
func lacking(credential, signature, signedHeaders, date, header string) *Error {
	var b strings.Builder
	for _, part := range []struct{ value, sentence string }{
		{credential, "Authorization header requires 'Credential' parameter. "},
		{signature, "Authorization header requires 'Signature' parameter. "},
		{signedHeaders, "Authorization header requires 'SignedHeaders' parameter. "},
		{date, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "},
	} {
		if part.value == "" {
			b.WriteString(part.sentence)
		}
	}
	b.WriteString("Authorization=" + header)
	return incomplete(b.String())
}

func parseQuery(r *http.Request) (Authorization, error) {
	query := r.URL.Query()
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
		if query.Get(name) == "" {
			return Authorization{}, incomplete("AWS query-string parameters must include '" + name + "'. Re-examine the query-string parameters.")
		}
	}
	if scheme := query.Get("X-Amz-Algorithm"); scheme != algorithm {
		return Authorization{}, incomplete("Unsupported AWS 'algorithm': '" + scheme + "'.")
	}
	a := Authorization{
		SignedHeaders: query.Get("X-Amz-SignedHeaders"),
		Signature:     query.Get("X-Amz-Signature"),
		SessionToken:  query.Get("X-Amz-Security-Token"),
		Expires:       Skew,
	}
	if s := query.Get("X-Amz-Expires"); s != "" {
		seconds, err := strconv.Atoi(s)
		if err != nil || seconds < 1 || seconds > int(maxExpires/time.Second) {
			return Authorization{}, incomplete("X-Amz-Expires must be a number of seconds between 1 and " + strconv.Itoa(int(maxExpires/time.Second)) + ", not '" + s + "'.")
		}
		a.Expires = time.Duration(seconds) * time.Second
	}
	return a, a.read(query.Get("X-Amz-Credential"), query.Get("X-Amz-Date"))
}

// read takes in the credential with its scope and the time stamp.
func (a *Authorization) read(credential, stamp string) error {
	// The access key id comes first and holds no slash.
	part := strings.Split(credential, "/")
	if len(part) != 5 {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + credential + "'")
	}
	if part[0] == "" {
		return incomplete("Credential must have a non-empty key id, got '" + credential + "'")
	}
	if part[4] != terminator {
		return invalid("Credential should be scoped with a valid terminator: '" + terminator + "', not '" + part[4] + "'.")
	}
	a.AccessKeyID, a.Day, a.Region, a.Service = part[0], part[1], part[2], part[3]
	if i := strings.IndexFunc(a.SignedHeaders, notInNames); i >= 0 {
		return incomplete("SignedHeaders must be header names separated by semicolons, got '" + a.SignedHeaders + "'")
	}
	t, err := time.Parse(stampForm, stamp)
	if err != nil || len(stamp) != len(stampForm) {
		return incomplete("Date must be in ISO-8601 'basic format'. Got '" + stamp + "'. See http://en.wikipedia.org/wiki/ISO_8601")
	}
	a.Time, a.stamp = t, stamp
	return nil
}

// notInNames tells what cannot stand in a list of header names: anything that
// could make one canonical request read like another.
func notInNames(c rune) bool {
	return c <= ' ' || c >= 0x7f || c == ':' || c == ','
}

// ScopedTo checks that the signature was made for service, such as
// "servicecatalog", so that a request signed for one cannot be sent to another.
func (a *Authorization) ScopedTo(service string) error {
	if a.Service != service {
		return invalid("Credential should be scoped to correct service: '" + service + "'. ")
	}
	return nil
}

// current checks the request's times: those of its scope and its stamp must
// agree, and now must lie close to them.
func (a *Authorization) current(now time.Time) error {
	if day := a.Time.Format(dayForm); a.Day != day {
		return invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
			a.Day + "' != '" + day + "', from '" + a.stamp + "'.")
	}
	good, allowance := Skew, "15 min."
	if a.Presigned() {
		good, allowance = a.Expires, strconv.FormatFloat(a.Expires.Minutes(), 'f', -1, 64)+" min."
	}
	now = now.UTC()
	if earliest := now.Add(-good); a.Time.Before(earliest.Truncate(time.Second)) {
		return invalid("Signature expired: " + a.stamp + " is now earlier than " + earliest.Format(stampForm) +
			" (" + now.Format(stampForm) + " - " + allowance + ")")
	}
	if latest := now.Add(Skew); a.Time.After(latest) {
		return invalid("Signature not yet current: " + a.stamp + " is still later than " + latest.Format(stampForm) +
			" (" + now.Format(stampForm) + " + 15 min.)")
	}
	return nil
}

// covers checks that the signature covers the host and every x-amz- header, so
// that nobody on the way may add one.
func (a *Authorization) covers(header http.Header) error {
	if len(header) > maxHeaders {
		return incomplete("Too many headers.")
	}
	if !a.signs("host") {
		return invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for name := range header {
		if len(name) > 6 && strings.EqualFold(name[:6], "x-amz-") && !a.signs(name) {
			return invalid("'" + name + "' must be a 'SignedHeader' in the AWS Authorization.")
		}
	}
	return nil
}

// signs reports whether the header of that name, in any case, is signed.
func (a *Authorization) signs(name string) bool {
	for signed := range strings.SplitSeq(a.SignedHeaders, ";") {
		if strings.EqualFold(signed, name) {
			return true
		}
	}
	return false
}

// escapedPath returns the request's path as it was on the wire.
func escapedPath(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

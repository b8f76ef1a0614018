package fetch

import (
	"fmt"
	"net/url"
	"time"
)

// Reason says why a fetch failed.
type Reason int

// The reasons.
const (
	Refused     Reason = iota + 1 // the policy forbids it
	Invalid                       // not a URL or path that could be fetched
	NotFound                      // a file that isn't there, status 404 or 410
	Status                        // another status than 2xx
	TooLarge                      // more than Policy.MaxBytes
	TimedOut                      // longer than Policy.Timeout
	Unreachable                   // no answer: name, network or TLS
)

func (r Reason) String() string {
	switch r {
	case Refused:
		return "refused"
	case Invalid:
		return "invalid"
	case NotFound:
		return "not found"
	case Status:
		return "status"
	case TooLarge:
		return "too large"
	case TimedOut:
		return "timed out"
	case Unreachable:
		return "unreachable"
	default:
		return fmt.Sprintf("Reason(%d)", int(r))
	}
}

// An Error is a fetch that failed. Its text is fit for the one who gave the
// URL: it names no address and no path that he did not name himself.
type Error struct {
	Reason  Reason
	URL     string // without query and password, which may be secrets
	Status  int    // the HTTP status, if there was one
	Message string
	Err     error // the cause, for the log
}

func (e *Error) Error() string { return e.URL + ": " + e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether trying again may help.
func (e *Error) Temporary() bool {
	return e.Reason == TimedOut || e.Reason == Unreachable ||
		e.Reason == Status && (e.Status >= 500 || e.Status == 429)
}

func fail(reason Reason, u *url.URL, message string, cause error) *Error {
	return &Error{Reason: reason, URL: shown(u), Message: message, Err: cause}
}

func refused(u *url.URL, message string) *Error { return fail(Refused, u, message, nil) }

func tooLarge(u *url.URL, most int64) *Error {
	return fail(TooLarge, u, fmt.Sprintf("larger than %d bytes", most), nil)
}

func timedOut(u *url.URL, after time.Duration, cause error) *Error {
	return fail(TimedOut, u, fmt.Sprintf("no complete answer within %s", after), cause)
}

// Shown returns a URL as it may be shown: without password, query and
// fragment.
func Shown(location string) string {
	u, err := parse(location)
	if err != nil {
		return "the URL"
	}
	return shown(u)
}

// shown returns u without what may be secret: password, query and fragment.
func shown(u *url.URL) string {
	s := url.URL{Scheme: u.Scheme, Opaque: u.Opaque, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return s.String()
}

package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"larder/internal/api"
	"larder/internal/identity"
	"larder/internal/sigv4"
)

// An exchange is one request and what became of it: what the answer, the
// metrics and the log line are made from.
type exchange struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	id    string
	began time.Time

	op     string // the operation's name, "" while it is unknown
	call   Call   // without caller and code; zero if no operation of the API is known
	caller identity.Caller
	code   string // of the error answered, "" for none
	status int    // 0 until the answer is written
	cause  error  // what the client is not told
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{s: s, w: w, r: r, id: newRequestID(), began: s.config.Now()}
	w.Header().Set("x-amzn-RequestId", x.id)
	return x
}

// newRequestID returns a random UUID.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[:8], b[:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// authenticated returns the request's context with its caller.
func (x *exchange) authenticated(body []byte) (context.Context, error) {
	caller, err := x.s.config.Authenticate(x.r, body)
	if err != nil {
		return nil, err
	}
	x.caller = caller
	return identity.WithCaller(x.r.Context(), caller), nil
}

// fault returns what a client hears of err. What is none of the API's errors
// is told as InternalFailure without text, and logged.
func (x *exchange) fault(err error) *api.Error {
	if e, ok := errors.AsType[*api.Error](err); ok {
		x.code, x.cause = e.Code, e.Err
		if e.Status == 0 {
			e = &api.Error{Code: e.Code, Message: e.Message, Status: http.StatusBadRequest}
		}
		return e
	}
	if e, ok := errors.AsType[*sigv4.Error](err); ok {
		x.code = e.Code
		return api.Errorf(e.Code, "%s", e.Message)
	}
	x.code, x.cause = api.CodeInternalFailure, err
	return &api.Error{Code: api.CodeInternalFailure, Status: http.StatusInternalServerError}
}

// write sends the answer, which nothing has been sent of before.
func (x *exchange) write(status int, contentType string, body []byte) {
	if x.call != (Call{}) {
		x.call.Caller, x.call.Code = x.caller.ARN, x.code
		x.s.config.Called(x.call)
	}
	x.status = status
	h := x.w.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // the client is gone: nobody is left to tell
}

// end is deferred around an exchange: it answers for an operation that
// panicked, counts, and writes the request's one line into the log.
func (x *exchange) end() {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler { //nolint:errorlint // it is compared as net/http does
			panic(p)
		}
		x.panicked(p)
	}
	took := x.s.config.Now().Sub(x.began)
	x.s.metrics.observe(x.op, x.code, took)
	x.log(took)
}

func (x *exchange) panicked(p any) {
	x.code, x.cause = api.CodeInternalFailure, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	if x.status != 0 {
		return // the answer is out; the log has the rest
	}
	if isForm(x.r) {
		x.queryError("", x.cause)
	} else {
		x.jsonError(x.cause)
	}
}

// log writes the canonical line: everything about a request that somebody may
// look for later. Probes are not worth one.
func (x *exchange) log(took time.Duration) {
	level := slog.LevelInfo
	ctx := x.r.Context()
	switch {
	case x.code == api.CodeInternalFailure && ctx.Err() == nil:
		level = slog.LevelError
	case x.op == "healthz" || x.op == "readyz" || x.op == "metrics":
		level = slog.LevelDebug
	}
	if !x.s.config.Log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("op", x.op),
		slog.String("caller", x.caller.ARN),
		slog.String("region", x.caller.Region),
		slog.String("request", x.id),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.Int("status", x.status))
	if x.code != "" {
		attrs = append(attrs, slog.String("code", x.code))
	}
	if x.op == "" {
		attrs = append(attrs, slog.String("method", x.r.Method), slog.String("path", shown(x.r.URL.Path)))
	}
	if x.cause != nil {
		attrs = append(attrs, slog.Any("error", x.cause))
	}
	x.s.config.Log.LogAttrs(ctx, level, "request", attrs...)
}

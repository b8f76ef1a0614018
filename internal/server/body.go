package server

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"sync"

	"larder/internal/api"
)

// Bounds of a request's body.
const (
	maxBody  = 1 << 20  // of JSON
	maxForm  = 4 << 20  // a template may be in it
	maxDrain = 16 << 20 // what is read of a body over its bound, so that the client hears why
)

// bodies keeps buffers of usual size.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// maxKept is the largest buffer that goes back to a pool.
const maxKept = 64 << 10

func keep(pool *sync.Pool, b *[]byte) {
	if cap(*b) <= maxKept {
		pool.Put(b)
	}
}

// readBody reads the request's body into buf, up to limit.
func (x *exchange) readBody(buf []byte, limit int) ([]byte, error) {
	if x.r.ContentLength > int64(limit) {
		return nil, x.oversize(0, limit)
	}
	if n := int(x.r.ContentLength) + 1; n > cap(buf) {
		buf = make([]byte, 0, n) // one more, so that the end is seen without growing
	}
	buf = buf[:0]
	for {
		if len(buf) > limit {
			return nil, x.oversize(len(buf), limit)
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := x.r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case errors.Is(err, io.EOF):
			if len(buf) > limit {
				return nil, x.oversize(len(buf), limit)
			}
			return buf, nil
		case err != nil:
			x.w.Header().Set("Connection", "close")
			return nil, &api.Error{Code: api.CodeSerialization, Message: "The request body could not be read", Status: http.StatusBadRequest, Err: err}
		}
	}
}

// oversize drains what is left of a body too large, within reason: a client
// that is still sending when the connection closes never reads the answer.
func (x *exchange) oversize(read, limit int) error {
	x.w.Header().Set("Connection", "close")
	if x.r.ContentLength <= maxDrain {
		_, _ = io.CopyN(io.Discard, x.r.Body, int64(maxDrain-read))
	}
	return api.Errorf(api.CodeRequestTooLarge, "The request is larger than the %d bytes that are allowed", limit)
}

// isForm reports whether the request is one of the query protocol.
func isForm(r *http.Request) bool {
	return r.Header.Get("X-Amz-Target") == "" && mediaType(r) == "application/x-www-form-urlencoded"
}

func mediaType(r *http.Request) string {
	header := r.Header.Get("Content-Type")
	if header == jsonType {
		return header
	}
	t, _, err := mime.ParseMediaType(header)
	if err != nil {
		return header
	}
	return t
}

package server

import (
	"context"
	"net/http"
)

// A Callback takes what somebody sends to a URL that the server gave out and
// that is its own authority, such as that of a wait condition handle: nobody
// is authenticated. It passes host and origin guard and the bound of bodies;
// an error of type *[awsquery.Error] is rendered as XML, as S3 does whose
// presigned URLs these stand for. The answer has no body.
type Callback func(ctx context.Context, r *http.Request, body []byte) error

// newCallbacks returns what finds the callback of a request.
func newCallbacks(callbacks map[string]Callback) *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, callback := range callbacks {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.(*routed).x.callBack(callback, r) //nolint:forcetypeassert // nobody else calls it
		})
	}
	return mux
}

// called reports whether a request is for a callback.
func (s *Server) called(r *http.Request) bool {
	_, pattern := s.callbacks.Handler(r)
	return pattern != ""
}

func (x *exchange) callBack(callback Callback, r *http.Request) {
	x.op = r.Pattern
	body, err := x.readBody(nil, maxBody)
	if err == nil {
		defer x.s.config.Enter()()
		err = callback(r.Context(), r, body)
	}
	if err != nil {
		x.queryError("", err)
		return
	}
	x.write(http.StatusOK, "text/plain; charset=utf-8", nil)
}

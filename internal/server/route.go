package server

import (
	"context"
	"encoding/json"
	"net/http"

	"larder/internal/api"
)

// routePrefix begins the paths of [Config.Routes].
const routePrefix = "/_larder/"

// A Route answers requests beneath /_larder/, where tests find what no client
// of AWS asks for. It passes host and origin guard and the bound of bodies, as
// every request does, and is authenticated like one: the caller is in ctx. The
// answer is JSON, and so is a body.
type Route func(ctx context.Context, r *http.Request, body []byte) (any, error)

// newRoutes returns what finds the route of a request; nil if there is none.
func newRoutes(routes map[string]Route) http.Handler {
	if len(routes) == 0 {
		return nil
	}
	mux := http.NewServeMux()
	for pattern, route := range routes {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			x := w.(*routed).x //nolint:forcetypeassert // nobody else calls it
			x.op = r.Pattern
			x.answer(route, r)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.(*routed).x.refuse(http.StatusNotFound, "There is no "+r.Method+" "+shown(r.URL.Path)) //nolint:forcetypeassert // as above
	})
	return mux
}

// routed is how a request's exchange passes through the mux, which writes by
// itself only to redirect to a path's clean form.
type routed struct {
	http.ResponseWriter
	x *exchange
}

func (w *routed) WriteHeader(status int) {
	w.x.status = status
	w.ResponseWriter.WriteHeader(status)
}

// answer has a route answer the request.
func (x *exchange) answer(route Route, r *http.Request) {
	out, err := x.take(route, r)
	if err != nil {
		x.jsonError(err)
		return
	}
	text, err := json.Marshal(out)
	if err != nil {
		x.jsonError(err)
		return
	}
	x.write(http.StatusOK, "application/json", append(text, '\n'))
}

func (x *exchange) take(route Route, r *http.Request) (any, error) {
	body, err := x.readBody(nil, maxForm)
	if err != nil {
		return nil, err
	}
	ctx, err := x.authenticated(body)
	if err != nil {
		return nil, err
	}
	// Also without a body: a page of another site can send anything but this
	// type without being asked.
	if t := mediaType(r); (len(body) > 0 || r.Method != http.MethodGet) && t != "application/json" {
		return nil, api.Errorf(api.CodeSerialization, "The Content-Type of a request to %s is application/json, not %q", x.op, shown(t))
	}
	return route(ctx, r, body)
}

package server

import (
	"net/http"

	"larder/internal/api"
)

// jsonType is the content type of AWS's JSON protocol.
const jsonType = "application/x-amz-json-1.1"

// json answers a request of AWS's JSON protocol.
func (x *exchange) json() {
	buf := bodies.Get().(*[]byte)
	defer keep(&bodies, buf)
	op, out, err := x.invoke(buf)
	if err != nil {
		x.jsonError(err)
		return
	}
	answer := bodies.Get().(*[]byte)
	defer keep(&bodies, answer)
	*answer = api.AppendOutput((*answer)[:0], op, out)
	x.write(http.StatusOK, jsonType, *answer)
}

func (x *exchange) invoke(buf *[]byte) (op api.Op, out any, err error) {
	body, err := x.readBody(*buf, maxBody)
	if err != nil {
		return 0, nil, err
	}
	*buf = body
	defer x.s.config.Enter()()
	ctx, err := x.authenticated(body)
	if err != nil {
		return 0, nil, err
	}
	target := x.r.Header.Get("X-Amz-Target")
	if target == "" {
		return 0, nil, api.Errorf(api.CodeUnknownOperation, "The request names no operation: it has neither an X-Amz-Target nor a form with an Action")
	}
	op, ok := api.ParseTarget(target)
	if !ok {
		return 0, nil, api.Errorf(api.CodeUnknownOperation, "There is no operation %s", shown(target))
	}
	x.op = op.String()
	x.call = Call{Service: scopeCatalog, Operation: x.op}
	if op.Larder() {
		x.call.Service = scopeLarder
	}
	if err := x.scopedTo(op); err != nil {
		return 0, nil, err
	}
	switch t := mediaType(x.r); t {
	case jsonType, "application/x-amz-json-1.0", "application/json", "":
	default:
		return 0, nil, api.Errorf(api.CodeSerialization, "The body of a request to %s is %s, not %s", op, jsonType, shown(t))
	}
	in, err := api.DecodeInput(op, body)
	if err != nil {
		return 0, nil, err
	}
	out, err = x.s.config.Invoke(ctx, op, in)
	return op, out, err
}

// scopedTo refuses a request that was signed for another service than the
// operation's. Those of Larder's own API go by either name: a client of
// Service Catalog need not learn a second one.
func (x *exchange) scopedTo(op api.Op) error {
	scope := x.caller.Service
	if scope == "" || scope == scopeCatalog || scope == scopeLarder && op.Larder() {
		return nil
	}
	if op.Larder() {
		return misdirected(scopeLarder)
	}
	return misdirected(scopeCatalog)
}

// The services of the JSON protocol, as signatures name them.
const (
	scopeCatalog = "servicecatalog"
	scopeLarder  = "larder"
)

// misdirected is AWS's sentence about a signature that was made for another
// service than the one that is asked.
func misdirected(service string) error {
	return api.Errorf(api.CodeInvalidSignature, "Credential should be scoped to correct service: '%s'. ", service)
}

// shown bounds what an answer repeats of a header.
func shown(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

func (x *exchange) jsonError(err error) {
	e := x.fault(err)
	x.write(e.Status, jsonType, api.AppendError(nil, e))
}

// refuse answers what never reaches an operation.
func (x *exchange) refuse(status int, message string) {
	e := &api.Error{Code: api.CodeUnknownOperation, Message: message, Status: status}
	if status == http.StatusForbidden {
		e.Code = api.CodeAccessDenied
	}
	x.code = e.Code
	x.write(status, jsonType, api.AppendError(nil, e))
}

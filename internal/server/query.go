package server

import (
	"context"
	"errors"
	"net/http"

	"larder/internal/api"
	"larder/internal/awsquery"
	"larder/internal/sigv4"
)

// xmlType is the content type of the query protocol's answers.
const xmlType = "text/xml"

// query answers a request of the query protocol.
func (x *exchange) query() {
	buf := bodies.Get().(*[]byte)
	defer keep(&bodies, buf)
	service, op, out, err := x.serveQuery(buf)
	if err != nil {
		x.queryError(service, err)
		return
	}
	answer := bodies.Get().(*[]byte)
	defer keep(&bodies, answer)
	*answer = awsquery.AppendAnswer((*answer)[:0], op, out, x.id)
	x.write(http.StatusOK, xmlType, *answer)
}

func (x *exchange) serveQuery(buf *[]byte) (service awsquery.Service, op awsquery.Op, out awsquery.Answer, err error) {
	service = x.scoped()
	body, err := x.readBody(*buf, maxForm)
	if err != nil {
		return service, op, nil, err
	}
	*buf = body
	defer x.s.config.Enter()()
	ctx, err := x.authenticated(body)
	if err != nil {
		return service, op, nil, err
	}
	r, err := awsquery.Parse(x.form(body))
	if err != nil {
		return service, op, nil, err
	}
	if service == "" {
		service, _ = awsquery.ServiceOfVersion(r.Version)
	}
	if scope := x.caller.Service; scope != "" && service != "" && scope != string(service) {
		return service, op, nil, misdirected(string(service))
	}
	if x.r.Method == http.MethodGet && (service != awsquery.STS || r.Action != "GetCallerIdentity") {
		return service, op, nil, &awsquery.Error{
			Code: awsquery.CodeInvalidAction, Status: http.StatusMethodNotAllowed,
			Message: "Of presigned requests only GetCallerIdentity of sts is answered; send POST",
		}
	}
	var handlers awsquery.Handlers = x.s.config.CloudFormation
	if service == awsquery.STS {
		handlers = x.s.config.STS
	}
	op, out, err = awsquery.Serve(ctx, handlers, r, func(ctx context.Context, op awsquery.Op, in any) error {
		x.asks(op) // known from here on, also if the operation panics
		if x.s.config.AuthorizeQuery == nil {
			return nil
		}
		return x.s.config.AuthorizeQuery(ctx, op, in)
	})
	if op.Action != "" {
		x.asks(op)
	}
	return service, op, out, err
}

// asks notes which operation the request is for.
func (x *exchange) asks(op awsquery.Op) {
	x.op, x.call = op.String(), Call{Service: string(op.Service), Operation: op.Action}
}

// form is where a request of the query protocol holds its input: its body, or
// the URL of a presigned request. Programs prove to each other who they are
// with such a one of GetCallerIdentity, which asks for nothing and changes
// nothing; no other is answered.
func (x *exchange) form(body []byte) []byte {
	if x.r.Method == http.MethodGet {
		return []byte(x.r.URL.RawQuery)
	}
	return body
}

// scoped returns the service that the request was signed for, "" if it was
// signed for none of ours; then the version of the API tells.
func (x *exchange) scoped() awsquery.Service {
	auth, err := sigv4.Parse(x.r)
	if err != nil {
		return ""
	}
	switch s := awsquery.Service(auth.Service); s {
	case awsquery.CloudFormation, awsquery.STS:
		return s
	}
	return ""
}

func (x *exchange) queryError(service awsquery.Service, err error) {
	var e *awsquery.Error
	if q, ok := errors.AsType[*awsquery.Error](err); ok {
		e = q
		x.code = e.Code
	} else {
		e = queryFault(x.fault(err))
		x.code = e.Code
	}
	x.write(e.Status, xmlType, awsquery.AppendError(nil, service, e, x.id))
}

// queryFault says one of the API's common errors in the words of the query
// protocol, which has other codes and statuses for some.
func queryFault(e *api.Error) *awsquery.Error {
	q := &awsquery.Error{Code: e.Code, Message: e.Message, Status: http.StatusForbidden}
	switch e.Code {
	case api.CodeAccessDenied:
		q.Code = "AccessDenied"
	case api.CodeMissingAuthentication:
		q.Code = "MissingAuthenticationToken"
	case api.CodeInvalidSignature:
		q.Code = "SignatureDoesNotMatch"
	case api.CodeUnrecognizedClient:
		q.Code = "InvalidClientTokenId"
	case api.CodeExpiredToken:
		q.Code = "ExpiredToken"
	case api.CodeIncompleteSignature:
		q.Code, q.Status = "IncompleteSignature", http.StatusBadRequest
	case api.CodeThrottling:
		q.Code, q.Status = "Throttling", http.StatusBadRequest
	case api.CodeValidation:
		q.Code, q.Status = "ValidationError", http.StatusBadRequest
	case api.CodeSerialization:
		q.Code, q.Status = "MalformedInput", http.StatusBadRequest
	default:
		q.Status = e.Status
	}
	return q
}

package server

import (
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"larder/internal/api"
	"larder/internal/awsquery"
	"larder/internal/identity"
)

// Config is what a Server serves, and to whom.
type Config struct {
	// Invoke serves Service Catalog's operations and Larder's own.
	Invoke api.Invoker

	// CloudFormation and STS serve the query protocol; a nil one answers that
	// its operations are not built.
	CloudFormation *awsquery.CloudFormationHandlers
	STS            *awsquery.STSHandlers
	// AuthorizeQuery decides about their operations; nil allows all.
	AuthorizeQuery awsquery.Authorizer

	// Routes are what tests find beneath /_larder/, by their patterns for
	// [http.ServeMux], such as "GET /_larder/engine/messages".
	Routes map[string]Route

	// Callbacks take what is sent to URLs that the server gave out, by their
	// patterns for [http.ServeMux], such as "PUT /waitcondition/{handle}".
	Callbacks map[string]Callback

	// Authenticate answers who sent a request, or an error of type
	// *[api.Error] or *[sigv4.Error]. It must not keep body.
	Authenticate func(r *http.Request, body []byte) (identity.Caller, error)

	// Hosts are the names answered besides those of the loopback: without a
	// port, in any case.
	Hosts []string

	// Enter is called before an operation of the API or a callback is carried
	// out, and what it returns afterwards; nil for nothing. A test holds both
	// up with it while it replaces what they work on.
	Enter func() (leave func())
	// Called hears of each operation of the API before its caller does; nil for
	// nobody. It must be quick.
	Called func(Call)

	// Checks decide about readiness.
	Checks []Check

	// Metrics receives the server's metrics; nil for a registry of its own.
	// PrivateMetrics keeps /metrics off the port (see [Server.MetricsHandler]).
	Metrics        *prometheus.Registry
	PrivateMetrics bool

	// Log receives one line per request; nil discards them.
	Log *slog.Logger
	// Now is the clock of durations; nil for the system's.
	Now func() time.Time
}

// A Call is an operation of the API that somebody called, and its outcome.
type Call struct {
	Service   string // such as servicecatalog
	Operation string
	Caller    string // ARN, "" if it is not known who called
	Code      string // of the error answered, "" for none
}

// A Server answers HTTP requests. It is an [http.Handler]; [Server.Serve]
// runs it on a listener.
type Server struct {
	config    Config
	hosts     map[string]bool
	metrics   *metrics
	routes    http.Handler // nil if there are none
	callbacks *http.ServeMux
	draining  atomic.Bool
}

// New returns a Server.
func New(c Config) *Server {
	if c.CloudFormation == nil {
		c.CloudFormation = new(awsquery.CloudFormationHandlers)
	}
	if c.STS == nil {
		c.STS = new(awsquery.STSHandlers)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Enter == nil {
		c.Enter = func() func() { return func() {} }
	}
	if c.Called == nil {
		c.Called = func(Call) {}
	}
	s := &Server{config: c, hosts: make(map[string]bool, len(c.Hosts)), metrics: newMetrics(c.Metrics), routes: newRoutes(c.Routes), callbacks: newCallbacks(c.Callbacks)}
	for _, h := range c.Hosts {
		s.hosts[strings.ToLower(h)] = true
	}
	return s
}

// ServeHTTP answers one request. Probes come before the guard: who asks for a
// machine's health knows it by address, and learns nothing else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.begin(w, r)
	defer x.end()
	switch {
	case r.URL.Path == "/healthz":
		x.op = "healthz"
		x.health()
	case r.URL.Path == "/readyz":
		x.op = "readyz"
		x.readiness()
	case !s.knownHost(r.Host):
		x.refuse(http.StatusForbidden, "This server does not answer to the host name of this request; see --public-host")
	case foreign(r):
		x.refuse(http.StatusForbidden, "Requests from other web sites are refused")
	case r.URL.Path == "/metrics" && !s.config.PrivateMetrics:
		x.op = "metrics"
		x.scrape()
	case r.URL.Path != "/" && s.called(r):
		s.callbacks.ServeHTTP(&routed{w, x}, r)
	case s.routes != nil && strings.HasPrefix(r.URL.Path, routePrefix):
		s.routes.ServeHTTP(&routed{w, x}, r)
	case r.URL.Path != "/":
		x.refuse(http.StatusNotFound, "There is nothing at this path; AWS clients send their requests to /")
	case r.Method == http.MethodGet && strings.Contains(r.URL.RawQuery, "X-Amz-Signature="):
		x.query()
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		x.refuse(http.StatusMethodNotAllowed, "This is an endpoint for AWS clients, which send POST")
	case isForm(r):
		x.query()
	default:
		x.json()
	}
}

// MetricsHandler serves the metrics, for a listener of their own.
func (s *Server) MetricsHandler() http.Handler { return s.metrics.handler }

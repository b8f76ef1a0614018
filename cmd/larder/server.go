package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"larder/internal/api"
	"larder/internal/awsquery"
	"larder/internal/catalog"
	"larder/internal/cfn/cfnapi"
	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/cfn/stackset"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/engine/cloudformation"
	"larder/internal/engine/external"
	"larder/internal/fetch"
	"larder/internal/identity"
	"larder/internal/provisioning"
	"larder/internal/seal"
	httpserver "larder/internal/server"
	"larder/internal/testmode"
	"larder/internal/workflow"
)

// drainTime bounds how long a stopping server finishes the requests it has.
const drainTime = 10 * time.Second

// mode is how a server treats its callers; a store belongs to one mode.
type mode string

const (
	modeDev   mode = "dev"
	modeServe mode = "serve"
)

// settingMode is the setting in the database that holds the store's mode.
const settingMode = "mode"

// settingTokens is the setting that holds the secret of page tokens.
const settingTokens = "page-token-secret"

// parts are what a server is put together from.
type parts struct {
	mode     mode
	listen   listenFlags
	database db.Options
	takeover time.Duration // how long others leave a silent server's runs alone
	history  time.Duration // how long what is over is kept; 0 for good
	keys     *seal.Keys
	policy   fetch.Policy
	posting  fetch.Policy // for engines, webhooks and topics
	engines  engineFlags
	notices  noticeFlags
	signals  signalFlags
	rules    string          // file of failure rules; "" for none
	clock    *testmode.Clock // that can be moved; nil for the system's
	log      *slog.Logger
	started  time.Time
	// identify says who calls, over the opened database.
	identify func(ctx context.Context, d *db.DB) (callers, error)
	cleanup  func() // after everything is closed; may be nil
	tlsCert  string // files to serve HTTPS with; "" for HTTP
	tlsKey   string
	// organization is the tree of accounts; nil for the mode's own.
	organization func(*db.Tx) (catalog.Organization, error)
}

// callers is how a mode identifies who calls and what they may do.
type callers struct {
	authenticate func(r *http.Request, body []byte) (identity.Caller, error)
	authorize    api.Middleware
	query        awsquery.Authorizer
	sts          *awsquery.STSHandlers
	// serve knows the principals that exist; nil in dev, where all do.
	serve *identity.Serve
}

// A server is everything that runs in one process.
type server struct {
	parts
	db       *db.DB
	runner   *workflow.Runner
	http     *httpserver.Server
	listener net.Listener
	stopRuns func() error
}

// service is what the API offers. An operation that no room has built is
// absent's: it stands deeper, so any room's method hides it.
type service struct {
	*catalog.Catalog
	*provisioning.Provisioning
	*identity.Directory
	*inventory
	*about
	absent
}

type absent struct{ api.Unimplemented }

// open puts a server together and starts carrying what an earlier one left.
// Nothing is heard before serve is called.
func open(ctx context.Context, p parts) (_ *server, err error) {
	p.started = time.Now().UTC()
	outward, err := p.outward()
	if err != nil {
		return nil, err
	}
	s := &server{parts: p}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.db, err = db.Open(ctx, p.database); err != nil {
		return nil, err
	}
	tokens, err := s.stamp(ctx)
	if err != nil {
		return nil, err
	}
	hosts := p.listen.PublicHost
	if host, err := p.signals.host(); err != nil {
		return nil, err
	} else if host != "" {
		hosts = append(slices.Clone(hosts), host)
	}
	client, err := fetch.New(p.policy)
	if err != nil {
		return nil, err
	}
	who, err := p.identify(ctx, s.db)
	if err != nil {
		return nil, err
	}
	now := time.Now
	if p.clock != nil {
		now = p.clock.Now
	}
	s.runner = workflow.New(s.db, workflow.Options{Logger: p.log, LeaseTTL: p.takeover, Now: now})
	stacks := stack.New(stack.Options{
		DB: s.db, Runner: s.runner, Keys: p.keys, Dev: p.mode == modeDev, Now: now,
		Handlers: &resource.Handlers{Dev: p.mode == modeDev}, Fetch: client,
		Signals: p.signals.Signals, URL: s.publicURL,
	})
	targets := stackset.Options{DB: s.db, Runner: s.runner, Keys: p.keys, Stacks: stacks, Now: now}
	if who.serve != nil {
		targets.Refuses = foreign(s.db)
	}
	sets := stackset.New(targets)
	organization := p.organization
	if who.serve != nil {
		organization = organizationOf(who.serve)
	}
	cfn := &cloudformation.Engine{Stacks: stacks, Sets: sets}
	elsewhere := external.New(external.Options{
		DB: s.db, Runner: s.runner, Fetch: outward.client, Courier: outward.courier, Keys: p.keys, Endpoints: outward.engines,
		Organization: organizationID(s.db, organization), Now: now,
	})
	engines := func(artifactType string) engine.Engine {
		switch {
		case artifactType == string(api.ProvisioningArtifactTypeCloudFormationTemplate):
			return cfn
		case slices.Contains(externalTypes, artifactType):
			return elsewhere
		}
		return nil
	}
	offers := catalog.Options{
		DB: s.db, Runner: s.runner, Engine: engines, Fetch: client, Keys: p.keys, Tokens: tokens,
		Limits: limits(p.mode), Organization: organization, Now: now,
	}
	var directory *identity.Directory
	if who.serve != nil {
		directory = identity.NewDirectory(who.serve, tokens)
		offers.UniqueID, offers.AccountExists = identity.UniqueID, identity.AccountExists
	}
	c := catalog.New(offers)
	o := provisioning.Options{
		DB: s.db, Runner: s.runner, Catalog: c, Engine: engines, Keys: p.keys, Tokens: tokens, Logger: p.log, Now: now,
		Deadline: p.engines.Deadline, Deadlines: p.engines.ProductDeadline, Grace: p.engines.Grace,
		Post: outward.courier.Post, Webhooks: outward.webhooks, Topics: outward.topics, NoticeTries: p.notices.NoticeTries,
	}
	if p.mode == modeDev {
		o.Rehearse, o.InForce = rehearse(stacks.Rules), func(rule string) bool { return stacks.Rules().InForce(rule) }
	}
	run := provisioning.New(o)
	served := httpserver.Config{
		Invoke:         api.Local(service{Catalog: c, Provisioning: run, Directory: directory, inventory: &inventory{resource.Inventory{DB: s.db}, tokens}, about: &about{parts: &s.parts}}, who.authorize),
		CloudFormation: cfnapi.Handlers(cfnapi.Options{Stacks: stacks, Sets: sets, Fetch: client, Tokens: tokens}),
		STS:            who.sts,
		AuthorizeQuery: who.query,
		Authenticate:   who.authenticate,
		Hosts:          hosts,
		Callbacks:      map[string]httpserver.Callback{cfnapi.HandlePattern: cfnapi.SignalHandle(stacks)},
		Checks:         []httpserver.Check{{Name: "database", Do: s.ping}},
		Log:            p.log,
	}
	if p.mode == modeDev {
		test, err := s.testMode(ctx, stacks, run)
		if err != nil {
			return nil, err
		}
		served.Enter, served.Called, served.Routes = test.Enter, test.Called, test.Routes()
		maps.Copy(served.Routes, engineRoutes(elsewhere))
	}
	s.http = httpserver.New(served)
	if s.listener, err = net.Listen("tcp", p.listen.Listen); err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("%s is taken; choose another address with --listen", p.listen.Listen)
		}
		return nil, err
	}
	s.carry(func(ctx context.Context) error {
		err := c.Purge(ctx)
		if p.history > 0 {
			err = errors.Join(err, stacks.Purge(ctx, p.history), sets.Purge(ctx, p.history))
		}
		return err
	})
	return s, nil
}

// devQuotas is by how much dev multiplies AWS's quotas of populations, since
// many tests share one server.
const devQuotas = 100

func limits(m mode) catalog.Limits {
	if m == modeDev {
		return catalog.AWSLimits().Times(devQuotas)
	}
	return catalog.AWSLimits()
}

// stamp makes the store this mode's, refuses one of the other mode's, and
// returns the page tokens that belong to it.
func (s *server) stamp(ctx context.Context) (*seal.Tokens, error) {
	fresh := base64.StdEncoding.EncodeToString(seal.NewTokenSecret())
	var secret string
	err := s.db.Update(ctx, func(tx *db.Tx) error {
		kept, err := db.AddSetting(tx, settingMode, string(s.mode))
		if err != nil {
			return err
		}
		if mode(kept) != s.mode {
			return fmt.Errorf("this store belongs to larder %s and is not opened by larder %s", kept, s.mode)
		}
		secret, err = db.AddSetting(tx, settingTokens, fresh)
		return err
	})
	if err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		return nil, fmt.Errorf("the store's page token secret is damaged: %w", err)
	}
	return seal.NewTokens(raw)
}

// housekeeping is how often what has expired is dropped.
const housekeeping = time.Hour

// carry carries durable runs, and keeps house beside them, until stopRuns.
func (s *server) carry(keepHouse func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.runner.Run(ctx) }()
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		tick := time.NewTicker(housekeeping)
		defer tick.Stop()
		for {
			if err := keepHouse(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("housekeeping failed and is tried again later", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	s.stopRuns = func() error {
		cancel()
		<-swept
		return <-ended
	}
}

func (s *server) ping(ctx context.Context) error {
	return s.db.View(ctx, func(tx *db.Tx) error {
		_, err := db.GetSetting(tx, settingMode)
		return err
	})
}

// url is where the server is found.
func (s *server) url() string {
	scheme := "http://"
	if s.tlsCert != "" {
		scheme = "https://"
	}
	return scheme + s.listener.Addr().String()
}

// serve answers requests until ctx ends, then drains, hands runs back and
// closes. Ready is called once requests are served.
func (s *server) serve(ctx context.Context, ready func()) error {
	defer s.close()
	var secure *tls.Config
	if s.tlsCert != "" {
		pair, err := tls.LoadX509KeyPair(s.tlsCert, s.tlsKey)
		if err != nil {
			return fmt.Errorf("--tls-cert: %w", err)
		}
		secure = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(ctx, s.listener, secure, drainTime) }()
	if s.listen.ReadyFile != "" {
		if err := writeReady(s.listen.ReadyFile, s.url()); err != nil {
			return err
		}
	}
	ready()
	return <-served
}

// during serves while something is done, however that ends.
func (s *server) during(ctx context.Context, do func(context.Context) error) error {
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	ready := make(chan struct{})
	go func() { served <- s.serve(serving, func() { close(ready) }) }()
	err := func() error {
		defer stop()
		select {
		case err := <-served:
			served <- nil
			return err
		case <-ready:
		}
		return do(ctx)
	}()
	return errors.Join(err, <-served)
}

// close ends whatever open began, in reverse.
func (s *server) close() {
	if s.stopRuns != nil {
		if err := s.stopRuns(); err != nil {
			s.log.Error("runs did not end cleanly", "error", err)
		}
	}
	if s.listener != nil {
		_ = s.listener.Close() // closed already if it was served
	}
	if s.db != nil {
		if err := s.db.Close(); err != nil {
			s.log.Error("the database did not close cleanly", "error", err)
		}
	}
	if s.cleanup != nil {
		s.cleanup()
	}
}

// writeReady tells whoever waits that requests are served: through a named
// pipe if there is one, else by a file that appears whole.
func writeReady(path, url string) error {
	text := []byte(url + "\n")
	if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		return os.WriteFile(path, text, 0)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".ready-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already if the rename worked
	if _, err := f.Write(text); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// about answers what the server is.
type about struct{ parts *parts }

// DescribeServer answers version, mode, database and age of the server.
func (a *about) DescribeServer(context.Context, *api.DescribeServerInput) (*api.DescribeServerOutput, error) {
	out := &api.DescribeServerOutput{
		Version:       version(),
		Mode:          api.ServerModeServe,
		Database:      api.DatabaseKindSQLite,
		StartedTime:   a.parts.started,
		UptimeSeconds: int64(time.Since(a.parts.started).Seconds()),
	}
	if a.parts.mode == modeDev {
		out.Mode = api.ServerModeDev
	}
	if a.parts.database.URL != "" {
		out.Database = api.DatabaseKindPostgreSQL
	}
	return out, nil
}

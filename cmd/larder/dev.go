package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"larder/internal/db"
	"larder/internal/fetch"
	"larder/internal/identity"
	"larder/internal/seal"
	"larder/internal/testmode"
)

// defaultRegion is the region of unsigned calls.
const defaultRegion = "us-east-1"

// demoAccount is the account of access keys that name none.
const demoAccount = "000000000000"

// listenFlags are where a server is heard.
type listenFlags struct {
	Listen      string   `help:"Address to serve on." default:"127.0.0.1:8420"`
	PublicHost  []string `help:"Further host names that requests may name." placeholder:"HOST"`
	AllowRemote bool     `help:"Allow a listen address that is not loopback."`
	ReadyFile   string   `help:"File that the URL is written to once requests are served." placeholder:"FILE"`
}

// storeFlags are where a server keeps what it knows.
type storeFlags struct {
	Data        string        `help:"Directory of the embedded database." placeholder:"DIR"`
	Database    location      `help:"PostgreSQL instead of the embedded database." placeholder:"URL"`
	SealKeyFile string        `help:"File of the keys that seal secrets (default: seal.key in the data directory)." placeholder:"FILE"`
	Takeover    time.Duration `help:"How long one of several servers over a database may be silent before the others go on with what it was doing." default:"15s"`
	History     time.Duration `help:"How long stacks that were deleted and ended operations of stack sets are kept, 90 days on AWS; 0 for good." default:"2160h"`
}

// minTakeover is the shortest that is allowed: a server that works is heard of
// three times as often.
const minTakeover = time.Second

// check refuses what makes no sense.
func (f storeFlags) check() error {
	switch {
	case f.Data != "" && f.Database != "":
		return errors.New("give either --data or --database, not both")
	case f.Database != "" && f.Takeover < minTakeover:
		return fmt.Errorf("--takeover %s is too short; it takes at least %s", f.Takeover, minTakeover)
	}
	return nil
}

// fetchFlags are what products may be loaded from.
type fetchFlags struct {
	TemplateRoot []string `help:"Directories that templates may be loaded from (file:///…)." placeholder:"DIR"`
	S3Endpoint   string   `name:"s3-endpoint" env:"LARDER_S3_ENDPOINT" help:"Where S3 URLs are fetched from instead of AWS." placeholder:"URL"`
}

// devSettings are the flags of dev.
type devSettings struct {
	listenFlags
	storeFlags
	fetchFlags
	engineFlags
	noticeFlags
	signalFlags
	Region string `help:"Region of unsigned calls." default:"us-east-1"`
	Org    string `help:"File of the organization (YAML: accounts in units); without it every account and every node exists." placeholder:"FILE"`
	Rules  string `help:"File of rules by which operations and resources fail or take time (JSON or YAML)." placeholder:"FILE"`
}

// dev serves for tests and CI.
type dev struct {
	devSettings
}

// Run serves until ctx ends.
func (d *dev) Run(ctx context.Context, log *slog.Logger) error {
	s, err := openDev(ctx, d.devSettings, log)
	if err != nil {
		return err
	}
	kept := "a temporary store"
	switch {
	case d.Database != "":
		kept = "PostgreSQL"
	case d.Data != "":
		kept = d.Data
	}
	return s.serve(ctx, func() {
		fmt.Fprintf(os.Stderr, `Larder %s, dev mode: any credentials are accepted. Not for production.
  API    %s   (Service Catalog, CloudFormation, STS)
  tests  %[2]s/_larder/   (rules, clock, reset, snapshots, calls; docs/testing.md)
  store  %[3]s

  export AWS_ENDPOINT_URL=%[2]s AWS_REGION=%[4]s AWS_DEFAULT_REGION=%[4]s AWS_ACCESS_KEY_ID=me AWS_SECRET_ACCESS_KEY=any
  aws servicecatalog list-portfolios

`, version(), s.url(), kept, d.Region)
	})
}

// openDev opens a server that trusts everybody.
func openDev(ctx context.Context, d devSettings, log *slog.Logger) (*server, error) {
	p, err := d.parts(log)
	if err != nil {
		return nil, err
	}
	return open(ctx, p)
}

// parts are what a server that trusts everybody is put together from.
func (d *devSettings) parts(log *slog.Logger) (parts, error) {
	if err := checkListen(d.listenFlags); err != nil {
		return parts{}, err
	}
	tree, err := readTree(d.Org)
	if err != nil {
		return parts{}, err
	}
	if err := d.check(); err != nil {
		return parts{}, err
	}
	o := db.Options{URL: string(d.Database), Dir: d.Data, Logger: log}
	keys := seal.Ephemeral()
	var cleanup func()
	switch {
	case d.Data != "" || d.Database != "":
		if keys, err = loadKeys(d.storeFlags); err != nil {
			return parts{}, err
		}
	default:
		dir, err := os.MkdirTemp("", "larder-dev-")
		if err != nil {
			return parts{}, err
		}
		o.Dir, o.Ephemeral, o.Logger = dir, true, nil
		cleanup = func() { _ = os.RemoveAll(dir) } // the system clears its temporary directory too
	}
	clock := &testmode.Clock{}
	everywhere := fetch.Policy{HTTP: true, Loopback: true, Private: true, LinkLocal: true}
	templates := everywhere
	templates.Roots, templates.S3Endpoint = d.TemplateRoot, d.S3Endpoint
	return parts{
		mode: modeDev, listen: d.listenFlags, database: o, takeover: d.Takeover, history: d.History, keys: keys, cleanup: cleanup, rules: d.Rules, clock: clock,
		policy: templates, posting: everywhere, engines: d.engineFlags, notices: d.noticeFlags, signals: d.signalFlags,
		identify: func(context.Context, *db.DB) (callers, error) {
			who := identity.Dev{Region: d.Region, Now: clock.Now}
			return callers{authenticate: who.Authenticate, authorize: who.Authorize, sts: stsHandlers(who.STS())}, nil
		},
		organization: tree, log: log,
	}, nil
}

// checkListen refuses to be heard beyond this machine by accident.
func checkListen(l listenFlags) error {
	host, _, err := net.SplitHostPort(l.Listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", l.Listen, err)
	}
	ip := net.ParseIP(host)
	if l.AllowRemote || strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--listen %s is not a loopback address; --allow-remote if that is meant", l.Listen)
}

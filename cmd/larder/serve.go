package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"larder/internal/awsquery"
	"larder/internal/db"
	"larder/internal/fetch"
	"larder/internal/identity"
	"larder/internal/seal"
)

// serveSettings are the flags of serve.
type serveSettings struct {
	listenFlags
	storeFlags
	fetchFlags
	engineFlags
	noticeFlags
	signalFlags
	Account               string `help:"Number of the first account (default: chosen at random)." placeholder:"ID"`
	BootstrapCredentials  string `help:"Where the first start writes the administrator's access key, as an AWS credentials file, instead of printing it." placeholder:"FILE"`
	AllowPrivateFetch     bool   `help:"Let templates be fetched over http:// and from private addresses."`
	AllowPrivateEndpoints bool   `help:"Let engines, webhooks and topics be at http:// and at private addresses."`
	TLSCert               string `name:"tls-cert" help:"Certificate to serve HTTPS with." placeholder:"FILE"`
	TLSKey                string `name:"tls-key" help:"Key of the certificate." placeholder:"FILE"`
}

// serve serves for real use.
type serve struct {
	serveSettings
}

// Run serves until ctx ends.
func (c *serve) Run(ctx context.Context, log *slog.Logger) error {
	s, err := openServe(ctx, c.serveSettings, log)
	if err != nil {
		return err
	}
	return s.serve(ctx, func() { log.Info("larder serves", "version", version(), "url", s.url()) })
}

// openServe opens a server that verifies who calls.
func openServe(ctx context.Context, c serveSettings, log *slog.Logger) (*server, error) {
	if err := checkListen(c.listenFlags); err != nil {
		return nil, err
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return nil, errors.New("--tls-cert and --tls-key go together")
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	o := db.Options{URL: string(c.Database), Dir: c.Data, Logger: log}
	switch {
	case c.Database != "" && c.SealKeyFile == "":
		return nil, errors.New("--database needs --seal-key-file: the keys must not lie in the database that they seal")
	case c.Database == "" && c.Data == "":
		dir, err := dataHome()
		if err != nil {
			return nil, err
		}
		c.Data, o.Dir = dir, dir
	}
	keys, err := loadKeys(c.storeFlags)
	if err != nil {
		return nil, err
	}
	return open(ctx, parts{
		mode: modeServe, listen: c.listenFlags, database: o, takeover: c.Takeover, history: c.History, keys: keys, log: log,
		policy: fetch.Policy{
			HTTP: c.AllowPrivateFetch, Loopback: c.AllowPrivateFetch, Private: c.AllowPrivateFetch,
			Roots: c.TemplateRoot, S3Endpoint: c.S3Endpoint,
		},
		posting: fetch.Policy{HTTP: c.AllowPrivateEndpoints, Loopback: c.AllowPrivateEndpoints, Private: c.AllowPrivateEndpoints},
		engines: c.engineFlags, notices: c.noticeFlags, signals: c.signalFlags,
		tlsCert: c.TLSCert, tlsKey: c.TLSKey,
		identify: func(ctx context.Context, d *db.DB) (callers, error) {
			_, err := identity.Bootstrap(ctx, d, keys, c.Account, func(a identity.Administrator) error {
				return c.deliver(a)
			})
			if err != nil {
				return callers{}, err
			}
			who, err := identity.NewServe(d, keys, nil)
			if err != nil {
				return callers{}, err
			}
			return callers{
				authenticate: who.Authenticate, authorize: who.Authorize,
				query: allowQuery(who), sts: stsHandlers(who.STS()), serve: who,
			}, nil
		},
	})
}

// deliver hands the administrator's key over, once.
func (c *serveSettings) deliver(a identity.Administrator) error {
	if c.BootstrapCredentials != "" {
		return identity.WriteCredentialsFile(c.BootstrapCredentials, a)
	}
	_, err := fmt.Printf(`First start: account %s, administrator %s.
This is shown once:

  export AWS_ACCESS_KEY_ID=%s
  export AWS_SECRET_ACCESS_KEY=%s

`, a.Account, a.ARN, a.Credentials.AccessKeyID, a.Credentials.SecretAccessKey)
	return err
}

// allowQuery authorizes CloudFormation's operations. STS's own are judged by
// the identity room: anybody may ask who they are, and AssumeRole asks the role.
func allowQuery(who *identity.Serve) awsquery.Authorizer {
	return func(ctx context.Context, op awsquery.Op, in any) error {
		if op.Service == awsquery.STS {
			return nil
		}
		return who.Allow(ctx, op.String(), in)
	}
}

// dataHome is where serve keeps its data without --data.
func dataHome() (string, error) {
	home := os.Getenv("XDG_DATA_HOME")
	if home == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no place for data; give --data: %w", err)
		}
		home = filepath.Join(user, ".local", "share")
	}
	return filepath.Join(home, "larder"), nil
}

// loadKeys loads the keys that seal secrets, or makes the first.
func loadKeys(f storeFlags) (*seal.Keys, error) {
	path := f.SealKeyFile
	if path == "" {
		if f.Data == "" {
			return nil, errors.New("--database needs --seal-key-file")
		}
		path = filepath.Join(f.Data, "seal.key")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return seal.Load(path)
}

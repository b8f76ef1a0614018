package main

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"larder/internal/cfn/stack"
)

// signalFlags say how stacks hear that what stands outside of them is done.
type signalFlags struct {
	Signals   stack.Signaling `help:"Who gives the signals that stacks await: auto (simulated machines with user data do, others are awaited), simulated (all are taken as given) or awaited." enum:"auto,simulated,awaited" default:"auto"`
	PublicURL string          `name:"public-url" help:"URL under which others reach this server, for those who are to report to it (default: where it listens)." placeholder:"URL"`
}

// host returns the host name of the public URL; "" if there is none.
func (f signalFlags) host() (string, error) {
	if f.PublicURL == "" {
		return "", nil
	}
	u, err := url.Parse(f.PublicURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("--public-url %s is not a URL of the form https://host:port", f.PublicURL)
	}
	return u.Hostname(), nil
}

// publicURL is where others find the server. An address that stands for all
// of the machine's is nobody's to call, so a host that it goes by takes its
// place.
func (s *server) publicURL() string {
	if s.signals.PublicURL != "" {
		return s.signals.PublicURL
	}
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return s.url()
	}
	name := "localhost"
	if len(s.listen.PublicHost) > 0 {
		name = s.listen.PublicHost[0]
	}
	scheme, _, _ := strings.Cut(s.url(), "://")
	return scheme + "://" + net.JoinHostPort(name, port)
}

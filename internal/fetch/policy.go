package fetch

import (
	"fmt"
	"net/netip"
	"net/url"
	"time"
)

// A Policy says what may be fetched. The zero Policy allows https from public
// addresses and nothing else.
type Policy struct {
	HTTP      bool // http:// besides https://
	Loopback  bool // 127.0.0.0/8, ::1 and the unspecified addresses, which mean the same
	Private   bool // RFC 1918, unique local, shared and reserved addresses
	LinkLocal bool // 169.254.0.0/16, where clouds serve credentials, and fe80::/10

	// Roots are the directories that local files may be read from, by
	// file:// or by plain path. None: no file may be read. Symbolic links
	// that lead out of a root are not followed.
	Roots []string

	// S3Endpoint, such as http://127.0.0.1:9000, is where URLs of Amazon S3
	// are sent instead, in path style. The operator vouches for it: neither
	// scheme nor address of it is judged.
	S3Endpoint string

	MaxBytes     int64         // of a body; default 10 MiB
	Timeout      time.Duration // of a whole exchange with its redirects; default 30 s
	MaxRedirects int           // default 5; negative: none
	UserAgent    string        // default "larder"
}

const (
	defaultMaxBytes     = 10 << 20
	defaultTimeout      = 30 * time.Second
	defaultMaxRedirects = 5
)

func (p Policy) withDefaults() Policy {
	if p.MaxBytes <= 0 {
		p.MaxBytes = defaultMaxBytes
	}
	if p.Timeout <= 0 {
		p.Timeout = defaultTimeout
	}
	if p.MaxRedirects == 0 {
		p.MaxRedirects = defaultMaxRedirects
	}
	p.MaxRedirects = max(p.MaxRedirects, 0)
	if p.UserAgent == "" {
		p.UserAgent = "larder"
	}
	return p
}

// allowsURL judges what can be judged of a URL before its host is resolved.
func (p *Policy) allowsURL(u *url.URL) error {
	switch {
	case u.Scheme == "http" && !p.HTTP:
		return refused(u, "http is not allowed, use https")
	case u.Scheme != "https" && u.Scheme != "http":
		return refused(u, fmt.Sprintf("scheme %q is not allowed", u.Scheme))
	case u.Hostname() == "":
		return refused(u, "no host in it")
	case u.User != nil:
		return refused(u, "a URL with a user name or password is not allowed")
	}
	return nil
}

// Networks that no public server has. Some embed another address that the
// system, or a gateway, would go on to.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // shared by carriers
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("::/96"),           // IPv4 within, retired
	netip.MustParsePrefix("::ffff:0:0:0/96"), // IPv4 translated
	netip.MustParsePrefix("64:ff9b::/96"),    // NAT64
	netip.MustParsePrefix("64:ff9b:1::/48"),  // NAT64, local
	netip.MustParsePrefix("100::/64"),        // discard
	netip.MustParsePrefix("2001::/23"),       // protocol assignments, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4
	netip.MustParsePrefix("fec0::/10"),       // site local, retired
}

// allowsAddress judges the address that is about to be dialed. It returns why
// not, or "".
func (p *Policy) allowsAddress(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	switch {
	case a.IsLoopback() || a.IsUnspecified():
		if !p.Loopback {
			return "loopback addresses are not allowed"
		}
	case a.IsMulticast():
		return "multicast addresses are not allowed"
	case a.IsLinkLocalUnicast() || a == metadataV6:
		if !p.LinkLocal {
			return "link-local and metadata addresses are not allowed"
		}
	case a.IsPrivate() || isReserved(a):
		if !p.Private {
			return "private addresses are not allowed"
		}
	}
	return ""
}

// metadataV6 is where EC2 serves a machine's credentials over IPv6.
var metadataV6 = netip.MustParseAddr("fd00:ec2::254")

func isReserved(a netip.Addr) bool {
	for _, network := range reserved {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

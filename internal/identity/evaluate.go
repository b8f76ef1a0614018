package identity

import (
	"slices"
	"strings"

	"larder/internal/id"
)

// A Request is what policies are asked about.
type Request struct {
	Action   string // servicecatalog:ProvisionProduct
	Resource string // an ARN, or "*" for an action without one
	Context  Context
	// Principals are the names that the caller answers to in a trust policy.
	Principals []string
}

// A Decision is what policies say about a request.
type Decision int

// The decisions. A denial overrides whatever allows.
const (
	NotAllowed Decision = iota // nothing allows it
	Allowed
	Denied // something denies it
)

// Evaluate asks policies that hold together, as those of a user and the
// user's groups do.
func Evaluate(r Request, policies ...*Policy) Decision {
	decision := NotAllowed
	action := strings.ToLower(r.Action)
	for _, p := range policies {
		for i := range p.statements {
			s := &p.statements[i]
			if s.allow && decision == Allowed || !s.applies(&r, action) {
				continue
			}
			if !s.allow {
				return Denied
			}
			decision = Allowed
		}
	}
	return decision
}

func (s *statement) applies(r *Request, action string) bool {
	if slices.ContainsFunc(s.actions, func(p pattern) bool { return glob(p.text, action) }) == s.butActions {
		return false
	}
	if s.resources != nil && slices.ContainsFunc(s.resources, func(p pattern) bool { return p.matches(r.Resource, r.Context) }) == s.butRes {
		return false
	}
	if s.principals != nil && slices.ContainsFunc(s.principals, func(p string) bool { return p == "*" || slices.Contains(r.Principals, p) }) == s.butPrinc {
		return false
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(r.Context) {
			return false
		}
	}
	return true
}

// isPolicyPrincipal reports whether s may stand under "AWS" in a policy: an
// account, a principal's ARN or everybody.
func isPolicyPrincipal(s string) bool {
	if s == "*" || id.IsAccount(s) {
		return true
	}
	p, err := id.ParsePrincipal(s)
	return err == nil && p.Kind != id.Group
}

// principalNames are the names that a caller answers to in a trust policy:
// their own, for a role session also the role's, and the account's.
func principalNames(c Caller) []string {
	names := []string{c.ARN, c.Account}
	if role := c.RoleARN(); role != "" {
		names = append(names, role)
	}
	if p, ok := c.Principal(); ok {
		root := id.Principal{Partition: p.Partition, Account: p.Account, Kind: id.Root}
		names = append(names, root.String())
	}
	return names
}

// An authority is what a caller's policies allow.
type authority struct {
	identity []*Policy
	// session policies take away from what the identity's allow; nil: none.
	session []*Policy
}

// asks reports whether any policy looks at a request's Context.
func (a *authority) asks() bool {
	looks := func(p *Policy) bool { return p.asks }
	return a != nil && (slices.ContainsFunc(a.identity, looks) || slices.ContainsFunc(a.session, looks))
}

// decide answers whether the request is allowed and, if not, how AWS's
// sentence about it ends.
func (a *authority) decide(r Request) (why string, ok bool) {
	if a == nil {
		return becauseNo("identity-based", r.Action), false
	}
	switch Evaluate(r, a.identity...) {
	case Denied:
		return "with an explicit deny in an identity-based policy", false
	case NotAllowed:
		return becauseNo("identity-based", r.Action), false
	}
	if a.session != nil {
		switch Evaluate(r, a.session...) {
		case Denied:
			return "with an explicit deny in a session policy", false
		case NotAllowed:
			return becauseNo("session", r.Action), false
		}
	}
	return "", true
}

func becauseNo(kind, action string) string {
	return "because no " + kind + " policy allows the " + action + " action"
}

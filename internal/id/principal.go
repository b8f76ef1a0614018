package id

import (
	"fmt"
	"strings"
)

// PrincipalKind says what a principal is.
type PrincipalKind int

// The kinds of principals.
const (
	Root      PrincipalKind = iota + 1 // arn:aws:iam::<account>:root
	User                               // arn:aws:iam::<account>:user/<path><name>
	Group                              // arn:aws:iam::<account>:group/<path><name>
	Role                               // arn:aws:iam::<account>:role/<path><name>
	Session                            // arn:aws:sts::<account>:assumed-role/<role>/<session>
	Federated                          // arn:aws:sts::<account>:federated-user/<name>
)

func (k PrincipalKind) String() string {
	switch k {
	case Root:
		return "root"
	case User:
		return "user"
	case Group:
		return "group"
	case Role:
		return "role"
	case Session:
		return "assumed-role"
	case Federated:
		return "federated-user"
	default:
		return fmt.Sprintf("PrincipalKind(%d)", int(k))
	}
}

// A Principal is someone or something that can be named in a policy or in a
// portfolio's list of principals.
type Principal struct {
	Partition string
	Account   string
	Kind      PrincipalKind
	Path      string // of users, groups and roles: "/" or "/<any>/…/"
	Name      string // the user's, group's or role's; "" of Root
	Session   string // the name of a Session
}

// ParsePrincipal takes apart the ARN of a principal.
func ParsePrincipal(s string) (Principal, error) {
	a, err := ParseARN(s)
	if err != nil {
		return Principal{}, err
	}
	if p, ok := a.Principal(); ok {
		return p, nil
	}
	return Principal{}, fmt.Errorf("arn: %q names no principal", s)
}

// Principal returns the principal that a names, false if it names none or
// does not say whose account it belongs to.
func (a ARN) Principal() (Principal, bool) {
	if a.Region != "" || !IsAccount(a.Account) {
		return Principal{}, false
	}
	p := Principal{Partition: a.Partition, Account: a.Account}
	kind, rest, _ := strings.Cut(a.Resource, "/")
	switch a.Service + " " + kind {
	case "iam root":
		p.Kind = Root
		return p, a.Resource == "root"
	case "iam user":
		p.Kind = User
	case "iam group":
		p.Kind = Group
	case "iam role":
		p.Kind = Role
	case "sts assumed-role":
		p.Kind = Session
		var ok bool
		p.Name, p.Session, ok = strings.Cut(rest, "/")
		return p, ok && isName(p.Name, 64) && isName(p.Session, 64)
	case "sts federated-user":
		p.Kind = Federated
		p.Name = rest
		return p, isName(rest, 64)
	default:
		return Principal{}, false
	}
	slash := strings.LastIndexByte(rest, '/') + 1
	p.Path, p.Name = "/"+rest[:slash], rest[slash:]
	return p, isName(p.Name, 128) && isPath(p.Path)
}

// ARN returns the principal's ARN.
func (p Principal) ARN() ARN {
	a := ARN{Partition: p.Partition, Service: "iam", Account: p.Account}
	switch p.Kind {
	case Root:
		a.Resource = "root"
	case Session:
		a.Service = "sts"
		a.Resource = "assumed-role/" + p.Name + "/" + p.Session
	case Federated:
		a.Service = "sts"
		a.Resource = "federated-user/" + p.Name
	default:
		a.Resource = p.Kind.String() + "/" + strings.TrimPrefix(p.Path, "/") + p.Name
	}
	return a
}

func (p Principal) String() string { return p.ARN().String() }

func newPrincipal(kind PrincipalKind, partition, account, path, name string) Principal {
	if path == "" {
		path = "/"
	}
	return Principal{Partition: partition, Account: account, Kind: kind, Path: path, Name: name}
}

// UserPrincipal names a user of an account; an empty path is "/".
func UserPrincipal(partition, account, path, name string) Principal {
	return newPrincipal(User, partition, account, path, name)
}

// GroupPrincipal names a group of an account; an empty path is "/".
func GroupPrincipal(partition, account, path, name string) Principal {
	return newPrincipal(Group, partition, account, path, name)
}

// RolePrincipal names a role of an account; an empty path is "/".
func RolePrincipal(partition, account, path, name string) Principal {
	return newPrincipal(Role, partition, account, path, name)
}

// SessionPrincipal names one session of a role. AWS leaves the role's path
// out of it.
func SessionPrincipal(partition, account, role, session string) Principal {
	return Principal{Partition: partition, Account: account, Kind: Session, Name: role, Session: session}
}

// isName reports whether s may name a user, group, role or session.
func isName(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isWord(c) && !strings.ContainsRune("+=,.@", rune(c)) {
			return false
		}
	}
	return true
}

// isPath reports whether s may be the path of a user, group or role: printable
// ASCII between two slashes, or one slash.
func isPath(s string) bool {
	if len(s) > 512 || strings.Contains(s, "//") {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

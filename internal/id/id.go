// Package id holds the names of things: typed identifiers and ARNs, minted,
// parsed and formatted as AWS does it. It is the vocabulary of every room
// above; it does no I/O and imports nothing of ours.
//
// Each kind of thing has a Go type of its own, so that the id of a record
// cannot be passed where the id of a product is meant. In the database and on
// the wire an id is its string.
package id

import (
	"strings"
)

// The identifiers of AWS Service Catalog. An id is its kind's prefix, a
// hyphen and 13 characters of the alphabet a–z2–7.
type (
	// Portfolio names a portfolio: port-2s6abcdq5wdh4.
	Portfolio string
	// Product names a product: prod-3p5abcdef3oyk.
	Product string
	// ProductView names what end users see of a product:
	// prodview-3p5abcdef3oyk. See [Product.View].
	ProductView string
	// Artifact names a provisioning artifact, one version of a product:
	// pa-pq3p5lil12a34.
	Artifact string
	// ProvisionedProduct names something launched: pp-dpom27bm4abcd.
	ProvisionedProduct string
	// Record names one operation on a provisioned product: rec-tfuawdabcdege.
	Record string
	// Constraint names a constraint: cons-7tr6gei4bxxxx.
	Constraint string
	// Path names a launch path, which is one portfolio seen by someone who may
	// launch from it: lpv3-y3fnkeslpxxxx. See [Portfolio.Path].
	Path string
	// TagOption names a tag option: tag-iabcdn4fzjjms.
	TagOption string
	// ServiceAction names a service action: act-fs7abcd89wxyz.
	ServiceAction string
	// Plan names a provisioned product plan: plan-g7iwsaf3mxxxx.
	Plan string
	// CopyToken names one run of CopyProduct: copyproduct-abc5defgjkdji.
	CopyToken string
	// ShareToken names one run of a share with an organization:
	// share-agngcybu4xxxx.
	ShareToken string
)

func (Portfolio) prefix() string          { return "port" }
func (Product) prefix() string            { return "prod" }
func (ProductView) prefix() string        { return "prodview" }
func (Artifact) prefix() string           { return "pa" }
func (ProvisionedProduct) prefix() string { return "pp" }
func (Record) prefix() string             { return "rec" }
func (Constraint) prefix() string         { return "cons" }
func (Path) prefix() string               { return "lpv3" }
func (TagOption) prefix() string          { return "tag" }
func (ServiceAction) prefix() string      { return "act" }
func (Plan) prefix() string               { return "plan" }
func (CopyToken) prefix() string          { return "copyproduct" }
func (ShareToken) prefix() string         { return "share" }

// Kind is any of the identifier types above.
type Kind interface {
	~string
	prefix() string
}

// New mints an id. It reads random bytes, so it is not for the closure of a
// database transaction, which may run twice.
func New[T Kind]() T {
	var kind T
	return T(mint(kind.prefix()))
}

// maxLength is the model's bound of every Id member.
const maxLength = 100

// WellFormed reports whether v has the shape that [New] gives: the kind's
// prefix and some suffix. Suffixes of other lengths pass, because AWS's own
// ids vary.
func WellFormed[T Kind](v T) bool {
	suffix, ok := suffix(v)
	if !ok || len(v) > maxLength {
		return false
	}
	for i := range len(suffix) {
		if c := suffix[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// View returns the id of what end users see of the product. AWS keeps one
// stable view id per product; here it is derived, so that neither has to be
// looked up to know the other.
func (p Product) View() ProductView { return derive[ProductView](p) }

// Product returns the product that the view shows, false if v is no view id.
func (v ProductView) Product() (Product, bool) {
	if _, ok := suffix(v); !ok {
		return "", false
	}
	return derive[Product](v), true
}

// Path returns the id of the launch path through the portfolio. AWS derives
// it in the same way: port-y3fnkeslpxxxx is lpv3-y3fnkeslpxxxx.
func (p Portfolio) Path() Path { return derive[Path](p) }

// Portfolio returns the portfolio that the path leads through, false for a
// path id of another form, such as the retired lpv2-….
func (p Path) Portfolio() (Portfolio, bool) {
	if _, ok := suffix(p); !ok {
		return "", false
	}
	return derive[Portfolio](p), true
}

// StackName returns the name of the CloudFormation stack that stands behind
// the provisioned product, by its launching account: SC-<account>-pp-….
func (p ProvisionedProduct) StackName(account string) string {
	return "SC-" + account + "-" + string(p)
}

// derive gives the id of kind To with the suffix of v. An id without v's own
// prefix, which only a store written by others could hold, keeps all of
// itself as the suffix, so that no two ids derive the same one.
func derive[To, From Kind](v From) To {
	s, ok := suffix(v)
	if !ok {
		s = string(v)
	}
	var kind To
	return To(kind.prefix() + "-" + s)
}

// suffix returns what follows the kind's prefix and the hyphen.
func suffix[T Kind](v T) (string, bool) {
	rest, ok := strings.CutPrefix(string(v), v.prefix())
	if !ok || len(rest) < 2 || rest[0] != '-' {
		return "", false
	}
	return rest[1:], true
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

package catalog

import (
	"larder/internal/api"
	"larder/internal/engine"
	"larder/internal/id"
)

// A LaunchQuery names what is to be launched, as ProvisionProduct and its
// siblings do: of each pair exactly one is given, and a path only if there
// are several.
type LaunchQuery struct {
	ProductID, ProductName   string
	ArtifactID, ArtifactName string
	PathID, PathName         string
	// Standing is what an update starts from: the version stays where none is
	// given and the product does.
	Standing Standing
	// ForUpdate allows a deprecated version, which a new launch may not use.
	ForUpdate bool
	// Launched allows any version: it was launched before, and stays.
	Launched bool
	// AnyPath takes the first of several paths where none is named: an import
	// has no way to name one.
	AnyPath bool
}

// Standing is a product and its version, of which something was launched.
type Standing struct {
	Product  id.Product
	Artifact id.Artifact
}

// A Launch is everything that a launch of one version through one path needs
// to know of the catalog.
type Launch struct {
	Product  LaunchProduct
	Artifact LaunchArtifact
	Path     LaunchPath
	// Role is the launch role's ARN: LocalRoleName is already resolved to the
	// launching account. "" means the caller's own rights.
	Role string
	// Topics are the topic ARNs of the NOTIFICATION constraints.
	Topics []string
	// Rules are the JSON rule objects of the TEMPLATE constraints, in order of
	// creation.
	Rules []string
	// TagUpdate tells whether a RESOURCE_UPDATE constraint allows the tags of
	// a provisioned product to change.
	TagUpdate bool
	// StackSet is nil unless a STACKSET constraint applies.
	StackSet *StackSet
	// TagOptions are the active tag options of portfolio and product, one
	// entry per key, in order of the keys.
	TagOptions []TagChoice

	constraints []api.ConstraintSummary
}

// LaunchProduct is the product of a Launch.
type LaunchProduct struct {
	ID      id.Product
	Name    string
	Type    string // CLOUD_FORMATION_TEMPLATE, EXTERNAL …
	Account string // who owns it
	ARN     string
	Tags    []engine.Tag
}

// LaunchArtifact is the version of a Launch. Its body is read by
// [Catalog.ArtifactBody].
type LaunchArtifact struct {
	ID     id.Artifact
	Name   string
	Type   string
	URL    string
	Digest string // hex SHA-256 of the body
	// Template is what the engine read out of the version when it was
	// created; nil if it was never read (an archive, or a template whose
	// validation was turned off and that does not parse).
	Template *engine.Template
}

// LaunchPath is the path of a Launch: a portfolio that holds the product and
// that the caller may use.
type LaunchPath struct {
	ID        id.Path
	Name      string // the portfolio's display name
	Portfolio id.Portfolio
	Account   string // who owns the portfolio
	ARN       string // the portfolio's ARN
	Tags      []engine.Tag
}

// A StackSet is what a STACKSET constraint lays down.
type StackSet struct {
	Accounts        []string
	Regions         []string
	AdminRole       string // ARN
	ExecutionRole   string // name
	InstanceControl bool   // whether users may add and remove instances
}

// A TagChoice is one tag option key of a launch with the values it offers.
// No values means that portfolio and product contradict each other.
type TagChoice struct {
	Key    string
	Values []string
}

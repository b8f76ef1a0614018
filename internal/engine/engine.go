// Package engine is the contract between provisioned products and what really
// makes their resources.
//
// An engine is level-triggered: it looks first, acts second, and may be asked
// to repeat any beat after a crash at any point. It keeps its own truth; the
// caller keeps nothing of it but what a Progress carries.
package engine

import (
	"context"
	"errors"
	"time"
)

// An Engine provisions artifacts of one or more types.
type Engine interface {
	// Describe reads an artifact: its parameters, outputs, rules and metadata. An artifact
	// that the engine cannot use is a *Failure.
	Describe(ctx context.Context, a Artifact) (Template, error)
	// Plan computes what c would change and touches nothing. Level-triggered:
	// call it until Progress.State is Done.
	Plan(ctx context.Context, c Change) (Preview, Progress, error)
	// Advance does one repeatable beat of c.
	Advance(ctx context.Context, c Change) (Progress, error)
}

// An Artifact is a version of a product, as an engine needs it.
type Artifact struct {
	ID     string // provisioning artifact id
	Type   string // CLOUD_FORMATION_TEMPLATE, TERRAFORM_CLOUD, EXTERNAL …
	URL    string // where it was loaded from; informative
	Digest string // hex SHA-256 of Body
	Body   []byte // the template, or the archive
}

// A Template is what an engine reads out of an artifact.
type Template struct {
	Description string
	Version     string // the format version, such as 2010-09-09; "" if none is given
	Parameters  []Parameter
	Outputs     []Output
	Rules       string // JSON object of the template's rules; "" if there are none
	Metadata    string // JSON object of the template's metadata; "" if there is none
}

// A Parameter of an artifact, in the artifact's order.
type Parameter struct {
	Key                   string
	Type                  string
	Default               *string // nil: a value must be given
	Description           string
	NoEcho                bool
	AllowedValues         []string
	AllowedPattern        string
	ConstraintDescription string
	MinLength, MaxLength  string // decimal; "" if absent
	MinValue, MaxValue    string
}

// An Output of an artifact or of a finished operation.
type Output struct {
	Key         string
	Value       string
	Description string
	NoEcho      bool // derived from a NoEcho parameter: the value is sealed at rest and masked in describes
}

// Kind is what a change does.
type Kind string

// The kinds of change.
const (
	Create Kind = "CREATE"
	Update Kind = "UPDATE"
	Delete Kind = "DELETE"
)

// A Change is one operation on one provisioned product.
type Change struct {
	Kind      Kind
	Operation string // idempotency key of every effect: the record's id
	Account   string // where the resources live
	Region    string
	Product   string // provisioned product id, such as pp-…
	Source    string // id of the product in the catalog, such as prod-…
	Name      string // provisioned product name
	Physical  string // what an earlier operation made, such as a stack's ARN; "" before the first
	Artifact  Artifact
	Given     []Given // parameter values, with previous values already resolved
	Tags      []Tag
	Rules     []string // JSON rule objects of TEMPLATE constraints, to be merged with the artifact's own
	Topics    []string // notification topic ARNs
	Role      string   // launch role ARN; "" for the caller's own rights
	Principal string   // ARN of who asked
	Retain    bool     // Delete: forget the resources instead of removing them
	Plan      string   // sealed reference of a Preview to execute exactly; "" for a direct change
	Targets   *Targets // many accounts and regions instead of the one; see [Targeter]
	Overdue   bool     // the deadline has passed: stop, roll back, and end with a Failure
	Token     string   // proves a report about this operation; "" except while it is carried
	Report    *Report  // what was reported of it; nil while nothing was
}

// Given is a parameter value of a change.
type Given struct {
	Key    string
	Value  string
	NoEcho bool
}

// Tag is a key and a value.
type Tag struct{ Key, Value string }

// State is where an operation stands after a beat.
type State int

// The states of a Progress.
const (
	Done    State = iota // ended, well or (Failure) badly
	Again                // call again after Progress.After
	Waiting              // call again when Progress.Signal arrives, at the latest after Progress.After
)

// Progress is the answer to one beat.
type Progress struct {
	State       State
	After       time.Duration
	Signal      string   // workflow signal to await
	Physical    string   // what exists now, such as the stack's ARN; set as soon as it is known
	Outputs     []Output // complete when Done without Failure
	RollingBack bool     // the change has failed and is being undone
	Failure     *Failure // Done: how it failed; otherwise why it is rolling back
	// Stands tells of a change that failed in some of its places: it is made
	// nevertheless, and another update brings those up to it.
	Stands bool
	Note   string // the last visible step, for people
}

// Failure is an outcome, not a fault of the machinery: the change was refused
// or its resources failed. A Go error from an engine means "try again".
type Failure struct {
	Code   string // the exception that refused the change, such as AmazonCloudFormationException; "" if resources failed
	Reason string // the engine's words
	Causes []Cause
}

// A Cause is one link of the chain that led to a failure.
type Cause struct {
	Resource string // logical id, or address
	Type     string
	Reason   string
	Remedy   string // what to do; "" if nobody knows
}

func (f *Failure) Error() string { return f.Reason }

// AsFailure returns the Failure in err's chain, if there is one.
func AsFailure(err error) (*Failure, bool) { return errors.AsType[*Failure](err) }

// Preview is what a change would do, with a sealed reference by which Advance
// executes exactly it.
type Preview struct {
	Plan    string
	Changes []ResourceChange
}

// ResourceChange is one changed resource of a Preview, in the terms of the
// CloudFormation change set.
type ResourceChange struct {
	Action      string // ADD, MODIFY, REMOVE
	LogicalID   string
	PhysicalID  string
	Type        string
	Replacement string // TRUE, FALSE, CONDITIONAL; "" where it has no meaning
	Scope       []string
	Details     []ResourceChangeDetail
}

// ResourceChangeDetail says what of a resource changes and why.
type ResourceChangeDetail struct {
	Attribute, Name, RequiresRecreation string
	Evaluation, ChangeSource, CausedBy  string
}

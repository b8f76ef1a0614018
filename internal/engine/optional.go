package engine

import (
	"context"
	"time"
)

// What only some engines can do is an interface of its own, found by type
// assertion. Whoever asks an engine that lacks one tells the caller so in
// modeled words.

// An Importer takes over what exists already and was made by somebody else.
type Importer interface {
	// Import looks at what c.Physical names and tells whether it may become a
	// provisioned product made from c.Artifact. It changes nothing, and may be
	// asked again. What may not be imported is a *Failure whose Code is one of
	// the Import… codes.
	Import(ctx context.Context, c Change) (Imported, error)
}

// Imported is what an Importer found.
type Imported struct {
	Physical string   // the full name of what c.Physical named, such as a stack's ARN
	Given    []Given  // the parameter values that it was made with
	Outputs  []Output // its outputs as they are
}

// Codes of a Failure of Import: the exceptions of ImportAsProvisionedProduct.
const (
	ImportNotFound     = "ResourceNotFoundException"
	ImportWrongState   = "InvalidStateException"
	ImportMismatch     = "InvalidParametersException"
	ImportManagedTwice = "DuplicateResourceException"
)

// A Canceler can stop a change under way and undo it.
type Canceler interface {
	// Cancel has c stop and roll back; one of many places only stops. It may be asked again at any time,
	// also when c has ended, where it does nothing. The change still ends through
	// Advance, with a Failure.
	Cancel(ctx context.Context, c Change) error
}

// A Discarder forgets plans that are not to be executed.
type Discarder interface {
	// Discard removes what Plan made for c.Operation, if there is anything. It
	// may be asked again, and of a plan that was executed.
	Discard(ctx context.Context, c Change) error
}

// An Actor carries out service actions on what it made.
type Actor interface {
	// ActionParameters tells what an action takes.
	ActionParameters(ctx context.Context, c Change, a Action) ([]ActionParameter, error)
	// Act does one repeatable beat of an action. c is the product's last good
	// change under the action's own operation id.
	Act(ctx context.Context, c Change, a Action) (Progress, error)
}

// An Action is a service action to be executed.
type Action struct {
	ID         string
	Definition map[string]string   // Name, Version, AssumeRole, Parameters
	Given      map[string][]string // parameter values of the caller
}

// An ActionParameter is one that an action takes.
type ActionParameter struct {
	Name, Type string
	Defaults   []string
}

// A Dashboarder knows the dashboards among what it made.
type Dashboarder interface {
	// Dashboards returns the names of the CloudWatch dashboards that
	// c.Physical holds now.
	Dashboards(ctx context.Context, c Change) ([]string, error)
}

// A Report is what an engine that works elsewhere said of a change
// (Notify…EngineWorkflowResult).
type Report struct {
	Failed   bool
	Reason   string // why it failed
	Outputs  []Output
	Tag      *Tag      `json:",omitempty"` // the tag by which what was made is found
	Received time.Time // by the product's clock
}

// ReportSignal is the workflow signal that is given when a report about an
// operation has come: what an engine that waits for one puts into
// Progress.Signal.
func ReportSignal(operation string) string { return operation + "/report" }

package stackset

import (
	"time"

	"larder/internal/cfn/stack"
)

// A Set is a stack set as it stands. Nothing in it is secret: NoEcho values
// are sealed.
type Set struct {
	ID      string `json:"id"` // name:uuid
	ARN     string `json:"arn"`
	Account string `json:"account"` // the administrator's
	Region  string `json:"region"`
	Name    string `json:"name"`
	Deleted bool   `json:"deleted,omitempty"`

	Created time.Time `json:"created"`
	Updated time.Time `json:"updated,omitzero"` // when its content changed last

	Description  string      `json:"description,omitempty"`
	Digest       string      `json:"digest"` // of the template's text
	Parameters   []Parameter `json:"parameters,omitempty"`
	Tags         []stack.Tag `json:"tags,omitempty"`
	Capabilities []string    `json:"capabilities,omitempty"`
	// AllCapabilities acknowledges whatever the template needs, as Service
	// Catalog does for its products.
	AllCapabilities bool     `json:"allCapabilities,omitempty"`
	Rules           []string `json:"rules,omitempty"`  // further JSON rule objects that the parameters must hold
	Topics          []string `json:"topics,omitempty"` // notification topic ARNs of its stacks
	Roles           Roles    `json:"roles,omitzero"`

	Token   string `json:"token,omitempty"`   // that it was created with
	Request string `json:"request,omitempty"` // keyed digest of the request that created it

	mark string // the row's, when it was read
}

// Roles are what a set works through in accounts that are real ones: the
// administrator's role assumes the role of that name in each account. The
// embedded engine keeps and shows them and needs neither.
type Roles struct {
	Administration string `json:"administration,omitempty"` // ARN
	Execution      string `json:"execution,omitempty"`      // name
}

// A Place is where an instance lives.
type Place struct{ Account, Region string }

// A Parameter is a value for a parameter of the set's template, the set's own
// or an instance's override.
type Parameter struct {
	Key    string `json:"key"`
	Value  string `json:"value"` // masked if NoEcho
	NoEcho bool   `json:"noEcho,omitempty"`
	Sealed string `json:"sealed,omitempty"` // the value of a NoEcho parameter
}

// Given is a value for a parameter, or the wish to keep the one it has.
type Given struct {
	Key, Value string
	Previous   bool
}

// InstanceStatus is how an instance stands to its set, in CloudFormation's words.
type InstanceStatus string

// The statuses of an instance. Outdated: its stack failed, or was not begun, in an
// operation that was to bring it up to date. Inoperable: its stack could not
// be deleted; it takes part in nothing more until it is deleted with its
// stack retained.
const (
	Current    InstanceStatus = "CURRENT"
	Outdated   InstanceStatus = "OUTDATED"
	Inoperable InstanceStatus = "INOPERABLE"
)

// An Instance is a stack that a set has, or is to have, in an account and region.
type Instance struct {
	Set string
	Place
	Status    InstanceStatus
	Stack     string // ARN; "" while it never had one
	Overrides []Parameter

	Operation string // the id of the operation that concerned it last
	Result    Result // what came of it there
	Reason    string
}

// Detailed is the finer status that CloudFormation shows of an instance.
func (i *Instance) Detailed() string {
	if i.Status == Inoperable && i.Result != Pending && i.Result != Running {
		return string(Inoperable)
	}
	return string(i.Result)
}

// Action is what an operation does to instances.
type Action string

// The actions.
const (
	Create Action = "CREATE"
	Update Action = "UPDATE"
	Delete Action = "DELETE"
)

// Status is an operation's.
type Status string

// The statuses of an operation. None is queued here: a set that is at work
// refuses a second operation.
const (
	InProgress Status = "RUNNING"
	Succeeded  Status = "SUCCEEDED"
	Failed     Status = "FAILED"
	Stopping   Status = "STOPPING"
	Stopped    Status = "STOPPED"
)

// Result is what an operation has come to for one instance.
type Result string

// The results.
const (
	Pending  Result = "PENDING"
	Running  Result = "RUNNING"
	Done     Result = "SUCCEEDED"
	Broken   Result = "FAILED"
	Canceled Result = "CANCELLED" //nolint:misspell // AWS writes it so
)

// An Operation is work on a set's instances.
type Operation struct {
	ID      string    `json:"-"`
	Set     string    `json:"-"` // its id
	Status  Status    `json:"-"`
	Created time.Time `json:"-"`
	Ended   time.Time `json:"-"`
	Failed  int       `json:"-"` // instances

	Action      Action      `json:"action"`
	Preferences Preferences `json:"preferences,omitzero"`
	Retain      bool        `json:"retain,omitempty"` // DELETE: leave the stacks behind
	Roles       Roles       `json:"roles,omitzero"`
	Request     string      `json:"request"` // keyed digest

	run    string
	report string
}

// Outcome is what an operation came to for one instance.
type Outcome struct {
	Place
	Status Result
	Reason string

	place int // of the region
}

// Count is how far an operation is in one region.
type Count struct {
	Region                                      string
	Total, Running, Succeeded, Failed, Canceled int
}

// Pending is how many instances have not been begun.
func (c Count) Pending() int { return c.left() - c.Running }

// left is how many instances are not done with.
func (c Count) left() int { return c.Total - c.Succeeded - c.Failed - c.Canceled }

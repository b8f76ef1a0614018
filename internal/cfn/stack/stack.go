package stack

import "time"

// Status is a stack's or a resource's status, in CloudFormation's words.
type Status string

// The statuses that creating and deleting give, and a change set that is to
// create a stack.
const (
	ReviewInProgress   Status = "REVIEW_IN_PROGRESS"
	CreateInProgress   Status = "CREATE_IN_PROGRESS"
	CreateFailed       Status = "CREATE_FAILED"
	CreateComplete     Status = "CREATE_COMPLETE"
	RollbackInProgress Status = "ROLLBACK_IN_PROGRESS"
	RollbackFailed     Status = "ROLLBACK_FAILED"
	RollbackComplete   Status = "ROLLBACK_COMPLETE"
	DeleteInProgress   Status = "DELETE_IN_PROGRESS"
	DeleteFailed       Status = "DELETE_FAILED"
	DeleteComplete     Status = "DELETE_COMPLETE"
	DeleteSkipped      Status = "DELETE_SKIPPED" // of resources only
)

// The statuses that updating gives.
const (
	UpdateInProgress                        Status = "UPDATE_IN_PROGRESS"
	UpdateCompleteCleanupInProgress         Status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
	UpdateComplete                          Status = "UPDATE_COMPLETE"
	UpdateFailed                            Status = "UPDATE_FAILED"
	UpdateRollbackInProgress                Status = "UPDATE_ROLLBACK_IN_PROGRESS"
	UpdateRollbackFailed                    Status = "UPDATE_ROLLBACK_FAILED"
	UpdateRollbackCompleteCleanupInProgress Status = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
	UpdateRollbackComplete                  Status = "UPDATE_ROLLBACK_COMPLETE"
)

// Stack is a stack as it stands. Nothing in it is secret: NoEcho values are
// masked or sealed.
type Stack struct {
	ID      string `json:"id"` // its ARN
	Account string `json:"account"`
	Region  string `json:"region"`
	Name    string `json:"name"`

	Status Status `json:"status"`
	Reason string `json:"reason,omitempty"`

	Created time.Time `json:"created"`
	Updated time.Time `json:"updated,omitzero"`
	Deleted time.Time `json:"deleted,omitzero"` // when deleting or rolling back began, as AWS has it

	Description  string            `json:"description,omitempty"`
	Digest       string            `json:"digest"`             // of the template's text, see Template
	Includes     map[string]string `json:"includes,omitempty"` // digests of the files that the template includes, by location
	Parameters   []Parameter       `json:"parameters,omitempty"`
	Outputs      []Output          `json:"outputs,omitempty"`
	Tags         []Tag             `json:"tags,omitempty"`
	Capabilities []string          `json:"capabilities,omitempty"`
	Topics       []string          `json:"topics,omitempty"` // notification topic ARNs
	Role         string            `json:"role,omitempty"`

	// AllCapabilities says that whatever nested stacks need is acknowledged.
	AllCapabilities bool `json:"allCapabilities,omitempty"`

	OnFailure             OnFailure `json:"onFailure,omitempty"`
	RetainExceptOnCreate  bool      `json:"retainExceptOnCreate,omitempty"`
	TerminationProtection bool      `json:"terminationProtection,omitempty"`
	TimeoutMinutes        int       `json:"timeoutMinutes,omitempty"`

	Parent string `json:"parent,omitempty"` // of a nested stack
	Root   string `json:"root,omitempty"`
	Depth  int    `json:"depth,omitempty"` // how many stacks it is nested in

	Rules []string `json:"rules,omitempty"` // further rule objects its parameters were held to

	Policy    string `json:"policy,omitempty"`    // its stack policy, a JSON object
	ChangeSet string `json:"changeSet,omitempty"` // ARN of the one that it was last made or changed by

	// Generation counts the updates that began. What an update makes bears
	// its number.
	Generation int `json:"generation,omitempty"`
	// Transition is what an update that is neither complete nor undone can be
	// undone by; nil if there is none.
	Transition *Transition `json:"transition,omitempty"`

	// Folded is the number of the last pack when the packs were last folded.
	Folded int64 `json:"folded,omitempty"`

	// Journal is the executor's own part of the row.
	Journal Journal `json:"journal"`

	mark     string            // the row's, when it was read
	snippets map[string][]byte // texts of Includes that were fetched and are to be kept
}

// Journal says which operation is in charge of a stack and how far it is.
type Journal struct {
	Operation string `json:"operation"`
	Kind      Kind   `json:"kind"`
	Run       string `json:"run"`
	Token     string `json:"token,omitempty"`
	Request   string `json:"request,omitempty"` // digest of what was asked for under the token

	Phase    phase    `json:"phase,omitempty"`
	Deadline int64    `json:"deadline,omitempty"` // ms; 0: none
	Canceled bool     `json:"canceled,omitempty"`
	Led      bool     `json:"led,omitempty"`    // by the parent stack, which decides what follows
	Undoes   bool     `json:"undoes,omitempty"` // the creation: what would be retained otherwise goes
	Retain   []string `json:"retain,omitempty"`
	Skip     []string `json:"skip,omitempty"`    // not to be rolled back
	Refusal  string   `json:"refusal,omitempty"` // why what transforms made of the template is none: the operation fails
	Failure  *Failure `json:"failure,omitempty"`
	Warned   bool     `json:"warned,omitempty"` // whoever waits for the operation knows of the failure

	ChangeSet string `json:"changeSet,omitempty"` // that is being executed

	Clock int64 `json:"clock"` // time of the last event, ms
	Packs int64 `json:"packs"` // number of the last pack
	First int64 `json:"first"` // number of the operation's first pack
}

// phase is what the operation in charge is doing.
type phase string

const (
	idle        phase = ""
	creating    phase = "CREATING"
	rollingBack phase = "ROLLING_BACK" // a creation
	deleting    phase = "DELETING"
	updating    phase = "UPDATING"
	undoing     phase = "UNDOING"  // an update
	tidying     phase = "TIDYING"  // removing what an update left over
	clearing    phase = "CLEARING" // removing what an undone update left over
)

// DisableRollback reports what DescribeStacks shows under that name.
func (s *Stack) DisableRollback() bool { return s.OnFailure == DoNothing }

// OnFailure says what happens to a stack whose creation fails.
type OnFailure string

// What may happen on failure.
const (
	Rollback  OnFailure = "ROLLBACK" // the default
	Delete    OnFailure = "DELETE"
	DoNothing OnFailure = "DO_NOTHING"
)

// Parameter is a stack's parameter.
type Parameter struct {
	Key      string `json:"key"`
	Value    string `json:"value"`              // masked if NoEcho
	Stored   bool   `json:"stored,omitempty"`   // the value names a parameter of the SSM store
	Resolved string `json:"resolved,omitempty"` // what that stood for
	NoEcho   bool   `json:"noEcho,omitempty"`
	Sealed   string `json:"sealed,omitempty"` // the value of a NoEcho parameter, sealed
	Handed   bool   `json:"handed,omitempty"` // it is NoEcho because its value was secret where it came from
}

// Output is a stack's output.
type Output struct {
	Key         string `json:"key"`
	Value       string `json:"value"` // masked if NoEcho
	Description string `json:"description,omitempty"`
	Export      string `json:"export,omitempty"`
	NoEcho      bool   `json:"noEcho,omitempty"` // derived from a NoEcho parameter
	Sealed      string `json:"sealed,omitempty"`
}

// Tag is a key and a value.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Resource is a resource of a stack as it stands.
type Resource struct {
	LogicalID string
	Type      string
	Physical  string // "" until it is known
	Status    Status
	Reason    string
	Updated   time.Time
}

// Event is something that happened to a stack or one of its resources.
type Event struct {
	ID         string
	LogicalID  string
	Type       string
	Physical   string
	Status     Status
	Reason     string
	Properties string // JSON object of the resource's properties, secrets masked; "" for the stack itself
	Time       time.Time
	Token      string // the operation's ClientRequestToken, if it had one
}

// Export is an output that other stacks may import.
type Export struct {
	Name  string
	Value string
	Stack string // the exporting stack's ARN
}

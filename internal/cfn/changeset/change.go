package changeset

// Change is what becomes of one resource: AWS's ResourceChange. It marshals
// under AWS's names and holds no secret, so it may be stored as it is.
type Change struct {
	PolicyAction  PolicyAction `json:"PolicyAction,omitempty"`
	Action        Action       `json:"Action"`
	LogicalID     string       `json:"LogicalResourceId"`
	PhysicalID    string       `json:"PhysicalResourceId,omitempty"` // of Modify and Remove
	Type          string       `json:"ResourceType"`
	Replacement   Replacement  `json:"Replacement,omitempty"` // of Modify
	Scope         []string     `json:"Scope"`                 // the attributes that the details are about, sorted
	Details       []Detail     `json:"Details"`               // of Modify
	ChangeSetID   string       `json:"ChangeSetId,omitempty"` // the nested stack's own
	BeforeContext string       `json:"BeforeContext,omitempty"`
	AfterContext  string       `json:"AfterContext,omitempty"`
}

// Action is what is done to a resource.
type Action string

// The actions.
const (
	Add    Action = "Add"
	Modify Action = "Modify"
	Remove Action = "Remove"
)

// Replacement says whether a modified resource is made anew.
type Replacement string

// Whether a resource is made anew may depend on values not known yet, or on
// the kind of change.
const (
	ReplacementTrue        Replacement = "True"
	ReplacementFalse       Replacement = "False"
	ReplacementConditional Replacement = "Conditional"
)

// PolicyAction is what becomes of a physical resource that the stack gives up.
type PolicyAction string

// The policy actions.
const (
	PolicyDelete             PolicyAction = "Delete"
	PolicyRetain             PolicyAction = "Retain"
	PolicySnapshot           PolicyAction = "Snapshot"
	PolicyReplaceAndDelete   PolicyAction = "ReplaceAndDelete"
	PolicyReplaceAndRetain   PolicyAction = "ReplaceAndRetain"
	PolicyReplaceAndSnapshot PolicyAction = "ReplaceAndSnapshot"
)

// Detail is one reason for which a resource changes.
type Detail struct {
	Target        Target     `json:"Target"`
	Evaluation    Evaluation `json:"Evaluation"`
	ChangeSource  Source     `json:"ChangeSource"`
	CausingEntity string     `json:"CausingEntity,omitempty"`
}

// Target is what of a resource changes. What follows RequiresRecreation is
// told only with values.
type Target struct {
	Attribute          string     `json:"Attribute"`
	Name               string     `json:"Name,omitempty"` // the property
	RequiresRecreation string     `json:"RequiresRecreation"`
	Path               string     `json:"Path,omitempty"`
	BeforeValue        *string    `json:"BeforeValue,omitempty"` // nil if there was none
	AfterValue         *string    `json:"AfterValue,omitempty"`  // nil if there will be none
	ChangeType         ChangeType `json:"AttributeChangeType,omitempty"`
}

// The attributes of a resource.
const (
	AttributeProperties          = "Properties"
	AttributeMetadata            = "Metadata"
	AttributeCreationPolicy      = "CreationPolicy"
	AttributeUpdatePolicy        = "UpdatePolicy"
	AttributeDeletionPolicy      = "DeletionPolicy"
	AttributeUpdateReplacePolicy = "UpdateReplacePolicy"
	AttributeTags                = "Tags" // the stack's, as propagated
)

// ChangeType is how an attribute changes.
type ChangeType string

// The change types.
const (
	ChangeAdd    ChangeType = "Add"
	ChangeModify ChangeType = "Modify"
	ChangeRemove ChangeType = "Remove"
)

// Evaluation says whether a change is certain.
type Evaluation string

// The evaluations.
const (
	Static  Evaluation = "Static"
	Dynamic Evaluation = "Dynamic"
)

// Source is what a change comes from.
type Source string

// The sources.
const (
	DirectModification Source = "DirectModification"
	ParameterReference Source = "ParameterReference"
	ResourceReference  Source = "ResourceReference"
	ResourceAttribute  Source = "ResourceAttribute"
	Automatic          Source = "Automatic" // a nested stack, whose template may have changed
)

// Set is the answer: what would change.
type Set struct {
	Changes []Change // by logical id

	// Beyond is true if something changes that is no resource: an output, or
	// the stack's tags.
	Beyond bool
	// Incomplete says why values are missing, in AWS's words; "" if none are.
	Incomplete string
}

// Empty reports whether the update changes nothing. Such a change set fails
// for the reason [NoChanges], such an update with [NoUpdates].
func (s Set) Empty() bool { return len(s.Changes) == 0 && !s.Beyond }

// What AWS says when nothing changes (B7): the reason of the failed change
// set, and the message of UpdateStack's ValidationError.
const (
	NoChanges = "The submitted information didn't contain changes. Submit different information to create a change set."
	NoUpdates = "No updates are to be performed."
)

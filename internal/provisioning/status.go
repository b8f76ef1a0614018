package provisioning

import (
	"larder/internal/api"
)

// gone is the status of a provisioned product that does not exist: before its
// launch and after its termination.
const gone api.ProvisionedProductStatus = ""

// An event moves a provisioned product from one status to the next.
type event string

const (
	launched             event = "launch"
	launchSucceeded      event = "launch succeeded"
	launchFailed         event = "launch failed"
	launchFellShort      event = "launch failed in part"
	planned              event = "plan a launch"
	updatePlanned        event = "plan an update"
	planDeleted          event = "plan deleted"
	updated              event = "update"
	updateSucceeded      event = "update succeeded"
	updateFailed         event = "update failed"
	imported             event = "import"
	importSucceeded      event = "import succeeded"
	importFailed         event = "import failed"
	acted                event = "execute a service action"
	actionEnded          event = "service action ended"
	actionEndedTainted   event = "service action ended, tainted before"
	propertiesChanged    event = "change properties"
	terminated           event = "terminate"
	terminationSucceeded event = "termination succeeded"
	terminationFailed    event = "termination failed"
)

// A transition is one row of a status machine; "" stands for what does not
// exist, before it does and after.
type transition[S ~string] struct {
	from  S
	event event
	to    S
}

// transitions are the whole status machine of a provisioned product
// (reference/service-catalog.md 5.1): whatever is not listed is refused. A
// failed import leaves nothing: what was to be taken over belongs to somebody
// else still.
var transitions = []transition[api.ProvisionedProductStatus]{
	{gone, launched, api.ProvisionedProductStatusUnderChange},
	{gone, planned, api.ProvisionedProductStatusPlanInProgress},
	{gone, imported, api.ProvisionedProductStatusUnderChange},
	{api.ProvisionedProductStatusPlanInProgress, launched, api.ProvisionedProductStatusUnderChange},
	{api.ProvisionedProductStatusPlanInProgress, planDeleted, gone},

	{api.ProvisionedProductStatusUnderChange, launchSucceeded, api.ProvisionedProductStatusAvailable},
	{api.ProvisionedProductStatusUnderChange, launchFailed, api.ProvisionedProductStatusError},
	{api.ProvisionedProductStatusUnderChange, launchFellShort, api.ProvisionedProductStatusTainted},
	{api.ProvisionedProductStatusUnderChange, importSucceeded, api.ProvisionedProductStatusAvailable},
	{api.ProvisionedProductStatusUnderChange, importFailed, gone},

	{api.ProvisionedProductStatusAvailable, updatePlanned, api.ProvisionedProductStatusAvailable},
	{api.ProvisionedProductStatusTainted, updatePlanned, api.ProvisionedProductStatusTainted},
	{api.ProvisionedProductStatusAvailable, updated, api.ProvisionedProductStatusUnderChange},
	{api.ProvisionedProductStatusTainted, updated, api.ProvisionedProductStatusUnderChange},
	{api.ProvisionedProductStatusUnderChange, updateSucceeded, api.ProvisionedProductStatusAvailable},
	{api.ProvisionedProductStatusUnderChange, updateFailed, api.ProvisionedProductStatusTainted},

	{api.ProvisionedProductStatusAvailable, acted, api.ProvisionedProductStatusUnderChange},
	{api.ProvisionedProductStatusTainted, acted, api.ProvisionedProductStatusUnderChange},
	{api.ProvisionedProductStatusUnderChange, actionEnded, api.ProvisionedProductStatusAvailable},
	{api.ProvisionedProductStatusUnderChange, actionEndedTainted, api.ProvisionedProductStatusTainted},

	{api.ProvisionedProductStatusAvailable, propertiesChanged, api.ProvisionedProductStatusAvailable},
	{api.ProvisionedProductStatusTainted, propertiesChanged, api.ProvisionedProductStatusTainted},
	{api.ProvisionedProductStatusError, propertiesChanged, api.ProvisionedProductStatusError},

	{api.ProvisionedProductStatusAvailable, terminated, api.ProvisionedProductStatusUnderChange},
	{api.ProvisionedProductStatusTainted, terminated, api.ProvisionedProductStatusUnderChange},
	{api.ProvisionedProductStatusError, terminated, api.ProvisionedProductStatusUnderChange},
	{api.ProvisionedProductStatusUnderChange, terminationSucceeded, gone},
	{api.ProvisionedProductStatusUnderChange, terminationFailed, api.ProvisionedProductStatusTainted},
}

// after returns the status that e leads to, and whether the machine allows it.
func after(from api.ProvisionedProductStatus, e event) (api.ProvisionedProductStatus, bool) {
	for _, t := range transitions {
		if t.from == from && t.event == e {
			return t.to, true
		}
	}
	return from, false
}

// recordTransitions are the status machine of a record, which is kept for good.
var recordTransitions = []transition[api.RecordStatus]{
	{"", "record", api.RecordStatusCreated},
	{api.RecordStatusCreated, "carry out", api.RecordStatusInProgress},
	{api.RecordStatusInProgress, "roll back", api.RecordStatusInProgressInError},
	{api.RecordStatusInProgress, "succeed", api.RecordStatusSucceeded},
	{api.RecordStatusInProgress, "fail", api.RecordStatusFailed},
	{api.RecordStatusInProgressInError, "fail", api.RecordStatusFailed},
}

// planTransitions are the status machine of a plan. One that is being
// executed cannot be deleted; the others also go with their product.
var planTransitions = []transition[api.ProvisionedProductPlanStatus]{
	{"", "create", api.ProvisionedProductPlanStatusCreateInProgress},
	{api.ProvisionedProductPlanStatusCreateInProgress, "creation succeeded", api.ProvisionedProductPlanStatusCreateSuccess},
	{api.ProvisionedProductPlanStatusCreateInProgress, "creation failed", api.ProvisionedProductPlanStatusCreateFailed},
	{api.ProvisionedProductPlanStatusCreateInProgress, "delete", ""},
	{api.ProvisionedProductPlanStatusCreateSuccess, "execute", api.ProvisionedProductPlanStatusExecuteInProgress},
	{api.ProvisionedProductPlanStatusCreateSuccess, "delete", ""},
	{api.ProvisionedProductPlanStatusCreateFailed, "delete", ""},
	{api.ProvisionedProductPlanStatusExecuteInProgress, "execution succeeded", api.ProvisionedProductPlanStatusExecuteSuccess},
	{api.ProvisionedProductPlanStatusExecuteInProgress, "execution failed", api.ProvisionedProductPlanStatusExecuteFailed},
	{api.ProvisionedProductPlanStatusExecuteSuccess, "delete", ""},
	{api.ProvisionedProductPlanStatusExecuteFailed, "delete", ""},
}

// A Transition is one row of a status machine, for whoever draws it or drives
// it from outside; "" stands for what does not exist.
type Transition struct{ From, Event, To string }

// Lifecycles are the status machines of provisioned products, records and
// plans: whatever they don't list is refused.
func Lifecycles() (products, records, plans []Transition) {
	return lifecycle(transitions), lifecycle(recordTransitions), lifecycle(planTransitions)
}

func lifecycle[S ~string](machine []transition[S]) []Transition {
	rows := make([]Transition, len(machine))
	for i, t := range machine {
		rows[i] = Transition{string(t.from), string(t.event), string(t.to)}
	}
	return rows
}

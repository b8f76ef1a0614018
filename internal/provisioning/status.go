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
	planned              event = "plan a launch"
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

// A transition is one row of the status machine.
type transition struct {
	from  api.ProvisionedProductStatus
	event event
	to    api.ProvisionedProductStatus
}

// transitions are the whole status machine of a provisioned product
// (reference/service-catalog.md 5.1): whatever is not listed is refused. A
// failed import leaves nothing: what was to be taken over belongs to somebody
// else still.
var transitions = []transition{
	{gone, launched, api.ProvisionedProductStatusUnderChange},
	{gone, planned, api.ProvisionedProductStatusPlanInProgress},
	{gone, imported, api.ProvisionedProductStatusUnderChange},
	{api.ProvisionedProductStatusPlanInProgress, launched, api.ProvisionedProductStatusUnderChange},
	{api.ProvisionedProductStatusPlanInProgress, planDeleted, gone},

	{api.ProvisionedProductStatusUnderChange, launchSucceeded, api.ProvisionedProductStatusAvailable},
	{api.ProvisionedProductStatusUnderChange, launchFailed, api.ProvisionedProductStatusError},
	{api.ProvisionedProductStatusUnderChange, importSucceeded, api.ProvisionedProductStatusAvailable},
	{api.ProvisionedProductStatusUnderChange, importFailed, gone},

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

// recordTransitions are the status machine of a record.
var recordTransitions = []struct{ from, to api.RecordStatus }{
	{api.RecordStatusCreated, api.RecordStatusInProgress},
	{api.RecordStatusInProgress, api.RecordStatusInProgressInError},
	{api.RecordStatusInProgress, api.RecordStatusSucceeded},
	{api.RecordStatusInProgress, api.RecordStatusFailed},
	{api.RecordStatusInProgressInError, api.RecordStatusFailed},
}

// planTransitions are the status machine of a plan; "" is a plan that does
// not exist. One that is being executed cannot be deleted.
var planTransitions = []struct {
	from, to api.ProvisionedProductPlanStatus
}{
	{"", api.ProvisionedProductPlanStatusCreateInProgress},
	{api.ProvisionedProductPlanStatusCreateInProgress, api.ProvisionedProductPlanStatusCreateSuccess},
	{api.ProvisionedProductPlanStatusCreateInProgress, api.ProvisionedProductPlanStatusCreateFailed},
	{api.ProvisionedProductPlanStatusCreateInProgress, ""},
	{api.ProvisionedProductPlanStatusCreateSuccess, api.ProvisionedProductPlanStatusExecuteInProgress},
	{api.ProvisionedProductPlanStatusCreateSuccess, ""},
	{api.ProvisionedProductPlanStatusCreateFailed, ""},
	{api.ProvisionedProductPlanStatusExecuteInProgress, api.ProvisionedProductPlanStatusExecuteSuccess},
	{api.ProvisionedProductPlanStatusExecuteInProgress, api.ProvisionedProductPlanStatusExecuteFailed},
	{api.ProvisionedProductPlanStatusExecuteSuccess, ""},
	{api.ProvisionedProductPlanStatusExecuteFailed, ""},
}

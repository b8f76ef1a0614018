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
// (reference/service-catalog.md 5.1): whatever is not listed is refused.
var transitions = []transition{
	{gone, launched, api.ProvisionedProductStatusUnderChange},
	{api.ProvisionedProductStatusUnderChange, launchSucceeded, api.ProvisionedProductStatusAvailable},
	{api.ProvisionedProductStatusUnderChange, launchFailed, api.ProvisionedProductStatusError},

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

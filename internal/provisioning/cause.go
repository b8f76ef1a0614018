package provisioning

import (
	"fmt"

	"larder/internal/api"
	"larder/internal/engine"
)

// message is the StatusMessage of a failed operation: the engine's exception,
// two spaces and its words, as AWS writes it.
func message(f *engine.Failure) string {
	if f.Code == "" {
		return f.Reason
	}
	return f.Code + "  " + f.Reason
}

// recordErrors is the chain of causes of a failure, the failure itself first.
func recordErrors(f *engine.Failure) []api.RecordError {
	code := f.Code
	if code == "" {
		code = "InternalFailure"
	}
	list := []api.RecordError{{Code: code, Description: message(f)}}
	for _, c := range f.Causes {
		text := fmt.Sprintf("%s (%s): %s", c.Resource, c.Type, c.Reason)
		if c.Remedy != "" {
			text += " " + c.Remedy
		}
		list = append(list, api.RecordError{Code: code, Description: text})
	}
	return list
}

// codeCanceled is the code of the error that tells who stopped an operation.
const codeCanceled = "Canceled"

func canceledBy(arn string) string { return "The operation was canceled by " + arn }

// codeRemedy is the code of the last error of a record that failed: it says
// what can be done now, in the status that the product has.
const codeRemedy = "Remedy"

var remedies = map[event]string{
	launchFailed:       "Terminate the provisioned product, correct what is wrong, and launch it again: what never was launched can't be updated.",
	launchFellShort:    "What was made stands. Correct what is wrong and update the provisioned product.",
	importFailed:       "Nothing was taken over. Correct what is wrong and import again.",
	updateFailed:       "The provisioned product is TAINTED until an update succeeds: correct what is wrong and update it again.",
	actionEnded:        "The provisioned product is what it was. Correct what is wrong and execute the service action again.",
	actionEndedTainted: "The provisioned product is what it was. Correct what is wrong and execute the service action again.",
	terminationFailed:  "Terminate the provisioned product again when the cause is gone; with IgnoreErrors it goes at once, and what is left of its resources stays.",
}

// remedy says what can be done after an operation that failed.
func remedy(e event) []api.RecordError {
	if text := remedies[e]; text != "" {
		return []api.RecordError{{Code: codeRemedy, Description: text}}
	}
	return nil
}

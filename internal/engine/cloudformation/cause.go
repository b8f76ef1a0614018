package cloudformation

import (
	"fmt"
	"strings"

	"larder/internal/cfn/stack"
	"larder/internal/engine"
)

// userInitiated is the reason of a stack's first event.
const userInitiated = "User Initiated"

// why says what went wrong with a stack, in Service Catalog's words: the
// stack's events that have a reason, the newest first (recorded:
// github.com/aws-samples/aws-account-vending-machine/issues/7; that a name
// which is taken shows in it is what Terraform's acceptance tests hold).
func why(st stack.Stack, f *stack.Failure) *engine.Failure {
	if f == nil {
		return &engine.Failure{Reason: "The stack operation failed"}
	}
	const ofStack = "AWS::CloudFormation::Stack"
	out := &engine.Failure{}
	events := []string{event(st.Name, ofStack, f.Reason)}
	for _, c := range f.Causes {
		out.Causes = append(out.Causes, engine.Cause{Resource: c.LogicalID, Type: c.Type, Reason: c.Reason, Remedy: remedy(c.Reason)})
		events = append(events, event(c.LogicalID, c.Type, c.Reason))
	}
	events = append(events, event(st.Name, ofStack, userInitiated))
	out.Reason = "Errors from CloudFormation: [" + strings.Join(events, ", ") + "]"
	return out
}

func event(resource, kind, reason string) string {
	return fmt.Sprintf("{LogicalResourceId : %s, ResourceType : %s, StatusReason : %s}", resource, kind, reason)
}

// remedies are what can be done about reasons, by words in them.
var remedies = []struct{ words, remedy string }{
	{"already exists", "Choose another name, or delete what has it."},
	{"failed validation", "Correct the property in the template, or the parameter that it takes its value from."},
	{"cancelled", ""}, //nolint:misspell // AWS writes it so; the failure that it was for says what to do
}

// remedy is what can be done about a resource's failure.
func remedy(reason string) string {
	for _, r := range remedies {
		if strings.Contains(reason, r.words) {
			return r.remedy
		}
	}
	return ""
}

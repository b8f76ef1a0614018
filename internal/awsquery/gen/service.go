package main

// A service says what is generated of one model.
type service struct {
	name       string // Go prefix, such as CloudFormation
	constant   string // the awsquery.Service
	lower      string // prefix of unexported names
	model      string // file of the model
	file       string // file that is written
	operations []string
	rename     map[string]string // of a shape that another service has too
	amendments []amendment
}

// An amendment is a constraint that AWS enforces but its model does not
// carry.
type amendment struct {
	input, member string
	min, max      int
	pattern       string
}

// Stack names as AWS answers to wrong ones: what creates a stack takes a
// name, everything else also its ARN. Source: messages of CreateStack and
// DescribeStacks quoted in public issue trackers, such as
// hashicorp/terraform-provider-aws 42668 and coreos/coreos-kubernetes 505.
const (
	stackName     = `[a-zA-Z][-a-zA-Z0-9]*`
	stackNameOrID = `[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*`
)

// bodyLimit is the largest template that may be given in a request; recorded
// in AWS's words in evidence/errors.jsonl (TestMacros).
const bodyLimit = 51200

// services are those that the package speaks.
func services() []service {
	cloudFormation := service{
		name: "CloudFormation", constant: "CloudFormation", lower: "cloudFormation",
		model: "cloudformation.json", file: "cloudformation_gen.go",
		operations: []string{
			"CancelUpdateStack", "ContinueUpdateRollback", "CreateChangeSet", "CreateStack",
			"CreateStackInstances", "CreateStackSet", "DeleteChangeSet", "DeleteStack",
			"DeleteStackInstances", "DeleteStackSet", "DescribeChangeSet", "DescribeStackEvents",
			"DescribeStackInstance", "DescribeStackResource", "DescribeStackResources",
			"DescribeStackSet", "DescribeStackSetOperation", "DescribeStacks", "ExecuteChangeSet",
			"GetStackPolicy", "GetTemplate", "GetTemplateSummary", "ListChangeSets", "ListExports",
			"ListImports", "ListStackInstances", "ListStackResources", "ListStackSetOperationResults",
			"ListStackSetOperations", "ListStackSets", "ListStacks", "RollbackStack", "SetStackPolicy",
			"SignalResource", "StopStackSetOperation", "UpdateStack", "UpdateStackInstances",
			"UpdateStackSet", "UpdateTerminationProtection", "ValidateTemplate",
		},
		amendments: []amendment{
			{input: "CreateStackInput", member: "StackName", min: 1, max: 128, pattern: stackName},
		},
	}
	for _, op := range []string{
		"DeleteStack", "DescribeStackEvents", "DescribeStackResource", "DescribeStackResources",
		"DescribeStacks", "GetTemplate", "ListStackResources", "UpdateStack", "CancelUpdateStack",
		"SetStackPolicy", "GetStackPolicy",
	} {
		cloudFormation.amendments = append(cloudFormation.amendments,
			amendment{input: op + "Input", member: "StackName", min: 1, pattern: stackNameOrID})
	}
	for _, op := range []string{
		"CreateStack", "UpdateStack", "CreateChangeSet", "ValidateTemplate", "GetTemplateSummary",
		"CreateStackSet", "UpdateStackSet",
	} {
		cloudFormation.amendments = append(cloudFormation.amendments,
			amendment{input: op + "Input", member: "TemplateBody", min: 1, max: bodyLimit})
	}
	return []service{cloudFormation, {
		name: "STS", constant: "STS", lower: "sts",
		model: "sts.json", file: "sts_gen.go",
		operations: []string{"AssumeRole", "GetCallerIdentity"},
		rename:     map[string]string{"Tag": "SessionTag"},
	}}
}

// pointers are the strings whose absence means something else than "".
var pointers = map[string]bool{
	"Parameter.ParameterValue":             true, // given as "" or left to the default
	"ParameterDeclaration.DefaultValue":    true, // a default of "" is one
	"TemplateParameter.DefaultValue":       true,
	"StackEvent.PhysicalResourceId":        true, // "" before the resource exists, as recorded
	"ResourceTargetDefinition.BeforeValue": true,
	"ResourceTargetDefinition.AfterValue":  true,
}

// always are the strings that are answered also when they are "".
var always = map[string]bool{
	"Output.OutputKey":   true,
	"Output.OutputValue": true,
	"Export.Name":        true,
	"Export.Value":       true,
}

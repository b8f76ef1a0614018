package template

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a template with nested stacks is said to require is what public outputs
// of ValidateTemplate show; what it needs itself is nothing.
func TestCapabilitiesOfNestedStacks(t *testing.T) {
	t.Parallel()
	parsed, err := Parse([]byte(`Resources: {A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: u}}, B: {Type: AWS::IAM::Role}}`), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if needed := parsed.Capabilities(); len(needed.Names) != 1 || needed.Names[0] != "CAPABILITY_IAM" {
		t.Errorf("needed: %+v", needed)
	}
	want := Capabilities{
		Names:  []string{"CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"},
		Reason: "The following resource(s) require capabilities: [AWS::CloudFormation::Stack, AWS::IAM::Role]",
	}
	if d := cmp.Diff(want, parsed.Summary().Capabilities); d != "" {
		t.Error(d)
	}
}

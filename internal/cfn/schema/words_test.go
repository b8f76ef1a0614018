package schema

import "testing"

// The first seven are from failed stacks reported in public.
func TestNoAttribute(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"AWS::Personalize::DatasetGroup":     "Requested attribute X does not exist in schema for AWS::Personalize::DatasetGroup",
		"AWS::Lambda::Alias":                 "Requested attribute X does not exist in schema for AWS::Lambda::Alias",
		"AWS::Lambda::LayerVersion":          "Requested attribute X does not exist in schema for AWS::Lambda::LayerVersion",
		"AWS::MediaConnect::Flow":            "Requested attribute X does not exist in schema for AWS::MediaConnect::Flow",
		"AWS::EC2::Instance":                 "Requested attribute X does not exist in schema for AWS::EC2::Instance",
		"AWS::EC2::NetworkInterface":         "Requested attribute X does not exist in schema for AWS::EC2::NetworkInterface",
		"AWS::CodeDeploy::Application":       "Requested attribute X does not exist in schema for AWS::CodeDeploy::Application",
		"AWS::CloudFormation::WaitCondition": "Template error: resource It does not support attribute type X in Fn::GetAtt",
	} {
		typ, ok := Lookup(name)
		if !ok {
			t.Errorf("no %s", name)
			continue
		}
		if got := typ.NoAttribute("It", "X"); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

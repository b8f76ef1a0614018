package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The checked-in code is what the models and the generator say.
func TestGeneratedIsCurrent(t *testing.T) {
	t.Parallel()
	for _, s := range services() {
		want, err := generate("..", s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", s.file))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is not what gen writes; run go generate ./internal/awsquery\n%s", s.file, cmp.Diff(string(got), string(want)))
		}
	}
}

func TestAmendmentOfNothing(t *testing.T) {
	t.Parallel()
	s := services()[0]
	s.amendments = []amendment{{input: "CreateStackInput", member: "NoSuchMember", min: 1}}
	if _, err := generate("..", s); err == nil {
		t.Error("an amendment of a member that does not exist passed")
	}
}

func TestCamel(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"CREATE_IN_PROGRESS":   "CreateInProgress",
		"Snapshot":             "Snapshot",
		"SELF_MANAGED":         "SelfManaged",
		"CAPABILITY_IAM":       "CapabilityIam",
		"ParameterReference":   "ParameterReference",
		"AWS::CDK::Something":  "AWSCDKSomething",
		"CHANGE_SET_TYPE.TWO3": "ChangeSetTypeTwo3",
	} {
		if got := camel(value); got != want {
			t.Errorf("camel(%q) = %q, want %q", value, got, want)
		}
	}
}

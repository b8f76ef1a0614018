package cloudformation

import "testing"

func TestRemedy(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{
		"taken already exists": "Choose another name, or delete what has it.",
		"Properties validation failed for resource B with message:\n#/DelaySeconds: failed validation constraint for keyword [maximum]": "Correct the property in the template, or the parameter that it takes its value from.",
		"Resource creation cancelled": "", //nolint:misspell // AWS writes it so
		"out of luck":                 "",
	} {
		if got := remedy(reason); got != want {
			t.Errorf("%q: %q, want %q", reason, got, want)
		}
	}
}

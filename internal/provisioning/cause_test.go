package provisioning

import "testing"

// TestRemedies holds that whatever fails says what can be done about it.
func TestRemedies(t *testing.T) {
	t.Parallel()
	for _, a := range acts() {
		if len(remedy(a.failed)) != 1 {
			t.Errorf("nothing is said after %q", a.failed)
		}
	}
	for _, e := range []event{launchFellShort, actionEndedTainted} {
		if len(remedy(e)) != 1 {
			t.Errorf("nothing is said after %q", e)
		}
	}
	if got := remedy(launchSucceeded); got != nil {
		t.Errorf("a remedy of nothing: %v", got)
	}
}

package provisioning

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/engine"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	previous := []value{{Key: "Size", Value: "3"}, {Key: "Color", Value: "red", Default: true}, {Key: "Secret", Default: true, Hidden: true}}
	for name, tt := range map[string]struct {
		asked []value
		want  []engine.Given
		fails string
	}{
		"given":              {[]value{{Key: "Size", Value: "4"}}, []engine.Given{{Key: "Size", Value: "4"}}, ""},
		"given empty":        {[]value{{Key: "Size"}}, []engine.Given{{Key: "Size"}}, ""},
		"left out":           {nil, []engine.Given{}, ""},
		"previous":           {[]value{{Key: "Size", Previous: true}}, []engine.Given{{Key: "Size", Value: "3"}}, ""},
		"previous default":   {[]value{{Key: "Color", Previous: true}}, []engine.Given{{Key: "Color", Value: "red"}}, ""},
		"previous secret":    {[]value{{Key: "Secret", Previous: true}}, []engine.Given{}, ""},
		"previous and value": {[]value{{Key: "Size", Value: "4", Previous: true}}, nil, "Invalid input for parameter key Size. Cannot specify usePreviousValue as true and non empty value for a parameter"},
		"no previous":        {[]value{{Key: "New", Previous: true}}, nil, "Invalid input for parameter key New. Cannot specify usePreviousValue as true for a parameter key not in the previous template"},
	} {
		got, failure := resolve(tt.asked, previous)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if (failure != nil) != (tt.fails != "") || failure != nil && failure.Reason != tt.fails {
			t.Errorf("%s: %v, want %q", name, failure, tt.fails)
		}
	}
}

func TestLeft(t *testing.T) {
	t.Parallel()
	got := left([]engine.Given{{Key: "Size", Value: "3"}}, []value{{Key: "Size", Value: "1", Default: true}, {Key: "Color", Value: "red", Default: true}})
	want := []value{{Key: "Size", Value: "3"}, {Key: "Color", Value: "red", Default: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

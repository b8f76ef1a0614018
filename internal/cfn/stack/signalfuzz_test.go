package stack

import (
	"testing"
	"time"

	"larder/internal/seal"
)

// Whoever has a handle's URL may send anything to it, and a template may name
// anything as one.
func FuzzSignals(f *testing.F) {
	s := &Stacks{keys: seal.Ephemeral(), url: func() string { return "http://localhost" }}
	h := handle{Stack: "arn:aws:cloudformation:us-east-1:111111111111:stack/a/b", LogicalID: "H", Generation: 3}
	f.Add(s.handleURL(h), `{"Status": "SUCCESS", "UniqueId": "x", "Data": "d"}`, "PT1H30M5S")
	f.Add("http://localhost/waitcondition/a%2Fb/H/0?Signature=x.y", `{"Status": 1}`, "PT")
	f.Add("://", `[]`, "P1D")
	f.Fuzz(func(t *testing.T, at, body, pause string) {
		if got, ok := s.handleOf(at); ok && (got != h || !s.vouches(got, s.signature(got))) {
			t.Errorf("%s is taken for %+v", at, got)
		}
		if got := readSignal([]byte(body)); got.Status != "" && (got.UniqueID == "" || !isText(got.UniqueID)) {
			t.Errorf("%s is read as %+v", body, got)
		}
		if d, ok := parseDuration(pause); ok && (d < 0 || d > 10000*time.Hour) {
			t.Errorf("%s is %s", pause, d)
		}
	})
}

package seal

import "testing"

// TestSignature has the second test case of RFC 4231.
func TestSignature(t *testing.T) {
	t.Parallel()
	const want = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
	if got := Signature("Jefe", []byte("what do ya want for nothing?")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

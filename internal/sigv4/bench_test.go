package sigv4_test

import (
	"testing"

	"larder/internal/sigv4"
)

// Parse and Verify with the key cached: what every call costs.
func BenchmarkVerify(b *testing.B) {
	r, _ := signedRequest(b)
	body := make([]byte, 900)
	sigv4.Sign(r, body, sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret}, "servicecatalog", "us-east-1", signedAt)
	var v sigv4.Verifier
	b.ReportAllocs()
	for b.Loop() {
		auth, err := sigv4.Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		if err := v.Verify(r, body, auth, secret, signedAt); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	r, body := signedRequest(b)
	b.ReportAllocs()
	for b.Loop() {
		sigv4.Sign(r, body, sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret}, "servicecatalog", "us-east-1", signedAt)
	}
}

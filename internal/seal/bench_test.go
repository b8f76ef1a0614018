package seal_test

import "testing"

func BenchmarkTokens(b *testing.B) {
	tokens := newTokens(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokens.Read(list, tokens.Mint(list, "2026-01-01", "port-1234567890123")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSealOpen(b *testing.B) {
	k := newKeys(b, keyOf(1))
	secret := []byte("s3cr3t")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Open(k.Seal(secret, "row"), "row"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDigest(b *testing.B) {
	k := newKeys(b, keyOf(1))
	data := make([]byte, 1000)
	b.ReportAllocs()
	for b.Loop() {
		k.Digest(data, "ProvisionProduct")
	}
}

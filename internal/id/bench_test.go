package id_test

import (
	"testing"

	"larder/internal/id"
)

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		id.New[id.ProvisionedProduct]()
	}
}

func BenchmarkUUID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		id.UUID()
	}
}

func BenchmarkParsePrincipal(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := id.ParsePrincipal("arn:aws:sts::123456789012:assumed-role/Dev/bob@example.com"); err != nil {
			b.Fatal(err)
		}
	}
}

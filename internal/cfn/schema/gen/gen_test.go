package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPackedIsUpToDate(t *testing.T) {
	t.Parallel()
	want, err := build("../data")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../types.bin")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("types.bin is not what its sources give: run go generate ./internal/cfn/schema")
	}
}

func TestReadShapes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, err string }{
		{"good", "A::B::C # a type\nA::B::D\n  Arn arn:{Name}\n", ""},
		{"shape without a type", "  Arn x\n", "without a type"},
		{"type twice", "A\n  B c\nA\n  B c\n", "stands twice"},
		{"attribute twice", "A\n  B c\n  B d\n", "stands twice"},
	} {
		file := filepath.Join(t.TempDir(), "shapes.txt")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := readShapes(file)
		switch {
		case c.err == "" && (err != nil || len(all) != 2 || len(all["A::B::D"]) != 1):
			t.Errorf("%s: %v, %v", c.name, all, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

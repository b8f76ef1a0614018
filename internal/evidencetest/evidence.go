// Package evidencetest finds what was recorded of real AWS. The recordings lie
// beside the repository, in ../shared/evidence, not in it: a test that asks for
// one that is not there is skipped by name.
package evidencetest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Path returns where a recording lies: a file, or a folder of them.
func Path(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		above := filepath.Dir(dir)
		if above == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = above
	}
	path := filepath.Join(filepath.Dir(dir), "shared", "evidence", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the recordings are not here: %v", err)
	}
	return path
}

// File returns a recording.
func File(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(Path(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Files returns the recordings of a folder: the paths of its JSON files. A
// folder without any is an error.
func Files(t testing.TB, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Path(t, folder), "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", folder, err)
	}
	return files
}

// JSON returns a recording that is one JSON value.
func JSON[T any](t testing.TB, name string) (v T) {
	t.Helper()
	if err := json.Unmarshal(File(t, name), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Lines returns a recording that is a JSON value a line.
func Lines[T any](t testing.TB, name string) (all []T) {
	t.Helper()
	for line := range bytes.Lines(File(t, name)) {
		var one T
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

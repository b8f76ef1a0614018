package fetch_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"larder/internal/fetch"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	outside, first, second := t.TempDir(), t.TempDir(), t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(from, to string) {
		t.Helper()
		if err := os.Symlink(from, to); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(outside, "secret"), "secret")
	write(filepath.Join(first, "a.yaml"), "first a")
	write(filepath.Join(first, "odd %41?#.yaml"), "odd")
	write(filepath.Join(first, "dir", "b.yaml"), "first b")
	write(filepath.Join(second, "a.yaml"), "second a")
	write(filepath.Join(second, "c.yaml"), "second c")
	write(filepath.Join(second, "big"), strings.Repeat("x", 101))
	link("dir/b.yaml", filepath.Join(first, "inside"))
	link(filepath.Join(outside, "secret"), filepath.Join(first, "escape"))
	link(outside, filepath.Join(first, "escapes"))
	if err := syscall.Mkfifo(filepath.Join(first, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}

	c := newClient(t, fetch.Policy{Roots: []string{first, second}, MaxBytes: 100})
	for location, want := range map[string]string{
		"a.yaml":                        "first a",
		"./dir/../a.yaml":               "first a",
		"c.yaml":                        "second c",
		filepath.Join(second, "a.yaml"): "second a",
		"file://" + filepath.Join(first, "a.yaml"):    "first a",
		"file://localhost" + second + "/c.yaml":       "second c",
		"dir/b.yaml":                                  "first b",
		"inside":                                      "first b",
		"odd %41?#.yaml":                              "odd",
		"file://" + first + "/odd%20%2541%3F%23.yaml": "odd",
	} {
		got, err := c.Get(t.Context(), location)
		if err != nil {
			t.Errorf("%s: %v", location, err)
		} else if string(got.Body) != want {
			t.Errorf("%s holds %q, want %q", location, got.Body, want)
		}
	}
	for location, want := range map[string]struct {
		reason fetch.Reason
		words  string
	}{
		"missing":                       {fetch.NotFound, "there is no such file"},
		filepath.Join(first, "missing"): {fetch.NotFound, "there is no such file"},
		"../" + filepath.Base(outside) + "/secret":          {fetch.Refused, "outside of the directories"},
		filepath.Join(outside, "secret"):                    {fetch.Refused, "outside of the directories"},
		first + "/../" + filepath.Base(outside) + "/secret": {fetch.Refused, "outside of the directories"},
		"file://" + filepath.Join(outside, "secret"):        {fetch.Refused, "outside of the directories"},
		"escape":         {fetch.Refused, "cannot be read"},
		"escapes/secret": {fetch.Refused, "cannot be read"},
		"dir":            {fetch.Invalid, "not a regular file"},
		"fifo":           {fetch.Invalid, "not a regular file"},
		"big":            {fetch.TooLarge, "larger than 100 bytes"},
		"":               {fetch.Invalid, "not the path of a local file"},
		"a\x00":          {fetch.Invalid, "not the path of a local file"},
		"file:a.yaml":    {fetch.Invalid, "not the path of a local file"},
		"file://host/a":  {fetch.Invalid, "not the path of a local file"},
	} {
		_, err := c.Get(t.Context(), location)
		wants(t, err, want.reason, want.words)
	}
	_, err := c.Post(t.Context(), "file://"+filepath.Join(first, "a.yaml"), nil, nil)
	wants(t, err, fetch.Refused, `scheme "file" is not allowed`)
}

package db_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"larder/internal/db"
	"larder/internal/db/dbtest"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []db.Options{
		{},
		{Dir: t.TempDir(), URL: "postgres://localhost"},
		{URL: "mysql://localhost"},
		{URL: "postgres://%zz"},
		{Dir: file},
	} {
		if d, err := db.Open(t.Context(), o); err == nil {
			t.Errorf("%+v opened", o)
			_ = d.Close()
		}
	}
}

// A directory may be named from where the process stands.
func TestOpenRelative(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	absolute := t.TempDir()
	relative, err := filepath.Rel(here, absolute)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{relative, absolute} {
		d, err := db.Open(t.Context(), db.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if dir == absolute {
			if got := settings(t, d); !cmp.Equal(got, []string{"a"}) {
				t.Errorf("settings %q of another database", got)
			}
		} else {
			update(t, d, put("a", ""))
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "on the way")
	for _, want := range [][]string{nil, {"a"}} {
		d, err := db.Open(t.Context(), db.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if got := settings(t, d); !cmp.Equal(got, want) {
			t.Errorf("settings %q, want %q", got, want)
		}
		update(t, d, put("a", ""))
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// A closed database is one file: the log was written back into it.
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{"larder.db", "lock"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestReopenPostgres(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	first := dbtest.OpenURL(t, url)
	update(t, first, put("a", ""))
	second := dbtest.OpenURL(t, url) // at the same time
	if got := settings(t, second); !cmp.Equal(got, []string{"a"}) {
		t.Errorf("settings %q", got)
	}
}

// A process that is killed loses nothing it acknowledged, and its lock goes
// with it.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestKillChild$")
	child.Env = append(os.Environ(), "DB_TEST_DIR="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := make([]byte, 64)
	n, err := out.Read(acknowledged)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Open(t.Context(), db.Options{Dir: dir}); !errors.Is(err, db.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("Open of a directory in use returned %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	d := dbtest.Open(t, dir)
	if got := settings(t, d); !cmp.Equal(got, []string{strings.TrimSpace(string(acknowledged[:n]))}) {
		t.Errorf("settings %q after %q was acknowledged", got, acknowledged[:n])
	}
}

func TestKillChild(t *testing.T) {
	dir := os.Getenv("DB_TEST_DIR")
	if dir == "" {
		t.Skip("is the process that TestKill kills")
	}
	d, err := db.Open(t.Context(), db.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	update(t, d, put("kept", ""))
	_, _ = os.Stdout.WriteString("kept\n")
	select {}
}

func TestLockInProcess(t *testing.T) {
	t.Parallel()
	dir := dbtest.Dir(t)
	d := dbtest.Open(t, dir)
	if _, err := db.Open(t.Context(), db.Options{Dir: dir}); !errors.Is(err, db.ErrLocked) {
		t.Errorf("a second Open returned %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	dbtest.Open(t, dir)
}

func TestMigrations(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		// Numbers above those of the product's own, which are applied.
		files := func(more fstest.MapFS) fstest.MapFS {
			all := fstest.MapFS{}
			own, err := os.ReadDir("migrations")
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range own {
				data, err := os.ReadFile(filepath.Join("migrations", e.Name()))
				if err != nil {
					t.Fatal(err)
				}
				all["migrations/"+e.Name()] = &fstest.MapFile{Data: data}
			}
			maps.Copy(all, more)
			return all
		}
		file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
		tests := []struct {
			name  string
			files fstest.MapFS
			want  string // in the error; "" if there is none
		}{
			{"nothing new", files(nil), ""},
			{"broken", files(fstest.MapFS{
				"migrations/8001_one.sql": file("CREATE TABLE one (a {{text}}); INSERT INTO one VALUES ('x');"),
				"migrations/8002_two.sql": file("CREATE TABLE two (a {{text}}); INSERT INTO nowhere VALUES ('x');"),
			}), "8002_two.sql"},
			{"mended", files(fstest.MapFS{
				"migrations/8001_one.sql": file("CREATE TABLE one (a {{text}}); INSERT INTO one VALUES ('x');"),
				"migrations/8002_two.sql": file("CREATE TABLE two (a {{text}}); INSERT INTO one VALUES ('y');"),
			}), ""},
			{"an older release", files(fstest.MapFS{
				"migrations/8001_one.sql": file("CREATE TABLE one (a {{text}}); INSERT INTO one VALUES ('x');"),
			}), "8002_two.sql, which this program does not know: it was written by a newer release"},
			{"another text", files(fstest.MapFS{
				"migrations/8001_one.sql": file("CREATE TABLE one (b {{text}})"),
				"migrations/8002_two.sql": file("CREATE TABLE two (a {{text}}); INSERT INTO one VALUES ('y');"),
			}), "8001_one.sql was applied with another text"},
			{"misnamed", files(fstest.MapFS{"migrations/two.sql": file("")}), "not named NNNN_noun.sql"},
			{"doubled", files(fstest.MapFS{"migrations/8001_one.sql": file(""), "migrations/8001_two.sql": file("")}), "same number"},
		}
		for _, test := range tests {
			err := d.Apply(t.Context(), test.files)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%s: %v, want %q", test.name, err, test.want)
			}
		}
		view(t, d, func(tx *db.Tx) error {
			got, err := texts(tx, `SELECT a FROM one ORDER BY a`)
			if diff := cmp.Diff([]string{"x", "y"}, got); diff != "" {
				t.Error(diff)
			}
			return err
		})
	})
}

// Servers that start at once on an empty database: one migrates, the others
// wait and find it done.
func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			d, err := db.Open(context.Background(), db.Options{URL: url, Conns: 2})
			if err != nil {
				t.Error(err)
				return
			}
			_ = d.Close()
		})
	}
	all.Wait()
}

package seal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"larder/internal/seal"
)

func keyOf(b byte) []byte { return bytes.Repeat([]byte{b}, seal.KeySize) }

func newKeys(t testing.TB, secrets ...[]byte) *seal.Keys {
	t.Helper()
	k, err := seal.New(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealOpen(t *testing.T) {
	t.Parallel()
	k := newKeys(t, keyOf(1))
	for _, plain := range []string{"", "x", "s3cr3t", strings.Repeat("long ", 10000)} {
		sealed := k.Seal([]byte(plain), "row 1")
		if !seal.IsSealed(sealed) || len(plain) > 5 && strings.Contains(sealed, plain) {
			t.Errorf("sealed %q", sealed)
		}
		if again := k.Seal([]byte(plain), "row 1"); again == sealed {
			t.Error("sealing twice shows that the values are alike")
		}
		got, err := k.Open(sealed, "row 1")
		if err != nil || string(got) != plain {
			t.Errorf("opened %q, %v", got, err)
		}
		if got, err := k.Open(sealed, "row 2"); !errors.Is(err, seal.ErrBroken) {
			t.Errorf("opened elsewhere: %q, %v", got, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	k := newKeys(t, keyOf(1))
	sealed := k.Seal([]byte("s3cr3t"), "")
	for i := range sealed {
		changed := []byte(sealed)
		changed[i] ^= 1
		if got, err := k.Open(string(changed), ""); err == nil {
			t.Errorf("opened with byte %d changed: %q", i, got)
		}
	}
	for _, in := range []string{"", "plain", "sealed1.", "sealed1.x", sealed[:len(sealed)-4], sealed + "AAAA", "sealed1." + strings.SplitN(sealed, ".", 3)[1] + "."} {
		if got, err := k.Open(in, ""); err == nil {
			t.Errorf("opened %q: %q", in, got)
		}
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	before := newKeys(t, keyOf(1))
	after := newKeys(t, keyOf(2), keyOf(1))
	dropped := newKeys(t, keyOf(2))
	sealed := before.Seal([]byte("s3cr3t"), "c")
	digest := before.Digest([]byte("data"), "c")

	if got, err := after.Open(sealed, "c"); err != nil || string(got) != "s3cr3t" {
		t.Errorf("the retired key opens: %q, %v", got, err)
	}
	if !after.Stale(sealed) || before.Stale(sealed) {
		t.Error("stale is what the first key did not seal")
	}
	if got := after.Seal(nil, "c"); after.Stale(got) {
		t.Error("the first key seals")
	}
	if !after.Matches(digest, []byte("data"), "c") {
		t.Error("a digest of the retired key matches")
	}
	if _, err := dropped.Open(sealed, "c"); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("a dropped key: %v", err)
	}
	if dropped.Matches(digest, []byte("data"), "c") {
		t.Error("a digest of a dropped key matches nothing")
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	k := newKeys(t, keyOf(1))
	d := k.Digest([]byte("data"), "token")
	if d != k.Digest([]byte("data"), "token") || !k.Matches(d, []byte("data"), "token") {
		t.Error("the same data has the same digest")
	}
	for _, other := range []struct{ data, context string }{{"datb", "token"}, {"data", "tokem"}, {"ndata", "toke"}, {"", ""}} {
		if k.Matches(d, []byte(other.data), other.context) {
			t.Errorf("matches %+v", other)
		}
	}
	if k.Matches("", nil, "") || k.Matches("x.y", nil, "") {
		t.Error("matches what is no digest")
	}
	if newKeys(t, keyOf(2)).Digest([]byte("data"), "token") == d {
		t.Error("the digest depends on the key")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][][]byte{nil, {{1}}, {keyOf(1), keyOf(1)}} {
		if _, err := seal.New(secrets...); err == nil {
			t.Errorf("New(%v) gave keys", secrets)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "seal.key")
	first, err := seal.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("made with mode %v, %v", info.Mode(), err)
	}
	again, err := seal.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(first.Seal([]byte("x"), ""), ""); err != nil || string(got) != "x" {
		t.Errorf("the second start opens what the first sealed: %q, %v", got, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Load(path); err == nil || !strings.Contains(err.Error(), "mode 0640") {
		t.Errorf("a file that others may read: %v", err)
	}
}

// Many that start at once end up with one key.
func TestLoadAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "seal.key")
	keys := make([]*seal.Keys, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			k, err := seal.Load(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	sealed := keys[0].Seal([]byte("x"), "")
	for _, k := range keys {
		if _, err := k.Open(sealed, ""); err != nil {
			t.Error(err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	const good = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
	for name, tt := range map[string]struct{ text, message string }{
		"empty":      {"", "no key"},
		"comments":   {"# nothing\n\n", "no key"},
		"short key":  {"AQEB\n", "line 1 is no key"},
		"not base64": {"# x\n" + good + "\n!\n", "line 3 is no key"},
		"twice":      {good + "\n" + good + "\n", "twice"},
		"huge":       {strings.Repeat("#\n", 50000), "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "k")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := seal.Load(path); err == nil || !strings.Contains(err.Error(), tt.message) || strings.Contains(err.Error(), good) {
				t.Errorf("Load: %v, want %s", err, tt.message)
			}
		})
	}
	if _, err := seal.Load(t.TempDir()); err == nil {
		t.Error("a directory was taken for a key file")
	}
	if _, err := seal.Load(filepath.Join(t.TempDir(), "missing", "seal.key")); err == nil {
		t.Error("a key file was made where there is no directory")
	}
}

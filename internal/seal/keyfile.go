package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	keyFileMode = 0o600
	maxKeyFile  = 64 << 10
	keyFileHead = `# Larder's keys for secrets at rest, one a line, 32 bytes in base64.
# The first seals, all open: to rotate, put a new line on top.
# Whoever has this file and the database has the secrets: keep it out of
# backups of the database. Without it, what is sealed is lost.
`
)

// Load reads the key file at path and makes one with a new key if there is
// none. A file that others than its owner may read is refused.
func Load(path string) (*Keys, error) {
	keys, err := read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if err := create(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return read(path)
}

func read(path string) (*Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("seal: %s is no regular file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("seal: %s has mode %04o, others may read it; chmod 600 it, and think of replacing the key", path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("seal: %s is longer than %d bytes", path, maxKeyFile)
	}
	secrets, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, path)
	}
	return New(secrets...)
}

// parse reads the lines of a key file. Its errors never show a key.
func parse(text []byte) ([][]byte, error) {
	var secrets [][]byte
	n := 0
	for line := range bytes.Lines(text) {
		n++
		field := strings.TrimSpace(string(line))
		if field == "" || field[0] == '#' {
			continue
		}
		secret, err := base64.StdEncoding.DecodeString(field)
		if err != nil || len(secret) != KeySize {
			return nil, fmt.Errorf("seal: line %d is no key of %d bytes in base64", n, KeySize)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// create writes a key file with a new key. It appears whole or not at all and
// never replaces one: of two servers that start at once, one makes the key.
func create(path string) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".seal-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone already unless something else failed
	text := keyFileHead + base64.StdEncoding.EncodeToString(newSecret()) + "\n"
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(keyFileMode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Link(f.Name(), path) // unlike a rename, it fails if path exists
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return nil
}

// syncDir makes a new name in dir survive a power cut: a key that seals and
// then is gone would take everything sealed with it.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

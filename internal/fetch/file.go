package fetch

import (
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// readFile reads a local file from one of the policy's roots. An absolute path
// must lie below a root; a relative one is looked for in each.
func (c *Client) readFile(u *url.URL) (*Response, error) {
	if len(c.policy.Roots) == 0 {
		return nil, refused(u, "local files are not allowed")
	}
	if u.Opaque != "" || u.Host != "" && u.Host != "localhost" || u.Path == "" || strings.ContainsRune(u.Path, 0) {
		return nil, fail(Invalid, u, "not the path of a local file", nil)
	}
	path := filepath.FromSlash(u.Path)
	below := false
	for _, dir := range c.policy.Roots {
		name, ok := nameIn(dir, path)
		if !ok {
			continue
		}
		below = true
		body, err := c.readIn(dir, name, u)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &Response{Body: body, URL: u.String()}, nil
	}
	if !below {
		return nil, refused(u, "it lies outside of the directories that files may be read from")
	}
	return nil, fail(NotFound, u, "there is no such file", nil)
}

// nameIn returns path as a name below dir, false if it lies elsewhere.
func nameIn(dir, path string) (string, bool) {
	if !filepath.IsAbs(path) {
		return path, filepath.IsLocal(path)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	name, err := filepath.Rel(dir, path)
	return name, err == nil && filepath.IsLocal(name)
}

// readIn reads a file below dir. The kernel's view counts, not the path's:
// os.Root follows no symbolic link that leads out.
func (c *Client) readIn(dir, name string, u *url.URL) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fail(NotFound, u, "a directory that files may be read from cannot be opened", err)
	}
	defer root.Close() //nolint:errcheck // it was only read through
	// Opened so that a FIFO, which nobody writes to, does not block.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fileError(u, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fileError(u, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fail(Invalid, u, "not a regular file", nil)
	}
	if info.Size() > c.policy.MaxBytes {
		return nil, tooLarge(u, c.policy.MaxBytes)
	}
	body, err := io.ReadAll(io.LimitReader(f, c.policy.MaxBytes+1))
	if err != nil {
		return nil, fileError(u, err)
	}
	if int64(len(body)) > c.policy.MaxBytes {
		return nil, tooLarge(u, c.policy.MaxBytes)
	}
	return body, nil
}

func fileError(u *url.URL, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail(NotFound, u, "there is no such file", err)
	case errors.Is(err, fs.ErrPermission):
		return fail(Refused, u, "the file may not be read", err)
	default:
		// os.Root says so of a link that leads out of it, without a value
		// to compare with.
		return fail(Refused, u, "the file cannot be read from the directories that files may be read from", err)
	}
}

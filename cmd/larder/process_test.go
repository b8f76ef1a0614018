package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"larder": func() {
			stop := profile()
			code := run(os.Args[1:])
			stop()
			os.Exit(code)
		},
	})
}

// profile writes a CPU profile of the process to the file that
// TEST_CPUPROFILE names, so that a benchmark's server can be looked into:
//
//	TEST_CPUPROFILE=/tmp/cpu go test -run '^$' -bench Serve ./cmd/larder
func profile() (stop func()) {
	path := os.Getenv("TEST_CPUPROFILE")
	if path == "" {
		return func() {}
	}
	f, err := os.Create(path)
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		panic(err)
	}
	return func() { pprof.StopCPUProfile(); f.Close() }
}

// A process is the real binary, serving.
type process struct {
	URL    string
	cmd    *exec.Cmd
	stderr *lockedBuffer
}

// startTimeout bounds how long a server may take to be ready.
const startTimeout = 30 * time.Second

// start runs "larder" with args and returns once it serves. It learns the
// address through a named pipe, which is read when it is written: nothing
// polls.
func start(t testing.TB, args ...string) *process {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready")
	if err := syscall.Mkfifo(ready, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{stderr: &lockedBuffer{}}
	p.cmd = exec.Command("larder", append(args, "--listen", "127.0.0.1:0", "--ready-file", ready)...)
	p.cmd.Stderr = p.stderr
	p.cmd.Env = append(os.Environ(), "LARDER_LOG_LEVEL=warn")
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("larder %s:\n%s", strings.Join(args, " "), p.stderr)
		}
	})
	read := make(chan string, 1)
	go func() {
		text, _ := os.ReadFile(ready)
		read <- strings.TrimSpace(string(text))
	}()
	gone := make(chan struct{})
	go func() { _ = p.cmd.Wait(); close(gone) }()
	select {
	case p.URL = <-read:
	case <-gone:
		t.Fatalf("larder %s ended before it served:\n%s", strings.Join(args, " "), p.stderr)
	case <-time.After(startTimeout):
		t.Fatalf("larder %s did not serve in time:\n%s", strings.Join(args, " "), p.stderr)
	}
	p.cmd.Cancel = func() error { <-gone; return nil }
	return p
}

// kill ends the process at once, whatever it is doing, and waits for its end.
func (p *process) kill() { p.end(syscall.SIGKILL) }

// stop asks the process to drain, and waits for its end.
func (p *process) stop() { p.end(syscall.SIGTERM) }

func (p *process) end(s syscall.Signal) {
	if p.cmd.Process != nil {
		_ = p.cmd.Process.Signal(s) // it may be gone
	}
	if p.cmd.Cancel != nil {
		_ = p.cmd.Cancel()
	}
}

// templateRoot is where the example templates lie.
func templateRoot(t testing.TB) string {
	t.Helper()
	root, err := filepath.Abs("../../examples/products")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// templateURL is an example's template as a product may load it from a
// --template-root.
func templateURL(t testing.TB, product string) string {
	t.Helper()
	return "file://" + filepath.Join(templateRoot(t), product, "template.yaml")
}

// lockedBuffer takes what a process writes while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var _ io.Writer = (*lockedBuffer)(nil)

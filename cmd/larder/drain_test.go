package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A pending is a request whose body is still being sent.
type pending struct {
	conn net.Conn
	rest string
}

// begin sends a request but for the end of its body, and returns once the
// server reads it: the server asks for the body when it does.
func (p *process) begin(t *testing.T) pending {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(startTimeout)); err != nil {
		t.Fatal(err)
	}
	const body = `{"Id":"port-abcdefghijklm"}`
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AWS242ServiceCatalogService.DescribePortfolio\r\n"+
		"Content-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	line, err := bufio.NewReader(io.LimitReader(conn, int64(len("HTTP/1.1 100 Continue\r\n\r\n")))).ReadString('\n')
	if err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err)
	}
	return pending{conn, body}
}

// finish sends what is left and returns the answer.
func (q pending) finish(t *testing.T) (status int, body string) {
	t.Helper()
	if _, err := io.WriteString(q.conn, q.rest); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(q.conn)
	if _, err := r.Peek(1); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// closed returns once nobody is let in any more.
func (p *process) closed(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
		if err != nil {
			return
		}
		_ = conn.Close()
	}
	t.Fatal("the listener stays open")
}

// A server that is asked to end lets nobody in, answers whom it has, and exits
// cleanly.
func TestDrain(t *testing.T) {
	t.Parallel()
	p := start(t, "dev")
	request := p.begin(t)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.closed(t)
	status, body := request.finish(t)
	if status != http.StatusBadRequest || !strings.Contains(body, "ResourceNotFoundException") {
		t.Errorf("%d %s", status, body)
	}
	_ = p.cmd.Cancel() // waits for the end
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A second signal ends a server that is still draining.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	p := start(t, "dev")
	p.begin(t) // and never finished
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.closed(t)
	p.stop()
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("the process ended with %v", p.cmd.ProcessState)
	}
}

// The ready file appears whole, with the URL, once requests are served; also
// on a data directory that is named relatively.
func TestReadyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(here, filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, "serve", "--data", relative, "--bootstrap-credentials", filepath.Join(dir, "admin"))
	res, err := http.Get(p.URL + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("ready, but /readyz answers %d", res.StatusCode)
	}
	if err := writeReady(filepath.Join(dir, "ready"), p.URL); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "ready"))
	if err != nil || string(text) != p.URL+"\n" {
		t.Errorf("%q, %v", text, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".ready-*")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

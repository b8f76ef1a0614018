package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"

	"larder/internal/sigv4"
)

// onDatabases runs a test against a server's store flags of each database.
// PostgreSQL is skipped by name where TEST_POSTGRES_URL is not set.
func onDatabases(t *testing.T, test func(t *testing.T, store []string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, []string{"--data", filepath.Join(t.TempDir(), "data")})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, []string{"--database", freshSchema(t), "--seal-key-file", filepath.Join(t.TempDir(), "seal.key")})
	})
}

// freshSchema returns the URL of an empty schema of the test database.
func freshSchema(t *testing.T) string {
	t.Helper()
	base := os.Getenv("TEST_POSTGRES_URL")
	if base == "" {
		t.Skip("TEST_POSTGRES_URL is not set")
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, base)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	schema := fmt.Sprintf("larder_e2e_%d", rand.Uint64())
	if _, err := conn.Exec(ctx, "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn, err := pgx.Connect(ctx, base)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close(ctx) }()
		if _, err := conn.Exec(ctx, "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// slowQueues has every queue take a moment, so that kills hit stacks halfway.
const slowQueues = `
rules:
  - match: {type: "AWS::SQS::Queue"}
    delay: 30ms
  - match: {type: "AWS::SNS::Topic"}
    delay: 20ms
`

// How the crash test kills, and who watches.
const (
	crashClients = 60
	crashNames   = 60
	crashKills   = 5
	// crashRound bounds how many things clients get done between two kills.
	crashRound = 200
	// crashPatience bounds every wait for something to end.
	crashPatience = 90 * time.Second
)

// TestCrash has clients launch, update, plan and terminate products, several
// clients each product, and kills the server at random moments: on PostgreSQL
// one of two servers, or both. Whatever was acknowledged must be found again
// and end; every token has one effect; the history of each product is
// linearizable; in the end there are the resources that the templates name, and
// no others; and a webhook has heard of every change, in order.
//
// TEST_SEED repeats what clients do and after how many changes the kills come;
// what they hit is chance.
func TestCrash(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, store []string) {
		seed := rand.Uint64()
		if text, ok := os.LookupEnv("TEST_SEED"); ok {
			var err error
			if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("TEST_SEED=%d", seed)
			}
		})
		nodes := 1
		if store[0] == "--database" {
			nodes = 2
			store = append(store, "--takeover", "2s")
		}
		root := crashTemplates(t)
		hook := listen(t)
		c := &crash{t: t, began: time.Now(), hook: hook, orders: map[string]*order{}, granted: make(chan struct{}, 1<<16), broken: make(chan struct{})}
		c.args = append([]string{"dev", "--template-root", root, "--rules", filepath.Join(root, "rules.yaml"), "--webhook", hook.URL, "--log-level", "error"}, store...)
		for range nodes {
			c.nodes = append(c.nodes, c.node())
		}
		c.publish(root)

		stop := make(chan struct{})
		var all sync.WaitGroup
		t.Cleanup(all.Wait) // t.Context() has ended by then
		for i := range crashClients {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			all.Go(func() { (&client{crash: c, id: i, rand: r}).work(stop) })
		}
		reaper := rand.New(rand.NewPCG(seed, crashClients))
		for range crashKills {
			c.await(reaper.IntN(crashRound))
			c.kill(reaper)
		}
		c.await(crashRound)
		close(stop)
		all.Wait()
		if t.Failed() {
			return
		}
		c.settle()
		judge(t, c.history)
		counts := map[string]int{}
		for _, op := range c.history {
			in, out := op.Input.(asked), op.Output.(answer)
			counts[string(in.deed)+" "+string(out.verdict)]++
			if in.lost {
				counts["answers lost"]++
			}
		}
		t.Logf("%d kills in %v: %v", crashKills, time.Since(c.began).Round(time.Millisecond), counts)
	})
}

// A crash is one run of the test: servers over one store, and what was done
// with them.
type crash struct {
	t        *testing.T
	args     []string
	began    time.Time
	hook     *listener
	granted  chan struct{} // told at each change that was acknowledged
	broken   chan struct{} // closed when a client fails
	breaking sync.Once

	product string
	version map[string]string // provisioning artifacts by the name of their template

	mu      sync.Mutex
	nodes   []*node
	history []porcupine.Operation
	orders  map[string]*order // by record
}

// A node is a server.
type node struct {
	*process
	*caller
	dead  bool          // killed, or about to be
	after chan struct{} // closed when its successor serves
}

// An order is what a record was asked for.
type order struct {
	deed           deed
	name, product  string
	version, value string
	asked          int64 // when
}

// node starts a server.
func (c *crash) node() *node {
	p := start(c.t, c.args...)
	return &node{process: p, after: make(chan struct{}), caller: &caller{
		ctx: c.t.Context(), endpoint: p.URL, region: "us-east-1", creds: sigv4.Credentials{AccessKeyID: crashAccount, SecretAccessKey: "any"},
	}}
}

// crashAccount is where all happens.
const crashAccount = "123456789012"

// await returns after n more changes were acknowledged.
func (c *crash) await(n int) {
	c.t.Helper()
	for len(c.granted) > 0 {
		<-c.granted
	}
	patience := time.NewTimer(crashPatience)
	defer patience.Stop()
	for range n {
		select {
		case <-c.granted:
		case <-c.broken:
			c.t.FailNow()
		case <-patience.C:
			c.t.Fatalf("clients wait for acknowledgements in vain")
		}
	}
}

// kill ends one server, or all, and starts them again.
func (c *crash) kill(r *rand.Rand) {
	c.mu.Lock()
	victims := []int{r.IntN(len(c.nodes))}
	if len(c.nodes) > 1 && r.IntN(3) == 0 {
		victims = []int{0, 1}
	}
	for _, i := range victims {
		c.nodes[i].dead = true
	}
	killed := slices.Clone(c.nodes)
	c.mu.Unlock()
	for _, i := range victims {
		killed[i].kill()
	}
	for _, i := range victims {
		next := c.node()
		c.mu.Lock()
		c.nodes[i] = next
		c.mu.Unlock()
		close(killed[i].after)
	}
}

// pick returns a server that lives; if none does, it waits for the next.
func (c *crash) pick(ctx context.Context, r *rand.Rand) (*node, error) {
	for {
		c.mu.Lock()
		live := slices.DeleteFunc(slices.Clone(c.nodes), func(n *node) bool { return n.dead })
		first := c.nodes[0]
		c.mu.Unlock()
		if len(live) > 0 {
			return live[r.IntN(len(live))], nil
		}
		select {
		case <-first.after:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// now is the time of a history.
func (c *crash) now() int64 { return int64(time.Since(c.began)) }

// note adds to the history.
func (c *crash) note(op porcupine.Operation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history = append(c.history, op)
}

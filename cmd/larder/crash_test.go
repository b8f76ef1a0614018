package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/jackc/pgx/v5"

	"larder/internal/api"
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

// TestKill launches and terminates from many clients at once, kills the
// server at random moments, and starts it again each time. Whatever was
// acknowledged must be found and must end, and every stack must hold what its
// template says, once.
func TestKill(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, store []string) {
		const (
			kills   = 4
			clients = 12
		)
		rules := filepath.Join(t.TempDir(), "rules.yaml")
		if err := os.WriteFile(rules, []byte(slowQueues), 0o600); err != nil {
			t.Fatal(err)
		}
		args := append([]string{"dev", "--template-root", templateRoot(t), "--rules", rules, "--log-level", "error"}, store...)
		creds := sigv4.Credentials{AccessKeyID: "123456789012", SecretAccessKey: "any"}
		p := start(t, args...)
		c := newSigned(t, p.URL, creds)
		catalog := c.publish(t)

		acknowledged := map[string]string{} // record → name
		var mu sync.Mutex
		for round := range kills {
			var all sync.WaitGroup
			for client := range clients {
				all.Go(func() {
					for i := 0; ; i++ {
						name := fmt.Sprintf("p-%d-%d-%d", round, client, i)
						out, err := c.api.ProvisionProduct(context.Background(), launchOf(catalog, name))
						if err != nil {
							return // killed
						}
						mu.Lock()
						acknowledged[out.RecordDetail.RecordId] = name
						mu.Unlock()
					}
				})
			}
			time.Sleep(time.Duration(50+rand.IntN(250)) * time.Millisecond) // the moment of a kill is meant to be any
			p.kill()
			all.Wait()
			p = start(t, args...)
			c = newSigned(t, p.URL, creds)
		}
		if len(acknowledged) < kills {
			t.Fatalf("only %d launches were acknowledged", len(acknowledged))
		}
		t.Logf("%d launches acknowledged over %d kills", len(acknowledged), kills)
		for record, name := range acknowledged {
			c.await(t, record)
			// A token that was acknowledged answers the same launch again.
			again, err := c.api.ProvisionProduct(context.Background(), launchOf(catalog, name))
			if err != nil || again.RecordDetail.RecordId != record {
				t.Errorf("%s: the same token answers %+v, %v; want record %s", name, again, err, record)
			}
			checkStack(t, p.URL, again.RecordDetail.ProvisionedProductId)
		}
		operations, err := c.api.ListOperations(context.Background(), &api.ListOperationsInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range operations.Operations {
			// Unacknowledged launches may still be at work; none may be failing.
			if op.LastError != "" {
				t.Errorf("operation %+v", op)
			}
		}
	})
}

func launchOf(catalog published, name string) *api.ProvisionProductInput {
	return &api.ProvisionProductInput{
		ProductId: &catalog.product, ProvisioningArtifactId: &catalog.artifact,
		ProvisionedProductName: name, ProvisionToken: name,
		ProvisioningParameters: []api.ProvisioningParameter{{Key: new("TeamName"), Value: new("payments")}},
	}
}

// checkStack asks CloudFormation what the stack of a message-queue product
// holds: each resource of the template once, made once.
func checkStack(t *testing.T, url, provisioned string) {
	t.Helper()
	client := cloudformation.New(cloudformation.Options{
		Region: "us-east-1", BaseEndpoint: &url,
		Credentials: credentials.NewStaticCredentialsProvider("123456789012", "any", ""),
	})
	stack := "SC-123456789012-" + provisioned
	resources, err := client.DescribeStackResources(context.Background(), &cloudformation.DescribeStackResourcesInput{StackName: &stack})
	if err != nil {
		t.Error(err)
		return
	}
	got := map[string]int{}
	for _, r := range resources.StackResources {
		got[aws.ToString(r.LogicalResourceId)]++
		if r.ResourceStatus != "CREATE_COMPLETE" || aws.ToString(r.PhysicalResourceId) == "" {
			t.Errorf("%s: %s is %s (%s)", stack, aws.ToString(r.LogicalResourceId), r.ResourceStatus, aws.ToString(r.PhysicalResourceId))
		}
	}
	for _, want := range []string{"Key", "KeyAlias", "DeadLetters", "Queue", "AlarmTopic", "DeadLetterAlarm", "ConsumerRole"} {
		if got[want] != 1 {
			t.Errorf("%s: %s exists %d times", stack, want, got[want])
		}
		delete(got, want)
	}
	if len(got) > 0 {
		t.Errorf("%s: unaccounted for: %v", stack, got)
	}
	completed := map[string]int{}
	pages := cloudformation.NewDescribeStackEventsPaginator(client, &cloudformation.DescribeStackEventsInput{StackName: &stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Error(err)
			return
		}
		for _, e := range page.StackEvents {
			if e.ResourceStatus == "CREATE_COMPLETE" {
				completed[aws.ToString(e.LogicalResourceId)]++
			}
		}
	}
	for id, n := range completed {
		if n != 1 {
			t.Errorf("%s: %s was completed %d times", stack, id, n)
		}
	}
}

// TestTwoProcesses has two servers on one PostgreSQL. What one was carrying
// when it was killed, the other finishes.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(rules, []byte(slowQueues), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"dev", "--template-root", templateRoot(t), "--rules", rules, "--log-level", "error",
		"--database", freshSchema(t), "--seal-key-file", filepath.Join(t.TempDir(), "seal.key"),
	}
	creds := sigv4.Credentials{AccessKeyID: "123456789012", SecretAccessKey: "any"}
	doomed, survivor := start(t, args...), start(t, args...)
	toDoomed, toSurvivor := newSigned(t, doomed.URL, creds), newSigned(t, survivor.URL, creds)
	catalog := toDoomed.publish(t)
	var records []string
	for i := range 12 {
		c := toDoomed
		if i%3 == 0 {
			c = toSurvivor
		}
		out, err := c.api.ProvisionProduct(context.Background(), launchOf(catalog, fmt.Sprintf("p-%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, out.RecordDetail.RecordId)
	}
	doomed.kill()
	for i, record := range records {
		toSurvivor.await(t, record)
		out, err := toSurvivor.api.ProvisionProduct(context.Background(), launchOf(catalog, fmt.Sprintf("p-%d", i)))
		if err != nil || out.RecordDetail.RecordId != record {
			t.Errorf("launch %d: %+v, %v; want record %s", i, out, err, record)
			continue
		}
		checkStack(t, survivor.URL, out.RecordDetail.ProvisionedProductId)
	}
}

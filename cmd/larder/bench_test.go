package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"larder/internal/api"
	"larder/internal/sigv4"
)

// BenchmarkServe is the whole path, over HTTP and signed: the real binary in
// serve mode with SQLite on disk, in a process of its own, beside a bare
// net/http handler that verifies the signature and answers 600 bytes (the
// floor). One run gives all figures, so that their ratios mean something on
// any machine.
func BenchmarkServe(b *testing.B) {
	b.Run("floor", benchmarkFloor)

	dir := b.TempDir()
	keys := filepath.Join(dir, "credentials")
	p := start(b, "serve", "--data", filepath.Join(dir, "data"), "--bootstrap-credentials", keys,
		"--template-root", templateRoot(b), "--log-level", "error")
	c := newSigned(b, p.URL, readCredentials(b, keys))
	catalog := c.publish(b)

	b.Run("DescribePortfolio/connections=16", func(b *testing.B) {
		inParallel(b, 16, func(int64) error {
			_, err := c.api.DescribePortfolio(context.Background(), &api.DescribePortfolioInput{Id: catalog.portfolio})
			return err
		})
	})
	var launches atomic.Int64
	launch := func() (*api.ProvisionProductOutput, error) {
		name := fmt.Sprintf("bench-%d", launches.Add(1))
		return c.api.ProvisionProduct(context.Background(), &api.ProvisionProductInput{
			ProductId: &catalog.product, ProvisioningArtifactId: &catalog.artifact,
			ProvisionedProductName: name, ProvisionToken: name,
			ProvisioningParameters: []api.ProvisioningParameter{{Key: new("TeamName"), Value: new("payments")}},
		})
	}
	b.Run("ProvisionToAvailable/connections=1", func(b *testing.B) {
		for b.Loop() {
			out, err := launch()
			if err != nil {
				b.Fatal(err)
			}
			c.await(b, out.RecordDetail.RecordId)
		}
	})
	b.Run("ProvisionProduct/connections=64", func(b *testing.B) {
		inParallel(b, 64, func(int64) error {
			_, err := launch()
			return err
		})
	})
	p.stop()
}

// inParallel runs do from that many goroutines and reports the rate.
func inParallel(b *testing.B, connections int, do func(i int64) error) {
	b.Helper()
	b.SetParallelism(max(1, connections/runtime.GOMAXPROCS(0)))
	var i atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := do(i.Add(1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// benchmarkFloor is what signed HTTP costs here when nothing is done.
func benchmarkFloor(b *testing.B) {
	var (
		verifier sigv4.Verifier
		creds    = sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "secret"}
		answer   = bytes.Repeat([]byte("x"), 600)
	)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		auth, err := sigv4.Parse(r)
		if err == nil {
			err = verifier.Verify(r, body, auth, creds.SecretAccessKey, time.Now())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		_, _ = w.Write(answer)
	}))
	defer s.Close()
	c := newSigned(b, s.URL, creds)
	body := []byte(`{"Id":"port-aaaaaaaaaaaaa"}`)
	for _, connections := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			inParallel(b, connections, func(int64) error {
				_, err := c.post(api.OpDescribePortfolio, body)
				return err
			})
		})
	}
}

// signed calls operations over signed HTTP, as cheaply as can be: the client
// shares the machine with what it measures.
type signed struct {
	url   string
	creds sigv4.Credentials
	http  *http.Client
	api   api.Client
}

func newSigned(b testing.TB, url string, creds sigv4.Credentials) *signed {
	s := &signed{url: url, creds: creds, http: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 128,
		DialContext:         (&net.Dialer{}).DialContext,
	}}}
	b.Cleanup(s.http.CloseIdleConnections)
	s.api = api.Client{Invoke: func(_ context.Context, op api.Op, in any) (any, error) {
		answer, err := s.post(op, api.AppendInput(nil, op, in))
		if err != nil {
			return nil, err
		}
		return api.DecodeOutput(op, answer)
	}}
	return s
}

func (s *signed) post(op api.Op, body []byte) ([]byte, error) {
	r, err := http.NewRequest(http.MethodPost, s.url+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", op.Target())
	sigv4.Sign(r, body, s.creds, "servicecatalog", "us-east-1", time.Now())
	answer, err := s.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", op, answer.Status, text)
	}
	return text, err
}

// await polls a record until its operation has ended well.
func (s *signed) await(b testing.TB, record string) {
	for {
		out, err := s.api.DescribeRecord(context.Background(), &api.DescribeRecordInput{Id: record})
		if err != nil {
			b.Fatal(err)
		}
		switch out.RecordDetail.Status {
		case api.RecordStatusSucceeded:
			return
		case api.RecordStatusFailed:
			b.Fatalf("launch failed: %v", out.RecordDetail.RecordErrors)
		}
	}
}

// published is a product that may be launched.
type published struct{ portfolio, product, artifact string }

// publish offers an example product to the caller.
func (s *signed) publish(b testing.TB) published {
	b.Helper()
	ctx := context.Background()
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	portfolio, err := s.api.CreatePortfolio(ctx, &api.CreatePortfolioInput{DisplayName: "P", ProviderName: "us", Description: new("what teams launch"), IdempotencyToken: "1"})
	must(err)
	kind := api.ProvisioningArtifactTypeCloudFormationTemplate
	product, err := s.api.CreateProduct(ctx, &api.CreateProductInput{
		Name: "queue", Owner: "us", ProductType: api.ProductTypeCloudFormationTemplate, IdempotencyToken: "1",
		ProvisioningArtifactParameters: &api.ProvisioningArtifactProperties{
			Name: new("v1"), Type: &kind, Info: map[string]string{"LoadTemplateFromURL": templateURL(b, "message-queue")},
		},
	})
	must(err)
	out := published{
		portfolio: portfolio.PortfolioDetail.Id,
		product:   product.ProductViewDetail.ProductViewSummary.ProductId,
		artifact:  product.ProvisioningArtifactDetail.Id,
	}
	_, err = s.api.AssociateProductWithPortfolio(ctx, &api.AssociateProductWithPortfolioInput{PortfolioId: out.portfolio, ProductId: out.product})
	must(err)
	_, err = s.api.AssociatePrincipalWithPortfolio(ctx, &api.AssociatePrincipalWithPortfolioInput{
		PortfolioId: out.portfolio, PrincipalARN: s.principal(b), PrincipalType: api.PrincipalTypeIAM,
	})
	must(err)
	return out
}

// principal asks STS who the caller is.
func (s *signed) principal(b testing.TB) string {
	b.Helper()
	body := []byte("Action=GetCallerIdentity&Version=2011-06-15")
	r, err := http.NewRequest(http.MethodPost, s.url+"/", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sigv4.Sign(r, body, s.creds, "sts", "us-east-1", time.Now())
	answer, err := s.http.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "<Arn>")
	arn, _, ok := strings.Cut(rest, "</Arn>")
	if !ok {
		b.Fatalf("GetCallerIdentity: %s", text)
	}
	return arn
}

// readCredentials reads the file that --bootstrap-credentials wrote.
func readCredentials(b testing.TB, path string) sigv4.Credentials {
	b.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	var c sigv4.Credentials
	for _, line := range strings.Split(string(text), "\n") {
		key, value, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(key) {
		case "aws_access_key_id":
			c.AccessKeyID = strings.TrimSpace(value)
		case "aws_secret_access_key":
			c.SecretAccessKey = strings.TrimSpace(value)
		}
	}
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		b.Fatalf("%s holds no credentials", path)
	}
	return c
}

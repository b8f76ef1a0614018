package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"larder/internal/api"
	"larder/internal/sigv4"
)

// BenchmarkScale answers pages over provisioned products, over HTTP, of 1,000
// and of many in turn: TEST_PRODUCTS says how many (20,000 if it does not).
// They are those of "larder seed"; with TEST_STORE the large store is kept in
// that directory and filled only once. It reports medians, their ratio, and
// what the large server holds in memory after it all.
func BenchmarkScale(b *testing.B) {
	few, many := 1000, 20_000
	if n, err := strconv.Atoi(os.Getenv("TEST_PRODUCTS")); err == nil {
		many = n
	}
	dir := os.Getenv("TEST_STORE")
	if dir == "" {
		dir = b.TempDir()
	}
	small, large := newScale(b, b.TempDir(), few), newScale(b, filepath.Join(dir, strconv.Itoa(many)), many)
	search := func(text string) func(api.Client) error {
		return func(c api.Client) error {
			out, err := c.SearchProvisionedProducts(context.Background(), &api.SearchProvisionedProductsInput{
				AccessLevelFilter: wholeAccount(),
				Filters:           map[api.ProvisionedProductViewFilterBy][]string{api.ProvisionedProductViewFilterBySearchQuery: {text}},
			})
			if err == nil && len(out.ProvisionedProducts) == 0 {
				err = fmt.Errorf("%s finds nothing", text)
			}
			return err
		}
	}
	for _, bar := range []struct {
		name string
		call func(api.Client) error
	}{
		{"Scan", func(c api.Client) error {
			_, err := c.ScanProvisionedProducts(context.Background(), &api.ScanProvisionedProductsInput{AccessLevelFilter: wholeAccount()})
			return err
		}},
		{"Search/status", search("status:AVAILABLE")},
		{"Search/product", search(`productName:"seeded queue"`)},
		{"Search/name", search("name:seeded-0000500")},
		{"Search/tag", search("tags:team=team-3")},
		{"Search/owner", search("userArn:arn:aws:iam::" + demoAccount + ":user/seed-3")},
		{"Search/two", search("tags:team=team-3 userArn:arn:aws:iam::" + demoAccount + ":user/seed-3")},
		{"Describe", func(c api.Client) error {
			_, err := c.DescribeProvisionedProduct(context.Background(), &api.DescribeProvisionedProductInput{Name: new("seeded-0000500")})
			return err
		}},
	} {
		b.Run(bar.name, func(b *testing.B) {
			times := map[*scale][]time.Duration{}
			for b.Loop() {
				for _, s := range []*scale{small, large} {
					begun := time.Now()
					if err := bar.call(s.client); err != nil {
						b.Fatal(err)
					}
					times[s] = append(times[s], time.Since(begun))
				}
			}
			b.ReportMetric(0, "ns/op") // of both together
			b.ReportMetric(median(times[small]), fmt.Sprintf("ms@%d", few))
			b.ReportMetric(median(times[large]), fmt.Sprintf("ms@%d", many))
			b.ReportMetric(median(times[large])/median(times[small]), "ratio")
		})
	}
	b.Run("Memory", func(b *testing.B) {
		for b.Loop() {
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(large.most(b), "MiB")
	})
}

func wholeAccount() *api.AccessLevelFilter {
	return &api.AccessLevelFilter{Key: new(api.AccessLevelFilterKeyAccount), Value: new("self")}
}

func median(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Microseconds()) / 1000
}

// scale is a server over a filled store.
type scale struct {
	process *process
	client  api.Client
}

func newScale(b *testing.B, dir string, n int) *scale {
	b.Helper()
	if _, err := os.Stat(filepath.Join(dir, "larder.db")); err != nil {
		begun := time.Now()
		if out, err := exec.Command("larder", "seed", "--data", dir, "--count", strconv.Itoa(n)).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		b.Logf("%d products seeded in %s", n, time.Since(begun).Round(time.Second))
	}
	p := start(b, "dev", "--data", dir, "--log-level", "error")
	return &scale{p, newSigned(b, p.URL, sigv4.Credentials{AccessKeyID: "seed-0", SecretAccessKey: "any"}).api}
}

// most is the most memory that the server has held, in MiB.
func (s *scale) most(b *testing.B) float64 {
	b.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", s.process.cmd.Process.Pid))
	if err != nil {
		b.Skip(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib / 1024
		}
	}
	b.Skip("the system does not tell")
	return 0
}

package provisioning

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"larder/internal/api"
	"larder/internal/db/dbtest"
	"larder/internal/engine"
	"larder/internal/identity"
)

// population is how many products BenchmarkSearch seeds: 20,000, or what
// TEST_PRODUCTS says (a million takes minutes).
func population(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("TEST_PRODUCTS"))
	if err != nil {
		n = 20_000
	}
	b.Logf("%d products", n)
	return n
}

// BenchmarkSearch answers pages of 20 by one equality, of 1,000 products and
// of many.
func BenchmarkSearch(b *testing.B) {
	for _, n := range []int{1000, population(b)} {
		w := newWorld(&testing.T{}, dbtest.New(b))
		err := seed(b.Context(), w.db, n, func(i int, p *provisionedProduct) {
			if i%50 == 0 {
				p.Status = api.ProvisionedProductStatusTainted
			}
			p.Change.Tags = append(p.Change.Tags, engine.Tag{Key: "cost", Value: fmt.Sprint(i % 1000)})
		})
		if err != nil {
			b.Fatal(err)
		}
		for name, text := range map[string]string{
			"status": "status:AVAILABLE", "rare status": "status:TAINTED", "product": "productId:prod-seeded", "name": "name:name-0000500",
			"tag": "tags:team=t3", "rare tag": "tags:cost=7", "owner": "userArn:" + admin.ARN, "bare": "name-0000500", "two": "status:TAINTED tags:team=t0",
			"prefix": "name:name-00005*",
		} {
			for _, level := range []identity.Level{identity.LevelAccount, identity.LevelUser} {
				b.Run(fmt.Sprintf("%s/level=%d/products=%d", name, level, n), func(b *testing.B) {
					in := asked(text)
					in.PageSize = nil
					if level == identity.LevelUser {
						in.AccessLevelFilter = nil
					}
					for b.Loop() {
						if _, err := w.client.SearchProvisionedProducts(as(admin), in); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
		b.Run(fmt.Sprintf("scan/products=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := w.client.ScanProvisionedProducts(as(admin), &api.ScanProvisionedProductsInput{AccessLevelFilter: account()}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("describe/products=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := w.client.DescribeProvisionedProduct(as(admin), &api.DescribeProvisionedProductInput{Name: new("name-0000500")}); err != nil {
					b.Fatal(err)
				}
			}
		})
		if err := w.stop(); err != nil {
			b.Fatal(err)
		}
	}
}

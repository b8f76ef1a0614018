package catalog

import (
	"flag"
	"fmt"
	"sync/atomic"
	"testing"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/id"
)

// stock fills an account with products on one shelf, without their versions.
func (w *world) stock(who someone, shelf id.Portfolio, n int) {
	w.Helper()
	const batch = 1000
	counts := tally{}
	for from := 0; from < n; from += batch {
		all := make([]product, 0, batch)
		for i := from; i < min(from+batch, n); i++ {
			p := product{
				ID: id.New[id.Product](), Account: who.caller.Account, Region: region, Created: int64(i + 1), Versions: 1,
				Name: fmt.Sprintf("Product number %d", i*7919%n), Owner: fmt.Sprint("Team ", i%17), Type: "CLOUD_FORMATION_TEMPLATE",
				Description: "Something that teams launch every day", Distributor: fmt.Sprint("Vendor ", i%5),
			}
			for f, value := range p.facets() {
				counts.add(f, value, 1)
			}
			all = append(all, p)
		}
		w.write(who, func(tx *db.Tx) error {
			for _, p := range all {
				if err := insertProduct(tx, p, p.terms()); err != nil {
					return err
				}
				if err := tx.Exec(`INSERT INTO portfolio_product (portfolio, product, source, title, versions, created) VALUES (?, ?, '', ?, ?, ?)`,
					shelf, p.ID, title(p.Name), p.Versions, p.Created); err != nil {
					return err
				}
			}
			return nil
		})
	}
	w.write(who, func(tx *db.Tx) error {
		for f, values := range counts {
			for value, n := range values {
				if err := tx.Exec(`INSERT INTO portfolio_facet (portfolio, facet, name, value, n) VALUES (?, ?, ?, ?, ?)
					ON CONFLICT (portfolio, facet, name) DO UPDATE SET n = portfolio_facet.n + excluded.n`, shelf, f, indexed(value), value, n); err != nil {
					return err
				}
			}
		}
		return tx.Exec(`INSERT INTO population (account, region, kind, n) VALUES (?, ?, ?, ?)
			ON CONFLICT (account, region, kind) DO UPDATE SET n = population.n + excluded.n`,
			who.caller.Account, region, productKind, n)
	})
}

func (w *world) write(who someone, fn func(*db.Tx) error) {
	w.Helper()
	if err := w.catalog.db.Update(who, fn); err != nil {
		w.Fatal(err)
	}
}

var large = flag.Bool("large", false, "benchmark with 100,000 products too (filling it takes minutes)")

// BenchmarkSearchProducts reads pages of 20: the time must not depend on how
// many products there are.
func BenchmarkSearchProducts(b *testing.B) {
	sizes := []int{100, 10_000}
	if *large {
		sizes = append(sizes, 100_000)
	}
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkSearch(b, n) })
	}
}

func benchmarkSearch(b *testing.B, n int) {
	w := newWorld(b, dbtest.New(b), Options{})
	admin, alice := w.user(hub, "admin"), w.user(hub, "alice")
	shelf := w.portfolio(admin, "shelf")
	w.grant(admin, shelf, alice.caller.ARN)
	w.stock(admin, shelf, n)
	type by = map[api.ProductViewFilterBy][]string
	for _, test := range []struct {
		name string
		in   *api.SearchProductsInput
	}{
		{"first", &api.SearchProductsInput{}},
		{"title", &api.SearchProductsInput{SortBy: new(api.ProductViewSortByTitle)}},
		{"newest", &api.SearchProductsInput{SortBy: new(api.ProductViewSortByCreationDate), SortOrder: new(api.SortOrderDescending)}},
		{"common word", &api.SearchProductsInput{Filters: by{"FullTextSearch": {"launch"}}}},
		{"rare words", &api.SearchProductsInput{Filters: by{"FullTextSearch": {"number 42"}}}},
		{"owner", &api.SearchProductsInput{Filters: by{"Owner": {"Team 3"}}}},
		{"nothing", &api.SearchProductsInput{Filters: by{"FullTextSearch": {"nonsense"}}}},
	} {
		b.Run(test.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := alice.SearchProducts(alice, test.in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("admin", func(b *testing.B) {
		for b.Loop() {
			if _, err := admin.SearchProductsAsAdmin(admin, &api.SearchProductsAsAdminInput{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCreateProduct creates products with their templates from 64
// callers at once.
func BenchmarkCreateProduct(b *testing.B) {
	w := newWorld(b, dbtest.New(b), Options{Limits: AWSLimits().Times(100_000)})
	admin := w.user(hub, "admin")
	url := w.template("bucket.json", bucketTemplate)
	var n atomic.Int64
	b.SetParallelism(32) // of two processors
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			_, err := admin.CreateProduct(admin, &api.CreateProductInput{
				Name: fmt.Sprint("product ", i), Owner: "team", ProductType: api.ProductTypeCloudFormationTemplate,
				IdempotencyToken: fmt.Sprint("bench", i),
				ProvisioningArtifactParameters: &api.ProvisioningArtifactProperties{
					Name: new("v1"), Info: map[string]string{"LoadTemplateFromURL": url},
				},
			})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkResolveLaunch is the catalog's part of a launch, among 10,000
// products.
func BenchmarkResolveLaunch(b *testing.B) {
	w := newWorld(b, dbtest.New(b), Options{})
	admin, alice := w.user(hub, "admin"), w.user(hub, "alice")
	p, product, version := w.offer(admin)
	w.stock(admin, p, 10_000)
	if _, err := w.constrain(admin, p, product, "LAUNCH", launchRole); err != nil {
		b.Fatal(err)
	}
	q := LaunchQuery{ProductID: string(product), ArtifactID: string(version)}
	for b.Loop() {
		if _, err := w.resolve(alice, q); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDescribePortfolio is the smallest read.
func BenchmarkDescribePortfolio(b *testing.B) {
	w := newWorld(b, dbtest.New(b), Options{})
	admin := w.user(hub, "admin")
	p, _, _ := w.offer(admin)
	for b.Loop() {
		if _, err := admin.DescribePortfolio(admin, &api.DescribePortfolioInput{Id: string(p)}); err != nil {
			b.Fatal(err)
		}
	}
}

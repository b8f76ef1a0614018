package catalog

import (
	"errors"
	"fmt"
	"testing"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/seal"
)

// TestQuotas fills each population to its brim: one more is refused, and
// there is room again after a delete.
func TestQuotas(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, Options{Limits: Limits{
			Portfolios: 3, Products: 3, ServiceActions: 2, ProductsPerPortfolio: 2,
			PrincipalsPerPortfolio: 2, SharesPerPortfolio: 2, VersionsPerProduct: 2,
		}})
		admin := w.user(hub, "admin")
		p := w.portfolio(admin, "first")
		product, _ := w.product(admin, "first")
		var last string
		for name, test := range map[string]struct {
			room   int
			create func(i int) error
			remove func() error // the last one made
		}{
			"portfolios": {2, func(int) error {
				out, err := admin.CreatePortfolio(admin, &api.CreatePortfolioInput{DisplayName: "p", ProviderName: "p", IdempotencyToken: w.token()})
				if err == nil {
					last = out.PortfolioDetail.Id
				}
				return err
			}, func() error { return second(admin.DeletePortfolio(admin, &api.DeletePortfolioInput{Id: last})) }},
			"products": {2, func(int) error {
				out, err := admin.CreateProduct(admin, w.productInput("p"))
				if err == nil {
					last = out.ProductViewDetail.ProductViewSummary.ProductId
				}
				return err
			}, func() error { return second(admin.DeleteProduct(admin, &api.DeleteProductInput{Id: last})) }},
			"service actions": {2, func(int) error {
				out, err := admin.CreateServiceAction(admin, &api.CreateServiceActionInput{
					Name: "a", DefinitionType: "SSM_AUTOMATION", IdempotencyToken: w.token(), Definition: definition{"Name": "a", "Version": "1"},
				})
				if err == nil {
					last = out.ServiceActionDetail.ServiceActionSummary.Id
				}
				return err
			}, func() error { return second(admin.DeleteServiceAction(admin, &api.DeleteServiceActionInput{Id: last})) }},
			"versions": {1, func(int) error {
				out, err := admin.CreateProvisioningArtifact(admin, &api.CreateProvisioningArtifactInput{
					ProductId: string(product), IdempotencyToken: w.token(),
					Parameters: api.ProvisioningArtifactProperties{Info: map[string]string{"LoadTemplateFromURL": w.template("v.json", `{}`)}},
				})
				if err == nil {
					last = out.ProvisioningArtifactDetail.Id
				}
				return err
			}, func() error {
				return second(admin.DeleteProvisioningArtifact(admin, &api.DeleteProvisioningArtifactInput{ProductId: string(product), ProvisioningArtifactId: last}))
			}},
			"principals": {2, func(i int) error {
				last = fmt.Sprint("arn:aws:iam::", hub, ":user/u", i)
				return second(admin.AssociatePrincipalWithPortfolio(admin, &api.AssociatePrincipalWithPortfolioInput{
					PortfolioId: string(p), PrincipalARN: last, PrincipalType: "IAM",
				}))
			}, func() error {
				return second(admin.DisassociatePrincipalFromPortfolio(admin, &api.DisassociatePrincipalFromPortfolioInput{
					PortfolioId: string(p), PrincipalARN: fmt.Sprint("arn:aws:iam::", hub, ":user/u0"),
				}))
			}},
			"shares": {2, func(i int) error {
				return second(admin.CreatePortfolioShare(admin, &api.CreatePortfolioShareInput{
					PortfolioId: string(p), AccountId: new(fmt.Sprint("99999999999", i)),
				}))
			}, func() error {
				return second(admin.DeletePortfolioShare(admin, &api.DeletePortfolioShareInput{PortfolioId: string(p), AccountId: new("999999999990")}))
			}},
		} {
			for i := range test.room {
				if err := test.create(i); err != nil {
					w.Fatalf("%s: %v", name, err)
				}
			}
			for i := range 2 { // a refusal takes no room
				w.refused(test.create(test.room+i), api.CodeLimitExceeded, "maximum")
			}
			if err := test.remove(); err != nil {
				w.Fatalf("%s: remove: %v", name, err)
			}
			if err := test.create(test.room); err != nil {
				w.Errorf("%s: after a delete: %v", name, err)
			}
			if err := test.create(test.room + 1); api.Code(err) != api.CodeLimitExceeded {
				w.Errorf("%s: one too many after a delete: %v", name, err)
			}
		}
	})
}

// TestShelfQuota counts the products of one portfolio.
func TestShelfQuota(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		limits := AWSLimits()
		limits.ProductsPerPortfolio = 2
		w := newWorld(t, d, Options{Limits: limits})
		admin := w.user(hub, "admin")
		p := w.portfolio(admin, "p")
		var err error
		for i := range 3 {
			product, _ := w.product(admin, fmt.Sprint(i))
			_, err = admin.AssociateProductWithPortfolio(admin, &api.AssociateProductWithPortfolioInput{PortfolioId: string(p), ProductId: string(product)})
			if i < 2 && err != nil {
				w.Fatal(err)
			}
		}
		w.refused(err, api.CodeLimitExceeded, "products per portfolio")
	})
}

// together runs n attempts at once and counts the outcomes by code.
func together(n int, attempt func(i int) error) map[string]int {
	outcomes := make(chan error, n)
	start := make(chan struct{})
	for i := range n {
		go func() {
			<-start
			outcomes <- attempt(i)
		}()
	}
	close(start)
	counts := map[string]int{}
	for range n {
		counts[api.Code(<-outcomes)]++
	}
	return counts
}

// TestRaces holds the rules while requests race: two nodes share a database.
func TestRaces(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		races(t, d, d)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := dbtest.URL(t)
		races(t, dbtest.OpenURL(t, url), dbtest.OpenURL(t, url))
	})
}

func races(t *testing.T, first, other *db.DB) {
	limits := AWSLimits()
	limits.Portfolios, limits.PrincipalsPerPortfolio = 5, 5
	keys := seal.Ephemeral()
	a := newWorld(t, first, Options{Limits: limits, Keys: keys})
	b := newWorld(t, other, Options{Limits: limits, Keys: keys})
	b.root = a.root
	nodes := []*world{a, b}
	admins := []someone{a.user(hub, "admin"), b.user(hub, "admin")}
	const n = 12
	expect := func(what string, got, want map[string]int) {
		t.Helper()
		for code, least := range want {
			if got[code] != least {
				t.Errorf("%s: outcomes %v, want %v", what, got, want)
				return
			}
		}
	}
	p := a.portfolio(admins[0], "p")
	expect("quota of portfolios", together(n, func(i int) error {
		return second(admins[i%2].CreatePortfolio(admins[i%2], &api.CreatePortfolioInput{
			DisplayName: "p", ProviderName: "p", IdempotencyToken: fmt.Sprint("race", i),
		}))
	}), map[string]int{"": 4, api.CodeLimitExceeded: n - 4})
	expect("one token", together(n, func(i int) error {
		return second(admins[i%2].CreateServiceAction(admins[i%2], &api.CreateServiceActionInput{
			Name: "a", DefinitionType: "SSM_AUTOMATION", IdempotencyToken: "same", Definition: definition{"Name": "a", "Version": "1"},
		}))
	}), map[string]int{"": n})
	if s := ok(admins[0].ListServiceActions(admins[0], nil))(a).ServiceActionSummaries; len(s) != 1 {
		t.Errorf("one token made %d service actions", len(s))
	}
	expect("one tag option", together(n, func(i int) error {
		return second(admins[i%2].CreateTagOption(admins[i%2], &api.CreateTagOptionInput{Key: "k", Value: "v"}))
	}), map[string]int{"": 1, api.CodeDuplicateResource: n - 1})
	expect("quota of principals", together(n, func(i int) error {
		return second(admins[i%2].AssociatePrincipalWithPortfolio(admins[i%2], &api.AssociatePrincipalWithPortfolioInput{
			PortfolioId: string(p), PrincipalARN: fmt.Sprint("arn:aws:iam::", hub, ":user/u", i), PrincipalType: "IAM",
		}))
	}), map[string]int{"": 5, api.CodeLimitExceeded: n - 5})

	product, _ := a.product(admins[0], "product")
	a.shelve(admins[0], p, product)
	expect("one launch constraint", together(n, func(i int) error {
		_, err := nodes[i%2].constrain(admins[i%2], p, product, "LAUNCH", launchRole)
		return err
	}), map[string]int{"": 1, api.CodeDuplicateResource: n - 1})

	// A product on a shelf is in use, however the two requests cross.
	for round := range 4 {
		loose, _ := a.product(admins[0], fmt.Sprint("loose ", round))
		together(2, func(i int) error {
			if i == 0 {
				return second(admins[0].DeleteProduct(admins[0], &api.DeleteProductInput{Id: string(loose)}))
			}
			return second(admins[1].AssociateProductWithPortfolio(admins[1], &api.AssociateProductWithPortfolioInput{PortfolioId: string(p), ProductId: string(loose)}))
		})
		err := first.View(admins[0], func(tx *db.Tx) error {
			exists, err := count(tx, `SELECT COUNT(*) FROM product WHERE id = ?`, loose)
			if err != nil {
				return err
			}
			shelved, err := count(tx, `SELECT COUNT(*) FROM portfolio_product WHERE product = ?`, loose)
			if err == nil && exists != shelved {
				err = errors.New("a product was deleted while it was put on a shelf")
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

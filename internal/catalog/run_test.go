package catalog

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/fetch"
	"larder/internal/identity"
	"larder/internal/seal"
	"larder/internal/workflow"
	"larder/internal/workflow/workflowtest"
)

// TestRuns carries every run of the room under every fault.
func TestRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	template := filepath.Join(dir, "t.json")
	if err := os.WriteFile(template, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	carried := new(sync.Map) // run → whether it came to its good end
	workflowtest.EveryStep(t, func(t testing.TB, e workflowtest.Env) workflowtest.World {
		fetcher, err := fetch.New(fetch.Policy{Roots: []string{dir}})
		if err != nil {
			t.Fatal(err)
		}
		keys := seal.Ephemeral()
		var c *Catalog
		return workflowtest.World{
			Boot: func(r *workflow.Runner) {
				c = New(Options{
					DB: e.DB, Runner: r, Fetch: fetcher, Keys: keys, Now: e.Now,
					Engine: func(string) engine.Engine { return jsonEngine{} },
				})
				c.batchSize = 2
			},
			Start: func(ctx context.Context, _ *workflow.Runner) error {
				ctx = identity.WithCaller(ctx, identity.Caller{Account: management, Region: region, ARN: "arn:aws:iam::" + management + ":user/admin"})
				return startRuns(ctx, c, template)
			},
			Dump: func(ctx context.Context) (string, error) { return dumpRuns(ctx, e.DB, carried) },
		}
	})
	t.Cleanup(func() {
		for _, name := range []string{shareRun, copyRun} {
			if _, ok := carried.Load(name); !ok {
				t.Errorf("no run of %s was carried", name)
			}
		}
		d := New(Options{Runner: workflow.New(nil, workflow.Options{})}).runner.Definitions()
		if diff := cmp.Diff([]string{copyRun, shareRun}, d); diff != "" {
			t.Errorf("definitions that this test does not know (-known +registered):\n%s", diff)
		}
	})
}

// startRuns does what starts runs: shares with nodes, and a copy.
func startRuns(ctx context.Context, c *Catalog, template string) error {
	if _, err := c.EnableAWSOrganizationsAccess(ctx, nil); err != nil {
		return err
	}
	for i := range 2 {
		p, err := c.CreatePortfolio(ctx, &api.CreatePortfolioInput{DisplayName: fmt.Sprint(i), ProviderName: "p"})
		if err != nil {
			return err
		}
		if _, err := c.CreatePortfolioShare(ctx, &api.CreatePortfolioShareInput{
			PortfolioId: p.PortfolioDetail.Id, OrganizationNode: node("ORGANIZATIONAL_UNIT", "ou-abcd-12345678"),
		}); err != nil {
			return err
		}
	}
	product, err := c.CreateProduct(ctx, &api.CreateProductInput{
		Name: "source", Owner: "o", ProductType: api.ProductTypeCloudFormationTemplate,
		ProvisioningArtifactParameters: &api.ProvisioningArtifactProperties{Info: map[string]string{"LoadTemplateFromURL": template}},
	})
	if err != nil {
		return err
	}
	view := product.ProductViewDetail
	for range 2 { // so that the copy takes two beats
		if _, err := c.CreateProvisioningArtifact(ctx, &api.CreateProvisioningArtifactInput{
			ProductId:  view.ProductViewSummary.ProductId,
			Parameters: api.ProvisioningArtifactProperties{Info: map[string]string{"LoadTemplateFromURL": template}},
		}); err != nil {
			return err
		}
	}
	_, err = c.CopyProduct(ctx, &api.CopyProductInput{SourceProductArn: view.ProductARN, TargetProductName: new("target")})
	return err
}

// dumpRuns says what has become of the world, without ids and times.
func dumpRuns(ctx context.Context, d *db.DB, carried *sync.Map) (string, error) {
	var lines []string
	err := d.View(ctx, func(tx *db.Tx) error {
		for _, query := range []string{
			`SELECT node || ' ' || type AS a, COUNT(*) AS b FROM portfolio_share GROUP BY node, type`,
			`SELECT 'open share actions' AS a, COUNT(*) AS b FROM share_action WHERE open = 1`,
			`SELECT title AS a, versions AS b FROM product`,
			`SELECT p.title AS a, COUNT(*) AS b FROM artifact a JOIN product p ON p.id = a.product GROUP BY p.title`,
			`SELECT kind AS a, n AS b FROM population`,
		} {
			rows, err := db.Collect(tx, func(r *db.Rows) (string, error) {
				var a string
				var b int
				err := r.Scan(&a, &b)
				return fmt.Sprint(a, " ", b), err
			}, query)
			if err != nil {
				return err
			}
			lines = append(lines, rows...)
		}
		copies, err := db.Collect(tx, func(r *db.Rows) (productCopy, error) {
			var k productCopy
			var data []byte
			if err := r.Scan(&data); err != nil {
				return k, err
			}
			return k, decode(data, &k, k.Token)
		}, `SELECT data FROM product_copy`)
		if err != nil {
			return err
		}
		for _, k := range copies {
			lines = append(lines, fmt.Sprint("copy ", k.Status, " ", k.Done, k.Detail))
			if k.Status == api.CopyProductStatusSucceeded {
				carried.Store(copyRun, true)
			}
		}
		actions, err := db.Collect(tx, func(r *db.Rows) (shareAction, error) {
			var a shareAction
			var data []byte
			if err := r.Scan(&data); err != nil {
				return a, err
			}
			return a, decode(data, &a, a.Token)
		}, `SELECT data FROM share_action`)
		for _, a := range actions {
			lines = append(lines, fmt.Sprint("share ", a.Status, a.Successful, a.Errors))
			if a.Status == api.ShareStatusCompleted {
				carried.Store(shareRun, true)
			}
		}
		return err
	})
	slices.Sort(lines)
	return strings.Join(lines, "\n"), err
}

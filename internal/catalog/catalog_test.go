package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/engine"
	"larder/internal/fetch"
	"larder/internal/id"
	"larder/internal/identity"
	"larder/internal/seal"
	"larder/internal/workflow"
)

const (
	region = "us-west-2"
	hub    = "111111111111" // an account that offers
	spoke  = "222222222222" // an account that is offered to
)

// A world is a catalog with clients of several accounts.
type world struct {
	testing.TB
	catalog *Catalog
	invoke  api.Invoker
	root    string // where templates lie
	now     *atomic.Int64
}

// served is what cmd serves, as far as this room goes.
type served struct {
	*Catalog
	absent
}

// absent stands deeper than Catalog, which therefore wins.
type absent struct{ api.Unimplemented }

// run runs a test on every database.
func run(t *testing.T, fn func(*world)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) { fn(newWorld(t, d, Options{})) })
}

func newWorld(t testing.TB, d *db.DB, o Options) *world {
	t.Helper()
	w := &world{TB: t, root: t.TempDir(), now: new(atomic.Int64)}
	w.now.Store(time.Date(2026, 11, 21, 10, 0, 0, 123456000, time.UTC).UnixMicro())
	fetcher, err := fetch.New(fetch.Policy{Roots: []string{w.root}})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := seal.NewTokens(seal.NewTokenSecret())
	if err != nil {
		t.Fatal(err)
	}
	o.DB, o.Fetch, o.Tokens = d, fetcher, tokens
	if o.Keys == nil {
		o.Keys = seal.Ephemeral()
	}
	o.Runner = workflow.New(d, workflow.Options{})
	o.Engine = func(string) engine.Engine { return jsonEngine{} }
	o.Now = func() time.Time { return time.UnixMicro(w.now.Add(1)) } // no two rows are of the same instant
	w.catalog = New(o)
	w.Cleanup(w.recount)
	w.serve(o.Runner)
	w.invoke = api.Local(served{Catalog: w.catalog}, func(next api.Invoker) api.Invoker { return next })
	return w
}

// serve carries runs until the test ends.
func (w *world) serve(r *workflow.Runner) {
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := r.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			w.Error(err)
		}
	})
	w.Cleanup(func() { stop(); done.Wait() })
}

// recount checks what is counted as things come and go.
func (w *world) recount() {
	for what, query := range map[string]string{
		"populations": `SELECT COUNT(*) FROM population WHERE n <> CASE kind
			WHEN 'portfolio' THEN (SELECT COUNT(*) FROM portfolio x WHERE x.account = population.account AND x.region = population.region)
			WHEN 'product' THEN (SELECT COUNT(*) FROM product x WHERE x.account = population.account AND x.region = population.region)
			ELSE (SELECT COUNT(*) FROM service_action x WHERE x.account = population.account AND x.region = population.region) END`,
		"products on shelves": `SELECT COUNT(*) FROM portfolio p WHERE
			(SELECT COUNT(*) FROM portfolio_product x WHERE x.portfolio = p.id) <>
			(SELECT COALESCE(SUM(n), 0) FROM portfolio_facet f WHERE f.portfolio = p.id AND f.facet = '')`,
		"owners on shelves": `SELECT COUNT(*) FROM portfolio p WHERE
			(SELECT COUNT(*) FROM portfolio_product x WHERE x.portfolio = p.id) <>
			(SELECT COALESCE(SUM(n), 0) FROM portfolio_facet f WHERE f.portfolio = p.id AND f.facet = 'Owner')`,
		"counts below one": `SELECT COUNT(*) FROM portfolio_facet WHERE n < 1`,
		"versions": `SELECT COUNT(*) FROM product p WHERE p.versions <> (SELECT COUNT(*) FROM artifact a WHERE a.product = p.id)
			AND EXISTS (SELECT 1 FROM artifact a WHERE a.product = p.id)`,
		"versions on shelves": `SELECT COUNT(*) FROM portfolio_product x JOIN product p ON p.id = x.product
			WHERE x.versions <> p.versions OR x.title <> p.title`,
	} {
		var n int
		if err := w.catalog.db.View(context.Background(), func(tx *db.Tx) (err error) {
			n, err = count(tx, query)
			return err
		}); err != nil || n > 0 {
			w.Errorf("%s: %d are counted wrongly, %v", what, n, err)
		}
	}
}

// jsonEngine reads templates written in JSON: parameters and outputs by name.
type jsonEngine struct{ engine.Engine }

func (jsonEngine) Describe(_ context.Context, a engine.Artifact) (engine.Template, error) {
	var body struct {
		AWSTemplateFormatVersion, Description string
		Parameters                            map[string]struct{ Type, Default string }
		Outputs                               map[string]struct{ Description string }
		Rules                                 json.RawMessage
	}
	if err := json.Unmarshal(a.Body, &body); err != nil {
		return engine.Template{}, &engine.Failure{Code: "ValidationError", Reason: "Template format error: JSON not well-formed."}
	}
	t := engine.Template{Version: body.AWSTemplateFormatVersion, Description: body.Description, Rules: string(body.Rules)}
	for _, key := range slices.Sorted(maps.Keys(body.Parameters)) {
		p := engine.Parameter{Key: key, Type: body.Parameters[key].Type}
		if d := body.Parameters[key].Default; d != "" {
			p.Default = &d
		}
		t.Parameters = append(t.Parameters, p)
	}
	for _, key := range slices.Sorted(maps.Keys(body.Outputs)) {
		t.Outputs = append(t.Outputs, engine.Output{Key: key, Description: body.Outputs[key].Description})
	}
	return t, nil
}

func (jsonEngine) TemplateOf(_ context.Context, _, _, physicalID string) ([]byte, error) {
	if !strings.HasPrefix(physicalID, "arn:aws:cloudformation:") {
		return nil, &engine.Failure{Code: "ValidationError", Reason: "Stack " + physicalID + " does not exist"}
	}
	return []byte(`{}`), nil
}

// A someone is a caller with a client.
type someone struct {
	context.Context
	*api.Client
	caller identity.Caller
}

func (w *world) caller(account, arn string) someone {
	who := identity.Caller{Account: account, Region: region, ARN: arn, UserID: "AIDA" + account}
	return someone{identity.WithCaller(w.Context(), who), &api.Client{Invoke: w.invoke}, who}
}

// user is a user of an account.
func (w *world) user(account, name string) someone {
	return w.caller(account, "arn:aws:iam::"+account+":user/"+name)
}

// template writes a file that products may be loaded from.
func (w *world) template(name, body string) string {
	w.Helper()
	path := filepath.Join(w.root, name)
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

// token is an idempotency token never used before.
func (*world) token() string { return "token-" + id.UUID() }

const bucketTemplate = `{"AWSTemplateFormatVersion": "2010-09-09",
	"Parameters": {"Size": {"Type": "String"}, "Zone": {"Type": "String", "Default": "a"}},
	"Outputs": {"Name": {"Description": "the bucket's name"}}}`

func ok[T any](out T, err error) func(*world) T {
	return func(w *world) T {
		w.Helper()
		if err != nil {
			w.Fatal(err)
		}
		return out
	}
}

// refused checks an error's code and a part of its message.
func (w *world) refused(err error, code, message string) {
	w.Helper()
	if api.Code(err) != code || !strings.Contains(err.Error(), message) {
		w.Errorf("got %v, want %s with %q", err, code, message)
	}
}

func (w *world) portfolio(who someone, name string) id.Portfolio {
	w.Helper()
	out := ok(who.CreatePortfolio(who, &api.CreatePortfolioInput{
		DisplayName: name, ProviderName: "platform", IdempotencyToken: w.token(),
	}))(w)
	return id.Portfolio(out.PortfolioDetail.Id)
}

func (w *world) productInput(name string) *api.CreateProductInput {
	return &api.CreateProductInput{
		Name: name, Owner: "team", ProductType: api.ProductTypeCloudFormationTemplate, IdempotencyToken: w.token(),
		ProvisioningArtifactParameters: &api.ProvisioningArtifactProperties{
			Name: new("v1"), Info: map[string]string{"LoadTemplateFromURL": w.template("bucket.json", bucketTemplate)},
		},
	}
}

func (w *world) product(who someone, name string) (id.Product, id.Artifact) {
	w.Helper()
	out := ok(who.CreateProduct(who, w.productInput(name)))(w)
	return id.Product(out.ProductViewDetail.ProductViewSummary.ProductId), id.Artifact(out.ProvisioningArtifactDetail.Id)
}

func (w *world) shelve(who someone, p id.Portfolio, product id.Product) {
	w.Helper()
	ok(who.AssociateProductWithPortfolio(who, &api.AssociateProductWithPortfolioInput{
		PortfolioId: string(p), ProductId: string(product),
	}))(w)
}

func (w *world) grant(who someone, p id.Portfolio, arn string) {
	w.Helper()
	kind := api.PrincipalTypeIAM
	if strings.Contains(arn, ":iam:::") {
		kind = api.PrincipalTypeIAMPattern
	}
	ok(who.AssociatePrincipalWithPortfolio(who, &api.AssociatePrincipalWithPortfolioInput{
		PortfolioId: string(p), PrincipalARN: arn, PrincipalType: kind,
	}))(w)
}

// offer is a portfolio with one product that user alice may launch.
func (w *world) offer(admin someone) (portfolio id.Portfolio, product id.Product, version id.Artifact) {
	w.Helper()
	portfolio = w.portfolio(admin, "Buckets")
	product, version = w.product(admin, "bucket")
	w.shelve(admin, portfolio, product)
	w.grant(admin, portfolio, "arn:aws:iam::"+admin.caller.Account+":user/alice")
	return portfolio, product, version
}

// resolve asks for a launch as provisioning does.
func (w *world) resolve(who someone, q LaunchQuery) (l Launch, err error) {
	err = w.catalog.db.View(who, func(tx *db.Tx) error {
		l, err = w.catalog.ResolveLaunch(tx, who.caller, q)
		return err
	})
	return l, err
}

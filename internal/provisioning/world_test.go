package provisioning

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"sync"
	"testing"
	"time"

	"larder/internal/api"
	"larder/internal/catalog"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/engine"
	"larder/internal/engine/enginetest"
	"larder/internal/fetch"
	"larder/internal/id"
	"larder/internal/identity"
	"larder/internal/seal"
	"larder/internal/workflow"
)

// A world is the run-time room over a real catalog and a fake engine.
type world struct {
	t      *testing.T
	db     *db.DB
	keys   *seal.Keys
	engine *enginetest.Fake
	serve  func(artifactType string) engine.Engine // nil: the fake serves every type
	runner *workflow.Runner
	client api.Client
	now    func() time.Time

	mu    sync.Mutex
	fault func(workflow.Point, workflow.Beat) error
	dead  chan struct{} // closed when the runner has ended

	templates *httptest.Server
	stop      func() error

	portfolio, product, artifact string

	boot      func() // registers more with the runner, each time it is opened
	deadlines map[string]time.Duration
	grace     time.Duration
	post      func(ctx context.Context, url string, header http.Header, body []byte) error
	webhooks  []Target
	topics    map[string]Target
	rehearse  func(tx *db.Tx, operation, product, name string) (*Rehearsal, error)
	inForce   func(rule string) bool

	reconsider func(*db.Tx) error

	// parameters of versions, by the last part of their URL.
	parameters map[string][]engine.Parameter
}

var admin = identity.Caller{
	Account: "123456789012", Region: "us-east-1", ARN: "arn:aws:iam::123456789012:user/admin", Level: identity.LevelAccount,
}

// as returns a context in which c calls.
func as(c identity.Caller) context.Context {
	return identity.WithCaller(context.Background(), c)
}

// session is a role session's caller.
func session(role, name string, level identity.Level) identity.Caller {
	c := admin
	c.ARN = fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", c.Account, role, name)
	c.Level = level
	return c
}

// service is what cmd would put together.
type service struct {
	*catalog.Catalog
	*Provisioning
	absent
}

type absent struct{ api.Unimplemented }

// run tests on both databases.
func run(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.publish()
		test(t, w)
	})
}

func newWorld(t *testing.T, d *db.DB) *world {
	w := &world{t: t, db: d, keys: seal.Ephemeral(), engine: &enginetest.Fake{}, now: time.Now}
	w.templates = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			fmt.Fprint(rw, `{"Resources": {}}`)
			return
		}
		fmt.Fprintf(rw, `{"Resources": {}, "Description": %q}`, r.URL.Path)
	}))
	w.engine.OnDescribe = func(_ context.Context, _ *enginetest.Fake, a engine.Artifact) (engine.Template, error) {
		return engine.Template{Version: "2010-09-09", Parameters: w.parameters[path.Base(a.URL)]}, nil
	}
	t.Cleanup(w.templates.Close)
	w.open()
	t.Cleanup(func() {
		if err := w.stop(); err != nil && !errors.Is(err, workflow.ErrCrash) && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return w
}

// open starts a server's worth of rooms on the world's database; stop ends
// them. Opening again is what a restart does.
func (w *world) open() {
	runner := workflow.New(w.db, workflow.Options{
		Now: w.now, RetryMin: time.Millisecond, RetryMax: 10 * time.Millisecond,
		LeaseTTL: time.Second, Sweep: 50 * time.Millisecond, // a killed node's runs are soon found
		Fault: func(p workflow.Point, b workflow.Beat) error {
			w.mu.Lock()
			fault := w.fault
			w.mu.Unlock()
			if fault == nil {
				return nil
			}
			return fault(p, b)
		},
	})
	w.runner = runner
	if w.boot != nil {
		w.boot()
	}
	tokens, err := seal.NewTokens(seal.NewTokenSecret())
	if err != nil {
		w.t.Fatal(err)
	}
	client, err := fetch.New(fetch.Policy{HTTP: true, Loopback: true})
	if err != nil {
		w.t.Fatal(err)
	}
	engines := func(artifactType string) engine.Engine {
		if w.serve != nil {
			return w.serve(artifactType)
		}
		return w.engine
	}
	c := catalog.New(catalog.Options{
		DB: w.db, Runner: runner, Engine: engines, Keys: w.keys, Tokens: tokens, Now: w.now, Fetch: client,
	})
	o := Options{DB: w.db, Runner: runner, Catalog: c, Engine: engines, Keys: w.keys, Tokens: tokens, Now: w.now, Deadlines: w.deadlines, Grace: w.grace, Rehearse: w.rehearse, InForce: w.inForce}
	if w.post != nil {
		o.Post, o.Webhooks, o.Topics = w.post, w.webhooks, w.topics
	}
	p := New(o)
	w.reconsider = p.Reconsider
	p.backoff, p.tries = time.Microsecond, 5
	allow := func(next api.Invoker) api.Invoker { return next }
	w.client = api.Client{Invoke: api.Local(service{Catalog: c, Provisioning: p}, allow)}
	ctx, cancel := context.WithCancel(context.Background())
	dead := make(chan struct{})
	var ended error
	go func() { ended = runner.Run(ctx); close(dead) }()
	w.dead = dead
	w.stop = func() error {
		cancel()
		<-dead
		return ended
	}
}

func (w *world) setFault(f func(workflow.Point, workflow.Beat) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
}

// publish makes a product that admin and the role "launcher" may launch.
func (w *world) publish() {
	t, ctx := w.t, as(admin)
	portfolio, err := w.client.CreatePortfolio(ctx, &api.CreatePortfolioInput{DisplayName: "P", ProviderName: "us", IdempotencyToken: "p"})
	if err != nil {
		t.Fatal(err)
	}
	w.portfolio = portfolio.PortfolioDetail.Id
	artifactType := api.ProvisioningArtifactTypeCloudFormationTemplate
	product, err := w.client.CreateProduct(ctx, &api.CreateProductInput{
		Name: "queue", Owner: "us", ProductType: api.ProductTypeCloudFormationTemplate, IdempotencyToken: "q",
		ProvisioningArtifactParameters: &api.ProvisioningArtifactProperties{
			Name: new("v1"), Type: &artifactType, Info: map[string]string{"LoadTemplateFromURL": w.templates.URL},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.product = product.ProductViewDetail.ProductViewSummary.ProductId
	w.artifact = product.ProvisioningArtifactDetail.Id
	if _, err := w.client.AssociateProductWithPortfolio(ctx, &api.AssociateProductWithPortfolioInput{PortfolioId: w.portfolio, ProductId: w.product}); err != nil {
		t.Fatal(err)
	}
	for _, arn := range []string{admin.ARN, "arn:aws:iam::123456789012:role/launcher"} {
		if _, err := w.client.AssociatePrincipalWithPortfolio(ctx, &api.AssociatePrincipalWithPortfolioInput{
			PortfolioId: w.portfolio, PrincipalARN: arn, PrincipalType: api.PrincipalTypeIAM,
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// version adds a version to a product, with the parameters that are kept for
// its name.
func (w *world) version(product, name string) string {
	w.t.Helper()
	artifactType := api.ProvisioningArtifactTypeCloudFormationTemplate
	out, err := w.client.CreateProvisioningArtifact(as(admin), &api.CreateProvisioningArtifactInput{
		ProductId: product, IdempotencyToken: product + name,
		Parameters: api.ProvisioningArtifactProperties{
			Name: &name, Type: &artifactType, Info: map[string]string{"LoadTemplateFromURL": w.templates.URL + "/" + name},
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.ProvisioningArtifactDetail.Id
}

// offer makes another product with one version and puts it into the world's
// portfolio.
func (w *world) offer(name string, productType api.ProductType) (product, artifact string) {
	w.t.Helper()
	artifactType := api.ProvisioningArtifactType(productType)
	out, err := w.client.CreateProduct(as(admin), &api.CreateProductInput{
		Name: name, Owner: "us", ProductType: productType, IdempotencyToken: name,
		ProvisioningArtifactParameters: &api.ProvisioningArtifactProperties{
			Name: new("v1"), Type: &artifactType, Info: map[string]string{"LoadTemplateFromURL": w.templates.URL + "/" + name},
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	product = out.ProductViewDetail.ProductViewSummary.ProductId
	if _, err := w.client.AssociateProductWithPortfolio(as(admin), &api.AssociateProductWithPortfolioInput{PortfolioId: w.portfolio, ProductId: product}); err != nil {
		w.t.Fatal(err)
	}
	return product, out.ProvisioningArtifactDetail.Id
}

// constrain puts a constraint on the world's product.
func (w *world) constrain(kind, parameters string) {
	w.t.Helper()
	_, err := w.client.CreateConstraint(as(admin), &api.CreateConstraintInput{
		PortfolioId: w.portfolio, ProductId: w.product, Type: kind, Parameters: parameters, IdempotencyToken: kind,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// change updates a product by name and returns the ended record.
func (w *world) change(in *api.UpdateProvisionedProductInput) *api.DescribeRecordOutput {
	w.t.Helper()
	if in.UpdateToken == "" {
		in.UpdateToken = id.UUID()
	}
	out, err := w.client.UpdateProvisionedProduct(as(admin), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.ended(out.RecordDetail.RecordId)
}

// launch is a launch of the world's product.
func (w *world) launch(name string) *api.ProvisionProductInput {
	return &api.ProvisionProductInput{
		ProductId: &w.product, ProvisioningArtifactId: &w.artifact, ProvisionedProductName: name, ProvisionToken: "launch-" + name,
	}
}

// provision launches and returns the record.
func (w *world) provision(c identity.Caller, name string) api.RecordDetail {
	w.t.Helper()
	out, err := w.client.ProvisionProduct(as(c), w.launch(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.RecordDetail
}

// patienceOfTests bounds every wait: only a test that fails takes so long, or
// a machine that does much else.
const patienceOfTests = time.Minute

// breathe parts two looks at what somebody else is doing: a hot loop would
// take the processor from what it waits for.
func breathe() { <-time.After(2 * time.Millisecond) }

// ended waits for the end of a record's operation and returns it.
func (w *world) ended(recordID string) *api.DescribeRecordOutput {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(as(admin), patienceOfTests)
	defer cancel()
	for ; ; breathe() {
		out, err := w.client.DescribeRecord(ctx, &api.DescribeRecordInput{Id: recordID})
		if err != nil {
			w.t.Fatal(err)
		}
		switch out.RecordDetail.Status {
		case api.RecordStatusSucceeded, api.RecordStatusFailed:
			return out
		}
	}
}

// describe returns a provisioned product as its account sees it.
func (w *world) describe(name string) api.ProvisionedProductDetail {
	w.t.Helper()
	out, err := w.client.DescribeProvisionedProduct(as(admin), &api.DescribeProvisionedProductInput{Name: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.ProvisionedProductDetail
}

// wantError checks the code and words of a refusal.
func wantError(t *testing.T, err error, code, words string) {
	t.Helper()
	var e *api.Error
	if !errors.As(err, &e) {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	if e.Code != code || !containsWords(e.Message, words) {
		t.Errorf("got %s %q, want %s with %q", e.Code, e.Message, code, words)
	}
}

// until waits until a record has a status.
func (w *world) until(recordID string, status api.RecordStatus) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(as(admin), patienceOfTests)
	defer cancel()
	for ; ; breathe() {
		out, err := w.client.DescribeRecord(ctx, &api.DescribeRecordInput{Id: recordID})
		if err != nil {
			w.t.Fatal(err)
		}
		if out.RecordDetail.Status == status {
			return
		}
	}
}

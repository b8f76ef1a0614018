package provisioning

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"larder/internal/catalog"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/identity"
	"larder/internal/seal"
	"larder/internal/workflow"
)

// DefaultDeadline is how long an operation may take before it is ended by
// name. AWS documents no such bound; a record that never ends helps nobody.
const DefaultDeadline = 24 * time.Hour

// DefaultGrace is how long an operation may go on after its deadline: to roll
// back a large stack takes hours.
const DefaultGrace = 12 * time.Hour

// Options are what a Provisioning stands on.
type Options struct {
	DB      *db.DB
	Runner  *workflow.Runner
	Catalog *catalog.Catalog
	// Engine returns the engine of an artifact type, nil if there is none.
	Engine func(artifactType string) engine.Engine
	Keys   *seal.Keys   // what launches are given is sealed with these
	Tokens *seal.Tokens // page tokens
	Now    func() time.Time
	// Deadline bounds every operation; zero means DefaultDeadline. Deadlines
	// are those of single product types, as in ProvisionedProductType.
	Deadline  time.Duration
	Deadlines map[string]time.Duration
	// Grace is how long after its deadline an engine may take to stop and
	// undo an operation before that is given up; zero means DefaultGrace.
	Grace  time.Duration
	Logger *slog.Logger
	// Post sends a notice of a changed status to an endpoint; nil if nobody is
	// to be told. Webhooks hear of every product, as CloudEvents; topics, by
	// their ARN, of products that name them, as SNS shapes messages. An error
	// with a method Again() time.Duration says that it was not tried, because
	// the endpoint is busy or down, and when to come back.
	Post     func(ctx context.Context, url string, header http.Header, body []byte) error
	Webhooks []Target
	Topics   map[string]Target
	// NoticeTries is how often a notice is tried before it is a dead letter;
	// zero means DefaultNoticeTries.
	NoticeTries int
	// Rehearse decides what happens to an operation before its engine is
	// asked; nil, or a nil answer: nothing. See RehearsedOperations.
	Rehearse func(tx *db.Tx, operation, product, name string) (*Rehearsal, error)
	// InForce tells whether the rule of a rehearsal still holds up operations;
	// nil: all do.
	InForce func(rule string) bool
}

// Provisioning serves the run-time operations. Its methods are those of
// api.Service.
type Provisioning struct {
	db        *db.DB
	runner    *workflow.Runner
	catalog   *catalog.Catalog
	engine    func(string) engine.Engine
	keys      *seal.Keys
	tokens    *seal.Tokens
	now       func() time.Time
	deadline  time.Duration
	deadlines map[string]time.Duration
	grace     time.Duration
	post      func(context.Context, string, http.Header, []byte) error
	webhooks  []Target
	topics    map[string]Target
	rehearsal func(tx *db.Tx, operation, product, name string) (*Rehearsal, error)
	inForce   func(rule string) bool
	tries     int           // of a notice
	backoff   time.Duration // after the first
	log       *slog.Logger
}

// New returns a Provisioning and registers its runs with o.Runner.
func New(o Options) *Provisioning {
	p := &Provisioning{
		db: o.DB, runner: o.Runner, catalog: o.Catalog, engine: o.Engine,
		keys: o.Keys, tokens: o.Tokens, now: o.Now, deadline: o.Deadline, deadlines: o.Deadlines, rehearsal: o.Rehearse, inForce: o.InForce, log: o.Logger,
	}
	if p.now == nil {
		p.now = time.Now
	}
	if p.deadline == 0 {
		p.deadline = DefaultDeadline
	}
	if p.grace = o.Grace; p.grace == 0 {
		p.grace = DefaultGrace
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.post = o.Post; p.post != nil {
		p.webhooks, p.topics = o.Webhooks, o.Topics
	}
	if p.tries = o.NoticeTries; p.tries == 0 {
		p.tries = DefaultNoticeTries
	}
	p.backoff = noticeBackoff
	p.runner.Register(workflow.Definition{Name: noticeRun, Steps: []workflow.Step{{Name: "deliver", Beat: p.deliver}}})
	for _, a := range acts() {
		p.runner.Register(workflow.Definition{Name: a.run, Steps: []workflow.Step{{Name: "engine", Beat: p.beat}}})
	}
	p.runner.Register(workflow.Definition{Name: planRun, Steps: []workflow.Step{{Name: "engine", Beat: p.planBeat}}})
	return p
}

// view runs fn in a read transaction on behalf of the caller in ctx.
func (p *Provisioning) view(ctx context.Context, fn func(*db.Tx, identity.Caller) error) error {
	caller := identity.CallerFrom(ctx)
	return p.db.View(ctx, func(tx *db.Tx) error { return fn(tx, caller) })
}

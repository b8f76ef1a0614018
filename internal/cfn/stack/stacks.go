package stack

import (
	"sync/atomic"
	"time"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/template"
	"larder/internal/db"
	"larder/internal/fetch"
	"larder/internal/seal"
	"larder/internal/workflow"
)

// Options are what [New] needs.
type Options struct {
	DB       *db.DB
	Runner   *workflow.Runner
	Keys     *seal.Keys
	Handlers *resource.Handlers
	Fetch    *fetch.Client  // for the templates of nested stacks; nil: there are none
	Rules    resource.Rules // those in force, until SetRules
	// Dev lets a stored parameter that nobody stored have a made-up value.
	Dev      bool
	Limits   Limits          // zero fields mean the defaults
	Template template.Limits // zero: template.DefaultLimits
	Now      func() time.Time
	Signals  Signaling     // who gives the signals that resources await; zero: SignalsAuto
	URL      func() string // where the server is found, for those who are to tell it something; nil: nowhere
}

// Limits are the executor's settings.
type Limits struct {
	// Beat is how many resources one beat starts or settles: what a crash may
	// have to repeat, and what one transaction holds.
	Beat int
	// Calls is how many handlers outside the database one beat asks.
	Calls int
	// Patience is the longest wait without looking.
	Patience time.Duration
	// Resident is how many resources of stacks in operation are kept in
	// memory between beats.
	Resident int
	// Templates is how many bytes of parsed templates are kept in memory, about.
	Templates int
	// Packs is how many packs of a stack come together before an operation
	// that ends folds them.
	Packs int
	// Depth is how many stacks a stack may be nested in, and Nested how many
	// nested stacks a root may have. AWS documents no bound for either.
	Depth, Nested int
}

// DefaultLimits serve a stack of 500 resources in five beats.
var DefaultLimits = Limits{
	Beat: 100, Calls: 10, Patience: time.Hour, Resident: 50_000, Templates: 64 << 20, Packs: 32, Depth: 10, Nested: 500,
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	if l.Beat > 0 {
		d.Beat = l.Beat
	}
	if l.Calls > 0 {
		d.Calls = l.Calls
	}
	if l.Patience > 0 {
		d.Patience = l.Patience
	}
	if l.Resident > 0 {
		d.Resident = l.Resident
	}
	if l.Templates > 0 {
		d.Templates = l.Templates
	}
	if l.Packs > 0 {
		d.Packs = l.Packs
	}
	if l.Depth > 0 {
		d.Depth = l.Depth
	}
	if l.Nested > 0 {
		d.Nested = l.Nested
	}
	return d
}

// Stacks is the store of stacks and the executor of their operations.
type Stacks struct {
	db        *db.DB
	runner    *workflow.Runner
	keys      *seal.Keys
	handlers  *resource.Handlers
	fetch     *fetch.Client
	rules     atomic.Pointer[resource.Rules]
	dev       bool
	limits    Limits
	reading   template.Limits
	now       func() time.Time
	signals   Signaling
	url       func() string
	templates *template.Cache
	residents *residents
}

// New makes the store and registers its runs with the runner.
func New(o Options) *Stacks {
	s := &Stacks{
		db: o.DB, runner: o.Runner, keys: o.Keys, handlers: o.Handlers,
		dev: o.Dev, limits: o.Limits.orDefault(), reading: o.Template, now: o.Now,
		signals: o.Signals, url: o.URL,
	}
	if s.handlers == nil {
		s.handlers = &resource.Handlers{Dev: o.Dev}
	}
	s.handlers.Embed(waitHandleType, waitHandle{s})
	s.handlers.Embed(waitConditionType, waitCondition{s})
	if s.reading == (template.Limits{}) {
		s.reading = template.DefaultLimits()
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.fetch = o.Fetch
	s.templates = template.NewCache(s.reading, s.limits.Templates)
	s.residents = newResidents(s.limits.Resident)
	s.rules.Store(&o.Rules)
	for _, name := range stackRuns {
		s.runner.Register(workflow.Definition{Name: name, Steps: []workflow.Step{{Name: "advance", Beat: s.beat}}})
	}
	return s
}

// The runs of a stack's operations. They share their one step: what an
// operation does next follows from the stack's phase.
const (
	createRun = "stack.create/v1"
	deleteRun = "stack.delete/v1"
	updateRun = "stack.update/v1"
	settleRun = "stack.settle/v1"
)

var stackRuns = []string{createRun, deleteRun, updateRun, settleRun}

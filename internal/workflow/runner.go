package workflow

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"larder/internal/db"
)

// Options of a Runner. The zero value is good.
type Options struct {
	// Node names this process in leases, for operators; the default is
	// "node". A random part is added, so names need not differ.
	Node string
	// Workers bounds how many beats are carried at once; default 64.
	Workers int
	// LeaseTTL is how long a run stays with a node that is not heard of;
	// default 15 s. A run that waits longer than this is held by nobody.
	LeaseTTL time.Duration
	// Sweep is how often runs are looked for that other nodes left behind;
	// default 1 s. Runs that are merely due are found in time without it.
	Sweep time.Duration
	// Grace is how long Run waits for beats in flight when it ends; default
	// 10 s.
	Grace time.Duration
	// RetryMin and RetryMax bound the delay after a failed beat, which
	// doubles each time; default 100 ms and 1 min.
	RetryMin, RetryMax time.Duration
	// Now is the product's clock, by which runs are due; default time.Now.
	// Leases go by the database's clock. Whoever moves Now by hand calls
	// [Runner.Recheck].
	Now func() time.Time
	// Logger gets one line for each beat that failed, and at level debug for
	// every beat; nil means none.
	Logger *slog.Logger
	// Fault, if not nil, is asked at each point of each beat and may return
	// an error to happen there. For tests; see package workflowtest.
	Fault func(p Point, b Beat) error
}

// maxHeld bounds the runs a node holds; more are left to lie in the database
// until there is room.
const maxHeld = 4096

// latchAge is how long a signal is kept that no run asks for.
const latchAge = 30 * 24 * time.Hour

// Runner starts runs and carries their beats.
type Runner struct {
	db    *db.DB
	o     Options
	owner string // this incarnation of the node, as it stands in leases
	defs  map[string]Definition

	mu      sync.Mutex
	ready   *sync.Cond       // queue or ended changed
	queue   []*held          // due now, in order
	held    map[string]*held // every run whose lease is ours
	beating int              // beats in flight
	ended   bool             // no new beats and no new leases
	paused  bool             // neither, for a while
	crashed bool             // as if the process had died
	changed chan struct{}    // closed at the next change; nil if nobody waits
	dead    chan struct{}    // closed by a crash

	kick  chan struct{} // wakes the sweeper
	next  time.Time     // when the sweeper looks next, by the product's clock
	stale bool          // something has come to lie in the database that is due before next
	full  bool          // the sweeper left something behind for want of room
}

// A held run is one whose lease is ours.
type held struct {
	run
	timer  *time.Timer             // until it is due; nil if it is queued or beating
	cancel context.CancelCauseFunc // ends the beat in flight; nil if there is none
}

// New makes a Runner. It carries nothing before [Runner.Run].
func New(d *db.DB, o Options) *Runner {
	if o.Node == "" {
		o.Node = "node"
	}
	if o.Workers <= 0 {
		o.Workers = 64
	}
	if o.LeaseTTL <= 0 {
		o.LeaseTTL = 15 * time.Second
	}
	if o.Sweep <= 0 {
		o.Sweep = time.Second
	}
	if o.Grace <= 0 {
		o.Grace = 10 * time.Second
	}
	if o.RetryMin <= 0 {
		o.RetryMin = 100 * time.Millisecond
	}
	if o.RetryMax <= 0 {
		o.RetryMax = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Runner{
		db:    d,
		o:     o,
		owner: o.Node + "/" + rand.Text(),
		defs:  map[string]Definition{},
		held:  map[string]*held{},
		dead:  make(chan struct{}),
		kick:  make(chan struct{}, 1),
		stale: true,
	}
	r.ready = sync.NewCond(&r.mu)
	return r
}

// Register adds a definition. It must be called before Run. A definition
// without a name or steps, or registered twice, is a programming error.
func (r *Runner) Register(d Definition) {
	if _, twice := r.defs[d.Name]; twice || d.Name == "" || len(d.Steps) == 0 {
		panic(fmt.Sprintf("workflow: definition %q is registered twice or empty", d.Name))
	}
	for i, s := range d.Steps {
		again := slices.ContainsFunc(d.Steps[:i], func(o Step) bool { return o.Name == s.Name })
		if again || s.Name == "" || s.Beat == nil {
			panic(fmt.Sprintf("workflow: step %q of definition %q is doubled or empty", s.Name, d.Name))
		}
	}
	r.defs[d.Name] = d
}

// Definitions are the registered ones by name, so that a test can see to it
// that none escapes it.
func (r *Runner) Definitions() []string {
	var names []string
	for name := range r.defs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Start records a run in the caller's transaction. The run is held by this
// node's lease from the first moment and its first beat follows the commit.
// Starting an id that exists does nothing.
func (r *Runner) Start(tx *db.Tx, b Begin) error {
	d, known := r.defs[b.Definition]
	if !known {
		return fmt.Errorf("workflow: start %s: no definition %q", b.ID, b.Definition)
	}
	now := r.o.Now()
	begun := run{
		id:         b.ID,
		definition: b.Definition,
		subject:    b.Subject,
		account:    b.Account,
		region:     b.Region,
		input:      b.Input,
		step:       d.Steps[0].Name,
		deadline:   b.Deadline,
		started:    now,
		updated:    now,
		epoch:      1,
	}
	begun.wait(now, b.After)
	owner := r.owner
	if b.After > r.o.LeaseTTL || !r.hasRoom() {
		owner = ""
	}
	added := new(int64)
	if err := insertRun(tx, begun, owner, r.o.LeaseTTL, added); err != nil {
		return err
	}
	tx.OnCommit(func() {
		switch {
		case *added == 0:
		case owner == "":
			r.lies(begun.due)
		default:
			r.take(begun)
		}
	})
	return nil
}

// Signal wakes the run that awaits key, or is kept until one does. Keys are
// unguessable or begin with the run's id and a slash: what is kept under such
// a key goes when the run ends, everything else after 30 days.
func (r *Runner) Signal(tx *db.Tx, key string) error {
	if key == "" {
		return errors.New("workflow: a signal needs a key")
	}
	now := r.o.Now()
	if !r.hasRoom() {
		n, err := wakeAwaiting(tx, key, now)
		if err != nil {
			return err
		}
		if n == 0 {
			return putLatch(tx, key)
		}
		tx.OnCommit(func() { r.lies(now) })
		return nil
	}
	woken, err := claimAwaiting(tx, key, r.owner, r.o.LeaseTTL, now)
	if err != nil {
		return err
	}
	if len(woken) == 0 {
		return putLatch(tx, key)
	}
	tx.OnCommit(func() { r.take(woken...) })
	return nil
}

// Nudge has a run beat now, whoever holds it and whatever it waits for, and
// reports whether there is such a run. A beat in flight counts as not having
// happened unless it is recorded already, so what the caller writes in the
// same transaction is not written over by it.
func (r *Runner) Nudge(tx *db.Tx, id string) (bool, error) {
	now := r.o.Now()
	owner := r.owner
	if !r.hasRoom() {
		owner = ""
	}
	nudged, err := claimOne(tx, id, owner, r.o.LeaseTTL, now)
	if err != nil || len(nudged) == 0 {
		return false, err
	}
	tx.OnCommit(func() {
		if owner == "" {
			r.lies(now)
		} else {
			r.take(nudged...)
		}
	})
	return true, nil
}

// Run carries beats until ctx ends, then hands held runs back. It returns
// nil, or [ErrCrash] if a test made it crash. It can be called once.
func (r *Runner) Run(ctx context.Context) error {
	// Beats outlive ctx by the grace.
	base, abort := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abort(nil)
	if r.db.Embedded() {
		err := r.db.Update(ctx, func(tx *db.Tx) error { return voidLeases(tx, r.owner) })
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("workflow: recover runs: %w", err)
		}
	}
	sweeping, stopSweep := context.WithCancel(ctx)
	defer stopSweep()
	tending, stopTending := context.WithCancel(base)
	defer stopTending()
	var tenders, workers sync.WaitGroup
	tenders.Go(func() { r.sweep(sweeping) })
	if !r.db.Embedded() {
		tenders.Go(func() { r.heartbeat(tending) })
	}
	for range r.o.Workers {
		workers.Go(func() { r.work(base) })
	}

	select {
	case <-ctx.Done():
	case <-r.dead:
		abort(ErrCrash)
	}
	stopSweep()
	r.mu.Lock()
	r.ended = true
	r.ready.Broadcast()
	r.mu.Unlock()

	idle := make(chan struct{})
	go func() {
		workers.Wait()
		close(idle)
	}()
	grace := time.NewTimer(r.o.Grace)
	defer grace.Stop()
	select {
	case <-idle:
	case <-grace.C:
		// What does not heed its context is left behind; the fence keeps it
		// from writing.
		abort(errStopping)
	}
	stopTending()
	tenders.Wait()
	return r.retire(context.WithoutCancel(ctx))
}

// retire lets go of all runs.
func (r *Runner) retire(ctx context.Context) error {
	r.mu.Lock()
	for _, h := range r.held {
		r.drop(h, errStopping)
	}
	r.queue = nil
	crashed := r.crashed
	r.mu.Unlock()
	if crashed {
		return ErrCrash
	}
	ctx, done := context.WithTimeout(ctx, r.o.Grace)
	defer done()
	if err := r.db.Update(ctx, func(tx *db.Tx) error { return releaseLeases(tx, r.owner) }); err != nil {
		return fmt.Errorf("workflow: hand runs back: %w", err)
	}
	return nil
}

// hasRoom reports whether this node may take another run.
func (r *Runner) hasRoom() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.ended && r.room() > 0
}

// take receives runs whose lease has become ours.
func (r *Runner) take(runs ...run) {
	now := r.o.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || r.paused {
		return // the lease runs out, or is void at the next start
	}
	for _, one := range runs {
		h := &held{run: one}
		if old := r.held[one.id]; old != nil {
			r.drop(old, errLost)
		}
		r.held[one.id] = h
		r.schedule(h, now)
	}
}

// schedule queues a held run at its time. Needs mu.
func (r *Runner) schedule(h *held, now time.Time) {
	if d := h.due.Sub(now); d > 0 {
		h.timer = time.AfterFunc(d, func() { r.rise(h) })
	} else {
		r.queue = append(r.queue, h)
		r.ready.Signal()
	}
	r.notify()
}

// rise queues a run whose time has come.
func (r *Runner) rise(h *held) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h.timer == nil || r.held[h.id] != h {
		return
	}
	h.timer = nil
	r.queue = append(r.queue, h)
	r.ready.Signal()
}

// drop forgets a held run and ends its beat. Needs mu.
func (r *Runner) drop(h *held, cause error) {
	if r.held[h.id] == h {
		delete(r.held, h.id)
	}
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
	if h.cancel != nil {
		h.cancel(cause)
	}
	r.notify()
}

// lies tells the sweeper of a run that lies in the database until due.
func (r *Runner) lies(due time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sooner(due) {
		r.wake()
	}
}

// sooner reports whether the sweeper would sleep too long for a run that lies
// in the database until due. It does so for whatever is due already: the time
// it waits for may be the same one, found ahead by an older clock. Needs mu.
func (r *Runner) sooner(due time.Time) bool {
	return r.next.IsZero() || due.Before(r.next) || !due.After(r.o.Now())
}

// wake has the sweeper look now. Needs mu.
func (r *Runner) wake() {
	r.stale = true
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// Recheck looks at the product's clock again, after it was moved by hand.
func (r *Runner) Recheck() {
	now := r.o.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.held {
		if h.timer != nil && h.timer.Stop() {
			h.timer = nil
			r.schedule(h, now)
		}
	}
	r.wake()
}

package workflow

import "errors"

// A Point is a place in a beat where [Options.Fault] is asked.
type Point int

const (
	// Begun is before the step's function is called.
	Begun Point = iota
	// Decided is after it returned a verdict and before anything of that is
	// written. An error here means that the effects have happened and the
	// record has not.
	Decided
	// Recorded is after the commit. The only error that counts here is
	// ErrCrash.
	Recorded
)

// String is the point's name.
func (p Point) String() string { return [...]string{"begun", "decided", "recorded"}[p] }

// ErrCrash is for [Options.Fault] to return. It makes the Runner behave as if
// its process had been killed there: nothing more is written, no lease is handed
// back, and Run returns ErrCrash. Any other error is the beat's.
var ErrCrash = errors.New("workflow: crash")

// fault asks for a fault at a point of a beat.
func (r *Runner) fault(p Point, b Beat) error {
	if r.o.Fault == nil {
		return nil
	}
	err := r.o.Fault(p, b)
	if errors.Is(err, ErrCrash) {
		r.crash()
	}
	return err
}

// crash stops everything at once.
func (r *Runner) crash() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.crashed {
		r.crashed, r.ended = true, true
		close(r.dead)
		r.ready.Broadcast()
		r.notify()
	}
}

// Crashed reports whether a test has made the Runner crash.
func (r *Runner) Crashed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.crashed
}

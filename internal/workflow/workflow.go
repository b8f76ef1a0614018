// Package workflow carries durable runs: named static steps, kept as rows in
// the same database and written in the same transaction as the request that
// started them. A wait is a row with a due time or an awaited signal, never a
// goroutine.
//
// A run moves in beats. A beat is one call of the current step's function
// followed by one transaction that holds everything the beat decided: the
// domain's own writes, the run's new state and its next move, fenced by the
// lease epoch. A beat may be repeated after a crash at any instruction, so
// effects outside the database must be repeatable.
//
// A [Runner] holds runs by lease. Whoever starts a run or signals one takes its
// lease in the same transaction, so the next beat follows the commit without
// another. A run that waits long is held by nobody: it is a row, and whichever
// node looks first when it is due, or is signaled, takes it. Runs whose node
// died are found by the sweep of the others; on an embedded database, which
// has one user, they are free as soon as it is opened again.
//
// Runs that have ended are deleted, in the transaction of their last beat:
// what they were about keeps its own record.
package workflow

import (
	"context"
	"encoding/json"
	"time"

	"larder/internal/db"
)

// A Definition is a named, versioned list of steps, such as "provision/v1".
// Runs in flight keep their definition's name, so a change of meaning needs a
// new version.
type Definition struct {
	Name  string
	Steps []Step
}

// A Step is one stage of a run. Beat is called until its verdict moves on.
type Step struct {
	Name string
	Beat func(ctx context.Context, b Beat) (Verdict, error)
}

// A Beat is what a step's function is told. An error it returns means "try
// again later" (with growing delay); an outcome, good or bad, is a Verdict.
type Beat struct {
	Run     string          // the run's id
	Subject string          // what the run is about, such as a record's or a stack operation's id
	Account string          // the account the run works for
	Region  string          // the region the run works in
	Step    string          // the current step's name
	Attempt int             // how often this step's beat was tried without a verdict, from 0
	Input   json.RawMessage // as given to Start
	State   json.RawMessage // as last kept by Verdict.Keep; nil at first
	Started time.Time       // when the run was started
	Now     time.Time       // the beat's time, by the product's clock
	Overdue bool            // the run's deadline has passed: end it, by name
}

// A Verdict says how a run goes on after a beat. The zero Verdict is not
// valid: use Next, Again, Await or End.
type Verdict struct {
	move   move
	after  time.Duration
	signal string
	state  json.RawMessage
	keeps  bool
	write  func(*db.Tx) error
	note   string
	noted  bool
}

type move int

const (
	moveNone move = iota
	moveNext
	moveAgain
	moveAwait
	moveEnd
)

// Next moves on to the following step at once; after the last one the run is
// done.
func Next() Verdict { return Verdict{move: moveNext} }

// Again repeats the step after d.
func Again(d time.Duration) Verdict { return Verdict{move: moveAgain, after: d} }

// Await repeats the step when signal arrives, at the latest after patience. A signal
// that arrived before the wait began counts.
func Await(signal string, patience time.Duration) Verdict {
	return Verdict{move: moveAwait, signal: signal, after: patience}
}

// End finishes the run, whatever steps are left.
func End() Verdict { return Verdict{move: moveEnd} }

// Keep stores state as the run's own; later beats read it as Beat.State.
func (v Verdict) Keep(state json.RawMessage) Verdict {
	v.state, v.keeps = state, true
	return v
}

// Write has fn run in the transaction that records the beat. It is under the rules of
// [db.DB.Update]: SQL only, may run twice. If it fails the beat counts as not having
// happened.
func (v Verdict) Write(fn func(*db.Tx) error) Verdict {
	v.write = fn
	return v
}

// Noted leaves a sentence for operators, shown with the run until another
// replaces it.
func (v Verdict) Noted(note string) Verdict {
	v.note, v.noted = note, true
	return v
}

// Begin describes a run to start.
type Begin struct {
	ID         string // minted by the caller, outside the transaction
	Definition string
	Subject    string
	Account    string
	Region     string
	Input      json.RawMessage
	Deadline   time.Time     // zero: none
	After      time.Duration // delay of the first beat
}

package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"larder/internal/db"
)

// Signaling says who gives the signals that creation policies, update
// policies and wait conditions await.
type Signaling string

const (
	// SignalsAuto awaits signals, unless the template shows that a resource
	// would give them that is only simulated: one with user data, or one that
	// is told of the handle. Such a resource is taken to have succeeded.
	SignalsAuto Signaling = "auto"
	// SignalsSimulated takes every signal to have been given.
	SignalsSimulated Signaling = "simulated"
	// SignalsAwaited awaits every signal.
	SignalsAwaited Signaling = "awaited"
)

// A cue is a signal that came: somebody who works on a resource is done,
// or has failed.
type cue struct {
	UniqueID string `json:"-"`
	Status   string `json:"status,omitempty"` // "" if what arrived could not be read
	Data     string `json:"data,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// What a signal says.
const (
	signalSuccess = "SUCCESS"
	signalFailure = "FAILURE"
)

// maxSignals is how many signals of one resource are kept.
const maxSignals = 1000

// SignalInput is a signal to a resource of a stack.
type SignalInput struct {
	Account, Region string
	Stack           string // name or ARN
	LogicalID       string
	UniqueID        string
	Failed          bool
}

// SignalResource tells a resource that awaits signals that one of those who
// work on it is done. A unique id counts once; a success may be taken back by
// a failure, as on AWS.
func (s *Stacks) SignalResource(ctx context.Context, in SignalInput) error {
	st, err := s.lookup(ctx, in.Account, in.Region, in.Stack, "Stack [%s] does not exist")
	if err != nil {
		return err
	}
	switch st.Status {
	case CreateInProgress, UpdateInProgress, UpdateRollbackInProgress:
	default:
		return invalid("Stack %s is in %s state and cannot be signaled", st.ID, st.Status)
	}
	if err := s.listening(ctx, &st, in.LogicalID); err != nil {
		return err
	}
	given := cue{UniqueID: in.UniqueID, Status: signalSuccess}
	if in.Failed {
		given.Status = signalFailure
	}
	body, err := given.encode()
	if err != nil {
		return err
	}
	source, arrived := resourceSource(in.LogicalID, st.Journal.First), db.Micros(s.now())
	return s.db.Update(ctx, func(tx *db.Tx) error {
		heard, err := signalsOf(tx, st.ID, source)
		if err != nil {
			return err
		}
		if !in.Failed && slices.ContainsFunc(heard, func(h cue) bool { return h.UniqueID == in.UniqueID }) {
			return invalid("Signal with ID %s for resource %s already exists. Signals may only be updated with a FAILURE status.", in.UniqueID, in.LogicalID)
		}
		if len(heard) >= maxSignals && !in.Failed {
			return invalid("Resource %s has received %d signals, which is as many as are kept", in.LogicalID, len(heard))
		}
		if err := putSignal(tx, st.ID, source, in.UniqueID, arrived, body); err != nil {
			return err
		}
		return s.runner.Signal(tx, wake(st.Journal.Run))
	})
}

// listening refuses to signal a resource that awaits no signal now.
func (s *Stacks) listening(ctx context.Context, st *Stack, logicalID string) error {
	var packs []numbered
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		packs, err = allPacks(tx, st.ID)
		return err
	})
	if err != nil {
		return err
	}
	entries, _, err := fold(packs)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(entries, func(e entry) bool { return e.LogicalID == logicalID && e.Superseded == "" })
	if i < 0 {
		return invalid("Resource %s does not exist for stack %s", logicalID, st.Name)
	}
	e := &entries[i]
	switch {
	case e.Status != CreateInProgress && e.Status != UpdateInProgress:
		return invalid("Resource %s is in %s state and cannot be signaled", logicalID, e.Status)
	case e.Wait == nil || e.Wait.Handle != nil:
		return invalid("Resource %s of type %s awaits no signals by a creation or update policy and cannot be signaled", logicalID, e.Type)
	}
	return nil
}

// resourceSource is where the signals of a resource are kept during an
// operation, which is known by its first pack.
func resourceSource(logicalID string, first int64) string {
	return "resource " + logicalID + " " + strconv.FormatInt(first, 10)
}

func (g cue) encode() (string, error) {
	text, err := json.Marshal(g)
	return string(text), err
}

// SQL

// signalsOf returns signals in the order in which they arrived.
func signalsOf(tx *db.Tx, stack, source string) ([]cue, error) {
	return db.Collect(tx, func(r *db.Rows) (g cue, err error) {
		var body string
		if err := r.Scan(&g.UniqueID, &body); err != nil {
			return cue{}, err
		}
		if err := json.Unmarshal([]byte(body), &g); err != nil {
			return cue{}, fmt.Errorf("signal row: %w", err)
		}
		return g, nil
	}, `SELECT unique_id, body FROM stack_signal WHERE stack = ? AND source = ? ORDER BY arrived, unique_id`, stack, source)
}

// putSignal writes a signal, in place of one with its unique id.
func putSignal(tx *db.Tx, stack, source, uniqueID string, arrived int64, body string) error {
	return tx.Exec(`INSERT INTO stack_signal (stack, source, unique_id, arrived, body) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (stack, source, unique_id) DO UPDATE SET body = excluded.body`, stack, source, uniqueID, arrived, body)
}

func dropSignals(tx *db.Tx, stack, source string) error {
	return tx.Exec(`DELETE FROM stack_signal WHERE stack = ? AND source = ?`, stack, source)
}

func dropAllSignals(tx *db.Tx, stack string) error {
	return tx.Exec(`DELETE FROM stack_signal WHERE stack = ?`, stack)
}

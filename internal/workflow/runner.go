package workflow

import (
	"context"

	"larder/internal/db"
)

// Runner starts runs and carries their beats.
type Runner struct{}

// Register adds a definition. It must be called before Run.
func (r *Runner) Register(d Definition) { panic("being built") }

// Start records a run in the caller's transaction. The run is held by this
// node's lease from the first moment and its first beat follows the commit.
// Starting an id that exists does nothing.
func (r *Runner) Start(tx *db.Tx, b Begin) error { panic("being built") }

// Signal wakes the run that awaits key, or is kept until one does.
func (r *Runner) Signal(tx *db.Tx, key string) error { panic("being built") }

// Run carries beats until ctx ends, then hands held runs back.
func (r *Runner) Run(ctx context.Context) error { panic("being built") }

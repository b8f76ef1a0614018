package catalog

import (
	"context"
	"time"

	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/identity"
	"larder/internal/workflow"
)

// Options are what a Catalog stands on.
type Options struct {
	DB     *db.DB
	Runner *workflow.Runner
	// Engine returns the engine of an artifact type, nil if there is none.
	Engine func(artifactType string) engine.Engine
	Now    func() time.Time
}

// A Catalog serves the design-time operations. Its methods are those of
// api.Service.
type Catalog struct {
	db     *db.DB
	runner *workflow.Runner
	engine func(string) engine.Engine
	now    func() time.Time
}

// New returns a Catalog and registers its runs with o.Runner.
func New(o Options) *Catalog {
	return &Catalog{db: o.DB, runner: o.Runner, engine: o.Engine, now: o.Now}
}

// ResolveLaunch finds what q asks for on behalf of caller and answers in AWS's
// words when there is nothing, or too much. It is meant to be called within
// the transaction that records the launch.
func (c *Catalog) ResolveLaunch(tx *db.Tx, caller identity.Caller, q LaunchQuery) (Launch, error) {
	panic("being built")
}

// ArtifactBody returns the body kept under digest: the template or the
// archive. Bodies never change, so recent ones are served from memory.
func (c *Catalog) ArtifactBody(ctx context.Context, digest string) ([]byte, error) {
	panic("being built")
}

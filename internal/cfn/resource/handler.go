package resource

import (
	"context"
	"encoding/json"
	"time"

	"larder/internal/cfn/schema"
)

// Action is what is asked of a handler.
type Action string

// The actions of a [Handler].
const (
	Create Action = "CREATE"
	Update Action = "UPDATE"
	Delete Action = "DELETE"
	Read   Action = "READ"
)

// A Handler makes, changes, reads and removes resources of one kind. It is
// level-triggered: the executor repeats a request, also after a crash at any
// point, until the answer is Done. The request's Token is the same each time,
// so it serves as the idempotency key of every effect; a Delete of what does
// not exist is Done. An error means "try again"; a refusal is a [Failure].
type Handler interface {
	Advance(ctx context.Context, r Request) (Progress, error)
}

// A Request is one resource and what is to become of it.
type Request struct {
	Action Action
	Token  string       // idempotency key: operation, logical id and generation
	Wake   string       // the workflow signal by which a handler's own work can wake the operation
	Type   *schema.Type // nil for types without a schema, such as Custom::*
	Name   string       // the type's name
	Seed   schema.Seed
	Tags   []schema.Tag // the stack's tags, which the handler propagates

	Properties map[string]schema.Value // as wanted (Create, Update)
	Model      schema.Model            // as it exists (Update, Delete, Read); of an unfinished creation, what is known of it

	State json.RawMessage // what the last Progress kept
}

// State is where a request stands.
type State int

// The states of a [Progress].
const (
	Done    State = iota // ended, well or (Failure) badly
	Again                // call again after Progress.After
	Waiting              // call again when Request.Wake arrives, at the latest after Progress.After
)

// Progress answers a [Request].
type Progress struct {
	State   State
	After   time.Duration
	Model   schema.Model    // what exists now; its Physical is set as soon as it is known
	Kept    json.RawMessage // given back as Request.State
	Warning string          // shown with the event that ends the request
	Failure *Failure
}

// Failure says why a resource could not be made, changed or removed.
type Failure struct {
	Code    string // such as InvalidRequest, AlreadyExists, NotFound
	Message string
	// Lasting says of a creation that the service refused it after it had
	// begun, and will refuse its removal for the same reason: the stack keeps
	// the resource until it is told to retain it.
	Lasting bool
}

func (f *Failure) Error() string { return f.Message }

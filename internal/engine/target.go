package engine

import "context"

// Targets make a change one of many places: of every account in every region.
// The same thing stands in each of them, and a change reaches them little by
// little.
type Targets struct {
	Accounts []string
	Regions  []string // one has its turn after the other
	// Chosen tells that somebody named these accounts and these regions:
	// an update must find something in each place. Otherwise it passes over
	// those that have nothing, or nothing that can be updated.
	Chosen bool `json:",omitempty"`
	// Only is Create or Delete where an update adds or takes away places and
	// leaves what stands there as it is.
	Only Kind `json:",omitempty"`

	// How many places of a region may fail before the change stops there and
	// tries no later region, and how many may be under way at a time: a number
	// or a percentage. Without either, none may fail, and one is under way.
	ToleranceCount        *int `json:",omitempty"`
	TolerancePercentage   *int `json:",omitempty"`
	ConcurrencyCount      *int `json:",omitempty"`
	ConcurrencyPercentage *int `json:",omitempty"`

	// The roles by which an engine gets into other accounts, where those are
	// real ones: this one, by ARN, assumes that one, by its name in each account.
	AdminRole, ExecutionRole string
}

// A Targeter makes changes that have Targets, and tells about them. An engine
// that is none is never given such a change.
type Targeter interface {
	// Instances returns what c.Physical has in its places, by account and
	// region, after one of them (the zero Instance for the first page), at
	// most limit; more tells whether others follow.
	Instances(ctx context.Context, c Change, after Instance, limit int) (page []Instance, more bool, err error)
	// Reached tells how far c has come; nil if it has not begun.
	Reached(ctx context.Context, c Change) (*Reach, error)
}

// An Instance is what stands in one place.
type Instance struct {
	Account, Region string
	Status          string // CURRENT, OUTDATED or INOPERABLE, as Service Catalog's model says
}

// A Reach is how far a change of many places has come.
type Reach struct {
	Regions []RegionReach // in the order of their turns
	Rate    float64       // places done with per second, since it began
	// Failed is the place that failed first, and why; nil while none has.
	Failed *Cause
}

// RegionReach counts the places of one region.
type RegionReach struct {
	Region                                        string
	Pending, Running, Succeeded, Failed, Canceled int
}

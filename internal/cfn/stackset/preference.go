package stackset

import "slices"

// Preferences say how an operation goes about its instances.
type Preferences struct {
	RegionOrder []string `json:"regionOrder,omitempty"`
	// How many instances of a region may fail before the operation stops
	// there and tries no later region: a number, or a percentage of the
	// region's instances, rounded down. Without either, none.
	ToleranceCount      *int `json:"toleranceCount,omitempty"`
	TolerancePercentage *int `json:"tolerancePercentage,omitempty"`
	// How many instances are under way at a time: a number, or a percentage,
	// rounded down but at least one. Without either, one.
	ConcurrencyCount      *int `json:"concurrencyCount,omitempty"`
	ConcurrencyPercentage *int `json:"concurrencyPercentage,omitempty"`
	// Soft lets the number under way be more than could fail.
	Soft bool `json:"soft,omitempty"`
}

// Check refuses preferences that contradict themselves.
func (p Preferences) Check() error {
	switch {
	case p.ToleranceCount != nil && p.TolerancePercentage != nil:
		return invalid("Only one of FailureToleranceCount and FailureTolerancePercentage can be specified")
	case p.ConcurrencyCount != nil && p.ConcurrencyPercentage != nil:
		return invalid("Only one of MaxConcurrentCount and MaxConcurrentPercentage can be specified")
	case p.ToleranceCount != nil && *p.ToleranceCount < 0:
		return invalid("FailureToleranceCount must be greater than or equal to 0")
	case p.TolerancePercentage != nil && (*p.TolerancePercentage < 0 || *p.TolerancePercentage > 100):
		return invalid("FailureTolerancePercentage must be between 0 and 100")
	case p.ConcurrencyCount != nil && *p.ConcurrencyCount < 1:
		return invalid("MaxConcurrentCount must be greater than or equal to 1")
	case p.ConcurrencyPercentage != nil && (*p.ConcurrencyPercentage < 1 || *p.ConcurrencyPercentage > 100):
		return invalid("MaxConcurrentPercentage must be between 1 and 100")
	}
	return nil
}

// Tolerance is how many of a region's instances may fail.
func (p Preferences) Tolerance(total int) int {
	switch {
	case p.ToleranceCount != nil:
		return *p.ToleranceCount
	case p.TolerancePercentage != nil:
		return total * *p.TolerancePercentage / 100
	}
	return 0
}

// Concurrency is how many of a region's instances may be under way when some
// have failed. A number is, unless it is Soft, bound to what may still fail:
// one more than the tolerance at first, and one less with each failure. A
// percentage is not.
func (p Preferences) Concurrency(total, failed int) int {
	switch {
	case p.ConcurrencyPercentage != nil:
		return max(1, total**p.ConcurrencyPercentage/100)
	case p.ConcurrencyCount == nil:
		return 1
	case p.Soft:
		return *p.ConcurrencyCount
	}
	// The comparison comes first: a tolerance may be as large as an int.
	if may := p.Tolerance(total) - failed; may < *p.ConcurrencyCount {
		return max(1, may+1)
	}
	return *p.ConcurrencyCount
}

// order puts regions in the order in which they have their turn: those of
// RegionOrder first, then the others as they were given.
func (p Preferences) order(regions []string) []string {
	ordered := make([]string, 0, len(regions))
	for _, list := range [][]string{p.RegionOrder, regions} {
		for _, region := range list {
			if slices.Contains(regions, region) && !slices.Contains(ordered, region) {
				ordered = append(ordered, region)
			}
		}
	}
	return ordered
}

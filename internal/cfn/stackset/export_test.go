package stackset

// Why instances are canceled, for tests.
const (
	Tolerated  = tolerated
	WasStopped = wasStopped
)

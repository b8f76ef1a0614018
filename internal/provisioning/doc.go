// Package provisioning is the run-time room: what people launched from the
// catalog. It holds provisioned products and their records, and carries every
// operation on them as a durable run that drives an engine.
//
// A request writes the provisioned product's new status, the record and the
// run in one transaction and answers; the engine is touched only afterwards,
// by the run (see operation.go). Who sees which row is decided in access.go.
//
// It asks the catalog what may be launched and knows no engine by name.
package provisioning

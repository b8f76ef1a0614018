package main

import "larder/internal/api"

// operationsCommands look at durable runs. One more way to act on a run is one
// more field and a Run of one line.
type operationsCommands struct {
	remote
	List operationsList `cmd:"" help:"List operations."`
	Show operationsShow `cmd:"" help:"Show an operation."`
}

// operationID is the operation that a command is about.
type operationID struct {
	ID string `arg:"" help:"Id of the operation."`
}

type operationsList struct {
	State []api.OperationState `help:"Only those in these states." placeholder:"STATE"`
}

// Run lists operations.
func (o *operationsList) Run(c *caller) error {
	return c.call(api.OpListOperations, &api.ListOperationsInput{States: o.State})
}

type operationsShow struct{ operationID }

// Run shows an operation.
func (o *operationsShow) Run(c *caller) error {
	return c.call(api.OpDescribeOperation, &api.DescribeOperationInput{Id: o.ID})
}

package main

import "larder/internal/api"

// operationsCommands look at durable runs and take a hand in them.
type operationsCommands struct {
	remote
	List   operationsList   `cmd:"" help:"List operations."`
	Show   operationsShow   `cmd:"" help:"Show an operation."`
	Cancel operationsCancel `cmd:"" help:"Stop an operation; its engine undoes what it did, or, of a stack set, begins no more."`
	Retry  operationsRetry  `cmd:"" help:"Have an operation go on now, whatever it waits for."`
	Fail   operationsFail   `cmd:"" help:"End an operation as failed without asking its engine: the last resort."`
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

type operationsCancel struct{ operationID }

// Run cancels an operation.
func (o *operationsCancel) Run(c *caller) error {
	return c.call(api.OpCancelOperation, &api.CancelOperationInput{Id: o.ID})
}

type operationsRetry struct{ operationID }

// Run has an operation go on.
func (o *operationsRetry) Run(c *caller) error {
	return c.call(api.OpRetryOperation, &api.RetryOperationInput{Id: o.ID})
}

type operationsFail struct {
	operationID
	Reason string `help:"Why, for the record." placeholder:"TEXT"`
}

// Run ends an operation as failed.
func (o *operationsFail) Run(c *caller) error {
	return c.call(api.OpFailOperation, &api.FailOperationInput{Id: o.ID, Reason: optional(o.Reason)})
}

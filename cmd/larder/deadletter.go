package main

import "larder/internal/api"

// deadletterCommands look at notices that could not be delivered.
type deadletterCommands struct {
	remote
	List      deadletterList      `cmd:"" help:"List notices that were given up."`
	Redeliver deadletterRedeliver `cmd:"" help:"Try again to deliver what was given up."`
}

type deadletterList struct{}

// Run lists dead letters.
func (*deadletterList) Run(c *caller) error {
	return c.call(api.OpListDeadLetters, &api.ListDeadLettersInput{})
}

type deadletterRedeliver struct {
	ProvisionedProduct string `help:"Only those about this provisioned product." placeholder:"ID"`
}

// Run has dead letters delivered again.
func (d *deadletterRedeliver) Run(c *caller) error {
	return c.call(api.OpRedeliverDeadLetters, &api.RedeliverDeadLettersInput{ProvisionedProductId: optional(d.ProvisionedProduct)})
}

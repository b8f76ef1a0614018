package main

import "larder/internal/api"

// explainCommands answer why something can or cannot be done.
type explainCommands struct {
	remote
	Launch explainLaunch `cmd:"" help:"Why the caller can or cannot launch a product, portfolio by portfolio."`
	Access explainAccess `cmd:"" help:"Whether a user or a role may do something, and what it would be told."`
}

type explainLaunch struct {
	Product string `arg:"" help:"Id of the product."`
}

// Run explains launch paths.
func (e *explainLaunch) Run(c *caller) error {
	return c.call(api.OpExplainLaunch, &api.ExplainLaunchInput{ProductId: e.Product})
}

type explainAccess struct {
	Action string `arg:"" help:"Action, such as servicecatalog:ProvisionProduct."`
	holder
	Resource string `help:"ARN of what it is done to (default: anything)." placeholder:"ARN"`
}

// Run explains policies.
func (e *explainAccess) Run(c *caller) error {
	arn, err := e.arn(c)
	if err != nil {
		return err
	}
	return c.call(api.OpExplainAccess, &api.ExplainAccessInput{Action: e.Action, PrincipalARN: arn, ResourceARN: optional(e.Resource)})
}

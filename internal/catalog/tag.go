package catalog

import "larder/internal/engine"

// LaunchTags returns the tags that a launch starts with: the tag options'
// choices, the product's and the portfolio's tags and the user's own, by
// AWS's precedence. The automatic aws:servicecatalog: tags are provisioning's
// to add.
func LaunchTags(l Launch, user []engine.Tag) ([]engine.Tag, error) { panic("being built") }

package main

import "larder/internal/api"

// status shows the server.
type status struct{ remote }

// Run shows version, mode, database and age of the server.
func (status) Run(c *caller) error {
	return c.call(api.OpDescribeServer, &api.DescribeServerInput{})
}

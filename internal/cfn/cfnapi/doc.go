// Package cfnapi is the CloudFormation API over the stacks that package stack
// keeps: those that Service Catalog launched and those that were created
// here. It turns requests into the store's inputs and what the store knows
// into AWS's shapes; rules of stacks live below. An operation that has no
// function here answers that it is not built yet.
//
// Everything a caller sees belongs to the account and region of the caller.
package cfnapi

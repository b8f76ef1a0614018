// Package stack keeps CloudFormation stacks: it stores them, carries their
// operations as durable runs, and answers what they are.
//
// A stack is one row that a describe reads, and a list of packs: each beat of
// an operation appends one pack that holds the resources it changed and the
// events it caused. Folding the packs gives the resources as they stand;
// reading them backwards gives the events. An effect that is itself a row (a
// simulated resource) is in the same transaction as its pack, so it happens
// exactly once; an effect outside is journaled before and after.
//
// The package knows nothing of callers beyond account and region, and nothing
// of Service Catalog.
package stack

// Package stackset keeps CloudFormation stack sets: one template rolled out as
// a stack in many accounts and regions.
//
// A set, its instances and its operations are rows. An operation is one run
// that counts and claims: it goes through the regions in their order, marks a
// few instances at a time as running, within the bound of its preferences,
// and starts a run for each of them in the same transaction. That run looks
// at the instance's stack, creates, updates or deletes it through package
// stack under the operation's id, and waits for it by signal; it writes down
// what came of it and wakes the operation. Only the operation's run changes
// its counters, so neither the bound nor the order depends on locks, and
// nothing is held in memory for what is not under way.
//
// The package knows nothing of Service Catalog, nor of callers beyond account
// and region.
package stackset

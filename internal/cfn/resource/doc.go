// Package resource makes, reads and removes the resources of stacks.
//
// Most types are simulated from their schemas: what creating one gives is a
// pure function of its properties and of where it stands, and the effect is a
// row in the table of what exists, written by the executor in the same
// transaction as its journal entry. Types whose behavior is ours are never
// simulated. A handler with effects outside the database is journaled before
// and after by the executor, and must bear being repeated.
package resource

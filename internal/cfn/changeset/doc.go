// Package changeset says what an update would change.
//
// It compares a stack as it is (an evaluated template and its live resources)
// with the template it is to have, and answers what AWS answers in a change
// set. AWS has two answers, made by two algorithms:
//
//   - [Update.Changes] is structural. What one resource takes from another
//     stays a symbol, and changes if that resource may: DescribeChangeSet
//     without property values, and what Service Catalog shows of a plan.
//   - [Update.ChangesWithValues] knows what resources are. It takes their
//     current values, and leaves open only what new ones will give.
//
// The rules are those of reference/cloudformation.md, sections A to E; comments
// name them by their numbers there. [Update.Plan] is for whoever performs the
// update: it decides nothing that only the update itself can tell.
//
// The package is pure. It imports cfn/schema and cfn/template, does no I/O, and
// what is live is asked through [Live].
package changeset

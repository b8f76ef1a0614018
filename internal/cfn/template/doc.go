// Package template reads CloudFormation templates and evaluates them.
//
// Reading and evaluating are two steps. [Parse] turns YAML or JSON into a
// [Template]: one immutable tree of [Node] values with every position kept,
// every function recognized and every reference resolved to a declaration,
// refusing in AWS's words what CloudFormation refuses. [Template.Evaluate]
// binds parameter values to it: constraints and rules are held against them
// and the conditions decided, after which properties and outputs can be
// computed from what resources turn out to be.
//
// The package is pure. What evaluation needs from outside (exports, stored
// parameters, zones) is handed in through [Env]; what resources are, through
// [Live]. It imports nothing of the house but cfn/schema, reads no file and
// no clock, and starts nothing.
//
// Values that come from NoEcho parameters are [schema.Secret], and so is
// whatever a function makes of them.
package template

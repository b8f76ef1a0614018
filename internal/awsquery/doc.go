// Package awsquery is the AWS query protocol: a form comes in, XML goes out.
// CloudFormation and STS speak it. The shapes, their checks and their XML are
// generated from AWS's models (cloudformation.json and sts.json, as botocore
// carries them), for the operations that gen names.
//
// Whoever serves a service fills a Handlers value ([CloudFormationHandlers],
// [STSHandlers]) with one function per operation; a nil one is an operation
// that is not built yet. [Serve] takes a parsed [Request] through decoding,
// validation, authorization and the function, and [AppendAnswer] and
// [AppendError] write what the client reads. The package knows no HTTP and no
// domain.
package awsquery

//go:generate go run ./gen

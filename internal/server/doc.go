// Package server is the HTTP edge: it takes a request through host and origin
// guard, body bound, signature, decoding and the operation, and it is the one
// place that renders errors. It answers three protocols on one port: AWS's
// JSON 1.1 (Service Catalog and Larder's own API), the AWS query protocol
// (CloudFormation and STS), and the probes and metrics of operators.
//
// It knows no domain: operations are reached through an [api.Invoker] and the
// handlers of package awsquery. It keeps nothing between requests.
package server

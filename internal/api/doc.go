// Package api is the narrow waist: what can be asked of Larder, and what it
// answers, as Go types.
//
// It is generated from two models in botocore's form: Amazon's of AWS Service
// Catalog (servicecatalog.json) and Larder's own (larder.json), which holds
// what is not Amazon's. Both make one [Service], one [Op] table and one name
// space of shapes. Everyone passes through [Invoker]: the server turns HTTP
// into [Local], the console is a [Client] over Local, the command line a Client
// over signed HTTP. So console and command line can do nothing that the wire
// cannot, and whatever holds for every call is a [Middleware], once.
//
// # Types
//
// Shapes and members are named as the model names them. A required member is a
// value. In shapes that an input can hold, optional texts, enums, numbers,
// booleans, times and structures are pointers (new(v) makes one, [Or] reads
// one). In shapes that only answers hold, optional texts, enums and times are
// values that are left out when zero, numbers and booleans are always sent, and
// structures are pointers. Lists and maps are left out when nil and sent as []
// and {} when empty. Where AWS is seen to send "", so do we; the few members
// that differ stand in a table of the generator (gen/gotype.go).
//
// # The wire
//
// Bodies are AWS JSON 1.1. [DecodeInput] and [AppendOutput] serve, [AppendInput]
// and [DecodeOutput] call, [AppendError] renders what went wrong. Decoding is
// linear in the body, bounded in depth, and never panics. The wire type is the
// operation's argument: nobody keeps a second set of types.
//
// # Errors
//
// An operation fails with an [*Error], which carries its code on the wire; the
// modeled ones have constructors named after them ([ResourceNotFound]), the
// common ones stand beside Error. Wrapping with %w keeps code and message.
// Any other error is ours, not the caller's: the server answers InternalFailure
// without text and logs it. An operation answers only what its model lists or
// what is common to all: [Local] turns any other modeled error into a
// ValidationException with the same message.
//
// This room imports no other and touches neither network nor disk. It decides
// nothing: what a value means beyond its shape is the business of the rooms
// that implement Service.
package api

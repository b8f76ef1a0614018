// Package identity says who is calling and what they may do: accounts,
// principals, keys, sessions and policies.
//
// A request is authenticated by [Dev], which believes everybody, or by [Serve],
// which verifies signatures against keys it keeps; both give a [Caller], which
// travels in the context. What a caller may do is decided once, in a middleware
// of the API (their Authorize) and for the query protocol by Allow, after
// policies in IAM's form (see [Policy]).
//
// Identity belongs to the account, not to a region. The room may import id,
// api, db, sigv4 and seal; no room below it knows of callers, and no room above
// it looks at policies.
package identity

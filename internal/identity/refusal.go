package identity

import (
	"errors"
	"fmt"

	"larder/internal/api"
	"larder/internal/sigv4"
)

// refusal brings an error of sigv4 to one that goes on the wire.
func refusal(err error) *api.Error {
	if e, ok := errors.AsType[*sigv4.Error](err); ok {
		return api.Errorf(e.Code, "%s", e.Message)
	}
	return &api.Error{Code: api.CodeInternalFailure, Status: 500, Err: err}
}

// unrecognized is the answer to an access key that nobody has.
func unrecognized() *api.Error {
	return api.Errorf(api.CodeUnrecognizedClient, "The security token included in the request is invalid.")
}

// expired is the answer to temporary credentials that were good once.
func expired() *api.Error {
	return api.Errorf(api.CodeExpiredToken, "The security token included in the request is expired")
}

// notAuthorized is AWS's sentence about a call that policies don't allow. why
// is how it ends, "" for a service that doesn't tell.
func notAuthorized(callerARN, action, resource, why string) *api.Error {
	text := fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s", callerARN, action, resource)
	if why != "" {
		text += " " + why
	}
	return api.AccessDenied("%s", text)
}

// maxRegion is longer than any region's name.
const maxRegion = 32

// checkScope refuses a scope that no region can be called: the region goes
// into ARNs and rows.
func checkScope(auth sigv4.Authorization) error {
	ok := auth.Region != "" && len(auth.Region) <= maxRegion
	for i := range len(auth.Region) {
		c := auth.Region[i]
		ok = ok && ('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-')
	}
	if !ok {
		return api.Errorf(api.CodeInvalidSignature, "Credential should be scoped to a valid region, not '%s'. ", auth.Region)
	}
	return nil
}

// refusalText is what a caller would be told.
func refusalText(err error) string {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e.Message
	}
	return err.Error()
}

package cfnapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"larder/internal/awsquery"
	"larder/internal/cfn/stack"
	"larder/internal/identity"
)

func (a *api) signalResource(ctx context.Context, in *awsquery.SignalResourceInput) (*awsquery.SignalResourceOutput, error) {
	caller := identity.CallerFrom(ctx)
	return &awsquery.SignalResourceOutput{}, a.stacks.SignalResource(ctx, stack.SignalInput{
		Account:   caller.Account,
		Region:    caller.Region,
		Stack:     in.StackName,
		LogicalID: in.LogicalResourceId,
		UniqueID:  in.UniqueId,
		Failed:    in.Status == awsquery.ResourceSignalStatusFailure,
	})
}

// HandlePattern is where the server takes what is sent to wait condition
// handles, as a pattern of [http.ServeMux].
const HandlePattern = "PUT " + stack.HandlePath + "{stack}/{handle}/{generation}"

// SignalHandle answers a request to the URL of a wait condition handle, which
// is its own authority, as the presigned URL of AWS is. The body is taken as
// it is: what cannot be read fails the wait condition.
func SignalHandle(stacks *stack.Stacks) func(ctx context.Context, r *http.Request, body []byte) error {
	return func(ctx context.Context, r *http.Request, body []byte) error {
		generation, err := strconv.Atoi(r.PathValue("generation"))
		if err != nil {
			generation = -1 // which no signature vouches for
		}
		err = stacks.SignalHandle(ctx, stack.HandleSignal{
			Stack: r.PathValue("stack"), LogicalID: r.PathValue("handle"), Generation: generation,
			Signature: r.URL.Query().Get("Signature"), Body: body,
		})
		switch {
		case errors.Is(err, stack.ErrSignature):
			return awsquery.AccessDenied("The signature of this URL is not valid")
		case errors.Is(err, stack.ErrNoHandle):
			return &awsquery.Error{Code: "NoSuchKey", Message: "The specified key does not exist.", Status: http.StatusNotFound}
		}
		return err
	}
}

package stack

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"larder/internal/db"
	"larder/internal/id"
)

// A request is what a client asked for under its token: repeated, it is
// answered as before; asking for something else under the token is refused.
type request struct {
	stack string // name; "" if it is not known
	token string
	text  []byte // nil: there is no token
}

// requestOf is the request that a client's input makes, without what belongs
// to the house.
func requestOf(operation, stack, token string, in any) (request, error) {
	if operation != "" || token == "" {
		return request{}, nil
	}
	text, err := json.Marshal(in)
	return request{stack: nameOf(stack), token: token, text: text}, err
}

// nameOf is the name of a stack that is named by name or ARN.
func nameOf(stack string) string {
	if a, err := id.ParseARN(stack); err == nil {
		if parts := strings.Split(a.Resource, "/"); len(parts) == 3 && parts[0] == "stack" {
			return parts[1]
		}
	}
	return stack
}

// digest is what is kept of a request, which may hold secrets.
func (s *Stacks) digest(r request) string {
	if r.text == nil {
		return ""
	}
	return s.keys.Digest(r.text, requestContext)
}

const requestContext = "stack operation"

// taken refuses a token in the words of public logs.
func taken(token string) error {
	return &Error{
		Code:    "TokenAlreadyExistsException",
		Message: "The client request token " + token + " has already been used for this stack. Retry the request with a different client request token",
	}
}

// repeated returns the stack of an operation of one of the kinds that was
// begun earlier under the same key. A client's token stands for one request
// to one stack: it is refused for another request, and when the stack of its
// name is not the one any more.
func (s *Stacks) repeated(ctx context.Context, account, region, key string, r request, kinds ...Kind) (st Stack, kind Kind, ok bool, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		earlier, err := operationsUnder(tx, account, region, key)
		if err != nil {
			return err
		}
		for _, op := range earlier {
			switch {
			case slices.Contains(kinds, op.Kind):
			case r.text != nil:
				return taken(r.token)
			default:
				continue
			}
			if r.text != nil && !s.keys.Matches(op.request, r.text, requestContext) {
				return taken(r.token)
			}
			if st, err = stackByID(tx, op.Stack); err != nil {
				return err
			}
			kind, ok = op.Kind, true
		}
		if !ok || r.stack == "" {
			return nil
		}
		switch now, err := stackByName(tx, account, region, r.stack); {
		case none(err) && kind != KindDelete, err == nil && now.ID != st.ID:
			return taken(r.token)
		case !none(err):
			return err
		}
		return nil
	})
	return st, kind, ok, err
}

// operationsUnder returns what was begun under a key.
func operationsUnder(tx *db.Tx, account, region, key string) ([]Operation, error) {
	return db.Collect(tx, func(r *db.Rows) (op Operation, err error) {
		op.ID = key
		err = r.Scan(&op.Kind, &op.Stack, &op.request)
		return op, err
	}, `SELECT kind, stack, request FROM stack_operation WHERE account = ? AND region = ? AND kind IN (?, ?, ?, ?, ?) AND id = ?`,
		account, region, KindCreate, KindUpdate, KindDelete, KindContinue, KindRollback, key)
}

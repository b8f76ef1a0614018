package stack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/schema"
	"larder/internal/db"
	"larder/internal/id"
)

// The types that wait for what stands outside of every stack.
const (
	waitHandleType    = "AWS::CloudFormation::WaitConditionHandle"
	waitConditionType = "AWS::CloudFormation::WaitCondition"
)

// HandlePath begins the paths of the URLs that wait condition handles stand
// for. What follows is the stack's ARN, escaped, the handle's logical id and
// its generation.
const HandlePath = "/waitcondition/"

// A handle is a WaitConditionHandle, which signals are sent to.
type handle struct {
	Stack      string `json:"stack"`
	LogicalID  string `json:"logicalId"`
	Generation int    `json:"generation,omitempty"`
}

func (h handle) source() string { return "handle " + h.LogicalID + " " + strconv.Itoa(h.Generation) }

// name is what a wait condition on the handle is called (recorded:
// test_waitcondition).
func (h handle) name() string { return h.Stack + "/" + h.LogicalID }

// signature vouches for a handle's URL: who has it may signal.
func (s *Stacks) signature(h handle) string {
	return s.keys.Digest([]byte(h.name()+"/"+strconv.Itoa(h.Generation)), handleContext)
}

const handleContext = "wait condition handle"

// handleURL is what Ref gives of a handle.
func (s *Stacks) handleURL(h handle) string {
	base := ""
	if s.url != nil {
		base = strings.TrimSuffix(s.url(), "/")
	}
	return base + HandlePath + url.PathEscape(h.Stack) + "/" + h.LogicalID + "/" + strconv.Itoa(h.Generation) +
		"?Signature=" + url.QueryEscape(s.signature(h))
}

// handleOf reads the URL of a handle; ok is false if it is none of ours.
func (s *Stacks) handleOf(text string) (h handle, ok bool) {
	u, err := url.Parse(text)
	if err != nil {
		return handle{}, false
	}
	rest, ok := strings.CutPrefix(u.EscapedPath(), HandlePath)
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 3 {
		return handle{}, false
	}
	if h.Stack, err = url.PathUnescape(parts[0]); err != nil {
		return handle{}, false
	}
	if h.Generation, err = strconv.Atoi(parts[2]); err != nil {
		return handle{}, false
	}
	h.LogicalID = parts[1]
	return h, s.vouches(h, u.Query().Get("Signature"))
}

func (s *Stacks) vouches(h handle, signature string) bool {
	return s.keys.Matches(signature, []byte(h.name()+"/"+strconv.Itoa(h.Generation)), handleContext)
}

// Refusals of [Stacks.SignalHandle].
var (
	ErrSignature = errors.New("the signature of the URL is not valid")
	ErrNoHandle  = errors.New("the wait condition handle does not exist")
)

// HandleSignal is what somebody sent to the URL of a handle.
type HandleSignal struct {
	Stack      string // ARN
	LogicalID  string
	Generation int
	Signature  string
	Body       []byte
}

// SignalHandle keeps a signal to a wait condition handle, whenever it comes,
// as AWS does: also before the wait has begun, and after. Whoever has the
// handle's URL may give one. A unique id counts once, and its last signal
// holds. What cannot be read fails the wait condition.
func (s *Stacks) SignalHandle(ctx context.Context, in HandleSignal) error {
	h := handle{Stack: in.Stack, LogicalID: in.LogicalID, Generation: in.Generation}
	if !s.vouches(h, in.Signature) {
		return ErrSignature
	}
	given := readSignal(in.Body)
	body, err := given.encode()
	if err != nil {
		return err
	}
	arrived := db.Micros(s.now())
	err = s.db.Update(ctx, func(tx *db.Tx) error {
		st, err := stackByID(tx, h.Stack)
		if err != nil {
			return err
		}
		var kept int
		err = tx.Row(`SELECT count(*) FROM stack_signal WHERE stack = ? AND source = ?`, h.Stack, h.source()).Scan(&kept)
		if err != nil {
			return err
		}
		if exists, err := resource.Exists(tx, h.Stack, h.LogicalID, h.Generation); err != nil || !exists {
			return cmp.Or(err, db.ErrNoRows)
		}
		if kept >= maxSignals {
			return nil // none of them can count any more
		}
		if err := putSignal(tx, h.Stack, h.source(), given.UniqueID, arrived, body); err != nil || st.Journal.Run == "" {
			return err
		}
		return s.runner.Signal(tx, wake(st.Journal.Run))
	})
	if none(err) {
		return ErrNoHandle
	}
	return err
}

// readSignal reads the JSON that is sent to a handle. What is none has no
// status.
func readSignal(body []byte) cue {
	var in struct {
		Status, UniqueID, Reason string
		Data                     *string
	}
	// AWS spells it UniqueId; Go's decoder does not mind.
	if err := json.Unmarshal(body, &in); err != nil {
		return cue{}
	}
	if in.Status != signalSuccess && in.Status != signalFailure || in.UniqueID == "" || !isText(in.UniqueID) {
		return cue{}
	}
	out := cue{UniqueID: in.UniqueID, Status: in.Status, Reason: in.Reason}
	if in.Data != nil {
		out.Data = *in.Data
	}
	return out
}

// waitHandle handles AWS::CloudFormation::WaitConditionHandle.
type waitHandle struct{ s *Stacks }

// Advance gives a handle its URL.
func (w waitHandle) Advance(_ context.Context, r resource.Request) (resource.Progress, error) {
	if r.Action != resource.Create {
		return resource.Progress{Model: r.Model}, nil
	}
	at := w.s.handleURL(handle{Stack: r.Seed.StackID, LogicalID: r.Seed.LogicalID, Generation: r.Seed.Generation})
	return resource.Progress{Model: schema.Model{
		Physical: at, Identifier: at, Properties: map[string]schema.Value{"Id": at},
	}}, nil
}

// waitCondition handles AWS::CloudFormation::WaitCondition: what it makes is
// a name. The wait is the executor's.
type waitCondition struct{ s *Stacks }

// Advance makes a wait condition, which cannot be changed.
func (w waitCondition) Advance(_ context.Context, r resource.Request) (resource.Progress, error) {
	switch r.Action {
	case resource.Create:
	case resource.Update:
		for _, name := range []string{"Count", "Handle", "Timeout"} {
			if scalarText(r.Properties[name]) != scalarText(r.Model.Properties[name]) {
				return refuse("Update to resource type %s is not supported.", waitConditionType), nil
			}
		}
		return resource.Progress{Model: r.Model}, nil
	default:
		return resource.Progress{Model: r.Model}, nil
	}
	if v := r.Type.Validate(r.Properties); len(v) > 0 {
		return refuse("%s", r.Type.Reason(r.Seed.LogicalID, v)), nil
	}
	name := handle{Stack: r.Seed.StackID, LogicalID: r.Seed.LogicalID}.name()
	if given := scalarText(r.Properties["Handle"]); given != "" {
		h, ok := w.s.handleOf(given)
		if !ok || !sameRegion(h.Stack, r.Seed) {
			return refuse("%s is not the URL of a wait condition handle of this account and region", given), nil
		}
		name = h.name()
	}
	made := map[string]schema.Value{"Id": name, "Data": "{}"}
	for property, value := range r.Properties {
		made[property] = value
	}
	return resource.Progress{Model: schema.Model{Physical: name, Identifier: name, Properties: made}}, nil
}

// sameRegion reports whether a stack stands in the account and region of a
// resource.
func sameRegion(stack string, seed schema.Seed) bool {
	a, err := id.ParseARN(stack)
	return err == nil && a.Account == seed.Account && a.Region == seed.Region
}

func refuse(format string, args ...any) resource.Progress {
	return resource.Progress{Failure: &resource.Failure{Code: "InvalidRequest", Message: invalid(format, args...).Message}}
}

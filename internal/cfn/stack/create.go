package stack

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
	"larder/internal/db"
	"larder/internal/id"
)

// CreateInput asks for a new stack.
type CreateInput struct {
	Account, Region string

	// Operation is the idempotency key: repeating a Create with the same one
	// answers the same stack. If it is "", Token does (within the stack's
	// name); if that is "" too, every call is its own.
	Operation string
	Token     string // ClientRequestToken, shown with the events
	Report    string // workflow signal to give when the operation is being undone and when it has ended, such as Signal(Operation); "" if nobody waits

	Name         string
	Template     []byte
	Parameters   []Given
	Tags         []Tag
	Capabilities []string
	// AllCapabilities acknowledges whatever the template needs, as Service
	// Catalog does for its products.
	AllCapabilities bool
	Topics          []string // notification topic ARNs
	Role            string
	Rules           []string // further JSON rule objects that the parameters must hold
	Policy          string   // stack policy

	OnFailure             OnFailure
	RetainExceptOnCreate  bool
	TerminationProtection bool
	Timeout               time.Duration // zero: none

	request request

	parent  *Stack // that makes it as a nested one
	fence   fence
	planned planned
}

// Given is a value for a parameter.
type Given struct {
	Key, Value string
	Previous   bool // of an update: the value that the parameter has
	Secret     bool // the value, whatever the template says
}

var stackName = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)

func (in *CreateInput) check() error {
	switch in.OnFailure {
	case "":
		in.OnFailure = Rollback
	case Rollback, Delete, DoNothing:
	default:
		return invalid("1 validation error detected: Value '%s' at 'onFailure' failed to satisfy constraint: Member must satisfy enum value set: [DO_NOTHING, DELETE, ROLLBACK]", in.OnFailure)
	}
	if !stackName.MatchString(in.Name) {
		return invalid("1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", in.Name)
	}
	return nil
}

// Create records a new stack and starts its creation. A refusal is an
// [Error] (or a template's); nothing exists then.
func (s *Stacks) Create(ctx context.Context, in CreateInput) (st Stack, err error) {
	if err := in.check(); err != nil {
		return Stack{}, err
	}
	key := operationKey(in.Operation, in.Name, in.Token)
	if in.request, err = requestOf(in.Operation, in.Name, in.Token, in); err != nil {
		return Stack{}, err
	}
	err = s.insist(func() (err error) {
		var ok bool
		if st, _, ok, err = s.repeated(ctx, in.Account, in.Region, key, in.request, KindCreate); ok || err != nil {
			return err
		}
		st, err = s.tryCreate(ctx, in, key)
		return err
	})
	return st, err
}

func (s *Stacks) tryCreate(ctx context.Context, in CreateInput, key string) (Stack, error) {
	if in.Policy != "" {
		if _, err := parsePolicy(in.Policy); err != nil {
			return Stack{}, err
		}
	}
	t, err := s.Read(in.Template)
	if err != nil {
		return Stack{}, err
	}
	now := s.now().UTC()
	st := Stack{
		ID: id.StackARN(in.Region, in.Account, in.Name, id.UUID()).String(), Account: in.Account, Region: in.Region, Name: in.Name,
		Status: CreateInProgress, Reason: userInitiated, Created: now.Truncate(time.Millisecond), Description: t.Description,
		Digest: db.Digest(in.Template), Tags: in.Tags, Capabilities: in.Capabilities, Topics: in.Topics, Role: in.Role,
		OnFailure: in.OnFailure, RetainExceptOnCreate: in.RetainExceptOnCreate, TerminationProtection: in.TerminationProtection,
		TimeoutMinutes: int(in.Timeout / time.Minute), Rules: in.Rules, Policy: in.Policy,
		Journal: Journal{
			Operation: key, Kind: KindCreate, Run: "stk-" + id.UUID(), Token: in.Token, Request: s.digest(in.request),
			Phase: creating, Clock: now.UnixMilli(), Packs: firstPack, First: firstPack,
		},
	}
	review, err := s.lookup(ctx, in.Account, in.Region, in.Name, "%s")
	if _, missing := AsError(err); err != nil && !missing {
		return Stack{}, err
	}
	if err == nil && review.Status == ReviewInProgress {
		// A change set was to create it; now this does.
		st.ID, st.Created, st.mark = review.ID, review.Created, review.mark
		j := &st.Journal
		j.Clock, j.Packs, j.First = max(j.Clock, review.Journal.Clock+1), review.Journal.Packs+1, review.Journal.Packs+1
	}
	if in.parent != nil {
		if err := s.nest(&st, in.parent); err != nil {
			return Stack{}, err
		}
	}
	if in.Timeout > 0 {
		st.Journal.Deadline = now.Add(in.Timeout).UnixMilli()
	}
	// Before anything is evaluated: AWS asks for them before it runs a macro.
	needed := t.Capabilities()
	if st.AllCapabilities = in.AllCapabilities; in.AllCapabilities {
		st.Capabilities = needed.Names
	} else if err := acknowledged(needed.Names, in.Capabilities); err != nil {
		return Stack{}, err
	}
	given, err := s.previous(&st, in.Parameters)
	if err != nil {
		return Stack{}, err
	}
	_, warnings, err := s.bind(ctx, &st, t, given)
	if st.Journal.Refusal, err = made(err); err != nil {
		return Stack{}, err
	}
	if st.Journal.Refusal != "" {
		warnings = append(warnings, st.Journal.Refusal)
	}
	start := launching{text: in.Template, warnings: warnings, report: in.Report}
	if in.parent != nil {
		executed, err := s.executed(ctx, in.planned, key)
		if err != nil {
			return Stack{}, err
		}
		st.Journal.ChangeSet = in.planned.cs.ID
		start.also = func(tx *db.Tx) error {
			if err := in.fence.hold(tx); err != nil {
				return err
			}
			if err := s.hasRoom(tx, st.Root); err != nil {
				return err
			}
			return executed(tx)
		}
	}
	earlier, err := s.launch(ctx, &st, start)
	if earlier != nil {
		st = *earlier
	}
	return st, err
}

// launching is what the start of a creation takes beside the stack.
type launching struct {
	text     []byte // of the template
	warnings []string
	report   string
	also     func(*db.Tx) error // what is written in the same transaction
}

// launch records a stack in creation and starts its run. It returns the stack
// that the same operation has made earlier, if it has.
func (s *Stacks) launch(ctx context.Context, st *Stack, in launching) (earlier *Stack, err error) {
	j := &st.Journal
	first := pack{Token: j.Token, Events: []happening{{
		Item: stackItem, ID: id.UUID(), Status: CreateInProgress, Reason: userInitiated, At: j.Clock,
	}}}
	for _, warning := range in.warnings {
		j.Clock++
		first.Events = append(first.Events, happening{
			Item: stackItem, ID: id.UUID(), Status: CreateInProgress, Reason: warning, At: j.Clock,
		})
	}
	packed, err := first.encode()
	if err != nil {
		return nil, err
	}
	body, err := st.encode()
	if err != nil {
		return nil, err
	}
	mark := id.UUID()
	err = s.db.Update(ctx, func(tx *db.Tx) error {
		earlier = nil
		op, err := findOperation(tx, st.Account, st.Region, KindCreate, j.Operation)
		if err == nil {
			found, err := stackByID(tx, op.Stack)
			earlier = &found
			return err
		}
		if !none(err) {
			return err
		}
		if err := s.settleIn(tx, st, mark, body); err != nil {
			return err
		}
		if err := putTexts(tx, st, in.text); err != nil {
			return err
		}
		if err := insertPack(tx, st.ID, j.First, packed); err != nil {
			return err
		}
		if in.also != nil {
			if err := in.also(tx); err != nil {
				return err
			}
		}
		return s.startOperation(tx, st, createRun, in.report)
	})
	if err == nil && earlier == nil {
		st.mark = mark
	}
	return earlier, err
}

// settleIn writes the row of a stack in creation: a new one, or the one that
// was in review.
func (s *Stacks) settleIn(tx *db.Tx, st *Stack, mark, body string) error {
	if st.mark != "" {
		return updateStack(tx, st, mark, body)
	}
	now, err := stackByName(tx, st.Account, st.Region, st.Name)
	switch {
	case none(err):
		return insertStack(tx, st, mark, body)
	case err != nil:
		return err
	case now.Status == ReviewInProgress:
		return errMoved
	}
	return &Error{Code: "AlreadyExistsException", Message: fmt.Sprintf("Stack [%s] already exists", st.Name)}
}

const userInitiated = "User Initiated"

// operationKey is what repeated requests are recognized by.
func operationKey(operation, stack, token string) string {
	switch {
	case operation != "":
		return operation
	case token != "":
		return "token/" + nameOf(stack) + "/" + token
	}
	return id.UUID()
}

// begun returns the stack of an operation that was begun earlier.
func (s *Stacks) begun(ctx context.Context, account, region string, kind Kind, key string) (st Stack, ok bool, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		op, err := findOperation(tx, account, region, kind, key)
		if err != nil {
			return err
		}
		st, err = stackByID(tx, op.Stack)
		return err
	})
	if none(err) {
		return Stack{}, false, nil
	}
	return st, err == nil, err
}

// knowsTypes refuses a template with resource types that do not exist.
func (s *Stacks) knowsTypes(t *template.Template) error {
	if t.Pending() != "" {
		return nil // a transform makes others of them
	}
	var unknown []string
	for _, r := range t.Resources {
		if _, ok := s.handlers.Find(r.Type); !ok && !slices.Contains(unknown, r.Type) {
			unknown = append(unknown, r.Type)
		}
	}
	if len(unknown) > 0 {
		return invalid("Template format error: Unrecognized resource types: [%s]", strings.Join(unknown, ", "))
	}
	return nil
}

func acknowledged(needed, given []string) error {
	for _, n := range needed {
		ok := slices.Contains(given, n) || n == "CAPABILITY_IAM" && slices.Contains(given, "CAPABILITY_NAMED_IAM")
		if !ok {
			return &Error{
				Code:    "InsufficientCapabilitiesException",
				Message: fmt.Sprintf("Requires capabilities : [%s]", strings.Join(needed, ", ")),
			}
		}
	}
	return nil
}

// bind evaluates the template with the values given for its parameters and
// keeps what they came to. It returns the evaluation and warnings to be shown.
func (s *Stacks) bind(ctx context.Context, st *Stack, t *template.Template, given []Given) (e *template.Evaluation, warnings []string, err error) {
	values, secret := make(map[string]string, len(given)), map[string]bool{}
	for _, g := range given {
		values[g.Key] = g.Value
		if g.Secret {
			secret[g.Key] = true
		}
	}
	store := storedParameters{s: s, ctx: ctx, st: st, t: t, values: values}
	env := s.env(st)
	env.Stored, env.Secret = store.value, secret
	var failure error
	var missing string // it may be there when the stack is made
	env.Export = s.exporter(ctx, st, &failure, &missing)
	env.Include = s.fetchIncludes(ctx, st, &failure)
	if e, err = t.Evaluate(env, values); failure != nil {
		err = failure
	}
	if err == nil && t.Pending() != "" {
		if refusal, ok := AsError(s.judgeMade(st, e.Template)); ok {
			err = &template.Error{Code: refusal.Code, Message: refusal.Message, Made: true}
		}
	}
	if _, err := made(err); err != nil {
		return nil, nil, err
	}
	for _, b := range e.Parameters() {
		p := Parameter{Key: b.Key, Value: b.Value, Resolved: b.Resolved, NoEcho: b.NoEcho, Stored: t.Parameter(b.Key).IsStored()}
		if b.NoEcho {
			p.Value, p.Sealed = schema.Mask, s.keys.Seal([]byte(b.Value), parameterOf(st.ID, b.Key))
			p.Handed = secret[b.Key]
		}
		st.Parameters = append(st.Parameters, p)
	}
	return e, store.warnings, err
}

// Read reads a template and refuses what CloudFormation refuses of it before
// any values are given: ValidateTemplate.
func (s *Stacks) Read(text []byte) (*template.Template, error) {
	t, err := s.templates.Parse(db.Digest(text), text)
	if err != nil {
		return nil, err
	}
	return t, s.knowsTypes(t)
}

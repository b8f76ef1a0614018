package stack

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"larder/internal/cfn/changeset"
	"larder/internal/db"
	"larder/internal/id"
)

// A ChangeSet says what an update, or the creation of a stack, would change,
// and can be executed exactly so while the stack is still as it was.
type ChangeSet struct {
	ID          string    `json:"id"` // its ARN
	Name        string    `json:"name"`
	Stack       string    `json:"stack"` // ARN
	StackName   string    `json:"stackName"`
	Account     string    `json:"account"`
	Region      string    `json:"region"`
	Creates     bool      `json:"creates,omitempty"` // the stack
	Description string    `json:"description,omitempty"`
	Created     time.Time `json:"created"`

	Status     ChangeSetStatus `json:"status"`
	Reason     string          `json:"reason,omitempty"`
	Incomplete string          `json:"incomplete,omitempty"` // why values are missing

	// Settings are what the stack is to be given.
	Settings  Settings  `json:"settings"`
	OnFailure OnFailure `json:"onFailure,omitempty"`

	Execution ExecutionStatus `json:"-"` // as it is now

	Token     string   `json:"token,omitempty"`
	Base      int      `json:"base"` // the stack's generation that it was made for
	Forced    []string `json:"forced,omitempty"`
	Operation string   `json:"operation,omitempty"` // that executed it

	IncludesNested bool              `json:"includesNested,omitempty"`
	Nested         map[string]string `json:"nested,omitempty"` // the change sets of nested stacks that change, by logical id
	Parent         string            `json:"parent,omitempty"` // the change set that this one is nested in
	Root           string            `json:"root,omitempty"`
}

// ChangeSetStatus is whether a change set could be made.
type ChangeSetStatus string

// The statuses of a change set. It is made at once.
const (
	ChangeSetComplete ChangeSetStatus = "CREATE_COMPLETE"
	ChangeSetFailed   ChangeSetStatus = "FAILED"
)

// ExecutionStatus is whether a change set can be, or was, executed.
type ExecutionStatus string

// The execution statuses.
const (
	Unavailable       ExecutionStatus = "UNAVAILABLE"
	Available         ExecutionStatus = "AVAILABLE"
	ExecuteInProgress ExecutionStatus = "EXECUTE_IN_PROGRESS"
	ExecuteComplete   ExecutionStatus = "EXECUTE_COMPLETE"
	ExecuteFailed     ExecutionStatus = "EXECUTE_FAILED"
	Obsolete          ExecutionStatus = "OBSOLETE"
)

// ChangeSetInput asks for a change set.
type ChangeSetInput struct {
	UpdateInput // Operation, Report and what is about failures do not count

	Name        string
	Creates     bool
	Description string
	OnFailure   OnFailure
	Nested      bool // include the stacks nested in it

	parent *ChangeSet
}

// CreateChangeSet makes a change set, for a stack that exists or one that it
// is to create, which is then in review.
func (s *Stacks) CreateChangeSet(ctx context.Context, in ChangeSetInput) (cs ChangeSet, err error) {
	if !stackName.MatchString(in.Name) {
		return ChangeSet{}, invalid("1 validation error detected: Value '%s' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", in.Name)
	}
	err = s.insist(func() (err error) {
		cs, err = s.tryChangeSet(ctx, in)
		return err
	})
	return cs, err
}

func (s *Stacks) tryChangeSet(ctx context.Context, in ChangeSetInput) (ChangeSet, error) {
	st, found, err := s.subject(ctx, in)
	if err != nil {
		return ChangeSet{}, err
	}
	if found {
		if earlier, ok, err := s.namesake(ctx, st, in); ok || err != nil {
			return earlier, err
		}
	}
	all, err := s.review(ctx, st, found, in)
	if err != nil {
		return ChangeSet{}, err
	}
	return all[0].cs, s.writeReviews(ctx, all)
}

// newChangeSet is a change set of which nothing is known yet.
func (s *Stacks) newChangeSet(in ChangeSetInput, st *Stack) ChangeSet {
	cs := ChangeSet{
		ID: id.ChangeSetARN(st.Region, st.Account, in.Name, id.UUID()).String(), Name: in.Name, Stack: st.ID, StackName: st.Name,
		Account: st.Account, Region: st.Region, Creates: in.Creates, Description: in.Description, Created: s.now().UTC().Truncate(time.Millisecond),
		Status: ChangeSetComplete, Execution: Available, OnFailure: in.OnFailure, Token: in.Token, Base: st.Generation, IncludesNested: in.Nested,
	}
	if in.parent != nil {
		cs.Parent, cs.Root = in.parent.ID, cmp.Or(in.parent.Root, in.parent.ID)
	}
	return cs
}

// review makes a change set, and if it is asked for those of nested stacks,
// which follow it.
func (s *Stacks) review(ctx context.Context, st Stack, found bool, in ChangeSetInput) ([]*reviewing, error) {
	in.review = true
	p, err := s.reviewed(ctx, st, in)
	if err != nil {
		return nil, err
	}
	r := &reviewing{cs: s.newChangeSet(in, &st), st: st, found: found, p: p}
	all, cs := []*reviewing{r}, &r.cs
	cs.Settings = p.next.settings()
	if p.refusal != "" {
		cs.fail(p.refusal)
		return all, nil
	}
	if in.Nested {
		nested, err := s.reviewNested(ctx, r, in)
		if err != nil {
			return nil, err
		}
		all = append(all, nested...)
	}
	if r.without, err = p.Changes(); err != nil {
		return nil, err
	}
	if r.with, err = p.ChangesWithValues(); err != nil {
		return nil, err
	}
	cs.Incomplete = r.with.Incomplete
	if !in.Creates {
		cs.Forced = forced(r.without)
		if r.without.Empty() && cs.Status == ChangeSetComplete {
			cs.fail(changeset.NoChanges)
		}
	}
	return all, nil
}

// subject returns the stack that a change set is for: one that exists, or a
// new one that is to be in review.
func (s *Stacks) subject(ctx context.Context, in ChangeSetInput) (st Stack, found bool, err error) {
	st, err = s.lookup(ctx, in.Account, in.Region, in.Stack, "Stack [%s] does not exist")
	_, missing := AsError(err)
	switch {
	case err != nil && !missing:
		return Stack{}, false, err
	case !in.Creates && missing:
		return Stack{}, false, err
	case !in.Creates:
		return st, true, mayUpdate(&st)
	case !missing && st.Status == ReviewInProgress:
		return st, true, nil
	case !missing:
		return Stack{}, false, invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", in.Stack, in.Name)
	case isARN(in.Stack):
		return Stack{}, false, err
	}
	create := CreateInput{Name: in.Stack}
	if err := create.check(); err != nil {
		return Stack{}, false, err
	}
	now := s.now().UTC()
	return Stack{
		ID: id.StackARN(in.Region, in.Account, in.Stack, id.UUID()).String(), Account: in.Account, Region: in.Region, Name: in.Stack,
		Status: ReviewInProgress, Reason: userInitiated, Created: now.Truncate(time.Millisecond), OnFailure: Rollback,
		Journal: Journal{Clock: now.UnixMilli(), Packs: firstPack},
	}, false, nil
}

// namesake returns the change set that the request has made earlier, and
// refuses another one of its name. A name is free again once its change set
// was executed: pipelines use one name over and over, and `aws cloudformation
// deploy` takes the second of the day.
func (s *Stacks) namesake(ctx context.Context, st Stack, in ChangeSetInput) (cs ChangeSet, ok bool, err error) {
	cs, err = s.ChangeSet(ctx, in.Account, in.Region, st.ID, in.Name)
	if e, refused := AsError(err); refused && e.Code == changeSetNotFound {
		return ChangeSet{}, false, nil
	}
	switch {
	case err != nil:
		return ChangeSet{}, false, err
	case in.Token != "" && cs.Token == in.Token:
		return cs, true, nil
	case cs.Operation != "":
		return ChangeSet{}, false, nil
	}
	return ChangeSet{}, false, &Error{Code: "AlreadyExistsException", Message: fmt.Sprintf("ChangeSet [%s] already exists", in.Name)}
}

// reviewed proposes what a change set is to do.
func (s *Stacks) reviewed(ctx context.Context, st Stack, in ChangeSetInput) (*proposal, error) {
	if !in.Creates {
		return s.propose(ctx, st, in.UpdateInput)
	}
	p := &proposal{st: st, next: st, text: in.Template}
	t, err := s.Read(p.text)
	if err != nil {
		return nil, err
	}
	next := &p.next
	next.Digest, next.Description, next.Parameters = db.Digest(p.text), t.Description, nil
	next.Topics, next.Role, next.Rules, next.Capabilities = in.Topics, in.Role, in.Rules, in.Capabilities
	if in.Tags != nil {
		next.Tags = *in.Tags
	}
	needed := t.Capabilities()
	if next.AllCapabilities = in.AllCapabilities; in.AllCapabilities {
		next.Capabilities = needed.Names
	} else if err := in.acknowledges(needed.Names); err != nil {
		return nil, err
	}
	given, err := s.previous(&st, in.Parameters)
	if err != nil {
		return nil, err
	}
	p.New, p.warnings, err = s.bind(ctx, next, t, given)
	p.refusal, err = made(err)
	return p, err
}

// forced lists the resources that are updated though their properties are
// equal.
func forced(set changeset.Set) (logicalIDs []string) {
	for i := range set.Changes {
		if set.Changes[i].Action == changeset.Modify && showsBesideProperties(&set.Changes[i]) {
			logicalIDs = append(logicalIDs, set.Changes[i].LogicalID)
		}
	}
	return logicalIDs
}

// showsBesideProperties reports whether something of a resource changes that
// is updated though it is no property. Policies are the stack's affair alone.
func showsBesideProperties(ch *changeset.Change) bool {
	for _, attribute := range ch.Scope {
		if attribute == changeset.AttributeMetadata || attribute == changeset.AttributeTags {
			return true
		}
	}
	return false
}

// writeChangeSet returns what records a change set and, if it is not there
// yet, the stack that it is to create.
func (s *Stacks) writeChangeSet(r *reviewing) (func(*db.Tx) error, error) {
	st, cs := &r.st, &r.cs
	body, err := json.Marshal(cs)
	if err != nil {
		return nil, err
	}
	changes, valued := changeset.Encode(r.without.Changes), changeset.Encode(r.with.Changes)
	review, err := st.encode()
	if err != nil {
		return nil, err
	}
	packed, err := pack{Events: []happening{{
		Item: stackItem, ID: id.UUID(), Status: ReviewInProgress, Reason: userInitiated, At: st.Journal.Clock,
	}}}.encode()
	if err != nil {
		return nil, err
	}
	mark := id.UUID()
	return func(tx *db.Tx) error {
		switch now, err := find(tx, st.Account, st.Region, st.Name); {
		case none(err) && !r.found:
			if err := insertStack(tx, st, mark, review); err != nil {
				return err
			}
			if err := insertPack(tx, st.ID, firstPack, packed); err != nil {
				return err
			}
		case err != nil && !none(err):
			return err
		case none(err), now.ID != st.ID, now.mark != st.mark:
			return errMoved
		}
		if r.p != nil {
			if err := putTexts(tx, &r.p.next, r.p.text); err != nil {
				return err
			}
		}
		return insertChangeSet(tx, cs, string(body), changes, valued)
	}, nil
}

const changeSetNotFound = "ChangeSetNotFound"

// ChangeSet returns a change set by its ARN, or by the name that it bears in
// a stack.
func (s *Stacks) ChangeSet(ctx context.Context, account, region, stack, name string) (cs ChangeSet, err error) {
	if !isARN(name) && stack == "" {
		return ChangeSet{}, invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		cs, _, err = s.findChangeSet(tx, account, region, stack, name)
		return err
	})
	return cs, err
}

// findChangeSet returns a change set as it stands, and its stack.
func (s *Stacks) findChangeSet(tx *db.Tx, account, region, stack, name string) (cs ChangeSet, st Stack, err error) {
	if isARN(name) {
		cs, err = changeSetByID(tx, name)
	} else {
		if st, err = find(tx, account, region, stack); none(err) {
			return cs, st, invalid("Stack [%s] does not exist", stack)
		}
		if err == nil {
			cs, err = changeSetByName(tx, st.ID, name)
		}
	}
	if none(err) || err == nil && (cs.Account != account || cs.Region != region) {
		return cs, st, &Error{Code: changeSetNotFound, Message: fmt.Sprintf("ChangeSet [%s] does not exist", name)}
	}
	if err != nil {
		return cs, st, err
	}
	if st, err = stackByID(tx, cs.Stack); err != nil {
		return cs, st, err
	}
	cs.Execution, err = execution(tx, &cs, &st)
	return cs, st, err
}

// execution says whether a change set can be executed, or what came of it.
func execution(tx *db.Tx, cs *ChangeSet, st *Stack) (ExecutionStatus, error) {
	switch {
	case cs.Operation != "":
		op, err := findOperation(tx, cs.Account, cs.Region, cs.kind(), cs.Operation)
		switch {
		case err != nil:
			return "", err
		case !op.Ended:
			return ExecuteInProgress, nil
		case op.Outcome == CreateComplete, op.Outcome == UpdateComplete, op.Outcome == UpdateCompleteCleanupInProgress:
			return ExecuteComplete, nil
		}
		return ExecuteFailed, nil
	case cs.Status == ChangeSetFailed, cs.Parent != "":
		return Unavailable, nil
	case st.Generation != cs.Base, cs.Creates != (st.Status == ReviewInProgress), st.Deleted != (time.Time{}):
		return Obsolete, nil
	}
	return Available, nil
}

func (cs *ChangeSet) kind() Kind {
	if cs.Creates {
		return KindCreate
	}
	return KindUpdate
}

// Changes returns what a change set changes, with or without the values of
// properties.
func (s *Stacks) Changes(ctx context.Context, cs *ChangeSet, values bool) (changes []changeset.Change, err error) {
	column := "changes"
	if values {
		column = "valued"
	}
	var text string
	err = s.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT `+column+` FROM stack_change_set WHERE id = ?`, cs.ID).Scan(&text)
	})
	if err != nil {
		return nil, err
	}
	return changeset.Decode(text)
}

// ChangeSetTemplate returns the text of the template of a change set.
func (s *Stacks) ChangeSetTemplate(ctx context.Context, account, region, stack, name string) (text []byte, err error) {
	if !isARN(name) && stack == "" {
		return nil, invalid("StackName is a required parameter.")
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		cs, _, err := s.findChangeSet(tx, account, region, stack, name)
		if err == nil {
			text, err = db.Blob(tx, cs.Settings.Digest)
		}
		return err
	})
	return text, err
}

// ChangeSets returns a page of a stack's change sets that were not executed,
// newest first, and the After of the next one.
func (s *Stacks) ChangeSets(ctx context.Context, account, region, stack, after string, limit int) (page []ChangeSet, next string, err error) {
	limit = pageSize(limit)
	err = s.db.View(ctx, func(tx *db.Tx) error {
		page, next = nil, ""
		st, err := find(tx, account, region, stack)
		if none(err) {
			return invalid("Stack [%s] does not exist", stack)
		}
		if err != nil {
			return err
		}
		query, args := selectChangeSet+` WHERE stack = ? AND executed = 0`, []any{st.ID}
		if after != "" {
			last, err := changeSetByID(tx, after)
			if err != nil {
				return invalid("The page token is not valid")
			}
			query, args = query+` AND (created, id) < (?, ?)`, append(args, db.Micros(last.Created), last.ID)
		}
		page, err = db.Collect(tx, scanChangeSet, query+` ORDER BY created DESC, id DESC LIMIT ?`, append(args, limit+1)...)
		if err != nil {
			return err
		}
		if len(page) > limit {
			page = page[:limit]
			next = page[limit-1].ID
		}
		for i := range page {
			if page[i].Execution, err = execution(tx, &page[i], &st); err != nil {
				return err
			}
		}
		return nil
	})
	return page, next, err
}

// DeleteChangeSet deletes a change set. One that is not there is no fault if
// it is named with its stack, as on AWS.
func (s *Stacks) DeleteChangeSet(ctx context.Context, account, region, stack, name string) error {
	cs, err := s.ChangeSet(ctx, account, region, stack, name)
	if e, refused := AsError(err); refused && e.Code == changeSetNotFound && !isARN(name) {
		return nil
	}
	if err != nil {
		return err
	}
	if cs.Execution == ExecuteInProgress {
		return &Error{
			Code: invalidChangeSetStatus, Message: fmt.Sprintf("ChangeSet [%s] cannot be deleted in its current execution status of [%s]", cs.ID, cs.Execution),
		}
	}
	if cs.Parent != "" {
		return &Error{Code: invalidChangeSetStatus, Message: fmt.Sprintf("ChangeSet [%s] can only be deleted from the root change set.", cs.ID)}
	}
	return s.insist(func() error {
		drop, err := s.dropReviews(ctx, cs)
		if err != nil {
			return err
		}
		return s.db.Update(ctx, drop)
	})
}

const invalidChangeSetStatus = "InvalidChangeSetStatus"

// ExecuteInput asks to do what a change set says.
type ExecuteInput struct {
	Account, Region string
	Operation       string // idempotency key, as in CreateInput
	Token           string
	Report          string

	Stack string // name or ARN; "" if ChangeSet is an ARN
	Name  string // of the change set, or its ARN

	DisableRollback      bool
	RetainExceptOnCreate bool

	request request
}

// Execute starts to do exactly what a change set says. It refuses when the
// stack is not any more what the change set was made for.
func (s *Stacks) Execute(ctx context.Context, in ExecuteInput) (st Stack, kind Kind, err error) {
	subject := cmp.Or(in.Stack, in.Name)
	key := operationKey(in.Operation, subject, in.Token)
	if in.request, err = requestOf(in.Operation, in.Stack, in.Token, in); err != nil {
		return Stack{}, "", err
	}
	err = s.insist(func() (err error) {
		var ok bool
		if st, kind, ok, err = s.repeated(ctx, in.Account, in.Region, key, in.request, KindCreate, KindUpdate); ok || err != nil {
			return err
		}
		st, kind, err = s.tryExecute(ctx, in, key)
		return err
	})
	return st, kind, err
}

func (s *Stacks) tryExecute(ctx context.Context, in ExecuteInput, key string) (Stack, Kind, error) {
	var cs ChangeSet
	var st Stack
	var text []byte
	if !isARN(in.Name) && in.Stack == "" {
		return Stack{}, "", invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
	}
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if cs, st, err = s.findChangeSet(tx, in.Account, in.Region, in.Stack, in.Name); err != nil {
			return err
		}
		text, err = db.Blob(tx, cs.Settings.Digest)
		return err
	})
	if err != nil {
		return Stack{}, "", err
	}
	switch {
	case cs.Status == ChangeSetFailed:
		return Stack{}, "", &Error{Code: invalidChangeSetStatus, Message: fmt.Sprintf("ChangeSet [%s] cannot be executed in its current status of [%s]", cs.ID, cs.Status)}
	case cs.Execution != Available:
		return Stack{}, "", &Error{Code: invalidChangeSetStatus, Message: fmt.Sprintf("ChangeSet [%s] cannot be executed in its current execution status of [%s]", cs.ID, cs.Execution)}
	}
	if !cs.Creates {
		if err := mayUpdate(&st); err != nil {
			return Stack{}, "", err
		}
	}
	also, err := s.executing(ctx, cs, key)
	if err != nil {
		return Stack{}, "", err
	}
	next := st
	next.assume(cs.Settings)
	if len(next.Capabilities) == 0 {
		next.Capabilities = st.Capabilities
	}
	next.RetainExceptOnCreate = in.RetainExceptOnCreate
	if cs.Creates {
		return s.createReviewed(ctx, &next, in, cs, key, text, also)
	}
	update := UpdateInput{
		Operation: in.Operation, Token: in.Token, Report: in.Report, changeSet: cs.ID, request: in.request,
		DisableRollback: in.DisableRollback || cs.OnFailure == DoNothing,
	}
	s.transit(&next, &st, update, cs.Forced)
	next, err = s.beginUpdate(ctx, &next, &proposal{st: st, text: text}, update, key, also)
	return next, KindUpdate, err
}

// createReviewed starts the creation of a stack that was in review.
func (s *Stacks) createReviewed(ctx context.Context, st *Stack, in ExecuteInput, cs ChangeSet, key string, text []byte, also func(*db.Tx) error) (Stack, Kind, error) {
	if st.OnFailure = cs.OnFailure; st.OnFailure == "" {
		st.OnFailure = Rollback
	}
	if in.DisableRollback {
		st.OnFailure = DoNothing
	}
	now := s.now().UTC()
	st.Status, st.Reason, st.Updated = CreateInProgress, userInitiated, now
	st.Journal = Journal{
		Operation: key, Kind: KindCreate, Run: "stk-" + id.UUID(), Token: in.Token, Request: s.digest(in.request), Phase: creating, ChangeSet: cs.ID,
		Clock: max(st.Journal.Clock+1, now.UnixMilli()), Packs: st.Journal.Packs + 1, First: st.Journal.Packs + 1,
	}
	earlier, err := s.launch(ctx, st, launching{text: text, report: in.Report, also: also})
	if earlier != nil {
		st = earlier
	}
	return *st, KindCreate, err
}

// SQL

const selectChangeSet = `SELECT body FROM stack_change_set`

func scanChangeSet(rows *db.Rows) (cs ChangeSet, err error) {
	var body string
	if err := rows.Scan(&body); err != nil {
		return ChangeSet{}, err
	}
	if err := json.Unmarshal([]byte(body), &cs); err != nil {
		return ChangeSet{}, fmt.Errorf("change set row: %w", err)
	}
	return cs, nil
}

func oneChangeSet(tx *db.Tx, query string, args ...any) (ChangeSet, error) {
	found, err := db.Collect(tx, scanChangeSet, selectChangeSet+query, args...)
	if err == nil && len(found) == 0 {
		err = db.ErrNoRows
	}
	if err != nil {
		return ChangeSet{}, err
	}
	return found[0], nil
}

func changeSetByID(tx *db.Tx, id string) (ChangeSet, error) {
	return oneChangeSet(tx, ` WHERE id = ?`, id)
}

// changeSetByName returns the change set that goes by the name now: the one
// not executed yet, or else the last one.
func changeSetByName(tx *db.Tx, stack, name string) (ChangeSet, error) {
	return oneChangeSet(tx, ` WHERE stack = ? AND name = ? ORDER BY executed, created DESC LIMIT 1`, stack, name)
}

func insertChangeSet(tx *db.Tx, cs *ChangeSet, body, changes, valued string) error {
	return tx.Exec(`INSERT INTO stack_change_set (id, stack, name, created, executed, body, changes, valued) VALUES (?, ?, ?, ?, 0, ?, ?, ?)`,
		cs.ID, cs.Stack, cs.Name, db.Micros(cs.Created), body, changes, valued)
}

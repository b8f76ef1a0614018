package stackset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"larder/internal/cfn/template"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/workflow"
)

// Targets are the instances in every one of these accounts and regions.
type Targets struct {
	Accounts, Regions []string
	// Present has an update pass over those that do not exist or are
	// inoperable. Otherwise the one refuses it and the other fails.
	Present bool `json:",omitempty"`
}

var (
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	regionName = regexp.MustCompile(`^[a-z]{2,16}(-[a-z]{1,16}){1,4}-[0-9]{1,3}$`)
)

// check refuses what cannot be a target anywhere, and repetitions.
func (t Targets) check(most int) error {
	switch {
	case len(t.Accounts) == 0:
		return invalid("Accounts must not be empty")
	case len(t.Regions) == 0:
		return invalid("Regions must not be empty")
	// Each for itself first, so that the product is small.
	case len(t.Accounts) > most || len(t.Regions) > most || len(t.Accounts)*len(t.Regions) > most:
		return tooMany(most)
	}
	for _, list := range []struct {
		values []string
		form   *regexp.Regexp
		what   string
	}{{t.Accounts, accountID, "account"}, {t.Regions, regionName, "region"}} {
		seen := make(map[string]bool, len(list.values))
		for _, v := range list.values {
			if !list.form.MatchString(v) {
				return invalid("'%s' is not a valid %s", v, list.what)
			}
			if seen[v] {
				return invalid("The %s %s is given twice", list.what, v)
			}
			seen[v] = true
		}
	}
	return nil
}

func tooMany(most int) error {
	return refuse("LimitExceededException", "A stack set can have at most %d stack instances", most)
}

// InstancesInput asks for work on instances of a set.
type InstancesInput struct {
	Account, Region string // the administrator's
	Set             string // name or id
	Operation       string // id, which makes the request repeatable; "" for a new one
	Report          string // workflow signal to give when the operation has ended, such as Signal(Operation)
	Targets         Targets
	All             bool // DeleteInstances: every instance there is, instead of Targets
	Preferences     Preferences
	// Overrides are values instead of the set's: nil leaves the instances
	// what they have.
	Overrides []Given
	Retain    bool // DeleteInstances: leave the stacks behind
}

// CreateInstances starts to create instances. Those that exist are brought up
// to date unless they are.
func (s *Sets) CreateInstances(ctx context.Context, in InstancesInput) (operation string, err error) {
	return s.instances(ctx, Create, in)
}

// UpdateInstances gives existing instances other overrides, and starts to
// bring those that are outdated up to date.
func (s *Sets) UpdateInstances(ctx context.Context, in InstancesInput) (operation string, err error) {
	return s.instances(ctx, Update, in)
}

// DeleteInstances starts to delete instances and, unless they are retained,
// their stacks. Instances that do not exist are passed over.
func (s *Sets) DeleteInstances(ctx context.Context, in InstancesInput) (operation string, err error) {
	return s.instances(ctx, Delete, in)
}

func (s *Sets) instances(ctx context.Context, action Action, in InstancesInput) (operation string, err error) {
	request, err := json.Marshal(struct {
		Action      Action
		Targets     Targets
		All         bool
		Preferences Preferences
		Overrides   []Given
		Retain      bool
	}{action, in.Targets, in.All, in.Preferences, in.Overrides, in.Retain})
	if err != nil {
		return "", err
	}
	w := work{
		account: in.Account, region: in.Region, set: in.Set, id: in.Operation, report: in.Report,
		action: action, targets: &in.Targets, preferences: in.Preferences, retain: in.Retain, request: request,
	}
	if in.All && action == Delete {
		w.targets = nil
	}
	return s.begin(ctx, w, func(set *Set) (change, error) {
		if in.Overrides == nil {
			return change{}, nil
		}
		text, err := s.text(ctx, set)
		if err != nil {
			return change{}, err
		}
		t, err := s.stacks.Read(text)
		if err != nil {
			return change{}, err
		}
		overrides, err := s.overriding(ctx, set, t, in)
		return change{overrides: overrides}, err
	})
}

// overriding returns which overrides follow which: those of new instances
// follow "". Instances that have the same ones are treated together.
func (s *Sets) overriding(ctx context.Context, set *Set, t *template.Template, in InstancesInput) (map[string]string, error) {
	before := []string{""}
	if slices.ContainsFunc(in.Overrides, func(g Given) bool { return g.Previous }) {
		err := s.db.View(ctx, func(tx *db.Tx) error {
			had, err := distinctOverrides(tx, set.ID)
			before = append(before, had...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	after := make(map[string]string, len(before))
	for _, text := range before {
		had, err := decodeOverrides(text)
		if err != nil {
			return nil, err
		}
		merged, err := s.override(set, t, in.Overrides, had)
		if err != nil {
			return nil, err
		}
		if after[text], err = encodeOverrides(merged); err != nil {
			return nil, err
		}
	}
	if len(before) == 1 {
		return map[string]string{anyOverrides: after[""]}, nil
	}
	return after, nil
}

// anyOverrides stands for whatever an instance has.
const anyOverrides = "*"

func decodeOverrides(text string) (overrides []Parameter, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &overrides); err != nil {
		return nil, fmt.Errorf("stack instance row: %w", err)
	}
	return overrides, nil
}

func encodeOverrides(overrides []Parameter) (string, error) {
	if len(overrides) == 0 {
		return "", nil
	}
	return encode(overrides)
}

// work is an operation that is asked for.
type work struct {
	account, region, set, id, report string

	action      Action
	targets     *Targets // nil: every instance; to be updated, every one that can be
	preferences Preferences
	retain      bool
	request     []byte // as it was made
}

// change is what an operation changes as it begins.
type change struct {
	text      []byte            // the new template
	outdates  bool              // every instance
	overrides map[string]string // of the targets, by what they have
}

var operationID = regexp.MustCompile(`^[a-zA-Z0-9][-a-zA-Z0-9]{0,127}$`)

// begin records an operation and starts it, with all its instances pending.
func (s *Sets) begin(ctx context.Context, w work, prepare func(*Set) (change, error)) (operation string, err error) {
	if w.id == "" {
		w.id = id.UUID()
	}
	if !operationID.MatchString(w.id) {
		return "", invalid("1 validation error detected: Value '%s' at 'operationId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9][-a-zA-Z0-9]*", w.id)
	}
	if err := w.preferences.Check(); err != nil {
		return "", err
	}
	if w.targets != nil {
		if err := w.targets.check(s.limits.Instances); err != nil {
			return "", err
		}
	}
	for {
		err := s.tryBegin(ctx, w, prepare)
		if !errors.Is(err, errMoved) {
			return w.id, err
		}
	}
}

// tryBegin begins on the set as it was read, errMoved if it has changed since.
func (s *Sets) tryBegin(ctx context.Context, w work, prepare func(*Set) (change, error)) error {
	var set Set
	var earlier *Operation
	var open string
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if set, err = activeSet(tx, w.account, w.region, w.set); err != nil {
			return err
		}
		op, err := operationByID(tx, set.ID, w.id)
		if err == nil {
			earlier = &op
			return nil
		}
		if !none(err) {
			return err
		}
		if open, err = openOperation(tx, set.ID); !none(err) {
			return err
		}
		if w.action == Update && w.targets != nil && !w.targets.Present {
			return existing(tx, set.ID, *w.targets)
		}
		return nil
	})
	switch {
	case none(err):
		return noSet(w.set)
	case err != nil:
		return err
	case earlier != nil && s.keys.Matches(earlier.Request, w.request, asked):
		return nil
	case earlier != nil:
		return refuse("OperationIdAlreadyExistsException", "The operation ID %s already exists", w.id)
	case open != "":
		return busy(&set, open)
	}
	mark := set.mark
	c, err := prepare(&set)
	if err != nil {
		return err
	}
	op := Operation{
		ID: w.id, Set: set.ID, Status: InProgress, Created: s.now().UTC(), Action: w.action,
		Preferences: w.preferences, Retain: w.retain, Roles: set.Roles, Request: s.keys.Digest(w.request, asked),
		run: "sso-" + id.UUID(), report: w.report,
	}
	body, err := encode(&op)
	if err != nil {
		return err
	}
	setBody, err := encode(&set)
	if err != nil {
		return err
	}
	next := id.UUID()
	return s.db.Update(ctx, func(tx *db.Tx) error {
		// Everything that begins something changes the mark, so that what was
		// read above still holds.
		if err := updateSet(tx, &set, mark, next, setBody); err != nil {
			return err
		}
		if c.text != nil {
			if err := db.PutBlob(tx, set.Digest, c.text); err != nil {
				return err
			}
		}
		if c.outdates {
			if err := outdateAll(tx, set.ID); err != nil {
				return err
			}
		}
		if err := insertOperation(tx, &op, body); err != nil {
			return err
		}
		if err := s.enlist(tx, &set, &op, w, c); err != nil {
			return err
		}
		return s.runner.Start(tx, workflow.Begin{
			ID: op.run, Definition: operationRun, Subject: set.ARN, Account: set.Account, Region: set.Region,
			Input: json.RawMessage(`{}`),
		})
	})
}

// enlist writes the instances that an operation concerns.
func (s *Sets) enlist(tx *db.Tx, set *Set, op *Operation, w work, c change) error {
	var regions []string
	if w.targets != nil {
		regions = w.targets.Regions
	} else {
		var err error
		if regions, err = regionsOf(tx, set.ID); err != nil {
			return err
		}
	}
	regions = w.preferences.order(regions)
	if err := insertRegions(tx, op.run, regions); err != nil {
		return err
	}
	switch {
	case w.targets == nil:
		if err := enlistAll(tx, op.run, set.ID, w.action); err != nil {
			return err
		}
	case w.action == Create:
		if err := enlistNew(tx, op.run, set.ID, regions[0], w.targets.Accounts); err != nil {
			return err
		}
		n, err := countInstances(tx, set.ID)
		if err != nil {
			return err
		}
		if n > s.limits.Instances {
			return tooMany(s.limits.Instances)
		}
	default:
		if err := enlistExisting(tx, op.run, set.ID, w.targets.Accounts, w.targets.Present && w.action == Update); err != nil {
			return err
		}
	}
	for before, after := range c.overrides {
		if err := overrideInstances(tx, op.run, set.ID, before, after); err != nil {
			return err
		}
	}
	if err := concern(tx, op.run, set.ID); err != nil {
		return err
	}
	return countRegions(tx, op.run)
}

// Stop asks a running operation to begin no more instances. It ends when
// those under way have.
func (s *Sets) Stop(ctx context.Context, account, region, set, operation string) error {
	return s.db.Update(ctx, func(tx *db.Tx) error {
		of, err := activeSet(tx, account, region, set)
		if none(err) {
			return noSet(set)
		}
		if err != nil {
			return err
		}
		op, err := operationByID(tx, of.ID, operation)
		switch {
		case none(err):
			return noOperation(operation)
		case err != nil:
			return err
		case op.Status == Stopping:
			return nil
		case op.Status != InProgress:
			return refuse("InvalidOperationException", "Operation %s is in %s state and cannot be stopped", operation, op.Status)
		}
		if err := setStatus(tx, op.run, InProgress, Stopping, time.Time{}); err != nil {
			return err
		}
		return s.runner.Signal(tx, turn(op.run))
	})
}

// turn names the signal that wakes an operation's run.
func turn(run string) string { return run + "/turn" }

package stackset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/id"
)

// SetInput asks for a new stack set.
type SetInput struct {
	Account, Region string // the administrator's
	Token           string // repeating a request with the same one answers the same set
	Content
}

// Content is what a set rolls out.
type Content struct {
	Name            string
	Description     string
	Template        []byte // of an update: nil keeps the one it has
	Parameters      []Given
	Tags            []stack.Tag // of an update: nil keeps those it has
	Capabilities    []string
	AllCapabilities bool // acknowledges whatever the template needs
	Rules           []string
	Topics          []string
	Roles           Roles
}

var setName = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)

// CreateSet makes a set that has no instances yet.
func (s *Sets) CreateSet(ctx context.Context, in SetInput) (Set, error) {
	if !setName.MatchString(in.Name) {
		return Set{}, invalid("1 validation error detected: Value '%s' at 'stackSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]{0,127}", in.Name)
	}
	request, err := json.Marshal(in)
	if err != nil {
		return Set{}, err
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	uuid := id.UUID()
	set := Set{
		ID: in.Name + ":" + uuid, ARN: id.StackSetARN(in.Region, in.Account, in.Name, uuid).String(),
		Account: in.Account, Region: in.Region, Name: in.Name, Created: now, Token: in.Token, Request: s.keys.Digest(request, asked),
	}
	if err := s.fill(&set, in.Content); err != nil {
		return Set{}, err
	}
	body, err := encode(&set)
	if err != nil {
		return Set{}, err
	}
	mark := id.UUID()
	var earlier *Set
	err = s.db.Update(ctx, func(tx *db.Tx) error {
		earlier = nil
		found, err := setByName(tx, in.Account, in.Region, in.Name)
		if err == nil {
			earlier = &found
			return nil
		}
		if !none(err) {
			return err
		}
		if err := db.PutBlob(tx, set.Digest, in.Template); err != nil {
			return err
		}
		return insertSet(tx, &set, mark, body)
	})
	switch {
	case err != nil:
		return Set{}, err
	case earlier == nil:
		set.mark = mark
		return set, nil
	case in.Token == "" || earlier.Token != in.Token || !s.keys.Matches(earlier.Request, request, asked):
		return Set{}, refuse("NameAlreadyExistsException", "StackSet %s already exists", in.Name)
	case !earlier.Updated.IsZero():
		return Set{}, refuse("CreatedButModifiedException", "StackSet %s exists, but has been changed", in.Name)
	}
	return *earlier, nil
}

// asked is what requests are digested for: a digest tells whether a repeated
// request is the same one, without keeping what it said.
const asked = "stack set request"

// fill gives a set its content, or refuses that.
func (s *Sets) fill(set *Set, c Content) error {
	t, err := s.stacks.Read(c.Template)
	if err != nil {
		return err
	}
	needed := t.Capabilities().Names
	for _, n := range needed {
		if !c.AllCapabilities && !slices.Contains(c.Capabilities, n) && (n != "CAPABILITY_IAM" || !slices.Contains(c.Capabilities, "CAPABILITY_NAMED_IAM")) {
			return refuse("InsufficientCapabilitiesException", "Requires capabilities : [%s]", strings.Join(needed, ", "))
		}
	}
	if set.Parameters, err = s.bind(set, t, c.Parameters, set.Parameters); err != nil {
		return err
	}
	set.Digest = db.Digest(c.Template)
	set.Description, set.Tags, set.Rules, set.Topics = c.Description, c.Tags, c.Rules, c.Topics
	set.Capabilities, set.AllCapabilities, set.Roles = c.Capabilities, c.AllCapabilities, c.Roles
	return nil
}

// SetUpdate asks for new content of a set, and to bring instances up to it.
type SetUpdate struct {
	Account, Region string
	Set             string // name or id
	Operation       string // id; "" for a new one
	Report          string // workflow signal to give when the operation has ended
	Targets         *Targets
	Preferences     Preferences
	Content         // its Name is not looked at
}

// UpdateSet changes a set and starts to bring its instances up to date: the
// named ones or, without Targets, all that are not inoperable. If what its
// stacks are made of changes, every instance is outdated from now on until
// its own update has succeeded.
func (s *Sets) UpdateSet(ctx context.Context, in SetUpdate) (operation string, err error) {
	request, err := json.Marshal(struct {
		Targets     *Targets
		Preferences Preferences
		Content     Content
	}{in.Targets, in.Preferences, in.Content})
	if err != nil {
		return "", err
	}
	w := work{
		account: in.Account, region: in.Region, set: in.Set, id: in.Operation, report: in.Report,
		action: Update, targets: in.Targets, preferences: in.Preferences, request: request,
	}
	return s.begin(ctx, w, func(set *Set) (c change, err error) {
		before := *set
		text := in.Template
		if text == nil {
			if text, err = s.text(ctx, set); err != nil {
				return change{}, err
			}
		}
		content := in.Content
		content.Template = text
		if content.Tags == nil {
			content.Tags = set.Tags
		}
		if content.Description == "" {
			content.Description = set.Description
		}
		if content.Roles == (Roles{}) {
			content.Roles = set.Roles
		}
		if err := s.fill(set, content); err != nil {
			return change{}, err
		}
		set.Updated = s.now().UTC().Truncate(time.Millisecond)
		c.text = text
		same, err := s.sameStacks(&before, set)
		c.outdates = !same
		return c, err
	})
}

// sameStacks reports whether two states of a set make the same stacks.
func (s *Sets) sameStacks(a, b *Set) (bool, error) {
	if a.Digest != b.Digest || len(a.Parameters) != len(b.Parameters) {
		return false, nil
	}
	for i, p := range a.Parameters {
		q := b.Parameters[i]
		if p.NoEcho && q.NoEcho {
			before, err := s.keys.Open(p.Sealed, parameterOf(a.ID, p.Key))
			if err != nil {
				return false, err
			}
			after, err := s.keys.Open(q.Sealed, parameterOf(b.ID, q.Key))
			if err != nil {
				return false, err
			}
			p.Value, q.Value, p.Sealed, q.Sealed = string(before), string(after), "", ""
		}
		if p != q {
			return false, nil
		}
	}
	return slices.Equal(a.Tags, b.Tags) && slices.Equal(a.Rules, b.Rules) && slices.Equal(a.Topics, b.Topics) &&
		slices.Equal(a.Capabilities, b.Capabilities), nil
}

// DeleteSet deletes a set without instances. As on AWS, deleting what is gone
// or never was is no error.
func (s *Sets) DeleteSet(ctx context.Context, account, region, name string) error {
	for {
		err := s.tryDeleteSet(ctx, account, region, name)
		if !errors.Is(err, errMoved) {
			return err
		}
	}
}

func (s *Sets) tryDeleteSet(ctx context.Context, account, region, name string) error {
	var set Set
	var check error
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if set, err = findSet(tx, account, region, name); err != nil {
			return err
		}
		check = deletable(tx, &set)
		return nil
	})
	switch {
	case none(err) || err == nil && set.Deleted:
		return nil
	case err != nil:
		return err
	case check != nil:
		return check
	}
	before := set
	set.Deleted = true
	body, err := encode(&set)
	if err != nil {
		return err
	}
	mark := id.UUID()
	return s.db.Update(ctx, func(tx *db.Tx) error {
		if err := updateSet(tx, &set, before.mark, mark, body); err != nil {
			return err
		}
		return deletable(tx, &set)
	})
}

// deletable refuses to delete a set that is at work or has instances.
func deletable(tx *db.Tx, set *Set) error {
	switch open, err := openOperation(tx, set.ID); {
	case err == nil:
		return busy(set, open)
	case !none(err):
		return err
	}
	has, err := hasInstances(tx, set.ID)
	if err == nil && has {
		return refuse("StackSetNotEmptyException", "StackSet is not empty")
	}
	return err
}

// text is the template of a set.
func (s *Sets) text(ctx context.Context, set *Set) (text []byte, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		text, err = db.Blob(tx, set.Digest)
		return err
	})
	return text, err
}

func encode(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("stack set: %w", err)
	}
	return string(text), nil
}

package stack

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"larder/internal/cfn/schema"
	"larder/internal/db"
)

// A nested stack is a resource of its parent and a stack like any other, with
// runs of its own. Its parent leads it: it begins the nested stack's
// operations under keys of its own, and waits for the signal that each gives
// at its end. A led operation ends wherever the parent has to decide: an
// update that is complete stays in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS until
// the parent settles it or has it undone; one that failed waits for the
// parent to fail with it. So there is no wait but for a signal, and what
// follows a crash anywhere is what the rows say.

// nested reports whether an item is a nested stack.
func (it *item) nested() bool { return it.Type == stackType }

// held reports whether a nested stack waits for its parent to settle an
// update, or the undoing of one.
func (st *Stack) held() bool {
	return st.Journal.Run == "" && (st.Status == UpdateCompleteCleanupInProgress || st.Status == UpdateRollbackCompleteCleanupInProgress)
}

// unheld reports whether a nested stack that was held may be changed: by its
// parent, or by anybody if there is no parent any more.
func (s *Stacks) unheld(ctx context.Context, st *Stack, led bool) (bool, error) {
	if !st.held() || led {
		return st.held(), nil
	}
	parent, err := s.lookup(ctx, st.Account, st.Region, st.Parent, "Stack [%s] does not exist")
	if _, gone := AsError(err); gone {
		return true, nil
	}
	return parent.Status == DeleteComplete, err
}

// nest makes a stack in creation a nested one.
func (s *Stacks) nest(st, parent *Stack) error {
	st.Parent, st.Root, st.Depth, st.Journal.Led = parent.ID, rootOf(parent), parent.Depth+1, true
	if st.Depth > s.limits.Depth {
		return limited("Stacks can be nested at most %d deep", s.limits.Depth)
	}
	return nil
}

// hasRoom refuses one nested stack too many.
func (s *Stacks) hasRoom(tx *db.Tx, root string) error {
	n, err := countNested(tx, root)
	if err == nil && n >= s.limits.Nested {
		err = limited("A stack can have at most %d nested stacks", s.limits.Nested)
	}
	return err
}

func limited(format string, args ...any) *Error {
	return &Error{Code: "LimitExceededException", Message: fmt.Sprintf(format, args...)}
}

// rootOf returns the ARN of the stack at the top of a hierarchy.
func rootOf(st *Stack) string {
	if st.Root != "" {
		return st.Root
	}
	return st.ID
}

// maxNestedName is how long the generated name of a nested stack gets on AWS
// (seen in public logs of the CDK, whose logical ids are long).
const maxNestedName = 100

// nestedName is the name of a nested stack: Parent-LogicalId-XXXXXXXXXXXX.
// Where that is too long, the logical id is cut, to no less than half of the
// room, and then the parent's name.
func nestedName(parent, logicalID, token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	sum := sha256.Sum256([]byte(token))
	end := make([]byte, 12)
	for i := range end {
		end[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	room := maxNestedName - len(end) - 2
	if over := len(parent) + len(logicalID) - room; over > 0 {
		logicalID = logicalID[:max(len(logicalID)-over, min(len(logicalID), room/2))]
		parent = strings.TrimRight(parent[:min(len(parent), room-len(logicalID))], "-")
	}
	return parent + "-" + logicalID + "-" + string(end)
}

// An embedding is what a template says of a nested stack.
type embedding struct {
	url        string
	parameters []Given
	tags       []Tag // the parent's, and those that are given
	topics     []string
	timeout    time.Duration
}

// embeddingOf reads the properties of a nested stack. What is wrong with them
// is a refusal.
func embeddingOf(typ *schema.Type, parent *Stack, logicalID string, props map[string]schema.Value) (e embedding, err error) {
	if violations := typ.Validate(props); len(violations) > 0 {
		return e, invalid("%s", typ.Reason(logicalID, violations))
	}
	e.url, _, _ = plain(props["TemplateURL"])
	given, _ := props["Parameters"].(map[string]any)
	for key, value := range given {
		text, secret, ok := plain(value)
		if !ok {
			return e, invalid("Value of property Parameters must be an object with String (or simple type) properties")
		}
		e.parameters = append(e.parameters, Given{Key: key, Value: text, Secret: secret})
	}
	e.tags = append(e.tags, parent.Tags...)
	own, _ := props["Tags"].([]any)
	for _, one := range own {
		tag, _ := one.(map[string]any)
		key, _, _ := plain(tag["Key"])
		value, _, _ := plain(tag["Value"])
		e.tags = withTag(e.tags, Tag{Key: key, Value: value})
	}
	topics, _ := props["NotificationARNs"].([]any)
	e.topics = []string{}
	for _, one := range topics {
		topic, _, _ := plain(one)
		e.topics = append(e.topics, topic)
	}
	if text, _, ok := plain(props["TimeoutInMinutes"]); ok {
		minutes, _ := strconv.Atoi(text)
		e.timeout = time.Duration(minutes) * time.Minute
	}
	return e, nil
}

// withTag adds a tag in place of one with the same key.
func withTag(tags []Tag, tag Tag) []Tag {
	for i := range tags {
		if tags[i].Key == tag.Key {
			tags[i] = tag
			return tags
		}
	}
	return append(tags, tag)
}

// plain returns a scalar as text.
func plain(value schema.Value) (text string, secret, ok bool) {
	switch v := value.(type) {
	case string:
		return v, false, true
	case schema.Secret:
		return v.Reveal(), true, true
	case json.Number:
		return v.String(), false, true
	case bool:
		return strconv.FormatBool(v), false, true
	}
	return "", false, false
}

// embedded is the model of a nested stack, by which others refer to it.
func (s *Stacks) embedded(it *item, child *Stack) (schema.Model, error) {
	m := schema.Model{Physical: child.ID, Identifier: child.ID, Properties: map[string]schema.Value{}}
	for name, value := range it.given {
		m.Properties[name] = value
	}
	opened, err := s.Reveal(child)
	if err != nil {
		return schema.Model{}, err
	}
	outputs := make(map[string]any, len(opened))
	for _, o := range opened {
		if outputs[o.Key] = o.Value; o.NoEcho {
			outputs[o.Key] = schema.Secret(o.Value)
		}
	}
	m.Properties["StackId"], m.Properties["Outputs"] = child.ID, outputs
	return m, nil
}

// output answers Fn::GetAtt of a nested stack: Outputs and a name.
func (it *item) output(attribute string) (schema.Value, error) {
	key, ok := strings.CutPrefix(attribute, "Outputs.")
	if !ok {
		return nil, unsupported(it, attribute)
	}
	outputs, _ := it.model.Properties["Outputs"].(map[string]any)
	value, ok := outputs[key]
	if !ok {
		return nil, invalid("Output '%s' not found in stack '%s'", key, it.Physical)
	}
	return value, nil
}

// skipsFor returns what of a list of resources to skip is a nested stack's
// business: Name.LogicalId names a resource of the stack of that name, which
// may be nested deeper.
func skipsFor(child *Stack, skip []string) (own []string) {
	for _, name := range skip {
		switch stack, logicalID, dotted := strings.Cut(name, "."); {
		case dotted && stack == child.Name:
			own = append(own, logicalID)
		case dotted:
			own = append(own, name)
		}
	}
	return own
}

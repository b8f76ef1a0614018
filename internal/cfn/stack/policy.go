package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A stack policy says which resources updates may touch. A stack that has one
// allows only what a statement allows and none denies (User Guide, "Prevent
// updates to stack resources").
type policy struct {
	statements []statement
}

type statement struct {
	allows    bool
	actions   texts
	except    bool // all actions but those
	resources texts
	apart     bool // all resources but those
	types     []texts
}

// The actions of a stack policy.
const (
	updateModify  = "Update:Modify"
	updateReplace = "Update:Replace"
	updateDelete  = "Update:Delete"
)

// texts is a JSON string, or a list of them.
type texts []string

func (t *texts) UnmarshalJSON(src []byte) error {
	var one string
	if json.Unmarshal(src, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(src, (*[]string)(t))
}

func (t texts) match(text string) bool {
	return slices.ContainsFunc(t, func(pattern string) bool { return like(pattern, text) })
}

// like reports whether text has the form of a pattern, in which "*" stands
// for any text.
func like(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, parts[last])
}

// maxPolicy bounds a stack policy, as on AWS.
const maxPolicy = 16384

// parsePolicy checks the text of a stack policy.
func parsePolicy(text string) (policy, error) {
	malformed := invalid("Error validating stack policy: Invalid stack policy")
	var document struct {
		Version   string
		ID        string `json:"Id"`
		Statement json.RawMessage
	}
	if len(text) > maxPolicy || !known([]byte(text), &document) {
		return policy{}, malformed
	}
	if document.Statement == nil {
		return policy{}, nil
	}
	type rule struct {
		Sid, Effect                              string
		Action, NotAction, Resource, NotResource texts
		Principal                                json.RawMessage
		Condition                                map[string]map[string]texts
	}
	var rules []rule
	if !known(document.Statement, &rules) {
		var one rule
		if !known(document.Statement, &one) {
			return policy{}, malformed
		}
		rules = []rule{one}
	}
	var p policy
	for _, r := range rules {
		s := statement{allows: r.Effect == "Allow", actions: r.Action, resources: r.Resource}
		if r.NotAction != nil {
			s.actions, s.except = r.NotAction, true
		}
		if r.NotResource != nil {
			s.resources, s.apart = r.NotResource, true
		}
		valid := (s.allows || r.Effect == "Deny") && (r.Action == nil) != (r.NotAction == nil) && (r.Resource == nil) != (r.NotResource == nil) &&
			everybody(r.Principal) && !slices.ContainsFunc(s.actions, func(a string) bool { return !isPolicyAction(a) })
		for operator, keys := range r.Condition {
			types, ok := keys["ResourceType"]
			valid = valid && ok && len(keys) == 1 && (operator == "StringEquals" || operator == "StringLike")
			s.types = append(s.types, types)
		}
		if !valid {
			return policy{}, malformed
		}
		p.statements = append(p.statements, s)
	}
	return p, nil
}

// known decodes JSON that has no members but those of v.
func known(text []byte, v any) bool {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	return d.Decode(v) == nil && !d.More()
}

// everybody reports whether a principal is "*", the only one there is.
func everybody(principal json.RawMessage) bool {
	var one string
	if json.Unmarshal(principal, &one) == nil {
		return one == "*"
	}
	var byKind map[string]texts
	return json.Unmarshal(principal, &byKind) == nil && len(byKind) == 1 && slices.Equal(byKind["AWS"], texts{"*"})
}

func isPolicyAction(action string) bool {
	switch action {
	case "*", "Update:*", updateModify, updateReplace, updateDelete:
		return true
	}
	return false
}

// denies returns why an action is not allowed on a resource; "" if it is.
func (p policy) denies(action, logicalID, typ string) string {
	allowed := len(p.statements) == 0 // an empty policy says nothing
	resource := "LogicalResourceId/" + logicalID
	for i, s := range p.statements {
		if s.actions.match(action) == s.except || s.resources.match(resource) == s.apart ||
			slices.ContainsFunc(s.types, func(types texts) bool { return !types.match(typ) }) {
			continue
		}
		if !s.allows {
			return fmt.Sprintf("Action denied by stack policy: Statement [#%d] does not allow [%s] for resource [%s];", i+1, action, resource)
		}
		allowed = true
	}
	if allowed {
		return ""
	}
	return fmt.Sprintf("Action denied by stack policy: no statement allows [%s] for resource [%s];", action, resource)
}

// forbidden returns why the stack's policy forbids an action on an item; ""
// if it does not.
func (t *turn) forbidden(action string, it *item) string {
	st := &t.l.stack
	text := st.Transition.Policy
	if text == "" {
		text = st.Policy
	}
	if text == "" {
		return ""
	}
	if t.policy == nil {
		p, err := parsePolicy(text)
		if err != nil {
			return err.Error()
		}
		t.policy = &p
	}
	return t.policy.denies(action, it.LogicalID, it.Type)
}

// forbidRemovals fails the items that the update is to remove and the stack's
// policy forbids to: afterwards it would be too late to undo the update.
func (t *turn) forbidRemovals() {
	for _, it := range t.l.order {
		if _, stays := t.l.eval.Resource(it.LogicalID); stays || it.superseded() {
			continue
		}
		if reason := t.forbidden(updateDelete, it); reason != "" {
			t.end(it, UpdateFailed, reason)
			t.l.open = append(t.l.open, it)
		}
	}
}

// SetPolicy gives a stack a policy.
func (s *Stacks) SetPolicy(ctx context.Context, account, region, stack, text string) error {
	if _, err := parsePolicy(text); err != nil {
		return err
	}
	return s.amend(ctx, account, region, stack, "Stack with id %s does not exist", func(st *Stack) error {
		st.Policy = text
		return nil
	})
}

// Protect sets whether a stack may be deleted.
func (s *Stacks) Protect(ctx context.Context, account, region, stack string, protect bool) (st Stack, err error) {
	err = s.amend(ctx, account, region, stack, "Stack [%s] does not exist", func(now *Stack) error {
		switch {
		case now.Status == DeleteComplete || now.Status == DeleteInProgress:
			return invalid("Stack [%s] is in %s state and its termination protection cannot be updated", now.Name, now.Status)
		case now.Parent != "":
			return invalid("TerminationProtection cannot be changed on the nested stack [%s]. Please perform the operation on the root stack directly.", now.Name)
		}
		now.TerminationProtection = protect
		st = *now
		return nil
	})
	return st, err
}

// amend changes a stack's row, whatever operation is in charge of it.
func (s *Stacks) amend(ctx context.Context, account, region, stack, refusal string, change func(*Stack) error) error {
	return s.insist(func() error {
		st, err := s.lookup(ctx, account, region, stack, refusal)
		if err != nil {
			return err
		}
		if err := change(&st); err != nil {
			return err
		}
		return s.replace(ctx, &st)
	})
}

package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Policy is a document in IAM's form, read and ready to be evaluated. It is
// pure: it knows neither accounts nor requests but those it is asked about.
type Policy struct {
	statements []statement
	// asks is whether any statement looks at the request's Context.
	asks bool
}

// A statement allows or denies.
type statement struct {
	allow      bool
	actions    []pattern // in lower case
	butActions bool      // NotAction
	resources  []pattern
	butRes     bool // NotResource
	principals []string
	butPrinc   bool // NotPrincipal
	conditions []condition
}

// PolicyKind says where a policy is used, which decides what it must hold.
type PolicyKind int

// The kinds of policies.
const (
	IdentityPolicy PolicyKind = iota // of a user, a group, a role or a session
	TrustPolicy                      // of a role: who may assume it
)

const (
	// maxPolicy is AWS's bound of an inline policy of a role, the most that
	// any may have.
	maxPolicy     = 10240
	maxStatements = 100
	maxValues     = 1000 // in all of a document's lists
)

// ParsePolicy reads a policy document. Its errors are in IAM's words, fit for
// a MalformedPolicyDocument answer.
func ParsePolicy(document string, kind PolicyKind) (*Policy, error) {
	if len(document) > maxPolicy {
		return nil, fmt.Errorf("cannot exceed quota for PolicySize: %d", maxPolicy)
	}
	members, err := object([]byte(document))
	if err != nil {
		return nil, err
	}
	r := reader{kind: kind}
	for name, value := range members {
		switch name {
		case "Version":
			var version string
			if json.Unmarshal(value, &version) != nil || version != "2012-10-17" && version != "2008-10-17" {
				return nil, errors.New("the policy must contain a valid version string")
			}
			r.variables = version == "2012-10-17"
		case "Id":
		case "Statement":
			r.document = value
		default:
			return nil, errSyntax
		}
	}
	return r.policy()
}

var (
	errSyntax = errors.New("syntax errors in policy")
	errVendor = errors.New("actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc")
)

// A reader reads one document.
type reader struct {
	kind      PolicyKind
	variables bool // of version 2012-10-17
	document  json.RawMessage
	values    int
}

func (r *reader) policy() (*Policy, error) {
	texts, err := oneOrMany(r.document)
	if err != nil || len(texts) == 0 {
		return nil, errSyntax
	}
	if len(texts) > maxStatements {
		return nil, fmt.Errorf("more than %d statements", maxStatements)
	}
	p := &Policy{}
	sids := map[string]bool{}
	for _, text := range texts {
		s, sid, err := r.statement(text)
		if err != nil {
			return nil, err
		}
		if sid != "" && sids[sid] {
			return nil, errors.New("statement IDs (SID) in a single policy must be unique")
		}
		sids[sid] = true
		p.asks = p.asks || len(s.conditions) > 0 || slices.ContainsFunc(s.resources, func(p pattern) bool { return p.variables })
		p.statements = append(p.statements, s)
	}
	return p, nil
}

func (r *reader) statement(text json.RawMessage) (s statement, sid string, err error) {
	members, err := object(text)
	if err != nil {
		return s, "", err
	}
	seen := func(name string) bool { return members[name] != nil }
	for _, pair := range [][2]string{{"Action", "NotAction"}, {"Resource", "NotResource"}, {"Principal", "NotPrincipal"}} {
		if seen(pair[0]) && seen(pair[1]) {
			return s, "", fmt.Errorf("statement contains both %s and %s", pair[0], pair[1])
		}
	}
	for name, value := range members {
		switch name {
		case "Sid":
			if json.Unmarshal(value, &sid) != nil {
				return s, "", errSyntax
			}
		case "Effect":
			var effect string
			if json.Unmarshal(value, &effect) != nil || effect != "Allow" && effect != "Deny" {
				return s, "", errSyntax
			}
			s.allow = effect == "Allow"
		case "Action", "NotAction":
			s.butActions = name == "NotAction"
			s.actions, err = r.actions(value)
		case "Resource", "NotResource":
			s.butRes = name == "NotResource"
			s.resources, err = r.resources(value)
		case "Principal", "NotPrincipal":
			s.butPrinc = name == "NotPrincipal"
			s.principals, err = r.principals(value)
		case "Condition":
			s.conditions, err = r.conditions(value)
		default:
			err = errSyntax
		}
		if err != nil {
			return s, "", err
		}
	}
	switch {
	case !seen("Effect"):
		return s, "", errors.New("missing required field Effect")
	case len(s.actions) == 0:
		return s, "", errors.New("policy statement must contain actions")
	case r.kind == IdentityPolicy && len(s.resources) == 0:
		return s, "", errors.New("policy statement must contain resources")
	case r.kind == IdentityPolicy && s.principals != nil:
		return s, "", errors.New("policy document should not specify a principal")
	case r.kind == TrustPolicy && len(s.resources) != 0:
		return s, "", errors.New("has prohibited field Resource")
	case r.kind == TrustPolicy && len(s.principals) == 0:
		return s, "", errors.New("missing required field Principal")
	}
	return s, sid, nil
}

func (r *reader) actions(value json.RawMessage) ([]pattern, error) {
	texts, err := r.texts(value)
	if err != nil {
		return nil, err
	}
	out := make([]pattern, 0, len(texts))
	for _, text := range texts {
		vendor, action, ok := strings.Cut(text, ":")
		if text != "*" && (!ok || vendor == "" || action == "") {
			return nil, errVendor
		}
		out = append(out, compile(strings.ToLower(text), true, false))
	}
	return out, nil
}

func (r *reader) resources(value json.RawMessage) ([]pattern, error) {
	texts, err := r.texts(value)
	if err != nil {
		return nil, err
	}
	out := make([]pattern, 0, len(texts))
	for _, text := range texts {
		if text != "*" && (!strings.HasPrefix(text, "arn:") || strings.Count(text, ":") < 5) && !strings.HasPrefix(text, "arn:*") {
			return nil, fmt.Errorf("resource %s must be in ARN format or \"*\"", text)
		}
		out = append(out, compile(text, true, r.variables))
	}
	return out, nil
}

// principals reads "*" or {"AWS": …, "Service": …}; those of other kinds are
// kept with their kind in front, so that they match no caller.
func (r *reader) principals(value json.RawMessage) ([]string, error) {
	var all string
	if json.Unmarshal(value, &all) == nil {
		if all != "*" {
			return nil, errors.New("invalid principal in policy")
		}
		return []string{"*"}, nil
	}
	members, err := object(value)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for kind, value := range members {
		texts, err := r.texts(value)
		if err != nil {
			return nil, err
		}
		for _, text := range texts {
			switch kind {
			case "AWS":
				if !isPolicyPrincipal(text) {
					return nil, fmt.Errorf("invalid principal in policy: \"AWS\":%q", text)
				}
				out = append(out, text)
			case "Service", "Federated", "CanonicalUser":
				out = append(out, kind+":"+text)
			default:
				return nil, errSyntax
			}
		}
	}
	return out, nil
}

// texts reads a text or a list of texts.
func (r *reader) texts(value json.RawMessage) ([]string, error) {
	raws, err := oneOrMany(value)
	if err != nil {
		return nil, err
	}
	if r.values += len(raws); r.values > maxValues {
		return nil, fmt.Errorf("more than %d values", maxValues)
	}
	out := make([]string, 0, len(raws))
	for _, raw := range raws {
		var text string
		if json.Unmarshal(raw, &text) != nil || strings.ContainsAny(text, reserved) {
			return nil, errSyntax
		}
		out = append(out, text)
	}
	return out, nil
}

// object reads a JSON object whose members are written as they should be: IAM
// tells capital letters apart, and a member twice is a mistake.
func object(text json.RawMessage) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	open, err := d.Token()
	if err != nil || open != json.Delim('{') {
		return nil, errSyntax
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, errSyntax
		}
		name, ok := token.(string)
		if _, twice := members[name]; !ok || twice {
			return nil, errSyntax
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil || bytes.Equal(value, []byte("null")) {
			return nil, errSyntax
		}
		members[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errSyntax
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errSyntax
	}
	return members, nil
}

func oneOrMany(text json.RawMessage) ([]json.RawMessage, error) {
	if len(text) == 0 {
		return nil, errSyntax
	}
	if text[0] != '[' {
		return []json.RawMessage{text}, nil
	}
	var many []json.RawMessage
	if json.Unmarshal(text, &many) != nil {
		return nil, errSyntax
	}
	return many, nil
}

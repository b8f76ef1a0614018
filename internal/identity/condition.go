package identity

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A Context holds the values of a request that conditions ask for, by key in
// lower case, such as aws:principalarn.
type Context map[string][]string

// A condition is one operator on one key: it holds if the request's values
// stand in the operator's relation to one of the policy's.
type condition struct {
	operator
	key    string // in lower case
	values []pattern
}

// An operator is one of IAM's, with its prefix and suffix taken apart.
type operator struct {
	relation string // StringEquals, ArnLike, Bool, Null …, without Not
	negated  bool
	ifExists bool
	set      quantifier
}

// A quantifier says how a condition treats a key of several values.
type quantifier int

const (
	single quantifier = iota
	forAnyValue
	forAllValues
)

// relations are the operators that are served, by how they are written.
var relations = map[string]operator{
	"StringEquals":              {relation: "StringEquals"},
	"StringNotEquals":           {relation: "StringEquals", negated: true},
	"StringEqualsIgnoreCase":    {relation: "StringEqualsIgnoreCase"},
	"StringNotEqualsIgnoreCase": {relation: "StringEqualsIgnoreCase", negated: true},
	"StringLike":                {relation: "StringLike"},
	"StringNotLike":             {relation: "StringLike", negated: true},
	// The two ARN operators mean the same: both know wildcards.
	"ArnEquals":    {relation: "ArnLike"},
	"ArnLike":      {relation: "ArnLike"},
	"ArnNotEquals": {relation: "ArnLike", negated: true},
	"ArnNotLike":   {relation: "ArnLike", negated: true},
	"Bool":         {relation: "Bool"},
	"Null":         {relation: "Null"},
}

func parseOperator(s string) (operator, error) {
	rest, set := s, single
	if cut, ok := strings.CutPrefix(rest, "ForAnyValue:"); ok {
		rest, set = cut, forAnyValue
	} else if cut, ok := strings.CutPrefix(rest, "ForAllValues:"); ok {
		rest, set = cut, forAllValues
	}
	rest, ifExists := strings.CutSuffix(rest, "IfExists")
	o, ok := relations[rest]
	if !ok || o.relation == "Null" && (ifExists || set != single) {
		return operator{}, fmt.Errorf("invalid Condition type : %s", s)
	}
	o.ifExists, o.set = ifExists, set
	return o, nil
}

func (r *reader) conditions(value json.RawMessage) ([]condition, error) {
	members, err := object(value)
	if err != nil {
		return nil, err
	}
	var out []condition
	for name, value := range members {
		o, err := parseOperator(name)
		if err != nil {
			return nil, err
		}
		keys, err := object(value)
		if err != nil {
			return nil, err
		}
		for key, value := range keys {
			if !strings.Contains(key, ":") {
				return nil, errVendor
			}
			texts, err := r.scalars(value)
			if err != nil {
				return nil, err
			}
			c := condition{operator: o, key: strings.ToLower(key)}
			for _, text := range texts {
				wild := o.relation == "StringLike" || o.relation == "ArnLike"
				c.values = append(c.values, compile(text, wild, r.variables))
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// scalars reads texts among which booleans and numbers may stand bare.
func (r *reader) scalars(value json.RawMessage) ([]string, error) {
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
		switch raw[0] {
		case '"':
			if json.Unmarshal(raw, &text) != nil || strings.ContainsAny(text, reserved) {
				return nil, errSyntax
			}
		case '{', '[', 'n': // n of null
			return nil, errSyntax
		default:
			text = string(raw)
		}
		out = append(out, text)
	}
	return out, nil
}

// holds reports whether the condition is met in a request.
func (c *condition) holds(ctx Context) bool {
	have := ctx[c.key]
	if c.relation == "Null" {
		absent := len(have) == 0
		return slices.ContainsFunc(c.values, func(p pattern) bool { return strings.EqualFold(p.text, "true") == absent })
	}
	if len(have) == 0 {
		// What isn't there is unlike everything and like nothing.
		return c.ifExists || c.negated || c.set == forAllValues
	}
	meets := func(value string) bool {
		one := slices.ContainsFunc(c.values, func(p pattern) bool { return c.relates(p, value, ctx) })
		return one != c.negated
	}
	if c.set == forAllValues {
		return !slices.ContainsFunc(have, func(v string) bool { return !meets(v) })
	}
	if c.set == single && c.negated {
		return !slices.ContainsFunc(have, func(v string) bool { return !meets(v) })
	}
	return slices.ContainsFunc(have, meets)
}

// relates reports whether a value of the request stands in the relation to
// one of the policy.
func (c *condition) relates(p pattern, value string, ctx Context) bool {
	want, ok := p.expand(ctx)
	if !ok {
		return false
	}
	switch c.relation {
	case "StringEqualsIgnoreCase", "Bool":
		return strings.EqualFold(want, value)
	case "StringLike":
		return glob(want, value)
	case "ArnLike":
		return arnLike(want, value)
	default:
		return want == value
	}
}

// arnLike matches ARNs part by part: a wildcard never reaches over a colon
// but in the last part.
func arnLike(pattern, arn string) bool {
	wants, has := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(wants) != 6 || len(has) != 6 {
		return false
	}
	for i := range wants {
		if !glob(wants[i], has[i]) {
			return false
		}
	}
	return true
}

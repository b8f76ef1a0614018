package resource

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"larder/internal/db"
)

// A Rule makes resources fail, take time or hang, so that failures can be
// rehearsed; or operations, before they touch any resource. The first rule that
// matches and is not used up decides.
type Rule struct {
	Match  Match    `json:"match" yaml:"match"`
	Action Action   `json:"action,omitempty" yaml:"action,omitempty"` // CREATE (the default), UPDATE or DELETE
	Fail   string   `json:"fail,omitempty" yaml:"fail,omitempty"`     // the message to fail with
	Delay  Duration `json:"delay,omitempty" yaml:"delay,omitempty"`   // before it succeeds, or fails
	Hang   bool     `json:"hang,omitempty" yaml:"hang,omitempty"`     // until the operation is canceled, or, if it is an operation's rule, retried
	Count  int      `json:"count,omitempty" yaml:"count,omitempty"`   // how often the rule applies; 0: always

	key string
}

// Match says which resources or operations a rule is for. Every field that is
// set must match; "*" in it stands for any text.
type Match struct {
	// Operation is what somebody above the resources does, who asks for the rule,
	// and Name what it is done to. A rule with either is not for resources.
	Operation string `json:"operation,omitempty" yaml:"operation,omitempty"`
	Name      string `json:"name,omitempty" yaml:"name,omitempty"`

	Type      string `json:"type,omitempty" yaml:"type,omitempty"`
	LogicalID string `json:"logicalId,omitempty" yaml:"logicalId,omitempty"`
	Product   string `json:"product,omitempty" yaml:"product,omitempty"` // product id, of a stack that a catalog launched
	Stack     string `json:"stack,omitempty" yaml:"stack,omitempty"`     // stack name
}

// Duration is a time.Duration written as "1m30s".
type Duration time.Duration

// UnmarshalText reads the form that MarshalText writes.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err == nil && (v < 0 || v > maxDelay) {
		err = fmt.Errorf("a delay must be between 0 and %s", maxDelay)
	}
	*d = Duration(v)
	return err
}

// MarshalText writes the duration for people.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Bounds of a rule file.
const (
	maxRules    = 1000
	maxRuleFile = 1 << 20
	maxDelay    = 24 * time.Hour
)

// Rules is a list of rules. The zero value has none.
type Rules struct{ list []Rule }

// ruleFile is a list at rest.
type ruleFile struct {
	Rules []Rule `json:"rules" yaml:"rules"`
}

// ParseRules reads a rule file, in YAML or JSON: an object with the one
// member "rules".
func ParseRules(src []byte) (Rules, error) {
	if len(src) > maxRuleFile {
		return Rules{}, fmt.Errorf("rules: the file is larger than %d bytes", maxRuleFile)
	}
	var file ruleFile
	d := yaml.NewDecoder(bytes.NewReader(src))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return Rules{}, fmt.Errorf("rules: %w", err)
	}
	return NewRules(file.Rules)
}

// NewRules checks a list of rules.
func NewRules(list []Rule) (Rules, error) {
	if len(list) > maxRules {
		return Rules{}, fmt.Errorf("rules: more than %d rules", maxRules)
	}
	seen := map[string]int{}
	out := make([]Rule, len(list))
	for i, r := range list {
		m, ofOperations := r.Match, r.Match.ofOperations()
		if r.Action == "" && !ofOperations {
			r.Action = Create
		}
		switch {
		case ofOperations && (r.Action != "" || m.Type != "" || m.LogicalID != "" || m.Stack != ""):
			return Rules{}, fmt.Errorf("rules: rule %d is for operations, which have no action, type, logicalId or stack", i+1)
		case ofOperations:
		case r.Action != Create && r.Action != Update && r.Action != Delete:
			return Rules{}, fmt.Errorf("rules: rule %d: unknown action %q", i+1, r.Action)
		}
		switch {
		case r.Fail == "" && r.Delay == 0 && !r.Hang:
			return Rules{}, fmt.Errorf("rules: rule %d does nothing: give fail, delay or hang", i+1)
		case r.Hang && (r.Fail != "" || r.Delay != 0):
			return Rules{}, fmt.Errorf("rules: rule %d hangs, so it neither fails nor delays", i+1)
		case r.Count < 0:
			return Rules{}, fmt.Errorf("rules: rule %d: a negative count", i+1)
		}
		// A rule is counted by what it says, so that editing one starts its
		// count anew and leaves the others' alone.
		text, err := json.Marshal(r)
		if err != nil {
			return Rules{}, err
		}
		sum := sha256.Sum256(text)
		r.key = fmt.Sprintf("%s-%d", hex.EncodeToString(sum[:16]), seen[string(text)])
		seen[string(text)]++
		out[i] = r
	}
	return Rules{list: out}, nil
}

// A Subject is a resource that rules are asked about, or an operation.
type Subject struct {
	Operation string // "": a resource
	Name      string // of the operation's provisioned product

	Action    Action
	Type      string
	LogicalID string
	Stack     string
	Product   string
}

// CheckOperations refuses rules for operations that are none of those.
func (r Rules) CheckOperations(operations []string) error {
	for i, rule := range r.list {
		known := func(operation string) bool { return glob(rule.Match.Operation, operation) }
		if rule.Match.ofOperations() && !slices.ContainsFunc(operations, known) {
			return fmt.Errorf("rules: rule %d: %q is no operation that takes time; those are %s", i+1, rule.Match.Operation, strings.Join(operations, ", "))
		}
	}
	return nil
}

// Uses counts how often rules have been applied, by key.
type Uses map[string]int

// Find returns the rule for a subject and notes its use in uses.
func (r Rules) Find(s Subject, uses Uses) (Rule, bool) {
	for _, rule := range r.list {
		if rule.Action != s.Action || rule.Match.ofOperations() != (s.Operation != "") || !rule.Match.fits(s) {
			continue
		}
		if rule.Count > 0 {
			if uses[rule.key] >= rule.Count {
				continue
			}
			uses[rule.key]++
		}
		return rule, true
	}
	return Rule{}, false
}

// Counts reports whether any rule is limited in how often it applies.
func (r Rules) Counts() bool {
	for _, rule := range r.list {
		if rule.Count > 0 {
			return true
		}
	}
	return false
}

// ofOperations reports whether the match is for operations.
func (m Match) ofOperations() bool { return m.Operation != "" || m.Name != "" }

func (m Match) fits(s Subject) bool {
	return glob(m.Operation, s.Operation) && glob(m.Name, s.Name) &&
		glob(m.Type, s.Type) && glob(m.LogicalID, s.LogicalID) && glob(m.Product, s.Product) && glob(m.Stack, s.Stack)
}

// glob reports whether text matches a pattern in which "*" stands for any
// text; the empty pattern matches all.
func glob(pattern, text string) bool {
	if pattern == "" {
		return true
	}
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}

// LoadUses reads how often the rules have been applied so far.
func (r Rules) LoadUses(tx *db.Tx) (Uses, error) {
	uses := Uses{}
	if !r.Counts() {
		return uses, nil
	}
	type used struct {
		key string
		n   int
	}
	rows, err := db.Collect(tx, func(rows *db.Rows) (u used, err error) {
		err = rows.Scan(&u.key, &u.n)
		return u, err
	}, `SELECT rule, uses FROM resource_rule`)
	for _, u := range rows {
		uses[u.key] = u.n
	}
	return uses, err
}

// Use returns the rule for a subject and counts its use in tx.
func (r Rules) Use(tx *db.Tx, s Subject) (Rule, bool, error) {
	before, err := r.LoadUses(tx)
	if err != nil {
		return Rule{}, false, err
	}
	after := maps.Clone(before)
	rule, ok := r.Find(s, after)
	return rule, ok, SaveUses(tx, before, after)
}

// errRuleRace means that another operation has used a rule since LoadUses.
var errRuleRace = errors.New("a rule was used meanwhile")

// SaveUses writes the uses that differ from what was loaded. It fails if
// another operation has used one of the rules since then, so that no use is
// counted twice or lost: the beat is repeated with the new counts.
func SaveUses(tx *db.Tx, before, after Uses) error {
	for key, n := range after {
		if n == before[key] {
			continue
		}
		changed, err := tx.ExecRows(`INSERT INTO resource_rule (rule, uses) VALUES (?, ?)
			ON CONFLICT (rule) DO UPDATE SET uses = excluded.uses WHERE resource_rule.uses = ?`, key, n, before[key])
		if err != nil {
			return err
		}
		if changed != 1 {
			return errRuleRace
		}
	}
	return nil
}

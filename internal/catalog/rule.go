package catalog

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"larder/internal/api"
	"larder/internal/id"
)

// A rule is what a constraint's parameters mean; of its members only those of
// the type are set.
type rule struct {
	Role      string    `json:",omitempty"` // LAUNCH: an ARN
	LocalRole string    `json:",omitempty"` // LAUNCH: a name in the launching account
	Topics    []string  `json:",omitempty"` // NOTIFICATION
	TagUpdate bool      `json:",omitempty"` // RESOURCE_UPDATE
	StackSet  *StackSet `json:",omitempty"` // STACKSET
	Rules     string    `json:",omitempty"` // TEMPLATE: the JSON object of the rules
}

// parseRule reads a constraint's parameters, a JSON text whose form depends
// on the type.
func parseRule(kind, parameters, region string) (rule, error) {
	var r rule
	var err error
	switch kind {
	case constraintLaunch:
		err = r.parseLaunch(parameters)
	case constraintNotification:
		err = r.parseNotification(parameters, region)
	case constraintUpdate:
		err = r.parseUpdate(parameters)
	case constraintStackSet:
		err = r.parseStackSet(parameters)
	case constraintTemplate:
		err = r.parseTemplate(parameters)
	default:
		return r, api.InvalidParameters("Constraint type %s is not valid. Valid types are LAUNCH, NOTIFICATION, RESOURCE_UPDATE, STACKSET and TEMPLATE.", kind)
	}
	if err != nil {
		return r, api.InvalidParameters("Invalid %s constraint parameters: %s", kind, err)
	}
	return r, nil
}

func (r *rule) parseLaunch(text string) error {
	var p struct{ RoleArn, LocalRoleName *string }
	if err := members(text, map[string]any{"RoleArn": &p.RoleArn, "LocalRoleName": &p.LocalRoleName}); err != nil {
		return err
	}
	switch {
	case (p.RoleArn == nil) == (p.LocalRoleName == nil):
		return fmt.Errorf("give either RoleArn or LocalRoleName")
	case p.LocalRoleName != nil:
		if !roleName.MatchString(*p.LocalRoleName) {
			return fmt.Errorf("%q is not a role name", *p.LocalRoleName)
		}
		r.LocalRole = *p.LocalRoleName
	default:
		if !isRole(*p.RoleArn) {
			return fmt.Errorf("%q is not the ARN of a role", *p.RoleArn)
		}
		r.Role = *p.RoleArn
	}
	return nil
}

var roleName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)

func isRole(arn string) bool {
	p, err := id.ParsePrincipal(arn)
	return err == nil && p.Kind == id.Role
}

func (r *rule) parseNotification(text, region string) error {
	if err := members(text, map[string]any{"NotificationArns": &r.Topics}); err != nil {
		return err
	}
	if len(r.Topics) == 0 || len(r.Topics) > maxTopics {
		return fmt.Errorf("NotificationArns must name between 1 and %d topics", maxTopics)
	}
	for _, topic := range r.Topics {
		if a, err := id.ParseARN(topic); err != nil || a.Service != "sns" || !id.IsAccount(a.Account) {
			return fmt.Errorf("%q is not the ARN of a topic", topic)
		} else if a.Region != region {
			return fmt.Errorf("topic %q is not in Region %s", topic, region)
		}
	}
	return nil
}

func (r *rule) parseUpdate(text string) error {
	var version string
	var properties json.RawMessage
	if err := members(text, map[string]any{"Version": &version, "Properties": &properties}); err != nil {
		return err
	}
	var allowed string
	if err := members(string(properties), map[string]any{"TagUpdateOnProvisionedProduct": &allowed}); err != nil {
		return fmt.Errorf("in Properties: %w", err)
	}
	r.TagUpdate = allowed == "ALLOWED"
	if !r.TagUpdate && allowed != "NOT_ALLOWED" {
		return fmt.Errorf("TagUpdateOnProvisionedProduct must be ALLOWED or NOT_ALLOWED")
	}
	return nil
}

func (r *rule) parseStackSet(text string) error {
	var version, control string
	var properties json.RawMessage
	if err := members(text, map[string]any{"Version": &version, "Properties": &properties}); err != nil {
		return err
	}
	s := &StackSet{}
	if err := members(string(properties), map[string]any{
		"AccountList": &s.Accounts, "RegionList": &s.Regions, "AdminRole": &s.AdminRole,
		"ExecutionRole": &s.ExecutionRole, "StackInstanceControl": &control,
	}); err != nil {
		return fmt.Errorf("in Properties: %w", err)
	}
	switch {
	case len(s.Accounts) == 0 || len(s.Accounts) > maxStackSetAccounts:
		return fmt.Errorf("AccountList must name between 1 and %d accounts", maxStackSetAccounts)
	case slices.ContainsFunc(s.Accounts, func(a string) bool { return !id.IsAccount(a) }):
		return fmt.Errorf("AccountList must hold account numbers of 12 digits")
	case len(s.Regions) == 0 || len(s.Regions) > maxStackSetRegions:
		return fmt.Errorf("RegionList must name between 1 and %d Regions", maxStackSetRegions)
	case slices.ContainsFunc(s.Regions, func(r string) bool { return !regionName.MatchString(r) }):
		return fmt.Errorf("RegionList must hold the names of Regions")
	case !isRole(s.AdminRole):
		return fmt.Errorf("AdminRole must be the ARN of a role")
	case !roleName.MatchString(s.ExecutionRole):
		return fmt.Errorf("ExecutionRole must be the name of a role")
	case control != "" && control != "ALLOWED" && control != "NOT_ALLOWED":
		return fmt.Errorf("StackInstanceControl must be ALLOWED or NOT_ALLOWED")
	}
	s.InstanceControl = control == "ALLOWED"
	r.StackSet = s
	return nil
}

var regionName = regexp.MustCompile(`^[a-z]{2,16}(-[a-z]+){1,4}-\d{1,3}$`)

// members reads a JSON object whose members are all known; a repeated one
// counts once, the last. Names are told apart by case, which
// encoding/json alone would not do.
func members(text string, known map[string]any) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil || object == nil {
		return fmt.Errorf("a JSON object is expected")
	}
	for name, value := range object {
		into, ok := known[name]
		if !ok {
			return fmt.Errorf("unknown member %q", name)
		}
		if err := json.Unmarshal(value, into); err != nil {
			return fmt.Errorf("member %q is of the wrong type", name)
		}
	}
	return nil
}

func (r *rule) parseTemplate(text string) error {
	var rules map[string]json.RawMessage
	var raw json.RawMessage
	if err := members(text, map[string]any{"Rules": &raw}); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &rules); err != nil || rules == nil {
		return fmt.Errorf("member Rules must be an object")
	}
	for name, body := range rules {
		if err := checkRule(body); err != nil {
			return fmt.Errorf("rule %s: %w", name, err)
		}
	}
	r.Rules = string(raw)
	return nil
}

// checkRule judges the form of one rule; its functions are evaluated by the
// engine when something is launched.
func checkRule(body json.RawMessage) error {
	var condition json.RawMessage
	var assertions []map[string]any
	if err := members(string(body), map[string]any{"RuleCondition": &condition, "Assertions": &assertions}); err != nil {
		return err
	}
	if len(assertions) == 0 {
		return fmt.Errorf("member Assertions must hold at least one assertion")
	}
	if condition != nil {
		var value any
		if err := json.Unmarshal(condition, &value); err != nil {
			return err
		}
		if err := checkFunctions(value, 0); err != nil {
			return fmt.Errorf("RuleCondition: %w", err)
		}
	}
	for i, a := range assertions {
		for name := range a {
			if name != "Assert" && name != "AssertDescription" {
				return fmt.Errorf("assertion %d: unknown member %q", i+1, name)
			}
		}
		assert, ok := a["Assert"]
		if !ok {
			return fmt.Errorf("assertion %d: Assert is missing", i+1)
		}
		if _, isText := a["AssertDescription"].(string); !isText && a["AssertDescription"] != nil {
			return fmt.Errorf("assertion %d: AssertDescription must be a string", i+1)
		}
		if err := checkFunctions(assert, 0); err != nil {
			return fmt.Errorf("assertion %d: %w", i+1, err)
		}
	}
	return nil
}

// ruleFunctions are what a rule may be made of.
var ruleFunctions = map[string]bool{
	"Fn::And": true, "Fn::Contains": true, "Fn::EachMemberEquals": true, "Fn::EachMemberIn": true,
	"Fn::Equals": true, "Fn::If": true, "Fn::Not": true, "Fn::Or": true, "Fn::RefAll": true,
	"Fn::ValueOf": true, "Fn::ValueOfAll": true, "Ref": true,
}

const maxRuleDepth = 32

func checkFunctions(value any, depth int) error {
	if depth > maxRuleDepth {
		return fmt.Errorf("nested too deeply")
	}
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if err := checkFunctions(item, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, argument := range v {
			if !ruleFunctions[name] || len(v) != 1 {
				return fmt.Errorf("%q is not a rule function", name)
			}
			if _, isText := argument.(string); name == "Ref" && !isText {
				return fmt.Errorf("function Ref must name a parameter")
			}
			if err := checkFunctions(argument, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// describe is the description of a constraint that was given none.
func (r rule) describe() string {
	if r.LocalRole != "" {
		return "Launch as local role " + r.LocalRole
	}
	return ""
}

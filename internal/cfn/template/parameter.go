package template

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parameter is a template parameter.
type Parameter struct {
	Name, Type            string
	Default               *string
	NoEcho                bool
	Description           string
	AllowedValues         []string
	AllowedPattern        string
	ConstraintDescription string
	MinLength, MaxLength  string // decimal, "" if absent
	MinValue, MaxValue    string

	pattern *pattern
	node    *Node
}

// IsList reports whether values of the parameter are lists.
func (p *Parameter) IsList() bool {
	inner := p.Type
	if stored, ok := p.storedType(); ok {
		inner = stored
	}
	return inner == "CommaDelimitedList" || strings.HasPrefix(inner, "List<")
}

// IsStored reports whether the parameter's value names one of the SSM
// parameter store, which is looked up.
func (p *Parameter) IsStored() bool {
	_, ok := p.storedType()
	return ok
}

func (p *Parameter) storedType() (string, bool) {
	inner, ok := strings.CutPrefix(p.Type, "AWS::SSM::Parameter::Value<")
	return strings.TrimSuffix(inner, ">"), ok
}

func (p *Parameter) isNumber() bool { return p.Type == "Number" || p.Type == "List<Number>" }

// isParameterType reports whether AWS knows the type: its documented types,
// and those cfn-lint has met.
func isParameterType(name string) bool {
	if inner, ok := strings.CutPrefix(name, "AWS::SSM::Parameter::Value<"); ok {
		inner, ok = strings.CutSuffix(inner, ">")
		return ok && (isListType(inner) || isSingleType(inner))
	}
	return isListType(name) || isSingleType(name)
}

func isListType(name string) bool {
	if name == "CommaDelimitedList" {
		return true
	}
	inner, ok := strings.CutPrefix(name, "List<")
	if !ok {
		return false
	}
	inner, ok = strings.CutSuffix(inner, ">")
	return ok && isSingleType(inner)
}

func isSingleType(name string) bool {
	switch name {
	case "String", "Number",
		"AWS::EC2::AvailabilityZone::Name", "AWS::EC2::Image::Id", "AWS::EC2::Instance::Id", "AWS::EC2::KeyPair::KeyName",
		"AWS::EC2::SecurityGroup::GroupName", "AWS::EC2::SecurityGroup::Id", "AWS::EC2::Subnet::Id", "AWS::EC2::VPC::Id",
		"AWS::EC2::Volume::Id", "AWS::Route53::HostedZone::Id", "AWS::SSM::Parameter::Name":
		return true
	}
	return false
}

// isPseudo reports whether the name is a pseudo parameter.
func isPseudo(name string) bool {
	switch name {
	case "AWS::AccountId", "AWS::NotificationARNs", "AWS::NoValue", "AWS::Partition", "AWS::Region", "AWS::StackId",
		"AWS::StackName", "AWS::URLSuffix":
		return true
	}
	return false
}

func (c *compiler) parameterSection(n *Node) *Error {
	c.t.parameters = make(map[string]*Parameter, len(n.items))
	return c.members(n, "Parameter", c.lim.Parameters, func(name string, m *Node) *Error {
		if m.kind != KindMap {
			return anObject("Parameters")
		}
		p := &Parameter{Name: name, node: m}
		if err := p.read(m); err != nil {
			return err
		}
		c.t.Parameters = append(c.t.Parameters, p)
		c.t.parameters[name] = p
		return nil
	})
}

func (p *Parameter) read(n *Node) *Error {
	if n.Get("Type") == nil {
		return fault("Template format error: Every Parameters object must contain a Type member.")
	}
	for i := range n.keys {
		m := &n.items[i]
		member := n.keys[i].name
		if member == "AllowedValues" {
			if m.kind != KindList {
				return fault("Template format error: Every AllowedValues member must be a list.").at(m).under(member)
			}
			p.AllowedValues = make([]string, 0, len(m.items))
			for j := range m.items {
				if !m.items[j].kind.isScalar() {
					return fault("Template format error: Every AllowedValues value must be a string.").at(&m.items[j]).under(member)
				}
				p.AllowedValues = append(p.AllowedValues, m.items[j].text)
			}
			continue
		}
		text, err := text(n, member)
		if err != nil {
			return err
		}
		switch member {
		case "Type":
			if p.Type = text; !isParameterType(text) {
				return fault("Template format error: Unrecognized parameter type: %s", text).at(m).under(member)
			}
		case "Default":
			p.Default = &text
		case "NoEcho":
			switch strings.ToLower(text) {
			case "true":
				p.NoEcho = true
			case "false":
			default:
				return fault("Template format error: Every NoEcho member must be a boolean.").at(m).under(member)
			}
		case "Description":
			p.Description = text
		case "AllowedPattern":
			p.AllowedPattern = text
		case "ConstraintDescription":
			p.ConstraintDescription = text
		case "MinLength", "MaxLength":
			if _, err := strconv.ParseUint(text, 10, 31); err != nil {
				return fault("Template format error: Every %s member must be a non-negative integer.", member).at(m).under(member)
			}
			*map[string]*string{"MinLength": &p.MinLength, "MaxLength": &p.MaxLength}[member] = text
		case "MinValue", "MaxValue":
			if _, ok := number(text); !ok {
				return fault("Template format error: Every %s member must be a number.", member).at(m).under(member)
			}
			*map[string]*string{"MinValue": &p.MinValue, "MaxValue": &p.MaxValue}[member] = text
		default:
			return fault("Invalid template parameter property '%s'", member).atKey(n, i).under(member)
		}
	}
	if p.AllowedPattern != "" {
		var err *Error
		if p.pattern, err = compilePattern(p.AllowedPattern); err != nil {
			return err.at(n.Get("AllowedPattern")).under("AllowedPattern")
		}
	}
	// A default that its own constraints refuse makes the template invalid on
	// AWS, whatever value is given (aws-sdk issue 632).
	if p.Default != nil {
		if err := p.check(*p.Default); err != nil {
			return err.at(n.Get("Default")).under("Default")
		}
	}
	return nil
}

// check holds a value against the parameter's type and constraints. The
// wording of AllowedValues, pattern and number is recorded (evidence, public
// issue trackers); lengths and bounds are worded as the User Guide's
// troubleshooting has them.
func (p *Parameter) check(value string) *Error {
	if p.Type == "Number" {
		if _, ok := number(value); !ok {
			return p.refuse("must be a number.")
		}
	}
	values := []string{value}
	if p.IsList() && !p.IsStored() {
		values = splitList(value)
	}
	for _, v := range values {
		if p.Type == "List<Number>" {
			if _, ok := number(v); !ok {
				return p.refuse("must be a list of numbers.")
			}
		}
		if err := p.checkOne(v); err != nil {
			return err
		}
	}
	return nil
}

func (p *Parameter) checkOne(v string) *Error {
	if p.AllowedValues != nil && !p.allows(v) {
		return p.constrained("must be one of AllowedValues")
	}
	if p.pattern != nil && !p.pattern.matches(v) {
		return p.constrained("must match pattern " + p.AllowedPattern)
	}
	if length := utf8.RuneCountInString(v); !p.isNumber() {
		if least, err := strconv.Atoi(p.MinLength); err == nil && length < least {
			return p.constrained("must contain at least " + p.MinLength + " characters")
		}
		if most, err := strconv.Atoi(p.MaxLength); err == nil && length > most {
			return p.constrained("must contain at most " + p.MaxLength + " characters")
		}
		return nil
	}
	x, _ := number(v)
	if least, ok := number(p.MinValue); ok && x.Cmp(least) < 0 {
		return p.constrained("must be a number not less than " + p.MinValue)
	}
	if most, ok := number(p.MaxValue); ok && x.Cmp(most) > 0 {
		return p.constrained("must be a number not greater than " + p.MaxValue)
	}
	return nil
}

func (p *Parameter) allows(v string) bool {
	if slices.Contains(p.AllowedValues, v) {
		return true
	}
	if !p.isNumber() {
		return false
	}
	x, ok := number(v)
	return ok && slices.ContainsFunc(p.AllowedValues, func(a string) bool {
		y, ok := number(a)
		return ok && x.Cmp(y) == 0
	})
}

func (p *Parameter) refuse(why string) *Error {
	return fault("Parameter '%s' %s", p.Name, why)
}

// constrained refuses with the template's own words if it has some. AWS
// leaves the quotes out then (aws-sdk issue 632).
func (p *Parameter) constrained(why string) *Error {
	if p.ConstraintDescription != "" {
		return fault("Parameter %s failed to satisfy constraint: %s", p.Name, p.ConstraintDescription)
	}
	return p.refuse(why)
}

// splitList cuts the value of a list parameter: at commas, white space around
// each member trimmed. As on AWS, the empty text is a list of one empty string
// (cfn-lint issue 4396).
func splitList(value string) []string {
	values := strings.Split(value, ",")
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	return values
}

// number reads a decimal number of bounded size.
func number(text string) (*big.Float, bool) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > 100 {
		return nil, false
	}
	for _, r := range text {
		if (r < '0' || r > '9') && !strings.ContainsRune("+-.eE", r) {
			return nil, false
		}
	}
	x, _, err := big.ParseFloat(text, 10, 256, big.ToNearestEven)
	return x, err == nil
}

// cutList returns what a type List<…> is a list of.
func cutList(parameterType string) (string, bool) {
	inner, ok := strings.CutPrefix(parameterType, "List<")
	return strings.TrimSuffix(inner, ">"), ok
}

package stack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/template"
	"larder/internal/db"
)

// storedParameters looks up the values of SSM parameter types: those that
// stacks have stored as AWS::SSM::Parameter resources and, in dev, values
// made up for the rest.
type storedParameters struct {
	s        *Stacks
	ctx      context.Context
	st       *Stack
	t        *template.Template
	values   map[string]string // as given
	warnings []string
}

func (p *storedParameters) value(name string) (string, error) {
	var value string
	var ok bool
	err := p.s.db.View(p.ctx, func(tx *db.Tx) (err error) {
		value, ok, err = resource.Property(tx, p.st.Account, p.st.Region, "AWS::SSM::Parameter", name, "Value")
		return err
	})
	switch {
	case err != nil:
		return "", err
	case ok:
		return value, nil
	case !p.s.dev:
		return "", invalid("Unable to fetch parameters [%s] from parameter store for this account.", name)
	}
	value = madeUp(p.typeOf(name), name, p.st.Region)
	p.warnings = append(p.warnings, fmt.Sprintf("WARNING: nobody stored the SSM parameter %s, so it stands for the made-up value %s", name, value))
	return value, nil
}

// typeOf returns the type of the value that the parameter naming it expects.
func (p *storedParameters) typeOf(name string) string {
	for _, decl := range p.t.Parameters {
		value, given := p.values[decl.Name]
		if !given && decl.Default != nil {
			value = *decl.Default
		}
		if inner, ok := strings.CutPrefix(decl.Type, "AWS::SSM::Parameter::Value<"); ok && value == name {
			return strings.TrimSuffix(inner, ">")
		}
	}
	return "String"
}

// madeUp returns a value of the form that a parameter type asks for, always
// the same for a name.
func madeUp(typ, name, region string) string {
	if inner, ok := strings.CutPrefix(typ, "List<"); ok {
		typ = strings.TrimSuffix(inner, ">")
	}
	sum := sha256.Sum256([]byte(name))
	digits := hex.EncodeToString(sum[:])[:17]
	switch typ {
	case "AWS::EC2::Image::Id":
		return "ami-" + digits
	case "AWS::EC2::Instance::Id":
		return "i-" + digits
	case "AWS::EC2::SecurityGroup::Id":
		return "sg-" + digits
	case "AWS::EC2::Subnet::Id":
		return "subnet-" + digits
	case "AWS::EC2::VPC::Id":
		return "vpc-" + digits
	case "AWS::EC2::Volume::Id":
		return "vol-" + digits
	case "AWS::EC2::AvailabilityZone::Name":
		return region + "a"
	case "AWS::Route53::HostedZone::Id":
		return "Z" + strings.ToUpper(digits)
	case "Number":
		return "1"
	}
	if strings.Contains(strings.ToLower(name), "ami") && strings.HasPrefix(name, "/aws/service/") {
		return "ami-" + digits
	}
	return "value-of-" + name[strings.LastIndexByte(name, '/')+1:]
}

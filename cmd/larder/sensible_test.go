package main

import (
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"larder/internal/api"
)

// sensible makes up a value that a user might give for a parameter: the
// first allowed one, one in the shape of its type, one that its name
// suggests, else one made from its pattern and bounds.
func sensible(p api.ProvisioningArtifactParameter) (string, bool) {
	c := constraintsOf(p)
	if len(c.AllowedValues) > 0 {
		return c.AllowedValues[0], true
	}
	kind := p.ParameterType
	item, list := kind, false
	if inner, ok := strings.CutPrefix(kind, "List<"); ok {
		item, list = strings.TrimSuffix(inner, ">"), true
	}
	if v, ok := shapes[item]; ok {
		if list {
			v = v + "," + second(v)
		}
		return v, true
	}
	switch {
	case strings.HasPrefix(kind, "AWS::SSM::Parameter::"):
		return "/corpus/parameter", true
	case item == "Number":
		v := "1"
		if c.MinValue != "" {
			v = c.MinValue
		} else if top, err := strconv.ParseFloat(c.MaxValue, 64); err == nil && top < 1 {
			v = c.MaxValue
		}
		if list {
			v += "," + v
		}
		return v, true
	}
	for _, v := range candidates(p.ParameterKey) {
		if fits(p, v) {
			return v, true
		}
	}
	return fromPattern(p)
}

func constraintsOf(p api.ProvisioningArtifactParameter) api.ParameterConstraints {
	if p.ParameterConstraints == nil {
		return api.ParameterConstraints{}
	}
	return *p.ParameterConstraints
}

// fits reports whether a value keeps a parameter's constraints, as far as Go
// can read its pattern.
func fits(p api.ProvisioningArtifactParameter, v string) bool {
	c := constraintsOf(p)
	n := utf8.RuneCountInString(v)
	if low, err := strconv.Atoi(c.MinLength); err == nil && n < low {
		return false
	}
	if high, err := strconv.Atoi(c.MaxLength); err == nil && n > high {
		return false
	}
	if strings.HasPrefix(p.ParameterType, "AWS::") || strings.HasPrefix(p.ParameterType, "List<AWS::") {
		return v != "" // a type that AWS looks up takes no empty value
	}
	if c.AllowedPattern == "" {
		return true
	}
	re, err := regexp.Compile(`^(?:` + c.AllowedPattern + `)$`)
	return err != nil || re.MatchString(v)
}

// second is another value of the shape of v.
func second(v string) string {
	return v[:len(v)-1] + "b"
}

// shapes are values of the types that AWS looks up.
var shapes = map[string]string{
	"AWS::EC2::AvailabilityZone::Name":   "us-east-1a",
	"AWS::EC2::Image::Id":                "ami-0123456789abcdef0",
	"AWS::EC2::Instance::Id":             "i-0123456789abcdef0",
	"AWS::EC2::KeyPair::KeyName":         "my-key",
	"AWS::EC2::SecurityGroup::GroupName": "my-group",
	"AWS::EC2::SecurityGroup::Id":        "sg-0123456789abcdef0",
	"AWS::EC2::Subnet::Id":               "subnet-0123456789abcdef0",
	"AWS::EC2::VPC::Id":                  "vpc-0123456789abcdef0",
	"AWS::EC2::Volume::Id":               "vol-0123456789abcdef0",
	"AWS::Route53::HostedZone::Id":       "Z0123456789ABCDEFGHIJ",
}

// hints are what a parameter's name suggests, the first that fits wins.
var hints = []struct{ part, value string }{
	{"multiaz", "true"}, {"enable", "true"}, {"module", "parent-module"}, {"parent", "parent-stack"},
	{"arn", "arn:aws:sns:us-east-1:123456789012:my-topic"},
	{"ipv6", "2001:db8::/56"}, {"cidr", "10.0.0.0/16"}, {"cidr", "10.0.0.0/24"}, {"sshlocation", "10.0.0.0/16"}, {"iprange", "10.0.0.0/16"},
	{"email", "someone@example.com"}, {"mail", "someone@example.com"}, {"endpoint", "someone@example.com"},
	{"passw", "Passw0rd12345"}, {"passphrase", "Passw0rd12345"}, {"secret", "Passw0rd12345"}, {"token", "Passw0rd12345"},
	{"hostedzonename", "example.com."}, {"hostedzoneid", "Z0123456789ABCDEFGHIJ"}, {"zoneid", "Z0123456789ABCDEFGHIJ"},
	{"domain", "example.com"}, {"fqdn", "www.example.com"}, {"hostname", "www.example.com"},
	{"url", "https://example.com/a"}, {"bucket", "my-corpus-bucket"},
	{"subnetids", "subnet-0123456789abcdef0,subnet-0123456789abcdef1"}, {"subnets", "subnet-0123456789abcdef0,subnet-0123456789abcdef1"},
	{"subnet", "subnet-0123456789abcdef0"}, {"vpc", "vpc-0123456789abcdef0"},
	{"securitygroup", "sg-0123456789abcdef0"}, {"clientsg", "sg-0123456789abcdef0"}, {"routetable", "rtb-0123456789abcdef0"},
	{"ami", "ami-0123456789abcdef0"}, {"imageid", "ami-0123456789abcdef0"}, {"instanceid", "i-0123456789abcdef0"},
	{"instancetype", "t3.micro"}, {"availabilityzones", "us-east-1a,us-east-1b"}, {"azs", "us-east-1a,us-east-1b"}, {"availabilityzone", "us-east-1a"}, {"az", "us-east-1a"},
	{"accountid", "123456789012"}, {"account", "123456789012"}, {"region", "us-east-1"}, {"port", "8080"}, {"stack", "parent-stack"},
	{"version", "1.31"}, {"username", "admin1"}, {"user", "admin1"}, {"dbname", "mydb"}, {"database", "mydb"}, {"key", "my-key"},
	{"", "corpus-name"}, {"", "corpusname1"}, {"", "Passw0rd1"}, {"", "Passw0rd!1"}, {"", "example.com"}, {"", "1"}, {"", "10.0.0.0/16"},
	{"", "10.0.0.0/24"}, {"", "10.0.0.1/32"}, {"", "arn:aws:iam::123456789012:role/my-role"}, {"", "https://example.com"}, {"", "someone@example.com"},
}

func candidates(key string) []string {
	key = strings.ToLower(strings.NewReplacer("-", "", "_", "", ":", "").Replace(key))
	var out []string
	for i, h := range hints {
		if h.part == "" && hints[i-1].part != "" {
			out = append(out, key) // tells it from its neighbors' values
		}
		if strings.Contains(key, h.part) {
			out = append(out, h.value)
		}
	}
	return out
}

// fromPattern makes the shortest value of a parameter's pattern that is as
// long as it must be.
func fromPattern(p api.ProvisioningArtifactParameter) (string, bool) {
	pattern := constraintsOf(p).AllowedPattern
	if pattern == "" {
		pattern = "[a-z]*"
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", false
	}
	for more := range 256 {
		if v := string(appendExample(nil, re, more)); v != "" && fits(p, v) {
			return v, true
		}
	}
	return "", fits(p, "")
}

// appendExample appends text that re matches; what may repeat does so more
// times than it must.
func appendExample(out []byte, re *syntax.Regexp, more int) []byte {
	times := func(low, high int) []byte {
		n := low + more
		if high >= 0 {
			n = min(n, high)
		}
		for range n {
			out = appendExample(out, re.Sub[0], more)
		}
		return out
	}
	switch re.Op {
	case syntax.OpLiteral:
		return append(out, string(re.Rune)...)
	case syntax.OpCharClass:
		return utf8.AppendRune(out, oneOf(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return append(out, 'a')
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			out = appendExample(out, sub, more)
		}
		return out
	case syntax.OpAlternate:
		return appendExample(out, re.Sub[0], more)
	case syntax.OpCapture:
		return appendExample(out, re.Sub[0], more)
	case syntax.OpStar:
		return times(0, -1)
	case syntax.OpPlus:
		return times(1, -1)
	case syntax.OpQuest:
		return times(0, 1)
	case syntax.OpRepeat:
		return times(re.Min, re.Max)
	}
	return out // anchors and the empty match
}

// oneOf picks from a class (pairs of bounds) what reads best.
func oneOf(class []rune) rune {
	for _, r := range "a1A" {
		for i := 0; i+1 < len(class); i += 2 {
			if class[i] <= r && r <= class[i+1] {
				return r
			}
		}
	}
	return class[0]
}

func TestSensible(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		key, kind   string
		constraints api.ParameterConstraints
		want        string
	}{
		{"Size", "String", api.ParameterConstraints{AllowedValues: []string{"big", "small"}}, "big"},
		{"Subnets", "List<AWS::EC2::Subnet::Id>", api.ParameterConstraints{}, "subnet-0123456789abcdef0,subnet-0123456789abcdefb"},
		{"Count", "Number", api.ParameterConstraints{MinValue: "3"}, "3"},
		{"VpcCidr", "String", api.ParameterConstraints{AllowedPattern: `[0-9./]+`}, "10.0.0.0/16"},
		{"DBPassword", "String", api.ParameterConstraints{MinLength: "8", AllowedPattern: "[a-zA-Z0-9]*"}, "Passw0rd12345"},
		{"Code", "String", api.ParameterConstraints{AllowedPattern: `^x-[0-9]{4}-[A-F]+$`, MinLength: "9"}, "x-1111-AA"},
		{"Nothing", "String", api.ParameterConstraints{AllowedPattern: `\d{2}\b!`}, "11!"},
	} {
		got, ok := sensible(api.ProvisioningArtifactParameter{
			ParameterKey: test.key, ParameterType: test.kind, ParameterConstraints: &test.constraints,
		})
		if !ok || got != test.want {
			t.Errorf("%s %s: got %q, %v; want %q", test.kind, test.key, got, ok, test.want)
		}
	}
}

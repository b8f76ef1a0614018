package schema

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// attributeFor returns how a read-only property without a shape is made: a
// text by its name if the schema allows that, else whatever its schema allows.
func (t *Type) attributeFor(path string, n *node) func(*simulation) Value {
	if n.enum == nil && !n.isConst && (n.types == 0 || n.types&isString != 0) {
		if f := t.formFor(path, n); f != nil {
			otherwise := t.sampleFor(path, n)
			return func(s *simulation) Value {
				// What the form is filled with may not be what the schema allows.
				if text := f.fill(s, s.dice.dice(path)); n.free() || t.allows(n, text) {
					return text
				}
				return otherwise(s)
			}
		}
	}
	return t.sampleFor(path, n)
}

// free reports whether a schema allows every text.
func (n *node) free() bool {
	return n.pattern == "" && n.format == "" && n.minLength == none && n.maxLength == none && n.oneOf == nil && n.anyOf == nil && n.allOf == nil && n.ref == none
}

// probeSeed stands for any seed where a form is tried against a schema.
var probeSeed = &Seed{
	Partition: "aws", Account: "123456789012", Region: "us-east-1",
	StackName: "my-stack", StackID: "arn:aws:cloudformation:us-east-1:123456789012:stack/my-stack/0", LogicalID: "Resource",
}

// formats are the forms of values by their format.
var formats = map[string]string{
	"AWS::IAM::Role.Arn":           "arn:{partition}:iam::{account}:role/{name:mixed}",
	"AWS::KMS::Key.Arn":            "arn:{partition}:kms:{region}:{account}:key/{uuid}",
	"AWS::KMS::Key.Id":             "{uuid}",
	"AWS::KMS::Alias.AliasName":    "alias/{name:mixed}",
	"AWS::EC2::SecurityGroup.Id":   "sg-{hex:17}",
	"AWS::EC2::Subnet.Id":          "subnet-{hex:17}",
	"AWS::EC2::VPC.Id":             "vpc-{hex:17}",
	"AWS::EC2::Image.Id":           "ami-{hex:17}",
	"AWS::EC2::SecurityGroup.Name": "{name:mixed}",
	"AWS::S3::Bucket.Name":         "{name:lower}",
	"AWS::SNS::Topic.Arn":          "arn:{partition}:sns:{region}:{account}:{name:mixed}",
	"AWS::SQS::Queue.Arn":          "arn:{partition}:sqs:{region}:{account}:{name:mixed}",
	"AWS::Lambda::Function.Arn":    "arn:{partition}:lambda:{region}:{account}:function:{name:mixed}",
	"AWS::Lambda::Function.Name":   "{name:mixed}",
	"AWS::Logs::LogGroup.Name":     "{name:mixed}",
	"AWS::ACM::Certificate.Arn":    "arn:{partition}:acm:{region}:{account}:certificate/{uuid}",
	"date-time":                    "{time}",
	"timestamp":                    "{time}",
	"ipv4-network":                 "10.{number:256}.0.0/16",
	"ipv6-network":                 "2600:1f18:{hex:4}:{hex:2}00::/56",
	"json":                         "{}",
}

// endings are the forms of attributes by how their names end, the longer
// endings first. Between them and the schemas' patterns most attributes look
// like AWS's; the rest is in shapes.txt.
var endings = []struct{ end, form string }{
	{"availabilityzone", "{region}a"},
	{"privatednsname", "ip-10-{number:256}-{number:256}-{number:256}.ec2.internal"},
	{"hostedzoneid", "Z{upper:20}"},
	{"accountid", "{account}"}, {"ownerid", "{account}"}, {"owneraccount", "{account}"}, {"awsaccount", "{account}"},
	{"securitygroupid", "sg-{hex:17}"}, {"subnetid", "subnet-{hex:17}"}, {"vpcid", "vpc-{hex:17}"},
	{"networkinterfaceid", "eni-{hex:17}"}, {"kmskeyid", "{uuid}"},
	{"cidrblock", "10.{number:256}.0.0/16"},
	{"ipaddress", "10.{number:256}.{number:256}.{number:256}"}, {"ipv4address", "10.{number:256}.{number:256}.{number:256}"},
	{"ipv6address", "2600:1f18:{hex:4}:{hex:4}:{hex:4}:{hex:4}:{hex:4}:{hex:4}"},
	{"region", "{region}"},
	{"domainname", "{lower:14}.{region}.{suffix}"}, {"dnsname", "{lower:14}.{region}.{suffix}"},
	{"hostname", "{lower:14}.{region}.{suffix}"},
	{"endpointurl", "https://{lower:14}.{region}.{suffix}"},
	{"endpoint", "{lower:14}.{region}.{suffix}"}, {"endpointaddress", "{lower:14}.{region}.{suffix}"},
	{"url", "https://{lower:14}.{region}.{suffix}/"}, {"uri", "https://{lower:14}.{region}.{suffix}/"},
	{"email", "{lower:10}@example.com"},
	{"port", "443"},
	{"status", "ACTIVE"}, {"state", "ACTIVE"},
	{"versionid", "{uuid}"}, {"revisionid", "{uuid}"}, {"version", "1"}, {"versionnumber", "1"}, {"revision", "1"},
	{"createdat", "{time}"}, {"updatedat", "{time}"}, {"modifiedat", "{time}"}, {"time", "{time}"}, {"date", "{time}"},
	{"timestamp", "{time}"},
	{"etag", "E{upper:13}"},
	{"name", "{name:mixed}"},
}

// formFor returns the form that an attribute's format or name suggests.
func (t *Type) formFor(path string, n *node) form {
	if f, ok := formats[n.format]; ok {
		return parseForm(f)
	}
	steps := split(path)
	name := strings.ToLower(steps[len(steps)-1])
	if strings.HasSuffix(name, "arn") {
		return t.arnForm(name)
	}
	for _, e := range endings {
		if strings.HasSuffix(name, e.end) {
			return parseForm(e.form)
		}
	}
	if slices.Equal(t.primary, []string{path}) && t.legacy {
		return parseForm("{name:mixed}") // the physical id of a legacy type
	}
	if strings.HasSuffix(name, "id") {
		for _, f := range []string{"{lower:10}", "{uuid}", "{hex:17}", "{alnum:22}", "{upper:14}", "{digits:12}"} {
			probe := simulation{t: t, seed: probeSeed, dice: newDice("probe")}
			parsed := parseForm(f)
			if t.allows(n, parsed.fill(&probe, probe.dice)) {
				return parsed
			}
		}
	}
	return nil
}

// arnForm returns the form of an ARN attribute: the type's own by the ARN
// template that is known for it, others by the usual order of parts.
func (t *Type) arnForm(name string) form {
	kind := strings.ToLower(t.Name[strings.LastIndex(t.Name, ":")+1:])
	own := name == "arn" || strings.HasPrefix(kind, strings.TrimSuffix(name, "arn")) || strings.HasSuffix(name, kind+"arn")
	if !own || t.arn == "" {
		id := "{lower:12}"
		if own {
			id = t.ownName()
		}
		return parseForm("arn:{partition}:" + strings.ToLower(t.service()) + ":{region}:{account}:" + strings.TrimSuffix(name, "arn") + "/" + id)
	}
	var b strings.Builder
	rest := t.arn
	for {
		before, after, ok := strings.Cut(rest, "${")
		b.WriteString(before)
		variable, next, closed := strings.Cut(after, "}")
		if !ok || !closed {
			return parseForm(b.String())
		}
		b.WriteString(t.arnVariable(variable))
		rest = next
	}
}

// arnVariable returns the hole for a variable of an ARN template: the
// property of that name, or one that must be meant.
func (t *Type) arnVariable(variable string) string {
	switch variable {
	case "Partition", "Region", "Account":
		return "{" + strings.ToLower(variable) + "}"
	}
	kind := t.Name[strings.LastIndex(t.Name, ":")+1:]
	var found []string
	candidates := []string{variable}
	if strings.HasPrefix(variable, kind) || strings.HasPrefix(variable, "Resource") {
		candidates = append(candidates, strings.TrimPrefix(variable, kind), strings.TrimPrefix(variable, "Resource"))
	}
	for _, c := range candidates {
		if c == "" {
			continue
		}
		if _, ok := t.lookup(c); ok && !strings.HasSuffix(strings.ToLower(c), "arn") {
			found = append(found, "tail:"+c)
		}
	}
	if len(found) == 0 && (strings.HasPrefix(variable, kind) || strings.HasPrefix(variable, "Resource")) {
		return t.ownName()
	}
	return "{" + strings.Join(append(found, "lower:10"), "|") + "}"
}

// ownName returns the hole for what a resource is known by.
func (t *Type) ownName() string {
	kind := t.Name[strings.LastIndex(t.Name, ":")+1:]
	var found []string
	for _, c := range append([]string{kind + "Id", "Id", kind + "Name", "Name"}, t.primary...) {
		if n, ok := t.lookup(c); ok && n.types&isString != 0 && !strings.HasSuffix(strings.ToLower(c), "arn") && !slices.Contains(found, c) {
			found = append(found, c)
		}
	}
	return "{" + strings.Join(append(found, "lower:10"), "|") + "}"
}

// sampleFor returns how a value is made from nothing but its schema.
func (t *Type) sampleFor(purpose string, n *node) func(*simulation) Value {
	return func(s *simulation) Value {
		d := s.dice.dice(purpose)
		return s.sample(n, purpose, &d, 0)
	}
}

// sample makes a value that fits a schema. Objects get their scalar members
// and what they require, to a small depth.
func (s *simulation) sample(n *node, path string, d *dice, depth int) Value {
	const deepest = 10
	n = s.t.resolve(n)
	switch {
	case depth > deepest:
		return nil
	case n.isConst:
		return n.constant
	case n.enum != nil:
		return typed(settledState(n.enum), n.types)
	case n.types&isString != 0 && n.types&isObject == 0:
		return s.sampleText(n, path, d)
	case n.types&(isInteger|isNumber) != 0:
		return sampleNumber(n)
	case n.types&isBoolean != 0:
		return false
	case n.types&isArray != 0:
		return s.sampleList(n, path, d, depth)
	case n.types&isObject != 0 || n.properties != nil:
		return s.sampleObject(n, path, d, depth)
	}
	for _, subs := range [][]*node{n.oneOf, n.anyOf, n.allOf} {
		for _, sub := range subs {
			if v := s.sample(sub, path, d, depth+1); v != nil && s.fits(n, v) {
				return v
			}
		}
	}
	return s.sampleText(n, path, d)
}

func (s *simulation) fits(n *node, value Value) bool {
	v := validation{t: s.t}
	v.check(n, value)
	return len(v.found) == 0
}

// settledState picks the value of an enumeration that a resource settles in.
func settledState(values []string) string {
	for _, good := range []string{
		"ACTIVE", "AVAILABLE", "ENABLED", "READY", "RUNNING", "COMPLETED", "COMPLETE", "SUCCEEDED", "CREATED", "DEPLOYED",
		"CREATE_COMPLETE", "IN_SERVICE", "INSERVICE", "ISSUED", "SUCCESSFUL", "SUCCESS", "CREATE_SUCCEEDED", "CREATE_SUCCESSFUL",
	} {
		for _, v := range values {
			if strings.EqualFold(v, good) {
				return v
			}
		}
	}
	return values[0]
}

func (s *simulation) sampleText(n *node, path string, d *dice) Value {
	if f := s.t.formFor(path, n); f != nil {
		text := f.fill(s, *d)
		d.next() // the next of a list is another
		if s.fits(n, text) {
			return text
		}
	}
	for _, subs := range [][]*node{n.oneOf, n.anyOf, n.allOf} {
		for _, sub := range subs {
			sub = s.t.resolve(sub)
			if sub.enum == nil && sub.pattern == "" {
				continue
			}
			alternative := *sub
			alternative.types |= isString
			if v := s.sample(&alternative, path, d, 1); s.fits(n, v) {
				return v
			}
		}
	}
	short, long := 12, 1<<12
	if n.minLength != none {
		short = max(short, int(n.minLength))
	}
	if n.maxLength != none {
		long = int(n.maxLength)
		short = min(short, long)
	}
	if n.pattern == "" {
		return d.text(lower, short)
	}
	for try := range 8 {
		text := compiled(n.pattern).generate(d, try, short, long)
		if local := s.localARN(text); s.fits(n, local) {
			return local
		}
		if s.fits(n, text) {
			return text
		}
	}
	return d.text(lower, short)
}

// localARN gives an ARN that was made from a pattern the partition, region and
// account of the resource.
func (s *simulation) localARN(text string) string {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return text
	}
	parts[1] = s.seed.Partition
	if parts[3] != "" {
		parts[3] = s.seed.Region
	}
	if parts[4] != "" && strings.Trim(parts[4], digits) == "" {
		parts[4] = s.seed.Account
	}
	return strings.Join(parts, ":")
}

func sampleNumber(n *node) Value {
	f := 1.0
	if n.minimum != nil {
		f = max(f, *n.minimum)
	}
	if n.maximum != nil {
		f = min(f, *n.maximum)
	}
	if n.types&isInteger != 0 {
		f = math.Ceil(f)
	}
	return json.Number(strconv.FormatFloat(f, 'f', -1, 64))
}

func (s *simulation) sampleList(n *node, path string, d *dice, depth int) Value {
	list := []any{}
	if n.items == nil {
		return list
	}
	count := 1
	if items := s.t.resolve(n.items); items.types&isString != 0 && items.enum == nil {
		count = 2 // templates select from lists of names and addresses
	}
	if n.minItems != none {
		count = max(count, int(n.minItems))
	}
	if n.maxItems != none {
		count = min(count, int(n.maxItems))
	}
	for len(list) < min(count, 50) {
		item := s.sample(n.items, singular(path), d, depth+1)
		if item == nil || n.unique && slices.ContainsFunc(list, func(o any) bool { return equal(o, item) }) {
			break
		}
		list = append(list, item)
	}
	return list
}

// singular is how an item of a list is called.
func singular(plural string) string {
	if stem, ok := strings.CutSuffix(plural, "sses"); ok {
		return stem + "ss"
	}
	return strings.TrimSuffix(plural, "s")
}

func (s *simulation) sampleObject(n *node, path string, d *dice, depth int) Value {
	object := map[string]any{}
	fill := func(n *node) {
		for _, p := range n.properties {
			if _, ok := object[p.name]; ok {
				continue
			}
			resolved := s.t.resolve(p.node)
			simple := resolved.types&(isObject|isArray) == 0 && resolved.types != 0
			if !simple && !slices.Contains(n.required, p.name) {
				continue
			}
			if v := s.sample(p.node, p.name, d, depth+1); v != nil {
				object[p.name] = v
			}
		}
	}
	fill(n)
	if s.fits(n, object) {
		return object
	}
	// Alternatives exclude each other: keep to what is required of one.
	for _, subs := range [][]*node{n.oneOf, n.anyOf} {
		for _, sub := range subs {
			sub = s.t.resolve(sub)
			object = map[string]any{}
			for _, name := range slices.Concat(n.required, sub.required) {
				if p, ok := s.t.member(n, name); ok {
					if v := s.sample(p, name, d, depth+1); v != nil {
						object[name] = v
					}
				}
			}
			if s.fits(n, object) {
				return object
			}
		}
	}
	return object
}

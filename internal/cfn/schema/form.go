package schema

import (
	"strconv"
	"strings"
)

// A shape is how an attribute of a type looks, as shapes.txt writes it.
type shape struct{ attribute, form string }

// A form is text with holes, such as
// "arn:{partition}:sns:{region}:{account}:{TopicName}". A hole holds
// alternatives, separated by bars, of which the first that is not empty fills
// it: a name with a capital is a property of the resource ("Endpoint/Port"
// for a nested one), "=x" is the text x, anything else is one of makers or
// modifiers ("hex:17", "tail:Cluster").
type form []piece

type piece struct {
	text  string
	holes []hole // alternatives, if any
}

type hole struct {
	maker    func(s *simulation, d *dice, arg string) string
	modifier func(string) string
	arg      string
}

// makers make what does not come from properties.
var makers = map[string]func(s *simulation, d *dice, arg string) string{
	"partition": func(s *simulation, _ *dice, _ string) string { return s.seed.Partition },
	"region":    func(s *simulation, _ *dice, _ string) string { return s.seed.Region },
	"account":   func(s *simulation, _ *dice, _ string) string { return s.seed.Account },
	"stack":     func(s *simulation, _ *dice, _ string) string { return s.seed.StackName },
	"logical":   func(s *simulation, _ *dice, _ string) string { return s.seed.LogicalID },
	"suffix":    func(s *simulation, _ *dice, _ string) string { return s.suffix() },
	"uuid":      func(_ *simulation, d *dice, _ string) string { return d.uuid() },
	"hex":       func(_ *simulation, d *dice, n string) string { return d.text(hex, length(n)) },
	"lower":     func(_ *simulation, d *dice, n string) string { return d.text(lower, length(n)) },
	"upper":     func(_ *simulation, d *dice, n string) string { return d.text(upper, length(n)) },
	"alnum":     func(_ *simulation, d *dice, n string) string { return d.text(mixed, length(n)) },
	"digits":    func(_ *simulation, d *dice, n string) string { return d.text(digits, length(n)) },
	"HEX":       func(_ *simulation, d *dice, n string) string { return strings.ToUpper(d.text(hex, length(n))) },
	"ip":        func(_ *simulation, d *dice, _ string) string { return d.privateIP() },
	"time":      func(_ *simulation, d *dice, _ string) string { return d.time() },
	"stamp":     func(_ *simulation, d *dice, _ string) string { return strings.TrimSuffix(d.time(), "Z") + ".000" },
	"internal": func(s *simulation, _ *dice, _ string) string {
		return regional(s.seed.Region, "ec2.internal", ".compute.internal")
	},
	"compute": func(s *simulation, _ *dice, _ string) string { return regional(s.seed.Region, "compute-1", ".compute") },
	"zone":    func(s *simulation, _ *dice, _ string) string { return shortRegion(s.seed.Region) },
	"number":  func(_ *simulation, d *dice, n string) string { return strconv.Itoa(d.below(length(n))) },
	"name":    func(s *simulation, _ *dice, style string) string { return s.generatedName(nameStyles[style], 0) },
}

// modifiers derive something from a property.
var modifiers = map[string]func(string) string{
	"tail":      tail,
	"lc":        strings.ToLower,
	"slug":      func(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "-")) },
	"dash":      func(s string) string { return strings.ReplaceAll(s, ".", "-") },
	"first":     func(s string) string { return s[:min(20, len(s))] },
	"ending":    func(s string) string { return s[strings.LastIndexByte(s, '.')+1:] },
	"host":      func(s string) string { return strings.TrimPrefix(s, "https://") },
	"ro":        func(s string) string { return strings.Replace(s, ".cluster-", ".cluster-ro-", 1) },
	"port":      enginePort,
	"bus":       busPath,
	"elb":       func(s string) string { return map[string]string{"network": "net", "gateway": "gwy"}[s] },
	"scheme":    func(s string) string { return map[string]string{"internal": "internal-"}[s] },
	"gateway":   func(string) string { return "IGW" },
	"listener":  func(s string) string { return strings.Replace(s, ":loadbalancer/", ":listener/", 1) },
	"rule":      func(s string) string { return strings.Replace(s, ":listener/", ":listener-rule/", 1) },
	"waf":       func(s string) string { return map[string]string{"CLOUDFRONT": "global", "REGIONAL": "regional"}[s] },
	"apischeme": func(s string) string { return map[string]string{"WEBSOCKET": "wss"}[s] },
	"service":   serviceRole,
}

// busPath is what an event bus adds to the ARN of its rules: nothing if it is
// the default one.
func busPath(bus string) string {
	if name := tail(bus); name != "default" {
		return name + "/"
	}
	return ""
}

// serviceRole is how a service's linked role is called after its domain:
// elasticbeanstalk.amazonaws.com names AWSServiceRoleForElasticbeanstalk.
func serviceRole(domain string) string {
	name, _, _ := strings.Cut(domain, ".")
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// regional is a part of EC2's host names, which in the first region lack its
// name.
func regional(region, first, others string) string {
	if region == "us-east-1" {
		return first
	}
	return region + others
}

// shortRegion is how ElastiCache writes a region in its host names: use1.
func shortRegion(region string) string {
	parts := strings.SplitN(region, "-", 3)
	if len(parts) < 3 || parts[1] == "" {
		return region
	}
	direction := map[string]string{
		"northeast": "ne", "southeast": "se", "northwest": "nw", "southwest": "sw",
	}[parts[1]]
	if direction == "" {
		direction = parts[1][:1]
	}
	return parts[0] + direction + parts[2]
}

func (d *dice) privateIP() string {
	return "10." + strconv.Itoa(d.below(256)) + "." + strconv.Itoa(d.below(256)) + "." + strconv.Itoa(4+d.below(250))
}

func length(n string) int {
	i, _ := strconv.Atoi(n)
	return i
}

// tail returns what stands behind the last slash or colon, which of an ARN
// is the name.
func tail(s string) string { return s[strings.LastIndexAny(s, ":/")+1:] }

// suffix is the domain of AWS in the seed's partition.
func (s *simulation) suffix() string {
	if s.seed.Partition == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// time returns a moment within a year: things that exist were made at some
// time, and the same thing always at the same.
func (d *dice) time() string {
	two := func(low, n int) string { return strconv.Itoa(100 + low + d.below(n))[1:] }
	return "2026-" + two(1, 12) + "-" + two(1, 28) + "T" + two(0, 24) + ":" + two(0, 60) + ":" + two(0, 60) + "Z"
}

// enginePort returns the port on which a database engine listens.
func enginePort(engine string) string {
	for _, e := range []struct{ prefix, port string }{
		{"aurora-postgresql", "5432"}, {"postgres", "5432"}, {"oracle", "1521"}, {"sqlserver", "1433"},
		{"db2", "50000"}, {"docdb", "27017"}, {"neptune", "8182"}, {"memcached", "11211"}, {"redis", "6379"}, {"valkey", "6379"},
	} {
		if strings.HasPrefix(engine, e.prefix) {
			return e.port
		}
	}
	return "3306"
}

// parseForm reads a form. What is malformed stays as text; a test reads all.
func parseForm(source string) form {
	var f form
	for source != "" {
		before, rest, ok := strings.Cut(source, "{")
		inner, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			return append(f, piece{text: source})
		}
		if before != "" {
			f = append(f, piece{text: before})
		}
		if inner == "" {
			f = append(f, piece{text: "{}"})
			source = after
			continue
		}
		p := piece{}
		for _, alternative := range strings.Split(inner, "|") {
			p.holes = append(p.holes, parseHole(alternative))
		}
		f = append(f, p)
		source = after
	}
	return f
}

func parseHole(source string) hole {
	if text, ok := strings.CutPrefix(source, "="); ok {
		return hole{arg: text, maker: func(_ *simulation, _ *dice, arg string) string { return arg }}
	}
	verb, arg, _ := strings.Cut(source, ":")
	if maker, ok := makers[verb]; ok {
		return hole{maker: maker, arg: arg}
	}
	if modifier, ok := modifiers[verb]; ok {
		return hole{modifier: modifier, arg: arg}
	}
	return hole{arg: source}
}

func (h hole) fill(s *simulation, d *dice) string {
	if h.maker != nil {
		return h.maker(s, d, h.arg)
	}
	value := s.property(h.arg)
	if h.modifier != nil && value != "" {
		return h.modifier(value)
	}
	return value
}

func (f form) fill(s *simulation, d dice) string {
	if len(f) == 1 && f[0].holes == nil {
		return f[0].text
	}
	b := make([]byte, 0, 128)
	for _, p := range f {
		b = append(b, p.text...)
		for _, h := range p.holes {
			if text := h.fill(s, &d); text != "" {
				b = append(b, text...)
				break
			}
		}
	}
	return string(b)
}

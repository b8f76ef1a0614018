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
	"time":      func(_ *simulation, d *dice, _ string) string { return d.time() },
	"number":    func(_ *simulation, d *dice, n string) string { return strconv.Itoa(d.below(length(n))) },
	"name":      func(s *simulation, _ *dice, style string) string { return s.generatedName(nameStyles[style], 0) },
}

// modifiers derive something from a property.
var modifiers = map[string]func(string) string{
	"tail":  tail,
	"lc":    strings.ToLower,
	"dash":  func(s string) string { return strings.ReplaceAll(s, ".", "-") },
	"port":  enginePort,
	"strip": func(s string) string { return strings.TrimSuffix(s, ".") },
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
	if make, ok := makers[verb]; ok {
		return hole{maker: make, arg: arg}
	}
	if modify, ok := modifiers[verb]; ok {
		return hole{modifier: modify, arg: arg}
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

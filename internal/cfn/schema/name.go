package schema

import (
	"strings"
)

// A nameStyle is a form of generated name.
type nameStyle int

const (
	mixedName nameStyle = iota
	lowerName
	shortName
	shortLowerName
	underscoreName
	letterName
	parameterName
	fifoName
	logicalName
)

// nameStyles are the styles by their names in shapes.txt.
var nameStyles = map[string]nameStyle{
	"mixed": mixedName, "lower": lowerName, "short": shortName, "shortlower": shortLowerName,
	"underscore": underscoreName, "letters": letterName, "ssm": parameterName, "fifo": fifoName, "logical": logicalName,
}

// uniquePart is the length of the random end of a generated name.
const uniquePart = 12

// generatedName forms a name as CloudFormation does for resources that were
// not given one: <stack>-<LogicalId>-<12 characters>. Where that is longer
// than the type allows (most; 0 for no limit), the stack's name and the
// logical id are cut, each to no less than half of the room unless it needs
// less. Load balancers and their like use six and five characters of them
// (shortName), SSM parameters say CFN instead of the stack, and some types
// leave the stack out (logicalName).
func (s *simulation) generatedName(style nameStyle, most int) string {
	stack, logical, dash := s.seed.StackName, s.seed.LogicalID, "-"
	alphabet := mixed
	switch style {
	case shortName, shortLowerName:
		stack, logical = stack[:min(6, len(stack))], logical[:min(5, len(logical))]
	case parameterName:
		stack = "CFN"
	case logicalName:
		stack = ""
	case underscoreName:
		stack, dash = strings.ReplaceAll(stack, "-", "_"), "_"
	case letterName:
		stack, dash = strings.ReplaceAll(stack, "-", ""), ""
	}
	if style == lowerName || style == shortLowerName || style == underscoreName {
		stack, logical, alphabet = strings.ToLower(stack), strings.ToLower(logical), lower
	}
	end := ""
	if style == fifoName && (s.property("FifoQueue") == "true" || s.property("FifoTopic") == "true") {
		end = ".fifo"
	}
	d := s.dice.dice("name")
	random := d.text(alphabet, uniquePart)
	if most > 0 {
		room := most - uniquePart - 2*len(dash) - len(end)
		if room < 2 {
			return random[:min(most, uniquePart)]
		}
		if over := len(stack) + len(logical) - room; over > 0 {
			logical = logical[:min(len(logical), max(room/2, room-len(stack)))]
			stack = strings.TrimRight(stack[:min(len(stack), room-len(logical))], "-")
		}
	}
	parts := make([]string, 0, 3)
	for _, p := range []string{stack, logical, random} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, dash) + end
}

// nameFor returns how an optional property that identifies a resource is
// named when it is not given: in the first style that its schema allows.
func (t *Type) nameFor(n *node) func(*simulation) Value {
	most := 0
	if n.maxLength != none {
		most = int(n.maxLength)
	}
	probe := simulation{t: t, seed: &Seed{StackName: "my-stack", LogicalID: "Resource"}, dice: newDice("probe")}
	for _, style := range []nameStyle{mixedName, lowerName, underscoreName, letterName} {
		if t.allows(n, probe.generatedName(style, most)) {
			return func(s *simulation) Value { return s.generatedName(style, most) }
		}
	}
	return t.sampleFor("name", n)
}

// allows reports whether a text fits a schema.
func (t *Type) allows(n *node, text string) bool {
	v := validation{t: t}
	v.check(n, text)
	return len(v.found) == 0
}

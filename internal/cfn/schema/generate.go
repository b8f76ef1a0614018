package schema

import (
	"regexp/syntax"
	"strings"
)

// generate returns a text that fits the pattern's first branch, if its guards
// allow; the caller checks. It repeats what may be repeated to reach the
// length short, and less where that gets longer than long.
func (p *pattern) generate(d *dice, try, short, long int) string {
	if len(p.branches) == 0 {
		return d.text(lower, short)
	}
	tree, err := syntax.Parse(p.branches[0].main.String(), syntax.Perl)
	if err != nil {
		return d.text(lower, short)
	}
	var text string
	for goal := short; ; goal -= max(1, goal/4) {
		g := generator{dice: d, goal: goal, try: try}
		g.write(tree)
		text = g.out.String()
		if len(text) <= long || goal <= 0 {
			break
		}
	}
	return text
}

type generator struct {
	dice *dice
	out  strings.Builder
	goal int // the length to reach where repetition allows it
	try  int // 0 takes the first of alternatives, others any
}

func (g *generator) write(re *syntax.Regexp) {
	const tooLong = 4096
	if g.out.Len() > tooLong {
		return
	}
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			g.out.WriteRune(r)
		}
	case syntax.OpCharClass:
		g.out.WriteRune(g.pick(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		g.out.WriteByte(lower[g.dice.below(len(lower))])
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			g.write(sub)
		}
	case syntax.OpAlternate:
		g.write(re.Sub[min(g.try, 1)*g.dice.below(len(re.Sub))])
	case syntax.OpStar:
		g.repeat(re.Sub[0], 0, -1)
	case syntax.OpPlus:
		g.repeat(re.Sub[0], 1, -1)
	case syntax.OpQuest:
		if g.try > 0 && g.dice.below(2) == 0 { // first, "aws(-cn)?" means aws
			g.write(re.Sub[0])
		}
	case syntax.OpRepeat:
		g.repeat(re.Sub[0], re.Min, re.Max)
	}
}

func (g *generator) repeat(re *syntax.Regexp, low, high int) {
	for n := 0; high < 0 || n < high; n++ {
		before := g.out.Len()
		if n >= low && before >= g.goal {
			return
		}
		g.write(re)
		if n >= low && g.out.Len() == before {
			return
		}
	}
}

// pick chooses a letter or digit of a class if there is one, for identifiers
// are mostly made of those.
func (g *generator) pick(class []rune) rune {
	var good []rune
	for i := 0; i < len(class); i += 2 {
		for r := max(class[i], '0'); r <= min(class[i+1], 'z'); r++ {
			if strings.ContainsRune(mixed, r) {
				good = append(good, r)
			}
		}
	}
	if len(good) > 0 {
		return good[g.dice.below(len(good))]
	}
	pair := 2 * g.dice.below(len(class)/2)
	return class[pair] + rune(g.dice.below(int(min(class[pair+1]-class[pair]+1, 64))))
}

package template

import (
	"slices"
	"strings"

	"larder/internal/cfn/schema"
)

// condition decides a named condition once.
func (ev *evaluator) condition(c *Condition) (bool, *Error) {
	if holds, ok := ev.conditions[c.Name]; ok {
		return holds, nil
	}
	holds, err := ev.truth(c.node)
	if err == nil {
		ev.conditions[c.Name] = holds
	}
	return holds, err
}

// truth evaluates a condition or rule function.
func (ev *evaluator) truth(n *Node) (bool, *Error) {
	switch n.kind {
	case KindCondition:
		c := ev.Template.Condition(n.text)
		if c == nil {
			return false, fault("Template format error: Unresolved condition dependency %s in the Conditions block of the template", n.text)
		}
		return ev.condition(c)
	case KindAnd, KindOr:
		// All of them are evaluated, so that what is wrong in one never
		// depends on the values of another.
		result := n.kind == KindAnd
		for i := range n.items {
			holds, err := ev.truth(&n.items[i])
			if err != nil {
				return false, err.at(&n.items[i])
			}
			if n.kind == KindAnd {
				result = result && holds
			} else {
				result = result || holds
			}
		}
		return result, nil
	case KindNot:
		holds, err := ev.truth(&n.items[0])
		return !holds, err
	case KindEquals:
		left, err := ev.value(&n.items[0])
		if err != nil {
			return false, err
		}
		right, err := ev.value(&n.items[1])
		if err != nil {
			return false, err
		}
		return ev.equal(left, right)
	case KindContains, KindEachMemberEquals, KindEachMemberIn:
		return ev.membership(n)
	}
	v, err := ev.value(n)
	if err != nil {
		return false, err
	}
	switch text, _, _ := textOf(v); text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fault("Template format error: Conditions can only be boolean operations on parameters and other conditions")
}

// equal compares as CloudFormation does: scalars by their text.
func (ev *evaluator) equal(a, b schema.Value) (bool, *Error) {
	x, okX := comparableTexts(a)
	y, okY := comparableTexts(b)
	if !okX || !okY {
		return false, misuse(KindEquals)
	}
	return slices.Equal(x, y), nil
}

// comparableTexts returns a scalar's text, or the texts of a list.
func comparableTexts(v schema.Value) ([]string, bool) {
	switch v := v.(type) {
	case noValue:
		return []string{""}, true
	case Unknown:
		return []string{v.Text}, true
	case []any:
		texts := make([]string, 0, len(v))
		for _, item := range v {
			text, _, ok := textOf(item)
			if !ok {
				return nil, false
			}
			texts = append(texts, text)
		}
		return texts, true
	}
	text, _, ok := textOf(v)
	return []string{text}, ok
}

// membership evaluates Fn::Contains, Fn::EachMemberEquals and Fn::EachMemberIn.
func (ev *evaluator) membership(n *Node) (bool, *Error) {
	var sides [2][]string
	for i := range sides {
		v, err := ev.value(&n.items[i])
		if err != nil {
			return false, err
		}
		var ok bool
		if sides[i], ok = comparableTexts(v); !ok {
			return false, misuse(n.kind)
		}
	}
	list, other := sides[0], sides[1]
	switch n.kind {
	case KindContains:
		return len(other) == 1 && slices.Contains(list, other[0]), nil
	case KindEachMemberEquals:
		for _, member := range list {
			if len(other) != 1 || member != other[0] {
				return false, nil
			}
		}
		return true, nil
	}
	in := make(map[string]bool, len(other))
	for _, member := range other {
		in[member] = true
	}
	for _, member := range list {
		if !in[member] {
			return false, nil
		}
	}
	return true, nil
}

// lookUp evaluates Fn::RefAll, Fn::ValueOf and Fn::ValueOfAll through Env.
func (ev *evaluator) lookUp(n *Node) (schema.Value, *Error) {
	var found []string
	switch n.kind {
	case KindRefAll:
		found = ev.valuesOf(n.text)
	case KindValueOf:
		p := ev.Template.Parameter(n.text)
		texts, _ := comparableTexts(ev.values[n.text])
		element, _ := elementType(p)
		for _, text := range texts {
			found = append(found, ev.attributeOf(element, text, n.items[0].text)...)
		}
	case KindValueOfAll:
		for _, p := range ev.Template.Parameters {
			if element, list := elementType(p); p.Type != n.text && (list || element != n.text) {
				continue
			}
			element, _ := elementType(p)
			texts, _ := comparableTexts(ev.values[p.Name])
			for _, text := range texts {
				found = append(found, ev.attributeOf(element, text, n.items[0].text)...)
			}
		}
	}
	if n.kind == KindValueOf && len(found) == 1 {
		return found[0], nil
	}
	list := make([]any, len(found))
	for i, text := range found {
		list[i] = text
	}
	return list, ev.spend(32 * len(list))
}

// elementType returns the type of a parameter's members.
func elementType(p *Parameter) (element string, list bool) {
	if inner, ok := cutList(p.Type); ok {
		return inner, true
	}
	return p.Type, false
}

func (ev *evaluator) valuesOf(parameterType string) []string {
	if ev.env.Values == nil {
		return nil
	}
	values, _ := ev.env.Values(parameterType)
	return values
}

func (ev *evaluator) attributeOf(parameterType, value, attribute string) []string {
	if ev.env.Attribute == nil {
		return nil
	}
	values, _ := ev.env.Attribute(parameterType, value, attribute)
	return values
}

// holdRules holds the template's rules, and those of Env, against the
// parameters. No recording has AWS's wording of a failure: it is the
// descriptions of the assertions, which is what people are shown.
func (e *Evaluation) holdRules() *Error {
	rules := e.Template.Rules
	for _, source := range e.env.Rules {
		more, err := e.Template.furtherRules(source)
		if err != nil {
			return err.under("Rules")
		}
		rules = append(slices.Clip(rules), more...)
	}
	ev := e.evaluator(nil)
	var failed []string
	var first *Rule
	for _, r := range rules {
		why, err := ev.hold(r)
		if err != nil {
			return err.at(r.node).under("Rules/" + r.Name)
		}
		if failed = append(failed, why...); failed != nil && first == nil {
			first = r
		}
	}
	if failed == nil {
		return nil
	}
	return fault("%s", strings.Join(failed, "; ")).at(first.node).under("Rules/" + first.Name)
}

// hold returns the descriptions of the rule's assertions that fail.
func (ev *evaluator) hold(r *Rule) (failed []string, err *Error) {
	if r.condition != nil {
		applies, err := ev.truth(r.condition)
		if err != nil || !applies {
			return nil, err
		}
	}
	for i, a := range r.assertions {
		holds, err := ev.truth(a.assert)
		if err != nil {
			return nil, err.under(index(i))
		}
		if !holds {
			failed = append(failed, r.describe(a))
		}
	}
	return failed, nil
}

// describe says what an assertion that fails wants.
func (r *Rule) describe(a assertion) string {
	if a.description != "" {
		return a.description
	}
	return "an assertion of rule " + r.Name + " does not hold"
}

// furtherRules reads rules that come from outside the template: an object of
// rules by name, bare or as the member Rules of another.
func (t *Template) furtherRules(source string) ([]*Rule, *Error) {
	root, nulls, err := readJSON([]byte(source), DefaultLimits())
	if err != nil || nulls || root.kind != KindMap {
		return nil, fault("Template format error: Rules are not a JSON object.")
	}
	section := &root
	if inner := root.Get("Rules"); inner != nil && inner.Get("Assertions") == nil {
		section = inner
	}
	if section.kind != KindMap {
		return nil, anObject("Rules")
	}
	// The compiler adds rules to a template: give it one that is like ours.
	copied := *t
	copied.Rules = nil
	c := &compiler{t: &copied, lim: DefaultLimits()}
	if err := c.ruleSection(section); err != nil {
		return nil, err
	}
	return copied.Rules, nil
}

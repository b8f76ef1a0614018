package template

import "strings"

// kindSet is a set of kinds.
type kindSet uint64

func (s kindSet) has(k Kind) bool { return s&(1<<k) != 0 }

// What may stand in each place: AWS's function reference, and where that is
// silent, what cfn-lint has learned from its users.
const (
	scalars kindSet = 1<<KindBool | 1<<KindNumber | 1<<KindString

	// Where a value stands. A condition function gives true or false there.
	anyValue = scalars | 1<<KindList | 1<<KindMap | 1<<KindRef | 1<<KindGetAtt | 1<<KindSub | 1<<KindJoin | 1<<KindSelect |
		1<<KindSplit | 1<<KindFindInMap | 1<<KindIf | 1<<KindBase64 | 1<<KindCidr | 1<<KindGetAZs | 1<<KindImportValue |
		1<<KindLength | 1<<KindToJSONString | 1<<KindTransform | 1<<KindAnd | 1<<KindOr | 1<<KindNot | 1<<KindEquals

	conditionCalls kindSet = 1<<KindCondition | 1<<KindAnd | 1<<KindOr | 1<<KindNot | 1<<KindEquals
	equalsOperand          = scalars | 1<<KindRef | 1<<KindFindInMap | 1<<KindSub | 1<<KindJoin | 1<<KindSelect | 1<<KindSplit |
		1<<KindLength | 1<<KindToJSONString | 1<<KindBase64 | 1<<KindIf

	ruleCalls kindSet = 1<<KindAnd | 1<<KindOr | 1<<KindNot | 1<<KindEquals | 1<<KindIf | 1<<KindContains |
		1<<KindEachMemberEquals | 1<<KindEachMemberIn
	ruleValue = scalars | 1<<KindList | 1<<KindRef | 1<<KindValueOf | 1<<KindValueOfAll | 1<<KindRefAll | 1<<KindFindInMap |
		1<<KindIf | 1<<KindSub | 1<<KindJoin | 1<<KindSelect | 1<<KindSplit

	oneString = scalars | 1<<KindRef | 1<<KindGetAtt | 1<<KindSub | 1<<KindJoin | 1<<KindSelect | 1<<KindFindInMap | 1<<KindIf |
		1<<KindBase64 | 1<<KindImportValue | 1<<KindLength | 1<<KindToJSONString | 1<<KindTransform | 1<<KindCidr
	aList kindSet = 1<<KindList | 1<<KindRef | 1<<KindGetAtt | 1<<KindSplit | 1<<KindFindInMap | 1<<KindIf | 1<<KindCidr |
		1<<KindGetAZs | 1<<KindSelect | 1<<KindImportValue | 1<<KindTransform

	mapKey         = scalars | 1<<KindRef | 1<<KindFindInMap
	mapKeyExtended = mapKey | 1<<KindJoin | 1<<KindSub | 1<<KindIf | 1<<KindSelect | 1<<KindLength | 1<<KindToJSONString | 1<<KindSplit
	selectIndex    = scalars | 1<<KindRef | 1<<KindFindInMap | 1<<KindIf | 1<<KindLength | 1<<KindSelect
	cidrArgument   = scalars | 1<<KindRef | 1<<KindGetAtt | 1<<KindSub | 1<<KindSelect | 1<<KindFindInMap | 1<<KindIf |
		1<<KindImportValue | 1<<KindJoin
	zoneRegion = scalars | 1<<KindRef | 1<<KindJoin | 1<<KindSub | 1<<KindIf | 1<<KindSelect | 1<<KindGetAtt | 1<<KindFindInMap
	exportName = scalars | 1<<KindRef | 1<<KindBase64 | 1<<KindFindInMap | 1<<KindIf | 1<<KindJoin | 1<<KindSelect | 1<<KindSub
)

// callee returns the function that the only key of a map calls: KindNull if
// it has the form of a function but none is called so.
func callee(name string) (k Kind, ok bool) {
	switch name {
	case "Ref":
		return KindRef, true
	case "Condition":
		return KindCondition, true
	case "Fn::GetAtt":
		return KindGetAtt, true
	case "Fn::Sub":
		return KindSub, true
	case "Fn::Join":
		return KindJoin, true
	case "Fn::Select":
		return KindSelect, true
	case "Fn::Split":
		return KindSplit, true
	case "Fn::FindInMap":
		return KindFindInMap, true
	case "Fn::If":
		return KindIf, true
	case "Fn::Base64":
		return KindBase64, true
	case "Fn::Cidr":
		return KindCidr, true
	case "Fn::GetAZs":
		return KindGetAZs, true
	case "Fn::ImportValue":
		return KindImportValue, true
	case "Fn::Length":
		return KindLength, true
	case "Fn::ToJsonString":
		return KindToJSONString, true
	case "Fn::Transform":
		return KindTransform, true
	case "Fn::And":
		return KindAnd, true
	case "Fn::Or":
		return KindOr, true
	case "Fn::Not":
		return KindNot, true
	case "Fn::Equals":
		return KindEquals, true
	case "Fn::Contains":
		return KindContains, true
	case "Fn::EachMemberEquals":
		return KindEachMemberEquals, true
	case "Fn::EachMemberIn":
		return KindEachMemberIn, true
	case "Fn::RefAll":
		return KindRefAll, true
	case "Fn::ValueOf":
		return KindValueOf, true
	case "Fn::ValueOfAll":
		return KindValueOfAll, true
	}
	return KindNull, strings.HasPrefix(name, "Fn::")
}

// supported is what AWS ends its refusal of an unknown function with.
const supported = "[Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, Fn::Split, Fn::FindInMap, Fn::Select, Ref, " +
	"Fn::Equals, Fn::If, Fn::Not, Condition, Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals, Fn::EachMemberIn, " +
	"Fn::ValueOf, Fn::ValueOfAll, Fn::RefAll, Fn::Sub, Fn::Cidr]"

// misuse says what a function wants, in AWS's words where they are known.
// GetAtt, Select and Split stand so in evidence/errors.jsonl; Ref, Join, If,
// Equals, And, Or, Not, FindInMap, Sub and Base64 in public issue trackers;
// the rest follow their form.
func misuse(k Kind) *Error {
	switch k {
	case KindRef:
		return fault("Template format error: Every Ref object must have a single String value.")
	case KindGetAtt:
		return fault("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
	case KindSub:
		return fault("Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string")
	case KindJoin:
		return fault("Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.")
	case KindSelect:
		return fault("Template error: Fn::Select requires a list argument with two elements: an integer index and a list")
	case KindSplit:
		return fault("Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split.")
	case KindFindInMap:
		return fault("Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value")
	case KindIf:
		return fault("Template error: Fn::If requires a list argument with three elements")
	case KindCidr:
		return fault("Template error: every Fn::Cidr object requires two or three parameters, (1) an IP address block, (2) the number of CIDRs to generate and (3) the number of subnet bits")
	case KindEquals:
		return fault("Template error: every Fn::Equals object requires a list of two string parameters.")
	case KindAnd, KindOr:
		return fault("Template error: every %s object requires a list of at least 2 and at most 10 boolean parameters.", k)
	case KindNot:
		return fault("Template error: every Fn::Not object requires one boolean parameter.")
	case KindContains, KindEachMemberEquals:
		return fault("Template error: every %s object requires two parameters, a list of strings and a string.", k)
	case KindEachMemberIn:
		return fault("Template error: every Fn::EachMemberIn object requires two lists of strings.")
	case KindValueOf, KindValueOfAll:
		return fault("Template error: every %s object requires two string parameters.", k)
	case KindLength, KindToJSONString:
		return layout(k.String())
	case KindTransform:
		return fault("Template format error: every Fn::Transform object requires a Name and may have Parameters")
	}
	return fault("Template error: every %s object must have a String-typed value.", k)
}

// compiler turns the maps that call functions into calls, in place, and
// resolves what they refer to.
type compiler struct {
	t   *Template
	lim Limits
	// blank says that nothing is to be compiled: a macro or loop will make
	// another template of this one first.
	blank      bool
	resources  bool // whether resources can be referred to here
	rules      bool // whether this is a rule
	unresolved []string
	seen       map[string]bool // what unresolved holds
	first      *Node           // the first unresolved reference
}

// compile compiles what n holds and refuses what may not stand there. owner
// is the function whose argument n is, or KindNull.
func (c *compiler) compile(n *Node, allowed kindSet, owner Kind) *Error {
	if c.blank {
		return nil
	}
	switch n.kind {
	case KindList:
		for i := range n.items {
			if err := c.compile(&n.items[i], anyValue, KindNull); err != nil {
				return err.under(index(i))
			}
		}
	case KindMap:
		if len(n.keys) == 1 {
			name := n.keys[0].name
			if k, ok := callee(name); ok && (k != KindCondition || c.rules || allowed.has(KindCondition)) {
				if err := c.call(n, k); err != nil {
					return err.under(name).at(n)
				}
				break
			}
		}
		for i := range n.items {
			if err := c.compile(&n.items[i], anyValue, KindNull); err != nil {
				return err.under(n.keys[i].name)
			}
		}
	}
	if !allowed.has(n.kind) {
		if owner == KindNull {
			return fault("Template error: %s cannot be used here", n.kind).at(n)
		}
		return misuse(owner).at(n)
	}
	return nil
}

// call compiles n, a map whose only key calls k.
func (c *compiler) call(n *Node, k Kind) *Error {
	if k == KindNull || (k == KindLength || k == KindToJSONString) && !c.t.extended {
		return fault("Template error: Encountered unsupported function: %s Supported functions are: %s", n.keys[0].name, supported)
	}
	arg := n.items[0]
	n.kind, n.keys, n.items = k, nil, nil
	switch k {
	case KindRef:
		return c.ref(n, &arg)
	case KindGetAtt:
		return c.getAtt(n, &arg)
	case KindSub:
		return c.sub(n, &arg)
	case KindIf:
		return c.choose(n, &arg)
	case KindFindInMap:
		return c.findInMap(n, &arg)
	case KindCondition:
		if !arg.kind.isScalar() || arg.text == "" {
			return misuse(k)
		}
		n.text = arg.text
		return nil // resolved with the section
	case KindAnd, KindOr:
		return c.arguments(n, &arg, 2, 10, c.booleans())
	case KindNot:
		return c.arguments(n, &arg, 1, 1, c.booleans())
	case KindEquals:
		return c.arguments(n, &arg, 2, 2, c.comparables())
	case KindJoin, KindSplit:
		return c.delimited(n, &arg)
	case KindSelect:
		if err := c.arguments(n, &arg, 2, 2, 0); err != nil {
			return err
		}
		if err := c.compile(&n.items[0], selectIndex, k); err != nil {
			return err.under("[0]")
		}
		return c.list(&n.items[1], anyValue, k)
	case KindCidr:
		return c.arguments(n, &arg, 2, 3, cidrArgument)
	case KindBase64:
		return c.argument(n, arg, oneString)
	case KindGetAZs:
		return c.argument(n, arg, zoneRegion)
	case KindImportValue:
		return c.importValue(n, arg)
	case KindLength:
		return c.argument(n, arg, aList)
	case KindToJSONString:
		return c.argument(n, arg, anyValue&^scalars)
	case KindTransform:
		if arg.kind != KindMap || arg.Get("Name") == nil || arg.Get("Name").kind != KindString {
			return misuse(k)
		}
		return c.argument(n, arg, 1<<KindMap)
	case KindContains, KindEachMemberEquals, KindEachMemberIn:
		return c.membership(n, &arg)
	case KindRefAll:
		if arg.kind != KindString {
			return misuse(k)
		}
		n.text = arg.text
		return nil
	case KindValueOf, KindValueOfAll:
		return c.valueOf(n, &arg)
	}
	return nil
}

// booleans are the functions that give one here.
func (c *compiler) booleans() kindSet {
	if c.rules {
		return ruleCalls
	}
	return conditionCalls
}

func (c *compiler) comparables() kindSet {
	if c.rules {
		return ruleValue
	}
	if c.resources {
		return anyValue
	}
	return equalsOperand
}

// argument gives a function its one argument.
func (c *compiler) argument(n *Node, arg Node, allowed kindSet) *Error {
	n.items = []Node{arg}
	return c.compile(&n.items[0], allowed, n.kind)
}

// arguments gives a function its list of arguments. allowed 0 leaves them to
// be compiled.
func (c *compiler) arguments(n, arg *Node, least, most int, allowed kindSet) *Error {
	if arg.kind != KindList || len(arg.items) < least || len(arg.items) > most {
		return misuse(n.kind)
	}
	n.items = arg.items
	if allowed == 0 {
		return nil
	}
	for i := range n.items {
		if err := c.compile(&n.items[i], allowed, n.kind); err != nil {
			return err.under(index(i))
		}
	}
	return nil
}

// list compiles an argument that is a list of items or a function giving one.
func (c *compiler) list(n *Node, items kindSet, owner Kind) *Error {
	if n.kind != KindList {
		return c.compile(n, aList, owner)
	}
	for i := range n.items {
		if err := c.compile(&n.items[i], items, owner); err != nil {
			return err.under(index(i))
		}
	}
	return nil
}

func (c *compiler) ref(n, arg *Node) *Error {
	if !arg.kind.isScalar() || arg.text == "" {
		return misuse(KindRef)
	}
	n.text = arg.text
	c.reference(n)
	return nil
}

// reference notes a Ref that leads nowhere.
func (c *compiler) reference(n *Node) {
	switch {
	case isPseudo(n.text) || c.t.Parameter(n.text) != nil:
	case c.resources && c.t.Resource(n.text) != nil:
	default:
		c.unknown(n, n.text)
	}
}

func (c *compiler) unknown(n *Node, name string) {
	if c.seen[name] {
		return
	}
	if c.seen == nil {
		c.seen, c.first = map[string]bool{}, n
	}
	c.seen[name] = true
	c.unresolved = append(c.unresolved, name)
}

func (c *compiler) getAtt(n, arg *Node) *Error {
	switch {
	case arg.kind == KindString:
		id, attribute, _ := strings.Cut(arg.text, ".")
		n.text = id
		n.items = []Node{{kind: KindString, text: attribute, line: arg.line, column: arg.column}}
	case arg.kind == KindList && len(arg.items) == 2 && arg.items[0].kind == KindString:
		n.text = arg.items[0].text
		n.items = arg.items[1:]
		if err := c.compile(&n.items[0], 1<<KindString|1<<KindRef, KindGetAtt); err != nil {
			return err
		}
	default:
		return misuse(KindGetAtt)
	}
	if n.text == "" || n.items[0].kind == KindString && n.items[0].text == "" {
		return misuse(KindGetAtt)
	}
	switch {
	case !c.resources:
		c.unknown(n, n.text)
	case c.t.Resource(n.text) == nil:
		return fault("Template error: instance of Fn::GetAtt references undefined resource %s", n.text)
	}
	return nil
}

func (c *compiler) choose(n, arg *Node) *Error {
	if arg.kind != KindList || len(arg.items) != 3 {
		return misuse(KindIf)
	}
	name := &arg.items[0]
	n.items = arg.items[1:]
	if c.rules && name.kind == KindMap {
		// A rule, which cannot name conditions, decides in place.
		n.items = arg.items
		if err := c.compile(name, ruleCalls, KindIf); err != nil {
			return err.under("[0]")
		}
		for i := 1; i < 3; i++ {
			if err := c.compile(&n.items[i], ruleValue|ruleCalls, KindIf); err != nil {
				return err.under(index(i))
			}
		}
		return nil
	}
	if !name.kind.isScalar() || name.text == "" {
		return misuse(KindIf)
	}
	if n.text = name.text; c.t.Condition(n.text) == nil {
		return fault("Template error: unresolved condition dependency %s in Fn::If", n.text)
	}
	for i := range n.items {
		if err := c.compile(&n.items[i], anyValue, KindIf); err != nil {
			return err.under(index(i + 1))
		}
	}
	return nil
}

func (c *compiler) delimited(n, arg *Node) *Error {
	if err := c.arguments(n, arg, 2, 2, 0); err != nil {
		return err
	}
	if !n.items[0].kind.isScalar() {
		return misuse(n.kind)
	}
	if n.kind == KindSplit {
		return c.compile(&n.items[1], oneString|1<<KindGetAZs, KindSplit)
	}
	return c.list(&n.items[1], oneString, KindJoin)
}

func (c *compiler) findInMap(n, arg *Node) *Error {
	most := 3
	allowed := mapKey
	if c.t.extended {
		most, allowed = 4, mapKeyExtended
	}
	if err := c.arguments(n, arg, 3, most, 0); err != nil {
		return err
	}
	for i := range n.items[:3] {
		if err := c.compile(&n.items[i], allowed, KindFindInMap); err != nil {
			return err.under(index(i))
		}
	}
	if name := &n.items[0]; name.kind == KindString && c.t.Mapping(name.text) == nil {
		if len(n.items) < 4 {
			return fault("Template error: Mapping named '%s' is not present in the 'Mappings' section of template.", name.text)
		}
	}
	if len(n.items) == 4 {
		fallback := n.items[3]
		if fallback.kind != KindMap || len(fallback.items) != 1 || fallback.keys[0].name != "DefaultValue" {
			return misuse(KindFindInMap)
		}
		n.items[3] = fallback.items[0]
		return c.compile(&n.items[3], anyValue, KindFindInMap)
	}
	return nil
}

func (c *compiler) importValue(n *Node, arg Node) *Error {
	if err := c.argument(n, arg, exportName|1<<KindGetAtt|1<<KindImportValue|1<<KindGetAZs|1<<KindSplit); err != nil {
		return err
	}
	if c.depends(&n.items[0]) {
		return fault("Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs")
	}
	return nil
}

// depends reports whether a compiled value takes more to know than
// parameters and mappings.
func (c *compiler) depends(n *Node) bool {
	switch n.kind {
	case KindGetAtt, KindImportValue, KindGetAZs:
		return true
	case KindRef:
		return !isPseudo(n.text) && c.t.Parameter(n.text) == nil
	}
	for i := range n.items {
		if c.depends(&n.items[i]) {
			return true
		}
	}
	return false
}

func (c *compiler) membership(n, arg *Node) *Error {
	if err := c.arguments(n, arg, 2, 2, 0); err != nil {
		return err
	}
	const lists = 1<<KindList | 1<<KindRef | 1<<KindRefAll | 1<<KindValueOf | 1<<KindValueOfAll | 1<<KindFindInMap | 1<<KindSplit
	for i := range n.items {
		allowed := ruleValue
		if i == 0 || n.kind == KindEachMemberIn {
			allowed = lists
		}
		if err := c.compile(&n.items[i], allowed, n.kind); err != nil {
			return err.under(index(i))
		}
	}
	return nil
}

func (c *compiler) valueOf(n, arg *Node) *Error {
	if arg.kind != KindList || len(arg.items) != 2 || arg.items[0].kind != KindString || arg.items[1].kind != KindString {
		return misuse(n.kind)
	}
	n.text, n.items = arg.items[0].text, arg.items[1:]
	if n.kind == KindValueOf && c.t.Parameter(n.text) == nil {
		c.unknown(n, n.text)
	}
	return nil
}

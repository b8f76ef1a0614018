package template

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"larder/internal/cfn/schema"
)

// noValue is what AWS::NoValue gives: its place in a list or map vanishes.
type noValue struct{}

// What one evaluation may produce, in bytes: a bound for functions that
// multiply what they are given.
const (
	evaluationBudget = 16 << 20
	rehearsalBudget  = 64 << 20
)

// evaluator evaluates nodes against a Live, which is nil where no resource
// can be referred to.
type evaluator struct {
	*Evaluation
	live    Live
	budget  int
	imports []string // names met
}

func (e *Evaluation) evaluator(live Live) *evaluator {
	return &evaluator{Evaluation: e, live: live, budget: evaluationBudget}
}

// spend takes from the budget.
func (ev *evaluator) spend(bytes int) *Error {
	if ev.budget -= bytes; ev.budget < 0 {
		return fault("Template error: the value is too large to evaluate")
	}
	return nil
}

// value evaluates a node.
func (ev *evaluator) value(n *Node) (schema.Value, *Error) {
	v, err := ev.evaluate(n)
	if err != nil {
		return nil, err.at(n)
	}
	return v, nil
}

func (ev *evaluator) evaluate(n *Node) (schema.Value, *Error) {
	switch n.kind {
	case KindString:
		return n.text, nil
	case KindNumber:
		return json.Number(n.text), nil
	case KindBool:
		return n.text == "true", nil
	case KindList:
		return ev.list(n)
	case KindMap:
		return ev.object(n)
	case KindRef:
		return ev.ref(n.text)
	case KindGetAtt:
		return ev.getAtt(n)
	case KindSub:
		return ev.sub(n)
	case KindJoin:
		return ev.join(n)
	case KindSelect:
		return ev.choose(n)
	case KindSplit:
		return ev.split(n)
	case KindFindInMap:
		return ev.findInMap(n)
	case KindIf:
		if len(n.items) == 2 {
			if ev.holds(n.text) {
				return ev.value(&n.items[0])
			}
			return ev.value(&n.items[1])
		}
		holds, err := ev.truth(&n.items[0])
		if err != nil {
			return nil, err
		}
		if holds {
			return ev.value(&n.items[1])
		}
		return ev.value(&n.items[2])
	case KindBase64:
		return ev.base64(n)
	case KindCidr:
		return ev.cidr(n)
	case KindGetAZs:
		return ev.zones(n)
	case KindImportValue:
		return ev.importValue(n)
	case KindLength:
		return ev.length(n)
	case KindToJSONString:
		return ev.toJSONString(n)
	case KindAnd, KindOr, KindNot, KindEquals, KindCondition, KindContains, KindEachMemberEquals, KindEachMemberIn:
		return ev.truth(n)
	case KindRefAll, KindValueOf, KindValueOfAll:
		return ev.lookUp(n)
	}
	return nil, fault("Template error: %s cannot be evaluated", n.kind)
}

func (ev *evaluator) list(n *Node) (schema.Value, *Error) {
	list := make([]any, 0, len(n.items))
	for i := range n.items {
		v, err := ev.value(&n.items[i])
		if err != nil {
			return nil, err.under(index(i))
		}
		if _, none := v.(noValue); !none {
			list = append(list, v)
		}
	}
	return list, nil
}

func (ev *evaluator) object(n *Node) (schema.Value, *Error) {
	object := make(map[string]any, len(n.items))
	for i := range n.items {
		v, err := ev.value(&n.items[i])
		if err != nil {
			return nil, err.under(n.keys[i].name)
		}
		if _, none := v.(noValue); !none {
			object[n.keys[i].name] = v
		}
	}
	return object, nil
}

func (ev *evaluator) ref(name string) (schema.Value, *Error) {
	if v, ok := ev.values[name]; ok {
		if list, ok := v.([]any); ok {
			return v, ev.spend(16 * len(list))
		}
		return v, nil
	}
	switch name {
	case "AWS::AccountId":
		return ev.env.Account, nil
	case "AWS::NotificationARNs":
		list := make([]any, len(ev.env.NotificationARNs))
		for i, arn := range ev.env.NotificationARNs {
			list[i] = arn
		}
		return list, nil
	case "AWS::NoValue":
		return noValue{}, nil
	case "AWS::Partition":
		return ev.env.Partition, nil
	case "AWS::Region":
		return ev.env.Region, nil
	case "AWS::StackId":
		return ev.env.StackID, nil
	case "AWS::StackName":
		return ev.env.StackName, nil
	case "AWS::URLSuffix":
		return ev.env.URLSuffix, nil
	}
	if ev.live != nil {
		if v, ok := ev.live.Ref(name); ok {
			return v, nil
		}
	}
	return nil, unresolvedDependencies([]string{name}, "Resources")
}

func (ev *evaluator) getAtt(n *Node) (schema.Value, *Error) {
	attribute, _, unknown, err := ev.argument(n, 0)
	switch {
	case err != nil:
		return nil, err
	case unknown != nil:
		return unknown.value(), nil
	case attribute == "":
		return nil, misuse(KindGetAtt)
	case ev.live == nil:
		return nil, unresolvedDependencies([]string{n.text}, "Resources")
	}
	v, failure := ev.live.GetAtt(n.text, attribute)
	if failure != nil {
		return nil, fault("%s", failure.Error())
	}
	return v, nil
}

// textOf returns the text of a scalar and whether it is secret.
func textOf(v schema.Value) (text string, secret, ok bool) {
	switch v := v.(type) {
	case string:
		return v, false, true
	case schema.Secret:
		return v.Reveal(), true, true
	case json.Number:
		return v.String(), false, true
	case bool:
		return strconv.FormatBool(v), false, true
	}
	return "", false, false
}

// isPlaceholder reports whether v stands for what nobody knows. Functions over
// lists take it for one, and give it for its parts.
func isPlaceholder(v schema.Value) bool {
	text, _, ok := textOf(v)
	return ok && schema.HoldsPlaceholder(text)
}

func plainOrSecret(text string, secret bool) schema.Value {
	if secret {
		return schema.Secret(text)
	}
	return text
}

// tainted makes every text of v secret.
func tainted(v schema.Value) schema.Value {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = tainted(v[i])
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for k := range v {
			object[k] = tainted(v[k])
		}
		return object
	}
	if text, _, ok := textOf(v); ok {
		return schema.Secret(text)
	}
	return v
}

// taintedIf makes v secret if an input was.
func taintedIf(v schema.Value, secret bool) schema.Value {
	if secret {
		return tainted(v)
	}
	return v
}

// argument evaluates the i-th argument of the function that n calls, which
// must be a scalar. unknown is not nil if it is not known yet.
func (ev *evaluator) argument(n *Node, i int) (text string, secret bool, unknown *unknowns, err *Error) {
	v, err := ev.value(&n.items[i])
	if err != nil {
		return "", false, nil, err
	}
	u := &unknowns{}
	if u.add(v); u.found {
		return "", false, u, nil
	}
	text, secret, ok := textOf(v)
	if _, none := v.(noValue); !ok && !none {
		return "", false, nil, misuse(n.kind)
	}
	return text, secret, nil, nil
}

func (ev *evaluator) sub(n *Node) (schema.Value, *Error) {
	values := map[string]schema.Value{}
	long := len(n.items) == 2
	if long {
		variables := &n.items[1]
		for i := range variables.items {
			v, err := ev.value(&variables.items[i])
			if err != nil {
				return nil, err.under(variables.keys[i].name)
			}
			values[variables.keys[i].name] = v
		}
	}
	var b strings.Builder
	var u unknowns
	secret := false
	parts := n.items[0].items
	for i := range parts {
		part := &parts[i]
		var v schema.Value
		var err *Error
		if part.kind == KindVariable {
			v = values[part.text]
		} else if v, err = ev.value(part); err != nil {
			return nil, err
		}
		text, hidden, ok := textOf(v)
		if missing, is := v.(Unknown); is {
			u.add(v)
			text, ok = missing.Text, true
		}
		if !ok {
			name := part.text
			if part.kind == KindGetAtt {
				name += "." + part.items[0].text
			}
			return nil, fault("Template error: variable %s in Fn::Sub expression does not resolve to a string", name)
		}
		if err := ev.spend(len(text)); err != nil {
			return nil, err
		}
		secret = secret || hidden
		b.WriteString(text)
	}
	switch {
	case !u.found:
		return plainOrSecret(b.String(), secret), nil
	case long || secret:
		return u.value(), nil
	}
	return Unknown{Text: b.String(), From: u.from}, nil
}

func (ev *evaluator) join(n *Node) (schema.Value, *Error) {
	delimiter := n.items[0].text
	v, err := ev.value(&n.items[1])
	if err != nil {
		return nil, err
	}
	var u unknowns
	if u.add(v); u.found {
		return u.value(), nil
	}
	if isPlaceholder(v) {
		v = []any{v}
	}
	list, ok := v.([]any)
	if !ok {
		return nil, misuse(KindJoin)
	}
	size, secret := 0, false
	texts := make([]string, len(list))
	for i, item := range list {
		text, hidden, ok := textOf(item)
		if !ok {
			return nil, misuse(KindJoin)
		}
		texts[i] = text
		secret = secret || hidden
		size += len(text) + len(delimiter)
	}
	if err := ev.spend(size); err != nil {
		return nil, err
	}
	return plainOrSecret(strings.Join(texts, delimiter), secret), nil
}

func (ev *evaluator) choose(n *Node) (schema.Value, *Error) {
	at, secret, unknown, err := ev.argument(n, 0)
	switch {
	case err != nil:
		return nil, err
	case unknown != nil:
		return unknown.value(), nil
	}
	v, err := ev.value(&n.items[1])
	if err != nil {
		return nil, err
	}
	if u, ok := v.(Unknown); ok {
		return unknownFrom(u.From...), nil
	}
	if isPlaceholder(v) {
		return v, nil
	}
	list, ok := v.([]any)
	i, failure := strconv.Atoi(strings.TrimSpace(at))
	if !ok || failure != nil {
		return nil, misuse(KindSelect)
	}
	if i < 0 || i >= len(list) {
		return nil, fault("Template error: Fn::Select  cannot select nonexistent value at index %d", i)
	}
	return taintedIf(list[i], secret), nil
}

func (ev *evaluator) split(n *Node) (schema.Value, *Error) {
	source, secret, unknown, err := ev.argument(n, 1)
	switch {
	case err != nil:
		return nil, err
	case unknown != nil:
		return unknown.value(), nil
	}
	delimiter := n.items[0].text
	if delimiter == "" {
		return nil, misuse(KindSplit)
	}
	if schema.HoldsPlaceholder(source) {
		return plainOrSecret(source, secret), nil
	}
	if err := ev.spend(32 * (strings.Count(source, delimiter) + 1)); err != nil {
		return nil, err
	}
	pieces := strings.Split(source, delimiter)
	list := make([]any, len(pieces))
	for i, piece := range pieces {
		list[i] = plainOrSecret(piece, secret)
	}
	return list, nil
}

func (ev *evaluator) findInMap(n *Node) (schema.Value, *Error) {
	var path [3]string
	secret := false
	for i := range path {
		text, hidden, unknown, err := ev.argument(n, i)
		switch {
		case err != nil:
			return nil, err
		case unknown != nil:
			return unknown.value(), nil
		}
		path[i] = text
		secret = secret || hidden
	}
	if m := ev.Template.Mapping(path[0]); m != nil {
		if found, ok := m.Find(path[1], path[2]); ok {
			if err := ev.spend(32 * len(found.items)); err != nil {
				return nil, err
			}
			v, err := ev.value(found)
			return taintedIf(v, secret), err
		}
	} else if len(n.items) < 4 {
		return nil, fault("Template error: Mapping named '%s' is not present in the 'Mappings' section of template.", path[0])
	}
	if len(n.items) == 4 {
		return ev.value(&n.items[3])
	}
	return nil, fault("Template error: Unable to get mapping for %s", strings.Join(path[:], "::"))
}

func (ev *evaluator) base64(n *Node) (schema.Value, *Error) {
	text, secret, unknown, err := ev.argument(n, 0)
	switch {
	case err != nil:
		return nil, err
	case unknown != nil:
		return unknown.value(), nil
	}
	if err := ev.spend(base64.StdEncoding.EncodedLen(len(text))); err != nil {
		return nil, err
	}
	return plainOrSecret(base64.StdEncoding.EncodeToString([]byte(text)), secret), nil
}

func (ev *evaluator) zones(n *Node) (schema.Value, *Error) {
	region, secret, unknown, err := ev.argument(n, 0)
	switch {
	case err != nil:
		return nil, err
	case unknown != nil:
		return unknown.value(), nil
	}
	if region == "" {
		region = ev.env.Region
	}
	zones := ev.env.Zones
	if zones == nil {
		zones = Zones
	}
	names := zones(region)
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = plainOrSecret(name, secret)
	}
	return list, ev.spend(32 * len(list))
}

func (ev *evaluator) importValue(n *Node) (schema.Value, *Error) {
	name, secret, unknown, err := ev.argument(n, 0)
	switch {
	case err != nil:
		return nil, err
	case unknown != nil:
		return unknown.value(), nil
	}
	ev.imports = append(ev.imports, name)
	if ev.env.Export != nil {
		if value, ok := ev.env.Export(name); ok {
			text, sealed, _ := textOf(value)
			return plainOrSecret(text, secret || sealed), nil
		}
	}
	if _, rehearsing := ev.live.(Undecided); rehearsing {
		// AWS finds out only when it makes the resource.
		return Unknown{Text: KnownAfterApply, From: []Source{{}}}, nil
	}
	return nil, fault("No export named %s found.", name)
}

func (ev *evaluator) length(n *Node) (schema.Value, *Error) {
	v, err := ev.value(&n.items[0])
	if err != nil {
		return nil, err
	}
	if u, ok := v.(Unknown); ok {
		return unknownFrom(u.From...), nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, misuse(KindLength)
	}
	return json.Number(strconv.Itoa(len(list))), nil
}

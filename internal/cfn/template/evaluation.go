package template

import (
	"errors"
	"slices"
	"sort"
	"strings"

	"larder/internal/cfn/schema"
)

// Env is what evaluation needs from outside.
type Env struct {
	Account, Region, Partition, URLSuffix string // the last two may be left to follow from the region
	StackName, StackID                    string
	NotificationARNs                      []string
	Zones                                 func(region string) []string                // Fn::GetAZs; nil: Zones
	Export                                func(name string) (v schema.Value, ok bool) // Fn::ImportValue: a string or a schema.Secret; nil: there are none
	Include                               func(location string) ([]byte, error)       // AWS::Include; nil: nothing can be included
	Stored                                func(name string) (value string, err error) // SSM parameter types; nil: there are none
	Rules                                 []string                                    // further JSON rule objects to hold (Service Catalog's TEMPLATE constraints)
	Secret                                map[string]bool                             // parameters whose given values are secret though the template may not say NoEcho
	// Attribute answers Fn::ValueOf, such as Tags.Department of a VPC given as
	// parameter, and Values answers Fn::RefAll: all values of a parameter type
	// in the region. Where they are nil or know nothing, the rule function
	// gives no values, and an assertion that needs them fails.
	Attribute func(parameterType, value, attribute string) ([]string, bool)
	Values    func(parameterType string) ([]string, bool)
}

func (env Env) withDefaults() Env {
	partition, suffix := "aws", "amazonaws.com"
	switch {
	case strings.HasPrefix(env.Region, "cn-"):
		partition, suffix = "aws-cn", "amazonaws.com.cn"
	case strings.HasPrefix(env.Region, "us-gov-"):
		partition = "aws-us-gov"
	}
	if env.Partition == "" {
		env.Partition = partition
	}
	if env.URLSuffix == "" {
		env.URLSuffix = suffix
	}
	return env
}

// Evaluation is a template bound to parameter values: rules hold, conditions
// are decided. It is immutable and safe for concurrent use if what Env holds is.
type Evaluation struct {
	Template *Template

	env        Env
	bound      []Bound
	values     map[string]schema.Value // what Ref gives for a parameter
	conditions map[string]bool
	resources  []*Resource // those that exist
	existing   map[string]int
	waits      [][]string // parallel to resources
	imports    []string

	transformed bool // Template was made of another one
}

// Bound is a parameter with its value.
type Bound struct {
	Key      string
	Value    string // as given or defaulted
	Resolved string // of an SSM parameter type
	NoEcho   bool
}

// Evaluate binds given values, checks every parameter constraint and rule,
// decides the conditions, and computes all that needs no resource to exist,
// so that what cannot be evaluated fails here and not halfway through a stack.
// The error is an [*Error]. If it is Made, what is known of the parameters is
// returned beside it.
func (t *Template) Evaluate(env Env, given map[string]string) (*Evaluation, error) {
	e := &Evaluation{Template: t, env: env.withDefaults()}
	const transforms = 2 // the first steps need what is given alone
	for i, step := range []func() *Error{
		func() *Error { return e.bind(given) },
		e.transform,
		e.include,
		e.expand,
		e.holdRules,
		e.decide,
		e.exist,
		e.rehearse,
	} {
		err := step()
		if err == nil {
			continue
		}
		if err.Made = t.including && i >= transforms; err.Made {
			return e, err
		}
		return nil, err
	}
	return e, nil
}

// transform refuses what a macro would have to turn into something else.
func (e *Evaluation) transform() *Error {
	name := e.Template.pending
	switch {
	case name == "":
		return nil
	case strings.HasPrefix(name, "AWS::"):
		return fault("Transform %s is not built yet", name)
	case strings.Contains(name, "::"):
		return fault("No transform named %s found.", name)
	}
	return fault("No transform named %s::%s found.", e.env.Account, name)
}

// bind gives every parameter its value.
func (e *Evaluation) bind(given map[string]string) *Error {
	t := e.Template
	var foreign, missing []string
	for name := range given {
		if t.Parameter(name) == nil {
			foreign = append(foreign, name)
		}
	}
	if foreign != nil {
		sort.Strings(foreign)
		return fault("Parameters: %s do not exist in the template", bracketed(foreign))
	}
	e.bound = make([]Bound, 0, len(t.Parameters))
	for _, p := range t.Parameters {
		value, ok := given[p.Name]
		secret := p.NoEcho || ok && e.env.Secret[p.Name]
		switch {
		case ok:
		case p.Default != nil:
			value = *p.Default
		default:
			missing = append(missing, p.Name)
		}
		e.bound = append(e.bound, Bound{Key: p.Name, Value: value, NoEcho: secret})
	}
	if missing != nil {
		return fault("Parameters: %s must have values", bracketed(missing))
	}
	var unstored []string
	e.values = make(map[string]schema.Value, len(t.Parameters))
	for i, p := range t.Parameters {
		b := &e.bound[i]
		if len(b.Value) > maxParameterValue {
			return fault("Parameter '%s' must contain at most %d characters", p.Name, maxParameterValue).at(p.node).under("Parameters/" + p.Name)
		}
		if err := p.check(b.Value); err != nil {
			return err.at(p.node).under("Parameters/" + p.Name)
		}
		value := b.Value
		if p.IsStored() {
			var ok bool
			if b.Resolved, ok = e.stored(b.Value); !ok {
				unstored = append(unstored, b.Value)
			}
			value = b.Resolved
		}
		e.values[p.Name] = p.value(value, b.NoEcho)
	}
	if unstored != nil {
		return fault("Unable to fetch parameters %s from parameter store for this account.", bracketed(unstored))
	}
	return nil
}

// maxParameterValue is CloudFormation's bound for a parameter's value, in bytes.
const maxParameterValue = 4096

func (e *Evaluation) stored(name string) (string, bool) {
	if e.env.Stored == nil {
		return "", false
	}
	value, err := e.env.Stored(name)
	return value, err == nil
}

// value returns what Ref gives for the parameter with that text.
func (p *Parameter) value(text string, secret bool) schema.Value {
	one := func(s string) schema.Value {
		if secret {
			return schema.Secret(s)
		}
		return s
	}
	if !p.IsList() {
		return one(text)
	}
	texts := splitList(text)
	list := make([]any, len(texts))
	for i, s := range texts {
		list[i] = one(s)
	}
	return list
}

// decide decides every condition.
func (e *Evaluation) decide() *Error {
	t := e.Template
	e.conditions = make(map[string]bool, len(t.Conditions))
	ev := e.evaluator(nil)
	for _, c := range t.Conditions {
		if _, err := ev.condition(c); err != nil {
			return err.at(c.node).under("Conditions/" + c.Name)
		}
	}
	return nil
}

func (e *Evaluation) holds(condition string) bool {
	return condition == "" || e.conditions[condition]
}

// exist finds the resources that exist and what they wait for.
func (e *Evaluation) exist() *Error {
	t := e.Template
	e.existing = make(map[string]int, len(t.Resources))
	e.resources = make([]*Resource, 0, len(t.Resources))
	for _, r := range t.Resources {
		if !e.holds(r.Condition) {
			continue
		}
		r, err := e.policies(r)
		if err != nil {
			return err
		}
		e.existing[r.LogicalID] = len(e.resources)
		e.resources = append(e.resources, r)
	}
	e.waits = make([][]string, len(e.resources))
	edges := make([][]int, len(e.resources))
	missing := missing{e: e}
	for i, r := range e.resources {
		var ids []string
		for _, id := range r.DependsOn {
			if _, ok := e.existing[id]; ok { // one whose condition fails is no dependency
				ids = append(ids, id)
			}
		}
		for j, n := range r.attributes() {
			if n == nil {
				continue
			}
			references(n, e.holds, func(ref Reference) {
				if _, ok := e.existing[ref.Name]; ok {
					ids = append(ids, ref.Name)
					return
				}
				missing.note(ref, "Resources/"+r.LogicalID+"/"+attributeName(j), n)
			})
		}
		slices.Sort(ids)
		e.waits[i] = slices.Clip(slices.Compact(ids))
		for _, id := range e.waits[i] {
			edges[i] = append(edges[i], e.existing[id])
		}
	}
	if err := missing.refuse("Resources"); err != nil {
		return err
	}
	for _, o := range t.Outputs {
		if e.holds(o.Condition) && o.Value != nil {
			references(o.Value, e.holds, func(ref Reference) { missing.note(ref, "Outputs/"+o.Key+"/Value", o.Value) })
		}
	}
	if err := missing.refuse("Outputs"); err != nil {
		return err
	}
	return circular(e.resources, edges)
}

// missing gathers references to resources whose conditions fail.
type missing struct {
	e     *Evaluation
	names []string
	first *Node
	path  string // where the first stands
}

// note notes a reference of the value n at path.
func (m *missing) note(ref Reference, path string, n *Node) {
	if m.e.Template.Resource(ref.Name) == nil {
		return // a parameter
	}
	if _, ok := m.e.existing[ref.Name]; ok || slices.Contains(m.names, ref.Name) {
		return
	}
	if m.first == nil {
		m.first = ref.Node
		m.path = (&Error{}).in(path, n, ref.Node).Path
	}
	m.names = append(m.names, ref.Name)
}

func (m *missing) refuse(section string) *Error {
	if m.names == nil {
		return nil
	}
	return unresolvedDependencies(m.names, section).at(m.first).under(m.path)
}

// policies returns the resource with the policies that functions decide.
func (e *Evaluation) policies(r *Resource) (*Resource, *Error) {
	if r.deletion == nil && r.replacement == nil {
		return r, nil
	}
	decided := *r
	ev := e.evaluator(nil)
	for _, p := range []struct {
		name  string
		node  *Node
		value *string
	}{
		{"DeletionPolicy", r.deletion, &decided.DeletionPolicy},
		{"UpdateReplacePolicy", r.replacement, &decided.UpdateReplacePolicy},
	} {
		if p.node == nil {
			continue
		}
		v, err := ev.value(p.node)
		if err == nil {
			if _, none := v.(noValue); none {
				continue
			}
			text, _, ok := textOf(v)
			if *p.value = text; !ok {
				err = fault("Template error: Every %s member must be a string.", p.name)
			} else {
				err = r.checkPolicy(p.name, text)
			}
		}
		if err != nil {
			return nil, err.at(p.node).under("Resources/" + r.LogicalID + "/" + p.name)
		}
	}
	return &decided, nil
}

// rehearse evaluates everything while no resource exists: what fails now
// would fail later. It learns which exports are read.
func (e *Evaluation) rehearse() *Error {
	ev := e.evaluator(Undecided{})
	ev.budget = rehearsalBudget
	for _, r := range e.resources {
		for i, n := range r.attributes() {
			if n == nil {
				continue
			}
			if _, err := ev.value(n); err != nil {
				return err.under("Resources/" + r.LogicalID + "/" + attributeName(i))
			}
		}
	}
	if _, err := ev.outputs(); err != nil {
		return err
	}
	sort.Strings(ev.imports)
	e.imports = slices.Compact(ev.imports)
	return nil
}

// Parameters returns the bound parameters in the template's order.
func (e *Evaluation) Parameters() []Bound { return e.bound }

// Condition reports whether the condition of that name holds.
func (e *Evaluation) Condition(name string) bool { return e.conditions[name] }

// Resources returns the resources whose conditions hold, in the template's
// order. The caller must not change the slice.
func (e *Evaluation) Resources() []*Resource { return e.resources }

// Resource returns the resource of that logical id if its condition holds.
func (e *Evaluation) Resource(logicalID string) (*Resource, bool) {
	i, ok := e.existing[logicalID]
	if !ok {
		return nil, false
	}
	return e.resources[i], true
}

// Dependencies returns the logical ids (of existing resources) that the
// resource waits for: DependsOn, and every Ref, GetAtt and Sub that survives
// the conditions. Sorted, without repetition. The caller must not change the
// slice.
func (e *Evaluation) Dependencies(logicalID string) []string {
	if i, ok := e.existing[logicalID]; ok {
		return e.waits[i]
	}
	return nil
}

// References returns the references below n that survive the conditions.
func (e *Evaluation) References(n *Node) []Reference {
	var all []Reference
	references(n, e.holds, func(r Reference) { all = append(all, r) })
	return all
}

// Live answers what existing resources are. A resource it does not know is
// not there yet. It may answer with [Unknown].
type Live interface {
	Ref(logicalID string) (schema.Value, bool)
	GetAtt(logicalID, attribute string) (schema.Value, error)
}

// Value evaluates any node of the template's resources and outputs. ok is
// false if it comes to AWS::NoValue.
func (e *Evaluation) Value(n *Node, live Live) (v schema.Value, ok bool, err error) {
	v, fault := e.evaluator(live).value(n)
	if fault != nil {
		return nil, false, fault
	}
	if _, none := v.(noValue); none {
		return nil, false, nil
	}
	return v, true, nil
}

// Properties evaluates a resource's properties. AWS::NoValue members are gone.
func (e *Evaluation) Properties(logicalID string, live Live) (map[string]schema.Value, error) {
	r := e.Template.Resource(logicalID)
	if r == nil {
		return nil, fault("Resource %s is not in the template", logicalID)
	}
	if r.Properties == nil {
		return map[string]schema.Value{}, nil
	}
	v, ok, err := e.Value(r.Properties, live)
	if err != nil {
		var fault *Error
		if errors.As(err, &fault) {
			return nil, fault.under("Resources/" + logicalID + "/Properties")
		}
		return nil, err
	}
	if !ok {
		return map[string]schema.Value{}, nil
	}
	properties, ok := v.(map[string]schema.Value)
	if !ok {
		return nil, fault("Template format error: Every Properties member must be an object.").at(r.Properties)
	}
	return properties, nil
}

// Imports returns the names of the exports that the evaluation reads, sorted. (Locks.)
func (e *Evaluation) Imports() []string { return e.imports }

// Output is an evaluated output; those whose condition fails are left out.
type Output struct {
	Key, Description string
	Value            schema.Value // string or schema.Secret, or Unknown
	Export           string       // export name, "" if none
}

// Outputs evaluates the outputs in the template's order.
func (e *Evaluation) Outputs(live Live) ([]Output, error) {
	out, err := e.evaluator(live).outputs()
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (ev *evaluator) outputs() ([]Output, *Error) {
	e := ev.Evaluation
	var out []Output
	exported := map[string]string{}
	for _, o := range e.Template.Outputs {
		if !e.holds(o.Condition) {
			continue
		}
		v, err := ev.value(o.Value)
		if err != nil {
			return nil, err.under("Outputs/" + o.Key + "/Value")
		}
		if _, ok := v.(Unknown); !ok {
			text, secret, ok := textOf(v)
			if !ok {
				return nil, outputNotString().at(o.Value).under("Outputs/" + o.Key + "/Value")
			}
			v = plainOrSecret(text, secret)
		}
		one := Output{Key: o.Key, Description: o.Description, Value: v}
		if o.Export != nil {
			if one.Export, err = ev.exportName(o); err != nil {
				return nil, err.at(o.Export).under("Outputs/" + o.Key + "/Export/Name")
			}
			if other, ok := exported[one.Export]; ok {
				return nil, fault("Export with name %s is already exported by output %s", one.Export, other).at(o.Export).under("Outputs/" + o.Key)
			}
			exported[one.Export] = o.Key
		}
		out = append(out, one)
	}
	return out, nil
}

func (ev *evaluator) exportName(o *OutputDeclaration) (string, *Error) {
	v, err := ev.value(o.Export)
	if err != nil {
		return "", err
	}
	name, _, ok := textOf(v)
	if !ok {
		return "", malformedExport(o.Key)
	}
	return name, checkExportName(o.Key, name)
}

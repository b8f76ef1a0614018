package cloudformation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"larder/internal/cfn/stack"
	"larder/internal/engine"
)

// An actionParameter is one entry of a service action's Parameters, which is a
// JSON list. No Parameters: the action takes whatever its document takes.
type actionParameter struct{ Name, Type string }

func parametersOf(a engine.Action) ([]actionParameter, error) {
	text, ok := a.Definition["Parameters"]
	if !ok {
		return nil, nil
	}
	var list []actionParameter
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, &engine.Failure{Reason: "The service action's Parameters are not a JSON list: " + err.Error()}
	}
	return list, nil
}

// ActionParameters tells what an action takes. A parameter of type TARGET is by
// default what the stack holds of the type that its name begins with: the
// physical ids of AWS::EC2::Instance for InstanceId.
func (e *Engine) ActionParameters(ctx context.Context, c engine.Change, a engine.Action) ([]engine.ActionParameter, error) {
	list, err := parametersOf(a)
	if err != nil {
		return nil, err
	}
	resources, err := e.resources(ctx, c)
	if err != nil {
		return nil, err
	}
	out := make([]engine.ActionParameter, 0, len(list))
	for _, p := range list {
		one := engine.ActionParameter{Name: p.Name, Type: p.Type}
		for _, r := range resources {
			if noun := r.Type[strings.LastIndexByte(r.Type, ':')+1:]; p.Type == "TARGET" && strings.HasPrefix(p.Name, noun) {
				one.Defaults = append(one.Defaults, r.Physical)
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// Act executes an action's automation document. Like the resources that it
// would act on, it is simulated: it succeeds, unless it is given what the
// action doesn't take.
func (e *Engine) Act(_ context.Context, c engine.Change, a engine.Action) (engine.Progress, error) {
	list, err := parametersOf(a)
	if err != nil {
		return engine.Progress{}, err
	}
	p := engine.Progress{State: engine.Done, Physical: c.Physical, Note: "executed " + a.Definition["Name"]}
	for name := range a.Given {
		if list != nil && !slices.ContainsFunc(list, func(known actionParameter) bool { return known.Name == name }) {
			p.Failure = &engine.Failure{Reason: fmt.Sprintf("The service action takes no parameter %s", name)}
		}
	}
	return p, nil
}

// Dashboards returns the names of the dashboards that the stack holds.
func (e *Engine) Dashboards(ctx context.Context, c engine.Change) ([]string, error) {
	resources, err := e.resources(ctx, c)
	var names []string
	for _, r := range resources {
		if r.Type == "AWS::CloudWatch::Dashboard" {
			names = append(names, r.Physical)
		}
	}
	return names, err
}

// resources are those that a change's stack holds; none of a stack that there
// is not.
func (e *Engine) resources(ctx context.Context, c engine.Change) ([]stack.Resource, error) {
	_, all, err := e.Stacks.Resources(ctx, c.Account, c.Region, c.Physical)
	if _, ok := stack.AsError(err); ok {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(r stack.Resource) bool {
		return r.Physical == "" || r.Status == stack.DeleteComplete
	}), nil
}

var (
	_ engine.Actor       = (*Engine)(nil)
	_ engine.Dashboarder = (*Engine)(nil)
)

package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"larder/internal/cfn/resource"
	"larder/internal/cfn/schema"
	"larder/internal/cfn/stack"
	"larder/internal/engine"
)

// An actionParameter is one entry of a service action's Parameters, which is a
// JSON list. No Parameters: the action takes what its document takes.
type actionParameter struct{ Name, Type string }

// The types of an action's parameters (CreateServiceAction in the model).
const (
	parameterTarget = "TARGET"
	parameterText   = "TEXT_VALUE"
)

// What the documents below take, by the Systems Manager Automation runbook
// reference.
const (
	parameterInstance = "InstanceId"
	parameterRole     = "AutomationAssumeRole"
)

const instanceType = "AWS::EC2::Instance"

// documents are the automation documents that can be run on what a stack
// holds, with the state in which they leave an instance.
func documents() map[string]schema.Value {
	running := map[string]any{"Code": "16", "Name": "running"}
	return map[string]schema.Value{
		"AWS-RestartEC2Instance": running,
		"AWS-StartEC2Instance":   running,
		"AWS-StopEC2Instance":    map[string]any{"Code": "80", "Name": "stopped"},
	}
}

// stateAfter is the state in which an action leaves an instance. The resources
// of a stack are recorded and not run, so other documents have nothing to act
// on.
func stateAfter(a engine.Action) (schema.Value, error) {
	name := a.Definition["Name"]
	known := documents()
	state, ok := known[name[strings.LastIndexByte(name, '/')+1:]] // it may be an ARN
	if !ok {
		return nil, &engine.Failure{Reason: fmt.Sprintf("Automation document %s can't be run on the resources of this engine; those that can are %s",
			name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))}
	}
	return state, nil
}

func parametersOf(a engine.Action) ([]actionParameter, error) {
	text, ok := a.Definition["Parameters"]
	if !ok {
		if _, err := stateAfter(a); err == nil {
			return []actionParameter{{parameterInstance, parameterTarget}, {parameterRole, parameterText}}, nil
		}
		return nil, nil // nobody knows what it takes
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
			if noun := r.Type[strings.LastIndexByte(r.Type, ':')+1:]; p.Type == parameterTarget && strings.HasPrefix(p.Name, noun) {
				one.Defaults = append(one.Defaults, r.Physical)
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// Act runs an action's automation document on the instances that it is given,
// or on all that the stack holds.
func (e *Engine) Act(ctx context.Context, c engine.Change, a engine.Action) (engine.Progress, error) {
	p := engine.Progress{State: engine.Done, Physical: c.Physical}
	state, instances, err := e.prepare(ctx, c, a)
	for _, instance := range instances {
		if err == nil {
			err = e.Stacks.Inventory().Amend(ctx, c.Account, c.Region, instanceType, instance, map[string]schema.Value{"State": state})
		}
	}
	if gone, ok := errors.AsType[*resource.NotFoundError](err); ok {
		err = &engine.Failure{Reason: gone.Error()}
	}
	if failure, ok := engine.AsFailure(err); ok {
		p.Failure = failure
		return p, nil
	}
	p.Note = fmt.Sprintf("%s: %s", a.Definition["Name"], strings.Join(instances, ", "))
	return p, err
}

// prepare tells what is to become of which instances.
func (e *Engine) prepare(ctx context.Context, c engine.Change, a engine.Action) (state schema.Value, instances []string, err error) {
	if state, err = stateAfter(a); err != nil {
		return nil, nil, err
	}
	known, err := parametersOf(a)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(a.Given)) {
		if !slices.ContainsFunc(known, func(p actionParameter) bool { return p.Name == name }) {
			return nil, nil, &engine.Failure{Reason: "The service action takes no parameter " + name}
		}
	}
	resources, err := e.resources(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	var held []string
	for _, r := range resources {
		if r.Type == instanceType {
			held = append(held, r.Physical)
		}
	}
	instances, given := a.Given[parameterInstance]
	if !given {
		instances = held
	}
	for _, instance := range instances {
		if !slices.Contains(held, instance) {
			return nil, nil, &engine.Failure{Reason: fmt.Sprintf("Instance %s is no resource of stack %s", instance, c.Physical)}
		}
	}
	if len(instances) == 0 {
		return nil, nil, &engine.Failure{Reason: fmt.Sprintf("Stack %s has no instance to act on", c.Physical)}
	}
	return state, instances, nil
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

var _ engine.Actor = (*Engine)(nil)

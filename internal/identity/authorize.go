package identity

import (
	"context"

	"larder/internal/api"
	"larder/internal/id"
)

// Authorize decides about every operation of the API by the caller's policies,
// and puts the access level that they grant into the Caller.
func (s *Serve) Authorize(next api.Invoker) api.Invoker {
	return func(ctx context.Context, op api.Op, in any) (any, error) {
		c := CallerFrom(ctx)
		t, ok := s.targets[op]
		if !ok {
			return nil, notAuthorized(c.ARN, op.String(), "*", becauseNo("identity-based", op.String()))
		}
		c.Level = LevelAccount
		for _, resource := range t.resources(c, in) {
			level, err := c.decide(t.action, resource, t.leveled)
			if err != nil {
				return nil, err
			}
			c.Level = min(c.Level, level)
		}
		return next(WithCaller(ctx, c), op, in)
	}
}

// Allow decides about an action that isn't one of the API's operations, such
// as cloudformation:DescribeStacks, with the operation's input. A stack or a
// stack set that the input names is the resource; without one it is "*".
func (s *Serve) Allow(ctx context.Context, action string, in any) error {
	c := CallerFrom(ctx)
	_, err := c.decide(action, stackResource(c, in), false)
	return err
}

// levels are the condition keys by which a policy grants less than the whole
// account, from the widest to the narrowest. A policy without such a condition
// grants the account.
var levels = []struct {
	level Level
	key   string
}{
	{LevelAccount, "servicecatalog:accountlevel"},
	{LevelRole, "servicecatalog:rolelevel"},
	{LevelUser, "servicecatalog:userlevel"},
}

// decide answers the widest level at which the caller's policies allow the
// action, or AWS's refusal.
func (c Caller) decide(action, resource string, leveled bool) (Level, error) {
	r := Request{Action: action, Resource: resource}
	if c.authority.asks() {
		r.Context = c.context()
	} else {
		leveled = false
	}
	var why string
	for _, l := range levels {
		if leveled {
			r.Context[l.key] = []string{"self"}
		}
		reason, ok := c.authority.decide(r)
		if ok {
			return l.level, nil
		}
		if why == "" {
			why = reason
		}
		if !leveled {
			break
		}
		delete(r.Context, l.key)
	}
	return 0, notAuthorized(c.ARN, action, resource, why)
}

// context holds the values of the global condition keys that we know.
func (c Caller) context() Context {
	ctx := Context{
		"aws:principalarn":     {c.UserARN()},
		"aws:principalaccount": {c.Account},
		"aws:userid":           {c.UserID},
		"aws:requestedregion":  {c.Region},
	}
	p, ok := c.Principal()
	if !ok {
		return ctx
	}
	switch p.Kind {
	case id.User:
		ctx["aws:principaltype"] = []string{"User"}
		ctx["aws:username"] = []string{p.Name}
	case id.Session:
		ctx["aws:principaltype"] = []string{"AssumedRole"}
	case id.Root:
		ctx["aws:principaltype"] = []string{"Account"}
	}
	return ctx
}

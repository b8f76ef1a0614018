package main

import (
	"errors"
	"fmt"
	"strings"

	"larder/internal/api"
)

// policyCommands manage policies.
type policyCommands struct {
	remote
	Create policyCreate `cmd:"" help:"Make a policy that can be attached."`
	List   policyList   `cmd:"" help:"List policies, AWS's managed ones among them."`
	Show   policyShow   `cmd:"" help:"Show a policy, its document and whom it is attached to."`
	Update policyUpdate `cmd:"" help:"Replace a policy's document."`
	Delete policyDelete `cmd:"" help:"Delete a policy that is attached to nobody."`
	Attach policyAttach `cmd:"" help:"Give a policy to a user, a group or a role."`
	Detach policyDetach `cmd:"" help:"Take an attached policy away."`
	Put    policyPut    `cmd:"" help:"Give a user, a group or a role a policy of its own (inline)."`
	Remove policyRemove `cmd:"" help:"Remove an inline policy."`
}

// whichPolicy is the policy that a command is about.
type whichPolicy struct {
	Policy string `arg:"" help:"Name or ARN of the policy."`
}

// arn returns the policy's ARN. A name is the account's own policy or, if it
// has none of that name, AWS's.
func (w *whichPolicy) arn(c *caller) (string, error) {
	if strings.HasPrefix(w.Policy, "arn:") {
		return w.Policy, nil
	}
	out, err := c.collect(api.OpListPolicies, &api.ListPoliciesInput{PageSize: new(mostListed)})
	if err != nil {
		return "", err
	}
	found := ""
	for _, p := range out.(*api.ListPoliciesOutput).PolicyDetails {
		if strings.EqualFold(p.PolicyName, w.Policy) && (found == "" || !p.Managed) {
			found = p.ARN
		}
	}
	if found == "" {
		return "", fmt.Errorf("there is no policy with name %s", w.Policy)
	}
	return found, nil
}

// mostListed is the largest page of a list.
const mostListed = 100

// holder is who has a policy.
type holder struct {
	User      string `help:"Name of the user." xor:"holder" placeholder:"NAME"`
	Group     string `help:"Name of the group." xor:"holder" placeholder:"NAME"`
	Role      string `help:"Name of the role." xor:"holder" placeholder:"NAME"`
	Principal string `help:"ARN of the user, the group or the role." xor:"holder" placeholder:"ARN"`
}

// arn returns the holder's ARN.
func (h *holder) arn(c *caller) (string, error) {
	client := c.client()
	switch {
	case h.Principal != "":
		return h.Principal, nil
	case h.User != "":
		out, err := client.DescribeUser(c.ctx, &api.DescribeUserInput{UserName: h.User})
		if err != nil {
			return "", err
		}
		return out.UserDetail.ARN, nil
	case h.Group != "":
		out, err := client.DescribeGroup(c.ctx, &api.DescribeGroupInput{GroupName: h.Group})
		if err != nil {
			return "", err
		}
		return out.GroupDetail.ARN, nil
	case h.Role != "":
		out, err := client.DescribeRole(c.ctx, &api.DescribeRoleInput{RoleName: h.Role})
		if err != nil {
			return "", err
		}
		return out.RoleDetail.ARN, nil
	}
	return "", errors.New("whose? give --user, --group, --role or --principal")
}

type policyCreate struct {
	Name     string   `arg:"" help:"Name."`
	Document document `required:"" help:"The policy: a file or JSON." placeholder:"POLICY"`
	Path     string   `help:"Path, such as /team/."`
}

// Run makes a policy.
func (p *policyCreate) Run(c *caller) error {
	return c.call(api.OpCreatePolicy, &api.CreatePolicyInput{PolicyName: p.Name, PolicyDocument: string(p.Document), Path: optional(p.Path)})
}

type policyList struct {
	Own bool `help:"Only the account's own."`
}

// Run lists policies.
func (p *policyList) Run(c *caller) error {
	in := &api.ListPoliciesInput{}
	if p.Own {
		in.Scope = new(api.PolicyScopeLocal)
	}
	return c.call(api.OpListPolicies, in)
}

type policyShow struct{ whichPolicy }

// Run shows a policy.
func (p *policyShow) Run(c *caller) error {
	arn, err := p.arn(c)
	if err != nil {
		return err
	}
	return c.call(api.OpDescribePolicy, &api.DescribePolicyInput{PolicyARN: arn})
}

type policyUpdate struct {
	whichPolicy
	Document document `required:"" help:"The policy: a file or JSON." placeholder:"POLICY"`
}

// Run replaces a policy's document.
func (p *policyUpdate) Run(c *caller) error {
	arn, err := p.arn(c)
	if err != nil {
		return err
	}
	return c.call(api.OpUpdatePolicy, &api.UpdatePolicyInput{PolicyARN: arn, PolicyDocument: string(p.Document)})
}

type policyDelete struct{ whichPolicy }

// Run deletes a policy.
func (p *policyDelete) Run(c *caller) error {
	arn, err := p.arn(c)
	if err != nil {
		return err
	}
	return c.call(api.OpDeletePolicy, &api.DeletePolicyInput{PolicyARN: arn})
}

// attachment are a policy and who has it.
type attachment struct {
	whichPolicy `embed:""`
	holder      `embed:""`
}

func (a *attachment) arns(c *caller) (policy, principal string, err error) {
	if principal, err = a.holder.arn(c); err != nil {
		return "", "", err
	}
	policy, err = a.whichPolicy.arn(c)
	return policy, principal, err
}

type policyAttach struct{ attachment }

// Run attaches a policy.
func (p *policyAttach) Run(c *caller) error {
	policy, principal, err := p.arns(c)
	if err != nil {
		return err
	}
	return c.call(api.OpAttachPolicy, &api.AttachPolicyInput{PolicyARN: policy, PrincipalARN: principal})
}

type policyDetach struct{ attachment }

// Run detaches a policy.
func (p *policyDetach) Run(c *caller) error {
	policy, principal, err := p.arns(c)
	if err != nil {
		return err
	}
	return c.call(api.OpDetachPolicy, &api.DetachPolicyInput{PolicyARN: policy, PrincipalARN: principal})
}

// inline is a policy that belongs to its holder.
type inline struct {
	Name string `arg:"" help:"Name of the inline policy."`
	holder
}

type policyPut struct {
	inline
	Document document `required:"" help:"The policy: a file or JSON." placeholder:"POLICY"`
}

// Run puts an inline policy.
func (p *policyPut) Run(c *caller) error {
	arn, err := p.arn(c)
	if err != nil {
		return err
	}
	return c.call(api.OpPutInlinePolicy, &api.PutInlinePolicyInput{PrincipalARN: arn, PolicyName: p.Name, PolicyDocument: string(p.Document)})
}

type policyRemove struct{ inline }

// Run removes an inline policy.
func (p *policyRemove) Run(c *caller) error {
	arn, err := p.arn(c)
	if err != nil {
		return err
	}
	return c.call(api.OpDeleteInlinePolicy, &api.DeleteInlinePolicyInput{PrincipalARN: arn, PolicyName: p.Name})
}

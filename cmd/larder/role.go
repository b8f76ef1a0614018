package main

import (
	"encoding/json"

	"larder/internal/api"
)

// roleCommands manage roles.
type roleCommands struct {
	remote
	Create roleCreate `cmd:"" help:"Make a role."`
	List   roleList   `cmd:"" help:"List roles."`
	Show   roleShow   `cmd:"" help:"Show a role with its policies."`
	Update roleUpdate `cmd:"" help:"Change who may assume a role, or for how long."`
	Delete roleDelete `cmd:"" help:"Delete a role and end its sessions."`
	Revoke roleRevoke `cmd:"" help:"End all sessions of a role."`
}

// trust are the flags that say who may assume a role, and for how long.
type trust struct {
	Trust      document `help:"Trust policy: a file or JSON." placeholder:"POLICY" xor:"trust"`
	Trusts     []string `help:"ARNs of users, roles or accounts that may assume the role, instead of a policy." placeholder:"ARN" xor:"trust"`
	MaxSession *int     `help:"Seconds that a session may last at most." placeholder:"SECONDS"`
}

// policy is the trust policy that the flags say, nil for none.
func (t *trust) policy() *string {
	if len(t.Trusts) == 0 {
		return optional(string(t.Trust))
	}
	type statement struct {
		Effect    string
		Principal map[string][]string
		Action    string
	}
	text, err := json.Marshal(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{{"Allow", map[string][]string{"AWS": t.Trusts}, "sts:AssumeRole"}}})
	if err != nil {
		panic(err) // texts are always JSON
	}
	return new(string(text))
}

type roleCreate struct {
	newcomer
	trust
}

// Run makes a role. One that says nothing of trust is refused by the server.
func (r *roleCreate) Run(c *caller) error {
	return c.call(api.OpCreateRole, &api.CreateRoleInput{
		RoleName: r.Name, Path: optional(r.Path), Description: optional(r.Description),
		AssumeRolePolicyDocument: api.Or(r.policy(), ""), MaxSessionDuration: r.MaxSession,
	})
}

type roleList struct{}

// Run lists roles.
func (roleList) Run(c *caller) error { return c.call(api.OpListRoles, &api.ListRolesInput{}) }

type roleShow struct{ existing }

// Run shows a role.
func (r *roleShow) Run(c *caller) error {
	return c.call(api.OpDescribeRole, &api.DescribeRoleInput{RoleName: r.Name})
}

type roleUpdate struct {
	existing
	trust
	Description *string `help:"What it is for."`
}

// Run changes a role.
func (r *roleUpdate) Run(c *caller) error {
	return c.call(api.OpUpdateRole, &api.UpdateRoleInput{
		RoleName: r.Name, Description: r.Description, AssumeRolePolicyDocument: r.policy(), MaxSessionDuration: r.MaxSession,
	})
}

type roleDelete struct{ existing }

// Run deletes a role.
func (r *roleDelete) Run(c *caller) error {
	return c.call(api.OpDeleteRole, &api.DeleteRoleInput{RoleName: r.Name})
}

type roleRevoke struct{ existing }

// Run ends a role's sessions.
func (r *roleRevoke) Run(c *caller) error {
	return c.call(api.OpRevokeRoleSessions, &api.RevokeRoleSessionsInput{RoleName: r.Name})
}

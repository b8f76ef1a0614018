package main

import "larder/internal/api"

// groupCommands manage groups.
type groupCommands struct {
	remote
	Create groupCreate `cmd:"" help:"Make a group without members."`
	List   groupList   `cmd:"" help:"List groups."`
	Show   groupShow   `cmd:"" help:"Show a group with members and policies."`
	Delete groupDelete `cmd:"" help:"Delete a group; its members stay."`
	Add    groupAdd    `cmd:"" help:"Make a user a member."`
	Remove groupRemove `cmd:"" help:"End a membership."`
}

type groupCreate struct{ newcomer }

// Run makes a group.
func (g *groupCreate) Run(c *caller) error {
	return c.call(api.OpCreateGroup, &api.CreateGroupInput{GroupName: g.Name, Path: optional(g.Path), Description: optional(g.Description)})
}

type groupList struct{}

// Run lists groups.
func (groupList) Run(c *caller) error { return c.call(api.OpListGroups, &api.ListGroupsInput{}) }

type groupShow struct{ existing }

// Run shows a group.
func (g *groupShow) Run(c *caller) error {
	return c.call(api.OpDescribeGroup, &api.DescribeGroupInput{GroupName: g.Name})
}

type groupDelete struct{ existing }

// Run deletes a group.
func (g *groupDelete) Run(c *caller) error {
	return c.call(api.OpDeleteGroup, &api.DeleteGroupInput{GroupName: g.Name})
}

// membership are a group and a user.
type membership struct {
	Group string `arg:"" help:"Name of the group."`
	User  string `arg:"" help:"Name of the user."`
}

type groupAdd struct{ membership }

// Run makes a user a member.
func (g *groupAdd) Run(c *caller) error {
	return c.call(api.OpAddUserToGroup, &api.AddUserToGroupInput{GroupName: g.Group, UserName: g.User})
}

type groupRemove struct{ membership }

// Run ends a membership.
func (g *groupRemove) Run(c *caller) error {
	return c.call(api.OpRemoveUserFromGroup, &api.RemoveUserFromGroupInput{GroupName: g.Group, UserName: g.User})
}

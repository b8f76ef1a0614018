package main

import "larder/internal/api"

// userCommands manage users.
type userCommands struct {
	remote
	Create userCreate `cmd:"" help:"Make a user, who may do nothing yet."`
	List   userList   `cmd:"" help:"List users."`
	Show   userShow   `cmd:"" help:"Show a user with groups, policies and keys."`
	Delete userDelete `cmd:"" help:"Delete a user with keys, memberships and inline policies."`
}

// newcomer are the flags by which a user, a group or a role is made.
type newcomer struct {
	Name        string `arg:"" help:"Name."`
	Path        string `help:"Path, such as /team/."`
	Description string `help:"What it is for."`
}

// existing names what a command is about.
type existing struct {
	Name string `arg:"" help:"Name."`
}

type userCreate struct{ newcomer }

// Run makes a user.
func (u *userCreate) Run(c *caller) error {
	return c.call(api.OpCreateUser, &api.CreateUserInput{UserName: u.Name, Path: optional(u.Path), Description: optional(u.Description)})
}

type userList struct{}

// Run lists users.
func (userList) Run(c *caller) error { return c.call(api.OpListUsers, &api.ListUsersInput{}) }

type userShow struct{ existing }

// Run shows a user.
func (u *userShow) Run(c *caller) error {
	return c.call(api.OpDescribeUser, &api.DescribeUserInput{UserName: u.Name})
}

type userDelete struct{ existing }

// Run deletes a user.
func (u *userDelete) Run(c *caller) error {
	return c.call(api.OpDeleteUser, &api.DeleteUserInput{UserName: u.Name})
}

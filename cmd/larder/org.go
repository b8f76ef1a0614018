package main

import "larder/internal/api"

// orgCommands manage the organization: the accounts of the server and the
// units that they stand under.
type orgCommands struct {
	remote
	Show       orgShow         `cmd:"" help:"Show the organization."`
	Account    accountCommands `cmd:"" help:"Accounts."`
	Unit       unitCommands    `cmd:"" help:"Organizational units."`
	Delegate   orgDelegate     `cmd:"" help:"Let an account share with the organization as its management account does."`
	Undelegate orgUndelegate   `cmd:"" help:"End that."`
}

type orgShow struct{}

// Run shows the organization.
func (orgShow) Run(c *caller) error {
	return c.call(api.OpDescribeOrganization, &api.DescribeOrganizationInput{})
}

// accountNumber is the account that a command is about.
type accountNumber struct {
	Account string `arg:"" help:"Number of the account."`
}

type orgDelegate struct{ accountNumber }

// Run registers a delegated administrator.
func (o *orgDelegate) Run(c *caller) error {
	return c.call(api.OpRegisterDelegatedAdministrator, &api.RegisterDelegatedAdministratorInput{AccountId: o.Account})
}

type orgUndelegate struct{ accountNumber }

// Run deregisters a delegated administrator.
func (o *orgUndelegate) Run(c *caller) error {
	return c.call(api.OpDeregisterDelegatedAdministrator, &api.DeregisterDelegatedAdministratorInput{AccountId: o.Account})
}

type accountCommands struct {
	Create accountCreate `cmd:"" help:"Make an account, with a role by which this one comes in."`
	List   accountList   `cmd:"" help:"List accounts."`
	Show   accountShow   `cmd:"" help:"Show an account."`
	Move   accountMove   `cmd:"" help:"Put an account under another unit."`
	Rename accountRename `cmd:"" help:"Rename an account."`
}

type accountCreate struct {
	Name string `arg:"" help:"Name."`
	ID   string `name:"id" help:"Number: 12 digits (default: chosen at random)." placeholder:"ID"`
	Unit string `help:"Unit that it stands under (default: the root)." placeholder:"ID"`
	Role string `help:"Name of the role (default: OrganizationAccountAccessRole)." placeholder:"NAME"`
}

// Run makes an account.
func (a *accountCreate) Run(c *caller) error {
	return c.call(api.OpCreateAccount, &api.CreateAccountInput{
		AccountName: a.Name, AccountId: optional(a.ID), ParentId: optional(a.Unit), RoleName: optional(a.Role),
	})
}

type accountList struct {
	Unit string `help:"Only those directly under this unit." placeholder:"ID"`
}

// Run lists accounts.
func (a *accountList) Run(c *caller) error {
	return c.call(api.OpListAccounts, &api.ListAccountsInput{ParentId: optional(a.Unit)})
}

type accountShow struct{ accountNumber }

// Run shows an account.
func (a *accountShow) Run(c *caller) error {
	return c.call(api.OpDescribeAccount, &api.DescribeAccountInput{AccountId: a.Account})
}

type accountMove struct {
	accountNumber
	Unit string `arg:"" help:"Id of the unit, or of the root."`
}

// Run moves an account.
func (a *accountMove) Run(c *caller) error {
	return c.call(api.OpUpdateAccount, &api.UpdateAccountInput{AccountId: a.Account, ParentId: &a.Unit})
}

type accountRename struct {
	accountNumber
	Name string `arg:"" help:"New name."`
}

// Run renames an account.
func (a *accountRename) Run(c *caller) error {
	return c.call(api.OpUpdateAccount, &api.UpdateAccountInput{AccountId: a.Account, AccountName: &a.Name})
}

type unitCommands struct {
	Create unitCreate `cmd:"" help:"Make a unit."`
	List   unitList   `cmd:"" help:"List the root and all units."`
	Rename unitRename `cmd:"" help:"Rename a unit."`
	Delete unitDelete `cmd:"" help:"Delete a unit that holds nothing."`
}

type unitCreate struct {
	Name string `arg:"" help:"Name."`
	Unit string `help:"Unit that it stands under (default: the root)." placeholder:"ID"`
}

// Run makes a unit.
func (u *unitCreate) Run(c *caller) error {
	return c.call(api.OpCreateOrganizationalUnit, &api.CreateOrganizationalUnitInput{UnitName: u.Name, ParentId: optional(u.Unit)})
}

type unitList struct{}

// Run lists units.
func (unitList) Run(c *caller) error {
	return c.call(api.OpListOrganizationalUnits, &api.ListOrganizationalUnitsInput{})
}

// unitID is the unit that a command is about.
type unitID struct {
	Unit string `arg:"" help:"Id of the unit."`
}

type unitRename struct {
	unitID
	Name string `arg:"" help:"New name."`
}

// Run renames a unit.
func (u *unitRename) Run(c *caller) error {
	return c.call(api.OpUpdateOrganizationalUnit, &api.UpdateOrganizationalUnitInput{UnitId: u.Unit, UnitName: u.Name})
}

type unitDelete struct{ unitID }

// Run deletes a unit.
func (u *unitDelete) Run(c *caller) error {
	return c.call(api.OpDeleteOrganizationalUnit, &api.DeleteOrganizationalUnitInput{UnitId: u.Unit})
}

package identity_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/identity"
)

// tree is the organization as the catalog sees it: parents and accounts by
// unit.
func (w *world) tree(t testing.TB, s *identity.Serve) *identity.Organization {
	t.Helper()
	var o *identity.Organization
	err := w.db.View(t.Context(), func(tx *db.Tx) (err error) {
		o, err = s.Organization(tx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (w *world) accountExists(t testing.TB, account string) (exists bool) {
	t.Helper()
	err := w.db.View(t.Context(), func(tx *db.Tx) (err error) {
		exists, err = identity.AccountExists(tx, account)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return exists
}

func TestOrganization(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		c := w.client(t)
		admin := w.as(t, w.admin.Credentials)
		other := w.another(t) // a second process sees what the first did
		org := must(c.DescribeOrganization(admin, nil)).OrganizationDetail
		if org.ManagementAccountId != account || !strings.HasPrefix(org.OrganizationId, "o-") ||
			org.ARN != "arn:aws:organizations::"+account+":organization/"+org.OrganizationId || !strings.HasPrefix(org.RootId, "r-") {
			t.Errorf("%+v", org)
		}
		want := []identity.Unit{{ID: org.RootId, Accounts: []string{account}}}
		if diff := cmp.Diff(want, w.tree(t, other).Units); diff != "" {
			t.Error(diff)
		}

		// Units and accounts under them.
		teams := must(c.CreateOrganizationalUnit(admin, &api.CreateOrganizationalUnitInput{UnitName: "Teams"})).OrganizationalUnitDetail
		if !strings.HasPrefix(teams.UnitId, "ou-"+org.RootId[2:]+"-") || teams.ParentId != org.RootId ||
			teams.ARN != "arn:aws:organizations::"+account+":ou/"+org.OrganizationId+"/"+teams.UnitId {
			t.Errorf("%+v", teams)
		}
		payments := must(c.CreateOrganizationalUnit(admin, &api.CreateOrganizationalUnitInput{UnitName: "Payments", ParentId: &teams.UnitId})).OrganizationalUnitDetail
		made := must(c.CreateAccount(admin, &api.CreateAccountInput{AccountName: "payments-prod", AccountId: new("210987654321"), ParentId: &payments.UnitId}))
		if made.RoleARN != "arn:aws:iam::210987654321:role/OrganizationAccountAccessRole" || made.AccountDetail.ParentId != payments.UnitId {
			t.Errorf("%+v", made)
		}
		minted := must(c.CreateAccount(admin, &api.CreateAccountInput{AccountName: "sandbox", RoleName: new("Owner")})).AccountDetail
		if minted.ParentId != org.RootId || !w.accountExists(t, minted.AccountId) || w.accountExists(t, "000000000001") {
			t.Errorf("%+v", minted)
		}
		under := map[string]identity.Unit{}
		for _, u := range w.tree(t, other).Units {
			under[u.ID] = u
		}
		if diff := cmp.Diff(identity.Unit{ID: payments.UnitId, Parent: teams.UnitId, Accounts: []string{"210987654321"}}, under[payments.UnitId]); diff != "" || len(under) != 3 {
			t.Error(diff)
		}
		var numbers []string
		for token := ""; ; {
			page := must(c.ListAccounts(admin, &api.ListAccountsInput{PageSize: new(1), PageToken: &token}))
			for _, a := range page.AccountDetails {
				numbers = append(numbers, a.AccountId)
			}
			if token = page.NextPageToken; token == "" {
				break
			}
		}
		if len(numbers) != 3 {
			t.Errorf("accounts %v", numbers)
		}
		if got := must(c.ListAccounts(admin, &api.ListAccountsInput{ParentId: &payments.UnitId})).AccountDetails; len(got) != 1 || got[0].AccountName != "payments-prod" {
			t.Errorf("%+v", got)
		}
		if got := must(c.ListOrganizationalUnits(admin, nil)).OrganizationalUnitDetails; len(got) != 3 {
			t.Errorf("%+v", got)
		}

		// The management account comes into a new one by its role, and is
		// somebody of that account there.
		inside := w.session(t, admin, made.RoleARN)
		must(c.CreateUser(inside, &api.CreateUserInput{UserName: "paula"}))
		if got := must(c.ListUsers(admin, nil)).UserDetails; len(got) != 1 {
			t.Errorf("the user of another account shows: %+v", got)
		}
		if got := must(c.DescribeOrganization(inside, nil)).OrganizationDetail; got.ManagementAccountId != account {
			t.Errorf("%+v", got)
		}

		// Members neither look around nor change anything, a delegated
		// administrator looks.
		const refused = "You don't have permissions to access this resource."
		_, err := c.ListAccounts(inside, nil)
		wants(t, err, api.CodeAccessDenied, refused)
		must(c.RegisterDelegatedAdministrator(admin, &api.RegisterDelegatedAdministratorInput{AccountId: "210987654321"}))
		must(c.ListAccounts(inside, nil))
		if got := w.tree(t, other).Delegated; !cmp.Equal(got, []string{"210987654321"}) {
			t.Errorf("delegated %v", got)
		}
		_, err = c.CreateAccount(inside, &api.CreateAccountInput{AccountName: "mine"})
		wants(t, err, api.CodeAccessDenied, refused)
		must(c.DeregisterDelegatedAdministrator(admin, &api.DeregisterDelegatedAdministratorInput{AccountId: "210987654321"}))
		_, err = c.DescribeAccount(inside, &api.DescribeAccountInput{AccountId: account})
		wants(t, err, api.CodeAccessDenied, refused)

		// Accounts move and units go when they are empty.
		_, err = c.DeleteOrganizationalUnit(admin, &api.DeleteOrganizationalUnitInput{UnitId: payments.UnitId})
		wants(t, err, api.CodeResourceInUse, "You tried to delete an organizational unit that isn't empty.")
		must(c.UpdateAccount(admin, &api.UpdateAccountInput{AccountId: "210987654321", ParentId: &org.RootId, AccountName: new("prod")}))
		must(c.DeleteOrganizationalUnit(admin, &api.DeleteOrganizationalUnitInput{UnitId: payments.UnitId}))
		if got := must(c.DescribeAccount(admin, &api.DescribeAccountInput{AccountId: "210987654321"})).AccountDetail; got.ParentId != org.RootId || got.AccountName != "prod" {
			t.Errorf("%+v", got)
		}
		if got := w.tree(t, other); len(got.Units) != 2 {
			t.Errorf("units %+v", got.Units)
		}
	})
}

// session assumes a role as the caller of ctx and calls as that session.
func (w *world) session(t testing.TB, ctx context.Context, roleARN string) context.Context {
	t.Helper()
	got := must(w.STS().AssumeRole(ctx, identity.AssumeRoleInput{RoleARN: roleARN, RoleSessionName: "admin"}))
	return w.as(t, identity.Credentials{AccessKeyID: got.AccessKeyID, SecretAccessKey: got.SecretAccessKey, SessionToken: got.SessionToken})
}

func TestOrganizationRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t)
	admin := w.as(t, w.admin.Credentials)
	root := must(c.DescribeOrganization(admin, nil)).OrganizationDetail.RootId
	const ghost = "ou-abcd-12345678"
	parent := &root
	for i := range 5 {
		parent = &must(c.CreateOrganizationalUnit(admin, &api.CreateOrganizationalUnitInput{UnitName: fmt.Sprint("level ", i+1), ParentId: parent})).OrganizationalUnitDetail.UnitId
	}
	second := must(c.CreateOrganizationalUnit(admin, &api.CreateOrganizationalUnitInput{UnitName: "second"})).OrganizationalUnitDetail.UnitId
	for _, test := range []struct {
		name string
		call func() error
		code string
		text string
	}{
		{"account twice", func() error {
			_, err := c.CreateAccount(admin, &api.CreateAccountInput{AccountName: "a", AccountId: new(account)})
			return err
		}, api.CodeDuplicateResource, "Account 123456789012 already exists."},
		{"account nowhere", func() error {
			_, err := c.CreateAccount(admin, &api.CreateAccountInput{AccountName: "a", ParentId: new(ghost)})
			return err
		}, api.CodeResourceNotFound, "You specified an organizational unit that doesn't exist: " + ghost},
		{"account moved nowhere", func() error {
			_, err := c.UpdateAccount(admin, &api.UpdateAccountInput{AccountId: account, ParentId: new(ghost)})
			return err
		}, api.CodeResourceNotFound, ""},
		{"role's name", func() error {
			_, err := c.CreateAccount(admin, &api.CreateAccountInput{AccountName: "a", RoleName: new(strings.Repeat("r", 65))})
			return err
		}, api.CodeInvalidParameters, ""},
		{"no such account", func() error {
			_, err := c.UpdateAccount(admin, &api.UpdateAccountInput{AccountId: "000000000001"})
			return err
		}, api.CodeResourceNotFound, "You specified an account that doesn't exist: 000000000001"},
		{"accounts of nowhere", func() error {
			_, err := c.ListAccounts(admin, &api.ListAccountsInput{ParentId: new(ghost)})
			return err
		}, api.CodeResourceNotFound, ""},
		{"too deep", func() error {
			_, err := c.CreateOrganizationalUnit(admin, &api.CreateOrganizationalUnitInput{UnitName: "six", ParentId: parent})
			return err
		}, api.CodeLimitExceeded, "You can nest organizational units only to a depth of five levels."},
		{"unit twice", func() error {
			_, err := c.CreateOrganizationalUnit(admin, &api.CreateOrganizationalUnitInput{UnitName: "LEVEL 1"})
			return err
		}, api.CodeDuplicateResource, "An OU with the same name already exists."},
		{"renamed to another's name", func() error {
			_, err := c.UpdateOrganizationalUnit(admin, &api.UpdateOrganizationalUnitInput{UnitId: second, UnitName: "level 1"})
			return err
		}, api.CodeDuplicateResource, ""},
		{"renamed to its own name", func() error {
			_, err := c.UpdateOrganizationalUnit(admin, &api.UpdateOrganizationalUnitInput{UnitId: second, UnitName: "SECOND"})
			return err
		}, "", ""},
		{"root renamed", func() error {
			_, err := c.UpdateOrganizationalUnit(admin, &api.UpdateOrganizationalUnitInput{UnitId: root, UnitName: "trunk"})
			return err
		}, api.CodeInvalidParameters, ""},
		{"root deleted", func() error {
			_, err := c.DeleteOrganizationalUnit(admin, &api.DeleteOrganizationalUnitInput{UnitId: root})
			return err
		}, api.CodeInvalidParameters, ""},
		{"management delegated", func() error {
			_, err := c.RegisterDelegatedAdministrator(admin, &api.RegisterDelegatedAdministratorInput{AccountId: account})
			return err
		}, api.CodeInvalidParameters, "You cannot register the management account as a delegated administrator."},
		{"nobody delegated", func() error {
			_, err := c.RegisterDelegatedAdministrator(admin, &api.RegisterDelegatedAdministratorInput{AccountId: "000000000001"})
			return err
		}, api.CodeResourceNotFound, ""},
		{"not delegated", func() error {
			_, err := c.DeregisterDelegatedAdministrator(admin, &api.DeregisterDelegatedAdministratorInput{AccountId: "000000000001"})
			return err
		}, api.CodeResourceNotFound, ""},
	} {
		err := test.call()
		if test.code == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if got := api.Code(err); got != test.code || test.text != "" && err.Error() != test.code+": "+test.text {
			t.Errorf("%s: %v, want %s: %s", test.name, err, test.code, test.text)
		}
	}
	if got := len(w.tree(t, w.Serve).Units); got != 7 {
		t.Errorf("%d units after refusals", got)
	}
}

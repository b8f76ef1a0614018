package identity_test

import (
	"fmt"
	"testing"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/db/dbtest"
)

// race runs both at once and returns what they answered.
func race(a, b func() error) (errA, errB error) {
	started := make(chan struct{})
	done := make(chan error)
	go func() {
		<-started
		done <- a()
	}()
	close(started)
	errB = b()
	return <-done, errB
}

// What two calls find apart they must find together: a unit is not deleted
// under an account that moves in, and a number, a name and the last free place
// are given once.
func TestRaces(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		c := w.client(t)
		admin := w.as(t, w.admin.Credentials)
		for i := range 10 {
			name := fmt.Sprint("unit ", i)
			unit := must(c.CreateOrganizationalUnit(admin, &api.CreateOrganizationalUnitInput{UnitName: name})).OrganizationalUnitDetail.UnitId
			number := fmt.Sprintf("2%011d", i)
			deleted, moved := race(func() error {
				_, err := c.DeleteOrganizationalUnit(admin, &api.DeleteOrganizationalUnitInput{UnitId: unit})
				return err
			}, func() error {
				_, err := c.CreateAccount(admin, &api.CreateAccountInput{AccountName: "a", AccountId: &number, ParentId: &unit})
				return err
			})
			switch {
			case deleted == nil:
				wants(t, moved, api.CodeResourceNotFound, "")
			case moved == nil:
				wants(t, deleted, api.CodeResourceInUse, "")
			default:
				t.Errorf("neither: %v, %v", deleted, moved)
			}
			twice := func() error {
				_, err := c.CreateAccount(admin, &api.CreateAccountInput{AccountName: "a", AccountId: new("3" + number[1:])})
				return err
			}
			one, other := race(twice, twice)
			if (one == nil) == (other == nil) || one != nil && api.Code(one) != api.CodeDuplicateResource || other != nil && api.Code(other) != api.CodeDuplicateResource {
				t.Errorf("one number twice: %v, %v", one, other)
			}
			named := func() error {
				_, err := c.CreateOrganizationalUnit(admin, &api.CreateOrganizationalUnitInput{UnitName: "same " + name})
				return err
			}
			one, other = race(named, named)
			if (one == nil) == (other == nil) || one != nil && api.Code(one) != api.CodeDuplicateResource || other != nil && api.Code(other) != api.CodeDuplicateResource {
				t.Errorf("one name twice: %v, %v", one, other)
			}
			bob := fmt.Sprint("bob", i)
			must(c.CreateUser(admin, &api.CreateUserInput{UserName: bob}))
			must(c.CreateAccessKey(admin, &api.CreateAccessKeyInput{UserName: &bob}))
			key := func() error {
				_, err := c.CreateAccessKey(admin, &api.CreateAccessKeyInput{UserName: &bob})
				return err
			}
			one, other = race(key, key)
			if (one == nil) == (other == nil) || one != nil && api.Code(one) != api.CodeLimitExceeded || other != nil && api.Code(other) != api.CodeLimitExceeded {
				t.Errorf("a third key: %v, %v", one, other)
			}
		}
	})
}

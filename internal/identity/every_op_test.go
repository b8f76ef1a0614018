package identity_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"larder/internal/api"
	"larder/internal/api/apitest"
	"larder/internal/identity"
)

// actionName is an operation as policies name it.
func actionName(op api.Op) string {
	if op.Larder() {
		return "larder:" + op.String()
	}
	return "servicecatalog:" + op.String()
}

// Policies decide about every operation of the API: without one it is refused,
// under its own action's name it is allowed, and what another statement denies
// is denied.
func TestEveryOperationIsAuthorized(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t)
	admin := w.as(t, w.admin.Credentials)
	for _, name := range []string{"nobody", "somebody", "denied"} {
		must(c.CreateUser(admin, &api.CreateUserInput{UserName: name}))
	}
	key := func(name string) identity.Credentials {
		k := must(c.CreateAccessKey(admin, &api.CreateAccessKeyInput{UserName: &name}))
		return identity.Credentials{AccessKeyID: k.AccessKeyDetail.AccessKeyId, SecretAccessKey: k.SecretAccessKey}
	}
	nobody, somebody, denied := key("nobody"), key("somebody"), key("denied")
	reached := false
	invoke := w.Authorize(func(context.Context, api.Op, any) (any, error) {
		reached = true
		return nil, nil
	})
	asks := func(creds identity.Credentials, op api.Op) error {
		reached = false
		_, err := invoke(w.as(t, creds), op, apitest.Input(t, op))
		if reached != (err == nil) {
			t.Errorf("%s: reached %v beside %v", op, reached, err)
		}
		return err
	}
	put := func(user, document string) {
		must(c.PutInlinePolicy(admin, &api.PutInlinePolicyInput{PrincipalARN: userARN(user), PolicyName: "p", PolicyDocument: document}))
	}
	for _, op := range api.Ops() {
		action := actionName(op)
		err := asks(nobody, op)
		if want := fmt.Sprintf("AccessDeniedException: User: %s is not authorized to perform: %s on resource: ", userARN("nobody"), action); err == nil || !strings.HasPrefix(err.Error(), want) ||
			!strings.HasSuffix(err.Error(), " because no identity-based policy allows the "+action+" action") {
			t.Errorf("%s as nobody: %v", op, err)
		}
		put("somebody", allow(`"`+action+`"`, ""))
		if err := asks(somebody, op); err != nil {
			t.Errorf("%s, allowed by name: %v", op, err)
		}
		put("denied", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"`+action+`","Resource":"*"}]}`)
		if err := asks(denied, op); err == nil || !strings.HasSuffix(err.Error(), " with an explicit deny in an identity-based policy") {
			t.Errorf("%s, denied by name: %v", op, err)
		}
		if err := asks(w.admin.Credentials, op); err != nil {
			t.Errorf("%s as the administrator: %v", op, err)
		}
	}
}

// A policy may grant what a user launched alone, wherever an operation answers
// provisioned products, their records or plans; the level that it grants
// travels with the call. Elsewhere the condition is never true.
func TestEveryLevelIsGranted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t)
	admin := w.as(t, w.admin.Credentials)
	creds := newUser(admin, c, "carol")
	// These make something, which is nobody's yet.
	makes := map[string]bool{"ProvisionProduct": true, "ImportAsProvisionedProduct": true}
	shows := func(op api.Op) bool {
		if op.Larder() || makes[op.String()] {
			return false
		}
		for field := range reflect.TypeOf(api.NewOutput(op)).Elem().Fields() {
			for _, name := range []string{"Record", "ProvisionedProduct", "StackInstance"} {
				if strings.HasPrefix(field.Name, name) {
					return true
				}
			}
		}
		return false
	}
	for level, condition := range map[identity.Level]string{
		identity.LevelUser:    "servicecatalog:userLevel",
		identity.LevelRole:    "servicecatalog:roleLevel",
		identity.LevelAccount: "servicecatalog:accountLevel",
	} {
		must(c.PutInlinePolicy(admin, &api.PutInlinePolicyInput{
			PrincipalARN: userARN("carol"), PolicyName: "p", PolicyDocument: allow(`"*"`, `{"StringEquals":{"`+condition+`":"self"}}`),
		}))
		ctx := w.as(t, creds)
		granted := identity.Level(-1)
		invoke := w.Authorize(func(ctx context.Context, _ api.Op, _ any) (any, error) {
			granted = identity.CallerFrom(ctx).Level
			return nil, nil
		})
		leveled := 0
		for _, op := range api.Ops() {
			granted = -1
			_, err := invoke(ctx, op, apitest.Input(t, op))
			switch {
			case err == nil:
				leveled++
				if granted != level {
					t.Errorf("%s under %s: level %v", op, condition, granted)
				}
			case shows(op):
				t.Errorf("%s under %s: %v", op, condition, err)
			}
		}
		if leveled == 0 {
			t.Errorf("nothing is leveled by %s", condition)
		}
	}
}

package identity_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/id"
	"larder/internal/identity"
	"larder/internal/seal"
)

// service is the part of the API that identity serves; all else answers that
// it is not built, to whoever is allowed to ask.
type service struct {
	*identity.Directory
	rest
}

type rest struct{ api.Unimplemented }

// client calls as whoever the context says, through authorization.
func (w *world) client(t testing.TB) api.Client {
	t.Helper()
	tokens, err := seal.NewTokens(make([]byte, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return api.Client{Invoke: api.Local(service{Directory: identity.NewDirectory(w.Serve, tokens)}, w.Authorize)}
}

// must returns the answer of a call that is no matter of the test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// newUser makes a user with a key and returns the key.
func newUser(ctx context.Context, c api.Client, name string) identity.Credentials {
	must(c.CreateUser(ctx, &api.CreateUserInput{UserName: name}))
	k := must(c.CreateAccessKey(ctx, &api.CreateAccessKeyInput{UserName: &name}))
	return identity.Credentials{AccessKeyID: k.AccessKeyDetail.AccessKeyId, SecretAccessKey: k.SecretAccessKey}
}

func userARN(name string) string { return "arn:aws:iam::" + account + ":user/" + name }

func allow(actions, condition string) string {
	s := `"Effect":"Allow","Action":` + actions + `,"Resource":"*"`
	if condition != "" {
		s += `,"Condition":` + condition
	}
	return statement(s)
}

// A user's rights come and go with policies, groups and keys, at once.
func TestUsersAndTheirRights(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		c := w.client(t)
		admin := w.as(t, w.admin.Credentials)
		bob := newUser(admin, c, "bob")
		may := func() bool {
			t.Helper()
			_, err := c.ListPortfolios(w.as(t, bob), &api.ListPortfoliosInput{})
			switch api.Code(err) {
			case api.CodeUnsupportedOperation:
				return true
			case api.CodeAccessDenied:
				return false
			}
			t.Fatal(err)
			return false
		}
		if may() {
			t.Error("a new user may nothing")
		}
		must(c.AttachPolicy(admin, &api.AttachPolicyInput{
			PolicyARN: "arn:aws:iam::aws:policy/AWSServiceCatalogAdminFullAccess", PrincipalARN: userARN("bob")}))
		if !may() {
			t.Error("a managed policy allows")
		}
		must(c.PutInlinePolicy(admin, &api.PutInlinePolicyInput{
			PrincipalARN: userARN("bob"), PolicyName: "no", PolicyDocument: statement(`"Effect":"Deny","Action":"servicecatalog:List*","Resource":"*"`)}))
		if may() {
			t.Error("a denial overrides")
		}
		_, err := c.ListPortfolios(w.as(t, bob), &api.ListPortfoliosInput{})
		wants(t, err, api.CodeAccessDenied, "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: servicecatalog:ListPortfolios on resource: * with an explicit deny in an identity-based policy")
		must(c.DeleteInlinePolicy(admin, &api.DeleteInlinePolicyInput{PrincipalARN: userARN("bob"), PolicyName: "no"}))
		must(c.DetachPolicy(admin, &api.DetachPolicyInput{
			PolicyARN: "arn:aws:iam::aws:policy/AWSServiceCatalogAdminFullAccess", PrincipalARN: userARN("bob")}))
		if may() {
			t.Error("what is detached allows nothing")
		}

		must(c.CreateGroup(admin, &api.CreateGroupInput{GroupName: "Readers", Path: new("/teams/")}))
		own := must(c.CreatePolicy(admin, &api.CreatePolicyInput{PolicyName: "read", PolicyDocument: allow(`"servicecatalog:List*"`, "")}))
		must(c.AttachPolicy(admin, &api.AttachPolicyInput{
			PolicyARN: own.PolicyDetail.ARN, PrincipalARN: "arn:aws:iam::123456789012:group/teams/Readers"}))
		must(c.AddUserToGroup(admin, &api.AddUserToGroupInput{GroupName: "readers", UserName: "BOB"}))
		if !may() {
			t.Error("a group's policy allows its members")
		}
		if got := identity.CallerFrom(w.as(t, bob)).Groups; !cmp.Equal(got, []string{"arn:aws:iam::123456789012:group/teams/Readers"}) {
			t.Errorf("groups %v", got)
		}
		must(c.UpdatePolicy(admin, &api.UpdatePolicyInput{PolicyARN: own.PolicyDetail.ARN, PolicyDocument: allow(`"servicecatalog:Search*"`, "")}))
		if may() {
			t.Error("a changed policy counts at once")
		}

		must(c.UpdateAccessKey(admin, &api.UpdateAccessKeyInput{AccessKeyId: bob.AccessKeyID, Status: api.AccessKeyStatusInactive}))
		_, err = w.Authenticate(signed(bob, "us-east-1", w.clock.now()), body)
		wants(t, err, api.CodeUnrecognizedClient, "")
		must(c.UpdateAccessKey(admin, &api.UpdateAccessKeyInput{AccessKeyId: bob.AccessKeyID, Status: api.AccessKeyStatusActive}))
		w.as(t, bob)
		must(c.DeleteUser(admin, &api.DeleteUserInput{UserName: "bob"}))
		_, err = w.Authenticate(signed(bob, "us-east-1", w.clock.now()), body)
		wants(t, err, api.CodeUnrecognizedClient, "")
		if g := must(c.DescribeGroup(admin, &api.DescribeGroupInput{GroupName: "Readers"})); len(g.UserNames) != 0 {
			t.Errorf("a deleted user is still a member: %v", g.UserNames)
		}
	})
}

// Another process notices a change when what it remembers has aged.
func TestChangesElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t)
	admin := w.as(t, w.admin.Credentials)
	bob := newUser(admin, c, "bob")
	elsewhere := w.another(t)
	if _, err := elsewhere.Authenticate(signed(bob, "us-east-1", w.clock.now()), body); err != nil {
		t.Fatal(err)
	}
	must(c.DeleteUser(admin, &api.DeleteUserInput{UserName: "bob"}))
	w.clock.pass(5 * time.Second)
	_, err := elsewhere.Authenticate(signed(bob, "us-east-1", w.clock.now()), body)
	wants(t, err, api.CodeUnrecognizedClient, "")
}

// The level that policies grant: that of the widest that allows.
func TestLevels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t)
	admin := w.as(t, w.admin.Credentials)
	bob := newUser(admin, c, "bob")
	var level identity.Level
	invoke := w.Authorize(func(ctx context.Context, _ api.Op, _ any) (any, error) {
		level = identity.CallerFrom(ctx).Level
		return nil, nil
	})
	for _, tt := range []struct {
		name, policy string
		op           api.Op
		want         identity.Level
		ok           bool
	}{
		{"no condition", allow(`"servicecatalog:*"`, ""), api.OpDescribeRecord, identity.LevelAccount, true},
		{"account", allow(`"servicecatalog:*"`, `{"StringEquals":{"servicecatalog:accountLevel":"self"}}`), api.OpDescribeRecord, identity.LevelAccount, true},
		{"role", allow(`"servicecatalog:*"`, `{"StringEquals":{"servicecatalog:roleLevel":"self"}}`), api.OpSearchProvisionedProducts, identity.LevelRole, true},
		{"user", allow(`"servicecatalog:*"`, `{"StringEquals":{"servicecatalog:userLevel":"self"}}`), api.OpTerminateProvisionedProduct, identity.LevelUser, true},
		{"a level where there is none", allow(`"servicecatalog:*"`, `{"StringEquals":{"servicecatalog:userLevel":"self"}}`), api.OpCreatePortfolio, 0, false},
		{"a denial of all but the user's own", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
			{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"servicecatalog:userLevel":"self"}}}]}`, api.OpDescribeRecord, identity.LevelUser, true},
	} {
		must(c.PutInlinePolicy(admin, &api.PutInlinePolicyInput{PrincipalARN: userARN("bob"), PolicyName: "p", PolicyDocument: tt.policy}))
		level = -1
		_, err := invoke(w.as(t, bob), tt.op, api.NewInput(tt.op))
		if (err == nil) != tt.ok || tt.ok && level != tt.want {
			t.Errorf("%s: level %v, %v", tt.name, level, err)
		}
	}
}

// Policies name portfolios and products where the input does.
func TestResources(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t)
	admin := w.as(t, w.admin.Credentials)
	bob := newUser(admin, c, "bob")
	must(c.PutInlinePolicy(admin, &api.PutInlinePolicyInput{PrincipalARN: userARN("bob"), PolicyName: "p", PolicyDocument: statement(
		`"Effect":"Allow","Action":"servicecatalog:*","Resource":["arn:aws:catalog:us-east-1:123456789012:portfolio/port-mine","arn:aws:catalog:*:*:product/prod-mine*"]`)}))
	ctx := w.as(t, bob)
	mine, theirs := "prod-mine1", "prod-other"
	invoke := w.Authorize(func(context.Context, api.Op, any) (any, error) { return nil, nil })
	for _, tt := range []struct {
		op   api.Op
		in   any
		want string // the resource that is refused; "" for none
	}{
		{api.OpDescribePortfolio, &api.DescribePortfolioInput{Id: "port-mine"}, ""},
		{api.OpDescribePortfolio, &api.DescribePortfolioInput{Id: "port-other"}, "arn:aws:catalog:us-east-1:123456789012:portfolio/port-other"},
		{api.OpDeleteProduct, &api.DeleteProductInput{Id: mine}, ""},
		{api.OpDescribeProduct, &api.DescribeProductInput{Id: &theirs}, "arn:aws:catalog:us-east-1:123456789012:product/prod-other"},
		{api.OpAssociateProductWithPortfolio, &api.AssociateProductWithPortfolioInput{ProductId: mine, PortfolioId: "port-mine"}, ""},
		{api.OpAssociateProductWithPortfolio, &api.AssociateProductWithPortfolioInput{ProductId: theirs, PortfolioId: "port-mine"}, "arn:aws:catalog:us-east-1:123456789012:product/prod-other"},
		{api.OpAssociateTagOptionWithResource, &api.AssociateTagOptionWithResourceInput{ResourceId: "port-other", TagOptionId: "tag-1"}, "arn:aws:catalog:us-east-1:123456789012:portfolio/port-other"},
		{api.OpProvisionProduct, &api.ProvisionProductInput{ProductId: &mine}, ""},
		{api.OpProvisionProduct, &api.ProvisionProductInput{ProductName: new("x")}, "*"},
		{api.OpListPortfolios, &api.ListPortfoliosInput{}, "*"},
	} {
		_, err := invoke(ctx, tt.op, tt.in)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.op, err)
			}
			continue
		}
		if api.Code(err) != api.CodeAccessDenied || !strings.Contains(err.Error(), " on resource: "+tt.want+" because") {
			t.Errorf("%s: %v, want %s refused", tt.op, err, tt.want)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		c := w.client(t)
		admin := w.as(t, w.admin.Credentials)
		bob := newUser(admin, c, "bob")
		const role = "arn:aws:iam::123456789012:role/team/Launcher"
		trust := func(principal string) string {
			return statement(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"` + principal + `"}`)
		}
		must(c.CreateRole(admin, &api.CreateRoleInput{
			RoleName: "Launcher", Path: new("/team/"), AssumeRolePolicyDocument: trust("arn:aws:iam::123456789012:user/eve"), MaxSessionDuration: new(7200),
		}))
		must(c.PutInlinePolicy(admin, &api.PutInlinePolicyInput{PrincipalARN: role, PolicyName: "p", PolicyDocument: allow(`"servicecatalog:*"`, "")}))
		assume := func(in identity.AssumeRoleInput) (*identity.AssumedRole, error) {
			in.RoleARN, in.RoleSessionName = role, "s1"
			return w.STS().AssumeRole(w.as(t, bob), in)
		}
		const refused = "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/team/Launcher"
		_, err := assume(identity.AssumeRoleInput{})
		wants(t, err, api.CodeAccessDenied, refused) // neither permission nor trust
		must(c.UpdateRole(admin, &api.UpdateRoleInput{RoleName: "Launcher", AssumeRolePolicyDocument: new(trust(account))}))
		_, err = assume(identity.AssumeRoleInput{})
		wants(t, err, api.CodeAccessDenied, refused) // trust without permission
		must(c.PutInlinePolicy(admin, &api.PutInlinePolicyInput{PrincipalARN: userARN("bob"), PolicyName: "p", PolicyDocument: allow(`"sts:AssumeRole"`, "")}))
		_, err = w.STS().AssumeRole(w.as(t, bob), identity.AssumeRoleInput{RoleARN: "arn:aws:iam::123456789012:role/Launcher", RoleSessionName: "s1"})
		if api.Code(err) != api.CodeAccessDenied {
			t.Errorf("a role by another path: %v", err)
		}
		_, err = assume(identity.AssumeRoleInput{DurationSeconds: 7201})
		wants(t, err, api.CodeValidation, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
		_, err = assume(identity.AssumeRoleInput{Policy: "{}"})
		wants(t, err, "MalformedPolicyDocument", "Syntax errors in policy.")
		_, err = assume(identity.AssumeRoleInput{PolicyARNs: []string{"arn:aws:iam::aws:policy/Nothing"}})
		wants(t, err, api.CodeValidation, "Policy arn:aws:iam::aws:policy/Nothing does not exist or is not attachable.")

		_, err = assume(identity.AssumeRoleInput{Extras: []string{"Tags", "SourceIdentity"}})
		wants(t, err, api.CodeUnsupportedOperation, "AssumeRole with Tags, SourceIdentity is not built yet")

		got := must(assume(identity.AssumeRoleInput{DurationSeconds: 900}))
		creds := identity.Credentials{AccessKeyID: got.AccessKeyID, SecretAccessKey: got.SecretAccessKey, SessionToken: got.SessionToken}
		session := identity.CallerFrom(w.as(t, creds))
		want := identity.Caller{
			Account: account, Region: "us-east-1", ARN: "arn:aws:sts::123456789012:assumed-role/Launcher/s1", UserID: got.AssumedRoleID,
			AccessKeyID: got.AccessKeyID, Service: "servicecatalog", Role: role,
		}
		if diff := cmp.Diff(want, session, callerOptions); diff != "" || got.ARN != want.ARN {
			t.Error(diff)
		}
		if _, err := c.ListPortfolios(w.as(t, creds), &api.ListPortfoliosInput{}); api.Code(err) != api.CodeUnsupportedOperation {
			t.Errorf("the session has the role's rights: %v", err)
		}
		for _, broken := range []func(*identity.Credentials){
			func(c *identity.Credentials) { c.SessionToken = "" },
			func(c *identity.Credentials) { c.SessionToken += "x" },
		} {
			other := creds
			broken(&other)
			_, err = w.Authenticate(signed(other, "us-east-1", w.clock.now()), body)
			wants(t, err, api.CodeUnrecognizedClient, "The security token included in the request is invalid.")
		}

		// A session policy only takes away.
		less := must(assume(identity.AssumeRoleInput{Policy: allow(`["servicecatalog:Describe*","larder:*"]`, "")}))
		lessCreds := identity.Credentials{AccessKeyID: less.AccessKeyID, SecretAccessKey: less.SecretAccessKey, SessionToken: less.SessionToken}
		_, err = c.ListPortfolios(w.as(t, lessCreds), &api.ListPortfoliosInput{})
		wants(t, err, api.CodeAccessDenied, "User: arn:aws:sts::123456789012:assumed-role/Launcher/s1 is not authorized to perform: servicecatalog:ListPortfolios on resource: * because no session policy allows the servicecatalog:ListPortfolios action")
		if _, err = c.DescribePortfolio(w.as(t, lessCreds), &api.DescribePortfolioInput{Id: "port-1"}); api.Code(err) != api.CodeUnsupportedOperation {
			t.Errorf("what both allow: %v", err)
		}
		if _, err = c.ListUsers(w.as(t, lessCreds), &api.ListUsersInput{}); api.Code(err) != api.CodeAccessDenied {
			t.Errorf("what only the session policy allows: %v", err)
		}

		// A session ends by its time, and before by being revoked.
		w.clock.pass(15 * time.Minute)
		_, err = w.Authenticate(signed(creds, "us-east-1", w.clock.now()), body)
		wants(t, err, api.CodeExpiredToken, "The security token included in the request is expired")
		if got := must(c.RevokeRoleSessions(admin, &api.RevokeRoleSessionsInput{RoleName: "Launcher"})); got.RevokedCount != 1 {
			t.Errorf("revoked %d sessions", got.RevokedCount)
		}
		_, err = w.Authenticate(signed(lessCreds, "us-east-1", w.clock.now()), body)
		wants(t, err, api.CodeUnrecognizedClient, "")

		// Nobody assumes what is deleted, and its sessions end.
		last := must(assume(identity.AssumeRoleInput{}))
		must(c.DeleteRole(admin, &api.DeleteRoleInput{RoleName: "Launcher"}))
		_, err = w.Authenticate(signed(identity.Credentials{AccessKeyID: last.AccessKeyID, SecretAccessKey: last.SecretAccessKey, SessionToken: last.SessionToken}, "us-east-1", w.clock.now()), body)
		wants(t, err, api.CodeUnrecognizedClient, "")
		_, err = assume(identity.AssumeRoleInput{})
		wants(t, err, api.CodeAccessDenied, refused)
	})
}

// A session that assumes a further role gets an hour at most, and a trust
// policy may ask for an external id.
func TestRoleChaining(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t)
	admin := w.as(t, w.admin.Credentials)
	must(c.CreateRole(admin, &api.CreateRoleInput{
		RoleName: "Own", AssumeRolePolicyDocument: statement(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["arn:aws:iam::123456789012:root"]},
			"Condition":{"StringEquals":{"sts:ExternalId":"e-1"}}`), MaxSessionDuration: new(43200)}))
	must(c.AttachPolicy(admin, &api.AttachPolicyInput{PolicyARN: identity.AdministratorAccess, PrincipalARN: "arn:aws:iam::123456789012:role/Own"}))
	in := identity.AssumeRoleInput{RoleARN: "arn:aws:iam::123456789012:role/Own", RoleSessionName: "s1", DurationSeconds: 43200}
	_, err := w.STS().AssumeRole(admin, in)
	if api.Code(err) != api.CodeAccessDenied {
		t.Errorf("without the external id: %v", err)
	}
	in.ExternalID = "e-1"
	first := must(w.STS().AssumeRole(admin, in))
	session := w.as(t, identity.Credentials{AccessKeyID: first.AccessKeyID, SecretAccessKey: first.SecretAccessKey, SessionToken: first.SessionToken})
	_, err = w.STS().AssumeRole(session, in)
	wants(t, err, api.CodeValidation, "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	in.DurationSeconds = 3600
	must(w.STS().AssumeRole(session, in))
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		c := w.client(t)
		ctx := w.as(t, w.admin.Credentials)
		fails := func(err error, code, message string) {
			t.Helper()
			wants(t, err, code, message)
		}

		u := must(c.CreateUser(ctx, &api.CreateUserInput{UserName: "Ann", Path: new("/team/"), Description: new("of sales")})).UserDetail
		if u.ARN != userARN("team/Ann") || u.UserName != "Ann" || u.Path != "/team/" || u.Description != "of sales" || !u.CreatedTime.Equal(w.clock.now()) || !strings.HasPrefix(u.UserId, "AIDA") {
			t.Errorf("created %+v", u)
		}
		_, err := c.CreateUser(ctx, &api.CreateUserInput{UserName: "ANN"})
		fails(err, "DuplicateResourceException", "User with name ANN already exists.")
		_, err = c.CreateUser(ctx, &api.CreateUserInput{UserName: "a b"})
		fails(err, api.CodeValidation, "")
		_, err = c.CreateUser(ctx, &api.CreateUserInput{UserName: strings.Repeat("a", 65)})
		fails(err, "InvalidParametersException", "")
		_, err = c.CreateUser(ctx, &api.CreateUserInput{UserName: "x", Path: new("/a//b/")})
		fails(err, "InvalidParametersException", "x with path /a//b/ is no valid name for a user.")
		must(c.CreateGroup(ctx, &api.CreateGroupInput{GroupName: "Ann"})) // another kind, another name
		_, err = c.DescribeUser(ctx, &api.DescribeUserInput{UserName: "Bob"})
		fails(err, api.CodeResourceNotFound, "The user with name Bob cannot be found.")
		_, err = c.DeleteUser(ctx, &api.DeleteUserInput{UserName: "admin"})
		fails(err, "InvalidParametersException", "The user with name admin is the one who asks for it.")

		// Keys.
		ann := "ann"
		for range 2 {
			must(c.CreateAccessKey(ctx, &api.CreateAccessKeyInput{UserName: &ann}))
		}
		_, err = c.CreateAccessKey(ctx, &api.CreateAccessKeyInput{UserName: &ann})
		fails(err, "LimitExceededException", "Cannot exceed quota for AccessKeysPerUser: 2")
		keys := must(c.ListAccessKeys(ctx, &api.ListAccessKeysInput{UserName: &ann})).AccessKeyDetails
		if len(keys) != 2 || keys[0].UserName != "Ann" || keys[0].Status != api.AccessKeyStatusActive {
			t.Errorf("keys %+v", keys)
		}
		must(c.DeleteAccessKey(ctx, &api.DeleteAccessKeyInput{AccessKeyId: keys[0].AccessKeyId}))
		_, err = c.DeleteAccessKey(ctx, &api.DeleteAccessKeyInput{AccessKeyId: keys[0].AccessKeyId})
		fails(err, api.CodeResourceNotFound, "The Access Key with id "+keys[0].AccessKeyId+" cannot be found.")
		if own := must(c.ListAccessKeys(ctx, &api.ListAccessKeysInput{})).AccessKeyDetails; len(own) != 1 || own[0].UserName != "admin" {
			t.Errorf("the caller's keys %+v", own)
		}

		// Policies.
		p := must(c.CreatePolicy(ctx, &api.CreatePolicyInput{PolicyName: "P", Path: new("/x/"), PolicyDocument: allow(`"a:b"`, "")})).PolicyDetail
		if p.ARN != "arn:aws:iam::123456789012:policy/x/P" || p.Managed {
			t.Errorf("created %+v", p)
		}
		_, err = c.CreatePolicy(ctx, &api.CreatePolicyInput{PolicyName: "p", PolicyDocument: allow(`"a:b"`, "")})
		fails(err, "DuplicateResourceException", "A policy called p already exists. Duplicate names are not allowed.")
		_, err = c.CreatePolicy(ctx, &api.CreatePolicyInput{PolicyName: "q", PolicyDocument: `{}`})
		fails(err, "InvalidParametersException", "Syntax errors in policy.")
		must(c.AttachPolicy(ctx, &api.AttachPolicyInput{PolicyARN: p.ARN, PrincipalARN: userARN("team/Ann")}))
		must(c.AttachPolicy(ctx, &api.AttachPolicyInput{PolicyARN: p.ARN, PrincipalARN: userARN("team/Ann")}))
		_, err = c.DeletePolicy(ctx, &api.DeletePolicyInput{PolicyARN: p.ARN})
		fails(err, "ResourceInUseException", "Cannot delete a policy attached to entities.")
		described := must(c.DescribePolicy(ctx, &api.DescribePolicyInput{PolicyARN: p.ARN}))
		if !cmp.Equal(described.PrincipalARNs, []string{userARN("team/Ann")}) || described.PolicyDocument != allow(`"a:b"`, "") || described.PolicyDetail.AttachmentCount != 1 {
			t.Errorf("described %+v", described)
		}
		for _, arn := range []string{userARN("Ann"), userARN("team/Bob"), "arn:aws:iam::210987654321:user/team/Ann"} {
			_, err = c.AttachPolicy(ctx, &api.AttachPolicyInput{PolicyARN: p.ARN, PrincipalARN: arn})
			fails(err, api.CodeResourceNotFound, "")
		}
		for _, arn := range []string{"Ann", "arn:aws:iam::123456789012:root", "arn:aws:sts::123456789012:assumed-role/a/b"} {
			_, err = c.AttachPolicy(ctx, &api.AttachPolicyInput{PolicyARN: p.ARN, PrincipalARN: arn})
			fails(err, "InvalidParametersException", "")
		}
		for _, arn := range []string{"P", "arn:aws:iam::123456789012:policy/P", "arn:aws:iam::aws:policy/Nothing", "arn:aws:iam::aws:policy/\x00", "arn:aws:iam::210987654321:policy/x/P"} {
			_, err = c.AttachPolicy(ctx, &api.AttachPolicyInput{PolicyARN: arn, PrincipalARN: userARN("team/Ann")})
			fails(err, api.CodeResourceNotFound, "Policy "+arn+" does not exist or is not attachable.")
			_, err = c.DetachPolicy(ctx, &api.DetachPolicyInput{PolicyARN: arn, PrincipalARN: userARN("team/Ann")})
			fails(err, api.CodeResourceNotFound, "")
			_, err = c.DescribePolicy(ctx, &api.DescribePolicyInput{PolicyARN: arn})
			fails(err, api.CodeResourceNotFound, "")
		}
		_, err = c.DeletePolicy(ctx, &api.DeletePolicyInput{PolicyARN: identity.AdministratorAccess})
		fails(err, "InvalidParametersException", "")
		must(c.DetachPolicy(ctx, &api.DetachPolicyInput{PolicyARN: p.ARN, PrincipalARN: userARN("team/Ann")}))
		must(c.DeletePolicy(ctx, &api.DeletePolicyInput{PolicyARN: p.ARN}))
		admins := must(c.DescribePolicy(ctx, &api.DescribePolicyInput{PolicyARN: identity.AdministratorAccess}))
		if !cmp.Equal(admins.PrincipalARNs, []string{userARN("admin")}) || !admins.PolicyDetail.Managed {
			t.Errorf("described %+v", admins)
		}

		// Whoever is deleted and made again is somebody else.
		who := id.UserPrincipal("aws", account, "/team/", "Ann")
		var before, after id.Unique
		lookUp := func(into *id.Unique) {
			t.Helper()
			if err := d.View(t.Context(), func(tx *db.Tx) (err error) { *into, err = identity.UniqueID(tx, who); return err }); err != nil {
				t.Fatal(err)
			}
		}
		lookUp(&before)
		must(c.DeleteUser(ctx, &api.DeleteUserInput{UserName: "Ann"}))
		lookUp(&after)
		if string(before) != u.UserId || after != "" {
			t.Errorf("unique id %q, after the deletion %q", before, after)
		}
		must(c.CreateUser(ctx, &api.CreateUserInput{UserName: "Ann", Path: new("/team/")}))
		if lookUp(&after); after == before || after == "" {
			t.Errorf("made again: %q", after)
		}
	})
}

// Lists give everything once, page by page, by name.
func TestDirectoryPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t)
	ctx := w.as(t, w.admin.Credentials)
	for _, name := range []string{"d", "B", "c", "A", "e"} {
		must(c.CreateUser(ctx, &api.CreateUserInput{UserName: name}))
		must(c.CreatePolicy(ctx, &api.CreatePolicyInput{PolicyName: name, PolicyDocument: allow(`"a:b"`, "")}))
	}
	var got []string
	var token *string
	for {
		page := must(c.ListUsers(ctx, &api.ListUsersInput{PageSize: new(2), PageToken: token}))
		for _, u := range page.UserDetails {
			got = append(got, u.UserName)
		}
		if page.NextPageToken == "" {
			break
		}
		token = &page.NextPageToken
	}
	if diff := cmp.Diff([]string{"A", "admin", "B", "c", "d", "e"}, got); diff != "" {
		t.Error(diff)
	}
	_, err := c.ListRoles(ctx, &api.ListRolesInput{PageToken: token})
	wants(t, err, "InvalidParametersException", "Invalid page token.")

	count := map[api.PolicyScope]int{}
	for _, scope := range []api.PolicyScope{api.PolicyScopeAll, api.PolicyScopeLocal, api.PolicyScopeManaged} {
		var token *string
		for {
			page := must(c.ListPolicies(ctx, &api.ListPoliciesInput{Scope: &scope, PageSize: new(3), PageToken: token}))
			count[scope] += len(page.PolicyDetails)
			if page.NextPageToken == "" {
				break
			}
			token = &page.NextPageToken
		}
	}
	if diff := cmp.Diff(map[api.PolicyScope]int{api.PolicyScopeAll: 10, api.PolicyScopeLocal: 5, api.PolicyScopeManaged: 5}, count); diff != "" {
		t.Error(diff)
	}
}

func TestExplainAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t)
	ctx := w.as(t, w.admin.Credentials)
	newUser(ctx, c, "bob")
	ask := &api.ExplainAccessInput{PrincipalARN: userARN("bob"), Action: "servicecatalog:ProvisionProduct", ResourceARN: new(product)}
	got := must(c.ExplainAccess(ctx, ask))
	want := "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: servicecatalog:ProvisionProduct on resource: " + product +
		" because no identity-based policy allows the servicecatalog:ProvisionProduct action"
	if got.Allowed || got.Message != want {
		t.Errorf("explained %+v", got)
	}
	must(c.AttachPolicy(ctx, &api.AttachPolicyInput{PolicyARN: "arn:aws:iam::aws:policy/AWSServiceCatalogEndUserFullAccess", PrincipalARN: userARN("bob")}))
	for _, action := range []string{"servicecatalog:ProvisionProduct", "servicecatalog:TerminateProvisionedProduct"} {
		ask.Action = action
		if got := must(c.ExplainAccess(ctx, ask)); !got.Allowed {
			t.Errorf("explained %+v", got)
		}
	}
}

// In dev nobody is managed.
func TestDirectoryInDev(t *testing.T) {
	t.Parallel()
	c := api.Client{Invoke: api.Local(service{}, (identity.Dev{}).Authorize)}
	_, err := c.CreateUser(t.Context(), &api.CreateUserInput{UserName: "bob"})
	wants(t, err, "OperationNotSupportedException", "")
	_, err = c.ListPolicies(t.Context(), &api.ListPoliciesInput{})
	wants(t, err, "OperationNotSupportedException", "")
	_, err = c.RevokeRoleSessions(t.Context(), &api.RevokeRoleSessionsInput{RoleName: "r"})
	wants(t, err, "OperationNotSupportedException", "")
}

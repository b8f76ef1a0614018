package catalog

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

const management = "000000000000"

func TestParseNode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind        api.OrganizationNodeType
		value, want string
	}{
		{"ORGANIZATION", "o-abcdefghij", "o-abcdefghij"},
		{"ORGANIZATION", "arn:aws:organizations::000000000000:organization/o-abcdefghij", "o-abcdefghij"},
		{"ORGANIZATIONAL_UNIT", "ou-abcd-12345678", "ou-abcd-12345678"},
		{"ORGANIZATIONAL_UNIT", "arn:aws:organizations::000000000000:ou/o-abcdefghij/ou-abcd-12345678", "ou-abcd-12345678"},
		{"ACCOUNT", "111111111111", "111111111111"},
		{"ORGANIZATION", "o-short", ""},
		{"ACCOUNT", "1111", ""}, {"ACCOUNT", "o-abcdefghij", ""}, {"ORGANIZATION", "ou-abcd-12345678", ""},
		{"ORGANIZATION", "arn:aws:iam::000000000000:organization/o-abcdefghij", ""}, {"ORGANIZATION", "", ""}, {"", "o-abcdefghij", ""},
	} {
		got, err := parseNode(api.OrganizationNode{Type: &test.kind, Value: &test.value})
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("parseNode(%s, %s) = %q, %v", test.kind, test.value, got, err)
		}
	}
}

func TestOrganization(t *testing.T) {
	t.Parallel()
	o := Organization{ID: "o-aaaaaaaaaa", Management: management, Units: []Unit{
		{ID: "r-1", Accounts: []string{management}},
		{ID: "ou-abcd-11111111", Parent: "r-1", Accounts: []string{hub}},
		{ID: "ou-abcd-22222222", Parent: "ou-abcd-11111111", Accounts: []string{spoke}},
		{ID: "ou-abcd-33333333", Parent: "ou-abcd-33333333", Accounts: []string{"333333333333"}}, // a ring, as a file might have it
	}}
	if diff := cmp.Diff([]string{spoke, "o-aaaaaaaaaa", "ou-abcd-22222222", "ou-abcd-11111111", "r-1"}, o.nodes(spoke)); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
	if n := o.nodes("333333333333"); len(n) > 2+len(o.Units) {
		t.Errorf("nodes in a ring: %v", n)
	}
	if n := o.nodes("999999999999"); n != nil {
		t.Errorf("nodes of a stranger: %v", n)
	}
	for node, want := range map[string][]string{
		"ou-abcd-11111111": {hub, spoke}, "ou-abcd-22222222": {spoke}, "r-1": {management, hub, spoke}, "ou-abcd-99999999": nil, hub: {hub},
	} {
		if diff := cmp.Diff(want, o.under(node, nil)); diff != "" {
			t.Errorf("under %s (-want +got):\n%s", node, diff)
		}
	}
}

func node(kind api.OrganizationNodeType, value string) *api.OrganizationNode {
	return &api.OrganizationNode{Type: &kind, Value: &value}
}

// shareStatus waits for a share action to end.
func (w *world) shareStatus(who someone, token string) *api.DescribePortfolioShareStatusOutput {
	w.Helper()
	for {
		out := ok(who.DescribePortfolioShareStatus(who, &api.DescribePortfolioShareStatusInput{PortfolioShareToken: token}))(w)
		if out.Status != api.ShareStatusNotStarted && out.Status != api.ShareStatusInProgress {
			return out
		}
		if who.Err() != nil {
			w.Fatal(context.Cause(who))
		}
	}
}

func (w *world) received(who someone, kind api.PortfolioShareType) (ids []id.Portfolio) {
	w.Helper()
	for _, p := range ok(who.ListAcceptedPortfolioShares(who, &api.ListAcceptedPortfolioSharesInput{PortfolioShareType: &kind}))(w).PortfolioDetails {
		ids = append(ids, id.Portfolio(p.Id))
	}
	return ids
}

func TestAccountShare(t *testing.T) {
	run(t, func(w *world) {
		admin, other, bob := w.user(hub, "admin"), w.user(spoke, "admin"), w.user(spoke, "bob")
		p, product, version := w.offer(admin)
		ok(w.constrain(admin, p, product, "LAUNCH", sharedRole))(w)
		create := func() error {
			_, err := admin.CreatePortfolioShare(admin, &api.CreatePortfolioShareInput{PortfolioId: string(p), AccountId: new(spoke)})
			return err
		}
		for range 2 { // again: nothing changes
			if err := create(); err != nil {
				w.Fatal(err)
			}
		}
		shares := func() []api.PortfolioShareDetail {
			w.Helper()
			return ok(admin.DescribePortfolioShares(admin, &api.DescribePortfolioSharesInput{PortfolioId: string(p), Type: "ACCOUNT"}))(w).PortfolioShareDetails
		}
		if diff := cmp.Diff([]api.PortfolioShareDetail{{PrincipalId: spoke, Type: "ACCOUNT"}}, shares()); diff != "" {
			w.Errorf("offered (-want +got):\n%s", diff)
		}

		// An offer shows nothing.
		_, err := other.DescribePortfolio(other, &api.DescribePortfolioInput{Id: string(p)})
		w.refused(err, api.CodeResourceNotFound, string(p))
		_, err = other.AssociatePrincipalWithPortfolio(other, &api.AssociatePrincipalWithPortfolioInput{
			PortfolioId: string(p), PrincipalARN: bob.caller.ARN, PrincipalType: "IAM",
		})
		w.refused(err, api.CodeResourceNotFound, string(p))
		e := ok(bob.ExplainLaunch(bob, &api.ExplainLaunchInput{ProductId: string(product)}))(w)
		if o := e.LaunchExplanations[0].LaunchObstacles; len(o) != 2 || o[0].Type != api.LaunchObstacleTypePortfolioNotAccepted {
			w.Errorf("explained %+v", o)
		}

		stranger := w.user("333333333333", "admin")
		_, err = stranger.AcceptPortfolioShare(stranger, &api.AcceptPortfolioShareInput{PortfolioId: string(p)})
		w.refused(err, api.CodeResourceNotFound, "Portfolio not found: "+string(p))
		_, err = other.AcceptPortfolioShare(other, &api.AcceptPortfolioShareInput{PortfolioId: string(p), PortfolioShareType: new(api.PortfolioShareTypeAWSOrganizations)})
		w.refused(err, api.CodeResourceNotFound, "Portfolio not found: "+string(p))
		for range 2 {
			ok(other.AcceptPortfolioShare(other, &api.AcceptPortfolioShareInput{PortfolioId: string(p)}))(w)
		}
		if !shares()[0].Accepted {
			w.Error("the owner does not see that the share was accepted")
		}
		if got := w.received(other, "IMPORTED"); !slices.Equal(got, []id.Portfolio{p}) {
			w.Errorf("imported %v", got)
		}
		if got := w.received(other, "AWS_ORGANIZATIONS"); got != nil {
			w.Errorf("from the organization %v", got)
		}
		access := ok(admin.ListPortfolioAccess(admin, &api.ListPortfolioAccessInput{PortfolioId: string(p)}))(w)
		if !slices.Equal(access.AccountIds, []string{spoke}) {
			w.Errorf("access %v", access.AccountIds)
		}

		// The recipient grants its own principals, and the launch role is its own.
		w.grant(other, p, bob.caller.ARN)
		l, err := w.resolve(bob, LaunchQuery{ProductID: string(product), ArtifactID: string(version)})
		if err != nil || l.Path.Account != hub || l.Product.Account != hub || l.Role != "arn:aws:iam::222222222222:role/Launch" {
			w.Errorf("launch %+v, %v", l, err)
		}
		names, _ := w.searchAll(bob, api.SearchProductsInput{})
		if !slices.Equal(names, []string{"bucket"}) {
			w.Errorf("bob sees %v", names)
		}
		principals := ok(admin.ListPrincipalsForPortfolio(admin, &api.ListPrincipalsForPortfolioInput{PortfolioId: string(p)}))(w)
		if len(principals.Principals) != 1 {
			w.Errorf("the owner sees the recipient's principals: %v", principals.Principals)
		}

		// And may do no more.
		for name, err := range map[string]error{
			"update":         second(other.UpdatePortfolio(other, &api.UpdatePortfolioInput{Id: string(p), DisplayName: new("mine")})),
			"delete":         second(other.DeletePortfolio(other, &api.DeletePortfolioInput{Id: string(p)})),
			"constrain":      second(w.constrain(other, p, product, "TEMPLATE", sizeRule)),
			"reshare":        second(other.CreatePortfolioShare(other, &api.CreatePortfolioShareInput{PortfolioId: string(p), AccountId: new("333333333333")})),
			"shares":         second(other.DescribePortfolioShares(other, &api.DescribePortfolioSharesInput{PortfolioId: string(p), Type: "ACCOUNT"})),
			"access":         second(other.ListPortfolioAccess(other, &api.ListPortfolioAccessInput{PortfolioId: string(p)})),
			"product":        second(other.UpdateProduct(other, &api.UpdateProductInput{Id: string(product), Name: new("mine")})),
			"delete product": second(other.DeleteProduct(other, &api.DeleteProductInput{Id: string(product)})),
			"version": second(other.UpdateProvisioningArtifact(other, &api.UpdateProvisioningArtifactInput{
				ProductId: string(product), ProvisioningArtifactId: string(version), Active: new(false)})),
			"shelve": second(other.AssociateProductWithPortfolio(other, &api.AssociateProductWithPortfolioInput{PortfolioId: string(p), ProductId: string(product)})),
			"budget": second(other.AssociateBudgetWithResource(other, &api.AssociateBudgetWithResourceInput{BudgetName: "b", ResourceId: string(p)})),
		} {
			if api.Code(err) != api.CodeResourceNotFound {
				w.Errorf("recipient's %s: %v", name, err)
			}
		}

		// The imported product may stand in a portfolio of its own, with its own constraints.
		local := w.portfolio(other, "local")
		w.shelve(other, local, product)
		w.grant(other, local, "arn:aws:iam::222222222222:user/carol")
		ok(w.constrain(other, local, product, "LAUNCH", `{"RoleArn":"arn:aws:iam::222222222222:role/Mine"}`))(w)
		carol := w.user(spoke, "carol")
		q := LaunchQuery{ProductID: string(product), ArtifactID: string(version)}
		if l, err := w.resolve(carol, q); err != nil || l.Path.Portfolio != local || l.Role != "arn:aws:iam::222222222222:role/Mine" {
			w.Errorf("local launch %+v, %v", l, err)
		}

		// When the share ends, so does all of it.
		ok(admin.DeletePortfolioShare(admin, &api.DeletePortfolioShareInput{PortfolioId: string(p), AccountId: new(spoke)}))(w)
		_, err = admin.DeletePortfolioShare(admin, &api.DeletePortfolioShareInput{PortfolioId: string(p), AccountId: new(spoke)})
		w.refused(err, api.CodeResourceNotFound, spoke)
		for _, who := range []someone{bob, carol} {
			_, err = w.resolve(who, q)
			w.refused(err, api.CodeResourceNotFound, "No launch paths found")
			if names, _ := w.searchAll(who, api.SearchProductsInput{}); names != nil {
				w.Errorf("%s still sees %v", who.caller.ARN, names)
			}
		}
		if got := w.received(other, "IMPORTED"); got != nil {
			w.Errorf("still imported %v", got)
		}
		if err := second(other.DeletePortfolio(other, &api.DeletePortfolioInput{Id: string(local)})); api.Code(err) != api.CodeResourceInUse {
			w.Errorf("the local portfolio still has carol: %v", err)
		}
		if _, err := w.resolve(w.user(hub, "alice"), q); err != nil {
			w.Errorf("the owner's user: %v", err)
		}

		// Another share is a new beginning: nothing of the first comes back.
		if err := create(); err != nil {
			w.Fatal(err)
		}
		ok(other.AcceptPortfolioShare(other, &api.AcceptPortfolioShareInput{PortfolioId: string(p)}))(w)
		principals = ok(other.ListPrincipalsForPortfolio(other, &api.ListPrincipalsForPortfolioInput{PortfolioId: string(p)}))(w)
		if len(principals.Principals) != 0 {
			w.Errorf("principals outlived the share: %v", principals.Principals)
		}
		for _, who := range []someone{bob, carol} {
			if l, err := w.resolve(who, q); err == nil {
				w.Errorf("%s launches again: %+v", who.caller.ARN, l)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestRejectShare(t *testing.T) {
	run(t, func(w *world) {
		admin, other := w.user(hub, "admin"), w.user(spoke, "admin")
		p, _, _ := w.offer(admin)
		ok(admin.CreatePortfolioShare(admin, &api.CreatePortfolioShareInput{PortfolioId: string(p), AccountId: new(spoke)}))(w)
		ok(other.AcceptPortfolioShare(other, &api.AcceptPortfolioShareInput{PortfolioId: string(p)}))(w)
		w.grant(other, p, "arn:aws:iam::222222222222:user/bob")
		ok(other.RejectPortfolioShare(other, &api.RejectPortfolioShareInput{PortfolioId: string(p)}))(w)
		if got := w.received(other, "IMPORTED"); got != nil {
			w.Errorf("still imported %v", got)
		}
		ok(other.AcceptPortfolioShare(other, &api.AcceptPortfolioShareInput{PortfolioId: string(p)}))(w)
		principals := ok(other.ListPrincipalsForPortfolio(other, &api.ListPrincipalsForPortfolioInput{PortfolioId: string(p)}))(w)
		if len(principals.Principals) != 0 {
			w.Errorf("principals outlived the share: %v", principals.Principals)
		}
		stranger := w.user("333333333333", "admin")
		_, err := stranger.RejectPortfolioShare(stranger, &api.RejectPortfolioShareInput{PortfolioId: string(p)})
		w.refused(err, api.CodeResourceNotFound, string(p))
	})
}

func TestShareRefused(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(management, "admin")
		p := w.portfolio(admin, "p")
		for name, test := range map[string]struct {
			in         api.CreatePortfolioShareInput
			code, want string
		}{
			"nobody":        {api.CreatePortfolioShareInput{}, api.CodeInvalidParameters, "either"},
			"both":          {api.CreatePortfolioShareInput{AccountId: new(spoke), OrganizationNode: node("ACCOUNT", spoke)}, api.CodeInvalidParameters, "either"},
			"oneself":       {api.CreatePortfolioShareInput{AccountId: new(management)}, api.CodeInvalidParameters, "owner"},
			"names":         {api.CreatePortfolioShareInput{AccountId: new(spoke), SharePrincipals: new(true)}, api.CodeInvalidParameters, "SharePrincipals"},
			"member names":  {api.CreatePortfolioShareInput{OrganizationNode: node("ACCOUNT", spoke), SharePrincipals: new(true)}, api.CodeInvalidParameters, "SharePrincipals"},
			"half a node":   {api.CreatePortfolioShareInput{OrganizationNode: &api.OrganizationNode{}}, api.CodeInvalidParameters, "OrganizationNode"},
			"access is off": {api.CreatePortfolioShareInput{OrganizationNode: node("ORGANIZATION", "o-aaaaaaaaaa")}, api.CodeOperationNotSupported, "EnableAWSOrganizationsAccess"},
		} {
			test.in.PortfolioId = string(p)
			_, err := admin.CreatePortfolioShare(admin, &test.in)
			if api.Code(err) != test.code {
				w.Errorf("%s: %v", name, err)
			}
			w.refused(err, test.code, test.want)
		}
		_, err := admin.CreatePortfolioShare(admin, &api.CreatePortfolioShareInput{PortfolioId: "port-x", AccountId: new(spoke)})
		w.refused(err, api.CodeResourceNotFound, "port-x")
		w.catalog.accountExists = func(_ *db.Tx, account string) (bool, error) { return account == hub, nil }
		_, err = admin.CreatePortfolioShare(admin, &api.CreatePortfolioShareInput{PortfolioId: string(p), AccountId: new(spoke)})
		w.refused(err, api.CodeResourceNotFound, "Account not found: "+spoke)
		ok(admin.CreatePortfolioShare(admin, &api.CreatePortfolioShareInput{PortfolioId: string(p), AccountId: new(hub)}))(w)
		other := w.user(hub, "admin")
		ok(admin.EnableAWSOrganizationsAccess(admin, nil))(w)
		mine := w.portfolio(other, "mine")
		_, err = other.CreatePortfolioShare(other, &api.CreatePortfolioShareInput{PortfolioId: string(mine), OrganizationNode: node("ORGANIZATION", "o-aaaaaaaaaa")})
		w.refused(err, api.CodeOperationNotSupported, "management account")
	})
}

func TestOrganizationAccess(t *testing.T) {
	run(t, func(w *world) {
		admin, other := w.user(management, "admin"), w.user(hub, "admin")
		status := func() api.AccessStatus {
			w.Helper()
			return ok(admin.GetAWSOrganizationsAccessStatus(admin, nil))(w).AccessStatus
		}
		if got := status(); got != api.AccessStatusDisabled {
			w.Errorf("at first %s", got)
		}
		for range 2 {
			ok(admin.EnableAWSOrganizationsAccess(admin, nil))(w)
		}
		if got := status(); got != api.AccessStatusEnabled {
			w.Errorf("enabled: %s", got)
		}
		for _, err := range []error{
			second(other.EnableAWSOrganizationsAccess(other, nil)),
			second(other.DisableAWSOrganizationsAccess(other, nil)),
			second(other.GetAWSOrganizationsAccessStatus(other, nil)),
		} {
			w.refused(err, api.CodeAccessDenied, "You are not authorized to perform this action")
		}
		ok(admin.DisableAWSOrganizationsAccess(admin, nil))(w)
		if got := status(); got != api.AccessStatusDisabled {
			w.Errorf("disabled: %s", got)
		}
	})
}

func TestOrganizationShare(t *testing.T) {
	run(t, func(w *world) {
		admin, other, alice := w.user(management, "admin"), w.user(spoke, "admin"), w.user(spoke, "alice")
		p, product, version := w.offer(admin)
		w.portfolio(other, "so that the account is known")
		w.grant(admin, p, "arn:aws:iam:::user/al*")
		w.optionOn(admin, w.tagOption(admin, "Group", "Finance"), string(p))
		ok(admin.EnableAWSOrganizationsAccess(admin, nil))(w)
		unit := node("ORGANIZATIONAL_UNIT", "arn:aws:organizations::000000000000:ou/o-abcdefghij/ou-abcd-12345678")
		created := ok(admin.CreatePortfolioShare(admin, &api.CreatePortfolioShareInput{PortfolioId: string(p), OrganizationNode: unit}))(w)
		if created.PortfolioShareToken == "" {
			w.Fatal("no token")
		}
		got := w.shareStatus(admin, created.PortfolioShareToken)
		want := &api.DescribePortfolioShareStatusOutput{
			PortfolioShareToken: created.PortfolioShareToken, PortfolioId: string(p), OrganizationNodeValue: "ou-abcd-12345678",
			Status: "COMPLETED", ShareDetails: &api.ShareDetails{SuccessfulShares: []string{spoke}, ShareErrors: []api.ShareError{}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			w.Errorf("status (-want +got):\n%s", diff)
		}
		shares := ok(admin.DescribePortfolioShares(admin, &api.DescribePortfolioSharesInput{PortfolioId: string(p), Type: "ORGANIZATIONAL_UNIT"}))(w)
		if diff := cmp.Diff([]api.PortfolioShareDetail{{PrincipalId: "ou-abcd-12345678", Type: "ORGANIZATIONAL_UNIT", Accepted: true}}, shares.PortfolioShareDetails); diff != "" {
			w.Errorf("shares (-want +got):\n%s", diff)
		}
		nodes := ok(admin.ListOrganizationPortfolioAccess(admin, &api.ListOrganizationPortfolioAccessInput{PortfolioId: string(p), OrganizationNodeType: "ORGANIZATIONAL_UNIT"}))(w)
		if len(nodes.OrganizationNodes) != 1 || *nodes.OrganizationNodes[0].Value != "ou-abcd-12345678" {
			w.Errorf("nodes %+v", nodes.OrganizationNodes)
		}
		access := ok(admin.ListPortfolioAccess(admin, &api.ListPortfolioAccessInput{PortfolioId: string(p), OrganizationParentId: new("ou-abcd-12345678")}))(w)
		if !slices.Equal(access.AccountIds, []string{spoke}) {
			w.Errorf("inherited access %v", access.AccountIds)
		}

		// It needs no acceptance, and shows neither tag options nor names.
		if got := w.received(other, "AWS_ORGANIZATIONS"); !slices.Equal(got, []id.Portfolio{p}) {
			w.Errorf("from the organization %v", got)
		}
		ok(other.AcceptPortfolioShare(other, &api.AcceptPortfolioShareInput{PortfolioId: string(p), PortfolioShareType: new(api.PortfolioShareTypeAWSOrganizations)}))(w)
		q := LaunchQuery{ProductID: string(product), ArtifactID: string(version)}
		_, err := w.resolve(alice, q)
		w.refused(err, api.CodeResourceNotFound, "No launch paths found")
		update := func(tagOptions, principals bool) {
			w.Helper()
			out := ok(admin.UpdatePortfolioShare(admin, &api.UpdatePortfolioShareInput{
				PortfolioId: string(p), OrganizationNode: unit, ShareTagOptions: &tagOptions, SharePrincipals: &principals,
			}))(w)
			if got := w.shareStatus(admin, out.PortfolioShareToken); got.Status != "COMPLETED" {
				w.Errorf("update %+v", got)
			}
		}
		update(false, true)
		l, err := w.resolve(alice, q)
		if err != nil || len(l.TagOptions) != 0 {
			w.Errorf("with names: %+v, %v", l.TagOptions, err)
		}
		if names, _ := w.searchAll(alice, api.SearchProductsInput{}); !slices.Equal(names, []string{"bucket"}) {
			w.Errorf("alice sees %v", names)
		}
		if d := ok(other.DescribePortfolio(other, &api.DescribePortfolioInput{Id: string(p)}))(w); len(d.TagOptions) != 0 {
			w.Errorf("tag options are shown: %v", d.TagOptions)
		}
		update(true, true)
		if l, err = w.resolve(alice, q); err != nil || len(l.TagOptions) != 1 {
			w.Errorf("with tag options: %+v, %v", l.TagOptions, err)
		}
		if d := ok(other.DescribePortfolio(other, &api.DescribePortfolioInput{Id: string(p)}))(w); len(d.TagOptions) != 1 {
			w.Errorf("tag options are not shown: %v", d.TagOptions)
		}

		// Turning access off keeps what is shared.
		ok(admin.DisableAWSOrganizationsAccess(admin, nil))(w)
		if _, err := w.resolve(alice, q); err != nil {
			w.Errorf("after access was turned off: %v", err)
		}
		ok(admin.EnableAWSOrganizationsAccess(admin, nil))(w)
		deleted := ok(admin.DeletePortfolioShare(admin, &api.DeletePortfolioShareInput{PortfolioId: string(p), OrganizationNode: unit}))(w)
		if got := w.shareStatus(admin, deleted.PortfolioShareToken); got.Status != "COMPLETED" {
			w.Errorf("delete %+v", got)
		}
		_, err = w.resolve(alice, q)
		w.refused(err, api.CodeResourceNotFound, "No launch paths found")
		_, err = admin.DeletePortfolioShare(admin, &api.DeletePortfolioShareInput{PortfolioId: string(p), OrganizationNode: unit})
		w.refused(err, api.CodeResourceNotFound, "ou-abcd-12345678")
		_, err = other.DescribePortfolioShareStatus(other, &api.DescribePortfolioShareStatusInput{PortfolioShareToken: created.PortfolioShareToken})
		w.refused(err, api.CodeResourceNotFound, created.PortfolioShareToken)
	})
}

// TestShareBusy holds one action in flight.
func TestShareBusy(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(management, "admin")
		p := w.portfolio(admin, "p")
		ok(admin.EnableAWSOrganizationsAccess(admin, nil))(w)
		a := newShareAction(createShare, admin.caller, string(p), shareTarget{kind: "ORGANIZATION", node: "o-aaaaaaaaaa"}, nil, nil)
		data, err := encode(a)
		if err != nil {
			w.Fatal(err)
		}
		if err := w.catalog.db.Update(admin, func(tx *db.Tx) error {
			return tx.Exec(`INSERT INTO share_action (token, portfolio, account, region, open, data) VALUES (?, ?, ?, ?, 1, ?)`,
				a.Token, a.Portfolio, a.Account, a.Region, data)
		}); err != nil {
			w.Fatal(err)
		}
		for _, in := range []api.CreatePortfolioShareInput{{OrganizationNode: node("ORGANIZATION", "o-bbbbbbbbbb")}, {AccountId: new(spoke)}} {
			in.PortfolioId = string(p)
			_, err := admin.CreatePortfolioShare(admin, &in)
			w.refused(err, api.CodeInvalidState, "Cannot process more than one portfolio share action at the same time. Try again later.")
		}
	})
}

// TestDefinedOrganization has a tree: who is not under a node has nothing of
// its shares, and who moves there after access was turned off has not either.
func TestDefinedOrganization(t *testing.T) {
	run(t, func(w *world) {
		units := []Unit{
			{ID: "r-1", Accounts: []string{management}},
			{ID: "ou-abcd-11111111", Parent: "r-1", Accounts: []string{hub}},
			{ID: "ou-abcd-22222222", Parent: "r-1", Accounts: []string{spoke}},
		}
		var mu sync.Mutex // the share's run reads it too
		move := func(account, unit string) {
			mu.Lock()
			defer mu.Unlock()
			for i, u := range units {
				units[i].Accounts = slices.DeleteFunc(slices.Clone(u.Accounts), func(a string) bool { return a == account })
				if u.ID == unit {
					units[i].Accounts = append(units[i].Accounts, account)
				}
			}
		}
		w.catalog.organization = func(*db.Tx) (Organization, error) {
			mu.Lock()
			defer mu.Unlock()
			return Organization{ID: "o-aaaaaaaaaa", Management: management, Units: slices.Clone(units)}, nil
		}
		admin, inside, outside := w.user(management, "admin"), w.user(hub, "admin"), w.user(spoke, "admin")
		p, product, version := w.offer(admin)
		ok(admin.EnableAWSOrganizationsAccess(admin, nil))(w)
		_, err := admin.CreatePortfolioShare(admin, &api.CreatePortfolioShareInput{PortfolioId: string(p), OrganizationNode: node("ORGANIZATIONAL_UNIT", "ou-abcd-99999999")})
		w.refused(err, api.CodeResourceNotFound, "ou-abcd-99999999")
		created := ok(admin.CreatePortfolioShare(admin, &api.CreatePortfolioShareInput{PortfolioId: string(p), OrganizationNode: node("ORGANIZATIONAL_UNIT", "ou-abcd-11111111")}))(w)
		if got := w.shareStatus(admin, created.PortfolioShareToken); !slices.Equal(got.ShareDetails.SuccessfulShares, []string{hub}) {
			w.Errorf("shared with %v", got.ShareDetails.SuccessfulShares)
		}
		sees := func(who someone) bool { return len(w.received(who, "AWS_ORGANIZATIONS")) == 1 }
		if !sees(inside) || sees(outside) {
			w.Errorf("inside %v, outside %v", sees(inside), sees(outside))
		}
		// What was imported to a shelf of one's own is gone from view with the membership.
		local, alice := w.portfolio(inside, "local"), w.user(hub, "alice")
		w.shelve(inside, local, product)
		w.grant(inside, local, alice.caller.ARN)
		launches := func() (string, []string) {
			_, err := w.resolve(alice, LaunchQuery{ProductID: string(product), ArtifactID: string(version)})
			names, _ := w.searchAll(alice, api.SearchProductsInput{})
			return api.Code(err), names
		}
		if code, names := launches(); code != "" || len(names) != 1 {
			w.Errorf("imported: %s, %v", code, names)
		}
		move(hub, "ou-abcd-22222222")
		if code, names := launches(); code != api.CodeResourceNotFound || len(names) != 0 {
			w.Errorf("moved out: %s, %v", code, names)
		}
		move(hub, "ou-abcd-11111111")
		move(spoke, "ou-abcd-11111111")
		if !sees(outside) {
			w.Error("who moves in gets nothing")
		}
		move(spoke, "ou-abcd-22222222")
		ok(admin.DisableAWSOrganizationsAccess(admin, nil))(w)
		move(spoke, "ou-abcd-11111111")
		if !sees(inside) || sees(outside) {
			w.Errorf("access off: inside %v, moved in %v", sees(inside), sees(outside))
		}

		// What is shared with a unit that is gone can still be ended.
		ok(admin.EnableAWSOrganizationsAccess(admin, nil))(w)
		mu.Lock()
		units = units[:1]
		mu.Unlock()
		ended := ok(admin.DeletePortfolioShare(admin, &api.DeletePortfolioShareInput{PortfolioId: string(p), OrganizationNode: node("ORGANIZATIONAL_UNIT", "ou-abcd-11111111")}))(w)
		if got := w.shareStatus(admin, ended.PortfolioShareToken); got.Status != api.ShareStatusCompleted {
			w.Errorf("%+v", got)
		}
	})
}

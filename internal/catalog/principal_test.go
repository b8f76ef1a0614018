package catalog

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

func TestWildcard(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "a", true}, {"a", "", false}, {"a", "ab", false},
		{"*", "", true}, {"*", "a/b", true}, {"a*", "a", true}, {"a*c", "abbbc", true}, {"a*c", "abbb", false},
		{"?", "", true}, {"?", "a", true}, {"?", "ab", false}, {"a?c", "ac", true}, {"a?c", "abc", true}, {"a?c", "abbc", false},
		{"*a*b*", "xxaxxbxx", true}, {"*a*b*", "xxbxxaxx", false}, {"??", "a", true}, {"*?", "", true},
		{"aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Admin_*", "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123", true},
	} {
		if got := wildcard(test.pattern, test.text); got != test.want {
			t.Errorf("wildcard(%q, %q) = %v", test.pattern, test.text, got)
		}
	}
}

// FuzzWildcard compares with a slow and obvious definition.
func FuzzWildcard(f *testing.F) {
	f.Add("a*b?", "aab")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 8 || len(text) > 8 {
			return
		}
		if got, want := wildcard(pattern, text), obvious(pattern, text); got != want {
			t.Errorf("wildcard(%q, %q) = %v, want %v", pattern, text, got, want)
		}
	})
}

func obvious(pattern, text string) bool {
	if pattern == "" {
		return text == ""
	}
	switch pattern[0] {
	case '*':
		return obvious(pattern[1:], text) || text != "" && obvious(pattern, text[1:])
	case '?':
		return obvious(pattern[1:], text) || text != "" && obvious(pattern[1:], text[1:])
	default:
		return text != "" && text[0] == pattern[0] && obvious(pattern[1:], text[1:])
	}
}

func TestAdmits(t *testing.T) {
	t.Parallel()
	const (
		user    = "arn:aws:iam::111111111111:user/team/alice"
		session = "arn:aws:sts::111111111111:assumed-role/Launcher/alice"
	)
	for _, test := range []struct {
		account, grant, caller string
		shares, want           bool
	}{
		{hub, user, user, false, true},
		{hub, "arn:aws:iam::111111111111:user/alice", user, false, true}, // names are unique without the path
		{hub, "arn:aws:iam::111111111111:user/bob", user, false, false},
		{hub, "arn:aws:iam::111111111111:role/alice", user, false, false},
		{hub, "arn:aws:iam::111111111111:role/Launcher", session, false, true},
		{hub, "arn:aws:iam::111111111111:role/path/Launcher", session, false, true},
		{hub, "arn:aws:iam::111111111111:role/alice", session, false, false},
		{hub, "arn:aws:iam:::user/team/*", user, false, true},
		{hub, "arn:aws:iam:::user/other/*", user, false, false},
		{hub, "arn:aws:iam:::role/*Launch*", session, false, true},
		{hub, "arn:aws:iam:::role/*", user, false, false},
		{hub, "arn:aws-cn:iam:::user/*", user, false, false},
		{spoke, "arn:aws:iam:::user/*", user, false, false},
		{spoke, "arn:aws:iam:::user/*", user, true, true},
		{spoke, user, user, true, false},
		{hub, "arn:aws:iam::111111111111:group/devs", user, false, true},
		{hub, "arn:aws:iam:::group/dev*", user, false, true},
		{hub, "arn:aws:iam:::role/apps/*", session, false, true}, // a pattern sees the role's path
		{hub, "arn:aws:iam:::role/Launcher", session, false, false},
		{hub, user, "arn:aws:iam::111111111111:root", false, false},
		{hub, "arn:aws:iam:::user/*", "arn:aws:iam::111111111111:root", false, false},
	} {
		g := grant{Account: test.account, Type: api.PrincipalTypeIAM, ARN: test.grant}
		if strings.Contains(test.grant, ":iam:::") {
			g.Type = api.PrincipalTypeIAMPattern
		}
		caller := identity.Caller{Account: hub, ARN: test.caller}
		switch test.caller {
		case user:
			caller.Groups = []string{"arn:aws:iam::111111111111:group/devs"}
		case session:
			caller.Role = "arn:aws:iam::111111111111:role/apps/Launcher"
		}
		if got := g.admits(caller, test.shares); got != test.want {
			t.Errorf("grant %s of %s admits %s: %v", test.grant, test.account, test.caller, got)
		}
	}
}

func TestPrincipals(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		p := w.portfolio(admin, "Buckets")
		associate := func(arn string, kind api.PrincipalType) error {
			_, err := admin.AssociatePrincipalWithPortfolio(admin, &api.AssociatePrincipalWithPortfolioInput{
				PortfolioId: string(p), PrincipalARN: arn, PrincipalType: kind,
			})
			return err
		}
		for _, test := range []struct {
			arn        string
			kind       api.PrincipalType
			code, want string
		}{
			{"arn:aws:iam::222222222222:role/x", "IAM", api.CodeResourceNotFound, "caller account id (111111111111) does not match input account id (222222222222)"},
			{"arn:aws:iam:::role/x", "IAM", api.CodeResourceNotFound, "does not match input account id ()"},
			{"arn:aws:iam::111111111111:root", "IAM", api.CodeInvalidParameters, "root"},
			{"arn:aws:sts::111111111111:assumed-role/x/y", "IAM", api.CodeInvalidParameters, "assumed-role"},
			{"role/x", "IAM", api.CodeInvalidParameters, "role/x"},
			{"arn:aws:iam::111111111111:role/*", "IAM_PATTERN", api.CodeInvalidParameters, "account"},
			{"arn:*:iam:::role/x", "IAM_PATTERN", api.CodeInvalidParameters, "resource"},
			{"arn:aws:iam:::policy/x", "IAM_PATTERN", api.CodeInvalidParameters, "user, group or role"},
			{"arn:aws:iam:::role/", "IAM_PATTERN", api.CodeInvalidParameters, "user, group or role"},
		} {
			w.refused(associate(test.arn, test.kind), test.code, test.want)
		}
		alice, pattern := "arn:aws:iam::111111111111:user/alice", "arn:aws:iam:::role/Dev*"
		for range 2 { // again: nothing changes
			w.grant(admin, p, alice)
			w.grant(admin, p, pattern)
		}
		listed := ok(admin.ListPrincipalsForPortfolio(admin, &api.ListPrincipalsForPortfolioInput{PortfolioId: string(p)}))(w)
		want := []api.Principal{{PrincipalARN: alice, PrincipalType: "IAM"}, {PrincipalARN: pattern, PrincipalType: "IAM_PATTERN"}}
		if diff := cmp.Diff(want, listed.Principals); diff != "" {
			w.Errorf("principals (-want +got):\n%s", diff)
		}
		disassociate := func(arn string, kind *api.PrincipalType) error {
			_, err := admin.DisassociatePrincipalFromPortfolio(admin, &api.DisassociatePrincipalFromPortfolioInput{
				PortfolioId: string(p), PrincipalARN: arn, PrincipalType: kind,
			})
			return err
		}
		w.refused(disassociate(pattern, nil), api.CodeResourceNotFound, pattern)
		if err := disassociate(pattern, new(api.PrincipalTypeIAMPattern)); err != nil {
			w.Error(err)
		}
		for i := range 10 {
			w.grant(admin, p, fmt.Sprint("arn:aws:iam:::role/p", i))
		}
		w.refused(associate("arn:aws:iam:::role/p10", "IAM_PATTERN"), api.CodeLimitExceeded, "10")
		if err := associate("arn:aws:iam:::role/p9", "IAM_PATTERN"); err != nil {
			w.Errorf("one that is there already: %v", err)
		}
	})
}

// TestDeletedPrincipal is where principals exist: one that does not cannot be
// granted anything, and one that is deleted shows as its unique id.
func TestDeletedPrincipal(t *testing.T) {
	run(t, func(w *world) {
		admin, alice := w.user(hub, "admin"), w.user(hub, "alice")
		var mu sync.Mutex
		living := map[string]id.Unique{"alice": "AIDA1", "bob": "AIDA2", "Launch": "AROA1"}
		kill := func(name string, again id.Unique) {
			mu.Lock()
			defer mu.Unlock()
			living[name] = again
		}
		w.catalog.uniqueID = func(_ *db.Tx, p id.Principal) (id.Unique, error) {
			mu.Lock()
			defer mu.Unlock()
			return living[p.Name], nil
		}
		p, product, version := w.offer(admin)
		w.grant(admin, p, "arn:aws:iam::111111111111:user/bob")
		w.grant(admin, p, "arn:aws:iam:::user/nobody*")
		_, err := admin.AssociatePrincipalWithPortfolio(admin, &api.AssociatePrincipalWithPortfolioInput{
			PortfolioId: string(p), PrincipalARN: "arn:aws:iam::111111111111:user/carol", PrincipalType: "IAM",
		})
		w.refused(err, api.CodeInvalidParameters, "carol does not exist")
		_, err = w.constrain(admin, p, product, "LAUNCH", strings.Replace(launchRole, "Launch", "Other", 1))
		w.refused(err, api.CodeInvalidParameters, "does not exist")
		ok(w.constrain(admin, p, product, "LAUNCH", launchRole))(w)

		launches := func(unique string) error {
			alice.caller.UserID = unique
			_, err := w.resolve(alice, LaunchQuery{ProductID: string(product), ArtifactID: string(version)})
			return err
		}
		if err := launches("AIDA1"); err != nil {
			w.Error(err)
		}
		kill("alice", "AIDA3") // deleted, and another of her name
		w.refused(launches("AIDA3"), api.CodeResourceNotFound, "No launch paths found")
		kill("bob", "")
		list := func() (arns []string) {
			w.Helper()
			for _, p := range ok(admin.ListPrincipalsForPortfolio(admin, &api.ListPrincipalsForPortfolioInput{PortfolioId: string(p)}))(w).Principals {
				arns = append(arns, p.PrincipalARN)
			}
			return arns
		}
		if diff := cmp.Diff([]string{"AIDA1", "AIDA2", "arn:aws:iam:::user/nobody*"}, list()); diff != "" {
			w.Errorf("listed (-want +got):\n%s", diff)
		}
		ok(admin.DisassociatePrincipalFromPortfolio(admin, &api.DisassociatePrincipalFromPortfolioInput{PortfolioId: string(p), PrincipalARN: "AIDA2"}))(w)
		w.grant(admin, p, alice.caller.ARN)
		if diff := cmp.Diff([]string{alice.caller.ARN, "arn:aws:iam:::user/nobody*"}, list()); diff != "" {
			w.Errorf("granted anew (-want +got):\n%s", diff)
		}
		if err := launches("AIDA3"); err != nil {
			w.Error(err)
		}
	})
}

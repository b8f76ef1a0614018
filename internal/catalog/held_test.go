package catalog

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var breakRules = flag.Bool("rules", false, "break each rule once and see that a test notices (some minutes)")

// TestRulesAreHeld breaks the room's rules one at a time, in an overlay of
// the source, and runs the tests against what is left: each must turn them
// red. Run it with
//
//	go test ./internal/catalog -run TestRulesAreHeld -rules -v
func TestRulesAreHeld(t *testing.T) {
	if !*breakRules {
		t.Skip("takes minutes: run it with -rules")
	}
	for _, r := range []struct{ rule, file, from, to, tests string }{
		{"a portfolio with principals is not deleted", "portfolio.go",
			"FROM portfolio_principal WHERE portfolio = ? LIMIT 1", "FROM portfolio_principal WHERE portfolio = ? LIMIT 0", "InUse"},
		{"tags of AWS are reserved", "tag.go", `strings.EqualFold(key[:4], "aws:")`, "false", "Tags"},
		{"tags are removed first and added second", "tag.go", "kept = append(kept, add...)",
			"for _, a := range add {\nif !slices.Contains(remove, a.Key) {\nkept = append(kept, a)\n}\n}", "Portfolio"},
		{"a token stands for one request", "idempotency.go", "case digest != o.digest &&", "case false &&", "Idempotency"},
		{"a token's answer outlives the object", "idempotency.go", "return true, nil\n}\n\n// Keep", "return false, nil\n}\n\n// Keep", "Idempotency"},
		{"only the associated launch", "path.go", "if !slices.ContainsFunc(one.grants", "if false && !slices.ContainsFunc(one.grants", "LaunchPaths|ResolveLaunch|Deleted"},
		{"two paths need a choice", "path.go", "if len(match) > 1 {\n\t\treturn path{}, api.InvalidParameters(\"More", "if false {\n\t\treturn path{}, api.InvalidParameters(\"More", "ResolveLaunch"},
		{"a deprecated version is not launched", "path.go", "if !forUpdate && a.guidance()", "if false && a.guidance()", "ResolveLaunch"},
		{"an inactive version is not launched", "path.go", "if a.Inactive {", "if false {", "ResolveLaunch"},
		{"the last version stays", "artifact.go", "p.Versions < 2", "p.Versions < 1", "Artifacts"},
		{"a version fits its product", "artifact.go", "if a.Type != fits {", "if false {", "Refused"},
		{"a product in a portfolio is not deleted", "product.go", "holders > 0", "holders > 1", "ProductInUse"},
		{"one LAUNCH constraint", "constraint.go", "if k.Type == kind && single(kind) {", "if false {", "Constraints"},
		{"LAUNCH or STACKSET", "constraint.go", "if k.Type == constraintLaunch && kind == constraintStackSet ||", "if false && k.Type == constraintLaunch && kind == constraintStackSet || false &&", "Constraints"},
		{"constraints keep a product on its shelf", "shelf.go", "if constraints > 0 {", "if constraints > 99 {", "Constraints"},
		{"a launch role is of the launching account", "constraint.go", "id.RolePrincipal(partition, account,", "id.RolePrincipal(partition, k.Account,", "AccountShare"},
		{"rules are made of rule functions", "rule.go", "if !ruleFunctions[name] || len(v) != 1 {", "if len(v) != 1 {", "ParseRule"},
		{"a principal is of the caller's account", "principal.go", "if a.Account != account {", "if false {", "Principals"},
		{"ten patterns", "quota.go", "maxPatterns         = 10", "maxPatterns         = 11", "Principals"},
		{"a grant ends with its principal", "principal.go", `return g.Unique == "" ||`, "return true ||", "Deleted"},
		{"tag options of both must agree", "tagoption.go", "return !slices.Contains(others, v)", "return false && !slices.Contains(others, v)", "Choices"},
		{"inactive tag options don't count", "tagoption.go", "if o.Active && !slices", "if !slices", "Choices"},
		{"25 values of a tag option key", "quota.go", "maxTagOptionValues  = 25", "maxTagOptionValues  = 26", "TagOptionLimits"},
		{"a value that is there already is a duplicate", "tagoption.go", "if err == nil && n > 0 {\n\t\terr = tagOptionExists", "if false && n > 0 {\n\t\terr = tagOptionExists", "TagOptions"},
		{"a required choice is made", "tag.go", "case !given:", "case false:", "LaunchTags"},
		{"an offer is accepted first", "access.go", "(s.type <> 'ACCOUNT' OR s.accepted = 1)", "(s.type <> 'ACCOUNT' OR s.accepted >= 0)", "AccountShare|NoBypass"},
		{"an account's rows are its own", "access.go", "if p.Account == caller.Account {\n\t\treturn p, ownerAccess, nil", "if true {\n\t\treturn p, ownerAccess, nil", "NoBypass"},
		{"a share's end expels", "share.go", "return c.expel(tx, p)\n}\n\n// expel", "return nil\n}\n\n// expel", "AccountShare"},
		{"one share action at a time", "shareaction.go", "if err == nil && n > 0 {\n\t\terr = errShareBusy", "if false && n > 0 {\n\t\terr = errShareBusy", "ShareBusy"},
		{"names are shared on request", "principal.go", "(!sharesNames || g.Type != api.PrincipalTypeIAMPattern)", "g.Type != api.PrincipalTypeIAMPattern", "OrganizationShare|Admits"},
		{"access is turned on before nodes are shared with", "organization.go", "if !enabled {", "if false && !enabled {", "ShareRefused"},
		{"25 service actions of a version", "quota.go", "maxActions          = 25", "maxActions          = 26", "ServiceActionLimit"},
		{"a population is bounded", "quota.go", "if n < limit {", "if n <= limit {", "Quotas"},
		{"page tokens belong to a caller", "page.go", "Caller: caller.ARN,", "", "ListPortfolios"},
	} {
		t.Run(r.rule, func(t *testing.T) { broken(t, r.file, r.from, r.to, r.tests) })
	}
}

// broken runs tests with one change of the source, which they must notice.
func broken(t *testing.T, file, from, to, tests string) {
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), from); n != 1 {
		t.Fatalf("%q stands %d times in %s: name the rule anew", from, n, file)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, file), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		changed: []byte(strings.Replace(string(source), from, to, 1)), overlay: replace,
	} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-overlay", overlay, "-run", tests, "-short", ".").CombinedOutput()
	switch {
	case strings.Contains(string(out), "[build failed]"):
		t.Fatalf("the broken rule does not compile:\n%s", out)
	case err == nil:
		t.Errorf("no test noticed:\n%s", out)
	}
}

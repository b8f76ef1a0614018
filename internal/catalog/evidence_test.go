package catalog

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/db/dbtest"
	"larder/internal/evidencetest"
)

// recorded reads what AWS answered, as the AWS CLI's own examples show it.
func recorded(t *testing.T) map[string][]json.RawMessage {
	t.Helper()
	all := evidencetest.JSON[[]struct {
		Operation string
		Output    json.RawMessage
	}](t, "cli-outputs.json")
	byName := map[string][]json.RawMessage{}
	for _, r := range all {
		name := strings.ReplaceAll(r.Operation, "-", "")
		byName[name] = append(byName[name], r.Output)
	}
	return byName
}

// memberPaths are the paths of all members of an answer; lists count by what
// their elements have together.
func memberPaths(t *testing.T, data []byte) []string {
	t.Helper()
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				paths[path+"."+name] = true
				walk(path+"."+name, member)
			}
		case []any:
			for _, one := range v {
				walk(path+"[]", one)
			}
		}
	}
	walk("", value)
	return slices.Sorted(maps.Keys(paths))
}

// newer are members that AWS answers today and that the older recordings
// lack, or that only a product with texts has.
func newer(path string) bool {
	for _, name := range []string{
		".Guidance", ".Budgets", "TagOptionDetail.Owner", "TagOptionDetails[].Owner", ".ProductViewAggregations",
		".Distributor", ".SupportEmail", ".SupportDescription", ".SupportUrl", ".ShortDescription", ".SourceProvisioningArtifactId",
		".ProvisioningArtifactOutputKeys[].", ".ProvisioningArtifactParameters[].DefaultValue", ".Description",
	} {
		if strings.Contains(path, name) {
			return true
		}
	}
	return false
}

// TestMembers compares which members our answers have with those that AWS's
// had in like circumstances.
func TestMembers(t *testing.T) {
	t.Parallel()
	all := recorded(t)
	w := newWorld(t, dbtest.New(t), Options{})
	admin, alice := w.user(management, "admin"), w.user(management, "alice")
	p, product, version := w.offer(admin)
	ok(w.constrain(admin, p, product, "LAUNCH", launchRole))(w)
	option := w.tagOption(admin, "1234", "name")
	ok(admin.EnableAWSOrganizationsAccess(admin, nil))(w)
	shared := ok(admin.CreatePortfolioShare(admin, &api.CreatePortfolioShareInput{PortfolioId: string(p), OrganizationNode: node("ACCOUNT", spoke)}))(w)
	w.shareStatus(admin, shared.PortfolioShareToken)
	ok(admin.CreatePortfolioShare(admin, &api.CreatePortfolioShareInput{PortfolioId: string(p), AccountId: new(hub)}))(w)
	recipient := w.user(hub, "admin")
	ok(recipient.AcceptPortfolioShare(recipient, &api.AcceptPortfolioShareInput{PortfolioId: string(p)}))(w)
	copied := ok(admin.CopyProduct(admin, &api.CopyProductInput{SourceProductArn: arnOf(management, product), IdempotencyToken: w.token()}))(w)
	for ok(admin.DescribeCopyProductStatus(admin, &api.DescribeCopyProductStatusInput{CopyProductToken: copied.CopyProductToken}))(w).CopyProductStatus == api.CopyProductStatusInProgress {
		continue
	}
	cons := ok(admin.ListConstraintsForPortfolio(admin, &api.ListConstraintsForPortfolioInput{PortfolioId: string(p)}))(w).ConstraintDetails[0].ConstraintId
	full := w.productInput("full")
	full.Description, full.Distributor, full.SupportDescription = new("d"), new("d"), new("d")
	full.SupportEmail, full.SupportUrl, full.Tags = new("a@b.c"), new("https://b.c"), []api.Tag{{Key: "region", Value: "us-east-1"}}
	full.ProvisioningArtifactParameters.Description = new("d")
	fullID := ok(admin.CreateProduct(admin, full))(w).ProductViewDetail.ProductViewSummary.ProductId
	full.IdempotencyToken = w.token()
	w.optionOn(admin, option, string(product))

	inputs := map[api.Op]any{
		api.OpCopyProduct: &api.CopyProductInput{SourceProductArn: arnOf(management, product), IdempotencyToken: w.token()},
		api.OpCreateConstraint: &api.CreateConstraintInput{PortfolioId: string(p), ProductId: string(product), Type: "RESOURCE_UPDATE",
			Parameters: tagsAllowed, IdempotencyToken: w.token()},
		api.OpCreatePortfolio: &api.CreatePortfolioInput{DisplayName: "d", ProviderName: "p", IdempotencyToken: w.token()},
		api.OpCreateProduct:   full,
		api.OpCreateProvisioningArtifact: &api.CreateProvisioningArtifactInput{ProductId: string(product), IdempotencyToken: w.token(),
			Parameters: api.ProvisioningArtifactProperties{Name: new("n"), Description: new("d"), Info: full.ProvisioningArtifactParameters.Info}},
		api.OpCreateTagOption:              &api.CreateTagOptionInput{Key: "k", Value: "v"},
		api.OpDescribeConstraint:           &api.DescribeConstraintInput{Id: cons},
		api.OpDescribeCopyProductStatus:    &api.DescribeCopyProductStatusInput{CopyProductToken: copied.CopyProductToken},
		api.OpDescribePortfolioShareStatus: &api.DescribePortfolioShareStatusInput{PortfolioShareToken: shared.PortfolioShareToken},
		api.OpDescribePortfolioShares:      &api.DescribePortfolioSharesInput{PortfolioId: string(p), Type: "ACCOUNT"},
		api.OpDescribePortfolio:            &api.DescribePortfolioInput{Id: string(p)},
		api.OpDescribeProductAsAdmin:       &api.DescribeProductAsAdminInput{Id: &fullID},
		api.OpDescribeProduct:              &api.DescribeProductInput{Id: new(string(product))},
		api.OpDescribeProvisioningArtifact: &api.DescribeProvisioningArtifactInput{ProductId: new(string(product)), ProvisioningArtifactId: new(string(version))},
		api.OpDescribeProvisioningParameters: &api.DescribeProvisioningParametersInput{ProductId: new(string(product)),
			ProvisioningArtifactId: new(string(version))},
		api.OpDescribeTagOption:           &api.DescribeTagOptionInput{Id: string(option)},
		api.OpListConstraintsForPortfolio: &api.ListConstraintsForPortfolioInput{PortfolioId: string(p)},
		api.OpListLaunchPaths:             &api.ListLaunchPathsInput{ProductId: string(product)},
		api.OpListPortfolioAccess:         &api.ListPortfolioAccessInput{PortfolioId: string(p)},
		api.OpListPortfoliosForProduct:    &api.ListPortfoliosForProductInput{ProductId: string(product)},
		api.OpListPortfolios:              &api.ListPortfoliosInput{},
		api.OpListPrincipalsForPortfolio:  &api.ListPrincipalsForPortfolioInput{PortfolioId: string(p)},
		api.OpListProvisioningArtifacts:   &api.ListProvisioningArtifactsInput{ProductId: string(product)},
		api.OpListResourcesForTagOption:   &api.ListResourcesForTagOptionInput{TagOptionId: string(option)},
		api.OpListTagOptions:              &api.ListTagOptionsInput{},
		api.OpSearchProductsAsAdmin:       &api.SearchProductsAsAdminInput{PortfolioId: new(string(p))},
		api.OpSearchProducts:              &api.SearchProductsInput{},
		api.OpUpdateConstraint:            &api.UpdateConstraintInput{Id: cons, Parameters: new(sharedRole)},
		api.OpUpdatePortfolio:             &api.UpdatePortfolioInput{Id: string(p), DisplayName: new("n")},
		api.OpUpdateProduct:               &api.UpdateProductInput{Id: fullID, Name: new("n")},
		api.OpUpdateProvisioningArtifact: &api.UpdateProvisioningArtifactInput{ProductId: string(product), ProvisioningArtifactId: string(version),
			Name: new("n"), Description: new("d")},
		api.OpUpdateTagOption: &api.UpdateTagOptionInput{Id: string(option), Value: new("newvalue")},
	}
	for _, op := range api.Ops() { // in one order, reads before updates
		in, ok := inputs[op]
		if !ok {
			continue
		}
		out, err := w.invoke(map[bool]someone{true: alice, false: admin}[forUsers(op)], op, in)
		if err != nil {
			t.Errorf("%s: %v", op, err)
			continue
		}
		ours := memberPaths(t, api.AppendOutput(nil, op, out))
		for _, answer := range all[strings.ToLower(op.String())] {
			theirs := memberPaths(t, answer)
			for _, path := range theirs {
				if !slices.Contains(ours, path) && !newer(path) {
					t.Errorf("%s: AWS answers %s, we do not", op, path)
				}
			}
			extra := slices.DeleteFunc(slices.Clone(ours), func(path string) bool { return slices.Contains(theirs, path) || newer(path) })
			if diff := cmp.Diff([]string{}, given(extra)); diff != "" {
				t.Errorf("%s: we answer what AWS does not:\n%s", op, diff)
			}
		}
	}
	asked := 0
	for op := range inputs {
		if len(all[strings.ToLower(op.String())]) > 0 {
			asked++
		}
	}
	if asked < 30 {
		t.Errorf("only %d operations were compared", asked)
	}
}

func forUsers(op api.Op) bool {
	switch op {
	case api.OpSearchProducts, api.OpDescribeProduct, api.OpListLaunchPaths, api.OpDescribeProvisioningParameters:
		return true
	default:
		return false
	}
}

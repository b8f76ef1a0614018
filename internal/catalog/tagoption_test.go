package catalog

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/engine"
	"larder/internal/id"
)

func TestChoices(t *testing.T) {
	t.Parallel()
	options := func(pairs ...string) (out []api.TagOptionDetail) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, api.TagOptionDetail{Key: pairs[i], Value: pairs[i+1], Active: true})
		}
		return out
	}
	inactive := options("Group", "Finance")
	inactive[0].Active = false
	for name, test := range map[string]struct {
		portfolio, product []api.TagOptionDetail
		want               []TagChoice
	}{
		"none":         {nil, nil, nil},
		"one":          {options("Group", "Finance"), nil, []TagChoice{{"Group", []string{"Finance"}}}},
		"several":      {options("Group", "Finance", "Group", "HR"), nil, []TagChoice{{"Group", []string{"Finance", "HR"}}}},
		"of both":      {options("B", "1"), options("A", "2"), []TagChoice{{"A", []string{"2"}}, {"B", []string{"1"}}}},
		"intersection": {options("G", "1", "G", "2", "G", "3"), options("G", "3", "G", "2", "G", "4"), []TagChoice{{"G", []string{"2", "3"}}}},
		"conflict":     {options("G", "1"), options("G", "2"), []TagChoice{{"G", nil}}},
		"inactive":     {inactive, nil, nil},
	} {
		got := choices(test.portfolio, test.product)
		if fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func (w *world) tagOption(who someone, key, value string) id.TagOption {
	w.Helper()
	out := ok(who.CreateTagOption(who, &api.CreateTagOptionInput{Key: key, Value: value}))(w)
	return id.TagOption(out.TagOptionDetail.Id)
}

func (w *world) optionOn(who someone, o id.TagOption, resource string) {
	w.Helper()
	ok(who.AssociateTagOptionWithResource(who, &api.AssociateTagOptionWithResourceInput{TagOptionId: string(o), ResourceId: resource}))(w)
}

func TestTagOptions(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		p, product, _ := w.offer(admin)
		o := w.tagOption(admin, "Group", "Finance")
		want := &api.TagOptionDetail{Id: string(o), Key: "Group", Value: "Finance", Active: true, Owner: hub}
		if diff := cmp.Diff(want, ok(admin.DescribeTagOption(admin, &api.DescribeTagOptionInput{Id: string(o)}))(w).TagOptionDetail); diff != "" {
			w.Errorf("described (-want +got):\n%s", diff)
		}
		_, err := admin.CreateTagOption(admin, &api.CreateTagOptionInput{Key: "Group", Value: "Finance"})
		w.refused(err, api.CodeDuplicateResource, "already exists")
		w.tagOption(w.user(spoke, "admin"), "Group", "Finance")
		_, err = admin.UpdateTagOption(admin, &api.UpdateTagOptionInput{Id: string(o), Value: new("Finance"), Active: new(false)})
		w.refused(err, api.CodeDuplicateResource, "already exists")

		w.optionOn(admin, o, string(p))
		w.optionOn(admin, o, string(product))
		_, err = admin.AssociateTagOptionWithResource(admin, &api.AssociateTagOptionWithResourceInput{TagOptionId: string(o), ResourceId: string(p)})
		w.refused(err, api.CodeDuplicateResource, string(p))
		_, err = admin.AssociateTagOptionWithResource(admin, &api.AssociateTagOptionWithResourceInput{TagOptionId: string(o), ResourceId: "other"})
		w.refused(err, api.CodeResourceNotFound, "other")
		_, err = admin.AssociateTagOptionWithResource(admin, &api.AssociateTagOptionWithResourceInput{TagOptionId: "tag-x", ResourceId: string(p)})
		w.refused(err, api.CodeResourceNotFound, "tag-x")
		_, err = admin.DeleteTagOption(admin, &api.DeleteTagOptionInput{Id: string(o)})
		w.refused(err, api.CodeResourceInUse, string(o))

		// What is changed shows wherever the option is.
		updated := ok(admin.UpdateTagOption(admin, &api.UpdateTagOptionInput{Id: string(o), Value: new("HR")}))(w)
		if diff := cmp.Diff([]api.TagOptionDetail{*updated.TagOptionDetail}, ok(admin.DescribePortfolio(admin, &api.DescribePortfolioInput{Id: string(p)}))(w).TagOptions); diff != "" {
			w.Errorf("of the portfolio (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]api.TagOptionDetail{*updated.TagOptionDetail}, ok(admin.DescribeProductAsAdmin(admin, &api.DescribeProductAsAdminInput{Id: new(string(product))}))(w).TagOptions); diff != "" {
			w.Errorf("of the product (-want +got):\n%s", diff)
		}

		resources := func(kind *string) (names []string) {
			w.Helper()
			for _, r := range ok(admin.ListResourcesForTagOption(admin, &api.ListResourcesForTagOptionInput{TagOptionId: string(o), ResourceType: kind}))(w).ResourceDetails {
				names = append(names, r.Name)
			}
			return names
		}
		for kind, want := range map[string][]string{"": {"Buckets", "bucket"}, "Portfolio": {"Buckets"}, "Product": {"bucket"}} {
			in := &kind
			if kind == "" {
				in = nil
			}
			if diff := cmp.Diff(want, resources(in)); diff != "" {
				w.Errorf("resources of type %q (-want +got):\n%s", kind, diff)
			}
		}
		_, err = admin.ListResourcesForTagOption(admin, &api.ListResourcesForTagOptionInput{TagOptionId: string(o), ResourceType: new("X")})
		w.refused(err, api.CodeInvalidParameters, "ResourceType")

		idle := w.tagOption(admin, "Other", "x")
		ok(admin.UpdateTagOption(admin, &api.UpdateTagOptionInput{Id: string(idle), Active: new(false)}))(w)
		_, err = admin.AssociateTagOptionWithResource(admin, &api.AssociateTagOptionWithResourceInput{TagOptionId: string(idle), ResourceId: string(p)})
		w.refused(err, api.CodeInvalidState, string(idle))
		list := func(f *api.ListTagOptionsFilters) (values []string) {
			w.Helper()
			for _, o := range ok(admin.ListTagOptions(admin, &api.ListTagOptionsInput{Filters: f}))(w).TagOptionDetails {
				values = append(values, o.Key+"="+o.Value)
			}
			return values
		}
		for _, test := range []struct {
			filters *api.ListTagOptionsFilters
			want    []string
		}{
			{nil, []string{"Group=HR", "Other=x"}},
			{&api.ListTagOptionsFilters{Active: new(true)}, []string{"Group=HR"}},
			{&api.ListTagOptionsFilters{Key: new("Other")}, []string{"Other=x"}},
			{&api.ListTagOptionsFilters{Key: new("Other"), Value: new("HR")}, nil},
		} {
			if diff := cmp.Diff(test.want, list(test.filters)); diff != "" {
				w.Errorf("listed with %+v (-want +got):\n%s", test.filters, diff)
			}
		}

		// Those of a portfolio go with it, and then the option may go.
		disassociate := func(resource string) error {
			_, err := admin.DisassociateTagOptionFromResource(admin, &api.DisassociateTagOptionFromResourceInput{TagOptionId: string(o), ResourceId: resource})
			return err
		}
		if err := disassociate(string(product)); err != nil {
			w.Error(err)
		}
		w.refused(disassociate(string(product)), api.CodeResourceNotFound, string(product))
		ok(admin.DisassociateProductFromPortfolio(admin, &api.DisassociateProductFromPortfolioInput{PortfolioId: string(p), ProductId: string(product)}))(w)
		ok(admin.DisassociatePrincipalFromPortfolio(admin, &api.DisassociatePrincipalFromPortfolioInput{PortfolioId: string(p), PrincipalARN: "arn:aws:iam::111111111111:user/alice"}))(w)
		ok(admin.DeletePortfolio(admin, &api.DeletePortfolioInput{Id: string(p)}))(w)
		ok(admin.DeleteTagOption(admin, &api.DeleteTagOptionInput{Id: string(o)}))(w)
		_, err = admin.DescribeTagOption(admin, &api.DescribeTagOptionInput{Id: string(o)})
		w.refused(err, api.CodeResourceNotFound, string(o))
	})
}

func TestTagOptionLimits(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		p := w.portfolio(admin, "p")
		for i := range 25 {
			w.optionOn(admin, w.tagOption(admin, "k", fmt.Sprint(i)), string(p))
		}
		_, err := admin.CreateTagOption(admin, &api.CreateTagOptionInput{Key: "k", Value: "25"})
		w.refused(err, api.CodeLimitExceeded, "25")
		other := w.tagOption(admin, "l", "0")
		_, err = admin.AssociateTagOptionWithResource(admin, &api.AssociateTagOptionWithResourceInput{TagOptionId: string(other), ResourceId: string(p)})
		w.refused(err, api.CodeLimitExceeded, "25")
	})
}

func TestTagOptionsAtLaunch(t *testing.T) {
	run(t, func(w *world) {
		admin, alice := w.user(hub, "admin"), w.user(hub, "alice")
		p, product, version := w.offer(admin)
		finance, hr := w.tagOption(admin, "Group", "Finance"), w.tagOption(admin, "Group", "HR")
		w.optionOn(admin, finance, string(p))
		describe := func() []api.TagOptionSummary {
			w.Helper()
			return ok(alice.DescribeProvisioningParameters(alice, &api.DescribeProvisioningParametersInput{
				ProductId: new(string(product)), ProvisioningArtifactId: new(string(version)),
			}))(w).TagOptions
		}
		if diff := cmp.Diff([]api.TagOptionSummary{{Key: "Group", Values: []string{"Finance"}}}, describe()); diff != "" {
			w.Errorf("one (-want +got):\n%s", diff)
		}
		w.optionOn(admin, hr, string(product))
		if diff := cmp.Diff([]api.TagOptionSummary{{Key: "Group", Values: []string{}}}, describe()); diff != "" {
			w.Errorf("conflict (-want +got):\n%s", diff)
		}
		l, err := w.resolve(alice, LaunchQuery{ProductID: string(product), ArtifactID: string(version)})
		if err != nil {
			w.Fatal(err)
		}
		tags, err := RecordTags(l, nil)
		want := []engine.Tag{{Key: "Group", Value: "sc-tagoption-conflict-" + string(p) + "-" + string(product)}}
		if diff := cmp.Diff(want, tags); diff != "" || err != nil {
			w.Errorf("%v; tags (-want +got):\n%s", err, diff)
		}
		w.optionOn(admin, hr, string(p))
		if diff := cmp.Diff([]api.TagOptionSummary{{Key: "Group", Values: []string{"HR"}}}, describe()); diff != "" {
			w.Errorf("intersection (-want +got):\n%s", diff)
		}
		ok(admin.UpdateTagOption(admin, &api.UpdateTagOptionInput{Id: string(hr), Active: new(false)}))(w)
		if diff := cmp.Diff([]api.TagOptionSummary{{Key: "Group", Values: []string{"Finance"}}}, describe()); diff != "" {
			w.Errorf("without the inactive one (-want +got):\n%s", diff)
		}
	})
}

func TestBudgets(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		p, product, _ := w.offer(admin)
		for _, r := range []string{string(p), string(product)} {
			for _, name := range []string{"year", "quarter"} {
				ok(admin.AssociateBudgetWithResource(admin, &api.AssociateBudgetWithResourceInput{BudgetName: name, ResourceId: r}))(w)
			}
			_, err := admin.AssociateBudgetWithResource(admin, &api.AssociateBudgetWithResourceInput{BudgetName: "year", ResourceId: r})
			w.refused(err, api.CodeDuplicateResource, "year")
			list := ok(admin.ListBudgetsForResource(admin, &api.ListBudgetsForResourceInput{ResourceId: r, PageSize: new(1)}))(w)
			if len(list.Budgets) != 1 || list.Budgets[0].BudgetName != "year" || list.NextPageToken == "" {
				w.Errorf("first page %+v", list)
			}
			list = ok(admin.ListBudgetsForResource(admin, &api.ListBudgetsForResourceInput{ResourceId: r, PageSize: new(1), PageToken: &list.NextPageToken}))(w)
			if len(list.Budgets) != 1 || list.Budgets[0].BudgetName != "quarter" || list.NextPageToken != "" {
				w.Errorf("second page %+v", list)
			}
			ok(admin.DisassociateBudgetFromResource(admin, &api.DisassociateBudgetFromResourceInput{BudgetName: "year", ResourceId: r}))(w)
			_, err = admin.DisassociateBudgetFromResource(admin, &api.DisassociateBudgetFromResourceInput{BudgetName: "year", ResourceId: r})
			w.refused(err, api.CodeResourceNotFound, "year")
		}
		want := []api.BudgetDetail{{BudgetName: "quarter"}}
		if diff := cmp.Diff(want, ok(admin.DescribePortfolio(admin, &api.DescribePortfolioInput{Id: string(p)}))(w).Budgets); diff != "" {
			w.Errorf("portfolio (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, ok(admin.DescribeProductAsAdmin(admin, &api.DescribeProductAsAdminInput{Id: new(string(product))}))(w).Budgets); diff != "" {
			w.Errorf("product (-want +got):\n%s", diff)
		}
	})
}

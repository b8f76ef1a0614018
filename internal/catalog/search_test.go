package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/id"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                            nil,
		"EC2-test  ec2":               {"ec2", "test"},
		"Ägare, søt! 数据":              {"ägare", "søt", "数据"},
		"prod-3p5abcdef3oyk":          {"prod", "3p5abcdef3oyk"},
		strings.Repeat("ä", 40) + "b": {strings.Repeat("ä", 32)},
	} {
		if diff := cmp.Diff(want, words(text)); diff != "" {
			t.Errorf("words(%q) (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("a b-c")
	f.Fuzz(func(t *testing.T, text string) {
		got := words(text)
		if len(got) > maxWords {
			t.Errorf("%d words", len(got))
		}
		for _, w := range got {
			if w == "" || len(w) > maxWord || strings.ToValidUTF8(text, "") == text && strings.ToValidUTF8(w, "") != w {
				t.Errorf("word %q of %q", w, text)
			}
		}
	})
}

func TestTitle(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 1000)
	if a, b := title(long+"a"), title(long+"b"); a == b || len(a) > 220 || !strings.HasPrefix(a, strings.Repeat("ä", 100)) {
		t.Errorf("titles %q and %q", a, b)
	}
	if got := title("Bucket"); got != "bucket" {
		t.Errorf("title %q", got)
	}
}

// searchAll goes through all pages.
func (w *world) searchAll(who someone, in api.SearchProductsInput) (names []string, out *api.SearchProductsOutput) {
	w.Helper()
	for {
		out = ok(who.SearchProducts(who, &in))(w)
		if len(out.ProductViewSummaries) > api.Or(in.PageSize, defaultPage) {
			w.Errorf("a page of %d", len(out.ProductViewSummaries))
		}
		for _, p := range out.ProductViewSummaries {
			names = append(names, p.Name)
		}
		if out.NextPageToken == "" {
			return names, out
		}
		in.PageToken = &out.NextPageToken
	}
}

func TestSearchProducts(t *testing.T) {
	run(t, func(w *world) {
		admin, alice := w.user(hub, "admin"), w.user(hub, "alice")
		shelves := []id.Portfolio{w.portfolio(admin, "A"), w.portfolio(admin, "B")}
		for _, s := range shelves {
			w.grant(admin, s, alice.caller.ARN)
		}
		var all []string
		for i := range 30 {
			in := w.productInput(fmt.Sprintf("%s %02d", []string{"Linux", "windows"}[i%2], 29-i))
			in.Owner = fmt.Sprint("Team ", i%3)
			if i%2 == 0 {
				in.Distributor = new("Penguins")
			}
			out := ok(admin.CreateProduct(admin, in))(w)
			p := id.Product(out.ProductViewDetail.ProductViewSummary.ProductId)
			for k, s := range shelves {
				if i%3 != k { // a third stands on both
					w.shelve(admin, s, p)
				}
			}
			all = append(all, in.Name)
		}
		w.product(admin, "on no shelf")

		byTitle := slices.Clone(all)
		slices.SortFunc(byTitle, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
		reversed := func(s []string) []string { s = slices.Clone(s); slices.Reverse(s); return s }
		matching := func(keep func(i int) bool) (kept []string) {
			for i, name := range all {
				if keep(i) {
					kept = append(kept, name)
				}
			}
			return kept
		}
		type by = map[api.ProductViewFilterBy][]string
		for name, test := range map[string]struct {
			in   api.SearchProductsInput
			want []string
		}{
			"all":                  {api.SearchProductsInput{PageSize: new(7)}, all},
			"newest first":         {api.SearchProductsInput{PageSize: new(7), SortBy: new(api.ProductViewSortByCreationDate), SortOrder: new(api.SortOrderDescending)}, reversed(all)},
			"by title":             {api.SearchProductsInput{PageSize: new(7), SortBy: new(api.ProductViewSortByTitle)}, byTitle},
			"by title, descending": {api.SearchProductsInput{PageSize: new(7), SortBy: new(api.ProductViewSortByTitle), SortOrder: new(api.SortOrderDescending)}, reversed(byTitle)},
			"word":                 {api.SearchProductsInput{PageSize: new(7), Filters: by{"FullTextSearch": {"LINUX"}}}, matching(func(i int) bool { return i%2 == 0 })},
			"beginning of a word":  {api.SearchProductsInput{Filters: by{"FullTextSearch": {"lin"}}}, matching(func(i int) bool { return i%2 == 0 })},
			"words are ANDed":      {api.SearchProductsInput{Filters: by{"FullTextSearch": {"linux 29"}}}, all[:1]},
			"values are ORed":      {api.SearchProductsInput{Filters: by{"FullTextSearch": {"linux 29", "windows 28"}}}, all[:2]},
			"keys are ANDed":       {api.SearchProductsInput{Filters: by{"FullTextSearch": {"linux"}, "Owner": {"team 1"}}}, matching(func(i int) bool { return i%2 == 0 && i%3 == 1 })},
			"nothing":              {api.SearchProductsInput{Filters: by{"FullTextSearch": {"linux"}, "Owner": {"Team"}}}, nil},
			"type":                 {api.SearchProductsInput{Filters: by{"ProductType": {"CLOUD_FORMATION_TEMPLATE"}}}, all},
			"other type":           {api.SearchProductsInput{Filters: by{"ProductType": {"EXTERNAL"}}}, nil},
			"source":               {api.SearchProductsInput{Filters: by{"SourceProductId": {"prod-x"}}}, nil},
		} {
			got, _ := w.searchAll(alice, test.in)
			if diff := cmp.Diff(test.want, got); diff != "" {
				w.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		_, out := w.searchAll(alice, api.SearchProductsInput{})
		want := map[string][]api.ProductViewAggregationValue{
			"Owner":       {{Value: "Team 0", ApproximateCount: 10}, {Value: "Team 1", ApproximateCount: 10}, {Value: "Team 2", ApproximateCount: 10}},
			"ProductType": {{Value: "CLOUD_FORMATION_TEMPLATE", ApproximateCount: 30}},
			"Vendor":      {{Value: "Penguins", ApproximateCount: 15}},
		}
		if diff := cmp.Diff(want, out.ProductViewAggregations); diff != "" {
			w.Errorf("aggregations (-want +got):\n%s", diff)
		}
		// They follow a change at once.
		found := ok(admin.SearchProductsAsAdmin(admin, &api.SearchProductsAsAdminInput{Filters: by{"FullTextSearch": {"linux 29"}}}))(w)
		p := found.ProductViewDetails[0].ProductViewSummary.ProductId
		ok(admin.UpdateProduct(admin, &api.UpdateProductInput{Id: p, Owner: new("Zoo"), Name: new("zebra")}))(w)
		got, out := w.searchAll(alice, api.SearchProductsInput{Filters: by{"Owner": {"Zoo"}}, SortBy: new(api.ProductViewSortByTitle)})
		if !slices.Equal(got, []string{"zebra"}) || out.ProductViewAggregations["Owner"][0].Value != "Zoo" {
			w.Errorf("after the change: %v, %v", got, out.ProductViewAggregations)
		}
		got, _ = w.searchAll(alice, api.SearchProductsInput{SortBy: new(api.ProductViewSortByTitle), SortOrder: new(api.SortOrderDescending)})
		if got[0] != "zebra" {
			w.Errorf("by title, descending: %v", got)
		}
	})
}

func TestSearchProductsAsAdmin(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		p, product, _ := w.offer(admin)
		other, _ := w.product(admin, "two versions")
		ok(admin.CreateProvisioningArtifact(admin, &api.CreateProvisioningArtifactInput{
			ProductId: string(other), IdempotencyToken: w.token(),
			Parameters: api.ProvisioningArtifactProperties{Info: map[string]string{"LoadTemplateFromURL": w.template("v.json", `{}`)}},
		}))(w)
		ids := func(in *api.SearchProductsAsAdminInput) (ids []string) {
			w.Helper()
			for _, v := range ok(admin.SearchProductsAsAdmin(admin, in))(w).ProductViewDetails {
				ids = append(ids, v.ProductViewSummary.ProductId)
			}
			return ids
		}
		for name, test := range map[string]struct {
			in   *api.SearchProductsAsAdminInput
			want []string
		}{
			"all":          {&api.SearchProductsAsAdminInput{}, []string{string(product), string(other)}},
			"of portfolio": {&api.SearchProductsAsAdminInput{PortfolioId: new(string(p)), ProductSource: new(api.ProductSourceAccount)}, []string{string(product)}},
			"by versions": {&api.SearchProductsAsAdminInput{SortBy: new(api.ProductViewSortByVersionCount), SortOrder: new(api.SortOrderDescending)},
				[]string{string(other), string(product)}},
		} {
			if diff := cmp.Diff(test.want, ids(test.in)); diff != "" {
				w.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		stranger := w.user(spoke, "admin")
		_, err := stranger.SearchProductsAsAdmin(stranger, &api.SearchProductsAsAdminInput{PortfolioId: new(string(p))})
		w.refused(err, api.CodeResourceNotFound, string(p))
	})
}

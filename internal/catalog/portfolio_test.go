package catalog

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
)

func TestPortfolio(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		created := ok(admin.CreatePortfolio(admin, &api.CreatePortfolioInput{
			DisplayName: "Buckets", ProviderName: "platform", IdempotencyToken: "a", Tags: []api.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}},
		}))(w)
		detail := created.PortfolioDetail
		if got, want := detail.ARN, "arn:aws:catalog:us-west-2:111111111111:portfolio/"+detail.Id; got != want {
			w.Errorf("ARN %s, want %s", got, want)
		}
		if us := detail.CreatedTime.Nanosecond() % int(time.Millisecond); us != 0 || detail.CreatedTime.Nanosecond() == 0 {
			w.Errorf("created %v, want milliseconds", detail.CreatedTime)
		}
		described := ok(admin.DescribePortfolio(admin, &api.DescribePortfolioInput{Id: detail.Id}))(w)
		want := &api.DescribePortfolioOutput{
			PortfolioDetail: detail, Tags: created.Tags,
			TagOptions: []api.TagOptionDetail{}, Budgets: []api.BudgetDetail{},
		}
		if diff := cmp.Diff(want, described); diff != "" {
			w.Errorf("described (-want +got):\n%s", diff)
		}

		// Terraform removes all old keys and adds all new tags in one call.
		updated := ok(admin.UpdatePortfolio(admin, &api.UpdatePortfolioInput{
			Id: detail.Id, DisplayName: new("Pails"), Description: new(""), RemoveTags: []string{"a", "b"},
			AddTags: []api.Tag{{Key: "b", Value: "3"}, {Key: "c", Value: "4"}},
		}))(w)
		if diff := cmp.Diff([]api.Tag{{Key: "b", Value: "3"}, {Key: "c", Value: "4"}}, updated.Tags); diff != "" {
			w.Errorf("tags (-want +got):\n%s", diff)
		}
		if updated.PortfolioDetail.DisplayName != "Pails" || updated.PortfolioDetail.ProviderName != "platform" {
			w.Errorf("updated %+v", updated.PortfolioDetail)
		}

		ok(admin.DeletePortfolio(admin, &api.DeletePortfolioInput{Id: detail.Id}))(w)
		_, err := admin.DescribePortfolio(admin, &api.DescribePortfolioInput{Id: detail.Id})
		w.refused(err, api.CodeResourceNotFound, detail.Id)
		_, err = admin.DeletePortfolio(admin, &api.DeletePortfolioInput{Id: detail.Id})
		w.refused(err, api.CodeResourceNotFound, detail.Id)
	})
}

func TestPortfolioTags(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		for _, test := range []struct {
			tags []api.Tag
			want string
		}{
			{[]api.Tag{{Key: "aws:x", Value: "1"}}, "aws:x"},
			{[]api.Tag{{Key: "AWS:x", Value: "1"}}, "AWS:x"},
			{[]api.Tag{{Key: "x", Value: "1"}, {Key: "x", Value: "2"}}, "more than once"},
		} {
			_, err := admin.CreatePortfolio(admin, &api.CreatePortfolioInput{
				DisplayName: "p", ProviderName: "p", IdempotencyToken: w.token(), Tags: test.tags,
			})
			w.refused(err, api.CodeInvalidParameters, test.want)
		}
		p := w.portfolio(admin, "full")
		add := func(prefix string, n int) error {
			var tags []api.Tag
			for i := range n {
				tags = append(tags, api.Tag{Key: fmt.Sprint(prefix, i), Value: "v"})
			}
			_, err := admin.UpdatePortfolio(admin, &api.UpdatePortfolioInput{Id: string(p), AddTags: tags})
			return err
		}
		if err := add("a", 20); err != nil {
			w.Fatal(err)
		}
		w.refused(add("b", 1), api.CodeInvalidParameters, "20 tags")
		if err := add("a", 20); err != nil {
			w.Errorf("overwriting all tags: %v", err)
		}
	})
}

func TestListPortfolios(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		var want []string
		for i := range 23 {
			want = append(want, string(w.portfolio(admin, fmt.Sprint("p", i))))
		}
		w.portfolio(w.user(spoke, "admin"), "not yours")
		var got []string
		in := &api.ListPortfoliosInput{}
		for pages := 0; ; pages++ {
			out := ok(admin.ListPortfolios(admin, in))(w)
			for _, p := range out.PortfolioDetails {
				got = append(got, p.Id)
			}
			if out.NextPageToken == "" {
				if pages != 1 {
					w.Errorf("%d pages of 23 portfolios, want 2", pages+1)
				}
				break
			}
			in.PageToken = &out.NextPageToken
		}
		if diff := cmp.Diff(want, got); diff != "" {
			w.Errorf("listed (-want +got):\n%s", diff)
		}

		// A token belongs to one caller and one operation.
		out := ok(admin.ListPortfolios(admin, &api.ListPortfoliosInput{PageSize: new(5)}))(w)
		other := w.user(hub, "other")
		_, err := other.ListPortfolios(other, &api.ListPortfoliosInput{PageToken: &out.NextPageToken})
		w.refused(err, api.CodeInvalidParameters, "page token")
		_, err = admin.SearchProductsAsAdmin(admin, &api.SearchProductsAsAdminInput{PageToken: &out.NextPageToken})
		w.refused(err, api.CodeInvalidParameters, "page token")
		_, err = admin.ListPortfolios(admin, &api.ListPortfoliosInput{PageToken: new("nonsense")})
		w.refused(err, api.CodeInvalidParameters, "page token")
	})
}

func TestDeletePortfolioInUse(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		p, product, _ := w.offer(admin)
		remove := func() error {
			_, err := admin.DeletePortfolio(admin, &api.DeletePortfolioInput{Id: string(p)})
			return err
		}
		w.refused(remove(), api.CodeResourceInUse, "Portfolio "+string(p)+" still has associated Products")
		ok(admin.DisassociateProductFromPortfolio(admin, &api.DisassociateProductFromPortfolioInput{PortfolioId: string(p), ProductId: string(product)}))(w)
		w.refused(remove(), api.CodeResourceInUse, "still has associated Principals")
		ok(admin.DisassociatePrincipalFromPortfolio(admin, &api.DisassociatePrincipalFromPortfolioInput{PortfolioId: string(p), PrincipalARN: "arn:aws:iam::111111111111:user/alice"}))(w)
		if err := remove(); err != nil {
			w.Error(err)
		}
	})
}

package catalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/id"
)

func TestProduct(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		in := w.productInput("ägare")
		in.Description, in.Distributor, in.SupportEmail = new("a bucket"), new("us"), new("help@example.com")
		in.SupportUrl, in.SupportDescription = new("https://example.com"), new("ask")
		in.Tags = []api.Tag{{Key: "region", Value: "west"}}
		created := ok(admin.CreateProduct(admin, in))(w)
		view := created.ProductViewDetail
		p := view.ProductViewSummary.ProductId
		want := &api.ProductViewDetail{
			CreatedTime: view.CreatedTime, ProductARN: "arn:aws:catalog:us-west-2:111111111111:product/" + p, Status: "CREATED",
			ProductViewSummary: &api.ProductViewSummary{
				Id: "prodview" + strings.TrimPrefix(p, "prod"), ProductId: p, Name: "ägare", Owner: "team",
				Type: api.ProductTypeCloudFormationTemplate, ShortDescription: "a bucket", Distributor: "us",
				SupportEmail: "help@example.com", SupportUrl: "https://example.com", SupportDescription: "ask",
			},
		}
		if diff := cmp.Diff(want, view); diff != "" {
			w.Errorf("created (-want +got):\n%s", diff)
		}
		if view.CreatedTime.Nanosecond() != 0 {
			w.Errorf("created %v, want whole seconds", view.CreatedTime)
		}
		version := created.ProvisioningArtifactDetail
		wantVersion := &api.ProvisioningArtifactDetail{
			Active: true, CreatedTime: version.CreatedTime, Guidance: "DEFAULT", Id: version.Id, Name: "v1", Type: "CLOUD_FORMATION_TEMPLATE",
		}
		if diff := cmp.Diff(wantVersion, version); diff != "" {
			w.Errorf("version (-want +got):\n%s", diff)
		}
		for _, in := range []*api.DescribeProductAsAdminInput{{Id: &p}, {Name: new("ägare")}} {
			described := ok(admin.DescribeProductAsAdmin(admin, in))(w)
			want := &api.DescribeProductAsAdminOutput{
				ProductViewDetail: view, Tags: in0Tags(created.Tags), TagOptions: []api.TagOptionDetail{}, Budgets: []api.BudgetDetail{},
				ProvisioningArtifactSummaries: []api.ProvisioningArtifactSummary{{
					CreatedTime: version.CreatedTime, Id: version.Id, Name: "v1", ProvisioningArtifactMetadata: map[string]string{},
				}},
			}
			if diff := cmp.Diff(want, described); diff != "" {
				w.Errorf("described (-want +got):\n%s", diff)
			}
		}
		updated := ok(admin.UpdateProduct(admin, &api.UpdateProductInput{
			Id: p, Name: new("pail"), Owner: new("others"), RemoveTags: []string{"region"}, AddTags: []api.Tag{{Key: "region", Value: "east"}},
		}))(w)
		if s := updated.ProductViewDetail.ProductViewSummary; s.Name != "pail" || s.Owner != "others" || s.Distributor != "us" {
			w.Errorf("updated %+v", s)
		}
		if diff := cmp.Diff([]api.Tag{{Key: "region", Value: "east"}}, updated.Tags); diff != "" {
			w.Errorf("tags (-want +got):\n%s", diff)
		}
		_, err := admin.DescribeProductAsAdmin(admin, &api.DescribeProductAsAdminInput{Name: new("ägare")})
		w.refused(err, api.CodeResourceNotFound, "Product with name ägare does not exist or access was denied.")
		ok(admin.DeleteProduct(admin, &api.DeleteProductInput{Id: p}))(w)
		_, err = admin.DescribeProductAsAdmin(admin, &api.DescribeProductAsAdminInput{Id: &p})
		w.refused(err, api.CodeResourceNotFound, p)
		found := ok(admin.SearchProductsAsAdmin(admin, &api.SearchProductsAsAdminInput{}))(w)
		if len(found.ProductViewDetails) != 0 {
			w.Errorf("found %v", found.ProductViewDetails)
		}
	})
}

func in0Tags(tags []api.Tag) []api.Tag { return append([]api.Tag{}, tags...) }

func TestCreateProductRefused(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		source := &api.SourceConnection{ConnectionParameters: api.SourceConnectionParameters{CodeStar: &api.CodeStarParameters{
			ArtifactPath: "a.yaml", Branch: "main", Repository: "me/repo",
			ConnectionArn: "arn:aws:codestar-connections:us-west-2:111111111111:connection/c",
		}}}
		bad := w.template("bad.json", "not a template")
		for name, test := range map[string]struct {
			change func(*api.CreateProductInput)
			want   string
		}{
			"nothing":      {func(in *api.CreateProductInput) { in.ProvisioningArtifactParameters = nil }, "either"},
			"both":         {func(in *api.CreateProductInput) { in.SourceConnection = source }, "either"},
			"marketplace":  {func(in *api.CreateProductInput) { in.ProductType = api.ProductTypeMarketplace }, "MARKETPLACE"},
			"open source":  {func(in *api.CreateProductInput) { in.ProductType = api.ProductTypeTerraformOpenSource }, "EXTERNAL"},
			"support url":  {func(in *api.CreateProductInput) { in.SupportUrl = new("ftp://x") }, "SupportUrl"},
			"support mail": {func(in *api.CreateProductInput) { in.SupportEmail = new("x") }, "SupportEmail"},
			"type": {func(in *api.CreateProductInput) {
				in.ProvisioningArtifactParameters.Type = new(api.ProvisioningArtifactTypeExternal)
			}, "does not fit"},
			"no info":      {func(in *api.CreateProductInput) { in.ProvisioningArtifactParameters.Info = nil }, "Info"},
			"unknown info": {func(in *api.CreateProductInput) { in.ProvisioningArtifactParameters.Info = map[string]string{"X": "y"} }, "Info"},
			"two infos": {func(in *api.CreateProductInput) {
				in.ProvisioningArtifactParameters.Info["ImportFromPhysicalId"] = "arn:aws:cloudformation:us-west-2:111111111111:stack/a/b"
			}, "Info"},
			"missing file": {func(in *api.CreateProductInput) {
				in.ProvisioningArtifactParameters.Info = map[string]string{"LoadTemplateFromURL": bad + "x"}
			}, "bad.jsonx"},
			"bad template": {func(in *api.CreateProductInput) {
				in.ProvisioningArtifactParameters.Info = map[string]string{"LoadTemplateFromURL": bad}
			}, "Invalid templateBody. Please make sure that your template is valid"},
			"bad stack": {func(in *api.CreateProductInput) {
				in.ProvisioningArtifactParameters.Info = map[string]string{"ImportFromPhysicalId": "no"}
			}, "does not exist"},
			"connection": {func(in *api.CreateProductInput) {
				in.ProvisioningArtifactParameters = nil
				in.SourceConnection = &api.SourceConnection{}
			}, ""},
		} {
			in := w.productInput("p")
			test.change(in)
			_, err := admin.CreateProduct(admin, in)
			if name == "connection" && api.Code(err) == api.CodeValidation {
				continue
			}
			if api.Code(err) != api.CodeInvalidParameters || !strings.Contains(err.Error(), test.want) {
				w.Errorf("%s: %v", name, err)
			}
		}
		found := ok(admin.SearchProductsAsAdmin(admin, &api.SearchProductsAsAdminInput{}))(w)
		if len(found.ProductViewDetails) != 0 {
			w.Errorf("something was created: %v", found.ProductViewDetails)
		}

		in := w.productInput("unchecked")
		in.ProvisioningArtifactParameters.DisableTemplateValidation = new(true)
		in.ProvisioningArtifactParameters.Info = map[string]string{"LoadTemplateFromURL": bad}
		if _, err := admin.CreateProduct(admin, in); err != nil {
			w.Errorf("validation was turned off: %v", err)
		}
		in = w.productInput("synced")
		in.ProvisioningArtifactParameters, in.SourceConnection = nil, source
		out := ok(admin.CreateProduct(admin, in))(w)
		if out.ProvisioningArtifactDetail != nil || out.ProductViewDetail.SourceConnection == nil {
			w.Errorf("synced product %+v", out)
		}
	})
}

func TestArtifacts(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		p, v1 := w.product(admin, "bucket")
		url := w.template("two.json", `{}`)
		in := &api.CreateProvisioningArtifactInput{
			ProductId: string(p), IdempotencyToken: w.token(),
			Parameters: api.ProvisioningArtifactProperties{Name: new("v2"), Info: map[string]string{"LoadTemplateFromURL": url}},
		}
		created := ok(admin.CreateProvisioningArtifact(admin, in))(w)
		if created.Status != api.StatusCreating {
			w.Errorf("status %s", created.Status)
		}
		if diff := cmp.Diff(map[string]string{"TemplateUrl": url}, created.Info); diff != "" {
			w.Errorf("info (-want +got):\n%s", diff)
		}
		v2 := created.ProvisioningArtifactDetail.Id
		described := ok(admin.DescribeProvisioningArtifact(admin, &api.DescribeProvisioningArtifactInput{
			ProductId: new(string(p)), ProvisioningArtifactName: new("v1"), IncludeProvisioningArtifactParameters: new(true),
		}))(w)
		if described.Status != api.StatusAvailable || described.ProvisioningArtifactDetail.Id != string(v1) || len(described.ProvisioningArtifactParameters) != 2 {
			w.Errorf("described %+v", described)
		}
		physical := "arn:aws:cloudformation:us-west-2:111111111111:stack/a/b"
		in = &api.CreateProvisioningArtifactInput{
			ProductId: string(p), IdempotencyToken: w.token(),
			Parameters: api.ProvisioningArtifactProperties{Name: new("v2"), Info: map[string]string{"ImportFromPhysicalId": physical}},
		}
		v3 := ok(admin.CreateProvisioningArtifact(admin, in))(w)
		if diff := cmp.Diff(map[string]string{"PhysicalId": physical}, v3.Info); diff != "" {
			w.Errorf("info (-want +got):\n%s", diff)
		}
		_, err := admin.DescribeProvisioningArtifact(admin, &api.DescribeProvisioningArtifactInput{
			ProductName: new("bucket"), ProvisioningArtifactName: new("v2"),
		})
		w.refused(err, api.CodeInvalidParameters, "Multiple Provisioning Artifact with name v2 found.")

		updated := ok(admin.UpdateProvisioningArtifact(admin, &api.UpdateProvisioningArtifactInput{
			ProductId: string(p), ProvisioningArtifactId: v2, Active: new(false), Guidance: new(api.ProvisioningArtifactGuidanceDeprecated), Name: new("old"),
		}))(w)
		if d := updated.ProvisioningArtifactDetail; d.Active || d.Guidance != "DEPRECATED" || d.Name != "old" {
			w.Errorf("updated %+v", d)
		}
		list := ok(admin.ListProvisioningArtifacts(admin, &api.ListProvisioningArtifactsInput{ProductId: string(p)}))(w)
		if n := len(list.ProvisioningArtifactDetails); n != 3 {
			w.Errorf("%d versions, want 3", n)
		}
		remove := func(v string) error {
			_, err := admin.DeleteProvisioningArtifact(admin, &api.DeleteProvisioningArtifactInput{ProductId: string(p), ProvisioningArtifactId: v})
			return err
		}
		for _, v := range []string{v2, v3.ProvisioningArtifactDetail.Id} {
			if err := remove(v); err != nil {
				w.Fatal(err)
			}
		}
		w.refused(remove(v2), api.CodeResourceNotFound, v2)
		w.refused(remove(string(v1)), api.CodeResourceInUse, "last")
	})
}

func TestProductInUse(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		p, product, _ := w.offer(admin)
		_, err := admin.DeleteProduct(admin, &api.DeleteProductInput{Id: string(product)})
		w.refused(err, api.CodeResourceInUse, string(product))
		w.shelve(admin, p, product) // again: nothing changes
		listed := ok(admin.ListPortfoliosForProduct(admin, &api.ListPortfoliosForProductInput{ProductId: string(product)}))(w)
		if len(listed.PortfolioDetails) != 1 || listed.PortfolioDetails[0].Id != string(p) {
			w.Errorf("portfolios %+v", listed.PortfolioDetails)
		}
	})
}

// TestParallelCreation is the loss that others had: versions made at once of
// one product must all be there, and products made at once as well.
func TestParallelCreation(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		p, _ := w.product(admin, "bucket")
		url := w.template("v.json", `{}`)
		const n = 100
		errs := make(chan error, n)
		all := make([]*api.CreateProductInput, n)
		for i := range n {
			all[i] = w.productInput(fmt.Sprint("product ", i))
		}
		for i, in := range all {
			go func() {
				_, err := admin.CreateProduct(admin, in)
				if err == nil && i < 20 {
					_, err = admin.CreateProvisioningArtifact(admin, &api.CreateProvisioningArtifactInput{
						ProductId: string(p), IdempotencyToken: "v" + id.UUID(),
						Parameters: api.ProvisioningArtifactProperties{Info: map[string]string{"LoadTemplateFromURL": url}},
					})
				}
				errs <- err
			}()
		}
		for range n {
			if err := <-errs; err != nil {
				w.Error(err)
			}
		}
		got := 0
		in := &api.SearchProductsAsAdminInput{PageSize: new(15)}
		for {
			out := ok(admin.SearchProductsAsAdmin(admin, in))(w)
			got += len(out.ProductViewDetails)
			if out.NextPageToken == "" {
				break
			}
			in.PageToken = &out.NextPageToken
		}
		if got != n+1 {
			w.Errorf("%d products, want %d", got, n+1)
		}
		versions := ok(admin.ListProvisioningArtifacts(admin, &api.ListProvisioningArtifactsInput{ProductId: string(p)}))(w)
		if got := len(versions.ProvisioningArtifactDetails); got != 21 {
			w.Errorf("%d versions, want 21", got)
		}
	})
}

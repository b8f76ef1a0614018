package catalog

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/id"
)

// copied waits for a copy to end.
func (w *world) copied(who someone, in *api.CopyProductInput) *api.DescribeCopyProductStatusOutput {
	w.Helper()
	in.IdempotencyToken = w.token()
	token := ok(who.CopyProduct(who, in))(w).CopyProductToken
	for {
		out := ok(who.DescribeCopyProductStatus(who, &api.DescribeCopyProductStatusInput{CopyProductToken: token}))(w)
		if out.CopyProductStatus != api.CopyProductStatusInProgress {
			return out
		}
		if who.Err() != nil {
			w.Fatal(context.Cause(who))
		}
	}
}

func (w *world) version(who someone, p id.Product, name string) string {
	w.Helper()
	return ok(who.CreateProvisioningArtifact(who, &api.CreateProvisioningArtifactInput{
		ProductId: string(p), IdempotencyToken: w.token(),
		Parameters: api.ProvisioningArtifactProperties{Name: &name, Info: map[string]string{"LoadTemplateFromURL": w.template("v.json", `{}`)}},
	}))(w).ProvisioningArtifactDetail.Id
}

func arnOf(account string, p id.Product) string {
	return id.ProductARN(region, account, p).String()
}

func TestCopyProduct(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		in := w.productInput("bucket")
		in.Description, in.Tags = new("a bucket"), []api.Tag{{Key: "region", Value: "iad"}}
		created := ok(admin.CreateProduct(admin, in))(w)
		source, v1 := id.Product(created.ProductViewDetail.ProductViewSummary.ProductId), created.ProvisioningArtifactDetail.Id
		for i := range copyBatch + 5 { // two beats
			w.version(admin, source, fmt.Sprint("v", i+2))
		}
		out := w.copied(admin, &api.CopyProductInput{SourceProductArn: arnOf(hub, source), CopyOptions: []api.CopyOption{"CopyTags"}})
		if out.CopyProductStatus != "SUCCEEDED" || out.TargetProductId == "" {
			w.Fatalf("copied %+v", out)
		}
		d := ok(admin.DescribeProductAsAdmin(admin, &api.DescribeProductAsAdminInput{Id: &out.TargetProductId}))(w)
		if s := d.ProductViewDetail.ProductViewSummary; s.Name != "bucket" || s.ShortDescription != "a bucket" {
			w.Errorf("copy %+v", s)
		}
		if diff := cmp.Diff(in.Tags, d.Tags); diff != "" {
			w.Errorf("tags (-want +got):\n%s", diff)
		}
		if n := len(d.ProvisioningArtifactSummaries); n != copyBatch+6 {
			w.Errorf("%d versions", n)
		}
		first := d.ProvisioningArtifactSummaries[0]
		if first.Name != "v1" || first.Id == v1 || first.ProvisioningArtifactMetadata["SourceProvisioningArtifactId"] != v1 {
			w.Errorf("first version %+v", first)
		}
		found := ok(admin.SearchProductsAsAdmin(admin, &api.SearchProductsAsAdminInput{
			Filters: map[api.ProductViewFilterBy][]string{"SourceProductId": {string(source)}},
		}))(w)
		if len(found.ProductViewDetails) != 1 || found.ProductViewDetails[0].ProductViewSummary.ProductId != out.TargetProductId {
			w.Errorf("found by source: %+v", found.ProductViewDetails)
		}
		parameters := ok(admin.DescribeProvisioningArtifact(admin, &api.DescribeProvisioningArtifactInput{
			ProductId: &out.TargetProductId, ProvisioningArtifactId: &first.Id, IncludeProvisioningArtifactParameters: new(true),
		}))(w)
		if len(parameters.ProvisioningArtifactParameters) != 2 {
			w.Errorf("the copied version's parameters: %v", parameters.ProvisioningArtifactParameters)
		}

		// Into a product that exists, one version, without tags.
		into, _ := w.product(admin, "target")
		out = w.copied(admin, &api.CopyProductInput{
			SourceProductArn: arnOf(hub, source), TargetProductId: new(string(into)),
			SourceProvisioningArtifactIdentifiers: []map[api.ProvisioningArtifactPropertyName]string{{"Id": v1}},
		})
		if out.CopyProductStatus != "SUCCEEDED" || out.TargetProductId != string(into) {
			w.Errorf("copied %+v", out)
		}
		d = ok(admin.DescribeProductAsAdmin(admin, &api.DescribeProductAsAdminInput{Id: new(string(into))}))(w)
		if len(d.ProvisioningArtifactSummaries) != 2 || d.ProductViewDetail.ProductViewSummary.Name != "target" || len(d.Tags) != 0 {
			w.Errorf("target %+v", d)
		}
	})
}

func TestCopyProductRefused(t *testing.T) {
	run(t, func(w *world) {
		admin, other := w.user(hub, "admin"), w.user(spoke, "admin")
		p, source, _ := w.offer(admin)
		for name, test := range map[string]struct {
			who        someone
			in         *api.CopyProductInput
			code, want string
		}{
			"no ARN":    {admin, &api.CopyProductInput{SourceProductArn: "arn:aws:catalog:us-west-2:111111111111:portfolio/port-a"}, api.CodeInvalidParameters, "product"},
			"unknown":   {admin, &api.CopyProductInput{SourceProductArn: arnOf(hub, "prod-x")}, api.CodeResourceNotFound, "prod-x"},
			"liar":      {admin, &api.CopyProductInput{SourceProductArn: arnOf(spoke, source)}, api.CodeResourceNotFound, string(source)},
			"no share":  {other, &api.CopyProductInput{SourceProductArn: arnOf(hub, source)}, api.CodeResourceNotFound, string(source)},
			"no target": {admin, &api.CopyProductInput{SourceProductArn: arnOf(hub, source), TargetProductId: new("prod-x")}, api.CodeResourceNotFound, "prod-x"},
			"no version": {admin, &api.CopyProductInput{SourceProductArn: arnOf(hub, source),
				SourceProvisioningArtifactIdentifiers: []map[api.ProvisioningArtifactPropertyName]string{{"Id": "pa-x"}}}, api.CodeResourceNotFound, "pa-x"},
		} {
			test.in.IdempotencyToken = w.token()
			_, err := test.who.CopyProduct(test.who, test.in)
			if api.Code(err) != test.code {
				w.Errorf("%s: %v", name, err)
			}
			w.refused(err, test.code, test.want)
		}
		_, err := admin.DescribeCopyProductStatus(admin, &api.DescribeCopyProductStatusInput{CopyProductToken: "copyproduct-x"})
		w.refused(err, api.CodeResourceNotFound, "copyproduct-x")

		// With a share it may be copied, and the copy is the recipient's own.
		ok(admin.CreatePortfolioShare(admin, &api.CreatePortfolioShareInput{PortfolioId: string(p), AccountId: new(spoke)}))(w)
		ok(other.AcceptPortfolioShare(other, &api.AcceptPortfolioShareInput{PortfolioId: string(p)}))(w)
		out := w.copied(other, &api.CopyProductInput{SourceProductArn: arnOf(hub, source), TargetProductName: new("mine")})
		d := ok(other.DescribeProductAsAdmin(other, &api.DescribeProductAsAdminInput{Id: &out.TargetProductId}))(w)
		if d.ProductViewDetail.ProductARN != arnOf(spoke, id.Product(out.TargetProductId)) || d.ProductViewDetail.ProductViewSummary.Name != "mine" {
			w.Errorf("copy %+v", d.ProductViewDetail)
		}
	})
}

func TestCopyProductOverQuota(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		limits := AWSLimits()
		limits.Products, limits.VersionsPerProduct = 2, 2
		w := newWorld(t, d, Options{Limits: limits})
		admin := w.user(hub, "admin")
		source, _ := w.product(admin, "bucket")
		into, _ := w.product(admin, "target")
		w.version(admin, into, "v2")
		for _, in := range []*api.CopyProductInput{{}, {TargetProductId: new(string(into))}} {
			in.SourceProductArn = arnOf(hub, source)
			out := w.copied(admin, in)
			if out.CopyProductStatus != "FAILED" || out.StatusDetail == "" {
				w.Errorf("copied %+v", out)
			}
		}
		names := []string{}
		for _, v := range ok(admin.SearchProductsAsAdmin(admin, &api.SearchProductsAsAdminInput{}))(w).ProductViewDetails {
			names = append(names, v.ProductViewSummary.Name)
		}
		if !slices.Equal(names, []string{"bucket", "target"}) {
			w.Errorf("products %v", names)
		}
	})
}

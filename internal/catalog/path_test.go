package catalog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"larder/internal/api"
	"larder/internal/engine"
)

func TestLaunchPaths(t *testing.T) {
	run(t, func(w *world) {
		admin, alice, bob := w.user(hub, "admin"), w.user(hub, "alice"), w.user(hub, "bob")
		p, product, version := w.offer(admin)

		for _, nobody := range []someone{admin, bob, w.user(spoke, "alice")} { // an administrator has no path either
			_, err := nobody.ListLaunchPaths(nobody, &api.ListLaunchPathsInput{ProductId: string(product)})
			w.refused(err, api.CodeResourceNotFound, "No launch paths found for resource: "+string(product))
			_, err = nobody.DescribeProduct(nobody, &api.DescribeProductInput{Id: new(string(product))})
			w.refused(err, api.CodeResourceNotFound, string(product))
			_, err = nobody.DescribeProduct(nobody, &api.DescribeProductInput{Name: new("bucket")})
			w.refused(err, api.CodeResourceNotFound, "Product with name bucket does not exist or access was denied.")
			found := ok(nobody.SearchProducts(nobody, &api.SearchProductsInput{}))(w)
			if len(found.ProductViewSummaries) != 0 {
				w.Errorf("%s sees %v", nobody.caller.ARN, found.ProductViewSummaries)
			}
		}
		lpv3 := "lpv3" + strings.TrimPrefix(string(p), "port")
		paths := ok(alice.ListLaunchPaths(alice, &api.ListLaunchPathsInput{ProductId: string(product)}))(w)
		want := []api.LaunchPathSummary{{Id: lpv3, Name: "Buckets", ConstraintSummaries: []api.ConstraintSummary{}, Tags: []api.Tag{}}}
		if diff := cmp.Diff(want, paths.LaunchPathSummaries); diff != "" {
			w.Errorf("paths (-want +got):\n%s", diff)
		}
		view := product.View()
		for _, in := range []*api.DescribeProductInput{{Id: new(string(product))}, {Name: new("bucket")}} {
			d := ok(alice.DescribeProduct(alice, in))(w)
			want := &api.DescribeProductOutput{
				Budgets: []api.BudgetDetail{}, LaunchPaths: []api.LaunchPath{{Id: lpv3, Name: "Buckets"}},
				ProductViewSummary: &api.ProductViewSummary{
					Id: string(view), ProductId: string(product), Name: "bucket", Owner: "team", Type: "CLOUD_FORMATION_TEMPLATE",
				},
				ProvisioningArtifacts: []api.ProvisioningArtifact{{Id: string(version), Name: "v1", Guidance: "DEFAULT"}},
			}
			if diff := cmp.Diff(want, d, cmpopts.IgnoreFields(api.ProvisioningArtifact{}, "CreatedTime")); diff != "" {
				w.Errorf("described (-want +got):\n%s", diff)
			}
		}
		ok(alice.DescribeProductView(alice, &api.DescribeProductViewInput{Id: string(view)}))(w)
		_, err := alice.DescribeProductView(alice, &api.DescribeProductViewInput{Id: string(product)})
		w.refused(err, api.CodeResourceNotFound, string(product))
	})
}

func TestResolveLaunch(t *testing.T) {
	run(t, func(w *world) {
		admin, alice := w.user(hub, "admin"), w.user(hub, "alice")
		p, product, version := w.offer(admin)
		url := w.template("bucket.json", bucketTemplate)

		l, err := w.resolve(alice, LaunchQuery{ProductID: string(product), ArtifactID: string(version)})
		if err != nil {
			w.Fatal(err)
		}
		want := Launch{
			Product:  LaunchProduct{ID: product, Name: "bucket", Type: "CLOUD_FORMATION_TEMPLATE", Account: hub, ARN: "arn:aws:catalog:us-west-2:111111111111:product/" + string(product)},
			Artifact: LaunchArtifact{ID: version, Name: "v1", Type: "CLOUD_FORMATION_TEMPLATE", URL: url, Digest: l.Artifact.Digest, Template: l.Artifact.Template},
			Path:     LaunchPath{ID: p.Path(), Name: "Buckets", Portfolio: p, Account: hub, ARN: "arn:aws:catalog:us-west-2:111111111111:portfolio/" + string(p)},
		}
		if diff := cmp.Diff(want, l, cmpopts.IgnoreUnexported(Launch{}), cmpopts.EquateEmpty()); diff != "" {
			w.Errorf("launch (-want +got):\n%s", diff)
		}
		if l.Artifact.Template == nil || len(l.Artifact.Template.Parameters) != 2 {
			w.Errorf("template %+v", l.Artifact.Template)
		}
		body, err := w.catalog.ArtifactBody(alice, l.Artifact.Digest)
		if err != nil || string(body) != bucketTemplate {
			w.Errorf("body %q, %v", body, err)
		}

		byName := LaunchQuery{ProductName: "bucket", ArtifactName: "v1", PathName: "Buckets"}
		if l, err := w.resolve(alice, byName); err != nil || l.Product.ID != product || l.Artifact.ID != version {
			w.Errorf("by names: %+v, %v", l, err)
		}
		given := func(change func(*LaunchQuery)) LaunchQuery {
			q := LaunchQuery{ProductID: string(product), ArtifactID: string(version)}
			change(&q)
			return q
		}
		second := w.portfolio(admin, "More")
		for _, test := range []struct {
			q          LaunchQuery
			code, want string
		}{
			{given(func(q *LaunchQuery) { q.ProductName = "bucket" }), api.CodeInvalidParameters, "ProductId or ProductName"},
			{given(func(q *LaunchQuery) { q.ProductID = "" }), api.CodeInvalidParameters, "ProductId or ProductName"},
			{given(func(q *LaunchQuery) { q.ArtifactName = "v1" }), api.CodeInvalidParameters, "ProvisioningArtifactId or"},
			{given(func(q *LaunchQuery) { q.PathID, q.PathName = "lpv3-a", "b" }), api.CodeInvalidParameters, "PathId or PathName"},
			{given(func(q *LaunchQuery) { q.PathID = "lpv2-old" }), api.CodeInvalidParameters, "Invalid PathId: lpv2-old"},
			{given(func(q *LaunchQuery) { q.PathID = string(second.Path()) }), api.CodeInvalidParameters, "Invalid PathId: " + string(second.Path())},
			{given(func(q *LaunchQuery) { q.PathName = "More" }), api.CodeInvalidParameters, "Invalid PathName: More"},
			{given(func(q *LaunchQuery) { q.ProductID = "prod-x" }), api.CodeResourceNotFound, "No launch paths found for resource: prod-x"},
			{LaunchQuery{ProductName: "pail", ArtifactName: "v1"}, api.CodeResourceNotFound, "Product with name pail does not exist or access was denied."},
			{given(func(q *LaunchQuery) { q.ArtifactID = "pa-x" }), api.CodeResourceNotFound, "pa-x"},
			{LaunchQuery{ProductID: string(product), ArtifactName: "v9"}, api.CodeResourceNotFound, "v9"},
		} {
			_, err := w.resolve(alice, test.q)
			w.refused(err, test.code, test.want)
		}

		// Two paths need a choice.
		w.shelve(admin, second, product)
		w.grant(admin, second, "arn:aws:iam:::user/al*")
		_, err = w.resolve(alice, given(func(*LaunchQuery) {}))
		w.refused(err, api.CodeInvalidParameters, "More than one launch path ids exist. Please specify the launch path id")
		if l, err := w.resolve(alice, given(func(q *LaunchQuery) { q.PathID = string(second.Path()) })); err != nil || l.Path.Portfolio != second {
			w.Errorf("chosen path: %+v, %v", l.Path, err)
		}

		update := func(active bool, guidance api.ProvisioningArtifactGuidance) {
			ok(admin.UpdateProvisioningArtifact(admin, &api.UpdateProvisioningArtifactInput{
				ProductId: string(product), ProvisioningArtifactId: string(version), Active: &active, Guidance: &guidance,
			}))(w)
		}
		q := given(func(q *LaunchQuery) { q.PathName = "More" })
		forUpdate := q
		forUpdate.ForUpdate = true
		update(true, api.ProvisioningArtifactGuidanceDeprecated)
		_, err = w.resolve(alice, q)
		w.refused(err, api.CodeInvalidParameters, "deprecated")
		if _, err = w.resolve(alice, forUpdate); err != nil {
			w.Errorf("update to a deprecated version: %v", err)
		}
		update(false, api.ProvisioningArtifactGuidanceDefault)
		for _, q := range []LaunchQuery{q, forUpdate} {
			_, err = w.resolve(alice, q)
			w.refused(err, api.CodeInvalidParameters, "not active")
		}
		d := ok(alice.DescribeProduct(alice, &api.DescribeProductInput{Id: new(string(product))}))(w)
		if len(d.ProvisioningArtifacts) != 0 {
			w.Errorf("end users see the inactive version: %v", d.ProvisioningArtifacts)
		}
	})
}

func TestAmbiguousProduct(t *testing.T) {
	run(t, func(w *world) {
		admin, alice := w.user(hub, "admin"), w.user(hub, "alice")
		p, _, _ := w.offer(admin)
		twin, _ := w.product(admin, "bucket")
		q := LaunchQuery{ProductName: "bucket", ArtifactName: "v1"}
		if _, err := w.resolve(alice, q); err != nil {
			w.Errorf("a namesake that alice cannot see: %v", err)
		}
		w.shelve(admin, p, twin)
		_, err := w.resolve(alice, q)
		w.refused(err, api.CodeInvalidParameters, "Multiple products")
		_, err = admin.DescribeProductAsAdmin(admin, &api.DescribeProductAsAdminInput{Name: new("bucket")})
		w.refused(err, api.CodeInvalidParameters, "Multiple products")
	})
}

func TestDescribeProvisioningParameters(t *testing.T) {
	run(t, func(w *world) {
		admin, alice := w.user(hub, "admin"), w.user(hub, "alice")
		_, product, version := w.offer(admin)
		got := ok(alice.DescribeProvisioningParameters(alice, &api.DescribeProvisioningParametersInput{
			ProductId: new(string(product)), ProvisioningArtifactId: new(string(version)),
		}))(w)
		want := &api.DescribeProvisioningParametersOutput{
			ProvisioningArtifactParameters: []api.ProvisioningArtifactParameter{
				{ParameterKey: "Size", ParameterType: "String", ParameterConstraints: &api.ParameterConstraints{AllowedValues: []string{}}},
				{ParameterKey: "Zone", ParameterType: "String", DefaultValue: new("a"), ParameterConstraints: &api.ParameterConstraints{AllowedValues: []string{}}},
			},
			ConstraintSummaries: []api.ConstraintSummary{},
			UsageInstructions: []api.UsageInstruction{
				{Type: "rules", Value: "{}"}, {Type: "version", Value: "2010-09-09"}, {Type: "tagUpdateOnProvisionedProduct", Value: "NOT_ALLOWED"},
			},
			TagOptions:                      []api.TagOptionSummary{},
			ProvisioningArtifactPreferences: &api.ProvisioningArtifactPreferences{},
			ProvisioningArtifactOutputs:     []api.ProvisioningArtifactOutput{{Key: string(version)}},
			ProvisioningArtifactOutputKeys:  []api.ProvisioningArtifactOutput{{Key: "Name", Description: "the bucket's name"}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			w.Errorf("parameters (-want +got):\n%s", diff)
		}
		_, err := admin.DescribeProvisioningParameters(admin, &api.DescribeProvisioningParametersInput{
			ProductId: new(string(product)), ProvisioningArtifactId: new(string(version)),
		})
		w.refused(err, api.CodeResourceNotFound, "No launch paths found for resource: "+string(product))
	})
}

func TestExplainLaunch(t *testing.T) {
	run(t, func(w *world) {
		admin, alice, bob := w.user(hub, "admin"), w.user(hub, "alice"), w.user(hub, "bob")
		_, product, version := w.offer(admin)
		explain := func(who someone) api.LaunchExplanation {
			w.Helper()
			out := ok(who.ExplainLaunch(who, &api.ExplainLaunchInput{ProductId: string(product)}))(w)
			if len(out.LaunchExplanations) != 1 {
				w.Fatalf("explanations %+v", out)
			}
			return out.LaunchExplanations[0]
		}
		if e := explain(alice); !e.PrincipalMatches || len(e.LaunchObstacles) != 0 {
			w.Errorf("alice: %+v", e)
		}
		if e := explain(bob); e.PrincipalMatches || len(e.LaunchObstacles) != 1 || e.LaunchObstacles[0].Type != api.LaunchObstacleTypePrincipalNotAssociated {
			w.Errorf("bob: %+v", e)
		}
		ok(admin.UpdateProvisioningArtifact(admin, &api.UpdateProvisioningArtifactInput{
			ProductId: string(product), ProvisioningArtifactId: string(version), Active: new(false),
		}))(w)
		if e := explain(alice); len(e.LaunchObstacles) != 1 || e.LaunchObstacles[0].Type != api.LaunchObstacleTypeNoActiveVersion {
			w.Errorf("without a version: %+v", e)
		}
		stranger := w.user(spoke, "alice")
		_, err := stranger.ExplainLaunch(stranger, &api.ExplainLaunchInput{ProductId: string(product)})
		w.refused(err, api.CodeResourceNotFound, string(product))
	})
}

func TestLaunchTags(t *testing.T) {
	t.Parallel()
	l := Launch{
		Product: LaunchProduct{ID: "prod-1", Tags: []engine.Tag{{Key: "team", Value: "product"}, {Key: "p", Value: "1"}}},
		Path:    LaunchPath{Portfolio: "port-1", Tags: []engine.Tag{{Key: "team", Value: "portfolio"}}},
		TagOptions: []TagChoice{
			{Key: "only", Values: []string{"one"}}, {Key: "choice", Values: []string{"a", "b"}}, {Key: "conflict"},
		},
	}
	for _, test := range []struct {
		user    []engine.Tag
		want    []engine.Tag
		refused string
	}{
		{
			user: []engine.Tag{{Key: "choice", Value: "b"}, {Key: "mine", Value: "x"}, {Key: "team", Value: "mine"}},
			want: []engine.Tag{
				{Key: "team", Value: "portfolio"}, {Key: "p", Value: "1"}, {Key: "only", Value: "one"}, {Key: "choice", Value: "b"},
				{Key: "conflict", Value: "sc-tagoption-conflict-port-1-prod-1"}, {Key: "mine", Value: "x"},
			},
		},
		{user: nil, refused: "choice is required"},
		{user: []engine.Tag{{Key: "choice", Value: "c"}}, refused: "c is not valid for key choice"},
		{user: []engine.Tag{{Key: "choice", Value: "a"}, {Key: "only", Value: "two"}}, refused: "two is not valid for key only"},
		{user: []engine.Tag{{Key: "aws:x", Value: "a"}}, refused: "aws:"},
	} {
		got, err := LaunchTags(l, test.user)
		if test.refused != "" {
			if api.Code(err) != api.CodeInvalidParameters || !strings.Contains(err.Error(), test.refused) {
				t.Errorf("%v: %v, want %q", test.user, err, test.refused)
			}
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.user, diff)
		}
	}
}

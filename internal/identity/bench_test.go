package identity_test

import (
	"context"
	"fmt"
	"testing"

	"larder/internal/api"
	"larder/internal/identity"
)

// What a signed call costs before its operation begins.
func BenchmarkAuthenticate(b *testing.B) {
	w := newWorld(b)
	r := signed(w.admin.Credentials, "us-east-1", w.clock.now())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Authenticate(r, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthorize(b *testing.B) {
	w := newWorld(b)
	ctx := w.as(b, w.admin.Credentials)
	in := &api.DescribePortfolioInput{Id: "port-2s6abcdq5wdh4"}
	invoke := w.Authorize(func(context.Context, api.Op, any) (any, error) { return nil, nil })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := invoke(ctx, api.OpDescribePortfolio, in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDevAuthenticate(b *testing.B) {
	r := signed(identity.Credentials{AccessKeyID: "test"}, "us-east-1", (&clock{}).now())
	dev := identity.Dev{Region: "us-east-1"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dev.Authenticate(r, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	p := parse(b, statement(fmt.Sprintf(`"Effect":"Allow","Action":["servicecatalog:Describe*","servicecatalog:ProvisionProduct"],"Resource":%q`, product)))
	r := identity.Request{Action: "servicecatalog:ProvisionProduct", Resource: product}
	b.ReportAllocs()
	for b.Loop() {
		if identity.Evaluate(r, p) != identity.Allowed {
			b.Fatal("not allowed")
		}
	}
}

package id_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/id"
)

func TestARNs(t *testing.T) {
	t.Parallel()
	const uuid = "5c4e7d50-0000-11f0-8000-0123456789ab"
	tests := []struct {
		arn  id.ARN
		want string
	}{
		{id.PortfolioARN("us-west-2", "123456789012", "port-2s6abcdq5wdh4"), "arn:aws:catalog:us-west-2:123456789012:portfolio/port-2s6abcdq5wdh4"},
		{id.ProductARN("cn-north-1", "123456789012", "prod-3p5abcdef3oyk"), "arn:aws-cn:catalog:cn-north-1:123456789012:product/prod-3p5abcdef3oyk"},
		{id.ProvisionedProductARN("us-gov-west-1", "123456789012", "my.name", "pp-dpom27bm4abcd"), "arn:aws-us-gov:servicecatalog:us-gov-west-1:123456789012:stack/my.name/pp-dpom27bm4abcd"},
		{id.StackARN("us-east-1", "123456789012", "SC-1", uuid), "arn:aws:cloudformation:us-east-1:123456789012:stack/SC-1/" + uuid},
		{id.ChangeSetARN("us-east-1", "123456789012", "set", uuid), "arn:aws:cloudformation:us-east-1:123456789012:changeSet/set/" + uuid},
		{id.StackSetARN("us-east-1", "123456789012", "SC-1", uuid), "arn:aws:cloudformation:us-east-1:123456789012:stackset/SC-1:" + uuid},
	}
	for _, tt := range tests {
		if got := tt.arn.String(); got != tt.want {
			t.Errorf("built %s, want %s", got, tt.want)
		}
		back, err := id.ParseARN(tt.want)
		if err != nil || back != tt.arn {
			t.Errorf("ParseARN(%s) = %+v, %v", tt.want, back, err)
		}
	}

	if got, ok := tests[0].arn.Portfolio(); !ok || got != "port-2s6abcdq5wdh4" {
		t.Errorf("portfolio %q, %v", got, ok)
	}
	if got, ok := tests[1].arn.Product(); !ok || got != "prod-3p5abcdef3oyk" {
		t.Errorf("product %q, %v", got, ok)
	}
	if name, got, ok := tests[2].arn.ProvisionedProduct(); !ok || name != "my.name" || got != "pp-dpom27bm4abcd" {
		t.Errorf("provisioned product %q %q, %v", name, got, ok)
	}
	if name, got, ok := tests[3].arn.Stack(); !ok || name != "SC-1" || got != uuid {
		t.Errorf("stack %q %q, %v", name, got, ok)
	}
	if name, got, ok := tests[4].arn.ChangeSet(); !ok || name != "set" || got != uuid {
		t.Errorf("change set %q %q, %v", name, got, ok)
	}
	if name, got, ok := tests[5].arn.StackSet(); !ok || name != "SC-1" || got != uuid {
		t.Errorf("stack set %q %q, %v", name, got, ok)
	}
	// An ARN of one kind is none of another.
	for i, tt := range tests {
		_, portfolio := tt.arn.Portfolio()
		_, product := tt.arn.Product()
		_, _, launched := tt.arn.ProvisionedProduct()
		_, _, stack := tt.arn.Stack()
		_, _, changeSet := tt.arn.ChangeSet()
		_, _, stackSet := tt.arn.StackSet()
		for j, is := range []bool{portfolio, product, launched, stack, changeSet, stackSet} {
			if is != (i == j) {
				t.Errorf("%s: reader %d says %v", tt.want, j, is)
			}
		}
	}
}

func TestParseARNRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", "arn", "arn:", "prod-3p5abcdef3oyk", "arn:aws:iam::123456789012", "arn::iam::123456789012:user/a",
		"arn:aws:::123456789012:user/a", "arn:aws:iam::123456789012:", "ARN:aws:iam::123456789012:user/a",
		"arn:aws:iam::123456789012:user/a\n", "arn:aws:iam::1:user/" + strings.Repeat("a", 2048),
	} {
		if got, err := id.ParseARN(in); err == nil {
			t.Errorf("ParseARN(%q) = %+v, want an error", in, got)
		}
	}
}

func TestParsePrincipal(t *testing.T) {
	t.Parallel()
	const account = "123456789012"
	tests := []struct {
		in   string
		want id.Principal
	}{
		{"arn:aws:iam::123456789012:root", id.Principal{Partition: "aws", Account: account, Kind: id.Root}},
		{"arn:aws:iam::123456789012:user/Bob", id.UserPrincipal("aws", account, "", "Bob")},
		{"arn:aws-cn:iam::123456789012:user/team/a/Bob", id.UserPrincipal("aws-cn", account, "/team/a/", "Bob")},
		{"arn:aws:iam::123456789012:group/Admins", id.GroupPrincipal("aws", account, "/", "Admins")},
		{"arn:aws:iam::123456789012:role/service-role/x+=,.@-_", id.RolePrincipal("aws", account, "/service-role/", "x+=,.@-_")},
		{"arn:aws:sts::123456789012:assumed-role/Dev/bob@example.com", id.SessionPrincipal("aws", account, "Dev", "bob@example.com")},
		{"arn:aws:sts::123456789012:federated-user/Bob", id.Principal{Partition: "aws", Account: account, Kind: id.Federated, Name: "Bob"}},
	}
	for _, tt := range tests {
		got, err := id.ParsePrincipal(tt.in)
		if err != nil {
			t.Errorf("ParsePrincipal(%s): %v", tt.in, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("ParsePrincipal(%s): %s", tt.in, diff)
		}
		if got.String() != tt.in {
			t.Errorf("%s came back as %s", tt.in, got)
		}
	}
	for _, in := range []string{
		"arn:aws:iam::123456789012:rooty", "arn:aws:iam::123456789012:root/x", "arn:aws:iam::123456789012:user",
		"arn:aws:iam::123456789012:user/", "arn:aws:iam::123456789012:user/a/", "arn:aws:iam::123456789012:user//a",
		"arn:aws:iam:us-east-1:123456789012:user/a", "arn:aws:iam:::user/a", "arn:aws:iam::12345678901:user/a",
		"arn:aws:iam::123456789012:policy/a", "arn:aws:sts::123456789012:assumed-role/a", "arn:aws:sts::123456789012:assumed-role/a/b/c",
		"arn:aws:sts::123456789012:role/a", "arn:aws:iam::123456789012:assumed-role/a/b", "arn:aws:iam::123456789012:user/a b",
		"arn:aws:iam::123456789012:role/*", "arn:aws:s3:::bucket", "arn:aws:iam::123456789012:user/" + strings.Repeat("a", 129),
	} {
		if got, err := id.ParsePrincipal(in); err == nil {
			t.Errorf("ParsePrincipal(%s) = %+v, want an error", in, got)
		}
	}
}

// Whatever ParseARN accepts, it gives back to the letter; whatever it makes
// of a principal, too.
func FuzzParseARN(f *testing.F) {
	f.Add("arn:aws:catalog:us-west-2:123456789012:portfolio/port-2s6abcdq5wdh4")
	f.Add("arn:aws:servicecatalog:us-west-2:123456789012:stack/n/pp-1")
	f.Add("arn:aws:iam::123456789012:user/a/b")
	f.Add("arn:aws:sts::123456789012:assumed-role/a/b")
	f.Add("arn:aws:iam::123456789012:root")
	f.Add("arn:::::")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := id.ParseARN(s)
		if err != nil {
			return
		}
		if a.String() != s {
			t.Fatalf("%q came back as %q", s, a)
		}
		if p, ok := a.Principal(); ok && p.String() != s {
			t.Fatalf("principal %q came back as %q", s, p)
		}
		if name, pp, ok := a.ProvisionedProduct(); ok && "stack/"+name+"/"+string(pp) != a.Resource {
			t.Fatalf("%q was read as %q and %q", s, name, pp)
		}
	})
}

func FuzzPath(f *testing.F) {
	f.Add("port-2s6abcdq5wdh4")
	f.Add("lpv2-2s6abcdq5wdh4")
	f.Add("-")
	f.Fuzz(func(t *testing.T, s string) {
		p := id.Portfolio(s)
		if back, ok := p.Path().Portfolio(); ok != (s != "") || id.WellFormed(p) && back != p {
			t.Fatalf("%q came back from its path as %q, %v", p, back, ok)
		}
	})
}

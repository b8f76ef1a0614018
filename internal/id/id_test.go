package id_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"

	"larder/internal/id"
)

func TestNew(t *testing.T) {
	t.Parallel()
	minted := map[string]string{
		"port":        string(id.New[id.Portfolio]()),
		"prod":        string(id.New[id.Product]()),
		"prodview":    string(id.New[id.ProductView]()),
		"pa":          string(id.New[id.Artifact]()),
		"pp":          string(id.New[id.ProvisionedProduct]()),
		"rec":         string(id.New[id.Record]()),
		"cons":        string(id.New[id.Constraint]()),
		"lpv3":        string(id.New[id.Path]()),
		"tag":         string(id.New[id.TagOption]()),
		"act":         string(id.New[id.ServiceAction]()),
		"plan":        string(id.New[id.Plan]()),
		"copyproduct": string(id.New[id.CopyToken]()),
		"share":       string(id.New[id.ShareToken]()),
	}
	for prefix, got := range minted {
		if !regexp.MustCompile(`^` + prefix + `-[a-z2-7]{13}$`).MatchString(got) {
			t.Errorf("minted %q, want %s- and 13 of a-z2-7", got, prefix)
		}
	}
}

// No two ids are alike, also when many callers share the reservoirs.
func TestNewIsUnique(t *testing.T) {
	t.Parallel()
	const callers, each = 8, 5000
	all := make([][]id.Record, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for range each {
				all[c] = append(all[c], id.New[id.Record]())
			}
		})
	}
	wg.Wait()
	seen := map[id.Record]bool{}
	for _, some := range all {
		for _, r := range some {
			if seen[r] {
				t.Fatalf("%s was minted twice", r)
			}
			seen[r] = true
		}
	}
	if len(seen) != callers*each {
		t.Fatalf("%d ids, want %d", len(seen), callers*each)
	}
}

func TestWellFormed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in         string
		wellFormed bool
	}{
		{"prod-3p5abcdef3oyk", true},
		{"prod-x", true},
		{"port-3p5abcdef3oyk", false},
		{"prod-", false},
		{"prod", false},
		{"prod-ABC", false},
		{"AROA_x", false},
		{"", false},
		{"prod-ä", false},
		{"prod 1", false},
		{"prod/1", false},
		{strings.Repeat("a", 100), false},
		{strings.Repeat("a", 101), false},
	}
	for _, tt := range tests {
		if w := id.WellFormed(id.Product(tt.in)); w != tt.wellFormed {
			t.Errorf("WellFormed(%q) = %v", tt.in, w)
		}
	}
}

func TestDerived(t *testing.T) {
	t.Parallel()
	if got := id.Portfolio("port-y3fnkeslpxxxx").Path(); got != "lpv3-y3fnkeslpxxxx" {
		t.Errorf("path %s", got)
	}
	if got, ok := id.Path("lpv3-y3fnkeslpxxxx").Portfolio(); !ok || got != "port-y3fnkeslpxxxx" {
		t.Errorf("portfolio %s, %v", got, ok)
	}
	if got, ok := id.Path("lpv2-y3fnkeslpxxxx").Portfolio(); ok {
		t.Errorf("the retired form of a path id gave %s", got)
	}
	product := id.New[id.Product]()
	if got, ok := product.View().Product(); !ok || got != product {
		t.Errorf("product %s came back from its view %s as %s", product, product.View(), got)
	}
	if got := id.ProvisionedProduct("pp-dpom27bm4abcd").StackName("012345678910"); got != "SC-012345678910-pp-dpom27bm4abcd" {
		t.Errorf("stack name %s", got)
	}
}

func TestUUID(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		u := id.UUID()
		if !form.MatchString(u) || seen[u] {
			t.Fatalf("UUID %q (seen before: %v)", u, seen[u])
		}
		seen[u] = true
	}
}

func TestIAM(t *testing.T) {
	t.Parallel()
	const user, role = "arn:aws:iam::123456789012:user/a", "arn:aws:iam::123456789012:role/a"
	for _, tt := range []struct{ form, got string }{
		{`^AIDA[A-Z2-7]{17}$`, string(id.NewUser())},
		{`^AGPA[A-Z2-7]{17}$`, string(id.NewGroup())},
		{`^AROA[A-Z2-7]{17}$`, string(id.NewRole())},
		{`^ANPA[A-Z2-7]{17}$`, string(id.NewPolicy())},
		{`^AKIA[A-Z2-7]{16}$`, string(id.NewAccessKey())},
		{`^ASIA[A-Z2-7]{16}$`, string(id.NewSessionKey())},
		{`^[A-Za-z0-9+/]{40}$`, id.NewSecret()},
		{`^[1-9][0-9]{11}$`, id.NewAccount()},
		{`^AIDA[A-Z2-7]{17}$`, string(id.UserOf(user))},
		{`^AROA[A-Z2-7]{17}$`, string(id.RoleOf(role))},
	} {
		if !regexp.MustCompile(tt.form).MatchString(tt.got) {
			t.Errorf("%q does not look like %s", tt.got, tt.form)
		}
	}
	// Stores of different versions must agree about who is who.
	if got := id.UserOf(user); got != "AIDA3CPAASP5YNR6HXHBN" {
		t.Errorf("the derived id of %s changed to %s", user, got)
	}
	for in, want := range map[string]bool{"123456789012": true, "000000000000": true, "12345678901": false, "12345678901x": false, "1234567890123": false, "": false} {
		if got := id.IsAccount(in); got != want {
			t.Errorf("IsAccount(%q) = %v", in, got)
		}
	}
}

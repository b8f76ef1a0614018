package provisioning

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
)

func TestParseQuery(t *testing.T) {
	t.Parallel()
	at := func(s string) int64 {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixMicro()
	}
	const never = 1<<63 - 1
	for text, want := range map[string][]match{
		"prod-1":                    {{text: "prod-1"}},
		"Status:AVAILABLE":          {{field: statusField, text: "available"}},
		" status:x  name:y ":        {{field: statusField, text: "x"}, {field: nameField, text: "y"}},
		`productName:"My Product"`:  {{field: productNameField, text: "my product"}},
		`name:"a\"b"`:               {{field: nameField, text: `a"b`}},
		`name:"*x"*`:                {{field: nameField, shape: begins, text: "*x"}},
		"name:web*":                 {{field: nameField, shape: begins, text: "web"}},
		"name:*web":                 {{field: nameField, shape: ends, text: "web"}},
		"name:*web*":                {{field: nameField, shape: contains, text: "web"}},
		"name:*":                    {{field: nameField, shape: anything}},
		"*":                         {{shape: anything}},
		"provisioningArtifact:pa-1": {{field: artifactField, text: "pa-1"}},
		"tags:team:a":               {{field: tagsField, text: "team=a"}},
		"tags:team=a:b":             {{field: tagsField, text: "team=a:b"}},
		"tags:arn:aws:x":            {{field: tagsField, text: "arn:aws:x"}},
		"arn:aws:iam::1:user/A":     {{text: "arn:aws:iam::1:user/a"}},
		"arn:arn:aws:servicecatalog:us-east-1:123456789012:stack/n/pp-1": {
			{field: idField, text: "pp-1"}, {field: arnField, text: "arn:aws:servicecatalog:us-east-1:123456789012:stack/n/pp-1"},
		},
		"createdTime:2026-01-31":                           {{field: createdField, shape: within, from: at("2026-01-31T00:00:00Z"), to: at("2026-02-01T00:00:00Z")}},
		"createdTime:[2026-01-31 TO 2026-02-01T10:00:00Z]": {{field: createdField, shape: within, from: at("2026-01-31T00:00:00Z"), to: at("2026-02-01T10:00:01Z")}},
		"createdTime:[* TO 2026-01-31]":                    {{field: createdField, shape: within, to: at("2026-02-01T00:00:00Z")}},
		"createdTime:[2026-01-31 TO *]":                    {{field: createdField, shape: within, from: at("2026-01-31T00:00:00Z"), to: never}},
		"createdTime:*":                                    {{field: createdField, shape: within, to: never}},
	} {
		got, err := parseQuery([]string{text})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(query{want}, got, cmp.AllowUnexported(match{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, texts := range [][]string{nil, {""}, {"  "}, {"name:x", ""}} {
		if q, err := parseQuery(texts); q != nil || err != nil {
			t.Errorf("%q: %v, %v; it holds for everything", texts, q, err)
		}
	}
	for text, words := range map[string]string{
		"nonsense:x":                    "Invalid search field: nonsense",
		`name:"open`:                    "quotation",
		"name:[a TO b]":                 "range",
		"createdTime:[2026-01-31":       "lacks its ]",
		"createdTime:[2026-01-31]":      "[from TO to]",
		"createdTime:[yesterday TO *]":  "yesterday",
		"createdTime:2026*":             "wildcard",
		strings.Repeat("x", maxQuery+1): "bytes",
		strings.Repeat("x ", 65):        "at most 64 terms",
	} {
		if _, err := parseQuery([]string{text}); api.Code(err) != "InvalidParametersException" || !strings.Contains(err.Error(), words) {
			t.Errorf("%.40s: %v, want %q", text, err, words)
		}
	}
}

// FuzzParseQuery holds whatever it reads to the bounds, and every condition to
// as many holes as values.
func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{"", "status:AVAILABLE name:*x*", `tags:"a b"=*`, "createdTime:[* TO 2026-01-31]", `name:"\`, "arn:aws:x", "*:*", "name:\xff*"} {
		f.Add(seed, "name:y")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		q, err := parseQuery([]string{a, b})
		if err != nil {
			if api.Code(err) != "InvalidParametersException" {
				t.Fatalf("%v", err)
			}
			return
		}
		s := search{within: granted(admin), query: q}
		n := 0
		for _, group := range q {
			n += len(group)
			for _, m := range group {
				if len(m.text) > maxTerm+8 || m.field == createdField && m.from > m.to && m.to > 0 && m.shape != within {
					t.Fatalf("%+v", m)
				}
			}
		}
		if n > maxMatches+len(q) {
			t.Fatalf("%d matches", n)
		}
		if where, args := s.where(); strings.Count(where, "?") != len(args) {
			t.Fatalf("%d holes for %d values in %s", strings.Count(where, "?"), len(args), where)
		}
	})
}

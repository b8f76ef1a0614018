package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// The tests read the models themselves, with nothing of the generator, so that
// a fault of the generator does not hide itself.

type testModel struct {
	Metadata   struct{ TargetPrefix string }
	Operations map[string]struct {
		Input, Output struct{ Shape string }
		Errors        []struct{ Shape string }
	}
	Shapes map[string]*testShape
}

type testShape struct {
	Type               string
	Members            map[string]struct{ Shape string }
	Required           []string
	Member, Key, Value struct{ Shape string }
	Enum               []string
	Pattern            string
	Min, Max           *int
}

// readModels joins both models; the generator's tests see to it that they do
// not contradict each other.
func readModels(t testing.TB) *testModel {
	t.Helper()
	joined := &testModel{}
	for _, file := range []string{"servicecatalog.json", "larder.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, joined); err != nil {
			t.Fatal(err)
		}
	}
	return joined
}

// samples holds, by the model's pattern, texts that match and texts that
// don't. Matching ones are tried in order until one has an allowed length.
var samples = map[string]struct{ good, bad []string }{
	``: {good: []string{"n", "Größe \"1\" \\ 😀\n\t\u0001/<>&"}},
	`^[0-9]{12}$`: {
		good: []string{"123456789012", "000000000000"},
		bad:  []string{"", "12345678901", "1234567890123", "12345678901a", "123456789012\n", "１２３４５６７８９０１２"},
	},
	`arn:[a-z0-9][-.a-z0-9]{0,62}:codestar-connections:([a-z0-9][-.a-z0-9]{0,62})?:([a-z0-9][-.a-z0-9]{0,62})?:[^/].{0,1023}$`: {
		good: []string{
			"arn:aws:codestar-connections:us-east-1:123456789012:connection/aEXAMPLE",
			"arn:aws:codestar-connections:::c" + strings.Repeat("x", 1023),
		},
		bad: []string{
			"", "arn:aws:codestar-connections:::", "arn:aws:codestar-connections:::/x",
			"arn:aws:codestar-connections:::c" + strings.Repeat("x", 1024),
			"arn:aws:codestar-connections:::c\u2028", "x arn:aws:codestar-connections:::c",
			"arn:" + strings.Repeat("a", 64) + ":codestar-connections:::c",
		},
	},
	`[\u0009\u000a\u000d\u0020-\uD7FF\uE000-\uFFFD]*`: {
		good: []string{"A token, ütf-8 \t\r\n", "\uD7FF\uE000\uFFFD"},
		bad:  []string{"\u0000", "\u0008", "\u001f", "\uFFFE", "a😀"},
	},
	`[0-9A-Za-z+\/=]+`: {
		good: []string{"aGVsbG8+/=="},
		bad:  []string{"", "a-b", "a b", "a\n"},
	},
	`^[a-zA-Z0-9_\-]*`: {
		good: []string{"prod-abcdefghijklm", "_", "A-Z_9"},
		bad:  []string{"a/b", "a b", "é", "a\n", "a.b", "/"},
	},
	`[a-zA-Z0-9][a-zA-Z0-9_-]*`: {
		good: []string{"token-1_a", "9"},
		bad:  []string{"", "-a", "_a", "a.b", "a "},
	},
	`arn:[a-z0-9-\.]{1,63}:[a-z0-9-\.]{0,63}:[a-z0-9-\.]{0,63}:[a-z0-9-\.]{0,63}:[^/].{0,1023}`: {
		good: []string{
			"arn:aws:sns:us-east-1:123456789012:topic", "arn:a::::x",
			"arn:a-.:b-.:c:d:x" + strings.Repeat("é", 1023),
		},
		bad: []string{
			"", "arn:aws:sns:us-east-1:123456789012:", "arn:aws:sns:us-east-1:123456789012:/x",
			"arn::sns:::x", "ARN:aws:sns:::x", "arn:aws:sns:::x\ny", "arn:aws:sns:::x\u0085y",
			"arn:a::::x" + strings.Repeat("y", 1024), "arn:" + strings.Repeat("a", 64) + "::::x",
		},
	},
	`(^[0-9]{12}$)|(^arn:aws:organizations::\d{12}:organization\/o-[a-z0-9]{10,32})|(^o-[a-z0-9]{10,32}$)|(^arn:aws:organizations::\d{12}:ou\/o-[a-z0-9]{10,32}\/ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}$)|(^ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}$)`: {
		good: []string{
			"123456789012", "o-abcdefghij", "ou-abcd-12345678",
			"arn:aws:organizations::123456789012:organization/o-abcdefghij",
			"arn:aws:organizations::123456789012:ou/o-abcdefghij/ou-abcd-12345678",
		},
		bad: []string{"", "o-abc", "ou-abcd", "1234", "arn:aws:organizations::123456789012:root/r-1", "o-ABCDEFGHIJ", " 123456789012"},
	},
	`[a-zA-Z0-9][a-zA-Z0-9._-]*`: {
		good: []string{"my.Product_1-a", "0"},
		bad:  []string{"", ".a", "-a", "a b", "a/b", "ä"},
	},
	`[a-zA-Z0-9][a-zA-Z0-9._-]{0,127}|arn:[a-z0-9-\.]{1,63}:[a-z0-9-\.]{0,63}:[a-z0-9-\.]{0,63}:[a-z0-9-\.]{0,63}:[^/].{0,1023}`: {
		good: []string{"a", strings.Repeat("a", 128), "arn:aws:servicecatalog:us-east-1:123456789012:stack/n/pp-1"},
		bad:  []string{"", ".a", strings.Repeat("a", 129), "arn:aws:servicecatalog:::", "a b"},
	},
	`^[a-zA-Z0-9_\-.]*`: {
		good: []string{"Restart.Instance_1-a", "."},
		bad:  []string{"a b", "a/b", "é"},
	},
	`^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$`: {
		good: []string{"Größe 1:a/b=c+d-e@f_", "日本 ١", "\u2028"},
		bad:  []string{"a,b", "a\nb", "😀", "100%", "\t", "a*"},
	},
	`^([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)$`: {
		good: []string{"SERVICE_CATALOG_TERRAFORM_INTEGRATION-DO_NOT_DELETE", "ü"},
		bad:  []string{"a,b", "\n", "😀"},
	},
	// Those of Larder's own model.
	`[\u0020-\u007E]+`: {good: []string{"Payments (prod) ~", "a"}, bad: []string{"", "a\n", "ä", "\u007f"}},
	`(r-[0-9a-z]{4,32})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})`: {
		good: []string{"r-ab12", "ou-ab12-12345678"},
		bad:  []string{"", "r-abc", "r-ABCD", "ou-ab12", "ou-ab12-1234567", "o-abcdefghij", " r-ab12"},
	},
	`[\w+=,.@-]+`:                {good: []string{"bob@example.com", "a_b+c=d,e-f"}, bad: []string{"", "a b", "a/b", "ä", "a\n", "a:b"}},
	`\/([!-~]+\/)?`:              {good: []string{"/", "/team/a/"}, bad: []string{"", "/a", "a/", "/a b/", "/ä/"}},
	`\w+`:                        {good: []string{"AKIAIOSFODNN7EXAMPLE", strings.Repeat("a", 16)}, bad: []string{"", "a-b-c-d-e-f-g-h-i-j", "a b"}},
	`[a-zA-Z0-9-]+:[a-zA-Z0-9]+`: {good: []string{"servicecatalog:ProvisionProduct", "a:b"}, bad: []string{"", "a", "a:*", "a:b:c", ":b", "a:"}},

	// These stand in answers only.
	`[a-zA-Z0-9]*`:                     {good: []string{"Url1"}},
	`^([\p{L}\p{Z}\p{N}_.:/=+\-%@]*)$`: {good: []string{"100% sure"}},
	`arn:[a-z0-9-\.]{1,63}:iam::[a-z0-9-\.]{0,63}:role\/.{0,1023}`: {good: []string{"arn:aws:iam::123456789012:role/Launch"}},
}

// maximal is a value of the shape with every member set, as encoding/json
// would decode it. The salt makes elements differ.
func (m *testModel) maximal(t testing.TB, name string, salt int) any {
	t.Helper()
	s := m.Shapes[name]
	switch s.Type {
	case "structure":
		value := map[string]any{}
		for member, ref := range s.Members {
			value[member] = m.maximal(t, ref.Shape, salt)
		}
		return value
	case "list":
		list := []any{m.maximal(t, s.Member.Shape, salt)}
		if s.Max == nil || *s.Max > 1 {
			list = append(list, m.maximal(t, s.Member.Shape, salt+1))
		}
		return list
	case "map":
		value := map[string]any{}
		for i := range 2 {
			value[m.maximal(t, s.Key.Shape, salt+i).(string)] = m.maximal(t, s.Value.Shape, salt+i)
		}
		return value
	case "string":
		return s.text(t, salt)
	case "boolean":
		return salt%2 == 0
	case "integer", "long":
		number := 1 + salt%2
		if s.Max != nil && number > *s.Max {
			number = *s.Max
		}
		if s.Min != nil && number < *s.Min {
			number = *s.Min
		}
		return json.Number(fmt.Sprint(number))
	case "timestamp":
		return json.Number([]string{"1571337221.555", "1576025036.0", "-1.5"}[salt%3])
	}
	t.Fatalf("%s has the type %s", name, s.Type)
	return nil
}

func (s *testShape) text(t testing.TB, salt int) string {
	t.Helper()
	if s.Enum != nil {
		return s.Enum[salt%len(s.Enum)]
	}
	fits := slices.DeleteFunc(slices.Clone(samples[s.Pattern].good), func(text string) bool {
		n := len([]rune(text))
		return s.Min != nil && n < *s.Min || s.Max != nil && n > *s.Max
	})
	if len(fits) == 0 {
		t.Fatalf("no sample for pattern %q within %v and %v", s.Pattern, s.Min, s.Max)
	}
	return fits[salt%len(fits)]
}

// mustJSON renders a value built by maximal.
func mustJSON(t testing.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// parse reads a JSON text into what maximal builds, so that two can be
// compared.
func parse(t testing.TB, text []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return value
}

// eachOperation runs f for every operation of the models, and sees to it that
// the table holds no other.
func eachOperation(t *testing.T, m *testModel, f func(t *testing.T, op Op)) {
	names := slices.Sorted(maps.Keys(m.Operations))
	if len(names) != len(Ops()) {
		t.Fatalf("%d operations are modeled, %d generated", len(names), len(Ops()))
	}
	byName := map[string]Op{}
	for _, op := range Ops() {
		byName[op.String()] = op
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, ok := byName[name]
			if !ok {
				t.Fatal("not generated")
			}
			f(t, op)
		})
	}
}

package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	const (
		valid = `"ProvisionToken":"t","ProvisionedProductName":"n"`
		fails = "' failed to satisfy constraint: "
		one   = "1 validation error detected: Value '"
		two   = "2 validation errors detected: Value '"
		arn   = `Member must satisfy regular expression pattern: arn:[a-z0-9-\.]{1,63}:[a-z0-9-\.]{0,63}:[a-z0-9-\.]{0,63}:[a-z0-9-\.]{0,63}:[^/].{0,1023}`
	)
	text := strings.Repeat
	for _, c := range []struct {
		op         Op
		body, want string
	}{
		{OpProvisionProduct, `{` + valid + `}`, ""},
		{OpProvisionProduct, `{"ProvisionedProductName":"n"}`,
			"1 validation error detected: Value null at 'provisionToken" + fails + "Member must not be null"},
		{OpProvisionProduct, `{"ProvisionToken":null}`,
			"2 validation errors detected: Value null at 'provisionToken" + fails + "Member must not be null; " +
				"Value null at 'provisionedProductName" + fails + "Member must not be null"},
		{OpProvisionProduct, `{` + valid + `,"ProductId":"a b"}`,
			one + "a b' at 'productId" + fails + `Member must satisfy regular expression pattern: ^[a-zA-Z0-9_\-]*`},
		{OpProvisionProduct, `{` + valid + `,"ProductId":""}`,
			one + "' at 'productId" + fails + "Member must have length greater than or equal to 1"},
		{OpProvisionProduct, `{"ProvisionToken":"","ProvisionedProductName":"n"}`,
			two + "' at 'provisionToken" + fails + "Member must have length greater than or equal to 1; " +
				"Value '' at 'provisionToken" + fails + "Member must satisfy regular expression pattern: [a-zA-Z0-9][a-zA-Z0-9_-]*"},
		{OpProvisionProduct, `{` + valid + `,"ProvisioningParameters":[{"Key":"a"},{"Key":""}]}`,
			one + "' at 'provisioningParameters.2.member.key" + fails + "Member must have length greater than or equal to 1"},
		{OpProvisionProduct, `{` + valid + `,"Tags":[{"Key":"a"}]}`,
			"1 validation error detected: Value null at 'tags.1.member.value" + fails + "Member must not be null"},
		{OpProvisionProduct, `{` + valid + `,"NotificationArns":["a","b"]}`,
			one + "[a, b]' at 'notificationArns" + fails + "Member must satisfy constraint: [" +
				"Member must have length less than or equal to 1224, Member must have length greater than or equal to 1, " + arn + "]"},
		{OpProvisionProduct, `{` + valid + `,"NotificationArns":[` + text(`"arn:a::::x",`, 5) + `"arn:a::::x"]}`,
			one + "[" + text("arn:a::::x, ", 5) + "arn:a::::x]' at 'notificationArns" + fails + "Member must have length less than or equal to 5"},
		{OpProvisionProduct, `{` + valid + `,"ProvisioningPreferences":{"StackSetMaxConcurrencyPercentage":0,"StackSetFailureTolerancePercentage":101}}`,
			two + "101' at 'provisioningPreferences.stackSetFailureTolerancePercentage" + fails + "Member must have value less than or equal to 100; " +
				"Value '0' at 'provisioningPreferences.stackSetMaxConcurrencyPercentage" + fails + "Member must have value greater than or equal to 1"},
		{OpListPortfolios, `{"PageSize":101}`,
			one + "101' at 'pageSize" + fails + "Member must have value less than or equal to 100"},
		{OpListPortfolios, `{"PageSize":-1}`,
			one + "-1' at 'pageSize" + fails + "Member must have value greater than or equal to 0"},
		{OpSearchProducts, `{"SortOrder":"UP"}`,
			one + "UP' at 'sortOrder" + fails + "Member must satisfy enum value set: [ASCENDING, DESCENDING]"},
		{OpSearchProducts, `{"Filters":{"Color":["red"]}}`,
			one + "{Color=[red]}' at 'filters" + fails +
				"Map keys must satisfy constraint: [Member must satisfy enum value set: [FullTextSearch, Owner, ProductType, SourceProductId]]"},
		{OpUpdateProvisionedProductProperties, `{"IdempotencyToken":"t","ProvisionedProductId":"p","ProvisionedProductProperties":{"OWNER":"` + text("x", 1025) + `"}}`,
			one + "{OWNER=" + text("x", 1025) + "}' at 'provisionedProductProperties" + fails +
				"Map value must satisfy constraint: [Member must have length less than or equal to 1024]"},
		{OpUpdateProvisionedProductProperties, `{"IdempotencyToken":"t","ProvisionedProductId":"p","ProvisionedProductProperties":{}}`,
			one + "{}' at 'provisionedProductProperties" + fails + "Member must have length greater than or equal to 1"},
		{OpCreatePortfolio, `{"IdempotencyToken":"t","ProviderName":"` + text("é", 50) + `","DisplayName":"` + text("😀", 100) + `"}`, ""},
		{OpCreatePortfolio, `{"IdempotencyToken":"t","ProviderName":"p","DisplayName":"` + text("😀", 101) + `"}`,
			one + text("😀", 101) + "' at 'displayName" + fails + "Member must have length less than or equal to 100"},
		{OpCreatePortfolio, `{"IdempotencyToken":"t","ProviderName":"p","DisplayName":"d","Tags":[` + text(`{"Key":"k","Value":"v"},`, 20) + `{"Key":"k","Value":"v"}]}`,
			one + "[" + text("Tag(Key=k, Value=v), ", 20) + "Tag(Key=k, Value=v)]' at 'tags" + fails + "Member must have length less than or equal to 20"},
		{OpCreateConstraint, `{"IdempotencyToken":"t","PortfolioId":"p","ProductId":"p","Type":"LAUNCH","Parameters":""}`, ""},
		{OpCreateConstraint, `{"IdempotencyToken":"t","PortfolioId":"p","ProductId":"p","Type":"LAUNCH"}`,
			"1 validation error detected: Value null at 'parameters" + fails + "Member must not be null"},
		{OpExecuteProvisionedProductServiceAction, `{"ExecuteToken":"t","ProvisionedProductId":"p","ServiceActionId":"a","Parameters":{"k":["` + text("x", 513) + `"]}}`,
			one + "[" + text("x", 513) + "]' at 'parameters.k.member" + fails +
				"Member must satisfy constraint: [Member must have length less than or equal to 512]"},
	} {
		in, err := DecodeInput(c.op, []byte(c.body))
		if err == nil {
			err = Validate(c.op, in)
		}
		got := ""
		if err != nil {
			got = err.Error()
		}
		want := c.want
		if want != "" {
			want = "ValidationException: " + want
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.op, c.body, diff)
		}
	}
}

// Who builds an input in Go cannot say whether a required text is absent; of
// what is empty, he hears what the constraints say.
func TestValidateGoInput(t *testing.T) {
	t.Parallel()
	err := Validate(OpCreateProvisioningArtifact, &CreateProvisioningArtifactInput{})
	want := InvalidInput("%s", "3 validation errors detected: "+
		"Value '' at 'idempotencyToken' failed to satisfy constraint: Member must have length greater than or equal to 1; "+
		"Value '' at 'idempotencyToken' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9][a-zA-Z0-9_-]*; "+
		"Value '' at 'productId' failed to satisfy constraint: Member must have length greater than or equal to 1")
	if diff := cmp.Diff(want, err); diff != "" {
		t.Error(diff)
	}
	err = Validate(OpCreateServiceAction, &CreateServiceActionInput{Name: "n", DefinitionType: ServiceActionDefinitionTypeSSMAutomation, IdempotencyToken: "t"})
	want = InvalidInput("1 validation error detected: Value null at 'definition' failed to satisfy constraint: Member must not be null")
	if diff := cmp.Diff(want, err); diff != "" {
		t.Error(diff)
	}
	for _, in := range []any{nil, &DescribePortfolioInput{}, (*ListPortfoliosInput)(nil), ListPortfoliosInput{}} {
		if err := Validate(OpListPortfolios, in); Code(err) != CodeInternalFailure {
			t.Errorf("%T was taken for the input of ListPortfolios: %v", in, err)
		}
	}
}

func TestValidateIsBounded(t *testing.T) {
	t.Parallel()
	tags := make([]Tag, 10_000)
	err := Validate(OpProvisionProduct, &ProvisionProductInput{ProvisionToken: "t", ProvisionedProductName: "n", Tags: tags})
	if want := fmt.Sprintf("%d validation errors detected: ", maxViolations); !strings.HasPrefix(fmt.Sprint(err), "ValidationException: "+want) {
		t.Errorf("%.200v", err)
	}
	if n := len(err.Error()); n > 2*maxShown+maxViolations*256 {
		t.Errorf("the message has %d bytes", n)
	}
}

// A site is a place in an input where something can be wrong.
type site struct {
	shape    *testShape
	path     string // as the messages name it
	holder   string // path of the list or map that answers for its texts, "" if none does
	required bool
	inMap    bool
	value    any
	set      func(any)
	unset    func() // nil where there is nothing to leave out
}

// sites visits every place of an input that maximal built.
func (m *testModel) sites(shape string, s site, visit func(site)) {
	s.shape = m.Shapes[shape]
	visit(s)
	join := func(name string) string { return strings.TrimPrefix(s.path+"."+name, ".") }
	textual := func(shape string) string {
		if m.Shapes[shape].Type == "string" {
			return s.path
		}
		return ""
	}
	switch value := s.value.(type) {
	case map[string]any:
		for name, ref := range s.shape.Members {
			m.sites(ref.Shape, site{
				path: join(strings.ToLower(name[:1]) + name[1:]), value: value[name], required: slices.Contains(s.shape.Required, name),
				set: func(v any) { value[name] = v }, unset: func() { delete(value, name) },
			}, visit)
		}
		if s.shape.Type == "map" {
			for key := range value {
				m.sites(s.shape.Value.Shape, site{
					path: join(key + ".member"), value: value[key], holder: textual(s.shape.Value.Shape), inMap: true,
					set: func(v any) { value[key] = v },
				}, visit)
			}
		}
	case []any:
		for i := range value {
			m.sites(s.shape.Member.Shape, site{
				path: join(strconv.Itoa(i+1) + ".member"), value: value[i], holder: textual(s.shape.Member.Shape),
				set: func(v any) { value[i] = v },
			}, visit)
		}
	}
}

// A violation is a value that the model forbids, and what the message must say.
type violation struct {
	value any
	says  string
}

func (s site) violations(t *testing.T, m *testModel) []violation {
	var all []violation
	add := func(value any, says string) { all = append(all, violation{value, says}) }
	bound := func(n *int, by int) (int, bool) {
		if n == nil {
			return 0, false
		}
		return *n + by, *n+by >= 0
	}
	long, tooLong := bound(s.shape.Max, 1)
	short, tooShort := bound(s.shape.Min, -1)
	switch s.shape.Type {
	case "string":
		if s.shape.Enum != nil {
			add("NO_SUCH_VALUE", "Member must satisfy enum value set: ["+strings.Join(s.shape.Enum, ", ")+"]")
			add("", "Member must satisfy enum value set: ["+strings.Join(s.shape.Enum, ", ")+"]")
			break
		}
		if tooLong {
			add(strings.Repeat("a", long), longer(long-1))
		}
		if tooShort {
			add(strings.Repeat("a", short), shorter(short+1))
		}
		for _, bad := range samples[s.shape.Pattern].bad {
			add(bad, "Member must satisfy regular expression pattern: "+s.shape.Pattern)
		}
	case "integer":
		if s.shape.Max != nil {
			add(json.Number(strconv.Itoa(long)), "Member must have value less than or equal to "+strconv.Itoa(long-1))
		}
		if s.shape.Min != nil {
			add(json.Number(strconv.Itoa(*s.shape.Min-1)), "Member must have value greater than or equal to "+strconv.Itoa(*s.shape.Min))
		}
	case "list":
		if tooLong {
			list := make([]any, long)
			for i := range list {
				list[i] = m.maximal(t, s.shape.Member.Shape, i)
			}
			add(list, longer(long-1))
		}
		if tooShort {
			add([]any{}, shorter(short+1))
		}
	case "map":
		value := m.maximal(t, s.shape.Value.Shape, 0)
		if tooShort {
			add(map[string]any{}, shorter(short+1))
		}
		if key := m.Shapes[s.shape.Key.Shape]; key.Enum == nil && tooLong {
			wide := map[string]any{}
			for i := range long {
				wide[strconv.Itoa(i)] = value
			}
			add(wide, longer(long-1))
		}
		if key := m.Shapes[s.shape.Key.Shape]; key.Enum != nil {
			add(map[string]any{"NO_SUCH_KEY": value}, "Map keys must satisfy constraint: [")
		} else if key.Max != nil {
			add(map[string]any{strings.Repeat("k", *key.Max+1): value}, "Map keys must satisfy constraint: ["+longer(*key.Max))
		}
	}
	return all
}

// edges are values that the model just allows.
func (s site) edges(t *testing.T, m *testModel) []any {
	var all []any
	for _, bound := range []*int{s.shape.Min, s.shape.Max} {
		switch {
		case bound == nil:
		case s.shape.Type == "integer":
			all = append(all, json.Number(strconv.Itoa(*bound)))
		case s.shape.Type == "string" && s.shape.Enum == nil && s.shape.Pattern == "":
			all = append(all, strings.Repeat("é", *bound))
		case s.shape.Type == "list":
			list := make([]any, *bound)
			for i := range list {
				list[i] = m.maximal(t, s.shape.Member.Shape, i)
			}
			all = append(all, list)
		case s.shape.Type == "map" && m.Shapes[s.shape.Key.Shape].Enum == nil:
			wide := map[string]any{}
			for i := range *bound {
				wide[strconv.Itoa(i)] = m.maximal(t, s.shape.Value.Shape, i)
			}
			all = append(all, wide)
		}
	}
	return all
}

// wrongTypes are values of JSON types that the shape is not.
func (s site) wrongTypes() []any {
	all := map[string]any{
		"string": "text", "number": json.Number("7"), "boolean": true, "list": []any{}, "object": map[string]any{},
	}
	delete(all, map[string]string{
		"string": "string", "integer": "number", "long": "number", "boolean": "boolean", "list": "list", "structure": "object", "map": "object",
	}[s.shape.Type])
	var wrong []any
	for _, value := range all {
		wrong = append(wrong, value)
	}
	return wrong
}

// Whatever the model forbids anywhere in an input is refused with the right
// code, the right words and the right path, and what it just allows is not.
func TestEveryViolation(t *testing.T) {
	t.Parallel()
	m := readModels(t)
	eachOperation(t, m, func(t *testing.T, op Op) {
		shape := m.Operations[op.String()].Input.Shape
		input := m.maximal(t, shape, 0)
		try := func(s site, code string, says ...string) {
			t.Helper()
			in, err := DecodeInput(op, mustJSON(t, input))
			if err == nil {
				err = Validate(op, in)
			}
			if Code(err) != code {
				t.Fatalf("%s: %v, not %s", s.path, err, code)
			}
			for _, part := range says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: %v does not say %s", s.path, err, part)
				}
			}
		}
		m.sites(shape, site{value: input, set: func(v any) { input = v }}, func(s site) {
			defer s.set(s.value)
			at := "at '" + s.path + "'"
			if s.path == "" {
				at = ""
			}
			for _, wrong := range s.wrongTypes() {
				s.set(wrong)
				try(s, CodeSerialization, at)
			}
			switch s.set(nil); {
			case s.path == "":
				try(s, CodeSerialization)
			case s.required:
				try(s, CodeValidation, "Value null "+at+" failed to satisfy constraint: Member must not be null")
				s.unset()
				try(s, CodeValidation, "Value null "+at+" failed to satisfy constraint: Member must not be null")
			case s.unset == nil && !s.inMap:
				try(s, CodeSerialization, at)
			case !s.inMap:
				try(s, "")
			}
			for _, edge := range s.edges(t, m) {
				s.set(edge)
				try(s, "")
			}
			for _, violation := range s.violations(t, m) {
				s.set(violation.value)
				place := "' " + at + " failed to satisfy constraint: " + violation.says
				if s.holder != "" {
					place = "' at '" + s.holder + "' failed to satisfy constraint: M"
				}
				try(s, CodeValidation, place, violation.says)
			}
		})
	})
}

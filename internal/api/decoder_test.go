package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeInput(t *testing.T) {
	t.Parallel()
	id := func(id string) any { return &DescribeProductInput{Id: &id} }
	deep := func(n int) string { return strings.Repeat(`[`, n) + strings.Repeat(`]`, n) }
	for _, c := range []struct {
		op   Op
		body string
		want any
	}{
		{OpDescribeProduct, ``, &DescribeProductInput{}},
		{OpDescribeProduct, " \t\r\n", &DescribeProductInput{}},
		{OpDescribeProduct, ` { } `, &DescribeProductInput{}},
		{OpDescribeProduct, `{"Id":"a"}`, id("a")},
		{OpDescribeProduct, `{"Id":""}`, id("")},
		{OpDescribeProduct, `{"Id":null}`, &DescribeProductInput{}},
		{OpDescribeProduct, `{"Id":null,"Id":"a"}`, id("a")},
		{OpDescribeProduct, `{"id":"a","ID":"b","Id ":"c"}`, &DescribeProductInput{}},
		{OpDescribeProduct, `{"I\u0064":"a"}`, id("a")},
		{OpDescribeProduct, `{"Id":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0001"}`, id("\"\\/\b\f\n\r\té😀\x01")},
		{OpDescribeProduct, `{"X":[1,-0.5e+3,"a\n",true,false,null,{"Y":[{}],"Y":[[]]}],"Id":"a","X":0}`, id("a")},
		{OpDescribeProduct, `{"X":` + deep(maxDepth-1) + `}`, &DescribeProductInput{}},
		{OpListPortfolios, `{"PageSize":0}`, &ListPortfoliosInput{PageSize: new(0)}},
		{OpListPortfolios, `{"PageSize":-2147483648}`, &ListPortfoliosInput{PageSize: new(-1 << 31)}},
		{OpUpdatePortfolio, `{"Id":"a","AddTags":[],"RemoveTags":["a","b"]}`,
			&UpdatePortfolioInput{Id: "a", AddTags: []Tag{}, RemoveTags: []string{"a", "b"}}},
		{OpSearchProducts, `{"Filters":{}}`, &SearchProductsInput{Filters: map[ProductViewFilterBy][]string{}}},
		{OpSearchProducts, `{"Filters":{"Owner":["x"],"FullTextSearch":null}}`,
			&SearchProductsInput{Filters: map[ProductViewFilterBy][]string{ProductViewFilterByOwner: {"x"}}}},
	} {
		got, err := DecodeInput(c.op, []byte(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.body, diff)
		}
	}
}

func TestDecodeInputRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat
	for _, c := range []struct {
		op         Op
		body, want string
	}{
		{OpDescribeProduct, `null`, "NULL_VALUE can not be converted to a Structure"},
		{OpDescribeProduct, `[]`, "Start of list found where not expected"},
		{OpDescribeProduct, `"a"`, "STRING_VALUE can not be converted to a Structure"},
		{OpDescribeProduct, `{"Id":5}`, "NUMBER_VALUE can not be converted to a String at 'id'"},
		{OpDescribeProduct, `{"Id":true}`, "TRUE_VALUE can not be converted to a String at 'id'"},
		{OpDescribeProduct, `{"Id":["a"]}`, "Start of list found where not expected at 'id'"},
		{OpDescribeProduct, `{"Id":{"a":1}}`, "Start of structure or map found where not expected at 'id'"},
		{OpDescribeProduct, `{"Id":"a","Id":"b"}`, "Duplicate member at 'id'"},
		{OpProvisionProduct, `{"Tags":[{"Key":"a","Value":"b"},{"Key":1}]}`, "NUMBER_VALUE can not be converted to a String at 'tags.2.member.key'"},
		{OpProvisionProduct, `{"Tags":[null]}`, "NULL_VALUE can not be converted to a Structure at 'tags.1.member'"},
		{OpProvisionProduct, `{"NotificationArns":[null]}`, "NULL_VALUE can not be converted to a String at 'notificationArns.1.member'"},
		{OpProvisionProduct, `{"Tags":{}}`, "Start of structure or map found where not expected at 'tags'"},
		{OpSearchProducts, `{"Filters":{"Owner":[false]}}`, "FALSE_VALUE can not be converted to a String at 'filters.Owner.member.1.member'"},
		{OpSearchProducts, `{"Filters":{"Owner":["a"],"Owner":["b"]}}`, "Duplicate member at 'filters.Owner.member'"},
		{OpSearchProducts, `{"Filters":[]}`, "Start of list found where not expected at 'filters'"},
		{OpListPortfolios, `{"PageSize":"5"}`, "STRING_VALUE can not be converted to an Integer at 'pageSize'"},
		{OpListPortfolios, `{"PageSize":5.0}`, "NUMBER_VALUE can not be converted to an Integer at 'pageSize'"},
		{OpListPortfolios, `{"PageSize":5e1}`, "NUMBER_VALUE can not be converted to an Integer at 'pageSize'"},
		{OpListPortfolios, `{"PageSize":2147483648}`, "NUMBER_VALUE can not be converted to an Integer at 'pageSize'"},
		{OpListPortfolios, `{"PageSize":-2147483649}`, "NUMBER_VALUE can not be converted to an Integer at 'pageSize'"},
		{OpDescribePortfolioShares, `{"Type":1}`, "NUMBER_VALUE can not be converted to a String at 'type'"},
		{OpDescribeProvisioningArtifact, `{"Verbose":"true"}`, "STRING_VALUE can not be converted to a Boolean at 'verbose'"},
		{OpDescribeProvisioningArtifact, `{"Verbose":1}`, "NUMBER_VALUE can not be converted to a Boolean at 'verbose'"},

		{OpDescribeProduct, "{\"Id\":\"\xff\"}", "The request body is not valid UTF-8"},
		{OpDescribeProduct, "{\"Id\":\"\xed\xa0\x80\"}", "The request body is not valid UTF-8"},
		{OpDescribeProduct, `{"Id":"\ud83d"}`, `Unexpected character '\\' at byte 7 of the request body`},
		{OpDescribeProduct, `{"Id":"\ude00\ud83d"}`, `Unexpected character '\\' at byte 7 of the request body`},
		{OpDescribeProduct, `{"Id":"\ud83dx"}`, `Unexpected character '\\' at byte 7 of the request body`},
		{OpDescribeProduct, `{"Id":"\u12g4"}`, `Unexpected character '\\' at byte 7 of the request body`},
		{OpDescribeProduct, `{"Id":"\x"}`, `Unexpected character '\\' at byte 7 of the request body`},
		{OpDescribeProduct, `{"Id":"a`, "Unexpected end of the request body"},
		{OpDescribeProduct, `{"Id":"a\`, `Unexpected character '\\' at byte 8 of the request body`},
		{OpDescribeProduct, "{\"Id\":\"a\nb\"}", `Unexpected character '\n' at byte 8 of the request body`},
		{OpDescribeProduct, "{\"Id\":\"\\n\n\"}", `Unexpected character '\n' at byte 9 of the request body`},
		{OpDescribeProduct, "{\"Id\":\"\\n", "Unexpected end of the request body"},
		{OpDescribeProduct, `{`, "Unexpected end of the request body"},
		{OpDescribeProduct, `{"Id"`, "Unexpected end of the request body"},
		{OpDescribeProduct, `{"Id":`, "Unexpected end of the request body"},
		{OpDescribeProduct, `{"Id":}`, "Unexpected character '}' at byte 6 of the request body"},
		{OpDescribeProduct, `{"Id" "a"}`, `Unexpected character '"' at byte 6 of the request body`},
		{OpDescribeProduct, `{"Id":"a",}`, "Unexpected character '}' at byte 10 of the request body"},
		{OpDescribeProduct, `{,"Id":"a"}`, "Unexpected character ',' at byte 1 of the request body"},
		{OpDescribeProduct, `{Id:"a"}`, "Unexpected character 'I' at byte 1 of the request body"},
		{OpDescribeProduct, `{"Id":"a"`, "Unexpected end of the request body"},
		{OpDescribeProduct, `{"Id":"a"}}`, "Unexpected character '}' at byte 10 of the request body"},
		{OpDescribeProduct, `{} {}`, "Unexpected character '{' at byte 3 of the request body"},
		{OpDescribeProduct, "{}\x00", `Unexpected character '\x00' at byte 2 of the request body`},
		{OpDescribeProduct, "\x00", `Unexpected character '\x00' at byte 0 of the request body`},
		{OpDescribeProduct, "\ufeff{}", `Unexpected character '\ufeff' at byte 0 of the request body`},
		{OpDescribeProduct, `{"Id":nul}`, "Unexpected character 'n' at byte 6 of the request body"},
		{OpDescribeProduct, `{"Id":nullx}`, "Unexpected character 'x' at byte 10 of the request body"},
		{OpDescribeProduct, `{"X":tru}`, "Unexpected character 't' at byte 5 of the request body"},
		{OpDescribeProduct, `{"X":01}`, "Unexpected character '1' at byte 6 of the request body"},
		{OpDescribeProduct, `{"X":-}`, "Unexpected character '}' at byte 6 of the request body"},
		{OpDescribeProduct, `{"X":1.}`, "Unexpected character '}' at byte 7 of the request body"},
		{OpDescribeProduct, `{"X":1e}`, "Unexpected character '}' at byte 7 of the request body"},
		{OpDescribeProduct, `{"X":1e+`, "Unexpected end of the request body"},
		{OpDescribeProduct, `{"X":[1 2]}`, "Unexpected character '2' at byte 8 of the request body"},
		{OpDescribeProduct, `{"X":[1,]}`, "Unexpected character ']' at byte 8 of the request body"},
		{OpDescribeProduct, `{"X":[1}`, "Unexpected character '}' at byte 7 of the request body"},
		{OpDescribeProduct, `{"X":` + deep(`[`, 100_000), "The request body nests deeper than 32 levels"},
		{OpDescribeProduct, deep(`{"X":`, 100_000), "The request body nests deeper than 32 levels"},
		{OpDescribeProduct, `{"X":` + deep(`[`, maxDepth) + deep(`]`, maxDepth) + `}`, "The request body nests deeper than 32 levels"},
	} {
		shown := c.body[:min(len(c.body), 80)]
		in, err := DecodeInput(c.op, []byte(c.body))
		if in != nil {
			t.Errorf("%s: answered %v beside the error", shown, in)
		}
		if diff := cmp.Diff(Errorf(CodeSerialization, "%s", c.want), err); diff != "" {
			t.Errorf("%s (-want +got):\n%s", shown, diff)
		}
	}
}

func TestDecodeTimestamps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{`1571337221.555`, `1571337221.555`},
		{`1571337221.5554`, `1571337221.555`},
		{`1576025036`, `1576025036.0`},
		{`1.576025036e9`, `1576025036.0`},
		{`"1576025036.25"`, `1576025036.25`},
		{`"2021-07-16T15:20:24-05:00"`, `1626466824.0`},
		{`"2021-07-16T20:20:24.0019Z"`, `1626466824.001`},
		{`0`, `0.0`},
		{`-1.5`, `-1.5`},
		{`253402300799`, `253402300799.0`},
		{`253402300800`, ""},
		{`-62135596801`, ""},
		{`1e300`, ""},
		{`"NaN"`, ""},
		{`"0x10"`, ""},
		{`""`, ""},
		{`"0000-01-01T00:00:00Z"`, ""},
		{`true`, ""},
	} {
		out, err := DecodeOutput(OpDescribePortfolio, []byte(`{"PortfolioDetail":{"CreatedTime":`+c.text+`}}`))
		if c.want == "" {
			if Code(err) != CodeSerialization || !strings.Contains(err.Error(), "at 'portfolioDetail.createdTime'") {
				t.Errorf("%s: %v, %v", c.text, out, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		got := string(AppendOutput(nil, OpDescribePortfolio, out))
		if want := `{"PortfolioDetail":{"CreatedTime":` + c.want + `}}`; got != want {
			t.Errorf("%s: %s, not %s", c.text, got, want)
		}
	}
}

// No database keeps U+0000: no text may hold it, whether or not the model has
// a pattern for it.
func TestDecodeNUL(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"Id":"a\u0000"}`:   "1 validation error detected: Value 'a\x00' at 'id' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9_\\-]*",
		`{"Name":"a\u0000"}`: "1 validation error detected: The text at byte 10 of the request body failed to satisfy constraint: Member must satisfy regular expression pattern: [^\\u0000]*",
		`{"Id":"a\\u0000"}`:  "1 validation error detected: Value 'a\\u0000' at 'id' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9_\\-]*",
	} {
		in, err := DecodeInput(OpDescribeProduct, []byte(body))
		if err == nil && in != nil {
			err = Validate(OpDescribeProduct, in)
		}
		if diff := cmp.Diff(Errorf(CodeValidation, "%s", want), err); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	if _, err := DecodeInput(OpDescribeProduct, []byte(`{"Name":"a\\u0000"}`)); err != nil {
		t.Errorf("six characters that spell an escape: %v", err)
	}
}

// Megabytes that are built to hurt are answered, and answered shortly.
func TestDecodeHostile(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	for name, body := range map[string]string{
		"escapes":            `{"Id":"` + strings.Repeat(`\u00e9`, size/6) + `"}`,
		"unknown members":    `{` + strings.Repeat(`"a":0,`, size/6) + `"b":0}`,
		"absent members":     `{"Tags":[` + strings.Repeat(`{},`, size/3) + `{}]}`,
		"elements":           `{"NotificationArns":[` + strings.Repeat(`"",`, size/3) + `""]}`,
		"one long text":      `{"ProvisionedProductName":"` + strings.Repeat("é", size/2) + `"}`,
		"digits":             `{"PageSize":` + strings.Repeat("9", size) + `}`,
		"half a surrogate":   `{"Id":"` + strings.Repeat("a", size) + `\ud800"}`,
		"white space":        strings.Repeat(" ", size) + `{`,
		"open strings":       strings.Repeat(`{"a":"`, size/6),
		"zeros":              strings.Repeat("\x00", size),
		"arrays in an array": `{"a":[` + strings.Repeat(`[],`, size/3) + `[]]}`,
	} {
		for _, op := range []Op{OpDescribeProduct, OpProvisionProduct, OpListPortfolios} {
			_, err := DecodeInput(op, []byte(body))
			if err != nil && len(err.Error()) > 4*maxShown+maxViolations*256 {
				t.Errorf("%s: the message has %d bytes", name, len(err.Error()))
			}
		}
	}
}

func TestUnknownOperation(t *testing.T) {
	t.Parallel()
	for _, op := range []Op{0, Op(len(operations)), 65535} {
		if _, err := DecodeInput(op, nil); Code(err) != CodeUnknownOperation {
			t.Errorf("DecodeInput(%s): %v", op, err)
		}
		if _, err := DecodeOutput(op, nil); Code(err) != CodeUnknownOperation {
			t.Errorf("DecodeOutput(%s): %v", op, err)
		}
		if err := Validate(op, nil); Code(err) != CodeUnknownOperation {
			t.Errorf("Validate(%s): %v", op, err)
		}
		if NewInput(op) != nil || NewOutput(op) != nil || op.Target() != "" || op.ReadOnly() || op.Errors() != nil {
			t.Errorf("%s seems to be something", op)
		}
	}
}

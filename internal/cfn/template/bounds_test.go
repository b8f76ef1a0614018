package template

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const topic = "{Type: AWS::SNS::Topic}"

// TestBombs holds that templates made to hurt are refused, soon.
func TestBombs(t *testing.T) {
	t.Parallel()
	wide := DefaultLimits()
	wide.Bytes = 16 << 20
	billion := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'k'; c++ {
		billion += fmt.Sprintf("%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	sub := strings.Repeat("${a}", 100_000)
	nested := `{"Ref": "P"}`
	for range 15 {
		nested = `{"Fn::Sub": ["` + strings.Repeat("${a}", 40) + `", {"a": ` + nested + `}]}`
	}
	for name, test := range map[string]struct {
		src  string
		lim  Limits
		want string
	}{
		"too large":      {strings.Repeat("#", 1_000_001), DefaultLimits(), "Template may not exceed 1000000 bytes in size."},
		"long string":    {`{"Resources": {"A": {"Type": "` + strings.Repeat("a", 10<<20) + `"}}`, wide, "not well-formed"},
		"long name":      {`{"Resources": {"` + strings.Repeat("a", 10<<20) + `": {}}}`, wide, "is longer than 255 characters"},
		"open string":    {`{"Resources": "` + strings.Repeat(`\u0041`, 1<<20), wide, "JSON not well-formed"},
		"deep JSON":      {strings.Repeat(`{"a":`, 1<<20), wide, "At most 64 levels"},
		"deep lists":     {`{"a":` + strings.Repeat(`[`, 1<<20), wide, "At most 64 levels"},
		"deep YAML flow": {"a: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000), wide, "At most 64 levels"},
		"deeper YAML":    {"a: " + strings.Repeat("[", 1<<20), wide, "YAML not well-formed"},
		"deep YAML":      {blocks(70), wide, "At most 64 levels"},
		"billion laughs": {billion, wide, "YAML aliases expand to more than 200000 values"},
		"cyclic alias":   {"a: &a [*a]", wide, ""},
		"huge Sub": {`{"Resources": {"A": {"Type": "AWS::SNS::Topic", "Properties": {"V": {"Fn::Sub": ["` + sub + `", {"a": "` +
			strings.Repeat("x", 100_000) + `"}]}}}}}`, DefaultLimits(), "too large to evaluate"},
		"nested Sub": {`{"Parameters": {"P": {"Type": "String", "Default": "0123456789"}}, "Resources": {"A": {"Type": "AWS::SNS::Topic", "Properties": {"V": ` +
			nested + `}}}}`, DefaultLimits(), "too large to evaluate"},
		"long lists": {`{"Parameters": {"P": {"Type": "CommaDelimitedList", "Default": "` + strings.Repeat(",", 4000) + `"}}, "Resources": {"A": {"Type": "AWS::SNS::Topic", "Properties": {"V": [` +
			strings.Repeat(`{"Ref": "P"},`, 50_000) + `1]}}}}`, DefaultLimits(), "too large to evaluate"},
		"loop in loop": {`{"Transform": "AWS::LanguageExtensions", "Resources": {"Fn::ForEach::A": ["X", [` + strings.Repeat(`"a",`, 999) + `"b"], {"Fn::ForEach::B": ["Y", [` +
			strings.Repeat(`"a",`, 999) + `"b"], {"R${X}${Y}": ` + `{"Type": "AWS::SNS::Topic"}}]}]}}`, DefaultLimits(), "too large"},
		"loop of long strings": {`{"Transform": "AWS::LanguageExtensions", "Resources": {"Fn::ForEach::A": ["X", [` + strings.Repeat(`"a",`, 999) + `"b"], {"R${X}": {"Type": "` +
			strings.Repeat("x", 500_000) + `"}}]}}`, DefaultLimits(), "too large to evaluate"},
		"many resources":  {many("Resources", 501, topic), DefaultLimits(), "Number of resources, 501, is greater than maximum allowed, 500"},
		"many parameters": {many("Parameters", 201, "{Type: String}") + "Resources: {A: " + topic + "}\n", DefaultLimits(), "Number of parameters, 201, is greater than maximum allowed, 200"},
		"many outputs":    {"Resources: {A: " + topic + "}\n" + many("Outputs", 201, "{Value: x}"), DefaultLimits(), "Number of outputs, 201, is greater than maximum allowed, 200"},
		"many mappings":   {"Resources: {A: " + topic + "}\n" + many("Mappings", 201, "{a: {b: c}}"), DefaultLimits(), "Number of mappings, 201, is greater than maximum allowed, 200"},
		"description":     {"Description: " + strings.Repeat("x", 1025) + "\nResources: {A: " + topic + "}\n", DefaultLimits(), "'Description' length is greater than 1024."},
		"invalid UTF-8":   {"{\"Resources\": \"\xff\"}", DefaultLimits(), "JSON not well-formed"},
		"invalid YAML":    {"Resources: \xff", DefaultLimits(), "YAML not well-formed"},
	} {
		begin := time.Now()
		tpl, err := Parse([]byte(test.src), test.lim)
		if err == nil {
			_, err = tpl.Evaluate(testEnv(), nil)
		}
		var fault *Error
		if !errors.As(err, &fault) || !strings.Contains(fault.Message, test.want) {
			message := fmt.Sprint(err)
			t.Errorf("%s: %.300s; want %q", name, message, test.want)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
}

// blocks nests block mappings.
func blocks(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String() + strings.Repeat(" ", depth) + "b"
}

// many writes a section of n members.
func many(section string, n int, member string) string {
	var b strings.Builder
	b.WriteString(section + ":\n")
	for i := range n {
		fmt.Fprintf(&b, "  M%d: %s\n", i, member)
	}
	return b.String()
}

// A chain of everything that is recursive is no stack overflow, and long
// dependency chains are no cycle.
func TestLongChains(t *testing.T) {
	t.Parallel()
	lim := DefaultLimits()
	lim.Bytes, lim.Resources = 16<<20, 20_000
	var b strings.Builder
	b.WriteString("Conditions:\n  C0: !Equals [a, a]\n")
	for i := 1; i < 5000; i++ {
		fmt.Fprintf(&b, "  C%d: !Not [!Condition C%d]\n", i, i-1)
	}
	b.WriteString("Resources:\n  R0: {Type: AWS::SNS::Topic}\n")
	for i := 1; i < 5000; i++ {
		fmt.Fprintf(&b, "  R%d: {Type: AWS::SNS::Topic, DependsOn: R%d}\n", i, i-1)
	}
	tpl, err := Parse([]byte(b.String()), lim)
	if err != nil {
		t.Fatal(err)
	}
	e, err := tpl.Evaluate(testEnv(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if e.Condition("C4999") || !e.Condition("C4998") {
		t.Error("the chain of conditions came out wrong")
	}
	if got := e.Dependencies("R4999"); len(got) != 1 || got[0] != "R4998" {
		t.Errorf("R4999 waits for %v", got)
	}
}

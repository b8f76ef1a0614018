package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/catalog"
)

func TestParseTree(t *testing.T) {
	t.Parallel()
	got, err := parseTree([]byte(`
id: o-exampleorg1
management: "111111111111"
delegated: ["222222222222"]
root:
  id: r-exam
  units:
    - id: ou-exam-11111111
      name: Teams
      accounts: ["222222222222"]
      units:
        - id: ou-exam-22222222
          accounts: ["333333333333", 444444444444]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := catalog.Organization{
		ID: "o-exampleorg1", Management: "111111111111", Delegated: []string{"222222222222"},
		Units: []catalog.Unit{
			{ID: "r-exam", Accounts: []string{"111111111111"}},
			{ID: "ou-exam-11111111", Parent: "r-exam", Accounts: []string{"222222222222"}},
			{ID: "ou-exam-22222222", Parent: "ou-exam-11111111", Accounts: []string{"333333333333", "444444444444"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := parseTree(nil); err != nil || got.Management != demoAccount || len(got.Units) != 1 {
		t.Errorf("an empty file: %+v, %v", got, err)
	}
}

func TestParseTreeRefuses(t *testing.T) {
	t.Parallel()
	nested := "root:\n"
	for i := range 7 {
		nested += strings.Repeat("  ", 2*i+1) + "units:\n" + strings.Repeat("  ", 2*i+2) + "- id: ou-exam-0000000" + string(rune('0'+i)) + "\n"
	}
	for text, want := range map[string]string{
		"orgid: x":                     "orgid",
		"id: x":                        "no id of an organization",
		"root: {id: ou-exam-11111111}": "no id of a root",
		"root: {units: [{id: teams}]}": "no id of a unit",
		"root: {accounts: ['12']}":     "no account",
		"root: {accounts: ['111111111111','111111111111']}":              "twice",
		"root: {units: [{id: ou-exam-11111111},{id: ou-exam-11111111}]}": "twice",
		"delegated: ['111111111111']":                                    "no account of the organization",
		"management: me":                                                 "no account",
		nested:                                                           "more than 5 levels",
		"a: [":                                                           "yaml",
	} {
		if _, err := parseTree([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

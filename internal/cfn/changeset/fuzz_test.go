package changeset

import (
	"slices"
	"testing"

	"larder/internal/cfn/template"
)

// FuzzChangeSet compares any two templates, of which the first is launched if
// it can be: nothing panics, and a template is no change of itself.
func FuzzChangeSet(f *testing.F) {
	for _, test := range ruleTests {
		f.Add([]byte(ruleHead+test.before), []byte(ruleHead+test.after), "one", "two")
	}
	f.Fuzz(func(t *testing.T, before, after []byte, was, is string) {
		old, ok := bind(before, was)
		if !ok {
			return
		}
		w, err := create(old)
		if err != nil {
			w = world{} // a launch that failed, or parts of it
		}
		if same := (Update{Old: old, New: old, Live: w}); err == nil {
			for _, compute := range []func() (Set, error){same.Changes, same.ChangesWithValues} {
				s, err := compute()
				nested := slices.ContainsFunc(s.Changes, func(ch Change) bool { return ch.Type == nestedStack })
				if err == nil && !s.Empty() && !nested {
					t.Errorf("a template changes itself:\n%s", s)
				}
			}
		}
		next, ok := bind(after, is)
		if !ok {
			return
		}
		u := Update{Old: old, New: next, Live: w}
		s, err := u.Changes()
		if err != nil {
			return
		}
		if p, err := u.Plan(); err != nil || len(p.Steps) != len(next.Resources()) {
			t.Errorf("%d steps, %v:\n%s", len(p.Steps), err, s)
		}
		if _, err := u.ChangesWithValues(); err != nil {
			t.Logf("with values: %v", err)
		}
	})
}

// bind evaluates a template with one value for all its parameters.
func bind(src []byte, value string) (*template.Evaluation, bool) {
	tpl, err := template.Parse(src, template.DefaultLimits())
	if err != nil {
		return nil, false
	}
	given := map[string]string{}
	for _, p := range tpl.Parameters {
		given[p.Name] = value
	}
	e, err := tpl.Evaluate(testEnvStored(), given)
	return e, err == nil
}

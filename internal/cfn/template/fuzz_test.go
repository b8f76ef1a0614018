package template

import (
	"errors"
	"testing"
)

// smallLimits keep the fuzzer from spending its time on size.
func smallLimits() Limits {
	lim := DefaultLimits()
	lim.Bytes, lim.Expansion = 1<<16, 1000
	return lim
}

func seed(f *testing.F) {
	for _, src := range goldens(f) {
		f.Add(src)
	}
}

// FuzzJSON holds that the JSON reader neither panics nor reads a template
// into something whose text is another.
func FuzzJSON(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		root, _, err := readJSON(src, smallLimits())
		if err != nil {
			return
		}
		again, _, err := readJSON(root.appendJSON(nil), smallLimits())
		if err != nil {
			t.Fatalf("%s: %v", root.appendJSON(nil), err)
		}
		if diff := same(&root, &again); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzYAML holds the same of the YAML reader.
func FuzzYAML(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		root, err := read(src, smallLimits())
		if err != nil {
			var fault *Error
			if !errors.As(err, &fault) || fault.Message == "" {
				t.Fatalf("%v is no *Error", err)
			}
			return
		}
		again, err := read(root.appendJSON(nil), smallLimits())
		if err != nil {
			return // longer than the limit, as JSON
		}
		if diff := same(root, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzBlocks holds that the fast reader reads nothing that the YAML package
// reads otherwise.
func FuzzBlocks(f *testing.F) {
	seed(f)
	for _, src := range []string{"a: |\n  b\n\n   c\n d: e\n", "a:\n- b: 'it''s'\n  c: >-\n    d\n    e\n\n    f\n- !Sub\n  - \"x\\n\"\n  - {y: z, 'w' : v}\n",
		"a : [b, !Ref c, {d: e}] # f\n\"g\": - h\n", "a: >\n\n  b\n   c\n  d\ne: !If [f, \n  g, h]\n", "a: {b: [-]}"} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		fast, err := readBlocks(string(src), smallLimits())
		if err != nil {
			return
		}
		slow, nulls, err := readAnyYAML(src, smallLimits())
		if err != nil || nulls {
			t.Fatalf("%v, nulls %v", err, nulls)
		}
		if diff := identical(&slow, &fast); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzEvaluate holds that no template makes Parse, Evaluate or what follows
// panic, and that what Evaluate took can be computed.
func FuzzEvaluate(f *testing.F) {
	for _, src := range goldens(f) {
		f.Add(src, "value")
	}
	f.Fuzz(func(t *testing.T, src []byte, value string) {
		tpl, err := Parse(src, smallLimits())
		if err != nil {
			return
		}
		tpl.Summary()
		given := map[string]string{}
		for _, p := range tpl.Parameters {
			if p.Default == nil {
				given[p.Name] = value
			}
		}
		e, err := tpl.Evaluate(testEnv(), given)
		if err != nil {
			var fault *Error
			if !errors.As(err, &fault) || fault.Message == "" {
				t.Fatalf("%v is no *Error", err)
			}
			return
		}
		for _, r := range e.Resources() {
			r.References()
			if _, err := e.Properties(r.LogicalID, Undecided{}); err != nil {
				t.Fatalf("%s: %v", r.LogicalID, err)
			}
		}
		if _, err := e.Outputs(Undecided{}); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzPattern holds that no AllowedPattern panics or runs away.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{`(?=.*[A-Z])[\w&&[^x]]{2,}+`, `(?<n>a|b)\k<n>*?`, `\Qa\E(?i:b)(?<!c)`, `[^\p{Alpha}\x41-\u0043]`} {
		f.Add(p, "aab")
	}
	f.Fuzz(func(_ *testing.T, source, value string) {
		if len(source) > 200 || len(value) > 200 {
			return
		}
		j, err := compileJava(source)
		if err != nil {
			return
		}
		j.matches(value)
	})
}

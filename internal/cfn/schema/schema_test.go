package schema

import (
	"slices"
	"testing"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	names := Names()
	if got, want := len(names), 1585; got != want {
		t.Errorf("%d types, want %d", got, want)
	}
	if !slices.IsSorted(names) {
		t.Error("names are not sorted")
	}
	for _, name := range names {
		typ, ok := Lookup(name)
		if !ok || typ.Name != name {
			t.Errorf("Lookup(%s) = %v, %v", name, typ, ok)
		}
		if again, _ := Lookup(name); again != typ {
			t.Errorf("Lookup(%s) gave two types", name)
		}
	}
	for _, name := range []string{"", "AWS::S3::Bucke", "AWS::S3::Buckets", "aws::s3::bucket", "Z"} {
		if _, ok := Lookup(name); ok {
			t.Errorf("Lookup(%q) found something", name)
		}
	}
}

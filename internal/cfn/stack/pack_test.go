package stack

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/jsontext/jsontexttest"
)

func TestPackText(t *testing.T) {
	t.Parallel()
	var full pack
	jsontexttest.Fill(t, &full)
	for _, p := range []pack{full, {}, {Items: []entry{{}}, Events: []happening{{}}}} {
		text, err := p.encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodePack(text)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(p, got, cmp.AllowUnexported(pack{}, entry{}, happening{}, former{})); d != "" {
			t.Errorf("%s came back otherwise:\n%s", text, d)
		}
	}
	if _, err := decodePack(`{"items": [`); err == nil {
		t.Error("half a pack was read")
	}
}

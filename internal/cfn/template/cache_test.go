package template

import (
	"fmt"
	"testing"
)

func TestCache(t *testing.T) {
	t.Parallel()
	src := func(n int) []byte {
		return fmt.Appendf(nil, `{"Resources": {"Topic%d": {"Type": "AWS::SNS::Topic"}}}`, n)
	}
	c := NewCache(DefaultLimits(), 2*footprint*len(src(0)))
	get := func(n int) *Template {
		tpl, err := c.Parse(fmt.Sprint(n), src(n))
		if err != nil {
			t.Fatal(err)
		}
		return tpl
	}
	first, second := get(0), get(1)
	if get(0) != first {
		t.Error("the first is not kept")
	}
	get(2) // room for two: the second goes, being used longest ago
	if get(0) != first {
		t.Error("the one used last is gone")
	}
	if get(1) == second {
		t.Error("the cache outgrew its bound")
	}
	if c.size > c.bytes || len(c.known) != c.order.Len() {
		t.Errorf("%d bytes, %d known, %d in order", c.size, len(c.known), c.order.Len())
	}
	for range 2 {
		if _, err := c.Parse("faulty", []byte("{}")); err == nil {
			t.Error("a faulty template was taken")
		}
	}
}

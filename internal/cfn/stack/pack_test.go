package stack

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fill gives everything in a value something that is not its zero, so that
// nothing can be forgotten in writing or reading.
func fill(t *testing.T, v reflect.Value, n *int) {
	*n++
	if v.Type() == reflect.TypeFor[json.RawMessage]() {
		v.SetBytes(fmt.Appendf(nil, `{"Name":["<%d>",null]}`, *n))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key, n)
		fill(t, value, n)
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(fmt.Sprintf("text \"%d\"\n&", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	default:
		t.Fatalf("a pack has a %s", v.Type())
	}
}

func TestPackText(t *testing.T) {
	t.Parallel()
	var full pack
	n := 0
	fill(t, reflect.ValueOf(&full).Elem(), &n)
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

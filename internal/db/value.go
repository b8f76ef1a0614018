package db

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"
)

var (
	errText = errors.New("text must be UTF-8 without NUL")
	errNull = errors.New("NULL where a value was expected")
	errTime = errors.New("times are kept as integers: use Micros")
)

// bind converts an argument to what both databases store alike: string,
// int64, []byte or nil. JSON is text; nil slices and pointers are NULL.
func bind(a any) (any, error) {
	switch v := a.(type) {
	case nil:
		return nil, nil
	case string:
		return text(v)
	case int64:
		return v, nil
	case int:
		return int64(v), nil
	case bool:
		return truth(v), nil
	case json.RawMessage:
		if v == nil {
			return nil, nil
		}
		return text(string(v))
	case []byte:
		if v == nil {
			return nil, nil
		}
		return v, nil
	case time.Time:
		return nil, errTime
	case driver.Valuer:
		inner, err := v.Value()
		if err != nil {
			return nil, err
		}
		if _, again := inner.(driver.Valuer); again {
			return nil, fmt.Errorf("a %T gives another Valuer", a)
		}
		return bind(inner)
	}
	v := reflect.ValueOf(a)
	switch v.Kind() {
	case reflect.String:
		return text(v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return nil, fmt.Errorf("%d is too large", v.Uint())
		}
		return int64(v.Uint()), nil
	case reflect.Bool:
		return truth(v.Bool()), nil
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return bind(v.Elem().Interface())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if v.IsNil() {
				return nil, nil
			}
			return v.Bytes(), nil
		}
	}
	return nil, fmt.Errorf("a %T cannot be stored", a)
}

// text refuses what PostgreSQL cannot keep, so that the embedded database
// does not either.
func text(s string) (any, error) {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		return nil, errText
	}
	return s, nil
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// assign copies a stored value (string, int64, []byte, nil) to a
// destination. Nothing is converted between text and numbers.
func assign(dest, v any) error {
	switch d := dest.(type) {
	case *string:
		switch s := v.(type) {
		case string:
			*d = s
			return nil
		case []byte:
			*d = string(s)
			return nil
		}
	case *int64:
		if n, ok := v.(int64); ok {
			*d = n
			return nil
		}
	case *int:
		if n, ok := v.(int64); ok {
			*d = int(n)
			return nil
		}
	case *bool:
		if n, ok := v.(int64); ok {
			*d = n != 0
			return nil
		}
	case *[]byte:
		b, ok := raw(v)
		if ok {
			*d = b
			return nil
		}
	case *json.RawMessage:
		b, ok := raw(v)
		if ok {
			*d = b
			return nil
		}
	case *any:
		*d = v
		return nil
	case sql.Scanner:
		return d.Scan(v)
	case *time.Time:
		return errTime
	default:
		return assignKind(dest, v)
	}
	return mismatch(dest, v)
}

// assignKind handles the types made of the basic ones, and pointers.
func assignKind(dest, v any) error {
	d := reflect.ValueOf(dest)
	if d.Kind() != reflect.Pointer || d.IsNil() {
		return fmt.Errorf("destination %T is not a pointer", dest)
	}
	d = d.Elem()
	switch d.Kind() {
	case reflect.Pointer:
		if v == nil {
			d.SetZero()
			return nil
		}
		fresh := reflect.New(d.Type().Elem())
		if err := assign(fresh.Interface(), v); err != nil {
			return err
		}
		d.Set(fresh)
		return nil
	case reflect.String:
		if s, ok := v.(string); ok {
			d.SetString(s)
			return nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n, ok := v.(int64); ok {
			if d.OverflowInt(n) {
				return fmt.Errorf("%d does not fit a %s", n, d.Type())
			}
			d.SetInt(n)
			return nil
		}
	case reflect.Bool:
		if n, ok := v.(int64); ok {
			d.SetBool(n != 0)
			return nil
		}
	case reflect.Slice:
		if d.Type().Elem().Kind() == reflect.Uint8 {
			if b, ok := raw(v); ok {
				d.SetBytes(b)
				return nil
			}
		}
	}
	return mismatch(dest, v)
}

// raw is a value as bytes; NULL is nil, and only NULL is.
func raw(v any) ([]byte, bool) {
	switch b := v.(type) {
	case nil:
		return nil, true
	case string:
		return []byte(b), true
	case []byte:
		if b == nil {
			b = []byte{}
		}
		return b, true
	}
	return nil, false
}

func mismatch(dest, v any) error {
	if v == nil {
		return errNull
	}
	return fmt.Errorf("%T does not fit %T", v, dest)
}

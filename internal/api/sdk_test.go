package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// Amazon's SDK is the judge of the wire that knows nothing of us: what it
// sends we must read as it was meant, and what we answer it must read alike.

// A wire is the HTTP client of an SDK client: it keeps the request and gives
// the answer.
type wire struct {
	target  string
	request []byte
	status  int
	answer  []byte
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	w.target = r.Header.Get("X-Amz-Target")
	var err error
	if w.request, err = io.ReadAll(r.Body); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: w.status, ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body:   io.NopCloser(bytes.NewReader(w.answer)),
	}, nil
}

// call invokes the SDK's method of the operation with the input that the JSON
// value describes.
func (w *wire) call(t *testing.T, op Op, input any) (any, error) {
	t.Helper()
	client := servicecatalog.New(servicecatalog.Options{
		Region: "us-east-1", HTTPClient: w, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})
	method := reflect.ValueOf(client).MethodByName(op.String())
	if !method.IsValid() {
		t.Fatalf("the SDK has no %s", op)
	}
	in := reflect.New(method.Type().In(1).Elem())
	fill(t, in.Elem(), input)
	results := method.Call([]reflect.Value{reflect.ValueOf(context.Background()), in})
	err, _ := results[1].Interface().(error)
	return results[0].Interface(), err
}

// fill sets a value of the SDK's from a JSON value.
func fill(t *testing.T, to reflect.Value, from any) {
	t.Helper()
	switch from := from.(type) {
	case map[string]any:
		if to.Kind() == reflect.Pointer {
			to.Set(reflect.New(to.Type().Elem()))
			to = to.Elem()
		}
		if to.Kind() == reflect.Map {
			to.Set(reflect.MakeMap(to.Type()))
			for key, value := range from {
				element := reflect.New(to.Type().Elem()).Elem()
				fill(t, element, value)
				to.SetMapIndex(reflect.ValueOf(key).Convert(to.Type().Key()), element)
			}
			return
		}
		for name, value := range from {
			field := to.FieldByName(name)
			if !field.IsValid() {
				t.Fatalf("the SDK's %s has no %s", to.Type(), name)
			}
			fill(t, field, value)
		}
	case []any:
		to.Set(reflect.MakeSlice(to.Type(), len(from), len(from)))
		for i := range from {
			fill(t, to.Index(i), from[i])
		}
	default:
		if to.Kind() == reflect.Pointer {
			to.Set(reflect.New(to.Type().Elem()))
			to = to.Elem()
		}
		if n, ok := from.(json.Number); ok {
			i, err := n.Int64()
			if err != nil {
				t.Fatal(err)
			}
			from = i
		}
		to.Set(reflect.ValueOf(from).Convert(to.Type()))
	}
}

// plainly is the JSON value that a value of the SDK's stands for.
func plainly(value reflect.Value) any {
	switch value.Kind() {
	case reflect.Pointer:
		if value.IsNil() {
			return nil
		}
		return plainly(value.Elem())
	case reflect.String:
		return value.String()
	case reflect.Bool:
		return value.Bool()
	case reflect.Int32, reflect.Int64:
		return float64(value.Int())
	case reflect.Slice:
		list := []any{}
		for i := range value.Len() {
			list = append(list, plainly(value.Index(i)))
		}
		return list
	case reflect.Map:
		m := map[string]any{}
		for _, key := range value.MapKeys() {
			m[key.String()] = plainly(value.MapIndex(key))
		}
		return m
	}
	if at, ok := value.Interface().(time.Time); ok {
		return float64(at.UnixMilli()) / 1000
	}
	m := map[string]any{}
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if field.IsExported() && field.Name != "ResultMetadata" {
			m[field.Name] = plainly(value.Field(i))
		}
	}
	return m
}

// floats turns the numbers of a JSON value into what plainly gives. The SDK
// reads times through float64 and cuts below the millisecond, so they may be
// one millisecond low.
func floats(t *testing.T, value any) any {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, v := range value {
			m[k] = floats(t, v)
		}
		return m
	case []any:
		list := make([]any, len(value))
		for i := range value {
			list[i] = floats(t, value[i])
		}
		return list
	case json.Number:
		f, err := value.Float64()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	return value
}

var withinMillisecond = cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 0.0015 })

func TestSDK(t *testing.T) {
	t.Parallel()
	m := readModels(t)
	for _, op := range Ops() {
		if strings.HasPrefix(op.Target(), "Larder.") {
			continue // Amazon's SDK does not know our own
		}
		t.Run(op.String(), func(t *testing.T) {
			t.Parallel()
			shapes := m.Operations[op.String()]
			input, output := m.maximal(t, shapes.Input.Shape, 1), m.maximal(t, shapes.Output.Shape, 1)
			out, err := DecodeOutput(op, mustJSON(t, output))
			if err != nil {
				t.Fatal(err)
			}
			w := &wire{status: http.StatusOK, answer: AppendOutput(nil, op, out)}
			got, err := w.call(t, op, input)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(floats(t, output), plainly(reflect.ValueOf(got)), withinMillisecond); diff != "" {
				t.Errorf("the SDK reads our answer otherwise (-ours +read):\n%s", diff)
			}
			if parsed, ok := ParseTarget(w.target); !ok || parsed != op {
				t.Errorf("target %s is taken for %s", w.target, parsed)
			}
			in, err := DecodeInput(op, w.request)
			if err != nil {
				t.Fatal(err)
			}
			if err := Validate(op, in); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(parse(t, w.request), parse(t, AppendInput(nil, op, in))); diff != "" {
				t.Errorf("we read the SDK's request otherwise (-sent +read):\n%s", diff)
			}
		})
	}
}

// becomes reports whether the SDK made err the exception T, with the message.
func becomes[T interface {
	error
	ErrorMessage() string
}](err error, message string) bool {
	e, ok := errors.AsType[T](err)
	return ok && e.ErrorMessage() == message
}

var exceptionsOfSDK = map[string]func(error, string) bool{
	CodeDuplicateResource:     becomes[*types.DuplicateResourceException],
	CodeInvalidParameters:     becomes[*types.InvalidParametersException],
	CodeInvalidState:          becomes[*types.InvalidStateException],
	CodeLimitExceeded:         becomes[*types.LimitExceededException],
	CodeOperationNotSupported: becomes[*types.OperationNotSupportedException],
	CodeResourceInUse:         becomes[*types.ResourceInUseException],
	CodeResourceNotFound:      becomes[*types.ResourceNotFoundException],
	CodeTagOptionNotMigrated:  becomes[*types.TagOptionNotMigratedException],
}

func TestSDKErrors(t *testing.T) {
	t.Parallel()
	m := readModels(t)
	tried := map[string]bool{}
	for _, op := range Ops() {
		if strings.HasPrefix(op.Target(), "Larder.") {
			continue
		}
		input := m.maximal(t, m.Operations[op.String()].Input.Shape, 0)
		for _, code := range op.Errors() {
			tried[code] = true
			sent := Errorf(code, "%s says \"no\" to Größe\n", op)
			w := &wire{status: sent.Status, answer: AppendError(nil, sent)}
			if _, err := w.call(t, op, input); !exceptionsOfSDK[code](err, sent.Message) {
				t.Errorf("%s: the SDK makes %v of %s", op, err, w.answer)
			}
		}
		sent := InvalidInput("1 validation error detected: …")
		w := &wire{status: sent.Status, answer: AppendError(nil, sent)}
		_, err := w.call(t, op, input)
		if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != sent.Code || e.ErrorMessage() != sent.Message {
			t.Errorf("%s: the SDK makes %v of %s", op, err, w.answer)
		}
	}
	for _, code := range exceptionCodes {
		if !tried[code] {
			t.Errorf("no operation answers %s", code)
		}
	}
}

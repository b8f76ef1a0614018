package awsquery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// transport stands where the network would: AWS's own client writes the
// request and reads the answer.
type transport func(body []byte) (status int, answer []byte)

func (t transport) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	status, answer := t(body)
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"text/xml"}},
		Body:       io.NopCloser(bytes.NewReader(answer)),
		Request:    r,
	}, nil
}

// clients returns AWS's clients of both services, each over tr.
func clients(tr transport) map[Service]reflect.Value {
	config := aws.Config{
		Region:           "eu-west-1",
		Credentials:      credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient:       tr,
		RetryMaxAttempts: 1,
	}
	return map[Service]reflect.Value{
		CloudFormation: reflect.ValueOf(cloudformation.NewFromConfig(config)),
		STS:            reflect.ValueOf(sts.NewFromConfig(config)),
	}
}

func everyOp(t *testing.T, fn func(t *testing.T, h Handlers, action string)) {
	for _, h := range []Handlers{&CloudFormationHandlers{}, &STSHandlers{}} {
		v := reflect.TypeOf(h).Elem()
		for i := range v.NumField() {
			t.Run(string(h.Service())+"/"+v.Field(i).Name, func(t *testing.T) {
				t.Parallel()
				fn(t, h, v.Field(i).Name)
			})
		}
	}
}

// fill gives every member below v a value of its own, and every list two
// members.
func fill(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), path)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2019, 10, 10, 12, 34, 56, 789e6, time.UTC)))
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "ResultMetadata" {
				fill(v.Field(i), path+"."+f.Name)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), fmt.Sprint(path, i))
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"k1 &": path + " 1", "k2": path}))
	case reflect.String:
		v.SetString(path + " <&>\"'\n=+é\U0001F600")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32:
		v.SetInt(int64(len(path)))
	}
}

// plain reduces a structure, ours or the SDK's, to maps, lists and texts by
// member name, so that the two can be compared. What is nil is left out.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Struct:
		if at, ok := v.Interface().(time.Time); ok {
			return at.UTC().Format(time.RFC3339Nano)
		}
		members := map[string]any{}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || f.Name == "ResultMetadata" {
				continue
			}
			if value := plain(v.Field(i)); value != nil {
				members[f.Name] = value
			}
		}
		return members
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
		list := make([]any, v.Len())
		for i := range list {
			list[i] = plain(v.Index(i))
		}
		return list
	default:
		return fmt.Sprint(v.Interface())
	}
}

// known leaves out what t has no field for: the SDK's model may be newer than
// ours, and what a service does not know it ignores.
func known(value any, t reflect.Type) any {
	switch t.Kind() {
	case reflect.Pointer:
		return known(value, t.Elem())
	case reflect.Slice:
		for i, v := range value.([]any) {
			value.([]any)[i] = known(v, t.Elem())
		}
	case reflect.Struct:
		for name, v := range value.(map[string]any) {
			f, ok := t.FieldByName(name)
			if !ok {
				delete(value.(map[string]any), name)
				continue
			}
			value.(map[string]any)[name] = known(v, f.Type)
		}
	}
	return value
}

// Every member of every input arrives as AWS's client sent it.
func TestInputsAgainstSDK(t *testing.T) {
	t.Parallel()
	everyOp(t, func(t *testing.T, h Handlers, action string) {
		var got any
		client := clients(func(body []byte) (int, []byte) {
			r, err := Parse(body)
			if err != nil {
				t.Error(err)
				return 400, nil
			}
			c, ok := h.lookup(r.Action)
			if !ok || r.Action != action || r.Version != h.Service().version() {
				t.Errorf("the client asks for %s of version %s", r.Action, r.Version)
				return 400, nil
			}
			var d decoder
			got = c.decode(&d, r.form)
			if d.broken != nil {
				t.Error(d.broken)
			}
			return 400, AppendError(nil, h.Service(), Unsupported(action), "r")
		})[h.Service()]
		method := client.MethodByName(action)
		in := reflect.New(method.Type().In(1).Elem())
		fill(in.Elem(), action)
		method.Call([]reflect.Value{reflect.ValueOf(context.Background()), in})
		want := known(plain(in), reflect.TypeOf(got))
		if diff := cmp.Diff(want, plain(reflect.ValueOf(got))); diff != "" {
			t.Errorf("what the SDK sent (-) and what was read (+):\n%s", diff)
		}
	})
}

// Every member of every result is read by AWS's client as we wrote it.
func TestOutputsAgainstSDK(t *testing.T) {
	t.Parallel()
	everyOp(t, func(t *testing.T, h Handlers, action string) {
		typ := reflect.TypeOf(h).Elem()
		field, _ := typ.FieldByName(action)
		out := reflect.New(field.Type.Out(0).Elem())
		fill(out.Elem(), action)
		client := clients(func([]byte) (int, []byte) {
			return 200, AppendAnswer(nil, Op{h.Service(), action}, out.Interface().(Answer), "a-request-id")
		})[h.Service()]
		method := client.MethodByName(action)
		in := reflect.New(method.Type().In(1).Elem())
		fill(in.Elem(), action)
		results := method.Call([]reflect.Value{reflect.ValueOf(context.Background()), in})
		if err, _ := results[1].Interface().(error); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain(out), plain(results[0])); diff != "" {
			t.Errorf("what was written (-) and what the SDK read (+):\n%s", diff)
		}
	})
}

func TestErrorsAgainstSDK(t *testing.T) {
	t.Parallel()
	for _, e := range []*Error{
		ValidationError("Stack with id <x> & 'y' does not exist"),
		AlreadyExists("Stack [%s] already exists", "s"),
		ChangeSetNotFound("ChangeSet [c] does not exist"),
		AccessDenied("User: %s is not authorized", "arn:aws:iam::1:user/u"),
		{Code: CodeInternalFailure, Message: "-", Status: 500},
	} {
		client := cloudformation.NewFromConfig(aws.Config{
			Region: "us-east-1", RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
			HTTPClient: transport(func([]byte) (int, []byte) {
				return e.Status, AppendError(nil, CloudFormation, e, "a-request-id")
			}),
		})
		_, err := client.ListStacks(t.Context(), nil)
		var got smithy.APIError
		if !errors.As(err, &got) {
			t.Fatalf("%v: the SDK reads no API error: %v", e, err)
		}
		// The SDK's types stand for some codes; Error() shows the message of all.
		if got.ErrorCode() != e.Code && !strings.HasPrefix(got.ErrorCode(), e.Code) || got.ErrorMessage() != e.Message {
			t.Errorf("the SDK reads %s %q, want %s %q", got.ErrorCode(), got.ErrorMessage(), e.Code, e.Message)
		}
		if !strings.Contains(err.Error(), "a-request-id") {
			t.Errorf("the SDK finds no request id: %v", err)
		}
	}
}

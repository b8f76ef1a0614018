package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"time"

	"github.com/alecthomas/kong"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"larder/internal/api"
	"larder/internal/sigv4"
)

// remote are the flags of every command that asks a server. Who calls is said
// as to the AWS CLI: by AWS_ACCESS_KEY_ID and its kin, or by a profile of the
// shared files, also one that assumes a role.
type remote struct {
	Endpoint string `help:"URL of the server (default: AWS_ENDPOINT_URL_SERVICE_CATALOG, AWS_ENDPOINT_URL, the profile's endpoint_url, ${server})." placeholder:"URL"`
	Profile  string `help:"Profile of the shared AWS files (default: AWS_PROFILE)." placeholder:"NAME"`
	Region   string `help:"Region (default: AWS_REGION, the profile's, us-east-1)."`
	JSON     bool   `name:"json" help:"Print answers as JSON."`
}

// defaultServer is where "larder serve" and "larder dev" are heard by default.
const defaultServer = "http://127.0.0.1:8420"

// AfterApply gives the command its caller. It is kong's hook.
func (r *remote) AfterApply(k *kong.Context, ctx context.Context) error {
	c, err := r.dial(ctx)
	if err != nil {
		return err
	}
	c.screen = printer{w: k.Stdout, json: r.JSON}
	k.Bind(c)
	return nil
}

// A caller asks a server, as somebody.
type caller struct {
	ctx      context.Context
	endpoint string
	region   string
	creds    sigv4.Credentials // zero: calls go unsigned, which only dev answers
	screen   printer
}

// dial finds out where the server is and who calls. Nothing is sent.
func (r *remote) dial(ctx context.Context) (*caller, error) {
	out := &caller{ctx: ctx}
	c, err := config.LoadDefaultConfig(ctx,
		config.WithSharedConfigProfile(r.Profile),
		config.WithRegion(r.Region),
		// No machine's metadata service knows an access key of ours.
		config.WithEC2IMDSClientEnableState(imds.ClientDisabled),
		config.WithAssumeRoleCredentialOptions(func(o *stscreds.AssumeRoleOptions) { o.Client = doorman{o.Client, out} }))
	if err != nil {
		return nil, err
	}
	out.endpoint = cmp.Or(r.Endpoint, os.Getenv("AWS_ENDPOINT_URL_SERVICE_CATALOG"), *cmp.Or(c.BaseEndpoint, new(defaultServer)))
	out.region = cmp.Or(c.Region, defaultRegion)
	keys, err := c.Credentials.Retrieve(ctx)
	if err == nil {
		out.creds = sigv4.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey, SessionToken: keys.SessionToken}
	} else if r.Profile != "" {
		return nil, err // somebody was named, and nobody is no substitute
	}
	return out, nil
}

// A doorman assumes the role that a profile names, at the server that the
// caller asks: the SDK makes its client before it has read where that is.
type doorman struct {
	stscreds.AssumeRoleAPIClient
	caller *caller
}

// AssumeRole assumes the role.
func (d doorman) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput, options ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	return d.AssumeRoleAPIClient.AssumeRole(ctx, in, append(options, func(o *sts.Options) {
		o.BaseEndpoint, o.Region = &d.caller.endpoint, d.caller.region
	})...)
}

// A refusal is an error that the server answered.
type refusal struct {
	op   api.Op
	code string
	text string
}

// Error is in the words of the AWS CLI.
func (r *refusal) Error() string {
	return fmt.Sprintf("An error occurred (%s) when calling the %s operation: %s", r.code, r.op, r.text)
}

// exitRefused is the exit code after a refusal, as the AWS CLI has it.
const exitRefused = 254

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 20

// callTime bounds one call.
const callTime = time.Minute

// client is the API, asked over HTTP with signed requests.
func (c *caller) client() api.Client { return api.Client{Invoke: c.invoke} }

// invoke is an [api.Invoker] over the wire.
func (c *caller) invoke(ctx context.Context, op api.Op, in any) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	body := api.AppendInput(nil, op, in)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", op.Target())
	if c.creds.AccessKeyID != "" {
		service := "servicecatalog"
		if op.Larder() {
			service = "larder"
		}
		sigv4.Sign(r, body, c.creds, service, c.region, time.Now())
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("no server answers at %s: %w", c.endpoint, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK {
		return api.DecodeOutput(op, answer)
	}
	var e struct {
		Type    string `json:"__type"`
		Message string
	}
	if err := json.Unmarshal(answer, &e); err != nil || e.Type == "" {
		return nil, fmt.Errorf("what answers at %s is no Larder: %s", c.endpoint, res.Status)
	}
	return nil, &refusal{op, e.Type, e.Message}
}

// call calls an operation and prints its answer; all pages of one that is
// paged.
func (c *caller) call(op api.Op, in any) error {
	out, err := c.collect(op, in)
	if err != nil {
		return err
	}
	return c.screen.print(op, out)
}

// collect calls an operation and joins the pages of its answer.
func (c *caller) collect(op api.Op, in any) (any, error) {
	page, paged := op.Page()
	out, err := c.invoke(c.ctx, op, in)
	if err != nil || !paged {
		return out, err
	}
	all := reflect.ValueOf(out).Elem()
	for {
		token := all.FieldByName(page.Next).String()
		all.FieldByName(page.Next).SetString("")
		if token == "" {
			return out, nil
		}
		reflect.ValueOf(in).Elem().FieldByName(page.Token).Set(reflect.ValueOf(&token))
		more, err := c.invoke(c.ctx, op, in)
		if err != nil {
			return nil, err
		}
		next := reflect.ValueOf(more).Elem()
		list := all.FieldByName(page.Result)
		list.Set(reflect.AppendSlice(list, next.FieldByName(page.Result)))
		all.FieldByName(page.Next).Set(next.FieldByName(page.Next))
	}
}

// optional is how an input holds a flag: absent if it was not given.
func optional(flag string) *string {
	if flag == "" {
		return nil
	}
	return &flag
}

// A document is a policy on the command line: the name of a file that holds
// it, or itself.
type document string

// Decode reads the file. It is kong's hook.
func (d *document) Decode(k *kong.DecodeContext) error {
	var text string
	if err := k.Scan.PopValueInto("document", &text); err != nil {
		return err
	}
	if len(text) > 0 && text[0] == '{' {
		*d = document(text)
		return nil
	}
	f, err := os.Open(text)
	if err != nil {
		return err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err != nil {
		return err
	}
	if len(content) > maxDocument {
		return errors.New("a policy is no longer than that: " + text)
	}
	*d = document(content)
	return nil
}

// maxDocument is more than the API takes of a policy.
const maxDocument = 64 << 10

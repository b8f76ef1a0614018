package stack_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/fetch"
)

// bucket is an S3 endpoint with one bucket, b.
type bucket struct {
	mu    sync.Mutex
	files map[string]string
	asked map[string]int
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	name, known := strings.CutPrefix(r.URL.Path, "/b/")
	b.asked[name]++
	text, ok := b.files[name]
	switch {
	case !known:
		http.Error(w, "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>", http.StatusNotFound)
	case !ok:
		http.Error(w, "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>", http.StatusNotFound)
	default:
		_, _ = w.Write([]byte(text))
	}
}

func (b *bucket) put(name, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files[name] = text
}

// includer opens a house that may fetch from a bucket.
func includer(t *testing.T, d *db.DB, files map[string]string) (*house, *bucket) {
	t.Helper()
	b := &bucket{files: maps.Clone(files), asked: map[string]int{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	client, err := fetch.New(fetch.Policy{S3Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return open(t, d, func(o *stack.Options) { o.Fetch = client }), b
}

const including = `
Parameters: {Secret: {Type: String, NoEcho: true, Default: hush}}
Resources:
  A: {Type: AWS::SNS::Topic}
  Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://b/more.yaml}}
`

var expands = []string{"CAPABILITY_AUTO_EXPAND"}

func TestIncludes(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h, files := includer(t, d, map[string]string{"more.yaml": "B: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: one}}"})
		if _, err := h.Create(t.Context(), stack.CreateInput{Account: account, Region: region, Name: "stack-a", Template: []byte(including)}); err == nil {
			t.Error("nobody acknowledged the transform")
		}
		st := h.create(stack.CreateInput{Template: []byte(including), Capabilities: expands})
		if st.Status != stack.CreateComplete || h.left(st) != 2 || files.asked["more.yaml"] != 1 {
			t.Errorf("%s, %v\n%s", st.Status, files.asked, h.told(st))
		}
		processed, err := h.ProcessedTemplate(t.Context(), account, region, st.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		want := `{"Parameters":{"Secret":{"Type":"String","NoEcho":true,"Default":"hush"}},"Resources":{"A":{"Type":"AWS::SNS::Topic"},` +
			`"B":{"Type":"AWS::SSM::Parameter","Properties":{"Type":"String","Value":"one"}}}}`
		if d := cmp.Diff(want, string(processed)); d != "" {
			t.Error(d)
		}
		if _, text, err := h.Template(t.Context(), account, region, st.ID); err != nil || string(text) != including {
			t.Errorf("the original: %s, %v", text, err)
		}

		again := stack.UpdateInput{Account: account, Region: region, Stack: st.ID, Capabilities: expands}
		if _, err := h.Update(t.Context(), again); !stack.IsUnchanged(err) {
			t.Errorf("an update by the same: %v", err)
		}
		files.put("more.yaml", "B: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: two}}")
		cs, err := h.CreateChangeSet(t.Context(), stack.ChangeSetInput{
			UpdateInput: stack.UpdateInput{Account: account, Region: region, Stack: st.ID}, Name: "two",
		})
		if err != nil {
			t.Fatal(err)
		}
		files.put("more.yaml", "B: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: three}}")
		next, _, err := h.Execute(t.Context(), stack.ExecuteInput{Account: account, Region: region, Name: cs.ID})
		if err != nil {
			t.Fatal(err)
		}
		h.wait(next)
		processed, err = h.ProcessedTemplate(t.Context(), account, region, st.ID, "")
		if err != nil || !strings.Contains(string(processed), `"Value":"two"`) {
			t.Errorf("after the change set: %s, %v", processed, err)
		}
	})
}

func TestIncludesThatFail(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, location, file, want string }{
		{"no bucket", "s3://doesnotexist/key.yml", "", "Transform AWS::Include failed with: S3 bucket [doesnotexist] does not exist."},
		{"no key", "s3://b/nothing", "", "Transform AWS::Include failed with: The specified key does not exist."},
		{"no YAML", "s3://b/file", "A: {", "Transform AWS::Include failed with: The specified S3 object's content should be valid Yaml/JSON"},
		{"no S3", "ftp://b/file", "", "Transform AWS::Include failed with: The location parameter is not a valid S3 uri."},
		{"no template", "s3://b/file", "Topic: 5", "Template format error: Any Resources member must be an object."},
		{"an unknown type", "s3://b/file", "Topic: {Type: AWS::No::Type}", "Template format error: Unrecognized resource types: [AWS::No::Type]"},
		{"rights", "s3://b/file", "User: {Type: AWS::IAM::User}", "Requires capabilities : [CAPABILITY_IAM]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h, _ := includer(t, dbtest.New(t), map[string]string{"file": test.file, "more.yaml": "B: {Type: AWS::SNS::Topic}"})
			template := []byte(strings.Replace(including, "s3://b/more.yaml", test.location, 1))
			cs, err := h.CreateChangeSet(t.Context(), stack.ChangeSetInput{
				UpdateInput: stack.UpdateInput{Account: account, Region: region, Stack: "reviewed", Template: template}, Name: "c", Creates: true,
			})
			if err != nil || cs.Status != stack.ChangeSetFailed || cs.Reason != test.want || cs.Execution != stack.Unavailable {
				t.Errorf("the change set: %+v, %v", cs, err)
			}

			st := h.create(stack.CreateInput{Template: template, Capabilities: expands})
			diff(t, "a creation", h.told(st), `
- CREATE_IN_PROGRESS: User Initiated
- CREATE_IN_PROGRESS: `+test.want+`
- ROLLBACK_IN_PROGRESS: `+test.want+`. Rollback requested by user.
- ROLLBACK_COMPLETE`)
			if len(st.Parameters) != 1 || st.Parameters[0].Value != "****" {
				t.Errorf("parameters: %+v", st.Parameters)
			}

			st = h.create(stack.CreateInput{Name: "stack-b", Template: []byte(including), Capabilities: expands})
			was := h.told(st)
			next, err := h.Update(t.Context(), stack.UpdateInput{Account: account, Region: region, Stack: st.ID, Template: template, Capabilities: expands})
			if err != nil {
				t.Fatal(err)
			}
			h.wait(next)
			diff(t, "an update", strings.TrimPrefix(h.told(st), was+"\n"), `
- UPDATE_IN_PROGRESS: User Initiated
- UPDATE_IN_PROGRESS: `+test.want+`
- UPDATE_ROLLBACK_IN_PROGRESS: `+test.want+`
- UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
- UPDATE_ROLLBACK_COMPLETE`)
			if now := h.describe(st.ID); now.Digest != st.Digest || h.left(st) != 2 {
				t.Errorf("it is %+v", now)
			}
		})
	}
}

package cfnapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"larder/internal/cfn/stack"
	"larder/internal/evidencetest"
	"larder/internal/fetch"
)

// A transcript is a test that somebody ran against AWS: its calls, and what
// AWS answered.
type transcript struct {
	Name     string                     `json:"name"`
	Calls    []step                     `json:"transcript"`
	Recorded map[string]json.RawMessage `json:"recorded_content"`
}

type step struct {
	N      int             `json:"n"`
	Op     string          `json:"op"`
	Kwargs json.RawMessage `json:"kwargs"`
	Key    string          `json:"key"`
	Source string          `json:"source"`
}

const tooFast = "the update has ended before it is asked about"

// deviations are the recorded answers that ours differ from, and why.
var deviations = map[string]string{
	"api/test_stacks.py::TestStacksApi::test_stack_update_resources stack_created":                           "the recording has another value than the transcript gives",
	"api/test_changesets.py::test_create_change_set_update_without_parameters describe_change_set":           "AWS has since then named the parameter whose default changed",
	"api/test_stack_policies.py::TestStackPolicy::test_set_policy_with_update_operation policy":              tooFast,
	"api/test_stack_policies.py::TestStackPolicy::test_set_policy_with_update_operation policy_after_update": tooFast,
	"api/test_stack_policies.py::TestStackPolicy::test_policy_during_update policy_during_update":            tooFast,
	"api/test_stacks.py::TestStacksApi::test_stack_update_resources stack_updated":                           "the recording has another value than the transcript gives",
	"api/test_stacks.py::test_updating_an_updated_stack_sets_status describe-result":                         "the recording has another value than the transcript gives",
	"api/test_stacks.py::test_no_echo_parameter describe_stack_on_create_complete":                           "an output made from a NoEcho parameter is masked here",
	"api/test_stacks.py::test_no_echo_parameter describe_updated_stacks":                                     "an output made from a NoEcho parameter is masked here",
	"api/test_stacks.py::test_no_echo_parameter describe_updated_stacks_change_set":                          "an output made from a NoEcho parameter is masked here",
	"api/test_stacks.py::test_no_echo_parameter describe_updated_stacks_no_echo_true":                        "an output made from a NoEcho parameter is masked here",
	"api/test_stacks.py::test_no_echo_parameter describe_updated_stacks_no_echo_false":                       "an output made from a NoEcho parameter is masked here",
	"api/test_stacks.py::test_no_echo_parameter describe_stacks":                                             "an output made from a NoEcho parameter is masked here",
	"api/test_transformers.py::TestLanguageExtensionsTransform::test_transform_foreach_use_case transformed": "the recording masks parts of logical ids",
	"api/test_transformers.py::TestLanguageExtensionsTransform::test_transform_to_json_string transformed":   "the recording shows text that is a JSON object as that object",
	"resource_providers/ec2/test_ec2_resource_provider.py::test_deploy_vpc_endpoint resource-description":    "the recording masks ids without brackets",
	"resources/test_ec2.py::test_keypair_create_import outputs":                                              "the fingerprint of an imported key is simulated, not calculated",
}

// behaviors are what a service does to a transcript's resources that no
// template says: here it is played by rule.
var behaviors = map[string]string{
	// IAM refuses a policy that is attached to nothing, and CloudFormation
	// then fails to delete it, too.
	"api/test_stacks.py::test_blocked_stack_deletion": `{"rules":[
		{"match":{"logicalId":"BrokenPolicy"},"action":"CREATE","fail":"At least one of [Groups,Roles,Users] must be non-empty."},
		{"match":{"logicalId":"BrokenPolicy"},"action":"DELETE","fail":"At least one of [Groups,Roles,Users] must be non-empty."}]}`,
}

// TestReplay makes the calls of every recorded transcript whose operations
// are built, through AWS's client, and compares what is answered with what
// AWS answered. What comes from outside (other services, macros) or after an
// update is not compared.
func TestReplay(t *testing.T) {
	t.Parallel()
	compared, same := 0, 0
	for _, tr := range evidencetest.Lines[transcript](t, "transcripts.jsonl") {
		if !replayable(tr) {
			continue
		}
		t.Run(tr.Name, func(t *testing.T) {
			c, m := play(t, tr)
			compared, same = compared+c, same+m
		})
	}
	t.Logf("evidence: CloudFormation answers in transcripts: %d of %d", same, compared)
	if compared < 50 {
		t.Errorf("only %d answers were compared", compared)
	}
}

// play makes a transcript's calls and counts the answers that were compared
// and those that match.
func play(t *testing.T, tr transcript) (compared, same int) {
	rehearse := func(*stack.Options) {}
	if text, ok := behaviors[tr.Name]; ok {
		rehearse = rules(t, text)
	}
	r := &replay{house: open(t, func(o *stack.Options) {
		o.Signals = stack.SignalsSimulated // others gave them, through other services
		o.Fetch = emptyS3(t)
		rehearse(o)
	}), results: map[int]any{}}
	r.client = r.house.client(account, region)
	for _, c := range tr.Calls {
		if c.Op != "snapshot.match" {
			if !r.carry(t.Context(), c) {
				break
			}
			continue
		}
		want, ok := tr.Recorded[c.Key]
		got, found := r.lookup(c.Source)
		if !ok || !found {
			continue
		}
		compared++
		err := r.compare(want, got)
		why, known := deviations[tr.Name+" "+c.Key]
		switch {
		case err == nil && known:
			t.Errorf("%s no longer deviates (%s): strike it off the list", c.Key, why)
		case err == nil:
			same++
		case !known:
			t.Errorf("%s: %v", c.Key, err)
		}
	}
	return compared, same
}

// emptyS3 fetches from an S3 that has no bucket.
func emptyS3(t *testing.T) *fetch.Client {
	t.Helper()
	s3 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>", http.StatusNotFound)
	}))
	t.Cleanup(s3.Close)
	client, err := fetch.New(fetch.Policy{S3Endpoint: s3.URL})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// replayable reports whether a transcript can be played as far as its first
// comparison: it stands on nothing that another service must have made.
func replayable(tr transcript) bool {
	for _, c := range tr.Calls {
		switch service, verb, _ := strings.Cut(c.Op, "."); {
		case c.Op == "deploy_cfn_template", c.Op == "snapshot.match", c.Op == "expect.error", service == "wait":
		case service == "cloudformation":
		case strings.HasPrefix(verb, "is_change_set_"), strings.HasPrefix(verb, "cleanup_"):
		case strings.HasPrefix(verb, "get_"), strings.HasPrefix(verb, "describe_"), strings.HasPrefix(verb, "list_"), strings.HasPrefix(verb, "head_"), verb == "invoke":
		default:
			return false
		}
		if strings.Contains(strings.ReplaceAll(string(c.Kwargs), minimalTemplate, ""), "${tests.") || strings.Contains(string(c.Kwargs), "${fixture") {
			return false
		}
	}
	return true
}

// minimalTemplate stands for a template that was not recorded. Its answers
// tell what is in it.
const minimalTemplate = "${tests.aws.services.cloudformation.api.test_stacks.MINIMAL_TEMPLATE}"

var minimal = strings.NewReplacer(minimalTemplate, "Resources: {SimpleParam: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: test}}}")

// replay is the state of one transcript.
type replay struct {
	house   *house
	client  *cloudformation.Client
	results map[int]any // what each call answered, as boto3 would show it
	stacks  int
}

var built = []string{
	"cancel_update_stack", "continue_update_rollback", "create_change_set", "delete_change_set", "describe_change_set",
	"execute_change_set", "get_stack_policy", "list_change_sets", "set_stack_policy", "update_stack", "update_termination_protection",
	"create_stack", "delete_stack", "describe_stack_events", "describe_stack_resource", "describe_stack_resources",
	"describe_stacks", "get_template", "get_template_summary", "list_exports", "list_stack_resources", "list_stacks",
	"validate_template",
}

// carry makes a call; false ends the transcript.
func (r *replay) carry(ctx context.Context, c step) bool {
	kwargs, ok := r.resolved([]byte(minimal.Replace(string(c.Kwargs))))
	if !ok {
		return strings.HasPrefix(c.Op, "cloudformation.describe_") // of a part that cannot be followed
	}
	service, verb, _ := strings.Cut(c.Op, ".")
	switch {
	case c.Op == "deploy_cfn_template":
		return r.deploy(ctx, c.N, kwargs)
	case service == "fixture":
		return r.house.runner.Idle(ctx) == nil
	case service == "wait":
		var in struct{ StackName string }
		if err := json.Unmarshal(kwargs, &in); err == nil {
			if st, err := r.house.stacks.Describe(ctx, account, region, in.StackName); err == nil {
				return r.house.runner.Wait(ctx, st.Journal.Run) == nil
			}
		}
		return true
	case service == "cloudformation" && slices.Contains(built, verb):
		r.results[c.N] = r.call(ctx, verb, kwargs)
		if verb == "update_stack" || verb == "execute_change_set" {
			return r.house.runner.Idle(ctx) == nil // see tooFast
		}
		return true
	}
	return service != "cloudformation"
}

// call makes one call with boto3's arguments.
func (r *replay) call(ctx context.Context, verb string, kwargs []byte) any {
	var name strings.Builder
	for word := range strings.SplitSeq(verb, "_") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	method := reflect.ValueOf(r.client).MethodByName(name.String())
	in := reflect.New(method.Type().In(1).Elem())
	if len(kwargs) > 0 {
		if err := json.Unmarshal(kwargs, in.Interface()); err != nil {
			return failure(name.String(), err)
		}
	}
	out := method.Call([]reflect.Value{reflect.ValueOf(ctx), in})
	if err, _ := out[1].Interface().(error); err != nil {
		return failure(name.String(), err)
	}
	answer := plain(out[0]).(map[string]any)
	answer["ResponseMetadata"] = map[string]any{"HTTPHeaders": map[string]any{}, "HTTPStatusCode": json.Number("200")}
	return answer
}

// failure shows an error as boto3 does.
func failure(op string, err error) any {
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return map[string]any{"error": map[string]any{"value": err.Error()}}
	}
	code := e.ErrorCode()
	if code == "InsufficientCapabilities" {
		code += "Exception" // what the SDK makes of it
	}
	status := 0
	if res, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		status = res.HTTPStatusCode()
	}
	return map[string]any{"error": map[string]any{"value": map[string]any{
		"": fmt.Sprintf("An error occurred (%s) when calling the %s operation: %s", code, op, e.ErrorMessage()),
		"response": map[string]any{
			"Error":            map[string]any{"Code": code, "Message": e.ErrorMessage(), "Type": "Sender"},
			"ResponseMetadata": map[string]any{"HTTPHeaders": map[string]any{}, "HTTPStatusCode": json.Number(strconv.Itoa(status))},
		},
	}}}
}

// deploy makes or changes a stack as the recordings' fixture does: by a
// change set.
func (r *replay) deploy(ctx context.Context, n int, kwargs []byte) bool {
	var in struct {
		Update       bool `json:"is_update"`
		StackName    *string
		TemplateBody string
		Parameters   map[string]any
	}
	if err := json.Unmarshal(kwargs, &in); err != nil {
		return false
	}
	r.stacks++
	create := &cloudformation.CreateChangeSetInput{
		StackName:     aws.String(fmt.Sprintf("stack-%04dcafe", r.stacks)),
		ChangeSetName: aws.String(fmt.Sprintf("change-set-%04dcafe", r.stacks)),
		ChangeSetType: types.ChangeSetTypeCreate,
		TemplateBody:  &in.TemplateBody,
		Capabilities:  []types.Capability{types.CapabilityCapabilityAutoExpand, types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam},
	}
	if in.StackName != nil {
		create.StackName = in.StackName
	}
	if in.Update {
		create.ChangeSetType = types.ChangeSetTypeUpdate
	}
	for _, key := range slices.Sorted(maps.Keys(in.Parameters)) {
		create.Parameters = append(create.Parameters, types.Parameter{ParameterKey: &key, ParameterValue: aws.String(fmt.Sprint(in.Parameters[key]))})
	}
	planned, err := r.client.CreateChangeSet(ctx, create)
	if err != nil {
		r.results[n] = failure("CreateChangeSet", err)
		return true
	}
	if _, err := r.client.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: planned.Id}); err != nil {
		r.results[n] = failure("ExecuteChangeSet", err)
		return true
	}
	r.house.settle(*planned.StackId)
	st := r.house.describe(r.client, *planned.StackId)
	if st.StackStatus != types.StackStatusCreateComplete && st.StackStatus != types.StackStatusUpdateComplete {
		r.results[n] = map[string]any{"error": map[string]any{"value": map[string]any{"describe_result": plain(reflect.ValueOf(st))}}}
		return true
	}
	outputs := map[string]any{}
	for _, o := range st.Outputs {
		outputs[*o.OutputKey] = *o.OutputValue
	}
	r.results[n] = map[string]any{
		"stack_id": *planned.StackId, "stack_name": *create.StackName, "change_set_id": *planned.Id, "change_set_name": *create.ChangeSetName,
		"outputs": outputs,
	}
	return true
}

var reference = regexp.MustCompile(`\$\{(call\d+[^}]*)\}`)

// resolved puts earlier results in place of references to them.
func (r *replay) resolved(kwargs []byte) ([]byte, bool) {
	ok := true
	out := reference.ReplaceAllFunc(kwargs, func(m []byte) []byte {
		value, found := r.lookup(string(m[2 : len(m)-1]))
		text, isText := value.(string)
		if !found || !isText {
			ok = false
			return m
		}
		quoted, _ := json.Marshal(text)
		return quoted[1 : len(quoted)-1]
	})
	return out, ok
}

var segment = regexp.MustCompile(`^(\w+)(?:\[(\d+)\])?$`)

// lookup follows a path such as call1.Stacks[0].StackStatus.
func (r *replay) lookup(path string) (any, bool) {
	head, rest, _ := strings.Cut(path, ".")
	n, err := strconv.Atoi(strings.TrimPrefix(head, "call"))
	if err != nil {
		return nil, false
	}
	value, ok := r.results[n]
	for ok && rest != "" {
		head, rest, _ = strings.Cut(rest, ".")
		m := segment.FindStringSubmatch(head)
		object, isObject := value.(map[string]any)
		if m == nil || !isObject {
			return nil, false
		}
		value, ok = object[m[1]]
		if m[2] != "" {
			i, _ := strconv.Atoi(m[2])
			list, isList := value.([]any)
			if !isList || i >= len(list) {
				return nil, false
			}
			value = list[i]
		}
	}
	if object, isObject := value.(map[string]any); isObject && object[""] != nil {
		value = object[""] // an error, shown as text
	}
	return value, ok
}

// plain shows what the SDK read as boto3 does: members by name, what is
// absent left out, times as texts, and texts of JSON as what they say.
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
			value := plain(v.Field(i))
			if text, ok := value.(string); ok && text == "" && v.Field(i).Kind() == reflect.String {
				continue // an enum that is absent
			}
			if value == nil {
				continue
			}
			members[f.Name] = value
			switch f.Name {
			case "ResourceProperties", "Metadata", "TemplateBody", "BeforeContext", "AfterContext", "StackPolicyBody":
				var parsed map[string]any
				d := json.NewDecoder(strings.NewReader(fmt.Sprint(value)))
				d.UseNumber()
				if d.Decode(&parsed) == nil {
					members[f.Name] = parsed
				}
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
	case reflect.Bool:
		return v.Bool()
	case reflect.Int32:
		return json.Number(strconv.FormatInt(v.Int(), 10))
	default:
		return v.String()
	}
}

// compare holds an answer against what was recorded.
func (r *replay) compare(recorded json.RawMessage, got any) error {
	var want any
	d := json.NewDecoder(strings.NewReader(string(recorded)))
	d.UseNumber()
	if err := d.Decode(&want); err != nil {
		return err
	}
	withoutReplacement(want)
	err := match(want, got, map[string]string{}, "")
	object, isObject := got.(map[string]any)
	if err == nil || !isObject || object["StackEvents"] == nil {
		return err
	}
	// Some recordings have events oldest first.
	turned := maps.Clone(object)
	events := slices.Clone(object["StackEvents"].([]any))
	slices.Reverse(events)
	turned["StackEvents"] = events
	if match(want, turned, map[string]string{}, "") == nil {
		return nil
	}
	return err
}

// withoutReplacement takes from what is added the Replacement that AWS
// answered until 2025.
func withoutReplacement(value any) {
	switch v := value.(type) {
	case map[string]any:
		if v["Action"] == "Add" {
			delete(v, "Replacement")
		}
		for _, inner := range v {
			withoutReplacement(inner)
		}
	case []any:
		for _, inner := range v {
			withoutReplacement(inner)
		}
	}
}

// unordered are the lists whose order AWS does not keep.
var unordered = []string{"Parameters", "Outputs", "ResourceTypes", "ResourceIdentifierSummaries", "StackResources", "Capabilities", "Changes", "Details", "Tags"}

// match reports how got differs from want. Names in angle brackets stand for
// any text, the same everywhere.
func match(want, got any, names map[string]string, path string) error {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %v, want %v", path, got, want)
		}
		for _, key := range slices.Sorted(maps.Keys(w)) {
			if _, ok := g[key]; !ok {
				return fmt.Errorf("%s.%s is missing, want %v", path, key, w[key])
			}
			if err := match(w[key], g[key], names, path+"."+key); err != nil {
				return err
			}
		}
		for key := range g {
			if _, ok := w[key]; !ok {
				return fmt.Errorf("%s.%s is %v, want none", path, key, g[key])
			}
		}
		return nil
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Errorf("%s is %v, want %v", path, got, want)
		}
		if slices.Contains(unordered, path[strings.LastIndexByte(path, '.')+1:]) {
			return matchSet(w, g, names, path)
		}
		for i := range w {
			if err := match(w[i], g[i], names, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	case string:
		g, ok := got.(string)
		if !ok || !matchText(w, g, names, path) {
			return fmt.Errorf("%s is %v, want %v", path, got, want)
		}
		return nil
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Errorf("%s is %v, want %v", path, got, want)
	}
	return nil
}

func matchSet(want, got []any, names map[string]string, path string) error {
	left := slices.Clone(got)
	for _, w := range want {
		last := fmt.Errorf("%s: nothing is left for %v", path, w)
		found := slices.IndexFunc(left, func(g any) bool {
			trial := maps.Clone(names)
			if err := match(w, g, trial, path); err != nil {
				last = fmt.Errorf("%w\n\tlooking for %v", err, w)
				return false
			}
			maps.Copy(names, trial)
			return true
		})
		if found < 0 {
			return last
		}
		left = slices.Delete(left, found, found+1)
	}
	return nil
}

// placeholder is a name that stands for a text, or a text that was made up
// by AWS and not replaced by one: the end of a generated name, an id.
var placeholder = regexp.MustCompile(`<[^<>]+>|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[a-z0-9]{26}`)

var generated = regexp.MustCompile(`-([A-Za-z0-9]{12,13})$`)

func matchText(want, got string, names map[string]string, path string) bool {
	switch {
	case want == got, want == "datetime", want == "timestamp":
		return true
	case want == "resource-status-reason" && strings.HasSuffix(path, "ResourceStatusReason"):
		return true
	case strings.HasSuffix(path, ".EventId"):
		want = strings.TrimSuffix(want, "-date")
		if !strings.HasPrefix(want, "<") {
			return strings.HasPrefix(got, want+"-")
		}
	}
	if strings.HasSuffix(path, ".PhysicalResourceId") {
		want = generated.ReplaceAllString(want, "-<$1>")
	}
	var open []string
	pattern := "^"
	from := 0
	for _, at := range placeholder.FindAllStringIndex(want, -1) {
		name := want[at[0]:at[1]]
		pattern += regexp.QuoteMeta(want[from:at[0]])
		if value, ok := names[name]; ok {
			pattern += regexp.QuoteMeta(value)
		} else {
			pattern += "(.+?)"
			open = append(open, name)
		}
		from = at[1]
	}
	pattern += regexp.QuoteMeta(want[from:]) + "$"
	m := regexp.MustCompile("(?s)" + pattern).FindStringSubmatch(got)
	if m == nil {
		return false
	}
	for i, name := range open {
		names[name] = m[i+1]
	}
	return true
}

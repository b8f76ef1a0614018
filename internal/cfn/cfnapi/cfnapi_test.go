package cfnapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"larder/internal/cfn/cfnapi"
	"larder/internal/cfn/resource"
	"larder/internal/cfn/stack"
	"larder/internal/db/dbtest"
	"larder/internal/fetch"
	"larder/internal/identity"
	"larder/internal/seal"
	"larder/internal/server"
	"larder/internal/workflow"
)

const (
	account = "111111111111"
	region  = "us-east-1"
)

// house is the CloudFormation API on a socket, with a runner that carries the
// stacks' operations.
type house struct {
	t      *testing.T
	url    string
	stacks *stack.Stacks
	runner *workflow.Runner
}

func open(t *testing.T, change func(*stack.Options)) *house {
	t.Helper()
	d := dbtest.New(t)
	runner := workflow.New(d, workflow.Options{})
	o := stack.Options{DB: d, Runner: runner, Keys: seal.Ephemeral(), Dev: true}
	if change != nil {
		change(&o)
	}
	stacks := stack.New(o)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("runner: %v", err)
		}
	})
	client, err := fetch.New(fetch.Policy{HTTP: true, Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := seal.NewTokens(seal.NewTokenSecret())
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(server.New(server.Config{
		CloudFormation: cfnapi.Handlers(cfnapi.Options{Stacks: stacks, Fetch: client, Tokens: tokens}),
		Authenticate:   identity.Dev{Region: region}.Authenticate,
	}))
	t.Cleanup(srv.Close)
	return &house{t: t, url: srv.URL, stacks: stacks, runner: runner}
}

func rules(t *testing.T, text string) func(*stack.Options) {
	t.Helper()
	r, err := resource.ParseRules([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return func(o *stack.Options) { o.Rules = r }
}

// client returns AWS's client as a user of an account in a region.
func (h *house) client(account, region string) *cloudformation.Client {
	return cloudformation.New(cloudformation.Options{
		Region: region, BaseEndpoint: aws.String(h.url), RetryMaxAttempts: 3, // a connection may break; a fault of ours breaks each time
		Credentials: credentials.NewStaticCredentialsProvider(account, "secret", ""),
	})
}

// settle waits until the operation in charge of a stack has ended.
func (h *house) settle(name string) {
	h.t.Helper()
	st, err := h.stacks.Describe(h.t.Context(), account, region, name)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.runner.Wait(h.t.Context(), st.Journal.Run); err != nil {
		h.t.Fatal(err)
	}
}

// create makes a stack and waits for its end.
func (h *house) create(c *cloudformation.Client, in *cloudformation.CreateStackInput) string {
	h.t.Helper()
	out, err := c.CreateStack(h.t.Context(), in)
	if err != nil {
		h.t.Fatal(err)
	}
	h.settle(*out.StackId)
	return *out.StackId
}

func (h *house) describe(c *cloudformation.Client, name string) types.Stack {
	h.t.Helper()
	out, err := c.DescribeStacks(h.t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		h.t.Fatal(err)
	}
	if len(out.Stacks) != 1 {
		h.t.Fatalf("%d stacks are called %s", len(out.Stacks), name)
	}
	return out.Stacks[0]
}

// wantError checks what a client reads of an error.
func wantError(t *testing.T, err error, code, message string) {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		t.Errorf("answers %v, want %s: %s", err, code, message)
		return
	}
	if e.ErrorCode() != code && e.ErrorCode() != code+"Exception" || e.ErrorMessage() != message {
		t.Errorf("answers %s: %s\nwant    %s: %s", e.ErrorCode(), e.ErrorMessage(), code, message)
	}
}

const topics = `
Description: topics <of> a team
Parameters:
  Name: {Type: String}
  Secret: {Type: String, NoEcho: true, Default: hidden}
Resources:
  First:
    Type: AWS::SNS::Topic
    Metadata: {Owner: team}
    Properties: {TopicName: !Ref Name, DisplayName: !Ref Secret}
  Second:
    Type: AWS::SNS::Topic
    DependsOn: First
Outputs:
  Arn: {Value: !Ref First, Description: of the first, Export: {Name: first-arn}}
  Hidden: {Value: !Sub "s-${Secret}"}
  Plain: {Value: !GetAtt Second.TopicName}
`

func TestLifeOfAStack(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	c := h.client(account, region)
	create := &cloudformation.CreateStackInput{
		StackName: aws.String("life"), TemplateBody: aws.String(topics), ClientRequestToken: aws.String("token-1"),
		Parameters:                  []types.Parameter{{ParameterKey: aws.String("Name"), ParameterValue: aws.String("orders")}},
		Tags:                        []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}},
		NotificationARNs:            []string{"arn:aws:sns:us-east-1:111111111111:told"},
		RoleARN:                     aws.String("arn:aws:iam::111111111111:role/deploy"),
		TimeoutInMinutes:            aws.Int32(30),
		EnableTerminationProtection: aws.Bool(false),
		OnFailure:                   types.OnFailureDoNothing,
	}
	id := h.create(c, create)
	if !strings.HasPrefix(id, "arn:aws:cloudformation:us-east-1:111111111111:stack/life/") {
		t.Errorf("stack id %s", id)
	}
	st := h.describe(c, "life")
	if st.CreationTime == nil || st.LastUpdatedTime != nil || st.DeletionTime != nil {
		t.Errorf("times: %v %v %v", st.CreationTime, st.LastUpdatedTime, st.DeletionTime)
	}
	st.CreationTime = nil
	arn := "arn:aws:sns:us-east-1:111111111111:orders"
	var second string
	for _, o := range st.Outputs {
		if *o.OutputKey == "Plain" {
			second = *o.OutputValue
		}
	}
	if !strings.HasPrefix(second, "life-Second-") {
		t.Errorf("the second topic is called %s", second)
	}
	want := types.Stack{
		StackId: &id, StackName: aws.String("life"), StackStatus: types.StackStatusCreateComplete,
		Description:      aws.String("topics <of> a team"),
		DriftInformation: &types.StackDriftInformation{StackDriftStatus: types.StackDriftStatusNotChecked},
		DisableRollback:  aws.Bool(true), EnableTerminationProtection: aws.Bool(false),
		RollbackConfiguration: &types.RollbackConfiguration{},
		NotificationARNs:      []string{"arn:aws:sns:us-east-1:111111111111:told"},
		RoleARN:               aws.String("arn:aws:iam::111111111111:role/deploy"),
		TimeoutInMinutes:      aws.Int32(30),
		Tags:                  []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}},
		Parameters: []types.Parameter{
			{ParameterKey: aws.String("Name"), ParameterValue: aws.String("orders")},
			{ParameterKey: aws.String("Secret"), ParameterValue: aws.String("****")},
		},
		Outputs: []types.Output{
			{OutputKey: aws.String("Arn"), OutputValue: &arn, Description: aws.String("of the first"), ExportName: aws.String("first-arn")},
			{OutputKey: aws.String("Hidden"), OutputValue: aws.String("****")},
			{OutputKey: aws.String("Plain"), OutputValue: &second},
		},
	}
	if diff := cmp.Diff(want, st, cmp.AllowUnexported(types.Stack{}, types.Parameter{}, types.Output{}, types.Tag{}, types.StackDriftInformation{}, types.RollbackConfiguration{})); diff != "" {
		t.Errorf("DescribeStacks:\n%s", diff)
	}

	again, err := c.CreateStack(t.Context(), create)
	if err != nil || *again.StackId != id {
		t.Errorf("the same token answers %v, %v", again, err)
	}
	create.Tags = nil
	_, err = c.CreateStack(t.Context(), create)
	wantError(t, err, "TokenAlreadyExists", "The client request token token-1 has already been used for this stack. Retry the request with a different client request token")

	detail, err := c.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{StackName: &id, LogicalResourceId: aws.String("First")})
	if err != nil {
		t.Fatal(err)
	}
	if d := detail.StackResourceDetail; *d.PhysicalResourceId != arn || *d.Metadata != `{"Owner":"team"}` || d.ResourceStatus != types.ResourceStatusCreateComplete || d.LastUpdatedTimestamp == nil {
		t.Errorf("DescribeStackResource answers %s %s %s", *d.PhysicalResourceId, *d.Metadata, d.ResourceStatus)
	}
	byPhysical, err := c.DescribeStackResources(t.Context(), &cloudformation.DescribeStackResourcesInput{PhysicalResourceId: &arn})
	if err != nil || len(byPhysical.StackResources) != 2 || *byPhysical.StackResources[1].StackId != id {
		t.Errorf("DescribeStackResources by physical id: %v, %v", byPhysical, err)
	}
	exports, err := c.ListExports(t.Context(), nil)
	if err != nil || len(exports.Exports) != 1 || *exports.Exports[0].Value != arn || *exports.Exports[0].ExportingStackId != id {
		t.Errorf("ListExports: %v, %v", exports, err)
	}

	if _, err := c.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String("life")}); err != nil {
		t.Fatal(err)
	}
	h.settle(id)
	_, err = c.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String("life")})
	wantError(t, err, "ValidationError", "Stack with id life does not exist")
	if st := h.describe(c, id); st.StackStatus != types.StackStatusDeleteComplete || st.DeletionTime == nil || st.EnableTerminationProtection != nil {
		t.Errorf("the deleted stack is %s, deleted %v, protected %v", st.StackStatus, st.DeletionTime, st.EnableTerminationProtection)
	}
	list, err := c.ListStacks(t.Context(), &cloudformation.ListStacksInput{StackStatusFilter: []types.StackStatus{types.StackStatusDeleteComplete}})
	if err != nil || len(list.StackSummaries) != 1 || *list.StackSummaries[0].TemplateDescription != "topics <of> a team" {
		t.Errorf("ListStacks of deleted ones: %v, %v", list, err)
	}
	if all, err := c.DescribeStacks(t.Context(), nil); err != nil || len(all.Stacks) != 0 {
		t.Errorf("DescribeStacks of all: %v, %v", all, err)
	}
	if _, err := c.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String("life")}); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}
}

// The stock waiters and the events that people watch.
func TestFailureSeenByClient(t *testing.T) {
	t.Parallel()
	h := open(t, rules(t, `{"rules":[{"match":{"logicalId":"Second"},"fail":"out of topics"}]}`))
	c := h.client(account, region)
	id := h.create(c, &cloudformation.CreateStackInput{
		StackName: aws.String("failing"), TemplateBody: aws.String(topics),
		Parameters: []types.Parameter{{ParameterKey: aws.String("Name"), ParameterValue: aws.String("orders")}},
	})
	if st := h.describe(c, id); st.StackStatus != types.StackStatusRollbackComplete {
		t.Errorf("the stack is %s", st.StackStatus)
	}
	events, err := c.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: aws.String("failing")})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, e := range events.StackEvents {
		if *e.LogicalResourceId == "Second" && e.ResourceStatus == types.ResourceStatusCreateFailed {
			found = strings.Contains(*e.ResourceStatusReason, "out of topics")
		}
		if e.ResourceProperties != nil && strings.Contains(*e.ResourceProperties, "hidden") {
			t.Errorf("an event tells a secret: %s", *e.ResourceProperties)
		}
	}
	if !found {
		t.Error("no event says why")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	c := h.client(account, region)
	ctx := t.Context()
	h.create(c, &cloudformation.CreateStackInput{StackName: aws.String("there"), TemplateBody: aws.String("Resources: {A: {Type: AWS::SNS::Topic}}")})
	none := aws.String("not-there")
	body := aws.String("Resources: {A: {Type: AWS::SNS::Topic}}")
	for name, c := range map[string]struct {
		call          func() error
		code, message string
	}{
		"describe": {func() error {
			_, err := c.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: none})
			return err
		}, "ValidationError", "Stack with id not-there does not exist"},
		"events": {func() error {
			_, err := c.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: none})
			return err
		}, "ValidationError", "Stack [not-there] does not exist"},
		"resource": {func() error {
			_, err := c.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: none, LogicalResourceId: none})
			return err
		}, "ValidationError", "Stack 'not-there' does not exist"},
		"resource of stack": {func() error {
			_, err := c.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: aws.String("there"), LogicalResourceId: none})
			return err
		}, "ValidationError", "Resource not-there does not exist for stack there"},
		"resources": {func() error {
			_, err := c.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: none})
			return err
		}, "ValidationError", "Stack with id not-there does not exist"},
		"resources by physical id": {func() error {
			_, err := c.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{PhysicalResourceId: none})
			return err
		}, "ValidationError", "Stack for not-there does not exist"},
		"list resources": {func() error {
			_, err := c.ListStackResources(ctx, &cloudformation.ListStackResourcesInput{StackName: none})
			return err
		}, "ValidationError", "Stack with id not-there does not exist"},
		"template": {func() error {
			_, err := c.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: none})
			return err
		}, "ValidationError", "Stack with id not-there does not exist"},
		"template of nothing": {func() error {
			_, err := c.GetTemplate(ctx, nil)
			return err
		}, "ValidationError", "StackName is required if ChangeSetName is not specified."},
		"template of change set": {func() error {
			_, err := c.GetTemplate(ctx, &cloudformation.GetTemplateInput{ChangeSetName: none})
			return err
		}, "ValidationError", "StackName is a required parameter."},
		"template of unknown change set": {func() error {
			_, err := c.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: aws.String("there"), ChangeSetName: none})
			return err
		}, "ChangeSetNotFound", "ChangeSet [not-there] does not exist"},
		"summary": {func() error {
			_, err := c.GetTemplateSummary(ctx, &cloudformation.GetTemplateSummaryInput{StackName: none})
			return err
		}, "ValidationError", "Stack with id not-there does not exist"},
		"no template": {func() error {
			_, err := c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: none})
			return err
		}, "ValidationError", "Either Template URL or Template Body must be specified."},
		"name taken": {func() error {
			_, err := c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String("there"), TemplateBody: body})
			return err
		}, "AlreadyExistsException", "Stack [there] already exists"},
		"bad name": {func() error {
			_, err := c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String("a_b"), TemplateBody: body})
			return err
		}, "ValidationError", "1 validation error detected: Value 'a_b' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"},
		"capabilities": {func() error {
			_, err := c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: none, TemplateBody: aws.String("Resources: {R: {Type: AWS::IAM::Group}}")})
			return err
		}, "InsufficientCapabilities", "Requires capabilities : [CAPABILITY_IAM]"},
		"previous value": {func() error {
			_, err := c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: none, TemplateBody: body, Parameters: []types.Parameter{{ParameterKey: aws.String("P"), UsePreviousValue: aws.Bool(true)}}})
			return err
		}, "ValidationError", "Invalid input for parameter key P. Cannot specify usePreviousValue as true for a parameter key not in the previous template"},
		"stack policy": {func() error {
			_, err := c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: none, TemplateBody: body, StackPolicyBody: aws.String(`{"Statement": 1}`)})
			return err
		}, "ValidationError", "Error validating stack policy: Invalid stack policy"},
		"forced deletion": {func() error {
			_, err := c.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: aws.String("there"), DeletionMode: types.DeletionModeForceDeleteStack})
			return err
		}, "UnsupportedOperation", "DeleteStack with DeletionMode FORCE_DELETE_STACK is not built yet"},
		"retained before anything failed": {func() error {
			_, err := c.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: aws.String("there"), RetainResources: []string{"A"}})
			return err
		}, "ValidationError", "Invalid operation on stack [" + *h.describe(c, "there").StackId + "]. Specify which resources to retain only when the stack is in the DELETE_FAILED state."},
		"imports of nothing": {func() error {
			_, err := c.ListImports(ctx, &cloudformation.ListImportsInput{ExportName: none})
			return err
		}, "ValidationError", "Export 'not-there' is not imported by any stack."},
		"token": {func() error {
			_, err := c.ListStacks(ctx, &cloudformation.ListStacksInput{NextToken: none})
			return err
		}, "ValidationError", "NextToken is not valid."},
		"signal": {func() error {
			_, err := c.SignalResource(ctx, &cloudformation.SignalResourceInput{StackName: none, LogicalResourceId: none, UniqueId: none, Status: types.ResourceSignalStatusSuccess})
			return err
		}, "ValidationError", "Stack [not-there] does not exist"},
		"not built": {func() error {
			_, err := c.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: none})
			return err
		}, "UnsupportedOperation", "DetectStackDrift is not built yet"},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, c.call(), c.code, c.message)
		})
	}
}

// Pages are complete and in order, and a token is of use only to the one it
// was given to, for the same list.
func TestPages(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	c := h.client(account, region)
	ctx := t.Context()
	var body strings.Builder
	body.WriteString("Resources:\n")
	const resources = 230
	for i := range resources {
		fmt.Fprintf(&body, "  R%03d: {Type: 'AWS::SNS::Topic'}\n", i)
	}
	id := h.create(c, &cloudformation.CreateStackInput{StackName: aws.String("large"), TemplateBody: aws.String(body.String())})

	var ids []string
	pages := cloudformation.NewListStackResourcesPaginator(c, &cloudformation.ListStackResourcesInput{StackName: aws.String("large")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.StackResourceSummaries) > 100 {
			t.Errorf("a page of %d", len(page.StackResourceSummaries))
		}
		for _, r := range page.StackResourceSummaries {
			ids = append(ids, *r.LogicalResourceId)
		}
	}
	if len(ids) != resources || ids[0] != "R000" || ids[resources-1] != "R229" {
		t.Errorf("%d resources, from %s to %s", len(ids), ids[0], ids[len(ids)-1])
	}

	seen := map[string]bool{}
	events := cloudformation.NewDescribeStackEventsPaginator(c, &cloudformation.DescribeStackEventsInput{StackName: &id})
	last := ""
	for events.HasMorePages() {
		page, err := events.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.StackEvents {
			// Two events of a resource may bear the same id, as on AWS.
			seen[fmt.Sprint(*e.EventId, *e.PhysicalResourceId)] = true
			last = string(e.ResourceStatus) + " " + *e.LogicalResourceId
		}
	}
	if len(seen) != 3*resources+2 || last != "CREATE_IN_PROGRESS large" {
		t.Errorf("%d events, the oldest is %s", len(seen), last)
	}

	few, err := c.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &id})
	if err != nil || len(few.StackResources) != 100 {
		t.Errorf("DescribeStackResources: %v", err)
	}

	first, err := c.ListStackResources(ctx, &cloudformation.ListStackResourcesInput{StackName: aws.String("large")})
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func() error{
		"another stack": func() error {
			_, err := c.ListStackResources(ctx, &cloudformation.ListStackResourcesInput{StackName: &id, NextToken: first.NextToken})
			return err
		},
		"another operation": func() error {
			_, err := c.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String("large"), NextToken: first.NextToken})
			return err
		},
		"another account": func() error {
			_, err := h.client("222222222222", region).ListStackResources(ctx, &cloudformation.ListStackResourcesInput{StackName: aws.String("large"), NextToken: first.NextToken})
			return err
		},
		"another region": func() error {
			_, err := h.client(account, "eu-west-1").ListStackResources(ctx, &cloudformation.ListStackResourcesInput{StackName: aws.String("large"), NextToken: first.NextToken})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, ask(), "ValidationError", "NextToken is not valid.") })
	}
}

func TestListsOfStacks(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	c := h.client(account, region)
	const count = 105
	for i := range count {
		h.create(c, &cloudformation.CreateStackInput{
			StackName: aws.String(fmt.Sprintf("s%03d", i)), TemplateBody: aws.String("Resources: {A: {Type: AWS::SNS::Topic}}"),
		})
	}
	var names []string
	described := cloudformation.NewDescribeStacksPaginator(c, nil)
	for described.HasMorePages() {
		page, err := described.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Stacks {
			names = append(names, *s.StackName)
		}
	}
	listed := cloudformation.NewListStacksPaginator(c, &cloudformation.ListStacksInput{StackStatusFilter: []types.StackStatus{types.StackStatusCreateComplete, types.StackStatusDeleteComplete}})
	i := 0
	for listed.HasMorePages() {
		page, err := listed.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.StackSummaries {
			if names[i] != *s.StackName {
				t.Errorf("lists differ at %d: %s and %s", i, names[i], *s.StackName)
			}
			i++
		}
	}
	if len(names) != count || i != count || names[0] != "s104" {
		t.Errorf("%d stacks described, %d listed, the first is %s", len(names), i, names[0])
	}
}

// Nothing of an account's region is seen from elsewhere.
func TestIsolation(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	id := h.create(h.client(account, region), &cloudformation.CreateStackInput{
		StackName: aws.String("mine"), TemplateBody: aws.String(topics),
		Parameters: []types.Parameter{{ParameterKey: aws.String("Name"), ParameterValue: aws.String("orders")}},
	})
	for _, elsewhere := range []struct{ account, region string }{{"222222222222", region}, {account, "eu-west-1"}} {
		c := h.client(elsewhere.account, elsewhere.region)
		for _, name := range []string{"mine", id} {
			_, err := c.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
			wantError(t, err, "ValidationError", "Stack with id "+name+" does not exist")
			_, err = c.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &name})
			wantError(t, err, "ValidationError", "Stack ["+name+"] does not exist")
			_, err = c.GetTemplate(t.Context(), &cloudformation.GetTemplateInput{StackName: &name})
			wantError(t, err, "ValidationError", "Stack with id "+name+" does not exist")
			if _, err := c.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &name}); err != nil {
				wantError(t, err, "ValidationError", "Stack ["+name+"] does not exist")
			}
		}
		physical := "arn:aws:sns:us-east-1:111111111111:orders"
		_, err := c.DescribeStackResources(t.Context(), &cloudformation.DescribeStackResourcesInput{PhysicalResourceId: &physical})
		wantError(t, err, "ValidationError", "Stack for "+physical+" does not exist")
		for kind, n := range map[string]func() (int, error){
			"stacks": func() (int, error) {
				out, err := c.DescribeStacks(t.Context(), nil)
				return len(out.Stacks), err
			},
			"summaries": func() (int, error) {
				out, err := c.ListStacks(t.Context(), nil)
				return len(out.StackSummaries), err
			},
			"exports": func() (int, error) {
				out, err := c.ListExports(t.Context(), nil)
				return len(out.Exports), err
			},
		} {
			if n, err := n(); err != nil || n != 0 {
				t.Errorf("%d %s are seen in %v, %v", n, kind, elsewhere, err)
			}
		}
	}
	if st := h.describe(h.client(account, region), id); st.StackStatus != types.StackStatusCreateComplete {
		t.Errorf("somebody else changed the stack: %s", st.StackStatus)
	}
}

func TestTemplateURL(t *testing.T) {
	t.Parallel()
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/bucket/good.yaml":
			fmt.Fprint(w, "Resources: {A: {Type: AWS::SNS::Topic}}")
		case "/bucket/private.yaml":
			w.WriteHeader(http.StatusForbidden)
		case "/bucket/large.yaml":
			_, _ = w.Write(make([]byte, 1_000_001))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(files.Close)
	h := open(t, nil)
	c := h.client(account, region)
	id := h.create(c, &cloudformation.CreateStackInput{StackName: aws.String("fetched"), TemplateURL: aws.String(files.URL + "/bucket/good.yaml")})
	got, err := c.GetTemplate(t.Context(), &cloudformation.GetTemplateInput{StackName: &id, TemplateStage: types.TemplateStageOriginal})
	if err != nil || *got.TemplateBody != "Resources: {A: {Type: AWS::SNS::Topic}}" {
		t.Errorf("GetTemplate: %v, %v", got, err)
	}
	const more = "\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
	for location, message := range map[string]string{
		files.URL + "/bucket/missing.yaml": "S3 error: The specified key does not exist." + more,
		files.URL + "/bucket/private.yaml": "S3 error: Access Denied" + more,
		files.URL + "/bucket/large.yaml":   "Template may not exceed 1000000 bytes in size.",
		"ftp://example.com/a.yaml":         "TemplateURL must be a supported URL.",
		"file:///etc/passwd":               "TemplateURL must be a supported URL.",
	} {
		_, err := c.ValidateTemplate(t.Context(), &cloudformation.ValidateTemplateInput{TemplateURL: &location})
		wantError(t, err, "ValidationError", message)
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	c := h.client(account, region)
	body := aws.String(`
AWSTemplateFormatVersion: 2010-09-09
Description: a bucket and its reader
Metadata: {Owner: team}
Parameters:
  Size: {Type: Number, Default: 3, AllowedValues: [1, 3], Description: how large}
  Word: {Type: String, NoEcho: true}
  Empty: {Type: String, Default: ""}
Resources:
  Reader: {Type: AWS::IAM::Role, Properties: {RoleName: reader, AssumeRolePolicyDocument: {}}}
  One: {Type: AWS::S3::Bucket}
  Two: {Type: AWS::S3::Bucket}
`)
	sum, err := c.GetTemplateSummary(t.Context(), &cloudformation.GetTemplateSummaryInput{TemplateBody: body})
	if err != nil {
		t.Fatal(err)
	}
	for i := range sum.Parameters {
		if c := sum.Parameters[i].ParameterConstraints; c == nil {
			t.Errorf("parameter %s has no constraints", *sum.Parameters[i].ParameterKey)
		}
	}
	if *sum.Version != "2010-09-09" || *sum.Metadata != `{"Owner":"team"}` || *sum.Description != "a bucket and its reader" ||
		*sum.CapabilitiesReason != "The following resource(s) require capabilities: [AWS::IAM::Role]" {
		t.Errorf("summary: %s %s %s %s", *sum.Version, *sum.Metadata, *sum.Description, *sum.CapabilitiesReason)
	}
	if diff := cmp.Diff([]types.Capability{types.CapabilityCapabilityNamedIam}, sum.Capabilities); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"AWS::IAM::Role", "AWS::S3::Bucket"}, sum.ResourceTypes); diff != "" {
		t.Error(diff)
	}
	bucket := sum.ResourceIdentifierSummaries[1]
	if diff := cmp.Diff([][]string{{"One", "Two"}, {"BucketName"}}, [][]string{bucket.LogicalResourceIds, bucket.ResourceIdentifiers}); diff != "" {
		t.Error(diff)
	}
	size, empty := sum.Parameters[0], sum.Parameters[2]
	if diff := cmp.Diff([]string{"1", "3"}, size.ParameterConstraints.AllowedValues); diff != "" || *size.DefaultValue != "3" || *empty.DefaultValue != "" || sum.Parameters[1].DefaultValue != nil || !*sum.Parameters[1].NoEcho {
		t.Errorf("parameters: %s", diff)
	}

	valid, err := c.ValidateTemplate(t.Context(), &cloudformation.ValidateTemplateInput{TemplateBody: body})
	if err != nil || len(valid.Parameters) != 3 || *valid.Parameters[0].Description != "how large" || valid.Capabilities[0] != types.CapabilityCapabilityNamedIam {
		t.Errorf("ValidateTemplate: %v, %v", valid, err)
	}
	_, err = c.ValidateTemplate(t.Context(), &cloudformation.ValidateTemplateInput{TemplateBody: aws.String("Resources: {}")})
	wantError(t, err, "ValidationError", "Template format error: At least one Resources member must be defined.")
}

package awsquery

import (
	"context"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// read decodes form as the input of the form's Action.
func read(t testing.TB, form string) (any, error) {
	t.Helper()
	r, err := Parse([]byte(form))
	if err != nil {
		return nil, err
	}
	c, ok := (&CloudFormationHandlers{}).lookup(r.Action)
	if !ok {
		t.Fatalf("no operation %s", r.Action)
	}
	var d decoder
	in := c.decode(&d, r.form)
	return in, d.err()
}

func TestDecode(t *testing.T) {
	t.Parallel()
	got, err := read(t, "Action=CreateStack&Version=2010-05-15&StackName=s&DisableRollback=true&TimeoutInMinutes=5"+
		"&Parameters.member.2.ParameterKey=B&Parameters.member.2.ParameterValue=&Parameters.member.10.ParameterKey=C"+
		"&Parameters.member.1.ParameterKey=A&Parameters.member.1.UsePreviousValue=false"+
		"&Capabilities.member.1=CAPABILITY_IAM&NotificationARNs=&Tags.member.1.Key=k&Tags.member.1.Value=v"+
		"&RollbackConfiguration.MonitoringTimeInMinutes=0&Unknown.member.1.What=ever")
	if err != nil {
		t.Fatal(err)
	}
	want := &CreateStackInput{
		StackName:        "s",
		DisableRollback:  true,
		TimeoutInMinutes: 5,
		Parameters: []Parameter{
			{ParameterKey: "A", UsePreviousValue: new(false)},
			{ParameterKey: "B", ParameterValue: new("")},
			{ParameterKey: "C"},
		},
		Capabilities:          []Capability{CapabilityCapabilityIam},
		NotificationARNs:      []string{}, // sent as empty, which is not absent
		Tags:                  []Tag{{Key: "k", Value: "v"}},
		RollbackConfiguration: &RollbackConfiguration{MonitoringTimeInMinutes: new(0)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	const one = "1 validation error detected: "
	for _, c := range []struct{ name, form, want string }{
		{"null", "Action=CreateStack", one + "Value null at 'stackName' failed to satisfy constraint: Member must not be null"},
		{"pattern", "Action=CreateStack&StackName=a_b", one + "Value 'a_b' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"},
		{"pattern holds for all of the value", "Action=CreateStack&StackName=a%0A", one + "Value 'a\n' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"},
		{"name or id", "Action=DescribeStacks&StackName=a_b", one + "Value 'a_b' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*"},
		{"empty", "Action=ListStacks&NextToken=", one + "Value '' at 'nextToken' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"too long", "Action=CreateStack&StackName=" + strings.Repeat("a", 129), one + "Value '" + strings.Repeat("a", 129) + "' at 'stackName' failed to satisfy constraint: Member must have length less than or equal to 128"},
		{"length counts characters", "Action=ListStacks&NextToken=" + strings.Repeat("é", 1024), ""},
		{"template body", "Action=CreateStack&StackName=s&TemplateBody=" + strings.Repeat("x", 51201), one + "Value '" + strings.Repeat("x", 51201) + "' at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200"},
		{"enum", "Action=CreateStack&StackName=s&OnFailure=PANIC", one + "Value 'PANIC' at 'onFailure' failed to satisfy constraint: Member must satisfy enum value set: [DO_NOTHING, ROLLBACK, DELETE]"},
		{"enum in list", "Action=CreateStack&StackName=s&Capabilities.member.1=CAPABILITY_IAM&Capabilities.member.2=X", one + "Value '[CAPABILITY_IAM, X]' at 'capabilities' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND]]"},
		{"constraints of an element", "Action=CreateStack&StackName=s&ResourceTypes.member.1=AWS::X&ResourceTypes.member.2=", one + "Value '[AWS::X, ]' at 'resourceTypes' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 256, Member must have length greater than or equal to 1]"},
		{"list too long", "Action=CreateStack&StackName=s&NotificationARNs.member.1=a&NotificationARNs.member.2=b&NotificationARNs.member.3=c&NotificationARNs.member.4=d&NotificationARNs.member.5=e&NotificationARNs.member.6=f", one + "Value '[a, b, c, d, e, f]' at 'notificationARNs' failed to satisfy constraint: Member must have length less than or equal to 5"},
		{"value", "Action=CreateStack&StackName=s&TimeoutInMinutes=0", one + "Value '0' at 'timeoutInMinutes' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"value too large", "Action=CreateStack&StackName=s&RollbackConfiguration.MonitoringTimeInMinutes=181", one + "Value '181' at 'rollbackConfiguration.monitoringTimeInMinutes' failed to satisfy constraint: Member must have value less than or equal to 180"},
		{"nested null", "Action=CreateStack&StackName=s&Tags.member.1.Key=k", one + "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null"},
		{"member without fields", "Action=CreateStack&StackName=s&Tags.member.1=", "2 validation errors detected: Value null at 'tags.1.member.key' failed to satisfy constraint: Member must not be null; Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null"},
		{"two faults", "Action=UpdateTerminationProtection", "2 validation errors detected: Value null at 'enableTerminationProtection' failed to satisfy constraint: Member must not be null; Value null at 'stackName' failed to satisfy constraint: Member must not be null"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := read(t, c.form)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want := &Error{Code: "ValidationError", Message: c.want, Status: 400}
			if diff := cmp.Diff(want, err); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaultsAreBounded(t *testing.T) {
	t.Parallel()
	form := strings.Builder{}
	form.WriteString("Action=CreateStack&StackName=s")
	for i := range 10_000 {
		form.WriteString("&Tags.member." + strconv.Itoa(i+1) + ".Key=")
	}
	_, err := read(t, form.String())
	if err == nil || len(err.Error()) > 10_000 {
		t.Errorf("10,000 faults make an answer of %d bytes", len(err.Error()))
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]string{
		"bad escape":            "Action=ListStacks&NextToken=%zz",
		"not UTF-8":             "Action=ListStacks&NextToken=%ff",
		"a NUL":                 "Action=ListStacks&NextToken=a%00",
		"not UTF-8 in a key":    "Action=ListStacks&%ff=a",
		"raw bytes":             "Action=ListStacks&NextToken=\xff",
		"twice":                 "Action=ListStacks&NextToken=a&NextToken=b",
		"too many":              "Action=ListStacks" + strings.Repeat("&a=b", maxKeys),
		"not a boolean":         "Action=CreateStack&StackName=s&DisableRollback=maybe",
		"not an integer":        "Action=CreateStack&StackName=s&TimeoutInMinutes=1.5",
		"integer overflow":      "Action=CreateStack&StackName=s&TimeoutInMinutes=99999999999999999999",
		"index 0":               "Action=CreateStack&StackName=s&Tags.member.0.Key=a",
		"negative index":        "Action=CreateStack&StackName=s&Tags.member.-1.Key=a",
		"index with a sign":     "Action=CreateStack&StackName=s&Tags.member.%2B1.Key=a",
		"index too large":       "Action=CreateStack&StackName=s&Tags.member.4294967297.Key=a",
		"index is a word":       "Action=CreateStack&StackName=s&Tags.member.x.Key=a",
		"leading zero":          "Action=CreateStack&StackName=s&Tags.member.01.Key=a",
		"structure for a text":  "Action=CreateStack&StackName=s&Capabilities.member.1.Name=a",
		"map entry is a word":   "Action=CreateChangeSet&StackName=s&ChangeSetName=c&ResourcesToImport.member.1.ResourceIdentifier.entry.x.key=a",
		"empty index":           "Action=CreateStack&StackName=s&Tags.member..Key=a",
		"fields of a list only": "Action=CreateStack&StackName=s&Capabilities.member.=a",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(t, form)
			if e, ok := err.(*Error); !ok || e.Code != CodeMalformedInput || e.Status != 400 { //nolint:errorlint // it must be bare
				t.Errorf("answers %v", err)
			}
		})
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	asked := ""
	deny := func(_ context.Context, op Op, in any) error {
		asked = op.String() + " " + in.(*CreateStackInput).StackName
		return AccessDenied("no")
	}
	h := &CloudFormationHandlers{
		CreateStack: func(_ context.Context, in *CreateStackInput) (*CreateStackOutput, error) {
			return &CreateStackOutput{StackId: "id of " + in.StackName}, nil
		},
		DeleteStack: func(context.Context, *DeleteStackInput) (*DeleteStackOutput, error) {
			return nil, ValidationError("no")
		},
	}
	const version = "&Version=2010-05-15"
	for _, c := range []struct {
		form, code, message string
		authorize           Authorizer
	}{
		{"Action=CreateStack&StackName=s" + version, "", "", nil},
		{"Action=CreateStack&StackName=s" + version, "AccessDenied", "no", deny},
		{"Action=CreateStack" + version, "ValidationError", "1 validation error detected: Value null at 'stackName' failed to satisfy constraint: Member must not be null", deny},
		{"Action=DeleteStack&StackName=s" + version, "ValidationError", "no", nil},
		{"StackName=s" + version, "MissingAction", "The request is missing an action or a required parameter", nil},
		{"Action=Frobnicate" + version, "InvalidAction", "Could not find operation Frobnicate for version 2010-05-15", nil},
		{"Action=CreateStack&StackName=s&Version=2011-06-15", "InvalidAction", "Could not find operation CreateStack for version 2011-06-15", nil},
		{"Action=CreateStack&StackName=s", "InvalidAction", "Could not find operation CreateStack for version NO_VERSION_SPECIFIED", nil},
		{"Action=UpdateStack" + version, "ValidationError", "1 validation error detected: Value null at 'stackName' failed to satisfy constraint: Member must not be null", nil},
		{"Action=UpdateStack&StackName=s" + version, "UnsupportedOperationException", "UpdateStack is not built yet", nil},
		{"Action=RegisterType" + version, "UnsupportedOperationException", "RegisterType is not built yet", nil},
	} {
		r, err := Parse([]byte(c.form))
		if err != nil {
			t.Fatal(err)
		}
		_, out, err := Serve(t.Context(), h, r, c.authorize)
		if c.code == "" {
			if err != nil || out.(*CreateStackOutput).StackId != "id of s" {
				t.Errorf("%s answers %v, %v", c.form, out, err)
			}
			continue
		}
		e, ok := err.(*Error) //nolint:errorlint // it must be bare
		if !ok || e.Code != c.code || e.Message != c.message {
			t.Errorf("%s answers %v, want %s: %s", c.form, err, c.code, c.message)
		}
	}
	if asked != "cloudformation:CreateStack s" {
		t.Errorf("the authorizer was asked %q", asked)
	}
}

func TestBuilt(t *testing.T) {
	t.Parallel()
	h := &STSHandlers{GetCallerIdentity: func(context.Context, *GetCallerIdentityInput) (*GetCallerIdentityOutput, error) {
		return nil, nil
	}}
	if diff := cmp.Diff([]string{"GetCallerIdentity"}, h.Built()); diff != "" {
		t.Error(diff)
	}
	if got := len(h.Unbuilt()); got != 10 {
		t.Errorf("%d of the model's 11 operations are unbuilt, want 10", got)
	}
	if got := len((&CloudFormationHandlers{}).Unbuilt()); got != 90 {
		t.Errorf("%d of the model's 90 operations are unbuilt, want 90", got)
	}
}

// FuzzDecode feeds a body to every operation: none may panic, and the pairs
// read must be those that the standard library reads.
func FuzzDecode(f *testing.F) {
	f.Add("Action=CreateStack&StackName=s&Tags.member.1.Key=a&Tags.member.1.Value=b")
	f.Add("Tags=&Tags.member=&Tags.member.1=&Tags.member.1.=&.=&=")
	f.Add("ResourcesToImport.member.1.ResourceIdentifier.entry.1.key=k&ResourcesToImport.member.1.ResourceIdentifier.entry.1.value=v")
	f.Add("a%2eb=c+d&%61.c=%26")
	ops := reflect.TypeFor[CloudFormationHandlers]()
	h := &CloudFormationHandlers{}
	f.Fuzz(func(t *testing.T, body string) {
		r, err := Parse([]byte(body))
		if err != nil {
			return
		}
		if values, err := url.ParseQuery(body); err == nil {
			for key, all := range values {
				if got, ok := r.form.get(key); !ok || got != all[0] {
					t.Errorf("%q is %q, want %q", key, got, all[0])
				}
			}
		}
		for i := range ops.NumField() {
			c, _ := h.lookup(ops.Field(i).Name)
			var d decoder
			c.decode(&d, r.form)
		}
	})
}

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
)

// crashFiles are what the crash test launches from. A queue is replaced when
// Value changes, a topic updated, and the note says which queue it is.
var crashFiles = map[string]string{
	"first.yaml": `
Parameters: {Value: {Type: String}}
Resources:
  Queue: {Type: "AWS::SQS::Queue", Properties: {QueueName: !Sub "${AWS::StackName}-${Value}"}}
  Topic: {Type: "AWS::SNS::Topic", Properties: {DisplayName: !Ref Value}}
  Note: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !GetAtt Queue.Arn}}
Outputs:
  Value: {Value: !Ref Value}
  Queue: {Value: !Ref Queue}
`,
	"second.yaml": `
Parameters: {Value: {Type: String}}
Resources:
  Queue: {Type: "AWS::SQS::Queue", Properties: {QueueName: !Sub "${AWS::StackName}-${Value}"}}
  Store: {Type: "AWS::S3::Bucket"}
  Note: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !GetAtt Queue.Arn}}
Outputs:
  Value: {Value: !Ref Value}
  Queue: {Value: !Ref Queue}
`,
	"unlucky.yaml": `
Parameters: {Value: {Type: String}}
Resources:
  Queue: {Type: "AWS::SQS::Queue", Properties: {QueueName: !Sub "${AWS::StackName}-${Value}"}}
  Unlucky: {Type: "AWS::S3::Bucket", DependsOn: Queue}
  Note: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !GetAtt Queue.Arn}}
Outputs:
  Value: {Value: !Ref Value}
  Queue: {Value: !Ref Queue}
`,
	"rules.yaml": slowQueues + `
  - match: {logicalId: Unlucky}
    fail: out of luck
`,
}

// crashTypes are all types that crashFiles name.
var crashTypes = []string{"AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::SSM::Parameter", "AWS::S3::Bucket"}

// crashTemplates writes crashFiles.
func crashTemplates(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range crashFiles {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// publish offers a product with a version of each template.
func (c *crash) publish(root string) {
	ctx, s := c.t.Context(), c.nodes[0].client()
	must := func(err error) {
		c.t.Helper()
		if err != nil {
			c.t.Fatal(err)
		}
	}
	artifact := func(name string) api.ProvisioningArtifactProperties {
		return api.ProvisioningArtifactProperties{
			Name: &name, Type: new(api.ProvisioningArtifactTypeCloudFormationTemplate),
			Info: map[string]string{"LoadTemplateFromURL": "file://" + filepath.Join(root, name+".yaml")},
		}
	}
	portfolio, err := s.CreatePortfolio(ctx, &api.CreatePortfolioInput{DisplayName: "P", ProviderName: "us", IdempotencyToken: "p"})
	must(err)
	product, err := s.CreateProduct(ctx, &api.CreateProductInput{
		Name: "queue", Owner: "us", ProductType: api.ProductTypeCloudFormationTemplate, IdempotencyToken: "q",
		ProvisioningArtifactParameters: new(artifact("first")),
	})
	must(err)
	c.product = product.ProductViewDetail.ProductViewSummary.ProductId
	c.version = map[string]string{"first": product.ProvisioningArtifactDetail.Id}
	for _, name := range []string{"second", "unlucky"} {
		made, err := s.CreateProvisioningArtifact(ctx, &api.CreateProvisioningArtifactInput{ProductId: c.product, IdempotencyToken: name, Parameters: artifact(name)})
		must(err)
		c.version[name] = made.ProvisioningArtifactDetail.Id
	}
	_, err = s.AssociateProductWithPortfolio(ctx, &api.AssociateProductWithPortfolioInput{PortfolioId: portfolio.PortfolioDetail.Id, ProductId: c.product})
	must(err)
	_, err = s.AssociatePrincipalWithPortfolio(ctx, &api.AssociatePrincipalWithPortfolioInput{
		PortfolioId: portfolio.PortfolioDetail.Id, PrincipalType: api.PrincipalTypeIAM,
		PrincipalARN: "arn:aws:iam::" + crashAccount + ":user/" + crashAccount,
	})
	must(err)
}

// settle looks at what is left when all clients are gone.
func (c *crash) settle() {
	c.t.Helper()
	c.idle()
	products, records := map[string]api.ProvisionedProductStatus{}, map[string]api.RecordStatus{}
	history := all[api.ListRecordHistoryOutput](c, api.OpListRecordHistory, &api.ListRecordHistoryInput{}).RecordDetails
	for _, r := range history {
		records[r.RecordId] = r.Status
		products[r.ProvisionedProductId] = "" // gone, unless it is found
	}
	c.accounted(history)
	inventory := map[string]map[string]string{}
	for _, typ := range crashTypes {
		inventory[typ] = map[string]string{}
		for _, r := range all[api.ListResourcesOutput](c, api.OpListResources, &api.ListResourcesInput{TypeName: typ}).ResourceDescriptions {
			if _, twice := inventory[typ][r.Identifier]; twice {
				c.t.Errorf("%s %s exists twice", typ, r.Identifier)
			}
			inventory[typ][r.Identifier] = r.Properties
		}
	}
	found := map[string]bool{}
	for _, d := range all[api.ScanProvisionedProductsOutput](c, api.OpScanProvisionedProducts, &api.ScanProvisionedProductsInput{}).ProvisionedProducts {
		found[d.Id], products[d.Id] = true, d.Status
		switch d.Status {
		case api.ProvisionedProductStatusAvailable, api.ProvisionedProductStatusTainted, api.ProvisionedProductStatusError:
			c.stands(d, inventory)
		default:
			c.t.Errorf("%s (%s) stays %s: %s", d.Name, d.Id, d.Status, d.StatusMessage)
		}
	}
	for typ, left := range inventory {
		for identifier := range left {
			c.t.Errorf("%s %s is nobody's", typ, identifier)
		}
	}
	c.abandoned(found)
	c.hook.told(c.t, products, records)
	// The history ends with a look at each name.
	last := &client{crash: c, id: crashClients, rand: rand.New(rand.NewPCG(0, 0))}
	for i := range crashNames {
		product, err := last.look(nameOf(i))
		if err != nil {
			return
		}
		delete(found, product)
	}
	for product := range found {
		c.t.Errorf("product %s is listed, and no name leads to it", product)
	}
}

// all asks the first server for all pages of a list.
func all[O any](c *crash, op api.Op, in any) *O {
	c.t.Helper()
	out, err := c.nodes[0].collect(op, in)
	if err != nil {
		c.t.Fatal(err)
	}
	return out.(*O)
}

// idle waits until no operation is under way.
func (c *crash) idle() {
	c.t.Helper()
	for limit := time.Now().Add(crashPatience); ; <-time.After(breath) {
		left := all[api.ListOperationsOutput](c, api.OpListOperations, &api.ListOperationsInput{}).Operations
		if len(left) == 0 {
			return
		}
		if time.Now().After(limit) {
			c.t.Fatalf("operations are stuck: %+v", left)
		}
	}
}

// accounted checks that there is one record for each request that was
// acknowledged, ended as it should be, and none besides; but for terminations
// whose first answer was lost and which were over when they were asked again.
func (c *crash) accounted(records []api.RecordDetail) {
	c.t.Helper()
	unheard := map[string][]porcupine.Operation{} // terminations, by product
	for _, op := range c.history {
		if in := op.Input.(asked); in.deed == ends && in.lost && op.Output.(answer).verdict == missing {
			unheard[in.of] = append(unheard[in.of], op)
		}
	}
	seen := map[string]bool{}
	for _, r := range records {
		seen[r.RecordId] = true
		o, want := c.orders[r.RecordId], api.RecordStatusSucceeded
		switch lost := unheard[r.ProvisionedProductId]; {
		case o != nil && o.version == "unlucky":
			want = api.RecordStatusFailed
		case o != nil:
		case len(lost) > 0 && r.RecordType == "TERMINATE_PROVISIONED_PRODUCT":
			c.history = append(c.history, porcupine.Operation{
				Input: asked{deed: recordEnd, name: r.ProvisionedProductName, of: r.RecordId},
				Call:  lost[0].Call, Return: lost[len(lost)-1].Return, Output: answer{verdict: granted, status: string(r.Status)},
			})
			delete(unheard, r.ProvisionedProductId)
		default:
			c.t.Errorf("record %s of %s (%s) was acknowledged to nobody", r.RecordId, r.ProvisionedProductName, r.RecordType)
		}
		if r.Status != want {
			c.t.Errorf("record %s of %+v ended %s: %+v", r.RecordId, o, r.Status, r.RecordErrors)
		}
	}
	for id, o := range c.orders {
		if !seen[id] {
			c.t.Errorf("record %s of %+v is not listed", id, *o)
		}
	}
}

// stands checks that a product's stack has the resources of the template that
// it was last made from, once each, and takes them out of the inventory.
func (c *crash) stands(d api.ProvisionedProductDetail, inventory map[string]map[string]string) {
	c.t.Helper()
	stack := "SC-" + crashAccount + "-" + d.Id
	want := map[string]string{}
	from := c.orders[d.LastSuccessfulProvisioningRecordId]
	if from != nil {
		queue := stack + "-" + from.value
		want = map[string]string{"Queue": queue, "Note": "arn:aws:sqs:us-east-1:" + crashAccount + ":" + queue, "Store": ""}
		if from.version == "first" {
			delete(want, "Store")
			want["Topic"] = from.value
		}
	}
	// What tells a resource of a type from others.
	telling := map[string]string{"AWS::SQS::Queue": "QueueName", "AWS::SNS::Topic": "DisplayName", "AWS::SSM::Parameter": "Value"}

	client := c.stacks()
	out, err := client.DescribeStackResources(c.t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: &stack})
	if err != nil {
		c.t.Errorf("%s of %+v: %v", stack, from, err)
		return
	}
	got := map[string]string{}
	for _, r := range out.StackResources {
		status, typ, physical := string(r.ResourceStatus), *r.ResourceType, aws.ToString(r.PhysicalResourceId)
		if status == "DELETE_COMPLETE" {
			continue
		}
		text, ok := inventory[typ][physical]
		if !ok || !strings.HasSuffix(status, "_COMPLETE") {
			c.t.Errorf("%s: %s is %s, as %q (exists: %t)", stack, *r.LogicalResourceId, status, physical, ok)
		}
		delete(inventory[typ], physical)
		var properties map[string]any
		if err := json.Unmarshal([]byte(text), &properties); ok && err != nil {
			c.t.Error(err)
		}
		got[*r.LogicalResourceId] = ""
		if key := telling[typ]; key != "" {
			got[*r.LogicalResourceId] = fmt.Sprint(properties[key])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("%s of %+v, %s (-want +got):\n%s", stack, from, d.Status, diff)
	}

	// Each record had one effect.
	changes := -1 // the first is the launch
	for _, o := range c.orders {
		if o.product == d.Id && o.deed != ends {
			changes++
		}
	}
	begun := map[cftypes.ResourceStatus]int{}
	pages := cloudformation.NewDescribeStackEventsPaginator(client, &cloudformation.DescribeStackEventsInput{StackName: &stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(c.t.Context())
		if err != nil {
			c.t.Error(err)
			return
		}
		for _, e := range page.StackEvents {
			if aws.ToString(e.PhysicalResourceId) == *e.StackId {
				begun[e.ResourceStatus]++
			}
		}
	}
	if begun[cftypes.ResourceStatusCreateInProgress] != 1 || begun[cftypes.ResourceStatusUpdateInProgress] != changes {
		c.t.Errorf("%s: %d updates were acknowledged, and its events are %v", stack, changes, begun)
	}
}

// stacks is CloudFormation at the first server.
func (c *crash) stacks() *cloudformation.Client {
	return cloudformation.New(cloudformation.Options{
		Region: "us-east-1", BaseEndpoint: &c.nodes[0].URL, Credentials: credentials.NewStaticCredentialsProvider(crashAccount, "any", ""),
	})
}

// abandoned checks that every stack is a product's.
func (c *crash) abandoned(products map[string]bool) {
	c.t.Helper()
	pages := cloudformation.NewListStacksPaginator(c.stacks(), &cloudformation.ListStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(c.t.Context())
		if err != nil {
			c.t.Fatal(err)
		}
		for _, s := range page.StackSummaries {
			product := strings.TrimPrefix(*s.StackName, "SC-"+crashAccount+"-")
			if s.StackStatus != cftypes.StackStatusDeleteComplete && !products[product] {
				c.t.Errorf("stack %s is %s, and its product is gone", *s.StackName, s.StackStatus)
			}
		}
	}
}

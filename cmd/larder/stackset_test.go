package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog"
	sctypes "github.com/aws/aws-sdk-go-v2/service/servicecatalog/types"
)

// pairTemplate is slowed by slowQueues, so that kills hit instances halfway.
const pairTemplate = `{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}, "Queue": {"Type": "AWS::SQS::Queue"}}}`

// TestKillRollOut kills the server at random moments of a roll-out and starts
// it again each time. The operation must go on to its end, never with more
// instances under way than it may have, and every instance must be one stack.
func TestKillRollOut(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, store []string) {
		const (
			kills = 3
			most  = 8 // under way
		)
		rules := filepath.Join(t.TempDir(), "rules.yaml")
		if err := os.WriteFile(rules, []byte(slowQueues), 0o600); err != nil {
			t.Fatal(err)
		}
		args := append([]string{"dev", "--rules", rules, "--log-level", "error"}, store...)
		p := start(t, args...)
		client := func(account, region string) *cloudformation.Client {
			return cloudformation.New(cloudformation.Options{
				Region: region, BaseEndpoint: aws.String(p.URL), RetryMaxAttempts: 3, // a connection may break; a fault of ours breaks each time
				Credentials: credentials.NewStaticCredentialsProvider(account, "any", ""),
			})
		}
		ctx := context.Background()
		admin := func() *cloudformation.Client { return client("123456789012", "us-east-1") }
		fleet := aws.String("fleet")
		if _, err := admin().CreateStackSet(ctx, &cloudformation.CreateStackSetInput{StackSetName: fleet, TemplateBody: aws.String(pairTemplate)}); err != nil {
			t.Fatal(err)
		}
		in := &cloudformation.CreateStackInstancesInput{
			StackSetName: fleet, OperationId: aws.String("roll-out"), Regions: []string{"us-east-1", "us-west-2", "eu-west-1"},
			OperationPreferences: &types.StackSetOperationPreferences{
				FailureToleranceCount: aws.Int32(most - 1), MaxConcurrentCount: aws.Int32(most),
			},
		}
		for i := range 30 {
			in.Accounts = append(in.Accounts, fmt.Sprintf("%012d", 200_000_000_000+i))
		}
		if _, err := admin().CreateStackInstances(ctx, in); err != nil {
			t.Fatal(err)
		}
		for range kills {
			for range 20 + rand.IntN(200) { // the moment of a kill is meant to be any
				if _, err := admin().DescribeStackSet(ctx, &cloudformation.DescribeStackSetInput{StackSetName: fleet}); err != nil {
					t.Fatal(err)
				}
			}
			p.kill()
			p = start(t, args...)
			// The id makes it the same request.
			if _, err := admin().CreateStackInstances(ctx, in); err != nil {
				t.Fatal(err)
			}
		}
		for status := types.StackSetOperationStatusRunning; status == types.StackSetOperationStatusRunning; {
			running := 0
			results := cloudformation.NewListStackSetOperationResultsPaginator(admin(), &cloudformation.ListStackSetOperationResultsInput{
				StackSetName: fleet, OperationId: in.OperationId,
				Filters: []types.OperationResultFilter{{Name: types.OperationResultFilterNameOperationResultStatus, Values: aws.String("RUNNING")}},
			})
			for results.HasMorePages() {
				page, err := results.NextPage(ctx)
				if err != nil {
					t.Fatal(err)
				}
				running += len(page.Summaries)
			}
			if running > most {
				t.Fatalf("%d instances are under way, %d may", running, most)
			}
			op, err := admin().DescribeStackSetOperation(ctx, &cloudformation.DescribeStackSetOperationInput{StackSetName: fleet, OperationId: in.OperationId})
			if err != nil {
				t.Fatal(err)
			}
			status = op.StackSetOperation.Status
			if status != types.StackSetOperationStatusRunning && status != types.StackSetOperationStatusSucceeded {
				t.Fatalf("the roll-out %s", status)
			}
		}
		n := 0
		instances := cloudformation.NewListStackInstancesPaginator(admin(), &cloudformation.ListStackInstancesInput{StackSetName: fleet})
		for instances.HasMorePages() {
			page, err := instances.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range page.Summaries {
				n++
				stacks, err := client(*i.Account, *i.Region).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{})
				if err != nil {
					t.Fatal(err)
				}
				if i.Status != types.StackInstanceStatusCurrent || len(stacks.Stacks) != 1 || *stacks.Stacks[0].StackId != *i.StackId {
					t.Errorf("instance %s %s is %s with %d stacks", *i.Account, *i.Region, i.Status, len(stacks.Stacks))
				}
			}
		}
		if want := len(in.Accounts) * len(in.Regions); n != want {
			t.Errorf("%d instances, want %d", n, want)
		}
	})
}

// playSpread launches a stack set of which one place cannot be made, and
// brings that up.
func playSpread(t *testing.T, d *lifecycle) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	own := *d // with a product of its own, in the same life cycle
	shelf, err := d.client.CreatePortfolio(ctx, &servicecatalog.CreatePortfolioInput{DisplayName: aws.String("many places"), ProviderName: aws.String("us")})
	must(err)
	made, err := d.client.CreateProduct(ctx, &servicecatalog.CreateProductInput{
		Name: aws.String("queues"), Owner: aws.String("us"), ProductType: sctypes.ProductTypeCloudFormationTemplate,
		ProvisioningArtifactParameters: &sctypes.ProvisioningArtifactProperties{Info: map[string]string{"LoadTemplateFromURL": d.templates + "/partly"}},
	})
	must(err)
	own.product, own.names = *made.ProductViewDetail.ProductViewSummary.ProductId, d.names+1000
	next, err := d.client.CreateProvisioningArtifact(ctx, &servicecatalog.CreateProvisioningArtifactInput{
		ProductId: &own.product, Parameters: &sctypes.ProvisioningArtifactProperties{Info: map[string]string{"LoadTemplateFromURL": d.templates + "/good"}},
	})
	must(err)
	own.versions = map[string]string{"partly": *made.ProvisioningArtifactDetail.Id, "good": *next.ProvisioningArtifactDetail.Id}
	_, err = d.client.AssociateProductWithPortfolio(ctx, &servicecatalog.AssociateProductWithPortfolioInput{PortfolioId: shelf.PortfolioDetail.Id, ProductId: &own.product})
	must(err)
	_, err = d.client.AssociatePrincipalWithPortfolio(ctx, &servicecatalog.AssociatePrincipalWithPortfolioInput{
		PortfolioId: shelf.PortfolioDetail.Id, PrincipalARN: aws.String(d.operator.principal(t)), PrincipalType: sctypes.PrincipalTypeIam,
	})
	must(err)
	_, err = d.client.CreateConstraint(ctx, &servicecatalog.CreateConstraintInput{
		PortfolioId: shelf.PortfolioDetail.Id, ProductId: &own.product, Type: aws.String("STACKSET"),
		Parameters: aws.String(`{"Version": "String", "Properties": {"AccountList": ["222222222222"], "RegionList": ["us-east-1", "us-west-2"],
			"AdminRole": "arn:aws:iam::` + lifecycleAccount + `:role/admin", "ExecutionRole": "exec"}}`),
	})
	must(err)

	s := own.specimen(t)
	s.begins("launch", "partly").ends("launch failed in part", sctypes.RecordStatusFailed)
	if detail, _ := s.describe(); *detail.Type != "CFN_STACKSET" {
		t.Errorf("the product is of type %s", *detail.Type)
	}
	s.begins("update", "good").ends("update succeeded", sctypes.RecordStatusSucceeded)
	s.begins("terminate", "").ends("termination succeeded", sctypes.RecordStatusSucceeded)
}

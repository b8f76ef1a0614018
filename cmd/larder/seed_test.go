package main

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog"
	sctypes "github.com/aws/aws-sdk-go-v2/service/servicecatalog/types"
)

// TestSeed fills a store and finds, describes and terminates what is in it as
// if each had been launched.
func TestSeed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fill := func(args ...string) (string, error) {
		out, err := exec.Command("larder", append([]string{"seed", "--data", dir, "--count", "30", "--users", "3"}, args...)...).CombinedOutput()
		return string(out), err
	}
	if out, err := fill(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := fill(); err == nil || !strings.Contains(out, "--force") {
		t.Errorf("a filled store was filled again: %v\n%s", err, out)
	}
	ctx := context.Background()
	p := start(t, "dev", "--data", dir)
	who := credentials.NewStaticCredentialsProvider("seed-1", "any", "")
	catalog := servicecatalog.New(servicecatalog.Options{Region: defaultRegion, BaseEndpoint: &p.URL, Credentials: who})
	search := func(level sctypes.AccessLevelFilterKey, text string) (names []string, total int32) {
		out, err := catalog.SearchProvisionedProducts(ctx, &servicecatalog.SearchProvisionedProductsInput{
			AccessLevelFilter: &sctypes.AccessLevelFilter{Key: level, Value: aws.String("self")},
			Filters:           map[string][]string{"SearchQuery": {text}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range out.ProvisionedProducts {
			names = append(names, *found.Name)
		}
		return names, out.TotalResultsCount
	}
	if names, total := search(sctypes.AccessLevelFilterKeyAccount, "tags:team=team-3 userArn:arn:aws:iam::000000000000:user/seed-1"); total != 1 || !slices.Equal(names, []string{"seeded-0000013"}) {
		t.Errorf("of a team and an owner: %v of %d", names, total)
	}
	if _, total := search(sctypes.AccessLevelFilterKeyUser, "status:AVAILABLE"); total != 10 {
		t.Errorf("%d are the caller's, want 10", total)
	}
	described, err := catalog.DescribeProvisionedProduct(ctx, &servicecatalog.DescribeProvisionedProductInput{Name: aws.String("seeded-0000013")})
	if err != nil {
		t.Fatal(err)
	}
	product := described.ProvisionedProductDetail
	record, err := catalog.DescribeRecord(ctx, &servicecatalog.DescribeRecordInput{Id: product.LastRecordId})
	if err != nil {
		t.Fatal(err)
	}
	stack := "SC-000000000000-" + *product.Id
	if d := record.RecordDetail; *d.ProvisionedProductName != *product.Name || *d.ProvisionedProductId != *product.Id || d.Status != sctypes.RecordStatusSucceeded {
		t.Errorf("record %+v", d)
	}
	if n := len(record.RecordOutputs); n == 0 || !strings.Contains(*record.RecordOutputs[n-1].OutputValue, stack) {
		t.Errorf("outputs %+v", record.RecordOutputs)
	}
	stacks := cloudformation.New(cloudformation.Options{Region: defaultRegion, BaseEndpoint: &p.URL, Credentials: who})
	resources, err := stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &stack})
	if err != nil || len(resources.StackResources) != 1 {
		t.Fatalf("%+v, %v", resources, err)
	}
	bye, err := catalog.TerminateProvisionedProduct(ctx, &servicecatalog.TerminateProvisionedProductInput{
		ProvisionedProductName: product.Name, TerminateToken: aws.String("bye"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := untilSucceeded(ctx, catalog, *bye.RecordDetail.RecordId); err != nil {
		t.Fatal(err)
	}
	if _, total := search(sctypes.AccessLevelFilterKeyAccount, `productName:"seeded queue"`); total != 29 {
		t.Errorf("%d are left, want 29", total)
	}
	if _, err := stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack}); err == nil {
		t.Error("the stack is left")
	}
}

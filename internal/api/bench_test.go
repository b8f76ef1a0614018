package api

import (
	"fmt"
	"testing"
	"time"
)

// benchInput is a ProvisionProduct request of about 1 KB.
func benchInput() *ProvisionProductInput {
	in := &ProvisionProductInput{
		AcceptLanguage: new("en"), ProductId: new("prod-abcdefghijklm"), ProvisioningArtifactId: new("pa-abcdefghijklm"),
		PathId: new("lpv3-abcdefghijklm"), ProvisionedProductName: "team-a-database-production",
		ProvisionToken:   "0b9e2f4c-52f5-4b1c-9d52-6f2f4fb4a1a5",
		NotificationArns: []string{"arn:aws:sns:us-east-1:123456789012:launches"},
	}
	for i := range 8 {
		in.ProvisioningParameters = append(in.ProvisioningParameters, ProvisioningParameter{
			Key: new(fmt.Sprintf("Parameter%d", i)), Value: new(fmt.Sprintf("a value of ordinary length %d", i)),
		})
	}
	for i := range 4 {
		in.Tags = append(in.Tags, Tag{Key: fmt.Sprintf("cost-center-%d", i), Value: "research and development"})
	}
	return in
}

// benchOutput is a page of 20 provisioned products of about 67 KB.
func benchOutput() *SearchProvisionedProductsOutput {
	out := &SearchProvisionedProductsOutput{NextPageToken: "token", TotalResultsCount: 10_000}
	for i := range 20 {
		row := ProvisionedProductAttribute{
			Arn: "arn:aws:servicecatalog:us-east-1:123456789012:stack/team-a-database/pp-abcdefghijklm", CreatedTime: time.UnixMilli(1571337221555),
			Id: "pp-abcdefghijklm", IdempotencyToken: "0b9e2f4c-52f5-4b1c-9d52-6f2f4fb4a1a5", LastRecordId: "rec-abcdefghijklm",
			LastProvisioningRecordId: "rec-abcdefghijklm", LastSuccessfulProvisioningRecordId: "rec-abcdefghijklm",
			Name: fmt.Sprintf("team-a-database-%d", i), PhysicalId: "arn:aws:cloudformation:us-east-1:123456789012:stack/SC-123456789012-pp-abcdefghijklm/uuid",
			ProductId: "prod-abcdefghijklm", ProductName: "Database", ProvisioningArtifactId: "pa-abcdefghijklm", ProvisioningArtifactName: "v1",
			Status: ProvisionedProductStatusAvailable, Type: "CFN_STACK", UserArn: "arn:aws:iam::123456789012:user/alice",
			UserArnSession: "arn:aws:iam::123456789012:user/alice",
		}
		for j := range 38 {
			row.Tags = append(row.Tags, Tag{Key: fmt.Sprintf("cost-center-number-%d", j), Value: "research \"and\" development"})
		}
		out.ProvisionedProducts = append(out.ProvisionedProducts, row)
	}
	return out
}

func BenchmarkDecodeInput(b *testing.B) {
	body := AppendInput(nil, OpProvisionProduct, benchInput())
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeInput(OpProvisionProduct, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	in := benchInput()
	b.ReportAllocs()
	for b.Loop() {
		if err := Validate(OpProvisionProduct, in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendInput(b *testing.B) {
	in := benchInput()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendInput(dst[:0], OpProvisionProduct, in)
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkAppendOutput(b *testing.B) {
	out := benchOutput()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendOutput(dst[:0], OpSearchProvisionedProducts, out)
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkDecodeOutput(b *testing.B) {
	body := AppendOutput(nil, OpSearchProvisionedProducts, benchOutput())
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeOutput(OpSearchProvisionedProducts, body); err != nil {
			b.Fatal(err)
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog"
	sctypes "github.com/aws/aws-sdk-go-v2/service/servicecatalog/types"

	"larder/internal/db"
	"larder/internal/provisioning"
)

// seed fills a store of dev: one product is published and launched for real,
// and the rows that the launch leaves, in whatever table, are copied under
// other ids, names, owners and tags.
type seed struct {
	Data  string `required:"" help:"Directory of the store, for larder dev --data." placeholder:"DIR"`
	Count int    `help:"How many products are launched." default:"1000000"`
	Users int    `help:"How many users (seed-0, seed-1, …) they belong to." default:"10"`
	Force bool   `help:"Also if the store holds something already."`
}

// Help is shown by "larder seed --help".
func (seed) Help() string {
	return "Publishes a product, launches it once and copies what that leaves. Product number i is called " +
		"seeded-i, with leading zeros, belongs to the user seed-(i mod USERS) and bears the tags team=team-(i mod 10) and " +
		"cost=cost-(i mod 1000); each was launched a second after the one before, number 0 last of all."
}

// seedTemplate is what the seeded products are stacks of.
const seedTemplate = `{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": {"QueueUrl": {"Value": {"Ref": "Queue"}}}}`

const (
	seedBatch = 2000     // products written in one transaction
	seedImage = 64 << 20 // bytes that the store may hold before
	seedTeams = 10
	seedCosts = 1000
)

// Run fills the store.
func (s *seed) Run(ctx context.Context) error {
	switch {
	case s.Count < 1 || s.Count > 100_000_000:
		return errors.New("--count is from 1 to 100000000")
	case s.Users < 1 || s.Users > 100_000:
		return errors.New("--users is from 1 to 100000")
	}
	settings := devSettings{listenFlags: listenFlags{Listen: "127.0.0.1:0"}, storeFlags: storeFlags{Data: s.Data}, Region: defaultRegion}
	parts, err := settings.parts(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	parts.database.Ephemeral = true // the disk is waited for once, at the end
	server, err := open(ctx, parts)
	if err != nil {
		return err
	}
	defer syscall.Sync()
	return server.during(ctx, func(ctx context.Context) error {
		begun := time.Now()
		who := credentials.NewStaticCredentialsProvider(s.model()[wordUser], "any", "")
		client := servicecatalog.New(servicecatalog.Options{Region: defaultRegion, Credentials: who, BaseEndpoint: aws.String(server.url())})
		if err := s.mayFill(ctx, client); err != nil {
			return err
		}
		stencil, err := s.stencil(ctx, server.db, client)
		if err != nil {
			return err
		}
		if err := s.copy(ctx, server.db, stencil); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%d products in %s\n", s.Count, time.Since(begun).Round(time.Second))
		return nil
	})
}

// mayFill refuses a store that is in use.
func (s *seed) mayFill(ctx context.Context, c *servicecatalog.Client) error {
	if s.Force {
		return nil
	}
	portfolios, err := c.ListPortfolios(ctx, &servicecatalog.ListPortfoliosInput{})
	if err != nil {
		return err
	}
	products, err := c.SearchProductsAsAdmin(ctx, &servicecatalog.SearchProductsAsAdminInput{})
	if err != nil {
		return err
	}
	launched, err := c.ScanProvisionedProducts(ctx, &servicecatalog.ScanProvisionedProductsInput{
		AccessLevelFilter: &sctypes.AccessLevelFilter{Key: sctypes.AccessLevelFilterKeyAccount, Value: aws.String("self")},
	})
	if err != nil {
		return err
	}
	if len(portfolios.PortfolioDetails)+len(products.ProductViewDetails)+len(launched.ProvisionedProducts) > 0 {
		return fmt.Errorf("%s holds something already; --force if that is meant", s.Data)
	}
	return nil
}

// The words by which the launched products differ.
const (
	wordName = iota
	wordUser
	wordTeam
	wordCost
	wordProvisioned
	wordRecord
	wordToken
	seedWords
)

// words are those of product i that its launch is asked for with.
func (s *seed) words(i int) []string {
	words := make([]string, seedWords)
	words[wordName] = fmt.Sprintf("seeded-%07d", i)
	words[wordUser] = fmt.Sprintf("seed-%d", i%s.Users)
	words[wordTeam] = fmt.Sprintf("team-%d", i%seedTeams)
	words[wordCost] = fmt.Sprintf("cost-%d", i%seedCosts)
	words[wordToken] = fmt.Sprintf("token-%d-of-%s", i, words[wordName])
	return words
}

// model is product 0, which is launched for real.
func (s *seed) model() []string { return s.words(0) }

// stencil launches product 0 and returns how to copy what that leaves.
func (s *seed) stencil(ctx context.Context, d *db.DB, c *servicecatalog.Client) (*db.Stencil, error) {
	product, err := publishSeed(ctx, c)
	if err != nil {
		return nil, err
	}
	before, err := takeImage(ctx, d)
	if err != nil {
		return nil, err
	}
	words := s.model()
	launched, err := c.ProvisionProduct(ctx, &servicecatalog.ProvisionProductInput{
		ProductId: product, ProvisioningArtifactName: aws.String("v1"), ProvisionedProductName: &words[wordName], ProvisionToken: &words[wordToken],
		Tags: []sctypes.Tag{
			{Key: aws.String("team"), Value: &words[wordTeam]},
			{Key: aws.String("cost"), Value: &words[wordCost]},
		},
	})
	if err != nil {
		return nil, err
	}
	words[wordProvisioned], words[wordRecord] = *launched.RecordDetail.ProvisionedProductId, *launched.RecordDetail.RecordId
	if err := untilSucceeded(ctx, c, words[wordRecord]); err != nil {
		return nil, err
	}
	after, err := takeImage(ctx, d)
	if err != nil {
		return nil, err
	}
	return after.Since(before).Stencil(words, provisioning.CountTable, "idempotency"), nil // tokens last a day only
}

// publishSeed makes a product of the template that all seeded users may
// launch.
func publishSeed(ctx context.Context, c *servicecatalog.Client) (product *string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	templates := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(seedTemplate)) // a client that went away says so itself
	})}
	go func() { _ = templates.Serve(l) }()   // ends with Close
	defer func() { _ = templates.Close() }() // nothing is kept
	portfolio, err := c.CreatePortfolio(ctx, &servicecatalog.CreatePortfolioInput{DisplayName: aws.String("Seeded"), ProviderName: aws.String("larder seed")})
	if err != nil {
		return nil, err
	}
	_, err = c.AssociatePrincipalWithPortfolio(ctx, &servicecatalog.AssociatePrincipalWithPortfolioInput{
		PortfolioId: portfolio.PortfolioDetail.Id, PrincipalARN: aws.String("arn:aws:iam:::user/seed-*"), PrincipalType: sctypes.PrincipalTypeIamPattern,
	})
	if err != nil {
		return nil, err
	}
	created, err := c.CreateProduct(ctx, &servicecatalog.CreateProductInput{
		Name: aws.String("Seeded queue"), Owner: aws.String("larder seed"), ProductType: sctypes.ProductTypeCloudFormationTemplate,
		ProvisioningArtifactParameters: &sctypes.ProvisioningArtifactProperties{
			Name: aws.String("v1"), Type: sctypes.ProvisioningArtifactTypeCloudFormationTemplate,
			Info: map[string]string{"LoadTemplateFromURL": "http://" + l.Addr().String() + "/template.json"},
		},
	})
	if err != nil {
		return nil, err
	}
	product = created.ProductViewDetail.ProductViewSummary.ProductId
	_, err = c.AssociateProductWithPortfolio(ctx, &servicecatalog.AssociateProductWithPortfolioInput{
		PortfolioId: portfolio.PortfolioDetail.Id, ProductId: product,
	})
	return product, err
}

func untilSucceeded(ctx context.Context, c *servicecatalog.Client, record string) error {
	for {
		out, err := c.DescribeRecord(ctx, &servicecatalog.DescribeRecordInput{Id: &record})
		if err != nil {
			return err
		}
		switch out.RecordDetail.Status {
		case sctypes.RecordStatusSucceeded:
			return nil
		case sctypes.RecordStatusFailed:
			return fmt.Errorf("the launch that was to be copied failed (record %s)", record)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(demoPoll):
		}
	}
}

func takeImage(ctx context.Context, d *db.DB) (image *db.Image, err error) {
	err = d.View(ctx, func(tx *db.Tx) error {
		image, err = db.TakeImage(tx, seedImage)
		return err
	})
	if errors.Is(err, db.ErrImageSize) {
		return nil, errors.New("the store is too large already to be filled further")
	}
	return image, err
}

// seededID is the id of product i. Ids come in order, since a table that grows
// at its end is written in a fraction of the time.
func seededID(prefix string, i int) string {
	return fmt.Sprintf("%s%013s", prefix, strconv.FormatInt(int64(i), 36))
}

// copy writes all products but the first.
func (s *seed) copy(ctx context.Context, d *db.DB, stencil *db.Stencil) error {
	for from := 1; from < s.Count; from += seedBatch {
		var copies []db.Copy
		for i := from; i < min(s.Count, from+seedBatch); i++ {
			words := s.words(i)
			words[wordProvisioned], words[wordRecord] = seededID("pp-", i), seededID("rec-", i)
			copies = append(copies, db.Copy{Words: words, Shift: -time.Duration(s.Count-i) * time.Second})
		}
		if err := d.Update(ctx, func(tx *db.Tx) error { return stencil.Write(tx, copies) }); err != nil {
			return err
		}
		if done := from - 1 + len(copies); done%100_000 == 0 {
			fmt.Fprintf(os.Stderr, "%d …\n", done)
		}
	}
	return d.Update(ctx, provisioning.Recount)
}

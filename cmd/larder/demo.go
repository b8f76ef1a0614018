package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/servicecatalog"
	sctypes "github.com/aws/aws-sdk-go-v2/service/servicecatalog/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"golang.org/x/term"

	"larder/examples"
)

// demo is Larder's main job in one command.
type demo struct {
	Listen string `help:"Address to serve on; another port is taken if it is in use." default:"127.0.0.1:8420"`
	Once   bool   `help:"Exit after the launch instead of serving on."`
}

// What the demo launches, and with which values.
const demoProduct = "message-queue"

var demoValues = map[string]string{
	"TeamName":    "payments",
	"Environment": "prod",
	"AlarmEmail":  "payments@example.com",
}

// demoPoll is how often the demo looks at what it launched.
const demoPoll = 50 * time.Millisecond

// Help is shown by "larder demo --help".
func (demo) Help() string {
	return "Starts an ephemeral server, publishes the example products in a portfolio, launches one " +
		"through the official AWS SDK, shows its resources as they come, and keeps serving until Ctrl-C."
}

// Run runs the demo.
func (d *demo) Run(ctx context.Context) error {
	address := d.Listen
	if taken(address) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		address = net.JoinHostPort(host, "0")
	}
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	server, err := openDev(ctx, devSettings{listenFlags: listenFlags{Listen: address}, Region: defaultRegion}, quiet)
	if err != nil {
		return err
	}
	templates, err := serveTemplates()
	if err != nil {
		server.close()
		return err
	}
	defer func() { _ = templates.Close() }() // the process ends with it

	return server.during(ctx, func(ctx context.Context) error { return d.show(ctx, server.url(), "http://"+templates.Addr) })
}

// taken reports whether nobody can listen on an address now.
func taken(address string) bool {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return true
	}
	return l.Close() != nil
}

// show publishes, launches and tells about it; unless Once, until ctx ends.
func (d *demo) show(ctx context.Context, url, templates string) error {
	show := newScreen(os.Stdout)
	show.line("Larder %s serves %s (ephemeral, any credentials)", version(), url)
	c := newClients(url)
	launched, err := publishAndLaunch(ctx, c, show, templates)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := watch(ctx, c, show, launched); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	show.hints(url, launched)
	if !d.Once {
		show.line("Serving until Ctrl-C.")
		<-ctx.Done()
	}
	return nil
}

// serveTemplates offers the example templates on the loopback, as a team's
// artifact store would.
func serveTemplates() (*http.Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{product}/template.yaml", func(w http.ResponseWriter, r *http.Request) {
		text, err := examples.Template(r.PathValue("product"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(text) // a client that went away is no concern of the store
	})
	s := &http.Server{Addr: l.Addr().String(), Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.Serve(l) }() // ends with Close
	return s, nil
}

// clients are the official AWS SDK's, as any user would make them.
type clients struct {
	catalog *servicecatalog.Client
	stacks  *cloudformation.Client
	sts     *sts.Client
}

func newClients(url string) clients {
	who := credentials.NewStaticCredentialsProvider("demo", "demo", "")
	return clients{
		catalog: servicecatalog.New(servicecatalog.Options{Region: defaultRegion, Credentials: who, BaseEndpoint: &url}),
		stacks:  cloudformation.New(cloudformation.Options{Region: defaultRegion, Credentials: who, BaseEndpoint: &url}),
		sts:     sts.New(sts.Options{Region: defaultRegion, Credentials: who, BaseEndpoint: &url}),
	}
}

// A launch is what the demo follows.
type launch struct {
	product, artifact, record, provisioned string
}

func publishAndLaunch(ctx context.Context, c clients, show screen, templates string) (launch, error) {
	me, err := c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return launch{}, err
	}
	portfolio, err := c.catalog.CreatePortfolio(ctx, &servicecatalog.CreatePortfolioInput{
		DisplayName: aws.String("Platform"), ProviderName: aws.String("Platform team"),
		Description: aws.String("What teams launch by themselves"),
	})
	if err != nil {
		return launch{}, err
	}
	show.line("portfolio  %s  Platform", *portfolio.PortfolioDetail.Id)
	_, err = c.catalog.AssociatePrincipalWithPortfolio(ctx, &servicecatalog.AssociatePrincipalWithPortfolioInput{
		PortfolioId: portfolio.PortfolioDetail.Id, PrincipalARN: me.Arn, PrincipalType: sctypes.PrincipalTypeIam,
	})
	if err != nil {
		return launch{}, err
	}
	var l launch
	for _, name := range examples.Products() {
		product, err := c.catalog.CreateProduct(ctx, &servicecatalog.CreateProductInput{
			Name: aws.String(name), Owner: aws.String("Platform team"),
			ProductType: sctypes.ProductTypeCloudFormationTemplate,
			ProvisioningArtifactParameters: &sctypes.ProvisioningArtifactProperties{
				Name: aws.String("v1"), Type: sctypes.ProvisioningArtifactTypeCloudFormationTemplate,
				Info: map[string]string{"LoadTemplateFromURL": templates + "/" + name + "/template.yaml"},
			},
		})
		if err != nil {
			return launch{}, fmt.Errorf("publishing %s: %w", name, err)
		}
		id := product.ProductViewDetail.ProductViewSummary.ProductId
		_, err = c.catalog.AssociateProductWithPortfolio(ctx, &servicecatalog.AssociateProductWithPortfolioInput{
			PortfolioId: portfolio.PortfolioDetail.Id, ProductId: id,
		})
		if err != nil {
			return launch{}, err
		}
		show.line("product    %s  %s", *id, name)
		if name == demoProduct {
			l.product, l.artifact = *id, *product.ProvisioningArtifactDetail.Id
		}
	}
	var values []sctypes.ProvisioningParameter
	for key, value := range demoValues {
		values = append(values, sctypes.ProvisioningParameter{Key: aws.String(key), Value: aws.String(value)})
	}
	answer, err := c.catalog.ProvisionProduct(ctx, &servicecatalog.ProvisionProductInput{
		ProductId: &l.product, ProvisioningArtifactId: &l.artifact,
		ProvisionedProductName: aws.String("payments-events"), ProvisioningParameters: values,
	})
	if err != nil {
		return launch{}, err
	}
	l.record, l.provisioned = *answer.RecordDetail.RecordId, *answer.RecordDetail.ProvisionedProductId
	show.line("launch     %s  payments-events (%s)\n", l.provisioned, l.record)
	return l, nil
}

// watch shows the stack's events as they come, until the record ends.
func watch(ctx context.Context, c clients, show screen, l launch) error {
	seen := map[string]bool{}
	for {
		record, err := c.catalog.DescribeRecord(ctx, &servicecatalog.DescribeRecordInput{Id: &l.record})
		if err != nil {
			return err
		}
		if err := showEvents(ctx, c, show, l, seen); err != nil {
			return err
		}
		switch record.RecordDetail.Status {
		case sctypes.RecordStatusSucceeded:
			show.line("\nrecord     %s  %s", l.record, record.RecordDetail.Status)
			for _, o := range record.RecordOutputs {
				show.line("  %-22s %s", aws.ToString(o.OutputKey), aws.ToString(o.OutputValue))
			}
			return nil
		case sctypes.RecordStatusFailed:
			var reasons []string
			for _, e := range record.RecordDetail.RecordErrors {
				reasons = append(reasons, aws.ToString(e.Description))
			}
			return errors.New("the launch failed: " + strings.Join(reasons, "; "))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(demoPoll):
		}
	}
}

func showEvents(ctx context.Context, c clients, show screen, l launch, seen map[string]bool) error {
	stack := "SC-" + demoAccount + "-" + l.provisioned
	var events []cfntypes.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(c.stacks, &cloudformation.DescribeStackEventsInput{StackName: &stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if notThere(err) {
			return nil
		}
		if err != nil {
			return err
		}
		events = append(events, page.StackEvents...)
	}
	for i := len(events) - 1; i >= 0; i-- { // the newest come first
		e := events[i]
		if seen[*e.EventId] {
			continue
		}
		seen[*e.EventId] = true
		show.event(e)
	}
	return nil
}

// notThere reports whether CloudFormation does not know the stack (yet).
func notThere(err error) bool {
	e, ok := errors.AsType[smithy.APIError](err)
	return ok && e.ErrorCode() == "ValidationError"
}

// screen prints for people: colors on a terminal, plain lines elsewhere.
type screen struct {
	w      io.Writer
	colors bool
}

func newScreen(f *os.File) screen {
	return screen{w: f, colors: term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""}
}

func (s screen) line(format string, args ...any) { fmt.Fprintf(s.w, format+"\n", args...) }

func (s screen) event(e cfntypes.StackEvent) {
	status := string(e.ResourceStatus)
	text := fmt.Sprintf("%-20s", status)
	if s.colors {
		color := "33" // under way: yellow
		switch {
		case strings.HasSuffix(status, "_COMPLETE"):
			color = "32"
		case strings.Contains(status, "FAILED"), strings.Contains(status, "ROLLBACK"):
			color = "31"
		}
		text = "\x1b[" + color + "m" + text + "\x1b[0m"
	}
	s.line("  %s  %s  %-26s %s", e.Timestamp.Format("15:04:05.000"), text, aws.ToString(e.ResourceType), aws.ToString(e.LogicalResourceId))
}

// hints are lines to paste into a shell.
func (s screen) hints(url string, l launch) {
	s.line(`
Try it with the AWS CLI:
  export AWS_ENDPOINT_URL=%[1]s AWS_REGION=%[2]s AWS_DEFAULT_REGION=%[2]s AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo
  aws servicecatalog search-products
  aws servicecatalog describe-provisioned-product --id %[3]s
  aws cloudformation describe-stack-resources --stack-name SC-%[4]s-%[3]s
  aws servicecatalog terminate-provisioned-product --provisioned-product-id %[3]s --terminate-token bye
`, url, defaultRegion, l.provisioned, demoAccount)
}

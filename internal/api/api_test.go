package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// a portfolios service that answers one operation as it is told.
type portfolios struct {
	Unimplemented
	out *DescribePortfolioOutput
	err error
}

func (p portfolios) DescribePortfolio(context.Context, *DescribePortfolioInput) (*DescribePortfolioOutput, error) {
	return p.out, p.err
}

func TestLocalOrder(t *testing.T) {
	t.Parallel()
	var trace []string
	note := func(name string) Middleware {
		return func(next Invoker) Invoker {
			return func(ctx context.Context, op Op, in any) (any, error) {
				trace = append(trace, name+" "+op.String())
				return next(ctx, op, in)
			}
		}
	}
	out := &DescribePortfolioOutput{PortfolioDetail: &PortfolioDetail{Id: "port-1"}}
	client := Client{Local(portfolios{out: out}, note("authorize"), note("log"), note("metrics"))}
	got, err := client.DescribePortfolio(context.Background(), &DescribePortfolioInput{Id: "port-1"})
	if err != nil || got != out {
		t.Errorf("answered %v, %v", got, err)
	}
	// What breaks the model never reaches authorization.
	if _, err := client.DescribePortfolio(context.Background(), nil); Code(err) != CodeValidation {
		t.Errorf("an empty input was answered %v", err)
	}
	if _, err := client.Invoke(context.Background(), Op(9999), nil); Code(err) != CodeUnknownOperation {
		t.Errorf("an unknown operation was answered %v", err)
	}
	want := []string{
		"log DescribePortfolio", "metrics DescribePortfolio", "authorize DescribePortfolio",
		"log DescribePortfolio", "metrics DescribePortfolio",
		"log Op(9999)", "metrics Op(9999)",
	}
	if diff := cmp.Diff(want, trace); diff != "" {
		t.Error(diff)
	}
}

func TestLocalErrors(t *testing.T) {
	t.Parallel()
	allow := func(next Invoker) Invoker { return next }
	secret := errors.New("disk on fire")
	for _, c := range []struct {
		err           error
		code, message string
	}{
		{ResourceNotFound("Portfolio not found: %s", "port-1"), CodeResourceNotFound, "Portfolio not found: port-1"},
		{fmt.Errorf("while looking: %w", ResourceNotFound("gone")), CodeResourceNotFound, "gone"},
		// DescribePortfolio models neither of these.
		{InvalidParameters("bad token"), CodeValidation, "bad token"},
		{fmt.Errorf("while paging: %w", LimitExceeded("too many")), CodeValidation, "too many"},
		{AccessDenied("no"), CodeAccessDenied, "no"},
		{Unsupported(OpDescribePortfolio), CodeUnsupportedOperation, "DescribePortfolio is not built yet"},
		{secret, CodeInternalFailure, ""},
	} {
		client := Client{Local(portfolios{err: c.err}, allow)}
		out, err := client.DescribePortfolio(context.Background(), &DescribePortfolioInput{Id: "port-1"})
		if out != nil || Code(err) != c.code {
			t.Errorf("%v: %v, %v", c.err, out, err)
		}
		if e, ok := errors.AsType[*Error](err); ok && e.Message != c.message {
			t.Errorf("%v: %q", c.err, e.Message)
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%v is not in the chain of %v", c.err, err)
		}
	}
}

// A service that answers nothing answers an empty output.
func TestNilOutput(t *testing.T) {
	t.Parallel()
	client := Client{Local(portfolios{}, func(next Invoker) Invoker { return next })}
	out, err := client.DescribePortfolio(context.Background(), &DescribePortfolioInput{Id: "port-1"})
	if err != nil || out == nil {
		t.Errorf("answered %v, %v", out, err)
	}
	wrong := Client{func(context.Context, Op, any) (any, error) { return &ListPortfoliosOutput{}, nil }}
	if out, err := wrong.DescribePortfolio(context.Background(), nil); err == nil {
		t.Errorf("another operation's output was taken: %v", out)
	}
}

func TestOps(t *testing.T) {
	t.Parallel()
	m := readModels(t)
	eachOperation(t, m, func(t *testing.T, op Op) {
		var codes []string
		for _, e := range m.Operations[op.String()].Errors {
			codes = append(codes, e.Shape)
			if !op.Models(e.Shape) {
				t.Errorf("%s is modeled", e.Shape)
			}
		}
		if len(codes) != len(op.Errors()) {
			t.Errorf("errors are %v, not %v", op.Errors(), codes)
		}
		if op.Models(CodeValidation) || op.Models("") {
			t.Error("an error is taken for modeled that is not")
		}
		parsed, ok := ParseTarget(op.Target())
		if !ok || parsed != op {
			t.Errorf("the target %s is taken for %s", op.Target(), parsed)
		}
		prefix, name, _ := strings.Cut(op.Target(), ".")
		if name != op.String() || prefix != "AWS242ServiceCatalogService" && prefix != "Larder" {
			t.Errorf("the target is %s", op.Target())
		}
		input, output := m.Shapes[m.Operations[op.String()].Input.Shape], m.Shapes[m.Operations[op.String()].Output.Shape]
		page, paged := op.Page()
		if _, takes := input.Members["PageToken"]; takes != paged {
			t.Errorf("paged is %v", paged)
		}
		if !paged {
			return
		}
		for shape, members := range map[*testShape][]string{input: {page.Token, page.Size}, output: {page.Next, page.Result}} {
			for _, name := range members {
				if _, ok := shape.Members[name]; !ok {
					t.Errorf("page names %q, which is not there", name)
				}
			}
		}
	})
	for _, target := range []string{"", "DescribePortfolio", "Larder.DescribePortfolio", "AWS242ServiceCatalogService.describeportfolio", "AWS242ServiceCatalogService."} {
		if op, ok := ParseTarget(target); ok {
			t.Errorf("%q is taken for %s", target, op)
		}
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	for op, want := range map[Op]bool{
		OpDescribePortfolio: true, OpListPortfolios: true, OpScanProvisionedProducts: true, OpSearchProducts: true,
		OpGetProvisionedProductOutputs: true, OpExplainLaunch: true, OpDescribeServer: true,
		OpProvisionProduct: false, OpCreatePortfolio: false, OpEnableAWSOrganizationsAccess: false,
		OpNotifyProvisionProductEngineWorkflowResult: false, OpImportAsProvisionedProduct: false,
	} {
		if op.ReadOnly() != want {
			t.Errorf("%s: %v", op, !want)
		}
	}
}

func TestOr(t *testing.T) {
	t.Parallel()
	if got := Or(nil, "b"); got != "b" {
		t.Error(got)
	}
	if got := Or(new(""), "b"); got != "" {
		t.Error(got)
	}
}

package identity

import (
	"reflect"
	"slices"
	"strings"

	"larder/internal/api"
	"larder/internal/id"
)

// A target is where an operation's input names what a policy may restrict.
// AWS knows two resources of Service Catalog's own in policies, portfolios and
// products; everything else is "*".
type target struct {
	action     string
	portfolios []int // indexes of fields of the input
	products   []int
	either     []int // fields that hold the id of a portfolio or a product
	// leveled operations see provisioned products, of which policies may
	// grant those of the account, the role or the user.
	leveled bool
}

// ownID are the operations whose Id is that of a portfolio or a product.
var ownID = map[api.Op]string{
	api.OpDescribePortfolio:      "portfolio",
	api.OpUpdatePortfolio:        "portfolio",
	api.OpDeletePortfolio:        "portfolio",
	api.OpDescribeProduct:        "product",
	api.OpDescribeProductAsAdmin: "product",
	api.OpUpdateProduct:          "product",
	api.OpDeleteProduct:          "product",
}

// leveledOps are the operations for which AWS documents the condition keys
// servicecatalog:accountLevel, roleLevel and userLevel, and their kin that
// came later.
var leveledOps = []api.Op{
	api.OpCreateProvisionedProductPlan, api.OpDeleteProvisionedProductPlan, api.OpDescribeProvisionedProduct,
	api.OpDescribeProvisionedProductPlan, api.OpDescribeRecord, api.OpDescribeServiceActionExecutionParameters,
	api.OpExecuteProvisionedProductPlan, api.OpExecuteProvisionedProductServiceAction, api.OpGetProvisionedProductOutputs,
	api.OpListProvisionedProductPlans, api.OpListRecordHistory, api.OpListServiceActionsForProvisioningArtifact,
	api.OpListStackInstancesForProvisionedProduct, api.OpScanProvisionedProducts, api.OpSearchProvisionedProducts,
	api.OpTerminateProvisionedProduct, api.OpUpdateProvisionedProduct, api.OpUpdateProvisionedProductProperties,
}

// readTargets reads off the operations' inputs where they name resources.
func readTargets() map[api.Op]target {
	all := make(map[api.Op]target)
	for _, op := range api.Ops() {
		t := target{action: actionOf(op)}
		in := reflect.TypeOf(api.NewInput(op)).Elem()
		for i := range in.NumField() {
			switch name := in.Field(i).Name; {
			case name == "PortfolioId" || name == "Id" && ownID[op] == "portfolio":
				t.portfolios = append(t.portfolios, i)
			case name == "ProductId" || name == "Id" && ownID[op] == "product":
				t.products = append(t.products, i)
			case name == "ResourceId":
				t.either = append(t.either, i)
			}
		}
		all[op] = t
	}
	for _, op := range leveledOps {
		t := all[op]
		t.leveled = true
		all[op] = t
	}
	return all
}

// actionOf is the operation as policies name it: servicecatalog:… for AWS's,
// larder:… for our own.
func actionOf(op api.Op) string {
	if op.Larder() {
		return "larder:" + op.String()
	}
	return "servicecatalog:" + op.String()
}

// resources are the ARNs of what the input names; "*" if it names nothing. The
// account in them is the caller's: whose a portfolio or a product is, only the
// catalog knows, and it refuses what isn't shared.
func (t *target) resources(c Caller, in any) []string {
	if len(t.portfolios)+len(t.products)+len(t.either) == 0 {
		return anyResource
	}
	v := reflect.ValueOf(in)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return anyResource
	}
	v = v.Elem()
	var out []string
	portfolio := func(s string) { out = append(out, id.PortfolioARN(c.Region, c.Account, id.Portfolio(s)).String()) }
	product := func(s string) { out = append(out, id.ProductARN(c.Region, c.Account, id.Product(s)).String()) }
	for _, i := range t.portfolios {
		if s := text(v.Field(i)); s != "" {
			portfolio(s)
		}
	}
	for _, i := range t.products {
		if s := text(v.Field(i)); s != "" {
			product(s)
		}
	}
	for _, i := range t.either {
		switch s := text(v.Field(i)); {
		case id.WellFormed(id.Portfolio(s)):
			portfolio(s)
		case id.WellFormed(id.Product(s)):
			product(s)
		}
	}
	if out == nil {
		return anyResource
	}
	return out
}

var anyResource = []string{"*"}

// stackResource is the ARN of the stack or stack set that the input of an
// operation of CloudFormation names. A name stands for whichever stack has it:
// its UUID is unknown before it exists.
func stackResource(c Caller, in any) string {
	v := reflect.Indirect(reflect.ValueOf(in))
	if v.Kind() != reflect.Struct {
		return "*"
	}
	named := func(member string) string {
		f := v.FieldByName(member)
		if !f.IsValid() {
			return ""
		}
		return text(f)
	}
	for _, name := range []string{named("StackName"), named("ChangeSetName"), named("StackSetName")} {
		if _, err := id.ParseARN(name); err == nil {
			return name
		}
	}
	if name := named("StackName"); name != "" {
		return id.StackARN(c.Region, c.Account, name, "*").String()
	}
	if name := named("StackSetName"); name != "" {
		return id.StackSetARN(c.Region, c.Account, name, "*").String()
	}
	return "*"
}

// text reads a member that is a text or a pointer to one.
func text(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.String {
		return ""
	}
	return v.String()
}

// isLeveled reports whether an action is one of the leveled operations.
func isLeveled(action string) bool {
	return slices.ContainsFunc(leveledOps, func(op api.Op) bool { return strings.EqualFold(action, actionOf(op)) })
}
